/** Sealed recordings, and taking them away: deleted and released, with every proof left as it was (A-REC-01, A-REC-04). */
import {
  cpSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { RecordedEntry } from '../core/recording.ts';
import {
  actor,
  cleanUp,
  copyOf,
  ended,
  eventsOf,
  keys,
  open,
  opened,
  temporary,
  testKeys,
  until,
} from './fixtures/kit.ts';
import { readRecording } from './recording-reader.ts';
import { openRecordings, type SessionRecordings } from './recordings.ts';
import { noteOf, writeNote } from './removal.ts';
import type { RecordingArchive } from './source.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);

const secret = 'a name that must not lie on the disk in the clear';
const deletion = { principal: actor, rule: 'ninety days', reason: 'older than it may be kept' };

interface House {
  readonly dir: string;
  readonly journal: Awaited<ReturnType<typeof open>>;
  readonly recordings: SessionRecordings;
}

async function house(dir = temporary()): Promise<House> {
  const journal = await open(dir);
  return { dir, journal, recordings: openRecordings({ journal, keys: testKeys }) };
}

async function record({ journal, recordings }: House, ...sessions: string[]): Promise<void> {
  for (const session of sessions) {
    journal.append(opened(session));
    const recording = recordings.open(session, 1_767_225_600_000);
    for (let command = 1; command <= 3; command++) {
      const data = Buffer.from(`${session}: ${secret}`);
      recording.append({ type: 'data', command, direction: 'out', data });
      recording.handOver();
      await journal.flush();
    }
    await recording.close();
    journal.append(ended(session));
  }
  await journal.flush();
}

async function close({ journal, recordings }: House): Promise<void> {
  await recordings.close();
  await journal.close();
}

async function read(recordings: SessionRecordings, session: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const entry of recordings.read(session)) texts.push(textOf(entry));
  return texts;
}

const textOf = (entry: RecordedEntry): string => (entry.type === 'data' ? entry.data.toString() : entry.type);
const verify = (dir: string, copies: readonly string[] = []) =>
  verifyJournal({ dir, publicKey: keys.publicKey, copies });
const fileOf = (dir: string, name: string): string => join(dir, 'recordings', name);
const filesOf = (dir: string): string[] => readdirSync(join(dir, 'recordings')).sort();

describe('a sealed recording', () => {
  test('lies enciphered beside its wrapped key, both 0600, and comes back with its keys only', async () => {
    const own = await house();
    await record(own, 'ses_a');
    expect(await read(own.recordings, 'ses_a')).toEqual(Array.from({ length: 3 }, () => `ses_a: ${secret}`));
    await close(own);
    const path = fileOf(own.dir, 'ses_a.rec');
    expect(readFileSync(path).includes('must not lie')).toBe(false);
    expect(readFileSync(path).readUInt16BE(8)).toBe(2);
    for (const name of ['ses_a.rec', 'ses_a.key']) expect(statSync(fileOf(own.dir, name)).mode & 0o777).toBe(0o600);
    const entries = async (given: typeof testKeys | null): Promise<number> => {
      let count = 0;
      for await (const _ of readRecording(path, given)) count++;
      return count;
    };
    expect(await entries(testKeys)).toBe(3);
    await expect(entries(null)).rejects.toThrow('no keys were given');
    const others = { ...testKeys, open: async () => Buffer.alloc(32, 1) };
    await expect(entries(others)).rejects.toThrow('chunk 0 is not what was recorded');
    expect(await verify(own.dir)).toMatchObject({ ok: true, recordings: 1, chunks: 3 });
  });

  test('a chunk is bound to its place: two of them exchanged do not open, whatever their checksums say', async () => {
    const own = await house();
    await record(own, 'ses_a', 'ses_b');
    await close(own);
    const [a, b] = [fileOf(own.dir, 'ses_a.rec'), fileOf(own.dir, 'ses_b.rec')];
    const [bytesA, bytesB] = [readFileSync(a), readFileSync(b)];
    expect(bytesA.length).toBe(bytesB.length);
    // The whole content of another session under this one's header: lengths and checksums are right.
    writeFileSync(a, Buffer.concat([bytesA.subarray(0, 96), bytesB.subarray(96)]));
    const again = await house(own.dir);
    await expect(read(again.recordings, 'ses_a')).rejects.toMatchObject({ code: 'recording.unreadable' });
    // The other session's recording with its own key, under this one's name.
    writeFileSync(a, bytesB);
    await expect(read(again.recordings, 'ses_a')).rejects.toMatchObject({ code: 'recording.unreadable' });
    cpSync(fileOf(own.dir, 'ses_b.key'), fileOf(own.dir, 'ses_a.key'));
    await expect(read(again.recordings, 'ses_a')).rejects.toThrow('that of another session');
    await close(again);
  });

  test('a damaged chunk ends a replay with an error that names it, after all that came before', async () => {
    const own = await house();
    await record(own, 'ses_a');
    const path = fileOf(own.dir, 'ses_a.rec');
    const bytes = readFileSync(path);
    for (const changed of [bytes.length - 5, bytes.lastIndexOf('SPCK') + 5]) {
      const damaged = Buffer.from(bytes);
      damaged[changed]! ^= 1;
      writeFileSync(path, damaged);
      const texts: string[] = [];
      const reading = async (): Promise<void> => {
        for await (const entry of own.recordings.read('ses_a')) texts.push(textOf(entry));
      };
      await expect(reading()).rejects.toThrow('chunk 2 is damaged');
      expect(texts).toHaveLength(2);
    }
    await close(own);
  });

  test('without a key there is no recording, and so no session', async () => {
    const journal = await open(temporary());
    const none = {
      ...testKeys,
      create: () => {
        throw new Error('the key ring is gone');
      },
    };
    const recordings = openRecordings({ journal, keys: none });
    expect(() => recordings.open('ses_a', 0)).toThrow(expect.objectContaining({ code: 'core.recording-failed' }));
    await close({ dir: '', journal, recordings });
  });

  test('F-03: a key that does not reach stable storage fails the recording before its first chunk exists', async () => {
    const dir = temporary();
    const journal = await open(dir);
    const recordings = openRecordings({ journal, keys: testKeys, faults: [{ operation: 'sync', nth: 1 }] });
    journal.append(opened('ses_a'));
    const recording = recordings.open('ses_a', 0);
    recording.append({ type: 'data', command: 1, direction: 'out', data: Buffer.from(secret) });
    await expect(recording.close()).rejects.toMatchObject({ code: 'core.recording-failed' });
    expect(existsSync(fileOf(dir, 'ses_a.rec'))).toBe(false);
    await close({ dir, journal, recordings });
    // The next start takes the key of a recording that did not come to be away.
    await close(await house(dir));
    expect(filesOf(dir)).toEqual([]);
    expect(await verify(dir)).toMatchObject({ ok: true });
  });

  test('A-REC-03: a name that is taken, by a file or a link, fails the recording and leaves what it points to', async () => {
    for (const suffix of ['key', 'rec']) {
      const own = await house();
      const elsewhere = join(own.dir, 'elsewhere');
      writeFileSync(elsewhere, 'untouched');
      symlinkSync(elsewhere, fileOf(own.dir, `ses_a.${suffix}`));
      own.journal.append(opened('ses_a'));
      const recording = own.recordings.open('ses_a', 0);
      let failure: Error | null = null;
      recording.onFailure = (error) => {
        failure = error;
      };
      recording.append({ type: 'data', command: 1, direction: 'out', data: Buffer.from(secret) });
      recording.handOver();
      await until(() => failure !== null);
      expect(failure).toMatchObject({ code: 'core.recording-failed' });
      expect(readFileSync(elsewhere, 'utf8')).toBe('untouched');
      await close(own);
    }
  });
});

test('A-REC-03: whatever is written is 0600 in directories of 0700, removals and prunings included', async () => {
  const dir = temporary();
  const journal = await open(dir, { segmentBytes: 2000 });
  const own = { dir, journal, recordings: openRecordings({ journal, keys: testKeys }) };
  await record(own, 'ses_a', 'ses_b', 'ses_c');
  await own.recordings.destroy('ses_a', deletion);
  await own.recordings.release('ses_b', 'archive');
  expect(await journal.prune(journal.durableSequence, { principal: actor, rule: null })).not.toBeNull();
  await writeNote(dir, noteOf('ses_c'), 1);
  await close(own);
  const modes = new Set<string>();
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
    modes.add(`${entry.isDirectory() ? 'directory' : entry.name.split('.').at(-1)} ${mode.toString(8)}`);
  }
  expect([...modes].sort()).toEqual([
    'directory 700',
    'gone 600',
    'key 600',
    'pruned 600',
    'pub 600',
    'rec 600',
    'seg 600',
    'ses_c 600',
  ]);
});

describe('A-REC-04: deletion', () => {
  test('leaves the event, what stands in its place, and every proof; reading says when and by which rule', async () => {
    const own = await house();
    await record(own, 'ses_a', 'ses_b');
    const before = readFileSync(fileOf(own.dir, 'ses_a.rec'));
    const bytes = statSync(fileOf(own.dir, 'ses_a.rec')).size;
    expect(await own.recordings.standing('ses_a')).toEqual({ state: 'here', bytes, sealed: true });
    expect(await own.recordings.destroy('ses_a', deletion)).toBe(true);
    expect(await own.recordings.destroy('ses_a', deletion)).toBe(false);
    expect(filesOf(own.dir)).toEqual(['ses_a.gone', 'ses_b.key', 'ses_b.rec']);
    expect(readdirSync(join(own.dir, 'pending'))).toEqual([]);
    const events = await eventsOf(own.dir);
    const event = events.find(({ type }) => type === 'recording.deleted');
    expect(event).toMatchObject({ session: 'ses_a', principal: actor, rule: 'ninety days', bytes });
    await expect(read(own.recordings, 'ses_a')).rejects.toMatchObject({
      code: 'recording.deleted',
      publicMessage: expect.stringMatching(new RegExp(`${new Date(event!.at).toISOString()} by the rule ninety days`)),
    });
    expect(await own.recordings.standing('ses_a')).toMatchObject({
      state: 'deleted',
      rule: 'ninety days',
      atMs: event!.at,
    });
    expect(await read(own.recordings, 'ses_b')).toHaveLength(3);
    await close(own);
    expect(await verify(own.dir)).toMatchObject({ ok: true, deletedRecordings: 1, recordings: 2 });
    // A copy of the file that somebody kept is still proven to be that recording, and tells nobody anything.
    const copies = temporary();
    writeFileSync(join(copies, 'ses_a.rec'), before);
    expect(await verify(own.dir, [copies])).toMatchObject({ ok: true });
    await expect(async () => {
      for await (const _ of readRecording(join(copies, 'ses_a.rec'), testKeys)) expect.unreachable();
    }).rejects.toThrow('its key is missing');
  });

  test('what is missing without the event is a problem, and so is what was deleted and is still there', async () => {
    const own = await house();
    await record(own, 'ses_a', 'ses_b', 'ses_c');
    const kept = copyOf(own.dir);
    await own.recordings.destroy('ses_a', deletion);
    await close(own);
    rmSync(fileOf(own.dir, 'ses_b.rec'));
    rmSync(fileOf(own.dir, 'ses_c.key'));
    cpSync(fileOf(kept, 'ses_a.rec'), fileOf(own.dir, 'ses_a.rec'));
    cpSync(fileOf(kept, 'ses_a.key'), fileOf(own.dir, 'ses_a.key'));
    expect((await verify(own.dir)).problems).toMatchObject([
      { code: 'recording-present', session: 'ses_a', file: 'ses_a.rec' },
      { code: 'recording-present', session: 'ses_a', file: 'ses_a.key' },
      { code: 'recording-missing', session: 'ses_b', chunk: 0 },
      { code: 'recording-key', session: 'ses_c' },
    ]);
  });

  test('what stands in its place may not say anything else than the journal', async () => {
    const own = await house();
    await record(own, 'ses_a', 'ses_b');
    await own.recordings.destroy('ses_a', deletion);
    await close(own);
    const gone = fileOf(own.dir, 'ses_a.gone');
    const text = readFileSync(gone, 'utf8');
    writeFileSync(gone, text.replace('ninety', 'eighty'));
    expect((await verify(own.dir)).problems).toMatchObject([{ code: 'recording-gone', session: 'ses_a' }]);
    rmSync(gone);
    expect((await verify(own.dir)).problems).toMatchObject([{ code: 'recording-gone', session: 'ses_a' }]);
    writeFileSync(gone, text);
    // Claimed of one that was not deleted.
    writeFileSync(fileOf(own.dir, 'ses_b.gone'), text.replaceAll('ses_a', 'ses_b'));
    expect((await verify(own.dir)).problems).toMatchObject([{ code: 'foreign-file', session: 'ses_b' }]);
  });

  test('a session that is being recorded, and one that never was, are not deleted', async () => {
    const own = await house();
    own.journal.append(opened('ses_a'));
    own.recordings.open('ses_a', 0).append({ type: 'data', command: 1, direction: 'out', data: Buffer.from('x') });
    await expect(own.recordings.destroy('ses_a', deletion)).rejects.toMatchObject({ code: 'recording.live' });
    await expect(own.recordings.destroy('ses_b', deletion)).rejects.toMatchObject({ code: 'recording.absent' });
    await close(own);
    expect((await eventsOf(own.dir)).some(({ type }) => type === 'recording.deleted')).toBe(false);
  });

  test('A-REC-03: through a hard link the key is destroyed too; what a link points to is left alone', async () => {
    const own = await house();
    await record(own, 'ses_a', 'ses_b');
    const hard = join(own.dir, 'hard');
    linkSync(fileOf(own.dir, 'ses_a.key'), hard);
    const wrapped = readFileSync(hard);
    await own.recordings.destroy('ses_a', deletion);
    expect(readFileSync(hard).equals(wrapped)).toBe(false);
    const elsewhere = join(own.dir, 'elsewhere');
    renameSync(fileOf(own.dir, 'ses_b.key'), elsewhere);
    symlinkSync(elsewhere, fileOf(own.dir, 'ses_b.key'));
    const before = readFileSync(elsewhere);
    await own.recordings.destroy('ses_b', deletion);
    expect(readFileSync(elsewhere).equals(before)).toBe(true);
    expect(filesOf(own.dir)).toEqual(['ses_a.gone', 'ses_b.gone']);
    await close(own);
  });
});

describe('a removal that was cut off', () => {
  test('before its event: nothing was touched, and nothing is', async () => {
    const own = await house();
    await record(own, 'ses_a');
    await writeNote(own.dir, noteOf('ses_a'), own.journal.durableSequence);
    writeFileSync(join(own.dir, 'pending', '0123456789abcdef.part'), 'half');
    await close(own);
    expect(await verify(own.dir)).toMatchObject({ ok: true, deletedRecordings: 0, unfinishedRemovals: 1 });
    const again = await house(own.dir);
    expect(readdirSync(join(own.dir, 'pending'))).toEqual([]);
    expect(await read(again.recordings, 'ses_a')).toHaveLength(3);
    await close(again);
    expect(await verify(own.dir)).toMatchObject({ ok: true, unfinishedRemovals: 0 });
  });

  test.each([
    ['after its event', []],
    ['after what stands in its place', ['gone']],
    ['after the key', ['gone', 'key']],
    ['after the file', ['gone', 'key', 'rec']],
  ])('%s: the next start finishes it', async (_, done) => {
    const own = await house();
    await record(own, 'ses_a', 'ses_b');
    const note = own.journal.durableSequence;
    const before = copyOf(own.dir);
    await own.recordings.destroy('ses_a', deletion);
    await close(own);
    // Back to how it lay at that moment.
    if (!done.includes('gone')) rmSync(fileOf(own.dir, 'ses_a.gone'));
    for (const kind of ['key', 'rec']) {
      if (!done.includes(kind)) cpSync(fileOf(before, `ses_a.${kind}`), fileOf(own.dir, `ses_a.${kind}`));
    }
    await writeNote(own.dir, noteOf('ses_a'), note);
    expect(await verify(own.dir)).toMatchObject({ ok: true, deletedRecordings: 1, unfinishedRemovals: 1 });
    const again = await house(own.dir);
    expect(filesOf(own.dir)).toEqual(['ses_a.gone', 'ses_b.key', 'ses_b.rec']);
    await expect(read(again.recordings, 'ses_a')).rejects.toMatchObject({ code: 'recording.deleted' });
    await close(again);
    expect(await verify(own.dir)).toMatchObject({ ok: true, deletedRecordings: 1, unfinishedRemovals: 0 });
  });

  test('by a failure of the journal: the reopening that writes the event again finishes it', async () => {
    const own = await house();
    await record(own, 'ses_a', 'ses_b');
    await close(own);
    const journal = await open(own.dir, { faults: [{ operation: 'sync', nth: 1 }] });
    const recordings = openRecordings({ journal, keys: testKeys });
    await expect(recordings.destroy('ses_a', deletion)).rejects.toMatchObject({ code: 'core.journal-unavailable' });
    expect(filesOf(own.dir)).toContain('ses_a.key');
    await expect(recordings.destroy('ses_b', deletion)).rejects.toMatchObject({ code: 'core.journal-unavailable' });
    await journal.reopen();
    expect(filesOf(own.dir)).toEqual(['ses_a.gone', 'ses_b.key', 'ses_b.rec']);
    expect(readdirSync(join(own.dir, 'pending'))).toEqual([]);
    expect(await read(recordings, 'ses_b')).toHaveLength(3);
    await close({ dir: own.dir, journal, recordings });
    expect(await verify(own.dir)).toMatchObject({ ok: true, deletedRecordings: 1 });
  });

  test('a note that cannot be read makes the start look through everything', async () => {
    const own = await house();
    await record(own, 'ses_a');
    const before = copyOf(own.dir);
    await own.recordings.destroy('ses_a', deletion);
    await close(own);
    for (const kind of ['key', 'rec']) cpSync(fileOf(before, `ses_a.${kind}`), fileOf(own.dir, `ses_a.${kind}`));
    writeFileSync(join(own.dir, 'pending', noteOf('ses_a')), '{"after":');
    await close(await house(own.dir));
    expect(filesOf(own.dir)).toEqual(['ses_a.gone']);
  });
});

describe('a released recording', () => {
  test('comes back from the archive, is verified from copies, and can be deleted without being here', async () => {
    const own = await house();
    await record(own, 'ses_a');
    const copies = temporary();
    cpSync(fileOf(own.dir, 'ses_a.rec'), join(copies, 'ses_a.rec'));
    expect(await own.recordings.release('ses_a', 'archive')).toBe(true);
    expect(await own.recordings.release('ses_a', 'archive')).toBe(false);
    expect(filesOf(own.dir)).toEqual(['ses_a.gone', 'ses_a.key']);
    expect(await own.recordings.standing('ses_a')).toMatchObject({ state: 'released', store: 'archive' });
    await expect(read(own.recordings, 'ses_a')).rejects.toMatchObject({ code: 'recording.elsewhere' });
    const asked: string[] = [];
    const archive: RecordingArchive = {
      read: async (session, offset, length, store) => {
        asked.push(store);
        return readFileSync(join(copies, `${session}.rec`)).subarray(offset, offset + length);
      },
    };
    own.recordings.archive = archive;
    expect(await read(own.recordings, 'ses_a')).toEqual(Array.from({ length: 3 }, () => `ses_a: ${secret}`));
    expect(new Set(asked)).toEqual(new Set(['archive']));
    await own.journal.flush();
    expect(await verify(own.dir)).toMatchObject({ ok: true, releasedRecordings: 1 });
    expect(await verify(own.dir, [copies])).toMatchObject({ ok: true, releasedRecordings: 0 });
    const bytes = readFileSync(join(copies, 'ses_a.rec'));
    bytes[500]! ^= 1;
    writeFileSync(join(copies, 'ses_a.rec'), bytes);
    expect((await verify(own.dir, [copies])).problems).toMatchObject([{ code: 'recording-digest', session: 'ses_a' }]);
    expect(await own.recordings.destroy('ses_a', { ...deletion, bytes: bytes.length })).toBe(true);
    expect(filesOf(own.dir)).toEqual(['ses_a.gone']);
    await expect(read(own.recordings, 'ses_a')).rejects.toMatchObject({ code: 'recording.deleted' });
    await close(own);
    expect(existsSync(fileOf(own.dir, 'ses_a.key'))).toBe(false);
    expect(await verify(own.dir)).toMatchObject({ ok: true, deletedRecordings: 1, releasedRecordings: 0 });
  });
});
