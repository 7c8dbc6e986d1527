import { lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import type { Event, EventBody } from '../core/event.ts';
import { serialise } from './batch.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { cleanUp, ended, eventsOf, intent, keys, open, opened, segmentsOf, temporary, until } from './fixtures/kit.ts';
import * as limits from './limits.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);

describe('appending', () => {
  test('sequences are gap-free from 1 and come back in order, across batches, segments and openings', async () => {
    const dir = temporary();
    const clock = new FakeClock();
    let expected = 0;
    for (let opening = 0; opening < 3; opening++) {
      const journal = await open(dir, { clock, segmentBytes: 20_000, checkpointEvents: 100 });
      expect(journal.durableSequence).toBe(expected);
      for (let index = 0; index < 500; index++) {
        expect(journal.append(intent('ses_a', index))).toBe(++expected);
        if (index % 50 === 0) await journal.flush();
      }
      await journal.close();
    }
    const events = await eventsOf(dir);
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: expected }, (_, index) => index + 1));
    expect(events[0]).toEqual({ ...intent('ses_a', 0), seq: 1, at: clock.now() });
    expect(segmentsOf(dir).length).toBeGreaterThan(3);
    expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({
      ok: true,
      events: expected,
      uncovered: 0,
    });
  });

  test('afterDurable calls in order of sequence, at once where it is durable, and only then', async () => {
    const journal = await open(temporary());
    const seen: number[] = [];
    const sequences = Array.from({ length: 50 }, (_, index) => journal.append(intent('ses_a', index)));
    for (const sequence of [...sequences].reverse()) {
      journal.afterDurable(sequence, (error) => {
        expect(error).toBeNull();
        expect(journal.durableSequence).toBeGreaterThanOrEqual(sequence);
        seen.push(sequence);
      });
    }
    expect(seen).toEqual([]);
    await journal.flush();
    expect(seen).toEqual(sequences);
    let isAtOnce = false;
    journal.afterDurable(1, () => {
      isAtOnce = true;
    });
    expect(isAtOnce).toBe(true);
    await journal.close();
    expect(() => journal.append(intent('ses_a', 1))).toThrow(
      expect.objectContaining({ code: 'core.journal-unavailable' }),
    );
  });

  test('A-REC-02: newlines, JSON, escapes and lone surrogates come back as they were', async () => {
    const dir = temporary();
    const journal = await open(dir);
    const text = 'a\n"},{"seq":1}\u001b[2J\ud800\u0000\u2028\ufffd😀\udc00';
    journal.append(intent('ses_a', 1, text));
    await journal.close();
    expect(await eventsOf(dir)).toMatchObject([{ text }]);
  });

  test('an event at the limit is taken, one byte past it is refused, and the journal lives on', async () => {
    const dir = temporary();
    const journal = await open(dir);
    const at = Math.trunc(Date.now());
    const overhead = Buffer.byteLength(serialise(intent('ses_a', 1, ''), 1, at));
    const digits = String(limits.eventBytesMax).length - 1;
    const fits = 'x'.repeat(limits.eventBytesMax - overhead - digits);
    journal.append(intent('ses_a', 1, fits));
    await journal.flush();
    expect(() => journal.append(intent('ses_a', 1, `${fits}x`))).toThrow(
      expect.objectContaining({ code: 'recording.event-too-large' }),
    );
    expect(journal.append(intent('ses_a', 2))).toBe(2);
    await journal.close();
    expect((await verifyJournal({ dir, publicKey: keys.publicKey })).ok).toBe(true);
  });

  test('any order of an event’s keys is written with the type first', () => {
    expect(serialise({ session: 's', type: 'command.cancel', source: 'x' }, 7, 9)).toBe(
      '{"seq":7,"at":9,"type":"command.cancel","session":"s","source":"x"}',
    );
  });

  test('facts that cannot change are written once and said as often as they come; others are written each time', () => {
    const facts = { fingerprint: '0123456789abcdef', effects: ['read'], touches: [], complete: true };
    for (const given of [Object.freeze({ ...facts }), { ...facts }]) {
      for (let command = 1; command <= 3; command++) {
        const event = { ...(intent('ses_a', command) as object), facts: given } as unknown as EventBody;
        const text = serialise(event, command, 9);
        expect(
          text.startsWith(`{"seq":${command},"at":9,"type":"command.intent","session":"ses_a","command":${command}`),
        ).toBe(true);
        expect(JSON.parse(text)).toEqual({ seq: command, at: 9, ...event });
      }
    }
    const changing = { ...facts };
    const event = { ...(intent('ses_a', 1) as object), facts: changing } as unknown as EventBody;
    serialise(event, 1, 9);
    changing.fingerprint = 'fedcba9876543210';
    expect(serialise(event, 1, 9)).toContain('fedcba9876543210');
  });
});

describe('checkpoints', () => {
  test('come by number of events, by time while there is something new, on request and at the end', async () => {
    const dir = temporary();
    const clock = new FakeClock();
    const texts: string[] = [];
    const journal = await open(dir, {
      clock,
      checkpointEvents: 10,
      checkpointIntervalMs: 5000,
      onCheckpoint: (text) => texts.push(text),
    });
    const sizes = (): number[] => texts.map((text) => parseCheckpoint(text).size);
    expect(await journal.checkpoint()).toBeNull();
    for (let index = 0; index < 10; index++) {
      journal.append(intent('ses_a', index));
      await journal.flush();
    }
    await until(() => texts.length === 1);
    clock.advance(60_000);
    journal.append(intent('ses_a', 11));
    await journal.flush();
    clock.advance(5000);
    await until(() => texts.length === 2);
    clock.advance(60_000);
    journal.append(intent('ses_a', 12));
    expect(parseCheckpoint((await journal.checkpoint()) ?? '').size).toBe(12);
    expect(sizes()).toEqual([10, 11, 12]);
    await journal.close();
    expect(sizes()).toEqual([10, 11, 12, 12]);
    expect(await verifyJournal({ dir, publicKey: keys.publicKey, checkpoint: texts[1]! })).toMatchObject({
      ok: true,
      checkpoints: 4,
    });
  });
});

describe('subscriptions', () => {
  test('deliver what is durable once, in order, from the past into the present, across segments', async () => {
    const dir = temporary();
    const journal = await open(dir, { segmentBytes: 10_000 });
    for (let index = 0; index < 300; index++) journal.append(intent('ses_a', index));
    await journal.flush();
    const seen: Event[] = [];
    const subscription = journal.subscribe(101, async (events) => {
      for (const event of events) expect(event.seq).toBeLessThanOrEqual(journal.durableSequence);
      seen.push(...events);
      await new Promise((resolve) => setImmediate(resolve));
    });
    for (let index = 0; index < 300; index++) {
      journal.append(intent('ses_a', index));
      if (index % 7 === 0) await journal.flush();
    }
    await journal.flush();
    await until(() => seen.length === 500);
    expect(seen.map((event) => event.seq)).toEqual(Array.from({ length: 500 }, (_, index) => index + 101));
    subscription.close();
    await subscription.ended;
    const failing = journal.subscribe(1, () => {
      throw new Error('handler');
    });
    await expect(failing.ended).rejects.toThrow('handler');
    await journal.close();
  });

  test('of some types pass over the rest, and stand behind everything that is durable', async () => {
    const dir = temporary();
    const journal = await open(dir, { segmentBytes: 10_000 });
    const seen: Event[] = [];
    const subscription = journal.subscribe(1, (events) => void seen.push(...events), [
      'session.opened',
      'session.ended',
    ]);
    for (let round = 0; round < 20; round++) {
      journal.append(opened(`ses_${round}`));
      for (let index = 0; index < 50; index++) journal.append(intent(`ses_${round}`, index));
      journal.append(ended(`ses_${round}`));
      if (round % 3 === 0) await journal.flush();
    }
    journal.append(intent('ses_later', 1));
    await journal.flush();
    await until(() => subscription.next === journal.durableSequence + 1);
    expect(seen.map(({ type }) => type)).toEqual(
      Array.from({ length: 20 }, () => ['session.opened', 'session.ended']).flat(),
    );
    subscription.close();
    await subscription.ended;
    await journal.close();
  });
});

describe('starting', () => {
  test('sessions that were open are closed as interrupted, their commands as unfinished', async () => {
    const dir = temporary();
    const first = await open(dir, { segmentBytes: 2000 });
    first.append(opened('ses_done'));
    first.append(ended('ses_done'));
    first.append(opened('ses_open'));
    first.append(intent('ses_open', 1));
    const reordered: unknown = { session: 'ses_open', command: 2, ...intent('ses_open', 2) };
    first.append(reordered as EventBody);
    first.append({
      type: 'command.ended',
      session: 'ses_open',
      command: 1,
      outcome: 'completed',
      tag: null,
      error: null,
      rows: 0,
      bytes: 0,
      durationMs: 1,
    });
    // Far more than a segment, so that the open session is known from the state frame only.
    for (let index = 0; index < 200; index++) {
      first.append({ type: 'command.cancel', session: 'ses_x', source: 'somewhere' });
      if (index % 20 === 0) await first.flush();
    }
    await first.close();
    expect(segmentsOf(dir).length).toBeGreaterThan(2);
    const second = await open(dir);
    expect(second.recovery).toMatchObject({ interrupted: ['ses_open'], cutBytes: 0, isClean: true });
    await second.close();
    expect((await eventsOf(dir)).slice(-3)).toMatchObject([
      { type: 'command.ended', session: 'ses_open', command: 2, outcome: 'unfinished' },
      { type: 'session.ended', session: 'ses_open', reason: 'interrupted', commands: 2 },
      { type: 'journal.recovered', cutBytes: 0, interrupted: 1 },
    ]);
    const third = await open(dir);
    expect(third.recovery.interrupted).toEqual([]);
    await third.close();
    expect((await verifyJournal({ dir, publicKey: keys.publicKey })).ok).toBe(true);
  });

  test('A-REC-03: files are 0600, directories 0700, a linked directory or one others may write to is refused', async () => {
    const dir = temporary();
    const journal = await open(dir);
    journal.append(opened('ses_a'));
    await journal.close();
    expect(lstatSync(join(dir, 'journal')).mode & 0o777).toBe(0o700);
    for (const path of segmentsOf(dir)) expect(lstatSync(path).mode & 0o777).toBe(0o600);
    const linked = temporary();
    symlinkSync(join(dir, 'journal'), join(linked, 'journal'));
    await expect(open(linked)).rejects.toMatchObject({ code: 'recording.unsafe-directory' });
    const loose = temporary();
    mkdirSync(join(loose, 'journal'));
    const { chmodSync } = await import('node:fs');
    chmodSync(join(loose, 'journal'), 0o777);
    await expect(open(loose)).rejects.toMatchObject({ code: 'recording.unsafe-directory' });
  });
});
