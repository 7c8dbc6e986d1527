/** Whether a text that gets a terminal is a shell for a person, or may be one. */
import type { ShellAnalysis } from '../../core/shell.ts';
import type { ShellFlag } from '../../core/shell-effects.ts';

const plainFlags: ReadonlySet<string> = new Set(['-l', '-i', '-il', '-li', '--login']);

/** A shell's name, and nothing but that it be one for a person. */
export function isPlainShell({ commands, redirects, flags }: ShellAnalysis): boolean {
  const [command, ...more] = commands;
  if (command === undefined || more.length > 0 || redirects.length > 0 || !flags.includes('nested-shell')) return false;
  return command.via.length === 0 && command.argv.slice(1).every((word) => word !== null && plainFlags.has(word));
}

/** It is a shell, or what it is comes out only at the target (`$SHELL`, `eval "$LC_X"`). */
const hidesShell: ReadonlySet<ShellFlag> = new Set(['nested-shell', 'dynamic-name', 'opaque:eval']);

/** A terminal into it would be a shell whose lines nobody judges. */
export function mayHideShell({ flags }: Pick<ShellAnalysis, 'flags'>): boolean {
  return flags.some((flag) => hidesShell.has(flag));
}
