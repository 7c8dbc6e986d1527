/**
 * COPY in binary. See mask-copy.ts.
 *
 * Byte11 signature, Int32 flags, Int32 length of an extension, its bytes; then for each tuple Int16 fields, −1 for the
 * end of the data, and for each field Int32 length, −1 NULL, and its bytes.
 */
import { maskedValueBytesMax } from '../../core/limits.ts';
import { Body } from './body.ts';
import type { CopyMasker } from './mask-copy.ts';
import { PieceOutput } from './mask-copy-output.ts';
import { fillOf } from './mask-fill.ts';
import { type MaskedColumn, maskValue } from './mask-value.ts';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const none = Buffer.alloc(0);

type State = 'header' | 'extension' | 'tuple' | 'length' | 'value' | 'ended';

export class BinaryCopy implements CopyMasker {
  readonly #columnOf: (index: number) => MaskedColumn | null;
  #state: State = 'header';
  /** What the state gathers: a header, a count, a length with its value. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** How much the state needs. */
  #need = signature.length + 8;
  #fields = 0;
  #index = 0;
  #size = 0;

  constructor(columnOf: (index: number) => MaskedColumn | null) {
    this.#columnOf = columnOf;
  }

  push(piece: Buffer): Buffer {
    const output = new PieceOutput(piece);
    for (let at = 0; at < piece.length; ) {
      if (this.#state === 'ended') throw malformed('data behind the end');
      const take = Math.min(this.#need - this.#pendingBytes, piece.length - at);
      this.#take(piece, at, at + take, output);
      at += take;
    }
    return output.finish();
  }

  end(): Buffer {
    if (this.#state !== 'ended') throw malformed('no end');
    return none;
  }

  /** What stands from `start` to `end` belongs to the state's bytes, perhaps as their last. */
  #take(piece: Buffer, start: number, end: number, output: PieceOutput): void {
    const column = this.#state === 'value' || this.#state === 'length' ? this.#columnOf(this.#index) : null;
    const whole = this.#pendingBytes + end - start === this.#need;
    if (this.#state === 'value' && (column === null || this.#size > maskedValueBytesMax)) {
      if (column !== null) {
        const now = column.constant === undefined ? Buffer.from(piece.subarray(start, end)) : none;
        // Too long to be held, its length already told, its type unknown: covered, whatever a detector would say.
        fillOf(0, true, false)(now, this.#pendingBytes, this.#size);
        output.replace(start, end, now);
        if (whole) column.tally.count++;
      }
      this.#pendingBytes = whole ? 0 : this.#pendingBytes + end - start;
      if (whole) this.#next();
      return;
    }
    if (!whole) {
      this.#pending.push(Buffer.from(piece.subarray(start, end)));
      this.#pendingBytes += end - start;
      // Of a masked value nothing leaves before its length is certain; everything else passes as it comes.
      if (column !== null) output.replace(start, end, none);
      return;
    }
    const held = this.#pendingBytes > 0;
    const bytes = held ? Buffer.concat([...this.#pending, piece.subarray(start, end)]) : piece.subarray(start, end);
    this.#pending = [];
    this.#pendingBytes = 0;
    const now = this.#step(bytes, column);
    if (column !== null && (held || now !== bytes)) output.replace(start, end, now);
  }

  /** The state's bytes are whole; gives what is delivered for them, where the column is masked. */
  #step(bytes: Buffer, column: MaskedColumn | null): Buffer {
    switch (this.#state) {
      case 'header':
        if (!bytes.subarray(0, signature.length).equals(signature)) throw malformed('signature');
        this.#enter('extension', bytes.readUInt32BE(signature.length + 4));
        return bytes;
      case 'extension':
        this.#enter('tuple', 2);
        return bytes;
      case 'tuple':
        this.#fields = bytes.readInt16BE(0);
        this.#index = -1;
        if (this.#fields < 0) this.#enter('ended', 0);
        else this.#next();
        return bytes;
      case 'length':
        return this.#length(bytes, column);
      default:
        return this.#value(bytes, column!);
    }
  }

  #length(bytes: Buffer, column: MaskedColumn | null): Buffer {
    this.#size = bytes.readInt32BE(0);
    if (this.#size < -1) throw malformed('length');
    if (this.#size <= 0) {
      if (column !== null && (this.#size === 0 || column.constant !== undefined)) return this.#value(none, column);
      this.#next();
      return bytes;
    }
    this.#enter('value', this.#size);
    // What is the same for every value need not wait for this one.
    if (column?.constant !== undefined && this.#size > maskedValueBytesMax) return fieldOf(column.constant);
    // The length of a value that is masked leaves with the value.
    return column === null || this.#size > maskedValueBytesMax ? bytes : none;
  }

  /** Length and bytes of the masked value. */
  #value(value: Buffer, column: MaskedColumn): Buffer {
    const now = maskValue(column, value);
    if (now !== value) column.tally.count++;
    this.#next();
    return fieldOf(now);
  }

  /** The next field, or the next tuple. */
  #next(): void {
    this.#index++;
    if (this.#index < this.#fields) this.#enter('length', 4);
    else this.#enter('tuple', 2);
  }

  #enter(state: State, need: number): void {
    this.#state = state;
    this.#need = need;
    // A header without an extension.
    if (state === 'extension' && need === 0) this.#enter('tuple', 2);
  }
}

function fieldOf(value: Buffer | null): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value === null ? -1 : value.length);
  return value === null ? length : Buffer.concat([length, value]);
}

function malformed(why: string): Error {
  return new Body('COPY', none, 0, 0).malformed(why);
}
