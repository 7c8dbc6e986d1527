/** F-06: what of a provider is kept, when it is asked for anew, and how long it is let alone after a failure. */
import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import * as limits from '../limits.ts';
import { Kept } from './kept.ts';

let clock: FakeClock;
let fetches: number;
let isDown: boolean;

beforeEach(() => {
  clock = new FakeClock();
  fetches = 0;
  isDown = false;
});

function kept(random = 0): Kept<number> {
  const fetch = async (): Promise<number> => {
    fetches++;
    if (isDown) throw new Error(`down ${fetches}`);
    return fetches;
  };
  return new Kept({ clock, fetch, freshMs: 1_000, staleMs: 100_000, random: () => random });
}

test('many that wait are one request, and a fresh value none', async () => {
  const one = kept();
  expect(await Promise.all([one.get(), one.get(), one.get()])).toEqual([1, 1, 1]);
  clock.advance(999);
  expect(await one.get()).toBe(1);
  clock.advance(1);
  expect(await one.get()).toBe(2);
});

test('a stale value serves while there is no other, and no longer than it may', async () => {
  const one = kept();
  await one.get();
  isDown = true;
  clock.advance(99_999);
  expect(await one.get()).toBe(1);
  clock.advance(1);
  await expect(one.get()).rejects.toThrow('down 2');
});

test.each([
  [0, 1],
  [1, 1.5],
])('pauses grow to a minute, with what chance adds: %d', async (random, factor) => {
  const one = kept(random);
  isDown = true;
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    const before = fetches;
    await expect(one.get()).rejects.toThrow(`down ${before + 1}`);
    clock.advance(pauseMs * factor - 1);
    await expect(one.get()).rejects.toThrow(`down ${before + 1}`);
    expect(fetches).toBe(before + 1);
    clock.advance(1);
  }
  isDown = false;
  expect(await one.get()).toBe(9);
  isDown = true;
  clock.advance(100_000);
  await expect(one.get()).rejects.toThrow('down 10');
  clock.advance(1_000 * factor);
  await expect(one.get()).rejects.toThrow('down 11');
});

test('a step of the wall clock neither frees nor ages anything (F-15)', async () => {
  const one = kept();
  await one.get();
  clock.stepWall(10 * 365 * 86_400_000);
  expect(await one.get()).toBe(1);
});

test('looking again is one look in half a minute, for whoever knows the old one', async () => {
  const one = kept();
  const known = await one.get();
  expect(await one.lookAgain(known)).toBe(false);
  clock.advance(limits.keysLookPauseMs);
  expect(await Promise.all([one.lookAgain(known), one.lookAgain(known)])).toEqual([true, true]);
  expect(fetches).toBe(2);
  expect(await one.lookAgain(known)).toBe(true);
  expect(await one.lookAgain(2)).toBe(false);
  expect(fetches).toBe(2);
});
