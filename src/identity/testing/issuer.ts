/**
 * An issuer whose tokens a test makes by hand, right or wrong, on a loopback address: discovery, keys, a token endpoint that
 * gives what it is told, userinfo.
 *
 * Deliberately absent: checking anything; a real provider is in test/servers/oidc.ts.
 */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';

export interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As the issuer publishes it. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

export function signingKey(alg: 'RS256' | 'ES256' | 'EdDSA', kid: string): SigningKey {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  return { alg, kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

type Fields = Readonly<Record<string, unknown>>;

export function sign(key: SigningKey, claims: Fields, header: Fields = {}): Promise<string> {
  const fields = { alg: key.alg, kid: key.kid, typ: 'JWT', ...header };
  return new SignJWT(claims).setProtectedHeader(fields).sign(key.privateKey);
}

/** Whatever header and claims, with the HMAC of `secret`, or without a signature. */
export function forge(header: Fields, claims: Fields, secret: string | Buffer | null): string {
  const encoded = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = secret === null ? '' : createHmac('sha256', secret).update(encoded).digest('base64url');
  return `${encoded}.${signature}`;
}

export interface Page {
  readonly status?: number;
  readonly type?: string;
  readonly challenge?: string;
  readonly body: unknown;
}

export class ForgingIssuer {
  issuer = '';
  keys: Fields[] = [];
  /** Beside what is always there. */
  metadata: Fields = {};
  /** What the token endpoint answers. */
  tokens: Fields = {};
  userinfo: Fields | null = null;
  /** Other pages, and what answers before all others, by path. */
  readonly pages = new Map<string, Page>();
  readonly asked: { readonly path: string; readonly headers: IncomingMessage['headers'] }[] = [];
  readonly #server = createServer((request, response) => {
    const path = request.url ?? '';
    this.asked.push({ path, headers: request.headers });
    request.resume();
    const { status = 200, type = 'application/json', challenge, body } = this.pages.get(path) ?? this.#page(path);
    response.writeHead(status, {
      'content-type': type,
      ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
    });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.issuer = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #page(path: string): Page {
    switch (path) {
      case '/.well-known/openid-configuration':
        return { body: this.#document() };
      case '/jwks':
        return { body: { keys: this.keys } };
      case '/token':
        return { body: { access_token: 'an-access-token', token_type: 'Bearer', ...this.tokens } };
      case '/userinfo':
        return { body: this.userinfo };
      default:
        return { status: 404, body: {} };
    }
  }

  #document(): Fields {
    const { issuer } = this;
    return {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      ...(this.userinfo === null ? {} : { userinfo_endpoint: `${issuer}/userinfo` }),
      id_token_signing_alg_values_supported: ['RS256', 'ES256', 'EdDSA'],
      ...this.metadata,
    };
  }
}
