/**
 * Who may decide a review, judged by the directory as it is at this moment, never by what a login brings along.
 *
 * Invariants (A-REV-01): being an administrator gives nothing here; the requester never decides, not by another
 * credential, another account or an agent of the same person; only people decide; a person counts once.
 */
import type { Actor } from '../core/event.ts';
import type { Directory, DirectoryEntry, Review } from './review.ts';

export type IneligibleCode = 'review.disabled' | 'review.own' | 'review.not-person' | 'review.not-reviewer';

/** Id of the person behind an entry. */
export function personOf(entry: DirectoryEntry): string {
  return entry.belongsTo ?? entry.id;
}

/** Why this principal may not decide this review now, or null. */
export function ineligible(review: Review, actor: Actor, directory: Directory): IneligibleCode | null {
  const entry = directory.find(actor.id);
  if (entry === null || entry.disabled) return 'review.disabled';
  if (isOwn(review, actor, entry, directory)) return 'review.own';
  if (entry.kind !== 'person') return 'review.not-person';
  return isReviewer(review, entry) ? null : 'review.not-reviewer';
}

function isOwn(review: Review, actor: Actor, entry: DirectoryEntry, directory: Directory): boolean {
  const { requester } = review;
  if (actor.id === requester.id || entry.id === requester.id) return true;
  if (actor.credentialId !== null && actor.credentialId === requester.credentialId) return true;
  const now = directory.find(requester.id);
  // As it was when asked, and as it is now: moving an account to another person meanwhile helps nobody.
  const people = [requester.id, requester.belongsTo, now === null ? null : personOf(now)];
  return people.includes(personOf(entry));
}

/** Named by the rule, or by its escalation once that came. */
export function isReviewer(review: Review, entry: DirectoryEntry): boolean {
  const { reviewers, escalation } = review.terms;
  return isAmong(reviewers, entry) || (review.escalatedAtMs !== null && isAmong(escalation?.reviewers ?? null, entry));
}

interface Named {
  readonly names: readonly string[];
  readonly groups: readonly string[];
}

function isAmong(named: Named | null, entry: DirectoryEntry): boolean {
  if (named === null) return false;
  return named.names.includes(entry.name) || entry.groups.some((group) => named.groups.includes(group));
}

/** The people whose approval still counts now, one decision each, in order of deciding. */
export function standingApprovals(review: Review, directory: Directory): Review['decisions'] {
  const people = new Set<string>();
  return review.decisions.filter(({ decision, principal, person }) => {
    if (decision !== 'approve' || ineligible(review, principal, directory) !== null) return false;
    // The person as of now: two accounts that have become one person's count once.
    const entry = directory.find(principal.id);
    const ids = [person, entry === null ? person : personOf(entry)];
    if (ids.some((id) => people.has(id))) return false;
    for (const id of ids) people.add(id);
    return true;
  });
}

/** True where so many people who may decide exist, counting those that an escalation would ask. */
export function canBeDecided(review: Review, directory: Directory): boolean {
  const escalated = review.terms.escalation === null ? review : { ...review, escalatedAtMs: review.createdAtMs };
  const people = new Set<string>();
  for (const entry of directory.all()) {
    const actor = { id: entry.id, issuer: '', name: entry.name, kind: entry.kind, groups: [], credentialId: null };
    if (ineligible(escalated, actor, directory) === null) people.add(personOf(entry));
    if (people.size >= review.terms.approvals) return true;
  }
  return false;
}

/** The requester may run it at once, with a reason, an alert and a review afterwards. People may, no machines. */
export function mayBreakGlass(review: Review, directory: Directory): boolean {
  const entry = directory.find(review.requester.id);
  if (entry === null || entry.disabled || entry.kind !== 'person' || review.kind !== 'command') return false;
  return entry.groups.some((group) => review.terms.breakGlass.includes(group));
}

/** `a member of dba`, for the person who waits. Names are the operator's own; whoever shows it escapes. */
export function audienceOf({ reviewers, approvals }: Review['terms']): string {
  const who = [...reviewers.names, ...reviewers.groups.map((group) => `a member of ${group}`)];
  const spelled = who.length < 2 ? (who[0] ?? 'nobody') : `${who.slice(0, -1).join(', ')} or ${who.at(-1)}`;
  return approvals === 1 ? spelled : `${approvals} people: ${spelled}`;
}
