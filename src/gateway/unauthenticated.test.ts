import { expect, test } from 'vitest';
import * as limits from './limits.ts';
import { Unauthenticated } from './unauthenticated.ts';

test('A-GW-02: a source has so many places and no more, and gets back what it leaves', () => {
  const waiting = new Unauthenticated();
  const leaves = Array.from({ length: limits.unauthenticatedPerSourceMax }, () => waiting.enter('a', () => {}));
  expect(leaves.every((leave) => leave !== null)).toBe(true);
  expect(waiting.enter('a', () => {})).toBeNull();
  leaves[0]?.();
  leaves[0]?.();
  expect(waiting.size).toBe(limits.unauthenticatedPerSourceMax - 1);
  expect(waiting.enter('a', () => {})).not.toBeNull();
});

test('A-GW-02: sources that hold every place do not keep others out', () => {
  const waiting = new Unauthenticated();
  const dropped: string[] = [];
  const sources = limits.unauthenticatedConnectionsMax / limits.unauthenticatedPerSourceMax;
  for (let index = 0; index < limits.unauthenticatedConnectionsMax; index++) {
    const source = `attacker ${index % sources}`;
    expect(waiting.enter(source, () => void dropped.push(`${source} #${Math.floor(index / sources)}`))).not.toBeNull();
  }
  const leave = waiting.enter('colleague', () => void dropped.push('colleague'));
  expect(dropped).toEqual(['attacker 0 #0']);
  expect(waiting.size).toBe(limits.unauthenticatedConnectionsMax);
  // However they go on, it is their own that they lose.
  for (let index = 0; index < 100; index++) waiting.enter(`attacker ${index % sources}`, () => {});
  expect(dropped).not.toContain('colleague');
  leave?.();
  expect(waiting.size).toBeLessThanOrEqual(limits.unauthenticatedConnectionsMax);
});
