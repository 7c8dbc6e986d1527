/**
 * A row that is too long to be gathered, masked piece by piece. Its length and those of its values stand before them, so
 * everything that is masked keeps its length: text goes through the mask's own stream, other types are covered.
 *
 * Invariants:
 * - As many bytes leave as came; a stream that does not keep to that ends the session.
 * - What is held is one value of at most `maskedRowBytesMax`, and only where a detector must see it whole.
 *
 * Deliberately absent: rows that can be gathered (mask-row.ts).
 */
import { assert } from '../../base/assert.ts';
import type { MaskStream } from '../../core/masking.ts';
import { Body, headerBytes } from './body.ts';
import { type Fill, fillOf } from './mask-fill.ts';
import * as limits from './mask-limits.ts';
import type { RowMasker } from './mask-row.ts';
import { valueTypeOf } from './mask-types.ts';
import { type MaskedColumn, maskValue } from './mask-value.ts';
import { textualTypes } from './value-encode.ts';
import { arrayTypes } from './value-types.ts';

/** Takes the pieces of one value. */
type ValueSink = (piece: Buffer, last: boolean) => Buffer;

export class RowStream {
  readonly #row: RowMasker;
  /** The columns, once their number is known. */
  #columns: readonly (MaskedColumn | null)[] | null = null;
  #index = 0;
  /** The row's head or a value's length, while it is not whole. */
  #head: Buffer = none;
  #valueLeft = 0;
  #sink: ValueSink | null = null;
  #left: number;

  /** `length`: the DataRow's length field. */
  constructor(row: RowMasker, length: number) {
    this.#row = row;
    this.#left = length + 1;
  }

  /** Takes the next piece of the message, header included; gives back what is certain of it. Does not keep `piece`. */
  push(piece: Buffer): Buffer {
    this.#left -= piece.length;
    const parts: Buffer[] = [];
    for (let at = 0; at < piece.length; ) {
      if (this.#valueLeft > 0) {
        const take = Math.min(this.#valueLeft, piece.length - at);
        this.#valueLeft -= take;
        const view = piece.subarray(at, at + take);
        parts.push(this.#sink === null ? view : this.#sink(view, this.#valueLeft === 0));
        at += take;
      } else {
        const need = this.#columns === null ? headerBytes + 2 : 4;
        const take = Math.min(need - this.#head.length, piece.length - at);
        this.#head = Buffer.concat([this.#head, piece.subarray(at, at + take)]);
        at += take;
        if (this.#head.length === need) {
          parts.push(this.#head);
          this.#begin(this.#head);
          this.#head = none;
        }
      }
    }
    const open = this.#valueLeft > 0 || this.#head.length > 0 || this.#index < (this.#columns?.length ?? 1);
    if (this.#left === 0 && open) throw malformed();
    return Buffer.concat(parts);
  }

  #begin(head: Buffer): void {
    if (this.#columns === null) {
      this.#columns = this.#row.columns(head.readUInt16BE(headerBytes));
      return;
    }
    if (this.#index >= this.#columns.length) throw malformed();
    const column = this.#columns[this.#index++]!;
    const size = head.readInt32BE(0);
    this.#valueLeft = Math.max(0, size);
    // An empty value has no pieces; there is nothing in it.
    this.#sink = column === null || size <= 0 ? null : sinkOf(column, size);
  }
}

const none = Buffer.alloc(0);

function malformed(): Error {
  return new Body('DataRow', none, 0, 0).malformed('lengths');
}

function sinkOf(column: MaskedColumn, size: number): ValueSink {
  const { typeOid, isBinary, detects } = column;
  const textual = isBinary ? textualTypes.has(typeOid) : typeOid === 0 || valueTypeOf(typeOid) === 'text';
  if (textual && (detects || typeOid !== 114))
    return streamed(column, new CheckedStream(column.mask.stream(column.cell)), 0);
  if (!detects) return filled(column, fillOf(typeOid, isBinary, arrayTypes.has(typeOid)), size);
  if (!isBinary) return streamed(column, new CheckedStream(column.mask.stream(column.cell)), 0);
  if (typeOid === 3802) return streamed(column, new CheckedStream(column.mask.stream(column.cell)), 1);
  // A detector looks for text in bytea, and text is what its bytes are.
  if (typeOid === 17) return streamed(column, new CheckedStream(column.mask.stream(column.cellOf(25))), 0);
  return searched(column, size);
}

function filled(column: MaskedColumn, fill: Fill, size: number): ValueSink {
  let offset = 0;
  return (piece, last) => {
    const now = Buffer.from(piece);
    fill(now, offset, size);
    offset += piece.length;
    if (last) column.tally.count++;
    return now;
  };
}

/** A mask's stream, held to its word: as many bytes come back as were given. Tells whether it changed any. */
export class CheckedStream {
  readonly #stream: MaskStream;
  #given = 0;
  #got = 0;
  /** What the stream has kept back so far, as long as it has changed nothing. */
  #before: Buffer = none;
  changed = false;

  constructor(stream: MaskStream) {
    this.#stream = stream;
  }

  /** `piece` passes to the stream. */
  push(piece: Buffer, last: boolean): Buffer {
    this.#given += piece.length;
    if (!this.changed) this.#before = Buffer.concat([this.#before, piece]);
    const now = this.#stream.push(piece, last);
    this.#got += now.length;
    assert(last ? this.#got === this.#given : this.#got <= this.#given, 'a masked stream keeps its length');
    if (!this.changed) {
      this.changed = !now.equals(this.#before.subarray(0, now.length));
      this.#before = this.changed ? none : this.#before.subarray(now.length);
    }
    return now;
  }
}

/** Through the mask's stream, but for the first `skip` bytes. */
function streamed(column: MaskedColumn, stream: CheckedStream, skip: number): ValueSink {
  let given = 0;
  return (piece, last) => {
    const head = piece.subarray(0, Math.max(0, skip - given));
    given += piece.length;
    const now = stream.push(Buffer.from(piece.subarray(head.length)), last);
    if (last && stream.changed) column.tally.count++;
    return head.length === 0 ? now : Buffer.concat([head, now]);
  };
}

/** A detector sees the value whole; one in which it finds something is covered. */
function searched(column: MaskedColumn, size: number): ValueSink {
  const { typeOid, isBinary } = column;
  const fill = fillOf(typeOid, isBinary, arrayTypes.has(typeOid));
  if (size > limits.maskedRowBytesMax) return filled(column, fill, size);
  const gathered: Buffer[] = [];
  return (piece, last) => {
    gathered.push(Buffer.from(piece));
    if (!last) return none;
    const value = Buffer.concat(gathered);
    if (maskValue(column, value) === value) return value;
    fill(value, 0, size);
    column.tally.count++;
    return value;
  };
}
