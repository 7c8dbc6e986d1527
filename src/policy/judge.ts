/**
 * Judging commands. There are no guardrails yet: whoever has Access may give any command.
 *
 * Deliberately absent until guardrails come: every verdict but `allow`.
 */
import { allowed } from '../core/judgement.ts';
import type { Judge } from '../core/ports.ts';

const access = allowed({
  name: 'allow',
  rule: 'access',
  reason: 'Access to the resource allows it; no guardrail is in force.',
});

/** A judge that lets Access stand for everything. */
export function createJudge(): Judge {
  return { judge: () => access };
}
