/**
 * Keycloak as an OpenID provider: signing on in a browser and by device, groups and roles, what changes and ends there, a
 * fresh proof, a pipeline's own token. Keycloak is really running; see README.md.
 */
import { decodeProtectedHeader } from 'jose';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { createClient, routes } from '../../src/api/contract/index.ts';
import {
  audience,
  type ClientRepresentation,
  clientSecret,
  groupId,
  importCorp,
  importPartners,
  sessionsOf,
  userId,
} from './realms.ts';
import { browserOf, deviceToken, isSignedOn, type Site, signOff, signOn, until, whoami } from './site.ts';

export function oidcSuite(opened: () => Site): void {
  describe('by OpenID Connect', () => suite(opened));
}

function suite(opened: () => Site): void {
  let site: Site;
  let base: string;

  const issuer = (realm: string): string => `${site.keycloak.origin}/realms/${realm}`;

  const corp = (more: object = {}): object => ({
    kind: 'IdentityProvider',
    metadata: { name: 'corp' },
    spec: {
      type: 'oidc',
      issuer: issuer('corp'),
      clientId: 'sallyport',
      clientSecret: { value: clientSecret },
      groups: { claim: 'groups', map: { '/engineering': 'corp-engineering', '/engineering/dba': 'corp-dba' } },
      private: true,
      ...more,
    },
  });

  const partners = (): object => ({
    kind: 'IdentityProvider',
    metadata: { name: 'partners' },
    spec: {
      type: 'oidc',
      issuer: issuer('partners'),
      clientId: 'sallyport',
      scopes: ['profile', 'email', 'offline_access'],
      name: { claim: 'preferred_username', prefix: 'partner-' },
      groups: { claim: 'realm_access.roles', map: { 'on-call': 'partners-on-call' } },
      private: true,
    },
  });

  const access = (name: string, principals: object): object => ({
    kind: 'Access',
    metadata: { name },
    spec: { match: { principals, resources: { names: ['orders'] } } },
  });

  const psql = (user: string, token: string): pg.Client => {
    const { host, port, ssl } = site.env.client('engineer', 'orders');
    const client = new pg.Client({ host, port, ssl, user: `${user}+orders`, password: token, database: 'app' });
    client.on('error', () => undefined);
    return client;
  };

  const fails = (client: pg.Client): Promise<boolean> =>
    client.query('SELECT 1').then(
      () => false,
      () => true,
    );

  beforeAll(async () => {
    site = opened();
    ({ base } = site);
    await importCorp(site.keycloak, base);
    await importPartners(site.keycloak, base);
    await site.apply(corp(), partners(), access('dba', { groups: ['corp-dba'] }));
  }, 120_000);

  test('signs on in a browser; groups count by their whole path, and only where they are mapped', async () => {
    const ana = await signOn(site, 'corp', browserOf('ana'));
    const subject = await userId(site.keycloak, 'corp', 'ana');
    expect(ana).toMatchObject({ name: 'ana', issuer: issuer('corp'), subject, roles: ['member'] });
    expect([...ana.groups].sort()).toEqual(['corp-dba', 'corp-engineering']);
    expect((await signOn(site, 'corp', browserOf('bob'))).groups).toEqual(['corp-engineering']);
    const { spec } = await site.admin.call('getObject', { params: { kind: 'Principal', name: 'ana' } });
    expect(spec).toMatchObject({ displayName: 'Ana Lima', provided: { email: 'ana@corp.test' } });
  });

  test('a public client, with the roles of the realm', async () => {
    const ana = await signOn(site, 'partners', browserOf('ana'));
    expect(ana).toMatchObject({ name: 'partner-ana', issuer: issuer('partners'), groups: ['partners-on-call'] });
  });

  test('signs on by device, with either client', async () => {
    for (const [provider, name] of [
      ['corp', 'ana'],
      ['partners', 'partner-ana'],
    ] as const) {
      const browser = browserOf('ana');
      const token = await deviceToken(site, provider, async (url) => {
        const { shown } = await browser.follow({ url });
        expect(shown?.text).toContain('Device Login Successful');
      });
      expect(await createClient({ baseUrl: base, token }).call('whoami')).toMatchObject({ name });
    }
  });

  test('a fresh proof is one: the password is asked for again, and auth_time says when', async () => {
    const browser = browserOf('ana');
    const first = await signOn(site, 'corp', browser);
    expect(browser.typed).toBe(1);
    const remembered = await signOn(site, 'corp', browser);
    expect(browser.typed).toBe(1);
    expect(remembered.token.provenAt).toBe(first.token.provenAt);
    // auth_time counts seconds.
    await until('another second', async () => Date.now() >= Date.parse(first.token.provenAt!) + 1_000);
    const fresh = await signOn(site, 'corp', browser, true);
    expect(browser.typed).toBe(2);
    expect(Date.parse(fresh.token.provenAt!)).toBeGreaterThan(Date.parse(first.token.provenAt!));
    await site.apply(corp({ acrValues: ['1'] }));
    await signOn(site, 'corp', browser, true);
    expect(browser.typed).toBe(3);
    await site.apply(corp());
  });

  test('a new key signs from now on', async () => {
    const keysOf = async (): Promise<string[]> => {
      const answer = await fetch(`${issuer('corp')}/protocol/openid-connect/certs`);
      return ((await answer.json()) as { keys: { kid: string; use: string }[] }).keys.map(({ kid }) => kid);
    };
    const before = await keysOf();
    await site.keycloak.admin('POST', '/corp/components', {
      name: 'next',
      providerId: 'rsa-generated',
      providerType: 'org.keycloak.keys.KeyProvider',
      config: { priority: ['1000'], enabled: ['true'], active: ['true'], algorithm: ['RS256'], keySize: ['2048'] },
    });
    const token = await workloadToken();
    const { kid } = decodeProtectedHeader(token);
    expect(before).not.toContain(kid);
    expect(await keysOf()).toContain(kid);
    await until('a sign-on with the new key', () =>
      signOn(site, 'corp', browserOf('ana')).then(
        () => true,
        () => false,
      ),
    );
  });

  test('a changed group there ends what it gave here, with the session open', async () => {
    const browser = browserOf('ana');
    await signOn(site, 'corp', browser);
    const token = await deviceToken(site, 'corp', async (url) => void (await browser.follow({ url })));
    const client = psql('ana', token);
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    const path = `/corp/users/${await userId(site.keycloak, 'corp', 'ana')}/groups/${await groupId(site.keycloak, 'corp', '/engineering/dba')}`;
    await site.keycloak.admin('DELETE', path);
    await until('the end of the session', () => fails(client));
    expect((await whoami(base, browser)).groups).toEqual(['corp-engineering']);
    await site.keycloak.admin('PUT', path, {});
    expect([...(await signOn(site, 'corp', browser)).groups].sort()).toEqual(['corp-dba', 'corp-engineering']);
    await client.end();
  });

  test('whoever is disabled there has their sessions ended, an offline one included', async () => {
    await site.apply(access('partners', { groups: ['partners-on-call'] }));
    const browser = browserOf('ana');
    const token = await deviceToken(site, 'partners', async (url) => void (await browser.follow({ url })));
    const client = psql('partner-ana', token);
    await client.connect();
    expect(await fails(client)).toBe(false);
    const path = `/partners/users/${await userId(site.keycloak, 'partners', 'ana')}`;
    const person = await site.keycloak.admin<object>('GET', path);
    await site.keycloak.admin('PUT', path, { ...person, enabled: false });
    await until('the end of the session', () => fails(client));
    await expect(createClient({ baseUrl: base, token }).call('whoami')).rejects.toMatchObject({ status: 401 });
    await site.keycloak.admin('PUT', path, { ...person, enabled: true });
    await client.end();
  });

  test('the end of a session there ends what came of it, by the back channel, and nothing else', async () => {
    const [mine, other] = [browserOf('ana'), browserOf('ana')];
    await signOn(site, 'corp', other);
    const before = await sessionsOf(site.keycloak, 'corp', 'ana');
    await signOn(site, 'corp', mine);
    const token = await deviceToken(site, 'corp', async (url) => void (await mine.follow({ url })));
    const [session, ...more] = (await sessionsOf(site.keycloak, 'corp', 'ana')).filter((id) => !before.includes(id));
    expect(more).toEqual([]);
    await site.keycloak.admin('DELETE', `/corp/sessions/${session}`);
    // Keycloak answers when it has told the gateway.
    expect(await isSignedOn(base, mine)).toBe(false);
    await expect(createClient({ baseUrl: base, token }).call('whoami')).rejects.toMatchObject({ status: 401 });
    expect(await isSignedOn(base, other)).toBe(true);
  });

  test('where a logout token need not name a session, signing out a person there ends all of theirs at once', async () => {
    const browsers = [browserOf('ana'), browserOf('ana')];
    for (const browser of browsers) await signOn(site, 'corp', browser);
    const [client] = await site.keycloak.admin<ClientRepresentation[]>('GET', '/corp/clients?clientId=sallyport');
    const { id, attributes } = client!;
    const changed = (isNamed: boolean) =>
      site.keycloak.admin('PUT', `/corp/clients/${id}`, {
        ...client,
        attributes: { ...attributes, 'backchannel.logout.session.required': String(isNamed) },
      });
    await changed(false);
    // With several sessions Keycloak sends one token for all, which would otherwise name but one of them.
    await site.keycloak.admin('POST', `/corp/users/${await userId(site.keycloak, 'corp', 'ana')}/logout`);
    for (const browser of browsers) expect(await isSignedOn(base, browser)).toBe(false);
    await changed(true);
  });

  test('signing off here leads to signing off there, and back', async () => {
    const browser = browserOf('ana');
    await signOn(site, 'corp', browser);
    const elsewhere = await signOff(site, browser);
    expect(elsewhere).toContain(`${issuer('corp')}/protocol/openid-connect/logout?`);
    await browser.reach({ url: elsewhere! }, `${base}/`);
    await signOn(site, 'corp', browser);
    expect(browser.typed).toBe(2);
  });

  const workloadToken = async (): Promise<string> => {
    const answer = await fetch(`${issuer('corp')}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'nightly-report',
        client_secret: clientSecret,
      }),
    });
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { access_token: string }).access_token;
  };

  test('the token of a service there is exchanged for one of ours', async () => {
    await site.apply(
      {
        kind: 'IdentityProvider',
        metadata: { name: 'corp-services' },
        spec: { type: 'workload', issuer: issuer('corp'), audience, private: true },
      },
      {
        kind: 'Principal',
        metadata: { name: 'nightly' },
        spec: {
          kind: 'service',
          workloads: [
            {
              provider: 'corp-services',
              claims: { client_id: 'nightly-report' },
              resources: ['orders'],
              lifetime: 300,
            },
          ],
        },
      },
      access('nightly', { names: ['nightly'] }),
    );
    const exchange = async (subjectToken: string): Promise<Response> =>
      fetch(new URL(routes.exchangeToken.path, base), {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          subject_token: subjectToken,
        }),
      });
    const answer = await exchange(await workloadToken());
    expect(answer.status).toBe(200);
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const client = psql('nightly', token);
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });
}
