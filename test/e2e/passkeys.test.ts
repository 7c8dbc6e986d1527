/**
 * Passkeys with a real Chromium and its virtual authenticators, through the console's own script: what the browser makes of
 * the gateway's options, and the gateway of its answers. Attacks that no browser helps with are in
 * src/identity/factors/passkeys.test.ts.
 *
 * Chrome DevTools Protocol: WebAuthn.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CreationOptions, RequestOptions } from '../../src/identity/factors/passkeys.ts';
import { browser, makeFactors } from '../../src/identity/testing/factors.ts';
import { Chromium, hasChromium } from '../env/chromium.ts';

let server: Server;
let chromium: Chromium;
let origin: string;
let authenticator: string;
let world: ReturnType<typeof makeFactors>;

beforeAll(async () => {
  if (!hasChromium) return;
  const script = await readFile(new URL('../../web/public/passkeys.js', import.meta.url));
  server = createServer((request, response) => {
    const isScript = request.url === '/passkeys.js';
    response.writeHead(200, {
      'content-type': isScript ? 'text/javascript' : 'text/html',
      'content-security-policy': "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'",
    });
    response.end(isScript ? script : '<!doctype html><title>passkeys</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  chromium = await Chromium.start([]);
}, 120_000);

afterAll(async () => {
  await chromium?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
});

beforeEach(async () => {
  if (!hasChromium) return;
  world = makeFactors({ id: 'localhost', name: 'Sallyport', origins: [origin] });
  await chromium.newPage();
  await chromium.open(origin);
  await chromium.until(`location.origin === ${JSON.stringify(origin)} && document.title === 'passkeys'`);
  await chromium.command('WebAuthn.enable');
});

afterEach(async () => {
  if (!hasChromium) return;
  await chromium.command('WebAuthn.disable');
});

async function plug(options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const all = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true };
  const more = { isUserVerified: true, automaticPresenceSimulation: true };
  const added = await chromium.command('WebAuthn.addVirtualAuthenticator', {
    options: { ...all, ...more, ...options },
  });
  authenticator = String(added['authenticatorId']);
}

function create(options: CreationOptions): Promise<unknown> {
  return chromium.evaluate(`import('/passkeys.js').then((own) => own.createPasskey(${JSON.stringify(options)}))`);
}

function use(options: RequestOptions): Promise<unknown> {
  return chromium.evaluate(`import('/passkeys.js').then((own) => own.usePasskey(${JSON.stringify(options)}))`);
}

async function enrol(label = 'laptop', methods: readonly string[] = ['pwd'], owner = 'anna') {
  const proof = { provenAtMs: world.clock.now(), factors: methods };
  const { options } = await world.factors.beginPasskey(owner, label, proof, browser);
  return world.factors.finishPasskey(owner, await create(options), browser);
}

async function signOn(login: string | null = null) {
  const options = await world.factors.passkeyOptions(login, browser);
  return world.factors.byPasskey(await use(options), browser);
}

describe.skipIf(!hasChromium)('passkeys in Chromium', () => {
  test('a passkey is made, signs on by itself with no name given, and with one', async () => {
    await plug();
    const { factor } = await enrol();
    expect(factor).toMatchObject({ kind: 'passkey', passkey: { isShared: false, verifiesUser: true } });
    const proof = await signOn();
    expect(proof).toMatchObject({ owner: 'anna', factors: ['hwk', 'user', 'mfa'], factorId: factor.id });
    expect((await signOn('anna')).owner).toBe('anna');
    const { counter } = world.records.rows.get(factor.id)!;
    expect(counter).toBeGreaterThan(1);
    expect(chromium.logged.filter((line) => line.includes('Content Security Policy'))).toEqual([]);
  });

  test('on a browser that reads and writes no JSON of its own', async () => {
    await plug();
    await chromium.evaluate(`(() => {
      PublicKeyCredential.parseCreationOptionsFromJSON = undefined;
      PublicKeyCredential.parseRequestOptionsFromJSON = undefined;
      PublicKeyCredential.prototype.toJSON = undefined;
    })()`);
    const { factor } = await enrol();
    expect((await signOn()).factorId).toBe(factor.id);
    expect((await signOn('anna')).factorId).toBe(factor.id);
    await expect(enrol('again', ['hwk'])).rejects.toThrow('InvalidStateError');
  });

  test('two people with passkeys of one device are told apart by what the passkey says', async () => {
    await plug();
    await enrol('mine');
    await enrol('mine too', ['pwd'], 'ben');
    expect((await signOn('ben')).owner).toBe('ben');
    expect((await signOn('anna')).owner).toBe('anna');
  });

  test('a device that has a passkey already makes no second one', async () => {
    await plug();
    await enrol();
    await expect(enrol('again', ['hwk', 'user'])).rejects.toThrow('InvalidStateError');
  });

  test('a security key that verifies nobody is a second factor, and no sign-on by itself', async () => {
    const u2f = { hasResidentKey: false, hasUserVerification: false, isUserVerified: false };
    await plug({ protocol: 'u2f', transport: 'usb', ...u2f });
    const { factor } = await enrol('key');
    expect(factor.passkey).toEqual({ isShared: false, isBackedUp: false, verifiesUser: false });
    const step = await world.factors.challengeFor('anna', browser);
    if (step.needed === 'none') throw new Error('nothing is needed');
    const proof = await world.factors.answer(step.pendingId, 'passkey', await use(step.passkey!), browser);
    expect(proof.factors).toEqual(['pwd', 'hwk', 'user', 'mfa']);
    const confirmation = await world.factors.confirmation('anna', browser, true);
    const confirmed = await use(confirmation.passkey!);
    expect((await world.factors.confirm('anna', 'passkey', confirmed, browser, true)).factors).toContain('hwk');
    // Told to ask for no more than it has, it still does not do alone.
    const options = await world.factors.passkeyOptions('anna', browser);
    const unverified = await use({ ...options, userVerification: 'discouraged' });
    await expect(world.factors.byPasskey(unverified, browser)).rejects.toMatchObject({
      code: 'identity.factor-refused',
    });
  });

  test('a step-up with the passkey alone, and another page cannot answer it', async () => {
    await plug();
    await enrol();
    const { passkey } = await world.factors.confirmation('anna', browser);
    const answer = await use(passkey!);
    const elsewhere = { ...browser, browser: 'another' };
    const refused = { code: 'identity.factor-refused' };
    await expect(world.factors.confirm('anna', 'passkey', answer, elsewhere)).rejects.toMatchObject(refused);
    expect(await world.factors.confirm('anna', 'passkey', answer, browser)).toMatchObject({
      provenAtMs: world.clock.now(),
      factors: ['hwk', 'user', 'mfa'],
    });
  });

  test('a copy of a passkey is noticed by its counter', async () => {
    await plug();
    const { factor } = await enrol();
    const listed = await chromium.command('WebAuthn.getCredentials', { authenticatorId: authenticator });
    const [copied] = listed['credentials'] as readonly Record<string, unknown>[];
    await signOn();
    await signOn();
    await chromium.command('WebAuthn.removeVirtualAuthenticator', { authenticatorId: authenticator });
    await plug();
    await chromium.command('WebAuthn.addCredential', { authenticatorId: authenticator, credential: copied! });
    await expect(signOn()).rejects.toMatchObject({ code: 'identity.factor-refused' });
    expect(world.alarms).toMatchObject([{ type: 'passkey-counter-regressed', factor: factor.id }]);
  });

  test('who is not verified makes no sign-on: the browser says so', async () => {
    await plug();
    await enrol();
    await chromium.command('WebAuthn.setUserVerified', { authenticatorId: authenticator, isUserVerified: false });
    const options = await world.factors.passkeyOptions(null, browser);
    await expect(use(options)).rejects.toThrow('NotAllowedError');
  });

  test('A-ID-08: another origin of the same host gets an answer from the browser, and nothing by it', async () => {
    await plug();
    await enrol();
    const other = createServer((request, response) => server.emit('request', request, response));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      await chromium.open(`http://localhost:${(other.address() as AddressInfo).port}`);
      await chromium.until(`location.origin !== ${JSON.stringify(origin)} && document.title === 'passkeys'`);
      const answer = await use(await world.factors.passkeyOptions(null, browser));
      await expect(world.factors.byPasskey(answer, browser)).rejects.toMatchObject({ code: 'identity.factor-refused' });
    } finally {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
  });
});
