/**
 * What rules say about one command: the verdict and everything that goes with it.
 *
 * Invariant: `hold` terms stand with a `hold` verdict and only there; the verdict `mask` stands with an `output` plan.
 */
import type { CommandDraft } from './command.ts';
import type { OutputPlan } from './masking.ts';
import type { Principal } from './principal.ts';
import type { Resource } from './resource.ts';
import type { Verdict } from './verdict.ts';

/** What a rule may ask about the session that a command belongs to. */
export interface SessionFacts {
  readonly id: string;
  /** Where the client connects from, without the port. */
  readonly source: string;
  /** What the client says of itself. Not trusted. */
  readonly client: Readonly<Record<string, string>>;
  /** Wall clock, milliseconds. */
  readonly startedAtMs: number;
  /** Commands submitted so far, this one included. */
  readonly commands: number;
  /** The Access that let the session in. */
  readonly access: string;
}

export interface JudgeRequest {
  readonly command: CommandDraft;
  readonly principal: Principal;
  readonly resource: Resource;
  readonly session: SessionFacts;
  /** Wall clock, milliseconds. */
  readonly nowMs: number;
  /** Points that detections gave, 0 to 100; absent: none. */
  readonly risk?: Risk;
}

/** How much detections mistrust what is going on: whole numbers from 0 to 100. */
export interface Risk {
  /** Of the session: its own points, and those of its principal. */
  readonly session: number;
  readonly principal: number;
}

/** Who may decide a held command, and how long it waits. */
export interface HoldTerms {
  /** The guardrail. */
  readonly rule: string;
  /** Nobody where a step-up is all that is asked. */
  readonly reviewers: { readonly names: readonly string[]; readonly groups: readonly string[] };
  /** Whoever runs it confirms it by a fresh proof, before anybody else is asked (step-up.ts). */
  readonly stepUp?: true;
  /** Distinct people who must approve. */
  readonly approvals: number;
  /** Milliseconds until an undecided review expires; inside a transaction `inTransactionMs` counts, since locks are held. */
  readonly withinMs: number;
  readonly inTransactionMs: number;
  /** Who else is asked when nobody decided after a while; null: nobody. */
  readonly escalation: {
    readonly afterMs: number;
    readonly reviewers: { readonly names: readonly string[]; readonly groups: readonly string[] };
  } | null;
  /** Groups whose members may run it at once with a reason, an alert, and a review afterwards. */
  readonly breakGlass: readonly string[];
  /** For the requester and the reviewer. */
  readonly message: string;
}

/** A bound on what a command may give back, counted as it comes. */
export interface OutputLimit {
  readonly rule: string;
  readonly verdict: 'block' | 'terminate' | 'alert';
  /** What happened and what to do next. */
  readonly reason: string;
  /** Longest run of the statement in milliseconds, or null. */
  readonly durationMsMax: number | null;
  /** How fast content may pass, of a transfer; absent or null: as fast as it can. */
  readonly bytesPerSecond?: number | null;
  /** Counts what is about to be delivered; true once the bound is passed, and ever after. */
  spend(rows: number, bytes: number): boolean;
}

/** A rule that wants people to know. */
export interface AlertNote {
  readonly rule: string;
  readonly reason: string;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly output: OutputPlan | null;
  readonly limits: readonly OutputLimit[];
  readonly alerts: readonly AlertNote[];
  readonly hold: HoldTerms | null;
}

/** The judgement of what nothing restricts. */
export function allowed(verdict: Verdict): Judgement {
  return Object.freeze({ verdict, output: null, limits: [], alerts: [], hold: null });
}
