/**
 * Aligned tables for people.
 *
 * Invariant: every cell and every heading is escaped here, on one line (I13); a caller cannot forget it. Colour is put
 * on after measuring and padding, so that it never disturbs the alignment.
 */
import { escapeLine } from '../../base/escape.ts';
import type { Paint, Palette } from './colour.ts';
import { cutToWidth, displayWidth, padTo } from './width.ts';

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Widest in columns of the terminal; longer cells are cut. Unlimited when absent. */
  readonly widest?: number;
}

export type Cell = string | { readonly text: string; readonly paint: Paint };

/** Narrower than this a cut cell says nothing. */
const shrunkColumnsMin = 8;
const gap = '  ';

/**
 * The lines of a table, without line feeds. The last column is not padded when it is aligned left. Where the terminal's
 * columns are known, those columns that may be cut (`widest`) shrink until a row fits, the widest first.
 */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  palette: Palette,
  terminalColumns: number | null = null,
): string[] {
  const titles = columns.map((column) => escapeLine(column.title));
  const full = rows.map((row) =>
    columns.map((column, index) => {
      const cell = row[index] ?? '';
      const safe = escapeLine(typeof cell === 'string' ? cell : cell.text);
      return column.widest === undefined ? safe : cutToWidth(safe, column.widest);
    }),
  );
  const natural = titles.map((title, index) =>
    full.reduce((widest, row) => Math.max(widest, displayWidth(row[index]!)), displayWidth(title)),
  );
  const widths = terminalColumns === null ? natural : fitted(natural, columns, terminalColumns);
  const texts = full.map((row) => row.map((text, index) => cutToWidth(text, widths[index]!)));
  const line = (cells: readonly string[], paintOf: (index: number) => Paint | null): string =>
    cells
      .map((text, index) => {
        const last = index === columns.length - 1;
        const align = columns[index]!.align ?? 'left';
        const padded = last && align === 'left' ? text : padTo(text, widths[index]!, align);
        return paintOf(index)?.(padded) ?? padded;
      })
      .join(gap)
      .trimEnd();
  return [
    line(titles, () => palette.heading),
    ...texts.map((cells, row) =>
      line(cells, (index) => {
        const cell = rows[row]![index];
        return cell === undefined || typeof cell === 'string' ? null : cell.paint;
      }),
    ),
  ];
}

function fitted(
  natural: readonly number[],
  columns: readonly TableColumn[],
  terminalColumns: number,
): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1)) - terminalColumns;
  while (excess > 0) {
    let widest = -1;
    for (const [index, width] of widths.entries()) {
      const isCuttable = columns[index]!.widest !== undefined && width > shrunkColumnsMin;
      if (isCuttable && width > (widths[widest] ?? 0)) widest = index;
    }
    if (widest === -1) break;
    widths[widest] = widths[widest]! - 1;
    excess--;
  }
  return widths;
}

/** `name  value` lines, for one object. */
export function fieldLines(fields: readonly (readonly [name: string, value: Cell])[], palette: Palette): string[] {
  const names = fields.map(([name]) => escapeLine(name));
  const width = names.reduce((widest, name) => Math.max(widest, displayWidth(name)), 0);
  return fields.map(([, value], index) => {
    const text = escapeLine(typeof value === 'string' ? value : value.text);
    const painted = typeof value === 'string' ? text : value.paint(text);
    return `${palette.faint(padTo(names[index]!, width))}  ${painted}`.trimEnd();
  });
}
