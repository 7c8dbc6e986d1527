/**
 * Who may decide a review, judged by the directory as it is at this moment, never by what a login brings along.
 *
 * Invariants (A-REV-01): being an administrator gives nothing here; the requester never decides, not by another
 * credential, another account or an agent of the same person, nor by a token that it issued or an account that it made or
 * changed lately for somebody else; only people decide; a person counts once.
 *
 * Honest limit: an administrator who makes an account days ahead, or knows another's password, is that other here.
 */
import { type Actor, actorOf } from '../core/event.ts';
import type { Principal } from '../core/principal.ts';
import * as limits from './limits.ts';
import type { Directory, DirectoryEntry, Review } from './review.ts';

export type IneligibleCode =
  | 'review.disabled'
  | 'review.own'
  | 'review.of-requester'
  | 'review.not-person'
  | 'review.not-reviewer';

/** Id of the person behind an entry. */
export function personOf(entry: DirectoryEntry): string {
  return entry.belongsTo ?? entry.id;
}

/** Why this principal may not decide this review now, or null. */
export function ineligible(review: Review, actor: Actor, directory: Directory): IneligibleCode | null {
  const code = unnamed(review, actor, directory);
  if (code !== null) return code;
  const { changedBy, changedAtMs = 0 } = directory.find(actor.id)!;
  const isLate = changedAtMs >= review.createdAtMs - limits.ownAccountMs;
  return isLate && isRequesters(review, changedBy, directory) ? 'review.of-requester' : null;
}

/** Why the rule does not have it decide, whatever the requester did to its account. */
function unnamed(review: Review, actor: Actor, directory: Directory): IneligibleCode | null {
  const entry = directory.find(actor.id);
  if (entry === null || entry.disabled) return 'review.disabled';
  if (isOwn(review, actor, entry, directory)) return 'review.own';
  if (entry.kind !== 'person') return 'review.not-person';
  return isReviewer(review, entry) ? null : 'review.not-reviewer';
}

/** The same for who is here now: with a token that the requester issued, it may be the requester who is. */
export function ineligibleNow(review: Review, principal: Principal, directory: Directory): IneligibleCode | null {
  const code = ineligible(review, actorOf(principal), directory);
  if (code !== null) return code;
  return isRequesters(review, principal.authentication.issuedBy, directory) ? 'review.of-requester' : null;
}

/** Whether one of these names (`actingNames`) is that of the requester, or of an account of the same person. */
function isRequesters(review: Review, acting: string | undefined, directory: Directory): boolean {
  if (acting === undefined) return false;
  const names = acting.split(' ');
  if (names.includes(review.requester.name)) return true;
  const people = peopleOf(review, directory);
  for (const entry of directory.all()) {
    if (names.includes(entry.name) && people.includes(personOf(entry))) return true;
  }
  return false;
}

function isOwn(review: Review, actor: Actor, entry: DirectoryEntry, directory: Directory): boolean {
  const { requester } = review;
  if (actor.id === requester.id || entry.id === requester.id) return true;
  if (actor.credentialId !== null && actor.credentialId === requester.credentialId) return true;
  return peopleOf(review, directory).includes(personOf(entry));
}

/** As it was when asked, and as it is now: moving an account to another person meanwhile helps nobody. */
function peopleOf({ requester }: Review, directory: Directory): readonly (string | null)[] {
  const now = directory.find(requester.id);
  return [requester.id, requester.belongsTo, now === null ? null : personOf(now)];
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
    if (unnamed(escalated, actor, directory) === null) people.add(personOf(entry));
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

/**
 * `a member of dba`, for the person who waits; with those of the escalation once it has escalated. Names are the
 * operator's own; whoever shows it escapes.
 */
export function audienceOf({ terms, escalatedAtMs }: Pick<Review, 'terms' | 'escalatedAtMs'>): string {
  const { approvals, escalation } = terms;
  const asked = [terms.reviewers, ...(escalatedAtMs === null || escalation === null ? [] : [escalation.reviewers])];
  const names = new Set(asked.flatMap((reviewers) => reviewers.names));
  const groups = new Set(asked.flatMap((reviewers) => reviewers.groups));
  const who = [...names, ...[...groups].map((group) => `a member of ${group}`)];
  const spelled = who.length < 2 ? (who[0] ?? 'nobody') : `${who.slice(0, -1).join(', ')} or ${who.at(-1)}`;
  return approvals === 1 ? spelled : `${approvals} people: ${spelled}`;
}
