/**
 * What masks the output of a released command: a stream for each of its two, by the plan that its verdict came with; and how
 * what a mask holds back comes out in time.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { MaskedOutput, OutputMask, TerminalMask } from '../../core/masking.ts';
import type { Command } from '../../core/session.ts';
import type { PtySize } from './transport/index.ts';

/** `pty`: its output is a terminal's, and it has no error stream of its own. */
export function masksOf(
  command: Command,
  pty: PtySize | null,
): readonly [TerminalMask | OutputMask | null, OutputMask | null] {
  const streams = command.judgement?.output?.streams ?? null;
  if (streams === null) return [null, null];
  return [pty === null ? streams.plain() : streams.terminal({ columns: pty.columns, rows: pty.rows }), streams.plain()];
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
