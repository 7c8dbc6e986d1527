/**
 * Alerts: what a detection raised, what is done about it by itself (responses), and what people do with it. Types only.
 *
 * Alert and response are told apart: an alert is for people and stays until somebody resolves it; a response is in force for a
 * time and ends by itself.
 */

/** From least to most severe, as Sigma and OCSF name them. */
export const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof severities)[number];

export const alertStates = ['open', 'acknowledged', 'resolved', 'suppressed'] as const;
/** `suppressed`: kept and counted, and nobody is told: by a detection's own rule, or because it runs dry. */
export type AlertState = (typeof alertStates)[number];

export const alertActions = ['acknowledge', 'assign', 'comment', 'resolve', 'false-positive', 'reopen'] as const;
/** `false-positive` resolves too, and counts against the detection. */
export type AlertAction = (typeof alertActions)[number];

/**
 * What a detection may do by itself. `risk`: raises the risk of principal and session, which guardrails read. `step-up`: the next
 * commands take a confirmation by the person. `hold`: they wait for a reviewer. `mask`: whatever comes back is masked whole.
 * `end`: the session ends. `lock`: the principal is locked.
 */
export const responseKinds = ['risk', 'step-up', 'hold', 'mask', 'end', 'lock'] as const;
export type ResponseKind = (typeof responseKinds)[number];

/** What a detection found, as it is journaled, kept and shown. */
export interface Alert {
  /** Made of the detection, what it groups by, and where its evidence begins: the same finding made again has the same. */
  readonly id: string;
  readonly detection: string;
  readonly severity: Severity;
  /** One sentence: who did what, how much, and what would have been usual. */
  readonly summary: string;
  /** Sequences of the events that it rests on, ascending; the most telling where there are many. */
  readonly evidence: readonly number[];
  /** Figures behind the summary: `rows`, `usualRows`, `distinctResources`. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** Id and name; null where it concerns nobody in particular. */
  readonly principal: { readonly id: string; readonly name: string } | null;
  readonly session: string | null;
  readonly command: number | null;
  readonly resource: string | null;
  /** Wall clock, milliseconds: of the event that completed it. */
  readonly atMs: number;
  /** Sequence of that event. */
  readonly sequence: number;
  /** The detection only looks: nothing is done, nobody told. */
  readonly isDry: boolean;
}
