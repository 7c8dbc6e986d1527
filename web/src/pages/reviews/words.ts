/** What is said of reviews, in words: who may decide, what an approval does, why somebody may not. */
import { shellEffects, sqlEffects } from '../../../../src/api/contract/effects.ts';
import type { AnswerOf } from '../../api/client.ts';
import type { Me } from '../../app/me.tsx';
import { duration } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';

export type Review = AnswerOf<'getReview'>;
export type ReviewRow = AnswerOf<'listReviews'>['reviews'][number];
export type HistoryLine = NonNullable<Review['history']>[number];

/** What an effect means; null of those that say it by their name. */
export function effectMeaning(kind: string, effect: string): string | null {
  const meanings: Readonly<Record<string, string>> = kind === 'sql' ? sqlEffects : shellEffects;
  return Object.hasOwn(meanings, effect) ? meanings[effect]! : null;
}

/** `ana, a member of dba`. */
export function reviewersWords({ names, groups }: Review['reviewers']): string {
  const who = [...names.map(safeText), ...groups.map((group) => `a member of ${safeText(group)}`)];
  return who.length < 2 ? (who[0] ?? 'nobody') : `${who.slice(0, -1).join(', ')} or ${who.at(-1)}`;
}

export function spanWords(seconds: number): string {
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : duration(seconds * 1000);
}

/** What somebody wants, in one line. */
export function wish(review: Review): string {
  const { kind, access, resource } = review;
  if (kind === 'access' && access !== null) {
    const time = spanWords(access.durationSeconds);
    return access.extends === null ? `asks for ${time} on ${resource}` : `asks for ${time} more on ${resource}`;
  }
  return kind === 'break-glass' ? `broke the glass on ${resource}` : `waits to run this on ${resource}`;
}

/** What an approval does. */
export function approvalDoes(review: Review): string {
  const missing = review.approvals.needed - review.approvals.given - 1;
  if (missing > 0) return `It then needs ${missing} more.`;
  if (review.kind === 'break-glass') return 'It has run already; this says that it was right.';
  if (review.kind === 'access') return 'The time begins at once.';
  return 'It runs at once, to the letter as shown.';
}

/** Where the object stands that asked; null where it is the gateway itself. */
export function ruleHref(review: Pick<Review, 'kind' | 'rule'>): string | null {
  if (review.kind === 'access') return `/objects/Access/${encodeURIComponent(review.rule)}`;
  if (review.rule.startsWith('detection:')) {
    return `/objects/Detection/${encodeURIComponent(review.rule.slice('detection:'.length))}`;
  }
  return review.rule.includes(':') ? null : `/objects/Guardrail/${encodeURIComponent(review.rule)}`;
}

export const stateWords: Readonly<Record<Review['state'], string>> = {
  pending: 'It waits.',
  approved: 'It was approved.',
  executed: 'It was approved, and has run.',
  denied: 'It was denied. Nothing has run.',
  expired: 'Nobody decided in time. Nothing has run.',
  withdrawn: 'It was withdrawn. Nothing has run.',
  refused: 'It was refused. Nothing has run.',
};

/** How it ended: of access nothing runs, and what broke the glass has run already. */
export function endWords({ kind, state }: Review): string {
  if (kind === 'command') return stateWords[state];
  const words = stateWords[state].split('. ')[0]!.replace(/\.$/, '');
  if (kind === 'access') return `${state === 'executed' ? 'It was approved' : words}.`;
  return `${words}. The command itself had run before.`;
}

/** Why this person may not decide it; null where they may. */
export function whyNot(review: Review, me: Me): string | null {
  if (review.you.mayDecide && !hasApproved(review, me)) return null;
  if (review.you.requester) return 'You asked for it, and nobody decides their own review.';
  if (hasApproved(review, me)) {
    const missing = review.approvals.needed - review.approvals.given;
    return `You have approved it. It needs ${missing} more, of other people.`;
  }
  if (me.permissions['reviews.decide'] === undefined) return 'Your role reads reviews and decides none.';
  const later = review.escalation === null ? '' : ` Later ${reviewersWords(review.escalation.reviewers)} may as well.`;
  return `It is decided by ${reviewersWords(review.reviewers)}; you are not among them, or stand too near to who asks.${later}`;
}

export function hasApproved(review: Review, me: Me): boolean {
  return review.decisions.some(({ by, decision }) => by.id === me.id && decision === 'approve');
}

/** Of access nothing is executed: it is given. */
export function shownState({ kind, state }: Pick<ReviewRow, 'kind' | 'state'>): string {
  return kind !== 'command' && state === 'executed' ? 'approved' : state;
}
