/** Tokens of workloads, right and wrong, by attack id. */
import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { ForgingIssuer, forge, sign, signingKey } from '../testing/issuer.ts';
import { createWorkloadTokens, type WorkloadProvider, type WorkloadTokens } from './workload.ts';

const audience = 'https://sallyport.corp.test';
const rsa = signingKey('RS256', 'rsa');
const ec = signingKey('ES256', 'ec');
const ed = signingKey('EdDSA', 'ed');
const stranger = signingKey('RS256', 'rsa');

let issuer: ForgingIssuer;
let clock: FakeClock;
let lines: string[];
let tokens: WorkloadTokens;

beforeAll(async () => {
  issuer = await new ForgingIssuer().start();
});
afterAll(() => issuer.close());

beforeEach(() => {
  issuer.keys = [rsa.jwk, ec.jwk, ed.jwk];
  issuer.metadata = {};
  issuer.pages.clear();
  issuer.asked.length = 0;
  clock = new FakeClock();
  lines = [];
  tokens = another();
});

function another(): WorkloadTokens {
  const warn = (_: string, fields?: { detail?: unknown }): void => void lines.push(String(fields?.detail));
  return createWorkloadTokens({ clock, log: { ...silentLog, warn }, random: () => 0 });
}

function provider(change: Partial<WorkloadProvider['spec']> = {}): WorkloadProvider {
  return { name: 'ci', spec: { issuer: issuer.issuer, audience, private: true, ...change } };
}

function claims(change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const now = clock.now() / 1000;
  const all = {
    iss: issuer.issuer,
    aud: audience,
    sub: 'repo:corp/shop:ref:refs/heads/main',
    iat: now,
    exp: now + 300,
  };
  return Object.fromEntries(Object.entries({ ...all, ...change }).filter(([, value]) => value !== undefined));
}

async function outcome(token: string, of = provider()): Promise<string> {
  try {
    await tokens.verifyWorkloadToken(token, of);
    return 'accepted';
  } catch (error) {
    const { code, publicMessage } = error as { code: string; publicMessage: string };
    // Outside, every reason looks the same.
    expect([code, publicMessage]).toEqual([
      'identity.workload-refused',
      'The token was not accepted. An operator finds the reason in the log.',
    ]);
    return lines.at(-1)!;
  }
}

describe('accepted is', () => {
  test.each([rsa, ec, ed])('a signature by $alg, with discovered keys', async (key) => {
    const token = await sign(key, claims({ job: 'deploy' }));
    expect(await tokens.verifyWorkloadToken(token, provider())).toMatchObject({
      issuer: issuer.issuer,
      subject: 'repo:corp/shop:ref:refs/heads/main',
      claims: { job: 'deploy' },
      expiresAtMs: clock.now() + 300_000,
    });
  });

  test('a signature by a key that the operator gave, without the issuer being asked', async () => {
    const jwks = JSON.stringify({ keys: [ec.jwk] });
    expect(await outcome(await sign(ec, claims()), provider({ jwks }))).toBe('accepted');
    expect(await outcome(await sign(rsa, claims()), provider({ jwks }))).toContain('no key of the issuer');
    expect(issuer.asked).toEqual([]);
  });

  test('a list of one audience; a token without kid, of one of many keys; one without typ', async () => {
    issuer.keys = [signingKey('RS256', 'a').jwk, rsa.jwk, signingKey('RS256', 'b').jwk];
    expect(await outcome(await sign(rsa, claims({ aud: [audience] })))).toBe('accepted');
    expect(await outcome(await sign(rsa, claims(), { kid: undefined, typ: undefined }))).toBe('accepted');
  });

  test('a key without alg, by its type', async () => {
    const { alg: _alg, ...jwk } = ec.jwk as { alg: string };
    issuer.keys = [jwk];
    expect(await outcome(await sign(ec, claims()))).toBe('accepted');
  });
});

describe('A-ID-01: refused is', () => {
  const header = { alg: 'HS256', typ: 'JWT', kid: 'rsa' };
  const spki = (): string => String(rsa.publicKey.export({ type: 'spki', format: 'pem' }));

  test.each(['none', 'None', 'NONE', 'nOnE', ''])('alg %j', async (alg) => {
    expect(await outcome(forge({ alg, typ: 'JWT', kid: 'rsa' }, claims(), null))).not.toBe('accepted');
  });

  test.each([
    ['the public key in PEM', () => spki()],
    ['PEM with a space before it', () => ` ${spki()}`],
    ['PEM without its last line end', () => spki().trimEnd()],
    ['its DER', () => rsa.publicKey.export({ type: 'spki', format: 'der' })],
    ['its modulus', () => String(rsa.jwk['n'])],
    ['nothing', () => ''],
  ])('HS256 with %s', async (_, secret) => {
    expect(await outcome(forge(header, claims(), secret()))).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  });

  test('HS256 with a secret key that stands in the key set', async () => {
    const k = Buffer.from('a secret of thirty-two characters');
    issuer.keys = [{ kty: 'oct', k: k.toString('base64url'), kid: 'oct', alg: 'HS256' }, rsa.jwk];
    issuer.metadata = { id_token_signing_alg_values_supported: ['HS256', 'RS256', 'none'] };
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'oct' }).sign(createSecretKey(k));
    expect(await outcome(token)).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  });

  test('a key set of secret keys alone', async () => {
    issuer.keys = [{ kty: 'oct', k: 'c2VjcmV0', kid: 'oct' }];
    const failing = tokens.verifyWorkloadToken(await sign(rsa, claims()), provider());
    await expect(failing).rejects.toMatchObject({ code: 'identity.provider-unreachable' });
  });

  test('an algorithm that the issuer does not use', async () => {
    issuer.metadata = { id_token_signing_alg_values_supported: ['RS256'] };
    expect(await outcome(await sign(ec, claims()))).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  });

  test.each([
    ['of another type than alg says', { kid: 'ec' }],
    ['that is not there', { kid: 'another' }],
    ['that is a path', { kid: '../../../../dev/null' }],
    ['that is a URL', { kid: 'https://evil.test/key' }],
    ['that is an injection', { kid: "x' UNION SELECT 'key" }],
  ])('a kid %s', async (_, change) => {
    expect(await outcome(await sign(rsa, claims(), change))).toContain('no key of the issuer has signed it');
  });

  test('a key that stands for encryption', async () => {
    issuer.keys = [{ ...rsa.jwk, use: 'enc' }];
    expect(await outcome(await sign(rsa, claims()))).toContain('no key of the issuer');
  });

  test.each([
    ['jwk', () => ({ jwk: stranger.jwk })],
    ['jku', () => ({ jku: `${issuer.issuer}/evil` })],
    ['x5u', () => ({ x5u: `${issuer.issuer}/evil` })],
    ['x5c', () => ({ x5c: ['MIIB'] })],
  ])('a key that the token brings by %s, which is not looked at', async (_, extra) => {
    issuer.pages.set('/evil', { body: { keys: [stranger.jwk] } });
    expect(await outcome(await sign(stranger, claims(), extra()))).toContain('no key of the issuer');
    expect(issuer.asked.map(({ path }) => path)).not.toContain('/evil');
  });

  test.each([
    ['is not understood', { crit: ['policy'], policy: 'x' }],
    ['leaves the payload unencoded', { crit: ['b64'], b64: false }],
    ['is no list', { crit: 'exp' }],
    ['is empty', { crit: [] }],
  ])('crit that %s', async (_, extra) => {
    const [, payload, signature] = (await sign(rsa, claims())).split('.');
    const token = `${encoded({ alg: 'RS256', kid: 'rsa', ...extra })}.${payload}.${signature}`;
    expect(await outcome(token)).toMatch(/^ERR_(JOSE_NOT_SUPPORTED|JWS_INVALID)$|^no key/);
  });

  function encoded(value: unknown): string {
    return Buffer.from(JSON.stringify(value)).toString('base64url');
  }

  test.each([
    ['changed claims', (token: string) => token.replace(/\.[^.]+\./, `.${encoded(claims({ sub: 'root' }))}.`)],
    ['no signature', (token: string) => token.replace(/[^.]+$/, '')],
    ['two parts', (token: string) => token.split('.').slice(0, 2).join('.')],
    ['five parts', (token: string) => `${token}.a.b`],
    ['nothing', () => ''],
    ['no JSON', () => 'YQ.YQ.YQ'],
    ['another form', (token: string) => JSON.stringify({ payload: token })],
    ['its own length', () => 'a'.repeat(262_145)],
  ])('a token with %s', async (_, change) => {
    expect(await outcome(change(await sign(rsa, claims())))).not.toBe('accepted');
  });

  test.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'oauth-authz-req+jwt'])(
    'a token of the kind %s',
    async (typ) => {
      expect(await outcome(await sign(rsa, claims(), { typ }))).toContain('its typ');
    },
  );
});

describe('A-ID-02: refused is', () => {
  test.each([
    ['another aud', { aud: 'https://other.test' }],
    ['an aud that begins so', { aud: `${audience}/` }],
    ['an aud beside another', { aud: [audience, 'https://other.test'] }],
    ['an empty list of them', { aud: [] }],
    ['no aud', { aud: undefined }],
    ['an aud that is no text', { aud: { 0: audience } }],
    ['another issuer', { iss: 'https://other.test' }],
    ['no issuer', { iss: undefined }],
    ['no sub', { sub: undefined }],
    ['a sub that is no text', { sub: 7 }],
    ['an empty sub', { sub: '' }],
  ])('%s', async (_, change: Readonly<Record<string, unknown>>) => {
    expect(await outcome(await sign(rsa, claims(change)))).not.toBe('accepted');
  });

  test('an issuer with a slash more', async () => {
    expect(await outcome(await sign(rsa, claims({ iss: `${issuer.issuer}/` })))).toContain('its iss');
  });

  test('a token of an issuer whose discovery says another name', async () => {
    issuer.metadata = { issuer: `${issuer.issuer}/` };
    const failing = tokens.verifyWorkloadToken(await sign(rsa, claims()), provider());
    await expect(failing).rejects.toMatchObject({ code: 'identity.provider-unreachable' });
    expect(lines[0]).toContain('not exactly the one that is configured');
  });
});

describe('A-ID-03: times', () => {
  test.each([
    ['exp 59 s ago', { exp: -59 }, true],
    ['exp 61 s ago', { exp: -61 }, false],
    ['nbf in 59 s', { nbf: 59 }, true],
    ['nbf in 61 s', { nbf: 61 }, false],
    ['iat in 59 s', { iat: 59 }, true],
    ['iat in 61 s', { iat: 61 }, false],
    ['a life of a day', { exp: 86_400 }, true],
    ['a life of a day and a second', { exp: 86_401 }, false],
    ['a life of ten years', { exp: 10 * 365 * 86_400 }, false],
    ['iat ten years ago, for a life of ten years', { iat: -10 * 365 * 86_400 + 300 }, false],
  ])('%s', async (_, offsets, isAccepted) => {
    const now = clock.now() / 1000;
    const change = Object.fromEntries(
      Object.entries({ iat: -120, exp: 300, ...offsets }).map(([k, v]) => [k, now + v]),
    );
    if ('exp' in offsets && offsets.exp > 80_000) change['iat'] = now;
    expect((await outcome(await sign(rsa, claims(change)))) === 'accepted').toBe(isAccepted);
  });

  test.each([
    ['no exp', { exp: undefined }],
    ['no iat', { iat: undefined }],
    ['exp that is text', { exp: '9999999999' }],
    ['iat that is text', { iat: 'now' }],
    ['nbf that is text', { nbf: 'now' }],
    ['exp without end', { exp: 1e300 }],
  ])('%s is refused', async (_, change) => {
    expect(await outcome(await sign(rsa, claims(change)))).not.toBe('accepted');
  });

  test('our clock counts, as it is when the token comes', async () => {
    const token = await sign(rsa, claims());
    clock.advance(359_000);
    expect(await outcome(token)).toBe('accepted');
    clock.advance(2_000);
    expect(await outcome(token)).toContain('exp');
  });
});

describe('F-06', () => {
  const jwks = (): number => issuer.asked.filter(({ path }) => path === '/jwks').length;

  test('many tokens with unknown keys make one look in half a minute', async () => {
    await outcome(await sign(rsa, claims()));
    clock.advance(30_000);
    const before = jwks();
    for (let i = 0; i < 20; i++)
      expect(await outcome(await sign(rsa, claims(), { kid: `k${i}` }))).not.toBe('accepted');
    expect(jwks()).toBe(before + 1);
  });

  test('a new key under an old name is found', async () => {
    await outcome(await sign(rsa, claims()));
    issuer.keys = [stranger.jwk];
    expect(await outcome(await sign(stranger, claims()))).not.toBe('accepted');
    clock.advance(30_000);
    expect(await outcome(await sign(stranger, claims()))).toBe('accepted');
    expect(await outcome(await sign(rsa, claims()))).not.toBe('accepted');
  });

  test('keys serve for an hour while the issuer does not answer, and no longer', async () => {
    await outcome(await sign(rsa, claims()));
    for (const path of ['/jwks', '/.well-known/openid-configuration'])
      issuer.pages.set(path, { status: 503, body: {} });
    clock.advance(59 * 60_000);
    expect(await outcome(await sign(rsa, claims()))).toBe('accepted');
    clock.advance(2 * 60_000);
    const failing = tokens.verifyWorkloadToken(await sign(rsa, claims()), provider());
    await expect(failing).rejects.toMatchObject({ code: 'identity.provider-unreachable' });
    issuer.pages.clear();
    clock.advance(60_000);
    expect(await outcome(await sign(rsa, claims()))).toBe('accepted');
  });

  test.each([
    ['an error', { status: 500, body: {} }],
    ['no JSON', { body: '<html>' }],
    ['a list', { body: [] }],
    ['a redirection', { status: 302, body: {} }],
    ['too much', { body: 'x'.repeat(1024 * 1024 + 1) }],
  ])('discovery that is %s', async (_, page) => {
    issuer.pages.set('/.well-known/openid-configuration', page);
    const failing = another().verifyWorkloadToken(await sign(rsa, claims()), provider());
    await expect(failing).rejects.toMatchObject({ code: 'identity.provider-unreachable' });
    expect(lines).toHaveLength(1);
  });
});
