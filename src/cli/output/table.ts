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
  /** Left out where a row does not fit the terminal otherwise, the highest first. */
  readonly spare?: number;
}

export type Cell = string | { readonly text: string; readonly paint: Paint };

/** Narrower than this a cut cell says nothing. */
const shrunkColumnsMin = 8;

/** Rather than cut cells below this, columns that are spare are left out. */
const cutColumnsMin = 16;
const gap = '  ';

/**
 * The lines of a table, without line feeds. The last column is not padded when it is aligned left. Where the terminal's
 * columns are known, those columns that may be cut (`widest`) shrink until a row fits, the widest first; where that is not
 * enough, `spare` ones are left out.
 */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  palette: Palette,
  terminalColumns: number | null = null,
): string[] {
  const dropped = terminalColumns === null ? -1 : oneTooMany(columns, rows, terminalColumns);
  if (dropped !== -1) {
    const rest = <T>(all: readonly T[]): T[] => all.filter((_, index) => index !== dropped);
    return tableLines(rest(columns), rows.map(rest), palette, terminalColumns);
  }
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

/** The column to leave out first where rows do not fit however much is cut; -1 where they do, or none is spare. */
function oneTooMany(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  terminalColumns: number,
): number {
  let least = gap.length * (columns.length - 1);
  let dropped = -1;
  for (const [index, { title, spare, widest }] of columns.entries()) {
    if (spare !== undefined && spare > (columns[dropped]?.spare ?? 0)) dropped = index;
    const texts = [title, ...rows.map((row) => row[index] ?? '')];
    const natural = Math.max(
      ...texts.map((cell) => displayWidth(escapeLine(typeof cell === 'string' ? cell : cell.text))),
    );
    least += widest === undefined ? natural : Math.min(natural, widest, cutColumnsMin);
  }
  return least > terminalColumns ? dropped : -1;
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

/** `name  value` lines, for one object. Values longer than the terminal go on below where they began, at a space. */
export function fieldLines(
  fields: readonly (readonly [name: string, value: Cell])[],
  palette: Palette,
  terminalColumns: number | null = null,
): string[] {
  const names = fields.map(([name]) => escapeLine(name));
  const width = names.reduce((widest, name) => Math.max(widest, displayWidth(name)), 0);
  const room = terminalColumns === null ? null : terminalColumns - width - gap.length;
  return fields.flatMap(([, value], index) => {
    const text = escapeLine(typeof value === 'string' ? value : value.text);
    const texts = room === null || room < shrunkColumnsMin * 2 ? [text] : wrapped(text, room);
    return texts.map((part, line) => {
      const painted = typeof value === 'string' ? part : value.paint(part);
      return `${palette.faint(padTo(line === 0 ? names[index]! : '', width))}${gap}${painted}`.trimEnd();
    });
  });
}

/** The text in lines of at most `columns`, broken at spaces; a word that is longer stays whole. */
function wrapped(text: string, columns: number): string[] {
  if (displayWidth(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
