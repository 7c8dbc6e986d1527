/**
 * Who waits for which sequence to become durable. Served in order of sequence, and of arrival within one.
 * Waits come almost always in order, so this is a queue that inserts only when it must.
 */

export type DurableCallback = (error: Error | null) => void;

export class Waiters {
  #sequences: number[] = [];
  #callbacks: DurableCallback[] = [];
  #head = 0;

  get size(): number {
    return this.#sequences.length - this.#head;
  }
  /** The last sequence that somebody waits for; 0 where nobody waits. */
  get last(): number {
    return this.#sequences.at(-1) ?? 0;
  }

  add(sequence: number, callback: DurableCallback): void {
    let at = this.#sequences.length;
    while (at > this.#head && this.#sequences[at - 1]! > sequence) at--;
    if (at === this.#sequences.length) {
      this.#sequences.push(sequence);
      this.#callbacks.push(callback);
    } else {
      this.#sequences.splice(at, 0, sequence);
      this.#callbacks.splice(at, 0, callback);
    }
  }

  /** Calls back everyone up to `sequence`. Those who add themselves meanwhile are served too, where they are due. */
  release(sequence: number, error: Error | null): void {
    while (this.#head < this.#sequences.length && this.#sequences[this.#head]! <= sequence) {
      const callback = this.#callbacks[this.#head]!;
      // Who was served would be kept for as long as somebody waits, with all that they know.
      this.#callbacks[this.#head] = served;
      this.#head++;
      if (this.#head === this.#sequences.length) {
        this.#sequences = [];
        this.#callbacks = [];
        this.#head = 0;
      } else if (this.#head > 4096 && this.#head * 2 > this.#sequences.length) {
        this.#sequences = this.#sequences.slice(this.#head);
        this.#callbacks = this.#callbacks.slice(this.#head);
        this.#head = 0;
      }
      callAside(callback, error);
    }
  }
}

const served: DurableCallback = () => undefined;

/** One caller's bug must not keep the others waiting; it surfaces as an uncaught exception instead. */
function callAside(callback: DurableCallback, error: Error | null): void {
  try {
    callback(error);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
