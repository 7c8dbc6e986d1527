/**
 * Signing on by an organisation's own provider, as people do: in a browser, at a terminal, by device; what the provider says
 * of their groups decides what they may, and what it ends, ends here. The provider is oidc-provider, really running.
 */
import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { type OidcBrowser, type OidcServer, startOidcProvider } from '../servers/oidc.ts';

let env: TestEnv;
let provider: OidcServer;
let admin: Client;
let base: string;

beforeAll(async () => {
  env = await createTestEnv();
  base = env.gateway.consoleUrl;
  admin = await env.api('admin');
  provider = await startOidcProvider([
    {
      clientId: 'sallyport',
      clientSecret: 'a secret of the client',
      redirectUris: [`${base}/sign-on/corp/callback`],
      postLogoutRedirectUris: [`${base}/`],
      backchannelLogoutUri: `${base}/sign-on/corp/back-channel-logout`,
    },
  ]);
  await admin.call('apply', {
    body: {
      dryRun: false,
      documents: [
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
            groups: { claim: 'groups', map: { developers: 'corp-developers', 'security team': ['corp-auditors'] } },
            roles: { auditor: ['corp-auditors'] },
            private: true,
          },
        },
        {
          kind: 'Access',
          metadata: { name: 'developers-reach-orders' },
          spec: { match: { principals: { groups: ['corp-developers'] }, resources: { names: ['orders'] } } },
        },
      ],
    },
  });
}, 120_000);

afterAll(async () => {
  await provider?.close();
  await env?.close();
}, 60_000);

/** A browser at the console: its cookies, and where it is sent. */
class ConsoleBrowser {
  readonly cookies = new Map<string, string>();

  async go(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(new URL(path, base), {
      ...init,
      redirect: 'manual',
      headers: { cookie, 'sec-fetch-site': 'same-origin', ...(init.headers as Record<string, string>) },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]!.split(/=(.*)/s);
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  /** Signs on with the provider, as somebody. */
  async signOn(at: OidcBrowser, returnTo = '/'): Promise<Response> {
    const begun = await this.go(`/sign-on/corp?returnTo=${encodeURIComponent(returnTo)}`);
    expect(begun.status).toBe(303);
    return this.go(await at.signOn(begun.headers.get('location')!, `${base}/sign-on/corp/callback`));
  }

  async post(path: string, body: object): Promise<Response> {
    return this.go(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', origin: base },
    });
  }
}

async function whoami(
  browser: ConsoleBrowser,
): Promise<{ name: string; groups: string[]; roles: string[]; id: string }> {
  const answer = await browser.go('/api/v1/whoami');
  expect(answer.status).toBe(200);
  return (await answer.json()) as never;
}

/** A token for a terminal, by the browser. */
async function terminalToken(browser: ConsoleBrowser): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const state = randomBytes(16).toString('base64url');
  const asked = await browser.post('/api/v1/sign-on/terminal', {
    redirectUri: 'http://127.0.0.1:4711/done',
    challenge,
    state,
  });
  expect(asked.status).toBe(200);
  const url = new URL(((await asked.json()) as { url: string }).url);
  expect(url.origin).toBe('http://127.0.0.1:4711');
  expect(url.searchParams.get('state')).toBe(state);
  const code = url.searchParams.get('code')!;
  const open = createClient({ baseUrl: base });
  const wrong = { code, verifier: 'w'.repeat(43) };
  await expect(open.call('redeemTerminal', { body: wrong })).rejects.toMatchObject({ status: 401 });
  // Gone with the first try, right or wrong.
  await expect(open.call('redeemTerminal', { body: { code, verifier } })).rejects.toMatchObject({ status: 401 });
  const again = await browser.post('/api/v1/sign-on/terminal', {
    redirectUri: 'http://127.0.0.1:4711/',
    challenge,
    state,
  });
  const second = new URL(((await again.json()) as { url: string }).url).searchParams.get('code')!;
  return (await open.call('redeemTerminal', { body: { code: second, verifier } })).token;
}

function psql(user: string, token: string): pg.Client {
  const { host, port, ssl } = env.client('engineer', 'orders');
  return new pg.Client({ host, port, ssl, user: `${user}+orders`, password: token, database: 'app' });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 90_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

describe('a person of an OpenID provider', () => {
  test('signs on in a browser, is made a principal, and has the groups that are mapped', async () => {
    const browser = new ConsoleBrowser();
    const done = await browser.signOn(provider.browser('u-ana'), '/sign-on.html#x');
    expect(done.status).toBe(303);
    expect(done.headers.get('location')).toBe('/sign-on.html#x');
    const ana = await whoami(browser);
    expect(ana).toMatchObject({
      name: 'ana',
      id: `${provider.issuer}:u-ana`,
      groups: ['corp-developers'],
      roles: ['member'],
    });
    const stored = await admin.call('getObject', { params: { kind: 'Principal', name: 'ana' } });
    expect(stored.spec).toMatchObject({
      displayName: 'Ana Lima',
      identity: { issuer: provider.issuer, subject: 'u-ana' },
      provided: { groups: ['developers', 'on-call'], email: 'ana@corp.test', active: true },
    });
  });

  test('reaches with a terminal’s token what an Access gives their group, and no more', async () => {
    const browser = new ConsoleBrowser();
    await browser.signOn(provider.browser('u-ana'));
    const token = await terminalToken(browser);
    const client = psql('ana', token);
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    // A web session is no password.
    const web = psql('ana', browser.cookies.get('sallyport')!);
    await expect(web.connect()).rejects.toThrow();
  });

  test('A-ID-04: a callback of another browser, or used again, signs nobody on', async () => {
    const [mine, theirs] = [new ConsoleBrowser(), new ConsoleBrowser()];
    const begun = await mine.go('/sign-on/corp');
    const callback = await provider
      .browser('u-ana')
      .signOn(begun.headers.get('location')!, `${base}/sign-on/corp/callback`);
    await theirs.go('/sign-on/corp');
    const stolen = await theirs.go(callback);
    expect(stolen.status).toBe(403);
    expect(await stolen.text()).toContain('Begin again');
    expect(theirs.cookies.has('sallyport')).toBe(false);
    expect((await mine.go(callback)).status).toBe(403);
    expect((await mine.go('/api/v1/whoami')).status).toBe(401);
  });

  test('signs on by device', async () => {
    const open = createClient({ baseUrl: base });
    const begun = await open.call('beginDeviceSignOn', { body: { provider: 'corp' } });
    expect((await open.call('pollDeviceSignOn', { body: { id: begun.id } })).state).toBe('pending');
    await provider.browser('u-ana').confirmDevice(begun.verificationUriComplete!);
    let signedOn: { token: string; principal: { name: string } } | null = null;
    await until('the sign-on by device', async () => {
      ({ signedOn } = await open.call('pollDeviceSignOn', { body: { id: begun.id } }));
      return signedOn !== null;
    });
    expect(signedOn!.principal.name).toBe('ana');
    const who = await createClient({ baseUrl: base, token: signedOn!.token }).call('whoami');
    expect(who.groups).toEqual(['corp-developers']);
  });

  test('a changed group at the provider changes what the next statement may do', async () => {
    const browser = new ConsoleBrowser();
    await browser.signOn(provider.browser('u-ana'));
    const client = psql('ana', await terminalToken(browser));
    client.on('error', () => undefined);
    await client.connect();
    await client.query('SELECT 1');
    const ana = provider.people.get('u-ana')!;
    provider.people.set('u-ana', { ...ana, claims: { ...ana.claims, groups: ['on-call'] } });
    await until('the end of the session', async () =>
      client.query('SELECT 1').then(
        () => false,
        () => true,
      ),
    );
    expect((await whoami(browser)).groups).toEqual([]);
    provider.people.set('u-ana', ana);
  }, 120_000);

  test('signing off at the provider ends what came of it', async () => {
    const at = provider.browser('u-ana');
    const browser = new ConsoleBrowser();
    await browser.signOn(at);
    const token = await terminalToken(browser);
    const off = await browser.go('/api/v1/whoami');
    expect(off.status).toBe(200);
    await at.signOff(`${provider.issuer}/session/end?client_id=sallyport`);
    await until('the end of the web session', async () => (await browser.go('/api/v1/whoami')).status === 401);
    await expect(createClient({ baseUrl: base, token }).call('whoami')).rejects.toMatchObject({ status: 401 });
  });

  test('A-ID-05: a name that another has is nobody’s proof', async () => {
    const person = provider.people.get('u-ana')!;
    provider.people.set('u-evil', { id: 'u-evil', claims: { ...person.claims, preferred_username: 'dba' } });
    const browser = new ConsoleBrowser();
    const done = await browser.signOn(provider.browser('u-evil'));
    expect(done.status).toBe(403);
    expect(await done.text()).toContain('is another principal');
    provider.people.set('u-evil', { id: 'u-evil', claims: { ...person.claims } });
    const again = await browser.signOn(provider.browser('u-evil'));
    expect(again.status).toBe(403);
  });

  test('F-06: a provider that is down ends nothing, and signs nobody on', async () => {
    const browser = new ConsoleBrowser();
    await browser.signOn(provider.browser('u-ana'));
    provider.setDown(true);
    expect((await browser.go('/api/v1/whoami')).status).toBe(200);
    const open = createClient({ baseUrl: base });
    await expect(open.call('beginDeviceSignOn', { body: { provider: 'corp' } })).rejects.toMatchObject({ status: 503 });
    provider.setDown(false);
  });

  test('nobody says for the provider who somebody is', async () => {
    const apply = (spec: object) =>
      admin.call('apply', {
        body: { dryRun: false, documents: [{ kind: 'Principal', metadata: { name: 'ana' }, spec }] },
      });
    await expect(apply({ identity: { issuer: 'https://other.example', subject: 'u-ana' } })).rejects.toMatchObject({
      status: 422,
    });
    await expect(apply({ password: 'a long enough password' })).rejects.toMatchObject({ status: 422 });
    await apply({ displayName: 'Ana', provided: { groups: ['security team'], active: true } });
    const { spec } = await admin.call('getObject', { params: { kind: 'Principal', name: 'ana' } });
    expect(spec).toMatchObject({ displayName: 'Ana', provided: { groups: ['developers', 'on-call'] } });
  });
});
