/**
 * Grants in a running gateway: those that live, in memory, and what happens when one ends.
 *
 * Invariants:
 * - A grant counts from its approval, and no longer than its time by either clock: setting the wall clock back lengthens
 *   nothing (F-15).
 * - When one is revoked, here or in another gateway on the store, or expires, sessions that rest on it end at once (I11);
 *   what has ended never comes back (I15).
 * - A grant alone opens nothing: the Access that it was asked under must still let its owner ask for the resource.
 * - Where the store cannot be read, what is known stays, until its time is over: nothing widens (I12).
 *
 * Deliberately absent: making grants (reviews.ts does, in the transaction that approves).
 */
import type { Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import { actorOf, type EventBody } from '../core/event.ts';
import type { Principal } from '../core/principal.ts';
import type { Session } from '../core/session.ts';
import { type Directory, isReviewer, personOf, reviewErrors } from '../review/index.ts';
import type { IdNotice, ReviewPage, Store, StoredGrant, Unsubscribe } from '../store/index.ts';
import { inBackground, retry } from './background.ts';
import { type LedgerParts, ReviewLedger } from './review-ledger.ts';
import type { ReviewServiceParts } from './reviews.ts';

/** Live grants held in memory; an installation with more people at work just now than this is not known. */
const liveMax = 100_000;

const pageRows = 500;

/** How often reading grants is tried again after it failed. */
const readAgainMs = 1_000;

/** The longest time that a timer can wait for. */
const timerMsMax = 2 ** 31 - 1;

export interface GrantParts extends Omit<LedgerParts, 'store'> {
  readonly store: Pick<Store, 'reviews' | 'grants'>;
  readonly log: Log;
  readonly directory: Directory;
  /** As in reviews.ts, but at whose times it is now. */
  readonly requestable: ReviewServiceParts['requestable'];
  /**
   * A live grant has ended: end the sessions of its owner on its resource that nothing else lets in as they were opened
   * (the grant counts no more).
   */
  readonly onEnded: (grant: StoredGrant, why: 'revoked' | 'expired') => void;
}

export interface GrantService {
  /** The live grant by which this principal may open a session on the resource now, or null. Never waits. */
  granted(principalId: string, resource: string): StoredGrant | null;
  /** Those that live, whether they count now or not. Never waits. */
  live(principalId: string, resource: string): readonly StoredGrant[];
  /** Newest first: the viewer's own; everyone's for administrators and auditors. */
  list(
    viewer: Principal,
    query: { readonly scope: 'own' | 'all'; readonly isLive: boolean },
    page: ReviewPage,
  ): Promise<readonly StoredGrant[]>;
  /** By its owner, an administrator, or who may review it. Rejects with `review.grant-not-found`. */
  revoke(principal: Principal, id: string): Promise<void>;
  /**
   * Revokes the grants of principals who are no longer configured, so that a later one of the same name inherits nothing.
   * To be called after each load of the configuration.
   */
  revokeOfGone(): Promise<void>;
  onChange(listener: (notice: IdNotice) => void): Unsubscribe;
  close(): void;
}

/** Resolves once all live grants are known. */
export async function createGrants(parts: GrantParts): Promise<GrantService> {
  const grants = new LiveGrants(parts);
  await grants.reload();
  return grants;
}

interface Live {
  readonly grant: StoredGrant;
  readonly timer: Timer;
}

class LiveGrants implements GrantService {
  readonly #parts: GrantParts;
  readonly #ledger: ReviewLedger;
  readonly #live = new Map<string, Live>();
  /** Ids of live grants, by owner and resource. */
  readonly #index = new Map<string, Set<string>>();
  readonly #stop: Unsubscribe;
  /** Reads follow each other, so that an older answer never comes after a newer one. */
  #reading: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(parts: GrantParts) {
    this.#parts = parts;
    this.#ledger = new ReviewLedger(parts);
    this.#stop = parts.store.grants.onChange((notice) => this.#noticed(notice));
  }

  granted(principalId: string, resource: string): StoredGrant | null {
    const counts = ({ access }: StoredGrant): boolean =>
      this.#parts.requestable(principalId, resource, access)?.access === access;
    return this.live(principalId, resource).find(counts) ?? null;
  }

  live(principalId: string, resource: string): readonly StoredGrant[] {
    const ids = this.#index.get(keyOf(principalId, resource)) ?? [];
    const nowMs = this.#parts.clock.now();
    return [...ids].map((id) => this.#live.get(id)!.grant).filter(({ expiresAtMs }) => nowMs < expiresAtMs);
  }

  async list(
    viewer: Principal,
    { scope, isLive }: { readonly scope: 'own' | 'all'; readonly isLive: boolean },
    page: ReviewPage,
  ): Promise<readonly StoredGrant[]> {
    const readsAll = viewer.roles.includes('admin') || viewer.roles.includes('auditor');
    if (scope === 'all' && !readsAll) return [];
    const live = isLive ? { liveAtMs: this.#parts.clock.now() } : {};
    return this.#parts.store.grants.list({ ...live, ...(scope === 'own' ? { principalId: viewer.id } : {}) }, page);
  }

  async revoke(principal: Principal, id: string): Promise<void> {
    const grant = await this.#parts.store.grants.get(id);
    if (grant === null || !(await this.#mayRevoke(principal, grant))) throw reviewErrors('review.grant-not-found');
    if (!(await this.#revoke(grant, principal))) throw reviewErrors('review.grant-not-found');
  }

  async revokeOfGone(): Promise<void> {
    const { directory } = this.#parts;
    const gone = [...this.#live.values()].filter(({ grant }) => directory.find(grant.principalId) === null);
    for (const { grant } of gone) await this.#revoke(grant, null);
  }

  async #revoke(grant: StoredGrant, principal: Principal | null): Promise<boolean> {
    const { store, clock } = this.#parts;
    const record = (): Promise<void> => this.#ledger.record([changed(grant, 'revoked', principal)]);
    const isRevoked = await store.grants.revoke(grant.id, principal?.name ?? 'gateway', clock.now(), record);
    if (isRevoked) this.#end(grant.id, 'revoked');
    return isRevoked;
  }

  onChange(listener: (notice: IdNotice) => void): Unsubscribe {
    return this.#parts.store.grants.onChange(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
    for (const { timer } of this.#live.values()) timer.cancel();
    this.#live.clear();
    this.#index.clear();
  }

  /** Reads everything that lives; what is known and lives no more ends. */
  async reload(): Promise<void> {
    const { store, clock } = this.#parts;
    const known = new Set(this.#live.keys());
    const seen = new Set<string>();
    for (let after: ReviewPage['after'] = null; ; ) {
      const page: readonly StoredGrant[] = await store.grants.list(
        { liveAtMs: clock.now() },
        { limit: pageRows, after },
      );
      for (const grant of page) {
        seen.add(grant.id);
        this.#add(grant);
      }
      if (page.length < pageRows) break;
      const last = page.at(-1)!;
      after = { atMs: last.grantedAtMs, id: last.id };
    }
    for (const id of known) if (!seen.has(id)) this.#end(id, 'revoked');
  }

  async #mayRevoke(principal: Principal, grant: StoredGrant): Promise<boolean> {
    if (principal.roles.includes('admin') || principal.id === grant.principalId) return true;
    const entry = this.#parts.directory.find(principal.id);
    if (entry === null || entry.disabled) return false;
    if (personOf(entry) === grant.principalId) return true;
    const review = await this.#ledger.get(grant.review);
    return review !== null && isReviewer(review, entry);
  }

  #noticed(notice: IdNotice): void {
    const read = (): Promise<unknown> =>
      notice.type === 'resync' ? this.reload() : Promise.all(notice.ids.map((id) => this.#reread(id)));
    const work = (): Promise<unknown> => {
      const done = this.#reading.then(read);
      this.#reading = done.catch(() => null);
      return done;
    };
    const { log, clock } = this.#parts;
    inBackground(log, 'grants could not be read; tried again until they can', work(), () =>
      retry(clock, readAgainMs, () => this.#isClosed, work),
    );
  }

  async #reread(id: string): Promise<void> {
    const grant = await this.#parts.store.grants.get(id);
    if (grant === null || grant.revokedAtMs !== null) this.#end(id, 'revoked');
    else this.#add(grant);
  }

  #add(grant: StoredGrant): void {
    const { clock } = this.#parts;
    const leftMs = grant.expiresAtMs - clock.now();
    if (this.#isClosed || grant.revokedAtMs !== null || leftMs <= 0) return;
    const known = this.#live.get(grant.id);
    if (known !== undefined) {
      // It was extended; nothing else of it changes while it lives.
      if (grant.expiresAtMs <= known.grant.expiresAtMs) return;
      known.timer.cancel();
      this.#live.set(grant.id, { grant, timer: this.#timer(grant, leftMs) });
      return;
    }
    if (this.#live.size >= liveMax) {
      this.#parts.log.error('too many live grants; this one is not in force', { grant: grant.id });
      return;
    }
    this.#live.set(grant.id, { grant, timer: this.#timer(grant, leftMs) });
    const key = keyOf(grant.principalId, grant.resource);
    const ids = this.#index.get(key);
    if (ids === undefined) this.#index.set(key, new Set([grant.id]));
    else ids.add(grant.id);
  }

  #timer({ id }: StoredGrant, leftMs: number): Timer {
    return this.#parts.clock.after(Math.min(leftMs, timerMsMax), () => this.#expire(id));
  }

  #expire(id: string): void {
    const grant = this.#end(id, 'expired');
    if (grant === null) return;
    const work = this.#ledger.record([changed(grant, 'expired', null)]);
    inBackground(this.#parts.log, 'the end of a grant could not be written down', work);
  }

  #end(id: string, why: 'revoked' | 'expired'): StoredGrant | null {
    const live = this.#live.get(id);
    if (live === undefined) return null;
    const { grant, timer } = live;
    timer.cancel();
    this.#live.delete(id);
    const key = keyOf(grant.principalId, grant.resource);
    const ids = this.#index.get(key)!;
    ids.delete(id);
    if (ids.size === 0) this.#index.delete(key);
    this.#parts.onEnded(grant, why);
    return grant;
  }
}

/**
 * Ends the sessions that a grant let in and nothing else does; how many. For `onEnded`: `stays` must not count the
 * grant any more, which it does not by then.
 */
export function endSessionsOf(
  sessions: LiveSessions,
  grant: StoredGrant,
  why: 'revoked' | 'expired',
  stays: (session: Session) => boolean,
): number {
  const message = `Your access to this resource was granted for a time, and has ${why === 'expired' ? 'ended' : 'been revoked'}.`;
  return sessions.end(
    (session) =>
      session.principal.id === grant.principalId && session.resource.name === grant.resource && !stays(session),
    { reason: 'locked', message, code: null, by: why === 'revoked' ? grant.revokedBy : null },
  );
}

function keyOf(principalId: string, resource: string): string {
  return JSON.stringify([principalId, resource]);
}

function changed(grant: StoredGrant, action: 'revoked' | 'expired', principal: Principal | null): EventBody {
  const { id, principalName, resource, access, expiresAtMs } = grant;
  return {
    type: 'grant.changed',
    grant: id,
    action,
    principal: principal === null ? null : actorOf(principal),
    owner: principalName,
    resource,
    access,
    expiresAtMs,
  };
}
