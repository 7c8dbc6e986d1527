/** Sign-ons at a real OpenID provider, with the browser's part done by fetch. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type OidcServer, oidcPeople, startOidcProvider } from '../../../test/servers/oidc.ts';
import { FakeClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryOnce } from '../testing/factors.ts';
import type { SignedOn } from './id-token.ts';
import { type BeginOptions, createOidc, type Oidc } from './oidc.ts';
import type { OidcProvider, OidcSpec } from './provider.ts';

const redirectUri = 'http://127.0.0.1/console/signed-on';
const returnTo = 'http://127.0.0.1/console/signed-off';
const browser = 'a-secret-of-one-browser-0123456789';
const secret = 'p%-_.~!*\'()+/ :&="5d1e';

let server: OidcServer;
let received: string[];
let closeReceiver: () => Promise<void>;
let clock: FakeClock;
let once: MemoryOnce;
let providers: OidcProvider[];
let lines: string[];
let oidc: Oidc;

beforeAll(async () => {
  received = [];
  const receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      received.push(new URLSearchParams(Buffer.concat(parts).toString()).get('logout_token') ?? '');
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  closeReceiver = () => new Promise((resolve) => receiver.close(() => resolve()));
  const back = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/logout`;
  const common = { redirectUris: [redirectUri], postLogoutRedirectUris: [returnTo], backchannelLogoutUri: back };
  server = await startOidcProvider([
    { clientId: 'sallyport', clientSecret: secret, ...common },
    { clientId: 'public', ...common },
  ]);
});

afterAll(async () => {
  await server.close();
  await closeReceiver();
});

beforeEach(() => {
  clock = new FakeClock(Date.now());
  once = new MemoryOnce(() => clock.now());
  providers = [provider()];
  lines = [];
  for (const person of oidcPeople) server.people.set(person.id, person);
  oidc = another();
});

/** A gateway beside the first: what is kept once is common, what is cached is not. */
function another(): Oidc {
  const log = {
    ...silentLog,
    warn: (_: string, fields?: { detail?: unknown }) => void lines.push(String(fields?.detail)),
  };
  return createOidc({
    clock,
    log,
    once,
    providers: () => providers,
    clientSecret: async () => secret,
    random: () => 0,
  });
}

function provider(change: Partial<OidcSpec> = {}): OidcProvider {
  const spec: OidcSpec = {
    issuer: server.issuer,
    clientId: 'sallyport',
    clientSecret: { provider: 'env', name: 'UNUSED' },
    scopes: ['profile', 'email', 'groups', 'offline_access'],
    subject: 'sub',
    groups: { claim: 'groups' },
    private: true,
    ...change,
  };
  return { name: 'corp', spec };
}

async function signOn(person = 'u-ana', options: Partial<BeginOptions> = {}): Promise<SignedOn> {
  const { url } = await oidc.begin({ provider: 'corp', redirectUri, browser, ...options });
  const callbackUrl = await server.browser(person).signOn(url, redirectUri);
  return oidc.complete({ provider: 'corp', callbackUrl, browser });
}

describe('by the browser', () => {
  test('gives who it is, with names and groups of userinfo, and what to go on with', async () => {
    const { subject, material } = await signOn();
    expect(subject).toEqual({
      provider: 'corp',
      issuer: server.issuer,
      subject: 'u-ana',
      name: 'ana',
      displayName: 'Ana Lima',
      email: 'ana@corp.test',
      groups: ['developers', 'on-call'],
      factors: ['pwd', 'otp'],
      provenAtMs: null,
      session: expect.stringMatching(/^[\w-]{10,}$/),
    });
    expect(material).toEqual({ sub: 'u-ana', idToken: expect.any(String), refreshToken: expect.any(String) });
  });

  test('asks with state, nonce, PKCE S256 and the scopes', async () => {
    const { url, expiresAtMs } = await oidc.begin({ provider: 'corp', redirectUri, browser, loginHint: 'ana' });
    const asked = Object.fromEntries(new URL(url).searchParams);
    expect(asked).toMatchObject({
      client_id: 'sallyport',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid profile email groups offline_access',
      code_challenge_method: 'S256',
      login_hint: 'ana',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked[name]).toMatch(/^[\w-]{43}$/);
    expect(expiresAtMs).toBe(clock.now() + 600_000);
    expect(JSON.stringify([...once.rows])).not.toContain(browser);
    expect(JSON.stringify([...once.rows])).not.toContain(asked['state']);
  });

  test('works for a public client, by PKCE alone', async () => {
    providers = [provider({ clientId: 'public', clientSecret: undefined })];
    expect((await signOn()).subject.name).toBe('ana');
  });

  test('is finished by another gateway than began it', async () => {
    const { url } = await oidc.begin({ provider: 'corp', redirectUri, browser });
    const callbackUrl = await server.browser('u-ana').signOn(url, redirectUri);
    expect((await another().complete({ provider: 'corp', callbackUrl, browser })).subject.subject).toBe('u-ana');
  });

  test('shows how and when, where a step-up asks for it', async () => {
    const { subject } = await signOn('u-ana', { prompt: 'login', maxAgeSeconds: 0, acr: ['mfa'] });
    expect(Math.abs((subject.provenAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('says that the provider refused the person', async () => {
    await expect(signOn('nobody')).rejects.toMatchObject({ code: 'identity.sign-on-denied' });
    expect(lines).toEqual(['it answers access_denied']);
  });

  test.each([
    ['nested lists and numbers', 'nested', ['a', 'b', 'c', '7']],
    ['a path into an object', 'realm_access.roles', ['dba', 'auditor']],
    ['nothing', 'no_such_claim', null],
  ])('reads groups: %s', async (_, claim, groups) => {
    providers = [provider({ groups: { claim } })];
    expect((await signOn()).subject.groups).toEqual(groups);
  });

  test('a wrong client secret is told to the log alone', async () => {
    const wrong = createOidc({
      clock,
      log: { ...silentLog, warn: (_, fields) => void lines.push(String(fields?.['detail'])) },
      once,
      providers: () => providers,
      clientSecret: async () => 'a-wrong-secret',
    });
    const { url } = await wrong.begin({ provider: 'corp', redirectUri, browser });
    const callbackUrl = await server.browser('u-ana').signOn(url, redirectUri);
    const failing = wrong.complete({ provider: 'corp', callbackUrl, browser });
    await expect(failing).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
    expect(lines).toEqual(['it answers invalid_client']);
  });
});

describe('A-ID-04: refused is', () => {
  async function callback(): Promise<string> {
    const { url } = await oidc.begin({ provider: 'corp', redirectUri, browser });
    return server.browser('u-ana').signOn(url, redirectUri);
  }

  function changed(url: string, change: Readonly<Record<string, string | null>>): string {
    const next = new URL(url);
    for (const [name, value] of Object.entries(change)) {
      if (value === null) next.searchParams.delete(name);
      else next.searchParams.set(name, value);
    }
    return next.href;
  }

  const stale = { code: 'identity.sign-on-stale' };

  test('a state twice', async () => {
    const callbackUrl = await callback();
    await oidc.complete({ provider: 'corp', callbackUrl, browser });
    await expect(oidc.complete({ provider: 'corp', callbackUrl, browser })).rejects.toMatchObject(stale);
  });

  test.each([
    ['none', null],
    ['an empty one', ''],
    ['another', 'A'.repeat(43)],
  ])('a state that is %s', async (_, state) => {
    const callbackUrl = changed(await callback(), { state });
    await expect(oidc.complete({ provider: 'corp', callbackUrl, browser })).rejects.toMatchObject(stale);
  });

  test.each([
    ['another browser', 'the-secret-of-another-browser-01234'],
    ['a browser without a cookie', ''],
  ])('%s, and the state is gone then', async (_, other) => {
    const callbackUrl = await callback();
    await expect(oidc.complete({ provider: 'corp', callbackUrl, browser: other })).rejects.toMatchObject(stale);
    await expect(oidc.complete({ provider: 'corp', callbackUrl, browser })).rejects.toMatchObject(stale);
  });

  test('a browser that was too long away', async () => {
    const callbackUrl = await callback();
    clock.advance(600_000);
    await expect(oidc.complete({ provider: 'corp', callbackUrl, browser })).rejects.toMatchObject(stale);
  });

  test('a browser whose secret could be guessed', async () => {
    await expect(oidc.begin({ provider: 'corp', redirectUri, browser: 'short' })).rejects.toMatchObject(stale);
  });

  test('the answer of one provider at another', async () => {
    const callbackUrl = await callback();
    providers = [...providers, { ...provider(), name: 'other' }];
    await expect(oidc.complete({ provider: 'other', callbackUrl, browser })).rejects.toMatchObject(stale);
  });

  test('what was begun before the provider was configured anew', async () => {
    const callbackUrl = await callback();
    providers = [provider({ clientId: 'public', clientSecret: undefined })];
    await expect(oidc.complete({ provider: 'corp', callbackUrl, browser })).rejects.toMatchObject(stale);
  });

  test.each([
    ['iss of another (mix-up)', { iss: 'https://evil.test' }],
    ['no iss, where the provider always sends it', { iss: null }],
    ['a code that is none', { code: 'another' }],
    ['no code', { code: null }],
  ])('%s', async (_, change) => {
    const callbackUrl = changed(await callback(), change);
    const failing = oidc.complete({ provider: 'corp', callbackUrl, browser });
    await expect(failing).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
  });

  test('the code of another sign-on (injection)', async () => {
    const code = new URL(await callback()).searchParams.get('code');
    const callbackUrl = changed(await callback(), { code });
    const failing = oidc.complete({ provider: 'corp', callbackUrl, browser });
    await expect(failing).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
    expect(lines).toEqual(['it answers invalid_grant']);
  });

  test('a parameter twice', async () => {
    const callbackUrl = `${await callback()}&code=another`;
    const failing = oidc.complete({ provider: 'corp', callbackUrl, browser });
    await expect(failing).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
  });
});

describe('by a device', () => {
  test('goes on pending, and ends with who confirmed it', async () => {
    const begun = await oidc.beginDevice({ provider: 'corp' });
    expect(begun).toMatchObject({
      id: expect.stringMatching(/^[\w-]{22}$/),
      userCode: expect.stringMatching(/^[A-Z]{4}-[A-Z]{4}$/),
      verificationUri: `${server.issuer}/device`,
      intervalSeconds: 5,
      expiresAtMs: clock.now() + 600_000,
    });
    expect(JSON.stringify([...once.rows])).not.toContain(begun.id);
    expect(await oidc.pollDevice(begun.id)).toEqual({ outcome: 'pending', intervalSeconds: 5 });
    await server.browser('u-ana').confirmDevice(begun.verificationUriComplete!);
    clock.advance(5_000);
    const signedOn = await another().pollDevice(begun.id);
    expect(signedOn).toMatchObject({
      outcome: 'proven',
      subject: { subject: 'u-ana', groups: ['developers', 'on-call'] },
    });
    expect(await oidc.pollDevice(begun.id)).toEqual({ outcome: 'expired' });
  });

  test('asks the provider no more often than it wants', async () => {
    const { id } = await oidc.beginDevice({ provider: 'corp' });
    await oidc.pollDevice(id);
    const before = server.asked.length;
    expect(await oidc.pollDevice(id)).toEqual({ outcome: 'slow-down', intervalSeconds: 5 });
    expect(await another().pollDevice(id)).toEqual({ outcome: 'slow-down', intervalSeconds: 5 });
    expect(server.asked).toHaveLength(before);
    clock.advance(4_000);
    expect(await oidc.pollDevice(id)).toEqual({ outcome: 'pending', intervalSeconds: 5 });
  });

  test('ends where the person refuses', async () => {
    const { id, verificationUriComplete } = await oidc.beginDevice({ provider: 'corp' });
    await server
      .browser('nobody')
      .confirmDevice(verificationUriComplete!)
      .catch(() => null);
    expect(await oidc.pollDevice(id)).toEqual({ outcome: 'denied' });
    expect(await oidc.pollDevice(id)).toEqual({ outcome: 'expired' });
  });

  test('ends with its time', async () => {
    const { id } = await oidc.beginDevice({ provider: 'corp' });
    clock.advance(600_000);
    expect(await oidc.pollDevice(id)).toEqual({ outcome: 'expired' });
  });

  test.each(['', 'short', 'A'.repeat(22), '../../etc/passwd-00000'])('knows no %j', async (id) => {
    expect(await oidc.pollDevice(id)).toEqual({ outcome: 'expired' });
  });
});

describe('a refresh', () => {
  test('reads groups anew, and keeps the name', async () => {
    const before = await signOn();
    const ana = server.people.get('u-ana')!;
    server.people.set('u-ana', { ...ana, claims: { ...ana.claims, preferred_username: 'anna', groups: ['leavers'] } });
    const after = await oidc.refresh(before);
    expect(after).toMatchObject({
      outcome: 'proven',
      subject: { ...before.subject, groups: ['leavers'] },
      material: { sub: 'u-ana' },
    });
    expect(await oidc.refresh(after as SignedOn)).toMatchObject({ outcome: 'proven' });
  });

  test('ends with whom the provider does not know any more', async () => {
    const before = await signOn();
    server.people.delete('u-ana');
    expect(await oidc.refresh(before)).toEqual({ outcome: 'ended' });
  });

  test('ends with the provider here', async () => {
    const before = await signOn();
    providers = [];
    expect(await oidc.refresh(before)).toEqual({ outcome: 'ended' });
  });

  test('knows nothing without a refresh token', async () => {
    const { subject, material } = await signOn();
    expect(await oidc.refresh({ subject, material: { ...material, refreshToken: null } })).toEqual({
      outcome: 'unknown',
    });
  });
});

describe('sign-offs', () => {
  test('go to the provider, and come from it, each once', async () => {
    const { url } = await oidc.begin({ provider: 'corp', redirectUri, browser });
    const person = server.browser('u-ana');
    const callbackUrl = await person.signOn(url, redirectUri);
    const { subject, material } = await oidc.complete({ provider: 'corp', callbackUrl, browser });
    const end = await oidc.endSessionUrl({ provider: 'corp', idToken: material.idToken, returnTo, state: 'x' });
    expect(Object.fromEntries(new URL(end!).searchParams)).toMatchObject({
      client_id: 'sallyport',
      id_token_hint: material.idToken,
      post_logout_redirect_uri: returnTo,
      state: 'x',
    });
    received.length = 0;
    await person.signOff((await oidc.endSessionUrl({ provider: 'corp', idToken: material.idToken }))!);
    expect(received).toHaveLength(1);
    const logout = await oidc.verifyLogoutToken(received[0]!, 'corp');
    expect(logout).toEqual({ provider: 'corp', issuer: server.issuer, subject: 'u-ana', session: subject.session });
    const again = another().verifyLogoutToken(received[0]!, 'corp');
    await expect(again).rejects.toMatchObject({ code: 'identity.logout-refused' });
  });

  test('an ID token is no logout token (A-ID-02)', async () => {
    const { material } = await signOn();
    const failing = oidc.verifyLogoutToken(material.idToken!, 'corp');
    await expect(failing).rejects.toMatchObject({ code: 'identity.logout-refused' });
  });

  test('through the browser, with the issuer and a session', () => {
    const asked = { provider: 'corp', iss: server.issuer, sid: 'abc' };
    expect(oidc.verifyFrontChannel(asked)).toEqual({
      provider: 'corp',
      issuer: server.issuer,
      subject: null,
      session: 'abc',
    });
    for (const change of [
      { iss: null },
      { iss: `${server.issuer}/` },
      { sid: null },
      { sid: '' },
      { sid: 'x'.repeat(513) },
    ]) {
      expect(() => oidc.verifyFrontChannel({ ...asked, ...change })).toThrow('logout was not accepted');
    }
  });
});

describe('F-06', () => {
  test('keys that were exchanged are found, by one look in half a minute', async () => {
    await signOn();
    server.rotate();
    const count = () => server.asked.filter((line) => line === 'GET /jwks').length;
    const before = count();
    clock.advance(30_000);
    expect((await signOn()).subject.name).toBe('ana');
    expect(count()).toBe(before + 1);
    server.rotate();
    await expect(signOn()).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
    await expect(signOn()).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
    expect(count()).toBe(before + 1);
    expect(new Set(lines)).toEqual(new Set(['no key of the issuer has signed it']));
    clock.advance(30_000);
    expect((await signOn()).subject.name).toBe('ana');
  });

  test('a provider that is down ends nothing, and lets nobody new in, until it is back', async () => {
    const before = await signOn();
    const { url } = await oidc.begin({ provider: 'corp', redirectUri, browser });
    const callbackUrl = await server.browser('u-ana').signOn(url, redirectUri);
    const device = await oidc.beginDevice({ provider: 'corp' });
    server.setDown(true);
    try {
      const unreachable = {
        code: 'identity.provider-unreachable',
        publicMessage: expect.stringContaining('The identity provider corp cannot be reached'),
      };
      await expect(oidc.refresh(before)).rejects.toMatchObject(unreachable);
      await expect(oidc.complete({ provider: 'corp', callbackUrl, browser })).rejects.toMatchObject(unreachable);
      await expect(oidc.pollDevice(device.id)).rejects.toMatchObject(unreachable);
      const cold = another();
      await expect(cold.begin({ provider: 'corp', redirectUri, browser })).rejects.toMatchObject(unreachable);
      // The pause after a failure: nothing is asked in it, for however many.
      const asked = server.asked.length;
      await expect(cold.begin({ provider: 'corp', redirectUri, browser })).rejects.toMatchObject(unreachable);
      expect(server.asked).toHaveLength(asked);
      clock.advance(1_000);
      await expect(cold.begin({ provider: 'corp', redirectUri, browser })).rejects.toMatchObject(unreachable);
      expect(server.asked).toHaveLength(asked + 1);
    } finally {
      server.setDown(false);
    }
    expect(await oidc.refresh(before)).toMatchObject({ outcome: 'proven' });
    clock.advance(5_000);
    expect(await oidc.pollDevice(device.id)).toMatchObject({ outcome: 'pending' });
    expect((await signOn()).subject.name).toBe('ana');
  });
});
