/**
 * A run of whole DataRows through the masks of their columns: copy on write over the run, with index arithmetic and no
 * object for a value that is not masked.
 *
 * DataRow ('D'): Int16 n, n × (Int32 length, −1 NULL, bytes).
 *
 * Columns by what their masks need: `pass`: nothing; `fixed`: one spelling for all values; `marked`: a look only at what a
 * detector's pass over the whole run marked; `each`: every value through its mask (mask-value.ts).
 *
 * Invariants: as for one row (mask-row.ts): a row in which nothing is masked is not touched, one with another number of
 * values than was described is masked whole, lengths that do not add up are a violation of the server's. Rows are masked
 * one by one: it does not matter how chunks were cut (A-PG-24).
 *
 * Deliberately absent: limits on output and rows in parts (output-content.ts).
 */
import { maskedValueBytesMax } from '../../core/limits.ts';
import type { BulkMask, BulkRows } from '../../core/masking.ts';
import { headerBytes } from './body.ts';
import { malformedRow, type RowMasker } from './mask-row.ts';
import { type MaskedColumn, maskValue } from './mask-value.ts';
import type { Arena } from './output-arena.ts';

const pass = 0;
const fixed = 1;
const marked = 2;
const each = 3;

/** What is done to the rows of one result, column by column. Made once per result. */
export class RunMasker {
  readonly #rows: RowMasker;
  readonly #columns: readonly (MaskedColumn | null)[];
  readonly #needs: Uint8Array;
  /** Every column either passes or is looked at only where something is marked. */
  readonly #skipsRows: boolean;
  readonly #bulk: BulkMask | null;
  /** Whole rows, where it is for all columns. */
  readonly #whole: BulkRows | null;
  #arena: Arena | null = null;
  #buffer: Buffer = none;
  /** What stands before this in the run is in the arena, if anything is. */
  #copied = 0;
  /** Where the row under way begins in the arena; −1 where it is not there. */
  #rowAt = -1;
  #rowStart = 0;

  constructor(rows: RowMasker, columns: readonly (MaskedColumn | null)[]) {
    this.#rows = rows;
    this.#columns = columns;
    const bulks = columns.map((column) => (column === null || !column.isPlain ? null : (column.mask.bulk ?? null)));
    // Marks are of one mask at a time.
    const bulk = bulks.find((one) => one !== null) ?? null;
    this.#needs = Uint8Array.from(columns, (column, index) => needOf(column, bulk, bulks[index] ?? null));
    this.#bulk = this.#needs.includes(marked) ? bulk : null;
    this.#skipsRows = this.#needs.every((need) => need === pass || need === marked);
    const cells = columns.map((column, index) => (this.#needs[index] === marked ? column!.cell : null));
    this.#whole = this.#skipsRows ? (this.#bulk?.rows?.(cells) ?? null) : null;
  }

  /** Writes the masked run into the arena. False: nothing in it is masked, and nothing was written. */
  mask(buffer: Buffer, start: number, end: number, arena: Arena): boolean {
    this.#buffer = buffer;
    this.#arena = arena;
    this.#copied = start;
    const before = arena.length;
    const bulk = this.#bulk;
    for (let at = start; at < end; ) {
      // As much as can be marked together, to the end of a row.
      const stop =
        bulk === null || end - at <= bulk.markedBytesMax ? end : lastRowEnd(buffer, at, end, bulk.markedBytesMax);
      if (stop - at > (bulk?.markedBytesMax ?? Infinity)) this.#unmarkedRow(at, stop);
      else {
        bulk?.mark(buffer, at, stop);
        this.#piece(at, stop);
      }
      at = stop;
    }
    const isChanged = this.#copied > start;
    if (isChanged) arena.copy(buffer, this.#copied, end);
    else arena.truncate(before);
    this.#buffer = none;
    this.#arena = null;
    return isChanged;
  }

  #piece(start: number, end: number): void {
    const buffer = this.#buffer;
    const bulk = this.#bulk;
    const count = this.#columns.length;
    const skipsRows = this.#skipsRows && bulk !== null;
    let next = bulk === null ? start : bulk.next(start);
    // Rows one by one after those that were not taken whole, more each time.
    let alone = 0;
    let patience = 1;
    for (let at = start; at < end; ) {
      if (this.#whole !== null && alone-- <= 0) {
        const stop = this.#wholeRows(this.#whole, at, end);
        patience = stop > at ? 1 : Math.min(patience * 2, patienceMax);
        alone = patience - 1;
        at = stop;
        if (at === end) break;
        next = bulk!.next(at);
      }
      const rowEnd = at + 1 + int32(buffer, at + 1);
      const values = at + headerBytes + 2;
      if (values > rowEnd) throw malformedRow(buffer);
      if (((buffer[at + headerBytes]! << 8) | buffer[at + headerBytes + 1]!) !== count) {
        this.#unmarkedRow(at, rowEnd);
      } else {
        if (skipsRows && next < values) next = bulk.next(values);
        if (!skipsRows || next < rowEnd) next = this.#row(at, values, rowEnd, next);
      }
      at = rowEnd;
    }
  }

  /** Rows from `at` on, as many as are taken whole. Answers where the others begin. */
  #wholeRows(whole: BulkRows, at: number, end: number): number {
    const stop = whole.rewrite(at, end);
    if (whole.size > 0) {
      const arena = this.#arena!;
      arena.copy(this.#buffer, this.#copied, at);
      whole.take(arena);
      this.#copied = stop;
      const { counts } = whole;
      for (let index = 0; index < counts.length; index++) {
        if (counts[index]! > 0) this.#columns[index]!.tally.count += counts[index]!;
      }
    }
    return stop;
  }

  /** A row with as many values as columns. Answers the next marked position. */
  #row(start: number, values: number, end: number, nextMark: number): number {
    const buffer = this.#buffer;
    const needs = this.#needs;
    const bulk = this.#bulk;
    const count = this.#columns.length;
    this.#rowAt = -1;
    this.#rowStart = start;
    let next = nextMark;
    let at = values;
    for (let index = 0; index < count; index++) {
      const from = at + 4;
      if (from > end) throw malformedRow(buffer);
      const size = int32(buffer, at);
      const to = size < 0 ? from : from + size;
      if (to > end) throw malformedRow(buffer);
      const need = needs[index]!;
      if (need === marked) {
        if (next < from) next = bulk!.next(from);
        if (next < to) this.#marked(this.#columns[index]!, at, from, to);
      } else if (need !== pass) this.#other(this.#columns[index]!, need, at, from, to, size < 0);
      at = to;
    }
    if (at !== end) throw malformedRow(buffer);
    this.#endRow(end);
    return next;
  }

  /** Copies what stands before the length at `at`; the arena goes on with a length to be patched. */
  #begin(at: number): number {
    const arena = this.#arena!;
    if (this.#rowAt < 0) {
      arena.copy(this.#buffer, this.#copied, this.#rowStart);
      this.#copied = this.#rowStart;
      this.#rowAt = arena.length;
    }
    arena.copy(this.#buffer, this.#copied, at);
    this.#copied = at;
    return arena.length;
  }

  #endRow(end: number): void {
    if (this.#rowAt < 0) return;
    const arena = this.#arena!;
    arena.copy(this.#buffer, this.#copied, end);
    this.#copied = end;
    arena.patchInt32(this.#rowAt + 1, arena.length - this.#rowAt - 1);
  }

  #marked(column: MaskedColumn, at: number, from: number, to: number): void {
    const arena = this.#arena!;
    // How large an integer its type takes, the mask does not know.
    if (to - from > maskedValueBytesMax || column.cell.type === 'integer') {
      this.#other(column, each, at, from, to, false);
      return;
    }
    // Where its length will stand is only known once something before it was copied, so that comes first.
    const before = arena.length;
    const copied = this.#copied;
    const rowAt = this.#rowAt;
    const length = this.#begin(at);
    arena.int32(0);
    const how = this.#bulk!.apply(from, to, column.cell, arena);
    if (how === false) {
      arena.truncate(before);
      this.#copied = copied;
      this.#rowAt = rowAt;
      return;
    }
    column.tally.count++;
    arena.patchInt32(length, how === null ? -1 : arena.length - length - 4);
    this.#copied = to;
  }

  #other(column: MaskedColumn, need: number, at: number, from: number, to: number, isNull: boolean): void {
    if (isNull && (column.constant === undefined || column.constant === null)) return;
    let now: Buffer | null;
    if (need === fixed && to - from <= maskedValueBytesMax) now = column.fixed!;
    else if (isNull) now = column.constant!;
    else {
      const value = this.#buffer.subarray(from, to);
      now = maskValue(column, value);
      if (now === value) return;
    }
    column.tally.count++;
    this.#begin(at);
    const arena = this.#arena!;
    if (now === null) arena.int32(-1);
    else {
      arena.int32(now.length);
      arena.copy(now, 0, now.length);
    }
    this.#copied = to;
  }

  /** A row through its masks one by one. */
  #unmarkedRow(start: number, end: number): void {
    const arena = this.#arena!;
    const at = this.#rows.mask(this.#buffer, start, end, arena, () => arena.copy(this.#buffer, this.#copied, start));
    if (at >= 0) this.#copied = end;
  }
}

/** Rows that go one by one before it is tried again to take some whole. */
const patienceMax = 16;

function needOf(column: MaskedColumn | null, bulk: BulkMask | null, own: BulkMask | null): number {
  if (column === null) return pass;
  if (column.fixed !== undefined) return fixed;
  if (own === null || own !== bulk || column.constant !== undefined) return each;
  const reach = bulk.reach(column.cell);
  return reach === 'none' ? pass : reach === 'marked' ? marked : each;
}

/** Where the last whole row ends that begins at `start` or behind it, and not beyond `most` bytes; the first in any case. */
function lastRowEnd(buffer: Buffer, start: number, end: number, most: number): number {
  let at = start + 1 + int32(buffer, start + 1);
  for (;;) {
    if (at >= end) return end;
    const next = at + 1 + int32(buffer, at + 1);
    if (next - start > most) return at;
    at = next;
  }
}

function int32(buffer: Buffer, at: number): number {
  return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
}

const none = Buffer.alloc(0);
