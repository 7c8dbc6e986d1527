import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Json } from '../store/index.ts';
import { usageIntervalMs, usageKeptMax } from './limits.ts';
import { openUsage } from './usage.ts';

function world() {
  const clock = new FakeClock();
  const kept = new Map<string, Json>();
  let failing = false;
  const settings = {
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: Json) => {
      if (failing) throw new Error('no store');
      kept.set(key, structuredClone(value));
    },
    getOrCreate: () => Promise.reject(new Error('unused')),
  };
  const open = (gateway = 'gtw_1') => openUsage({ store: { settings }, clock, log: silentLog, gateway });
  const fail = (value: boolean): void => {
    failing = value;
  };
  return { clock, kept, open, fail };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a restart is no way round the limit of a day', () => {
  test('what was used goes on counting after a stop, of the same gateway, on the same day', async () => {
    const { clock, open } = world();
    const before = await open();
    before.ledger.spendDay('p', 'orders', 'r', 7, 100);
    await before.close();
    expect((await open()).ledger.spendDay('p', 'orders', 'r', 1, 1)).toEqual({ rows: 8, bytes: 101 });
    expect((await open('gtw_2')).ledger.spendDay('p', 'orders', 'r', 1, 1)).toEqual({ rows: 1, bytes: 1 });
    clock.advance(86_400_000);
    expect((await open()).ledger.spendDay('p', 'orders', 'r', 1, 1)).toEqual({ rows: 1, bytes: 1 });
  });

  test('and after a death, but for the last seconds', async () => {
    const { clock, open } = world();
    const before = await open();
    before.ledger.spendDay('p', 'orders', 'r', 7, 0);
    clock.advance(usageIntervalMs);
    await settled();
    before.ledger.spendDay('p', 'orders', 'r', 5, 0);
    expect((await open()).ledger.spendDay('p', 'orders', 'r', 1, 0)).toEqual({ rows: 8, bytes: 0 });
  });

  test('where nothing was counted nothing is written; a store that fails is asked again', async () => {
    const { clock, kept, open, fail } = world();
    const usage = await open();
    clock.advance(usageIntervalMs);
    await settled();
    expect(kept.size).toBe(0);
    usage.ledger.spendDay('p', 'orders', 'r', 1, 0);
    fail(true);
    clock.advance(usageIntervalMs);
    await settled();
    expect(kept.size).toBe(0);
    fail(false);
    clock.advance(usageIntervalMs);
    await settled();
    expect(kept.size).toBe(1);
  });

  test('of too many counters the most used are kept', async () => {
    const { kept, open } = world();
    const { ledger, close } = await open();
    for (let at = 0; at <= usageKeptMax; at++) ledger.spendDay(`p${at}`, 'orders', 'r', at, 0);
    await close();
    const { uses } = [...kept.values()][0] as unknown as { uses: { principal: string }[] };
    expect(uses).toHaveLength(usageKeptMax);
    expect(uses.some(({ principal }) => principal === 'p0')).toBe(false);
  });

  test.each([[null], ['x'], [{ day: 'x', uses: [] }], [{ day: 1 }], [{ day: 1, uses: [{ rows: -1 }] }]])(
    'what is kept and is none of it is nothing: %j',
    async (value) => {
      const { kept, open } = world();
      kept.set('usage/gtw_1', value as Json);
      expect((await open()).ledger.size).toBe(0);
    },
  );
});
