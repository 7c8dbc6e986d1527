/**
 * Reviews as the pipeline sees them: a held command asks, waits, and runs once if everyone involved is still eligible.
 *
 * Invariants:
 * - What is approved is a digest of exactly what will run (`reviewDigest`); a claim with another digest fails.
 * - A review is claimed at most once, by the session that asked, while it is approved and not expired.
 */
import { createHash } from 'node:crypto';
import type { CommandDraft } from './command.ts';
import type { HoldTerms, SessionFacts } from './judgement.ts';
import type { Principal } from './principal.ts';
import type { Resource } from './resource.ts';

export interface ReviewRequest {
  readonly session: SessionFacts;
  /** Ordinal of the command in its session. */
  readonly command: number;
  readonly principal: Principal;
  readonly resource: Resource;
  readonly draft: CommandDraft;
  readonly terms: HoldTerms;
  readonly inTransaction: boolean;
  /** `reviewDigest` of the above. */
  readonly digest: string;
}

export type ReviewOutcome =
  | { readonly state: 'approved'; readonly by: readonly string[] }
  | { readonly state: 'denied'; readonly by: string; readonly reason: string }
  | { readonly state: 'expired' }
  /** It could not be asked or decided: a store that does not work, say. The command is refused. */
  | { readonly state: 'unavailable'; readonly reason: string };

/** What the target expects a command to touch, as its planner says; or why it was not asked, or did not say. */
export type RowEstimate =
  | { readonly rows: number; readonly of: readonly string[] }
  /** In lower case, for people, safe to show. */
  | { readonly rows: null; readonly why: string };

/** A review that somebody waits for. */
export interface PendingReview {
  readonly id: string;
  /** Where reviewers decide. */
  readonly link: string;
  /** For the person who waits: whose decision it is, such as `a member of dba`. */
  readonly audience: string;
  /** Wall clock, milliseconds. */
  readonly expiresAtMs: number;
  /** For the reviewers: what the target expects. At most once; may come after all is over. */
  estimated?(estimate: RowEstimate): void;
  /** The requester cancelled or is gone. No outcome follows. Idempotent. */
  withdraw(): void;
  /**
   * After `approved`, at the moment of execution: checks again that digest, requester, reviewers and time are as they
   * must be, and marks the review as executed. Resolves with null, or with why it may not run. Never rejects.
   */
  claim(digest: string): Promise<string | null>;
}

export interface Reviews {
  /**
   * Asks. `onOutcome` is called at most once, never before this returns. Throws `core.review-unavailable` where nobody
   * could decide.
   */
  request(request: ReviewRequest, onOutcome: (outcome: ReviewOutcome) => void): PendingReview;
}

/** What an approval is bound to: SHA-256, lower-case hexadecimal, of everything that decides what will run and as whom. */
export function reviewDigest(draft: CommandDraft, principal: Principal, resource: Resource): string {
  const bound = [
    'sallyport-review-1',
    draft.kind,
    draft.verb,
    draft.text,
    draft.parameters?.map(({ type, value, bytes, digest }) => [type, value, bytes, digest ?? null]) ?? null,
    Object.entries(draft.context).sort(([a], [b]) => (a < b ? -1 : 1)),
    principal.id,
    principal.authentication.credentialId,
    resource.id,
    resource.name,
    resource.protocol,
    resource.host,
    resource.port,
    resource.credential?.username ?? null,
    Object.entries(resource.settings).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  return createHash('sha256').update(JSON.stringify(bound)).digest('hex');
}
