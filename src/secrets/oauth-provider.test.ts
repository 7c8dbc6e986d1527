/** Tokens by the client credentials grant, from a real authorisation server on a loopback address. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type AuthorisationServer,
  resourceOfTokens,
  startAuthorisationServer,
  tokenLifetime,
} from '../../test/servers/authorisation.ts';
import { FakeClock } from '../base/clock.ts';
import type { OAuthReference } from '../core/resource.ts';
import * as limits from './limits.ts';
import { OAuthTokens } from './oauth.ts';

// Every character that a form encodes in a way of its own (RFC 6749, appendix B).
const secret = 'p%-_.~!*\'()+/ :&="5d1e';
const clients = {
  basic: { clientId: 'app:1 %', clientSecret: secret, method: 'client_secret_basic' },
  body: { clientId: 'app-2', clientSecret: secret, method: 'client_secret_post' },
  codes: { clientId: 'codes', clientSecret: secret, method: 'client_secret_basic', mayGrant: false },
} as const;

let server: AuthorisationServer;
let clock: FakeClock;
let tokens: OAuthTokens;

beforeAll(async () => {
  server = await startAuthorisationServer(Object.values(clients));
});

afterAll(() => server.close());

beforeEach(() => {
  clock = new FakeClock();
  tokens = new OAuthTokens(clock);
});

function referenceFor(client: keyof typeof clients, change: Partial<OAuthReference> = {}): OAuthReference {
  return {
    tokenUrl: server.tokenUrl,
    clientId: clients[client].clientId,
    clientSecret: { provider: 'env', name: 'UNUSED' },
    scopes: ['read'],
    audience: null,
    resource: resourceOfTokens,
    authentication: client === 'body' ? 'body' : 'basic',
    ca: null,
    ...change,
  };
}

/** What a JWT says; whoever it is for would check its signature. */
function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

async function failure(asking: Promise<unknown>): Promise<Error> {
  return asking.then(
    () => {
      throw new Error('did not reject');
    },
    (error: Error) => error,
  );
}

describe('an authorisation server gives', () => {
  test.each(['basic', 'body'] as const)(
    'a token for the resource and the scopes, with the proof: %s',
    async (client) => {
      const { token } = await tokens.token(referenceFor(client, { scopes: ['read', 'write'] }), secret);
      const claims = claimsOf(token);
      expect(claims).toMatchObject({
        client_id: clients[client].clientId,
        aud: resourceOfTokens,
        scope: 'read write',
      });
      expect(Number(claims['exp']) - Number(claims['iat'])).toBe(tokenLifetime);
      const { authorization, 'user-agent': agent } = server.asked.at(-1)!;
      expect([authorization?.split(' ')[0], agent]).toEqual([client === 'basic' ? 'Basic' : undefined, undefined]);
    },
  );

  test('only the scopes that were asked for', async () => {
    expect(claimsOf((await tokens.token(referenceFor('basic'), secret)).token)).toMatchObject({ scope: 'read' });
  });

  test('an opaque token where no resource is named', async () => {
    const { token } = await tokens.token(referenceFor('basic', { resource: null, scopes: [] }), secret);
    expect(token).toMatch(/^[\w-]{20,}$/);
  });

  test('one token for many at a time, and the next shortly before that expires', async () => {
    const reference = referenceFor('basic');
    const before = server.asked.length;
    const all = await Promise.all(Array.from({ length: 20 }, () => tokens.token(reference, secret)));
    expect(new Set(all.map(({ token }) => token)).size).toBe(1);
    expect(server.asked).toHaveLength(before + 1);
    const marginMs = Math.min(limits.tokenMarginMs, (tokenLifetime * 1000) / 5);
    clock.advance(tokenLifetime * 1000 - marginMs - 1);
    expect((await tokens.token(reference, secret)).token).toBe(all[0]!.token);
    clock.advance(1);
    expect((await tokens.token(reference, secret)).token).not.toBe(all[0]!.token);
    expect(server.asked).toHaveLength(before + 2);
  });
});

describe('its refusal says what to do, of', () => {
  const unknown =
    /^the token endpoint answers 40[01], invalid_client: it does not know the client, or not by this secret: compare clientId, clientSecret, authentication$/;

  test.each(['basic', 'body'] as const)('a wrong secret, with the proof: %s', async (client) => {
    const error = await failure(tokens.token(referenceFor(client), 'a-wrong-secret'));
    expect(error.message).toMatch(unknown);
    expect(inspect(error, { depth: 10 })).not.toContain('a-wrong-secret');
  });

  test('an unknown client', async () => {
    expect((await failure(tokens.token(referenceFor('basic', { clientId: 'nobody' }), secret))).message).toMatch(
      unknown,
    );
  });

  test.each([
    [
      'a resource that it does not know',
      { resource: 'https://other.test/' },
      'invalid_target: it does not know the audience',
    ],
    ['a scope with characters that none has', { scopes: ['a"b'] }, 'invalid_scope: a scope is unknown'],
  ])('%s', async (_name, change, message) => {
    const error = await failure(tokens.token(referenceFor('basic', change), secret));
    expect(error.message).toContain(`the token endpoint answers 400, ${message}`);
  });

  test('a client that may not have tokens so', async () => {
    const error = await failure(tokens.token(referenceFor('codes'), secret));
    expect(error.message).toContain('the token endpoint answers 400, invalid_request');
  });
});
