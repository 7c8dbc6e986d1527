/** The indexer by itself: batches, the cursor, a store that does not answer. What becomes of events is told in gateway/history.test.ts. */
import { expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Event } from '../core/event.ts';
import type { HistoryBatch } from '../core/history.ts';
import { HistoryIndexer } from './history-indexer.ts';
import {
  historyBatchEntries,
  historyDelayMs,
  historyLateMs,
  historyLateRest,
  historyRetryMsMax,
  retryDelayMs,
} from './limits.ts';

const refusal = (seq: number): Event => ({
  seq,
  at: seq * 10,
  type: 'identity.refused',
  connection: 'c',
  source: 's',
  login: `login-${seq}`,
  code: 'x',
});

interface Kit {
  readonly clock: FakeClock;
  readonly indexer: HistoryIndexer;
  readonly batches: HistoryBatch[];
  fails: boolean;
  tries: number;
  /** What writing a batch takes. */
  writingMs: number;
  restShare: number;
  /** How often it said that it got on. */
  progress: number;
}

function kit(): Kit {
  const clock = new FakeClock();
  const made: Omit<Kit, 'indexer'> = {
    clock,
    batches: [],
    fails: false,
    tries: 0,
    writingMs: 0,
    restShare: 0,
    progress: 0,
  };
  const indexer = new HistoryIndexer({
    gateway: 'gw',
    store: {
      async write(batch) {
        made.tries++;
        if (made.fails) throw new Error('down');
        if (made.writingMs > 0) clock.advance(made.writingMs);
        made.batches.push(batch);
      },
      reviewRequest: async () => null,
      maintain: async () => undefined,
    },
    lookups: { opened: async () => null, command: async () => null },
    screens: async () => [],
    clock,
    log: silentLog,
    restShare: () => made.restShare,
    onProgress: () => void made.progress++,
  });
  return Object.assign(made, { indexer });
}

/** Lets what is due happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it('writes what waits a little later, in one batch, and moves the cursor with it', async () => {
  const { clock, indexer, batches } = kit();
  await indexer.take([refusal(1), refusal(2)]);
  await indexer.take([refusal(5)]);
  expect(batches).toEqual([]);
  expect(indexer.pending).toMatchObject({ seq: 1 });
  clock.advance(historyDelayMs);
  await settle();
  expect(batches.map(({ entries, upToSequence, atMs }) => [entries.length, upToSequence, atMs])).toEqual([[3, 5, 50]]);
  expect(indexer.pending).toBeNull();
  await indexer.stop();
});

it('writes full batches at once, and never more than one at a time', async () => {
  const { clock, indexer, batches } = kit();
  const taking = indexer.take(Array.from({ length: historyBatchEntries * 2 + 1 }, (_, at) => refusal(at + 1)));
  for (let turn = 0; turn < 10; turn++) {
    await settle();
    clock.advance(historyDelayMs);
  }
  await taking;
  await settle();
  expect(batches.map(({ entries, upToSequence }) => [entries.length, upToSequence])).toEqual([
    [historyBatchEntries, historyBatchEntries],
    [historyBatchEntries, historyBatchEntries * 2],
    [1, historyBatchEntries * 2 + 1],
  ]);
  await indexer.stop();
});

it('tries again, later and later, what the store does not take, and loses nothing', async () => {
  const made = kit();
  const { clock, indexer, batches } = made;
  made.fails = true;
  await indexer.take([refusal(1)]);
  clock.advance(historyDelayMs);
  await settle();
  expect(made.tries).toBe(1);
  expect(indexer.problem).toBe('down');
  expect(indexer.pending).toMatchObject({ seq: 1 });
  for (let delayMs = retryDelayMs, tries = 2; tries < 9; tries++, delayMs = Math.min(delayMs * 2, historyRetryMsMax)) {
    clock.advance(delayMs - 1);
    await settle();
    expect(made.tries).toBe(tries - 1);
    clock.advance(1);
    await settle();
    expect(made.tries).toBe(tries);
  }
  made.fails = false;
  clock.advance(historyRetryMsMax);
  await settle();
  expect(batches.map(({ upToSequence }) => upToSequence)).toEqual([1]);
  expect(indexer.problem).toBeNull();
  await indexer.stop();
});

it('stops at once although the store does not answer; what was not written stays what waits', async () => {
  const made = kit();
  made.fails = true;
  await made.indexer.take([refusal(1)]);
  made.clock.advance(historyDelayMs);
  await settle();
  await made.indexer.stop();
  expect(made.indexer.pending).toMatchObject({ seq: 1 });
  expect(made.batches).toEqual([]);
});

it('rests after a batch as it is told, and less where it is late; says each time that it got on', async () => {
  for (const [isLate, restMs] of [
    [false, 200],
    [true, 200 * historyLateRest],
  ] as const) {
    const made = kit();
    const { clock, indexer, batches } = made;
    made.writingMs = 100;
    made.restShare = 2;
    const at = clock.now() - (isLate ? historyLateMs : 0);
    await indexer.take([{ ...refusal(1), at }]);
    clock.advance(historyDelayMs);
    await settle();
    expect(batches).toHaveLength(1);
    expect(made.progress).toBe(1);
    expect(indexer.pending).toBeNull();
    await indexer.take([{ ...refusal(2), at }]);
    const next = indexer.flush();
    await settle();
    clock.advance(restMs - 1);
    await settle();
    expect(batches).toHaveLength(1);
    clock.advance(1);
    await settle();
    expect(batches).toHaveLength(2);
    await indexer.stop();
    await next;
  }
});
