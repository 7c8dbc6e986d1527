/**
 * The vocabulary of interactive terminals: what goes into the gate and what comes out of it. Plain data.
 *
 * Deliberately absent: SSH, Kubernetes, sessions and reviews. Whoever drives the gate carries bytes and answers asks.
 */
import type { ShellDialect } from '../../core/shell.ts';

/** Shells that can be gated. `ash` is busybox's; `dash` stands for any POSIX shell without a line hook. */
export type HookedShell = 'bash' | 'zsh' | 'fish' | 'dash' | 'ash';

/** What happens where hooks cannot be placed: chosen per resource, never silently. */
export type UnhookedChoice = 'refuse' | 'observe' | 'exec-only';

/** Why a shell could not be gated. */
export type UnhookedReason =
  | 'no-side-channel'
  | 'no-directory'
  | 'shell-unsupported'
  | 'shell-too-old'
  | 'no-hello'
  | 'wrong-hello'
  | 'not-ready'
  | 'input-overflow';

/** What the shell said of itself. */
export interface ShellFacts {
  readonly shell: HookedShell;
  readonly version: string;
  readonly dialect: ShellDialect;
  /** What is judged before it runs: whole lines, and (bash, zsh) every simple command as well; `screen`: lines as displayed. */
  readonly assurance: 'line-and-command' | 'line' | 'screen';
}

/** What the analysis of a text comes to, as far as the gate must know. Made by `reductionOf` from a `ShellAnalysis`. */
export interface Reduction {
  /** One key per command and redirection that the text may run; equal keys mean equal judgement. */
  readonly keys: readonly string[];
  /** Every command is in `keys`. */
  readonly complete: boolean;
  /** The text ends in the middle: the shell will ask for more. */
  readonly unterminated: boolean;
  /** What stays unknown, for the strict posture: `interpreter`, `dynamic-name`, … Sorted. */
  readonly flags: readonly string[];
}

/**
 * The analysis, as it is handed in: a pure function of the text. At `command` level history is expanded and the text whole;
 * at the others it is what a person typed at a prompt.
 */
export type Reduce = (text: string, dialect: ShellDialect, level: AskLevel) => Reduction;

/**
 * What is asked. `line`: what a person submitted, whole, with the lines before it where it goes on. `command`: one simple
 * command that the shell is about to run and that no line covered (a function's body, the result of an eval).
 * `shown`: what the screen shows of a line that was allowed, where that is something else than what was typed.
 * `typed`: a line typed while a program ran, in a shell without hooks that may read it itself afterwards.
 */
export type AskLevel = 'line' | 'command' | 'typed' | 'shown';

export interface GateAsk {
  /** Counts from 1; `decide`, `note` and `withdraw` name it. */
  readonly id: number;
  readonly level: AskLevel;
  /** Verbatim. */
  readonly text: string;
  /** Where the text comes from. */
  readonly source: 'hook' | 'screen';
  /** The ask of the line that this command belongs to, or null. */
  readonly line: number | null;
  /** The earlier ask that this one goes on from (line by line input of one command), or null. */
  readonly continues: number | null;
  readonly dialect: ShellDialect;
  readonly reduction: Reduction;
  /**
   * Where the shell says that it is, bounded. For people: nothing may rest on it, since the shell may say what it likes. Null
   * where it said nothing.
   */
  readonly directory: string | null;
  /** Set where the gate itself denies whatever the rules say (text that touches the hooks): for the record; not to be answered. */
  readonly denied: SelfDenial | null;
}

/** Why the gate itself denies a text. */
export interface SelfDenial {
  readonly code: 'touches-hooks' | 'text-too-long' | 'not-text' | 'screen-differs' | 'unseen';
  readonly message: string;
}

/** The answer to an ask. */
export type GateDecision =
  | { readonly verdict: 'allow' }
  /** `message` is shown to the person: what happened, which rule, what next. Escaped by the gate. */
  | { readonly verdict: 'deny'; readonly message: string };

export type FreezeReason =
  /** Something ran at a gated prompt that nobody had asked about. */
  | 'ran-unasked'
  /** Enter was followed by neither a question nor a prompt. */
  | 'hooks-silent'
  /** A line was allowed, and the command level said nothing while it ran. */
  | 'commands-silent'
  | 'unknown-nonce'
  | 'side-channel-ended'
  | 'side-channel-malformed'
  | 'token-reused'
  | 'too-many-asks'
  | 'queue-overflow';

/** What of the input may be recorded: see `input.ts`. */
export type InputRecord =
  /** Typed and seen on the screen, or keys without text (Enter, arrows, control keys), as sent. */
  | { readonly kind: 'shown'; readonly bytes: Buffer }
  /** Typed and not seen: only how much. */
  | { readonly kind: 'hidden'; readonly characters: number };

/** What the driver of a gate must do, in order. */
export type GateAction =
  /** Open an exec channel without PTY for this command: the side channel. Its stdout goes to `side`, its end to `sideEnded`. */
  | { readonly do: 'open-side'; readonly command: string }
  /** Open a channel with the person's PTY for this command. Its output goes to `output`. */
  | { readonly do: 'open-pty'; readonly command: string }
  | { readonly do: 'to-user'; readonly bytes: Buffer }
  | { readonly do: 'to-target'; readonly bytes: Buffer }
  | { readonly do: 'to-side'; readonly bytes: Buffer }
  /** Hooks are in place; what is judged from here on. */
  | { readonly do: 'ready'; readonly shell: ShellFacts }
  /** Hooks could not be placed. The gate is over: close its channels and do what `choice` says. */
  | {
      readonly do: 'unhooked';
      readonly reason: UnhookedReason;
      readonly choice: UnhookedChoice;
      readonly message: string;
    }
  /** Answer with `decide`, at once or later. Where `ask.denied` is set it has been denied already: record it only. */
  | { readonly do: 'ask'; readonly ask: GateAsk }
  /** A simple command ran within an allowed line that covers it: for the record. */
  | { readonly do: 'covered'; readonly text: string; readonly line: number }
  /** The person gave up (Ctrl-C), or the shell is gone: the ask needs no answer any more. */
  | { readonly do: 'withdraw'; readonly id: number; readonly by: 'person' | 'end' }
  /** What an allowed ask started is over: the shell is back at its prompt. */
  | { readonly do: 'ended'; readonly id: number; readonly status: number | null }
  | { readonly do: 'record-input'; readonly record: InputRecord }
  /** A shell inside the shell was started, gated as the outer one. */
  | { readonly do: 'nested'; readonly shell: ShellFacts }
  /** Worth an alert, whatever happens next. */
  | { readonly do: 'alert'; readonly reason: FreezeReason | 'touches-hooks' | 'screen-differs'; readonly text: string }
  /** Nothing passes to the target any more; the person has been told. End the session. */
  | { readonly do: 'freeze'; readonly reason: FreezeReason; readonly message: string };

/**
 * opening: until the first gated prompt. prompt: keys go to the line editor. reading: a line is read from the screen.
 * submitted: Enter was sent, and the hooks have not asked. judging: a line is asked. released: it was allowed, and has not
 * begun. refused: it was denied, and the prompt is not back. running: a program has the terminal.
 */
export type GatePhase =
  | 'opening'
  | 'prompt'
  | 'reading'
  | 'submitted'
  | 'judging'
  | 'released'
  | 'refused'
  | 'running'
  | 'frozen'
  | 'over';
