/**
 * What analyses say, put to real shells: every program that ran must be listed, or the analysis must say that it is not
 * whole. Nothing missed is asserted; what is held or listed for nothing is counted, and printed as the README's table.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ShellDialect } from '../../core/shell.ts';
import { type Compared, compare, outcomes, spellCase, tally } from './fixtures/compare.ts';
import { evasions, ordinary } from './fixtures/corpus.ts';
import { generate, mutate, randomFrom } from './fixtures/generate.ts';
import { Sandbox, targets } from './fixtures/sandbox.ts';
import { analyseShell } from './index.ts';

const isFull = process.env['SALLYPORT_TEST_FULL'] === '1';
const seed = Number(process.env['SALLYPORT_TEST_SEED'] ?? 20_261);

/** All of it takes minutes; each text starts a few processes. */
const timeoutMs = isFull ? 1_200_000 : 60_000;

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = new Sandbox();
});
afterAll(() => {
  sandbox.close();
});

async function run(texts: readonly string[], shell: readonly string[], dialect: ShellDialect): Promise<Compared[]> {
  const all: Compared[] = [];
  for (const text of texts) {
    const ran = await sandbox.run(text, shell);
    if (ran !== null) all.push(compare(text, ran, dialect, targets));
  }
  expect(all.length).toBeGreaterThan(texts.length * 0.97);
  return all;
}

/** Files that were not read run programs that nobody named; all else must be named. */
function expectNothingMissed(title: string, all: readonly Compared[]): void {
  const counts = tally(all);
  console.log(`| ${title} | ${all.length} | ${outcomes.map((outcome) => counts[outcome]).join(' | ')} |`);
  expect(all.filter(({ outcome }) => outcome === 'missed').map(spellCase)).toEqual([]);
}

const shells: readonly (readonly [title: string, shell: readonly string[], dialect: ShellDialect])[] = [
  ['bash', ['/bin/bash', '--norc', '-c'], 'bash'],
  ['dash', ['/bin/dash', '-c'], 'sh'],
  ['busybox sh', ['/bin/busybox', 'sh', '-c'], 'busybox'],
  ['zsh', ['/usr/bin/zsh', '-fc'], 'zsh'],
  ['fish', ['/usr/bin/fish', '--no-config', '-c'], 'fish'],
];

describe('A-SSH-13, A-SSH-19: nothing runs unseen', () => {
  test.each(shells)(
    '%s',
    async (title, shell, dialect) => {
      if (!existsSync(shell[0]!)) return;
      // The other shells share most of it with bash; each sixth text is enough to notice what they do not.
      const texts = isFull || dialect === 'bash' ? evasions : evasions.filter((_, index) => index % 6 === 0);
      const all = await run(texts, shell, dialect);
      expectNothingMissed(title, all);
      // Reading as an unknown shell must never be surer than reading as the shell that it is.
      for (const { text, outcome } of all) {
        if (outcome !== 'held') continue;
        expect(analyseShell(text, { dialect: 'unknown', stdin: 'unknown' }).complete, text).toBe(false);
      }
    },
    timeoutMs,
  );

  test(
    'at random, in layers',
    async () => {
      const random = randomFrom(seed);
      const texts = Array.from({ length: isFull ? 1000 : 100 }, () => generate(random));
      expectNothingMissed(`generated, seed ${seed}`, await run(texts, ['/bin/bash', '--norc', '-c'], 'bash'));
    },
    timeoutMs,
  );

  test(
    'with characters put in and taken out',
    async () => {
      const random = randomFrom(seed + 1);
      // Without paths, loops and functions: what becomes of those is not to be run.
      const usable = evasions.filter((text) => !/@BIN@|\w\(\)|function|yes|while|until|coproc|\//.test(text));
      const texts: string[] = [];
      while (texts.length < (isFull ? 2000 : 200)) {
        const text = mutate(usable[Math.floor(random() * usable.length)]!, random);
        if (!/\/|\w\s*\(\s*\)|while|until|kill|-1/.test(text)) texts.push(`ulimit -t 2 -f 1000; ${text}`);
      }
      expectNothingMissed(`mutated, seed ${seed + 1}`, await run(texts, ['/bin/bash', '--norc', '-c'], 'bash'));
    },
    timeoutMs,
  );
});

describe('what administrators type all day', () => {
  test.each([
    ['bash', 0.98],
    ['sh', 0.95],
    ['zsh', 0.95],
    ['fish', 0.7],
  ] as const)('is told whole when %s reads it', (dialect, floor) => {
    const held = ordinary.filter((text) => !analyseShell(text, { dialect, stdin: 'terminal' }).complete);
    console.log(`${dialect}: ${ordinary.length - held.length} of ${ordinary.length} ordinary texts are told whole`);
    expect(1 - held.length / ordinary.length, held.join('\n')).toBeGreaterThanOrEqual(floor);
  });

  test('is bounded but for editors, pagers and builders', () => {
    const unbounded = ordinary.filter((text) => !analyseShell(text, { dialect: 'bash', stdin: 'terminal' }).bounded);
    expect(unbounded.length / ordinary.length, unbounded.join('\n')).toBeLessThanOrEqual(0.05);
  });
});
