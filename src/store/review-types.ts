/**
 * Reviews and grants, as other rooms know them of the store; see types.ts for what holds of all repositories.
 *
 * Deliberately absent: what is in a review's document, which only the review room understands.
 */
import type { JsonObject, Unsubscribe } from './types.ts';

/** A review as it is kept: what lists are asked by, and the rest as a document that only the review room understands. */
export interface StoredReview {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  /** The principal's id. */
  readonly requester: string;
  readonly resource: string;
  /** The gateway that it was asked of. */
  readonly gateway: string;
  /** Who may be shown it as a reviewer, as `name:…` and `group:…`. */
  readonly audience: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** When it expires or escalates next; null once it is over. */
  readonly nextAtMs: number | null;
  /** Any text, NUL and half surrogate pairs in it included. */
  readonly document: JsonObject;
  /** 1 when created; one more with each change. */
  readonly version: number;
}

export type NewReview = Omit<StoredReview, 'version'>;

/** What may change of a review. */
export interface ReviewUpdate
  extends Pick<StoredReview, 'id' | 'state' | 'audience' | 'expiresAtMs' | 'nextAtMs' | 'document'> {
  /** The version that was read; another one is a conflict. */
  readonly expectedVersion: number;
}

export interface StoredGrant {
  readonly id: string;
  readonly principalId: string;
  readonly principalName: string;
  readonly resource: string;
  readonly access: string;
  readonly review: string;
  readonly grantedAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
  readonly revokedBy: string | null;
}

export type NewGrant = Omit<StoredGrant, 'revokedAtMs' | 'revokedBy'>;

/** One change: all of it, or none. */
export interface ReviewChange {
  readonly updates?: readonly ReviewUpdate[];
  readonly creates?: readonly NewReview[];
  readonly grants?: readonly NewGrant[];
  /** Grants that last longer: only while they are not revoked and end at `fromMs`; else nothing is changed. */
  readonly extensions?: readonly { readonly id: string; readonly fromMs: number; readonly expiresAtMs: number }[];
}

export interface ReviewFilter {
  readonly states?: readonly string[];
  readonly kind?: string;
  readonly requester?: string;
  readonly gateway?: string;
  /** At least one of these is in the audience. */
  readonly audience?: readonly string[];
}

/** Where a page of reviews or grants ended: hand it back to go on. */
export interface ReviewCursor {
  readonly atMs: number;
  readonly id: string;
}

export interface ReviewPage {
  readonly limit: number;
  readonly after?: ReviewCursor | null;
}

/** `changed` names what was written: read it again. `resync` means that changes may have been missed. */
export type IdNotice = { readonly type: 'changed'; readonly ids: readonly string[] } | { readonly type: 'resync' };

export interface Reviews {
  get(id: string): Promise<StoredReview | null>;
  /** Newest first. */
  list(filter: ReviewFilter, page: ReviewPage): Promise<readonly StoredReview[]>;
  /** Those with something due at `nowMs`, soonest first. */
  due(nowMs: number, limit: number): Promise<readonly StoredReview[]>;
  /** How many of a requester have one of these states. */
  count(requester: string, states: readonly string[]): Promise<number>;
  /**
   * Everything in one transaction that commits only after `beforeCommit` resolved; where it rejects, nothing was written
   * and the rejection is passed on. False, nothing written and `beforeCommit` not called, where a review is not of the
   * expected version or an id is taken. `beforeCommit` must not use the store: the embedded engine has one connection.
   */
  change(change: ReviewChange, beforeCommit: () => Promise<void>): Promise<boolean>;
  /**
   * Deletes grants whose time ended before `beforeMs`, and reviews that were asked before it, are over, and whose grant
   * is not kept; answers how many of both, at most `purgeRowsMax` of each per call.
   */
  purge(beforeMs: number): Promise<number>;
  /** Called after the commit, at least once per change, in this and in every other gateway on the same database. */
  onChange(listener: (notice: IdNotice) => void): Unsubscribe;
}

export interface GrantFilter {
  readonly principalId?: string;
  /** Neither revoked nor expired at this time. */
  readonly liveAtMs?: number;
}

export interface Grants {
  get(id: string): Promise<StoredGrant | null>;
  /** Newest first. Grants are made by `Reviews.change`. */
  list(filter: GrantFilter, page: ReviewPage): Promise<readonly StoredGrant[]>;
  /** As `Reviews.change`. False where it is revoked already, expired at `atMs`, or unknown. */
  revoke(id: string, by: string, atMs: number, beforeCommit: () => Promise<void>): Promise<boolean>;
  /** As `Reviews.onChange`; also for new grants. */
  onChange(listener: (notice: IdNotice) => void): Unsubscribe;
}
