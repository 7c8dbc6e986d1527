/** Windows, baselines and groups, at their limits and past them. */
import { describe, expect, test } from 'vitest';
import { Baseline, emptyPast, median } from './baseline.ts';
import { Groups } from './groups.ts';
import * as limits from './limits.ts';
import { Sequences } from './sequence.ts';
import { SlidingDistinct, SlidingSum } from './window.ts';

describe('sums', () => {
  test('exact at the edge: what is as old as the window is out of it', () => {
    const window = new SlidingSum(10_000);
    window.add(1000, 1, 5);
    window.add(2000, 2, 7);
    window.expire(999);
    expect([window.count, window.sum, window.beginsAt]).toEqual([2, 12, 1]);
    window.expire(1000);
    expect([window.count, window.sum, window.beginsAt]).toEqual([1, 7, 2]);
    window.expire(2000);
    expect([window.count, window.sum, window.beginsAt]).toEqual([0, 0, 0]);
  });

  test('one by one up to the limit; past it the edge is exact to a 256th of the window, and nothing is lost', () => {
    const few = new SlidingSum(100_000);
    for (let index = 1; index <= limits.windowEntriesMax; index++) few.add(index, index, 1);
    expect(few.size).toBe(limits.windowEntriesMax);
    few.add(limits.windowEntriesMax + 1, limits.windowEntriesMax + 1, 1);
    expect(few.size).toBeLessThanOrEqual(3);
    expect([few.count, few.sum]).toEqual([limits.windowEntriesMax + 1, limits.windowEntriesMax + 1]);

    const window = new SlidingSum(10_000);
    for (let index = 1; index <= 100_000; index++) {
      window.add(index, index, 1);
      window.expire(index - 10_000);
      expect(window.size).toBeLessThanOrEqual(limits.windowEntriesMax);
    }
    expect(window.count).toBeGreaterThanOrEqual(10_000);
    expect(window.count).toBeLessThanOrEqual(10_000 + 10_000 / 256 + 1);
    expect(window.evidence()).toHaveLength(limits.evidenceMax);
    expect(window.evidence().at(-1)).toBe(100_000);
  });
});

describe('different values', () => {
  test('exact up to the limit; past it at least so many, until what was forgotten is out', () => {
    const window = new SlidingDistinct();
    for (let index = 0; index < limits.distinctMax; index++) window.add(index, index, `v${index}`);
    expect([window.size, window.isAtLeast]).toEqual([limits.distinctMax, false]);
    window.add(limits.distinctMax, 7, 'v0');
    expect([window.size, window.isAtLeast]).toEqual([limits.distinctMax, false]);
    window.add(limits.distinctMax, 8, 'another');
    expect([window.size, window.isAtLeast]).toEqual([limits.distinctMax, true]);
    window.expire(0);
    expect(window.isAtLeast).toBe(true);
    window.expire(1);
    expect(window.isAtLeast).toBe(false);
    expect(window.latest(2)).toEqual(['another', 'v0']);
  });

  test('a value that comes again counts from then', () => {
    const window = new SlidingDistinct();
    window.add(1, 1, 'a');
    window.add(2, 2, 'b');
    window.add(3, 3, 'a');
    window.expire(2);
    expect([window.size, window.beginsAt, window.evidence()]).toEqual([1, 3, [3]]);
  });
});

describe('groups', () => {
  test('the one not seen for longest goes first, past either limit', () => {
    const groups = new Groups<{ weight: number }>(({ weight }) => weight, 10, 3);
    const put = (key: string, weight: number): void => groups.put(key, { weight });
    for (const key of ['a', 'b', 'c']) put(key, 1);
    groups.use(
      'a',
      () => ({ weight: 1 }),
      () => undefined,
    );
    put('d', 1);
    expect([...groups.entries()].map(([key]) => key)).toEqual(['c', 'a', 'd']);
    put('e', 9);
    expect([...groups.entries()].map(([key]) => key)).toEqual(['d', 'e']);
    // One that is too large by itself stays, alone: its own window bounds it.
    put('f', 11);
    expect([...groups.entries()].map(([key]) => key)).toEqual(['f']);
  });
});

describe('what is usual', () => {
  const hour = 3_600_000;
  const make = (against: 'own' | 'peers' | 'both') =>
    new Baseline({ windowMs: hour, overMs: 24 * hour, least: 3, against });

  test('the median of windows with something in them, once there are enough', () => {
    const baseline = make('own');
    const past = emptyPast();
    const at = (index: number, figure: number) => {
      baseline.move(past, index * hour, 'ana', []);
      baseline.note(past, figure);
      return baseline.usual(past, 'ana', []).own;
    };
    expect([at(0, 10), at(1, 12), at(2, 1000)]).toEqual([null, null, null]);
    // Hours without anything in between count for nothing.
    expect(at(9, 5)).toBe(12);
    expect(at(10, 5)).toBe(12);
    // What is further back than a day is not looked at.
    expect(at(30, 5)).toBe(null);
    expect(median([4, 1, 3, 2])).toBe(3);
  });

  test('peers: others of the same group, three at least, and never oneself', () => {
    const baseline = make('peers');
    const work = (who: string, index: number, figure: number, past = emptyPast()) => {
      baseline.move(past, index * hour, who, ['staff']);
      baseline.note(past, figure);
      baseline.move(past, (index + 1) * hour, who, ['staff']);
      return baseline.usual(past, who, ['staff']).peers;
    };
    work('ana', 0, 5000);
    work('ben', 0, 10);
    work('eva', 0, 20);
    expect(work('ana', 1, 5000)).toBe(null);
    expect(work('kim', 0, 30)).not.toBe(null);
    expect(work('ana', 2, 5000)).toBe(20);
    expect(baseline.usual(emptyPast(), 'ana', ['others']).peers).toBe(null);
  });

  test('bounded: windows of one, and of a group', () => {
    const baseline = new Baseline({ windowMs: 1000, overMs: limits.baselineMsMax, least: 1, against: 'both' });
    const past = emptyPast();
    for (let index = 0; index < limits.peerWindowsMax + 500; index++) {
      baseline.move(past, index * 1000, 'ana', ['staff']);
      baseline.note(past, 1);
    }
    expect(past.windows).toHaveLength(limits.baselineWindowsMax);
    const [[, windows]] = baseline.state() as unknown as [[string, unknown[]]];
    expect(windows).toHaveLength(limits.peerWindowsMax);
    for (let index = 0; index < limits.peerGroupsMax + 10; index++) {
      const one = { ...emptyPast(), index: 0, peak: 1 };
      baseline.move(one, 5000, 'ana', [`group${index}`]);
    }
    expect(baseline.state()).toHaveLength(limits.peerGroupsMax);
  });
});

describe('sequences', () => {
  test('the chain that began last is kept, an activity serves one step, and a whole one begins anew', () => {
    const sequences = new Sequences(3, 1000);
    const add = (steps: readonly number[], sequence: number, atMs: number) =>
      sequences.add('g', steps, sequence, atMs)?.sequences ?? null;
    expect(add([1], 1, 0)).toBe(null);
    expect(add([0], 2, 0)).toBe(null);
    expect(add([0, 1], 3, 600)).toBe(null);
    expect(add([2], 4, 900)).toEqual([2, 3, 4]);
    expect(add([2], 5, 950)).toBe(null);
    // Of a step said twice both must come.
    const twice = new Sequences(2, 1000);
    expect(twice.add('g', [0, 1], 1, 0)).toBe(null);
    expect(twice.add('g', [0, 1], 2, 999)?.sequences).toEqual([1, 2]);
  });

  test('out of time at the window’s edge', () => {
    const sequences = new Sequences(2, 1000);
    sequences.add('g', [0], 1, 0);
    expect(sequences.add('g', [1], 2, 1000)).toBe(null);
    sequences.add('g', [0], 3, 1000);
    expect(sequences.add('g', [1], 4, 1999)?.sequences).toEqual([3, 4]);
  });
});
