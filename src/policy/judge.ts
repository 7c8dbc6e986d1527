/**
 * Judging commands. There are no guardrails yet: whoever has Access may give any command.
 *
 * Deliberately absent until guardrails come: every verdict but `allow`.
 */
import type { Judge } from '../core/ports.ts';
import type { Verdict } from '../core/verdict.ts';

const allowed: Verdict = Object.freeze({
  name: 'allow',
  rule: 'access',
  reason: 'Access to the resource allows it; no guardrail is in force.',
});

/** A judge that lets Access stand for everything. */
export function createJudge(): Judge {
  return { judge: () => allowed };
}
