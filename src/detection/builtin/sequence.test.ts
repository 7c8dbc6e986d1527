import { describe, expect, test } from 'vitest';
import { Random } from '../../../test/population/random.ts';
import { Memory, Recent } from './memory.ts';
import { learn, learnedOf, newCounts, surprise, symbolsOf } from './sequence-model.ts';
import { table, Watch } from './testing.ts';
import { unusualSequence } from './unusual-sequence.ts';

const limits = { order: 2, symbolsMax: 50, contextsMax: 200 };

describe('the model', () => {
  test('probabilities of all symbols, and of one that was never seen, come to one', () => {
    const counts = newCounts();
    const random = new Random(7);
    const symbols = ['a', 'b', 'c', 'd', 'e'];
    const history: string[] = [];
    for (let times = 0; times < 500; times += 1) {
      const symbol = random.favourite(symbols);
      learn(counts, history.slice(-2), symbol, limits);
      history.push(symbol);
    }
    for (const before of [[], ['a'], ['a', 'b'], ['x'], ['x', 'a']]) {
      const sum = [...symbols, 'never'].reduce((all, one) => all + 2 ** -surprise(counts, before, one, limits), 0);
      expect(sum).toBeCloseTo(1, 9);
    }
  });

  test('what always follows is no surprise, what never did is one, what is unknown is the greatest', () => {
    const counts = newCounts();
    for (let times = 0; times < 100; times += 1) {
      learn(counts, ['x', 'a'], 'b', limits);
      learn(counts, ['a', 'b'], 'a', limits);
    }
    const usual = surprise(counts, ['x', 'a'], 'b', limits);
    const unusual = surprise(counts, ['x', 'a'], 'a', limits);
    expect(usual).toBeLessThan(0.1);
    expect(unusual).toBeGreaterThan(4);
    expect(surprise(counts, ['x', 'a'], 'never', limits)).toBeGreaterThan(unusual);
  });

  test('it stays within its limits, and forgets what is rare first', () => {
    const counts = newCounts();
    for (let times = 0; times < 3_000; times += 1) {
      learn(counts, ['a', 'b'], 'c', limits);
      learn(counts, [`s${times}`, `t${times}`], `u${times}`, limits);
      expect(counts.size).toBeLessThanOrEqual(limits.contextsMax);
      expect(symbolsOf(counts)).toBeLessThanOrEqual(limits.symbolsMax);
    }
    expect(surprise(counts, ['a', 'b'], 'c', limits)).toBeLessThan(1);
    expect(learnedOf(counts)).toBeGreaterThan(0);
  });
});

describe('unusual-sequence', () => {
  const steps = ['find', 'open', 'read', 'note', 'close'];
  const day = (watch: Watch): void => {
    watch.open();
    for (let round = 0; round < 5; round += 1) for (const step of steps) watch.run({ touches: [table(step)] });
  };

  test('known commands in an order that is not its own', () => {
    const watch = new Watch(unusualSequence, { bits: 2 });
    watch.days(20, () => day(watch));
    expect(watch.findings).toEqual([]);
    day(watch.restart());
    expect(watch.findings).toEqual([]);
    watch.open();
    for (const step of [
      'close',
      'find',
      'note',
      'open',
      'close',
      'read',
      'find',
      'close',
      'open',
      'note',
      'find',
      'read',
    ]) {
      watch.run({ touches: [table(step)] });
    }
    expect(watch.findings).toHaveLength(1);
    expect(watch.findings[0]?.evidence.length).toBeGreaterThan(1);
  });

  test('until enough is learned nothing is unusual', () => {
    const watch = new Watch(unusualSequence, { bits: 2 });
    watch.days(8, () => day(watch));
    watch.open();
    for (let index = 0; index < 30; index += 1) watch.run({ touches: [table(`other${index}`)] });
    expect(watch.findings).toEqual([]);
  });
});

describe('memory', () => {
  test('at the limit nothing is forgotten, one past it what was not seen for longest is', () => {
    const map = new Recent<number>(3);
    for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index);
    expect(map.size).toBe(3);
    map.get('a');
    map.set('d', 3);
    expect([...map.entries()].map(([key]) => key)).toEqual(['c', 'a', 'd']);
  });

  test('a state of another version or shape is not taken', () => {
    const make = (version: number): Memory => {
      const memory = new Memory(version);
      memory.map<number>('seen', 10).set('a', 1);
      return memory;
    };
    const kept = JSON.parse(JSON.stringify(make(1).state()));
    expect(make(1).restore(kept)).toBe(true);
    expect(make(2).restore(kept)).toBe(false);
    for (const wrong of [
      null,
      7,
      [],
      {},
      { version: 1 },
      { version: 1, maps: {} },
      { version: 1, maps: { seen: [[1, 2]] } },
    ]) {
      expect(make(1).restore(wrong as never)).toBe(false);
    }
  });
});
