/** Tokens by the client credentials grant, against a token endpoint on a loopback address (RFC 6749, sections 4.4 and 5). */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../test/servers/certificates.ts';
import { FakeClock } from '../base/clock.ts';
import type { OAuthReference } from '../core/resource.ts';
import * as limits from './limits.ts';
import { OAuthTokens } from './oauth.ts';

const secret = 'client-secret-5d1e/+ ü';
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Asked {
  readonly authorization: string;
  readonly form: URLSearchParams;
}

interface Endpoint {
  readonly url: string;
  readonly asked: Asked[];
  answer: (asked: Asked, response: ServerResponse) => void;
}

/** A strict one: it takes a POST of a form, and one way of proving the client. */
async function startEndpoint(tls?: { cert: string; key: string }): Promise<Endpoint> {
  let count = 0;
  const asked: Asked[] = [];
  const endpoint: { -readonly [K in keyof Endpoint]: Endpoint[K] } = {
    url: '',
    asked,
    answer: (_asked, response) =>
      json(response, 200, { access_token: `token-${++count}`, token_type: 'Bearer', expires_in: 300 }),
  };
  const handler = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { authorization = '' } = request.headers;
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const isForm = request.headers['content-type']?.split(';')[0] === 'application/x-www-form-urlencoded';
    if (request.method !== 'POST' || request.url !== '/token' || !isForm) return void response.writeHead(400).end();
    if (form.get('grant_type') !== 'client_credentials')
      return json(response, 400, { error: 'unsupported_grant_type' });
    // The user name and the password are decoded as a form is (section 2.3.1).
    const [id, given] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
      .toString()
      .split(':');
    const decoded = new URLSearchParams(`a=${given ?? ''}`).get('a');
    const proven = authorization === '' ? form.get('client_secret') : id === 'app' ? decoded : null;
    asked.push({ authorization, form });
    if (proven !== secret) return json(response, 401, { error: 'invalid_client', error_description: `not ${proven}` });
    endpoint.answer(asked.at(-1)!, response);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => void handler(request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  endpoint.url = `${tls === undefined ? 'http://127.0.0.1' : 'https://localhost'}:${port}/token`;
  return endpoint;
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function referenceTo(endpoint: Endpoint, change: Partial<OAuthReference> = {}): OAuthReference {
  return {
    tokenUrl: endpoint.url,
    clientId: 'app',
    clientSecret: { provider: 'env', name: 'UNUSED' },
    scopes: [],
    audience: null,
    resource: null,
    authentication: 'basic',
    ca: null,
    ...change,
  };
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('did not reject');
    },
    (error: Error) => error,
  );
}

describe('tokens', () => {
  test('are had once for many at a time, and kept until shortly before they expire', async () => {
    const endpoint = await startEndpoint();
    const clock = new FakeClock();
    const tokens = new OAuthTokens(clock);
    const reference = referenceTo(endpoint, {
      scopes: ['read', 'write'],
      audience: 'shop',
      resource: 'https://shop.test/',
    });
    const all = await Promise.all(Array.from({ length: 20 }, () => tokens.token(reference, secret)));
    expect(new Set(all.map(({ token }) => token))).toEqual(new Set(['token-1']));
    expect(endpoint.asked).toHaveLength(1);
    expect(Object.fromEntries(endpoint.asked[0]!.form)).toEqual({
      grant_type: 'client_credentials',
      scope: 'read write',
      audience: 'shop',
      resource: 'https://shop.test/',
    });
    clock.advance(300_000 - limits.tokenMarginMs - 1);
    expect((await tokens.token(reference, secret)).token).toBe('token-1');
    clock.advance(1);
    expect((await tokens.token(reference, secret)).token).toBe('token-2');
  });

  test('the client proves itself in the body where that is asked for', async () => {
    const endpoint = await startEndpoint();
    const tokens = new OAuthTokens(new FakeClock());
    const { token } = await tokens.token(referenceTo(endpoint, { authentication: 'body' }), secret);
    expect(token).toBe('token-1');
    expect(endpoint.asked[0]).toMatchObject({ authorization: '' });
    expect(endpoint.asked[0]!.form.get('client_id')).toBe('app');
  });

  test('by TLS, whose authority must be known', async () => {
    const { server, authority } = await makeCertificates();
    const endpoint = await startEndpoint(server);
    const tokens = new OAuthTokens(new FakeClock());
    expect((await tokens.token(referenceTo(endpoint, { ca: authority.cert }), secret)).token).toBe('token-1');
    const error = await failure(tokens.token(referenceTo(endpoint), secret));
    expect(error.message).toMatch(/^the token endpoint does not answer: unable to/);
    expect(endpoint.asked).toHaveLength(1);
  });

  test('another secret is another credential', async () => {
    const endpoint = await startEndpoint();
    const tokens = new OAuthTokens(new FakeClock());
    await tokens.token(referenceTo(endpoint), secret);
    expect((await failure(tokens.token(referenceTo(endpoint), 'wrong'))).message).toContain('invalid_client');
  });

  test('one that a target refused is exchanged, once for all that had it, and not at the pace of requests', async () => {
    const endpoint = await startEndpoint();
    const clock = new FakeClock();
    const tokens = new OAuthTokens(clock);
    const first = await tokens.token(referenceTo(endpoint), secret);
    const beside = await tokens.token(referenceTo(endpoint), secret);
    expect(first.renewal.refused()).toBe(false);
    clock.advance(limits.tokenRenewalPauseMs);
    expect(first.renewal.refused()).toBe(true);
    const second = await tokens.token(referenceTo(endpoint), secret);
    expect(second.token).toBe('token-2');
    // It had the old one, and the new one stays.
    expect(beside.renewal.refused()).toBe(true);
    expect(second.renewal.refused()).toBe(false);
    expect((await tokens.token(referenceTo(endpoint), secret)).token).toBe('token-2');
  });

  test('one that is not said to expire, and one that lasts for years', async () => {
    const endpoint = await startEndpoint();
    const clock = new FakeClock();
    let lifetime: unknown;
    let count = 0;
    endpoint.answer = (_asked, response) =>
      json(response, 200, { access_token: `t${++count}`, token_type: 'bearer', expires_in: lifetime });
    const tokens = new OAuthTokens(clock);
    await tokens.token(referenceTo(endpoint), secret);
    clock.advance(limits.tokenLifetimeDefaultMs);
    lifetime = 1e9;
    expect((await tokens.token(referenceTo(endpoint), secret)).token).toBe('t2');
    clock.advance(limits.tokenLifetimeMaxMs);
    lifetime = '10';
    expect((await tokens.token(referenceTo(endpoint), secret)).token).toBe('t3');
    // A fifth of a short life is kept back, not all of it.
    clock.advance(7_999);
    expect((await tokens.token(referenceTo(endpoint), secret)).token).toBe('t3');
    clock.advance(1);
    expect((await tokens.token(referenceTo(endpoint), secret)).token).toBe('t4');
  });
});

describe('an answer', () => {
  test.each([
    [
      'an ID token, which some give with the scope openid',
      { id_token: 'e30.e30.e30', refresh_token: 'r', scope: 'openid' },
    ],
    ['members that are null', { id_token: null, refresh_token: null, scope: null, expires_in: null }],
    ['members of its own', { scope: 'read', ext_expires_in: 0, not_before_policy: 0 }],
  ])('with %s', async (_name, more) => {
    const endpoint = await startEndpoint();
    endpoint.answer = (_asked, response) => json(response, 200, { access_token: 'abc', token_type: 'Bearer', ...more });
    expect((await new OAuthTokens(new FakeClock()).token(referenceTo(endpoint), secret)).token).toBe('abc');
  });
});

describe('refusals', () => {
  test('say what to do and nothing of the secret, and are kept for a moment', async () => {
    const endpoint = await startEndpoint();
    const clock = new FakeClock();
    const tokens = new OAuthTokens(clock);
    const error = await failure(tokens.token(referenceTo(endpoint), 'wrong-secret-value'));
    expect(error.message).toBe(
      'the token endpoint answers 401, invalid_client: it does not know the client, or not by this secret: compare clientId, clientSecret, authentication',
    );
    expect(inspect(error, { depth: 10 })).not.toContain('wrong-secret-value');
    await failure(tokens.token(referenceTo(endpoint), 'wrong-secret-value'));
    expect(endpoint.asked).toHaveLength(1);
    clock.advance(limits.tokenFailurePauseMs);
    await failure(tokens.token(referenceTo(endpoint), 'wrong-secret-value'));
    expect(endpoint.asked).toHaveLength(2);
  });

  test.each([
    [
      'a token that no field can hold',
      { access_token: 'a\r\nX: y', token_type: 'Bearer' },
      'no token that a head field',
    ],
    ['no token', { token_type: 'Bearer' }, 'no token: access_token,'],
    ['another type', { access_token: 'abc', token_type: 'mac' }, 'no bearer token'],
    ['no type', { access_token: 'abc' }, 'no token: access_token,'],
    ['an expired one', { access_token: 'abc', token_type: 'Bearer', expires_in: 0 }, 'expired'],
    ['one of before', { access_token: 'abc', token_type: 'Bearer', expires_in: -1 }, 'no token: access_token,'],
    ['one bound to a key', { access_token: 'abc', token_type: 'DPoP' }, 'no bearer token'],
    ['no object', 'abc', 'no token: access_token,'],
    ['nothing', null, 'no token: access_token,'],
  ])('%s', async (_name, value, message) => {
    const endpoint = await startEndpoint();
    endpoint.answer = (_asked, response) => json(response, 200, value);
    const error = await failure(new OAuthTokens(new FakeClock()).token(referenceTo(endpoint), secret));
    expect(error.message).toContain(message);
  });

  test('an answer that is no JSON is not repeated', async () => {
    const endpoint = await startEndpoint();
    endpoint.answer = (_asked, response) => response.end('<p>secret-in-a-page');
    const error = await failure(new OAuthTokens(new FakeClock()).token(referenceTo(endpoint), secret));
    expect(error.message).toContain('gives no token');
    expect(inspect(error, { depth: 10 })).not.toContain('secret-in-a-page');
  });

  test.each([
    // The challenge that section 5.2 asks for is no reason to leave the body unread.
    [401, { 'WWW-Authenticate': 'Basic realm="x"' }, '{"error":"invalid_client"}', '401, invalid_client: it does not'],
    [400, { 'Content-Type': 'text/html' }, '{"error":"invalid_scope"}', '400, invalid_scope: a scope is'],
    [403, { 'Content-Type': 'text/html' }, '<p>no', '403'],
    [400, {}, '{"error":"constructor"}', '400'],
    [204, {}, '', '204'],
    [503, {}, '{"error":"invalid_client"}', '503'],
    [799, {}, '', '799'],
  ])('status %i with %o', async (status, head, body, message) => {
    const endpoint = await startEndpoint();
    endpoint.answer = (_asked, response) => response.writeHead(status, head as Record<string, string>).end(body);
    const error = await failure(new OAuthTokens(new FakeClock()).token(referenceTo(endpoint), secret));
    expect(error.message).toMatch(new RegExp(`^the token endpoint answers ${message}`));
    if (/^\d+$/.test(message)) expect(error.message).toBe(`the token endpoint answers ${message}`);
  });

  test('a redirect is not followed, and an unknown error is not repeated', async () => {
    const endpoint = await startEndpoint();
    endpoint.answer = (_asked, response) =>
      response.writeHead(302, { Location: endpoint.url }).end('{"error":"<script>"}');
    const error = await failure(new OAuthTokens(new FakeClock()).token(referenceTo(endpoint), secret));
    expect(error.message).toBe('the token endpoint answers 302');
    expect(endpoint.asked).toHaveLength(1);
  });

  test('an answer at the limit is read, one past it is not', async () => {
    const endpoint = await startEndpoint();
    let bytes = limits.tokenAnswerBytesMax;
    endpoint.answer = (_asked, response) => {
      const text = JSON.stringify({ access_token: 'abc', token_type: 'Bearer' });
      response.end(text + ' '.repeat(bytes - text.length));
    };
    expect((await new OAuthTokens(new FakeClock()).token(referenceTo(endpoint), secret)).token).toBe('abc');
    bytes++;
    const error = await failure(new OAuthTokens(new FakeClock()).token(referenceTo(endpoint), secret));
    expect(error.message).toContain('more than a token');
  });

  test('an endpoint that says nothing is waited for no longer than the deadline', async () => {
    const endpoint = await startEndpoint();
    const clock = new FakeClock();
    const arrived = new Promise<void>((resolve) => {
      endpoint.answer = () => resolve();
    });
    const asking = failure(new OAuthTokens(clock).token(referenceTo(endpoint), secret));
    await arrived;
    clock.advance(limits.tokenDeadlineMs);
    expect((await asking).message).toContain('did not answer in time');
  });

  test('in clear, no further than this machine', async () => {
    const endpoint = await startEndpoint();
    const reference = { ...referenceTo(endpoint), tokenUrl: 'http://sso.example/token' };
    const error = await failure(new OAuthTokens(new FakeClock()).token(reference, secret));
    expect(error.message).toBe('the token endpoint must be https');
  });
});
