/**
 * Masks of whole values: what a Mask does to a column that it names.
 *
 * Invariants: nothing of the value's text is read but by the method; a value that is too long to be held is overwritten
 * byte by byte, whatever the method, so that no part of it waits in memory.
 */
import type { CellContext, MaskStream, ValueMask } from '../core/masking.ts';
import type { MaskMethod } from '../core/rules.ts';
import type { Keyed } from './keyed.ts';
import { redactedValue, spellHashed, spellPartial, spellPreserved } from './spelling.ts';
import { fillStream } from './streams.ts';

export function howOf(method: MaskMethod): Exclude<ValueMask['how'], 'detect'> {
  return typeof method === 'string' ? method : 'partial';
}

/** How much a method hides: of two, the larger wins. */
export function strictness(how: ValueMask['how']): number {
  switch (how) {
    case 'redact':
    case 'null':
      return 3;
    case 'hash':
      return 2;
    case 'partial':
    case 'format-preserving':
      return 1;
    case 'detect':
      return 0;
  }
}

type Spell = (value: Buffer, cell: CellContext) => Buffer | null;

const bytesOf = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text));

function speller(method: MaskMethod, keyed: Keyed | null): Spell {
  if (method === 'null') return () => null;
  if (typeof method !== 'string') {
    const ends = { first: method.partial.first ?? 0, last: method.partial.last ?? 0 };
    return (value, cell) => bytesOf(spellPartial(value, cell, ends));
  }
  if (keyed !== null && method === 'hash') return (value, cell) => bytesOf(spellHashed(value, cell, keyed));
  if (keyed !== null && method === 'format-preserving') {
    return (value, cell) => bytesOf(spellPreserved(value, cell, keyed));
  }
  // What needs a key and has none is redacted.
  return redactedValue;
}

/** Masks nothing: for sets whose Masks name nothing that is here. */
export function passingMask(rule: string): ValueMask {
  return Object.freeze({
    rule,
    how: 'detect' as const,
    apply: (value: Buffer) => value,
    stream: (): MaskStream => ({ push: (piece) => piece }),
  });
}

/** For what was computed from masked values: every value becomes the same. */
export function createConstantMask(rule: string): ValueMask {
  return Object.freeze({ ...createMethodMask(rule, 'redact', null), constant: true as const });
}

/** Types whose redacted spelling depends on the value's own. */
const variable: readonly CellContext['type'][] = ['time', 'timestamp', 'address'];

function fixedOf(cell: CellContext): Buffer | null | undefined {
  return variable.includes(cell.type) ? undefined : redactedValue(nothing, cell);
}

const nothing = Buffer.alloc(0);

/** A mask of whole values by `method`. What `apply` gives may be shared between values: it is not to be written to. */
export function createMethodMask(rule: string, method: MaskMethod, keyed: Keyed | null): ValueMask {
  return Object.freeze({
    rule,
    how: howOf(method),
    apply: speller(method, keyed),
    stream: (cell: CellContext): MaskStream => fillStream(cell),
    ...(method === 'null' || method === 'redact' ? { fixed: method === 'null' ? () => null : fixedOf } : {}),
  });
}
