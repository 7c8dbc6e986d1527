/** The device grant at a provider that takes it with PKCE alone, as Keycloak does of a client that has to use PKCE. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryOnce } from '../testing/factors.ts';
import { sign, signingKey } from '../testing/issuer.ts';
import { createOidc, type Oidc } from './oidc.ts';

const key = signingKey('ES256', 'k1');
const clock = new FakeClock(Date.now());
const asked: URLSearchParams[] = [];
let issuer = '';
let methods: readonly string[];
let oidc: Oidc;

const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const form = new URLSearchParams(Buffer.concat(parts).toString());
  const [status, body] = await pageOf(request.url ?? '', form);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function pageOf(path: string, form: URLSearchParams): Promise<[number, object]> {
  if (path === '/jwks') return [200, { keys: [key.jwk] }];
  if (path === '/device') {
    asked.push(form);
    if (form.get('code_challenge_method') !== 'S256') return [400, { error: 'invalid_request' }];
    const page = { user_code: 'ABCD-EFGH', verification_uri: `${issuer}/page`, expires_in: 600, interval: 5 };
    return [200, { device_code: form.get('code_challenge'), ...page }];
  }
  if (path === '/token') {
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (challenge !== form.get('device_code')) return [400, { error: 'invalid_grant' }];
    const seconds = Math.floor(clock.now() / 1000);
    const claims = { iss: issuer, aud: 'sallyport', sub: 'u-ana', preferred_username: 'ana' };
    const idToken = await sign(key, { ...claims, iat: seconds, exp: seconds + 300 });
    return [200, { access_token: 'a', token_type: 'Bearer', id_token: idToken }];
  }
  return [
    200,
    {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      token_endpoint: `${issuer}/token`,
      device_authorization_endpoint: `${issuer}/device`,
      id_token_signing_alg_values_supported: ['ES256'],
      code_challenge_methods_supported: methods,
    },
  ];
}

function another(): Oidc {
  const spec = { issuer, clientId: 'sallyport', scopes: [], groups: { claim: 'groups' }, private: true };
  return createOidc({
    clock,
    log: silentLog,
    once: new MemoryOnce(() => clock.now()),
    providers: () => [{ name: 'corp', spec: { ...spec, subject: 'sub' } }],
    clientSecret: async () => '',
  });
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('PKCE goes along where the provider refuses without', async () => {
  methods = ['plain', 'S256'];
  oidc = another();
  asked.length = 0;
  const { id } = await oidc.beginDevice({ provider: 'corp' });
  expect(asked.map((form) => form.has('code_challenge'))).toEqual([false, true]);
  expect(await oidc.pollDevice(id)).toMatchObject({ outcome: 'proven', subject: { subject: 'u-ana' } });
});

test('and does not where it knows none: what it refuses is refused', async () => {
  methods = [];
  oidc = another();
  asked.length = 0;
  await expect(oidc.beginDevice({ provider: 'corp' })).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
  expect(asked).toHaveLength(1);
});
