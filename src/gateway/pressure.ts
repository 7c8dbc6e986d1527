/**
 * How much a thread of low priority has to wait for a core: what tells it that others have none to spare.
 *
 * Honest limit: of Linux's own accounting (`/proc/thread-self/schedstat`: nanoseconds run, nanoseconds waited while ready to run).
 * Where there is none, nobody is known to wait.
 */
import { readFileSync } from 'node:fs';

export class CorePressure {
  #ran = 0;
  #waited = 0;
  #isKnown = true;

  /** Share of the time since the last look, that it wanted a core, in which it had none: from 0 to 1. */
  look(): number {
    if (!this.#isKnown) return 0;
    let times: readonly number[];
    try {
      // Of the thread that calls, so not through the pool that reads files for others.
      times = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ').map(Number);
    } catch {
      this.#isKnown = false;
      return 0;
    }
    const [ran = 0, waited = 0] = times;
    const wanted = ran - this.#ran + (waited - this.#waited);
    const share = wanted > 0 ? (waited - this.#waited) / wanted : 0;
    this.#ran = ran;
    this.#waited = waited;
    return Math.min(1, Math.max(0, share));
  }
}
