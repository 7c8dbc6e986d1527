import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { cleanUp, eventsOf, open, temporary } from './fixtures/kit.ts';
import * as limits from './limits.ts';
import { type Space, spaceLevelOf } from './space.ts';

afterEach(cleanUp);
const gib = 2 ** 30;
const at = (share: number): Space => ({ freeBytes: share * 1000 * gib, totalBytes: 1000 * gib });

test('F-04: each rung at its threshold and just below', () => {
  expect(spaceLevelOf(at(0.15), 'ample')).toBe('ample');
  expect(spaceLevelOf(at(0.1499), 'ample')).toBe('warn');
  expect(spaceLevelOf(at(0.05), 'warn')).toBe('warn');
  expect(spaceLevelOf(at(0.0499), 'ample')).toBe('refuse');
  expect(spaceLevelOf(at(0.01), 'refuse')).toBe('refuse');
  expect(spaceLevelOf(at(0.0099), 'ample')).toBe('end');
  expect(spaceLevelOf({ freeBytes: limits.spaceEndBytes, totalBytes: limits.spaceEndBytes }, 'ample')).toBe('ample');
  expect(spaceLevelOf({ freeBytes: limits.spaceEndBytes - 1, totalBytes: limits.spaceEndBytes }, 'ample')).toBe('end');
});

test('F-04: a level improves only a little above its threshold', () => {
  expect(spaceLevelOf(at(0.155), 'warn')).toBe('warn');
  expect(spaceLevelOf(at(0.161), 'warn')).toBe('ample');
  expect(spaceLevelOf(at(0.055), 'end')).toBe('refuse');
  expect(spaceLevelOf(at(0.5), 'end')).toBe('ample');
});

test('F-04: the journal looks every few seconds, tells, and writes it down; not knowing refuses', async () => {
  const clock = new FakeClock();
  let space: Space | null = at(0.5);
  const told: string[] = [];
  const dir = temporary();
  const journal = await open(dir, {
    clock,
    readSpace: async () => {
      if (space === null) throw new Error('EIO');
      return space;
    },
    onSpaceChange: (level) => told.push(level),
  });
  for (const [next, level] of [
    [at(0.1), 'warn'],
    [at(0.03), 'refuse'],
    [at(0.001), 'end'],
    [at(0.5), 'ample'],
    [null, 'refuse'],
  ] as const) {
    space = next;
    clock.advance(limits.spaceIntervalMs);
    await new Promise((resolve) => setImmediate(resolve));
    expect(journal.spaceLevel).toBe(level);
  }
  await journal.close();
  expect(told).toEqual(['warn', 'refuse', 'end', 'ample', 'refuse']);
  expect((await eventsOf(dir)).map((event) => (event.type === 'space.changed' ? event.level : ''))).toEqual(told);
});
