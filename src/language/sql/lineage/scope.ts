/**
 * Names in force at a point of a query, as PostgreSQL's parser keeps them: levels of ranges (the items of FROM), each
 * visible by its own name, by the bare names of its columns, or both; and common table expressions.
 *
 * Invariants:
 * - A name that may mean several things gets what all of them carry. A name that nothing is found for is unfollowed.
 * - A range that is open (`rest`) may have columns that are not listed: a name that is not found elsewhere on its level
 *   may be one of them, or belong further out.
 */
import { combine, either, type NamedValue, nothing, unfollowed, type Value } from './value.ts';

export interface Range {
  /** The name that refers to it; null for a join without one. */
  readonly alias: string | null;
  /** For `schema.table.column`: the schemas that an unaliased relation may be in. */
  readonly schemas: readonly string[];
  readonly columns: readonly NamedValue[];
  /** What a column carries that is not listed; null where all are listed. */
  readonly rest: Value | null;
  /** System columns, by name; null for what has none. */
  readonly system: ((name: string) => Value | null) | null;
  /** `alias.column` and `alias` find it. */
  readonly byName: boolean;
  /** A bare `column` and `*` find it. */
  readonly byColumn: boolean;
  /** A function that yields one value: its name is that value. */
  readonly isScalar: boolean;
}

export const plainRange = {
  schemas: [],
  rest: null,
  system: null,
  byName: true,
  byColumn: true,
  isScalar: false,
} as const satisfies Partial<Range>;

/** What a query, a table or a CTE yields. */
export interface Shape {
  readonly columns: readonly NamedValue[];
  /** Set where there may be other columns, in any place, which carry this. */
  readonly rest: Value | null;
  /** What decides which rows there are. */
  readonly rows: Value;
}

export const emptyShape: Shape = { columns: [], rest: null, rows: nothing };

export function unknownShape(reason: string): Shape {
  const value = unfollowed(reason);
  return { columns: [], rest: value, rows: value };
}

/** A common table expression, evaluated when first referred to. */
export type Cte = () => Shape;

export class Level {
  readonly parent: Level | null;
  readonly ranges: Range[];
  readonly ctes = new Map<string, Cte>();

  constructor(parent: Level | null, ranges: readonly Range[] = []) {
    this.parent = parent;
    this.ranges = [...ranges];
  }

  cte(name: string): Cte | null {
    return this.ctes.get(name) ?? this.parent?.cte(name) ?? null;
  }

  /** A bare column name; null where no column has it. */
  column(name: string): Value | null {
    const here = this.localColumn(name);
    if (here !== null && !here.isOpen) return here.value;
    const outer = this.parent?.column(name) ?? null;
    if (here === null) return outer;
    return outer === null ? here.value : combine([here.value, outer]);
  }

  /** The same on this level only. Open: it may also belong further out. */
  localColumn(name: string): { readonly value: Value; readonly isOpen: boolean } | null {
    let found: Value | null = null;
    const open: Value[] = [];
    for (const range of this.ranges) {
      if (!range.byColumn) continue;
      const value = columnIn(range, name);
      if (value !== null) found = found === null ? value : either(found, value);
      else if (range.rest !== null) open.push(range.rest);
    }
    if (found !== null) return { value: found, isOpen: false };
    return open.length === 0 ? null : { value: combine(open), isOpen: true };
  }

  /** The ranges that a name means, innermost level first; several where it is ambiguous. */
  named(alias: string, schema: string | null = null): readonly Range[] {
    const here = this.ranges.filter(
      (range) => range.byName && range.alias === alias && (schema === null || range.schemas.includes(schema)),
    );
    return here.length > 0 ? here : (this.parent?.named(alias, schema) ?? []);
  }

  /** What `*` stands for on this level. */
  star(): { readonly columns: readonly NamedValue[]; readonly rest: Value | null } {
    return starOf(this.ranges.filter((range) => range.byColumn));
  }
}

/** A column of a range, a system column, or null. */
export function columnIn(range: Pick<Range, 'columns' | 'system'>, name: string): Value | null {
  let found: Value | null = null;
  for (const column of range.columns) {
    if (column.name === name) found = found === null ? column.value : either(found, column.value);
  }
  return found ?? range.system?.(name) ?? null;
}

export function starOf(ranges: readonly Range[]): { columns: readonly NamedValue[]; rest: Value | null } {
  const open = ranges.flatMap((range) => (range.rest === null ? [] : [range.rest]));
  const columns = ranges.flatMap((range) => range.columns);
  return { columns, rest: open.length === 0 ? null : combine(open) };
}

/** The row as a value. */
export function wholeRow(range: Range): Value {
  if (range.isScalar && range.rest === null && range.columns.length === 1) return range.columns[0]!.value;
  const values = range.columns.map((column) => column.value);
  const all = combine(range.rest === null ? values : [...values, range.rest]);
  return { ...all, direct: false, isPlain: false, fields: range.rest === null ? range.columns : null };
}
