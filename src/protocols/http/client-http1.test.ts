/** Connections of HTTP/1.1 from a client: which request belongs to which answer, and when one is the last. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, openRoom, type RawSocket, type Room, startTarget, token } from './room-testing.ts';

let target: Awaited<ReturnType<typeof startTarget>>;
let room: Room;

beforeAll(async () => {
  target = await startTarget((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/streamed') {
        response.write('one,');
        response.end('two');
        return;
      }
      const body = `${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`;
      response.setHeader('Content-Length', body.length);
      response.end(body);
    });
  });
  room = await openRoom({ target });
});

afterAll(async () => {
  await room.close();
  await target.stop();
});

const ask = (line: string, fields = '', body = ''): string =>
  `${line}\r\nHost: orders.gateway.test\r\nAuthorization: Bearer ${token}\r\n${fields}\r\n${body}`;
const count = (text: string): number => text.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
const answers = (socket: RawSocket, number: number): Promise<string> =>
  socket.until((text) => count(text) === number && text.endsWith(' '), `${number} answers`);

describe('requests on one connection', () => {
  test('that come together are answered in their order, bodies and all', async () => {
    const socket = await room.raw();
    const chunked = 'Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n';
    const all = [
      ask('GET /1 HTTP/1.1'),
      ask('POST /2 HTTP/1.1', 'Content-Type: text/plain\r\nContent-Length: 3\r\n', 'abc'),
      ask('POST /3 HTTP/1.1', chunked, '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'),
      ask('GET /4 HTTP/1.1'),
    ];
    socket.send(all.join(''));
    const text = await answers(socket, 4);
    expect(text.match(/(?:GET|POST) \/[0-9] [a-z]*/g)).toEqual(['GET /1 ', 'POST /2 abc', 'POST /3 abcde', 'GET /4 ']);
  });

  test('in pieces of one byte, with an empty line between them', async () => {
    const socket = await room.raw();
    for (const byte of `${ask('GET /1 HTTP/1.1')}\r\n${ask('GET /2 HTTP/1.1')}`) socket.send(byte);
    expect((await answers(socket, 2)).match(/GET \/[0-9]/g)).toEqual(['GET /1', 'GET /2']);
  });

  test('end where one says so; what follows it is not taken', async () => {
    const socket = await room.raw();
    const before = room.commands().length;
    socket.send(ask('GET /last HTTP/1.1', 'Connection: close\r\n'));
    await socket.ended();
    expect(socket.received).toMatch(/\r\nConnection: close\r\n/);
    const other = await room.raw();
    other.send(ask('GET /last HTTP/1.1', 'Connection: close\r\n') + ask('GET /behind HTTP/1.1'));
    await other.ended();
    expect(room.commands().slice(before)).not.toContain('GET /behind');
  });

  test('of HTTP/1.0 stay where they ask for it and the answer has a length, and end otherwise', async () => {
    const socket = await room.raw();
    socket.send(ask('GET /1 HTTP/1.0', 'Connection: keep-alive\r\n'));
    expect(await answers(socket, 1)).toMatch(/\r\nConnection: keep-alive\r\n/);
    socket.send(ask('GET /streamed HTTP/1.0', 'Connection: keep-alive\r\n'));
    await socket.ended();
    expect(socket.received).toMatch(/\r\nConnection: close\r\n\r\none,two$/);
    const other = await room.raw();
    other.send(ask('GET /1 HTTP/1.0'));
    await other.ended();
    expect(count(other.received)).toBe(1);
  });

  test('bodies of answers whose length nobody knows come in chunks', async () => {
    const socket = await room.raw();
    socket.send(ask('GET /streamed HTTP/1.1'));
    const text = await socket.until((received) => received.endsWith('0\r\n\r\n'), 'the end');
    expect(text.replace(/^[\s\S]*?\r\n\r\n/, '').replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')).toBe('one,two\r\n');
  });

  test('a body that is broken off breaks off its request, which never reaches the target', async () => {
    const socket = await room.raw();
    const before = room.upstreamBytes();
    socket.send(ask('POST /x HTTP/1.1', 'Content-Type: text/plain\r\nContent-Length: 10\r\n', 'half'));
    socket.socket.end();
    await socket.ended();
    expect(room.upstreamBytes()).toBe(before);
    expect(room.journal.of('command.intent').length).toBe(room.journal.of('command.ended').length);
  });

  test('a client that is asked for its body sends it', async () => {
    const socket = await room.raw();
    socket.send(ask('POST /x HTTP/1.1', 'Content-Type: text/plain\r\nContent-Length: 3\r\nExpect: 100-continue\r\n'));
    await socket.until((text) => text.includes('\r\n\r\n'), '100');
    expect(socket.received).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.send('abc');
    await eventually(
      () => socket.received.includes('POST /x abc'),
      () => socket.received,
    );
  });
});
