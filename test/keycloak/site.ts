/** A gateway beside Keycloak, and what tests do at it in a browser. */
import { expect } from 'vitest';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { Browser } from './browser.ts';
import { type Keycloak, startKeycloak } from './keycloak.ts';
import { password } from './realms.ts';

export interface Site {
  readonly env: TestEnv;
  readonly keycloak: Keycloak;
  readonly admin: Client;
  /** Of the console. */
  readonly base: string;
  apply(...documents: object[]): Promise<void>;
  close(): Promise<void>;
}

export interface Who {
  readonly name: string;
  readonly subject: string;
  readonly issuer: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly token: { readonly provenAt: string | null };
}

export async function openSite(): Promise<Site> {
  const [env, keycloak] = await Promise.all([createTestEnv(), startKeycloak()]);
  const admin = await env.api('admin');
  return {
    env,
    keycloak,
    admin,
    base: env.gateway.consoleUrl,
    apply: async (...documents) => {
      await admin.call('apply', { body: { documents, dryRun: false } });
    },
    close: async () => {
      await keycloak.stop();
      await env.close();
    },
  };
}

export function browserOf(username: string): Browser {
  return new Browser(username, password);
}

/** Signs on at the console by a provider, as a person would, and comes back to their account there. */
export async function signOn({ base }: Site, provider: string, browser: Browser, fresh = false): Promise<Who> {
  const query = new URLSearchParams({ returnTo: '/account.html', ...(fresh ? { fresh: 'true' } : {}) });
  await browser.reach({ url: `${base}/sign-on/${provider}?${query}` }, `${base}/account.html`);
  return whoami(base, browser);
}

export async function whoami(base: string, browser: Browser): Promise<Who> {
  const answer = await browser.call(`${base}/api/v1/whoami`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Who;
}

export async function isSignedOn(base: string, browser: Browser): Promise<boolean> {
  const { status } = await browser.call(`${base}/api/v1/whoami`);
  expect([200, 401]).toContain(status);
  return status === 200;
}

/** A token for a program without a browser; `confirm` is given the page where the person confirms it. */
export async function deviceToken(
  { base }: Site,
  provider: string,
  confirm: (url: string) => Promise<void>,
): Promise<string> {
  const open = createClient({ baseUrl: base });
  const begun = await open.call('beginDeviceSignOn', { body: { provider } });
  expect((await open.call('pollDeviceSignOn', { body: { id: begun.id } })).state).toBe('pending');
  await confirm(begun.verificationUriComplete!);
  let token: string | null = null;
  await until('the sign-on by device', async () => {
    const { signedOn } = await open.call('pollDeviceSignOn', { body: { id: begun.id } });
    token = signedOn?.token ?? null;
    return token !== null;
  });
  return token!;
}

/** Signs off as the console's page does; where to sign off at the provider. */
export async function signOff({ base }: Site, browser: Browser): Promise<string | null> {
  const answer = await browser.call(`${base}/api/v1/web-session`, { method: 'DELETE' });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { signOff: string | null }).signOff;
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 150_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
