/**
 * One command that waits for a human: asks for the review, tells the waiting person, and turns the outcome into "run it"
 * or "refuse it".
 *
 * Invariants:
 * - The outcome is used once. An approval runs nothing unless the rules, asked again at that moment, still say no more
 *   than this hold, and the review could be claimed with the digest of what will run (A-REV-03, A-REV-04).
 * - Whatever goes wrong ends in a refusal.
 *
 * Deliberately absent: journaling of the review (the review room's), the verdict's way to the client (the protocol's).
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { HoldTerms, Judgement } from './judgement.ts';
import * as limits from './limits.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews } from './review.ts';
import type { Verdict } from './verdict.ts';

export interface HeldParts {
  readonly clock: Clock;
  readonly reviews: Reviews;
  readonly request: ReviewRequest;
  /**
   * Judges the command again, as of now; the digest that it would be reviewed with; whether it still means what the
   * reviewers saw. Rejects as the judge throws.
   */
  readonly judgeAgain: () => Promise<{
    readonly judgement: Judgement;
    readonly digest: string;
    readonly meansTheSame: boolean;
  }>;
  /** The person who waits should hear so: at once, and every `heldNoticeIntervalMs`. */
  readonly onWaiting: (review: PendingReview, waitedMs: number) => void;
  /** Resolves once the requester is there: nothing is asked again, and no approval used, before. Absent: it waits. */
  readonly present?: (() => Promise<void>) | undefined;
  /** Called at most once, never before the constructor returned. */
  readonly onSettled: (outcome: HeldOutcome) => void;
  /** Carrying the outcome out threw. */
  readonly onFailed: (error: unknown) => void;
}

export type HeldOutcome =
  | { readonly run: true; readonly judgement: Judgement; readonly verdict: Verdict }
  | { readonly run: false; readonly verdict: Verdict };

export class Held {
  readonly review: PendingReview;
  readonly #parts: HeldParts;
  readonly #heartbeat: Timer;
  #over = false;

  /** Throws what `Reviews.request` throws. */
  constructor(parts: HeldParts) {
    this.#parts = parts;
    const startedMs = parts.clock.monotonic();
    this.review = parts.reviews.request(parts.request, (outcome) => {
      this.#outcome(outcome).catch(parts.onFailed);
    });
    this.#heartbeat = parts.clock.every(limits.heldNoticeIntervalMs, () =>
      parts.onWaiting(this.review, parts.clock.monotonic() - startedMs),
    );
    parts.onWaiting(this.review, 0);
  }

  /** The requester cancelled or is gone. */
  withdraw(): void {
    if (this.#over) return;
    this.#end();
    this.review.withdraw();
  }

  #end(): void {
    this.#over = true;
    this.#heartbeat.cancel();
  }

  async #outcome(outcome: ReviewOutcome): Promise<void> {
    if (this.#over) return;
    if (outcome.state !== 'approved') {
      this.#refuse(reasonOf(outcome));
      return;
    }
    await this.#parts.present?.();
    if (this.#over) return;
    let again: Awaited<ReturnType<HeldParts['judgeAgain']>>;
    try {
      again = await this.#parts.judgeAgain();
    } catch {
      // The judge does not work: this command is refused, and the next one ends the session by itself (I2).
      this.review.withdraw();
      this.#refuse('It was approved, but the rules could not be asked again at the moment of execution.');
      return;
    }
    if (this.#over) return;
    const { judgement, digest, meansTheSame } = again;
    if (!isNoStricter(judgement, this.#parts.request.terms)) {
      this.review.withdraw();
      this.#refuse('It was approved, but the rules have changed since. Submit it again.');
      return;
    }
    if (!meansTheSame) {
      this.review.withdraw();
      this.#refuse(
        'It was approved, but what it would do has changed since: something behind its names. Submit it again.',
      );
      return;
    }
    const obstacle = await this.review.claim(digest);
    if (this.#over) return;
    if (obstacle !== null) {
      this.#refuse(obstacle);
      return;
    }
    this.#end();
    const verdict: Verdict = {
      // What is looked for in streams may be nowhere in them; whether something was masked is told where the command ends.
      name: judgement.output === null || judgement.output.results.length === 0 ? 'allow' : 'mask',
      rule: `review:${this.review.id}`,
      reason: `Approved by ${outcome.by.join(', ')}.`,
    };
    this.#parts.onSettled({ run: true, judgement, verdict });
  }

  #refuse(reason: string): void {
    if (this.#over) return;
    this.#end();
    const { terms } = this.#parts.request;
    this.#parts.onSettled({ run: false, verdict: { name: 'block', rule: terms.rule, reason } });
  }
}

/** The rules as they are now ask for nothing that the review did not give. */
function isNoStricter(judgement: Judgement, terms: HoldTerms): boolean {
  const { name } = judgement.verdict;
  if (name === 'block' || name === 'terminate') return false;
  return judgement.hold === null || JSON.stringify(judgement.hold) === JSON.stringify(terms);
}

function reasonOf(outcome: Exclude<ReviewOutcome, { state: 'approved' }>): string {
  if (outcome.state === 'denied') {
    return `${outcome.by} denied it${outcome.reason === '' ? '.' : `: ${outcome.reason}`}`;
  }
  if (outcome.state === 'expired') return 'Nobody decided in time. Submit it again, or ask a reviewer first.';
  return outcome.reason;
}
