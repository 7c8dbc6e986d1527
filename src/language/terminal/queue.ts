/** Input that waits: keys in order, counted in bytes. */
import type { Key } from './keys.ts';

export class KeyQueue {
  #keys: Key[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  push(key: Key): void {
    this.#keys.push(key);
    this.#bytes += key.bytes.length;
  }

  /** Takes what stands before the first key that `stops`, and that key. */
  takeUntil(stops: (key: Key) => boolean): { readonly passing: readonly Key[]; readonly stop: Key | null } {
    const at = this.#keys.findIndex(stops);
    const passing = at < 0 ? this.#keys : this.#keys.slice(0, at);
    const stop = at < 0 ? null : this.#keys[at]!;
    this.#keys = at < 0 ? [] : this.#keys.slice(at + 1);
    this.#bytes = this.#keys.reduce((sum, key) => sum + key.bytes.length, 0);
    return { passing, stop };
  }

  drop(): void {
    this.#keys = [];
    this.#bytes = 0;
  }
}
