/** Detection quality over the project's own corpus: floors per detector, and misses that are known. */
import { describe, expect, it } from 'vitest';
import { generateCorpus } from './corpus/generate.ts';
import { corpusSeed, measure } from './corpus/measure.ts';
import { type DetectorName, detectorNames } from './detectors/table.ts';
import { Scanner } from './scanner.ts';
import { cell, valueMask } from './testing.ts';
import { Work } from './work.ts';

/** Where one check digit is all there is, one in ten of such layouts is one by chance. */
const precisionFloors: Partial<Record<DetectorName, number>> = { in_aadhaar: 0.85 };

describe('the corpus', () => {
  const items = generateCorpus(corpusSeed, 60);
  const measures = measure(items);

  it('is the same each time', () => {
    expect(generateCorpus(corpusSeed, 2)).toEqual(generateCorpus(corpusSeed, 2));
    expect(generateCorpus(corpusSeed + 1, 2)).not.toEqual(generateCorpus(corpusSeed, 2));
  });

  it.each(measures.map((one) => [one.detector, one] as const))('%s finds and does not invent', (detector, one) => {
    expect(one.positives).toBe(60);
    expect(one.recall).toBeGreaterThanOrEqual(0.95);
    expect(one.precision).toBeGreaterThanOrEqual(precisionFloors[detector] ?? 0.95);
  });

  it('loses nothing to the look at the bytes that comes first', () => {
    const few = generateCorpus(corpusSeed + 1, 12);
    for (const detector of detectorNames) {
      const scanner = new Scanner(new Set([detector]), []);
      const mask = valueMask({ detect: [detector] });
      for (const { column, text } of few) {
        const finds = scanner.scan(text, column, new Work()).length > 0;
        const value = Buffer.from(text);
        expect(mask.apply(value, cell('text', column)) !== value, `${detector} [${column}] ${text}`).toBe(finds);
      }
    }
  });

  it('counts what is known to be missed (A-MSK-02)', () => {
    const missed = measures.reduce((sum, one) => sum + one.knownMisses - one.knownMissesFound, 0);
    const known = items.filter(({ miss }) => miss !== null).length;
    expect(known).toBe(600);
    expect(missed).toBe(known);
  });
});
