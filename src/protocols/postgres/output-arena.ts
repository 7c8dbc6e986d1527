/**
 * Where rewritten messages of one chunk are put together, back to back, so that they leave as one view.
 *
 * Ownership: what `take` gives is the caller's; the arena begins anew with bytes of its own.
 */
import { arenaBytes } from './mask-limits.ts';

export class Arena {
  #bytes: Buffer = none;
  length = 0;

  copy(source: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    source.copy(this.#bytes, this.length, start, end);
    this.length += end - start;
  }

  int32(value: number): void {
    this.#reserve(4);
    this.length = this.#bytes.writeInt32BE(value, this.length);
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  /** Overwrites four bytes written before, for lengths that are known only at the end. */
  patchInt32(at: number, value: number): void {
    this.#bytes.writeInt32BE(value, at);
  }

  /** Forgets what was written from here on. */
  truncate(length: number): void {
    this.length = length;
  }

  take(): Buffer {
    const view = this.#bytes.subarray(0, this.length);
    this.#bytes = none;
    this.length = 0;
    return view;
  }

  #reserve(size: number): void {
    const need = this.length + size;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.#bytes.length * 2, arenaBytes));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}

const none = Buffer.alloc(0);
