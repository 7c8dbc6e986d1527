/**
 * Precision and recall of each detector over the corpus, as a table in Markdown: `node src/masking/corpus/measure.ts`.
 *
 * A detector runs alone. A positive counts as found when the whole value is covered; a finding counts as false when nothing
 * sensitive stands there. What hits another detector's value counts as neither: many numbers are two things at once.
 */
import { type DetectorName, detectorNames } from '../detectors/table.ts';
import { Scanner } from '../scanner.ts';
import { Work } from '../work.ts';
import { type CorpusItem, generateCorpus } from './generate.ts';

export interface Measure {
  readonly detector: DetectorName;
  readonly positives: number;
  readonly found: number;
  readonly falseFindings: number;
  readonly knownMisses: number;
  readonly knownMissesFound: number;
  readonly recall: number;
  readonly precision: number;
}

/** Also calls `wrong` for each item that came out otherwise than labelled. */
export function measure(
  items: readonly CorpusItem[],
  wrong: (detector: DetectorName, item: CorpusItem, what: string) => void = () => undefined,
): Measure[] {
  return detectorNames.map((detector) => {
    const scanner = new Scanner(new Set([detector]), []);
    const counts = { positives: 0, found: 0, falseFindings: 0, knownMisses: 0, knownMissesFound: 0 };
    for (const item of items) {
      const findings = scanner.scan(item.text, item.column, new Work());
      const own = item.label === detector;
      const covered = findings.some(({ start, end }) => start <= item.start && end >= item.end);
      if (own && item.miss !== null) {
        counts.knownMisses++;
        if (findings.length > 0) counts.knownMissesFound++;
      } else if (own) {
        counts.positives++;
        if (covered) counts.found++;
        else wrong(detector, item, 'missed');
      } else if (item.label === null) {
        counts.falseFindings += findings.length;
        if (findings.length > 0) wrong(detector, item, 'false');
      }
    }
    return {
      detector,
      ...counts,
      recall: counts.found / counts.positives,
      precision: counts.found / Math.max(1, counts.found + counts.falseFindings),
    };
  });
}

export const corpusSeed = 20_261;

function table(measures: readonly Measure[]): string {
  const percent = (ratio: number): string => (ratio * 100).toFixed(1);
  const lines = ['| detector | positives | recall % | precision % | known misses |', '| --- | --: | --: | --: | --: |'];
  for (const one of measures) {
    const missed = one.knownMisses - one.knownMissesFound;
    lines.push(
      `| ${one.detector} | ${one.positives} | ${percent(one.recall)} | ${percent(one.precision)} | ${missed === 0 ? '' : missed} |`,
    );
  }
  return lines.join('\n');
}

if (import.meta.main) {
  const items = generateCorpus(corpusSeed, 200);
  const shown = new Map<string, number>();
  const verbose = process.argv.includes('--wrong');
  const measures = measure(items, (detector, item, what) => {
    const key = `${detector} ${what}`;
    const count = (shown.get(key) ?? 0) + 1;
    shown.set(key, count);
    if (verbose && count <= 5) process.stderr.write(`${key}: [${item.column}] ${JSON.stringify(item.text)}\n`);
  });
  process.stdout.write(`${table(measures)}\n`);
}
