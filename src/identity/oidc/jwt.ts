/**
 * Verifies a token that somebody else issued (RFC 7519, RFC 8725): signature, issuer, times. Whom it is for is the caller's.
 *
 * Invariants:
 * - Algorithms are ours to choose, never the token's: signatures with public keys only, of those the issuer says it uses;
 *   `none` and HMAC are not among them. A key serves the algorithms of its own type (A-ID-01).
 * - Keys come from the issuer's set alone. What a token says of keys (`jwk`, `jku`, `x5u`, `x5c`) is not read; its `kid` is
 *   compared with those of the set, and is never a path. A `crit` that is not understood refuses.
 * - Times are compared on our clock, with 60 s for theirs, and a token has to have an end (A-ID-03).
 *
 * Deliberately absent: encrypted tokens.
 */
import { errors, type JWTHeaderParameters, type JWTPayload, jwtVerify, type LocalJWKSet } from 'jose';
import * as limits from '../limits.ts';
import type { KeySource } from './issuer.ts';

/** Why a token is not accepted; for the log, and never with what is in it. */
export class TokenRefused extends Error {}

export const signatureAlgorithms: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

export interface JwtChecks {
  readonly issuer: string;
  readonly keys: KeySource;
  readonly nowMs: number;
  /** What the issuer says it signs with; all of ours unless it says. */
  readonly algorithms?: unknown;
  /** Values of `typ` in lower case; a token without any passes where `jwt` is among them (RFC 8725, 3.11). */
  readonly types: readonly string[];
  /** How long ago it may have been issued. */
  readonly ageSecondsMax?: number;
  /** How long it may live from its issue. */
  readonly lifetimeSecondsMax?: number;
}

export interface VerifiedJwt {
  readonly claims: Readonly<JWTPayload>;
  readonly algorithm: string;
  readonly expiresAtMs: number;
}

/** Rejects with `TokenRefused`, or as the keys' source does. */
export async function verifyJwt(token: string, checks: JwtChecks): Promise<VerifiedJwt> {
  if (token.length > limits.foreignTokenLengthMax) throw new TokenRefused('it is too long');
  const known = await checks.keys.keys();
  const verified = await tryKeys(token, known, checks);
  const { payload, protectedHeader } =
    verified ??
    ((await checks.keys.newer(known)) ? await tryKeys(token, await checks.keys.keys(), checks) : null) ??
    none();
  checkType(protectedHeader, checks.types);
  return {
    claims: payload,
    algorithm: protectedHeader.alg,
    expiresAtMs: checkTimes(payload, checks) * 1000,
  };
}

/** Whether a token is for `audience`, and for nobody beside it (A-ID-02). */
export function isForOnly({ aud }: JWTPayload, audience: string): boolean {
  const audiences: readonly unknown[] = [aud].flat();
  return audiences.length > 0 && audiences.every((one) => one === audience);
}

function none(): never {
  throw new TokenRefused('no key of the issuer has signed it');
}

interface Signed {
  readonly payload: JWTPayload;
  readonly protectedHeader: JWTHeaderParameters;
}

/** Null where none of these keys has signed it: there may be newer ones. */
async function tryKeys(token: string, set: LocalJWKSet, checks: JwtChecks): Promise<Signed | null> {
  const options = {
    algorithms: algorithmsOf(checks.algorithms),
    issuer: checks.issuer,
    currentDate: new Date(checks.nowMs),
    clockTolerance: limits.tokenSkewSeconds,
    requiredClaims: ['iss', 'exp', 'iat'],
  };
  try {
    return await jwtVerify(token, set, options);
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return tryEach(error, token, options);
    if (isOfAnotherKey(error)) return null;
    throw refusedBy(error);
  }
}

async function tryEach(
  candidates: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: Parameters<typeof jwtVerify>[2],
): Promise<Signed | null> {
  let left = limits.keysTriedMax;
  for await (const key of candidates) {
    if (left-- === 0) break;
    try {
      return await jwtVerify(token, key, options);
    } catch (error) {
      if (!isOfAnotherKey(error)) throw refusedBy(error);
    }
  }
  return null;
}

function isOfAnotherKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
}

/** The library's code and the claim's name: its messages quote nothing, but its errors carry the claims. */
function refusedBy(error: unknown): TokenRefused {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) {
    return new TokenRefused(`its ${error.claim} is not accepted (${error.reason})`);
  }
  return new TokenRefused(error instanceof errors.JOSEError ? `${error.code}` : 'its form or its key is not usable');
}

function algorithmsOf(said: unknown): string[] {
  if (!Array.isArray(said)) return [...signatureAlgorithms];
  // The same algorithm by its old name and its new one (RFC 9864).
  const names = new Set(
    said.flatMap((name) => (name === 'EdDSA' || name === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [name])),
  );
  return signatureAlgorithms.filter((name) => names.has(name));
}

function checkType(header: JWTHeaderParameters, types: readonly string[]): void {
  const type = header.typ === undefined ? 'jwt' : String(header.typ).toLowerCase();
  if (!types.includes(type.replace(/^application\//, '')))
    throw new TokenRefused('its typ is that of another kind of token');
}

/** Returns `exp`. */
function checkTimes({ exp, iat }: JWTPayload, checks: JwtChecks): number {
  const nowSeconds = checks.nowMs / 1000;
  const skew = limits.tokenSkewSeconds;
  if (!Number.isFinite(exp) || !Number.isFinite(iat)) throw new TokenRefused('its exp or iat is no time');
  if (iat! > nowSeconds + skew) throw new TokenRefused('it was issued in the future');
  if (nowSeconds - iat! > (checks.ageSecondsMax ?? Number.POSITIVE_INFINITY) + skew) {
    throw new TokenRefused('it was issued too long ago');
  }
  if (exp! - iat! > (checks.lifetimeSecondsMax ?? Number.POSITIVE_INFINITY)) {
    throw new TokenRefused('it lives longer than such a token may');
  }
  return exp!;
}
