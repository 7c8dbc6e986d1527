/**
 * The strict posture: what the analysis cannot bound does not run, unless a reviewer approved exactly it. A guardrail that
 * holds `shell: { unbounded: true }` makes it reviewable; without one it is refused.
 */
import type { Command } from '../../core/session.ts';
import * as limits from './limits.ts';
import type { SshSettings } from './settings.ts';

/** Why a strict resource does not let it run; null where it does, or is not strict. */
export function strictDenial(
  { shell }: SshSettings,
  command: Command,
  found: { readonly isBounded: boolean; readonly flags: readonly string[] },
): string | null {
  if (shell !== 'strict' || found.isBounded || command.verdict?.rule.startsWith('review:') === true) return null;
  const what = found.flags.slice(0, limits.flagsShownMax).join(', ') || 'something that is not known';
  return `this resource is strict, and what this runs cannot be bounded (${what}). Write it without, or ask for a rule that has it reviewed.`;
}
