/**
 * Signing on with a whole gateway: second factors through the API and the command line, every way that must not get round them,
 * and the console's own pages in a real Chromium, with a virtual authenticator and a real OpenID provider.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, type Client, createClient } from '../../src/api/contract/index.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Event } from '../../src/core/event.ts';
import { type Gateway, readConfig, startGateway } from '../../src/gateway/index.ts';
import { totpCode, totpStep } from '../../src/identity/factors/totp.ts';
import { readEvents } from '../../src/recording/index.ts';
import { Chromium, hasChromium } from '../env/chromium.ts';
import { setUp } from '../env/setup.ts';
import { type OidcServer, startOidcProvider } from '../servers/oidc.ts';

const password = 'a long enough password';

/** Each code of an authenticator counts once: the gateway's time goes on by a step where a test needs the next. */
let aheadMs = 0;
const clock: Clock = {
  now: () => systemClock.now() + aheadMs,
  monotonic: () => systemClock.monotonic(),
  after: (milliseconds, callback) => systemClock.after(milliseconds, callback),
  every: (milliseconds, callback) => systemClock.every(milliseconds, callback),
};

let folder: string;
let gateway: Gateway;
let base: string;
let admin: Client;
let adminToken: string;
let provider: OidcServer;
let chromium: Chromium;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-sign-on-'));
  const config = await readConfig({ dataDirectory: folder, environment: {} });
  const listeners = [{ protocol: 'postgres', host: '127.0.0.1', port: 0, tlsRequired: false }];
  const console = { host: '127.0.0.1', port: 0, tls: false };
  gateway = await startGateway({ config: { ...config, console, listeners, drainMs: 0 }, log: silentLog, clock });
  base = gateway.consoleUrl;
  const { caPath } = gateway;
  const tokens = await setUp({ consoleUrl: base, caPath, dataDirectory: folder }, [], [{ name: 'outsider' }]);
  adminToken = tokens.get('admin')!;
  admin = createClient({ baseUrl: base, token: adminToken });
  provider = await startOidcProvider([
    {
      clientId: 'sallyport',
      clientSecret: 'a secret of the client',
      redirectUris: [`${base}/sign-on/corp/callback`],
      postLogoutRedirectUris: [`${base}/`],
    },
  ]);
  await apply(
    {
      kind: 'IdentityProvider',
      metadata: { name: 'corp' },
      spec: {
        type: 'oidc',
        displayName: 'Corp',
        issuer: provider.issuer,
        clientId: 'sallyport',
        clientSecret: { value: 'a secret of the client' },
        scopes: ['profile', 'email', 'groups', 'offline_access'],
        name: { claim: 'preferred_username' },
        groups: { claim: 'groups', map: { developers: 'corp-developers' } },
        private: true,
      },
    },
    ...['tina', 'paula', 'rita', 'vera', 'wanda'].map(person),
  );
  if (hasChromium) chromium = await Chromium.start([]);
}, 120_000);

afterAll(async () => {
  await chromium?.close();
  await gateway?.stop('test', 0);
  await provider?.close();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const person = (name: string): object => ({
  kind: 'Principal',
  metadata: { name },
  spec: { kind: 'person', password },
});
const apply = (...documents: object[]): Promise<unknown> => admin.call('apply', { body: { documents, dryRun: false } });
const open = (): Client => createClient({ baseUrl: base });
const as = (token: string): Client => createClient({ baseUrl: base, token });

/** The code of an authenticator that was not used yet. */
function nextCode(secret: string): string {
  aheadMs += 30_000;
  return totpCode(fromBase32(secret), totpStep(clock.now()));
}

function fromBase32(text: string): Buffer {
  const bits = [...text]
    .map((one) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

const login = async (principal: string): Promise<string> =>
  (await open().call('login', { body: { principal, password } })).token;

/** What a sign-on by password needs. */
async function stepOf(principal: string): Promise<NonNullable<ApiError['step']>> {
  const error = await open()
    .call('login', { body: { principal, password } })
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 403, code: 'api.factor-needed' });
  return (error as ApiError).step!;
}

/** Registers an authenticator for somebody who has nothing yet. */
async function withTotp(name: string): Promise<{ secret: string; codes: readonly string[]; before: string }> {
  const before = await login(name);
  const { id, secret, uri, qr } = await as(before).call('beginTotp', { body: { label: 'phone' } });
  expect(uri).toContain(`secret=${secret}`);
  expect(qr).toHaveLength(qr[0]!.length);
  const { recoveryCodes } = await as(before).call('finishTotp', { body: { id, code: nextCode(secret) } });
  return { secret, codes: recoveryCodes!, before };
}

async function events<T extends Event['type']>(type: T): Promise<Extract<Event, { type: T }>[]> {
  const found: Extract<Event, { type: T }>[] = [];
  for await (const event of readEvents(folder, { from: 1, to: gateway.journal.durableSequence })) {
    if (event.type === type) found.push(event as Extract<Event, { type: T }>);
  }
  return found;
}

describe('a local account with a second factor', () => {
  test('signs on in two steps, and its token says with what', async () => {
    const { secret, codes } = await withTotp('tina');
    expect(codes).toHaveLength(10);
    const step = await stepOf('tina');
    expect(step).toMatchObject({ needed: 'factor', factors: ['totp', 'recovery'], passkey: null });
    const wrong = { pendingId: step.pendingId, kind: 'totp' as const, response: '000000' };
    await expect(open().call('answerFactor', { body: wrong })).rejects.toMatchObject({
      code: 'identity.factor-refused',
    });
    const right = { ...wrong, response: nextCode(secret) };
    const { token, principal } = await open().call('answerFactor', { body: right });
    expect(principal.name).toBe('tina');
    expect((await as(token).call('whoami')).token).toMatchObject({
      use: 'access',
      method: 'password',
      factors: ['pwd', 'otp', 'mfa'],
    });
    // Neither the step nor the code a second time.
    await expect(open().call('answerFactor', { body: right })).rejects.toMatchObject({ code: 'identity.sign-on-over' });
    const again = await stepOf('tina');
    await expect(open().call('answerFactor', { body: { ...right, pendingId: again.pendingId } })).rejects.toMatchObject(
      { code: 'identity.factor-refused' },
    );
    const byRecovery = { pendingId: again.pendingId, kind: 'recovery' as const, response: codes[0]! };
    await open().call('answerFactor', { body: byRecovery });
    expect(await events('alert.raised')).toContainEqual(
      expect.objectContaining({
        rule: 'gateway:recovery-code-used',
        principal: expect.objectContaining({ name: 'tina' }) as object,
      }),
    );
    expect(await events('factor.changed')).toMatchObject([
      { action: 'enrolled', kind: 'totp', owner: 'tina', label: 'phone' },
      { action: 'recovery-codes', owner: 'tina' },
    ]);
    expect((await events('identity.signed-on')).at(-1)).toMatchObject({
      method: 'password',
      factors: ['pwd', 'otp', 'mfa'],
    });
  }, 60_000);

  test('the password alone begins no web session, and another browser does not end one', async () => {
    const post = (path: string, body: object, headers: Record<string, string> = {}) =>
      fetch(`${base}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', origin: base, ...headers },
      });
    const { secret } = await withTotp('wanda');
    const begun = await post('/api/v1/web-session', { principal: 'wanda', password });
    expect(begun.status).toBe(403);
    const { step } = (await begun.json()) as { step: { pendingId: string } };
    const [cookie] = begun.headers.getSetCookie();
    expect(cookie).toMatch(/^sallyport-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=900$/);
    expect(begun.headers.getSetCookie()).toHaveLength(1);
    const answer = { pendingId: step.pendingId, kind: 'totp', response: nextCode(secret) };
    // A-ID-04, A-ID-08: another browser, and a program, have no such sign-on.
    expect((await post('/api/v1/web-session/factor', answer)).status).toBe(403);
    await expect(open().call('answerFactor', { body: answer as never })).rejects.toMatchObject({
      code: 'identity.sign-on-over',
    });
    const mine = { cookie: cookie!.split(';')[0]! };
    const done = await post('/api/v1/web-session/factor', answer, mine);
    expect(done.status).toBe(200);
    const web = done.headers.getSetCookie().find((one) => one.startsWith('sallyport='))!;
    const session = { cookie: web.split(';')[0]! };
    const me = (await (await fetch(`${base}/api/v1/whoami`, { headers: session })).json()) as { token: object };
    expect(me.token).toMatchObject({ use: 'web', factors: ['pwd', 'otp', 'mfa'] });
  }, 60_000);

  test('what was signed on before is no proof of it: nothing is changed, and nothing is made anew', async () => {
    const { before, secret } = await withTotp('rita');
    // The sign-on of a minute ago, by password alone, is no proof by factor now.
    const mine = as(before);
    const [factor] = (await mine.call('listFactors')).factors;
    for (const proof of [{}, { proof: { password } }]) {
      await expect(mine.call('beginTotp', { body: { label: 'mine', ...proof } })).rejects.toMatchObject({
        code: 'identity.proof-needed',
      });
      await expect(mine.call('newRecoveryCodes', { body: proof })).rejects.toMatchObject({
        code: 'identity.proof-needed',
      });
      await expect(mine.call('removeFactor', { params: { id: factor!.id }, body: proof })).rejects.toMatchObject({
        code: 'api.prove-again',
      });
    }
    // A token that an administrator issued for somebody proves nothing of theirs.
    const { token } = await admin.call('createToken', { body: { principal: 'rita' } });
    const held = { proof: { factor: { kind: 'totp' as const, response: nextCode(secret) } } };
    await expect(as(token).call('newRecoveryCodes', { body: held })).rejects.toMatchObject({
      status: 403,
      code: 'api.forbidden',
    });
    const own = { proof: { factor: { kind: 'totp' as const, response: nextCode(secret) } } };
    expect((await mine.call('newRecoveryCodes', { body: own })).recoveryCodes).toHaveLength(10);
  }, 60_000);

  test('an administrator resets it with a proof of their own, never their own', async () => {
    await withTotp('vera');
    aheadMs += 10 * 60_000;
    const order = { params: { name: 'vera' }, body: {} };
    await expect(admin.call('resetFactors', order)).rejects.toMatchObject({ code: 'api.prove-again' });
    await expect(admin.call('resetFactors', { params: { name: 'admin' }, body: {} })).rejects.toMatchObject({
      code: 'api.own-factors',
    });
    await expect(as(await login('outsider').catch(() => adminToken)).call('listFactors')).resolves.toBeDefined();
    const { readFile } = await import('node:fs/promises');
    const own = (await readFile(join(folder, 'initial-admin-password'), 'utf8')).trim();
    const { removed } = await admin.call('resetFactors', { ...order, body: { proof: { password: own } } });
    expect(removed.map(({ kind }) => kind).sort()).toEqual(['recovery', 'totp']);
    expect(await login('vera')).toMatch(/^sp_/);
    const reset = (await events('factor.changed')).filter(({ action }) => action === 'reset');
    expect(reset).toMatchObject([{ owner: 'vera', principal: { name: 'admin' } }, { owner: 'vera' }]);
  }, 60_000);

  test('goes with its principal', async () => {
    await apply(person('gone'));
    await withTotp('gone');
    await admin.call('deleteObject', { params: { kind: 'Principal', name: 'gone' }, query: {} });
    await apply(person('gone'));
    expect(await login('gone')).toMatch(/^sp_/);
  }, 60_000);
});

describe.runIf(hasChromium)('the console’s pages', () => {
  const text = (): Promise<string> => chromium.evaluate<string>('document.body.innerText');
  const press = (label: string): Promise<unknown> =>
    chromium.evaluate(
      `[...document.querySelectorAll('main button, main a')].find((one) => one.textContent === ${JSON.stringify(label)} && one.checkVisibility()).click()`,
    );
  const shows = (label: string): Promise<void> =>
    chromium.until(
      `[...document.querySelectorAll('main button, main a')].some((one) => one.textContent === ${JSON.stringify(label)} && one.checkVisibility())`,
    );
  const signOn = async (principal: string, path = '/sign-on.html?returnTo=/account.html'): Promise<void> => {
    await chromium.newPage();
    await chromium.open(`${base}${path}`);
    await chromium.until("document.querySelector('#sign-on')");
    await chromium.fill('#sign-on', { principal, password });
  };

  test('A-ID-07, A-ID-08: a password signs on; the cookie is nobody’s to read; revoked elsewhere, it is over', async () => {
    await chromium.newPage();
    // Fixed by somebody before: not what the session is called afterwards.
    await chromium.setCookie({ url: base, name: 'sallyport', value: 'fixed-by-somebody' });
    await chromium.open(`${base}/sign-on.html?returnTo=/account.html`);
    await chromium.until("document.querySelector('#sign-on')");
    await chromium.fill('#sign-on', { principal: 'outsider', password: 'not the password' });
    await chromium.until("document.getElementById('said').classList.contains('problem')");
    await chromium.fill('#sign-on', { principal: 'vera', password });
    await chromium.until("location.pathname === '/account.html' && document.querySelector('#tokens .wanted')");
    expect(await text()).toContain('Signed on as vera');
    const cookies = await chromium.cookies(base);
    const cookie = cookies.find(({ name }) => name === 'sallyport')!;
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
    expect(cookie.value).not.toBe('fixed-by-somebody');
    expect(await chromium.evaluate('document.cookie')).toBe('');
    const { tokens } = await as(await login('vera')).call('listTokens', { query: {} });
    const web = tokens.find(({ use }) => use === 'web')!;
    expect(web).toMatchObject({ method: 'password', factors: ['pwd'] });
    await admin.call('revokeToken', { params: { id: web.id } });
    await chromium.evaluate('location.reload()');
    await chromium.until("location.pathname === '/sign-on.html' && document.querySelector('#sign-on')");
  }, 90_000);

  test('A-ID-09: where it goes on to is a path of the console’s own', async () => {
    for (const evil of [
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
      'https://evil.example/',
      '/%0d%0aSet-Cookie:x',
    ]) {
      await signOn('vera', `/sign-on.html?returnTo=${encodeURIComponent(evil)}`);
      await chromium.until("location.pathname !== '/sign-on.html'");
      expect(await chromium.evaluate('location.origin')).toBe(base);
      expect(await chromium.evaluate('location.pathname')).not.toContain('evil');
    }
    await chromium.open(`${base}/sign-on.html?returnTo=/approve.html`);
    await chromium.until("location.pathname === '/approve.html'");
  }, 120_000);

  test('adds an authenticator by QR code, and asks for its code from then on', async () => {
    await signOn('vera');
    await shows('Add an authenticator');
    await press('Add an authenticator');
    await chromium.fill('#name', { label: 'phone' });
    await chromium.until("document.querySelector('.qr path')");
    const secret = await chromium.evaluate<string>("document.getElementById('secret').textContent");
    await chromium.fill('#totp', { code: nextCode(secret) });
    await chromium.until("document.getElementById('codes').checkVisibility()");
    const codes = (await chromium.evaluate<string>("document.getElementById('code-list').textContent")).split('\n');
    expect(codes).toHaveLength(10);
    await signOn('vera');
    await chromium.until("document.querySelector('#second-step .code')");
    expect(await chromium.evaluate('location.pathname')).toBe('/sign-on.html');
    await chromium.fill('#second-step .code', { code: nextCode(secret) });
    await chromium.until("location.pathname === '/account.html' && document.querySelector('#tokens .wanted')");
    expect(await text()).toContain('with password and code');
    await signOn('vera');
    await chromium.until("document.querySelector('#second-step .code')");
    await chromium.fill('#second-step .code', { code: codes[3]! });
    await chromium.until("location.pathname === '/account.html'");
  }, 120_000);

  test('adds a passkey, signs on with it alone, and confirms with it', async () => {
    await signOn('paula');
    await chromium.command('WebAuthn.enable');
    await chromium.command('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await shows('Add a passkey');
    await press('Add a passkey');
    await chromium.fill('#name', { label: 'laptop' });
    await chromium.until("document.querySelector('#factors [data-kind=passkey]')");
    await press('Sign off');
    await chromium.until("document.getElementById('said').textContent.includes('signed off')");
    await chromium.open(`${base}/sign-on.html?returnTo=/account.html`);
    await shows('Use a passkey');
    await press('Use a passkey');
    await chromium.until("location.pathname === '/account.html' && document.querySelector('#tokens .wanted')");
    expect(await text()).toContain('Signed on as paula');
    expect((await events('identity.signed-on')).at(-1)).toMatchObject({ method: 'passkey' });
    // Ten minutes later a change asks for it again.
    aheadMs += 10 * 60_000;
    await press('New recovery codes');
    await shows('Use your passkey');
    await press('Use your passkey');
    await chromium.until("document.getElementById('codes').checkVisibility()");
    await chromium.command('WebAuthn.disable');
  }, 120_000);

  test('by an identity provider, from the button to the account', async () => {
    // The provider's clock is this machine's.
    const wasAheadMs = aheadMs;
    aheadMs = 0;
    await chromium.newPage();
    await chromium.command('Network.setExtraHTTPHeaders', { headers: { 'x-test-person': 'u-ana' } });
    await chromium.open(`${base}/sign-on.html?returnTo=/account.html`);
    await shows('Sign on with Corp');
    await press('Sign on with Corp');
    await chromium.until("location.pathname === '/account.html' && document.querySelector('#tokens .wanted')");
    const seen = await text();
    expect(seen).toContain('Signed on as ana');
    expect(seen).toContain('You prove yourself where your account is');
    aheadMs = wasAheadMs;
  }, 90_000);

  test('gives a terminal a token only when the person allows it', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const asked = new URLSearchParams({
      redirectUri: 'http://127.0.0.1:9/done',
      challenge: createHash('sha256').update(verifier).digest('base64url'),
      state: randomBytes(24).toString('base64url'),
    });
    await signOn('wanda', `/sign-on.html#${asked}`);
    await chromium.until("document.querySelector('#second-step .code')");
    expect(await text()).not.toContain('Allow it only if');
    await signOn('outsider-with-password', '/approve.html');
    await chromium.until("document.getElementById('said').classList.contains('problem')");
    await apply(person('tess'));
    await signOn('tess', `/sign-on.html#${asked}`);
    await shows('Allow');
    const seen = await text();
    expect(seen).toContain('tess');
    expect(seen).toContain('behind port 9');
    const code = chromium.evaluate<string>(
      `fetch('/api/v1/sign-on/terminal', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(${JSON.stringify(Object.fromEntries(asked))}) }).then((answer) => answer.json()).then(({ url }) => new URL(url).searchParams.get('code'))`,
    );
    const { token } = await open().call('redeemTerminal', { body: { code: await code, verifier } });
    expect((await as(token).call('whoami')).name).toBe('tess');
    await press('Refuse');
    await chromium.until("document.getElementById('said').textContent.startsWith('Refused')");
    // The other pages take the same session: no second password.
    await chromium.open(`${base}/approve.html`);
    await chromium.until("document.getElementById('said').textContent.startsWith('Nothing waits')");
    await chromium.open(`${base}/requests?resource=orders`);
    await chromium.until("document.body.textContent.includes('tess')");
    await chromium.open(`${base}/visit.html#resource=shop&nonce=n&domain=d`);
    await shows('Continue as tess');
    await chromium.open(`${base}/`);
    await chromium.until("document.body.textContent.includes('tess')");
    expect(chromium.logged.join('\n')).not.toMatch(/Content Security Policy|exceptionDetails/);
  }, 90_000);
});
