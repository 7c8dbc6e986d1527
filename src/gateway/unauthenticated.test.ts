import { expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import * as limits from './limits.ts';
import { type Comer, Unauthenticated } from './unauthenticated.ts';

class Came implements Comer {
  readonly source: string;
  isIn = false;
  isDropped = false;
  constructor(source: string) {
    this.source = source;
  }
  readonly entered = (): void => {
    this.isIn = true;
  };
  readonly drop = (): void => {
    this.isDropped = true;
  };
}

function build() {
  const clock = new FakeClock();
  const door = new Unauthenticated(clock);
  const come = (source: string): Came | null => {
    const comer = new Came(source);
    return door.enter(comer) ? comer : null;
  };
  return {
    clock,
    door,
    come,
    many: (count: number, source: string) => Array.from({ length: count }, () => come(source)),
  };
}

test('A-GW-02: a source has so many places; who comes then waits for one of them', () => {
  const { door, come, many } = build();
  const placed = many(limits.unauthenticatedPerSourceMax, 'a');
  expect(placed.every((comer) => comer?.isIn)).toBe(true);
  const [next, later] = [come('a'), come('a')];
  expect([next?.isIn, later?.isIn]).toEqual([false, false]);
  door.leave(placed[0]!);
  door.leave(placed[0]!);
  expect([next?.isIn, later?.isIn]).toEqual([true, false]);
  expect(door.size).toBe(limits.unauthenticatedPerSourceMax);
});

test('A-GW-02: so many may wait and not one more, and none for longer than the deadline', () => {
  const { door, clock, come, many } = build();
  many(limits.unauthenticatedPerSourceMax, 'a');
  const waiting = many(limits.waitingPerSourceMax, 'a');
  expect(waiting.every((comer) => comer !== null && !comer.isIn)).toBe(true);
  expect(come('a')).toBeNull();
  expect(come('b')?.isIn).toBe(true);
  clock.advance(limits.waitingDeadlineMs);
  expect(waiting.every((comer) => comer!.isDropped)).toBe(true);
  expect(door.waiting).toBe(0);
});

test('A-GW-02: those that wait are bounded over all sources', () => {
  const { door, come, many } = build();
  const sources = limits.waitingMax / limits.waitingPerSourceMax;
  for (let n = 0; n < sources; n++) many(limits.unauthenticatedPerSourceMax + limits.waitingPerSourceMax, `s${n}`);
  expect(door.waiting).toBe(limits.waitingMax);
  many(limits.unauthenticatedPerSourceMax, 'late');
  expect(come('late')).toBeNull();
});

test('A-GW-02: sources that hold every place do not keep others out', () => {
  const { door, come } = build();
  const sources = limits.unauthenticatedConnectionsMax / limits.unauthenticatedPerSourceMax;
  const held: Came[] = [];
  for (let index = 0; index < limits.unauthenticatedConnectionsMax; index++) {
    held.push(come(`attacker ${index % sources}`)!);
  }
  const colleague = come('colleague')!;
  expect(held.filter(({ isDropped }) => isDropped)).toEqual([held[0]]);
  expect(door.size).toBe(limits.unauthenticatedConnectionsMax);
  // However they go on, it is their own that they lose.
  for (let index = 0; index < 100; index++) come(`attacker ${index % sources}`);
  expect(colleague.isDropped).toBe(false);
  door.leave(colleague);
  expect(door.size).toBeLessThanOrEqual(limits.unauthenticatedConnectionsMax);
});
