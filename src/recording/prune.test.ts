/** Pruning: events are given up, every proof is kept, and readers pass over what is gone. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import type { Event } from '../core/event.ts';
import { prunedUpTo, sequenceBefore } from './ages.ts';
import {
  actor,
  cleanUp,
  copyOf,
  ended,
  eventsOf,
  intent,
  keys,
  open,
  opened,
  temporary,
  testKeys,
  until,
} from './fixtures/kit.ts';
import { finishPruning } from './prune.ts';
import { readEvents } from './reader.ts';
import { openRecordings } from './recordings.ts';
import { journalNote, writeNote } from './removal.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);

const options = { segmentBytes: 3000, checkpointEvents: 10 };
const by = { principal: actor, rule: 'a year' };
type Journal = Awaited<ReturnType<typeof open>>;

/** Some sessions with commands and recordings, in several segments. */
async function write(journal: Journal, ...sessions: string[]): Promise<void> {
  const recordings = openRecordings({ journal, keys: testKeys });
  for (const session of sessions) {
    journal.append(opened(session));
    const recording = recordings.open(session, 0);
    for (let command = 1; command <= 15; command++) {
      journal.append(intent(session, command, `select '${session}, which nobody may know of any more'`));
      if (command % 5 > 0) continue;
      recording.append({ type: 'data', command, direction: 'out', data: Buffer.alloc(100, command) });
      recording.handOver();
      await journal.flush();
    }
    await recording.close();
    journal.append(ended(session));
    await journal.flush();
  }
  await recordings.close();
}

const verify = (dir: string, ...checkpoints: (string | null)[]) =>
  verifyJournal({
    dir,
    publicKey: keys.publicKey,
    witnesses: checkpoints.map((text, index) => ({ name: `witness ${index + 1}`, text: text ?? '' })),
  });

const namesOf = (dir: string): string[] => readdirSync(join(dir, 'journal')).sort();
const contentOf = (dir: string): string =>
  namesOf(dir)
    .map((name) => readFileSync(join(dir, 'journal', name), 'latin1'))
    .join('');

test('events of whole segments go, their digests and all proofs stay, and what went on goes on', async () => {
  const dir = temporary();
  const journal = await open(dir, options);
  await write(journal, 'ses_a');
  const early = await journal.checkpoint();
  await write(journal, 'ses_b', 'ses_c');
  const late = await journal.checkpoint();
  const before = await verify(dir, early, late);
  const all = await eventsOf(dir);
  const upTo = all.findLast((event) => 'session' in event && event.session === 'ses_b')!.seq;
  const segments = namesOf(dir);
  const bytes = segments.map((name) => statSync(join(dir, 'journal', name)).size).reduce((sum, size) => sum + size, 0);
  const pruned = (await journal.prune(upTo, by))!;
  expect(pruned.from).toBe(1);
  expect(pruned.to).toBeLessThanOrEqual(upTo);
  expect(pruned.freedBytes).toBeGreaterThan(bytes / 4);
  expect(contentOf(dir)).not.toContain('ses_a, which nobody may know');
  expect(contentOf(dir)).toContain('ses_c, which nobody may know');
  expect(namesOf(dir).filter((name) => name.endsWith('.pruned')).length).toBeGreaterThan(3);
  expect(readdirSync(join(dir, 'pending'))).toEqual([]);
  const after = await verify(dir, early, late, journal.lastCheckpoint);
  expect(after).toMatchObject({ ok: true, recordings: 3, chunks: before.chunks });
  expect(after.checkpoints).toBeGreaterThan(before.checkpoints);
  expect(after.prunedEvents).toBeGreaterThan(20);
  expect(after.witnesses.map(({ standing }) => standing)).toEqual(['consistent', 'consistent', 'consistent']);
  // Again: nothing is left to give up, and no event says that anything was.
  expect(await journal.prune(upTo, by)).toBeNull();
  await write(journal, 'ses_d');
  const further = (await journal.prune(journal.durableSequence, by))!;
  expect(further.from).toBe(pruned.to + 1);
  await journal.close();
  const again = await open(dir, options);
  expect(again.recovery).toMatchObject({ isClean: true });
  await write(again, 'ses_e');
  await again.close();
  expect(await verify(dir, early, late, again.lastCheckpoint)).toMatchObject({ ok: true, recordings: 5 });
});

test('readers and subscribers from the beginning pass over what is gone, keep what proves the rest, and say so', async () => {
  const dir = temporary();
  const journal = await open(dir, options);
  await write(journal, 'ses_a', 'ses_b');
  const all = await eventsOf(dir);
  const { to } = (await journal.prune(journal.durableSequence, by))!;
  const isKept = ({ seq, type }: Event): boolean => seq > to || type.startsWith('recording.');
  let told = 0;
  const left: Event[] = [];
  for await (const event of readEvents(dir, { onPruned: (events) => (told = events) })) left.push(event);
  expect(left.slice(0, -1)).toEqual(all.filter(isKept));
  expect(left.at(-1)).toMatchObject({ type: 'journal.pruned', from: 1, to, principal: actor, rule: 'a year' });
  expect(told).toBe(all.length + 1 - left.length);
  const taken: Event[] = [];
  const subscription = journal.subscribe(1, (events) => void taken.push(...events));
  await until(() => subscription.next > journal.durableSequence);
  expect(taken).toEqual(left);
  expect(subscription.pruned).toBe(told);
  const intents: Event[] = [];
  const few = journal.subscribe(5, (events) => void intents.push(...events), ['command.intent']);
  await until(() => few.next > journal.durableSequence);
  expect(intents).toEqual(left.filter(({ type }) => type === 'command.intent'));
  await journal.close();
});

test('a session that is open is never pruned past: refused with its first event, allowed one before it', async () => {
  const dir = temporary();
  const journal = await open(dir, options);
  await write(journal, 'ses_a');
  const first = journal.append(opened('ses_open'));
  await write(journal, 'ses_b');
  await expect(journal.prune(first, by)).rejects.toMatchObject({
    code: 'recording.prune-open',
    publicMessage: expect.stringContaining('ses_open'),
  });
  expect((await eventsOf(dir)).some(({ type }) => type === 'journal.pruned')).toBe(false);
  expect((await journal.prune(first - 1, by))!.to).toBeLessThan(first);
  // Its first event is known across segments and openings of the journal.
  await journal.close();
  const again = await open(dir, options);
  expect(again.recovery.interrupted).toEqual(['ses_open']);
  expect((await again.prune(again.durableSequence, by))!.to).toBeGreaterThan(first);
  await again.close();
  expect(await verify(dir, journal.lastCheckpoint, again.lastCheckpoint)).toMatchObject({ ok: true });
});

test('what is not proven is evidence: a damaged segment is not pruned, nor is any with it', async () => {
  const dir = temporary();
  const journal = await open(dir, options);
  await write(journal, 'ses_a', 'ses_b');
  const path = join(dir, 'journal', namesOf(dir)[1]!);
  const bytes = readFileSync(path);
  const changed = Buffer.from(bytes);
  changed[bytes.indexOf('nobody')]! ^= 1;
  writeFileSync(path, changed);
  await expect(journal.prune(journal.durableSequence, by)).rejects.toMatchObject({ code: 'recording.journal-damaged' });
  expect(namesOf(dir).filter((name) => name.endsWith('.pruned'))).toEqual([]);
  writeFileSync(path, bytes);
  expect((await eventsOf(dir)).some(({ type }) => type === 'journal.pruned')).toBe(false);
  expect(await journal.prune(journal.durableSequence, by)).not.toBeNull();
  await journal.close();
});

test('how far it was pruned, and how far the clock allows', async () => {
  const clock = new FakeClock();
  const dir = temporary();
  const journal = await open(dir, { ...options, clock });
  expect([prunedUpTo(dir), await sequenceBefore(dir, clock.now() + 1)]).toEqual([0, 0]);
  const begun: [atMs: number, lastBefore: number][] = [];
  for (let day = 1; day <= 4; day++) {
    begun.push([clock.now(), journal.durableSequence]);
    for (let command = 1; command <= 60; command++) {
      journal.append(intent('ses_a', command));
      if (command % 5 === 0) await journal.flush();
    }
    clock.advance(1000);
  }
  for (const [atMs, lastBefore] of begun) {
    const allowed = await sequenceBefore(dir, atMs);
    expect(allowed).toBeLessThanOrEqual(lastBefore);
    expect(lastBefore - allowed).toBeLessThan(20);
  }
  const [atMs] = begun[2]!;
  const to = await sequenceBefore(dir, atMs);
  expect(to).toBeGreaterThan(60);
  expect(await journal.prune(to, by)).toMatchObject({ from: 1, to });
  expect(prunedUpTo(dir)).toBe(to);
  await journal.close();
});

describe('cut off', () => {
  /** A pruned journal, how it lay before, and the last sequence then. */
  async function cutOff() {
    const dir = temporary();
    const journal = await open(dir, options);
    await write(journal, 'ses_a', 'ses_b');
    const note = journal.durableSequence;
    const before = copyOf(dir);
    const { to } = (await journal.prune(note, by))!;
    await journal.close();
    const pruned = namesOf(dir).filter((name) => name.endsWith('.pruned'));
    const restore = (name: string): void => {
      const whole = name.replace('.pruned', '.seg');
      cpSync(join(before, 'journal', whole), join(dir, 'journal', whole));
    };
    return { dir, note, pruned, restore, to, checkpoint: journal.lastCheckpoint };
  }

  test('before the event: nothing was touched, and nothing is', async () => {
    const dir = temporary();
    const journal = await open(dir, options);
    await write(journal, 'ses_a');
    await writeNote(dir, journalNote, journal.durableSequence);
    await journal.close();
    const names = namesOf(dir);
    await (await open(dir, options)).close();
    expect(namesOf(dir)).toEqual(names);
    expect(readdirSync(join(dir, 'pending'))).toEqual([]);
  });

  test.each(['after the event', 'between two segments', 'between a pruned file and the removal of the other'])(
    '%s: the next start finishes it',
    async (when) => {
      const { dir, note, pruned, restore, checkpoint } = await cutOff();
      const isAfterEvent = when === 'after the event';
      for (const name of isAfterEvent ? pruned : pruned.slice(2)) {
        restore(name);
        if (when !== 'between a pruned file and the removal of the other') rmSync(join(dir, 'journal', name));
      }
      await writeNote(dir, journalNote, note);
      writeFileSync(join(dir, 'pending', '0123456789abcdef.part'), 'half of a pruned file');
      expect(await verify(dir, checkpoint)).toMatchObject({ ok: true });
      const again = await open(dir, options);
      await until(() => !existsSync(join(dir, 'pending', journalNote)));
      await again.close();
      expect(namesOf(dir).filter((name) => name.endsWith('.pruned'))).toEqual(pruned);
      expect(readdirSync(join(dir, 'pending'))).toEqual([]);
      expect(await verify(dir, checkpoint)).toMatchObject({ ok: true });
    },
  );

  test('A-REC-01: given up without the event, and kept in spite of it, are problems', async () => {
    const { dir, pruned, restore, checkpoint } = await cutOff();
    const whole = copyOf(dir);
    for (const name of pruned) {
      restore(name);
      cpSync(
        join(dir, 'journal', name.replace('.pruned', '.seg')),
        join(whole, 'journal', name.replace('.pruned', '.seg')),
      );
    }
    const still = await verify(dir, checkpoint);
    expect(still.problems).toHaveLength(pruned.length);
    expect(still.problems[0]).toMatchObject({ code: 'pruned', sequence: 1 });
    // A journal that was never pruned, with the segments of the pruned one in their place.
    const journal = await open(temporary(), options);
    await write(journal, 'ses_a', 'ses_b');
    await journal.close();
    expect(await verify(journal.dir)).toMatchObject({ ok: true });
    const first = await finishPruning(journal.dir, { from: 1, to: journal.durableSequence });
    expect(first).toBeGreaterThan(0);
    expect((await verify(journal.dir)).problems[0]).toMatchObject({ code: 'pruned', sequence: 1 });
  });
});

test('what does not fit one frame of digests is kept in several, each confirmed by what follows it', async () => {
  const dir = temporary();
  const journal = await open(dir, { ...options, checkpointEvents: 1000, segmentBytes: 20_000 });
  await write(journal, 'ses_a', 'ses_b', 'ses_c', 'ses_d');
  const before = copyOf(dir);
  const range = (await journal.prune(journal.durableSequence, by))!;
  await journal.close();
  for (const name of namesOf(dir).filter((one) => one.endsWith('.pruned'))) {
    rmSync(join(dir, 'journal', name));
    const whole = name.replace('.pruned', '.seg');
    cpSync(join(before, 'journal', whole), join(dir, 'journal', whole));
  }
  await finishPruning(dir, range, 500);
  expect(await verify(dir, journal.lastCheckpoint)).toMatchObject({ ok: true });
  const path = join(dir, 'journal', namesOf(dir)[0]!);
  const bytes = readFileSync(path);
  const frames: number[] = [];
  for (let at = bytes.indexOf('SPFR'); at !== -1; at = bytes.indexOf('SPFR', at + 1)) {
    if (bytes[at + 4] === 4) frames.push(at);
  }
  expect(frames.length).toBeGreaterThan(3);
  // The chain value before a second frame of digests confirms nothing, so it must be none.
  bytes[frames[1]! - 1]! ^= 1;
  writeFileSync(path, bytes);
  expect((await verify(dir)).problems[0]).toMatchObject({ code: 'frame', file: namesOf(dir)[0] });
});
