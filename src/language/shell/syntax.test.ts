/** The parser against `bash -n`, over texts with characters put in and taken out. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { evasions, ordinary } from './fixtures/corpus.ts';
import { mutate, randomFrom } from './fixtures/generate.ts';
import { analyseShell } from './index.ts';

const seed = Number(process.env['SALLYPORT_TEST_SEED'] ?? 20_263);
const isFull = process.env['SALLYPORT_TEST_FULL'] === '1';

interface Syntax {
  readonly isGood: boolean;
  readonly isUnterminated: boolean;
}

function bashReads(text: string): Syntax {
  const { status, stderr } = spawnSync('/bin/bash', ['--norc', '-O', 'extglob', '-n', '-c', text], {
    env: { LC_ALL: 'C', PATH: '/nonexistent' },
    encoding: 'utf8',
    timeout: 10_000,
  });
  return { isGood: status === 0, isUnterminated: /unexpected end of file|unexpected EOF/.test(stderr) };
}

test('what bash reads is read, and what it rejects is flagged', () => {
  const random = randomFrom(seed);
  const corpus = [...evasions, ...ordinary];
  const texts = [
    ...corpus.filter((_, index) => index % 3 === 0),
    ...Array.from({ length: isFull ? 5000 : 300 }, () => mutate(corpus[Math.floor(random() * corpus.length)]!, random)),
  ];
  const over: string[] = [];
  const under: string[] = [];
  const unterminated: string[] = [];
  for (const text of texts) {
    if (text.includes('\0')) continue;
    const bash = bashReads(text);
    const { flags, isUnterminated } = analyseShell(text, { dialect: 'bash' });
    const isFlagged = flags.includes('parse-error') || isUnterminated;
    if (bash.isGood && isFlagged) over.push(text);
    if (!bash.isGood && !isFlagged) under.push(text);
    if (bash.isUnterminated && !isUnterminated) unterminated.push(text);
  }
  console.log(
    `${texts.length} texts: ${over.length} flagged that bash reads, ${under.length} read that bash rejects, ${unterminated.length} unfinished for bash only`,
  );
  // What bash rejects runs nothing from there on, so reading it anyway lists too much at worst; but not often.
  expect(
    over.length / texts.length,
    over
      .slice(0, 20)
      .map((text) => JSON.stringify(text))
      .join('\n'),
  ).toBeLessThan(0.06);
  expect(
    under.length / texts.length,
    under
      .slice(0, 20)
      .map((text) => JSON.stringify(text))
      .join('\n'),
  ).toBeLessThan(0.06);
});
