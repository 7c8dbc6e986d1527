/** A terminal's screen as data: rows of runs of one look, to be drawn by screen.ts. */
import type { IBufferCell, IBufferLine, Terminal } from '@xterm/headless';

/** Of an attribute: one bit each. */
export const look = { bold: 1, dim: 2, italic: 4, underline: 8, inverse: 16, hidden: 32, strike: 64 } as const;

export interface Run {
  readonly text: string;
  /** Cells that it takes. */
  readonly cells: number;
  /** -1: as the terminal has it; 0 to 255: of the palette; from 256: 256 + 24 bits of red, green and blue. */
  readonly ink: number;
  readonly ground: number;
  readonly looks: number;
}

export interface FrameRow {
  /** The same for rows that look the same. */
  readonly key: string;
  readonly runs: readonly Run[];
}

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  /** Lines above the screen, then the screen. */
  readonly lines: readonly FrameRow[];
  readonly history: number;
  readonly cursor: { readonly x: number; readonly y: number } | null;
}

export function frameOf(terminal: Terminal, isCursorHidden: boolean, history: number): Frame {
  const { cols: columns, rows } = terminal;
  const buffer = terminal.buffer.active;
  const above = Math.min(history, buffer.baseY);
  const cell = buffer.getNullCell();
  const lines: FrameRow[] = [];
  for (let y = buffer.baseY - above; y < buffer.baseY + rows; y++) {
    const line = buffer.getLine(y);
    lines.push(line === undefined ? { key: '', runs: [] } : rowOf(line, columns, cell));
  }
  const cursor = isCursorHidden ? null : { x: Math.min(buffer.cursorX, columns - 1), y: buffer.cursorY };
  return { columns, rows, lines, history: above, cursor };
}

function rowOf(line: IBufferLine, columns: number, cell: IBufferCell): FrameRow {
  const runs: Run[] = [];
  let run: { text: string; cells: number; ink: number; ground: number; looks: number } | null = null;
  let key = '';
  for (let x = 0; x < columns; x++) {
    const at = line.getCell(x, cell);
    if (at === undefined) break;
    const width = at.getWidth();
    if (width === 0) continue;
    const text = at.getChars() || ' ';
    const ink = at.isFgDefault() ? -1 : at.isFgRGB() ? 256 + at.getFgColor() : at.getFgColor();
    const ground = at.isBgDefault() ? -1 : at.isBgRGB() ? 256 + at.getBgColor() : at.getBgColor();
    const looks = looksOf(at);
    // What may have another width than its cells in the page's font stands by itself.
    const isAlone = width === 2 || text.length > 1;
    if (run === null || isAlone || run.ink !== ink || run.ground !== ground || run.looks !== looks) {
      run = { text, cells: width, ink, ground, looks };
      runs.push(run);
      if (isAlone) run = null;
    } else {
      run.text += text;
      run.cells += width;
    }
  }
  const last = runs.at(-1);
  if (last !== undefined && last.ground === -1 && (last.looks & (look.inverse | look.underline)) === 0) {
    (last as { text: string }).text = last.text.trimEnd();
    if (last.text === '') runs.pop();
  }
  for (const { text, ink, ground, looks } of runs) key += `${text}\u0000${ink},${ground},${looks}\u0000`;
  return { key, runs };
}

function looksOf(cell: IBufferCell): number {
  return (
    (cell.isBold() ? look.bold : 0) |
    (cell.isDim() ? look.dim : 0) |
    (cell.isItalic() ? look.italic : 0) |
    (cell.isUnderline() ? look.underline : 0) |
    (cell.isInverse() ? look.inverse : 0) |
    (cell.isInvisible() ? look.hidden : 0) |
    (cell.isStrikethrough() ? look.strike : 0)
  );
}
