/**
 * What the person sees: a terminal emulator of bounded size, fed with the output, read back as text.
 *
 * Invariants: writing is synchronous, so that a line is read exactly where the output stands (before the line feed that
 * ends it, say). Size and scrollback are clamped (A-SSH-16). A line that scrolled out of reach is null, never a guess.
 *
 * Deliberately absent: recording, masking, answers to terminal queries (the person's own terminal gives those).
 */
import xterm from '@xterm/headless';
import * as limits from './limits.ts';

/** The emulator's own synchronous path: it has one, and keeps it for its tests only. `view.test.ts` holds it to that. */
interface SynchronousCore {
  readonly _core: { writeSync(data: Uint8Array): void };
}

/** Sequences whose work grows with their number: tabs, lines, scrolling, repeated characters, columns. */
const repeating = [
  ...['b', 'I', 'Z', 'L', 'M', 'S', 'T', '@', 'P', 'X', '^', 'a', 'e', 'k', 'j'].map((final) => ({ final })),
  ...['@', 'A'].map((final) => ({ intermediates: ' ', final })),
  ...['}', '~'].map((final) => ({ intermediates: "'", final })),
];

/** A place in the text that stays where it is while rows scroll. */
export interface Anchor {
  readonly marker: { readonly line: number; readonly isDisposed: boolean; dispose(): void };
  readonly column: number;
}

export class TerminalView {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #core: SynchronousCore['_core'];

  constructor(columns: number, rows: number) {
    const size = clampSize(columns, rows);
    this.#terminal = new xterm.Terminal({
      cols: size.columns,
      rows: size.rows,
      scrollback: limits.scrollbackRows,
      allowProposedApi: true,
      logLevel: 'off',
    });
    this.#core = (this.#terminal as unknown as SynchronousCore)._core;
    // What repeats is repeated as often as the number says, and the number may have ten digits: such a sequence is dropped.
    for (const id of repeating) {
      this.#terminal.parser.registerCsiHandler(id, ([count]) => typeof count === 'number' && count > limits.repeatsMax);
    }
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#core.writeSync(bytes);
  }

  resize(columns: number, rows: number): void {
    const size = clampSize(columns, rows);
    this.#terminal.resize(size.columns, size.rows);
  }

  /** A full-screen program is on the alternate screen. */
  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  get columns(): number {
    return this.#terminal.cols;
  }

  /** The cursor, in rows from the beginning of the scrollback. */
  get cursor(): { readonly row: number; readonly column: number } {
    const { baseY, cursorY, cursorX } = this.#terminal.buffer.active;
    return { row: baseY + cursorY, column: cursorX };
  }

  /** Marks where the cursor stands. On the alternate screen there are no anchors. */
  anchor(): Anchor | null {
    const marker = this.isAlternate ? undefined : this.#terminal.registerMarker(0);
    return marker === undefined ? null : { marker, column: this.cursor.column };
  }

  /** One row as text, from a column to another. */
  rowText(row: number, from = 0, to?: number): string {
    return this.#terminal.buffer.active.getLine(row)?.translateToString(false, from, to) ?? '';
  }

  isWrapped(row: number): boolean {
    return this.#terminal.buffer.active.getLine(row)?.isWrapped ?? false;
  }

  /**
   * The text that was edited since `anchor`: from there to the end of the line on which the cursor is, wrapped rows joined.
   * Greyed suggestions behind the cursor are left out, and so is a right prompt that begins at `rightPrompt`. Null where the
   * anchor is out of reach, or the text is longer than `lineRowsMax` rows; and with `isOneLine`, where rows are those of one
   * line that its editor breaks itself, also where a row ends before the screen does: what stands there cannot be told.
   */
  editedText(anchor: Anchor, rightPrompt: Anchor | null = null, isOneLine = false): string | null {
    if (anchor.marker.isDisposed || anchor.marker.line < 0 || this.isAlternate) return null;
    const first = anchor.marker.line;
    const cursor = this.cursor;
    let last = Math.max(cursor.row, first);
    while (this.isWrapped(last + 1)) last++;
    if (last - first > limits.lineRowsMax) return null;
    let text = '';
    for (let row = first; row <= last; row++) {
      const from = row === first ? anchor.column : 0;
      const isGhost = row === cursor.row && this.#isSuggestion(row, cursor.column);
      let to = isGhost ? Math.max(from, cursor.column) : this.columns;
      if (rightPrompt !== null && !rightPrompt.marker.isDisposed && rightPrompt.marker.line === row) {
        to = Math.max(from, Math.min(to, rightPrompt.column));
      }
      const continues = row < last && this.isWrapped(row + 1);
      const part = this.rowText(row, from, to);
      const isBroken = isOneLine && row < last && !continues;
      if (isBroken && part.endsWith(' ')) return null;
      text += continues || isBroken ? part : part.replace(/ +$/, '');
      if (isGhost) break;
      if (!continues && !isBroken && row < last) text += '\n';
    }
    return text.replace(/[\n ]+$/, '');
  }

  /** The text of `length` UTF-16 units from `anchor` on, across wrapped rows. */
  textFrom(anchor: Anchor, length: number): string {
    if (anchor.marker.isDisposed || anchor.marker.line < 0) return '';
    let row = anchor.marker.line;
    let text = this.rowText(row, anchor.column);
    while (text.length < length && this.isWrapped(row + 1)) text += this.rowText(++row);
    return text.slice(0, length);
  }

  /** True where the cursor is on a later place than `anchor`. */
  isPast(anchor: Anchor): boolean {
    if (anchor.marker.isDisposed || anchor.marker.line < 0) return false;
    const { row, column } = this.cursor;
    return row > anchor.marker.line || (row === anchor.marker.line && column > anchor.column);
  }

  dispose(): void {
    this.#terminal.dispose();
  }

  /** Everything visible from `column` on is dim or grey: what fish and zsh propose, and nobody typed. */
  #isSuggestion(row: number, column: number): boolean {
    const line = this.#terminal.buffer.active.getLine(row);
    if (line === undefined) return false;
    let any = false;
    for (let at = column; at < this.columns; at++) {
      const cell = line.getCell(at);
      if (cell === undefined || cell.getChars().trim() === '') continue;
      any = true;
      const color = cell.getFgColor();
      const isGreyIndex = cell.isFgPalette() && (color === 8 || (color >= 232 && color <= 250));
      const [red, green, blue] = [(color >> 16) & 255, (color >> 8) & 255, color & 255];
      const isGreyRgb = cell.isFgRGB() && red < 150 && Math.abs(red - blue) < 40 && Math.abs(red - green) < 40;
      if (!cell.isDim() && !isGreyIndex && !isGreyRgb) return false;
    }
    return any;
  }
}

/** A size that an emulator can have: not zero, not 2³². */
export function clampSize(columns: number, rows: number): { readonly columns: number; readonly rows: number } {
  const clamp = (value: number, least: number, most: number, otherwise: number): number =>
    Number.isInteger(value) && value > 0 ? Math.min(most, Math.max(least, value)) : otherwise;
  return {
    columns: clamp(columns, limits.columnsMin, limits.columnsMax, 80),
    rows: clamp(rows, limits.rowsMin, limits.rowsMax, 24),
  };
}
