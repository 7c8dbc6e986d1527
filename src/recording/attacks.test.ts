/**
 * A-REC-01, G11: every change to any byte of what proves something is found and named: segments, pruned segments, sealed
 * recordings, wrapped keys, what stands in place of recordings that are gone, copies elsewhere, checkpoints kept elsewhere;
 * whole files exchanged, removed, and rolled back.
 *
 * Seeded; `SALLYPORT_TEST_FULL` makes it ten thousand.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  actor,
  cleanUp,
  copyOf,
  ended,
  intent,
  isFull,
  keys,
  open,
  opened,
  random,
  seed,
  temporary,
  testKeys,
} from './fixtures/kit.ts';
import { openRecordings, type SessionRecordings } from './recordings.ts';
import { verifyJournal } from './verify.ts';
import type { VerifyReport } from './verify-report.ts';

const options = { segmentBytes: 5000, checkpointEvents: 20 };
const attacks = isFull ? 10_000 : 400;
const deletion = { principal: actor, rule: null, reason: 'a test' };

let dir = '';
let older = '';

type Journal = Awaited<ReturnType<typeof open>>;

async function session(journal: Journal, recordings: SessionRecordings, id: string, next: () => number): Promise<void> {
  journal.append(opened(id));
  const recording = recordings.open(id, 1_767_225_600_000);
  for (let command = 1; command <= 12; command++) {
    journal.append(intent(id, command, 'select '.repeat(1 + Math.floor(next() * 30))));
    const data = Buffer.from(Array.from({ length: 300 }, () => Math.floor(next() * 256)));
    recording.append({ type: 'data', command, direction: 'out', data });
    if (command % 4 > 0) continue;
    recording.handOver();
    await journal.flush();
  }
  await recording.close();
  journal.append(ended(id));
}

beforeAll(async () => {
  const next = random(seed);
  dir = temporary();
  for (const name of ['witness', 'copies']) mkdirSync(join(dir, name));
  const witness = (checkpoint: string | null): void =>
    writeFileSync(join(dir, 'witness', `${readdirSync(join(dir, 'witness')).length}.txt`), checkpoint!);
  const journal = await open(dir, options);
  const recordings = openRecordings({ journal, keys: testKeys });
  for (let index = 0; index < 4; index++) await session(journal, recordings, `ses_${index}`, next);
  witness(await journal.checkpoint());
  const upTo = journal.durableSequence;
  older = copyOf(dir);
  for (let index = 4; index < 7; index++) await session(journal, recordings, `ses_${index}`, next);
  await recordings.destroy('ses_1', deletion);
  cpSync(recordings.pathOf('ses_5'), join(dir, 'copies', 'ses_5.rec'));
  await recordings.release('ses_5', 'archive');
  await journal.prune(upTo, { principal: actor, rule: null });
  await recordings.close();
  await journal.close();
  witness(journal.lastCheckpoint);
});

afterAll(cleanUp);

function verify(at: string, witnesses = at): Promise<VerifyReport> {
  const names = readdirSync(join(witnesses, 'witness')).sort();
  return verifyJournal({
    dir: at,
    publicKey: keys.publicKey,
    copies: [join(at, 'copies')],
    witnesses: names.map((name) => ({ name, text: readFileSync(join(witnesses, 'witness', name), 'utf8') })),
  });
}

function filesOf(at: string): string[] {
  return ['journal', 'recordings', 'copies', 'witness'].flatMap((folder) =>
    readdirSync(join(at, folder)).map((name) => join(at, folder, name)),
  );
}

function mutate(bytes: Buffer, next: () => number): [string, Buffer] {
  const at = Math.floor(next() * bytes.length);
  const length = 1 + Math.floor(next() * Math.min(64, bytes.length - at));
  const cut = (from: number, to: number): Buffer => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  const noise = (): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
  switch (Math.floor(next() * 6)) {
    case 0: {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << Math.floor(next() * 8);
      return [`flip ${at}`, changed];
    }
    case 1:
      return [`insert ${length} at ${at}`, Buffer.concat([bytes.subarray(0, at), noise(), bytes.subarray(at)])];
    case 2:
      return [`delete ${length} at ${at}`, cut(at, at + length)];
    case 3:
      return [`truncate to ${at}`, bytes.subarray(0, at)];
    case 4:
      return [`append ${length}`, Buffer.concat([bytes, noise()])];
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

test('what was written, pruned, deleted and moved away verifies with every witness', async () => {
  const report = await verify(dir);
  expect(report).toMatchObject({ ok: true, problems: [], deletedRecordings: 1, releasedRecordings: 0, recordings: 7 });
  expect(report.prunedEvents).toBeGreaterThan(20);
  expect(report.witnesses.map(({ standing }) => standing)).toEqual(['consistent', 'consistent']);
  const kinds = new Set(filesOf(dir).map((path) => path.split('.').at(-1)));
  expect([...kinds].sort()).toEqual(['gone', 'key', 'pruned', 'rec', 'seg', 'txt']);
});

test(`A-REC-01: ${attacks} mutations of any byte of any file are found and named`, { timeout: 900_000 }, async () => {
  const next = random(seed + 1);
  const copy = copyOf(dir);
  const files = filesOf(copy);
  for (let round = 0; round < attacks; round++) {
    const path = files[Math.floor(next() * files.length)]!;
    const original = readFileSync(path);
    const [what, changed] = mutate(original, next);
    if (changed.equals(original)) continue;
    writeFileSync(path, changed);
    const report = await verify(copy);
    const label = `seed ${seed} round ${round}: ${what} in ${path.slice(copy.length)}`;
    expect(report.ok, label).toBe(false);
    const problem = report.problems[0]!;
    const name = basename(path);
    if (name.endsWith('.txt')) expect(problem.witness?.startsWith(name), label).toBe(true);
    else {
      expect(problem.sequence !== undefined || problem.session !== undefined, label).toBe(true);
      // A segment cut at a frame's end shows at the beginning of the next, or against a witness.
      if (/\.(rec|key|gone)$/.test(name)) expect(problem.file, label).toBe(name);
      else expect(problem.where, label).not.toBe('recording');
    }
    writeFileSync(path, original);
  }
  expect((await verify(copy)).ok).toBe(true);
});

test('A-REC-01: whole files exchanged with others of their kind, and removed, are found', {
  timeout: 900_000,
}, async () => {
  const copy = copyOf(dir);
  const files = filesOf(copy).filter((path) => !path.endsWith('.txt'));
  for (const path of files) {
    const kept = readFileSync(path);
    rmSync(path);
    const gone = await verify(copy);
    // A copy elsewhere that is not given is not checked, and said so.
    if (dirname(path).endsWith('copies')) expect(gone, path).toMatchObject({ ok: true, releasedRecordings: 1 });
    else expect(gone.ok, path).toBe(false);
    writeFileSync(path, kept);
    const kind = path.split('.').at(-1)!;
    for (const other of files.filter((one) => one > path && one.endsWith(kind))) {
      const [a, b] = [readFileSync(path), readFileSync(other)];
      writeFileSync(path, b);
      writeFileSync(other, a);
      const report = await verify(copy);
      expect(report.ok, `${basename(path)} and ${basename(other)} exchanged`).toBe(false);
      writeFileSync(path, a);
      writeFileSync(other, b);
    }
  }
  expect((await verify(copy)).ok).toBe(true);
});

test('A-REC-01: an older copy in place of the journal is consistent in itself, and found by a witness', async () => {
  expect(await verifyJournal({ dir: older, publicKey: keys.publicKey })).toMatchObject({ ok: true });
  const report = await verify(older, dir);
  expect(report.ok).toBe(false);
  expect(report.witnesses.map(({ standing }) => standing)).toEqual(['consistent', 'rolled-back']);
  // Only a part of it rolled back: the deleted recording with its key, the segments that were pruned.
  const part = copyOf(dir);
  cpSync(join(older, 'recordings', 'ses_1.rec'), join(part, 'recordings', 'ses_1.rec'));
  cpSync(join(older, 'recordings', 'ses_1.key'), join(part, 'recordings', 'ses_1.key'));
  expect((await verify(part)).problems.map(({ code }) => code)).toEqual(['recording-present', 'recording-present']);
});

test('a flipped byte in a recording is named by session and chunk', async () => {
  const copy = copyOf(dir);
  const path = join(copy, 'recordings', 'ses_3.rec');
  const bytes = readFileSync(path);
  // The second chunk begins where another magic stands.
  const second = bytes.indexOf('SPCK', 100);
  bytes[second + 60]! ^= 4;
  writeFileSync(path, bytes);
  expect((await verify(copy)).problems).toMatchObject([
    { code: 'recording-digest', session: 'ses_3', chunk: 1, offset: second, text: expect.stringContaining('chunk 1') },
  ]);
});
