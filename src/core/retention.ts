/**
 * How long what was recorded is kept, and what must be kept whatever else is said: bodies of Retention and LegalHold manifests, as
 * plain data. `api/contract` checks their form, `audit/retention` decides by them.
 *
 * Invariants: without a Retention everything is kept; where several select the same thing, the longest counts; a LegalHold comes
 * before any of them, and before any administrator.
 */
import type { CommandKind } from './command.ts';
import type { PrincipalSelector, ResourceSelector } from './rules.ts';

/**
 * `recordings`: what was shown and typed in sessions, with its keys. `entries`: what the index knows, and search finds. `journal`: what
 * events say; their digests stay. `alerts`: those that are resolved.
 */
export const retentionSubjects = ['recordings', 'entries', 'journal', 'alerts'] as const;
export type RetentionSubject = (typeof retentionSubjects)[number];

export interface RetentionSpec {
  readonly description?: string;
  readonly of: RetentionSubject;
  /** Of recordings and entries; everything of the subject unless given. */
  readonly match?: { readonly resources?: ResourceSelector; readonly kinds?: readonly CommandKind[] };
  /** From the end of the session, or the event: `90d`. */
  readonly keep: string;
}

export interface LegalHoldSpec {
  readonly reason: string;
  /** All that are given must hold. */
  readonly match: {
    readonly principals?: PrincipalSelector;
    readonly resources?: ResourceSelector;
    readonly sessions?: readonly string[];
  };
  /** What happened at or after, and before: RFC 3339. */
  readonly since?: string;
  readonly until?: string;
}
