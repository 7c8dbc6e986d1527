/**
 * The columns that a Mask names: `schema.relation.column`, where `*` stands for any run of characters within one name and
 * a name that contains a dot, a star or a quote stands in double quotes.
 *
 * Invariant: names are compared without regard to case. A mask that was written with another case than the catalog's must
 * not let its column pass; that it may mask one column too many is the lesser evil.
 */
import type { ColumnOrigin, RelationUse } from '../core/sql.ts';
import * as limits from './limits.ts';
import type { Place } from './specification.ts';

export interface ColumnPattern {
  /** As written. */
  readonly text: string;
  matches(schema: string, relation: string, column: string): boolean;
  /** Whether the relation may have a column that is meant. `schema` null: not known, so it may be any. */
  relation(schema: string | null, relation: string): boolean;
  column(column: string): boolean;
  /** Whether the relation itself is spelled out, at least in part. */
  readonly named: boolean;
}

type Part = { readonly literal: boolean; readonly text: string };

/** Splits at dots outside quotes; null where it is malformed. Each part is a list of literal runs and stars. */
function split(text: string): Part[][] | null {
  const parts: Part[][] = [[]];
  let index = 0;
  while (index < text.length) {
    const part = parts[parts.length - 1]!;
    const character = text[index]!;
    if (character === '"') {
      let literal = '';
      for (index++; ; index++) {
        if (index >= text.length) return null;
        if (text[index] !== '"') literal += text[index];
        else if (text[index + 1] === '"') literal += text[index++];
        else break;
      }
      if (literal === '') return null;
      part.push({ literal: true, text: literal });
      index++;
    } else if (character === '.') {
      parts.push([]);
      index++;
    } else if (character === '*') {
      part.push({ literal: false, text: '' });
      index++;
    } else {
      let end = index;
      while (end < text.length && !'".*'.includes(text[end]!)) end++;
      const literal = text.slice(index, end);
      if (/[\s\p{C}]/u.test(literal)) return null;
      part.push({ literal: true, text: literal });
      index = end;
    }
  }
  return parts.every((part) => part.length > 0) ? parts : null;
}

/** Compares by greedy segments, without back-tracking: linear in the name for each star. */
function matcher(part: readonly Part[]): (name: string) => boolean {
  const segments: string[] = [''];
  for (const piece of part) {
    if (piece.literal) segments[segments.length - 1] += piece.text.toLowerCase();
    else segments.push('');
  }
  if (segments.length === 1) return (name) => name.toLowerCase() === segments[0];
  const first = segments[0]!;
  const last = segments[segments.length - 1]!;
  const middle = segments.slice(1, -1);
  return (name) => {
    const lower = name.toLowerCase();
    if (lower.length < first.length + last.length || !lower.startsWith(first) || !lower.endsWith(last)) return false;
    let from = first.length;
    for (const segment of middle) {
      const at = lower.indexOf(segment, from);
      if (at < 0) return false;
      from = at + segment.length;
    }
    return from <= lower.length - last.length;
  };
}

export function compileColumn(place: Place, text: string): ColumnPattern {
  if (text.length > limits.columnCharactersMax) {
    throw place.malformed(`is longer than ${limits.columnCharactersMax} characters`);
  }
  const parts = split(text);
  if (parts === null || parts.length !== 3) {
    throw place.malformed(
      `is ${JSON.stringify(text)}; a column is written as schema.relation.column, where * stands for any run of characters within one name`,
    );
  }
  const [schema, relation, column] = parts.map(matcher) as [
    ReturnType<typeof matcher>,
    ReturnType<typeof matcher>,
    ReturnType<typeof matcher>,
  ];
  return {
    text,
    matches: (schemaName, relationName, columnName) =>
      column(columnName) && relation(relationName) && schema(schemaName),
    relation: (schemaName, relationName) => relation(relationName) && (schemaName === null || schema(schemaName)),
    column,
    named: parts[1]!.some((piece) => piece.literal),
  };
}

/** `schema.relation.column` for people. */
export function spellOrigin(origin: ColumnOrigin): string {
  return `${origin.schema}.${origin.relation}.${origin.column}`;
}

/**
 * Whether values of a masked column may be touched by this use of a relation: read, if the columns are not known or one
 * of them is meant; written, always, since what is quoted when a write fails is the whole row.
 */
export function mayTouch(pattern: ColumnPattern, use: RelationUse): boolean {
  const related =
    use.candidates.length === 0
      ? pattern.relation(use.schema, use.name)
      : use.candidates.some((candidate) => pattern.relation(candidate.schema, candidate.name));
  if (!related) return false;
  return use.access === 'write' || use.columns === null || use.columns.some((column) => pattern.column(column));
}
