/**
 * What identity needs of a store and of configuration, as interfaces of its own: the composition joins them.
 *
 * Invariant: what is kept of a secret is its SHA-256, its SCRAM keys or its argon2id verifier, never the secret.
 */
import type { X509Certificate } from 'node:crypto';
import type { ActingAgent, Authentication, PrincipalKind, Role, Scope } from '../core/principal.ts';

/**
 * What a token is for, and what it rests on. Kept as JSON; whoever adds a field must have old tokens without it mean the
 * same as before.
 */
export type TokenAttributes = {
  /** The identity that it was issued to: another one that later has the name does not have the token (A-ID-05). */
  readonly principal?: string;
  /**
   * `web`: a browser's session at the console, which counts in its cookie alone. `foreign`: a workload shows its own token
   * each time, and this record, which nobody has a secret of, is what is known of it here.
   */
  readonly use?: 'web' | 'foreign';
  /** How its owner was proven, where it was issued for a proof. */
  readonly method?: Authentication['method'];
  readonly factors?: readonly string[];
  /** When its owner last proved themself in person. */
  readonly provenAtMs?: number;
  /** The IdentityProvider, and its own session, that the proof came of. */
  readonly provider?: string;
  readonly session?: string;
  readonly scope?: Scope;
  readonly actors?: readonly ActingAgent[];
  /** The token that it was had with, where it ends with that one. */
  readonly parent?: string;
  /** The rule by which a workload's token was exchanged for it, or for what it rests on. */
  readonly trust?: string;
};

export interface TokenRecord {
  readonly id: string;
  /** The principal's name. */
  readonly owner: string;
  /** Lower-case hexadecimal SHA-256 of the secret; unique. */
  readonly hash: string;
  readonly scramStoredKey: Buffer;
  readonly scramServerKey: Buffer;
  readonly label: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  readonly createdBy: string;
  /** How it was asked for: see `TokenRequest`. */
  readonly source: string;
  readonly attributes: TokenAttributes;
}

export type NewTokenRecord = Omit<TokenRecord, 'revokedAtMs' | 'lastUsedAtMs'>;

export interface TokenListPage {
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: { readonly createdAtMs: number; readonly id: string } | null;
}

/** `resync`: revocations may have been missed. */
export type RevocationNotice =
  | { readonly type: 'revoked'; readonly ids: readonly string[] }
  | { readonly type: 'resync' };

export interface TokenRecords {
  /** False where the id or the hash is taken; nothing was written then. */
  create(token: NewTokenRecord): Promise<boolean>;
  get(id: string): Promise<TokenRecord | null>;
  findByHash(hash: string): Promise<TokenRecord | null>;
  /** Neither revoked nor expired at `nowMs`, newest first. */
  liveByOwner(owner: string, nowMs: number): Promise<readonly TokenRecord[]>;
  /** Newest first. */
  listByOwner(owner: string, page: TokenListPage): Promise<readonly TokenRecord[]>;
  /** Newest first. */
  listAll(page: TokenListPage): Promise<readonly TokenRecord[]>;
  /** The token as it is now, or null where there is none. */
  revoke(id: string, atMs: number): Promise<TokenRecord | null>;
  /** Has it end at that time, where it would later; never the other way. The token as it is now, or null. */
  shorten(id: string, expiresAtMs: number): Promise<TokenRecord | null>;
  /** Ids of those that were revoked by this call. */
  revokeAllOf(owner: string, atMs: number): Promise<readonly string[]>;
  /** Live tokens that came of a session at an identity provider; of all its sessions where null. */
  liveByProvider(provider: string, session: string | null): Promise<readonly TokenRecord[]>;
  /** Live tokens that end with another. */
  liveByParent(parent: string): Promise<readonly TokenRecord[]>;
  /** Notes that a token was used; written later, may be lost. */
  touch(id: string, atMs: number): void;
  /** Called after a revocation is committed, by whichever gateway. Returns what ends the subscription. */
  onRevoked(listener: (notice: RevocationNotice) => void): () => void;
}

export interface PasswordRecords {
  /** The argon2id verifier of a principal, or null. */
  get(principal: string): Promise<string | null>;
  set(principal: string, verifier: string): Promise<void>;
  /** False where there was none. */
  delete(principal: string): Promise<boolean>;
}

/** A principal as configured. */
export interface PrincipalEntry {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly kind: PrincipalKind;
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
  readonly disabled: boolean;
  /** Registered public keys, as SSH spells them (RFC 4253 section 6.6). */
  readonly keys?: readonly Buffer[];
  /** Rules by which workloads' tokens may stand for it, as `trustOf` names them. */
  readonly trusts?: ReadonlySet<string>;
}

/** Who signs certificates, and for whom. */
export interface AuthorityEntry {
  readonly name: string;
  /** Of SSH. */
  readonly keys: readonly Buffer[];
  /** Of X.509: the certificates of who issues. */
  readonly certificates?: readonly X509Certificate[];
  /** SHA-256 of X.509 certificates that do not count any more, in lower-case hexadecimal. */
  readonly revoked?: ReadonlySet<string>;
  readonly mayVouchFor: (principal: PrincipalEntry) => boolean;
}

/** A snapshot in memory, so that a proof and the groups it grants are of one moment. */
export interface PrincipalDirectory {
  /** By exact name. */
  find(name: string): PrincipalEntry | null;
  /** Whose certificates are trusted, and for whom; nobody's unless given. */
  authorities?(): readonly AuthorityEntry[];
}

/** What may be used once, by whichever gateway: states of a sign-on, challenges, codes, ids of assertions. */
export interface OnceRecords {
  /** False where the key is taken by one that has not expired; nothing was written then. */
  put(key: string, value: string, expiresAtMs: number): Promise<boolean>;
  /** The value, which is gone then: one caller gets it, on any gateway. Null where there is none, or it has expired. */
  take(key: string, nowMs: number): Promise<string | null>;
}

export type FactorKind = 'passkey' | 'totp' | 'recovery';

/** A second factor of a local principal. */
export interface FactorRecord {
  readonly id: string;
  /** The principal's name. */
  readonly owner: string;
  readonly kind: FactorKind;
  /** For people: what it is called. */
  readonly label: string;
  /** What proves it, as JSON; a secret in it is sealed. */
  readonly data: string;
  /** Of a passkey its signature counter, of TOTP the last time step that was used: only ever grows. */
  readonly counter: number;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
}

export interface FactorRecords {
  get(id: string): Promise<FactorRecord | null>;
  listByOwner(owner: string): Promise<readonly FactorRecord[]>;
  /** False where the id is taken. */
  create(factor: FactorRecord): Promise<boolean>;
  /** Notes a use: true where the counter was still `expected`, so that one code counts once on all gateways. */
  use(id: string, expected: number, counter: number, data: string, atMs: number): Promise<boolean>;
  /** False where there was none of this owner's. */
  delete(owner: string, id: string): Promise<boolean>;
}
