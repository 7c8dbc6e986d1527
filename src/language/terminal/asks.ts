/**
 * The questions of one terminal: which are open, what was allowed with a line, and what is answered without asking again.
 *
 * - A line that goes on is asked once it is whole; what was typed of it is passed on, and cannot run.
 * - A line that was allowed covers the simple commands that the analysis found in it: they are answered at once, and
 *   recorded. What it does not cover (bodies of functions, results of an eval) is asked on its own.
 * - A token is good for one verdict.
 *
 * Deliberately absent: bytes, marks, phases (gate.ts).
 */
import type { ShellDialect } from '../../core/shell.ts';
import type { Guard } from './guard.ts';
import type { ShellPlan } from './hooks/plan.ts';
import * as limits from './limits.ts';
import { gatedNested } from './nested.ts';
import type { Opening } from './opening.ts';
import type { GateOptions } from './options.ts';
import { covers } from './reduction.ts';
import type {
  AskLevel,
  FreezeReason,
  GateAction,
  GateAsk,
  GateDecision,
  Reduce,
  Reduction,
  SelfDenial,
  ShellFacts,
} from './types.ts';
import { encodeReply, type HookReply, type HookRequest, UsedTokens } from './verdicts.ts';

interface OpenAsk {
  readonly ask: GateAsk;
  /** Null where the line was read from the screen. */
  readonly token: string | null;
  readonly lane: string | null;
}

/** The line that runs, or is about to. */
export interface AllowedLine {
  readonly id: number;
  readonly text: string;
  readonly reduction: Reduction;
  /** The command level spoke while it ran. */
  commandsSeen: number;
}

export interface AsksHost {
  readonly act: (action: GateAction) => void;
  readonly freeze: (reason: FreezeReason, text: string) => void;
  /** A line read by the hooks is asked, or needs no asking. */
  readonly lineAsked: () => void;
  /** The last word on a line or a command of the shell in front. */
  readonly decided: (ask: GateAsk, allowed: boolean) => void;
  /** More of the line is to come. */
  readonly lineContinues: () => void;
  /** Enter put a line feed in, and the line is edited on. */
  readonly linePart: () => void;
  readonly say: (text: string) => void;
}

export interface AsksOptions {
  readonly reduce: Reduce;
  readonly guard: Guard;
  readonly nested: ShellPlan['nested'];
  readonly speaker: string;
  readonly dialect: ShellDialect;
}

export class Asks {
  readonly #host: AsksHost;
  readonly #options: AsksOptions;
  readonly #open = new Map<number, OpenAsk>();
  readonly #tokens = new UsedTokens();
  /** Commands that were allowed on their own and run, by lane. */
  readonly #running = new Map<string, number>();
  #nextId = 1;
  #typed: string[] = [];
  #previous: number | null = null;
  #line: AllowedLine | null = null;

  constructor(options: AsksOptions, host: AsksHost) {
    this.#options = options;
    this.#host = host;
  }

  get line(): AllowedLine | null {
    return this.#line;
  }
  /** Someone in front of the terminal waits: every question but those of background processes at the prompt. */
  isBlocking(atPrompt: boolean): boolean {
    for (const open of this.#open.values()) if (!atPrompt || open.ask.level !== 'command') return true;
    return false;
  }

  /** A question of the hooks. `dialect`: of the shell in front. */
  request(request: HookRequest): void {
    if (!this.#tokens.use(request.token)) {
      this.#host.freeze('token-reused', request.text);
      return;
    }
    if (this.#open.size >= limits.openAsksMax) {
      this.#host.freeze('too-many-asks', request.text);
      return;
    }
    if (request.level === 'part') {
      this.#reply(request.token, { verdict: 'allow' });
      this.#host.linePart();
    } else if (request.level === 'line') this.#askLine(request);
    else this.#askCommand(request);
  }

  /** A line read from the screen; the answer comes through `decided`. */
  screenLine(text: string, level: AskLevel, denied: SelfDenial | null, directory: string | null): void {
    const { reduce, guard, dialect } = this.#options;
    if (level === 'line') this.#typed.push(text);
    const whole = level === 'line' ? this.#typed.join('\n') : text;
    const reduction = reduce(whole, dialect, level);
    const refusal = denied ?? guard.check(whole, dialect) ?? tooLong(whole);
    if (refusal === null && level === 'line' && goesOn(whole, reduction)) {
      this.#host.lineContinues();
      return;
    }
    // What was typed is kept until the next primary prompt: the shell may see the line go on where the analysis did not.
    this.#ask(level, whole, reduction, { token: null, source: 'screen', line: null, directory, denied: refusal });
  }

  #askLine(request: HookRequest): void {
    const { reduce, guard, dialect } = this.#options;
    if (request.ordinal === 1) this.#typed = [];
    this.#typed.push(request.text);
    const whole = this.#typed.join('\n');
    this.#host.lineAsked();
    if (request.isText && !request.isCut && whole.trim() === '') {
      this.#reply(request.token, { verdict: 'allow' });
      this.#host.lineContinues();
      return;
    }
    const reduction = reduce(whole, dialect, 'line');
    const denied = notText(request) ?? tooLong(whole) ?? guard.check(whole, dialect);
    // fish says itself where a line goes on, and what it is given here is whole.
    const isWhole = dialect === 'zsh' && endsInZsh(whole, (text) => reduce(text, dialect, 'line'));
    if (denied === null && dialect !== 'fish' && !isWhole && goesOn(whole, reduction)) {
      this.#reply(request.token, { verdict: 'allow' });
      this.#host.lineContinues();
      return;
    }
    const { token, directory } = request;
    this.#ask('line', whole, reduction, { token, source: 'hook', line: null, directory, denied });
  }

  #askCommand(request: HookRequest): void {
    const { reduce, guard, dialect } = this.#options;
    const line = this.#line;
    if (line !== null) line.commandsSeen++;
    const reduction = reduce(request.text, dialect, 'command');
    const denied = notText(request) ?? guard.check(request.text, dialect, 'command');
    if (denied === null && line !== null && isCovered(line, request.text, reduction)) {
      this.#host.act({ do: 'covered', text: request.text, line: line.id });
      this.#answerAllowed(request.token, 'command', request.text);
      return;
    }
    this.#ask('command', request.text, reduction, {
      token: request.token,
      source: 'hook',
      line: line?.id ?? null,
      directory: request.directory,
      denied,
    });
  }

  #ask(
    level: AskLevel,
    text: string,
    reduction: Reduction,
    rest: Pick<GateAsk, 'source' | 'line' | 'directory' | 'denied'> & { readonly token: string | null },
  ): void {
    const { token, source, line, directory, denied } = rest;
    const ask: GateAsk = {
      id: this.#nextId++,
      level,
      text,
      source,
      line,
      continues: level === 'line' ? this.#previous : null,
      dialect: this.#options.dialect,
      reduction,
      directory,
      denied,
    };
    const lane = token === null ? null : token.slice(0, token.indexOf('.'));
    this.#open.set(ask.id, { ask, token, lane });
    if (denied?.code === 'touches-hooks') this.#host.act({ do: 'alert', reason: 'touches-hooks', text });
    this.#host.act({ do: 'ask', ask });
    if (denied !== null) this.#settle(ask.id, { verdict: 'deny', message: denied.message });
  }

  /** The driver's answer. An ask that is no longer open is none of its business any more: nothing happens. */
  decide(id: number, decision: GateDecision): void {
    if (this.#open.get(id)?.ask.denied === null) this.#settle(id, decision);
  }

  #settle(id: number, decision: GateDecision): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    const { ask, token, lane } = open;
    if (decision.verdict === 'allow') {
      if (ask.level === 'line') this.#begin(ask);
      if (ask.level === 'shown') this.#host.act({ do: 'alert', reason: 'screen-differs', text: ask.text });
      if (ask.level === 'command' && lane !== null) {
        this.#endCommand(lane, null);
        this.#running.set(lane, ask.id);
      }
      if (token !== null) this.#answerAllowed(token, ask.level, ask.text);
      else if (ask.level === 'typed') this.#running.set(`typed ${ask.id}`, ask.id);
    } else if (token !== null) {
      this.#reply(token, { verdict: 'deny', text: this.#spoken(decision.message) });
    } else {
      this.#host.say(decision.message);
    }
    this.#host.decided(ask, decision.verdict === 'allow');
  }

  #begin(ask: GateAsk): void {
    this.#endLine(null);
    this.#line = { id: ask.id, text: ask.text, reduction: ask.reduction, commandsSeen: 0 };
  }

  #answerAllowed(token: string, level: AskLevel, text: string): void {
    const { nested, dialect } = this.#options;
    const isWholeLine = level === 'line' && dialect === 'fish';
    const start = level === 'command' || isWholeLine ? gatedNested(text, nested) : null;
    if (start !== null) this.#reply(token, { verdict: 'rewrite', text: start });
    else this.#reply(token, { verdict: level === 'command' ? 'allow-text' : 'allow' });
  }

  /** Says something about an open ask where the person waits; the hooks write it, so that the line editor knows. */
  note(id: number, text: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (open.token === null) this.#host.say(text);
    else this.#reply(open.token, { verdict: 'note', text: this.#spoken(text) });
  }

  /** Ctrl-C while a question is open: all that wait in front are given up. False where none does. */
  withdraw(atPrompt: boolean): boolean {
    let any = false;
    for (const [id, open] of [...this.#open]) {
      if (atPrompt && open.ask.level === 'command') continue;
      any = true;
      this.#host.act({ do: 'withdraw', id, by: 'person' });
      this.#settle(id, { verdict: 'deny', message: 'Given up.' });
    }
    return any;
  }

  /** The shell is back at its prompt. */
  prompted(status: number | null): void {
    this.#endLine(status);
    for (const lane of [...this.#running.keys()]) this.#endCommand(lane, status);
  }

  /** A new primary prompt: what was typed of a line that went on is void. */
  forgetTyped(): void {
    this.#typed = [];
  }

  /** Nothing is asked any more. */
  close(): void {
    for (const id of this.#open.keys()) this.#host.act({ do: 'withdraw', id, by: 'end' });
    this.#open.clear();
    this.prompted(null);
  }

  #endLine(status: number | null): void {
    if (this.#line === null) return;
    this.#host.act({ do: 'ended', id: this.#line.id, status });
    this.#line = null;
  }

  #endCommand(lane: string, status: number | null): void {
    const id = this.#running.get(lane);
    if (id === undefined) return;
    this.#running.delete(lane);
    this.#host.act({ do: 'ended', id, status });
  }

  #spoken(text: string): string {
    return `${this.#options.speaker}: ${text}`;
  }

  #reply(token: string, reply: HookReply): void {
    this.#host.act({ do: 'to-side', bytes: encodeReply(token, reply) });
  }
}

/** The shell will ask for more: a backslash or an operator at the end, or what the analysis says. */
function goesOn(text: string, reduction: Reduction): boolean {
  return reduction.unterminated || /(?:^|[^\\])(?:\\\\)*\\$/.test(text) || /(?:&&|\|\|?)\s*$/.test(text);
}

/** In zsh a brace closes without a semicolon before it, where the analysis, which reads bash, waits for more. */
function endsInZsh(text: string, reduce: (text: string) => Reduction): boolean {
  const closed = text.replace(/([^\s;&|{])(\s+\})/g, '$1;$2');
  return closed !== text && !reduce(closed).unterminated;
}

/** What the line's analysis found in it; or, where that stays dynamic, what stands in it word for word. */
function isCovered(line: AllowedLine, text: string, reduction: Reduction): boolean {
  if (covers(line.reduction, reduction)) return true;
  return !reduction.complete && !line.reduction.complete && line.text.includes(text.trim());
}

function notText(request: HookRequest): SelfDenial | null {
  if (request.isCut) return tooLong(null);
  return request.isText ? null : { code: 'not-text', message: 'The text is not UTF-8, and cannot be judged.' };
}

function tooLong(text: string | null): SelfDenial | null {
  if (text !== null && Buffer.byteLength(text) <= limits.textBytesMax) return null;
  return { code: 'text-too-long', message: 'The text is longer than 64 KiB, and cannot be judged.' };
}

/** A line with commands ran, and the command level, which this shell has, did not say one word. Background jobs may speak later. */
export function isSilent({ text, reduction, commandsSeen }: AllowedLine, facts: ShellFacts): boolean {
  if (facts.assurance !== 'line-and-command' || commandsSeen > 0 || !reduction.complete) return false;
  const mayBeSilent = /\(\s*\)|\bfunction\b|\bcoproc\b|(?:^|[^&>|])&(?:[^&>]|$)/.test(text);
  return reduction.keys.length > 0 && !mayBeSilent;
}

/** What the questions of a gate rest on, once its shell is known. */
export function asksOptions(
  { reduce, gateNested, speaker }: GateOptions,
  { plan, guard, facts }: Opening,
): AsksOptions {
  return {
    reduce,
    guard: guard!,
    nested: (gateNested ?? true) ? plan!.nested : {},
    speaker: speaker ?? 'sallyport',
    dialect: facts!.dialect,
  };
}
