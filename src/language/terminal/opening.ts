/**
 * The beginning of a gated session: side channel, greeting, files, PTY, hello, ready. Every step has its deadline, and each
 * failure is a value with a reason: what then happens is the resource's choice, never a silent fallback.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { type Guard, makeGuard } from './guard.ts';
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

  /** A hello or up: of the outermost shell, then of shells inside it. Null where it is not of this session. */
  hello(request: HookRequest): ShellFacts | null {
    const facts = request.isText ? readHello(this.#names, request.text) : null;
    if (this.#isUp) return facts;
    if (facts === null || facts.shell !== this.#plan!.shell) {
      this.#host.failed('wrong-hello');
      return null;
    }
    if (!isSupported(facts)) {
      this.#host.failed('shell-too-old');
      return null;
    }
    this.#facts = facts;
    if (request.level === 'up') this.#isUp = true;
    this.#deadline(limits.readyMs, 'not-ready');
    return facts;
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
