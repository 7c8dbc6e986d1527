/**
 * An ID token verified whole (OpenID Connect Core 1.0, sections 3.1.3.6, 3.1.3.7, 12.2), and what userinfo adds to it.
 *
 * Invariants: it is for this client and for nobody else, unless this client is the party it was issued to (A-ID-02); it
 * belongs to the sign-on that asked for it (nonce, A-ID-04) and to the access token that came with it (at_hash); how and when
 * the person was proven is demanded where it was asked for. The library has looked at most of this before; it does not look
 * at signatures.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { fetchUserInfo, type TokenEndpointResponse } from 'openid-client';
import type { Claims } from '../claim-path.ts';
import * as limits from '../limits.ts';
import type { ProvenSubject } from '../proven.ts';
import { type Client, explained } from './client.ts';
import { followClaims } from './distributed.ts';
import { TokenRefused, verifyJwt } from './jwt.ts';
import type { SignOnMaterial } from './provider.ts';
import { subjectOf } from './subject.ts';

/** What was asked for, that the answer must show. */
export interface Asked {
  /** Null where there was none to send: the device grant, a refresh. */
  readonly nonce: string | null;
  readonly maxAgeSeconds: number | null;
  readonly acr: readonly string[] | null;
}

export const askedNothing: Asked = { nonce: null, maxAgeSeconds: null, acr: null };

export interface SignedOn {
  readonly subject: ProvenSubject;
  readonly material: SignOnMaterial;
}

/** Reads what a token endpoint gave. Rejects with `TokenRefused`, `IssuerUnreachable`, or an error of identity's. */
export async function signedOn(
  client: Client,
  nowMs: () => number,
  tokens: TokenEndpointResponse,
  asked: Asked,
): Promise<SignedOn> {
  if (tokens.id_token === undefined) throw new TokenRefused('it gives no ID token: is openid among its scopes?');
  const idToken = await verifyIdToken(client, tokens.id_token, tokens.access_token, nowMs(), asked);
  const sub = subOf(idToken);
  const subject = await subjectOf({
    provider: client.provider,
    idToken,
    userinfo: await userinfoOf(client, tokens.access_token, sub),
    previous: null,
    follow: (source) => followClaims(client, source, sub, nowMs()),
  });
  return { subject, material: { sub, idToken: tokens.id_token, refreshToken: tokens.refresh_token ?? null } };
}

/** The same of a refresh, which may come without an ID token. */
export async function refreshed(
  client: Client,
  nowMs: () => number,
  tokens: TokenEndpointResponse,
  before: SignedOn,
): Promise<SignedOn> {
  const { sub } = before.material;
  const given = tokens.id_token;
  const idToken =
    given === undefined ? null : await verifyIdToken(client, given, tokens.access_token, nowMs(), askedNothing);
  if (idToken !== null && subOf(idToken) !== sub) throw new TokenRefused('its ID token is of somebody else now');
  const subject = await subjectOf({
    provider: client.provider,
    idToken,
    userinfo: await userinfoOf(client, tokens.access_token, sub),
    previous: before.subject,
    follow: (source) => followClaims(client, source, sub, nowMs()),
  });
  if (subject.subject !== before.subject.subject) throw new TokenRefused('its ID token is of somebody else now');
  return {
    subject,
    material: {
      sub,
      idToken: given ?? before.material.idToken,
      refreshToken: tokens.refresh_token ?? before.material.refreshToken,
    },
  };
}

export async function verifyIdToken(
  { provider, issuer, metadata }: Client,
  token: string,
  accessToken: string,
  nowMs: number,
  asked: Asked,
): Promise<Claims> {
  const { claims, algorithm } = await verifyJwt(token, {
    issuer: provider.spec.issuer,
    keys: issuer,
    nowMs,
    algorithms: metadata.id_token_signing_alg_values_supported,
    types: ['jwt'],
    ageSecondsMax: limits.idTokenAgeSecondsMax,
  });
  checkAudience(claims, provider.spec.clientId);
  if (asked.nonce !== null && claims['nonce'] !== asked.nonce) throw new TokenRefused('its nonce is not the one sent');
  if (claims['at_hash'] !== undefined) checkAccessToken(claims['at_hash'], accessToken, algorithm);
  checkProof(claims, nowMs, asked);
  return claims;
}

function checkAudience({ aud, azp }: Claims, clientId: string): void {
  const audiences: readonly unknown[] = [aud].flat();
  if (!audiences.includes(clientId)) throw new TokenRefused('its aud is another client');
  if (azp !== undefined && azp !== clientId) throw new TokenRefused('its azp is another client');
  if (audiences.some((one) => one !== clientId) && azp !== clientId) {
    throw new TokenRefused('its aud names others too, and its azp is not this client');
  }
}

/** The left half of the access token's digest, by the algorithm of the signature (section 3.1.3.6). */
function checkAccessToken(said: unknown, accessToken: string, algorithm: string): void {
  const digest = algorithm.endsWith('256') ? 'sha256' : algorithm.endsWith('384') ? 'sha384' : 'sha512';
  const hash = createHash(digest).update(accessToken, 'ascii').digest();
  const expected = hash.subarray(0, hash.length / 2).toString('base64url');
  const given = typeof said === 'string' ? Buffer.from(said) : Buffer.alloc(0);
  if (given.length !== expected.length || !timingSafeEqual(given, Buffer.from(expected))) {
    throw new TokenRefused('its at_hash is that of another access token');
  }
}

function checkProof({ auth_time: provenAt, acr }: Claims, nowMs: number, asked: Asked): void {
  const skew = limits.tokenSkewSeconds;
  const nowSeconds = nowMs / 1000;
  if (provenAt !== undefined && (typeof provenAt !== 'number' || !(provenAt <= nowSeconds + skew))) {
    throw new TokenRefused('its auth_time is no time, or in the future');
  }
  if (asked.maxAgeSeconds !== null) {
    if (provenAt === undefined)
      throw new TokenRefused('it does not say when the person was proven, which was asked for');
    if (nowSeconds - (provenAt as number) > asked.maxAgeSeconds + skew) {
      throw new TokenRefused('the person was proven longer ago than was asked for');
    }
  }
  if (asked.acr !== null && !(typeof acr === 'string' && asked.acr.includes(acr))) {
    throw new TokenRefused('its acr is none of those that were asked for');
  }
}

function subOf({ sub }: Claims): string {
  if (typeof sub !== 'string' || sub === '' || sub.length > limits.claimLengthMax) {
    throw new TokenRefused('its sub is no text');
  }
  return sub;
}

/** Of the same person, or none (section 5.3.2). */
async function userinfoOf(client: Client, accessToken: string, sub: string): Promise<Claims | null> {
  if (typeof client.metadata.userinfo_endpoint !== 'string') return null;
  try {
    return await fetchUserInfo(client.configuration, accessToken, sub);
  } catch (error) {
    throw explained(error);
  }
}
