/**
 * Short texts as a reviewer must see them: with nothing in them that hides, reorders or pretends (A-REV-06).
 *
 * Beyond what no terminal may get (base/escape.ts), everything goes that takes no ink or looks like a plain blank: soft
 * hyphens, fillers, variation selectors, tags, no-break spaces, private characters. Letters of other scripts stay: they
 * are data in many a statement, and a reviewer can see them.
 *
 * Deliberately absent: the statement itself, which comes presented in rows (review/present.ts); colours.
 */
import { escapeText } from '../base/escape.ts';

const inkless =
  /(?! )[\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800\u115f\u1160\u3164\uffa0]/gu;

/** Escaped for a reviewer; line feeds and tabs stay. */
export function displayText(text: string): string {
  return escapeText(text).replace(inkless, (character) => {
    const code = character.codePointAt(0) as number;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same on one line. */
export function displayLine(text: string): string {
  return displayText(text).replace(/\n/g, '\\n').replace(/\t/g, '\\t');
}

/** The beginning of a text on one line, its plain white space run together, for lists. */
export function displayBeginning(text: string, lengthMax: number): string {
  // Cut before and after: neither a long text nor its escapes cost or show more than the beginning.
  const start = text.slice(0, lengthMax * 4).replace(/(?:[ \t]|\r?\n)+/g, ' ');
  const line = displayLine(start.replace(/^ | $/g, ''));
  const isCut = line.length > lengthMax || text.length > lengthMax * 4;
  return isCut ? `${line.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, '')}…` : line;
}
