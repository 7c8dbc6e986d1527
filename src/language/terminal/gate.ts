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
import { isGatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import { Asks, asksOptions, isSilent } from './asks.ts';
import { type HookNames, makeHookNames } from './hooks/names.ts';
import { type Key, KeySplitter } from './keys.ts';
import * as limits from './limits.ts';
import { type MarkLetter, MarkScanner, promptFacts } from './marks.ts';
import { freezeMessages, spoken, unhookedMessages } from './messages.ts';
import { Opening } from './opening.ts';
import type { GateOptions } from './options.ts';
import { KeyQueue } from './queue.ts';
import { ScreenLines } from './screen-lines.ts';
import { Sender } from './sender.ts';
import { Timers } from './timers.ts';
import type { FreezeReason, GateAsk, GateDecision, GatePhase, UnhookedReason } from './types.ts';
import { encodeReply, type HookRequest, RequestParser } from './verdicts.ts';
import { TerminalView } from './view.ts';

type TimerName = 'submit' | 'settle' | 'release' | 'flush' | 'echo' | 'keys';

export class Gate {
  readonly #options: GateOptions;
  readonly #names: HookNames;
  readonly #view: TerminalView;
  readonly #marks: MarkScanner;
  readonly #keys = new KeySplitter();
  readonly #requests = new RequestParser();
  readonly #sender: Sender;
  readonly #opening: Opening;
  readonly #screen: ScreenLines;
  readonly #timers: Timers<TimerName>;
  #asks: Asks | null = null;
  #phase: GatePhase = 'opening';
  #sideIsUp = false;
  readonly #queue = new KeyQueue();
  /** A line was allowed, and what it starts has not begun. */
  #permit = false;
  /** Something ended a row since the line was submitted or allowed. */
  #rowEnded = false;
  /** What the shell said at its last prompt. */
  #said = promptFacts('');
  /** What the screen shows of the line being asked, where it differs from what was typed. */
  #seen: string | null = null;
  #isDraining = false;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#timers = new Timers(options.clock);
    this.#names = options.names ?? makeHookNames();
    this.#view = new TerminalView(options.columns, options.rows);
    this.#marks = new MarkScanner(this.#names.nonce);
    this.#screen = new ScreenLines(this.#view, () => options.clock.monotonic());
    this.#sender = new Sender(this.#view, this.#timers, () => options.clock.monotonic(), options.act);
    this.#opening = new Opening(options.clock, this.#names, options, {
      act: options.act,
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
    this.#sender.seen();
    // An escape alone may be the beginning of a mark, or all there is.
    if (this.#marks.isHolding) this.#timers.after('flush', 20, () => this.#shown(this.#marks.flush()));
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
    if (this.#keys.isWaiting) this.#timers.after('keys', 30, () => this.#take([this.#keys.flush()]));
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

  #hello(request: HookRequest): void {
    const isNested = this.#opening.isUp;
    const facts = this.#opening.hello(request);
    if (facts === null) {
      if (isNested) this.#freeze('unknown-nonce', request.text);
      return;
    }
    this.#options.act({ do: 'to-side', bytes: encodeReply(request.token, { verdict: 'allow' }) });
    if (request.level !== 'up') return;
    if (isNested) {
      this.#options.act({ do: 'nested', shell: facts });
      return;
    }
    this.#asks = this.#makeAsks();
    if (facts.shell === 'ash') this.#screen.useEditor();
  }

  #makeAsks(): Asks {
    return new Asks(asksOptions(this.#options, this.#opening), {
      act: this.#options.act,
      freeze: (reason, text) => this.#freeze(reason, text),
      lineAsked: () => this.#enter('judging'),
      lineContinues: () => this.#lineContinues(),
      linePart: () => this.#become('prompt'),
      decided: (ask, allowed) => this.#decided(ask, allowed),
      say: (text) => this.#say(text, 31),
    });
  }

  #lineContinues(): void {
    if (this.#phase === 'reading') {
      this.#sendSubmit('released');
      return;
    }
    this.#permit = false;
    this.#enter('released');
  }

  #decided(ask: GateAsk, allowed: boolean): void {
    if (this.#isOver) return;
    if (!allowed) this.#queue.drop();
    if (ask.source === 'screen') {
      if (!allowed) {
        this.#screen.forget();
        this.#asks?.forgetTyped();
        this.#send([{ key: 'interrupt', bytes: Buffer.from([3]) }]);
        this.#enter(this.#screen.isTyping ? 'running' : 'refused');
      } else if (this.#seen === null) this.#sendSubmit('running');
      else {
        // The screen shows something else than the keys say: it may add a denial.
        const seen = this.#seen;
        this.#seen = null;
        this.#asks!.screenLine(seen, 'shown', null, this.#said.directory);
      }
    } else if (ask.level === 'line') {
      this.#permit = allowed;
      this.#enter(allowed ? 'released' : 'refused');
    }
    this.#drain();
  }

  #shown(bytes: Buffer): void {
    if (bytes.length === 0 || this.#phase === 'over') return;
    if (bytes.includes(0x0a)) this.#rowEnded = true;
    this.#view.write(bytes);
    this.#options.act({ do: 'to-user', bytes });
  }

  #mark(letter: MarkLetter, data: string): void {
    if (this.#isOver) return;
    if (letter === 'R') {
      this.#screen.rightPrompt();
      return;
    }
    if (this.#asks === null) return;
    if (letter === 'A') this.#said = promptFacts(data);
    else if (letter === 'B') this.#primaryPrompt();
    else if (letter === 'C') this.#accepted();
    else if (letter === 'G') this.#continuationPrompt();
  }

  #primaryPrompt(): void {
    const isScreen = this.#isScreen;
    if (this.#phase === 'opening') {
      this.#opening.done();
      this.#options.act({ do: 'ready', shell: this.#opening.facts! });
    }
    if (isScreen && this.#phase === 'prompt' && !this.#screen.mayPrompt()) {
      this.#freeze('ran-unasked', '');
      return;
    }
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
        if (this.#permit) {
          this.#timers.after('release', 50, () => this.#backAtPrompt());
          return;
        }
        this.#backAtPrompt();
        return;
      default:
        this.#backAtPrompt();
        return;
    }
  }

  #backAtPrompt(): void {
    if (this.#isOver) return;
    const line = this.#asks?.line ?? null;
    if (line !== null && this.#phase === 'running' && isSilent(line, this.#opening.facts!)) {
      this.#freeze('commands-silent', line.text);
      return;
    }
    this.#asks?.prompted(this.#said.status);
    this.#asks?.forgetTyped();
    this.#become('prompt');
  }

  #continuationPrompt(): void {
    this.#screen.prompt();
    if (this.#phase === 'released' || this.#phase === 'running' || this.#phase === 'refused') this.#become('prompt');
  }

  #accepted(): void {
    switch (this.#phase) {
      case 'running':
        this.#permit = false;
        return;
      case 'opening':
        return;
      default:
        if (!this.#permit) {
          this.#freeze('ran-unasked', '');
          return;
        }
        this.#permit = false;
        this.#become('running');
    }
  }

  #take(keys: readonly (Key | null)[]): void {
    if (this.#isOver) return;
    for (const key of keys) {
      if (key === null) continue;
      const atPrompt = this.#phase === 'prompt';
      if (key.key === 'interrupt' && this.#asks !== null && this.#asks.withdraw(atPrompt)) {
        this.#queue.drop();
        continue;
      }
      if (key.key === 'interrupt' && (this.#phase === 'submitted' || this.#phase === 'released')) {
        // Whatever hangs there, the person wants it to stop; what was typed behind it as well.
        this.#queue.drop();
        this.#send([key]);
        continue;
      }
      this.#queue.push(key);
    }
    this.#drain();
    if (this.#queue.bytes <= limits.queuedInputBytesMax) return;
    if (this.#phase === 'opening') this.#unhooked('input-overflow');
    else this.#freeze('queue-overflow', '');
  }

  /** Sends what may be sent now. */
  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (!this.#queue.isEmpty && this.#mayPass()) this.#drainOnce();
    } finally {
      this.#isDraining = false;
    }
  }

  #mayPass(): boolean {
    if (this.#phase === 'prompt') return !(this.#asks?.isBlocking(true) ?? true);
    if (this.#phase !== 'running') return false;
    return (
      !(this.#asks?.isBlocking(false) ?? true) &&
      !(this.#isScreen && this.#screen.mustWait((ms) => this.#timers.after('release', ms, () => this.#drain())))
    );
  }

  #drainOnce(): void {
    const { passing, stop: submit } = this.#queue.takeUntil(
      (key) => this.#submits(key) || (key.key === 'interrupt' && this.#phase === 'prompt'),
    );
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
    this.#timers.after('submit', limits.submitLookMs, () => this.#lookAfterSubmit());
  }

  #submits(key: Key): boolean {
    if (this.#phase === 'running') {
      return this.#isScreen && !this.#view.isAlternate && key.key === 'submit';
    }
    if (key.key === 'submit') {
      // Behind a lone ESC it is Meta-Enter, which puts a line feed in; where it submits all the same, the hooks ask.
      return this.#isScreen || !this.#sender.isBehindEscape;
    }
    return key.key === 'end-of-file' && this.#isScreen && this.#screen.hasTyped;
  }

  #send(keys: readonly Key[]): void {
    if (this.#isScreen && keys.some((key) => key.key === 'interrupt')) this.#screen.interrupted();
    this.#sender.send(keys);
  }

  /** Nobody asked so far: either it was no submission (an Enter that the line editor took otherwise), or hooks are silent. */
  #lookAfterSubmit(): void {
    if (this.#phase !== 'submitted') return;
    if (!this.#screen.hasMoved()) {
      this.#become('prompt');
      return;
    }
    this.#timers.after('submit', limits.submitMs - limits.submitLookMs, () => {
      if (this.#phase === 'submitted') this.#freeze('hooks-silent', '');
    });
  }

  get #isScreen(): boolean {
    return this.#opening.facts?.assurance === 'screen';
  }

  #settleSoon(): void {
    const delayMs = this.#screen.settleIn(this.#sender.pending);
    this.#timers.after('settle', delayMs, () => this.#readScreen());
  }

  #readScreen(): void {
    if (this.#phase !== 'reading') return;
    const { text, seen, level, denied } = this.#screen.read(this.#sender.pending);
    this.#seen = seen;
    if (text === null || (text.trim() === '' && denied === null && (seen ?? '').trim() === '')) {
      this.#sendSubmit(level === 'typed' ? 'running' : 'released');
      return;
    }
    this.#asks!.screenLine(text, level, denied, level === 'typed' ? null : this.#said.directory);
  }

  #sendSubmit(next: 'released' | 'running'): void {
    const key = this.#screen.submit();
    this.#enter(next);
    if (key !== null) this.#send([key]);
    this.#screen.started();
    if (next === 'released') this.#timers.after('release', limits.typeAheadMs, () => this.#become('running'));
    this.#drain();
  }

  #unhooked(reason: UnhookedReason): void {
    if (this.#phase !== 'opening') return;
    const { unhooked } = this.#options;
    this.#finish();
    this.#options.act({ do: 'unhooked', reason, choice: unhooked, message: unhookedMessages[reason] });
  }

  #freeze(reason: FreezeReason, text: string): void {
    if (this.#isOver) return;
    if (this.#phase === 'opening') {
      this.#unhooked('wrong-hello');
      return;
    }
    this.#queue.drop();
    this.#asks?.close();
    this.#timers.clear();
    this.#phase = 'frozen';
    this.#options.act({ do: 'alert', reason, text });
    this.#say(`${freezeMessages[reason]} The session is frozen; open a new one.`, 31);
    this.#options.act({ do: 'freeze', reason, message: freezeMessages[reason] });
  }

  #finish(): void {
    this.#sender.close();
    this.#asks?.close();
    this.#opening.done();
    this.#timers.clear();
    this.#queue.drop();
    this.#phase = 'over';
    this.#view.dispose();
  }

  get #isOver(): boolean {
    return this.#phase === 'frozen' || this.#phase === 'over';
  }

  #say(text: string, color: number): void {
    const bytes = spoken(this.#options.speaker ?? 'sallyport', text, color);
    this.#view.write(bytes);
    this.#options.act({ do: 'to-user', bytes });
  }

  /** Enters a phase in which input passes, and lets it. */
  #become(phase: 'prompt' | 'running'): void {
    this.#enter(phase);
    this.#drain();
  }

  #enter(phase: GatePhase): void {
    if (this.#isOver) return;
    this.#timers.cancel('submit', 'release', 'settle');
    this.#phase = phase;
    this.#rowEnded = false;
    // Where nothing tells that a line has begun (no PS0 before bash 4.4), or that a denied one is gone, time does.
    if (phase === 'released' && !this.#isScreen) this.#timers.after('release', 250, () => this.#become('running'));
    if (phase === 'refused') this.#timers.after('release', 1500, () => this.#backAtPrompt());
  }
}
