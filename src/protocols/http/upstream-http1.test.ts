/** Connections of HTTP/1.1 to a target: when one is used again, and what ends it (A-HTTP-01 from the other side). */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import * as limits from './limits.ts';
import { answered, type RawTarget, startRawTarget } from './raw-target-testing.ts';
import { eventually, openRoom, type Room, token } from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(
  answer: (head: string, socket: Socket) => string | Buffer | readonly Buffer[],
): Promise<{ readonly room: Room; readonly target: RawTarget }> {
  const target = await startRawTarget(answer);
  closing.push(() => target.stop());
  const room = await openRoom({ target });
  closing.push(() => room.close());
  return { room, target };
}

describe('a connection to the target', () => {
  test('is used again after an answer that was whole', async () => {
    const { room, target } = await open(() => answered('', 'reached'));
    for (let at = 0; at < 3; at++) expect((await room.curl(`/${at}`)).body).toBe('reached');
    expect(target.received).toHaveLength(1);
  });

  test.each([
    ['that says it is the last', () => answered('Connection: close\r\n', 'reached')],
    ['of HTTP/1.0', () => Buffer.from('HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nreached')],
    ['with bytes behind it', () => Buffer.concat([answered('', 'reached'), Buffer.from('HTTP/1.1 200 OK\r\n\r\n')])],
    ['with an empty line behind it', () => Buffer.concat([answered('', 'reached'), Buffer.from('\r\n')])],
  ])('is not after an answer %s', async (_name, answer) => {
    const { room, target } = await open(answer);
    for (let at = 0; at < 2; at++) expect(await room.curl(`/${at}`)).toMatchObject({ status: 200, body: 'reached' });
    expect(target.received).toHaveLength(2);
  });

  test('is not once something came on it that nobody asked for', async () => {
    let idle: Socket | null = null;
    const { room, target } = await open((_head, socket) => {
      idle = socket;
      return answered('', 'reached');
    });
    expect((await room.curl('/1')).status).toBe(200);
    idle!.write(answered('', 'unasked'));
    await eventually(
      () => room.upstreamTaps[0]!.closed,
      () => 'the end of the connection',
    );
    expect((await room.curl('/2')).body).toBe('reached');
    expect(target.received).toHaveLength(2);
  });

  test('is not where the answer came before the request was whole', async () => {
    const { room, target } = await open(() => answered('', 'early'));
    const socket = await room.raw();
    const type = 'Content-Type: application/octet-stream\r\nContent-Length: 10\r\n';
    socket.send(`POST /1 HTTP/1.1\r\nHost: ${room.host}\r\nAuthorization: Bearer ${token}\r\n${type}\r\nhalf`);
    expect(await socket.until((text) => text.endsWith('early'), 'the answer')).toMatch(/\r\nConnection: close\r\n/);
    await socket.ended();
    expect((await room.curl('/2')).body).toBe('early');
    expect(target.received.map((text) => text.split(' ', 2).join(' '))).toEqual(['POST /1', 'GET /2']);
  });

  test('ends an answer that has no framing of its own', async () => {
    const { room } = await open((_head, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it');
      return '';
    });
    expect(await room.curl('/x')).toMatchObject({ exit: 0, status: 200, body: 'all of it' });
  });

  test('that ends within a body tears the answer', async () => {
    for (const head of ['Content-Length: 100\r\n\r\nhalf', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n']) {
      const { room } = await open((_head, socket) => {
        socket.end(`HTTP/1.1 200 OK\r\n${head}`);
        return '';
      });
      expect((await room.curl('/x')).exit).not.toBe(0);
      expect(room.journal.of('command.ended').at(-1)).toMatchObject({ outcome: 'failed', error: 'http.upstream-lost' });
    }
  });
});

describe('A-HTTP-01: what is no answer', () => {
  test.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a fold', 'HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 0\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a space before a colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['a switch that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['an empty line before it', '\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ])('%s', async (_name, bytes) => {
    const { room } = await open(() => bytes);
    expect((await room.curl('/x')).status).toBe(502);
    expect(room.journal.of('command.ended')).toMatchObject([{ outcome: 'failed', error: 'http.upstream-protocol' }]);
    expect(room.journal.of('violation')).toMatchObject([{ side: 'upstream', code: 'http.upstream-protocol' }]);
  });

  test('heads that are too long, have too many fields, and hints without end', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
    const fields = (count: number): string => 'X: y\r\n'.repeat(count);
    for (const [bytes, status] of [
      [answered(`X: ${'y'.repeat(limits.answerHeadBytesMax - 100)}\r\n`), 200],
      [answered(`X: ${'y'.repeat(limits.answerHeadBytesMax)}\r\n`), 502],
      [answered(fields(limits.answerFieldsMax - 1)), 200],
      [answered(fields(limits.answerFieldsMax)), 502],
      [Buffer.concat([Buffer.from(hint.repeat(limits.hintsMax)), answered('')]), 200],
      [Buffer.concat([Buffer.from(hint.repeat(limits.hintsMax + 1)), answered('')]), 502],
    ] as const) {
      const { room } = await open(() => bytes);
      expect((await room.curl('/x')).status).toBe(status);
    }
  });
});
