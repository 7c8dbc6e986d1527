/**
 * One message of HTTP/1.1 on its way out: its head, its body in the framing that the head says.
 *
 * Invariants: what leaves is exactly what its framing announces: a body of a known length never gets a byte too many, and one
 * that is too short is not ended but told to the caller, who tears the connection. Head and first bytes leave together where
 * both are there.
 *
 * Deliberately absent: what the head says.
 */
import { assert } from '../../base/assert.ts';
import type { Field } from './fields.ts';
import { type Framing, headText } from './head.ts';

/** Views up to this many bytes are copied behind what leaves before them; a write of its own costs more. */
const joinedBytesMax = 16 * 1024;

const lastChunk = Buffer.from('0\r\n\r\n');
const endOfLine = Buffer.from('\r\n');

export class Message {
  readonly #write: (view: Buffer) => boolean;
  readonly #framing: Framing;
  /** Null once it has left. */
  #head: string | null;
  #left: number;
  isEnded = false;

  /** `write` gets what leaves; false: the other side should wait. */
  constructor(write: (view: Buffer) => boolean, head: string, framing: Framing) {
    this.#write = write;
    this.#head = head;
    this.#framing = framing;
    this.#left = framing.kind === 'length' ? framing.bytes : 0;
  }

  /** Something of it has left. */
  get hasBegun(): boolean {
    return this.#head === null;
  }

  /** The head leaves now, though nothing follows yet. */
  flush(): void {
    if (this.#head !== null) this.#send(null, null, null);
  }

  /** Whether so many bytes more are of the body that the head announces. */
  fits(bytes: number): boolean {
    const { kind } = this.#framing;
    return kind === 'chunked' || kind === 'close' || bytes <= this.#left;
  }

  /** Bytes of the body, which must fit. False: wait. */
  write(view: Buffer): boolean {
    if (view.length === 0) return true;
    assert(!this.isEnded, 'bytes behind a message');
    if (this.#framing.kind === 'chunked') return this.#send(`${view.length.toString(16)}\r\n`, view, endOfLine);
    // It would be taken for the beginning of another message.
    assert(this.fits(view.length), 'more of a body than its head says');
    if (this.#framing.kind === 'length') this.#left -= view.length;
    return this.#send(null, view, null);
  }

  /** False: less than its head says was written, and nothing may follow on the connection. */
  end(trailers: readonly Field[]): boolean {
    if (this.isEnded) return true;
    this.isEnded = true;
    if (this.#left > 0) {
      this.flush();
      return false;
    }
    if (this.#framing.kind !== 'chunked') this.flush();
    else if (trailers.length === 0) this.#send(null, lastChunk, null);
    else this.#send(headText('0', trailers), null, null);
    return true;
  }

  #send(before: string | null, view: Buffer | null, after: Buffer | null): boolean {
    const text = (this.#head ?? '') + (before ?? '');
    this.#head = null;
    const viewBytes = view?.length ?? 0;
    if (text.length + viewBytes === viewBytes && view !== null && after === null) return this.#write(view);
    if (view === null || viewBytes <= joinedBytesMax) {
      const out = Buffer.allocUnsafe(text.length + viewBytes + (after?.length ?? 0));
      out.write(text, 0, 'latin1');
      view?.copy(out, text.length);
      after?.copy(out, text.length + viewBytes);
      return this.#write(out);
    }
    this.#write(Buffer.from(text, 'latin1'));
    const flows = this.#write(view);
    return after === null ? flows : this.#write(after);
  }
}
