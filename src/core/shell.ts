/**
 * What a shell text means: plain data that `language/shell` makes, that rules read, and that nobody changes.
 *
 * How certain it is:
 * - `ShellAnalysis.complete`: every program that the text itself starts is in `commands`. Where false, others may run too,
 *   and `reasons` say why.
 * - `ShellAnalysis.bounded`: besides, none of these programs runs what is not in the text (scripts, interpreters,
 *   interactive shells). What a *strict* posture asks for.
 * - `ShellCommand.unknown`: what is not known of one command: a dynamic argument, a user, a path.
 *
 * Deliberately absent: whether the files and programs exist, what symbolic links resolve to, and what a program does that
 * its arguments do not say.
 */
import type { Effect } from './command.ts';
import type { ShellEffect, ShellFlag } from './shell-effects.ts';

/** The shell that will read the text. `unknown` is read as bash, and is never certain of what other shells read otherwise. */
export type ShellDialect = 'sh' | 'bash' | 'zsh' | 'fish' | 'busybox' | 'unknown';

export type ShellAccess = 'read' | 'write' | 'delete' | 'execute' | 'unknown';

/** A file or directory that a command names. */
export interface ShellPath {
  /**
   * Where `isCanonical`: absolute, without `.`, `..` or repeated slashes. Otherwise as written. Symbolic links are not
   * resolved either way.
   */
  readonly path: string;
  readonly access: ShellAccess;
  readonly isCanonical: boolean;
  /** `path` is a pattern of the shell (`*`, `?`, `[…]`), and stands for whatever it matches. */
  readonly isPattern: boolean;
  /** What lies below is concerned too. */
  readonly isRecursive: boolean;
}

/** What is not known of a command. */
export type ShellUnknown = 'program' | 'arguments' | 'verbs' | 'paths' | 'user' | 'host';

/** One program (or builtin of the shell) that will run, or may. */
export interface ShellCommand {
  /**
   * The words after all expansions; null stands for a dynamic word, which may also be none or several. Wrappers are
   * commands of their own: `sudo rm x` gives `[sudo, rm, x]` and `[rm, x]` with `via: ['sudo']`.
   */
  readonly argv: readonly (string | null)[];
  /** The last part of the path of the program; null where dynamic. */
  readonly program: string | null;
  /** The program as written (`argv[0]`): `rm`, `/bin/rm`, `./rm`. */
  readonly path: string | null;
  /** How it comes to run, outermost first: `sudo`, `sh -c`, `xargs`, `find -exec`, `$()`, `ssh`, `function f`, … */
  readonly via: readonly string[];
  /** As whom, where the text says so; null: whoever runs the shell. */
  readonly asUser: string | null;
  /** On what other machine or in which container it runs, as written; null: where the shell runs. */
  readonly host: string | null;
  /** The program and its subcommands: `systemctl restart`, `git push`, `docker container rm` and `docker rm`. */
  readonly verbs: readonly string[];
  readonly paths: readonly ShellPath[];
  /** Sorted. */
  readonly effects: readonly ShellEffect[];
  /** `partial`: `unknown` has entries. */
  readonly confidence: 'exact' | 'partial';
  /** Sorted. */
  readonly unknown: readonly ShellUnknown[];
}

/** A file that the shell itself opens: `> file`, `< file`. Judged like a command without a program. */
export interface ShellRedirect {
  readonly operator: '<' | '>' | '>>' | '>|' | '<>' | '&>' | '&>>' | '>&' | '<&';
  /** Null where dynamic. */
  readonly path: ShellPath | null;
  readonly via: readonly string[];
  readonly asUser: string | null;
  readonly host: string | null;
}

export interface ShellReason {
  readonly code: ShellFlag;
  /** What it is about, as written and cut to a bound; may be empty. Not safe to log unescaped. */
  readonly about: string;
}

/** A text that is one transfer program at the target's end, as clients start it over exec. */
export interface ShellTransfer {
  readonly program: 'scp' | 'rsync' | 'git' | 'sftp';
  /** `upload`: to the target. `both`: single operations say. */
  readonly direction: 'upload' | 'download' | 'both';
  /** On the target; null where one could not be read off (a pattern or variable that the target's shell expands). */
  readonly paths: readonly (string | null)[];
  readonly isRecursive: boolean;
}

export interface ShellAnalysis {
  readonly textBytes: number;
  readonly dialect: ShellDialect;
  /** In the order in which they are met, which is not always the order in which they run. */
  readonly commands: readonly ShellCommand[];
  readonly redirects: readonly ShellRedirect[];
  /** Union over commands and redirects, with `dynamic` and `unknown` where the analysis is not complete. Sorted. */
  readonly effects: readonly ShellEffect[];
  /** Sorted. */
  readonly flags: readonly ShellFlag[];
  /** Why each flag was raised; at least one per flag. */
  readonly reasons: readonly ShellReason[];
  readonly complete: boolean;
  readonly bounded: boolean;
  /** The text ends in the middle, so an interactive shell would ask for more. */
  readonly isUnterminated: boolean;
  readonly transfer: ShellTransfer | null;
}

const harmless: ReadonlySet<ShellEffect> = new Set(['read']);
const uncertain: ReadonlySet<ShellEffect> = new Set(['unknown', 'dynamic', 'interactive', 'interpreter']);

/** What the text may do, for `CommandDraft.effect`: `read` only where it is certain that nothing can change. */
export function effectOfShell(analysis: ShellAnalysis): Effect {
  if (!analysis.complete) return 'unknown';
  if (analysis.effects.some((effect) => !harmless.has(effect) && !uncertain.has(effect) && effect !== 'execute'))
    return 'write';
  if (!analysis.bounded || analysis.effects.some((effect) => uncertain.has(effect))) return 'unknown';
  return analysis.commands.every(({ effects, unknown }) => effects.length > 0 && !unknown.includes('program'))
    ? 'read'
    : 'unknown';
}
