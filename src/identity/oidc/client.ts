/**
 * The client of one provider: openid-client's configuration, and its errors in words of our own.
 *
 * Invariants: the library's bytes travel by `fetching.ts`; none of its errors leaves this room, since they carry whole
 * answers. Times are those of our clock.
 */
import { createHash } from 'node:crypto';
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  clockSkew,
  clockTolerance,
  customFetch,
  None,
  ResponseBodyError,
  type ServerMetadata,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import type { Clock } from '../../base/clock.ts';
import { isGatewayError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { identityErrors } from '../errors.ts';
import { type ProviderFetch, ProviderFetchError, type ProviderRequest } from '../fetching.ts';
import * as limits from '../limits.ts';
import type { OnceRecords } from '../records.ts';
import { type Issuer, Issuers, IssuerUnreachable } from './issuer.ts';
import { TokenRefused } from './jwt.ts';
import type { OidcProvider } from './provider.ts';

export interface OidcParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly once: OnceRecords;
  /** Those of now, by name. */
  readonly providers: () => readonly OidcProvider[];
  /** The secret of a provider that is configured with one. */
  readonly clientSecret: (provider: string) => Promise<string>;
  /** From 0 to 1, for pauses; by chance unless given. */
  readonly random?: () => number;
}

export interface Client {
  readonly provider: OidcProvider;
  readonly issuer: Issuer;
  readonly metadata: ServerMetadata;
  readonly configuration: Configuration;
}

/** The provider answered with an error of OAuth's; for the log. */
export class ProviderAnswer extends Error {
  /** RFC 6749, sections 4.1.2.1 and 5.2; OpenID Connect Core, section 3.1.2.6. */
  readonly error: string;

  constructor(error: string) {
    super(`it answers ${error}`);
    this.error = error;
  }
}

export class Clients {
  readonly parts: OidcParts;
  readonly #issuers: Issuers;

  constructor(parts: OidcParts) {
    this.parts = parts;
    this.#issuers = new Issuers(parts);
  }

  /** Throws `identity.unknown-provider`. */
  find(name: string): OidcProvider {
    const found = this.parts.providers().find((provider) => provider.name === name);
    if (found === undefined) throw identityErrors('identity.unknown-provider', { detail: name.slice(0, 80) });
    return found;
  }

  issuerOf({ spec }: OidcProvider): Issuer {
    return this.#issuers.of(spec);
  }

  /** Rejects as `during` says, where the provider does not answer. */
  async of(provider: OidcProvider): Promise<Client> {
    const issuer = this.issuerOf(provider);
    const metadata = await issuer.metadata();
    const { clientId, clientSecret } = provider.spec;
    const secret = clientSecret === undefined ? null : await this.parts.clientSecret(provider.name);
    const options = {
      [clockSkew]: Math.round((this.parts.clock.now() - Date.now()) / 1000),
      // The exact bound is kept by `verifyJwt`; this one must not be narrower for having been rounded.
      [clockTolerance]: limits.tokenSkewSeconds + 5,
    };
    const configuration = new Configuration(metadata, clientId, options, proofOf(metadata, secret));
    // Where clear text may go is checked with each address.
    allowInsecureRequests(configuration);
    configuration.timeout = 0;
    configuration[customFetch] = (url, request) => answered(issuer.fetch, url, request);
    return { provider, issuer, metadata, configuration };
  }

  /** Runs a step with a provider, and gives what fails its one outward form; what happened goes to the log. */
  async during<T>(provider: OidcProvider, what: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw this.#outward(provider, what, explained(error));
    }
  }

  #outward(provider: OidcProvider, what: string, error: unknown): unknown {
    const values = { provider: provider.name };
    const isOurs =
      error instanceof IssuerUnreachable || error instanceof ProviderAnswer || error instanceof TokenRefused;
    if (!isOurs && !isGatewayError(error)) return error;
    const detail = isGatewayError(error) ? (error.detail ?? error.message) : error.message;
    this.parts.log.warn(`${what} failed`, { provider: provider.name, detail });
    if (isGatewayError(error)) return error;
    if (error instanceof IssuerUnreachable) return identityErrors('identity.provider-unreachable', { values, detail });
    const isDenied = error instanceof ProviderAnswer && deniedBy.includes(error.error);
    return identityErrors(isDenied ? 'identity.sign-on-denied' : 'identity.sign-on-refused', { values, detail });
  }
}

/** What a provider says to the person's own doing, or to ours for them. */
const deniedBy: readonly string[] = [
  'access_denied',
  'login_required',
  'interaction_required',
  'account_selection_required',
  'consent_required',
  'unmet_authentication_requirements',
];

function proofOf(metadata: ServerMetadata, secret: string | null): ReturnType<typeof None> {
  if (secret === null) return None();
  const methods: unknown = metadata.token_endpoint_auth_methods_supported;
  const isByPost = Array.isArray(methods) && !methods.includes('client_secret_basic');
  return isByPost ? ClientSecretPost(secret) : ClientSecretBasic(secret);
}

/** A server that is overwhelmed, or broken, says nothing about a sign-on. */
async function answered(fetch: ProviderFetch, url: string, request: ProviderRequest): Promise<Response> {
  const answer = await fetch(url, request);
  if (answer.status >= 500 || answer.status === 429) throw new ProviderFetchError(`it answers ${answer.status}`);
  // The code in the body says more than a challenge, which would keep the library from reading it.
  if (request.method === 'POST') answer.headers.delete('www-authenticate');
  // It would be believed without its signature being looked at.
  if (answer.headers.get('content-type')?.toLowerCase().startsWith('application/jwt') === true) {
    throw new TokenRefused('it answers with a JWT where JSON was asked for');
  }
  return answer;
}

/** An error of the library's as one of ours: its messages are constant, and what it quotes stays behind. */
export function explained(error: unknown): unknown {
  if (error instanceof ProviderFetchError) return new IssuerUnreachable(error.message);
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) {
    return new ProviderAnswer(codeOf(error.error));
  }
  if (error instanceof WWWAuthenticateChallengeError) return new ProviderAnswer(codeOf(challengeOf(error)));
  if (error instanceof ClientError) {
    const { cause } = error;
    if (cause instanceof ProviderFetchError) return new IssuerUnreachable(cause.message);
    if (cause instanceof TokenRefused) return cause;
    return new TokenRefused(`${error.message}${cause instanceof Error ? `: ${cause.message}` : ''}`);
  }
  // What the library finds missing, or not as it has to be, in a discovery document.
  if (error instanceof Error && 'code' in error && /^(?:OAUTH|ERR)_/.test(String(error.code))) {
    return new TokenRefused(`the library refuses: ${error.message}`);
  }
  return error;
}

/** Of userinfo: the access token does not count there (RFC 6750, section 3.1). */
function challengeOf({ cause }: WWWAuthenticateChallengeError): string {
  return cause[0]?.parameters.error ?? 'invalid_token';
}

/** Comes from outside: from an address that anybody may call, too. */
function codeOf(error: string): string {
  return /^[a-z_]{1,64}$/.test(error) ? error : 'an unknown error';
}

export function scopeOf(scopes: readonly string[]): string {
  return [...new Set(['openid', ...scopes])].join(' ');
}

/** A page that a browser is sent to: https, or clear text where the issuer itself has it. */
export function webUrl(url: URL, { spec }: OidcProvider): string {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && spec.issuer.startsWith('http:'))) return url.href;
  throw new ProviderAnswer('an address that is no page');
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
