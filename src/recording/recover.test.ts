/** F-02: what a power cut leaves of the last segment. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import {
  cleanUp,
  copyOf,
  eventsOf,
  intent,
  isFull,
  keys,
  open,
  opened,
  random,
  seed,
  segmentsOf,
  temporary,
} from './fixtures/kit.ts';
import { segmentHeaderBytes } from './frame.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);
const pageBytes = 4096;

/** Where frames begin in a segment. */
function framesOf(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = segmentHeaderBytes; at < bytes.length; at += 64 + bytes.readUInt32BE(at + 8)) offsets.push(at);
  return offsets;
}

/** What can stand in the pages that the last, unsynced write touched. Pages before it are as they were. */
function tear(whole: Buffer, synced: number, next: () => number): Buffer {
  const torn = Buffer.from(whole);
  const pages: number[] = [];
  for (let page = Math.floor(synced / pageBytes) * pageBytes; page < whole.length; page += pageBytes) pages.push(page);
  const how = Math.floor(next() * 4);
  if (how === 0) return torn.subarray(0, synced + Math.floor(next() * (whole.length - synced)));
  for (const page of pages) {
    const from = Math.max(synced, page);
    const to = Math.min(whole.length, page + pageBytes);
    const dice = next();
    if (how === 1 && dice < 0.5) torn.fill(0, from, to);
    else if (how === 2 && dice < 0.7) {
      const other = pages[Math.floor(next() * pages.length)]!;
      whole.copy(torn, from, Math.max(synced, other), Math.max(synced, other) + (to - from));
    } else if (how === 3 && dice < 0.7)
      torn.fill(Math.floor(next() * 256), from + Math.floor(next() * (to - from)), to);
  }
  return how === 3 && next() < 0.5 ? torn.subarray(0, synced + Math.floor(next() * (whole.length - synced))) : torn;
}

test('F-02: a torn last write costs what was not synced and nothing else', async () => {
  const next = random(seed);
  const cases = isFull ? 10_000 : 300;
  const source = temporary();
  const journal = await open(source, { segmentBytes: 60_000 });
  journal.append(opened('ses_a'));
  await journal.flush();
  for (let index = 0; index < 200; index++) {
    journal.append(intent('ses_a', index, 'x'.repeat(Math.floor(next() * 3000))));
    if (next() < 0.1) await journal.flush();
  }
  await journal.flush();
  // A copy as it stands before the final checkpoint: the last frame is one of events.
  const template = copyOf(source);
  await journal.close();
  const whole = readFileSync(segmentsOf(template).at(-1)!);
  const frames = framesOf(whole);
  const all = await eventsOf(template);
  const dir = copyOf(template);
  const last = segmentsOf(dir).at(-1)!;
  for (let round = 0; round < cases; round++) {
    const synced = frames[1 + Math.floor(next() * (frames.length - 1))]!;
    const end = frames.find((offset) => offset > synced) ?? whole.length;
    writeFileSync(last, tear(whole.subarray(0, end), synced, next));
    const { recoverJournal } = await import('./recover.ts');
    const { Disk } = await import('./files.ts');
    const recovered = recoverJournal(new Disk(), `${dir}/journal`, null);
    const before = Number(whole.readBigUInt64BE(synced + 16)) - 1;
    const label = `seed ${seed} round ${round}`;
    // Either the torn write survived whole, or all of it is gone.
    expect([before, before + whole.readUInt32BE(synced + 12)], label).toContain(recovered.state.size);
    const report = await verifyJournal({ dir, publicKey: keys.publicKey });
    if (segmentsOf(dir).length === segmentsOf(template).length) {
      expect(report, label).toMatchObject({ ok: true, events: recovered.state.size, unfinishedJournalBytes: 0 });
    }
    if (!segmentsOf(dir).includes(last)) writeFileSync(last, whole, { mode: 0o600 });
  }
  writeFileSync(last, whole.subarray(0, whole.length - 3));
  const recovered = await open(dir);
  expect(recovered.recovery).toMatchObject({ interrupted: ['ses_a'], isClean: false });
  expect(recovered.recovery.cutBytes).toBeGreaterThan(0);
  await recovered.close();
  const after = await eventsOf(dir);
  expect(after.slice(0, recovered.recovery.events)).toEqual(all.slice(0, recovered.recovery.events));
  expect(after.at(-1)).toMatchObject({ type: 'journal.recovered', interrupted: 1 });
  expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({ ok: true, uncovered: 0 });
}, 600_000);

test('F-02: the first write into a new segment torn: the journal ends with the segment before', async () => {
  const dir = temporary();
  const journal = await open(dir, { segmentBytes: 100 });
  journal.append(intent('ses_a', 1));
  await journal.flush();
  journal.append(intent('ses_a', 2));
  await journal.close();
  const last = segmentsOf(dir).at(-1)!;
  for (const length of [0, 5, segmentHeaderBytes, segmentHeaderBytes + 10, framesOf(readFileSync(last))[1]! + 20]) {
    const copy = copyOf(dir);
    truncateSync(segmentsOf(copy).at(-1)!, length);
    const again = await open(copy);
    expect(again.recovery.events).toBe(1);
    expect(again.append(intent('ses_a', 2))).toBeGreaterThanOrEqual(2);
    await again.close();
    expect((await verifyJournal({ dir: copy, publicKey: keys.publicKey })).ok).toBe(true);
  }
});

test('damage before the last frame refuses the opening, says where, and changes nothing', async () => {
  const dir = temporary();
  const journal = await open(dir);
  for (let index = 0; index < 20; index++) {
    journal.append(intent('ses_a', index));
    await journal.flush();
  }
  await journal.close();
  const path = segmentsOf(dir)[0]!;
  const whole = readFileSync(path);
  const frames = framesOf(whole);
  for (const at of [20, frames[0]! + 40, frames[3]! + 50, frames[10]! + 2]) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    writeFileSync(path, changed);
    await expect(open(dir)).rejects.toMatchObject({ code: 'recording.journal-damaged' });
    expect(readFileSync(path).equals(changed)).toBe(true);
  }
});
