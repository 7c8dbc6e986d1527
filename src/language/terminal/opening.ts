/**
 * The beginning of a gated session: side channel, greeting, files, PTY, hello, ready. Every step has its deadline, and each
 * failure is a value with a reason: what then happens is the resource's choice, never a silent fallback.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { makeGuard, type Guard } from './guard.ts';
import type { HookNames } from './hooks/names.ts';
import { isSupported, planShell, readHello, type ShellPlan } from './hooks/plan.ts';
import { encodeFiles, GreetingParser, sideCommand } from './hooks/setup.ts';
import * as limits from './limits.ts';
import type { GateOptions } from './options.ts';
import type { GateAction, ShellFacts, UnhookedReason } from './types.ts';
import type { HookRequest } from './verdicts.ts';

interface OpeningHost {
  readonly act: (action: GateAction) => void;
  readonly failed: (reason: UnhookedReason) => void;
}

export class Opening {
  readonly #clock: Clock;
  readonly #names: HookNames;
  readonly #host: OpeningHost;
  readonly #lessSecure: boolean;
  readonly #helloMs: number;
  readonly #greetings: GreetingParser;
  #timer: Timer | null = null;
  #plan: ShellPlan | null = null;
  #guard: Guard | null = null;
  #facts: ShellFacts | null = null;
  #isUp = false;

  constructor(clock: Clock, names: HookNames, options: Pick<GateOptions, 'lessSecure' | 'helloMs'>, host: OpeningHost) {
    this.#clock = clock;
    this.#names = names;
    this.#lessSecure = options.lessSecure ?? true;
    this.#helloMs = options.helloMs ?? limits.helloMs;
    this.#host = host;
    this.#greetings = new GreetingParser(names.nonce);
  }

  get plan(): ShellPlan | null {
    return this.#plan;
  }
  get guard(): Guard | null {
    return this.#guard;
  }
  get facts(): ShellFacts | null {
    return this.#facts;
  }
  /** The hooks said that they stand. */
  get isUp(): boolean {
    return this.#isUp;
  }

  begin(): void {
    this.#deadline(limits.sideMs, 'no-side-channel');
    this.#host.act({ do: 'open-side', command: sideCommand(this.#names) });
  }

  /** Bytes of the side channel until the script is up; then what followed, for the requests. */
  side(bytes: Buffer): Buffer | null {
    for (let event = this.#greetings.push(bytes); event !== null; event = this.#greetings.push(Buffer.alloc(0))) {
      if (event.event === 'no-directory') {
        this.#host.failed('no-directory');
        return null;
      }
      if (event.event === 'greeting') {
        const { greeting } = event;
        this.#plan = planShell(this.#names, greeting, { lessSecure: this.#lessSecure });
        if (this.#plan === null) {
          this.#host.failed('shell-unsupported');
          return null;
        }
        this.#guard = makeGuard(this.#names, greeting.directory);
        this.#host.act({ do: 'to-side', bytes: encodeFiles(this.#plan.files) });
      } else {
        this.#deadline(this.#plan!.helloIsLate ? limits.readyMs : this.#helloMs, 'no-hello');
        this.#host.act({ do: 'open-pty', command: this.#plan!.start });
        return event.rest;
      }
    }
    return null;
  }

  /** A hello or up of the outermost shell. True where it is right. */
  hello(request: HookRequest): boolean {
    const facts = readHello(this.#names, request.text, this.#plan!.shell);
    if (facts === null || !request.isText) {
      this.#host.failed('wrong-hello');
      return false;
    }
    if (!isSupported(facts)) {
      this.#host.failed('shell-too-old');
      return false;
    }
    this.#facts = facts;
    if (request.level === 'up') this.#isUp = true;
    this.#deadline(limits.readyMs, 'not-ready');
    return true;
  }

  /** The first prompt is there. */
  done(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #deadline(delayMs: number, reason: UnhookedReason): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delayMs, () => this.#host.failed(reason));
  }
}

/** What the person is told. */
export const unhookedMessages: Readonly<Record<UnhookedReason, string>> = {
  'no-side-channel': 'The shell could not be gated: the target opened no second channel (MaxSessions, a forced command?).',
  'no-directory': 'The shell could not be gated: the target has no directory for the session to write to.',
  'shell-unsupported': 'The shell could not be gated: only bash, zsh, fish, dash and busybox sh can be.',
  'shell-too-old': 'The shell could not be gated: its version is too old.',
  'no-hello': 'The shell could not be gated: it did not start as it should (a start-up file that starts another one?).',
  'wrong-hello': 'The shell could not be gated: something else answered in its place.',
  'not-ready': 'The shell could not be gated: its start-up files did not come to an end.',
  'input-overflow': 'The shell could not be gated: too much was typed before it was ready.',
};
