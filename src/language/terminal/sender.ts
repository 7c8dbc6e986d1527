/** What goes to the target, and what of it may be recorded: keys in one write, each followed by the redaction of input. */
import { RedactedInput } from './input.ts';
import type { Key } from './keys.ts';
import * as limits from './limits.ts';
import type { GateAction } from './types.ts';
import type { TerminalView } from './view.ts';

/** The one timer that a sender needs. */
export interface EchoTimer {
  after(name: 'echo', delayMs: number, callback: () => void): void;
  has(name: 'echo'): boolean;
}

export class Sender {
  readonly #act: (action: GateAction) => void;
  readonly #timers: EchoTimer;
  readonly #nowMs: () => number;
  readonly #recorded: RedactedInput;
  #last: Buffer | null = null;

  constructor(view: TerminalView, timers: EchoTimer, nowMs: () => number, act: (action: GateAction) => void) {
    this.#act = act;
    this.#timers = timers;
    this.#nowMs = nowMs;
    this.#recorded = new RedactedInput(view, (record) => act({ do: 'record-input', record }));
  }

  send(keys: readonly Key[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.#recorded.typed(key, this.#nowMs());
    this.#last = keys.at(-1)!.bytes;
    this.#act({ do: 'to-target', bytes: keys.length === 1 ? this.#last : Buffer.concat(keys.map((key) => key.bytes)) });
    if (!this.#timers.has('echo')) this.#timers.after('echo', limits.echoMs, () => this.seen());
  }

  /** Output was written to the view, or time has passed. */
  seen(): void {
    this.#recorded.seen(this.#nowMs());
  }

  /** Characters sent that have not appeared. */
  get pending(): number {
    return this.#recorded.pending;
  }

  /** The last thing sent was ESC alone: what follows may be its second half. */
  get isBehindEscape(): boolean {
    return this.#last?.length === 1 && this.#last[0] === 0x1b;
  }

  close(): void {
    this.#recorded.close();
  }
}
