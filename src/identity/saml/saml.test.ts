/** Sign-on and logout by SAML with a real identity provider (`samlp`) on the other side, driven as a browser would. */
import { createPublicKey, X509Certificate } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  formOf,
  makeSamlKeys,
  SamlBrowser,
  type SamlIdentityProvider,
  startSamlIdentityProvider,
} from '../../../test/servers/saml.ts';
import { FakeClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Outgoing, SamlProvider, SamlProviderSpec, SpKeys } from './parts.ts';
import { createSaml, type Saml, samlMetadataProblem } from './saml.ts';
import { MemoryOnce, specOf } from './testing.ts';

const endpoints = {
  metadata: 'https://gateway.test/saml/corp/metadata',
  acs: 'https://gateway.test/saml/corp/acs',
  logout: 'https://gateway.test/saml/corp/logout',
};
const users = {
  anna: {
    password: 'correct horse',
    nameId: '7f1c3f7e-anna',
    attributes: { uid: 'anna', email: 'Anna@corp.test', displayName: 'Anna Ahr', groups: ['dba', 'Ops & Co <1>'] },
  },
};
const browser = 'a secret of this browser';

let idp: SamlIdentityProvider;
let keys: SpKeys;
let clock: FakeClock;
let once: MemoryOnce;
let saml: Saml;
let spec: SamlProviderSpec;

beforeAll(async () => {
  const made = await makeSamlKeys('Gateway');
  keys = { privateKey: made.key, certificate: made.cert };
  idp = await startSamlIdentityProvider(users);
  idp.client = { entityId: endpoints.metadata, acs: endpoints.acs, logout: endpoints.logout, cert: keys.certificate };
  spec = specOf(await idp.metadata());
});
afterAll(() => idp.close());

beforeEach(() => {
  // The provider has the machine's clock.
  clock = new FakeClock(Date.now());
  once = new MemoryOnce();
  saml = createSaml({ clock, log: silentLog, once, keys });
  idp.options = {};
});

const providerWith = (change: Partial<SamlProviderSpec> = {}): SamlProvider => ({
  name: 'corp',
  spec: { ...spec, ...change },
  endpoints,
});

const wayOf = (out: Outgoing): { url: string } | { action: string; fields: Readonly<Record<string, string>> } => out;

async function signOn(provider: SamlProvider, forceAuthn = false) {
  const out = await saml.begin({ provider, browser, forceAuthn, carry: '/sessions' });
  const form = await new SamlBrowser().signOn(wayOf(out), 'anna', 'correct horse');
  expect(form.action).toBe(endpoints.acs);
  return saml.complete({ provider, body: form.fields, browser });
}

const postOnly = (metadata: string): string =>
  metadata.replace(/<Single\w+Service Binding="[^"]*HTTP-Redirect"[^>]*>/g, '');

describe('sign-on', () => {
  test('gives who somebody is, as the provider says it', async () => {
    const { subject, carry } = await signOn(providerWith());
    expect(subject).toMatchObject({
      provider: 'corp',
      issuer: idp.entityId,
      subject: '7f1c3f7e-anna',
      name: 'anna',
      displayName: 'Anna Ahr',
      email: 'Anna@corp.test',
      groups: ['dba', 'Ops & Co <1>'],
      factors: ['urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'],
      session: expect.stringMatching(/^_[0-9a-f]{16}$/),
    });
    expect(Math.abs(subject.provenAtMs! - clock.now())).toBeLessThan(60_000);
    expect(carry).toBe('/sessions');
  });

  test('by POST where the provider takes no redirect; it checks the signature in the message', async () => {
    const provider = providerWith({ metadata: postOnly(spec.metadata) });
    const out = await saml.begin({ provider, browser });
    expect(out.binding).toBe('post');
    expect((await signOn(provider)).subject.name).toBe('anna');
  });

  test.each([
    ['the response signed as well', { signResponse: true }],
    ['prefixes on signatures', { signResponse: true, signatureNamespacePrefix: 'dsig' }],
  ])('with %s', async (_what, options) => {
    idp.options = options;
    expect((await signOn(providerWith())).subject.subject).toBe('7f1c3f7e-anna');
  });

  test.each(['aes256-gcm', 'aes128-gcm'])('with the assertion encrypted by %s', async (cipher) => {
    idp.options = { ...encryption(), encryptionAlgorithm: `http://www.w3.org/2009/xmlenc11#${cipher}` };
    expect((await signOn(providerWith({ encrypted: true }))).subject.subject).toBe('7f1c3f7e-anna');
    idp.options = { ...idp.options, signResponse: true };
    expect((await signOn(providerWith())).subject.subject).toBe('7f1c3f7e-anna');
  });

  test('A-ID-06: refuses assertions encrypted by AES-CBC', async () => {
    idp.options = {
      ...encryption(),
      encryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
      disallowEncryptionWithInsecureAlgorithm: false,
      warnOnInsecureEncryptionAlgorithm: false,
    };
    await expect(signOn(providerWith())).rejects.toMatchObject({
      code: 'identity.sign-on-refused',
      detail: expect.stringContaining('algorithm that is not taken'),
    });
  });

  test('refuses an assertion in clear where encrypted ones are asked for', async () => {
    await expect(signOn(providerWith({ encrypted: true }))).rejects.toMatchObject({
      detail: expect.stringContaining('not encrypted'),
    });
  });

  test('asks for a proof anew, and demands it', async () => {
    const provider = providerWith();
    const out = await saml.begin({ provider, browser, forceAuthn: true });
    expect(requestOf(out)).toContain('ForceAuthn="true"');
    const form = await new SamlBrowser().signOn(wayOf(out), 'anna', 'correct horse');
    await expect(saml.complete({ provider, body: form.fields, browser })).resolves.toBeDefined();
    // The request is made two minutes later than the proof that answers it.
    clock.advance(120_000);
    const later = await saml.begin({ provider, browser, forceAuthn: true });
    const stale = await new SamlBrowser().signOn(wayOf(later), 'anna', 'correct horse');
    await expect(saml.complete({ provider, body: stale.fields, browser })).rejects.toMatchObject({
      detail: expect.stringContaining('anew'),
    });
  });

  test('keeps to the browser that asked (login CSRF), and tells a person that it is stale', async () => {
    const provider = providerWith();
    for (const other of [null, 'another browser']) {
      const out = await saml.begin({ provider, browser });
      const form = await new SamlBrowser().signOn(wayOf(out), 'anna', 'correct horse');
      await expect(saml.complete({ provider, body: form.fields, browser: other })).rejects.toMatchObject({
        code: 'identity.sign-on-stale',
      });
    }
  });

  test('takes RelayState only as it was sent, and tells nothing by it', async () => {
    const provider = providerWith();
    const out = await saml.begin({ provider, browser, carry: '/a/secret/path' });
    const form = await new SamlBrowser().signOn(wayOf(out), 'anna', 'correct horse');
    expect(form.fields.RelayState).toMatch(/^[0-9a-f]{40}$/);
    const body = { ...form.fields, RelayState: 'https://evil.test/' };
    await expect(saml.complete({ provider, body, browser })).rejects.toMatchObject({
      code: 'identity.sign-on-refused',
    });
  });

  test('a request lives for ten minutes', async () => {
    const provider = providerWith();
    const out = await saml.begin({ provider, browser });
    idp.options = { lifetimeInSeconds: 3_600 };
    const form = await new SamlBrowser().signOn(wayOf(out), 'anna', 'correct horse');
    clock.advance(10 * 60_000);
    await expect(saml.complete({ provider, body: form.fields, browser })).rejects.toMatchObject({
      code: 'identity.sign-on-stale',
    });
  });
});

const encryption = () => ({
  encryptionCert: keys.certificate,
  encryptionPublicKey: createPublicKey(keys.certificate).export({ type: 'spki', format: 'pem' }),
});

function requestUrl(out: Outgoing): string {
  if (out.binding !== 'redirect') throw new Error('no redirect');
  return out.url;
}

function requestOf(out: Outgoing): string {
  if (out.binding === 'post') return Buffer.from(out.fields.SAMLRequest!, 'base64').toString('utf8');
  const message = new URL(out.url).searchParams.get('SAMLRequest')!;
  return inflateRawSync(Buffer.from(message, 'base64')).toString('utf8');
}

describe('a sign-on that the provider began', () => {
  const unasked = async () => {
    const { acs, metadata } = endpoints;
    const xml = await idp.respond('anna', { destination: acs, recipient: acs, audience: metadata });
    return { SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: '/wherever' };
  };

  test('is refused, unless configured', async () => {
    const body = await unasked();
    await expect(saml.complete({ provider: providerWith(), body, browser: null })).rejects.toMatchObject({
      detail: expect.stringContaining('nobody asked'),
    });
  });

  test('counts once where it is configured (A-ID-06: replayed assertion)', async () => {
    const provider = providerWith({ idpInitiated: true });
    const body = await unasked();
    const { subject, carry } = await saml.complete({ provider, body, browser: null });
    expect(subject.subject).toBe('7f1c3f7e-anna');
    expect(carry).toBeNull();
    await expect(saml.complete({ provider, body, browser: null })).rejects.toMatchObject({
      detail: expect.stringContaining('used before'),
    });
  });
});

describe('single logout', () => {
  test('by the gateway: the provider ends its session and says so, once', async () => {
    const provider = providerWith();
    const idpBrowser = new SamlBrowser();
    const out = await saml.begin({ provider, browser });
    const form = await idpBrowser.signOn(wayOf(out), 'anna', 'correct horse');
    const { subject } = await saml.complete({ provider, body: form.fields, browser });
    const leaving = await saml.beginLogout({ provider, subject: subject.subject, session: subject.session, browser });
    const { location } = await idpBrowser.open(wayOf(leaving!));
    const message = { binding: 'redirect', query: location!.slice(endpoints.logout.length + 1) } as const;
    await expect(saml.receiveLogout(provider, message, browser)).resolves.toEqual({
      type: 'response',
      isComplete: true,
    });
    await expect(saml.receiveLogout(provider, message, browser)).rejects.toMatchObject({
      code: 'identity.logout-refused',
    });
  });

  /** The provider's own page to sign off sends a request to whoever takes part. */
  async function requested(binding: 'redirect' | 'post') {
    const provider = providerWith();
    const idpBrowser = new SamlBrowser();
    const out = await saml.begin({ provider, browser });
    const form = await idpBrowser.signOn(wayOf(out), 'anna', 'correct horse');
    const { subject } = await saml.complete({ provider, body: form.fields, browser });
    if (binding === 'post') idp.options = { protocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' };
    return { provider, subject, idpBrowser };
  }

  test.each(['redirect', 'post'] as const)('by the provider, by %s: who leaves, and the answer', async (binding) => {
    const { provider, subject, idpBrowser } = await requested(binding);
    const answer = await idpBrowser.open({ url: `${idp.origin}/slo` });
    const message = await messageIn(binding, answer);
    await expect(saml.receiveLogout(provider, await tamperedOf(message), null)).rejects.toMatchObject({
      code: 'identity.logout-refused',
    });
    const received = await saml.receiveLogout(provider, message, null);
    if (received.type !== 'request') throw new Error('no request');
    expect(received).toMatchObject({
      issuer: idp.entityId,
      nameId: subject.subject,
      sessionIndexes: [subject.session],
    });
    await expect(saml.receiveLogout(provider, message, null)).rejects.toMatchObject({
      detail: expect.stringContaining('used before'),
    });
    const { requestId, relayState } = received;
    const back = saml.answerLogout({ provider, requestId, relayState, succeeded: true });
    expect(await idpBrowser.open(wayOf(back!))).toMatchObject({ status: 200 });
    const later = await idpBrowser.open({ url: requestUrl(await saml.begin({ provider, browser })) });
    expect(later.text, 'the provider has no session any more').toContain('type="password"');
  });

  async function messageIn(
    binding: 'redirect' | 'post',
    answer: { text: string; url: string; location: string | null },
  ) {
    if (binding === 'post') return { binding, fields: formOf(answer.text, answer.url).fields };
    return { binding, query: answer.location!.slice(endpoints.logout.length + 1) };
  }

  async function tamperedOf(message: Awaited<ReturnType<typeof messageIn>>) {
    if (message.binding === 'redirect')
      return { ...message, query: message.query.replace('RelayState=', 'RelayState=0') };
    const xml = Buffer.from((message as { fields: Record<string, string> }).fields.SAMLRequest!, 'base64').toString(
      'utf8',
    );
    const changed = xml.replace('7f1c3f7e-anna', '7f1c3f7e-bert');
    expect(changed).not.toBe(xml);
    return { ...message, fields: { SAMLRequest: Buffer.from(changed).toString('base64') } };
  }

  test.each([
    ['without a signature', (query: string) => query.replace(/&Signature=.*$/, '')],
    ['without the algorithm of one', (query: string) => query.replace(/&SigAlg=[^&]*/, '')],
    ['with the message twice', (query: string) => `${query}&SAMLRequest=${encodeURIComponent('x')}`],
    ['with the algorithm twice', (query: string) => `SigAlg=none&${query}`],
    [
      'with SHA-1',
      (query: string) =>
        query.replace(/SigAlg=[^&]*/, `SigAlg=${encodeURIComponent('http://www.w3.org/2000/09/xmldsig#rsa-sha1')}`),
    ],
    ['with a name that is escaped', (query: string) => query.replace('SAMLRequest=', 'SAML%52equest=')],
    ['with an answer beside it', (query: string) => `${query}&SAMLResponse=x`],
  ])('A-ID-06: a redirect %s ends nobody’s session', async (_what, change) => {
    const { provider, idpBrowser } = await requested('redirect');
    const { location } = await idpBrowser.open({ url: `${idp.origin}/slo` });
    const query = location!.slice(endpoints.logout.length + 1);
    const message = { binding: 'redirect', query: change(query) } as const;
    await expect(saml.receiveLogout(provider, message, null)).rejects.toMatchObject({
      code: 'identity.logout-refused',
    });
    await expect(saml.receiveLogout(provider, { binding: 'redirect', query }, null)).resolves.toMatchObject({
      type: 'request',
    });
  });

  test('a provider without a logout gets none', async () => {
    const provider = providerWith({ metadata: spec.metadata.replace(/<SingleLogoutService[^>]*>/g, '') });
    expect(await saml.beginLogout({ provider, subject: 'a', session: null, browser })).toBeNull();
    expect(saml.answerLogout({ provider, requestId: '_a', relayState: null, succeeded: true })).toBeNull();
  });
});

describe('metadata', () => {
  test('of the gateway: entity, addresses, certificate', () => {
    const own = saml.metadata(providerWith());
    expect(own).toContain(`entityID="${endpoints.metadata}"`);
    expect(own).toContain(`Location="${endpoints.acs}"`);
    expect(own).toContain(`Location="${endpoints.logout}"`);
    expect(own).toContain(new X509Certificate(keys.certificate).raw.toString('base64'));
    expect(saml.metadata(providerWith({ entityId: 'urn:gateway&co' }))).toContain('entityID="urn:gateway&#38;co"');
  });

  test('of the provider with two certificates: either signs (rollover)', async () => {
    const next = await makeSamlKeys('Next');
    const descriptor = /<KeyDescriptor use="signing">[\s\S]*?<\/KeyDescriptor>/.exec(spec.metadata)![0];
    const second = descriptor.replace(/(<X509Certificate>)[^<]*/, `$1${next.cert.replace(/-----[^-]+-----|\s/g, '')}`);
    const metadata = spec.metadata.replace(descriptor, second + descriptor);
    expect((await signOn(providerWith({ metadata }))).subject.name).toBe('anna');
    idp.options = { key: next.key, cert: next.cert };
    expect((await signOn(providerWith({ metadata }))).subject.name).toBe('anna');
    await expect(signOn(providerWith())).rejects.toMatchObject({ code: 'identity.sign-on-refused' });
  });

  test('certificates that are over, or not yet valid, do not count', async () => {
    const day = 86_400_000;
    for (const [from, until] of [
      [-2 * day, -day],
      [day, 2 * day],
    ] as const) {
      const made = await makeSamlKeys('Over', Date.now() + from, Date.now() + until);
      const base64 = made.cert.replace(/-----[^-]+-----|\s/g, '');
      const metadata = spec.metadata.replace(/(<X509Certificate>)[^<]*/, `$1${base64}`);
      await expect(saml.begin({ provider: providerWith({ metadata }), browser })).rejects.toMatchObject({
        code: 'identity.saml-metadata-unusable',
        publicMessage: expect.stringContaining('certificates'),
      });
    }
  });

  test.each<[string, (text: string) => string, RegExp]>([
    [
      'several entities',
      (text) => `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${text}</EntitiesDescriptor>`,
      /several entities/,
    ],
    ['a document type', (text) => `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${text}`, /document type/],
    ['an entity', (text) => text.replace('<KeyDescriptor', '&e;<KeyDescriptor'), /entity/],
    ['no certificate', (text) => text.replace(/<KeyDescriptor[\s\S]*<\/KeyDescriptor>/, ''), /no certificate/],
    ['a certificate that is none', (text) => text.replace(/(<X509Certificate>)[^<]*/, '$1AAAA'), /cannot be read/],
    ['no address', (text) => text.replace(/<SingleSignOnService[^>]*>/g, ''), /SingleSignOnService/],
    ['an address in clear text', (text) => text.replaceAll('http://127.0.0.1', 'http://idp.test'), /https/],
    ['no descriptor', (text) => text.replaceAll('IDPSSODescriptor', 'SPSSODescriptor'), /no identity provider/],
    ['no entity', (text) => text.replace(/entityID="[^"]*"/, ''), /entityID/],
    ['too much of it', (text) => text + ' '.repeat(256 * 1024), /too long/],
    [
      'validity that is none',
      (text) => text.replace('entityID=', 'validUntil="2026-02-31T00:00:00Z" entityID='),
      /instant/,
    ],
  ])('with %s is refused', (_what, change, reason) => {
    expect(samlMetadataProblem(spec.metadata)).toBeNull();
    expect(samlMetadataProblem(change(spec.metadata))).toMatch(reason);
  });

  test('that says it is over is not used any more; comments in it are no matter', async () => {
    const until = (at: string) => spec.metadata.replace('entityID=', `validUntil="${at}" entityID=`);
    await expect(
      saml.begin({ provider: providerWith({ metadata: until('2020-01-01T00:00:00Z') }), browser }),
    ).rejects.toThrow(/saml-metadata-unusable/);
    const commented = `<?xml version="1.0"?><!-- a --> ${until('2999-01-01T00:00:00Z').replace('<KeyDescriptor', '<!-- b --><KeyDescriptor')}`;
    expect((await signOn(providerWith({ metadata: commented }))).subject.name).toBe('anna');
  });
});
