/**
 * How identity reaches a provider: the only requests that this room sends (A-API-04).
 *
 * Invariants:
 * - The provider's name is resolved once for each request, every address is looked at, and the connection goes to one that
 *   was. Addresses that are not public only where the provider is configured as private; clear text only then, and only to a
 *   loopback address.
 * - Nothing is redirected, no proxy of the environment is used, one deadline holds for all of a request, and answers are
 *   bounded.
 * - What is sent, and what comes back, is never in an error.
 *
 * Deliberately absent: caching, trying again (oidc/issuer.ts), cookies, compression.
 */
import { isIP } from 'node:net';
import { isAllowedAddress, type ResolvedAddress, resolveAllAllowed } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import { type ExchangeAnswer, ExchangeError, exchange } from '../base/exchange.ts';
import * as limits from './limits.ts';

export interface ProviderReach {
  /** The provider stands in a private network, on purpose. */
  readonly isPrivate: boolean;
  /** Authorities to trust instead of the system's, in PEM. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
}

/** What openid-client hands over, and no more than that. */
export interface ProviderRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with `ProviderFetchError` where there is no answer; any status but a redirection is an answer. */
export type ProviderFetch = (url: string, request?: ProviderRequest) => Promise<Response>;

/** Why there is no answer, for the log. */
export class ProviderFetchError extends Error {}

export function providerFetch(reach: ProviderReach): ProviderFetch {
  return async (url, request = {}) => {
    const stop = new AbortController();
    const work = fetchOnce(reach, url, request, stop.signal);
    try {
      return await withDeadline(work, limits.providerDeadlineMs, 'an identity provider', reach.clock, request.signal);
    } catch (error) {
      if (error instanceof ProviderFetchError) throw error;
      throw new ProviderFetchError(`no answer: ${describeError(error)}`);
    } finally {
      stop.abort();
    }
  };
}

async function fetchOnce(
  reach: ProviderReach,
  text: string,
  request: ProviderRequest,
  signal: AbortSignal,
): Promise<Response> {
  const url = allowedUrl(text, reach.isPrivate);
  const addresses = await addressesOf(url, reach.isPrivate);
  const answer = await send(url, addresses, reach.ca, request, signal);
  const { status } = answer;
  if (status < 200 || status > 599 || (status >= 300 && status < 400)) {
    throw new ProviderFetchError(`it answers ${status}, and nothing is followed`);
  }
  const headers = new Headers();
  const { 'content-type': contentType, 'www-authenticate': challenge } = answer.headers;
  if (contentType !== undefined) headers.set('content-type', contentType);
  if (challenge !== undefined) headers.set('www-authenticate', challenge);
  const hasNoBody = status === 204 || status === 205;
  return new Response(hasNoBody ? null : new Uint8Array(answer.body), { status, headers });
}

function allowedUrl(text: string, isPrivate: boolean): URL {
  if (!URL.canParse(text)) throw new ProviderFetchError('its URL is none');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw new ProviderFetchError('its URL holds a login');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isPrivate)) {
    throw new ProviderFetchError('its URL is not https');
  }
  return url;
}

async function addressesOf(url: URL, isPrivate: boolean): Promise<readonly ResolvedAddress[]> {
  const resolved = await resolveAllAllowed(url.hostname, isPrivate);
  if (resolved === null) {
    throw new ProviderFetchError('its host has an address that is not public; private: true where that is meant');
  }
  if (url.protocol === 'http:' && !resolved.every(({ address }) => isLoopback(address))) {
    throw new ProviderFetchError('clear text goes no further than this machine');
  }
  return resolved;
}

function isLoopback(address: string): boolean {
  if (!isAllowedAddress(address, true)) return false;
  return isIP(address) === 4 ? address.startsWith('127.') : new URL(`http://[${address}]/`).hostname === '[::1]';
}

async function send(
  url: URL,
  addresses: readonly ResolvedAddress[],
  ca: string | undefined,
  request: ProviderRequest,
  signal: AbortSignal,
): Promise<ExchangeAnswer> {
  // Which library asks is nobody's business.
  const { 'user-agent': _library, ...fields } = request.headers ?? {};
  try {
    return await exchange(url, addresses, {
      method: request.method ?? 'GET',
      headers: { ...fields, 'user-agent': 'Sallyport' },
      body: bytesOf(request.body),
      ca,
      headBytesMax: limits.providerHeadBytesMax,
      answerBytesMax: limits.providerAnswerBytesMax,
      signal,
    });
  } catch (error) {
    if (error instanceof ExchangeError) throw new ProviderFetchError(wordsOf(error));
    throw error;
  }
}

function wordsOf({ problem, cause }: ExchangeError): string {
  if (problem === 'too-long') return `its answer is longer than ${limits.providerAnswerBytesMax} bytes`;
  if (problem === 'broken-off') return 'it broke off its answer';
  return `no answer: ${cause instanceof Error ? cause.message : ''}`;
}

function bytesOf(body: unknown): Buffer | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof URLSearchParams) return Buffer.from(body.toString());
  if (body instanceof Uint8Array) return Buffer.from(body);
  throw new ProviderFetchError('the body of a request is of an unknown kind');
}
