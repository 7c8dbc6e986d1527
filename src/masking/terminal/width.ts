/**
 * Columns of a character on a terminal: 0, 1 or 2, after East Asian Width and what combines.
 *
 * Terminals disagree about some emoji and ambiguous characters; a mask of another width then moves the rest of its row, and
 * shows no more for it.
 */

import { isWide } from '../../base/width.ts';

const zero = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\u200b-\u200f]$/u;

export function widthOf(code: number): number {
  if (code < 0x300) return code === 0xad ? 0 : 1;
  if (zero.test(String.fromCodePoint(code))) return 0;
  return isWide(code) ? 2 : 1;
}
