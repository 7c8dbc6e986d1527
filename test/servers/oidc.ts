/**
 * A real OpenID provider on a loopback address, for tests: `oidc-provider`, which is certified against OpenID's suite, with
 * people in groups, the device grant, logouts by its own call, keys that change, and a switch that takes it down.
 *
 * Its people are signed on by name, without a password: `OidcBrowser` says which, and does what a browser would with
 * redirections, cookies and forms.
 *
 * Deliberately absent: passwords, consent (it is given), TLS.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export interface OidcPerson {
  /** `sub`. */
  readonly id: string;
  /** `name`, `preferred_username`, `email`, `email_verified`, `groups`, `realm_access`, and whatever else. */
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface OidcClientOptions {
  readonly clientId: string;
  /** Left out for a public client. */
  readonly clientSecret?: string;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** Where its logout tokens are sent. */
  readonly backchannelLogoutUri?: string;
}

export interface OidcServer {
  readonly issuer: string;
  /** By `id`; may change at any time, and somebody who is not there any more is disabled. */
  readonly people: Map<string, OidcPerson>;
  /** Method and path of every request, in order. */
  readonly asked: readonly string[];
  /** Signs with new keys from now on; the old ones are gone. */
  rotate(): void;
  /** `true`: breaks every connection without an answer. */
  setDown(isDown: boolean): void;
  browser(person: string): OidcBrowser;
  close(): Promise<void>;
}

/** What the scope `groups` gives. */
const groupClaims = ['groups', 'realm_access', 'nested', 'hasgroups', '_claim_names', '_claim_sources', 'oid'];

/** Everybody who is there at the start. */
export const oidcPeople: readonly OidcPerson[] = [
  {
    id: 'u-ana',
    claims: {
      name: 'Ana Lima',
      preferred_username: 'ana',
      email: 'ana@corp.test',
      email_verified: true,
      groups: ['developers', 'on-call'],
      realm_access: { roles: ['dba', 'auditor'] },
      nested: [['a', ['b']], 'c', 7],
    },
  },
  {
    id: 'u-bob',
    claims: { name: 'Bob', preferred_username: 'bob', email: 'bob@corp.test', email_verified: false, groups: [] },
  },
];

export async function startOidcProvider(clients: readonly OidcClientOptions[]): Promise<OidcServer> {
  const asked: string[] = [];
  const people = new Map(oidcPeople.map((person) => [person.id, person]));
  const kept = new Map<string, Record<string, unknown>>();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let isDown = false;
  let rotations = 0;
  const start = () => new Provider(issuer, configurationFor(clients, people, kept, `key-${++rotations}`));
  let provider = start();
  server.on('request', (request, response) => {
    asked.push(`${request.method} ${request.url?.split('?')[0]}`);
    if (isDown) return request.socket.destroy();
    void answer(provider, request, response);
  });
  return {
    issuer,
    people,
    asked,
    rotate: () => {
      provider = start();
    },
    setDown: (down) => {
      isDown = down;
    },
    browser: (person) => new OidcBrowser(person),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const personField = 'x-test-person';

async function answer(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url?.startsWith('/interaction/') !== true) return provider.callback()(request, response);
  const { params } = await provider.interactionDetails(request, response);
  const accountId = String(request.headers[personField]);
  if (accountId === 'nobody') {
    return provider.interactionFinished(request, response, { error: 'access_denied' });
  }
  const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) });
  grant.addOIDCScope('openid profile email groups offline_access');
  const acr = params['acr_values'] === undefined ? {} : { acr: 'mfa' };
  const login = { accountId, amr: ['pwd', 'otp'], ...acr };
  await provider.interactionFinished(request, response, { login, consent: { grantId: await grant.save() } });
}

function configurationFor(
  clients: readonly OidcClientOptions[],
  people: ReadonlyMap<string, OidcPerson>,
  kept: Map<string, Record<string, unknown>>,
  kid: string,
): Readonly<Record<string, unknown>> {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return {
    adapter: (model: string) => new Kept(model, kept),
    jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig', kid }] },
    cookies: { keys: ['a key of a test'] },
    clients: clients.map(clientOf),
    claims: {
      openid: ['sub', 'amr'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: groupClaims,
    },
    scopes: ['openid', 'offline_access'],
    acrValues: ['mfa'],
    // So that a test sees userinfo being asked: claims of scopes stand there alone.
    conformIdTokenClaims: true,
    findAccount: (_context: unknown, id: string) => {
      if (!people.has(id)) return undefined;
      return { accountId: id, claims: async () => ({ sub: id, ...people.get(id)?.claims }) };
    },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    // The only host that it calls is that of a test.
    fetch: (url: string | URL, options: RequestInit & { dispatcher?: unknown }) => {
      const { dispatcher: _none, ...rest } = options;
      return globalThis.fetch(url, rest);
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: bareForm,
        userCodeConfirmSource: bareForm,
        successSource: bare,
      },
      rpInitiatedLogout: { enabled: true, logoutSource: bareForm, postLogoutSuccessSource: bare },
    },
    ttl: {
      AccessToken: 300,
      IdToken: 300,
      RefreshToken: 3_600,
      DeviceCode: 600,
      Session: 3_600,
      Interaction: 600,
      Grant: 3_600,
    },
  };
}

function clientOf(options: OidcClientOptions): Readonly<Record<string, unknown>> {
  const { clientId, clientSecret, redirectUris, postLogoutRedirectUris = [], backchannelLogoutUri } = options;
  return {
    client_id: clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    token_endpoint_auth_method: clientSecret === undefined ? 'none' : 'client_secret_basic',
    application_type: 'native',
    id_token_signed_response_alg: 'ES256',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    redirect_uris: redirectUris,
    post_logout_redirect_uris: postLogoutRedirectUris,
    ...(backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }),
  };
}

interface Page {
  type: string;
  body: string;
}

async function bareForm(page: Page, form: string): Promise<void> {
  page.type = 'html';
  page.body = form;
}

async function bare(page: Page): Promise<void> {
  page.type = 'html';
  page.body = 'done';
}

/** What the provider keeps, across its keys. */
class Kept {
  readonly #model: string;
  readonly #kept: Map<string, Record<string, unknown>>;

  constructor(model: string, kept: Map<string, Record<string, unknown>>) {
    this.#model = model;
    this.#kept = kept;
  }

  async upsert(id: string, payload: Record<string, unknown>): Promise<void> {
    this.#kept.set(`${this.#model}:${id}`, payload);
  }

  async find(id: string): Promise<unknown> {
    return this.#kept.get(`${this.#model}:${id}`);
  }

  findByUid(uid: string): Promise<unknown> {
    return this.#findBy('uid', uid);
  }

  findByUserCode(code: string): Promise<unknown> {
    return this.#findBy('userCode', code);
  }

  async destroy(id: string): Promise<void> {
    this.#kept.delete(`${this.#model}:${id}`);
  }

  async consume(id: string): Promise<void> {
    const payload = this.#kept.get(`${this.#model}:${id}`);
    if (payload !== undefined) payload['consumed'] = Math.floor(Date.now() / 1000);
  }

  async revokeByGrantId(grant: string): Promise<void> {
    for (const [key, payload] of this.#kept) if (payload['grantId'] === grant) this.#kept.delete(key);
  }

  async #findBy(name: string, value: string): Promise<unknown> {
    const isOurs = ([key]: readonly [string, unknown]): boolean => key.startsWith(`${this.#model}:`);
    return [...this.#kept].find((entry) => isOurs(entry) && entry[1][name] === value)?.[1];
  }
}

/** As much of a browser as the provider's pages need: redirections, cookies, and forms that are sent as they are. */
export class OidcBrowser {
  /** Who says to be sitting there; `nobody` refuses. */
  person: string;
  readonly #cookies = new Map<string, string>();

  constructor(person: string) {
    this.person = person;
  }

  /** Goes to `url`, and on, until the provider sends the browser to an address that begins with `until`: that address. */
  async signOn(url: string, until: string): Promise<string> {
    let next = url;
    for (let steps = 0; steps < 20; steps++) {
      if (next.startsWith(until)) return next;
      const answer = await this.#fetch(next);
      const location = answer.headers.get('location');
      if (location === null) throw new Error(`the provider stays at ${next}: ${answer.status} ${await answer.text()}`);
      next = new URL(location, next).href;
    }
    throw new Error('the provider goes in circles');
  }

  /** Opens the page where codes of devices are typed, and confirms the one that its address holds. */
  async confirmDevice(verificationUriComplete: string): Promise<void> {
    // The code itself, then that it is meant.
    await this.#through(await this.#fetch(verificationUriComplete), verificationUriComplete);
  }

  /** Signs off at the provider, everywhere. */
  async signOff(endSessionUrl: string): Promise<void> {
    await this.#through(await this.#fetch(endSessionUrl), endSessionUrl, { logout: 'yes' });
  }

  /** Follows redirections, and sends each form, until a page has neither. */
  async #through(first: Response, from: string, also: Readonly<Record<string, string>> = {}): Promise<void> {
    let answer = first;
    let at = from;
    for (let steps = 0; steps < 20; steps++) {
      const location = answer.headers.get('location');
      const form = location === null ? formOf(await answer.text()) : null;
      if (location !== null) {
        at = new URL(location, at).href;
        answer = await this.#fetch(at);
      } else if (form !== null) {
        at = new URL(form.action, at).href;
        answer = await this.#fetch(at, new URLSearchParams({ ...form.fields, ...also }));
      } else {
        if (!answer.ok) throw new Error(`the provider answers ${answer.status} at ${at}`);
        return;
      }
    }
    throw new Error('the provider goes in circles');
  }

  async #fetch(url: string, body?: URLSearchParams): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie, [personField]: this.person },
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]!.split(/=(.*)/s);
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }
}

function formOf(html: string): { readonly action: string; readonly fields: Record<string, string> } | null {
  const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1];
  if (action === undefined) return null;
  const inputs = [...html.matchAll(/<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g)];
  return { action, fields: Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, value])) };
}
