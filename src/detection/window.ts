/**
 * Sliding windows over the activities of one group: how many, what they add up to, how many different values.
 *
 * Invariants: exact as long as no more than `windowEntriesMax` activities (or `distinctMax` values) are within the window.
 * Beyond it neighbours in time are joined, and the window's edge is exact to a 256th of it; of values the one not
 * seen for longest is forgotten, and the count is `at least`. Time only goes forward: what seems earlier counts as now.
 */
import type { Json } from './json.ts';
import * as limits from './limits.ts';

/** One or several activities that came one after another. */
interface Entry {
  /** Of the first. */
  sequence: number;
  /** Of the last. */
  lastSequence: number;
  /** Of the last: it leaves the window as a whole. */
  atMs: number;
  count: number;
  sum: number;
}

export class SlidingSum {
  readonly #grainMs: number;
  #entries: Entry[] = [];
  #head = 0;
  #count = 0;
  #sum = 0;

  constructor(windowMs: number) {
    this.#grainMs = windowMs / (limits.windowEntriesMax / 2);
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  add(atMs: number, sequence: number, value: number): void {
    this.#entries.push({ sequence, lastSequence: sequence, atMs, count: 1, sum: value });
    this.#count++;
    this.#sum += value;
    if (this.size > limits.windowEntriesMax) this.#join();
  }

  /** Takes out what is at or before this moment. */
  expire(beforeMs: number): void {
    const entries = this.#entries;
    let head = this.#head;
    while (head < entries.length && entries[head]!.atMs <= beforeMs) {
      this.#count -= entries[head]!.count;
      this.#sum -= entries[head]!.sum;
      head++;
    }
    this.#head = head;
    if (head > 64 && head * 2 > entries.length) {
      this.#entries = entries.slice(head);
      this.#head = 0;
    }
    if (this.size === 0) this.#sum = 0;
  }

  /** Into one entry for each 256th of the window: no more than 257 of them are within it. */
  #join(): void {
    const joined: Entry[] = [];
    for (const entry of this.#entries.slice(this.#head)) {
      const last = joined.at(-1);
      if (last === undefined || Math.floor(last.atMs / this.#grainMs) !== Math.floor(entry.atMs / this.#grainMs)) {
        joined.push(entry);
        continue;
      }
      last.lastSequence = entry.lastSequence;
      last.atMs = entry.atMs;
      last.count += entry.count;
      last.sum += entry.sum;
    }
    this.#entries = joined;
    this.#head = 0;
  }

  /** The first ten and the last ten. */
  evidence(): number[] {
    const entries = this.#entries;
    const half = limits.evidenceMax / 2;
    const found = new Set<number>();
    const { length } = entries;
    const firstEnd = Math.min(length, this.#head + half);
    for (let at = this.#head; at < firstEnd; at++) found.add(entries[at]!.sequence);
    for (let at = Math.max(firstEnd, length - half); at < length; at++) found.add(entries[at]!.lastSequence);
    return [...found];
  }

  get beginsAt(): number {
    return this.#entries[this.#head]?.sequence ?? 0;
  }

  state(): Json {
    return this.#entries
      .slice(this.#head)
      .map(({ sequence, lastSequence, atMs, count, sum }) => [sequence, lastSequence, atMs, count, sum]);
  }

  static from(state: Json, windowMs: number): SlidingSum {
    const made = new SlidingSum(windowMs);
    for (const [sequence, lastSequence, atMs, count, sum] of state as readonly (readonly number[])[]) {
      made.#entries.push({
        sequence: sequence!,
        lastSequence: lastSequence!,
        atMs: atMs!,
        count: count!,
        sum: sum!,
      });
      made.#count += count!;
      made.#sum += sum!;
    }
    return made;
  }
}

export class SlidingDistinct {
  /** The one not seen for longest first. */
  readonly #values = new Map<string, readonly [atMs: number, sequence: number]>();
  /** Something was forgotten that still counts until then. */
  #forgottenMs = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#values.size;
  }

  get isAtLeast(): boolean {
    return this.#forgottenMs !== Number.NEGATIVE_INFINITY;
  }

  add(atMs: number, sequence: number, value: string): void {
    this.#values.delete(value);
    this.#values.set(value, [atMs, sequence]);
    if (this.#values.size <= limits.distinctMax) return;
    const [oldest, [oldestMs]] = this.#values.entries().next().value!;
    this.#values.delete(oldest);
    this.#forgottenMs = oldestMs;
  }

  expire(beforeMs: number): void {
    for (const [value, [atMs]] of this.#values) {
      if (atMs > beforeMs) break;
      this.#values.delete(value);
    }
    if (this.#forgottenMs <= beforeMs) this.#forgottenMs = Number.NEGATIVE_INFINITY;
  }

  evidence(): number[] {
    const sequences = [...new Set([...this.#values.values()].map(([, sequence]) => sequence))].sort((a, b) => a - b);
    const half = limits.evidenceMax / 2;
    return sequences.length <= limits.evidenceMax
      ? sequences
      : [...sequences.slice(0, half), ...sequences.slice(-half)];
  }

  get beginsAt(): number {
    return this.#values.values().next().value?.[1] ?? 0;
  }

  /** Some of the values, the latest first. */
  latest(most: number): string[] {
    return [...this.#values.keys()].slice(-most).reverse();
  }

  state(): Json {
    return [
      this.isAtLeast ? this.#forgottenMs : null,
      [...this.#values].map(([value, [atMs, sequence]]) => [value, atMs, sequence]),
    ];
  }

  static from(state: Json): SlidingDistinct {
    const made = new SlidingDistinct();
    const [forgotten, values] = state as unknown as [number | null, readonly (readonly [string, number, number])[]];
    made.#forgottenMs = forgotten ?? Number.NEGATIVE_INFINITY;
    for (const [value, atMs, sequence] of values) made.#values.set(value, [atMs, sequence]);
    return made;
  }
}
