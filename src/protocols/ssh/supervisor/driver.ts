/**
 * The gateway's end of one supervisor, as a state machine that takes bytes and answers with actions: placing it, starting the
 * program under it, and then its questions, each answered once.
 *
 *     placing ── placed ──► waiting ── program's channel, R, S, B ──► running ──► over
 *        └ failed ──► over                     └ failed ──► over
 *
 * Invariants: a token is good for one answer; whatever is not understood ends it, and with it (in supervisor.c) everything
 * that runs under it. Every step has its deadline.
 *
 * Deliberately absent: channels, sessions, what is allowed (kernel.ts).
 */
import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../../base/clock.ts';
import { isGatewayError } from '../../../base/errors.ts';
import {
  encodeStart,
  encodeVerdict,
  FrameParser,
  type RefusedWhy,
  type StartRequest,
  type SupervisorFrame,
} from './codec.ts';
import * as limits from './limits.ts';
import { binaryFor, type PlaceFailure, PlaceParser, placeCommand } from './place.ts';

export type UnplacedReason = PlaceFailure | 'no-side-channel' | 'no-system' | 'no-answer' | 'malformed';

export type SupervisorAction =
  /** Open an exec channel without PTY. Its stdout goes to `side`, its end to `sideEnded`. */
  | { readonly do: 'open-side'; readonly command: string }
  | { readonly do: 'to-side'; readonly bytes: Buffer; readonly token: string | null }
  /** It waits: open the program's channel for this command, having said what to start (`start`). */
  | { readonly do: 'placed'; readonly command: string }
  | { readonly do: 'unplaced'; readonly reason: UnplacedReason; readonly message: string }
  /** The program runs. `noNewPrivileges`: programs cannot gain any, so that sudo does not work. */
  | { readonly do: 'begun'; readonly noNewPrivileges: boolean }
  | { readonly do: 'ask'; readonly request: StartRequest }
  /** `killed`: what started was not what was approved. */
  | {
      readonly do: 'ended';
      readonly token: string;
      readonly how: 'started' | 'failed' | 'killed' | 'withdrawn';
      readonly errno: number;
    }
  | { readonly do: 'refused'; readonly why: RefusedWhy; readonly name: Buffer }
  /** The side channel is gone, or carried what it must not; everything under the supervisor ends. */
  | { readonly do: 'lost'; readonly isViolation: boolean };

type Phase = 'placing' | 'waiting' | 'running' | 'over';

export class Supervisor {
  readonly #clock: Clock;
  readonly #act: (action: SupervisorAction) => void;
  readonly #nonce = randomBytes(12).toString('hex');
  readonly #greeting = new PlaceParser(this.#nonce);
  readonly #frames = new FrameParser();
  readonly #open = new Set<string>();
  #phase: Phase = 'placing';
  #isPlaced = false;
  #directory = '';
  #start: { readonly command: Buffer | null } | null = null;
  #timer: Timer | null = null;

  constructor(clock: Clock, act: (action: SupervisorAction) => void) {
    this.#clock = clock;
    this.#act = act;
  }

  place(): void {
    this.#within(() => this.#failed('no-answer'));
    this.#act({ do: 'open-side', command: placeCommand(this.#nonce) });
  }

  /** What will be asked for when the supervisor asks; before the channel of `placed` is opened. Null: the login shell. */
  start(command: Buffer | null): void {
    this.#start = { command };
    this.#within(() => this.#failed('no-answer'));
  }

  /** Bytes of the side channel's output. */
  side(bytes: Buffer): void {
    if (this.#phase === 'over') return;
    try {
      if (this.#isPlaced) this.#read(bytes);
      else this.#placing(bytes);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#failed('malformed');
    }
  }

  sideEnded(): void {
    this.#failed('no-side-channel');
  }

  /** Answers a question. False where it is not open any more. */
  decide(token: string, allowed: boolean): boolean {
    if (this.#phase !== 'running' || !this.#open.delete(token)) return false;
    this.#act({ do: 'to-side', bytes: encodeVerdict(token, allowed), token });
    return true;
  }

  close(): void {
    this.#phase = 'over';
    this.#timer?.cancel();
  }

  #placing(bytes: Buffer): void {
    const event = this.#greeting.push(bytes);
    switch (event?.event) {
      case undefined:
        return;
      case 'system': {
        const binary = binaryFor(event.system);
        if (binary === null) {
          this.#failed('no-system');
          return;
        }
        this.#act({ do: 'to-side', bytes: binary, token: null });
        // The answer may have come with the greeting only if somebody else made it up.
        return;
      }
      case 'failed':
        this.#failed(event.why);
        return;
      case 'placed':
        this.#isPlaced = true;
        this.#directory = event.directory;
        this.#read(event.rest);
    }
  }

  #read(bytes: Buffer): void {
    for (const frame of this.#frames.push(bytes)) {
      if (this.#phase === 'over') return;
      this.#take(frame);
    }
  }

  #take(frame: SupervisorFrame): void {
    switch (frame.frame) {
      case 'hello':
        if (this.#phase !== 'placing' || frame.version !== 1) {
          this.#failed('malformed');
          return;
        }
        this.#timer?.cancel();
        this.#phase = 'waiting';
        this.#act({ do: 'placed', command: `exec ${this.#directory}/s run ${this.#directory}` });
        return;
      case 'ready':
        if (this.#phase !== 'waiting' || this.#start === null) {
          this.#failed('malformed');
          return;
        }
        this.#act({ do: 'to-side', bytes: encodeStart(this.#start.command), token: null });
        return;
      case 'begun':
        if (this.#phase !== 'waiting') {
          this.#failed('malformed');
          return;
        }
        this.#timer?.cancel();
        this.#phase = 'running';
        this.#act({ do: 'begun', noNewPrivileges: frame.noNewPrivileges });
        return;
      case 'ask':
        if (this.#phase !== 'running' || this.#open.size >= limits.asksMax) {
          this.#failed('malformed');
          return;
        }
        this.#open.add(frame.request.token);
        this.#act({ do: 'ask', request: frame.request });
        return;
      case 'refused':
        this.#act({ do: 'refused', why: frame.why, name: frame.name });
        return;
      default:
        this.#open.delete(frame.token);
        this.#act({ do: 'ended', token: frame.token, how: frame.frame, errno: frame.errno });
        return;
    }
  }

  #failed(reason: UnplacedReason): void {
    if (this.#phase === 'over') return;
    const was = this.#phase;
    this.close();
    if (was === 'placing') this.#act({ do: 'unplaced', reason, message: unplacedMessages[reason] });
    else this.#act({ do: 'lost', isViolation: reason === 'malformed' });
  }

  #within(late: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(limits.stepMs, late);
  }
}

const unplacedMessages: Readonly<Record<UnplacedReason, string>> = {
  'no-side-channel': 'The target does not open the second channel that judging programs needs.',
  'no-system': 'Programs can be judged on Linux for x86-64 and arm64 only.',
  'no-directory': 'The target has no directory from which this account may start a program.',
  'no-kernel': 'The kernel of the target is too old to ask about programs (5.9 is needed), or forbids it here.',
  altered: 'What arrived on the target is not what was sent.',
  'no-answer': 'The target did not answer in time.',
  malformed: 'The target sent what it must not send.',
};
