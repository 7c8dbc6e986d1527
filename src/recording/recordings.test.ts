import { createHash } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import type { RecordedEntry, RecordingEntry } from '../core/recording.ts';
import { Budget } from './budget.ts';
import { cleanUp, ended, eventsOf, keys, open, opened, temporary, testKeys, until } from './fixtures/kit.ts';
import * as limits from './limits.ts';
import { readRecording } from './recording-reader.ts';
import { openRecordings } from './recordings.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);

const command = (ordinal: number, text = `select ${ordinal}`): RecordingEntry => ({
  type: 'command',
  command: ordinal,
  kind: 'sql',
  verb: 'query',
  text,
  parameters: null,
  of: null,
});

const completed = (ordinal: number): RecordingEntry => ({
  type: 'completed',
  command: ordinal,
  outcome: 'completed',
  tag: 'SELECT 1',
  rows: 1,
  bytes: 1,
  durationMs: 0.5,
});

/** Rows of one cell each. */
function rows(ordinal: number, count: number, cellBytes: number): Extract<RecordingEntry, { type: 'rows' }> {
  const row = Buffer.alloc(6 + cellBytes, 65);
  row.writeInt16BE(1, 0);
  row.writeInt32BE(cellBytes, 2);
  return { type: 'rows', command: ordinal, count, data: Buffer.concat(Array.from({ length: count }, () => row)) };
}

async function read(path: string): Promise<RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const entry of readRecording(path)) entries.push(entry);
  return entries;
}

async function house(options: Partial<Parameters<typeof openRecordings>[0]> = {}) {
  const dir = temporary();
  const journal = await open(dir);
  return { dir, journal, recordings: openRecordings({ journal, keys: null, ...options }) };
}

describe('a recording', () => {
  test('comes back as it was appended, across chunks, bound into the journal and sealed', async () => {
    const { dir, journal, recordings } = await house();
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 1_767_225_600_000);
    const given: RecordingEntry[] = [];
    for (let ordinal = 1; ordinal <= 200; ordinal++) {
      const data = rows(ordinal, 10, 100);
      given.push(command(ordinal), { ...data, data: Buffer.from(data.data) }, completed(ordinal));
      recording.append(command(ordinal));
      recording.append(data);
      // The buffer is borrowed for the call only.
      data.data.fill(0);
      recording.append(completed(ordinal));
    }
    await recording.close();
    expect(() => recording.append(command(1))).toThrow(expect.objectContaining({ code: 'core.recording-failed' }));
    journal.append(ended('ses_a'));
    await recordings.close();
    await journal.close();
    const reader = readRecording(recordings.pathOf('ses_a'));
    const entries: RecordedEntry[] = [];
    for await (const entry of reader) entries.push(entry);
    expect(entries.map(({ at: _, ...entry }) => entry)).toEqual(given);
    expect(reader).toMatchObject({ tornBytes: 0, header: { session: 'ses_a', startedAtMs: 1_767_225_600_000 } });
    const events = await eventsOf(dir);
    const chunks = events.filter((event) => event.type === 'recording.chunk');
    expect(chunks.length).toBeGreaterThan(2);
    const bytes = readFileSync(recordings.pathOf('ses_a'));
    for (const chunk of chunks) {
      const digest = createHash('sha256')
        .update(bytes.subarray(chunk.offset, chunk.offset + chunk.bytes))
        .digest('hex');
      expect(digest).toBe(chunk.digest);
    }
    expect(events.find((event) => event.type === 'recording.sealed')).toMatchObject({
      chunks: chunks.length,
      bytes: bytes.length,
    });
    expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({ ok: true, recordings: 1 });
  });

  test('a block leaves by age, so that output loss stays within a second', async () => {
    const clock = new FakeClock();
    const { journal, recordings } = await house({ clock });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', clock.now());
    recording.append(command(1));
    clock.advance(limits.blockAgeMs - limits.followedBlockAgeMs);
    expect(recordings.inFlightBytes).toBe(0);
    clock.advance(2 * limits.followedBlockAgeMs);
    expect(recordings.inFlightBytes).toBeGreaterThan(0);
    await until(() => recording.durableChunks === 1);
    await recordings.close();
    await journal.close();
  });

  test('a session that says nothing leaves no file and is sealed', async () => {
    const { dir, journal, recordings } = await house();
    journal.append(opened('ses_a'));
    await recordings.open('ses_a', 0).close();
    await recordings.close();
    await journal.close();
    expect((await eventsOf(dir)).at(-1)).toMatchObject({ type: 'recording.sealed', chunks: 0, bytes: 0 });
    await expect(read(recordings.pathOf('ses_a'))).rejects.toMatchObject({ code: 'recording.absent' });
    expect((await verifyJournal({ dir, publicKey: keys.publicKey })).ok).toBe(true);
  });

  test('A-REC-03: only ids name files', async () => {
    const { journal, recordings } = await house();
    for (const name of ['../x', 'a/b', '', '.', 'A', 'a'.repeat(65), 'x\0', 'ses_é']) {
      expect(() => recordings.open(name, 0)).toThrow(expect.objectContaining({ code: 'recording.invalid-session' }));
    }
    recordings.open('a'.repeat(64), 0);
    await recordings.close();
    await journal.close();
  });

  test('congestion begins past the session’s share, ends below half of it, and is told', async () => {
    const { journal, recordings } = await house({ resultBytesPerCommand: 8 * 1024 * 1024 });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    let told = 0;
    recording.onReady = () => told++;
    const piece = rows(1, 1, limits.blockBytes - 100);
    while (!recording.congested) recording.append(piece);
    expect(recording.inFlightBytes).toBeGreaterThan(limits.sessionInFlightBytesMax);
    expect(recording.inFlightBytes).toBeLessThan(limits.sessionInFlightBytesMax + 3 * limits.blockBytes);
    await until(() => told === 1);
    expect(recording.congested).toBe(false);
    await recordings.close();
    await journal.close();
    expect(recordings.inFlightBytes).toBe(0);
  });
});

describe('the budget', () => {
  test('records whole rows up to the limit and digests the rest', async () => {
    const { journal, recordings } = await house({ resultBytesPerCommand: 1000 });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    recording.append(command(1));
    const first = rows(1, 9, 94); // 900 bytes
    const second = rows(1, 3, 94);
    const third = rows(1, 1, 4);
    recording.append(first);
    recording.append(second);
    recording.append(third);
    recording.append(completed(1));
    await recordings.close();
    await journal.close();
    const entries = await read(recordings.pathOf('ses_a'));
    const omitted = Buffer.concat([second.data.subarray(100), third.data]);
    expect(entries.map(({ at: _, ...entry }) => entry)).toEqual([
      command(1),
      first,
      { ...second, count: 1, data: second.data.subarray(0, 100) },
      {
        type: 'omitted',
        command: 1,
        rows: 3,
        bytes: omitted.length,
        digest: createHash('sha256').update(omitted).digest('hex'),
      },
      completed(1),
    ]);
  });

  test('at the limit all is kept, one byte past it the rest is left out, and the session’s share counts across commands', () => {
    const data = (ordinal: number, bytes: number) =>
      ({ type: 'data', command: ordinal, direction: 'out', data: Buffer.alloc(bytes) }) as const;
    const budget = new Budget(100, 150);
    expect(budget.take(data(1, 100))?.data.length).toBe(100);
    expect(budget.settle(1)).toEqual([]);
    expect(budget.take(data(2, 51))?.data.length).toBe(50);
    expect(budget.settle(2)).toMatchObject([{ direction: 'out', rows: 0, bytes: 1 }]);
    expect(budget.take(data(3, 1))).toBeNull();
    expect(budget.unsettled).toEqual([3]);
    expect(budget.settle(3)).toMatchObject([{ bytes: 1 }]);
  });

  test('what goes in does not spend the budget of what comes out', () => {
    const data = (direction: 'in' | 'out', bytes: number) =>
      ({ type: 'data', command: 1, direction, data: Buffer.alloc(bytes) }) as const;
    const budget = new Budget(100, 1000);
    expect(budget.take(data('in', 150))?.data.length).toBe(100);
    expect(budget.take(data('out', 101))?.data.length).toBe(100);
    expect(budget.settle(1)).toMatchObject([
      { direction: 'in', rows: 0, bytes: 50 },
      { direction: 'out', rows: 0, bytes: 1 },
    ]);
  });

  test('a session that ends within a command still says what was left out', async () => {
    const { journal, recordings } = await house({ resultBytesPerCommand: 10 });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    recording.append(rows(1, 2, 100));
    await recording.close();
    expect(await read(recordings.pathOf('ses_a'))).toMatchObject([{ type: 'omitted', rows: 2, bytes: 212 }]);
    await recordings.close();
    await journal.close();
  });
});

describe('following', () => {
  test('gives what was written and what comes, and ends with the session', async () => {
    const { journal, recordings } = await house();
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    recording.append(command(1));
    const seen: RecordedEntry[] = [];
    const following = (async () => {
      for await (const entry of recordings.follow('ses_a')) seen.push(entry);
    })();
    await until(() => seen.length === 1);
    recording.append(command(2));
    await until(() => seen.length === 2);
    recording.append(command(3));
    await recording.close();
    await following;
    expect(seen.map((entry) => entry.command)).toEqual([1, 2, 3]);
    const again: RecordedEntry[] = [];
    for await (const entry of recordings.follow('ses_a')) again.push(entry);
    expect(again).toEqual(seen);
    await recordings.close();
    await journal.close();
  });
});

describe('reading a live one', () => {
  const all = async (entries: AsyncIterable<RecordedEntry>): Promise<(number | null | undefined)[]> => {
    const seen: RecordedEntry[] = [];
    for await (const entry of entries) seen.push(entry);
    return seen.map((entry) => entry.command);
  };

  test('gives what it holds at that moment, whether or not anything has reached the disk yet', async () => {
    // By this clock no block grows old.
    const { journal, recordings } = await house({ clock: new FakeClock() });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    expect(await all(recordings.read('ses_a'))).toEqual([]);
    recording.append(command(1));
    recording.append(command(2));
    const reading = recordings.read('ses_a');
    const first = await reading.next();
    expect(first.value?.command).toBe(1);
    // What comes while it is being read is for who follows.
    recording.append(command(3));
    recording.handOver();
    expect(await all(reading)).toEqual([2]);
    expect(await all(recordings.read('ses_a'))).toEqual([1, 2, 3]);
    const before = recordings.read('ses_a');
    await recording.close();
    expect(await all(before)).toEqual([1, 2, 3]);
    expect(await all(recordings.read('ses_a'))).toEqual([1, 2, 3]);
    await recordings.close();
    await journal.close();
  });

  test('ends where recording fails, and one that is nowhere is refused', async () => {
    const { journal, recordings } = await house({ clock: new FakeClock() });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    recording.append(command(1));
    const reading = all(recordings.read('ses_a'));
    recording.fail(new Error('the disk is gone'));
    expect(await reading).toEqual([]);
    await expect(all(recordings.read('ses_none'))).rejects.toMatchObject({ code: 'recording.absent' });
    await recordings.close();
    await journal.close();
  });
});

describe('reading back', () => {
  test('a torn tail gives what is whole and says how much is not; anything else is refused', async () => {
    const { journal, recordings } = await house();
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    for (let ordinal = 1; ordinal <= 3; ordinal++) {
      recording.append(command(ordinal));
      recording.handOver();
    }
    await recordings.close();
    await journal.close();
    const path = recordings.pathOf('ses_a');
    const whole = readFileSync(path);
    truncateSync(path, whole.length - 5);
    const reader = readRecording(path);
    const seen: RecordedEntry[] = [];
    for await (const entry of reader) seen.push(entry);
    expect(seen).toHaveLength(2);
    expect(reader.tornBytes).toBeGreaterThan(0);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('SALLYREC'),
      Buffer.alloc(200),
      Buffer.concat([Buffer.from('X'), whole.subarray(1)]),
    ]) {
      writeFileSync(path, bytes);
      await expect(read(path)).rejects.toMatchObject({ code: 'recording.unreadable' });
    }
    const newer = Buffer.from(whole);
    newer.writeUInt16BE(3, 8);
    writeFileSync(path, newer);
    await expect(read(path)).rejects.toThrow('version 3');
  });
});

describe('failure (F-03)', () => {
  test.each([
    { operation: 'write', nth: 2, code: 'ENOSPC', short: 10 },
    { operation: 'sync', nth: 3, code: 'EIO' },
    { operation: 'open', nth: 1, code: 'ENOSPC' },
    { operation: 'crash', nth: 2 },
  ] as const)(
    '$operation $nth fails: live recordings fail, new ones work after a while, the journal verifies',
    async (fault) => {
      const clock = new FakeClock();
      const failures: Error[] = [];
      const { dir, journal, recordings } = await house({
        clock,
        faults: [fault],
        onFailure: (error) => failures.push(error),
      });
      journal.append(opened('ses_a'));
      const recording = recordings.open('ses_a', 0);
      let told: Error | null = null;
      recording.onFailure = (error) => (told = error);
      for (let ordinal = 1; ordinal <= 3 && told === null; ordinal++) {
        recording.append(command(ordinal));
        recording.handOver();
        await until(() => told !== null || recording.durableChunks === ordinal);
      }
      expect(told).toMatchObject({ code: 'core.recording-failed' });
      expect(failures).toHaveLength(1);
      expect(() => recording.append(command(9))).toThrow(expect.objectContaining({ code: 'core.recording-failed' }));
      await expect(recording.close()).rejects.toMatchObject({ code: 'core.recording-failed' });
      expect(() => recordings.open('ses_b', 0)).toThrow(expect.objectContaining({ code: 'core.recording-failed' }));
      journal.append(ended('ses_a'));

      clock.advance(limits.recorderRetryMs);
      await until(() => recordings.failure === null);
      journal.append(opened('ses_b'));
      const second = recordings.open('ses_b', 0);
      second.append(command(1));
      await second.close();
      journal.append(ended('ses_b'));
      await recordings.close();
      await journal.close();
      expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({ ok: true });
      // The next start cuts what the journal does not vouch for and seals the rest.
      await (await open(dir)).close();
      expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({
        ok: true,
        unfinishedRecordings: 0,
      });
    },
  );

  test('when the journal fails, recordings end with it, and a reopening leaves files that verify', async () => {
    const dir = temporary();
    const journal = await open(dir, { faults: [{ operation: 'sync', nth: 6 }] });
    const recordings = openRecordings({ journal, keys: testKeys });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    let told = false;
    recording.onFailure = () => {
      told = true;
    };
    for (let ordinal = 1; !told && ordinal < 50; ordinal++) {
      recording.append(command(ordinal));
      recording.handOver();
      await until(() => told || recording.durableChunks === ordinal);
    }
    expect(told).toBe(true);
    expect((await journal.reopen()).interrupted).toEqual(['ses_a']);
    journal.append(opened('ses_b'));
    const second = recordings.open('ses_b', 0);
    second.append(command(1));
    await second.close();
    await recordings.close();
    await journal.close();
    expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({
      ok: true,
      unfinishedRecordings: 0,
    });
  });
});
