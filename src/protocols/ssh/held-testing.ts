/** For tests of this room: reviews that the test decides, and waiting for what comes sooner or later. */
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews } from '../../core/review.ts';

/** Reviews that the test decides. */
export class Decisions implements Reviews {
  readonly asked: { request: ReviewRequest; decide: (outcome: ReviewOutcome) => void; withdrawn: boolean }[] = [];
  readonly claims: string[] = [];

  request(request: ReviewRequest, onOutcome: (outcome: ReviewOutcome) => void): PendingReview {
    const entry = { request, decide: onOutcome, withdrawn: false };
    this.asked.push(entry);
    return {
      id: `rev_${this.asked.length}`,
      link: `https://gateway.example/reviews/rev_${this.asked.length}`,
      audience: 'a member of dba',
      expiresAtMs: Date.UTC(2026, 0, 1, 0, 30),
      withdraw: () => {
        entry.withdrawn = true;
      },
      claim: async (digest) => {
        this.claims.push(digest);
        return null;
      },
    };
  }
}

export const approved: ReviewOutcome = { state: 'approved', by: ['dora'] };
export const denied: ReviewOutcome = { state: 'denied', by: 'dora', reason: 'not on a Friday' };

/** Waits until something holds: long, since machines may be slow, and with what is the case in the failure. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  story: () => unknown = () => '',
): Promise<void> {
  const end = Date.now() + 45_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}: ${JSON.stringify(story())}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
