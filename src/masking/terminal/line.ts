/**
 * One line as it stands on the screen, soft wraps joined: characters and the glyphs they were printed as, with a cursor that
 * moves among them. What is written over, deleted or inserted within the line reads as the terminal shows it.
 *
 * Invariants: at most `lineCharactersMax` characters; a move that leaves the line, or cannot be followed, is answered with
 * false, and the caller closes the line.
 *
 * Deliberately absent: which of it is masked (stream.ts); anything above or below the line (screen.ts).
 */
import * as limits from './limits.ts';

const blank = 0x20;
/** The glyph of a place where nothing was printed. */
export const noGlyph = -1;
const tabColumns = 8;

export class Line {
  readonly #codes = new Uint16Array(limits.lineCharactersMax);
  readonly #glyphs = new Float64Array(limits.lineCharactersMax);
  /** The column of each character's left edge, counted on over wraps. */
  readonly #columns = new Uint32Array(limits.lineCharactersMax);
  readonly #widths = new Uint8Array(limits.lineCharactersMax);
  #length = 0;
  #at = 0;
  /** The column at which the line begins, and that behind its last character. */
  #startColumn = 0;
  #endColumn = 0;
  /** Columns of the terminal; 0: there is no width, and nothing wraps. */
  #width: number;

  constructor(width: number) {
    this.#width = width;
  }

  get length(): number {
    return this.#length;
  }

  /** The index of the cursor. */
  get at(): number {
    return this.#at;
  }

  get full(): boolean {
    return this.#length === limits.lineCharactersMax;
  }

  /** The text; one UTF-16 unit for each character. */
  text(): string {
    return Buffer.from(this.#codes.buffer, 0, this.#length * 2).toString('utf16le');
  }

  glyphAt(index: number): number {
    return this.#glyphs[index]!;
  }

  /** The column of the cursor on its row. */
  get column(): number {
    const column = this.#cursorColumn();
    return this.#width === 0 ? column : column % this.#width;
  }

  resize(width: number): void {
    this.#width = width;
  }

  /** A new line that begins at `column`. */
  clear(column: number): void {
    this.#length = 0;
    this.#at = 0;
    this.#startColumn = column;
    this.#endColumn = column;
  }

  /** Forgets the first `count` characters, which were given back. */
  drop(count: number): void {
    this.#codes.copyWithin(0, count, this.#length);
    this.#glyphs.copyWithin(0, count, this.#length);
    this.#columns.copyWithin(0, count, this.#length);
    this.#widths.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#at = Math.max(0, this.#at - count);
    this.#startColumn = this.#length > 0 ? this.#columns[0]! : this.#endColumn;
  }

  /** Whether printing here changes a character that can be seen. */
  overwrites(code: number): boolean {
    const at = this.#at;
    return at < this.#length && this.#codes[at] !== blank && this.#codes[at] !== code;
  }

  /** Writes a character at the cursor. The line must not be full; `width` is 1 or 2. */
  print(code: number, glyph: number, width: number): void {
    const at = this.#at;
    if (at >= this.#length) {
      this.#append(code, glyph, width);
      return;
    }
    // A character of another width shifts the columns of none of the others: terminals cut them.
    this.#codes[at] = code;
    this.#glyphs[at] = glyph;
    this.#at = at + 1;
  }

  #append(code: number, glyph: number, width: number): void {
    const index = this.#length++;
    // A wide character that does not fit begins the next row.
    const left = this.#width === 0 ? 0 : this.#endColumn % this.#width;
    if (width === 2 && left + 2 > this.#width && this.#width > 1) this.#endColumn += this.#width - left;
    this.#codes[index] = code;
    this.#glyphs[index] = glyph;
    this.#columns[index] = this.#endColumn;
    this.#widths[index] = width;
    this.#endColumn += width;
    this.#at = this.#length;
  }

  /** A tab prints nothing: it moves. In the text it is a blank, so that words do not join. */
  tab(glyph: number): void {
    const column = this.#cursorColumn();
    let left = tabColumns - (column % tabColumns);
    if (this.#width > 0) left = Math.min(left, Math.max(1, this.#width - 1 - (column % this.#width)));
    if (this.#at < this.#length) {
      this.right(left);
      return;
    }
    this.#append(0x09, glyph, left);
  }

  /** To the first column of the row. */
  carriageReturn(): boolean {
    return this.#moveTo(this.#rowStart());
  }

  /** CUB and backspace. */
  left(count: number): boolean {
    const column = this.#restingColumn();
    return this.#moveTo(Math.max(this.#rowStart(), column - count));
  }

  /** CUF: over blanks where nothing was printed. */
  right(count: number): boolean {
    const column = this.#restingColumn();
    const last = this.#width === 0 ? column + count : this.#rowStart() + this.#width - 1;
    return this.#moveTo(Math.min(last, column + count));
  }

  /** CHA: columns count from 1. */
  toColumn(column: number): boolean {
    const within = this.#width === 0 ? column - 1 : Math.min(column, this.#width) - 1;
    return this.#moveTo(this.#rowStart() + Math.max(0, within));
  }

  /** CUU and CUD between the rows of a wrapped line. */
  vertical(rows: number): boolean {
    if (this.#width === 0) return false;
    const column = this.#restingColumn() + rows * this.#width;
    const lastRow = Math.floor(Math.max(this.#endColumn - 1, this.#startColumn) / this.#width);
    if (column < 0 || Math.floor(column / this.#width) > lastRow) return false;
    return this.#moveTo(column);
  }

  /** Whether the cursor stands before characters. */
  get isWithin(): boolean {
    return this.#at < this.#length;
  }

  /** EL 0 and ED 0: everything from the cursor on; on its row, unless `rows`. */
  eraseTail(rows: boolean): void {
    const end = this.#rowStart() + this.#width;
    for (let index = this.#at; index < this.#length; index++) {
      if (!rows && this.#width > 0 && this.#columns[index]! >= end) return;
      this.#codes[index] = blank;
      this.#glyphs[index] = noGlyph;
    }
    if (rows || this.#width === 0 || this.#endColumn <= end) this.#truncate();
  }

  #truncate(): void {
    this.#length = this.#at;
    this.#endColumn =
      this.#length > 0 ? this.#columns[this.#length - 1]! + this.#widths[this.#length - 1]! : this.#startColumn;
  }

  /** DCH, on a line of one row. */
  delete(count: number): boolean {
    if (!this.#oneRow()) return false;
    const gone = Math.min(count, this.#length - this.#at);
    this.#codes.copyWithin(this.#at, this.#at + gone, this.#length);
    this.#glyphs.copyWithin(this.#at, this.#at + gone, this.#length);
    this.#length -= gone;
    this.#layOut();
    return true;
  }

  /** ICH, on a line of one row. */
  insert(count: number): boolean {
    if (!this.#oneRow() || this.#length + count > limits.lineCharactersMax) return false;
    this.#codes.copyWithin(this.#at + count, this.#at, this.#length);
    this.#glyphs.copyWithin(this.#at + count, this.#at, this.#length);
    this.#codes.fill(blank, this.#at, this.#at + count);
    this.#glyphs.fill(noGlyph, this.#at, this.#at + count);
    this.#widths.fill(1, this.#at, this.#length + count);
    this.#length += count;
    this.#layOut();
    return true;
  }

  #oneRow(): boolean {
    return this.#width === 0 || this.#endColumn <= this.#width;
  }

  #layOut(): void {
    let column = this.#startColumn;
    for (let index = 0; index < this.#length; index++) {
      this.#columns[index] = column;
      column += this.#widths[index]!;
    }
    this.#endColumn = column;
  }

  #cursorColumn(): number {
    return this.#at < this.#length ? this.#columns[this.#at]! : this.#endColumn;
  }

  /** Where a move begins: behind the last column, the cursor rests on it until something is printed. */
  #restingColumn(): number {
    const column = this.#cursorColumn();
    return this.#pending(column) ? column - 1 : column;
  }

  #pending(column: number): boolean {
    return this.#width > 0 && this.#at === this.#length && this.#length > 0 && column > 0 && column % this.#width === 0;
  }

  #rowStart(): number {
    if (this.#width === 0) return 0;
    const column = this.#restingColumn();
    return column - (column % this.#width);
  }

  #moveTo(column: number): boolean {
    if (column < this.#startColumn) return false;
    if (column >= this.#endColumn) {
      this.#at = this.#length;
      while (this.#endColumn < column) {
        if (this.full) return false;
        this.#append(blank, noGlyph, 1);
      }
      return true;
    }
    let index = Math.min(this.#at, this.#length - 1);
    while (index > 0 && this.#columns[index]! > column) index--;
    while (index < this.#length - 1 && this.#columns[index]! + this.#widths[index]! <= column) index++;
    this.#at = index;
    return true;
  }
}
