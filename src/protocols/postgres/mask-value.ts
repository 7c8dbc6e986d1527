/**
 * One value through its mask, in the format and type it has on the wire.
 *
 * A mask knows text forms only. A value in text format is one; a binary value is spelled, masked and encoded again.
 * Arrays, records and ranges are followed to their elements, whose types their binary forms name.
 *
 * Invariants:
 * - What is not understood does not pass: a malformed value, one that cannot be encoded again, and an unknown type that
 *   is to be masked become NULL (A-PG-21).
 * - A value in which nothing is masked is given back as the very same view.
 * - Work is bounded by the value's length: see mask-limits.ts (A-MSK-01).
 *
 * A detector looks into unknown types too: an array or record by its structure, anything else as the text that its bytes
 * contain. What is found there makes the value NULL, unless the value is plain text (an enum, citext).
 *
 * Deliberately absent: which mask (mask-plan.ts), rows (mask-row.ts), values that do not fit into memory (mask-stream.ts).
 */
import { isUtf8 } from 'node:buffer';
import { GatewayError } from '../../base/errors.ts';
import { maskedValueBytesMax } from '../../core/limits.ts';
import type { CellContext, ValueMask } from '../../core/masking.ts';
import { Body } from './body.ts';
import * as limits from './mask-limits.ts';
import { rewriteArray, rewriteMultirange, rewriteRange, rewriteRecord } from './mask-literal.ts';
import { charactersMaxOf, valueTypeOf } from './mask-types.ts';
import { encodeScalar, isEncodable, textualTypes } from './value-encode.ts';
import { arrayTypes, multirangeTypes, rangeTypes, scalarTypes } from './value-types.ts';
import { rangeFlags } from './values.ts';

/** How many values a rule changed. */
export interface Tally {
  readonly rule: string;
  count: number;
}

/** One column that is masked, and what is known of it. */
export class MaskedColumn {
  readonly mask: ValueMask;
  /** 0 where nobody said. */
  readonly typeOid: number;
  readonly isBinary: boolean;
  /** Text on the wire and no container: the commonest by far. */
  readonly isPlain: boolean;
  readonly tally: Tally;
  readonly name: string;
  readonly #typeModifier: number;
  readonly #cells = new Map<number, CellContext>();
  /** Of the column itself. */
  readonly cell: CellContext;
  /** All values become this one, NULL included; undefined where each has its own (A-MSK-04). */
  readonly constant: Buffer | null | undefined;
  /** The same for every value that is not NULL; undefined where each has its own, or its length must be kept. */
  readonly fixed: Buffer | null | undefined;
  /** Characters that the value under way may still take when it is spelled. */
  room = 0;

  constructor(column: {
    readonly mask: ValueMask;
    readonly name: string;
    readonly typeOid: number;
    readonly typeModifier: number;
    readonly isBinary: boolean;
    readonly tally: Tally;
  }) {
    this.mask = column.mask;
    this.name = column.name;
    this.typeOid = column.typeOid;
    this.isBinary = column.isBinary;
    this.isPlain = (textualTypes.has(this.typeOid) || !this.isBinary) && valueTypeOf(this.typeOid) !== 'other';
    this.tally = column.tally;
    this.#typeModifier = column.typeModifier;
    this.cell = this.cellOf(column.typeOid);
    this.constant = this.mask.constant === true ? constantOf(this) : undefined;
    this.fixed = this.constant === undefined && this.isPlain ? fixedOf(this) : this.constant;
  }

  get detects(): boolean {
    return this.mask.how === 'detect';
  }

  /** The context of a value of this type within the column. Text where the type is not known. */
  cellOf(typeOid: number): CellContext {
    let cell = this.#cells.get(typeOid);
    if (cell === undefined) {
      const type = valueTypeOf(typeOid);
      cell = {
        type: type === 'other' ? 'text' : type,
        column: this.name,
        charactersMax: charactersMaxOf(typeOid, this.#typeModifier),
      };
      // Types inside records are the server's to name: they are few, or they are not remembered.
      if (this.#cells.size < 64) this.#cells.set(typeOid, cell);
    }
    return cell;
  }
}

/** Types whose redacted spelling depends on the value's. */
const variable: readonly CellContext['type'][] = ['time', 'timestamp', 'address'];

/** What stands for every value; NULL for what has parts, or no spelling of its own. */
function constantOf(column: MaskedColumn): Buffer | null {
  const { typeOid, isBinary, cell } = column;
  if (typeOid !== 0 && valueTypeOf(typeOid) === 'other') return null;
  if (arrayTypes.has(typeOid) || variable.includes(cell.type) || (typeOid === 0 && isBinary)) return null;
  const text = column.mask.apply(Buffer.alloc(0), cell);
  if (text === null || !isBinary || textualTypes.has(typeOid)) return text;
  if (typeOid === 3802) return Buffer.concat([Buffer.of(1), text]);
  return isEncodable(typeOid) ? encodeScalar(typeOid, text.toString('utf8')) : null;
}

function fixedOf({ mask, cell, typeOid }: MaskedColumn): Buffer | null | undefined {
  const fixed = mask.fixed?.(cell);
  if (fixed === undefined || fixed === null || cell.type !== 'integer') return fixed;
  return encodeScalar(typeOid, fixed.toString('latin1')) === null ? null : fixed;
}

/** The masked value, null for NULL, or `value` itself. Does not keep `value`. Never throws. */
export function maskValue(column: MaskedColumn, value: Buffer): Buffer | null {
  if (column.constant !== undefined) return column.constant;
  if (column.isPlain) return scalarText(column, column.typeOid, value);
  if (!column.isBinary) return maskText(column, column.typeOid, value);
  column.room = limits.spelledCharactersBase + value.length * limits.spelledCharactersPerByte;
  return understood(() => maskBinary(column, column.typeOid, value, 0)) ?? null;
}

/** What `read` gives; undefined where the bytes are not what they should be. */
function understood<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    // Only what the cursor says of the bytes: anything else is our own fault and must be seen.
    if (error instanceof GatewayError && error.kind === 'protocol') return undefined;
    throw error;
  }
}

// --- Text -----------------------------------------------------------------------------------------------------------

function maskText(column: MaskedColumn, typeOid: number, value: Buffer): Buffer | null {
  const element = arrayTypes.get(typeOid);
  if (element !== undefined) {
    return literal(column, element, value, (text, rewrite) => rewriteArray(text, element === 603 ? ';' : ',', rewrite));
  }
  const range = rangeTypes.get(typeOid);
  if (range !== undefined) return literal(column, range.element, value, rewriteRange);
  const multirange = multirangeTypes.get(typeOid);
  if (multirange !== undefined) return literal(column, multirange.element, value, rewriteMultirange);
  // The types of a record's fields stand nowhere in its text.
  if (typeOid === 2249) return literal(column, 0, value, rewriteRecord);
  if (typeOid !== 0 && valueTypeOf(typeOid) === 'other' && !column.detects) return null;
  return scalarText(column, typeOid, value);
}

function literal(
  column: MaskedColumn,
  element: number,
  value: Buffer,
  rewriteWith: (text: string, rewrite: (item: string) => string | null) => string | null,
): Buffer | null {
  const text = value.toString('latin1');
  const masked = rewriteWith(text, (item) => {
    const bytes = Buffer.from(item, 'latin1');
    const now = maskText(column, element, bytes);
    return now === bytes ? item : now === null ? null : now.toString('latin1');
  });
  if (masked === null) return null;
  return masked === text ? value : Buffer.from(masked, 'latin1');
}

/** A value in its text form that is no container. */
function scalarText(column: MaskedColumn, typeOid: number, value: Buffer): Buffer | null {
  const cell = typeOid === column.typeOid ? column.cell : column.cellOf(typeOid);
  if (value.length > maskedValueBytesMax) return maskLong(column, cell, value);
  const now = column.mask.apply(value, cell);
  if (now === value || now === null) return now;
  // How large an integer its type takes, only this room knows.
  if (cell.type === 'integer' && encodeScalar(typeOid, now.toString('latin1')) === null) return null;
  return now;
}

/** A value that a mask does not take whole: text keeps its length, what only looks like text is dropped. */
function maskLong(column: MaskedColumn, cell: CellContext, value: Buffer): Buffer | null {
  if (column.mask.how === 'null' || (cell.type !== 'text' && cell.type !== 'json' && !column.detects)) return null;
  // The stream keeps what it is given.
  const now = column.mask.stream(cell).push(Buffer.from(value), true);
  if (now.length !== value.length) return null;
  return now.equals(value) ? value : now;
}

// --- Binary ---------------------------------------------------------------------------------------------------------

function maskBinary(column: MaskedColumn, typeOid: number, value: Buffer, depth: number): Buffer | null {
  if (depth > limits.maskedDepthMax) return null;
  if (textualTypes.has(typeOid)) return scalarText(column, typeOid, value);
  if (typeOid === 3802) return maskJsonb(column, value);
  // Raw bytes, in which a detector looks for text.
  if (typeOid === 17 && value.length * 2 + 2 > maskedValueBytesMax) return maskLong(column, column.cellOf(25), value);
  const scalar = scalarTypes.get(typeOid);
  if (scalar !== undefined && isEncodable(typeOid)) return maskSpelled(column, typeOid, value);
  const bounds = rangeTypes.get(typeOid) ?? null;
  if (bounds !== null) return maskRange(column, bounds.element, value, depth);
  const multirange = multirangeTypes.get(typeOid);
  if (multirange !== undefined) return maskMultirange(column, multirange.element, value, depth);
  if (typeOid === 2249) return maskRecord(column, value, depth);
  if (arrayTypes.has(typeOid)) return maskArray(column, value, depth, true);
  if (typeOid === 22 || typeOid === 30) return maskArray(column, value, depth, false);
  if (!column.detects) return null;
  const text = scalar === undefined ? null : spell(column, typeOid, value);
  return text === null ? maskUnknown(column, value, depth) : findInText(column, Buffer.from(text), value);
}

function spell(column: MaskedColumn, typeOid: number, value: Buffer): string {
  const body = new Body('value', value, 0, value.length);
  const text = scalarTypes.get(typeOid)!.spell(body);
  body.finish();
  column.room -= text.length;
  if (column.room < 0) throw body.malformed('too long to spell');
  return text;
}

function maskSpelled(column: MaskedColumn, typeOid: number, value: Buffer): Buffer | null {
  const text = Buffer.from(spell(column, typeOid, value));
  const now = column.mask.apply(text, column.cellOf(typeOid));
  if (now === text) return value;
  return now === null ? null : encodeScalar(typeOid, now.toString('utf8'));
}

/** Byte1 version, then text. */
function maskJsonb(column: MaskedColumn, value: Buffer): Buffer | null {
  if (value[0] !== 1) return null;
  const text = value.subarray(1);
  const now = scalarText(column, 3802, text);
  if (now === text) return value;
  return now === null ? null : Buffer.concat([value.subarray(0, 1), now]);
}

/** Nothing is known of the type: arrays and records show by their structure, other values by the text in them. */
function maskUnknown(column: MaskedColumn, value: Buffer, depth: number): Buffer | null {
  const inner =
    understood(() => maskArray(column, value, depth, true)) ?? understood(() => maskRecord(column, value, depth));
  if (inner !== undefined && inner !== null) return inner;
  return findInText(column, isUtf8(value) ? value : Buffer.from(value.toString('utf8')), value);
}

/** `value` if a detector finds nothing in `text`, which stands for it; the masked text where value and text are one. */
function findInText(column: MaskedColumn, text: Buffer, value: Buffer): Buffer | null {
  const now = scalarText(column, 0, text);
  if (now === text) return value;
  return text === value && !hasControls(value) ? now : null;
}

function hasControls(value: Buffer): boolean {
  return value.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}

/** Copies a binary container with some of its elements replaced. */
class Rewriter {
  readonly #value: Buffer;
  #copied = 0;
  #parts: Buffer[] = [];

  constructor(value: Buffer) {
    this.#value = value;
  }

  get isChanged(): boolean {
    return this.#parts.length > 0;
  }

  /** What stands from `start` to `end` becomes `now`. */
  replace(start: number, end: number, now: Buffer): void {
    this.#parts.push(this.#value.subarray(this.#copied, start), now);
    this.#copied = end;
  }

  /** An element: Int32 length, −1 for NULL, then its bytes. */
  element(start: number, end: number, now: Buffer | null): void {
    const length = Buffer.alloc(4);
    length.writeInt32BE(now === null ? -1 : now.length);
    this.replace(start, end, now === null ? length : Buffer.concat([length, now]));
  }

  finish(): Buffer {
    if (!this.isChanged) return this.#value;
    return Buffer.concat([...this.#parts, this.#value.subarray(this.#copied)]);
  }
}

/** Masks the element at the cursor; answers false when it became NULL. */
function maskElement(column: MaskedColumn, typeOid: number, body: Body, depth: number, rewriter: Rewriter): boolean {
  const start = body.position;
  const size = body.int32();
  if (size === -1) return true;
  const element = body.view(size);
  const now = maskBinary(column, typeOid, element, depth + 1);
  if (now !== element) rewriter.element(start, body.position, now);
  return now !== null;
}

/**
 * Int32 dimensions, Int32 flags, Int32 element type, dimensions × (Int32 size, Int32 lower bound), then
 * elements × (Int32 length, −1 NULL, bytes).
 */
function maskArray(column: MaskedColumn, value: Buffer, depth: number, nullable: boolean): Buffer | null {
  const body = new Body('value', value, 0, value.length);
  const dimensions = body.int32();
  if (dimensions < 0 || dimensions > 6) throw body.malformed('dimensions');
  if (body.uint32() > 1) throw body.malformed('flags');
  const typeOid = body.uint32();
  let count = dimensions === 0 ? 0 : 1;
  for (let index = 0; index < dimensions; index++) {
    const size = body.int32();
    if (size < 0) throw body.malformed('size');
    body.int32();
    count *= size;
  }
  if (count * 4 > body.left) throw body.malformed('a count reaches past the end');
  const rewriter = new Rewriter(value);
  let hasNull = false;
  for (let index = 0; index < count; index++) {
    if (!maskElement(column, typeOid, body, depth, rewriter)) hasNull = true;
  }
  body.finish();
  if (hasNull && !nullable) return null;
  const now = rewriter.finish();
  if (hasNull) now.writeInt32BE(1, 4);
  return now;
}

/** Int32 n, n × (Int32 type, Int32 length, −1 NULL, bytes). */
function maskRecord(column: MaskedColumn, value: Buffer, depth: number): Buffer {
  const body = new Body('value', value, 0, value.length);
  const count = body.uint32();
  if (count * 8 > body.left) throw body.malformed('a count reaches past the end');
  const rewriter = new Rewriter(value);
  for (let index = 0; index < count; index++) maskElement(column, body.uint32(), body, depth, rewriter);
  body.finish();
  return rewriter.finish();
}

/** Byte1 flags, then for each bound that is finite: Int32 length, bytes. A bound that becomes NULL is left out. */
function maskRange(column: MaskedColumn, typeOid: number, value: Buffer, depth: number): Buffer {
  const body = new Body('value', value, 0, value.length);
  let flags = body.uint8();
  const rewriter = new Rewriter(value);
  for (const [infinite, inclusive] of [
    [rangeFlags.lowerInfinite, rangeFlags.lowerInclusive],
    [rangeFlags.upperInfinite, rangeFlags.upperInclusive],
  ] as const) {
    if ((flags & (infinite | rangeFlags.empty)) !== 0) continue;
    const start = body.position;
    const bound = body.view(body.int32());
    const now = maskBinary(column, typeOid, bound, depth + 1);
    if (now === bound) continue;
    if (now !== null) rewriter.element(start, body.position, now);
    else {
      rewriter.replace(start, body.position, Buffer.alloc(0));
      flags = (flags | infinite) & ~inclusive;
    }
  }
  body.finish();
  const now = rewriter.finish();
  if (rewriter.isChanged) now[0] = flags;
  return now;
}

/** Int32 n, n × (Int32 length, range). */
function maskMultirange(column: MaskedColumn, typeOid: number, value: Buffer, depth: number): Buffer {
  const body = new Body('value', value, 0, value.length);
  const count = body.uint32();
  if (count * 5 > body.left) throw body.malformed('a count reaches past the end');
  const rewriter = new Rewriter(value);
  for (let index = 0; index < count; index++) {
    const start = body.position;
    const range = body.view(body.int32());
    const now = maskRange(column, typeOid, range, depth + 1);
    if (now !== range) rewriter.element(start, body.position, now);
  }
  body.finish();
  return rewriter.finish();
}
