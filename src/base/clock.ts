/**
 * Time behind an interface, so that tests own it.
 *
 * Wall-clock time is for people and records; every deadline is measured on the monotonic clock (F-15).
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic milliseconds since an arbitrary start. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs`; the timer never keeps the process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` every `intervalMs`; the timer never keeps the process alive. */
  every(intervalMs: number, callback: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, callback) {
    const handle = setInterval(callback, intervalMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  #nextId = 1;
  readonly #timers = new Map<number, { dueMs: number; everyMs: number | null; callback: () => void }>();

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add(delayMs, null, callback);
  }

  every(intervalMs: number, callback: () => void): Timer {
    return this.#add(intervalMs, intervalMs, callback);
  }

  /** Moves both clocks and fires what falls due, in order. */
  advance(milliseconds: number): void {
    const end = this.#monotonicMs + milliseconds;
    for (;;) {
      let next: [number, { dueMs: number; everyMs: number | null; callback: () => void }] | undefined;
      for (const entry of this.#timers) {
        if (entry[1].dueMs <= end && (next === undefined || entry[1].dueMs < next[1].dueMs)) next = entry;
      }
      if (next === undefined) break;
      const [id, timer] = next;
      const step = Math.max(0, timer.dueMs - this.#monotonicMs);
      this.#monotonicMs += step;
      this.#nowMs += step;
      if (timer.everyMs === null) this.#timers.delete(id);
      else timer.dueMs += timer.everyMs;
      timer.callback();
    }
    this.#nowMs += end - this.#monotonicMs;
    this.#monotonicMs = end;
  }

  /** Steps the wall clock only, as an administrator or NTP would. */
  stepWall(milliseconds: number): void {
    this.#nowMs += milliseconds;
  }

  #add(delayMs: number, everyMs: number | null, callback: () => void): Timer {
    const id = this.#nextId++;
    this.#timers.set(id, { dueMs: this.#monotonicMs + delayMs, everyMs, callback });
    return { cancel: () => void this.#timers.delete(id) };
  }
}
