/**
 * A real authorisation server on a loopback address, for tests: `oidc-provider`, which is certified against OpenID's suite.
 *
 * It gives tokens by client credentials for the clients it is told of, and for one resource (RFC 8707) as JWTs, so that a
 * test can read what was granted. Whatever it is asked is kept.
 *
 * Deliberately absent: users, consent, discovery by its clients.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export interface ClientOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly method: 'client_secret_basic' | 'client_secret_post';
  /** Without it, the client may ask for codes alone. */
  readonly mayGrant?: boolean;
}

export interface AuthorisationServer {
  readonly tokenUrl: string;
  /** The head fields of every request, in order. */
  readonly asked: readonly IncomingHttpHeaders[];
  close(): Promise<void>;
}

/** The one resource that it gives tokens for, with the scopes `read` and `write`. */
export const resourceOfTokens = 'https://shop.test/';

/** Seconds. */
export const tokenLifetime = 120;

export async function startAuthorisationServer(clients: readonly ClientOptions[]): Promise<AuthorisationServer> {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = new Provider(issuer, configurationFor(clients)).callback();
  server.on('request', (request, response) => {
    asked.push(request.headers);
    void answer(request, response);
  });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { tokenUrl: `${issuer}/token`, asked, close };
}

function configurationFor(clients: readonly ClientOptions[]): Readonly<Record<string, unknown>> {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return {
    adapter: Kept,
    jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['a key of a test'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    clients: clients.map(({ clientId, clientSecret, method, mayGrant = true }) => ({
      client_id: clientId,
      client_secret: clientSecret,
      token_endpoint_auth_method: method,
      id_token_signed_response_alg: 'ES256',
      grant_types: [mayGrant ? 'client_credentials' : 'authorization_code'],
      response_types: mayGrant ? [] : ['code'],
      redirect_uris: mayGrant ? [] : ['https://client.test/back'],
    })),
    scopes: ['read', 'write'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo },
    },
    ttl: { ClientCredentials: tokenLifetime },
  };
}

async function getResourceServerInfo(_context: unknown, resource: string): Promise<Readonly<Record<string, unknown>>> {
  // As the server says itself: `invalid_target`.
  if (resource !== resourceOfTokens) {
    const error = Object.assign(new Error('invalid_target'), { error: 'invalid_target', statusCode: 400, status: 400 });
    throw Object.assign(error, { expose: true, error_description: `${resource} is not known` });
  }
  return {
    scope: 'read write',
    audience: resource,
    accessTokenTTL: tokenLifetime,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'ES256' } },
  };
}

/** What the server keeps, for the time of a test. */
class Kept {
  readonly #kept = new Map<string, unknown>();

  async upsert(id: string, payload: unknown): Promise<void> {
    this.#kept.set(id, payload);
  }

  async find(id: string): Promise<unknown> {
    return this.#kept.get(id);
  }
}
