/**
 * Text as detectors see it: compatibility forms, marks, invisible characters and foreign digits folded away (A-MSK-02), with
 * the way back to the original positions.
 *
 * `4111-1111…` in full width, with combining marks or with zero-width characters between its digits is the same card.
 *
 * Deliberately absent: look-alikes of other scripts (a Cyrillic `а` in an address); the corpus counts what that misses.
 */
import type { Work } from './work.ts';

/** A text and, for each of its characters, where it came from; `at` null: it is the source itself. */
export interface FoldedText {
  readonly text: string;
  readonly at: Uint32Array | null;
}

// Marks, invisible characters, digits, dashes, blanks and compatibility forms beyond ASCII: what changes how digits and
// ASCII letters read. Accents within letters are not worth a walk; only dictionaries care.
const foldable =
  /[[\p{M}\p{DI}\p{Nd}\p{No}\p{Pd}\p{Zs}\u2212\u{fe00}-\u{fe6f}\u{ff00}-\u{ffef}\u{1d400}-\u{1d7ff}\u2100-\u214f]--[\x00-\x7f]]/v;
const ignored = /[\p{M}\p{DI}]/u;
const ignoredAll = /[\p{M}\p{DI}]/gu;
const beyondAscii = /[^\x00-\x7f]/;

const foldedCharacters = new Map<number, string>();
/** Code points remembered; more than any text mixes. */
const foldedCharactersMax = 20_000;

/** The value of a decimal digit of any script: their blocks are ten in a row. */
function digitValue(code: number): string {
  let first = code;
  while (first > code - 10 && /\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return String((code - first) % 10);
}

function foldCharacter(code: number): string {
  const known = foldedCharacters.get(code);
  if (known !== undefined) return known;
  const character = String.fromCodePoint(code);
  let folded = '';
  if (!ignored.test(character)) {
    for (const part of character.normalize('NFKD').replace(ignoredAll, '')) {
      if (part > '\x7f' && /\p{Nd}/u.test(part)) folded += digitValue(part.codePointAt(0)!);
      else if (/[\p{Pd}\u2212]/u.test(part)) folded += '-';
      else folded += /\p{Zs}/u.test(part) ? ' ' : part;
    }
  }
  if (foldedCharacters.size >= foldedCharactersMax) foldedCharacters.clear();
  foldedCharacters.set(code, folded);
  return folded;
}

/** Folds without the way back. */
export function foldText(source: string): string {
  if (!beyondAscii.test(source)) return source;
  let text = '';
  for (const character of source) text += character <= '\x7f' ? character : foldCharacter(character.codePointAt(0)!);
  return text;
}

/**
 * Folds. Unless `all`, a text in which nothing of consequence would change is left as it is. Charges its work; the text is
 * incomplete where that is exhausted.
 */
export function foldWithPositions(source: string, all: boolean, work: Work): FoldedText {
  if (!beyondAscii.test(source)) return { text: source, at: null };
  if (!work.spend(source.length) || (!all && !foldable.test(source))) return { text: source, at: null };
  const parts: string[] = [];
  const at: number[] = [];
  let unpaid = 0;
  for (let index = 0; index < source.length; ) {
    const code = source.codePointAt(index)!;
    const size = code > 0xffff ? 2 : 1;
    const folded = code < 0x80 ? source[index]! : foldCharacter(code);
    parts.push(folded);
    for (let unit = 0; unit < folded.length; unit++) at.push(index);
    index += size;
    unpaid += 12;
    if (unpaid > 50_000) {
      if (!work.spend(unpaid)) break;
      unpaid = 0;
    }
  }
  work.spend(unpaid);
  at.push(source.length);
  return { text: parts.join(''), at: Uint32Array.from(at) };
}

/** Where a span of the folded text stands in the source. What was folded away at its end belongs to it. */
export function sourceSpan(folded: FoldedText, start: number, end: number): readonly [number, number] {
  const { at } = folded;
  if (at === null) return [start, end];
  let after = end;
  while (after < at.length - 1 && at[after] === at[end - 1]) after++;
  return [at[start]!, at[after]!];
}
