/**
 * Masks separated values (RFC 4180) with a header row: cells by the names of their columns (`/name`), and by detectors,
 * for which the column's name is context. Quoting stays; cells that are not masked pass byte for byte.
 *
 * Invariants:
 * - One record is held at a time; a longer one is a fault.
 * - Where a column is masked, a record that has another number of cells than the header, or broken quoting, is masked in all
 *   its cells, or a fault where a Mask has `unresolved: block`: its columns cannot be told.
 *
 * Deliberately absent: tables without a header; the first record counts as one.
 */
import type { ValueMask } from '../../core/masking.ts';
import { isMarked, kindsOfBytes, markBytes, markedBytesMax, nextMark } from '../marks.ts';
import { Body, Held } from './body.ts';
import * as limits from './limits.ts';
import type { FieldAutomaton } from './pointers.ts';
import type { Values } from './values.ts';

const quote = 0x22;

interface Column {
  readonly name: string;
  readonly mask: ValueMask | null;
}

interface Cell {
  readonly from: number;
  readonly to: number;
  readonly isQuoted: boolean;
}

export interface CsvRules {
  readonly fields: FieldAutomaton | null;
  readonly values: Values | null;
  /** Whether records whose columns cannot be told are a fault. */
  readonly isStrict: boolean;
}

export class CsvBody extends Body {
  readonly #rules: CsvRules;
  #separator: number | null;
  #columns: readonly Column[] | null = null;
  /** The first column that is masked by its name. */
  #masked: Column | null = null;
  /** Some column wants each of its values looked at. */
  #wantsAll = false;
  readonly #held = new Held();
  #isQuoted = false;
  /** The cell began with a quote, so that quotes in it mean something. */
  #isQuotedCell = false;
  /** At the beginning of a cell, where a quote opens. */
  #isCellStart = true;

  /** `separator` null: the header tells. */
  constructor(rules: CsvRules, separator: number | null) {
    super();
    this.#rules = rules;
    this.#separator = separator;
  }

  override get retainedBytes(): number {
    return this.#held.length;
  }

  protected take(view: Buffer): void {
    if (view.includes(0)) {
      this.refuse('it is said to be text, but has NULs in it, as UTF-16 has');
      return;
    }
    for (let at = 0; at < view.length && this.fault === null; at += markedBytesMax) {
      this.#piece(view.length <= markedBytesMax ? view : view.subarray(at, at + markedBytesMax));
    }
  }

  protected finish(): void {
    if (this.#held.length > 0) this.#endHeld();
  }

  #piece(bytes: Buffer): void {
    let at = 0;
    let passed = 0;
    let when = -1;
    const scanner = this.#rules.values?.detection.scanner;
    while (at < bytes.length) {
      const end = this.#recordEnd(bytes, at);
      if (end < 0 || this.#held.length > 0 || this.#columns === null) {
        this.#pass(bytes, passed, at);
        const to = end < 0 ? bytes.length : end;
        if (this.#held.length + to - at > limits.recordBytesMax) {
          this.refuse(`a record of the table has more than ${limits.recordBytesMax} bytes`);
          return;
        }
        this.#held.add(bytes, at, to);
        if (end >= 0) this.#endHeld();
        if (this.fault !== null) return;
        at = to;
        passed = to;
        continue;
      }
      let isClean = this.#masked === null && !this.#wantsAll;
      if (isClean && scanner !== undefined) {
        if (!isMarked(when)) when = markBytes(bytes, 0, bytes.length, scanner.kinds);
        isClean = nextMark(at) >= end;
      }
      if (!isClean) {
        this.#pass(bytes, passed, at);
        this.#record(bytes.subarray(at, end));
        if (this.fault !== null) return;
        passed = end;
      }
      at = end;
    }
    this.#pass(bytes, passed, bytes.length);
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.out.push(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }

  /** The position behind the record's end, a carriage return or newline; −1 where it goes on. Keeps the state of quotes. */
  #recordEnd(bytes: Buffer, from: number): number {
    const separator = this.#separator;
    let isQuoted = this.#isQuoted;
    let isQuotedCell = this.#isQuotedCell;
    let isCellStart = this.#isCellStart;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === quote) {
        if (isCellStart) isQuotedCell = true;
        // Two in a row close and open again, which comes to the same.
        if (isQuotedCell) isQuoted = !isQuoted;
        isCellStart = false;
      } else if (isQuoted) isCellStart = false;
      else if (isLineEnd(byte)) {
        this.#beginRecord();
        return at + 1;
      } else if (separator === null ? separators.includes(byte) : byte === separator) {
        isCellStart = true;
        isQuotedCell = false;
      } else if (isCellStart) isCellStart = this.#columns === null && byteOrderMark.includes(byte);
    }
    this.#isQuoted = isQuoted;
    this.#isQuotedCell = isQuotedCell;
    this.#isCellStart = isCellStart;
    return -1;
  }

  #beginRecord(): void {
    this.#isQuoted = false;
    this.#isQuotedCell = false;
    this.#isCellStart = true;
  }

  #endHeld(): void {
    const record = this.#held.take();
    this.#beginRecord();
    if (this.#columns === null) {
      if (record.length === 1 && isLineEnd(record[0]!)) this.out.push(record);
      else this.#header(record);
    } else this.#record(record);
  }

  #header(record: Buffer): void {
    const mark = record[0] === 0xef && record[1] === 0xbb && record[2] === 0xbf ? 3 : 0;
    this.#separator ??= separatorOf(record);
    const { cells } = this.#cellsOf(record, mark);
    const { fields, values } = this.#rules;
    this.#columns = cells.map((cell) => {
      const name = Buffer.from(textOf(record, cell), 'latin1').toString().trim();
      const mask = fields === null ? null : (fields.root.mask ?? fields.step(fields.root, name.toLowerCase()).mask);
      return { name, mask };
    });
    this.#masked = this.#columns.find(({ mask }) => mask !== null) ?? null;
    const scanner = values?.detection.scanner;
    this.#wantsAll = scanner !== undefined && this.#columns.some(({ name }) => scanner.wantsAll(name));
    this.#write(record, cells, () => null, '');
  }

  #record(record: Buffer): void {
    const columns = this.#columns!;
    const { cells, isBroken } = this.#cellsOf(record, 0);
    // An empty line is no record.
    if (cells.length === 1 && cells[0]!.to === cells[0]!.from) {
      this.out.push(record);
      return;
    }
    if (this.#masked !== null && (isBroken || cells.length !== columns.length)) {
      if (this.#rules.isStrict) {
        this.refuse('a record of the table has other columns than its header, so what is masked cannot be told');
        return;
      }
      const { mask } = this.#masked;
      this.#write(record, cells, () => mask, '');
      return;
    }
    this.#write(record, cells, (index) => columns[index]?.mask ?? null, null);
  }

  /** `column` null: each cell has its column's name. */
  #write(
    record: Buffer,
    cells: readonly Cell[],
    maskOf: (index: number) => ValueMask | null,
    column: string | null,
  ): void {
    let from = 0;
    cells.forEach((cell, index) => {
      const masked = this.#cell(record, cell, maskOf(index), column ?? this.#columns![index]?.name ?? '');
      if (masked === null) return;
      this.out.push(record.subarray(from, cell.from), masked);
      from = cell.to;
    });
    this.out.push(from === 0 ? record : record.subarray(from));
  }

  #cell(record: Buffer, cell: Cell, mask: ValueMask | null, column: string): Buffer | null {
    if (cell.to === cell.from) return null;
    if (mask !== null) {
      this.counts.count(mask.rule);
      const value = Buffer.from(textOf(record, cell), 'latin1');
      const masked = mask.apply(value, { type: cellType(value), column, charactersMax: null });
      return this.#spell(masked?.toString('latin1') ?? '', cell);
    }
    const { values } = this.#rules;
    if (values === null) return null;
    const { scanner } = values.detection;
    const bytes = record.subarray(cell.from, cell.to);
    if (!scanner.wantsAll(column) && (kindsOfBytes(bytes, scanner.kinds) & scanner.kinds) === 0) return null;
    const value = Buffer.from(textOf(record, cell), 'latin1');
    const masked = values.bytes(value, column, this.counts);
    return masked === value ? null : this.#spell(masked.toString('latin1'), cell);
  }

  #spell(text: string, cell: Cell): Buffer {
    const separator = String.fromCharCode(this.#separator!);
    if (!cell.isQuoted && !/["\r\n]/.test(text) && !text.includes(separator)) return Buffer.from(text, 'latin1');
    return Buffer.from(`"${text.replaceAll('"', '""')}"`, 'latin1');
  }

  /** Cells, without the record's end. Broken: something stands behind a closing quote, or a quote is not closed. */
  #cellsOf(record: Buffer, start: number): { readonly cells: readonly Cell[]; readonly isBroken: boolean } {
    const separator = this.#separator!;
    const end = isLineEnd(record[record.length - 1]!) ? record.length - 1 : record.length;
    const cells: Cell[] = [];
    let isBroken = false;
    let from = start;
    for (;;) {
      let to = from;
      const isQuoted = record[from] === quote;
      if (isQuoted) {
        for (to = from + 1; to < end; to++) {
          if (record[to] !== quote) continue;
          if (record[to + 1] !== quote) break;
          to++;
        }
        if (to >= end) isBroken = true;
        else to++;
        if (to < end && record[to] !== separator) isBroken = true;
      }
      const next = record.indexOf(separator, to);
      const stop = next < 0 || next >= end ? end : next;
      cells.push({ from, to: stop, isQuoted: isQuoted && !isBroken });
      if (stop === end) return { cells, isBroken };
      from = stop + 1;
    }
  }
}

const byteOrderMark = [0xef, 0xbb, 0xbf];
const separators = [0x2c, 0x3b, 0x09, 0x7c];

/** The one of the usual separators that is in the header most often, outside of quotes; a comma where none is. */
function separatorOf(header: Buffer): number {
  const counts = separators.map(() => 0);
  let isQuoted = false;
  for (const byte of header) {
    if (byte === quote) isQuoted = !isQuoted;
    const index = isQuoted ? -1 : separators.indexOf(byte);
    if (index >= 0) counts[index]!++;
  }
  return separators[counts.indexOf(Math.max(...counts))]!;
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

/** Numbers stay numbers. */
function cellType(value: Buffer): 'integer' | 'decimal' | 'text' {
  const text = value.length > 64 ? '' : value.toString('latin1');
  if (/^-?\d+$/.test(text) && !/^-?0\d/.test(text)) return 'integer';
  return /^-?\d+\.\d+$/.test(text) ? 'decimal' : 'text';
}

/** What a cell says, a character for each byte, so that it can be written again whatever its alphabet. */
function textOf(record: Buffer, { from, to, isQuoted }: Cell): string {
  if (!isQuoted) return record.toString('latin1', from, to);
  return record.toString('latin1', from + 1, to - 1).replaceAll('""', '"');
}
