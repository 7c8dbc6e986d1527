/**
 * What identity needs of a store and of configuration, as interfaces of its own: the composition joins them.
 *
 * Invariant: what is kept of a secret is its SHA-256, its SCRAM keys or its argon2id verifier, never the secret.
 */
import type { X509Certificate } from 'node:crypto';
import type { PrincipalKind, Role } from '../core/principal.ts';

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
  /** Ids of those that were revoked by this call. */
  revokeAllOf(owner: string, atMs: number): Promise<readonly string[]>;
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
