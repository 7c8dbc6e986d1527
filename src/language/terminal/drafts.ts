/**
 * Commands of a terminal as drafts: what a person submits at a gated prompt, and what was read off an observed screen.
 *
 * Deliberately absent: who carries the terminal; `context` is what it is sent with, part of what a reviewer approves.
 */
import { escapeLine } from '../../base/escape.ts';
import type { CommandDraft } from '../../core/command.ts';
import { effectOfShell, type ShellAnalysis, type ShellDialect } from '../../core/shell.ts';
import { analyseShell } from '../shell/index.ts';
import type { GateAsk } from './types.ts';

type Context = Readonly<Record<string, string>>;

const base = { kind: 'shell', parameters: null } as const;

type LineQuestion = Pick<GateAsk, 'text' | 'dialect' | 'level'>;

/** What texts mean at a prompt, or as one command that a shell is about to run. The last one is kept: it is asked about next. */
export class LineAnalyses {
  #last: { readonly of: LineQuestion; readonly shell: ShellAnalysis } | null = null;

  analyse({ text, dialect, level }: LineQuestion): ShellAnalysis {
    const last = this.#last;
    if (last?.of.text === text && last.of.dialect === dialect && last.of.level === level) return last.shell;
    const shell = analyseShell(text, { dialect, isInteractive: level !== 'command', stdin: 'terminal' });
    this.#last = { of: { text, dialect, level }, shell };
    return shell;
  }
}

/**
 * Where the shell says that it is: for those who review a line and those who read the record. The shell may say what it likes, so
 * that no rule and no path of the meaning rests on it; as a part of the context it is a part of what was approved.
 */
const saidDirectory = 'directory-said-by-shell';

/** Text of the target between quotes, so that a reader sees where it ends, and which can do nothing on a screen. */
export function quoted(text: string): string {
  return escapeLine(JSON.stringify(text));
}

/** What a person submitted at a gated prompt, or what the shell is about to run there. */
export function lineDraft(ask: GateAsk, shell: ShellAnalysis, of: number | null, context: Context): CommandDraft {
  return {
    ...base,
    of,
    verb: ask.level === 'command' ? 'run' : 'line',
    text: ask.text,
    recordedText: ask.text,
    effect: effectOfShell(shell),
    meaning: { language: 'shell', shell },
    context: {
      ...context,
      level: ask.level,
      ...(ask.directory === null ? {} : { [saidDirectory]: quoted(ask.directory) }),
    },
  };
}

/** What was read off the screen of an observed terminal. */
export function observedDraft(text: string, dialect: ShellDialect, of: number, context: Context): CommandDraft {
  const shell = analyseShell(text, { dialect });
  return {
    ...base,
    of,
    verb: 'line',
    text,
    recordedText: text,
    effect: effectOfShell(shell),
    meaning: { language: 'shell', shell },
    context: { ...context, level: 'observed' },
    observed: true,
  };
}
