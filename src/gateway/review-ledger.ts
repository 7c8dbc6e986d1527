/**
 * Takes steps of reviews for good: journal and store move together.
 *
 * Invariants: what a step says is durable in the journal before the step can be seen in the store, by this gateway or
 * another; the store takes it only where the review is as it was read, else it is read and thought over again (A-REV-04,
 * A-REV-05). Where the store fails after the journal took it, nothing came of it: a step that is not in the store
 * executes nothing and grants nothing.
 *
 * Deliberately absent: who may do what (the review room's), waiting sessions (reviews.ts).
 */
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { durable } from '../core/door.ts';
import type { EventBody } from '../core/event.ts';
import * as coreLimits from '../core/limits.ts';
import type { Journal } from '../core/ports.ts';
import { nextAtMs, type Refusal, type Review, reviewErrors, type Step } from '../review/index.ts';
import type { JsonObject, NewGrant, NewReview, ReviewChange, Store, StoredReview } from '../store/index.ts';

/** Whoever changes a review between our read and our write costs one try; so many in a row is no accident. */
const triesMax = 16;

/** The form of the stored document; another one is of a later version. */
const documentForm = 1;

export type AlertEvent = Extract<EventBody, { type: 'alert.raised' }>;

export interface LedgerParts {
  readonly store: Pick<Store, 'reviews'>;
  readonly journal: Journal;
  readonly clock: Clock;
  /** After an alert is durable. */
  readonly onAlert: (alert: AlertEvent) => void;
  /** After a step was taken by this gateway, so that of several one tells the world. Must not throw. */
  readonly onStep?: (step: Step) => void;
}

/** What to do with a review as it was read. */
export interface Plan<T> {
  readonly step: Step | null;
  /** Reviews that come into being with it. */
  readonly creates?: readonly Step[];
  readonly grants?: readonly NewGrant[];
  readonly extensions?: ReviewChange['extensions'];
  /** To be durable with it, beyond the steps' own. */
  readonly events?: readonly EventBody[];
  readonly result: T;
}

export class ReviewLedger {
  readonly #parts: LedgerParts;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  async get(id: string): Promise<Review | null> {
    const stored = await this.#parts.store.reviews.get(id);
    return stored === null ? null : reviewFrom(stored);
  }

  /** Writes a new review down. */
  async create(step: Step): Promise<void> {
    const isNew = await this.#write({ creates: [toNew(step.review)] }, [step], step.events);
    if (!isNew) throw reviewErrors('review.conflict', { detail: 'the id of a new review is taken' });
  }

  /**
   * Reads, lets `plan` say what to do, and does it; reads again where another was faster. `plan` may throw: nothing is
   * done then. Rejects with `review.not-found`, or with what store or journal say.
   */
  async take<T>(id: string, plan: (review: Review) => Plan<T> | Promise<Plan<T>>): Promise<T> {
    for (let tries = 0; tries < triesMax; tries++) {
      const stored = await this.#parts.store.reviews.get(id);
      if (stored === null) throw reviewErrors('review.not-found');
      const { step, creates = [], grants = [], extensions = [], events = [], result } = await plan(reviewFrom(stored));
      if (step === null) return result;
      const change = {
        updates: [{ ...toNew(step.review), expectedVersion: stored.version }],
        creates: creates.map(({ review }) => toNew(review)),
        grants,
        extensions,
      };
      const all = [...step.events, ...creates.flatMap((one) => one.events), ...events];
      if (await this.#write(change, [step, ...creates], all)) return result;
    }
    throw reviewErrors('review.conflict');
  }

  async #write(
    change: Parameters<Store['reviews']['change']>[0],
    steps: readonly Step[],
    events: readonly EventBody[],
  ): Promise<boolean> {
    const isWritten = await this.#parts.store.reviews.change(change, () => this.record(events));
    if (!isWritten) return false;
    for (const event of events) if (event.type === 'alert.raised') this.#parts.onAlert(event);
    for (const step of steps) this.#parts.onStep?.(step);
    return true;
  }

  /** Resolves when all of these are on stable storage. */
  async record(events: readonly EventBody[]): Promise<void> {
    const { journal, clock } = this.#parts;
    let last = 0;
    for (const event of events) last = journal.append(event);
    if (last === 0) return;
    await withDeadline(durable(journal, last), coreLimits.journalDeadlineMs, 'the journal of a review', clock);
  }
}

/** The denial that a refusal stands for. */
export function denialOf({ code, values }: Refusal): Error {
  return reviewErrors(code, { values });
}

/** False for what a later version of the gateway wrote. */
export function isReadable({ document }: StoredReview): boolean {
  return document['form'] === documentForm;
}

export function reviewFrom(stored: StoredReview): Review {
  if (!isReadable(stored)) {
    throw reviewErrors('review.not-found', { detail: 'the stored review is of a later version' });
  }
  return stored.document['review'] as unknown as Review;
}

function toNew(review: Review): NewReview {
  const { id, kind, state, gateway, requester, subject, createdAtMs, expiresAtMs } = review;
  return {
    id,
    kind,
    state,
    requester: requester.id,
    resource: (subject.type === 'break-glass' ? subject.command : subject).resource.name,
    gateway,
    audience: audienceColumn(review),
    createdAtMs,
    expiresAtMs,
    nextAtMs: nextAtMs(review),
    document: { form: documentForm, review: review as unknown as JsonObject },
  };
}

/** What a list for a reviewer is asked by. */
export function audienceKeys(named: {
  readonly names: readonly string[];
  readonly groups: readonly string[];
}): string[] {
  return [...named.names.map((name) => `name:${name}`), ...named.groups.map((group) => `group:${group}`)];
}

function audienceColumn({ terms, escalatedAtMs }: Review): string[] {
  const escalated = escalatedAtMs === null || terms.escalation === null ? [] : audienceKeys(terms.escalation.reviewers);
  return [...new Set([...audienceKeys(terms.reviewers), ...escalated])];
}
