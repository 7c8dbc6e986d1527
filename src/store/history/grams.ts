/**
 * What parts of texts are found by: the runs of three letters or digits that a text holds. An index knows them of a sheet of texts,
 * not of each: texts that look alike (the same statement with other constants) stand on one sheet and share most of theirs, so that
 * an index of sheets costs a tenth of one of texts. What a sheet promises is looked for in its texts.
 *
 * Invariant: whatever part of a text is asked for, by ILIKE, the text's runs hold all runs of the part. So a search misses nothing.
 *
 * Letters count without case; everything else in ASCII is one separator; runs with any other letter are left out on both sides,
 * since how those fold depends on the database's locale.
 */
import { historySheetGramsMax, historySheetTexts } from '../limits.ts';

const separator = 36;
const other = -1;
const symbols = 37;

/** Of each ASCII character: letters, then digits, then one for all separators. */
const symbolOf = Int8Array.from({ length: 128 }, (_, code) => {
  if (code >= 97 && code <= 122) return code - 97;
  if (code >= 65 && code <= 90) return code - 65;
  if (code >= 48 && code <= 57) return code - 48 + 26;
  return separator;
});

/**
 * The two letters beyond ASCII that a locale may fold into it: the sign of Kelvin, and the capital I with a dot. A text with one of
 * them may be found by what they fold into; who asks for one of them may mean either, and asks for no run with it.
 */
const folded: Readonly<Record<number, number>> = { 8490: 10, 304: 8 };

/** Adds the runs of a text. */
export function addGrams(text: string, into: Set<number>): void {
  addRuns(text, folded, into);
}

function addRuns(text: string, beyond: Readonly<Record<number, number>>, into: Set<number>): void {
  let first = other;
  let second = other;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const symbol = code < 128 ? symbolOf[code]! : (beyond[code] ?? other);
    if (symbol === separator && second === separator) continue;
    if (first !== other && second !== other && symbol !== other) {
      into.add((first * symbols + second) * symbols + symbol);
    }
    first = second;
    second = symbol;
  }
}

/** The runs that a text must have to hold this part; empty: nothing is known. */
export function gramsOf(part: string): readonly number[] {
  const found = new Set<number>();
  addRuns(part, {}, found);
  return [...found];
}

const punctuation = /[.,;:/\\@=<>()[\]{}'"`+\-*%&|!?~^#$]/g;

/** Text parted by punctuation, so that `customers.ssn` is found by either word, and nothing counts as a host or a path. */
export function partedWords(text: string): string {
  return text.replace(punctuation, ' ');
}

/** A text that is new, with what it belongs to: texts of one shape look alike. */
export interface NewText {
  readonly no: string;
  readonly text: string;
  readonly shape: string;
}

export interface Sheet {
  readonly no: string;
  readonly grams: readonly number[];
}

/** Texts on sheets, those that look alike together. */
export function sheetsOf(
  texts: readonly NewText[],
  number: () => string,
): { readonly texts: readonly Readonly<Record<string, string>>[]; readonly sheets: readonly Sheet[] } {
  const sorted = texts.toSorted((a, b) => (a.shape < b.shape ? -1 : a.shape > b.shape ? 1 : 0));
  const sheets: Sheet[] = [];
  const placed: Readonly<Record<string, string>>[] = [];
  let no = '';
  let grams = new Set<number>();
  let room = 0;
  for (const { no: textNo, text } of sorted) {
    if (room === 0 || grams.size >= historySheetGramsMax) {
      if (no !== '') sheets.push({ no, grams: [...grams] });
      no = number();
      grams = new Set();
      room = historySheetTexts;
    }
    addGrams(text, grams);
    placed.push({ no: textNo, text, words: partedWords(text), sheet: no });
    room--;
  }
  if (no !== '') sheets.push({ no, grams: [...grams] });
  return { texts: placed, sheets };
}
