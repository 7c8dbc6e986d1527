/**
 * Holds that whoever runs the command confirms themself, by a fresh proof: before reviewers are asked, or in their place.
 *
 * Invariants: a confirmation is of one command, and counts for `confirmationLifetimeMs`; where it cannot be asked for, or is
 * refused, the command is. Services have nobody to ask.
 *
 * Deliberately absent: what counts as a fresh proof (identity's approvals.ts), who reviews (reviews.ts).
 */
import type { Clock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import { confirmationLifetimeMs } from '../core/limits.ts';
import type { ConfirmationRequest } from '../core/ports.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews, RowEstimate } from '../core/review.ts';
import type { Identity } from '../identity/index.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';

export interface StepUpParts {
  readonly clock: Clock;
  readonly identity: Pick<Identity, 'confirmCommand'>;
}

/** The same reviews, with a confirmation before those whose terms ask for one. */
export function withStepUps(reviews: Reviews, parts: StepUpParts): Reviews {
  return {
    request: (request, onOutcome) =>
      request.terms.stepUp === true
        ? new StepUpHold(reviews, parts, request, onOutcome)
        : reviews.request(request, onOutcome),
  };
}

class StepUpHold implements PendingReview {
  readonly #parts: StepUpParts;
  readonly #confirmation: ConfirmationRequest;
  readonly #own: Pick<PendingReview, 'id' | 'link' | 'audience' | 'expiresAtMs'>;
  #confirmedAtMs = 0;
  /** Of the reviewers, once they are asked. */
  #inner: PendingReview | null = null;
  #estimate: RowEstimate | null = null;
  #isOver = false;

  constructor(
    reviews: Reviews,
    parts: StepUpParts,
    request: ReviewRequest,
    onOutcome: (outcome: ReviewOutcome) => void,
  ) {
    this.#parts = parts;
    const { principal, resource, session, draft } = request;
    // Who acts for a person is not the person, who is asked all the same; a service has nobody.
    if (principal.kind !== 'person') {
      throw gatewayErrors('gateway.nobody-to-confirm', { values: { name: principal.name } });
    }
    const shown = escapeLine(draft.recordedText).slice(0, limits.confirmedCommandLengthMax);
    this.#confirmation = parts.identity.confirmCommand(principal, resource.name, session.source, shown);
    const { link, code, expiresAtMs } = this.#confirmation;
    const id = link.slice(link.indexOf('#') + 1);
    this.#own = { id, link, audience: `your own confirmation (code ${code})`, expiresAtMs };
    this.#confirmation.outcome.then(
      () => this.#confirmed(reviews, request, onOutcome),
      () =>
        this.#settle(onOutcome, {
          state: 'denied',
          by: principal.name,
          reason: 'It was not confirmed in time, or refused.',
        }),
    );
  }

  get id(): string {
    return (this.#inner ?? this.#own).id;
  }
  get link(): string {
    return (this.#inner ?? this.#own).link;
  }
  get audience(): string {
    return (this.#inner ?? this.#own).audience;
  }
  get expiresAtMs(): number {
    return (this.#inner ?? this.#own).expiresAtMs;
  }

  estimated(estimate: RowEstimate): void {
    this.#estimate = estimate;
    this.#inner?.estimated?.(estimate);
  }

  withdraw(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#inner === null) this.#confirmation.withdraw();
    else this.#inner.withdraw();
  }

  async claim(digest: string): Promise<string | null> {
    if (this.#inner !== null) return this.#inner.claim(digest);
    const ageMs = this.#parts.clock.monotonic() - this.#confirmedAtMs;
    return ageMs <= confirmationLifetimeMs ? null : 'It was confirmed too long ago. Submit it again.';
  }

  #confirmed(reviews: Reviews, request: ReviewRequest, onOutcome: (outcome: ReviewOutcome) => void): void {
    if (this.#isOver) return;
    this.#confirmedAtMs = this.#parts.clock.monotonic();
    const { names, groups } = request.terms.reviewers;
    if (names.length + groups.length === 0) {
      this.#settle(onOutcome, { state: 'approved', by: [`${request.principal.name}, by a step-up`] });
      return;
    }
    try {
      this.#inner = reviews.request(request, onOutcome);
      if (this.#estimate !== null) this.#inner.estimated?.(this.#estimate);
    } catch (error) {
      const reason = isGatewayError(error) ? error.publicMessage : 'Nobody could be asked to approve it.';
      this.#settle(onOutcome, { state: 'unavailable', reason });
    }
  }

  #settle(onOutcome: (outcome: ReviewOutcome) => void, outcome: ReviewOutcome): void {
    if (this.#isOver) return;
    onOutcome(outcome);
  }
}
