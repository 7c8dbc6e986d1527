/** HTTP/2 on either side, TLS on both, gRPC (A-HTTP-02; floods.test.ts has A-HTTP-03). */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../test/servers/certificates.ts';
import { FakeClock } from '../../base/clock.ts';
import * as limits from './limits.ts';
import {
  eventually,
  listen,
  openRoom,
  type Room,
  type RoomOptions,
  startTarget,
  token,
  upstreamSecret,
} from './room-testing.ts';

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A client of the gateway by HTTP/2, over TLS unless told otherwise. */
async function client(room: Room, plain = false): Promise<ClientHttp2Session> {
  const authority = `${plain ? 'http' : 'https'}://${room.host}`;
  const session = connect(authority, {
    createConnection: () =>
      plain
        ? tcpConnect(room.port, '127.0.0.1')
        : tlsConnect({
            host: '127.0.0.1',
            port: room.port,
            servername: room.host,
            ALPNProtocols: ['h2'],
            rejectUnauthorized: false,
          }),
  });
  session.on('error', () => undefined);
  closing.push(() => session.destroy());
  await once(session, 'connect');
  return session;
}

interface Got {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
  readonly resetCode: number;
}

function ask(session: ClientHttp2Session, headers: Record<string, string>, body: string | null = null): Promise<Got> {
  return new Promise((resolve) => {
    const stream = session.request({ authorization: `Bearer ${token}`, ...headers }, { endStream: body === null });
    let [status, text] = [0, ''];
    let got: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    stream.on('response', (answered) => {
      status = Number(answered[':status']);
      got = answered;
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('error', () => undefined);
    stream.on('close', () => resolve({ status, headers: got, body: text, trailers, resetCode: stream.rstCode ?? 0 }));
    if (body !== null) stream.end(body);
  });
}

async function grpcTarget(server: Http2Server | Http2SecureServer): Promise<number> {
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'x-auth': String(headers['authorization']).length,
          'x-te': String(headers['te']),
        },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
      stream.end(Buffer.concat(chunks));
    });
  });
  server.on('sessionError', () => undefined);
  closing.push(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return listen(server as never);
}

async function room(target: { port: number }, options: Omit<RoomOptions, 'target'> = {}): Promise<Room> {
  const opened = await openRoom({ target, ...options });
  closing.push(() => opened.close());
  return opened;
}

async function plainTarget(): Promise<{ port: number; urls: string[] }> {
  const urls: string[] = [];
  const target = await startTarget((request, response) => {
    urls.push(`${request.method} ${request.url} ${request.headers.cookie ?? ''}`);
    request.resume();
    request.on('end', () => response.end(`answer to ${request.url}`));
  });
  closing.push(() => target.stop());
  return { port: target.port, urls };
}

describe('HTTP/2', () => {
  test('from the client over TLS, HTTP/1.1 to the target; many streams at once', async () => {
    const target = await plainTarget();
    const opened = await room(target);
    const session = await client(opened);
    const paths = Array.from({ length: 20 }, (_, at) => `/n/${at}`);
    const answers = await Promise.all(paths.map((path) => ask(session, { ':path': path })));
    expect(answers.map(({ body }) => body)).toEqual(paths.map((path) => `answer to ${path}`));
    expect(opened.journal.of('session.opened')).toHaveLength(1);
    expect(opened.commands()).toHaveLength(20);
    const posted = await ask(
      session,
      { ':method': 'POST', ':path': '/p', 'content-type': 'application/json' },
      '{"a":1}',
    );
    expect(posted.body).toBe('answer to /p');
    expect(opened.commands().at(-1)).toBe('POST /p\n\n{"a":1}');
  });

  test('crumbs of cookies become one field', async () => {
    const target = await plainTarget();
    const opened = await room(target);
    const session = await client(opened);
    await ask(session, { ':path': '/', cookie: ['a=1', '__Host-sallyport-nonce=x', 'b=2'] as never });
    expect(target.urls).toEqual(['GET / a=1; b=2']);
  });

  test('with prior knowledge on a listener without TLS', async () => {
    const opened = await room(await plainTarget());
    expect((await ask(await client(opened, true), { ':path': '/x' })).body).toBe('answer to /x');
  });

  test.each(['plain', 'TLS'])('gRPC over HTTP/2 on both sides, %s: messages and trailers', async (kind) => {
    const { server, authority } = await makeCertificates();
    const isPlain = kind === 'plain';
    const port = await grpcTarget(
      isPlain ? createServer() : createSecureServer({ key: server.key, cert: server.cert }),
    );
    const opened = await room(
      { port },
      isPlain
        ? { settings: { version: '2' } }
        : { tls: { mode: 'verify-full', ca: authority.cert, serverName: 'localhost' } },
    );
    const session = await client(opened);
    const message = '\0\0\0\0\x05hello';
    const headers = {
      ':method': 'POST',
      ':path': '/shop.Orders/Get',
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const answers = await Promise.all([ask(session, headers, message), ask(session, headers, message)]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, body: message, trailers: { 'grpc-status': '0' } });
      expect(answer.headers['x-auth']).toBe(String(`Bearer ${upstreamSecret}`.length));
      expect(answer.headers['x-te']).toBe('trailers');
    }
    expect(opened.upstreamTaps).toHaveLength(1);
    const trailers = opened.recordings[0]!.entries.filter((entry) => entry.type === 'head' && entry.trailers);
    expect(trailers).toHaveLength(2);
  });

  test('gRPC hears of a refusal as its status', async () => {
    const opened = await room(await plainTarget(), {
      judge: () => ({ name: 'block', rule: 'no-calls', reason: 'Not now.' }),
    });
    const headers = {
      ':method': 'POST',
      ':path': '/shop.Orders/Delete',
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const answer = await ask(await client(opened), headers, '\0\0\0\0\0');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'grpc-status': '7', 'grpc-message': 'Not now. (rule no-calls)' });
  });

  test('gRPC by its methods: a rule sees the name, and answers while the stream is open go both ways', async () => {
    const server = createServer();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5', 'grpc-message': 'none left' }));
      stream.on('data', (chunk: Buffer) => stream.write(`echo ${chunk.toString()}`));
      stream.on('end', () => stream.end());
    });
    closing.push(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    const port = await listen(server as never);
    const methods: (string | null)[] = [];
    const opened = await room(
      { port },
      {
        settings: { version: '2' },
        judge: ({ meaning }) => {
          const grpc = meaning?.language === 'http' ? meaning.http.grpc : null;
          methods.push(grpc);
          return grpc === 'shop.Orders/Delete' ? { name: 'block', rule: 'no-deletes', reason: 'Not here.' } : null;
        },
      },
    );
    const session = await client(opened);
    const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ...headers, ':path': '/shop.Orders/Watch', authorization: `Bearer ${token}` });
    let got = '';
    let trailers: Record<string, unknown> = {};
    stream.on('data', (chunk: Buffer) => {
      got += chunk.toString();
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    for (const word of ['one', 'two', 'three']) {
      stream.write(word);
      await eventually(
        () => got.includes(`echo ${word}`),
        () => `the echo of ${word}`,
      );
    }
    stream.end();
    await once(stream, 'close');
    expect(trailers).toMatchObject({ 'grpc-status': '5', 'grpc-message': 'none left' });
    const refused = await ask(session, { ...headers, ':path': '/shop.Orders/Delete' }, '');
    expect(refused.headers).toMatchObject({ 'grpc-status': '7' });
    expect(methods).toEqual(['shop.Orders/Watch', 'shop.Orders/Delete']);
  });

  test('a connection whose streams are over is closed when nothing comes any more', async () => {
    const clock = new FakeClock();
    const opened = await room(await plainTarget(), { clock });
    const session = await client(opened, true);
    expect((await ask(session, { ':path': '/' })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 30));
    clock.advance(limits.keepAliveMs - 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(session.destroyed).toBe(false);
    clock.advance(1);
    clock.advance(limits.goodbyeLingerMs);
    await eventually(
      () => session.destroyed,
      () => 'the end of the connection',
    );
    const passing = setInterval(() => clock.advance(100), 1);
    closing.unshift(() => clearInterval(passing));
  });

  test('a target of HTTP/1.1 behind TLS, found by ALPN', async () => {
    const { server, authority } = await makeCertificates();
    const secure = createSecureServer({
      key: server.key,
      cert: server.cert,
      ALPNProtocols: ['http/1.1'],
      allowHTTP1: true,
    });
    secure.on('request', (_request, response) => response.end('by 1.1'));
    closing.push(() => new Promise<void>((resolve) => void secure.close(() => resolve())));
    const opened = await room(
      { port: await listen(secure as never) },
      { tls: { mode: 'verify-full', ca: authority.cert, serverName: 'localhost' } },
    );
    expect(await opened.curl('/')).toMatchObject({ status: 200, body: 'by 1.1' });
    await opened.close();
    closing.pop();
  });

  test('a target whose certificate is for another name: 502, and no request', async () => {
    const { wrongName, authority } = await makeCertificates();
    const secure = createSecureServer({ key: wrongName.key, cert: wrongName.cert });
    let requests = 0;
    secure.on('stream', () => requests++);
    closing.push(() => new Promise<void>((resolve) => void secure.close(() => resolve())));
    const opened = await room(
      { port: await listen(secure as never) },
      { tls: { mode: 'verify-full', ca: authority.cert, serverName: 'localhost' } },
    );
    expect((await opened.curl('/')).status).toBe(502);
    expect(requests).toBe(0);
  });

  test.each([
    ['an authority elsewhere', { ':authority': 'evil.test' }, 421],
    ['an authority that the handshake did not name', { ':authority': 'orders.localhost' }, 421],
    ['an authority that is not the Host', { ':authority': 'orders.gateway.test', host: 'other.gateway.test' }, 400],
    ['a path that means two things', { ':path': '/a/../b' }, 400],
  ])('A-HTTP-02: %s', async (_name, headers, status) => {
    const opened = await room(await plainTarget());
    expect((await ask(await client(opened), { ':path': '/', ...headers })).status).toBe(status);
    expect(opened.upstreamBytes()).toBe(0);
  });

  test('without TLS nothing is taken where it is required', async () => {
    const opened = await room(await plainTarget(), { tlsRequired: true });
    const socket = await opened.raw();
    socket.send(`GET / HTTP/1.1\r\nHost: ${opened.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await socket.ended();
    expect(socket.received).toMatch(/^HTTP\/1\.1 400 /);
    expect(opened.journal.of('session.opened')).toEqual([]);
  });
});
