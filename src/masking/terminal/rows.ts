/**
 * Findings on a screen: its rows joined where one goes on in the next, looked at as lines.
 *
 * A row goes on where the terminal wrapped it, or where its last column holds a character of a word: programs that place
 * every row themselves (vim) leave no other trace. Rows that go on behind an indent (line numbers) are looked at without it,
 * too.
 *
 * Private keys: rows below a header; and where two rows have nothing but base64 of the lengths that keys are written in, for
 * the header may be above the screen.
 *
 * Known limits: text that wraps within a part of the screen (panes side by side), and halves that are never on the screen at
 * once.
 */
import type { Finder, Span } from './finder.ts';
import { isKeySpan } from './finder.ts';
import { isKeyLine, keyEndIn } from './keys.ts';
import type { Shadow } from './shadow.ts';

/** Row → its columns that are masked. */
export type MaskedCells = ReadonlyMap<number, ReadonlySet<number>>;

const goesOn = /[A-Za-z0-9_+/=.@%~-]$/;
const keyRow = /^\s*(?:\d+\s+)?(?:[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70})\s*$/;

interface Group {
  readonly first: number;
  readonly last: number;
  readonly text: string;
  /** Without indents; null where there are none. */
  readonly trimmed: string | null;
}

export class RowScan {
  readonly #finder: Finder;
  /** What was found in the texts of the last look: most rows are the same in the next. */
  #known = new Map<string, readonly Span[]>();
  /** Texts of rows that were found to be of a private key. */
  readonly #keyRows = new Set<string>();

  constructor(finder: Finder) {
    this.#finder = finder;
  }

  look(shadow: Shadow): { readonly cells: MaskedCells; readonly rules: readonly string[] } {
    const cells = new Map<number, Set<number>>();
    const rules: string[] = [];
    const known = new Map<string, readonly Span[]>();
    const spansOf = (text: string): readonly Span[] => {
      const spans = known.get(text) ?? this.#known.get(text) ?? this.#find(text);
      known.set(text, spans);
      return spans;
    };
    const groups = groupsOf(shadow);
    for (const group of groups) {
      for (const span of spansOf(group.text)) {
        maskSpan(shadow, group, span, false, cells);
        rules.push(span.rule);
      }
      if (group.trimmed === null) continue;
      for (const span of spansOf(group.trimmed)) {
        maskSpan(shadow, group, span, true, cells);
        rules.push(span.rule);
      }
    }
    if (this.#finder.keyRule !== null) this.#keys(shadow, groups, spansOf, cells, rules, this.#finder.keyRule);
    this.#known = known;
    return { cells, rules };
  }

  #find(text: string): readonly Span[] {
    const end = text.trimEnd();
    if (end === '') return nothing;
    const spans = this.#finder.find(text);
    // What the edge of the screen cuts off, or is still being typed.
    const strong = this.#finder.viability.of(end)?.strong ?? null;
    if (strong === null || spans.some((span) => span.start <= strong && span.end >= end.length)) return spans;
    return [...spans, { start: strong, end: end.length, rule: this.#finder.all, detector: 'beginning' }];
  }

  #keys(
    shadow: Shadow,
    groups: readonly Group[],
    spansOf: (text: string) => readonly Span[],
    cells: Map<number, Set<number>>,
    rules: string[],
    rule: string,
  ): void {
    let inKey = false;
    let before = '';
    groups.forEach((group, index) => {
      const { text } = group;
      const bare = text.trim();
      const header = spansOf(text).find(isKeySpan);
      if (header !== undefined) {
        inKey = keyEndIn(text.slice(header.start)) < 0 && text.slice(header.end).trim() === '';
        before = bare;
        return;
      }
      const end = keyEndIn(text);
      const likeKey =
        keyRow.test(text) &&
        (keyRow.test(before) || keyRow.test(groups[index + 1]?.text ?? '') || this.#keyRows.has(bare));
      const goes = (inKey || this.#keyRows.has(before)) && bare !== '' && isKeyLine(text);
      before = bare;
      if (likeKey || goes || (inKey && end >= 0)) {
        maskSpan(shadow, group, { start: 0, end: text.length }, false, cells);
        rules.push(rule);
        if (end < 0) this.#remember(bare);
      }
      if (bare !== '') inKey = end < 0 && (goes || likeKey);
    });
  }

  #remember(row: string): void {
    // A screen has no more rows; what was forgotten is found again by its header or its form.
    if (this.#keyRows.size >= 2000) this.#keyRows.clear();
    this.#keyRows.add(row);
  }
}

const nothing: readonly Span[] = [];

function groupsOf(shadow: Shadow): Group[] {
  const groups: Group[] = [];
  for (let row = 0; row < shadow.rows; ) {
    const first = row;
    let text = shadow.row(row).translateToString(false);
    let trimmed = text;
    while (row + 1 < shadow.rows) {
      const next = shadow.row(row + 1);
      if (!next.isWrapped && !(goesOn.test(text) && text.length > 0)) break;
      const part = next.translateToString(false);
      text += part;
      trimmed += part.trimStart();
      row++;
    }
    groups.push({ first, last: row, text, trimmed: trimmed === text ? null : trimmed });
    row++;
  }
  return groups;
}

/** Marks the cells of a span of a group's text. */
function maskSpan(
  shadow: Shadow,
  { first, last }: Group,
  { start, end }: Pick<Span, 'start' | 'end'>,
  trimmed: boolean,
  cells: Map<number, Set<number>>,
): void {
  let position = 0;
  for (let row = first; row <= last; row++) {
    const line = shadow.row(row);
    let indent = trimmed && row > first;
    for (let column = 0; column < shadow.columns; column++) {
      const cell = line.getCell(column);
      if (cell === undefined || cell.getWidth() === 0) continue;
      const characters = cell.getChars() || ' ';
      if (indent && characters.trim() === '') continue;
      indent = false;
      if (position >= start && position < end && characters !== ' ') {
        let columns = cells.get(row);
        if (columns === undefined) {
          columns = new Set();
          cells.set(row, columns);
        }
        columns.add(column);
      }
      position += characters.length;
    }
  }
}
