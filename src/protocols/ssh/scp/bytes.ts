/**
 * Bytes of one side as they come, taken in the pieces that the conversation needs: a byte, a line, some content.
 *
 * Invariants: a line has a longest length; what nobody takes is bounded by whoever pushes, who is told (`isFull`).
 */
import { sftpErrors } from '../sftp/index.ts';

/** Beyond this the side is not read. */
const heldBytesMax = 256 * 1024;

export class ByteQueue {
  readonly #paced: () => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  /** `paced` is called whenever `isFull` may have changed. */
  constructor(paced: () => void) {
    this.#paced = paced;
  }

  get isFull(): boolean {
    return this.#bytes >= heldBytesMax;
  }

  /** Nothing is left, and nothing more comes. */
  get isOver(): boolean {
    return this.#ended && this.#chunks.length === 0;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0 || this.#ended) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake?.();
    this.#paced();
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Some bytes, at least one and at most `bytesMax`; null at the end. */
  async take(bytesMax: number): Promise<Buffer | null> {
    while (this.#chunks.length === 0) {
      if (this.#ended) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
    const first = this.#chunks[0]!;
    const taken = first.length <= bytesMax ? first : first.subarray(0, bytesMax);
    if (taken.length === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(taken.length);
    this.#bytes -= taken.length;
    this.#paced();
    return taken;
  }

  async byte(): Promise<number | null> {
    return (await this.take(1))?.[0] ?? null;
  }

  /** Up to the next line feed, which is taken and not given. Throws where the line is too long, or ends early. */
  async line(bytesMax: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const piece = await this.take(bytesMax + 1 - bytes);
      if (piece === null) throw sftpErrors('scp.malformed', { detail: 'a line without an end' });
      const at = piece.indexOf(0x0a);
      if (at >= 0) {
        parts.push(piece.subarray(0, at));
        this.#giveBack(piece.subarray(at + 1));
        return Buffer.concat(parts);
      }
      parts.push(piece);
      bytes += piece.length;
      if (bytes > bytesMax) throw sftpErrors('scp.malformed', { detail: 'a line is too long' });
    }
  }

  #giveBack(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#chunks.unshift(rest);
    this.#bytes += rest.length;
  }
}
