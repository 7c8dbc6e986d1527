/**
 * The organisation's own OpenID provider of the demonstration: oidc-provider with a page on which one says who one is, and a
 * page on which people change groups or leave. Nobody needs a password there: it stands on this machine, for trying out.
 *
 * Deliberately absent: everything by which a provider would be sure of anybody.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface Provider {
  readonly issuer: string;
  readonly port: number;
  /** Where people change groups. */
  readonly page: string;
  readonly clientId: string;
  readonly clientSecret: string;
  stop(): Promise<void>;
}

interface Person {
  readonly name: string;
  readonly groups: Set<string>;
}

/** The part of oidc-provider that is used here; it has no types of its own. */
interface OidcProvider {
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly Grant: new (of: {
    accountId: string;
    clientId: string;
  }) => {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  };
  interactionDetails(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ readonly uid: string; readonly params: Readonly<Record<string, unknown>> }>;
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
}

const groups = ['developers', 'database administrators', 'security'];
const formBytesMax = 10_000;

/** Null where the package is not installed (an installation without development packages). */
export async function startProvider(port: number, consoleUrl: string): Promise<Provider | null> {
  const packageName = 'oidc-provider';
  const loaded = (await import(packageName).catch(() => null)) as {
    default: new (...args: unknown[]) => OidcProvider;
  } | null;
  if (loaded === null) return null;
  const issuer = `http://localhost:${port}`;
  const people = new Map<string, Person>([
    ['ana', { name: 'Ana Lima', groups: new Set(['developers']) }],
    ['bo', { name: 'Bo Chen', groups: new Set(['developers', 'database administrators']) }],
    ['cleo', { name: 'Cleo Marsh', groups: new Set(['security']) }],
  ]);
  const [clientId, clientSecret] = ['sallyport', 'of the demonstration'];
  const silenced = console.warn;
  // It warns of its own quick start, which this is.
  console.warn = () => undefined;
  const provider = new loaded.default(issuer, configuration(consoleUrl, clientId, clientSecret, people));
  console.warn = silenced;
  const server = createServer((request, response) => {
    handle(provider, people, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(error instanceof Error ? error.message : 'failed');
    });
  });
  await listen(server, port);
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { issuer, port, page: `${issuer}/people`, clientId, clientSecret, stop };
}

function configuration(
  consoleUrl: string,
  clientId: string,
  clientSecret: string,
  people: ReadonlyMap<string, Person>,
): object {
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        application_type: 'native',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        redirect_uris: [`${consoleUrl}/sign-on/corp/callback`],
        post_logout_redirect_uris: [`${consoleUrl}/`],
        backchannel_logout_uri: `${consoleUrl}/sign-on/corp/back-channel-logout`,
        backchannel_logout_session_required: true,
      },
    ],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    scopes: ['openid', 'offline_access'],
    conformIdTokenClaims: false,
    cookies: { keys: ['of the demonstration'] },
    findAccount: (_context: unknown, id: string) => {
      const person = people.get(id);
      if (person === undefined) return undefined;
      const email = `${id}@corp.example`;
      const claims = { sub: id, name: person.name, preferred_username: id, email, email_verified: true };
      return { accountId: id, claims: async () => ({ ...claims, groups: [...person.groups] }) };
    },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    // The only host that it calls is the gateway's console, on this machine.
    fetch: (url: string | URL, options: RequestInit & { dispatcher?: unknown }) => {
      const { dispatcher: _none, ...rest } = options;
      return globalThis.fetch(url, rest);
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: pageOf('Type the code'),
        userCodeConfirmSource: pageOf('Is it this code?'),
        successSource: done,
      },
      rpInitiatedLogout: { enabled: true, logoutSource: pageOf('Sign off at Corp?'), postLogoutSuccessSource: done },
    },
    ttl: {
      AccessToken: 300,
      IdToken: 300,
      RefreshToken: 86_400,
      DeviceCode: 600,
      Session: 86_400,
      Interaction: 600,
      Grant: 86_400,
    },
  };
}

async function handle(
  provider: OidcProvider,
  people: Map<string, Person>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://provider.invalid');
  if (pathname === '/people' || pathname === '/') {
    if (request.method === 'POST') change(people, await formOf(request));
    if (request.method === 'POST') response.writeHead(303, { location: '/people' }).end();
    else send(response, 'People of Corp', peoplePage(people));
    return;
  }
  if (!pathname.startsWith('/interaction/')) return provider.callback()(request, response);
  const { params } = await provider.interactionDetails(request, response);
  const person = request.method === 'POST' ? (await formOf(request)).get('person') : null;
  if (person === null || !people.has(person)) {
    const buttons = [...people].map(([id, { name }]) => `<button name="person" value="${id}">${name} (${id})</button>`);
    send(response, 'Sign on at Corp', `<p>Who are you?</p><form method="post">${buttons.join(' ')}</form>`);
    return;
  }
  const grant = new provider.Grant({ accountId: person, clientId: String(params['client_id']) });
  grant.addOIDCScope('openid profile email groups offline_access');
  const login = { accountId: person, amr: ['pwd'] };
  await provider.interactionFinished(request, response, { login, consent: { grantId: await grant.save() } });
}

function change(people: Map<string, Person>, form: URLSearchParams): void {
  const id = form.get('person') ?? '';
  const person = people.get(id);
  if (person === undefined) return;
  if (form.get('leaves') !== null) people.delete(id);
  else {
    const group = form.get('group') ?? '';
    if (!groups.includes(group)) return;
    if (!person.groups.delete(group)) person.groups.add(group);
  }
}

function peoplePage(people: ReadonlyMap<string, Person>): string {
  const rows = [...people].map(([id, { name, groups: own }]) => {
    const toggles = groups.map(
      (group) => `<button name="group" value="${group}">${own.has(group) ? '☑' : '☐'} ${group}</button>`,
    );
    return `<tr><td>${name} (${id})</td><td><form method="post"><input type="hidden" name="person" value="${id}">${toggles.join(' ')} <button name="leaves">leaves</button></form></td></tr>`;
  });
  return `<p>Press a group to put somebody into it, or take them out.</p><table>${rows.join('')}</table>`;
}

function pageOf(title: string) {
  return async (context: { type: string; body: string }, form: string): Promise<void> => {
    context.type = 'html';
    const id = /id="([^"]+)"/.exec(form)?.[1] ?? '';
    const yes = title.startsWith('Sign off') ? ' name="logout" value="yes"' : '';
    context.body = html(title, `${form}<button type="submit" form="${id}"${yes}>Continue</button>`);
  };
}

async function done(context: { type: string; body: string }): Promise<void> {
  context.type = 'html';
  context.body = html('Done', '<p>Go back to where you came from.</p>');
}

function send(response: ServerResponse, title: string, content: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html(title, content));
}

function html(title: string, content: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem}button{font:inherit;margin:.2rem;padding:.3rem .8rem}td{padding:.3rem .8rem .3rem 0}</style>
<h1>${title}</h1>${content}</html>`;
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > formBytesMax) throw new Error('too long');
  }
  return new URLSearchParams(text);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
