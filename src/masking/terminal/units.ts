/**
 * Characters as the units of a line's text: one UTF-16 unit each, so that a position in the text is a character on the screen.
 *
 * Deliberately absent: bytes (stream.ts), columns (width.ts).
 */
import { foldText } from '../text.ts';

/** A unit for what stands outside the first plane and has no form within it: no detector knows it. */
const strange = 0xffff;

/** What combines with the character before it, or is invisible. */
export const combining = 0xad;

const units = new Map<number, number>();
/** Characters remembered; more than any text mixes. */
const unitsMax = 20_000;

/**
 * A character beyond ASCII as one unit that detectors read as it looks: digits and blanks of any script as those of ASCII
 * (A-MSK-02); letters as they are. What stands for several characters counts as the first of them.
 */
export function unitOf(code: number): number {
  let unit = units.get(code);
  if (unit === undefined) {
    const character = String.fromCodePoint(code);
    const folded = foldText(character);
    if (folded === '') unit = combining;
    else if (code <= 0xffff && /\p{L}/u.test(character) && character.normalize('NFKC') === character) unit = code;
    else unit = folded.codePointAt(0)! > 0xffff ? strange : folded.charCodeAt(0);
    if (units.size >= unitsMax) units.clear();
    units.set(code, unit);
  }
  return unit;
}
