/** Exchanges through a whole gateway with real clients and servers: what reaches the target, what comes back, what is recorded. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createGzip } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { httpMasks } from '../../masking/http/testing.ts';
import { maskingJudge } from './masks-testing.ts';
import {
  bodyOf,
  domain,
  eventually,
  openRoom,
  openRoomBefore,
  principal,
  type Room,
  type RoomOptions,
  token,
  upstreamSecret,
} from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const room = (handler: RequestListener, options: Omit<RoomOptions, 'target'> = {}): Promise<Room> =>
  openRoomBefore(handler, options, closing);

describe('exchanges', () => {
  test('GET: judged, sent with the credential, answered, recorded', async () => {
    const seen: string[][] = [];
    const opened = await room((request, response) => {
      seen.push([request.method!, request.url!, ...request.rawHeaders]);
      response.setHeader('X-Answer', 'yes');
      response.end('hello');
    });
    const answer = await opened.curl('/v1/orders?limit=2', '-H', 'X-Mine: 1');
    expect(answer).toMatchObject({ exit: 0, status: 200, body: 'hello' });
    expect(answer.heads).toContain('X-Answer: yes');
    expect(opened.commands()).toEqual(['GET /v1/orders?limit=2']);
    expect(seen[0]!.slice(0, 2)).toEqual(['GET', '/v1/orders?limit=2']);
    const heads = seen[0]!.join('|');
    expect(heads).toContain(`Authorization|Bearer ${upstreamSecret}`);
    expect(heads).toContain('X-Mine|1');
    expect(heads).not.toContain(token);
    expect(heads).toContain(`Host|127.0.0.1:${opened.resource.port}`);
    expect(heads).toContain(`X-Forwarded-Host|orders.${domain}:${opened.port}`);
    await eventually(
      () => opened.journal.of('command.ended').length === 1,
      () => 'the end',
    );
    expect(opened.journal.of('command.ended')[0]).toMatchObject({ outcome: 'completed', tag: '200', bytes: 5 });
    const { entries } = opened.recordings[0]!;
    expect(entries.map(({ type }) => type)).toEqual(['command', 'head', 'head', 'data', 'completed']);
    const content = opened.recordings[0]!.content().toString('latin1') + JSON.stringify(opened.journal.events);
    expect(content).not.toContain(upstreamSecret);
    expect(content).not.toContain(token);
    expect(opened.journal.of('session.opened')[0]?.principal.name).toBe(principal.name);
  });

  const jsonTypes = ['application/json', 'application/x-amz-json-1.0'];

  test.each(jsonTypes)(
    'POST of JSON: the body is part of the command, without its passwords where it is recorded (%s)',
    async (type) => {
      const bodies: string[] = [];
      const opened = await room(async (request, response) => {
        bodies.push((await bodyOf(request)).toString());
        response.writeHead(201).end('{"id":7}');
      });
      const body = '{"name":"x","password":"hunter2hunter2"}';
      const answer = await opened.curl('/v1/users', '-H', `Content-Type: ${type}`, '-d', body);
      expect(answer).toMatchObject({ status: 201, body: '{"id":7}' });
      expect(bodies).toEqual([body]);
      expect(opened.commands()).toEqual(['POST /v1/users\n\n{"name":"x","password":"(omitted)"}']);
      const content = opened.recordings[0]!.content().toString();
      expect(content).not.toContain('hunter2');
      expect(content).toContain('{"id":7}');
    },
  );

  test('one session for many connections of the same proof', async () => {
    const opened = await room((_request, response) => response.end('ok'));
    for (let at = 0; at < 3; at++) expect((await opened.curl('/')).body).toBe('ok');
    expect(opened.journal.of('session.opened')).toHaveLength(1);
    expect(opened.upstreamTaps).toHaveLength(1);
    expect(opened.commands()).toHaveLength(3);
  });

  test('basic authentication with the principal’s name, or none', async () => {
    const opened = await room((_request, response) => response.end('ok'));
    expect((await opened.curl('/', '-u', `engineer:${token}`)).body).toBe('ok');
    expect((await opened.curl('/', '-u', `:${token}`)).body).toBe('ok');
    expect((await opened.curl('/', '-u', 'engineer:wrong')).status).toBe(401);
  });

  test.each([
    [['--anonymous'], 401, 'http.no-proof'],
    [['--oauth2-bearer', 'wrong'], 401, 'core.not-authenticated'],
  ])('%j: %i', async (args, status, code) => {
    const opened = await room((_request, response) => response.end('never'));
    const answer = await opened.curl('/', ...args);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ status, type: `urn:sallyport:problem:${code}` });
    expect(answer.heads).toContain('WWW-Authenticate: Bearer');
    expect(opened.upstreamTaps).toEqual([]);
  });

  test('block: 403 with rule and reason, and nothing reaches the target', async () => {
    const opened = await room((_request, response) => response.end('never'), {
      judge: (draft) =>
        draft.verb === 'delete' ? { name: 'block', rule: 'no-deletes', reason: 'Ask the owner first.' } : null,
    });
    const answer = await opened.curl('/v1/orders/7', '-X', 'DELETE');
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ rule: 'no-deletes', detail: 'Ask the owner first.', command: 1 });
    expect(opened.upstreamBytes()).toBe(0);
    const html = await opened.curl('/v1/orders/7', '-X', 'DELETE', '-H', 'Accept: text/html');
    expect(html.body).toContain('<h1>Refused</h1>');
    expect(html.body).toContain('no-deletes');
  });

  test.each([
    ['HEAD', ['-I'], 200],
    ['GET of nothing', ['-H', 'X-Want: 204'], 204],
    ['GET of what did not change', ['-H', 'X-Want: 304'], 304],
  ])('%s: no body', async (_name, args, status) => {
    const opened = await room((request, response) => {
      const want = Number(request.headers['x-want'] ?? 200);
      response.writeHead(want, want === 200 ? { 'Content-Length': 5 } : {});
      response.end(want === 200 && request.method !== 'HEAD' ? 'hello' : undefined);
    });
    expect(await opened.curl('/', ...args)).toMatchObject({ exit: 0, status });
  });

  test('ranges pass', async () => {
    const opened = await room((request, response) => {
      expect(request.headers.range).toBe('bytes=1-3');
      response.writeHead(206, { 'Content-Range': 'bytes 1-3/5', 'Content-Length': 3 }).end('ell');
    });
    expect(await opened.curl('/', '-r', '1-3')).toMatchObject({ status: 206, body: 'ell' });
  });

  test('100 (Continue) comes from the target', async () => {
    let taken = 0;
    const opened = await room(async (request, response) => {
      taken += (await bodyOf(request)).length;
      response.end('taken');
    });
    const body = randomBytes(5000).toString('hex');
    const args = ['-H', 'Expect: 100-continue', '-H', 'Content-Type: application/octet-stream', '--data-binary', body];
    const answer = await opened.curl('/', ...args);
    expect(answer).toMatchObject({ status: 200, body: 'taken' });
    expect(answer.heads).toContain('HTTP/1.1 100 Continue');
    expect(taken).toBeGreaterThan(4999);
  });

  test('server-sent events come one by one', async () => {
    let send: (text: string) => void = () => undefined;
    const opened = await room((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      send = (text) => response.write(`data: ${text}\n\n`);
      send('one');
    });
    const socket = await opened.raw();
    socket.send(`GET /events HTTP/1.1\r\nHost: ${opened.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await socket.until((text) => text.includes('data: one'), 'the first event');
    send('two');
    await socket.until((text) => text.includes('data: two'), 'the second event');
    socket.socket.destroy();
    await eventually(
      () => opened.journal.of('command.ended').length === 1,
      () => 'the end',
    );
    expect(opened.journal.of('command.ended')[0]?.outcome).toBe('unfinished');
  });

  test.each(['identity', 'gzip'])('events come one by one under Masks, too: %s', async (coding) => {
    const encoder = createGzip();
    let send: (text: string) => void = () => undefined;
    const opened = await room(
      (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': coding });
        if (coding === 'gzip') encoder.pipe(response);
        send = (text) => {
          if (coding !== 'gzip') response.write(`data: ${text}\n\n`);
          else encoder.write(`data: ${text}\n\n`, () => encoder.flush());
        };
        send('one');
      },
      { judging: maskingJudge(httpMasks({ detect: ['credit_card'] })) },
    );
    const target = `http://${opened.host}:${opened.port}/events`;
    const args = [
      '-sSN',
      '--compressed',
      '--oauth2-bearer',
      token,
      '--resolve',
      `${opened.host}:${opened.port}:127.0.0.1`,
    ];
    const client = spawn('curl', [...args, target]);
    let got = '';
    client.stdout.on('data', (chunk: Buffer) => {
      got += chunk.toString();
    });
    for (const [at, text] of ['one', 'two', 'card 4111111111111111', 'three'].entries()) {
      if (at > 0) send(text);
      await eventually(
        () => got.match(/data: /g)?.length === at + 1,
        () => `event ${at + 1}; got ${got}`,
      );
    }
    expect(got).not.toContain('4111');
    client.kill();
    await eventually(
      () => opened.journal.of('command.ended').length === 1,
      () => 'the end',
    );
  });

  test('trailers pass both ways', async () => {
    const trailers: unknown[] = [];
    const opened = await room(async (request, response) => {
      await bodyOf(request);
      trailers.push(request.trailers);
      response.writeHead(200, { Trailer: 'X-Sum' });
      response.write('part');
      response.addTrailers({ 'X-Sum': '42' });
      response.end();
    });
    const socket = await opened.raw();
    socket.send(
      `POST / HTTP/1.1\r\nHost: ${opened.host}\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n` +
        'Content-Type: text/plain\r\nTE: trailers\r\n\r\n3\r\nabc\r\n0\r\nX-Digest: d\r\n\r\n',
    );
    const received = await socket.until((text) => text.includes('X-Sum: 42'), 'the trailers');
    expect(received).toContain('part');
    expect(trailers).toEqual([{ 'x-digest': 'd' }]);
  });

  test.each([1, 7])('%i byte at a time, both ways', async (cutBytes) => {
    const opened = await room(
      async (request, response) => {
        response.end(`${request.url} ${await bodyOf(request)}`);
      },
      { cutBytes },
    );
    const answer = await opened.curl('/cut', '-d', 'a=1&b=2');
    expect(answer).toMatchObject({ status: 200, body: '/cut a=1&b=2' });
  });

  test('a target that is not there: 502', async () => {
    const opened = await openRoom({ target: { port: 1 } });
    closing.push(() => opened.close());
    const answer = await opened.curl('/');
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body).type).toBe('urn:sallyport:problem:core.upstream-unreachable');
    expect(opened.journal.of('command.ended')[0]).toMatchObject({ outcome: 'failed' });
  });

  test('a target that breaks off: the client can tell', async () => {
    const opened = await room((_request, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('some of it');
      setTimeout(() => response.destroy(), 30);
    });
    const answer = await opened.curl('/');
    expect(answer.exit).not.toBe(0);
    expect(opened.journal.of('command.ended')[0]).toMatchObject({ outcome: 'failed', error: 'http.upstream-lost' });
  });

  test('the end of the session cuts what is under way, and the command ends once', async () => {
    const opened = await room((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: one\n\n');
    });
    const answering = opened.curl('/events');
    const waiting = opened.raw();
    await eventually(
      () => opened.recordings[0]?.entries.some(({ type }) => type === 'data') === true,
      () => 'an event',
    );
    opened.doors.sessions.end(() => true, { reason: 'killed', message: 'Enough.', code: null, by: 'admin' });
    expect((await answering).exit).not.toBe(0);
    await eventually(
      () => opened.journal.of('session.ended').length === 1,
      () => 'the end',
    );
    expect(opened.journal.of('command.ended')).toHaveLength(1);
    expect(opened.journal.of('session.ended')[0]?.reason).toBe('killed');
    (await waiting).socket.destroy();
  });
});
