/**
 * One stream of output on its way through its mask: what comes out of it at once, and what is held back until its time is
 * over. For every protocol whose output is a stream.
 *
 * Invariants: bytes keep their order; what a mask holds back is asked for again when it says so, and at the end.
 *
 * Deliberately absent: which mask (judge), where bytes go (protocols).
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { MaskedOutput, OutputMask, TerminalMask, TerminalSize } from './masking.ts';
import type { Command } from './run.ts';

/** What masks the output and the error stream of a released command. `terminal`: its output is one, and it has no error stream. */
export function masksOf(
  command: Command,
  terminal: TerminalSize | null,
): readonly [TerminalMask | OutputMask | null, OutputMask | null] {
  const streams = command.judgement?.output?.streams ?? null;
  if (streams === null) return [null, null];
  const { columns, rows } = terminal ?? { columns: 0, rows: 0 };
  return [terminal === null ? streams.plain() : streams.terminal({ columns, rows }), streams.plain()];
}

export interface MaskedStreamParts {
  /** Null: everything passes as it is. */
  readonly mask: TerminalMask | OutputMask | null;
  readonly clock: Clock;
  readonly deliver: (bytes: Buffer) => void;
  /** A mask that has work left wants nothing more before it is done. */
  readonly pause: () => void;
  readonly resume: () => void;
}

/** One stream through its mask. What is held back is looked at again when its time is over. */
export class MaskedStream {
  readonly #parts: MaskedStreamParts;
  #timer: Timer | null = null;
  #isWorking = false;
  #isOver = false;

  constructor(parts: MaskedStreamParts) {
    this.#parts = parts;
  }

  get isWorking(): boolean {
    return this.#isWorking;
  }

  /** How often each rule masked something. */
  get hits(): ReadonlyMap<string, number> {
    return this.#parts.mask?.hits ?? nothing;
  }

  push(view: Buffer): void {
    const { mask, deliver } = this.#parts;
    if (mask === null) deliver(view);
    else this.#take(mask.push(view, this.#nowMs));
  }

  resize(columns: number, rows: number): void {
    const { mask } = this.#parts;
    if (mask !== null && 'resize' in mask) this.#take(mask.resize({ columns, rows }, this.#nowMs));
  }

  /** The stream is over: what is held back comes out. Nothing may be pushed afterwards. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    const { mask, deliver } = this.#parts;
    if (mask !== null) deliver(mask.end());
  }

  /** Nobody wants what is held back any more. */
  drop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #take({ bytes, holdUntilMs }: MaskedOutput): void {
    const { mask, clock, deliver, pause, resume } = this.#parts;
    this.#timer?.cancel();
    this.#timer = null;
    deliver(bytes);
    if (mask === null || holdUntilMs === null || this.#isOver) return;
    const delayMs = Math.max(0, holdUntilMs - this.#nowMs);
    if (delayMs === 0) {
      this.#isWorking = true;
      pause();
    }
    this.#timer = clock.after(delayMs, () => {
      const wasWorking = this.#isWorking;
      this.#isWorking = false;
      this.#take(mask.flush(this.#nowMs));
      if (wasWorking && !this.#isWorking) resume();
    });
  }

  get #nowMs(): number {
    return this.#parts.clock.monotonic();
  }
}

const nothing: ReadonlyMap<string, number> = new Map();

/** Hits of several streams as `command.ended` tells them; undefined where there are none. */
export function maskedCounts(
  streams: readonly { readonly hits: ReadonlyMap<string, number> }[],
): Readonly<Record<string, number>> | undefined {
  const counts: Record<string, number> = {};
  for (const { hits } of streams) for (const [rule, count] of hits) counts[rule] = (counts[rule] ?? 0) + count;
  return Object.keys(counts).length === 0 ? undefined : counts;
}
