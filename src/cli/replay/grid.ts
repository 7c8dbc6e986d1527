/**
 * A result as psql aligns it, from cells that a peer sent.
 *
 * Invariant: every name and cell is escaped, on one line each (I13). Wide cells are cut; where the terminal is known,
 * the widest columns shrink until a row fits.
 */
import { escapeLine } from '../../base/escape.ts';
import { cellColumnsMax } from '../limits.ts';
import type { Palette } from '../output/colour.ts';
import { cutToWidth, displayWidth, padTo } from '../output/width.ts';

/** Narrower than this a column says nothing; a row that still does not fit wraps. */
const cellColumnsMin = 6;
const nullMark = '∅';

/** The lines of a grid. `columns` are names; cells are text or null. */
export function gridLines(
  columns: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  palette: Palette,
  terminalColumns: number | null,
): string[] {
  const names = columns.map((name) => escapeLine(name));
  const cells = rows.map((row) => names.map((_, index) => shown(row[index] ?? null)));
  const natural = names.map((name, index) =>
    Math.min(
      cellColumnsMax,
      cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index]!)), displayWidth(name)),
    ),
  );
  const widest = terminalColumns === null ? cellColumnsMax : fittingWidth(natural, terminalColumns);
  const widths = natural.map((width) => Math.min(width, widest));
  const isNumeric = names.map((_, index) => rows.length > 0 && rows.every((row) => isNumberOrNull(row[index] ?? null)));
  const bar = palette.faint('|');
  const line = (texts: readonly string[], paint: (text: string, index: number) => string): string =>
    ` ${texts.map(paint).join(` ${bar} `)}`.trimEnd();
  return [
    line(names, (name, index) => palette.strong(padTo(cutToWidth(name, widths[index]!), widths[index]!, 'centre'))),
    palette.faint(widths.map((width) => '-'.repeat(width + 2)).join('+')),
    ...cells.map((row, at) =>
      line(row, (text, index) => {
        const cut = padTo(cutToWidth(text, widths[index]!), widths[index]!, isNumeric[index] ? 'right' : 'left');
        return (rows[at]![index] ?? null) === null ? palette.faint(cut) : cut;
      }),
    ),
  ];
}

function shown(cell: string | null): string {
  // Cells are cut twice: here roughly, so that a megabyte is not escaped to show fifty columns of it.
  return cell === null ? nullMark : escapeLine(cell.length > 4096 ? cell.slice(0, 4096) : cell);
}

/** The largest cap for all columns at which a row fits; never below the least that says something. */
function fittingWidth(natural: readonly number[], terminalColumns: number): number {
  const room = terminalColumns - 3 * natural.length;
  for (let cap = cellColumnsMax; cap > cellColumnsMin; cap--) {
    if (natural.reduce((sum, width) => sum + Math.min(width, cap), 0) <= room) return cap;
  }
  return cellColumnsMin;
}

function isNumberOrNull(cell: string | null): boolean {
  return cell === null || /^-?\d+(\.\d+)?$/.test(cell);
}
