/**
 * What may be deleted by now, and what may not: pure decisions over Retention and LegalHold.
 *
 * Invariants:
 * - Nothing is due that no Retention selects; where several do, the longest counts.
 * - What a LegalHold selects is never due; a session that it may select (its groups are not known, say) is selected.
 *
 * Deliberately absent: deleting (gateway/retention.ts), and time zones: all is elapsed time.
 */
import { assert } from '../base/assert.ts';
import { durationMs } from '../base/duration.ts';
import type { CommandKind } from '../core/command.ts';
import type { Actor } from '../core/event.ts';
import type { LegalHoldSpec, RetentionSpec, RetentionSubject } from '../core/retention.ts';
import { type SelectableResource, selectsPrincipal, selectsResource } from '../core/selecting.ts';

export interface NamedRetention {
  readonly name: string;
  readonly spec: RetentionSpec;
}

export interface NamedHold {
  readonly name: string;
  readonly spec: LegalHoldSpec;
}

/** How long, and by which rule; null: for ever. */
export interface Keeping {
  readonly rule: string;
  readonly keepMs: number;
}

/** How long something of a resource is kept. `kind` null: whatever its kind, so that rules for kinds do not select it. */
export function keepingOf(
  rules: readonly NamedRetention[],
  subject: RetentionSubject,
  resource: SelectableResource | null,
  kind: CommandKind | null = null,
): Keeping | null {
  let longest: Keeping | null = null;
  for (const { name, spec } of rules) {
    if (spec.of !== subject) continue;
    if (spec.match?.resources !== undefined && (resource === null || !selectsResource(spec.match.resources, resource)))
      continue;
    if (spec.match?.kinds !== undefined && (kind === null || !spec.match.kinds.includes(kind))) continue;
    const keepMs = durationMs(spec.keep);
    assert(keepMs !== null, 'a Retention that was checked');
    if (longest === null || keepMs > longest.keepMs) longest = { rule: name, keepMs };
  }
  return longest;
}

/** The shortest that anything of a subject is kept: nothing younger can be due. Null where nothing ever is. */
export function leastKeepMs(rules: readonly NamedRetention[], subject: RetentionSubject): number | null {
  const all = rules.flatMap(({ spec }) => (spec.of === subject ? [durationMs(spec.keep) ?? 0] : []));
  return all.length === 0 ? null : Math.min(...all);
}

/** A session as holds see it. */
export interface HeldCandidate {
  readonly session: string;
  /** Null where it is not known any more: then any hold may mean it. */
  readonly principal: Pick<Actor, 'name' | 'kind' | 'groups' | 'actors'> | null;
  readonly resource: SelectableResource;
  readonly startedAtMs: number;
  /** Null while it goes on. */
  readonly endedAtMs: number | null;
}

/** The holds that keep a session. */
export function holdsOn(holds: readonly NamedHold[], candidate: HeldCandidate): readonly string[] {
  return holds.filter(({ spec }) => selectsSession(spec, candidate)).map(({ name }) => name);
}

function selectsSession({ match, since, until }: LegalHoldSpec, candidate: HeldCandidate): boolean {
  const { session, principal, resource, startedAtMs, endedAtMs } = candidate;
  if (match.sessions !== undefined && !match.sessions.includes(session)) return false;
  if (principal !== null && !selectsPrincipal(match.principals, principal)) return false;
  if (!selectsResource(match.resources, resource)) return false;
  if (since !== undefined && endedAtMs !== null && endedAtMs < Date.parse(since)) return false;
  return until === undefined || startedAtMs < Date.parse(until);
}

/**
 * From when on holds keep everything of the journal, wall clock milliseconds: a hold without `since` from the beginning. Infinity
 * where there is none. Events are not told apart there: whole segments go, or stay.
 */
export function journalHeldFromMs(holds: readonly NamedHold[]): number {
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...holds.map(({ spec }) => (spec.since === undefined ? 0 : Date.parse(spec.since))),
  );
}
