import { expect, test } from 'vitest';
import { Waiters } from './waiters.ts';

test('waiters are called in order of sequence, then of arrival, and late ones in their turn', () => {
  const waiters = new Waiters();
  const seen: string[] = [];
  for (const [sequence, name] of [
    [5, 'a'],
    [3, 'b'],
    [5, 'c'],
    [4, 'd'],
    [9, 'e'],
  ] as const) {
    waiters.add(sequence, () => {
      seen.push(name);
      if (name === 'b') waiters.add(4, () => seen.push('late'));
    });
  }
  waiters.release(5, null);
  expect(seen).toEqual(['b', 'd', 'late', 'a', 'c']);
  expect(waiters.size).toBe(1);
});

test('ten thousand waiters are all served across many releases', () => {
  const waiters = new Waiters();
  let served = 0;
  for (let sequence = 1; sequence <= 10_000; sequence++) waiters.add(sequence, () => served++);
  for (let sequence = 7; sequence <= 10_003; sequence += 7) waiters.release(sequence, null);
  expect(served).toBe(10_000);
  expect(waiters.size).toBe(0);
});
