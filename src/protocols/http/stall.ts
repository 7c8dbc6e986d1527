/** One timer for whatever an exchange waits for: it looks how long nothing has moved (A-HTTP-11). */
import type { Clock, Timer } from '../../base/clock.ts';

/** How often it looks at least, and at most, in milliseconds. */
const looksAfterMs = { least: 1_000, most: 60_000 };

export class StallWatch {
  readonly #clock: Clock;
  readonly #patienceMs: () => number;
  readonly #onStall: () => void;
  #movedAtMs = 0;
  #timer: Timer | null = null;

  /** `patienceMs` is asked anew each time: it depends on whom the exchange waits for. */
  constructor(clock: Clock, patienceMs: () => number, onStall: () => void) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
    this.#onStall = onStall;
  }

  begin(): void {
    this.moved();
    this.end();
    this.#timer = this.#clock.after(Math.min(this.#patienceMs(), looksAfterMs.most), () => this.#look());
  }

  moved(): void {
    this.#movedAtMs = this.#clock.monotonic();
  }

  end(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const leftMs = this.#patienceMs() - (this.#clock.monotonic() - this.#movedAtMs);
    if (leftMs <= 0) {
      this.#onStall();
      return;
    }
    const nextMs = Math.max(looksAfterMs.least, Math.min(leftMs, looksAfterMs.most));
    this.#timer = this.#clock.after(nextMs, () => this.#look());
  }
}
