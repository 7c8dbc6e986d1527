/** Named timers of one owner: setting one again replaces it, and all go together. */
import type { Clock, Timer } from '../../base/clock.ts';

export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #set = new Map<Name, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(name: Name, delayMs: number, callback: () => void): void {
    this.#set.get(name)?.cancel();
    const timer = this.#clock.after(delayMs, () => {
      if (this.#set.get(name) === timer) this.#set.delete(name);
      callback();
    });
    this.#set.set(name, timer);
  }

  has(name: Name): boolean {
    return this.#set.has(name);
  }

  cancel(...names: readonly Name[]): void {
    for (const name of names) {
      this.#set.get(name)?.cancel();
      this.#set.delete(name);
    }
  }

  clear(): void {
    for (const timer of this.#set.values()) timer.cancel();
    this.#set.clear();
  }
}
