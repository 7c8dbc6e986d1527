/** ID tokens, userinfo and logout tokens made by hand, right and wrong, by attack id. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryOnce } from '../testing/factors.ts';
import { ForgingIssuer, forge, sign, signingKey } from '../testing/issuer.ts';
import type { SignedOn } from './id-token.ts';
import { type BeginOptions, createOidc, type Oidc } from './oidc.ts';
import type { OidcProvider, OidcSpec } from './provider.ts';

type Fields = Readonly<Record<string, unknown>>;

const key = signingKey('RS256', 'one');
const redirectUri = 'https://console.test/signed-on';
const browser = 'a-secret-of-one-browser-0123456789';

let issuer: ForgingIssuer;
let other: ForgingIssuer;
let clock: FakeClock;
let oidc: Oidc;
let spec: OidcSpec;
let lines: string[];

beforeAll(async () => {
  issuer = await new ForgingIssuer().start();
  other = await new ForgingIssuer().start();
});
afterAll(() => Promise.all([issuer.close(), other.close()]));

beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  Object.assign(issuer, { keys: [key.jwk], metadata: {}, tokens: {}, userinfo: null });
  issuer.pages.clear();
  issuer.asked.length = 0;
  other.asked.length = 0;
  spec = {
    issuer: issuer.issuer,
    clientId: 'sallyport',
    scopes: ['profile'],
    subject: 'sub',
    groups: { claim: 'groups' },
    private: true,
  };
  oidc = another();
});

function another(): Oidc {
  const warn = (_: string, fields?: { detail?: unknown }): void => void lines.push(String(fields?.detail));
  const providers = (): OidcProvider[] => [{ name: 'corp', spec }];
  return createOidc({
    clock,
    log: { ...silentLog, warn },
    once: new MemoryOnce(() => clock.now()),
    providers,
    clientSecret: async () => 'unused',
    random: () => 0,
  });
}

function now(): number {
  return clock.now() / 1000;
}

function claims(change: Fields = {}): Record<string, unknown> {
  const all = {
    iss: issuer.issuer,
    aud: 'sallyport',
    sub: 'u-1',
    preferred_username: 'ana',
    iat: now(),
    exp: now() + 300,
  };
  return Object.fromEntries(Object.entries({ ...all, ...change }).filter(([, value]) => value !== undefined));
}

interface Making {
  readonly header?: Fields;
  readonly token?: (whole: Record<string, unknown>) => Promise<string> | string;
  readonly begin?: Partial<BeginOptions>;
}

/** A whole sign-on whose ID token has these claims, and the nonce that was asked with unless they say another. */
async function signOn(change: Fields = {}, { header, token, begin }: Making = {}): Promise<SignedOn> {
  const { url } = await oidc.begin({ provider: 'corp', redirectUri, browser, ...begin });
  const asked = new URL(url).searchParams;
  const whole = claims({ nonce: asked.get('nonce'), ...change });
  issuer.tokens = { id_token: await (token?.(whole) ?? sign(key, whole, header)), ...issuer.tokens };
  const callbackUrl = `${redirectUri}?code=c&state=${asked.get('state')}`;
  return oidc.complete({ provider: 'corp', callbackUrl, browser });
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (failure: unknown) => failure as { code: string },
  );
  return error === null ? 'accepted' : `${error.code}: ${lines.at(-1)}`;
}

test('a token that is right is accepted, with what its provider says', async () => {
  const { subject } = await signOn({
    name: 'Ana',
    groups: ['a', 'a'],
    amr: ['mfa', 7],
    sid: 's',
    auth_time: now() - 5,
  });
  expect(subject).toMatchObject({
    subject: 'u-1',
    name: 'ana',
    displayName: 'Ana',
    groups: ['a'],
    factors: ['mfa'],
    session: 's',
    provenAtMs: clock.now() - 5_000,
  });
});

describe('A-ID-01: an ID token is refused that', () => {
  test.each([
    ['has alg none', (whole: Fields) => forge({ alg: 'none' }, whole, null)],
    [
      'is signed with HS256 and the public key',
      (whole: Fields) => forge({ alg: 'HS256' }, whole, String(key.publicKey.export({ type: 'spki', format: 'pem' }))),
    ],
    ['is signed with HS256 and the client secret', (whole: Fields) => forge({ alg: 'HS256' }, whole, 'unused')],
    ['is signed by another key of that name', (whole: Fields) => sign(signingKey('RS256', 'one'), { ...whole })],
    [
      'brings its key',
      (whole: Fields) => {
        const own = signingKey('RS256', 'own');
        return sign(own, { ...whole }, { jwk: own.jwk });
      },
    ],
    ['is a logout token', (whole: Fields) => sign(key, { ...whole }, { typ: 'logout+jwt' })],
    ['is an access token', (whole: Fields) => sign(key, { ...whole }, { typ: 'at+jwt' })],
  ])('%s', async (_, token) => {
    issuer.metadata = { id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'] };
    expect(await refusal(signOn({}, { token }))).toMatch(/^identity.sign-on-refused/);
  });
});

describe('A-ID-02: whom it is for', () => {
  test.each([
    ['ours in a list', { aud: ['sallyport'] }, true],
    ['ours, issued to us', { azp: 'sallyport' }, true],
    ['others too, issued to us', { aud: ['sallyport', 'api'], azp: 'sallyport' }, true],
    ['others too, issued to nobody', { aud: ['sallyport', 'api'] }, false],
    ['others too, issued to another', { aud: ['sallyport', 'api'], azp: 'api' }, false],
    ['ours, issued to another', { azp: 'api' }, false],
    ['another', { aud: 'api' }, false],
    ['nobody', { aud: [] }, false],
    ['none said', { aud: undefined }, false],
    ['of another issuer', { iss: 'https://other.test' }, false],
    ['of nobody', { sub: undefined }, false],
    ['of somebody empty', { sub: '' }, false],
    ['of somebody with a line end', { sub: 'a\nb' }, false],
    ['of somebody too long', { sub: 'x'.repeat(513) }, false],
  ])('%s', async (_, change: Fields, isAccepted) => {
    const answer = await refusal(signOn(change));
    expect(answer).toMatch(isAccepted ? /^accepted$/ : /^identity.sign-on-refused/);
  });

  test('of another tenant', async () => {
    expect(await refusal(signOn({ iss: `${issuer.issuer}/tenant-2` }))).toMatch(/^identity.sign-on-refused/);
  });

  test.each([
    ['its own access token', 'an-access-token', true],
    ['another access token', 'another', false],
  ])('at_hash of %s', async (_, of, isAccepted) => {
    const hash = createHash('sha256').update(of).digest().subarray(0, 16).toString('base64url');
    expect((await refusal(signOn({ at_hash: hash }))) === 'accepted').toBe(isAccepted);
  });

  test('at_hash that is no text', async () => {
    expect(await refusal(signOn({ at_hash: 7 }))).toContain('at_hash');
  });
});

describe('A-ID-03: times', () => {
  test.each([
    ['exp 59 s ago', { exp: -59, iat: -300 }, true],
    ['exp 61 s ago', { exp: -61, iat: -300 }, false],
    ['nbf in 59 s', { nbf: 59 }, true],
    ['nbf in 61 s', { nbf: 61 }, false],
    ['iat in 59 s', { iat: 59 }, true],
    ['iat in 61 s', { iat: 61 }, false],
    ['iat 659 s ago', { iat: -659 }, true],
    ['iat 661 s ago', { iat: -661 }, false],
  ])('%s', async (_, offsets, isAccepted) => {
    const change = Object.fromEntries(Object.entries(offsets).map(([name, seconds]) => [name, now() + seconds]));
    expect((await refusal(signOn(change))) === 'accepted').toBe(isAccepted);
  });

  test.each([
    ['no exp', { exp: undefined }],
    ['no iat', { iat: undefined }],
  ])('%s', async (_, change) => {
    expect(await refusal(signOn(change))).toMatch(/^identity.sign-on-refused/);
  });

  test.each([
    ['now', 0, true],
    ['359 s ago', -359, true],
    ['361 s ago', -361, false],
    ['in 61 s', 61, false],
    ['not said', null, false],
  ])('auth_time %s, where five minutes were asked for', async (_, seconds, isAccepted) => {
    const change = seconds === null ? {} : { auth_time: now() + seconds };
    const answer = await refusal(signOn(change, { begin: { maxAgeSeconds: 300 } }));
    expect(answer === 'accepted').toBe(isAccepted);
  });

  test.each([
    ['one of those asked for', { acr: 'mfa' }, true],
    ['another', { acr: 'pwd' }, false],
    ['none', {}, false],
    ['a list', { acr: ['mfa'] }, false],
  ])('acr that is %s', async (_, change, isAccepted) => {
    const answer = await refusal(signOn(change, { begin: { acr: ['mfa', 'hwk'] } }));
    expect(answer === 'accepted').toBe(isAccepted);
  });
});

describe('A-ID-04: refused is', () => {
  test.each([
    ['no nonce', undefined],
    ['another nonce', 'another'],
    ['an empty nonce', ''],
  ])('%s', async (_, nonce) => {
    expect(await refusal(signOn({ nonce }))).toMatch(/^identity.sign-on-refused/);
  });

  test('an answer without an ID token', async () => {
    issuer.tokens = { id_token: undefined };
    expect(await refusal(signOn())).toMatch(/^identity.sign-on-refused/);
  });
});

describe('A-ID-05: names', () => {
  test.each([
    ['preferred_username', undefined, { preferred_username: 'Ana.Lima' }, 'ana.lima'],
    ['a domain that is ours', { claim: 'upn', domain: 'corp.com' }, { upn: 'Ana@CORP.com' }, 'ana'],
    ['a prefix', { claim: 'upn', prefix: 'x-' }, { upn: 'ana' }, 'x-ana'],
    [
      'a verified address',
      { claim: 'email', domain: 'corp.com' },
      { email: 'ana@corp.com', email_verified: true },
      'ana',
    ],
  ])('by %s', async (_, name, change, expected) => {
    spec = { ...spec, name };
    expect((await signOn(change)).subject.name).toBe(expected);
  });

  const byEmail = { claim: 'email', domain: 'corp.com' };
  test.each([
    ['two @', 'identity.name-refused', 'a@b@corp.com', true],
    ['another domain', 'identity.name-refused', 'a@evil.com', true],
    ['a domain within', 'identity.name-refused', 'a@corp.com.evil.com', true],
    ['no domain', 'identity.name-refused', 'admin', true],
    ['a Cyrillic letter', 'identity.name-refused', '\u0430na@corp.com', true],
    ['a Kelvin sign', 'identity.name-refused', '\u212aim@corp.com', true],
    ['full-width letters', 'identity.name-refused', '\uff41na@corp.com', true],
    ['nothing before the @', 'identity.name-refused', '@corp.com', true],
    ['a plus', 'identity.name-refused', 'a+b@corp.com', true],
    ['a line end', 'identity.name-refused', 'ana@corp.com\n', true],
    ['64 characters', 'identity.name-refused', `${'a'.repeat(64)}@corp.com`, true],
    ['an address that is not verified', 'identity.email-unverified', 'ana@corp.com', false],
    ['an address of which nothing is said', 'identity.email-unverified', 'ana@corp.com', undefined],
    ['an address that is verified by another word', 'identity.email-unverified', 'ana@corp.com', 'yes'],
  ])('%s: %s', async (_, code, email, verified) => {
    spec = { ...spec, name: byEmail };
    await expect(signOn({ email, email_verified: verified })).rejects.toMatchObject({ code });
  });

  test('63 characters are a name', async () => {
    expect((await signOn({ preferred_username: 'a'.repeat(63) })).subject.name).toHaveLength(63);
  });

  test('an address of userinfo is not verified by the ID token of another', async () => {
    spec = { ...spec, name: byEmail };
    issuer.userinfo = { sub: 'u-1', email: 'root@corp.com', email_verified: true };
    await expect(signOn({ email: 'ana@corp.com' })).rejects.toMatchObject({ code: 'identity.email-unverified' });
  });

  test('identity is sub, or oid where that is configured, whatever the address', async () => {
    expect((await signOn({ email: 'root@corp.com' })).subject).toMatchObject({
      subject: 'u-1',
      email: 'root@corp.com',
    });
    spec = { ...spec, subject: 'oid' };
    issuer.tokens = {};
    expect((await signOn({ oid: 'o-1' })).subject.subject).toBe('o-1');
    issuer.tokens = {};
    issuer.userinfo = { sub: 'u-1', oid: 'o-2' };
    expect(await refusal(signOn())).toContain('its oid');
  });

  test('what people read has nothing hidden in it', async () => {
    expect((await signOn({ name: 'Ana\u202eanimdA', email: 'a\u0000b' })).subject).toMatchObject({
      displayName: null,
      email: null,
    });
  });
});

describe('userinfo', () => {
  test('adds to the ID token, and changes nothing of it', async () => {
    issuer.userinfo = { sub: 'u-1', preferred_username: 'root', groups: ['a'], auth_time: 1, sid: 'x', amr: ['mfa'] };
    const { subject } = await signOn();
    expect(subject).toMatchObject({ name: 'ana', groups: ['a'], provenAtMs: null, session: null, factors: [] });
  });

  test.each([
    ['of somebody else', { body: { sub: 'u-2' } }],
    ['of nobody', { body: {} }],
    ['a JWT', { type: 'application/jwt', body: 'a.b.c' }],
    ['an error', { status: 403, body: {} }],
  ])('refuses the sign-on where it is %s', async (_, page) => {
    issuer.userinfo = {};
    issuer.pages.set('/userinfo', page);
    expect(await refusal(signOn())).toMatch(/^identity.sign-on-refused/);
  });

  test('refuses it as unreachable where it is not there', async () => {
    issuer.userinfo = {};
    issuer.pages.set('/userinfo', { status: 503, body: {} });
    expect(await refusal(signOn())).toMatch(/^identity.provider-unreachable/);
  });
});

describe('groups', () => {
  const refused = { code: 'identity.groups-refused' };
  const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `g${i}`);

  test.each([
    ['one', 'dba', ['dba']],
    ['none', [], []],
    ['null', null, null],
    ['2,000', many(2_000), many(2_000)],
    ['long ones', ['x'.repeat(512)], ['x'.repeat(512)]],
    ['four lists deep', [[[['a']]]], ['a']],
  ])('%s', async (_, groups, expected) => {
    expect((await signOn({ groups })).subject.groups).toEqual(expected);
  });

  test.each([
    ['2,001', many(2_001)],
    ['one that is too long', ['x'.repeat(513)]],
    ['one with a line end', ['a\nb']],
    ['five lists deep', [[[[['a']]]]]],
    ['an object', { a: true }],
    ['something else', [true]],
    ['an empty one', ['']],
  ])('refused: %s', async (_, groups) => {
    await expect(signOn({ groups })).rejects.toMatchObject(refused);
  });

  describe('that stand elsewhere (overage)', () => {
    const overage = (source: unknown): Fields => ({
      _claim_names: { groups: 'src1' },
      _claim_sources: { src1: source },
    });
    const told = async (change: Fields = {}, signer = key): Promise<string> =>
      sign(signer, { iss: issuer.issuer, iat: now(), exp: now() + 60, groups: ['far', 'away'], ...change });

    test('are refused where they are only said to be many, with what to do', async () => {
      await expect(signOn({ hasgroups: true })).rejects.toMatchObject({
        ...refused,
        publicMessage: expect.stringContaining('only groups assigned to this application'),
      });
    });

    test.each([
      ['without a source', { _claim_names: { groups: 'src1' } }],
      ['with a source that is not there', { _claim_names: { groups: 'toString' }, _claim_sources: {} }],
      ['with an empty source', { _claim_names: { groups: 'src1' }, _claim_sources: { src1: {} } }],
      ['though some are there', { groups: ['a'], _claim_names: { groups: 'src1' }, _claim_sources: { src1: {} } }],
    ])('are refused %s', async (_, change) => {
      await expect(signOn(change)).rejects.toMatchObject(refused);
    });

    test('are read from the provider’s own endpoint, with the token it gave for that alone', async () => {
      issuer.pages.set('/claims', { type: 'application/jwt', body: await told() });
      const source = { endpoint: `${issuer.issuer}/claims`, access_token: 'for-claims' };
      expect((await signOn(overage(source))).subject.groups).toEqual(['far', 'away']);
      const asked = issuer.asked.find(({ path }) => path === '/claims');
      expect(asked?.headers.authorization).toBe('Bearer for-claims');
      issuer.tokens = {};
      await signOn(overage({ endpoint: source.endpoint }));
      expect(issuer.asked.findLast(({ path }) => path === '/claims')?.headers.authorization).toBeUndefined();
    });

    test('are read from a token beside, also where userinfo says so', async () => {
      issuer.userinfo = { sub: 'u-1', ...overage({ JWT: await told() }) };
      expect((await signOn()).subject.groups).toEqual(['far', 'away']);
    });

    test('are not fetched from another origin (A-API-04)', async () => {
      await expect(signOn(overage({ endpoint: `${other.issuer}/claims` }))).rejects.toMatchObject(refused);
      expect(other.asked).toEqual([]);
    });

    test.each([
      ['by another key', () => told({}, signingKey('RS256', 'one'))],
      ['by nobody', () => forge({ alg: 'none' }, { iss: issuer.issuer, groups: ['admins'] }, null)],
      ['of another issuer', () => told({ iss: 'https://other.test' })],
      ['of somebody else', () => told({ sub: 'u-2' })],
      ['for somebody else', () => told({ aud: 'api' })],
      ['of last year', () => told({ exp: now() - 100, iat: now() - 200 })],
    ])('are refused where they are said %s', async (_, token) => {
      await expect(signOn(overage({ JWT: await token() }))).rejects.toMatchObject(refused);
    });

    test('are refused where the endpoint answers with something else', async () => {
      issuer.pages.set('/claims', { body: { value: ['a'] } });
      await expect(signOn(overage({ endpoint: `${issuer.issuer}/claims` }))).rejects.toMatchObject(refused);
    });
  });
});

describe('a refresh', () => {
  const material = { sub: 'u-1', idToken: 'old', refreshToken: 'r' };

  test('without an ID token reads userinfo alone, and keeps what only an ID token says', async () => {
    const { subject } = await signOn({ sid: 's', amr: ['mfa'], auth_time: now(), groups: ['a'] });
    issuer.userinfo = { sub: 'u-1', groups: ['b'], preferred_username: 'root' };
    issuer.tokens = { refresh_token: 'r2' };
    clock.advance(60 * 60_000);
    expect(await oidc.refresh({ subject, material })).toEqual({
      outcome: 'proven',
      subject: { ...subject, groups: ['b'] },
      material: { sub: 'u-1', idToken: 'old', refreshToken: 'r2' },
    });
  });

  test.each([
    ['sub', { sub: 'u-2' }],
    ['aud', { aud: 'api' }],
    ['signature', {}],
  ])('refuses an ID token with another %s', async (name, change) => {
    const { subject } = await signOn();
    const signer = name === 'signature' ? signingKey('RS256', 'one') : key;
    issuer.tokens = { id_token: await sign(signer, claims(change)) };
    await expect(oidc.refresh({ subject, material })).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
  });

  test('ends where the provider says that the grant is over', async () => {
    const { subject } = await signOn();
    issuer.pages.set('/token', { status: 400, body: { error: 'invalid_grant' } });
    expect(await oidc.refresh({ subject, material })).toEqual({ outcome: 'ended' });
  });

  test.each(['Bearer', 'Bearer error="invalid_token"'])(
    'ends where userinfo takes its access token no more: %s',
    async (challenge) => {
      const { subject } = await signOn();
      issuer.userinfo = {};
      issuer.tokens = {};
      oidc = another();
      issuer.pages.set('/userinfo', { status: 401, challenge, body: {} });
      expect(await oidc.refresh({ subject, material })).toEqual({ outcome: 'ended' });
    },
  );

  test.each([
    ['our own secret', 401, 'invalid_client', 'identity.sign-on-refused'],
    ['its own trouble', 503, 'temporarily_unavailable', 'identity.provider-unreachable'],
    ['too many', 429, 'slow_down', 'identity.provider-unreachable'],
  ])('knows nothing where the provider fails for %s', async (_, status, error, code) => {
    const { subject } = await signOn();
    issuer.pages.set('/token', { status, challenge: 'Basic realm="x"', body: { error } });
    await expect(oidc.refresh({ subject, material })).rejects.toMatchObject({ code });
  });
});

describe('a logout token', () => {
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const logout = (change: Fields = {}): Record<string, unknown> =>
    claims({ preferred_username: undefined, events, jti: 'j', sid: 's', ...change });

  test.each([
    ['of a session', {}, { subject: 'u-1', session: 's' }],
    ['of all sessions', { sid: undefined }, { subject: 'u-1', session: null }],
    ['without a subject', { sub: undefined }, { subject: null, session: 's' }],
  ])('%s', async (_, change, expected) => {
    expect(await oidc.verifyLogoutToken(await sign(key, logout(change)), 'corp')).toMatchObject(expected);
    expect(
      await oidc.verifyLogoutToken(await sign(key, logout({ ...change, jti: 'k' }), { typ: 'logout+jwt' }), 'corp'),
    ).toBeTruthy();
  });

  test.each([
    ['a nonce', { nonce: 'n' }, {}],
    ['a null nonce', { nonce: null }, {}],
    ['no events', { events: undefined }, {}],
    ['other events', { events: { other: {} } }, {}],
    ['events that are no object', { events: Object.keys(events) }, {}],
    ['neither sub nor sid', { sub: undefined, sid: undefined }, {}],
    ['a sid that is no text', { sid: 7 }, {}],
    ['no jti', { jti: undefined }, {}],
    ['no iat', { iat: undefined }, {}],
    ['no exp', { exp: undefined }, {}],
    ['another aud', { aud: 'api' }, {}],
    ['another aud beside', { aud: ['sallyport', 'api'] }, {}],
    ['no aud', { aud: [] }, {}],
    ['another iss', { iss: 'https://other.test' }, {}],
    ['another typ', {}, { typ: 'at+jwt' }],
  ])('is refused with %s', async (_, change, header) => {
    const failing = oidc.verifyLogoutToken(await sign(key, logout(change), header), 'corp');
    await expect(failing).rejects.toMatchObject({ code: 'identity.logout-refused' });
  });

  test('is refused once it was used, as long as it would be accepted', async () => {
    const token = await sign(key, logout({ exp: now() + 3_600 }));
    await oidc.verifyLogoutToken(token, 'corp');
    for (const pauseMs of [0, 300_000, 359_000, 2_000]) {
      clock.advance(pauseMs);
      await expect(oidc.verifyLogoutToken(token, 'corp')).rejects.toMatchObject({ code: 'identity.logout-refused' });
    }
    expect(lines.at(-1)).toBe('it was issued too long ago');
  });

  test('without a signature of the provider’s is refused', async () => {
    const failing = oidc.verifyLogoutToken(forge({ alg: 'none' }, logout(), null), 'corp');
    await expect(failing).rejects.toMatchObject({ code: 'identity.logout-refused' });
  });
});

describe('a provider', () => {
  test('that is not configured is nobody’s', async () => {
    await expect(oidc.begin({ provider: 'x', redirectUri, browser })).rejects.toMatchObject({
      code: 'identity.unknown-provider',
    });
  });

  test('without the device flow says so', async () => {
    await expect(oidc.beginDevice({ provider: 'corp' })).rejects.toMatchObject({ code: 'identity.flow-unsupported' });
  });

  test('without a page to sign off has none', async () => {
    expect(await oidc.endSessionUrl({ provider: 'corp', idToken: null })).toBeNull();
  });

  test.each(['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', undefined])(
    'whose page is %s sends nobody there',
    async (page) => {
      issuer.metadata = { authorization_endpoint: page };
      await expect(oidc.begin({ provider: 'corp', redirectUri, browser })).rejects.toMatchObject({
        code: 'identity.sign-on-refused',
      });
    },
  );

  test('that takes requests by its own channel alone is asked so (PAR)', async () => {
    issuer.metadata = {
      require_pushed_authorization_requests: true,
      pushed_authorization_request_endpoint: `${issuer.issuer}/par`,
    };
    issuer.pages.set('/par', { status: 201, body: { request_uri: 'urn:x', expires_in: 60 } });
    const { url } = await oidc.begin({ provider: 'corp', redirectUri, browser });
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({ client_id: 'sallyport', request_uri: 'urn:x' });
  });
});
