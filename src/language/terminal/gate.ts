/**
 * The gate of one interactive shell: a state machine between the person's terminal, the target's terminal and the side channel
 * of the hooks. Events go in as method calls, what is to be done comes out as actions.
 *
 * Invariants:
 * - Nothing is passed to the target after a key that submits a line, until it is known what became of the line. A denied
 *   line drops what was typed behind it.
 * - Output that the shell begins at a gated prompt without an allowed line freezes the session, and so do hooks that keep
 *   silent, marks with a foreign nonce, and the end of the side channel. The screen adds denials and never lifts one.
 * - While a question is open, input waits here (bounded); Ctrl-C gives the question up.
 *
 * Deliberately absent: SSH, verdicts (the driver asks the rules), masking and recording of output (the driver sees every
 * byte that goes to the person).
 */
import type { Timer } from '../../base/clock.ts';
import { escapeLine } from '../../base/escape.ts';
import { isGatewayError } from '../../base/errors.ts';
import { Asks } from './asks.ts';
import { makeHookNames, type HookNames } from './hooks/names.ts';
import { RedactedInput } from './input.ts';
import { type Key, KeySplitter } from './keys.ts';
import * as limits from './limits.ts';
import { type MarkLetter, MarkScanner } from './marks.ts';
import { Opening, unhookedMessages } from './opening.ts';
import type { GateOptions } from './options.ts';
import { ScreenLines } from './screen-lines.ts';
import type { FreezeReason, GateAction, GateAsk, GateDecision, UnhookedReason } from './types.ts';
import { RequestParser } from './verdicts.ts';
import { TerminalView } from './view.ts';

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

type TimerName = 'submit' | 'settle' | 'release' | 'flush' | 'echo' | 'keys';

export class Gate {
  readonly #options: GateOptions;
  readonly #names: HookNames;
  readonly #view: TerminalView;
  readonly #marks: MarkScanner;
  readonly #keys = new KeySplitter();
  readonly #requests = new RequestParser();
  readonly #recorded: RedactedInput;
  readonly #opening: Opening;
  readonly #screen: ScreenLines;
  readonly #timers = new Map<TimerName, Timer>();
  #asks: Asks | null = null;
  #phase: GatePhase = 'opening';
  #sideIsUp = false;
  #queue: Key[] = [];
  #queuedBytes = 0;
  /** A line was allowed, and what it starts has not begun. */
  #permit = false;
  /** Something ended a row since the line was submitted or allowed. */
  #rowEnded = false;
  #status: number | null = null;
  /** What the screen shows of the line being asked, where it differs from what was typed. */
  #seen: string | null = null;
  #isDraining = false;
  #lastSent: Buffer | null = null;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#names = options.names ?? makeHookNames();
    this.#view = new TerminalView(options.columns, options.rows);
    this.#marks = new MarkScanner(this.#names.nonce);
    this.#screen = new ScreenLines(this.#view);
    this.#recorded = new RedactedInput(this.#view, (record) => this.#act({ do: 'record-input', record }));
    this.#opening = new Opening(options.clock, this.#names, options, {
      act: (action) => this.#act(action),
      failed: (reason) => this.#unhooked(reason),
    });
  }

  get phase(): GatePhase {
    return this.#phase;
  }

  /** Begins with the side channel. */
  start(): void {
    this.#opening.begin();
  }

  /** Bytes from the side channel's output. */
  side(bytes: Buffer): void {
    if (this.#isOver) return;
    try {
      const requests = this.#sideIsUp ? bytes : this.#opening.side(bytes);
      if (requests === null) return;
      this.#sideIsUp = true;
      for (const request of this.#requests.push(requests)) {
        if (this.#isOver) return;
        if (request.level === 'hello' || request.level === 'up') this.#hello(request);
        else if (this.#asks === null) this.#freeze('side-channel-malformed', request.text);
        else this.#asks.request(request);
      }
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      if (this.#phase === 'opening') this.#unhooked('no-side-channel');
      else this.#freeze('side-channel-malformed', '');
    }
  }

  /** The side channel has ended, whatever the reason. */
  sideEnded(): void {
    if (this.#isOver) return;
    if (this.#phase === 'opening') this.#unhooked('no-side-channel');
    else this.#freeze('side-channel-ended', '');
  }

  /** Output of the target's terminal. */
  output(bytes: Buffer): void {
    if (this.#phase === 'over') return;
    for (const part of this.#marks.push(bytes)) {
      if (part.part === 'bytes') this.#shown(part.bytes);
      else if (part.part === 'forged') this.#freeze('unknown-nonce', '');
      else this.#mark(part.letter, part.data);
    }
    this.#recorded.seen(this.#nowMs);
    // An escape alone may be the beginning of a mark, or all there is.
    if (this.#marks.isHolding) this.#after('flush', 20, () => this.#shown(this.#marks.flush()));
    if (this.#phase === 'reading') this.#settleSoon();
  }

  /** The target's terminal has ended. */
  outputEnded(): void {
    if (this.#phase === 'over') return;
    this.#shown(this.#marks.flush());
    if (this.#phase === 'opening') this.#unhooked('no-hello');
    else this.#finish();
  }

  /** Input of the person. */
  input(bytes: Buffer): void {
    if (this.#isOver) return;
    const keys = this.#keys.push(bytes);
    if (this.#keys.isWaiting) this.#after('keys', 30, () => this.#take([this.#keys.flush()]));
    this.#take(keys);
  }

  /** The person's window has changed. The driver passes the change on to the target itself. */
  resize(columns: number, rows: number): void {
    this.#screen.resized();
    this.#view.resize(columns, rows);
  }

  /** Answers an ask. */
  decide(id: number, decision: GateDecision): void {
    if (!this.#isOver) this.#asks?.decide(id, decision);
  }

  /** Shows a line where the person waits for an ask: whom it waits for, and where the review is. */
  note(id: number, text: string): void {
    if (!this.#isOver) this.#asks?.note(id, escapeLine(text));
  }

  /** Shows a message to the person, between two rows of whatever is on the screen. */
  say(text: string): void {
    this.#say(text, 33);
  }

  /** The driver ends it. */
  close(): void {
    if (this.#phase !== 'over') this.#finish();
  }

  // ------------------------------------------------------------------ hooks

  #hello(request: Parameters<Opening['hello']>[0]): void {
    const isOutermost = !this.#opening.isUp;
    if (isOutermost) {
      if (!this.#opening.hello(request)) return;
      this.#act({ do: 'to-side', bytes: helloReply(request.token) });
      if (request.level === 'up') {
        this.#asks = this.#makeAsks();
        if (this.#opening.facts!.shell === 'ash') this.#screen.useEditor();
      }
      return;
    }
    const [nonce, shell, version] = request.text.split('\x1f');
    if (nonce !== this.#names.nonce) return this.#freeze('unknown-nonce', request.text);
    this.#act({ do: 'to-side', bytes: helloReply(request.token) });
    const facts = this.#opening.facts!;
    const name = shell === 'zsh' || shell === 'bash' ? shell : facts.shell;
    if (request.level === 'up') this.#act({ do: 'nested', shell: { ...facts, shell: name, version: version ?? '' } });
  }

  #makeAsks(): Asks {
    const { reduce, gateNested, speaker } = this.#options;
    const { plan, guard, facts } = this.#opening;
    return new Asks(
      {
        reduce,
        guard: guard!,
        nested: (gateNested ?? true) ? plan!.nested : {},
        speaker: speaker ?? 'sallyport',
        dialect: facts!.dialect,
      },
      {
        act: (action) => this.#act(action),
        freeze: (reason, text) => this.#freeze(reason, text),
        lineAsked: () => this.#enter('judging'),
        lineContinues: () => this.#lineContinues(),
        linePart: () => {
          this.#enter('prompt');
          this.#drain();
        },
        decided: (ask, allowed) => this.#decided(ask, allowed),
        say: (text) => this.#say(text, 31),
      },
    );
  }

  #lineContinues(): void {
    if (this.#phase === 'reading') {
      return this.#sendSubmit('released');
    }
    this.#permit = false;
    this.#enter('released');
  }

  #decided(ask: GateAsk, allowed: boolean): void {
    if (this.#isOver) return;
    if (!allowed) this.#drop();
    if (ask.source === 'screen') {
      if (!allowed) this.#refuseOnScreen();
      else if (this.#seen === null) this.#sendSubmit('running');
      else {
        // The screen shows something else than the keys say: it may add a denial.
        const seen = this.#seen;
        this.#seen = null;
        this.#asks!.screenLine(seen, 'shown', null);
      }
    } else if (ask.level === 'line') {
      this.#permit = allowed;
      this.#enter(allowed ? 'released' : 'refused');
    }
    this.#drain();
  }

  #refuseOnScreen(): void {
    this.#screen.forget();
    this.#asks?.forgetTyped();
    this.#send([{ key: 'interrupt', bytes: Buffer.from([3]) }]);
    this.#enter(this.#screen.isTyping ? 'running' : 'refused');
  }

  // ------------------------------------------------------------------ marks and output

  #shown(bytes: Buffer): void {
    if (bytes.length === 0 || this.#phase === 'over') return;
    if (bytes.includes(0x0a)) this.#rowEnded = true;
    this.#view.write(bytes);
    this.#act({ do: 'to-user', bytes });
  }

  #mark(letter: MarkLetter, data: string): void {
    if (this.#isOver) return;
    if (letter === 'R') return this.#screen.rightPrompt();
    if (this.#asks === null) return;
    if (letter === 'A') this.#status = /^\d{1,3}$/.test(data.slice(0, 3)) ? Number(data) : null;
    else if (letter === 'B') this.#primaryPrompt();
    else if (letter === 'C') this.#accepted();
    else if (letter === 'G') this.#continuationPrompt();
  }

  #primaryPrompt(): void {
    const isScreen = this.#isScreen;
    if (this.#phase === 'opening') {
      this.#opening.done();
      this.#act({ do: 'ready', shell: this.#opening.facts! });
    }
    if (isScreen && this.#phase === 'prompt' && !this.#screen.mayPrompt()) return this.#freeze('ran-unasked', '');
    this.#screen.prompt();
    switch (this.#phase) {
      case 'submitted':
      case 'judging':
      case 'reading':
        // A redraw that was under way. What was submitted is still to be asked.
        return;
      case 'released':
        // The line editor draws its prompt once more before the line runs.
        if (!this.#rowEnded) return;
        if (this.#permit) return this.#after('release', 50, () => this.#backAtPrompt());
        return this.#backAtPrompt();
      default:
        return this.#backAtPrompt();
    }
  }

  #backAtPrompt(): void {
    if (this.#isOver) return;
    const line = this.#asks?.line ?? null;
    if (line !== null && this.#phase === 'running' && this.#areCommandsSilent(line)) {
      return this.#freeze('commands-silent', line.text);
    }
    this.#asks?.prompted(this.#status);
    this.#asks?.forgetTyped();
    this.#enter('prompt');
    this.#drain();
  }

  /** A line with commands ran, and the command level, which this shell has, did not say one word. Background jobs may speak later. */
  #areCommandsSilent({ text, reduction, commandsSeen }: { text: string; reduction: GateAsk['reduction']; commandsSeen: number }): boolean {
    if (this.#opening.facts?.assurance !== 'line-and-command' || commandsSeen > 0) return false;
    return reduction.complete && reduction.keys.length > 0 && !/\(\s*\)|\bfunction\b|\bcoproc\b|(?:^|[^&>|])&(?:[^&>]|$)/.test(text);
  }

  #continuationPrompt(): void {
    this.#screen.prompt();
    if (this.#phase === 'released' || this.#phase === 'running' || this.#phase === 'refused') this.#enter('prompt');
    this.#drain();
  }

  #accepted(): void {
    switch (this.#phase) {
      case 'running':
        this.#permit = false;
        return;
      case 'opening':
        return;
      default:
        if (!this.#permit) return this.#freeze('ran-unasked', '');
        this.#permit = false;
        this.#enter('running');
        this.#drain();
    }
  }

  // ------------------------------------------------------------------ input

  #take(keys: readonly (Key | null)[]): void {
    if (this.#isOver) return;
    for (const key of keys) {
      if (key === null) continue;
      const atPrompt = this.#phase === 'prompt';
      if (key.key === 'interrupt' && this.#asks !== null && this.#asks.withdraw(atPrompt)) {
        this.#drop();
        continue;
      }
      if (key.key === 'interrupt' && (this.#phase === 'submitted' || this.#phase === 'released')) {
        // Whatever hangs there, the person wants it to stop; what was typed behind it as well.
        this.#drop();
        this.#send([key]);
        continue;
      }
      this.#queue.push(key);
      this.#queuedBytes += key.bytes.length;
    }
    this.#drain();
    if (this.#queuedBytes <= limits.queuedInputBytesMax) return;
    if (this.#phase === 'opening') this.#unhooked('input-overflow');
    else this.#freeze('queue-overflow', '');
  }

  /** Sends what may be sent now. */
  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (this.#queue.length > 0 && this.#mayPass()) this.#drainOnce();
    } finally {
      this.#isDraining = false;
    }
  }

  #mayPass(): boolean {
    if (this.#phase === 'prompt') return !(this.#asks?.isBlocking(true) ?? true);
    if (this.#phase !== 'running') return false;
    return !(this.#asks?.isBlocking(false) ?? true) && !(this.#isScreen && this.#screen.mustWait(this.#nowMs, (ms) => this.#drainAfter(ms)));
  }

  #drainAfter(delayMs: number): void {
    this.#after('release', delayMs, () => this.#drain());
  }

  #drainOnce(): void {
    const at = this.#queue.findIndex((key) => this.#submits(key) || (key.key === 'interrupt' && this.#phase === 'prompt'));
    const passing = at < 0 ? this.#queue : this.#queue.slice(0, at);
    const submit = at < 0 ? null : this.#queue[at]!;
    this.#queue = at < 0 ? [] : this.#queue.slice(at + 1);
    this.#queuedBytes = this.#queue.reduce((sum, key) => sum + key.bytes.length, 0);
    if (this.#isScreen) for (const key of passing) this.#screen.typed(key, this.#phase === 'running');
    this.#send(passing);
    if (submit === null) return;
    if (submit.key === 'interrupt') {
      // Shells take an interrupt at the prompt when they next look; what is typed before that may be lost halfway.
      this.#enter('refused');
      this.#send([submit]);
      return;
    }
    if (this.#isScreen && this.#phase === 'running' && !this.#screen.hasTyped) {
      this.#send([submit]);
      return;
    }
    if (this.#isScreen) {
      this.#screen.begin(submit, this.#phase === 'running');
      this.#enter('reading');
      this.#settleSoon();
      return;
    }
    this.#permit = false;
    this.#screen.submitted();
    this.#enter('submitted');
    this.#send([submit]);
    this.#after('submit', limits.submitLookMs, () => this.#lookAfterSubmit());
  }

  #submits(key: Key): boolean {
    if (this.#phase === 'running') {
      return this.#isScreen && !this.#view.isAlternate && key.key === 'submit';
    }
    if (key.key === 'submit') {
      // Behind a lone ESC it is Meta-Enter, which puts a line feed in; where it submits all the same, the hooks ask.
      return this.#lastSent?.length !== 1 || this.#lastSent[0] !== 0x1b || this.#isScreen;
    }
    return key.key === 'end-of-file' && this.#isScreen && this.#screen.hasTyped;
  }

  #send(keys: readonly Key[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.#recorded.typed(key, this.#nowMs);
    this.#lastSent = keys.at(-1)!.bytes;
    if (this.#isScreen && keys.some((key) => key.key === 'interrupt')) this.#screen.interrupted();
    this.#act({ do: 'to-target', bytes: keys.length === 1 ? keys[0]!.bytes : Buffer.concat(keys.map((key) => key.bytes)) });
    if (!this.#timers.has('echo')) this.#after('echo', limits.echoMs, () => this.#recorded.seen(this.#nowMs));
  }

  /** Nobody asked so far: either it was no submission (an Enter that the line editor took otherwise), or hooks are silent. */
  #lookAfterSubmit(): void {
    if (this.#phase !== 'submitted') return;
    if (!this.#screen.hasMoved()) {
      this.#enter('prompt');
      this.#drain();
      return;
    }
    this.#after('submit', limits.submitMs - limits.submitLookMs, () => {
      if (this.#phase === 'submitted') this.#freeze('hooks-silent', '');
    });
  }

  // ------------------------------------------------------------------ lines from the screen

  get #isScreen(): boolean {
    return this.#opening.facts?.assurance === 'screen';
  }

  #settleSoon(): void {
    const delayMs = this.#screen.settleIn(this.#nowMs, this.#recorded.pending);
    this.#after('settle', delayMs, () => this.#readScreen());
  }

  #readScreen(): void {
    if (this.#phase !== 'reading') return;
    const { text, seen, level, denied } = this.#screen.read(this.#recorded.pending);
    this.#seen = seen;
    if (text === null || (text.trim() === '' && denied === null && (seen ?? '').trim() === '')) {
      return this.#sendSubmit(level === 'typed' ? 'running' : 'released');
    }
    this.#asks!.screenLine(text, level, denied);
  }

  #sendSubmit(next: 'released' | 'running'): void {
    const key = this.#screen.submit();
    this.#enter(next);
    if (key !== null) this.#send([key]);
    this.#screen.started(this.#nowMs);
    if (next === 'released') this.#after('release', limits.typeAheadMs, () => this.#leaveReleased());
    this.#drain();
  }

  #leaveReleased(): void {
    if (this.#phase !== 'released') return;
    this.#enter('running');
    this.#drain();
  }

  // ------------------------------------------------------------------ ends

  #unhooked(reason: UnhookedReason): void {
    if (this.#phase !== 'opening') return;
    const { unhooked } = this.#options;
    this.#finish();
    this.#options.act({ do: 'unhooked', reason, then: unhooked, message: unhookedMessages[reason] });
  }

  #freeze(reason: FreezeReason, text: string): void {
    if (this.#isOver) return;
    if (this.#phase === 'opening') return this.#unhooked('wrong-hello');
    this.#drop();
    this.#asks?.close();
    this.#clearTimers();
    this.#phase = 'frozen';
    this.#act({ do: 'alert', reason, text });
    this.#say(`${freezeMessages[reason]} The session is frozen; open a new one.`, 31);
    this.#act({ do: 'freeze', reason, message: freezeMessages[reason] });
  }

  #finish(): void {
    this.#recorded.close();
    this.#asks?.close();
    this.#opening.done();
    this.#clearTimers();
    this.#drop();
    this.#phase = 'over';
    this.#view.dispose();
  }

  get #isOver(): boolean {
    return this.#phase === 'frozen' || this.#phase === 'over';
  }

  #say(text: string, color: number): void {
    const line = `\r\n\x1b[${color}m${this.#options.speaker ?? 'sallyport'}: ${escapeLine(text)}\x1b[0m\r\n`;
    this.#view.write(Buffer.from(line));
    this.#act({ do: 'to-user', bytes: Buffer.from(line) });
  }

  #drop(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #enter(phase: GatePhase): void {
    if (this.#isOver) return;
    this.#timers.get('submit')?.cancel();
    this.#timers.get('release')?.cancel();
    this.#timers.get('settle')?.cancel();
    this.#phase = phase;
    this.#rowEnded = false;
    // Where nothing tells that a line has begun (no PS0 before bash 4.4), or that a denied one is gone, time does.
    if (phase === 'released' && !this.#isScreen) this.#after('release', 250, () => this.#leaveReleased());
    if (phase === 'refused') this.#after('release', 1500, () => this.#backAtPrompt());
  }

  #after(name: TimerName, delayMs: number, callback: () => void): void {
    this.#timers.get(name)?.cancel();
    const timer = this.#options.clock.after(delayMs, () => {
      if (this.#timers.get(name) === timer) this.#timers.delete(name);
      callback();
    });
    this.#timers.set(name, timer);
  }

  #clearTimers(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  get #nowMs(): number {
    return this.#options.clock.monotonic();
  }

  #act(action: GateAction): void {
    this.#options.act(action);
  }
}

function helloReply(token: string): Buffer {
  return Buffer.from(`${token.slice(0, token.indexOf('.'))} ${token}A\n`, 'latin1');
}

const freezeMessages: Readonly<Record<FreezeReason, string>> = {
  'ran-unasked': 'Something ran at the prompt that nobody was asked about.',
  'hooks-silent': 'The integration of the shell did not report the line.',
  'commands-silent': 'The integration of the shell stopped reporting commands.',
  'unknown-nonce': 'Something on the terminal pretended to be the integration of the shell.',
  'side-channel-ended': 'The integration of the shell has lost its channel.',
  'side-channel-malformed': 'The integration of the shell sent what it must not send.',
  'token-reused': 'The integration of the shell sent a question twice.',
  'too-many-asks': 'Too many commands wait for an answer at once.',
  'queue-overflow': 'Too much was typed while a command waited.',
};
