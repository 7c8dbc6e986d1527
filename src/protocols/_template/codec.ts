/**
 * Framing: lines that end in a line feed, and bodies whose length the line before them told.
 *
 * Invariants:
 * - A line is refused when its limit is reached without a line feed, before more of it is gathered.
 * - A body is handed on in the parts in which it came; it is never gathered.
 * - After an error the reader is dead.
 *
 * Deliberately absent: what lines mean (messages.ts), sockets.
 */
import { assert } from '../../base/assert.ts';
import type { GatewayError } from '../../base/errors.ts';
import { templateErrors } from './errors.ts';
import * as limits from './limits.ts';

const lineFeed = 0x0a;

/** A view lives until the next `push`. */
export type Frame =
  | { readonly type: 'line'; readonly text: string; readonly bytes: Buffer }
  | { readonly type: 'body'; readonly bytes: Buffer; readonly last: boolean };

export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);
  #bodyLeft = 0;
  #error: GatewayError | null = null;

  /** Bytes that wait for the rest of their line, or for their turn. */
  get waitingBytes(): number {
    return this.#bytes.length;
  }

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** The next `bytes` bytes are a body. Asked for right after the line that announced it. */
  expectBody(bytes: number): void {
    assert(this.#bodyLeft === 0, 'body within a body');
    this.#bodyLeft = bytes;
  }

  /** The next frame, or null when more bytes are needed. Throws a protocol error, and again ever after. */
  next(): Frame | null {
    if (this.#error !== null) throw this.#error;
    if (this.#bytes.length === 0) return null;
    if (this.#bodyLeft > 0) {
      const bytes = this.#take(Math.min(this.#bodyLeft, this.#bytes.length));
      this.#bodyLeft -= bytes.length;
      return { type: 'body', bytes, last: this.#bodyLeft === 0 };
    }
    const end = this.#bytes.subarray(0, limits.lineBytesMax).indexOf(lineFeed);
    if (end === -1) {
      if (this.#bytes.length < limits.lineBytesMax) return null;
      this.#error = templateErrors('template.line-too-long', { values: { limit: limits.lineBytesMax } });
      throw this.#error;
    }
    const bytes = this.#take(end + 1);
    return { type: 'line', text: bytes.toString('utf8', 0, end), bytes };
  }

  #take(count: number): Buffer {
    const view = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return view;
  }
}
