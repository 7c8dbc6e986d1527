/**
 * What a resource refuses by its settings, whatever the rules say.
 *
 * The strict posture: what the analysis cannot bound does not run, unless a reviewer approved exactly it. A guardrail that
 * holds `shell: { unbounded: true }` makes it reviewable; without one it is refused.
 *
 * In a terminal: what would be a shell whose lines nobody judges, and an SFTP server, whose gate needs the plain stream.
 */
import type { Command } from '../../core/session.ts';
import type { ShellAnalysis } from '../../core/shell.ts';
import { mayHideShell } from '../../language/index.ts';
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

/** Why a command does not run in a terminal; null where it does. `shell` null: it is no text, and so may be anything. */
export function terminalDenial({ shell: level }: SshSettings, shell: ShellAnalysis | null): string | null {
  if (shell !== null && startsSftp(shell)) return sftpDenial;
  if (level === 'observed') return null;
  if (shell === null || mayHideShell(shell)) return nestedShell;
  // A multiplexer is a shell as well, where there is none in between.
  return level === 'exec-only' && shell.flags.includes('multiplexer') ? nestedShell : null;
}

const nestedShell =
  'what may be an interactive shell inside a command cannot be judged line by line. Log in without a command, or give it one: sh -c …';

/** What an SFTP server does stands in its input, whoever starts it (A-SSH-13). */
export function startsSftp({ commands, complete }: Pick<ShellAnalysis, 'commands' | 'complete'>): boolean {
  // Where the analysis is not complete, a word of another program may be the one that runs.
  return commands.some(({ program, argv }) => [program, ...(complete ? [] : argv)].some(isSftpServer));
}

function isSftpServer(word: string | null): boolean {
  return word !== null && /(?:^|\/)(?:sftp-server|internal-sftp)$/.test(word);
}

/** Whether the SFTP server is all that the command starts, be it through others (`sudo`, `env`), with its streams as they are. */
export function isOnlySftp({ commands, redirects, complete }: ShellAnalysis): boolean {
  const last = commands.at(-1);
  if (last === undefined || !complete || redirects.length > 0 || !isSftpServer(last.program)) return false;
  return last.host === null && last.via.length === commands.length - 1;
}

export const sftpDenial =
  'an SFTP server can be judged file by file only where it is all that runs, and without a terminal. Use the subsystem sftp.';
