/**
 * What a mask must know of PostgreSQL's types: which of core's value types each is, and how long its text may be.
 *
 * Invariant: a type that is not listed is `other`.
 * Source: src/include/catalog/pg_type.dat.
 */
import type { ValueType } from '../../core/masking.ts';

const types: ReadonlyMap<number, ValueType> = new Map([
  [16, 'boolean'],
  [17, 'bytes'],
  [18, 'text'],
  [19, 'text'],
  [20, 'integer'],
  [21, 'integer'],
  [23, 'integer'],
  [25, 'text'],
  [26, 'integer'],
  [28, 'integer'],
  [29, 'integer'],
  [114, 'json'],
  [142, 'text'],
  [650, 'address'],
  [700, 'float'],
  [701, 'float'],
  [705, 'text'],
  [774, 'address'],
  [790, 'decimal'],
  [829, 'address'],
  [869, 'address'],
  [1042, 'text'],
  [1043, 'text'],
  [1082, 'date'],
  [1083, 'time'],
  [1114, 'timestamp'],
  [1184, 'timestamp'],
  [1186, 'interval'],
  [1266, 'time'],
  [1700, 'decimal'],
  [1790, 'text'],
  [2275, 'text'],
  [2950, 'uuid'],
  [3802, 'json'],
  [5069, 'integer'],
]);

export function valueTypeOf(typeOid: number): ValueType {
  return types.get(typeOid) ?? 'other';
}

/** Longest text of a column, in characters: `typeModifier` is RowDescription's, −1 where there is none. */
export function charactersMaxOf(typeOid: number, typeModifier: number): number | null {
  if (typeOid === 18) return 1;
  // A name has 63 bytes at most, and so at least 15 characters of any kind.
  if (typeOid === 19) return 15;
  const bounded = typeOid === 1042 || typeOid === 1043;
  return bounded && typeModifier >= 4 ? typeModifier - 4 : null;
}
