/**
 * A review that a session of this gateway waits for: the pipeline's handle on it.
 *
 * Invariants: an outcome is told at most once, never before the constructor returned, and only as the store has it, which
 * has it only after the journal (review-ledger.ts); a claim is made at most once; a wait always ends, also when the store
 * does not answer any more.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import type { Log } from '../base/log.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, RowEstimate } from '../core/review.ts';
import {
  advance,
  audienceOf,
  claim,
  type Directory,
  estimated,
  nextAtMs,
  type Review,
  type Step,
  standingApprovals,
  withdraw,
} from '../review/index.ts';
import type { ReviewLedger } from './review-ledger.ts';

/** How often a store that does not answer is asked again how a review stands. */
const askAgainMs = 1_000;

/** How long after its expiry a review may take to be known as expired, before the wait ends without knowing. */
const overdueMs = 15_000;

export interface HeldReviewParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: ReviewLedger;
  readonly directory: Directory;
  readonly request: ReviewRequest;
  readonly step: Step;
  readonly link: string;
  /** The requester may still open this session. */
  readonly isGranted: () => boolean;
  readonly onOutcome: (outcome: ReviewOutcome) => void;
  /** Nothing more comes of it. Called once. */
  readonly onOver: () => void;
  /** Takes work that nobody waits for; its failure is an alarm in the log. */
  readonly background: (what: string, work: Promise<unknown>) => void;
}

export class HeldReview implements PendingReview {
  readonly id: string;
  readonly link: string;
  readonly expiresAtMs: number;
  readonly #parts: HeldReviewParts;
  /** `open`: waits · `told`: its outcome was told, and may be claimed where it was `approved` · `over`. */
  #state: 'open' | 'told' | 'over' = 'open';
  #audience: string;
  #timer: Timer | null = null;
  #again: Timer | null = null;
  #isReading = false;
  #isStale = false;
  readonly #giveUp: Timer;
  /** Settles when the review is written down, or could not be. */
  readonly #created: Promise<boolean>;

  constructor(parts: HeldReviewParts) {
    this.#parts = parts;
    const { clock, step, link, ledger } = parts;
    const { review } = step;
    this.id = review.id;
    this.link = link;
    this.#audience = audienceOf(review);
    this.expiresAtMs = review.expiresAtMs;
    this.#giveUp = clock.after(review.expiresAtMs - review.createdAtMs + overdueMs, () =>
      this.#tell(unavailable('The gateway could not find out in time what was decided. Submit it again.')),
    );
    this.#schedule(review);
    this.#created = ledger.create(step).then(
      () => {
        this.look();
        return true;
      },
      (error: unknown) => {
        parts.log.error('a review could not be written', { review: this.id, detail: describeError(error) });
        this.#tell(unavailable('The gateway cannot write down a review at the moment. Try again in a moment.'));
        return false;
      },
    );
  }

  /** Whom it waits for now: more of them once it has escalated. */
  get audience(): string {
    return this.#audience;
  }

  /** The review may have changed: reads it, and tells what came of it. */
  look(): void {
    if (this.#state !== 'open') return;
    if (this.#isReading) {
      this.#isStale = true;
      return;
    }
    this.#isReading = true;
    this.#isStale = false;
    this.#again?.cancel();
    this.#parts.ledger.get(this.id).then(
      (review) => {
        this.#isReading = false;
        if (review !== null) this.#read(review);
        if (this.#isStale) this.look();
      },
      (error: unknown) => {
        this.#isReading = false;
        this.#parts.log.warn('a review could not be read', { review: this.id, detail: describeError(error) });
        this.#lookAgain();
      },
    );
  }

  /** Added when it comes; a review that is over by then, or cannot be written, goes without. */
  estimated(estimate: RowEstimate): void {
    const { ledger, background } = this.#parts;
    const work = this.#created.then((isWritten) =>
      isWritten ? ledger.take(this.id, (review) => ({ step: estimated(review, estimate), result: null })) : undefined,
    );
    background('an estimate could not be added to a review', work);
  }

  withdraw(): void {
    if (this.#state === 'over') return;
    this.#end();
    const { ledger, clock, background } = this.#parts;
    const work = this.#created.then((isWritten) =>
      isWritten
        ? ledger.take(this.id, (review) => ({ step: withdraw(review, null, clock.now()), result: null }))
        : undefined,
    );
    // Where this fails nobody can claim it any more, and it expires.
    background('a review could not be withdrawn; it will expire', work);
  }

  async claim(digest: string): Promise<string | null> {
    if (this.#state === 'over') return 'It is over. Submit it again.';
    this.#end();
    const { ledger, clock, directory, isGranted } = this.#parts;
    try {
      return await ledger.take(this.id, (review) => {
        const input = { digest, isGranted: isGranted(), nowMs: clock.now(), directory };
        const result = claim(review, input);
        if ('execute' in result) return { step: result.execute, result: null };
        return { step: result.step, result: result.obstacle };
      });
    } catch (error) {
      this.#parts.log.error('an approved review could not be claimed', {
        review: this.id,
        detail: describeError(error),
      });
      return 'It was approved, but the gateway could not write down that it runs. Submit it again.';
    }
  }

  #read(review: Review): void {
    this.#audience = audienceOf(review);
    const outcome = outcomeOf(review, this.#parts.directory);
    if (outcome === null) this.#schedule(review);
    else this.#tell(outcome);
  }

  /** Sets the timer for what the review does by itself: escalate, expire. */
  #schedule(review: Review): void {
    const { clock, ledger } = this.#parts;
    this.#timer?.cancel();
    const dueMs = nextAtMs(review);
    if (dueMs === null || this.#state !== 'open') return;
    this.#timer = clock.after(Math.max(0, dueMs - clock.now()), () => {
      // The wall clock may have been set back meanwhile; the time that passed has passed (F-15).
      const work = this.#created.then(() =>
        ledger.take(this.id, (current) => ({ step: advance(current, Math.max(dueMs, clock.now())), result: null })),
      );
      work.then(
        () => this.look(),
        () => this.#lookAgain(),
      );
    });
  }

  #lookAgain(): void {
    if (this.#state !== 'open') return;
    this.#again?.cancel();
    this.#again = this.#parts.clock.after(askAgainMs, () => this.look());
  }

  #tell(outcome: ReviewOutcome): void {
    if (this.#state !== 'open') return;
    this.#stopWaiting();
    if (outcome.state === 'approved') this.#state = 'told';
    else this.#end();
    this.#parts.onOutcome(outcome);
  }

  #stopWaiting(): void {
    this.#timer?.cancel();
    this.#again?.cancel();
    this.#giveUp.cancel();
  }

  #end(): void {
    this.#state = 'over';
    this.#stopWaiting();
    this.#parts.onOver();
  }
}

/** What a review in this state means for the command that waits; null while nothing is decided. */
function outcomeOf(review: Review, directory: Directory): ReviewOutcome | null {
  const { state, decisions, ending } = review;
  if (state === 'pending') return null;
  if (state === 'approved') {
    const names = standingApprovals(review, directory).map(({ principal }) => escapeLine(principal.name));
    return { state, by: review.breakGlass === null ? names : [`${escapeLine(review.requester.name)} (break-glass)`] };
  }
  if (state === 'denied') {
    const denial = decisions.find(({ decision }) => decision === 'deny');
    const by = escapeLine(denial?.principal.name ?? 'A reviewer');
    return { state, by, reason: escapeLine(denial?.reason ?? '') };
  }
  return state === 'expired' ? { state } : unavailable(ending ?? 'The request was withdrawn. Submit it again.');
}

function unavailable(reason: string): ReviewOutcome {
  return { state: 'unavailable', reason };
}
