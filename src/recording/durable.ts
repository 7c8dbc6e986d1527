/**
 * How far the journal is durable, in memory that other threads see: they read the files themselves, and the data path pays
 * one store a commit for it.
 *
 * Deliberately absent: events, and who reads them.
 */
import * as limits from './limits.ts';

export class DurableMark {
  readonly memory: SharedArrayBuffer;
  readonly #view: BigInt64Array<SharedArrayBuffer>;

  /** Of this thread's own; or what another thread keeps in `memory`. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.memory = memory;
    this.#view = new BigInt64Array(memory);
  }

  get sequence(): number {
    return Number(Atomics.load(this.#view, 0));
  }

  /** Moves it on, and wakes who waits for that. */
  set(sequence: number): void {
    Atomics.store(this.#view, 0, BigInt(sequence));
    Atomics.notify(this.#view, 0);
  }

  /** Wakes who waits, though nothing moved. */
  wake(): void {
    Atomics.notify(this.#view, 0);
  }

  /** Resolves as soon as it is another than `sequence`, is woken, or waited for long. */
  async moved(sequence: number): Promise<void> {
    const wait = Atomics.waitAsync(this.#view, 0, BigInt(sequence), limits.durableLookMs);
    if (wait.async) await wait.value;
  }
}
