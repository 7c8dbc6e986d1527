/**
 * A review as data: what was asked, by whom, who may decide, what they said, and how it came out.
 *
 * Invariants: nobody changes a Review; every step makes a new one (`machine.ts`). Everything a reviewer is shown stands
 * here in full, unescaped: escaping belongs to whoever shows it (`present.ts`). No password stands here (A-REC-05): the
 * text is the recorded one, while the digest is over what will run.
 */
import type { CommandKind, Effect, Parameter } from '../core/command.ts';
import type { Actor } from '../core/event.ts';
import type { HoldTerms, SessionFacts } from '../core/judgement.ts';
import type { PrincipalKind } from '../core/principal.ts';
import type { RowEstimate } from '../core/review.ts';

export type ReviewKind = 'command' | 'access' | 'break-glass';

export const reviewStates = ['pending', 'approved', 'denied', 'expired', 'withdrawn', 'executed', 'refused'] as const;

export type ReviewState = (typeof reviewStates)[number];

/** A principal as configured at this moment: what eligibility is judged by. */
export interface DirectoryEntry {
  readonly id: string;
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly groups: readonly string[];
  readonly disabled: boolean;
  /** Id of the person whose further account or agent it is; null or absent for one that stands for itself. */
  readonly belongsTo?: string | null;
  /** Names (`actingNames`) of who wrote it down as it is (its password, say), and when. */
  readonly changedBy?: string;
  readonly changedAtMs?: number;
}

/** Everyone there is, as of the last change of configuration. */
export interface Directory {
  find(id: string): DirectoryEntry | null;
  all(): Iterable<DirectoryEntry>;
}

export interface Requester extends Actor {
  readonly belongsTo: string | null;
}

export interface Decision {
  readonly principal: Actor;
  /** Id of the person behind it: decisions are counted by it (A-REV-05). */
  readonly person: string;
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  readonly how: string;
  readonly atMs: number;
}

/** What is shown of a resource. */
export interface ResourceView {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  /** The login that the gateway uses there, or null. */
  readonly username: string | null;
}

export interface StatementView {
  readonly kind: string;
  readonly effects: readonly string[];
  readonly complete: boolean;
  readonly reasons: readonly string[];
  readonly conditions: readonly string[];
}

/** What the command means, for people. Names are as the analysis has them, unescaped. */
export interface MeaningView {
  readonly language: string;
  readonly effects: readonly string[];
  /** Nothing stays unknown. */
  readonly complete: boolean;
  /** `code: what it concerns`, why something stays unknown. */
  readonly reasons: readonly string[];
  readonly statements: readonly StatementView[];
  readonly relations: readonly { readonly name: string; readonly access: 'read' | 'write'; readonly via: string }[];
  readonly functions: readonly string[];
  /** Entries of any of these lists that are not shown. */
  readonly more: number;
  /** Rows that the target expects to touch, in all statements for which it was asked; null where it was for none. */
  readonly rowEstimate: number | null;
}

export interface CommandSubject {
  readonly type: 'command';
  readonly session: SessionFacts;
  /** Ordinal of the command in its session. */
  readonly command: number;
  readonly inTransaction: boolean;
  readonly resource: ResourceView;
  readonly kind: CommandKind;
  readonly verb: string;
  /** The recorded text: passwords are taken out. */
  readonly text: string;
  /** True where `text` is not to the letter what will run. */
  readonly redacted: boolean;
  readonly parameters: readonly Parameter[] | null;
  readonly effect: Effect;
  readonly context: Readonly<Record<string, string>>;
  readonly meaning: MeaningView | null;
  /** What the target expects it to touch: `asked` until it says so. Absent where it is not asked. */
  readonly estimate?: RowEstimate | 'asked';
}

export interface AccessSubject {
  readonly type: 'access';
  readonly resource: ResourceView;
  /** The Access that lets the requester ask. */
  readonly access: string;
  /** Life of the grant, counted from approval; for an extension, beyond its end. */
  readonly durationMs: number;
  /** The grant that is to last longer. Absent where a new one is asked for. */
  readonly extends?: string;
}

/** A break-glass that happened, and has to be looked at. */
export interface BreakGlassSubject {
  readonly type: 'break-glass';
  /** The review of the command that was run without its reviewers. */
  readonly review: string;
  readonly command: CommandSubject;
}

export type Subject = CommandSubject | AccessSubject | BreakGlassSubject;

export interface Review {
  readonly id: string;
  readonly kind: ReviewKind;
  readonly state: ReviewState;
  /** The gateway that it was asked of. */
  readonly gateway: string;
  readonly requester: Requester;
  readonly subject: Subject;
  readonly terms: HoldTerms;
  /** Why the requester asks; empty where nothing was asked for. */
  readonly reason: string;
  readonly digest: string;
  readonly createdAtMs: number;
  /** While pending: when it expires, or for a break-glass is raised again. Once approved: until when it may be claimed. */
  readonly expiresAtMs: number;
  /** When others are asked as well, or null. */
  readonly escalatesAtMs: number | null;
  readonly escalatedAtMs: number | null;
  readonly approvedAtMs: number | null;
  /** How the requester broke the glass, or null. */
  readonly breakGlass: { readonly reason: string; readonly atMs: number } | null;
  readonly decisions: readonly Decision[];
  /** Set with the last state. */
  readonly endedAtMs: number | null;
  /** Why it ended so, where there is more to say than the state. */
  readonly ending: string | null;
  /** The grant that came of it, or null. */
  readonly grant: string | null;
}
