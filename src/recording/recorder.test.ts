/** The order in which a batch of blocks reaches the disk, and what a failure or a crash in the middle of it leaves. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { Disk, type Fault } from './files.ts';
import { cleanUp, ended, keys, open, opened, temporary, testKeys, until } from './fixtures/kit.ts';
import * as limits from './limits.ts';
import { Recorder } from './recorder.ts';
import type { BlockMessage } from './recording-messages.ts';
import { openRecordings, type RecordingsOptions } from './recordings.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);

/** Says what was asked of the disk, by the names of files. */
class WatchedDisk extends Disk {
  readonly said: string[] = [];
  readonly #names = new Map<number, string>();

  override createUnnamed(path: string): number {
    const fd = super.createUnnamed(path);
    this.#names.set(fd, basename(path));
    this.said.push(`create ${basename(path)}`);
    return fd;
  }
  override openExisting(path: string): number {
    const fd = super.openExisting(path);
    this.#names.set(fd, basename(path));
    this.said.push(`open ${basename(path)}`);
    return fd;
  }
  override write(fd: number, view: Uint8Array, position: number): void {
    super.write(fd, view, position);
    this.said.push(`write ${this.#names.get(fd)}`);
  }
  override sync(fd: number): void {
    super.sync(fd);
    this.said.push(`sync ${this.#names.get(fd)}`);
  }
  override syncDirectory(path: string): void {
    super.syncDirectory(path);
    this.said.push('sync directory');
  }
}

function block(session: string, chunk: number): BlockMessage {
  const memory = new ArrayBuffer(64);
  const made = chunk === 0 ? testKeys.create(session) : null;
  const seal = made === null ? null : { key: Uint8Array.from(made.key), wrapped: Uint8Array.from(made.wrapped) };
  return { type: 'block', session, startedAtMs: 0, chunk, memory, length: 64, entries: 1, baseAtMs: 0, seal };
}

function recorder(faults: readonly Fault[] = []) {
  const directory = join(temporary(), 'recordings');
  mkdirSync(directory);
  const disk = new WatchedDisk(faults);
  return { directory, disk, recorder: new Recorder(disk, directory) };
}

describe('a batch of blocks', () => {
  test('all keys are on stable storage, names included, before any chunk is written; each file is synced once', () => {
    const { directory, disk, recorder: own } = recorder();
    const chunks = own.commit([block('ses_a', 0), block('ses_b', 0), block('ses_a', 1), block('ses_c', 0)]);
    expect(disk.said).toEqual([
      ...['create ses_a.key', 'write ses_a.key', 'create ses_b.key', 'write ses_b.key'],
      ...['create ses_c.key', 'write ses_c.key', 'sync ses_a.key', 'sync ses_b.key', 'sync ses_c.key'],
      ...['create ses_a.rec', 'create ses_b.rec', 'create ses_c.rec', 'sync directory'],
      ...['write ses_a.rec', 'write ses_b.rec', 'write ses_a.rec', 'write ses_c.rec'],
      ...['sync ses_a.rec', 'sync ses_b.rec', 'sync ses_c.rec'],
    ]);
    expect(chunks.map(({ session, chunk }) => `${session} ${chunk}`)).toEqual([
      'ses_a 0',
      'ses_b 0',
      'ses_a 1',
      'ses_c 0',
    ]);
    const digest = createHash('sha256')
      .update(readFileSync(join(directory, 'ses_b.key')))
      .digest('hex');
    expect(chunks.map(({ keyDigest }) => keyDigest === null)).toEqual([false, false, true, false]);
    expect(chunks[1]!.keyDigest).toBe(digest);
    // Where one chunk ends the next begins.
    expect(chunks[2]!.offset).toBe(chunks[0]!.bytes);
    expect(statSync(join(directory, 'ses_a.rec')).size).toBe(chunks[0]!.bytes + chunks[2]!.bytes);
  });

  test('recordings that go on cost one write and one sync; one that is over lets go of its file', () => {
    const { disk, recorder: own } = recorder();
    own.commit([block('ses_a', 0)]);
    disk.said.length = 0;
    own.commit([block('ses_a', 1), block('ses_a', 2)]);
    expect(disk.said).toEqual(['write ses_a.rec', 'write ses_a.rec', 'sync ses_a.rec']);
    own.done('ses_a');
    own.done('ses_a');
    own.done('ses_never');
  });

  test('files at the limit stay open, one past it is opened anew', () => {
    const { disk, recorder: own } = recorder();
    const sessions = Array.from({ length: limits.openRecordingsMax + 1 }, (_, index) => `ses_${index}`);
    own.commit(sessions.map((session) => block(session, 0)));
    disk.said.length = 0;
    own.commit([block('ses_1', 1)]);
    own.commit([block('ses_0', 1)]);
    expect(disk.said.filter((step) => step.startsWith('open'))).toEqual(['open ses_0.rec']);
    for (const session of sessions) own.done(session);
  });

  test.each<Fault>([
    { operation: 'open', nth: 2, code: 'EMFILE' },
    { operation: 'write', nth: 2, code: 'ENOSPC' },
    { operation: 'sync', nth: 2, code: 'EIO' },
  ])('F-03: $operation $nth fails: no recording of the batch comes to be without its key', (fault) => {
    const { directory, recorder: own } = recorder([fault]);
    expect(() => own.commit([block('ses_a', 0), block('ses_b', 0)])).toThrow(
      expect.objectContaining({ code: fault.code }),
    );
    expect(readdirSync(directory).filter((name) => name.endsWith('.rec'))).toEqual([]);
  });

  test('F-03: the sync of the names fails: no chunk is written', () => {
    const { directory, recorder: own } = recorder([{ operation: 'sync', nth: 3, code: 'EIO' }]);
    expect(() => own.commit([block('ses_a', 0), block('ses_b', 0)])).toThrow(expect.objectContaining({ code: 'EIO' }));
    expect(statSync(join(directory, 'ses_a.rec')).size).toBe(0);
    expect(statSync(join(directory, 'ses_b.rec')).size).toBe(0);
  });
});

/** Sessions that record their first thing in one turn, so that their blocks are one batch. */
async function begin(faults: RecordingsOptions['faults'], sessions: readonly string[]) {
  const dir = temporary();
  const clock = new FakeClock();
  const journal = await open(dir);
  const recordings = openRecordings({ journal, keys: testKeys, clock, ...(faults === undefined ? {} : { faults }) });
  const failed: string[] = [];
  for (const session of sessions) {
    journal.append(opened(session));
    const recording = recordings.open(session, 0);
    recording.onFailure = () => failed.push(session);
    recording.append({ type: 'data', command: 1, direction: 'out', data: randomBytes(100) });
    recording.handOver();
  }
  return { dir, clock, journal, recordings, failed };
}

describe('a batch that is cut off', () => {
  const sessions = ['ses_a', 'ses_b', 'ses_c'];

  test('F-03: the key of one does not reach the disk: all who began with it end, and others record after a while', async () => {
    const { dir, clock, journal, recordings, failed } = await begin([{ operation: 'sync', nth: 2 }], sessions);
    await until(() => failed.length === sessions.length);
    expect(failed).toEqual(sessions);
    for (const session of sessions) {
      expect(existsSync(join(dir, 'recordings', `${session}.rec`))).toBe(false);
      journal.append(ended(session));
    }
    clock.advance(limits.recorderRetryMs);
    await until(() => recordings.failure === null);
    journal.append(opened('ses_d'));
    const later = recordings.open('ses_d', 0);
    later.append({ type: 'data', command: 1, direction: 'out', data: randomBytes(100) });
    await later.close();
    journal.append(ended('ses_d'));
    await recordings.close();
    await journal.close();
    expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({ ok: true });
  });

  // Writes of the batch: three keys, then three chunks.
  test.each([1, 2, 3, 4, 5, 6])(
    'F-02: a crash at write %i: the next start closes all, and nothing without an event stays',
    async (nth) => {
      const { dir, journal, recordings, failed } = await begin([{ operation: 'crash', nth }], sessions);
      await until(() => failed.length === sessions.length);
      await recordings.close();
      await journal.close();
      const again = await open(dir);
      expect([...again.recovery.interrupted].sort()).toEqual(sessions);
      await again.close();
      expect(readdirSync(join(dir, 'recordings'))).toEqual([]);
      expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({
        ok: true,
        unfinishedRecordings: 0,
      });
    },
  );
});
