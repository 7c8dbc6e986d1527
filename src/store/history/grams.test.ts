/** Runs of letters: that none is missed of whatever part of a text, and how texts come onto sheets. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { historySheetGramsMax, historySheetTexts } from '../limits.ts';
import { addGrams, gramsOf, type NewText, partedWords, sheetsOf } from './grams.ts';

const gramsOfText = (text: string): ReadonlySet<number> => {
  const found = new Set<number>();
  addGrams(text, found);
  return found;
};

/** Texts that a gateway sees: words, punctuation, what stands beyond ASCII, halves of pairs. */
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc
    .array(fc.constantFrom('select ', 'Orders', '_id', ' = ', '4711', '--', "'", ' ', 'é', 'K', 'İ', '日本'), {
      maxLength: 20,
    })
    .map((parts) => parts.join('')),
);

describe('runs', () => {
  it('a text has all runs of each of its parts, in whatever case', () => {
    fc.assert(
      fc.property(texts, fc.nat(), fc.nat(80), fc.boolean(), (text, from, length, isUpper) => {
        const start = text.length === 0 ? 0 : from % text.length;
        const part = text.slice(start, start + length);
        // Without the letters whose other case depends on a locale.
        const asked = isUpper ? part.replace(/[a-z]/g, (letter) => letter.toUpperCase()) : part;
        const has = gramsOfText(text);
        return gramsOf(asked).every((gram) => has.has(gram));
      }),
      { numRuns: 2_000, seed: 20261122 },
    );
  });

  it('tell texts apart, and know nothing of what is too short', () => {
    const has = gramsOfText('select ssn from customers where id = 4711');
    expect(gramsOf('SSN').every((gram) => has.has(gram))).toBe(true);
    expect(gramsOf('4712').every((gram) => has.has(gram))).toBe(false);
    for (const part of ['', 'a', 'ab', 'é', '日本語', ' -- ']) expect(gramsOf(part)).toEqual([]);
  });

  it('take every punctuation for one separator', () => {
    expect(gramsOf('a -- b')).toEqual(gramsOf('a.b'));
    expect(gramsOf('ab')).toEqual([]);
    expect(gramsOf('ab)')).toHaveLength(1);
  });

  it('letters that fold into ASCII in some locales stand for these in texts, and for nothing in what is asked', () => {
    expect([...gramsOfText('\u212aey')]).toEqual(gramsOf('key'));
    expect([...gramsOfText('\u0130ce')]).toEqual(gramsOf('ice'));
    expect(gramsOf('\u212aey')).toEqual([]);
    expect(gramsOf('\u0130ce')).toEqual([]);
  });
});

it('parts words by punctuation, and leaves what belongs to words', () => {
  expect(partedWords(`a.b,c;d:e/f\\g@h=i<j>k(l)m[n]o{p}q'r"s\`t+u-v*w%x&y|z!a?b~c^d#e$f_g`)).toBe(
    'a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f_g',
  );
});

describe('sheets', () => {
  const number = (): (() => string) => {
    let last = 0;
    return () => String(++last);
  };
  const newText = (no: number, shape: string, text = `text ${no}`): NewText => ({ no: String(no), shape, text });

  it('put together what looks alike, so many on each', () => {
    const made = Array.from({ length: historySheetTexts * 2 + 1 }, (_, at) => newText(at, at % 2 === 0 ? 'a' : 'b'));
    const { texts: placed, sheets } = sheetsOf(made, number());
    expect(placed).toHaveLength(made.length);
    expect(sheets.map(({ no }) => no)).toEqual(['1', '2', '3']);
    const counts = sheets.map(({ no }) => placed.filter(({ sheet }) => sheet === no).length);
    expect(counts).toEqual([historySheetTexts, historySheetTexts, 1]);
    for (const { text, sheet } of placed) {
      const grams = new Set(sheets.find(({ no }) => no === sheet)!.grams);
      expect(gramsOf(text ?? '').every((gram) => grams.has(gram))).toBe(true);
    }
  });

  it('a text that fills a sheet is the last on it', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    let long = '';
    for (const one of letters) for (const two of letters) for (const three of 'aeiou') long += one + two + three;
    expect(gramsOf(long).length).toBeGreaterThanOrEqual(historySheetGramsMax);
    const { sheets } = sheetsOf([newText(1, 'a', long), newText(2, 'a'), newText(3, 'a')], number());
    expect(sheets).toHaveLength(2);
  });

  it('none of nothing', () => {
    expect(sheetsOf([], number())).toEqual({ texts: [], sheets: [] });
  });
});
