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

/** The lines of a table, without line feeds. The last column is not padded when it is aligned left. */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  palette: Palette,
): string[] {
  const texts = rows.map((row) =>
    columns.map((column, index) => {
      const cell = row[index] ?? '';
      const safe = escapeLine(typeof cell === 'string' ? cell : cell.text);
      return column.widest === undefined ? safe : cutToWidth(safe, column.widest);
    }),
  );
  const titles = columns.map((column) => escapeLine(column.title));
  const widths = titles.map((title, index) =>
    texts.reduce((widest, row) => Math.max(widest, displayWidth(row[index]!)), displayWidth(title)),
  );
  const line = (cells: readonly string[], paintOf: (index: number) => Paint | null): string =>
    cells
      .map((text, index) => {
        const last = index === columns.length - 1;
        const align = columns[index]!.align ?? 'left';
        const padded = last && align === 'left' ? text : padTo(text, widths[index]!, align);
        return paintOf(index)?.(padded) ?? padded;
      })
      .join('  ')
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
