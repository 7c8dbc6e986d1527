/** Words of the gateway that are the same at every terminal. */
import type { PendingReview } from './review.ts';
import type { Verdict } from './verdict.ts';

export function denial(verdict: Verdict): string {
  return `${verdict.reason} (rule ${verdict.rule})`;
}

/** `waitedMs` 0: it has only just been held. */
export function held(review: PendingReview, waitedMs: number): string {
  if (waitedMs === 0) {
    return `held until ${review.audience} approves it: ${review.link} (Ctrl-C withdraws it)`;
  }
  return `still held, for ${Math.round(waitedMs / 1000)} s: ${review.link}`;
}
