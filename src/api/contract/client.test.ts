/** The client against the real API over HTTP and HTTPS, and against servers that misbehave. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { testCertificate, testKey } from '../fixtures/certificate.ts';
import { type Running, start } from '../fixtures/fakes.ts';
import { urlOf } from './client.ts';
import { ApiError, createClient, routes } from './index.ts';

const running: Running[] = [];
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function api(...options: Parameters<typeof start>): Promise<Running> {
  const started = await start(...options);
  running.push(started);
  return started;
}

/** A server that answers with these bytes. */
async function misbehaving(answer: (write: (text: string) => void, end: () => void) => void): Promise<string> {
  const server = createServer((_request, response) => {
    answer(
      (text) => response.write(text),
      () => response.destroy(),
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the client', () => {
  test('signs on, asks, changes and signs off', async () => {
    const { url, world } = await api();
    const signedOn = await createClient({ baseUrl: url }).call('login', {
      body: { principal: 'alice', password: 'alices-password' },
    });
    const client = createClient({ baseUrl: url, token: signedOn.token });
    expect((await client.call('whoami')).name).toBe('alice');
    expect((await client.call('listSessions', { query: { live: true, limit: 5 } })).sessions).toHaveLength(1);
    expect((await client.call('listResources')).resources[0]?.listener?.port).toBe(6432);
    expect(await client.call('logout')).toBeUndefined();
    await expect(client.call('whoami')).rejects.toMatchObject({ code: 'api.not-authenticated', status: 401 });
    expect(world.eventsOf('identity.signed-on')).toHaveLength(1);
  });

  test('turns problems into errors with their code, message, request and fields', async () => {
    const { url } = await api();
    const client = createClient({ baseUrl: url, token: 'token-of-adam' });
    const error = await client
      .call('apply', { body: { documents: [{ kind: 'Group', metadata: { name: 'a' }, spec: {} }] } })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      code: 'api.invalid-manifest',
      kind: 'denial',
      status: 422,
      requestId: expect.stringMatching(/^req_/),
      publicMessage: expect.stringContaining('Nothing was applied'),
      problems: [{ document: 0, path: ['spec', 'members'], on: 'value', message: 'is required' }],
    });
  });

  test('reads texts, whole and piece by piece', async () => {
    const { url } = await api();
    const client = createClient({ baseUrl: url, token: 'token-of-audrey' });
    expect(await client.text('checkpoint')).toBe('sallyport\n1\nabc=\n');
    const pieces: Buffer[] = [];
    for await (const piece of client.bytes('exportSession', { params: { id: 'ses_alice' }, query: { format: 'text' } }))
      pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toContain('SELECT 1');
  });

  test('a name cannot become a path or a query', () => {
    const base = new URL('https://gateway:1');
    const url = (name: string): string => urlOf(base, routes.getObject, { params: { kind: 'Group', name } }).href;
    expect(url('a/b?c#d')).toBe('https://gateway:1/api/v1/objects/Group/a%2Fb%3Fc%23d');
    expect(urlOf(base, routes.explainAccess, { query: { principal: 'a&b=c', resource: 'd' } }).search).toBe(
      '?principal=a%26b%3Dc&resource=d',
    );
  });

  test('trusts a private authority only when it is given', async () => {
    const { port } = await api({ tls: { cert: testCertificate, key: testKey } });
    const baseUrl = `https://localhost:${port}`;
    expect(await createClient({ baseUrl, ca: testCertificate }).call('health')).toEqual({ status: 'ok' });
    await expect(createClient({ baseUrl }).call('health')).rejects.toMatchObject({ code: 'client.untrusted' });
  });

  test('does not send a token in clear to another machine, nor take an address with a password', () => {
    for (const baseUrl of [
      'http://gateway.example',
      'ftp://localhost',
      'https://a:b@gateway',
      'gateway',
      '',
      'http://127.0.0.1.evil.example',
    ]) {
      expect(() => createClient({ baseUrl })).toThrow('client.bad-address');
    }
    expect(() => createClient({ baseUrl: 'http://[::1]:1' })).not.toThrow();
  });

  test('tells unreachable, late, broken off and foreign answers apart', async () => {
    await expect(createClient({ baseUrl: 'http://127.0.0.1:1' }).call('health')).rejects.toMatchObject({
      code: 'client.unreachable',
    });
    const silent = await misbehaving(() => {});
    await expect(createClient({ baseUrl: silent, answerDeadlineMs: 50 }).call('health')).rejects.toMatchObject({
      code: 'client.timeout',
    });
    const broken = await misbehaving((write, end) => {
      write('{"status":');
      setImmediate(end);
    });
    await expect(createClient({ baseUrl: broken }).call('health')).rejects.toMatchObject({
      code: 'client.interrupted',
    });
  });

  test('checks what it is answered', async () => {
    const server = createServer((_request, response) => response.end('<html>login</html>'));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await expect(client.call('health')).rejects.toMatchObject({ code: 'client.not-sallyport' });
  });

  test('a stream whose last line is cut is broken off, and blank lines are nothing', async () => {
    const entry = { type: 'omitted', at: 'x', command: 1, rows: 1, bytes: 1, digest: 'a' };
    const line = JSON.stringify(entry);
    const server = createServer((_request, response) => response.end(`\n${line}\n\n${line.slice(0, 10)}`));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const stream = client.stream('readRecording', { params: { id: 'ses_a' } });
    expect((await stream.next()).value).toEqual(entry);
    await expect(stream.next()).rejects.toMatchObject({ code: 'client.interrupted' });
  });

  test('gives up when it is told to', async () => {
    const silent = await misbehaving(() => {});
    const stop = new AbortController();
    const call = createClient({ baseUrl: silent }).call('health', {}, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });
});
