/**
 * Sign-ons at OpenID providers: by the browser (authorisation code with PKCE), refreshed while they last, and ended there.
 *
 * Invariants (A-ID-04):
 * - A sign-on is finished once, in the browser that began it, at the provider it was begun with: its state, nonce and PKCE
 *   verifier lie in `OnceRecords` under a digest of the state, bound to a digest of the browser's secret. Any gateway may
 *   finish what another began.
 * - What an answer says is believed after its signature, issuer, audience, nonce and times were looked at (`id-token.ts`).
 * - A provider that does not answer ends nothing that exists (F-06): `refresh` rejects then, and says `ended` only where the
 *   provider itself does.
 *
 * Deliberately absent: principals, tokens of our own, cookies, and when to refresh: the caller's.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  refreshTokenGrant,
} from 'openid-client';
import { identityErrors } from '../errors.ts';
import * as limits from '../limits.ts';
import {
  type Client,
  Clients,
  digestOf,
  explained,
  type OidcParts,
  ProviderAnswer,
  scopeOf,
  webUrl,
} from './client.ts';
import { type DeviceSignOns, deviceSignOns } from './device.ts';
import { refreshed, type SignedOn, signedOn } from './id-token.ts';
import { type Logouts, logouts } from './logout.ts';
import type { OidcProvider } from './provider.ts';

export interface BeginOptions {
  /** Name of the IdentityProvider. */
  readonly provider: string;
  /** Where the provider sends the browser back to, exactly as registered there. */
  readonly redirectUri: string;
  /** A secret that this browser alone has, in a cookie; at least 128 random bits. */
  readonly browser: string;
  /** For a step-up: `login` has the person proven anew. */
  readonly prompt?: 'login' | 'select_account' | 'consent';
  /** How long ago the person may have been proven; demanded of the answer. */
  readonly maxAgeSeconds?: number;
  /** One of these must be the answer's `acr`. */
  readonly acr?: readonly string[];
  readonly loginHint?: string;
}

export interface CompleteOptions {
  readonly provider: string;
  /** The whole address that the browser came back to; only its query is read. */
  readonly callbackUrl: string;
  readonly browser: string;
}

/** `unknown`: the provider gave nothing to refresh with, so that nothing is known. */
export type Refreshed = ({ readonly outcome: 'proven' } & SignedOn) | { readonly outcome: 'ended' | 'unknown' };

export interface EndSessionOptions {
  readonly provider: string;
  readonly idToken: string | null;
  /** Where the browser comes back to, as registered at the provider. */
  readonly returnTo?: string;
  readonly state?: string;
}

export interface Oidc extends DeviceSignOns, Logouts {
  /** Where to send the browser, and until when it may come back. */
  begin(options: BeginOptions): Promise<{ readonly url: string; readonly expiresAtMs: number }>;
  complete(options: CompleteOptions): Promise<SignedOn>;
  /** Rejects with `identity.provider-unreachable` where nothing is known; what was before stays true then. */
  refresh(before: SignedOn): Promise<Refreshed>;
  /** Where to send the browser that signs off at the provider too (RP-Initiated Logout 1.0); null where it has no such page. */
  endSessionUrl(options: EndSessionOptions): Promise<string | null>;
}

export function createOidc(parts: OidcParts): Oidc {
  const clients = new Clients(parts);
  return {
    ...deviceSignOns(clients),
    ...logouts(clients),
    begin: (options) => begin(clients, options),
    complete: (options) => complete(clients, options),
    refresh: (before) => refresh(clients, before),
    endSessionUrl: (options) => endSessionUrl(clients, options),
  };
}

/** A sign-on that waits for its browser, as `OnceRecords` have it. */
interface Waiting {
  readonly provider: string;
  /** A changed provider finishes nothing that was begun before. */
  readonly issuer: string;
  readonly clientId: string;
  readonly browser: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
  readonly maxAgeSeconds: number | null;
  readonly acr: readonly string[] | null;
}

async function begin(clients: Clients, options: BeginOptions): Promise<{ url: string; expiresAtMs: number }> {
  const { clock, once } = clients.parts;
  const provider = clients.find(options.provider);
  if (!isBrowserSecret(options.browser)) throw stale('the browser has no secret');
  return clients.during(provider, 'to begin a sign-on', async () => {
    const client = await clients.of(provider);
    const state = secret();
    const waiting: Waiting = {
      provider: provider.name,
      issuer: provider.spec.issuer,
      clientId: provider.spec.clientId,
      browser: digestOf(options.browser),
      nonce: secret(),
      verifier: secret(),
      redirectUri: options.redirectUri,
      maxAgeSeconds: options.maxAgeSeconds ?? null,
      acr: options.acr === undefined || options.acr.length === 0 ? null : options.acr,
    };
    const url = await authorizationUrl(client, await parametersOf(provider, options, waiting, state));
    const expiresAtMs = clock.now() + limits.signOnLifetimeMs;
    if (!(await once.put(keyOf(state), JSON.stringify(waiting), expiresAtMs))) throw stale('the state is taken');
    return { url, expiresAtMs };
  });
}

async function parametersOf(
  { spec }: OidcProvider,
  { prompt, loginHint }: BeginOptions,
  waiting: Waiting,
  state: string,
): Promise<Record<string, string>> {
  return {
    redirect_uri: waiting.redirectUri,
    scope: scopeOf(spec.scopes),
    state,
    nonce: waiting.nonce,
    code_challenge: await calculatePKCECodeChallenge(waiting.verifier),
    code_challenge_method: 'S256',
    ...(prompt === undefined ? {} : { prompt }),
    ...(waiting.maxAgeSeconds === null ? {} : { max_age: String(waiting.maxAgeSeconds) }),
    ...(waiting.acr === null ? {} : { acr_values: waiting.acr.join(' ') }),
    ...(loginHint === undefined ? {} : { login_hint: loginHint }),
  };
}

async function authorizationUrl(client: Client, parameters: Record<string, string>): Promise<string> {
  const { configuration, metadata } = client;
  try {
    const isPushed = metadata.require_pushed_authorization_requests === true;
    const url = isPushed
      ? await buildAuthorizationUrlWithPAR(configuration, parameters)
      : buildAuthorizationUrl(configuration, parameters);
    return webUrl(url, client.provider);
  } catch (error) {
    throw explained(error);
  }
}

async function complete(clients: Clients, options: CompleteOptions): Promise<SignedOn> {
  const { clock } = clients.parts;
  const provider = clients.find(options.provider);
  return clients.during(provider, 'a sign-on', async () => {
    const query = queryOf(options.callbackUrl);
    const state = query.get('state') ?? '';
    const waiting = await takeWaiting(clients, state, provider, options.browser);
    const client = await clients.of(provider);
    // What stands before the query comes from our own record, whatever a proxy in between made of it.
    const url = new URL(waiting.redirectUri);
    url.search = query.toString();
    const asked = { nonce: waiting.nonce, maxAgeSeconds: waiting.maxAgeSeconds, acr: waiting.acr };
    const tokens = await authorizationCodeGrant(client.configuration, url, {
      expectedState: state,
      expectedNonce: waiting.nonce,
      pkceCodeVerifier: waiting.verifier,
      idTokenExpected: true,
    });
    return signedOn(client, () => clock.now(), tokens, asked);
  });
}

function queryOf(callbackUrl: string): URLSearchParams {
  if (callbackUrl.length > limits.callbackLengthMax || !URL.canParse(callbackUrl)) throw stale('its address is none');
  return new URL(callbackUrl).searchParams;
}

/** Gone with the first try, whatever comes of it. */
async function takeWaiting(clients: Clients, state: string, provider: OidcProvider, browser: string): Promise<Waiting> {
  const { clock, once } = clients.parts;
  if (!/^[\w-]{43}$/.test(state)) throw stale('it has no state of ours');
  const kept = await once.take(keyOf(state), clock.now());
  if (kept === null) throw stale('its state is unknown, used, or has expired');
  const waiting = JSON.parse(kept) as Waiting;
  const isSameBrowser =
    isBrowserSecret(browser) && timingSafeEqual(Buffer.from(digestOf(browser)), Buffer.from(waiting.browser));
  if (!isSameBrowser) throw stale('it was begun in another browser');
  const { name, spec } = provider;
  // A-ID-04: mix-up. The answer of one provider is not taken for that of another.
  if (waiting.provider !== name || waiting.issuer !== spec.issuer || waiting.clientId !== spec.clientId) {
    throw stale('it was begun at another provider');
  }
  return waiting;
}

async function refresh(clients: Clients, before: SignedOn): Promise<Refreshed> {
  const { clock, providers } = clients.parts;
  const { subject, material } = before;
  const provider = providers().find(({ name }) => name === subject.provider);
  if (provider === undefined || provider.spec.issuer !== subject.issuer) return { outcome: 'ended' };
  const { refreshToken } = material;
  if (refreshToken === null) return { outcome: 'unknown' };
  return clients.during<Refreshed>(provider, 'to refresh a sign-on', async () => {
    try {
      const client = await clients.of(provider);
      const tokens = await refreshTokenGrant(client.configuration, refreshToken);
      return { outcome: 'proven', ...(await refreshed(client, () => clock.now(), tokens, before)) };
    } catch (error) {
      const why = explained(error);
      // The grant is over (RFC 6749, section 5.2), or its access token at once is: somebody was disabled in between.
      if (why instanceof ProviderAnswer && endedBy.includes(why.error)) return { outcome: 'ended' };
      throw why;
    }
  });
}

const endedBy: readonly string[] = ['invalid_grant', 'invalid_token'];

async function endSessionUrl(clients: Clients, options: EndSessionOptions): Promise<string | null> {
  const provider = clients.find(options.provider);
  return clients.during(provider, 'to sign off', async () => {
    const client = await clients.of(provider);
    if (typeof client.metadata.end_session_endpoint !== 'string') return null;
    const url = buildEndSessionUrl(client.configuration, {
      ...(options.idToken === null ? {} : { id_token_hint: options.idToken }),
      ...(options.returnTo === undefined ? {} : { post_logout_redirect_uri: options.returnTo }),
      ...(options.state === undefined ? {} : { state: options.state }),
    });
    return webUrl(url, provider);
  });
}

function stale(detail: string): Error {
  return identityErrors('identity.sign-on-stale', { detail });
}

/** 256 random bits: 43 characters. */
function secret(): string {
  return randomBytes(32).toString('base64url');
}

function isBrowserSecret(browser: string): boolean {
  return browser.length >= 22 && browser.length <= limits.browserSecretLengthMax;
}

function keyOf(state: string): string {
  return `oidc-state:${digestOf(state)}`;
}
