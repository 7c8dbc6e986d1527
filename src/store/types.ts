/**
 * What other rooms know of the store: records, filters and repositories as plain interfaces.
 *
 * Invariants: times are wall-clock milliseconds since the Unix epoch, in columns that end in `_ms`; lists come in pages
 * with an explicit limit; what is expected and frequent (a conflict, a missing row) is a value, never an exception.
 * Every method may reject with a `store.*` operation error, and none waits without a deadline.
 *
 * Deliberately absent: SQL, kysely and driver types; joins across repositories; business rules.
 */

import type { HistoryStore } from '../core/history.ts';
import type { Alerts, Detectors, Responses } from './alert-types.ts';
import type { KeptRecordings, Witnessed } from './kept-types.ts';
import type { Grants, Reviews } from './review-types.ts';
import type { StoreShare } from './share.ts';
import type { Sinks } from './sink-types.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Ends a subscription. Calling it twice is harmless. */
export type Unsubscribe = () => void;

// --- declarative objects ------------------------------------------------------------------------------------------

/** One declarative object as it is kept. Keys of `spec` keep the order in which they were written. */
export interface StoredObject {
  readonly kind: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: JsonObject;
  /** 1 when created; one more for each change of labels or spec. */
  readonly generation: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly updatedBy: string;
}

export interface ObjectWrite {
  readonly kind: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: JsonObject;
  /** The author's name. */
  readonly by: string;
  /** The generation the author saw; 0 where the object must not exist yet; null to write whatever stands there. */
  readonly expectedGeneration: number | null;
}

export type PutResult =
  | { readonly outcome: 'created' | 'updated' | 'unchanged'; readonly object: StoredObject }
  | { readonly outcome: 'conflict'; readonly current: StoredObject | null };

export type DeleteResult =
  | { readonly outcome: 'deleted'; readonly object: StoredObject }
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'conflict'; readonly current: StoredObject };

/** One change of the configuration: all of it, or none. */
export interface ObjectChange {
  readonly puts: readonly ObjectWrite[];
  readonly deletes: readonly {
    readonly kind: string;
    readonly name: string;
    readonly expectedGeneration: number | null;
  }[];
}

export type PutAllResult =
  | {
      readonly outcome: 'applied';
      readonly results: readonly (PutResult & { outcome: 'created' | 'updated' | 'unchanged' })[];
    }
  /** Nothing was written. `index` tells which write did not find the generation it expected. */
  | { readonly outcome: 'conflict'; readonly index: number; readonly current: StoredObject | null };

/**
 * `changed` names an object that was written or deleted: read it again. `resync` means that changes may have been
 * missed (the connection that carries notifications was lost): read everything again.
 */
export type ObjectNotice =
  | { readonly type: 'changed'; readonly kind: string; readonly name: string }
  | { readonly type: 'resync' };

export interface Objects {
  get(kind: string, name: string): Promise<StoredObject | null>;
  /** By name in byte order, beginning after `after`. At most `limit` (1 … `pageRowsMax`). */
  list(
    kind: string,
    page: { readonly limit: number; readonly after?: string | null },
  ): Promise<readonly StoredObject[]>;
  put(write: ObjectWrite): Promise<PutResult>;
  /** All writes or none, in one transaction, in order. At most `batchRowsMax`. */
  putAll(writes: readonly ObjectWrite[]): Promise<PutAllResult>;
  /**
   * All puts, then all deletes, in one transaction that commits only after `beforeCommit` resolved; where it rejects,
   * nothing was written and the rejection is passed on. `beforeCommit` must not use the store: the embedded engine has
   * one connection.
   */
  change(change: ObjectChange, beforeCommit: () => Promise<void>): Promise<PutAllResult>;
  /** `expectedGeneration` null deletes whatever stands there. */
  delete(kind: string, name: string, expectedGeneration: number | null): Promise<DeleteResult>;
  /** Called after the commit, at least once per change, in this and in every other gateway on the same database. */
  onChange(listener: (notice: ObjectNotice) => void): Unsubscribe;
}

// --- passwords and tokens -----------------------------------------------------------------------------------------

export interface Passwords {
  /** The argon2 verifier string of a principal, or null. */
  get(principal: string): Promise<string | null>;
  set(principal: string, verifier: string): Promise<void>;
  /** False where there was none. */
  delete(principal: string): Promise<boolean>;
}

export interface StoredToken {
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
  /** The address it was asked for from. */
  readonly source: string;
  /** What it is for and how it was proven; the identity room knows what stands there. */
  readonly attributes: JsonObject;
}

export type NewToken = Omit<StoredToken, 'revokedAtMs' | 'lastUsedAtMs'>;

/** Where a page of tokens ended: hand it back to go on. */
export interface TokenCursor {
  readonly createdAtMs: number;
  readonly id: string;
}

export interface TokenPage {
  readonly limit: number;
  readonly after?: TokenCursor | null;
}

/** `revoked` names tokens that are revoked; `resync` means that revocations may have been missed. */
export type TokenNotice = { readonly type: 'revoked'; readonly ids: readonly string[] } | { readonly type: 'resync' };

export interface Tokens {
  /** False where the id or the hash is taken; nothing was written then. */
  create(token: NewToken): Promise<boolean>;
  get(id: string): Promise<StoredToken | null>;
  findByHash(hash: string): Promise<StoredToken | null>;
  /** Has it end at that time, where it would later; never the other way. The token as it is now, or null. */
  shorten(id: string, expiresAtMs: number): Promise<StoredToken | null>;
  /** Newest first. */
  listByOwner(owner: string, page: TokenPage): Promise<readonly StoredToken[]>;
  /** Newest first. */
  listAll(page: TokenPage): Promise<readonly StoredToken[]>;
  /** Neither revoked nor expired at `nowMs`, newest first, at most `liveTokensMax`. */
  liveByOwner(owner: string, nowMs: number): Promise<readonly StoredToken[]>;
  /** The token as it is now, or null where there is none. A second revocation keeps the first time. */
  revoke(id: string, atMs: number): Promise<StoredToken | null>;
  /** Ids of those that were revoked by this call. */
  revokeAllOf(owner: string, atMs: number): Promise<readonly string[]>;
  /** Live tokens that came of a session at an identity provider; of all its sessions where null. At most `liveTokensMax`. */
  liveByProvider(provider: string, session: string | null): Promise<readonly StoredToken[]>;
  /** Live tokens that were had with another. At most `liveTokensMax`. */
  liveByParent(parent: string): Promise<readonly StoredToken[]>;
  /** Notes that a token was used. Written in batches a little later; lost where the process dies before. */
  touch(id: string, atMs: number): void;
  /** Deletes tokens that expired before `beforeMs`; answers how many, at most `purgeRowsMax` per call. */
  purgeExpired(beforeMs: number): Promise<number>;
  /** As `Objects.onChange`. */
  onRevoked(listener: (notice: TokenNotice) => void): Unsubscribe;
}

// --- what may be used once, and second factors ---------------------------------------------------------------------

export interface Once {
  /** False where the key is taken by one that has not expired; nothing was written then. */
  put(key: string, value: string, expiresAtMs: number): Promise<boolean>;
  /** The value, which is gone then: one caller gets it, on any gateway. Null where there is none, or it has expired. */
  take(key: string, nowMs: number): Promise<string | null>;
  /** Deletes what expired before; answers how many, at most `purgeRowsMax` per call. */
  purge(beforeMs: number): Promise<number>;
}

export interface StoredFactor {
  readonly id: string;
  /** The principal's name. */
  readonly owner: string;
  readonly kind: 'passkey' | 'totp' | 'recovery';
  readonly label: string;
  /** What proves it, as JSON; secrets in it are sealed. */
  readonly data: string;
  readonly counter: number;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
}

export interface Factors {
  get(id: string): Promise<StoredFactor | null>;
  /** The oldest first. */
  listByOwner(owner: string): Promise<readonly StoredFactor[]>;
  /** False where the id is taken. */
  create(factor: StoredFactor): Promise<boolean>;
  /** True, and noted, where the counter was still `expected`. */
  use(id: string, expected: number, counter: number, data: string, atMs: number): Promise<boolean>;
  /** False where there was none of this owner's. */
  delete(owner: string, id: string): Promise<boolean>;
}

// --- sealed secrets -----------------------------------------------------------------------------------------------

/** A secret under envelope encryption, as the secrets room made it. Opaque here. */
export interface SealedSecret {
  readonly name: string;
  /** Which key-encryption key wrapped the data key. */
  readonly keyId: string;
  /** The data key, wrapped. Fresh with every seal and every rotation, so that it names the version of the row. */
  readonly wrappedKey: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface SealedName {
  readonly name: string;
  readonly keyId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface SealedReplacement {
  /** The row is replaced only while it still holds this wrapped key. */
  readonly previousWrappedKey: Buffer;
  readonly next: SealedSecret;
}

export interface SealedSecrets {
  get(name: string): Promise<SealedSecret | null>;
  /** Creates or overwrites; an existing row keeps its `createdAtMs`. */
  put(secret: SealedSecret): Promise<void>;
  /** By name in byte order. */
  list(page: { readonly limit: number; readonly after?: string | null }): Promise<readonly SealedName[]>;
  delete(name: string): Promise<boolean>;
  /**
   * One transaction: replaces each row that still is as it was read. Answers how many were; a row that was deleted or
   * overwritten meanwhile is left alone. At most `batchRowsMax`.
   */
  replaceAll(replacements: readonly SealedReplacement[]): Promise<number>;
}

// --- the index of sessions ----------------------------------------------------------------------------------------

/** What is known of a session when it opens. */
export interface SessionOpened {
  readonly id: string;
  readonly principalName: string;
  readonly principalId: string;
  readonly principalKind: string;
  readonly groups: readonly string[];
  /** Names of the agents that act for it, the last first; none where absent. */
  readonly agents?: readonly string[];
  readonly resource: string;
  readonly protocol: string;
  readonly source: string;
  /** `strict` or `best-effort`. */
  readonly recording: string;
  /** The Access that granted it. */
  readonly access: string;
  readonly client: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  /** Sequence of `session.opened` in the journal of `gateway`. */
  readonly openSeq: number;
  readonly gateway: string;
}

export interface SessionEnded {
  readonly id: string;
  readonly endedAtMs: number;
  readonly reason: string;
  /** Who ended it, where a person did. */
  readonly by: string | null;
  readonly commands: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface SessionRow extends SessionOpened {
  /** Null while it is open. */
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  readonly endedBy: string | null;
  readonly commands: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Where a page of sessions ended: hand it back to go on. */
export interface SessionCursor {
  readonly startedAtMs: number;
  readonly id: string;
}

export interface SessionFilter {
  /** The principal's name. */
  readonly principal?: string;
  readonly principalId?: string;
  readonly resource?: string;
  readonly protocol?: string;
  readonly gateway?: string;
  /** True: open ones only; false: ended ones only. */
  readonly live?: boolean;
  /** Started at or after. */
  readonly sinceMs?: number;
  /** Started before. */
  readonly untilMs?: number;
}

export interface SessionPage {
  readonly limit: number;
  readonly after?: SessionCursor | null;
}

export type IndexChange =
  | { readonly type: 'opened'; readonly session: SessionOpened }
  | { readonly type: 'ended'; readonly session: SessionEnded };

export interface Sessions {
  /** Idempotent: what is known of the end is kept. */
  upsertOpened(session: SessionOpened): Promise<void>;
  /** False where the session is not in the index. */
  setEnded(session: SessionEnded): Promise<boolean>;
  get(id: string): Promise<SessionRow | null>;
  /** Newest first, by (startedAtMs, id). */
  list(filter: SessionFilter, page: SessionPage): Promise<readonly SessionRow[]>;
  /** When a principal, by name, last opened each resource. */
  lastUses(principal: string): Promise<ReadonlyMap<string, number>>;

  /** The sequence up to which an indexer has worked; 0 where it never ran. */
  cursor(name: string): Promise<number>;
  /**
   * Applies `changes` and moves the cursor in one transaction, so that a crash repeats a batch and never skips one.
   * False, and nothing changed, where the cursor already stands at `upToSequence` or beyond.
   */
  applyIndexBatch(cursorName: string, upToSequence: number, changes: readonly IndexChange[]): Promise<boolean>;
  /** Drops the cursor and the sessions of `gateway` (of all gateways where null), to be rebuilt from the journal. */
  clearIndex(cursorName: string, gateway: string | null): Promise<void>;
}

export type {
  AlertCursor,
  AlertFilter,
  AlertPage,
  Alerts,
  AlertUpdate,
  DetectorStates,
  Detectors,
  NewAlert,
  NewResponse,
  ResponseFilter,
  Responses,
  StoredAlert,
  StoredResponse,
  StoredTrailEntry,
} from './alert-types.ts';
export type {
  GrantFilter,
  Grants,
  IdNotice,
  NewGrant,
  NewReview,
  ReviewChange,
  ReviewCursor,
  ReviewFilter,
  ReviewPage,
  Reviews,
  ReviewUpdate,
  StoredGrant,
  StoredReview,
} from './review-types.ts';
export type {
  DeadLetterChoice,
  DeadLetterCursor,
  SinkStanding,
  SinkStandingName,
  Sinks,
  StoredDeadLetter,
} from './sink-types.ts';

// --- settings -----------------------------------------------------------------------------------------------------

export interface Settings {
  get(key: string): Promise<Json | undefined>;
  set(key: string, value: Json): Promise<void>;
  /**
   * The value under `key`; where there is none, `make()` is called and its value kept. Of several callers at once, in
   * this process or another, all get the same value; what a loser made is dropped.
   */
  getOrCreate(key: string, make: () => Json | Promise<Json>): Promise<Json>;
}

export type {
  KeptRecordings,
  RecordingChange,
  RecordingState,
  StoredRecording,
  Witnessed,
  WitnessedCheckpoint,
} from './kept-types.ts';

// --- the store ----------------------------------------------------------------------------------------------------

export interface StoreHealth {
  readonly engine: 'embedded' | 'postgres';
  /** The database answered just now. */
  readonly answering: boolean;
  /** Notifications from other gateways arrive. Always true in the embedded engine, which has no other gateways. */
  readonly listening: boolean;
}

/**
 * `changed` names rows of sessions or alerts that were written. `said` is what another gateway said to all others: it may be lost,
 * and is never more than a picture. `resync` means that notices may have been missed.
 */
export type LiveNotice =
  | { readonly type: 'changed'; readonly topic: 'session' | 'alert'; readonly ids: readonly string[] }
  | { readonly type: 'said'; readonly text: string }
  | { readonly type: 'resync' };

/** What gateways on one store tell each other for those who look. Nothing is kept. */
export interface LiveNotices {
  onNotice(listener: (notice: LiveNotice) => void): Unsubscribe;
  /** To every other gateway, soon, at most once; texts of at most `noticeBytesMax`. Nobody hears it in the embedded engine. */
  say(texts: readonly string[]): Promise<void>;
}

export interface Store {
  readonly objects: Objects;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly once: Once;
  readonly factors: Factors;
  readonly sealed: SealedSecrets;
  readonly sessions: Sessions;
  readonly settings: Settings;
  readonly reviews: Reviews;
  readonly grants: Grants;
  /** The index of what happened. */
  readonly history: HistoryStore;
  readonly sinks: Sinks;
  readonly alerts: Alerts;
  readonly responses: Responses;
  readonly detectors: Detectors;
  readonly recordings: KeptRecordings;
  readonly witnessed: Witnessed;
  readonly live: LiveNotices;
  /** Set once the embedded engine died. It does not come back in this process; every call rejects. */
  readonly failure: Error | null;
  /** Called once when `failure` is set; at once where it is already. */
  onFailure(listener: (failure: Error) => void): Unsubscribe;
  /** What another thread needs to open history by itself (`openShared`): to be handed over once. */
  share(): StoreShare;
  /** Never rejects. */
  health(): Promise<StoreHealth>;
  /** Writes what is batched, then closes. Calls made afterwards reject with `store.closed`. Idempotent. */
  close(): Promise<void>;
}
