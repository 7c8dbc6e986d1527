/**
 * One exchange with a token endpoint: the client credentials grant (RFC 6749, section 4.4), as openid-client speaks it.
 *
 * The library writes the request, proves the client and checks the answer. What stands here is how its bytes travel, and
 * what of its errors may be told:
 *
 * - https, or http on a loopback address; nothing is redirected; one deadline for all of it, and a limit to the answer.
 * - Neither the secret nor a token is in an error; of what the server says only an `error` code of RFC 6749 is. The
 *   library's own errors carry the whole answer, so none of them leaves this file, not as a cause either.
 *
 * Deliberately absent: discovery (the endpoint is configured), ID tokens, DPoP, mTLS at the endpoint.
 */
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import {
  allowInsecureRequests,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  type CustomFetchOptions,
  clientCredentialsGrant,
  customFetch,
  ResponseBodyError,
  type TokenEndpointResponse,
} from 'openid-client';
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import type { OAuthReference } from '../core/resource.ts';
import * as limits from './limits.ts';

export interface Granted {
  readonly token: string;
  readonly lifetimeMs: number;
}

/** Rejects with what is wrong and what to do, for the log. */
export async function askToken(reference: OAuthReference, clientSecret: string, clock: Clock): Promise<Granted> {
  const abort = new AbortController();
  const endpoint = new Endpoint(reference, abort.signal);
  try {
    const answer = clientCredentialsGrant(configurationOf(reference, clientSecret, endpoint), parametersOf(reference));
    const told = answer.catch((error: unknown) => {
      throw endpoint.explained(error);
    });
    return grantedBy(await withDeadline(told, limits.tokenDeadlineMs, 'the token endpoint', clock));
  } finally {
    abort.abort();
  }
}

function configurationOf(reference: OAuthReference, clientSecret: string, endpoint: Endpoint): Configuration {
  const { tokenUrl, clientId, authentication } = reference;
  const proof = authentication === 'body' ? ClientSecretPost(clientSecret) : ClientSecretBasic(clientSecret);
  // The issuer has to have a name, and is compared with nothing: there is no ID token here.
  const server = { issuer: endpoint.url.origin, token_endpoint: tokenUrl };
  const configuration = new Configuration(server, clientId, undefined, proof);
  // It has been checked that this goes no further than this machine.
  if (endpoint.url.protocol === 'http:') allowInsecureRequests(configuration);
  // The deadline is measured on our clock.
  configuration.timeout = 0;
  configuration[customFetch] = (_url, options) => endpoint.fetch(options);
  return configuration;
}

function parametersOf({ scopes, audience, resource }: OAuthReference): Record<string, string> {
  return {
    ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    ...(audience === null ? {} : { audience }),
    ...(resource === null ? {} : { resource }),
  };
}

/** What the library does not ask of an answer (section 5.1): that it can be used here. */
function grantedBy({ access_token: token, token_type: type, expires_in: seconds }: TokenEndpointResponse): Granted {
  if (type !== 'bearer') throw new Error(notBearer);
  // The characters of RFC 6750, section 2.1.
  if (token.length > limits.tokenLengthMax || !/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw new Error('the token endpoint gives no token that a head field can hold');
  }
  if (seconds === undefined) return { token, lifetimeMs: limits.tokenLifetimeDefaultMs };
  if (seconds <= 0) throw new Error('the token endpoint gives a token that has expired');
  return { token, lifetimeMs: Math.min(seconds * 1000, limits.tokenLifetimeMaxMs) };
}

const notBearer = 'the token endpoint gives a token that is no bearer token';

/** What is said of an exchange that failed. Made here alone, so that nothing else is repeated. */
class EndpointError extends Error {}

interface Answered {
  readonly status: number;
  readonly body: Buffer;
}

class Endpoint {
  readonly url: URL;
  readonly #ca: string | null;
  readonly #signal: AbortSignal;

  constructor({ tokenUrl, ca }: OAuthReference, signal: AbortSignal) {
    this.url = new URL(tokenUrl);
    this.#ca = ca;
    this.#signal = signal;
    // Checked when it was saved; what is stored may be older than the check.
    if (this.url.protocol !== 'https:' && !isLoopback(this.url.hostname)) {
      throw new Error('the token endpoint must be https');
    }
  }

  /** The library's way to the endpoint. */
  async fetch({ body, headers }: CustomFetchOptions): Promise<Response> {
    if (!(body instanceof URLSearchParams)) throw new EndpointError('the token request is no form');
    // Which library asks is nobody's business.
    const { 'user-agent': _library, ...fields } = headers;
    const { status, body: answer } = await this.#post(fields, Buffer.from(body.toString()));
    // It reads the others no further, and a `Response` cannot be made of all of them.
    if (status !== 200 && (status < 400 || status > 499)) throw refused(status);
    // No other field: a challenge would keep it from reading the error code in the body. A token endpoint answers JSON,
    // whatever it calls it.
    return new Response(readable(answer), { status, headers: { 'Content-Type': 'application/json' } });
  }

  /** What may be told of an error of the library, or of the way. */
  explained(error: unknown): Error {
    const cause = error instanceof ClientError ? error.cause : null;
    if (cause instanceof EndpointError) return cause;
    if (error instanceof ResponseBodyError) return refused(error.status, error.error);
    if (cause instanceof Response) return refused(cause.status);
    if (error instanceof ClientError && error.code === 'OAUTH_UNSUPPORTED_OPERATION') return new Error(notBearer);
    return new Error(
      'the token endpoint gives no token: access_token, token_type or expires_in is not as RFC 6749, section 5.1, has it',
    );
  }

  #post(headers: Readonly<Record<string, string>>, body: Buffer): Promise<Answered> {
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(body.length) },
      signal: this.#signal,
      agent: false as const,
      maxHeaderSize: limits.tokenHeadBytesMax,
      insecureHTTPParser: false,
    };
    const ca = this.#ca;
    return new Promise((resolve, reject) => {
      const request =
        this.url.protocol === 'https:'
          ? requestTls(this.url, { ...options, minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) })
          : requestPlain(this.url, options);
      // Node's messages name the address and the reason, never what was sent.
      const fail = (error: Error): void =>
        reject(new EndpointError(`the token endpoint does not answer: ${error.message}`));
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('error', fail);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes <= limits.tokenAnswerBytesMax) return;
          response.destroy();
          reject(new EndpointError('the token endpoint answers more than a token'));
        });
        response.on('close', () => reject(new EndpointError('the token endpoint broke off its answer')));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      });
      request.end(body);
    });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * The answer without what nobody here reads. Some servers give an ID token where `openid` is among the scopes; the library
 * would compare its issuer, and none is configured. A member that is null says as much as one that is not there.
 */
function readable(body: Buffer): string {
  const text = body.toString('utf8');
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return text;
    const members = Object.entries(parsed).filter(([name, value]) => name !== 'id_token' && value !== null);
    return JSON.stringify(Object.fromEntries(members));
  } catch {
    // The library says what is wrong with it, without quoting it.
    return text;
  }
}

/** Codes of RFC 6749, section 5.2, and RFC 8707, section 2, with what to do. */
const remedies: Readonly<Record<string, string>> = {
  invalid_client: 'it does not know the client, or not by this secret: compare clientId, clientSecret, authentication',
  unauthorized_client: 'the client may not use the client credentials grant: allow it at the server',
  unsupported_grant_type: 'the server has no client credentials grant',
  invalid_scope: 'a scope is unknown, or not for this client: correct scopes',
  invalid_request: 'something is missing, perhaps audience or resource',
  invalid_target: 'it does not know the audience or the resource',
};

function refused(status: number, code: string | null = null): EndpointError {
  const remedy = code !== null && Object.hasOwn(remedies, code) ? `, ${code}: ${remedies[code]}` : '';
  return new EndpointError(`the token endpoint answers ${status}${remedy}`);
}
