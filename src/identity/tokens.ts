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
 * Deliberately absent: refresh tokens, tokens that do not expire; ending the sessions of an expired token (a
 * session ends by its own limits, or because the token was revoked).
 */

import type { Clock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import { deriveScramKeys } from '../base/scram.ts';
import type { Authentication } from '../core/principal.ts';
import { identityErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { PrincipalDirectory, TokenAttributes, TokenListPage, TokenRecord, TokenRecords } from './records.ts';
import type { Revocations } from './revocations.ts';
import { hashTokenSecret, newTokenSecret, scramSaltOf } from './secret.ts';

/** The source of tokens that were issued for a proof in person just given. */
export const signOnSource = 'sign-on';

export interface TokenRequest {
  /** Name of the principal that the token will stand for. */
  readonly owner: string;
  /** `tokenLifetimeMinMs` … `tokenLifetimeMaxMs` (of a service `serviceTokenLifetimeMaxMs`); `tokenLifetimeDefaultMs` unless given. */
  readonly lifetimeMs?: number;
  /** For people: one line. */
  readonly label: string;
  /** Name of who asked for it. */
  readonly createdBy: string;
  /** How it was asked for; `signOnSource` where by a password just given, which nothing else may claim. */
  readonly source: string;
  /** What it is for and rests on; nothing of `principal`, which is looked up. */
  readonly attributes?: Omit<TokenAttributes, 'principal'>;
  /** Its end at the latest, wall clock, milliseconds, however soon that is. */
  readonly untilMs?: number;
  /** What it is found by, where that is somebody else's token and not a secret of its own. */
  readonly hash?: string;
}

/** A token as it is listed: everything but what proves it. */
export interface TokenSummary extends Omit<TokenRecord, 'hash' | 'scramStoredKey' | 'scramServerKey'> {
  readonly state: 'live' | 'expired' | 'revoked';
}

/** What a token of just now says of the proof, beside which token it is. */
export function proofOf(token: TokenRecord): Omit<Authentication, 'method' | 'credentialId' | 'atMs'> {
  const { owner, createdBy, source, createdAtMs, attributes } = token;
  const { factors, scope, actors, provenAtMs, trust } = attributes;
  const isOwn = createdBy === owner;
  // Only a sign-on proves a person; a token that was asked for with a token proves what that one did.
  const proven = isOwn && source === signOnSource ? (provenAtMs ?? createdAtMs) : undefined;
  return {
    ...(isOwn ? {} : { issuedBy: createdBy }),
    ...(proven === undefined ? {} : { provenAtMs: proven }),
    ...(factors === undefined ? {} : { factors }),
    ...(scope === undefined ? {} : { scope }),
    ...(actors === undefined ? {} : { actors }),
    ...(trust === undefined ? {} : { trust }),
  };
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
    const { owner, label, createdBy, source, lifetimeMs = limits.tokenLifetimeDefaultMs, attributes = {} } = request;
    const { untilMs = Number.POSITIVE_INFINITY } = request;
    checkLabel(label);
    const found = directory.find(owner);
    const identity = found?.id;
    checkLifetime(lifetimeMs, found?.kind === 'service' ? limits.serviceTokenLifetimeMaxMs : limits.tokenLifetimeMaxMs);
    const active = (): boolean => {
      const entry = directory.find(owner);
      return entry?.disabled === false && entry.id === identity;
    };
    if (identity === undefined || !active()) throw unknownPrincipal(owner);
    // Those that nobody has a secret of are not tried by SCRAM, and are counted apart.
    const isShown = attributes.use === 'foreign';
    const maximum = isShown ? limits.shownTokensPerOwnerMax : limits.tokensPerOwnerMax;
    const live = await records.liveByOwner(owner, clock.now());
    if (live.filter(({ attributes: { use } }) => (use === 'foreign') === isShown).length >= maximum) {
      throw identityErrors('identity.too-many-tokens', { values: { maximum } });
    }
    const secret = newTokenSecret();
    const keys = await deriveScramKeys(secret, scramSaltOf(serverSecret, owner), limits.scramIterations);
    // Who was disabled or removed meanwhile gets no token.
    if (!active()) throw unknownPrincipal(owner);
    const createdAtMs = clock.now();
    // What it rests on has ended meanwhile.
    if (untilMs <= createdAtMs) throw identityErrors('identity.delegation-refused', { detail: 'its end is past' });
    const record = {
      id: newId('tok', createdAtMs),
      owner,
      hash: request.hash ?? hashTokenSecret(secret),
      scramStoredKey: keys.storedKey,
      scramServerKey: keys.serverKey,
      label,
      createdAtMs,
      expiresAtMs: Math.min(createdAtMs + lifetimeMs, untilMs),
      createdBy,
      source,
      attributes: { ...attributes, principal: identity },
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
    await this.#revokeDerived(id);
    return this.#summary(record);
  }

  /** Revokes what came of a session at an identity provider (of all its sessions where null), and all that rests on it. */
  async revokeOfProvider(provider: string, session: string | null, owner: string | null): Promise<readonly string[]> {
    const revoked: string[] = [];
    for (;;) {
      const found = await this.#parts.records.liveByProvider(provider, session);
      const wanted = found.filter((token) => (owner === null || token.owner === owner) && !revoked.includes(token.id));
      if (wanted.length === 0) return revoked;
      for (const { id } of wanted) {
        await this.revoke(id);
        revoked.push(id);
      }
    }
  }

  /** What rests on a token, and what rests on that: a parent was there before its child, so that this comes to an end. */
  async #revokeDerived(id: string): Promise<void> {
    const { records, clock, revocations } = this.#parts;
    for (let parents = [id]; parents.length > 0; ) {
      const parent = parents[0]!;
      const found = await records.liveByParent(parent);
      if (found.length === 0) parents = parents.slice(1);
      for (const token of found) {
        await records.revoke(token.id, clock.now());
        revocations.add([token.id]);
        parents.push(token.id);
      }
    }
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
    const { hash: _hash, scramStoredKey: _stored, scramServerKey: _server, ...shown } = record;
    const { expiresAtMs, revokedAtMs } = record;
    const expired = this.#parts.clock.now() >= expiresAtMs;
    const state = revokedAtMs !== null ? 'revoked' : expired ? 'expired' : 'live';
    return { ...shown, state };
  }
}

function unknownPrincipal(name: string): Error {
  return identityErrors('identity.unknown-principal', { values: { name: JSON.stringify(name.slice(0, 127)) } });
}

function checkLifetime(lifetimeMs: number, maximumMs: number): void {
  const { tokenLifetimeMinMs } = limits;
  if (!Number.isInteger(lifetimeMs) || lifetimeMs < tokenLifetimeMinMs || lifetimeMs > maximumMs) {
    throw identityErrors('identity.invalid-lifetime', {
      values: { minimum: tokenLifetimeMinMs / 1000, maximum: maximumMs / 1000 },
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
