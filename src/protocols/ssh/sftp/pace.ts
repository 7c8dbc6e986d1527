/**
 * Pace: how much content may pass per second, where a rule says so. A bucket that holds half a second of it.
 *
 * Invariant: over any long time no more than the rate passes; a piece larger than the bucket passes, and is paid for
 * afterwards.
 */
import type { Clock } from '../../../base/clock.ts';

const bucketSeconds = 0.5;

export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  /** Monotonic time at which the bucket is full again. */
  #fullAtMs: number;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#fullAtMs = clock.monotonic();
  }

  /** Takes `bytes`, and says how many milliseconds to wait before whatever comes next may pass. */
  take(bytes: number): number {
    const now = this.#clock.monotonic();
    this.#fullAtMs = Math.max(now, this.#fullAtMs) + (bytes / this.#bytesPerSecond) * 1000;
    return Math.max(0, this.#fullAtMs - now - bucketSeconds * 1000);
  }

  /** Fewer bytes passed than were taken. */
  refund(bytes: number): void {
    this.#fullAtMs -= (bytes / this.#bytesPerSecond) * 1000;
  }
}
