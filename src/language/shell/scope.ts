/** Where in the text an analysis is: what surrounds the command at hand. Never changed; made anew for what is within. */
import type { ShellDialect } from '../../core/shell.ts';
import type { ShellFlag } from '../../core/shell-effects.ts';
import type { Gather } from './gather.ts';
import { shellDepthMax } from './limits.ts';
import type { State } from './state.ts';

/** What a command reads that reads its standard input. */
export type Stdin =
  /** What the session gives it: see `ShellContext.stdin`. */
  | { readonly kind: 'session' }
  | { readonly kind: 'text'; readonly text: string }
  /** A pipe or file that cannot be read off the text. */
  | { readonly kind: 'unknown' };

export interface ShellContext {
  readonly dialect: ShellDialect;
  /** The text was typed at a prompt: history and unfinished input count. */
  readonly isInteractive?: boolean;
  /** What commands of the text read that have no other input: a terminal, a text that is known whole, or unknown. */
  readonly stdin?: 'terminal' | 'unknown' | { readonly text: string };
  /** Absolute; absent where not known. */
  readonly cwd?: string;
  readonly home?: string;
  /** Variables that the session is known to have. Nobody else may have changed them since. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface Scope {
  readonly gather: Gather;
  readonly context: ShellContext;
  readonly state: State;
  readonly via: readonly string[];
  readonly asUser: string | null;
  readonly host: string | null;
  readonly stdin: Stdin;
  readonly depth: number;
  /** Bodies of functions that are being walked: what calls itself is walked once more, with nothing known. */
  readonly calling: readonly unknown[];
  /** The text is read from standard input by its shell, which commands of the text may read from too. */
  readonly isStdinScript: boolean;
}

/** One level deeper, or null where that is too deep; then it is flagged. */
export function within(at: Scope, how: string | null, more: Partial<Scope> = {}): Scope | null {
  if (at.depth >= shellDepthMax) {
    at.gather.flag('depth', how ?? '');
    return null;
  }
  at.gather.spend();
  return { ...at, depth: at.depth + 1, via: how === null ? at.via : [...at.via, how], ...more };
}

export function flag(at: Scope, code: ShellFlag, about = ''): void {
  at.gather.flag(code, about);
}
