/**
 * Reviews in a running gateway: the pipeline's port for held commands, and the service that the API offers.
 *
 * Invariants:
 * - A transition is durable in the journal before anyone sees or is told of it (review-ledger.ts).
 * - What was asked of this gateway before it stopped is withdrawn before it takes connections (I15, A-REV-07).
 * - What falls due is seen to by some gateway on the store: by the one that waits, else by a sweep of any.
 * - Who may not see a review and one that does not exist get the same answer.
 *
 * Deliberately absent: routes, rendering, sending messages (the API's, the command line's, webhooks.ts).
 */
import { withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews } from '../core/review.ts';
import {
  advance,
  ask,
  breakGlass,
  type Directory,
  decide,
  isReviewer,
  personOf,
  type RequestTerms,
  type Review,
  reasonProblem,
  reviewErrors,
  reviewLimits,
  reviewOfAccess,
  reviewOfCommand,
  withdraw,
} from '../review/index.ts';
import type { IdNotice, ReviewCursor, ReviewFilter, Store, StoredGrant, Unsubscribe } from '../store/index.ts';
import { inBackground } from './background.ts';
import { HeldReview } from './held-review.ts';
import { audienceKeys, denialOf, isReadable, type LedgerParts, ReviewLedger, reviewFrom } from './review-ledger.ts';

/** How often any gateway looks for what fell due and nobody saw to. */
const sweepIntervalMs = 5_000;

/** How long reviews and grants are kept once they are over; the journal keeps what happened for as long as it is kept. */
const keptMs = 90 * 86_400_000;

/** How often those that are older are deleted. */
const purgeIntervalMs = 3_600_000;

/** Reviews seen to in one sweep, and withdrawn in one step of starting. */
const sweepRowsMax = 200;

/** How long a reviewer waits for what the requester did before; without it the review is shown all the same. */
const historyDeadlineMs = 3_000;

/** One thing that a principal did before, newest first. */
export interface HistoryEntry {
  readonly atMs: number;
  readonly resource: string;
  /** What was done, unescaped: the recorded text of a command, or a word for anything else. */
  readonly text: string;
  /** How it came out: `completed`, `refused`, … */
  readonly outcome: string;
}

export interface Requestable {
  /** The Access that lets the principal ask. */
  readonly access: string;
  readonly terms: RequestTerms;
}

export interface ReviewServiceParts extends Omit<LedgerParts, 'store'> {
  readonly store: Pick<Store, 'reviews' | 'grants'>;
  readonly log: Log;
  /** Id of this gateway. */
  readonly gateway: string;
  readonly directory: Directory;
  /** Where a review is decided: the console's address of it. */
  readonly link: (review: string) => string;
  /** Whether a principal, with the groups it has now, may still use a resource. */
  readonly isGranted: (principal: Principal, resource: Resource) => boolean;
  readonly resource: (name: string) => Promise<Resource | null>;
  /**
   * The Access by which a principal may ask for a resource now, or null: the one named `access` where it is given, so that
   * another that matches as well takes nothing away, else the first by name.
   */
  readonly requestable: (principalId: string, resource: string, access?: string) => Requestable | null;
  /** The last things that a principal did, newest first. */
  readonly history: (principalId: string) => Promise<readonly HistoryEntry[]>;
}

export interface ReviewDetail {
  readonly review: Review;
  /** Null where it could not be had just now. */
  readonly history: readonly HistoryEntry[] | null;
}

export interface ReviewListing {
  readonly reviews: readonly Review[];
  /** Hand it back for the next page; null at the end. */
  readonly next: ReviewCursor | null;
}

/** `to-decide`: where the viewer is a reviewer · `requested`: the viewer's own · `all`: administrators and auditors. */
export type ReviewScope = 'to-decide' | 'requested' | 'all';

export interface ReviewService extends Reviews {
  /** Null where there is none, or the viewer may not see it. */
  get(viewer: Principal, id: string): Promise<ReviewDetail | null>;
  list(
    viewer: Principal,
    query: { readonly scope: ReviewScope; readonly states?: readonly Review['state'][] },
    page: { readonly limit: number; readonly after?: ReviewCursor | null },
  ): Promise<ReviewListing>;
  /** Rejects with a `review.*` denial. */
  decide(
    principal: Principal,
    id: string,
    decision: 'approve' | 'deny',
    options: {
      readonly reason: string;
      readonly how: string;
      /** The digest that the reviewer saw: a decision about anything else is refused. */
      readonly digest?: string;
    },
  ): Promise<Review>;
  /** By who asked. */
  withdraw(principal: Principal, id: string): Promise<Review>;
  /** By who asked, with a reason: runs it at once; others review it afterwards. */
  breakGlass(principal: Principal, id: string, reason: string, how: string): Promise<Review>;
  requestAccess(
    principal: Principal,
    ask: {
      readonly resource: string;
      readonly durationMs: number;
      readonly reason: string;
      /** A grant of the same principal on the same resource that is to last longer. */
      readonly extends?: string | null;
    },
  ): Promise<Review>;
  /** Called after a review changed, here or in another gateway on the same store: read it again. */
  onChange(listener: (notice: IdNotice) => void): Unsubscribe;
  /** Waits for what is being written. Sessions must have ended. */
  close(): Promise<void>;
}

/** Resolves once what an earlier run left behind is withdrawn. Nothing may be held before. */
export async function createReviews(parts: ReviewServiceParts): Promise<ReviewService> {
  const service = new GatewayReviews(parts);
  await service.recover();
  return service;
}

class GatewayReviews implements ReviewService {
  readonly #parts: ReviewServiceParts;
  readonly #ledger: ReviewLedger;
  readonly #held = new Map<string, HeldReview>();
  readonly #pendingOf = new Map<string, number>();
  readonly #closing: (() => void)[];
  readonly #working = new Set<Promise<unknown>>();
  #isSweeping = false;

  constructor(parts: ReviewServiceParts) {
    this.#parts = parts;
    this.#ledger = new ReviewLedger(parts);
    const sweep = parts.clock.every(sweepIntervalMs, () => this.#sweep());
    const purge = parts.clock.every(purgeIntervalMs, () =>
      this.#background('old reviews could not be deleted', parts.store.reviews.purge(parts.clock.now() - keptMs)),
    );
    this.#closing = [
      () => sweep.cancel(),
      () => purge.cancel(),
      parts.store.reviews.onChange((notice) => this.#noticed(notice)),
    ];
  }

  /** What a gateway of this id asked before it stopped: nobody waits for it any more (A-REV-07). */
  async recover(): Promise<void> {
    const { store, gateway, clock } = this.#parts;
    for (;;) {
      const filter = { gateway, kind: 'command', states: ['pending', 'approved'] };
      const left = await store.reviews.list(filter, { limit: sweepRowsMax });
      if (left.length === 0) return;
      for (const { id } of left) {
        await this.#ledger.take(id, (review) => {
          const step = withdraw(review, 'The gateway was restarted.', clock.now());
          return { step, result: null };
        });
      }
    }
  }

  request(request: ReviewRequest, onOutcome: (outcome: ReviewOutcome) => void): PendingReview {
    const { clock, log, gateway, directory, link, isGranted } = this.#parts;
    const { principal, resource } = request;
    const pending = this.#pendingOf.get(principal.id) ?? 0;
    if (pending >= reviewLimits.pendingPerPrincipalMax) throw tooMany(reviewLimits.pendingPerPrincipalMax);
    if (this.#held.size >= reviewLimits.pendingMax) throw tooMany(reviewLimits.pendingMax);
    const nowMs = clock.now();
    const id = newId('rev', nowMs);
    const asked = ask(reviewOfCommand(request, { id, gateway, nowMs, directory }), directory);
    if ('refusal' in asked) throw denialOf(asked.refusal);
    const held = new HeldReview({
      clock,
      log,
      ledger: this.#ledger,
      directory,
      request,
      step: asked.step,
      link: link(id),
      isGranted: () => isGranted(principal, resource),
      onOutcome,
      onOver: () => this.#forget(id, principal.id),
      background: (what, work) => this.#background(what, work),
    });
    this.#held.set(id, held);
    this.#pendingOf.set(principal.id, pending + 1);
    return held;
  }

  async get(viewer: Principal, id: string): Promise<ReviewDetail | null> {
    const review = await this.#ledger.get(id);
    if (review === null || !this.#maySee(viewer, review)) return null;
    const { clock, log, history } = this.#parts;
    const before = withDeadline(history(review.requester.id), historyDeadlineMs, 'the history of a requester', clock);
    const entries = await before.catch((error: unknown) => {
      log.warn('what a requester did before could not be read', { review: id, detail: describeError(error) });
      return null;
    });
    return { review, history: entries };
  }

  async list(
    viewer: Principal,
    { scope, states }: { readonly scope: ReviewScope; readonly states?: readonly Review['state'][] },
    page: { readonly limit: number; readonly after?: ReviewCursor | null },
  ): Promise<ReviewListing> {
    const filter = this.#filterOf(viewer, scope);
    if (filter === null) return { reviews: [], next: null };
    const rows = await this.#parts.store.reviews.list({ ...filter, ...(states === undefined ? {} : { states }) }, page);
    const last = rows.at(-1);
    const reviews = rows.filter(isReadable).map(reviewFrom);
    return {
      reviews: scope === 'to-decide' ? reviews.filter((review) => !this.#isOwn(viewer, review)) : reviews,
      next: last === undefined || rows.length < page.limit ? null : { atMs: last.createdAtMs, id: last.id },
    };
  }

  decide(
    principal: Principal,
    id: string,
    decision: 'approve' | 'deny',
    { reason, how, digest }: { readonly reason: string; readonly how: string; readonly digest?: string },
  ): Promise<Review> {
    const { clock, directory, requestable, store } = this.#parts;
    return this.#ledger.take(id, async (review) => {
      if (!this.#maySee(principal, review)) throw reviewErrors('review.not-found');
      if (digest !== undefined && digest !== review.digest) throw reviewErrors('review.conflict');
      const nowMs = clock.now();
      const { subject, requester } = review;
      const extended = subject.type === 'access' && subject.extends !== undefined ? subject.extends : null;
      const old = extended === null ? null : await store.grants.get(extended);
      const still = subject.type === 'access' ? requestable(requester.id, subject.resource.name, subject.access) : null;
      // What was revoked is not made longer (I15).
      const isRequestable =
        still !== null && subject.type === 'access' && still.access === subject.access && isExtendable(extended, old);
      const isLonger = old !== null && nowMs < old.expiresAtMs;
      const grantId = subject.type === 'access' ? (isLonger ? old.id : newId('grt', nowMs)) : null;
      const input = { principal, decision, reason, how, nowMs, directory, grantId, isRequestable };
      const result = decide(review, input);
      if ('refusal' in result) throw denialOf(result.refusal);
      const plan = { step: result.step, result: result.step.review };
      if (result.step.review.grant === null || still === null || subject.type !== 'access') return plan;
      const durationMsMax = still.terms.durationMsMax;
      if (isLonger) return { ...plan, ...extension(old, subject.durationMs, nowMs + durationMsMax) };
      // The time of a grant counts from its approval, within what the Access allows by now.
      const expiresAtMs = nowMs + Math.min(subject.durationMs, durationMsMax);
      const names = { resource: subject.resource.name, access: subject.access };
      const grant = {
        id: result.step.review.grant,
        principalId: requester.id,
        principalName: requester.name,
        ...names,
        review: id,
        grantedAtMs: nowMs,
        expiresAtMs,
      };
      const event = { grant: grant.id, principal: null, owner: requester.name, ...names, expiresAtMs };
      return { ...plan, grants: [grant], events: [{ type: 'grant.changed', action: 'granted', ...event }] };
    });
  }

  withdraw(principal: Principal, id: string): Promise<Review> {
    return this.#ledger.take(id, (review) => {
      if (!this.#maySee(principal, review)) throw reviewErrors('review.not-found');
      if (review.requester.id !== principal.id) throw reviewErrors('review.not-requester');
      const step = withdraw(review, null, this.#parts.clock.now());
      if (step === null) throw reviewErrors('review.over', { values: { state: review.state } });
      return { step, result: step.review };
    });
  }

  breakGlass(principal: Principal, id: string, reason: string, how: string): Promise<Review> {
    const { clock, directory } = this.#parts;
    return this.#ledger.take(id, (review) => {
      if (!this.#maySee(principal, review)) throw reviewErrors('review.not-found');
      const nowMs = clock.now();
      const result = breakGlass(review, { principal, reason, how, nowMs, directory, afterId: newId('rev', nowMs) });
      if ('refusal' in result) throw denialOf(result.refusal);
      return { step: result.step, creates: [result.after], result: result.step.review };
    });
  }

  async requestAccess(
    principal: Principal,
    {
      resource: name,
      durationMs,
      reason,
      extends: extended = null,
    }: { resource: string; durationMs: number; reason: string; extends?: string | null },
  ): Promise<Review> {
    const { clock, directory, gateway, requestable, store } = this.#parts;
    const unknown = reviewErrors('review.not-requestable', {
      values: { resource: JSON.stringify(name.slice(0, 100)) },
    });
    const resource = await this.#parts.resource(name);
    const old = extended === null ? null : await store.grants.get(extended);
    const found = resource === null ? null : requestable(principal.id, name, old?.access);
    if (resource === null || found === null) throw unknown;
    const { access, terms } = found;
    if (extended !== null && !isRunning(old, principal, name, clock.now())) {
      throw reviewErrors('review.not-extendable', { values: { resource: name } });
    }
    const problem = reasonProblem(reason, terms.reasonRequired);
    if (problem !== null) throw denialOf(problem);
    if (!(durationMs >= reviewLimits.grantMsMin && durationMs <= terms.durationMsMax)) {
      throw reviewErrors('review.duration', { values: { limit: Math.floor(terms.durationMsMax / 60_000) } });
    }
    const pending = await store.reviews.count(principal.id, ['pending']);
    if (pending >= reviewLimits.pendingPerPrincipalMax) throw tooMany(reviewLimits.pendingPerPrincipalMax);
    const nowMs = clock.now();
    const asked = { id: newId('rev', nowMs), gateway, nowMs, directory };
    const review = reviewOfAccess({
      ...asked,
      principal,
      resource,
      access,
      terms: terms.hold,
      durationMs,
      reason,
      extends: extended,
    });
    const result = ask(review, directory);
    if ('refusal' in result) throw denialOf(result.refusal);
    await this.#ledger.create(result.step);
    return result.step.review;
  }

  onChange(listener: (notice: IdNotice) => void): Unsubscribe {
    return this.#parts.store.reviews.onChange(listener);
  }

  async close(): Promise<void> {
    for (const close of this.#closing) close();
    for (const one of [...this.#held.values()]) one.withdraw();
    await Promise.allSettled(this.#working);
  }

  #forget(id: string, principalId: string): void {
    if (!this.#held.delete(id)) return;
    const left = (this.#pendingOf.get(principalId) ?? 1) - 1;
    if (left > 0) this.#pendingOf.set(principalId, left);
    else this.#pendingOf.delete(principalId);
  }

  #noticed(notice: IdNotice): void {
    const ids = notice.type === 'resync' ? this.#held.keys() : notice.ids;
    for (const id of [...ids]) this.#held.get(id)?.look();
  }

  /** Sees to what fell due and whose gateway did not. */
  #sweep(): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    const { store, clock } = this.#parts;
    const work = async (): Promise<void> => {
      const nowMs = clock.now();
      let failure: unknown = null;
      for (const { id } of await store.reviews.due(nowMs, sweepRowsMax)) {
        const step = this.#ledger.take(id, (review) => ({ step: advance(review, nowMs), result: null }));
        // One that cannot be read must not keep the others from their end.
        await step.catch((error: unknown) => {
          failure ??= error;
        });
      }
      if (failure !== null) throw failure;
    };
    const sweep = work().finally(() => {
      this.#isSweeping = false;
    });
    this.#background('reviews that fell due could not be seen to; tried again soon', sweep);
  }

  #background(what: string, work: Promise<unknown>): void {
    this.#working.add(work);
    const done = work.finally(() => this.#working.delete(work));
    inBackground(this.#parts.log, what, done);
  }

  #filterOf(viewer: Principal, scope: ReviewScope): ReviewFilter | null {
    if (scope === 'requested') return { requester: viewer.id };
    if (scope === 'all') return readsAll(viewer) ? {} : null;
    const entry = this.#parts.directory.find(viewer.id);
    if (entry === null || entry.disabled) return null;
    return { audience: audienceKeys({ names: [entry.name], groups: entry.groups }) };
  }

  /** The requester, the reviewers as of now, and who may read everything. */
  #maySee(viewer: Principal, review: Review): boolean {
    if (readsAll(viewer) || viewer.id === review.requester.id) return true;
    const entry = this.#parts.directory.find(viewer.id);
    if (entry === null || entry.disabled) return false;
    return isReviewer(review, entry) || review.decisions.some(({ principal }) => principal.id === viewer.id);
  }

  #isOwn(viewer: Principal, { requester }: Review): boolean {
    const entry = this.#parts.directory.find(viewer.id);
    const person = entry === null ? viewer.id : personOf(entry);
    return [requester.id, requester.belongsTo].includes(person) || requester.id === viewer.id;
  }
}

/** What is to last longer was not taken back; where its time is over meanwhile, another takes its place. */
function isExtendable(extended: string | null, old: StoredGrant | null): boolean {
  return extended === null || (old !== null && old.revokedAtMs === null);
}

function isRunning(grant: StoredGrant | null, { id }: Principal, resource: string, nowMs: number): boolean {
  if (grant === null || grant.principalId !== id || grant.resource !== resource) return false;
  return grant.revokedAtMs === null && nowMs < grant.expiresAtMs;
}

/** No longer ahead than a new grant would reach, and never shorter than it is. */
function extension(grant: StoredGrant, durationMs: number, latestMs: number) {
  const { id, principalName: owner, resource, access, expiresAtMs: fromMs } = grant;
  const expiresAtMs = Math.max(fromMs, Math.min(fromMs + durationMs, latestMs));
  const event = { grant: id, principal: null, owner, resource, access, expiresAtMs };
  return {
    extensions: [{ id, fromMs, expiresAtMs }],
    events: [{ type: 'grant.changed' as const, action: 'extended' as const, ...event }],
  };
}

function readsAll(viewer: Principal): boolean {
  return viewer.roles.includes('admin') || viewer.roles.includes('auditor');
}

function tooMany(limit: number): Error {
  return reviewErrors('review.too-many-pending', { values: { limit } });
}
