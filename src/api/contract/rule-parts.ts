/** Pieces of the shapes of rules that several of them share. */
import { z } from 'zod';
import * as limits from './limits.ts';

/** A name or `schema.name` with `*` for any run of characters. */
export const namePattern = z
  .string()
  .min(1, 'must not be empty')
  .max(limits.patternNameLengthMax)
  .refine((text) => !/[\0\n\r]/.test(text), 'must be one line');

export const pathPattern = z
  .string()
  .min(1, 'must not be empty')
  .max(limits.pathPatternLengthMax)
  .refine((text) => !/[\0\n\r]/.test(text), 'must be one line');

export const uncertain = z
  .enum(['match', 'ignore'])
  .optional()
  .describe('What stays unknown may be anything, and counts as matching: match unless given.');

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.array(z.enum(values)).min(1, 'must not be empty').refine(isDistinct, 'must not name anything twice');
}

export function patternsOf<S extends z.ZodType<string>>(entry: S) {
  return z.array(entry).min(1, 'must not be empty').max(limits.patternsMax);
}

export function isDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
