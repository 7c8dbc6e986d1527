/**
 * When keys are changed: what we owe (by bytes and time), what we put up with, and how long one exchange may take
 * (A-SSH-09).
 *
 * Invariants: the budget of the peer's exchanges is a bucket that refills with time; one deadline runs at a time.
 */
import type { Clock, Timer } from '../../../base/clock.ts';
import { sshErrors } from './errors.ts';
import * as limits from './limits.ts';

export class KexPace {
  readonly #clock: Clock;
  readonly #limits: limits.SshLimits;
  #budget = limits.kexBurstMax;
  #budgetAtMs: number;
  #timer: Timer | null = null;
  #keyedAtMs = 0;
  #keyedIn = 0;
  #keyedOut = 0;

  constructor(clock: Clock, bounds: limits.SshLimits) {
    this.#clock = clock;
    this.#limits = bounds;
    this.#budgetAtMs = clock.monotonic();
  }

  /** The peer begins an exchange. Throws when it has begun too many: that only wastes our processor. */
  count(): void {
    const nowMs = this.#clock.monotonic();
    const gained = ((nowMs - this.#budgetAtMs) / 1000) * limits.kexPerSecond;
    this.#budget = Math.min(limits.kexBurstMax, this.#budget + gained) - 1;
    this.#budgetAtMs = nowMs;
    if (this.#budget < 0) throw sshErrors('ssh.kex-storm');
  }

  /** New keys, with this many bytes read and written before them. */
  keyed(bytesIn: number, bytesOut: number): void {
    this.stop();
    this.#keyedAtMs = this.#clock.monotonic();
    this.#keyedIn = bytesIn;
    this.#keyedOut = bytesOut;
  }

  isDue(bytesIn: number, bytesOut: number): boolean {
    const { rekeyBytes, rekeyMs } = this.#limits;
    return (
      bytesIn - this.#keyedIn >= rekeyBytes ||
      bytesOut - this.#keyedOut >= rekeyBytes ||
      this.#clock.monotonic() - this.#keyedAtMs >= rekeyMs
    );
  }

  deadline(milliseconds: number, missed: () => void): void {
    this.stop();
    this.#timer = this.#clock.after(milliseconds, missed);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
