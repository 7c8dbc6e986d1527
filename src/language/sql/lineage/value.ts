/**
 * What an expression can carry: base columns, and what could not be followed. Immutable; origins are interned by
 * `relations.ts`, so that identity tells them apart.
 *
 * Besides, it says what is noticed elsewhere than in the result when the expression is evaluated (`acts`): a function that
 * does something, waits, or takes as long as one likes. Where a value decides whether that happens, it is given away.
 *
 * Invariant: combining never loses anything. `direct` and `isPlain` are claims, and are dropped whenever in doubt.
 */
import type { ColumnOrigin } from '../../../core/sql.ts';

/** Why something was not followed. `code`: only because code was not read; else names or structure are not known. */
export interface Gap {
  readonly reason: string;
  readonly kind: 'code' | 'names';
}

export interface Value {
  readonly origins: ReadonlySet<ColumnOrigin>;
  readonly gap: Gap | null;
  /** A base column unchanged, or merely cast to text. */
  readonly direct: boolean;
  /** Certainly no composite value, nor an array of them: as a row of FROM it is one column. */
  readonly isPlain: boolean;
  /** Certainly an array whose elements are plain. */
  readonly isArray: boolean;
  /** The columns of a row whose structure is known. */
  readonly fields: readonly NamedValue[] | null;
  /** What evaluating it may do that somebody notices, by name. */
  readonly acts: ReadonlySet<string>;
}

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

const none: ReadonlySet<ColumnOrigin> = new Set();
const noActs: ReadonlySet<string> = new Set();

export const nothing: Value = Object.freeze({
  origins: none,
  gap: null,
  direct: false,
  isPlain: true,
  isArray: false,
  fields: null,
  acts: noActs,
});
/** Carries nothing, yet its type is not known. */
export const untyped: Value = Object.freeze({ ...nothing, isPlain: false });

export function unfollowed(reason: string, kind: Gap['kind'] = 'names'): Value {
  return { ...untyped, gap: { reason, kind } };
}

export function carrying(
  origins: ReadonlySet<ColumnOrigin>,
  direct: boolean,
  isPlain: boolean,
  isArray = false,
): Value {
  return { origins, gap: null, direct, isPlain, isArray, fields: null, acts: noActs };
}

/** Names that are not known weigh more than code that was not read. */
export function worse(a: Gap | null, b: Gap | null): Gap | null {
  if (a === null || b === null) return a ?? b;
  return b.kind === 'names' && a.kind === 'code' ? b : a;
}

/** Carries what any of them carries; neither direct nor a row. */
export function combine(values: readonly Value[]): Value {
  let origins = none;
  let own: Set<ColumnOrigin> | null = null;
  let gap: Gap | null = null;
  let isPlain = true;
  let isArray = values.length > 0;
  let acts = noActs;
  for (const value of values) {
    gap = worse(gap, value.gap);
    isPlain &&= value.isPlain;
    isArray &&= value.isArray;
    if (value.acts.size > 0) acts = acts.size === 0 ? value.acts : new Set([...acts, ...value.acts]);
    if (value.origins.size === 0 || value.origins === origins) continue;
    if (origins.size === 0) origins = value.origins;
    else {
      own ??= new Set(origins);
      origins = own;
      for (const origin of value.origins) own.add(origin);
    }
  }
  return { origins, gap, direct: false, isPlain, isArray, fields: null, acts };
}

/** Either of them: what a set operation, a merged column or an ambiguous name gives. Direct when they are the same. */
export function either(a: Value, b: Value): Value {
  if (a === b) return a;
  const both = combine([a, b]);
  const isSame = both.origins.size === a.origins.size && both.origins.size === b.origins.size;
  if (!a.direct || !b.direct || !isSame) return both;
  return { ...both, direct: true };
}

/** The same, computed upon: nothing is direct any more. */
export function computed(value: Value, isPlain = value.isPlain): Value {
  if (!value.direct && value.fields === null && value.isPlain === isPlain && !value.isArray) return value;
  return { ...value, direct: false, isPlain, isArray: false, fields: null };
}

/** The same, where evaluating it does what `name` says besides. */
export function acting(value: Value, name: string): Value {
  return value.acts.has(name) ? value : { ...value, acts: new Set([...value.acts, name]) };
}

export function isEmpty(value: Value): boolean {
  return value.origins.size === 0 && value.gap === null;
}
