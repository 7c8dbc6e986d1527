/** The last bytes that the primary screen was drawn with, so that its shadow can be made when a program draws on it. */
import * as limits from './limits.ts';

const newline = 0x0a;

export class Past {
  #chunks: Buffer[] = [];
  #length = 0;

  add(bytes: Buffer, from: number, to: number): void {
    if (to <= from) return;
    const chunk = Buffer.from(bytes.subarray(Math.max(from, to - limits.pastBytesMax), to));
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length - this.#chunks[0]!.length >= limits.pastBytesMax) this.#length -= this.#chunks.shift()!.length;
    // Many small chunks are joined, so that there is no list of thousands.
    if (this.#chunks.length > 256) this.#chunks = [Buffer.concat(this.#chunks)];
  }

  /** Takes the last bytes away again. */
  drop(count: number): void {
    const all = Buffer.concat(this.#chunks);
    this.set(all.subarray(0, Math.max(0, all.length - count)));
  }

  set(bytes: Buffer): void {
    this.#chunks = [bytes];
    this.#length = bytes.length;
  }

  /** From the beginning of a line on, where the beginning of all is not there any more. */
  bytes(): Buffer {
    const all = Buffer.concat(this.#chunks);
    if (all.length < limits.pastBytesMax) return all;
    return all.subarray(all.indexOf(newline) + 1);
  }
}
