/** A-REC-01: every change to a journal and its recordings is found, and its place is named. */
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUp, copyOf, ended, intent, isFull, keys, open, opened, random, seed, temporary } from './fixtures/kit.ts';
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
  const recordings = openRecordings({ journal });
  for (let index = 0; index < 3; index++) await session(journal, recordings, `ses_${index}`, next);
  await recordings.close();
  await journal.close();
  olderCheckpoint = journal.lastCheckpoint!;
  older = copyOf(dir);
  const again = await open(dir, { segmentBytes: 5000, checkpointEvents: 20 });
  const more = openRecordings({ journal: again });
  for (let index = 3; index < 6; index++) await session(again, more, `ses_${index}`, next);
  await more.close();
  await again.close();
  checkpoint = again.lastCheckpoint!;
});

afterAll(cleanUp);

const verify = (at: string, text: string | null = checkpoint): Promise<VerifyReport> =>
  verifyJournal({ dir: at, publicKey: keys.publicKey, ...(text === null ? {} : { checkpoint: text }) });

function filesOf(at: string): string[] {
  return ['journal', 'recordings'].flatMap((sub) => readdirSync(join(at, sub)).map((name) => join(at, sub, name)));
}

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

function mutate(bytes: Buffer, next: () => number): [string, Buffer] {
  const at = Math.floor(next() * bytes.length);
  const length = 1 + Math.floor(next() * Math.min(64, bytes.length - at));
  const cut = (from: number, to: number): Buffer => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  switch (Math.floor(next() * 6)) {
    case 0: {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << Math.floor(next() * 8);
      return [`flip ${at}`, changed];
    }
    case 1: {
      const inserted = Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
      return [`insert ${length} at ${at}`, Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])];
    }
    case 2:
      return [`delete ${length} at ${at}`, cut(at, at + length)];
    case 3:
      return [`truncate to ${at}`, bytes.subarray(0, at)];
    case 4:
      return [
        `append ${length}`,
        Buffer.concat([bytes, Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)))]),
      ];
    default: {
      const other = Math.floor(next() * bytes.length);
      const [a, b] = at < other ? [at, other] : [other, at];
      const size = Math.min(1 + Math.floor(next() * 200), b - a, bytes.length - b);
      const changed = Buffer.from(bytes);
      bytes.copy(changed, a, b, b + size);
      bytes.copy(changed, b, a, a + size);
      return [`swap ${size} of ${a} and ${b}`, changed];
    }
  }
}

test('A-REC-01: every mutation of any byte of any file is found and named', async () => {
  const next = random(seed + 1);
  const copy = copyOf(dir);
  const files = filesOf(copy);
  const cases = isFull ? 10_000 : 500;
  for (let round = 0; round < cases; round++) {
    const path = files[Math.floor(next() * files.length)]!;
    const original = readFileSync(path);
    const [what, changed] = mutate(original, next);
    if (changed.equals(original)) continue;
    writeFileSync(path, changed);
    const report = await verify(copy);
    const label = `seed ${seed} round ${round}: ${what} in ${path.slice(copy.length)}`;
    expect(report.ok, label).toBe(false);
    const problem = report.problems[0]!;
    expect(problem.sequence !== undefined || problem.session !== undefined, label).toBe(true);
    const name = path.split('/').at(-1)!;
    // A segment cut at a frame's end shows at the beginning of the next, or against the checkpoint.
    if (name.endsWith('.rec')) expect(problem.file, label).toBe(name);
    else expect(problem.where, label).not.toBe('recording');
    writeFileSync(path, original);
  }
  expect((await verify(copy)).ok).toBe(true);
}, 600_000);

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
