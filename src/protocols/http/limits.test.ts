/** The limits on requests, at each and one past it (A-HTTP-11). Floods of HTTP/2 are in floods.test.ts, holds in held.test.ts. */
import { afterEach, describe, expect, test } from 'vitest';
import type { CommandDraft } from '../../core/command.ts';
import * as limits from './limits.ts';
import { answered, type RawTarget, startRawTarget } from './raw-target-testing.ts';
import { eventually, openRoom, type Room, type RoomOptions, startTarget, token } from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(options: Omit<RoomOptions, 'target'> = {}): Promise<{ room: Room; target: RawTarget }> {
  const target = await startRawTarget(() => answered('', 'reached'));
  closing.push(() => target.stop());
  const room = await openRoom({ target, ...options });
  closing.push(() => room.close());
  return { room, target };
}

async function statusOf(room: Room, request: string): Promise<number> {
  const socket = await room.raw();
  socket.send(request);
  const received = await socket.until((text) => text.includes('\r\n\r\n'), 'an answer');
  socket.socket.destroy();
  return Number(received.split(' ')[1]);
}

const begin = (room: Room, target = '/x'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${room.host}\r\nAuthorization: Bearer ${token}\r\n`;

describe('limits of requests', () => {
  test('fields of a head', async () => {
    const { room, target } = await open();
    const fields = (count: number): string => Array.from({ length: count }, (_, at) => `X-${at}: y\r\n`).join('');
    // Two are there already.
    expect(await statusOf(room, `${begin(room)}${fields(limits.fieldsMax - 2)}\r\n`)).toBe(200);
    expect(await statusOf(room, `${begin(room)}${fields(limits.fieldsMax - 1)}\r\n`)).toBe(431);
    expect(target.received.join('').match(/GET /g)).toHaveLength(1);
  });

  test('bytes of a head', async () => {
    const { room, target } = await open();
    const long = (bytes: number): string => `${begin(room)}X-Long: ${'y'.repeat(bytes)}\r\n\r\n`;
    const rest = long(0).length;
    expect(await statusOf(room, long(limits.headBytesMax - rest - 64))).toBe(200);
    expect(await statusOf(room, long(limits.headBytesMax + 1))).toBe(431);
    expect(target.received.join('').match(/GET /g)).toHaveLength(1);
  });

  test('bytes of a path and query', async () => {
    const { room, target } = await open();
    const path = (bytes: number): string => `/${'p'.repeat(bytes - 1)}`;
    expect(await statusOf(room, `${begin(room, path(limits.targetBytesMax))}\r\n`)).toBe(200);
    expect(await statusOf(room, `${begin(room, path(limits.targetBytesMax + 1))}\r\n`)).toBe(414);
    expect(target.received.join('').match(/GET /g)).toHaveLength(1);
  });

  test('bytes of a body that is read before it is judged; a longer one goes on unread', async () => {
    const drafts: CommandDraft[] = [];
    const lengths: number[] = [];
    const target = await startTarget((request, response) => {
      let length = 0;
      request.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      request.on('end', () => {
        lengths.push(length);
        response.end('reached');
      });
    });
    closing.push(() => target.stop());
    const room = await openRoom({
      target,
      judge: (draft) => {
        drafts.push(draft);
        return null;
      },
    });
    closing.push(() => room.close());
    const post = (bytes: number): string =>
      `${begin(room).replace('GET', 'POST')}Content-Type: text/plain\r\nContent-Length: ${bytes}\r\n\r\n${'b'.repeat(bytes)}`;
    expect(await statusOf(room, post(limits.analysedBodyBytesMax))).toBe(200);
    expect(await statusOf(room, post(limits.analysedBodyBytesMax + 1))).toBe(200);
    expect(drafts.map(({ unholdable }) => unholdable === undefined)).toEqual([true, false]);
    expect(drafts[0]!.text).toHaveLength('POST /x\n\n'.length + limits.analysedBodyBytesMax);
    expect(lengths).toEqual([limits.analysedBodyBytesMax, limits.analysedBodyBytesMax + 1]);
  });

  test('a body in chunks that becomes too long while it is read is passed on whole', async () => {
    const { room, target } = await open();
    const size = limits.analysedBodyBytesMax + 1;
    const head = `${begin(room).replace('GET', 'POST')}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `${(1 << 16).toString(16)}\r\n${'b'.repeat(1 << 16)}\r\n`;
    expect(await statusOf(room, `${head}${chunk.repeat(16)}1\r\nb\r\n0\r\n\r\n`)).toBe(200);
    await eventually(
      () => target.received[0]!.replace(/[^b]/g, '').length >= size,
      () => 'the body',
    );
  });

  test('requests that wait for those before them', async () => {
    const { room, target } = await open({
      judge: () => ({ name: 'hold', rule: 'ask', reason: 'Ask first.' }),
      reviews: {
        request: () => ({
          id: 'rev_1',
          link: 'https://gateway.example/reviews/rev_1',
          audience: 'a member of dba',
          expiresAtMs: 0,
          withdraw: () => undefined,
          claim: async () => null,
        }),
      },
    });
    const socket = await room.raw();
    for (let at = 0; at < limits.pipelinedMax; at++) socket.send(`${begin(room, `/${at}`)}\r\n`);
    await eventually(
      () => room.journal.of('command.intent').length === 1,
      () => 'the first',
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(socket.isEnded).toBe(false);
    socket.send(`${begin(room, '/one-more')}\r\n`);
    await socket.ended();
    expect(socket.received).toBe('');
    expect(target.received).toEqual([]);
  });
});
