/** What a scenario of the corpus is: keys typed at a real shell, what the person submits by them, and what must not happen. */
import type { ShellKind } from '../terminal.ts';

export type Step =
  /** Sent in one chunk; then the terminal is let come to rest. */
  | string
  /** Sent in one chunk, and nothing is waited for. */
  | { readonly burst: string }
  | { readonly resize: readonly [columns: number, rows: number] }
  | { readonly pauseMs: number }
  /** The side channel dies. */
  | { readonly loseSide: true }
  /** Raw bytes, as hexadecimal. */
  | { readonly hex: string };

/**
 * line: one line, edited in some way, that runs `danger`. multi: the same over several lines. indirect: `danger` is not in the text,
 * or not as a command. nested: something else than the shell starts it. attack: on the gate itself. benign: nothing to deny.
 * secret: something typed that must not be recorded.
 */
export type Group = 'line' | 'multi' | 'indirect' | 'nested' | 'attack' | 'benign' | 'secret';

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly group: Group;
  readonly shells: readonly ShellKind[];
  readonly steps: readonly Step[];
  /** Every line that is submitted at the shell's prompt, in order; the ones after a denial are typed all the same. */
  readonly lines?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly size?: readonly [columns: number, rows: number];
  /** What the ledger must hold afterwards (benign): one line each. */
  readonly ledger?: readonly string[];
  /** What must stand nowhere in recorded input and asked texts. */
  readonly secret?: string;
  /** The session may be frozen by it. */
  readonly mayFreeze?: boolean;
  /** Nothing is typed afterwards to see whether the shell is still of use: it is gone, or something else is in front. */
  readonly ends?: boolean;
}

export const all: readonly ShellKind[] = ['bash', 'zsh', 'fish', 'dash', 'ash'];
export const editing: readonly ShellKind[] = ['bash', 'zsh', 'fish'];
export const posix: readonly ShellKind[] = ['bash', 'zsh', 'dash', 'ash'];
export const readline: readonly ShellKind[] = ['bash', 'zsh'];

/** History files of every shell with the same lines, oldest first. */
export function history(...lines: string[]): Readonly<Record<string, string>> {
  return {
    '.bash_history': `${lines.join('\n')}\n`,
    '.zsh_history': `${lines.join('\n')}\n`,
    '.zshrc': "PROMPT='%# '\nHISTFILE=~/.zsh_history\nHISTSIZE=100\nSAVEHIST=100\n",
    '.local/share/fish/fish_history': lines.map((line, at) => `- cmd: ${line}\n  when: ${1700000000 + at}\n`).join(''),
    '.ash_history': `${lines.join('\n')}\n`,
  };
}
