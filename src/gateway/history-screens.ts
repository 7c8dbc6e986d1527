/**
 * A terminal's output as plain text, by the emulator of `language/terminal`: lines as they are completed; of a full-screen program,
 * the lines that were not on the screen before.
 *
 * Honest limits: what is drawn again and again without the alternate screen stands there again and again; a line that was scrolled
 * away within one step, or overwritten, is not there.
 */
import type { ScreenView } from '../audit/index.ts';
// Not by the room's door: this thread needs no grammar of SQL.
import { type Anchor, TerminalView } from '../language/terminal/view.ts';

export class EmulatedScreen implements ScreenView {
  readonly #view: TerminalView;
  #rows: number;
  /** Up to where text was taken; null at the very beginning, and on the alternate screen. */
  #from: Anchor | null = null;
  #shown: ReadonlySet<string> = new Set();

  constructor(columns: number, rows: number) {
    this.#view = new TerminalView(columns, rows);
    this.#rows = rows;
  }

  write(bytes: Uint8Array): void {
    this.#view.write(bytes);
  }

  resize(columns: number, rows: number): void {
    this.#view.resize(columns, rows);
    this.#rows = rows;
  }

  take(isEnd: boolean): string {
    if (this.#view.isAlternate) return this.#newLines();
    this.#shown = new Set();
    const { row: last } = this.#view.cursor;
    const from = this.#from;
    const isKnown = from !== null && !from.marker.isDisposed && from.marker.line >= 0;
    let row = isKnown ? from.marker.line : 0;
    // The cursor went up: what follows is drawn over what was there.
    if (row > last) row = last;
    let column = isKnown && row === from.marker.line ? from.column : 0;
    let text = '';
    for (; row < last; row++) {
      const line = this.#view.rowText(row, column);
      text += this.#view.isWrapped(row + 1) ? line : `${line.trimEnd()}\n`;
      column = 0;
    }
    if (isEnd) {
      const { column: to } = this.#view.cursor;
      text += this.#view.rowText(last, column, Math.max(column, to)).trimEnd();
      this.#moveOn();
    } else if (text !== '') this.#moveOn(column);
    return text;
  }

  dispose(): void {
    this.#view.dispose();
  }

  /** From here on; `column` of the line under way, where that was not taken. */
  #moveOn(column?: number): void {
    this.#from?.marker.dispose();
    const anchor = this.#view.anchor();
    this.#from = anchor === null || column === undefined ? anchor : { ...anchor, column };
  }

  #newLines(): string {
    const lines: string[] = [];
    for (let row = 0; row < this.#rows; row++) {
      const line = this.#view.rowText(row).trimEnd();
      if (line !== '') lines.push(line);
    }
    const fresh = lines.filter((line) => !this.#shown.has(line));
    this.#shown = new Set(lines);
    return fresh.length === 0 ? '' : `${fresh.join('\n')}\n`;
  }
}
