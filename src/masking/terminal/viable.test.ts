/** Every beginning of every finding is held back, for each detector over the corpus; prompts and prose hold little. */
import { describe, expect, it } from 'vitest';
import { generateCorpus } from '../corpus/generate.ts';
import { corpusSeed } from '../corpus/measure.ts';
import { type DetectorName, detectorNames } from '../detectors/table.ts';
import { Scanner } from '../scanner.ts';
import { Work } from '../work.ts';
import * as limits from './limits.ts';
import { Viability } from './viable.ts';

const viabilityOf = (name: DetectorName): Viability => new Viability([{ names: new Set([name]), custom: [] }]);

describe('beginnings', () => {
  const items = generateCorpus(corpusSeed, 25).map((item) => ({ ...item, text: item.text.replace(/[\n\r]/g, ' ') }));

  it.each(detectorNames)('of %s: each cut within a finding, or before its end is certain, holds all of it', (name) => {
    const scanner = new Scanner(new Set([name]), []);
    const viability = viabilityOf(name);
    let looked = 0;
    for (const { text, column, label } of items) {
      if (label !== name || (text.length > 400 && name !== 'private_key')) continue;
      // On a terminal there are no columns; what a column's name said, the words before say.
      for (const line of [text, `${column.replaceAll('_', ' ')}: ${text}`, `x ${column}=${text} y`]) {
        for (const { start, end } of scanner.scan(line, '', new Work())) {
          looked++;
          for (let cut = start + 1; cut <= Math.min(end, start + 400); cut++) {
            const before = line.slice(0, cut);
            // What is found already is held by the finding itself where that is certain.
            const held = viability.of(before);
            const sure = scanner.scan(before, '', new Work()).some((one) => one.start <= start && one.end >= cut);
            const from = held?.from ?? cut;
            expect(from <= start || sure, `${name}: ${JSON.stringify(before)} held from ${from}, not ${start}`).toBe(
              true,
            );
          }
        }
      }
    }
    expect(looked).toBeGreaterThan(0);
  });

  it('hold nothing of an ordinary prompt', () => {
    const all = new Viability([{ names: new Set(detectorNames), custom: [] }]);
    for (const prompt of ['root@host:~# ', '$ ', 'bash-5.2$ ', 'Do you want to continue? [Y/n] ', '>>> ']) {
      expect(all.of(prompt), prompt).toBeNull();
    }
  });

  it('are strong only where hardly anything else begins like that', () => {
    const all = new Viability([{ names: new Set(detectorNames), custom: [] }]);
    for (const text of [
      'key AKIAIOSFODNN7',
      'ghp_abcdefghij',
      '-----BEGIN RSA',
      'pan 4111 1111 1',
      '078-05-1',
      'eyJhbGciOiJ',
    ]) {
      expect(all.of(text)?.strong, text).not.toBeNull();
    }
    for (const text of [
      'pip install sk-learn',
      'ls -la /usr/local/bin',
      'user@host',
      '2026-11-21',
      'https://host:8080',
      '1234567890',
    ]) {
      expect(all.of(text)?.strong ?? null, text).toBeNull();
    }
  });

  it('of what an operator defined: the end of the line', () => {
    const custom = { name: 'x', wants: 'plain' as const, find: () => undefined };
    const viability = new Viability([{ names: new Set(), custom: [custom] }]);
    expect(viability.of('a'.repeat(limits.customTailCharacters + 5))).toEqual({ from: 5, strong: null });
    expect(viability.of('')).toBeNull();
  });
});
