/**
 * Sign-offs that come from a provider: by its own call (Back-Channel Logout 1.0) or through the browser (Front-Channel
 * Logout 1.0).
 *
 * Invariants: a logout token is verified like an ID token, is one by its `events`, has no nonce, and counts once; an ID token
 * is none (section 2.6). What is refused is told apart in the log alone.
 *
 * Deliberately absent: ending sessions: the caller's, by issuer, subject and session.
 */

import { type Claims, valueAt } from '../claim-path.ts';
import { identityErrors } from '../errors.ts';
import * as limits from '../limits.ts';
import { type Client, type Clients, digestOf } from './client.ts';
import { isForOnly, TokenRefused, verifyJwt } from './jwt.ts';
import type { OidcProvider } from './provider.ts';

/** Whose sign-ons end: those of this session, or all of this subject where the session is null. */
export interface Logout {
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string | null;
  readonly session: string | null;
}

export interface FrontChannel {
  readonly provider: string;
  /** Of the query; null where there is none. */
  readonly iss: string | null;
  readonly sid: string | null;
}

export interface Logouts {
  /** Rejects with `identity.logout-refused`, or `identity.provider-unreachable`. */
  verifyLogoutToken(token: string, provider: string): Promise<Logout>;
  /** Anybody may send a browser there: it takes the session's name at the provider. Throws `identity.logout-refused`. */
  verifyFrontChannel(asked: FrontChannel): Logout;
}

const eventName = 'http://schemas.openid.net/event/backchannel-logout';

export function logouts(clients: Clients): Logouts {
  return {
    verifyLogoutToken: (token, name) => verifyLogoutToken(clients, token, clients.find(name)),
    verifyFrontChannel: ({ provider: name, iss, sid }) => {
      const provider = clients.find(name);
      if (iss !== provider.spec.issuer || sid === null || sid === '' || sid.length > limits.claimLengthMax) {
        throw identityErrors('identity.logout-refused', { detail: 'iss and sid are not those of a session' });
      }
      return { provider: name, issuer: iss, subject: null, session: sid };
    },
  };
}

async function verifyLogoutToken(clients: Clients, token: string, provider: OidcProvider): Promise<Logout> {
  return clients.during(provider, 'a logout', async () => {
    try {
      return await verified(clients, await clients.of(provider), token);
    } catch (error) {
      if (error instanceof TokenRefused) throw identityErrors('identity.logout-refused', { detail: error.message });
      throw error;
    }
  });
}

async function verified(clients: Clients, client: Client, token: string): Promise<Logout> {
  const { provider, issuer, metadata } = client;
  const { clock, once } = clients.parts;
  const { spec } = provider;
  const nowMs = clock.now();
  const { claims } = await verifyJwt(token, {
    issuer: spec.issuer,
    keys: issuer,
    nowMs,
    algorithms: metadata.id_token_signing_alg_values_supported,
    // Many providers give it no type of its own yet; its events tell it apart.
    types: ['logout+jwt', 'jwt'],
    ageSecondsMax: limits.idTokenAgeSecondsMax,
  });
  if (!isForOnly(claims, spec.clientId)) throw new TokenRefused('its aud is another client');
  const said = whoseOf(claims, provider);
  const jti = claims.jti;
  if (typeof jti !== 'string' || jti === '') throw new TokenRefused('it has no jti');
  // It is too old for us before its name is forgotten.
  const forgetAtMs = nowMs + (limits.idTokenAgeSecondsMax + 2 * limits.tokenSkewSeconds + 1) * 1000;
  const key = `oidc-logout:${digestOf(JSON.stringify([spec.issuer, jti]))}`;
  if (!(await once.put(key, '', forgetAtMs))) throw new TokenRefused('it was used before');
  return { provider: provider.name, issuer: spec.issuer, ...said };
}

/** Section 2.6, steps 4 to 6. */
function whoseOf(claims: Claims, { spec }: OidcProvider): Pick<Logout, 'subject' | 'session'> {
  if (Object.hasOwn(claims, 'nonce')) throw new TokenRefused('it has a nonce, so that it is no logout token');
  const events = claims['events'];
  const isEvent = typeof events === 'object' && events !== null && Object.hasOwn(events, eventName);
  if (!isEvent || typeof (events as Claims)[eventName] !== 'object') {
    throw new TokenRefused('its events say nothing of a logout');
  }
  const subject = textOf(valueAt(claims, spec.subject));
  const session = textOf(claims['sid']);
  if (subject === null && session === null) throw new TokenRefused('it says neither whose nor which session');
  return { subject, session };
}

function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value !== 'string' || value === '' || value.length > limits.claimLengthMax) {
    throw new TokenRefused('its sub or its sid is no text');
  }
  return value;
}
