/**
 * From an analysis to what the gate needs of it: keys that tell whether a simple command is one that was judged with its
 * line, and the flags that a strict posture holds.
 *
 * Invariant: two commands have equal keys only where everything that rules can see of them is equal.
 */
import type { ShellAnalysis, ShellCommand, ShellRedirect } from '../../core/shell.ts';
import type { Reduction } from './types.ts';

export function reductionOf(analysis: ShellAnalysis): Reduction {
  return {
    keys: [...analysis.commands.map(commandKey), ...analysis.redirects.map(redirectKey)],
    complete: analysis.complete,
    unterminated: analysis.isUnterminated,
    flags: analysis.flags,
  };
}

function commandKey({ argv, asUser, host, via, effects, paths }: ShellCommand): string {
  // The way by which it is reached is left out where it is the shell's own structure, which commands do not report.
  const wrapped = via.filter((step) => !structural.has(step));
  return JSON.stringify(['c', argv, asUser, host, wrapped, effects, paths]);
}

function redirectKey({ operator, path, asUser, host, via }: ShellRedirect): string {
  return JSON.stringify(['r', operator, path, asUser, host, via.filter((step) => !structural.has(step))]);
}

/** Ways of coming to run that the shell itself takes, so that its command level reports the inner command bare. */
const structural: ReadonlySet<string> = new Set(['$()', '`', '``', '<()', '>()', 'subshell', 'group', 'pipe']);

/** True where everything that `inner` may run was judged with `outer`. */
export function covers(outer: Reduction, inner: Reduction): boolean {
  if (!inner.complete || inner.unterminated) return false;
  const keys = new Set(outer.keys);
  return inner.keys.every((key) => keys.has(key));
}
