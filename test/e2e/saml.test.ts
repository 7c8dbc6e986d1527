/**
 * Signing on by SAML, as a browser does: the gateway's metadata, the provider's form, groups that decide, and single logout.
 * The provider is samlp, really running.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../src/api/contract/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { formOf, SamlBrowser, type SamlIdentityProvider, startSamlIdentityProvider } from '../servers/saml.ts';

const groupsName = 'http://schemas.xmlsoap.org/claims/Group';

let env: TestEnv;
let provider: SamlIdentityProvider;
let admin: Client;
let base: string;

beforeAll(async () => {
  env = await createTestEnv();
  base = env.gateway.consoleUrl;
  admin = await env.api('admin');
  provider = await startSamlIdentityProvider({
    ana: { password: 'pw', nameId: 'p-1f3a', attributes: { uid: 'ana', [groupsName]: ['developers', 'on-call'] } },
  });
  await admin.call('apply', { body: { dryRun: false, documents: [await manifest('adfs')] } });
  const metadata = await (await fetch(`${base}/sign-on/adfs/metadata`)).text();
  expect(metadata).toContain(`Location="${base}/sign-on/adfs/acs"`);
  const [certificate] = [...metadata.matchAll(/<(?:\w+:)?X509Certificate>([^<]+)</g)].map(([, text]) =>
    text!.replace(/\s/g, ''),
  );
  provider.client = {
    entityId: `${base}/sign-on/adfs/metadata`,
    acs: `${base}/sign-on/adfs/acs`,
    logout: `${base}/sign-on/adfs/slo`,
    cert: `-----BEGIN CERTIFICATE-----\n${certificate!.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}, 120_000);

afterAll(async () => {
  await provider?.close();
  await env?.close();
}, 60_000);

async function manifest(name: string): Promise<object> {
  return {
    kind: 'IdentityProvider',
    metadata: { name },
    spec: {
      type: 'saml',
      metadata: await provider.metadata(),
      name: { claim: 'uid' },
      groups: { claim: groupsName, map: { developers: 'corp-developers' } },
      private: true,
    },
  };
}

interface SignedOn {
  readonly answer: Response;
  readonly cookies: Map<string, string>;
  readonly at: SamlBrowser;
}

/** Signs on from the console; `steal` brings the provider's form from another browser. */
async function signOn(steal = false): Promise<SignedOn> {
  const cookies = new Map<string, string>();
  const begun = await fetch(`${base}/sign-on/adfs?returnTo=/account.html`, { redirect: 'manual' });
  take(cookies, begun);
  const at = new SamlBrowser();
  const location = begun.headers.get('location');
  const way = location === null ? formOf(await begun.text(), base) : { url: location };
  const form = await at.signOn(way, 'ana', 'pw');
  expect(form.action).toBe(`${base}/sign-on/adfs/acs`);
  const answer = await fetch(form.action, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ ...form.fields }),
    // As a browser does: the form comes from the provider's page.
    headers: {
      origin: provider.origin,
      'sec-fetch-site': 'cross-site',
      cookie: steal ? '' : [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    },
  });
  take(cookies, answer);
  return { answer, cookies, at };
}

function take(cookies: Map<string, string>, answer: Response): void {
  for (const line of answer.headers.getSetCookie()) {
    const [name = '', value = ''] = line.split(';')[0]!.split(/=(.*)/s);
    if (value === '') cookies.delete(name);
    else cookies.set(name, value);
  }
}

function whoami(cookies: ReadonlyMap<string, string>): Promise<Response> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return fetch(`${base}/api/v1/whoami`, { headers: { cookie, 'sec-fetch-site': 'same-origin' } });
}

describe('a person of a SAML provider', () => {
  test('signs on in a browser, and has the groups that are mapped', async () => {
    const { answer, cookies } = await signOn();
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/account.html');
    expect([...cookies.keys()]).toEqual(['sallyport']);
    const who = await (await whoami(cookies)).json();
    expect(who).toMatchObject({ name: 'ana', subject: 'p-1f3a', groups: ['corp-developers'], roles: ['member'] });
  });

  test('A-ID-06: what another browser was given signs nobody on', async () => {
    const { answer, cookies } = await signOn(true);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('Begin again');
    expect(cookies.has('sallyport')).toBe(false);
  });

  test('signing off at the provider ends the web session', async () => {
    const { cookies, at } = await signOn();
    expect((await whoami(cookies)).status).toBe(200);
    let next = await at.open({ url: `${provider.origin}/slo` });
    for (let steps = 0; next.location !== null && steps < 5; steps++) next = await at.open({ url: next.location });
    expect(next.status).toBe(200);
    expect((await whoami(cookies)).status).toBe(401);
  });

  test('signing off here leads to signing off at the provider, whose answer the same browser brings back', async () => {
    const { cookies, at } = await signOn();
    const cookie = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const off = await fetch(`${base}/api/v1/web-session`, {
      method: 'DELETE',
      headers: { cookie: cookie(), origin: base, 'sec-fetch-site': 'same-origin' },
    });
    take(cookies, off);
    const { signOff } = (await off.json()) as { signOff: string };
    expect(signOff.startsWith(`${provider.origin}/slo?SAMLRequest=`)).toBe(true);
    expect((await whoami(cookies)).status).toBe(401);
    const answer = await at.open({ url: signOff });
    expect(answer.location?.startsWith(`${base}/sign-on/adfs/slo?`)).toBe(true);
    const bring = (kept: string): Promise<Response> =>
      fetch(answer.location!, { headers: { cookie: kept, 'sec-fetch-site': 'cross-site' } });
    const back = await bring(cookie());
    expect(back.status).toBe(200);
    expect(await back.text()).toContain('You are signed off');
    // Once: whoever finds the address later is told nothing.
    expect((await bring(cookie())).status).toBe(403);
  });

  test('metadata that cannot be used is refused when it is applied, and so is a second provider of one issuer', async () => {
    const apply = (documents: object[]) => admin.call('apply', { body: { dryRun: true, documents } });
    const good = (await manifest('adfs')) as { spec: { metadata: string } };
    const bad = {
      ...good,
      spec: {
        ...good.spec,
        metadata: good.spec.metadata.replace(/<(\w+:)?X509Certificate>[^<]+/g, '<$1X509Certificate>AAAA'),
      },
    };
    await expect(apply([bad])).rejects.toMatchObject({ status: 422 });
    await expect(apply([await manifest('second')])).rejects.toMatchObject({ status: 422 });
    await apply([good]);
  });
});
