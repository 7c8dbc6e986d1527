/** What every engine must do for sinks: part of `store.contract.ts`, which runs it. */
import { describe, expect, it } from 'vitest';
import type { SinkStanding, Store, StoredDeadLetter } from './index.ts';
import { codeOf } from './store.contract.ts';

let serial = 0;
const unique = (): string => `sink-${String(++serial).padStart(4, '0')}`;

function standing(sink: string, change: Partial<SinkStanding> = {}): SinkStanding {
  return {
    gateway: 'gw-1',
    sink,
    sequence: 7,
    standing: 'working',
    sinceMs: 1_000,
    problem: '',
    sent: 3,
    lastSentAtMs: null,
    behind: 0,
    oldestAtMs: null,
    updatedAtMs: 1_000,
    ...change,
  };
}

function letter(sink: string, sequence: number, change: Partial<StoredDeadLetter> = {}): StoredDeadLetter {
  const row = { gateway: 'gw-1', sink, sequence, type: 'command.ended', why: 'too large', eventAtMs: 500, atMs: 1_000 };
  return { ...row, wanted: null, ...change };
}

export function sinkCases(store: () => Store): void {
  describe('sinks', () => {
    it('keeps how far each gateway has come, one row each', async () => {
      const sink = unique();
      expect(await store().sinks.get('gw-1', sink)).toBeNull();
      await store().sinks.put(standing(sink));
      await store().sinks.put(standing(sink, { gateway: 'gw-2', sequence: 1 }));
      const later = standing(sink, { sequence: 9, standing: 'failing', lastSentAtMs: 4, oldestAtMs: 5, behind: 2 });
      await store().sinks.put(later);
      expect(await store().sinks.get('gw-1', sink)).toEqual(later);
      expect((await store().sinks.get('gw-2', sink))?.sequence).toBe(1);
      const all = (await store().sinks.standings()).filter((row) => row.sink === sink);
      expect(all.map(({ gateway, deadLetters }) => [gateway, deadLetters])).toEqual([
        ['gw-1', 0],
        ['gw-2', 0],
      ]);
    });

    it('makes a problem fit that a database cannot keep as it is', async () => {
      const sink = unique();
      await store().sinks.put(standing(sink, { problem: 'it said \0 and \ud800' }));
      expect((await store().sinks.get('gw-1', sink))?.problem).toBe('it said \ufffd and \ufffd');
    });

    it('keeps dead letters up to the limit and refuses one past it whole', async () => {
      const sink = unique();
      const { sinks } = store();
      expect(await sinks.addDeadLetters([], 2)).toBe(true);
      expect(await sinks.addDeadLetters([letter(sink, 1), letter(sink, 2)], 2)).toBe(true);
      expect(await sinks.addDeadLetters([letter(sink, 3)], 2)).toBe(false);
      // What a batch that is repeated brings again is there already.
      expect(await sinks.addDeadLetters([letter(sink, 2, { why: 'again' })], 2)).toBe(true);
      expect(await sinks.addDeadLetters([letter(sink, 2), letter(sink, 3)], 2)).toBe(false);
      const kept = await sinks.deadLetters({ sink }, { limit: 10 });
      expect(kept).toEqual([letter(sink, 1), letter(sink, 2)]);
      expect(await sinks.addDeadLetters([letter(sink, 3, { gateway: 'gw-2' })], 2)).toBe(true);
      expect((await sinks.oldestDeadLetters('gw-1')).get(sink)).toBe(1);
    });

    it('pages dead letters by gateway and sequence', async () => {
      const sink = unique();
      const { sinks } = store();
      const all = [letter(sink, 5), letter(sink, 11), letter(sink, 2, { gateway: 'gw-2' })];
      await sinks.addDeadLetters(all.slice(0, 2), 10);
      await sinks.addDeadLetters(all.slice(2), 10);
      const first = await sinks.deadLetters({ sink }, { limit: 2 });
      expect(first).toEqual(all.slice(0, 2));
      const after = { gateway: 'gw-1', sequence: 11 };
      expect(await sinks.deadLetters({ sink }, { limit: 2, after })).toEqual(all.slice(2));
      expect(await sinks.deadLetters({ sink, gateway: 'gw-1', sequence: 11 }, { limit: 2 })).toEqual([all[1]]);
      expect(await codeOf(sinks.deadLetters({ sink }, { limit: 0 }))).toBe('store.bad-limit');
    });

    it('notes who wants dead letters sent again, and forgets it when one is refused again', async () => {
      const sink = unique();
      const { sinks } = store();
      await sinks.addDeadLetters([letter(sink, 1), letter(sink, 2)], 10);
      expect(await sinks.wantedDeadLetters('gw-1', sink, 10)).toEqual([]);
      expect(await sinks.wantDeadLetters({ sink, sequence: 2 }, { name: 'erin' })).toBe(1);
      expect(await sinks.wantDeadLetters({ sink, gateway: 'gw-2' }, { name: 'erin' })).toBe(0);
      expect(await sinks.wantedDeadLetters('gw-1', sink, 10)).toEqual([letter(sink, 2, { wanted: { name: 'erin' } })]);
      await sinks.refuseDeadLetter('gw-1', sink, 2, 'still', 2_000);
      expect(await sinks.wantedDeadLetters('gw-1', sink, 10)).toEqual([]);
      expect(await sinks.deadLetters({ sink, sequence: 2 }, { limit: 1 })).toEqual([
        letter(sink, 2, { why: 'still', atMs: 2_000 }),
      ]);
    });

    it('deletes dead letters by choice, and a sink with all of its own', async () => {
      const sink = unique();
      const { sinks } = store();
      await sinks.put(standing(sink));
      await sinks.put(standing(sink, { gateway: 'gw-2' }));
      await sinks.addDeadLetters([letter(sink, 1), letter(sink, 2)], 10);
      await sinks.addDeadLetters([letter(sink, 1, { gateway: 'gw-2' })], 10);
      expect(await sinks.deleteDeadLetters({ sink, gateway: 'gw-1', sequence: 2 })).toEqual([
        { gateway: 'gw-1', sequence: 2 },
      ]);
      expect(await sinks.deleteDeadLetters({ sink, sequence: 99 })).toEqual([]);
      await sinks.delete('gw-1', sink);
      expect(await sinks.get('gw-1', sink)).toBeNull();
      expect(await sinks.deadLetters({ sink }, { limit: 10 })).toEqual([letter(sink, 1, { gateway: 'gw-2' })]);
      expect((await sinks.standings()).find((row) => row.sink === sink)?.deadLetters).toBe(1);
    });
  });
}
