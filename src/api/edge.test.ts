/** The edge of the API: hostile bodies, errors, headers, the console, and the published descriptions. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { contractLimits, manifestKinds, type RouteDefinition, routes } from './contract/index.ts';
import { type Running, start, World } from './fixtures/fakes.ts';
import { depthOf, parseBody, safeJson } from './json.ts';

describe('A-API-03: hostile bodies', () => {
  let api: Running;
  beforeEach(async () => {
    api = await start();
  });
  afterEach(() => api.close());

  const bodyOf = (bytes: number): string => {
    const frame = JSON.stringify({ documents: [''] });
    return JSON.stringify({ documents: ['x'.repeat(bytes - frame.length)] });
  };

  test('1 MiB is taken, one byte more is refused', async () => {
    const fits = await api.call('POST', '/api/v1/apply', 'adam', { raw: bodyOf(contractLimits.bodyBytesMax) });
    expect(fits.status).toBe(422);
    const over = await api.call('POST', '/api/v1/apply', 'adam', { raw: bodyOf(contractLimits.bodyBytesMax + 1) });
    expect([over.status, over.json['code']]).toEqual([413, 'api.too-large']);
  });

  test('a large body is refused by its announced length, and who is not signed on is refused before any body', async () => {
    const ask = (token: string | null): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(api.port, '127.0.0.1');
        let text = '';
        socket
          .setEncoding('utf8')
          .on('data', (chunk) => (text += chunk))
          .on('error', reject)
          .on('close', () => resolve(text));
        const auth = token === null ? '' : `authorization: Bearer ${token}\r\n`;
        // The body is announced and never sent.
        socket.write(
          `POST /api/v1/apply HTTP/1.1\r\nhost: x\r\n${auth}content-type: application/json\r\ncontent-length: 104857600\r\n\r\n`,
        );
      });
    expect(await ask('token-of-adam')).toMatch(/^HTTP\/1.1 413 /);
    expect(await ask(null)).toMatch(/^HTTP\/1.1 401 /);
  });

  test('signing on takes a small body only', async () => {
    const raw = JSON.stringify({ principal: 'alice', password: 'x'.repeat(17_000) });
    expect((await api.call('POST', '/api/v1/login', null, { raw })).status).toBe(413);
  });

  test('64 levels are taken, 65 are refused, a million do no harm', async () => {
    const nested = (levels: number): string => `{"documents":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    const fits = await api.call('POST', '/api/v1/apply', 'adam', { raw: nested(64) });
    expect(fits.json['code']).toBe('api.invalid-manifest');
    for (const raw of [nested(65), '['.repeat(1_000_000), '{"a":'.repeat(200_000)]) {
      const answer = await api.call('POST', '/api/v1/apply', 'adam', { raw });
      expect([answer.status, answer.json['code']]).toEqual([400, 'api.malformed']);
    }
  });

  test('__proto__ and constructor.prototype are refused, plainly written or escaped', async () => {
    for (const key of ['"__proto__": {"dryRun": true}', '"\\u005f_proto__": {}', '"constructor": {"prototype": {}}']) {
      const answer = await api.call('POST', '/api/v1/apply', 'adam', { raw: `{"documents": [{}], ${key}}` });
      expect([answer.status, answer.json['code']]).toEqual([400, 'api.malformed']);
    }
  });

  test('unknown fields, queries and bodies are refused', async () => {
    const extra = await api.call('POST', '/api/v1/tokens', 'alice', { body: { roles: ['admin'] } });
    expect([extra.status, extra.json['code']]).toEqual([400, 'api.invalid']);
    expect((await api.call('GET', '/api/v1/sessions?scope=all', 'alice')).status).toBe(400);
    expect((await api.call('GET', '/api/v1/sessions?limit=1&limit=2', 'alice')).status).toBe(400);
    expect((await api.call('GET', '/api/v1/whoami?x=1', 'alice')).status).toBe(400);
    expect((await api.call('POST', '/api/v1/logout', 'alice', { body: { all: true } })).status).toBe(400);
    expect((await api.call('GET', '/api/v1/sessions?limit=501', 'alice')).status).toBe(400);
    expect((await api.call('GET', '/api/v1/sessions?limit=500', 'alice')).status).toBe(200);
  });

  test('what is not JSON is refused', async () => {
    const headers = { 'content-type': 'text/plain' };
    expect((await api.call('POST', '/api/v1/apply', 'adam', { raw: '{}', headers })).status).toBe(415);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await api.call('POST', '/api/v1/login', null, { raw: 'principal=alice', headers: form })).status).toBe(415);
    expect((await api.call('POST', '/api/v1/apply', 'adam', { raw: '{"a"' })).status).toBe(400);
    expect((await api.call('POST', '/api/v1/apply', 'adam')).status).toBe(400);
  });

  test('depth is counted outside of strings only', () => {
    expect(depthOf('{"[[[[": ["\\"[[", {}]}')).toBe(3);
    expect(parseBody('{"a": "[[["}')).toEqual({ a: '[[[' });
  });
});

describe('A-REV-02: a body that was signed by its sender', () => {
  let api: Running;
  beforeEach(async () => {
    api = await start();
  });
  afterEach(() => api.close());

  const path = routes.decideFromSlack.path;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const signed = { ...form, 'x-slack-signature': 'v0=good', 'x-slack-request-timestamp': '7' };

  test('reaches whoever checks it byte for byte, with its headers and nothing else', async () => {
    const raw = Buffer.from([0x61, 0x00, 0xff, 0xc3, 0x28, 0x25, 0x34, 0x31]);
    const { status, json } = await api.call('POST', path, null, { raw, headers: signed });
    const text = `7: ${raw.toString('hex')}`;
    expect([status, json]).toEqual([200, { response_type: 'ephemeral', replace_original: false, text }]);
    expect((await api.call('POST', path, null, { headers: signed })).json['text']).toBe('7: ');
  });

  test('is taken up to 64 KiB, and one byte more is refused', async () => {
    const sized = (bytes: number) => api.call('POST', path, null, { raw: Buffer.alloc(bytes, 'a'), headers: signed });
    expect((await sized(contractLimits.chatBodyBytesMax)).status).toBe(200);
    const over = await sized(contractLimits.chatBodyBytesMax + 1);
    expect([over.status, over.json['code']]).toEqual([413, 'api.too-large']);
  });

  test('is a form here and JSON everywhere else', async () => {
    const headers = { ...signed, 'content-type': 'application/json' };
    const here = await api.call('POST', path, null, { raw: '{}', headers });
    const there = await api.call('POST', '/api/v1/login', null, { raw: 'principal=alice', headers: form });
    expect([here, there].map(({ status, json }) => [status, json['code']])).toEqual([
      [415, 'api.media-type'],
      [415, 'api.media-type'],
    ]);
  });

  test('is not taken from another origin, with a query, or with a header beyond all bounds', async () => {
    const origin = { ...signed, origin: 'https://evil.example' };
    expect((await api.call('POST', path, null, { raw: 'a', headers: origin })).json['code']).toBe('api.foreign-origin');
    expect((await api.call('POST', `${path}?a=1`, null, { raw: 'a', headers: signed })).status).toBe(400);
    const long = { ...signed, 'x-slack-signature': 'x'.repeat(contractLimits.chatHeaderLengthMax + 1) };
    expect((await api.call('POST', path, null, { raw: 'a', headers: long })).status).toBe(400);
  });

  test('leads nowhere where no chat is configured', async () => {
    const world = new World();
    Object.assign(world.ports, { chat: null });
    const without = await start({}, world);
    const { status, json } = await without.call('POST', path, null, { raw: 'a', headers: signed });
    await without.close();
    expect([status, json['code']]).toEqual([404, 'api.no-route']);
  });
});

describe('errors', () => {
  test('are problem documents without stack, path or text of the cause', async () => {
    const api = await start();
    api.world.ports.sessions.get = async () => {
      throw new Error('relation "sessions" does not exist at /srv/x.ts:3');
    };
    const answer = await api.call('GET', '/api/v1/sessions/ses_alice', 'adam');
    await api.close();
    expect(answer.status).toBe(500);
    expect(answer.json).toEqual({
      type: 'urn:sallyport:error:api.internal',
      title: 'Internal Server Error',
      status: 500,
      code: 'api.internal',
      detail: expect.stringContaining('id of this request'),
      requestId: answer.headers.get('x-request-id'),
    });
    expect(answer.text).not.toMatch(/relation|srv/);
  });

  test('signing on fails in one way, and says when it is throttled (A-ID-10)', async () => {
    const api = await start();
    const login = (principal: string) =>
      api.call('POST', '/api/v1/login', null, { body: { principal, password: 'wrong-password' } });
    const wrong = await login('alice');
    const unknown = await login('nobody\u001b[2J');
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect({ ...unknown.json, requestId: '' }).toEqual({ ...wrong.json, requestId: '' });
    expect((await login('throttled')).status).toBe(429);
    expect(api.world.eventsOf('identity.refused').map((event) => 'login' in event && event.login)).toEqual([
      'alice',
      'nobody\\u001b[2J',
      'throttled',
    ]);
    await api.close();
  });

  test('a token that could not be recorded does not exist', async () => {
    const api = await start();
    api.world.journalFailure = new Error('disk');
    expect((await api.call('POST', '/api/v1/tokens', 'alice', { body: {} })).status).toBe(500);
    expect(api.world.tokens.get('tok_new1')?.revoked).toBe(true);
    await api.close();
  });

  test('bytes that are not HTTP get one fixed answer', async () => {
    const api = await start();
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(api.port, '127.0.0.1');
      let got = '';
      socket
        .setEncoding('utf8')
        .on('data', (chunk) => (got += chunk))
        .on('error', reject)
        .on('close', () => resolve(got));
      socket.write('\u0016\u0003\u0001hello\r\n\r\n');
    });
    await api.close();
    expect(text).toBe('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });

  test('not ready says why', async () => {
    const api = await start();
    api.world.notReady = 'it is shutting down';
    const answer = await api.call('GET', '/readyz', null);
    await api.close();
    expect([answer.status, answer.json['detail']]).toEqual([
      503,
      'The gateway takes no new sessions at the moment: it is shutting down.',
    ]);
  });
});

describe('headers', () => {
  let api: Running;
  beforeAll(async () => {
    api = await start();
  });
  afterAll(() => api.close());

  test('harden every answer and name no software', async () => {
    for (const path of ['/healthz', '/nowhere', '/api/v1/whoami', '/api/v1/openapi.json']) {
      const { headers } = await api.call('GET', path, null);
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('server')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('A-ID-08: a change asked for by another origin is refused', async () => {
    const ask = (origin: string) => api.call('POST', '/api/v1/tokens', 'alice', { body: {}, headers: { origin } });
    expect((await ask('https://evil.example')).status).toBe(403);
    expect((await ask('null')).status).toBe(403);
    expect((await ask(`https://127.0.0.1:${api.port}`)).status).toBe(403);
    expect((await ask(api.url)).status).toBe(200);
    expect(
      (await api.call('GET', '/api/v1/whoami', 'alice', { headers: { origin: 'https://evil.example' } })).status,
    ).toBe(200);
  });

  test('a request id of the caller is not believed', async () => {
    const { headers } = await api.call('GET', '/healthz', null, {
      headers: { 'request-id': 'mine', 'x-request-id': 'mine' },
    });
    expect(headers.get('x-request-id')).toMatch(/^req_/);
  });

  test('methods that no route has are not there', async () => {
    for (const method of ['HEAD', 'OPTIONS', 'PATCH'])
      expect((await api.call(method, '/api/v1/sessions', 'adam')).status).toBe(404);
  });
});

describe('the console', () => {
  test('is served with a strict policy, and holds nothing inline', async () => {
    const consoleDirectory = new URL('../../web/dist/', import.meta.url).pathname;
    const api = await start({ consoleDirectory });
    const page = await api.call('GET', '/', null);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'; style-src 'self'");
    expect(page.text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
    for (const [, path] of page.text.matchAll(/(?:href|src)="(\/[^"]*)"/g)) {
      expect((await api.call('GET', path as string, null)).status).toBe(200);
    }
    // One file for every page: nothing of what an address names is in it.
    expect((await api.call('GET', '/reviews/rev_06gztkj15bb5phe6p3zmmbqa6g', null)).text).toBe(page.text);
    const script = /src="(\/assets\/[^"]+)"/.exec(page.text)![1]!;
    expect((await api.call('GET', script, null)).headers.get('cache-control')).toContain('immutable');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const etag = page.headers.get('etag') ?? '';
    expect((await api.call('GET', '/', null, { headers: { 'if-none-match': etag } })).status).toBe(304);
    await api.close();
  });

  test('serves what lay there at start, and nothing hidden, linked or around it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-console-'));
    writeFileSync(join(directory, 'index.html'), 'hello');
    writeFileSync(join(directory, '.env.json'), 'hidden');
    writeFileSync(join(directory, 'key.pem'), 'unknown type');
    symlinkSync('/etc/hostname', join(directory, 'host.json'));
    const api = await start({ consoleDirectory: directory });
    rmSync(directory, { recursive: true });
    expect((await api.call('GET', '/', null)).text).toBe('hello');
    for (const path of [
      '/.env.json',
      '/key.pem',
      '/host.json',
      '/..%2f..%2fetc%2fpasswd',
      '/%2e%2e/etc/passwd',
      '//evil',
    ]) {
      expect((await api.call('GET', path, null)).status).toBe(404);
    }
    await api.close();
  });
});

describe('descriptions', () => {
  test('OpenAPI lists each route with its parameters, and every reference leads somewhere', async () => {
    const api = await start();
    const { json } = await api.call('GET', '/api/v1/openapi.json', null);
    await api.close();
    expect(json).toMatchObject({ openapi: '3.1.0', info: { title: 'Sallyport API', version: '1.2.3' } });
    const paths = json['paths'] as Record<string, Record<string, Record<string, unknown>>>;
    const ids = new Set<string>();
    for (const [name, route] of Object.entries(routes) as [string, RouteDefinition][]) {
      const path = route.path.replace(/:(\w+)/g, '{$1}');
      const operation = paths[path]?.[route.method.toLowerCase()];
      expect(operation).toMatchObject({ operationId: name, summary: route.summary, 'x-permission': route.permission });
      ids.add(String(operation?.['operationId']));
      const inPath = (
        (operation?.['parameters'] ?? []) as { in: string; name: string; required: boolean; schema: object }[]
      ).filter((p) => p.in === 'path');
      expect(inPath.map((parameter) => parameter.name).sort()).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort(),
      );
      expect(inPath.every((parameter) => parameter.required)).toBe(true);
      expect(operation?.['requestBody'] !== undefined).toBe((route.body ?? route.rawBody) !== undefined);
      expect(Object.keys(operation?.['responses'] as object)).toContain('default');
      if (route.permission === 'public') expect(operation?.['security']).toEqual([]);
    }
    expect(ids.size).toBe(Object.values(paths).flatMap((methods) => Object.keys(methods)).length);
    for (const [, reference] of JSON.stringify(json).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = (reference as string)
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], json);
      expect(target).toBeDefined();
    }
  });

  test('the manifest schema has a stable id, all kinds, and the protocols’ own settings', async () => {
    const api = await start();
    const { json, text } = await api.call('GET', '/api/v1/schema.json', null);
    await api.close();
    expect(json['$id']).toBe('urn:sallyport:schema:manifest:1');
    expect(json['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(
      (json['anyOf'] as { properties: { kind: { const: string } } }[]).map((kind) => kind.properties.kind.const),
    ).toEqual([...manifestKinds]);
    expect(text).toContain('statementTimeout');
    expect(text).toContain('"additionalProperties":false');
  });
});

test('A-API-05: JSON is written without characters that a terminal acts on, and means the same', () => {
  const hostile = 'a\u0000\u001b[2J\u007f\u009b31m\u202e\u200b\ufeff\ud800"\\\n😀';
  const written = safeJson({ [hostile]: [hostile] });
  expect(written).toMatch(/^[\x20-\x7e😀]+$/u);
  expect(JSON.parse(written)).toEqual({ [hostile]: [hostile] });
});
