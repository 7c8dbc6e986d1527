/**
 * Keycloak as a SAML identity provider: its client made from the gateway's own metadata, signed and encrypted assertions,
 * groups, a fresh proof, and logouts from both sides. Keycloak is really running; see README.md.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Form } from '../servers/saml.ts';
import { type ClientRepresentation, importSamlClient, importStaff, sessionsOf } from './realms.ts';
import { browserOf, isSignedOn, type Site, signOff, signOn, until } from './site.ts';

export function samlSuite(opened: () => Site): void {
  describe('by SAML', () => suite(opened));
}

function suite(opened: () => Site): void {
  let site: Site;
  let base: string;
  let client: ClientRepresentation;

  const realm = (): string => `${site.keycloak.origin}/realms/staff`;

  const provider = async (more: object = {}): Promise<object> => ({
    kind: 'IdentityProvider',
    metadata: { name: 'staff' },
    spec: {
      type: 'saml',
      metadata: await (await fetch(`${realm()}/protocol/saml/descriptor`)).text(),
      name: { claim: 'uid', prefix: 'staff-' },
      groups: { claim: 'groups', map: { '/engineering/dba': 'corp-dba' } },
      private: true,
      ...more,
    },
  });

  const change = (attributes: Readonly<Record<string, string>>): Promise<unknown> =>
    site.keycloak.admin('PUT', `/staff/clients/${client.id}`, {
      ...client,
      attributes: { ...client.attributes, ...attributes },
    });

  /** What Keycloak has a browser post, as XML. */
  const posted = async (browser = browserOf('ana')): Promise<string> => {
    const way = await browser.reach({ url: `${base}/sign-on/staff` }, `${base}/sign-on/staff/acs`);
    return Buffer.from((way as Form).fields['SAMLResponse']!, 'base64').toString('utf8');
  };

  beforeAll(async () => {
    site = opened();
    ({ base } = site);
    await importStaff(site.keycloak);
    await site.apply(await provider({ encrypted: true }));
    client = await importSamlClient(site.keycloak, await (await fetch(`${base}/sign-on/staff/metadata`)).text());
  }, 120_000);

  test('reads the gateway’s metadata: requests are signed, assertions are signed and encrypted', () => {
    expect(client.clientId).toBe(`${base}/sign-on/staff/metadata`);
    expect(client.attributes).toMatchObject({
      'saml.client.signature': 'true',
      'saml.assertion.signature': 'true',
      'saml.encrypt': 'true',
      saml_name_id_format: 'persistent',
    });
  });

  test('signs on by an encrypted assertion; groups count by their whole path', async () => {
    expect(await posted()).toContain(':EncryptedAssertion');
    const ana = await signOn(site, 'staff', browserOf('ana'));
    expect(ana).toMatchObject({ name: 'staff-ana', issuer: realm(), groups: ['corp-dba'], roles: ['member'] });
    expect((await signOn(site, 'staff', browserOf('bob'))).groups).toEqual([]);
  });

  test('an assertion that is not encrypted is refused where it has to be, and taken where it need not be', async () => {
    await change({ 'saml.encrypt': 'false' });
    expect(await posted()).not.toContain(':EncryptedAssertion');
    await expect(signOn(site, 'staff', browserOf('ana'))).rejects.toThrow('403');
    await site.apply(await provider());
    expect(await signOn(site, 'staff', browserOf('ana'))).toMatchObject({ name: 'staff-ana' });
    // The response alone is signed: nothing in it is an assertion's own.
    await change({ 'saml.assertion.signature': 'false', 'saml.encrypt': 'false' });
    await expect(signOn(site, 'staff', browserOf('ana'))).rejects.toThrow('403');
    await change({ 'saml.server.signature': 'false', 'saml.encrypt': 'false' });
    expect(await signOn(site, 'staff', browserOf('ana'))).toMatchObject({ name: 'staff-ana' });
    await change({});
  });

  test('a fresh proof is one: the password is asked for again', async () => {
    const browser = browserOf('ana');
    const first = await signOn(site, 'staff', browser);
    await signOn(site, 'staff', browser);
    expect(browser.typed).toBe(1);
    await until('another second', async () => Date.now() >= Date.parse(first.token.provenAt!) + 1_000);
    const fresh = await signOn(site, 'staff', browser, true);
    expect(browser.typed).toBe(2);
    expect(Date.parse(fresh.token.provenAt!)).toBeGreaterThan(Date.parse(first.token.provenAt!));
  });

  test('signing off there ends the web session here', async () => {
    const [browser, other] = [browserOf('ana'), browserOf('ana')];
    await signOn(site, 'staff', browser);
    await signOn(site, 'staff', other);
    const { shown } = await browser.follow({ url: `${realm()}/protocol/openid-connect/logout` });
    expect(shown?.status).toBe(200);
    expect(shown?.url.startsWith(realm())).toBe(true);
    expect(await isSignedOn(base, browser)).toBe(false);
    expect(await isSignedOn(base, other)).toBe(true);
  });

  test('signing off here leads to signing off there, whose answer comes back', async () => {
    const browser = browserOf('ana');
    await signOn(site, 'staff', browser);
    const elsewhere = await signOff(site, browser);
    expect(elsewhere?.startsWith(`${realm()}/protocol/saml?`)).toBe(true);
    const { shown } = await browser.follow({ url: elsewhere! });
    expect(shown).toMatchObject({ status: 200, text: expect.stringContaining('Signed off') });
    expect(shown?.url.startsWith(`${base}/sign-on/staff/slo`)).toBe(true);
    await signOn(site, 'staff', browser);
    expect(browser.typed).toBe(2);
  });

  test('the end of a session there, which no browser brings, ends the web session too, and nothing else', async () => {
    await site.keycloak.admin('PUT', `/staff/clients/${client.id}`, { ...client, frontchannelLogout: false });
    const [browser, other] = [browserOf('ana'), browserOf('ana')];
    await signOn(site, 'staff', other);
    const before = await sessionsOf(site.keycloak, 'staff', 'ana');
    await signOn(site, 'staff', browser);
    const [session] = (await sessionsOf(site.keycloak, 'staff', 'ana')).filter((id) => !before.includes(id));
    await site.keycloak.admin('DELETE', `/staff/sessions/${session}`);
    expect(await isSignedOn(base, browser)).toBe(false);
    expect(await isSignedOn(base, other)).toBe(true);
    await change({});
  });

  test('a new key of the realm signs once the gateway has been told of it', async () => {
    const signer = async (): Promise<string> => /<dsig:KeyName>([^<]+)</.exec(await posted())?.[1] ?? '';
    const before = await signer();
    const next = {
      name: 'next',
      providerId: 'rsa-generated',
      providerType: 'org.keycloak.keys.KeyProvider',
      config: { priority: ['1000'], enabled: ['true'], active: ['false'], algorithm: ['RS256'], keySize: ['2048'] },
    };
    await site.keycloak.admin('POST', '/staff/components', next);
    await site.apply(await provider());
    expect(await signer()).toBe(before);
    const [{ id } = { id: '' }] = await site.keycloak.admin<{ id: string }[]>('GET', '/staff/components?name=next');
    await site.keycloak.admin('PUT', `/staff/components/${id}`, {
      ...next,
      config: { ...next.config, active: ['true'] },
    });
    expect(await signer()).not.toBe(before);
    expect(await signOn(site, 'staff', browserOf('ana'))).toMatchObject({ name: 'staff-ana' });
  });
}
