/**
 * What operators write of a detection: the body of a Detection manifest, in the spirit of Sigma (SigmaHQ, sigma-specification
 * 2.x: detections as named selections joined by a condition, correlations over groups and time), as plain data. `api/contract`
 * checks its form, `detection` compiles it and refuses what it cannot do.
 *
 * Invariant: a detection only reads what is in the journal, so that it can be run over history with the same outcome.
 */
import type { ResponseKind, Severity } from './alert.ts';
import type { PrincipalSelector, ResourceSelector } from './rules.ts';

/**
 * Fields of one activity (core/activity.ts) and what they must be: one of the texts (`*` for any run of characters, without regard
 * to case), `{min, max}` for numbers, true or false for what is one or the other. All fields must hold; within a list, one.
 * Names are those of the reference (docs/reference/detections.md), generated from the room's own table.
 */
export type DetectionSelection = Readonly<
  Record<string, readonly string[] | string | boolean | number | { readonly min?: number; readonly max?: number }>
>;

/** One figure over a window, of what a group's activities add up to. */
export interface DetectionMeasure {
  /** `count`: activities. `distinct`: different values of `field`. `sum`: of a number field. */
  readonly of: 'count' | 'distinct' | 'sum';
  readonly field?: string;
  /** The finding is made when it reaches this; with `factor` it must reach both. */
  readonly min?: number;
  /** When it is this many times what is usual: `baseline`. */
  readonly factor?: number;
}

export interface DetectionBaseline {
  /** `own`: the group's own past. `peers`: of principals that share a group with it. `both`: unusual by either. */
  readonly against: 'own' | 'peers' | 'both';
  /** How far back: `14d`. */
  readonly over: string;
  /** Windows that must have passed before anything counts as unusual. */
  readonly least?: number;
}

export interface DetectionSpec {
  readonly description?: string;
  readonly severity: Severity;
  /** `dry-run`: alerts are kept as suppressed, and nothing is done. */
  readonly mode?: 'on' | 'dry-run' | 'off';
  /** Whom and what it watches; everyone and everything unless given. */
  readonly match?: { readonly principals?: PrincipalSelector; readonly resources?: ResourceSelector };
  /** A built-in detector by name, with its own tuning, in place of `select`. */
  readonly detector?: string;
  readonly tuning?: Readonly<Record<string, number | string | boolean | readonly string[]>>;
  readonly select?: Readonly<Record<string, DetectionSelection>>;
  /** Names of selections joined by `and`, `or`, `not` and brackets. The only selection, unless given. */
  readonly condition?: string;
  /** What the findings are counted by: `session`, `resource`, `source`, …; `principal` unless given. Empty: all together. */
  readonly by?: readonly string[];
  /** `10m`. Without it each activity that the condition holds of is a finding. */
  readonly window?: string;
  readonly measure?: DetectionMeasure;
  readonly baseline?: DetectionBaseline;
  /** Selections that must hold one after another within the window, of one group. In place of `condition`. */
  readonly sequence?: readonly string[];
  /** `{name}` and `{field}` are filled in from the finding. */
  readonly message?: string;
  /** What is done by itself, beside the alert. */
  readonly respond?: readonly DetectionResponse[];
  /** After a finding, the same group's further ones are added to the same alert for so long; `1h` unless given. */
  readonly quiet?: string;
  readonly suppress?: readonly DetectionSuppression[];
  /** Run before it is saved: each must come out as it says. */
  readonly examples?: readonly DetectionExample[];
}

export interface DetectionResponse {
  readonly do: ResponseKind;
  /** How long it is in force: `1h`. Of `lock` too. `end` has none. */
  readonly for?: string;
  /** Of `risk`: points added, 1 to 100. */
  readonly points?: number;
  /** Of `hold`: who is asked. */
  readonly reviewers?: { readonly names?: readonly string[]; readonly groups?: readonly string[] };
  /** Of everything but `lock`: the session alone, or whatever the principal does; `principal` unless given. */
  readonly over?: 'session' | 'principal';
}

export interface DetectionSuppression {
  readonly match: DetectionSelection;
  /** Why; and until when it holds (an RFC 3339 date-time). */
  readonly reason: string;
  readonly until?: string;
}

export interface DetectionExample {
  /** Activities in short: fields, and `at` as time since the first (`30s`). `times`: so many, `every` so often. */
  readonly activities: readonly (DetectionSelection & {
    readonly at?: string;
    readonly times?: number;
    readonly every?: string;
  })[];
  readonly expect: 'alert' | 'quiet';
}
