/**
 * Access tokens: short-lived secrets that stand for a principal towards every protocol and the API.
 *
 * Invariants:
 * - The secret is returned once, when it is issued; kept are its SHA-256 and its SCRAM keys (A-ID-11).
 * - A token is live from its issue (another gateway's clock may be up to `clockSkewMs` ahead) until `expiresAtMs`,
 *   exactly, and never once revoked.
 *
 * Expiry is an instant of the wall clock, since it outlives processes and is compared by several gateways. A clock
 * stepped back makes what expired meanwhile live again, for at most the step; a token from further in the future than
 * `clockSkewMs` is refused (A-ID-03, F-15).
 *
 * Deliberately absent: refresh tokens, scopes, tokens that do not expire; ending the sessions of an expired token (a
 * session ends by its own limits, or because the token was revoked).
 */

import type { Clock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import { deriveScramKeys } from '../base/scram.ts';
import { identityErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { PrincipalDirectory, TokenListPage, TokenRecord, TokenRecords } from './records.ts';
import type { Revocations } from './revocations.ts';
import { hashTokenSecret, newTokenSecret, scramSaltOf } from './secret.ts';

/** The source of tokens that were issued for a password just given. */
export const signOnSource = 'sign-on';

export interface TokenRequest {
  /** Name of the principal that the token will stand for. */
  readonly owner: string;
  /** `tokenLifetimeMinMs` … `tokenLifetimeMaxMs`; `tokenLifetimeDefaultMs` unless given. */
  readonly lifetimeMs?: number;
  /** For people: one line. */
  readonly label: string;
  /** Name of who asked for it. */
  readonly createdBy: string;
  /** How it was asked for; `signOnSource` where by a password just given, which nothing else may claim. */
  readonly source: string;
}

/** A token as it is listed: everything but what proves it. */
export interface TokenSummary extends Omit<TokenRecord, 'hash' | 'scramStoredKey' | 'scramServerKey'> {
  readonly state: 'live' | 'expired' | 'revoked';
}

export interface IssuedToken {
  /** The one time that the secret is told. */
  readonly secret: string;
  readonly token: TokenSummary;
}

/** Why a record is not live, or null where it is. For the log. */
export function whyNotLive(token: TokenRecord, nowMs: number): string | null {
  if (token.revokedAtMs !== null) return 'the token is revoked';
  if (nowMs >= token.expiresAtMs) return 'the token has expired';
  if (nowMs + limits.clockSkewMs < token.createdAtMs) return 'the token is from the future';
  return null;
}

export interface TokenParts {
  readonly clock: Clock;
  readonly records: TokenRecords;
  readonly directory: PrincipalDirectory;
  readonly revocations: Revocations;
  /** The key behind the SCRAM salts. Changing it invalidates all tokens for SCRAM. */
  readonly serverSecret: Buffer;
}

export class Tokens {
  readonly #parts: TokenParts;

  constructor(parts: TokenParts) {
    this.#parts = parts;
  }

  /** Rejects with an `identity.*` denial where the request is not allowed, and issues nothing then. */
  async issue(request: TokenRequest): Promise<IssuedToken> {
    const { clock, records, directory, serverSecret } = this.#parts;
    const { owner, label, createdBy, source, lifetimeMs = limits.tokenLifetimeDefaultMs } = request;
    checkLifetime(lifetimeMs);
    checkLabel(label);
    const active = (): boolean => directory.find(owner)?.disabled === false;
    if (!active()) throw unknownPrincipal(owner);
    const live = await records.liveByOwner(owner, clock.now());
    if (live.length >= limits.tokensPerOwnerMax) {
      throw identityErrors('identity.too-many-tokens', { values: { maximum: limits.tokensPerOwnerMax } });
    }
    const secret = newTokenSecret();
    const keys = await deriveScramKeys(secret, scramSaltOf(serverSecret, owner), limits.scramIterations);
    // Who was disabled or removed meanwhile gets no token.
    if (!active()) throw unknownPrincipal(owner);
    const createdAtMs = clock.now();
    const record = {
      id: newId('tok', createdAtMs),
      owner,
      hash: hashTokenSecret(secret),
      scramStoredKey: keys.storedKey,
      scramServerKey: keys.serverKey,
      label,
      createdAtMs,
      expiresAtMs: createdAtMs + lifetimeMs,
      createdBy,
      source,
    };
    if (!(await records.create(record)))
      throw identityErrors('identity.token-not-stored', { detail: 'id or hash taken' });
    return { secret, token: this.#summary({ ...record, revokedAtMs: null, lastUsedAtMs: null }) };
  }

  async find(id: string): Promise<TokenSummary | null> {
    const record = await this.#parts.records.get(id);
    return record === null ? null : this.#summary(record);
  }

  /** Tokens of `owner`, or of everybody where null; newest first, dead ones too. At most `tokenPageRowsMax` a page. */
  async list(owner: string | null, page: TokenListPage): Promise<readonly TokenSummary[]> {
    const { records } = this.#parts;
    const bounded = { ...page, limit: Math.max(1, Math.min(page.limit, limits.tokenPageRowsMax)) };
    const rows = await (owner === null ? records.listAll(bounded) : records.listByOwner(owner, bounded));
    return rows.map((record) => this.#summary(record));
  }

  /** Revokes for good; the token as it is then, or null where there is none. */
  async revoke(id: string): Promise<TokenSummary | null> {
    const { records, clock, revocations } = this.#parts;
    const record = await records.revoke(id, clock.now());
    if (record === null) return null;
    revocations.add([id]);
    return this.#summary(record);
  }

  /** Revokes every token of `owner`; the ids of those that were not revoked before. */
  async revokeAllOf(owner: string): Promise<readonly string[]> {
    const { records, clock, revocations } = this.#parts;
    const ids = await records.revokeAllOf(owner, clock.now());
    revocations.add(ids);
    return ids;
  }

  /** Those of `ids` that are revoked or unknown, for checking live sessions after notices were missed. */
  async revokedAmong(ids: readonly string[]): Promise<readonly string[]> {
    const revoked: string[] = [];
    for (const id of ids) {
      const record = await this.#parts.records.get(id);
      if (record === null || record.revokedAtMs !== null) revoked.push(id);
    }
    return revoked;
  }

  #summary(record: TokenRecord): TokenSummary {
    const { id, owner, label, createdAtMs, expiresAtMs, revokedAtMs, lastUsedAtMs, createdBy, source } = record;
    const expired = this.#parts.clock.now() >= expiresAtMs;
    const state = revokedAtMs !== null ? 'revoked' : expired ? 'expired' : 'live';
    return { id, owner, label, createdAtMs, expiresAtMs, revokedAtMs, lastUsedAtMs, createdBy, source, state };
  }
}

function unknownPrincipal(name: string): Error {
  return identityErrors('identity.unknown-principal', { values: { name: JSON.stringify(name.slice(0, 127)) } });
}

function checkLifetime(lifetimeMs: number): void {
  const { tokenLifetimeMinMs, tokenLifetimeMaxMs } = limits;
  if (!Number.isInteger(lifetimeMs) || lifetimeMs < tokenLifetimeMinMs || lifetimeMs > tokenLifetimeMaxMs) {
    throw identityErrors('identity.invalid-lifetime', {
      values: { minimum: tokenLifetimeMinMs / 1000, maximum: tokenLifetimeMaxMs / 1000 },
    });
  }
}

function checkLabel(label: string): void {
  if (
    Buffer.byteLength(label) > limits.tokenLabelBytesMax ||
    /[\p{Cc}\u2028\u2029]/u.test(label) ||
    !label.isWellFormed()
  ) {
    throw identityErrors('identity.invalid-label', { values: { maximum: limits.tokenLabelBytesMax } });
  }
}
