/**
 * The lines of COPY in text and CSV: values between delimiters, lines between newlines. See mask-copy.ts.
 */
import { maskedValueBytesMax } from '../../core/limits.ts';
import type { CopyMasker } from './mask-copy.ts';
import { PieceOutput } from './mask-copy-output.ts';
import { escapeCsv, escapeText, type LineFormat, spellCsv, ValueReader } from './mask-copy-spelling.ts';
import { CheckedStream } from './mask-stream.ts';
import { type MaskedColumn, maskValue } from './mask-value.ts';

const none = Buffer.alloc(0);
const newline = 0x0a;
const backslash = 0x5c;

/** A value that is too long to be held. */
interface LongValue {
  readonly column: MaskedColumn;
  readonly reader: ValueReader;
  readonly stream: CheckedStream;
  isOpen: boolean;
}

export class LineCopy implements CopyMasker {
  readonly #format: LineFormat;
  readonly #columnOf: (index: number) => MaskedColumn | null;
  #index = 0;
  /** The header's names are no values. */
  #isHeader: boolean;
  /** The spelling of the value under way in earlier pieces, where it is masked. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #long: LongValue | null = null;
  // The lexer: within quotes, and behind an escape whose meaning the next byte decides.
  #inQuotes = false;
  #escaped = false;

  constructor(format: LineFormat, columnOf: (index: number) => MaskedColumn | null) {
    this.#format = format;
    this.#columnOf = columnOf;
    this.#isHeader = format.header;
  }

  push(piece: Buffer): Buffer {
    const { delimiter } = this.#format;
    const output = new PieceOutput(piece);
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (this.#inside(byte) || (byte !== delimiter && byte !== newline)) continue;
      this.#close(piece, start, at, output);
      start = at + 1;
      this.#index = byte === newline ? 0 : this.#index + 1;
      if (byte === newline) this.#isHeader = false;
    }
    if (start < piece.length) this.#keep(piece, start, output);
    return output.finish();
  }

  end(): Buffer {
    const output = new PieceOutput(none);
    if (this.#pendingBytes > 0 || this.#long !== null) this.#close(none, 0, 0, output);
    return output.finish();
  }

  /** Steps over one byte; true when it cannot end a value. */
  #inside(byte: number): boolean {
    const format = this.#format;
    if (format.format === 'text') {
      if (!this.#escaped && byte !== backslash) return false;
      this.#escaped = !this.#escaped;
      return true;
    }
    const { quote, escapeWith } = format;
    if (!this.#inQuotes) {
      this.#inQuotes = byte === quote;
      return this.#inQuotes;
    }
    if (this.#escaped) {
      this.#escaped = false;
      if (byte === quote || byte === escapeWith) return true;
      // What looked like an escape was the quote that ends.
      if (escapeWith === quote) {
        this.#inQuotes = false;
        return false;
      }
    }
    if (byte === escapeWith) this.#escaped = true;
    else if (byte === quote) this.#inQuotes = false;
    return true;
  }

  /** The value under way ends at `end`; in this piece it began at `start`. */
  #close(piece: Buffer, start: number, end: number, output: PieceOutput): void {
    this.#inQuotes = this.#escaped = false;
    const column = this.#column();
    if (column === null) return;
    const rest = piece.subarray(start, end);
    if (this.#long !== null) {
      output.replace(start, end, this.#longPiece(this.#long, rest, true));
      this.#long = null;
      return;
    }
    const isWhole = this.#pendingBytes === 0;
    const raw = isWhole ? rest : Buffer.concat([...this.#pending, rest]);
    this.#pending = [];
    this.#pendingBytes = 0;
    const now = this.#masked(column, raw);
    if (now !== raw || !isWhole) output.replace(start, end, now);
  }

  /** The value under way goes on in the next piece. */
  #keep(piece: Buffer, start: number, output: PieceOutput): void {
    const column = this.#column();
    if (column === null) return;
    const rest = piece.subarray(start);
    if (this.#long !== null) {
      output.replace(start, piece.length, this.#longPiece(this.#long, rest, false));
      return;
    }
    this.#pendingBytes += rest.length;
    if (column.constant !== undefined) {
      output.replace(start, piece.length, none);
      return;
    }
    this.#pending.push(Buffer.from(rest));
    if (this.#pending.length >= piecesMax) this.#pending = [Buffer.concat(this.#pending)];
    let now: Buffer = none;
    if (this.#pendingBytes > maskedValueBytesMax) {
      const stream = new CheckedStream(column.mask.stream(column.cell));
      this.#long = { column, stream, reader: new ValueReader(this.#format), isOpen: false };
      now = this.#longPiece(this.#long, Buffer.concat(this.#pending), false);
      this.#pending = [];
      this.#pendingBytes = 0;
    }
    output.replace(start, piece.length, now);
  }

  #column(): MaskedColumn | null {
    return this.#isHeader ? null : this.#columnOf(this.#index);
  }

  #masked(column: MaskedColumn, raw: Buffer): Buffer {
    const format = this.#format;
    if (column.constant === undefined && raw.equals(format.nullText)) return raw;
    const value = column.constant === undefined ? new ValueReader(format).push(raw) : none;
    const now = maskValue(column, value);
    if (now === value && column.constant === undefined) return raw;
    column.tally.count++;
    if (now === null) return format.nullText;
    if (format.format === 'text') return escapeText(now, format.delimiter);
    return spellCsv(now, column.constant === undefined && raw[0] === format.quote, format);
  }

  #longPiece(long: LongValue, raw: Buffer, last: boolean): Buffer {
    const format = this.#format;
    const now = long.stream.push(long.reader.push(raw), last);
    if (last && long.stream.changed) long.column.tally.count++;
    if (format.format === 'text') return escapeText(now, format.delimiter);
    // Whether the rest will need quotes is not known: they are written in any case.
    const mark = Buffer.from([format.quote]);
    const parts = [long.isOpen ? none : mark, escapeCsv(now, format), last ? mark : none];
    long.isOpen = true;
    return Buffer.concat(parts);
  }
}

/** Pieces of a value that are kept apart, so that single bytes do not cost a buffer each. */
const piecesMax = 256;
