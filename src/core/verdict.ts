/** What was decided about a command. A closed union; the most restrictive wins. */

export type VerdictName = 'allow' | 'mask' | 'hold' | 'block' | 'terminate';

/** From least to most restrictive. */
export const verdictOrder: readonly VerdictName[] = ['allow', 'mask', 'hold', 'block', 'terminate'];

export interface Verdict {
  readonly name: VerdictName;
  /** What decided: an Access, a guardrail, or the gateway itself (`gateway:recording`, …). */
  readonly rule: string;
  /** For the person: what happened and what to do next. */
  readonly reason: string;
}

/** The more restrictive of two verdicts; the first where they are equal. */
export function stricter(a: Verdict, b: Verdict): Verdict {
  return verdictOrder.indexOf(b.name) > verdictOrder.indexOf(a.name) ? b : a;
}
