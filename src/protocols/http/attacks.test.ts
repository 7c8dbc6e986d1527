/**
 * A-HTTP-01 to A-HTTP-14 against a whole gateway, with a target that is a bare socket and keeps every byte. Larger corpora:
 * smuggling.test.ts (01, 06, 10), smuggling-http2.test.ts (02), floods.test.ts (03), bodies.test.ts (11, 12, 14),
 * websocket.test.ts (13).
 */
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { encodeFrame, FrameReader, opcodes } from './frames.ts';
import { block, endHeaders, endStream, frame, frameTypes, RawHttp2 } from './http2-testing.ts';
import * as limits from './limits.ts';
import { maskingJudge } from './masks-testing.ts';
import { answered, type RawTarget, startRawTarget } from './raw-target-testing.ts';
import {
  eventually,
  openRoom,
  type RawSocket,
  type Room,
  type RoomOptions,
  token,
  upstreamSecret,
} from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(
  answer: Parameters<typeof startRawTarget>[0] = () => answered('', 'reached'),
  options: Omit<RoomOptions, 'target'> = {},
): Promise<{ room: Room; target: RawTarget }> {
  const target = await startRawTarget(answer);
  closing.push(() => target.stop());
  const room = await openRoom({ target, ...options });
  const { clock } = options;
  closing.push(async () => {
    const passing = clock instanceof FakeClock ? setInterval(() => clock.advance(100), 1) : undefined;
    await room.close();
    clearInterval(passing);
  });
  return { room, target };
}

const head = (room: Room, line: string, fields = ''): string =>
  `${line}\r\nHost: ${room.host}\r\nAuthorization: Bearer ${token}\r\n${fields}\r\n`;
const handshake = (room: Room, fields = ''): string =>
  head(
    room,
    'GET /socket HTTP/1.1',
    `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${fields}`,
  );
const headOf = (socket: RawSocket): Promise<string> => socket.until((text) => text.includes('\r\n\r\n'), 'a head');

describe('attacks on HTTP', () => {
  test('A-HTTP-01: what is hidden behind two framings is no request, and the connection ends', async () => {
    const { room, target } = await open();
    const socket = await room.raw();
    const hidden = head(room, 'GET /hidden HTTP/1.1');
    socket.send(
      `${head(room, 'POST /x HTTP/1.1', 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n')}0\r\n\r\n${hidden}`,
    );
    await socket.ended();
    expect(socket.received).toMatch(/^HTTP\/1\.1 400 /);
    expect(socket.received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(target.received).toEqual([]);
    expect(room.journal.of('violation')).toHaveLength(1);
  });

  test('A-HTTP-02: an authority that is not the Host, over HTTP/2', async () => {
    const { room, target } = await open();
    const client = await RawHttp2.open(room);
    const fields = [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/x'],
      [':authority', 'orders.gateway.test'],
      ['host', 'admin.gateway.test'],
      ['authorization', `Bearer ${token}`],
    ] as const;
    client.send(frame(frameTypes.headers, endHeaders | endStream, 1, block(fields)));
    const answer = await client.until(({ type, stream }) => type === frameTypes.headers && stream === 1, 'an answer');
    // `:status: 400` (RFC 7541, appendix A).
    expect(answer?.payload[0]).toBe(0x8c);
    expect(target.received).toEqual([]);
  });

  test('A-HTTP-03: who floods is told to calm down, and is cut off', async () => {
    const { room, target } = await open();
    const client = await RawHttp2.open(room);
    for (let at = 0; at <= limits.controlFramesMax; at++) client.send(frame(frameTypes.settings, 0, 0));
    await client.raw.ended();
    expect(client.goaway).toBe(0x0b);
    expect(target.received).toEqual([]);
  });

  test.each(['plain', 'upgrade'])(
    'A-HTTP-04: what a client says of forwarding and identity stays here: %s',
    async (kind) => {
      const { room, target } = await open(() => answered('', 'no', '403 Forbidden'), {
        settings: { identity_headers: true },
      });
      const lies = [
        'X-Forwarded-For: 10.66.0.1',
        'x_forwarded_for: 10.66.0.1',
        'X-Forwarded.Host: evil.test',
        'Forwarded: for=10.66.0.1',
        'X-Real-IP: 10.66.0.1',
        'True-Client-IP: 10.66.0.1',
        'X-Sallyport-Principal: evil-root',
        'X_Sallyport_Groups: evil-admins',
        'X-Remote-User: evil-root',
        'X-Original-URL: /evil',
        'Proxy-Authorization: Basic ZXZpbA==',
        'Impersonate-User: evil-root',
        'X-Secret-Hop: evil',
        'Cookie: __Host-sallyport=evil; theirs=1; sallyport-nonce=evil',
      ];
      const fields = `${lies.join('\r\n')}\r\n`;
      const socket = await room.raw();
      const hop = 'Connection: X-Secret-Hop\r\n';
      socket.send(kind === 'plain' ? head(room, 'GET /socket HTTP/1.1', fields + hop) : handshake(room, fields + hop));
      await eventually(
        () => target.received[0]?.includes('\r\n\r\n') === true,
        () => 'the head',
      );
      const [got = ''] = target.received;
      expect(got).not.toMatch(/evil|10\.66|ZXZpbA/i);
      expect(got).toContain('theirs=1');
      expect(got).toContain('X-Forwarded-For: 127.0.0.1\r\n');
      expect(got).toContain('X-Sallyport-Principal: engineer\r\n');
      expect(got).toContain(`Authorization: Bearer ${upstreamSecret}\r\n`);
    },
  );

  test('A-HTTP-05: no proxy is trusted: the address is the peer’s, whatever the chain says', async () => {
    const { room, target } = await open();
    await room.curl('/', '-H', 'X-Forwarded-For: 127.0.0.1, 10.0.0.1', '-H', 'Forwarded: for=127.0.0.1;by=127.0.0.1');
    expect(target.received[0]!.match(/x-forwarded-for: .*/gi)).toEqual(['X-Forwarded-For: 127.0.0.1']);
    expect(target.received[0]).not.toMatch(/\r\nforwarded:/i);
  });

  test.each([
    '/admin/x',
    '/./admin/x',
    '/a/../admin/x',
    '/%61dmin/x',
    '/a/%2e%2e/admin/x',
    '/a/..%2fadmin/x',
    '//admin/x',
    '/admin%2fx',
    '/admin;v=1/x',
    '/admin%00/x',
    '/x#/admin/x',
    '/a\\..\\admin/x',
  ])('A-HTTP-06: a rule for a path is not evaded by its spelling: %s', async (path) => {
    const { room, target } = await open(undefined, {
      judge: ({ text }) =>
        /^\S+ \/admin\//.test(text) ? { name: 'block', rule: 'no-admin', reason: 'Not for you.' } : null,
    });
    const socket = await room.raw();
    socket.send(head(room, `GET ${path} HTTP/1.1`));
    expect(await headOf(socket)).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(target.received.join('')).toBe('');
  });

  test.each([
    '/healthz',
    '/health',
    '/ping',
    '/livez',
    '/readyz',
    '/status',
    '/.well-known/acme-challenge/x',
    '/favicon.ico',
  ])('A-HTTP-07: nothing passes without proof: %s', async (path) => {
    const { room, target } = await open();
    for (const agent of ['kube-probe/1.30', 'ELB-HealthChecker/2.0', 'GoogleHC/1.0', 'Consul Health Check']) {
      const answer = await room.curl(path, '--anonymous', '-A', agent);
      expect(answer.status).toBe(401);
    }
    expect(target.received).toEqual([]);
  });

  test.each([
    ['403', answered('', 'no', '403 Forbidden')],
    ['200', answered('', 'fine', '200 OK')],
    [
      '101 without the rest',
      Buffer.from('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    ],
    [
      '101 to something else',
      Buffer.from('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
    ],
  ])(
    'A-HTTP-08: an upgrade that is answered with %s: what the client writes behind it goes nowhere',
    async (_name, answer) => {
      const { room, target } = await open(() => answer);
      const socket = await room.raw();
      socket.send(handshake(room));
      await headOf(socket);
      socket.send(head(room, 'GET /hidden HTTP/1.1'));
      socket.send(encodeFrame({ fin: true, opcode: opcodes.text, payload: Buffer.from('hidden') }, randomBytes(4)));
      await socket.ended();
      expect(socket.received).not.toContain('HTTP/1.1 101');
      expect(target.received).toHaveLength(1);
      expect(target.received[0]!.match(/HTTP\/1\.1/g)).toHaveLength(1);
      expect(target.received[0]).not.toContain('hidden');
    },
  );

  test('A-HTTP-09: the target speaks for its own origin only', async () => {
    const fields = [
      'Set-Cookie: a=1; Domain=gateway.test; Path=/',
      'Set-Cookie: b=2; domain = .gateway.test',
      'Set-Cookie: __Host-sallyport=stolen; Path=/; Secure',
      'Set-Cookie: sallyport=stolen; Domain=gateway.test',
      'Alt-Svc: h3="evil.test:443"',
      'X-Sallyport-Principal: root',
    ];
    const { room, target } = await open(() => answered(`${fields.join('\r\n')}\r\n`, 'x'));
    const answer = await room.curl('/?target=http://169.254.169.254/');
    expect(answer.heads).toContain('Set-Cookie: a=1; Path=/\r\n');
    expect(answer.heads).toContain('Set-Cookie: b=2\r\n');
    expect(answer.heads).not.toMatch(/domain|stolen|alt-svc|sallyport-principal/i);
    expect(target.received).toHaveLength(1);
    const socket = await room.raw();
    socket.send(`GET / HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    expect(await headOf(socket)).toMatch(/^HTTP\/1\.1 421 /);
  });

  test('A-HTTP-10: redirects are not followed, and the target’s own address becomes the origin', async () => {
    const { room, target } = await open((head) => {
      const to = head.startsWith('GET /own') ? `http://127.0.0.1:${target.port}/next` : 'http://169.254.169.254/latest';
      return answered(`Location: ${to}\r\n`, '', '302 Found');
    });
    expect((await room.curl('/elsewhere')).heads).toContain('Location: http://169.254.169.254/latest');
    expect((await room.curl('/own')).heads).toContain(`Location: http://${room.host}:${room.port}/next`);
    expect(target.received.join('').match(/HTTP\/1\.1/g)).toHaveLength(2);
    const socket = await room.raw();
    socket.send(head(room, 'GET http://169.254.169.254/latest HTTP/1.1'));
    expect(await headOf(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('A-HTTP-11: a head has its time, and not a moment more', async () => {
    const clock = new FakeClock();
    const { room } = await open(undefined, { clock });
    const socket = await room.raw();
    socket.send('GET /x HTTP/1.1\r\nHost: ');
    await eventually(
      () => room.clientTaps[0]?.bytesRead === 23,
      () => 'the bytes',
    );
    clock.advance(limits.headDeadlineMs - 1);
    socket.send(room.host);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(socket.isEnded).toBe(false);
    clock.advance(1);
    clock.advance(limits.goodbyeLingerMs);
    await socket.ended();
  });

  test.each([
    ['a body to be judged', 'application/json', limits.bodyDeadlineMs],
    ['a body that is passed on', 'application/octet-stream', limits.bodyStallMs],
  ])('A-HTTP-11: %s has its time', async (_name, type, deadlineMs) => {
    const clock = new FakeClock();
    const { room } = await open(() => '', { clock });
    const socket = await room.raw();
    socket.send(`${head(room, 'POST /x HTTP/1.1', `Content-Type: ${type}\r\nContent-Length: 100\r\n`)}{"a":`);
    await eventually(
      () => (room.clientTaps[0]?.bytesRead ?? 0) > 100,
      () => 'the bytes',
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.advance(deadlineMs - 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(socket.received).toBe('');
    clock.advance(2_000);
    expect(await headOf(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('A-HTTP-11: a client that takes nothing does not fill memory, and is let go of', async () => {
    const clock = new FakeClock();
    let written = 0;
    const { room } = await open(
      (_head, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n');
        const more = (): void => {
          while (!socket.destroyed && written < 256 * 1024 * 1024 && socket.write(Buffer.alloc(65_536)))
            written += 65_536;
        };
        socket.on('drain', more);
        more();
        return '';
      },
      { clock },
    );
    const socket = await room.raw();
    socket.socket.pause();
    socket.send(head(room, 'GET /x HTTP/1.1'));
    for (let [before, still] = [-1, 0]; still < 10; still = written === before ? still + 1 : 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(written).toBeLessThan(32 * 1024 * 1024);
    clock.advance(limits.clientStallMs + 60_000);
    await eventually(
      () => room.journal.of('command.ended').length === 1,
      () => 'the end of the command',
    );
    expect(room.journal.of('command.ended')[0]).toMatchObject({ outcome: 'unfinished' });
  });

  test('A-HTTP-12: a masked value that is cut into chunks of one byte', async () => {
    const secret = 'card 4111-1111 end';
    const chunks = [...secret].map((one) => `1\r\n${one}\r\n`).join('');
    const { room } = await open(
      () =>
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX-Card: 4111-1111\r\n\r\n`,
      { judging: maskingJudge('4111-1111') },
    );
    const socket = await room.raw();
    socket.send(head(room, 'GET /x HTTP/1.1', 'TE: trailers\r\n'));
    await socket.until((text) => /\r\n\r\n$/.test(text) && text.includes('0\r\n'), 'the trailers');
    expect(socket.received).not.toContain('4111');
    expect(socket.received).toContain('X-Card: *********');
    expect(room.recordings[0]!.content().toString()).not.toContain('4111-1111');
  });

  test('A-HTTP-13: a frame at the limit passes, one past it ends the conversation', async () => {
    const { room, target } = await open((got) => {
      const key = /sec-websocket-key: (.*)\r/i.exec(got)![1]!;
      return switched(key);
    });
    const socket = await room.raw();
    socket.send(handshake(room));
    expect(await headOf(socket)).toMatch(/^HTTP\/1\.1 101 /);
    const exact = Buffer.alloc(limits.webSocketMessageBytesMax, 'x');
    socket.send(encodeFrame({ fin: true, opcode: opcodes.text, payload: exact }, randomBytes(4)));
    await eventually(
      () => (target.received[0]?.length ?? 0) > limits.webSocketMessageBytesMax,
      () => 'the message',
    );
    const before = target.received[0]!.length;
    socket.send(
      encodeFrame(
        { fin: true, opcode: opcodes.text, payload: Buffer.concat([exact, exact.subarray(0, 1)]) },
        randomBytes(4),
      ),
    );
    await socket.ended();
    const frames = new FrameReader(false, 1 << 20).push(
      Buffer.from(socket.received.slice(socket.received.indexOf('\r\n\r\n') + 4), 'latin1'),
    );
    expect(frames.at(-1)?.opcode).toBe(opcodes.close);
    expect(target.received[0]!.length - before).toBeLessThan(200);
  });

  test('A-HTTP-14: the injected secret, echoed in heads, body and trailers, reaches neither client nor record', async () => {
    const { room } = await open((got) => {
      const credential = /authorization: (.*)\r/i.exec(got)![1]!;
      const body = `{"authorization":"${credential}"}`;
      const half = body.indexOf(upstreamSecret) + 7;
      const pieces = [body.slice(0, half), body.slice(half)].map((one) => `${one.length.toString(16)}\r\n${one}\r\n`);
      return (
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Echo: ${credential}\r\nSet-Cookie: k=${upstreamSecret}\r\n` +
        `Location: /?key=${upstreamSecret}\r\nTransfer-Encoding: chunked\r\n\r\n${pieces.join('')}0\r\nX-Trailer: ${credential}\r\n\r\n`
      );
    });
    const socket = await room.raw();
    socket.send(head(room, 'GET /echo HTTP/1.1', 'TE: trailers\r\n'));
    await socket.until((text) => text.includes('\r\n0\r\n') && text.endsWith('\r\n\r\n'), 'all of it');
    expect(socket.received).not.toContain(upstreamSecret);
    expect(socket.received).not.toContain(upstreamSecret.slice(0, 12));
    expect(socket.received).toContain('X-Trailer: ');
    const content = room.recordings[0]!.content().toString('latin1') + JSON.stringify(room.journal.events);
    expect(content).not.toContain(upstreamSecret);
    await eventually(
      () => room.journal.of('command.ended').length === 1,
      () => 'the end',
    );
    expect(room.journal.of('command.ended')[0]?.masked).toMatchObject({ 'gateway:credential': 1 });
  });
});

function switched(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}
