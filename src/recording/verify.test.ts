/** A-REC-01: every change to a journal and its recordings is found, and its place is named. */
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cleanUp,
  copyOf,
  ended,
  intent,
  keys,
  open,
  opened,
  random,
  seed,
  temporary,
  testKeys,
} from './fixtures/kit.ts';
import { openRecordings } from './recordings.ts';
import { verifyJournal } from './verify.ts';
import type { VerifyReport } from './verify-report.ts';

let dir = '';
let older = '';
let olderCheckpoint = '';
let checkpoint = '';

async function session(
  journal: Awaited<ReturnType<typeof open>>,
  recordings: ReturnType<typeof openRecordings>,
  id: string,
  next: () => number,
): Promise<void> {
  journal.append(opened(id));
  const recording = recordings.open(id, 1_767_225_600_000);
  for (let command = 1; command <= 12; command++) {
    journal.append(intent(id, command, 'select '.repeat(1 + Math.floor(next() * 30))));
    const data = Buffer.from(Array.from({ length: 300 }, () => Math.floor(next() * 256)));
    recording.append({ type: 'data', command, direction: 'out', data });
    if (command % 4 === 0) {
      recording.handOver();
      await journal.flush();
    }
  }
  await recording.close();
  journal.append(ended(id));
}

beforeAll(async () => {
  const next = random(seed);
  dir = temporary();
  const journal = await open(dir, { segmentBytes: 5000, checkpointEvents: 20 });
  const recordings = openRecordings({ journal, keys: testKeys });
  for (let index = 0; index < 3; index++) await session(journal, recordings, `ses_${index}`, next);
  await recordings.close();
  await journal.close();
  olderCheckpoint = journal.lastCheckpoint!;
  older = copyOf(dir);
  const again = await open(dir, { segmentBytes: 5000, checkpointEvents: 20 });
  const more = openRecordings({ journal: again, keys: testKeys });
  for (let index = 3; index < 6; index++) await session(again, more, `ses_${index}`, next);
  await more.close();
  await again.close();
  checkpoint = again.lastCheckpoint!;
});

afterAll(cleanUp);

const verify = (at: string, text: string | null = checkpoint): Promise<VerifyReport> =>
  verifyJournal({ dir: at, publicKey: keys.publicKey, ...(text === null ? {} : { checkpoint: text }) });

test('what was written verifies, with either checkpoint and with progress that ends at the total', async () => {
  let last = { bytes: 0, totalBytes: 1 };
  const report = await verifyJournal({
    dir,
    publicKey: keys.publicKey,
    checkpoint,
    onProgress: (progress) => (last = progress),
  });
  expect(report).toMatchObject({ ok: true, problems: [], recordings: 6, uncovered: 0, unfinishedRecordings: 0 });
  expect(report.chunks).toBeGreaterThanOrEqual(18);
  expect(report.segments).toBeGreaterThan(3);
  expect(report.head).toMatchObject({ sequence: report.events, root: report.root });
  expect(last.bytes).toBeLessThanOrEqual(last.totalBytes);
  expect(await verify(dir, olderCheckpoint)).toMatchObject({ ok: true });
  expect(await verify(dir, null)).toMatchObject({ ok: true });
});

describe('A-REC-01: whole files', () => {
  test('two recordings swapped', async () => {
    const copy = copyOf(dir);
    const [a, b] = [join(copy, 'recordings', 'ses_1.rec'), join(copy, 'recordings', 'ses_4.rec')];
    renameSync(a, `${a}x`);
    renameSync(b, a);
    renameSync(`${a}x`, b);
    const report = await verify(copy);
    expect(report.problems.map((problem) => problem.session)).toEqual(expect.arrayContaining(['ses_1', 'ses_4']));
    expect(report.problems[0]).toMatchObject({ where: 'recording', chunk: 0, file: 'ses_1.rec' });
  });

  test('a recording removed, and one added', async () => {
    const copy = copyOf(dir);
    rmSync(join(copy, 'recordings', 'ses_2.rec'));
    copyFileSync(join(copy, 'recordings', 'ses_1.rec'), join(copy, 'recordings', 'ses_9.rec'));
    expect((await verify(copy)).problems).toMatchObject([
      { code: 'recording-missing', session: 'ses_2', chunk: 0 },
      { code: 'foreign-file', session: 'ses_9' },
    ]);
  });

  test('a segment removed: in the middle, at the start, at the end', async () => {
    const names = readdirSync(join(dir, 'journal')).sort();
    for (const index of [0, 2, names.length - 1]) {
      const copy = copyOf(dir);
      rmSync(join(copy, 'journal', names[index]!));
      const report = await verify(copy);
      expect(report.ok).toBe(false);
      expect(report.problems[0]!.code).toBe(index === names.length - 1 ? 'missing-tail' : 'gap');
    }
  });

  test('a roll-back to an older copy is consistent in itself and found by the checkpoint kept elsewhere', async () => {
    expect(await verify(older, null)).toMatchObject({ ok: true });
    expect(await verify(older)).toMatchObject({ ok: false, problems: [{ code: 'missing-tail' }] });
  });

  test('a journal that was rewritten from an older copy is found by the checkpoint kept elsewhere', async () => {
    const forked = copyOf(older);
    const journal = await open(forked);
    for (let index = 0; index < 400; index++) journal.append(intent('ses_0', index, 'something else'));
    await journal.close();
    expect(await verify(forked, null)).toMatchObject({ ok: true });
    expect((await verify(forked)).problems[0]).toMatchObject({ code: 'rewritten', where: 'external' });
  });

  test('another key, a checkpoint of another journal, and no checkpoint at all', async () => {
    const other = generateKeyPairSync('ed25519').publicKey;
    const report = await verifyJournal({ dir, publicKey: other });
    expect(report.problems[0]).toMatchObject({ code: 'signature', where: 'checkpoint' });
    expect(await verifyJournal({ dir, publicKey: [other, keys.publicKey] })).toMatchObject({ ok: true });
    const strange = temporary();
    const journal = await open(strange);
    journal.append(opened('ses_a'));
    await journal.close();
    expect((await verify(dir, journal.lastCheckpoint)).ok).toBe(false);
    expect((await verify(dir, 'no checkpoint')).problems[0]).toMatchObject({
      where: 'external',
      code: 'checkpoint-given',
    });
  });
});

describe('witnesses', () => {
  const judge = (at: string, ...texts: string[]) =>
    verifyJournal({
      dir: at,
      publicKey: keys.publicKey,
      witnesses: texts.map((text, index) => ({ name: `witness ${index + 1}`, text })),
    });

  test('several are each compared, also several in one file', async () => {
    const report = await judge(dir, olderCheckpoint, `${olderCheckpoint}${checkpoint}`);
    expect(report).toMatchObject({ ok: true });
    expect(report.witnesses).toMatchObject([
      { name: 'witness 1', standing: 'consistent' },
      { name: 'witness 2', standing: 'consistent', divergesFrom: null, divergesTo: null },
      { name: 'witness 2 (2)', standing: 'consistent', size: report.events },
    ]);
  });

  test('A-REC-01: a roll-back is told from a fork, with where they part', async () => {
    const { events } = await judge(older);
    const rolledBack = await judge(older, olderCheckpoint, checkpoint);
    const whole = (await judge(dir)).events;
    expect(rolledBack.problems).toMatchObject([{ code: 'missing-tail', witness: 'witness 2', sequence: events + 1 }]);
    expect(rolledBack.witnesses).toMatchObject([
      { standing: 'consistent' },
      { standing: 'rolled-back', divergesFrom: events + 1, divergesTo: whole },
    ]);
    const forked = copyOf(older);
    const journal = await open(forked);
    for (let index = 0; index < 400; index++) journal.append(intent('ses_0', index, 'something else'));
    await journal.close();
    const report = await judge(forked, checkpoint, olderCheckpoint, journal.lastCheckpoint!);
    expect(report.witnesses).toMatchObject([
      { standing: 'forked', divergesFrom: events + 1, divergesTo: whole },
      { standing: 'consistent', size: events },
      { standing: 'consistent', size: events + 400 },
    ]);
    expect(report.problems).toMatchObject([{ code: 'rewritten', witness: 'witness 1', sequence: whole }]);
  });

  test('those of other journals are passed over in a shared place, unless none there is of this one', async () => {
    const strange = generateKeyPairSync('ed25519');
    const journal = await open(temporary(), { signingKey: strange.privateKey });
    journal.append(opened('ses_a'));
    await journal.close();
    const other = { name: 'other', text: journal.lastCheckpoint!, isShared: true };
    const own = { name: 'own', text: checkpoint, isShared: true };
    const options = { dir, publicKey: keys.publicKey };
    const passed = await verifyJournal({ ...options, witnesses: [other, own] });
    expect(passed).toMatchObject({ ok: true, witnesses: [{ standing: 'foreign' }, { standing: 'consistent' }] });
    const alone = await verifyJournal({ ...options, witnesses: [other] });
    expect(alone.problems).toMatchObject([{ code: 'checkpoint-given', witness: 'other' }]);
    const named = await verifyJournal({ ...options, witnesses: [{ ...other, isShared: false }, own] });
    expect(named.problems).toMatchObject([{ code: 'signature', witness: 'other' }]);
    const forged = checkpoint.replace(/\ntime \d/, (time) => time.replace(/\d/, (digit) => String(9 - Number(digit))));
    const signed = await verifyJournal({
      ...options,
      witnesses: [{ name: 'forged', text: forged, isShared: true }, own],
    });
    expect(signed.problems).toMatchObject([{ code: 'signature', witness: 'forged' }]);
  });

  test('where the journal breaks off nothing is said of what lies behind', async () => {
    const copy = copyOf(dir);
    rmSync(join(copy, 'journal', readdirSync(join(copy, 'journal')).sort()[1]!));
    const report = await judge(copy, checkpoint);
    expect(report.problems.map(({ code }) => code)).toEqual(['gap']);
    expect(report.witnesses).toMatchObject([{ standing: 'unreached' }]);
  });
});

test('events behind the last checkpoint are counted, not complained about', async () => {
  const at = temporary();
  const journal = await open(at, { checkpointEvents: 1_000_000 });
  for (let index = 0; index < 10; index++) journal.append(intent('ses_a', index));
  await journal.checkpoint();
  for (let index = 0; index < 5; index++) journal.append(intent('ses_a', index));
  await journal.flush();
  expect(await verify(at, null)).toMatchObject({ ok: true, events: 15, uncovered: 5, checkpoints: 1 });
  await journal.close();
});
