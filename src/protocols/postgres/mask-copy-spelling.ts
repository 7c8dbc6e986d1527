/**
 * How COPY spells values in text and CSV, both ways.
 *
 * Source: CopyAttributeOutText and CopyAttributeOutCSV of src/backend/commands/copyto.c; CopyReadAttributesText and
 * CopyReadAttributesCSV of copyfromparse.c.
 */
import type { CopyFormat } from './mask-copy-options.ts';

export type LineFormat = Exclude<CopyFormat, { format: 'binary' }>;
type CsvFormat = Extract<CopyFormat, { format: 'csv' }>;

const backslash = 0x5c;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** Reads one value, in pieces. */
export class ValueReader {
  readonly #format: LineFormat;
  #inQuotes = false;
  #escaped = false;

  constructor(format: LineFormat) {
    this.#format = format;
  }

  /** The bytes of the value that this piece of its spelling stands for; a copy. */
  push(raw: Buffer): Buffer {
    // An escape that was held back may come out before the first byte.
    const bytes = Buffer.allocUnsafe(raw.length + 1);
    const length = this.#format.format === 'text' ? this.#text(raw, bytes) : this.#csv(raw, bytes, this.#format);
    return bytes.subarray(0, length);
  }

  #text(raw: Buffer, bytes: Buffer): number {
    let length = 0;
    for (const byte of raw) {
      if (this.#escaped) {
        this.#escaped = false;
        bytes[length++] = controls.get(byte) ?? byte;
      } else if (byte === backslash) this.#escaped = true;
      else bytes[length++] = byte;
    }
    return length;
  }

  #csv(raw: Buffer, bytes: Buffer, { quote, escapeWith }: CsvFormat): number {
    let length = 0;
    for (const byte of raw) {
      if (this.#escaped) {
        this.#escaped = false;
        if (byte === quote || byte === escapeWith) {
          bytes[length++] = byte;
          continue;
        }
        if (escapeWith === quote) this.#inQuotes = false;
        else bytes[length++] = escapeWith;
      }
      if (this.#inQuotes && byte === escapeWith) this.#escaped = true;
      else if (byte === quote) this.#inQuotes = !this.#inQuotes;
      else bytes[length++] = byte;
    }
    return length;
  }
}

/** What a letter behind a backslash stands for. */
const controls: ReadonlyMap<number, number> = new Map(
  (
    [
      ['b', 8],
      ['t', 9],
      ['n', 10],
      ['v', 11],
      ['f', 12],
      ['r', 13],
    ] as const
  ).map(([letter, code]) => [letter.charCodeAt(0), code]),
);
const letters: ReadonlyMap<number, number> = new Map([...controls].map(([letter, code]) => [code, letter]));

/** A value, or a piece of one, as the text format writes it. */
export function escapeText(value: Buffer, delimiter: number): Buffer {
  const bytes = Buffer.allocUnsafe(value.length * 2);
  let length = 0;
  for (const byte of value) {
    const letter = letters.get(byte);
    if (letter !== undefined || byte === backslash || byte === delimiter) bytes[length++] = backslash;
    bytes[length++] = letter ?? byte;
  }
  return bytes.subarray(0, length);
}

/** What stands between the quotes for a value, or for a piece of one. */
export function escapeCsv(value: Buffer, { quote, escapeWith }: CsvFormat): Buffer {
  const bytes = Buffer.allocUnsafe(value.length * 2);
  let length = 0;
  for (const byte of value) {
    if (byte === quote || byte === escapeWith) bytes[length++] = escapeWith;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

/** A whole value as CSV writes it; `quoted`: in quotes even where it needs none. */
export function spellCsv(value: Buffer, quoted: boolean, format: CsvFormat): Buffer {
  const special = (byte: number): boolean =>
    byte === format.delimiter || byte === format.quote || byte === newline || byte === carriageReturn;
  // A lone \\. would end the data.
  const needed = quoted || value.equals(format.nullText) || value.some(special) || value.toString('latin1') === '\\.';
  if (!needed) return value;
  const mark = Buffer.from([format.quote]);
  return Buffer.concat([mark, escapeCsv(value, format), mark]);
}
