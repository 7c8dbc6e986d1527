/**
 * What the API needs for reviews, grants, and the rules over commands, as interfaces; `gateway/compose` fulfils them.
 *
 * Who may decide is the fulfiller's to say and to check again at the moment of the decision; the API refuses on its own,
 * before it asks, what no rule can allow: deciding one's own, and deciding as a service or an agent (A-REV-01).
 */
import type { Event } from '../core/event.ts';
import type { Principal, PrincipalKind } from '../core/principal.ts';
import type { CommandExplanation, ExampleResult, Manifest, ManifestKind, ReplayEntry } from './contract/index.ts';

export type ReviewKind = 'command' | 'access' | 'break-glass';

/** `approved`: it may still be executed. The last five are ends. */
export type ReviewState = 'pending' | 'approved' | 'executed' | 'denied' | 'expired' | 'withdrawn' | 'refused';

export interface ReviewersRecord {
  readonly names: readonly string[];
  readonly groups: readonly string[];
}

export interface ReviewDecisionRecord {
  /** The reviewer's principal. */
  readonly by: { readonly id: string; readonly name: string };
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  /** `api`, `slack`, `teams`, … */
  readonly how: string;
  readonly atMs: number;
}

/** What a list shows of a review. */
export interface ReviewSummaryRecord {
  readonly id: string;
  readonly kind: ReviewKind;
  readonly state: ReviewState;
  readonly requester: {
    readonly id: string;
    readonly name: string;
    readonly kind: PrincipalKind;
    /** Names of the agents that asked for it, the last first; absent where it asked itself. */
    readonly agents?: readonly string[];
  };
  readonly resource: string;
  /** The guardrail, or the Access. */
  readonly rule: string;
  /** For a command: its text, raw and possibly long; the API cuts and escapes it. Null for a review of access. */
  readonly text: string | null;
  /** Why the requester asks, where it said so. */
  readonly reason: string | null;
  readonly approvalsNeeded: number;
  /** Distinct people who approved so far. */
  readonly approvalsGiven: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly endedAtMs: number | null;
}

/** One row of a text as it must be shown; `rtl` spans are to be isolated, or spelled by code point in plain text. */
export interface PresentedRow {
  /** Of the line in the text, from 1. */
  readonly number: number;
  /** It goes on the row before. */
  readonly continued: boolean;
  readonly spans: readonly { readonly kind: 'text' | 'escape' | 'padding' | 'rtl'; readonly text: string }[];
}

/** The command that waits, as it was analysed when it was held. */
export interface ReviewedCommandRecord {
  readonly session: string;
  readonly ordinal: number;
  readonly kind: string;
  readonly verb: string;
  /** All of the text, without the passwords that stood in it, presented: nothing hidden or reordered (A-REV-06). */
  readonly rows: readonly PresentedRow[];
  /** What a reader should know before reading: what is spelled out, folded, or written in mixed alphabets. */
  readonly notes: readonly string[];
  /** Characters of the whole text. */
  readonly length: number;
  /** Values presented too. */
  readonly parameters:
    | readonly {
        readonly type: string | null;
        readonly value: string | null;
        readonly bytes: number;
        readonly digest?: string | undefined;
      }[]
    | null;
  /** Database, role, search_path and the like. */
  readonly context: Readonly<Record<string, string>>;
  /** Passwords were taken out: what will run is not to the letter what stands here. */
  readonly redacted: boolean;
  readonly effects: readonly string[];
  readonly relations: readonly { readonly name: string; readonly access: 'read' | 'write' }[];
  readonly functions: readonly string[];
  /** Whether WHERE restricts what is changed, in plain words. */
  readonly conditions: readonly string[];
  /** False where something stays unknown; `unknown` says what, in plain words. */
  readonly complete: boolean;
  readonly unknown: readonly string[];
  /** Rows that the target expects to touch; null where it was not or could not be asked. */
  readonly estimatedRows: number | null;
  /** The same in plain words: of what, who says so, or why nobody does. Raw. */
  readonly estimate: string;
  readonly inTransaction: boolean;
}

/** One thing that the requester did before, latest first. */
export interface HistoryRecord {
  readonly atMs: number;
  readonly resource: string;
  /** The recorded text of a command, or a word for anything else: raw. */
  readonly text: string;
  /** How it came out: `completed`, `refused`, … */
  readonly outcome: string;
}

/** Everything that a reviewer needs. */
export interface ReviewRecord extends ReviewSummaryRecord {
  readonly requesterGroups: readonly string[];
  /** Where the requester's client connects from, without the port; null for a request through the API. */
  readonly source: string | null;
  /** What the client says of itself. Not trusted. */
  readonly client: Readonly<Record<string, string>>;
  readonly reviewers: ReviewersRecord;
  readonly escalation: { readonly atMs: number; readonly reviewers: ReviewersRecord } | null;
  readonly breakGlassGroups: readonly string[];
  /** The rule's message. */
  readonly message: string;
  /** SHA-256 of what an approval is bound to, lower-case hexadecimal. */
  readonly digest: string;
  readonly command: ReviewedCommandRecord | null;
  /** For a review of access: what is asked for, and the grant that came of it. */
  readonly access: {
    readonly durationMs: number;
    readonly grant: string | null;
    readonly extends: string | null;
  } | null;
  readonly decisions: readonly ReviewDecisionRecord[];
  /** Why it ended otherwise than by a decision, or null. */
  readonly outcome: string | null;
  /** Where the requester broke the glass. */
  readonly brokeGlass: { readonly reason: string; readonly atMs: number } | null;
  /** For the review after a break-glass: the review of the command that was run. */
  readonly follows: string | null;
  /** Null where it could not be had just now. */
  readonly history: readonly HistoryRecord[] | null;
}

/** What a principal is to a review, as of now. */
export interface ReviewStanding {
  readonly isRequester: boolean;
  /** Named as reviewer, by name or group; escalation included once it is due. The requester never is. */
  readonly isReviewer: boolean;
  readonly mayBreakGlass: boolean;
}

export interface ReviewQuery {
  readonly viewer: Principal;
  /** `all`: every review; `own`: those that the viewer asked for or may decide. */
  readonly scope: 'own' | 'all';
  readonly state: ReviewState | null;
  /** True: only what the viewer asked for; false: only what it may decide; null: all in scope. */
  readonly mine: boolean | null;
  readonly limit: number;
  readonly cursor: string | null;
}

/** A review as of now, and what the principal who acted or looked is to it. */
export interface ReviewFound {
  readonly review: ReviewRecord;
  readonly standing: ReviewStanding;
}

export interface DecisionOptions {
  readonly reason: string;
  /** `api`, `slack`, `teams`, … */
  readonly how: string;
  /** The digest that the reviewer was shown, or null: a decision about anything else is refused. */
  readonly digest: string | null;
}

/**
 * What may not be is a denial with a public message: not eligible, over already, decided before, no Access that lets ask.
 * Its code tells the status (problem.ts).
 */
export interface ReviewService {
  /** Latest first. `next` matches [A-Za-z0-9._~-]+ and is null on the last page. */
  list(query: ReviewQuery): Promise<{ readonly reviews: readonly ReviewSummaryRecord[]; readonly next: string | null }>;
  /** Null where there is none, or the viewer may not see it. `standing` is the viewer's. */
  get(id: string, viewer: Principal): Promise<ReviewFound | null>;
  /** Resolves when the decision is durable in the journal; checks everything again (A-REV-01, A-REV-05). */
  decide(id: string, by: Principal, decision: 'approve' | 'deny', options: DecisionOptions): Promise<ReviewFound>;
  /** By the requester only. */
  withdraw(id: string, by: Principal): Promise<ReviewFound>;
  /** By the requester, in one of the rule's break-glass groups: alerts at once, runs, and opens a review afterwards. */
  breakGlass(id: string, by: Principal, reason: string): Promise<ReviewFound>;
  /**
   * Asks for access. Denied where no Access with `request` matches, where the duration is beyond its, and where it wants
   * a reason and `reason` is null.
   */
  requestAccess(
    by: Principal,
    resource: string,
    reason: string | null,
    durationMs: number,
    extended: string | null,
  ): Promise<ReviewFound>;
}

export interface GrantRecord {
  readonly id: string;
  readonly owner: { readonly id: string; readonly name: string };
  readonly resource: string;
  readonly access: string;
  /** The review that gave it. */
  readonly review: string;
  readonly grantedAtMs: number;
  readonly expiresAtMs: number;
}

export interface GrantQuery {
  readonly viewer: Principal;
  readonly scope: 'own' | 'all';
  readonly limit: number;
  readonly cursor: string | null;
}

export interface GrantService {
  /** Those in force, latest first. `next` as for reviews. */
  list(query: GrantQuery): Promise<{ readonly grants: readonly GrantRecord[]; readonly next: string | null }>;
  /**
   * By its owner, an administrator, or who may review it; denied with `review.grant-not-found` otherwise, and where it is
   * not in force. Journaled by the fulfiller; live sessions that it let in end within a second.
   */
  revoke(id: string, by: Principal): Promise<void>;
}

/** Why a rule cannot be saved. `field` is a path such as `spec.match.when` or `spec.examples[1]`. */
export interface RuleProblem {
  readonly kind: ManifestKind;
  readonly name: string;
  readonly field: string;
  /** In lower case, as the other problems of manifests: `cannot be enforced on orders: …`. */
  readonly reason: string;
}

export interface RuleChecks {
  /**
   * Checks every Guardrail and Mask among all objects as they would stand after a change: that it compiles, that each
   * resource it selects can enforce it, that its examples come out as they say; and every IdentityProvider, that it can be used.
   */
  check(objects: readonly Manifest[]): Promise<readonly RuleProblem[]>;
}

export interface Explainer {
  /** By names; unknown ones are explained as not granted. Runs nothing on the resource. */
  explain(request: {
    readonly principal: string;
    readonly resource: string;
    readonly command: string;
  }): Promise<CommandExplanation>;
}

export interface ReplayOrder {
  /** All objects as they would stand. */
  readonly objects: readonly Manifest[];
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Commands judged at most; the latest count. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

export interface PolicyLab {
  /** Runs the examples of every Guardrail among the objects; nothing is saved. Rules that do not compile are left out. */
  test(objects: readonly Manifest[]): Promise<readonly ExampleResult[]>;
  /** Judges recorded commands by the objects; yields what differs from what was decided, then one summary. */
  replay(order: ReplayOrder): AsyncIterable<ReplayEntry>;
}

/** The journal's events about one session, in order: verdicts, reviews, alerts, limits, ends of commands. */
export interface SessionEventsPort {
  /** Rejects where the session is not known. Stops when `signal` aborts. */
  events(id: string, signal: AbortSignal): Promise<AsyncIterable<Event>>;
}
