import { describe, expect, it } from 'vitest';
import type { Event } from '../../core/event.ts';
import * as limits from './limits.ts';
import { pauseFor } from './pause.ts';
import { atBeginning, atOf, closed, ended, engineer, FakeTarget, intent, opened, runnerOf, settle } from './testing.ts';

/** Sessions that overlap, thousands of events: as a day has them. */
function aDay(count: number): Event[] {
  const events: Event[] = [];
  const sessions = 7;
  for (let session = 0; session < sessions; session++) events.push(opened(events.length + 1, `ses_${session}`));
  while (events.length < count) {
    const seq = events.length + 1;
    const session = `ses_${seq % sessions}`;
    events.push(intent(seq, `select ${seq}`, session, seq), ended(seq + 1, seq, session));
  }
  return events;
}

const sequences = (target: FakeTarget): number[] => target.taken.map(({ sequence }) => sequence);

describe('a sink that works', () => {
  it('hands events on in order, in batches of the limit and one past it, and notes each', async () => {
    const target = new FakeTarget(10);
    const { runner, saved } = runnerOf(target);
    await runner.take([opened(1), ...Array.from({ length: 10 }, (_, at) => intent(at + 2, 'select 1'))]);
    expect(target.batches).toEqual([10, 1]);
    expect(sequences(target)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(saved.map(({ sequence, sent }) => [sequence, sent])).toEqual([
      [10, 10],
      [11, 11],
    ]);
  });

  it('joins each with its session, and ends a session’s lines with its end', async () => {
    const target = new FakeTarget();
    const { runner } = runnerOf(target);
    await runner.take([opened(1), intent(2, 'select 1', 'ses_1', 1), ended(3, 1), closed(4)]);
    for (const { document } of target.taken) expect(document).toMatchObject({ resource: { name: 'orders' } });
    expect(target.taken[2]!.document).toMatchObject({ command: { text: 'select 1' } });
  });

  it('notes now and then how far it came where nothing is to be sent', async () => {
    const target = new FakeTarget();
    const { runner, saved, clock } = runnerOf(target, { spec: { events: ['alert.raised'] } });
    await runner.passed(5);
    await runner.passed(6);
    expect(saved.map(({ sequence }) => sequence)).toEqual([5]);
    clock.advance(limits.standingIntervalMs);
    await runner.passed(7);
    await runner.passed(3);
    expect(saved.map(({ sequence }) => sequence)).toEqual([5, 7]);
    expect(runner.progress).toMatchObject({ sequence: 7, sent: 0 });
  });
});

describe('a target that is down', () => {
  it('loses nothing in a day of it: thousands of events arrive afterwards, once and in order', async () => {
    const target = new FakeTarget();
    target.down = 'cannot connect: ECONNREFUSED';
    const { runner, clock, saved, journaled } = runnerOf(target);
    const events = aDay(5_000);
    let position = 0;
    // As the journal's subscription does: the next events only once the ones before were handed on.
    const reading = (async () => {
      for (; position < events.length; position += 250) await runner.take(events.slice(position, position + 250));
    })();
    for (let hour = 0; hour < 24; hour++) {
      for (let minute = 0; minute < 60; minute++) {
        clock.advance(60_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    // Back-pressure: nothing was read beyond the batch that waits, and it was not tried more than once a minute or so.
    expect(position).toBe(0);
    expect(target.attempts).toBeLessThan(24 * 60 + 20);
    expect(runner.progress).toMatchObject({ standing: 'failing', sequence: 0, oldestAtMs: atOf(1) });
    target.down = null;
    clock.advance(limits.retryMaxMs);
    await reading;
    expect(sequences(target)).toEqual(events.map(({ seq }) => seq));
    expect(runner.progress).toMatchObject({ standing: 'working', sequence: events.at(-1)!.seq, problem: '' });
    expect(saved.at(-1)).toMatchObject({ standing: 'working', sent: events.length });
    expect(journaled.map((event) => event.type === 'sink.changed' && event.standing)).toEqual(['failing', 'working']);
  });

  it('says nothing of a short failure, and tries at once when told to', async () => {
    const target = new FakeTarget();
    target.down = 'no';
    const { runner, clock, journaled } = runnerOf(target);
    const taking = runner.take([opened(1)]);
    await settle();
    clock.advance(limits.retryMinMs);
    await settle();
    expect(target.attempts).toBe(2);
    target.down = null;
    runner.hurry();
    await taking;
    expect(sequences(target)).toEqual([1]);
    expect(journaled).toEqual([]);
  });

  it('repeats what was sent and not noted, and no more: at least once', async () => {
    const target = new FakeTarget(2);
    const { runner, saved } = runnerOf(target);
    await runner.take([opened(1), intent(2, 'select 1')]);
    target.forgets = true;
    const taking = runner.take([intent(3, 'select 2'), intent(4, 'select 3')]);
    await settle();
    // Killed here: the next process goes on from what was noted.
    await runner.close();
    await taking;
    target.forgets = false;
    expect(saved.at(-1)).toMatchObject({ sequence: 2 });
    const next = runnerOf(target, { progress: saved.at(-1)! });
    await next.runner.take([intent(3, 'select 2'), intent(4, 'select 3'), closed(5)]);
    expect(sequences(target)).toEqual([1, 2, 3, 4, 3, 4, 5]);
  });

  it('is given up on after a deadline, and tried again', async () => {
    const target = new FakeTarget();
    let open: () => void = () => {};
    target.gate = new Promise((resolve) => {
      open = resolve;
    });
    const { runner, clock } = runnerOf(target);
    const taking = runner.take([opened(1)]);
    await settle();
    clock.advance(limits.sendDeadlineMs);
    await settle();
    expect(runner.progress.standing).toBe('failing');
    target.gate = null;
    open();
    clock.advance(limits.retryMaxMs);
    await taking;
    expect(runner.progress).toMatchObject({ standing: 'working', sequence: 1 });
  });

  it('waits longer each time, up to the limit, and never in step', () => {
    expect(pauseFor(1, 1)).toBe(limits.retryMinMs);
    expect(pauseFor(1, 0)).toBe(limits.retryMinMs / 2);
    expect(pauseFor(2, 1)).toBe(limits.retryMinMs * 2);
    expect(pauseFor(7, 1)).toBe(32_000);
    expect(pauseFor(8, 1)).toBe(limits.retryMaxMs);
    expect(pauseFor(10_000, 0)).toBe(limits.retryMaxMs / 2);
  });
});

describe('what a target refuses for good', () => {
  it('becomes a dead letter, and what follows goes on', async () => {
    const target = new FakeTarget();
    target.refuses = ({ sequence }) => (sequence === 2 ? 'it answered 413' : null);
    const { runner, letters, journaled } = runnerOf(target);
    await runner.take([opened(1), intent(2, 'select 1'), closed(3)]);
    expect(sequences(target)).toEqual([1, 3]);
    expect(letters).toEqual([
      { sequence: 2, type: 'command.intent', why: 'it answered 413', eventAtMs: atOf(2), atMs: expect.any(Number) },
    ]);
    expect(journaled).toEqual([
      expect.objectContaining({
        standing: 'dead-lettered',
        sequences: [2],
        problem: 'it answered 413',
        principal: null,
      }),
    ]);
    expect(runner.progress).toMatchObject({ sequence: 3, sent: 2 });
  });

  it('is taken when it is sent again', async () => {
    const target = new FakeTarget();
    target.refuses = () => 'no';
    const { runner } = runnerOf(target);
    const activity = { event: intent(2, 'select 1'), opened: null, command: null };
    expect(await runner.sendOne(activity)).toEqual({ outcome: 'refused', why: 'no' });
    target.refuses = () => null;
    expect(await runner.sendOne(activity)).toEqual({ outcome: 'taken', why: '' });
    target.down = 'gone';
    expect(await runner.sendOne(activity)).toEqual({ outcome: 'failed', why: 'gone' });
  });

  it('makes the sink wait where the list is full, and loses nothing', async () => {
    const target = new FakeTarget();
    target.refuses = ({ sequence }) => (sequence === 2 ? 'no' : null);
    const test = runnerOf(target);
    test.room = 0;
    const taking = test.runner.take([opened(1), intent(2, 'select 1'), closed(3)]);
    await settle();
    expect(test.runner.progress).toMatchObject({ standing: 'blocked', sequence: 0 });
    expect(test.journaled).toEqual([expect.objectContaining({ standing: 'failing' })]);
    test.room = 1;
    test.clock.advance(limits.retryMaxMs);
    await taking;
    // What the target had taken is not sent again for it.
    expect(target.attempts).toBe(1);
    expect(test.letters.map(({ sequence }) => sequence)).toEqual([2]);
    expect(test.runner.progress).toMatchObject({ standing: 'working', sequence: 3 });
  });

  it('waits for the store in the same way', async () => {
    const target = new FakeTarget();
    target.refuses = () => 'no';
    const test = runnerOf(target);
    test.room = null;
    const taking = test.runner.take([opened(1)]);
    await settle();
    expect(test.runner.progress).toMatchObject({ standing: 'failing', problem: expect.stringContaining('store') });
    test.room = 10;
    test.runner.hurry();
    await taking;
    expect(test.letters).toHaveLength(1);
  });

  it('does not keep itself going: a refused sink.changed makes no further event', async () => {
    const target = new FakeTarget();
    target.refuses = () => 'no';
    const { runner, journaled, letters } = runnerOf(target);
    const told = {
      type: 'sink.changed',
      sink: 'siem',
      standing: 'dead-lettered',
      sequences: [1],
      problem: 'no',
    } as const;
    await runner.take([{ ...told, principal: engineer, seq: 1, at: atOf(1) }]);
    expect(letters).toHaveLength(1);
    expect(journaled).toEqual([]);
  });
});

describe('what a sink selects', () => {
  const sent = async (spec: Parameters<typeof runnerOf>[1], events: readonly Event[]): Promise<number[]> => {
    const target = new FakeTarget();
    await runnerOf(target, spec).runner.take(events);
    return sequences(target);
  };
  const session = [opened(1), intent(2, 'select 1', 'ses_1', 1), ended(3, 1), closed(4)];
  const chunk: Event = {
    type: 'recording.chunk',
    seq: 5,
    at: 5,
    session: 'ses_1',
    chunk: 1,
    offset: 0,
    bytes: 1,
    digest: '',
  };

  it('is everything but pieces of recordings, unless they are named', async () => {
    expect(await sent({}, [...session, chunk])).toEqual([1, 2, 3, 4]);
    expect(await sent({ spec: { events: ['*'] } }, [...session, chunk])).toEqual([1, 2, 3, 4]);
    expect(await sent({ spec: { events: ['recording.chunk'] } }, [...session, chunk])).toEqual([5]);
  });

  it('goes by type, by principal and by resource', async () => {
    expect(await sent({ spec: { events: ['command.*'] } }, session)).toEqual([2, 3]);
    expect(await sent({ spec: { match: { resources: { labels: { env: 'prod' } } } } }, session)).toEqual([1, 2, 3, 4]);
    expect(await sent({ spec: { match: { resources: { labels: { env: 'test' } } } } }, session)).toEqual([]);
    expect(await sent({ spec: { match: { principals: { groups: ['dba'] } } } }, session)).toEqual([]);
    // What names neither is handed on all the same.
    const started: Event = { type: 'gateway.started', version: '1', seq: 6, at: 6 };
    expect(await sent({ spec: { match: { principals: { groups: ['dba'] } } } }, [started])).toEqual([6]);
  });

  it('is alerts for people, and of those the severe ones', async () => {
    const alert = (seq: number, severity: 'low' | 'high'): Event => ({
      ...{ type: 'alert.raised', rule: 'bulk', reason: 'much', session: null, command: null, principal: null },
      ...{
        resource: null,
        seq,
        at: seq,
        alert: { id: `al_${seq}`, detection: 'bulk', severity, evidence: [], facts: {} },
      },
    });
    const spec = { to: { slack: { url: { env: 'X' } } }, severityMin: 'medium' } as const;
    expect(await sent({ spec }, [opened(1), alert(2, 'low'), alert(3, 'high')])).toEqual([3]);
  });

  it('begins where it is told to', () => {
    expect(runnerOf(new FakeTarget(), { progress: { ...atBeginning, sequence: 41 } }).runner.progress.sequence).toBe(
      41,
    );
  });
});
