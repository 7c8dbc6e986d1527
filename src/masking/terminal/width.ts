/**
 * Columns of a character on a terminal: 0, 1 or 2, after East Asian Width and what combines.
 *
 * Terminals disagree about some emoji and ambiguous characters; a mask of another width then moves the rest of its row, and
 * shows no more for it.
 */

const zero = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\u200b-\u200f]$/u;
/** Ranges of wide characters: first and last, of Unicode's EastAsianWidth W and F, joined where what lies between is rare. */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x23e9, 0x23ec],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

export function widthOf(code: number): number {
  if (code < 0x300) return code === 0xad ? 0 : 1;
  if (zero.test(String.fromCodePoint(code))) return 0;
  return code >= 0x1100 && wide.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
