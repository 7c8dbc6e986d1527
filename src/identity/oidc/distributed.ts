/**
 * Claims that a provider does not put into a token, but into another that stands beside it or is fetched (OpenID Connect
 * Core 1.0, section 5.6.2).
 *
 * Invariants: only the provider itself is asked, on its own origin, and only by its own key is anything believed; a token
 * that names somebody else, or is for somebody else, is refused. Our own access token is not shown to that endpoint.
 *
 * Deliberately absent: claims of other providers; Microsoft Graph, which answers otherwise.
 */
import type { Claims } from '../claim-path.ts';
import * as limits from '../limits.ts';
import type { Client } from './client.ts';
import { TokenRefused, verifyJwt } from './jwt.ts';

export async function followClaims(client: Client, source: unknown, sub: string, nowMs: number): Promise<Claims> {
  const { provider, issuer, metadata } = client;
  const verified = await verifyJwt(await tokenOf(client, source), {
    issuer: provider.spec.issuer,
    keys: issuer,
    nowMs,
    algorithms: metadata.id_token_signing_alg_values_supported,
    types: ['jwt'],
    ageSecondsMax: limits.idTokenAgeSecondsMax,
  });
  const { claims } = verified;
  if (claims.sub !== undefined && claims.sub !== sub) throw new TokenRefused('the claims there are of somebody else');
  const audiences = claims.aud === undefined ? [] : [claims.aud].flat();
  if (audiences.length > 0 && !audiences.includes(provider.spec.clientId)) {
    throw new TokenRefused('the claims there are for somebody else');
  }
  return claims;
}

async function tokenOf({ provider, issuer }: Client, source: unknown): Promise<string> {
  if (typeof source !== 'object' || source === null) throw new TokenRefused('it does not say where they are');
  const { JWT: inline, endpoint, access_token: token } = source as Claims;
  if (typeof inline === 'string') return inline;
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) throw new TokenRefused('it does not say where they are');
  if (new URL(endpoint).origin !== new URL(provider.spec.issuer).origin) {
    throw new TokenRefused('they are kept at another place than the provider itself');
  }
  const isToken = typeof token === 'string' && /^[A-Za-z0-9._~+/-]+=*$/.test(token);
  const headers = { accept: 'application/jwt', ...(isToken ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await issuer.fetch(endpoint, { headers });
  if (answer.status !== 200) throw new TokenRefused(`where they are, the answer is ${answer.status}`);
  return (await answer.text()).trim();
}
