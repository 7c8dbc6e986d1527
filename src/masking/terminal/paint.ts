/**
 * Rows of the shadow as bytes for the client's terminal: characters, colours, and stars where cells are masked, with the same
 * widths; and the state of the terminal that a program relies on, put back when the client gets its bytes again.
 */
import type { Attributes, Shadow } from './shadow.ts';

/** SGR for attributes; always from the beginning. */
export function sgrOf(attributes: Attributes): string {
  const codes = [0];
  if (attributes.isBold() !== 0) codes.push(1);
  if (attributes.isDim() !== 0) codes.push(2);
  if (attributes.isItalic() !== 0) codes.push(3);
  if (attributes.isUnderline() !== 0) codes.push(4);
  if (attributes.isBlink() !== 0) codes.push(5);
  if (attributes.isInverse() !== 0) codes.push(7);
  if (attributes.isInvisible() !== 0) codes.push(8);
  if (attributes.isStrikethrough() !== 0) codes.push(9);
  if (attributes.isFgRGB()) codes.push(38, 2, ...rgb(attributes.getFgColor()));
  else if (attributes.isFgPalette()) codes.push(38, 5, attributes.getFgColor());
  if (attributes.isBgRGB()) codes.push(48, 2, ...rgb(attributes.getBgColor()));
  else if (attributes.isBgPalette()) codes.push(48, 5, attributes.getBgColor());
  return `\x1b[${codes.join(';')}m`;
}

function rgb(color: number): number[] {
  return [color >> 16, (color >> 8) & 255, color & 255];
}

/** One row, all of its columns. `masked`: its columns that are. */
export function paintRow(shadow: Shadow, row: number, masked: ReadonlySet<number> | undefined): string {
  const line = shadow.row(row);
  let out = `\x1b[${row + 1};1H`;
  let colours = '';
  // The last cells are erased rather than written where nothing is in them.
  for (let column = 0; column < shadow.columns; ) {
    const cell = line.getCell(column);
    if (cell === undefined) break;
    const width = cell.getWidth();
    if (width === 0) {
      column++;
      continue;
    }
    const next = sgrOf(cell);
    if (next !== colours) {
      out += next;
      colours = next;
    }
    out += masked?.has(column) === true ? '*'.repeat(width) : cell.getChars() || ' ';
    column += width;
  }
  return out;
}

/** Before rows are painted: no margins, no insertion, no wrapping, plain characters. */
export const paintBegin = '\x1b[?25l\x1b[?6l\x1b[r\x1b[4l\x1b[?7l\x1b(B\x0f';

const place = (column: number, row: number): string => `\x1b[${row + 1};${column + 1}H`;

/** While the screen is repainted: where the cursor is, and whether it is seen. */
export function paintCursor(shadow: Shadow, visible: boolean): string {
  const { column, row } = shadow.cursor;
  return `\x1b[0m${place(Math.min(column, shadow.columns - 1), row)}${visible ? '\x1b[?25h' : ''}`;
}

/** Everything that the program's next bytes rely on. `charsets`: how it chose its character sets. */
export function paintState(shadow: Shadow, visible: boolean, charsets: string): string {
  const { margins, modes, savedCursor, cursor } = shadow;
  let out = `${sgrOf(savedCursor.attributes)}${place(savedCursor.column, savedCursor.row)}\x1b7`;
  if (margins.top > 0 || margins.bottom < shadow.rows - 1) out += `\x1b[${margins.top + 1};${margins.bottom + 1}r`;
  if (modes.wrap) out += '\x1b[?7h';
  if (modes.insert) out += '\x1b[4h';
  out += charsets;
  const pending = cursor.column >= shadow.columns;
  if (modes.origin) out += `\x1b[?6h${place(cursor.column, Math.max(0, cursor.row - margins.top))}`;
  else out += place(Math.min(cursor.column, shadow.columns - 1), cursor.row);
  // The cursor behind the last column: only printing brings it there.
  if (pending) {
    const cell = shadow.row(cursor.row).getCell(shadow.columns - 1);
    if (cell !== undefined && cell.getWidth() === 1) out += `${sgrOf(cell)}${cell.getChars() || ' '}`;
  }
  return out + sgrOf(shadow.attributes) + (visible ? '\x1b[?25h' : '');
}
