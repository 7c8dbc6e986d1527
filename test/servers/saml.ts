/**
 * A real SAML identity provider on a loopback address, for tests: `samlp` behind Node's HTTP.
 *
 * It knows people with attributes, asks them for a password, checks the signatures of requests, answers by a form that
 * posts itself, and takes part in single logout. Keys and certificates are made on the spot. What it is to do otherwise
 * (sign the response, encrypt, other algorithms) is given as options of `samlp`, which win over its own.
 *
 * Deliberately absent: several service providers, consent.
 */
import { randomBytes, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import samlp, { type ProfileMapper } from 'samlp';
import { loadX509 } from './certificates.ts';

export interface SamlUser {
  readonly password: string;
  readonly nameId: string;
  readonly attributes: Readonly<Record<string, string | readonly string[]>>;
}

export interface SamlKeys {
  /** PEM, PKCS #8. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
}

/** What the provider is told of the one service provider that it serves. */
export interface SamlClient {
  readonly entityId: string;
  readonly acs: string;
  readonly logout: string;
  /** PEM: by which its requests must be signed. */
  readonly cert: string;
}

export interface SamlIdentityProvider {
  readonly origin: string;
  readonly entityId: string;
  readonly keys: SamlKeys;
  /** As it publishes it. */
  metadata(): Promise<string>;
  /** Whom it serves; set before anybody signs on. */
  client: SamlClient | null;
  /** Options of `samlp` that win over its own. */
  options: Readonly<Record<string, unknown>>;
  /** A response as it would be posted, as XML, for somebody who need not sign on. */
  respond(user: string, options: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

export const persistentFormat = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';

/** An RSA key with a certificate that it signed itself. Times are milliseconds of the wall clock. */
export async function makeSamlKeys(
  name: string,
  from = Date.now() - 86_400_000,
  until = Date.now() + 86_400_000,
): Promise<SamlKeys> {
  const x509 = await loadX509();
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(from),
    notAfter: new Date(until),
    signingAlgorithm: algorithm,
    keys,
  });
  const exported = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = exported.match(/.{1,64}/g)!.join('\n');
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    cert: certificate.toString('pem'),
  };
}

interface SignedOn {
  readonly user: string;
  readonly sessionIndex: string;
  /** The sessions of service providers that came of it. */
  readonly participants: object[];
}

/** A request as `samlp` knows them from a framework. */
interface FrameworkRequest {
  readonly method: string;
  readonly query: Record<string, string>;
  readonly body: Record<string, string>;
  readonly headers: IncomingMessage['headers'];
  readonly protocol: 'http';
}

export async function startSamlIdentityProvider(
  users: Readonly<Record<string, SamlUser>>,
): Promise<SamlIdentityProvider> {
  const keys = await makeSamlKeys('Identity Provider');
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const entityId = `${origin}/metadata`;
  const sessions = new Map<string, SignedOn>();
  const logouts = new Map<string, unknown>();

  const optionsFor = (): Record<string, unknown> => ({
    issuer: entityId,
    cert: keys.cert,
    key: keys.key,
    signatureAlgorithm: 'rsa-sha256',
    digestAlgorithm: 'sha256',
    nameIdentifierFormat: persistentFormat,
    authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
    lifetimeInSeconds: 300,
    ...provider.options,
  });

  const mapperOf = (name: string) => (): ProfileMapper => ({
    getClaims: () => users[name]!.attributes,
    getNameIdentifier: () => ({ nameIdentifier: users[name]!.nameId, nameIdentifierFormat: '' }),
  });

  const signOn = (request: FrameworkRequest, response: ServerResponse, session: SignedOn): void => {
    const client = provider.client!;
    const nameId = users[session.user]!.nameId;
    session.participants.push({
      serviceProviderId: client.entityId,
      sessionIndex: session.sessionIndex,
      nameId,
      nameIdFormat: persistentFormat,
      serviceProviderLogoutURL: client.logout,
      cert: client.cert,
    });
    const options = {
      ...optionsFor(),
      signingCert: client.cert,
      sessionIndex: session.sessionIndex,
      destination: client.acs,
      recipient: client.acs,
      profileMapper: mapperOf(session.user),
      getUserFromRequest: () => session,
      getPostURL: (_audience: unknown, _dom: unknown, _request: unknown, done: (error: null, url: string) => void) =>
        done(null, client.acs),
    };
    samlp.auth(options)(request, frameworkResponse(response), failing(response));
  };

  const logout = (request: FrameworkRequest, response: ServerResponse, id: string | null): void => {
    const options = {
      protocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
      ...optionsFor(),
      deflate: true,
      destination: provider.client!.logout,
      sessionParticipants: participantsOf(sessions.get(id ?? '')?.participants ?? []),
      store: storeOf(logouts),
      clearIdPSession: (done: () => void) => {
        sessions.delete(id ?? '');
        done();
      },
    };
    samlp.logout(options)(request, frameworkResponse(response), failing(response));
  };

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(incoming.url ?? '/', origin);
    const query = Object.fromEntries(url.searchParams);
    const body = await bodyOf(incoming);
    const request = {
      method: incoming.method ?? '',
      query,
      body,
      headers: incoming.headers,
      protocol: 'http' as const,
    };
    const id = /(?:^|; )idp=(\w+)/.exec(incoming.headers.cookie ?? '')?.[1] ?? null;
    const session = id === null ? undefined : sessions.get(id);
    if (url.pathname === '/metadata') {
      const paths = { redirectEndpointPath: '/sso', postEndpointPath: '/sso' };
      const mapper = Object.assign(() => undefined, { prototype: { metadata: [] } });
      const logoutEndpointPaths = { redirect: '/slo', post: '/slo' };
      const options = { ...optionsFor(), ...paths, logoutEndpointPaths, profileMapper: mapper };
      samlp.metadata(options)(request, frameworkResponse(response), failing(response));
    } else if (url.pathname === '/slo') logout(request, response, id);
    else if (url.pathname !== '/sso') response.writeHead(404).end();
    else if (session !== undefined && query.again === undefined) signOn(request, response, session);
    else if (users[body.user ?? '']?.password === body.password && body.password !== undefined) {
      const fresh = randomBytes(16).toString('hex');
      const sessionIndex = `_${randomBytes(8).toString('hex')}`;
      const signedOn = { user: body.user!, sessionIndex, participants: [] };
      sessions.set(fresh, signedOn);
      response.setHeader('set-cookie', `idp=${fresh}; HttpOnly; Path=/`);
      // The form sent the provider's own fields along with those of the request.
      const { user: _user, password: _password, ...message } = body;
      signOn(
        { ...request, body: message, method: message.SAMLRequest === undefined ? 'GET' : 'POST' },
        response,
        signedOn,
      );
    } else {
      response.setHeader('content-type', 'text/html');
      const kept =
        body.SAMLRequest === undefined ? {} : { SAMLRequest: body.SAMLRequest, RelayState: body.RelayState ?? '' };
      response.end(signOnPage(url.pathname + url.search, kept));
    }
  };

  const provider: SamlIdentityProvider = {
    origin,
    entityId,
    keys,
    client: null,
    options: {},
    metadata: async () => (await fetch(`${origin}/metadata`)).text(),
    respond: (user, options) =>
      new Promise((resolve, reject) => {
        const all = { ...optionsFor(), profileMapper: mapperOf(user), ...options };
        samlp.getSamlResponse(all, { user }, (error, xml) => (error === null ? resolve(xml) : reject(error)));
      }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('request', (incoming, response) => {
    answer(incoming, response).catch((error: unknown) => failing(response)(error));
  });
  return provider;
}

function failing(response: ServerResponse) {
  return (error?: unknown): void => {
    response.writeHead(500).end(error instanceof Error ? error.message : 'failed');
  };
}

function frameworkResponse(response: ServerResponse): object {
  return {
    set: (name: string, value: string) => response.setHeader(name, value),
    send: (...given: (string | number)[]) => {
      const [first] = given;
      if (typeof first === 'number') response.statusCode = first;
      response.end(String(given.at(-1)));
    },
    redirect: (to: string) => response.writeHead(302, { location: to }).end(),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
}

function signOnPage(action: string, kept: Readonly<Record<string, string>>): string {
  const hidden = Object.entries(kept).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`,
  );
  return `<form method="post" action="${escapeHtml(action)}">${hidden.join('')}
<input name="user"><input name="password" type="password"></form>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

/** Sessions of service providers, as `samlp` asks for them. */
function participantsOf(all: object[]): object {
  type Participant = { serviceProviderId: string; sessionIndex: string; nameId: string };
  type Done = (error: null, found?: object) => void;
  const of = (issuer: string, indexes: readonly string[], nameId: string): object | undefined =>
    (all as Participant[]).find(
      (one) => one.serviceProviderId === issuer && one.nameId === nameId && (indexes ?? []).includes(one.sessionIndex),
    );
  return {
    hasElements: () => all.length > 0,
    getFirst: (done: Done) => done(null, all[0]),
    get: (issuer: string, indexes: readonly string[], nameId: string, done: Done) =>
      done(null, of(issuer, indexes, nameId)),
    remove: (issuer: string, index: string, nameId: string, done: Done) => {
      const found = of(issuer, [index], nameId);
      if (found !== undefined) all.splice(all.indexOf(found), 1);
      done(null, found);
    },
  };
}

function storeOf(kept: Map<string, unknown>): object {
  type Done = (error: null, value?: unknown) => void;
  return {
    save: (_request: unknown, value: unknown, done: Done) => {
      const handle = randomBytes(8).toString('hex');
      kept.set(handle, value);
      done(null, handle);
    },
    load: (_request: unknown, handle: string, options: unknown, done?: Done) => {
      const value = kept.get(handle);
      if (done === undefined) (options as Done)(null, value);
      else {
        if ((options as { destroy?: boolean }).destroy === true) kept.delete(handle);
        done(null, value);
      }
    },
    update: (_request: unknown, handle: string, value: unknown, done: Done) => {
      kept.set(handle, value);
      done(null);
    },
  };
}

export interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What a browser does between the two: keeps the provider's cookie, fills its form, and stops where it is sent back. */
export class SamlBrowser {
  #cookie = '';

  /** Signs on; the form that the provider sends back. */
  async signOn(way: { readonly url: string } | Form, user: string, password: string): Promise<Form> {
    const first = await this.open(way);
    const page = formOf(first.text, first.url);
    if (!/type="password"/.test(first.text)) return page;
    const second = await this.open({ action: page.action, fields: { ...page.fields, user, password } });
    return formOf(second.text, second.url);
  }

  /** Follows no redirect: `location` says where one leads. */
  async open(
    way: { readonly url: string } | Form,
  ): Promise<{ text: string; url: string; status: number; location: string | null }> {
    const url = 'url' in way ? way.url : way.action;
    const headers = this.#cookie === '' ? {} : { cookie: this.#cookie };
    const response = await fetch(url, {
      redirect: 'manual',
      headers,
      ...('fields' in way && { method: 'POST', body: new URLSearchParams({ ...way.fields }) }),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) this.#cookie = set.split(';')[0]!;
    const location = response.headers.get('location');
    return { text: await response.text(), url, status: response.status, location };
  }
}

/** The first form of a page. */
export function formOf(page: string, base: string): Form {
  const action = /<form[^>]*action="([^"]*)"/.exec(page)?.[1];
  if (action === undefined) throw new Error(`there is no form: ${page.slice(0, 300)}`);
  const fields: Record<string, string> = {};
  for (const [input] of page.matchAll(/<input\s[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    const value = /value="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined && value !== undefined) fields[name] = unescapeHtml(value);
  }
  return { action: new URL(unescapeHtml(action), base).href, fields };
}

function unescapeHtml(text: string): string {
  return text.replace(/&(#\d+|amp|quot|lt|gt);/g, (_whole, name: string) =>
    name.startsWith('#')
      ? String.fromCodePoint(Number(name.slice(1)))
      : { amp: '&', quot: '"', lt: '<', gt: '>' }[name]!,
  );
}
