/**
 * What a detection counts by: groups of activities, and the state of each, bounded. The group not seen for longest goes
 * first, whether there are too many of them or they hold too much together.
 */
import type { Calendar } from './calendar.ts';
import type { Observation } from './detector.ts';
import { type Field, textsOf } from './fields.ts';
import * as limits from './limits.ts';

/** Values of the fields that are counted by, in their order. */
export type GroupValues = readonly string[];

const nobody: readonly GroupValues[] = [[]];

/** The groups that an activity counts for: one for each combination of values; none where a field has no value. */
export function groupsOf(by: readonly Field[], observation: Observation, calendar: Calendar): readonly GroupValues[] {
  if (by.length === 0) return nobody;
  let found: readonly (readonly string[])[] = nobody;
  for (const field of by) {
    const values = textsOf(field.read(observation, calendar));
    if (values.length === 0) return [];
    if (values.length === 1 && found.length === 1) found = [[...found[0]!, cutValue(values[0]!)]];
    else {
      const next: (readonly string[])[] = [];
      for (const one of found) {
        for (const value of values) {
          if (next.length < limits.groupsPerActivityMax) next.push([...one, cutValue(value)]);
        }
      }
      found = next;
    }
  }
  return found;
}

export function cutValue(value: string): string {
  return value.length > limits.valueCharactersMax ? value.slice(0, limits.valueCharactersMax) : value;
}

/** States by group, least recently used first. */
export class Groups<State> {
  readonly #most: number;
  readonly #weightMax: number;
  readonly #weigh: (state: State) => number;
  readonly #states = new Map<string, State>();
  #weight = 0;

  constructor(weigh: (state: State) => number, weightMax: number, most: number = limits.groupsMax) {
    this.#weigh = weigh;
    this.#weightMax = weightMax;
    this.#most = most;
  }

  get size(): number {
    return this.#states.size;
  }

  get(key: string): State | undefined {
    return this.#states.get(key);
  }

  /** Changes one group's state, made where there is none, and drops others where there is too much. */
  use<Result>(key: string, make: () => State, change: (state: State) => Result): Result {
    const known = this.#states.get(key);
    const state = known ?? make();
    if (known !== undefined) {
      this.#states.delete(key);
      this.#weight -= this.#weigh(known);
    }
    this.#states.set(key, state);
    const result = change(state);
    this.#weight += this.#weigh(state);
    this.#shrink();
    return result;
  }

  /** Drops from the oldest on for as long as they are over. */
  drop(isOver: (state: State) => boolean): void {
    for (const [key, state] of this.#states) {
      if (!isOver(state)) return;
      this.#states.delete(key);
      this.#weight -= this.#weigh(state);
    }
  }

  #shrink(): void {
    while (this.#states.size > this.#most || (this.#weight > this.#weightMax && this.#states.size > 1)) {
      const [key, state] = this.#states.entries().next().value!;
      this.#states.delete(key);
      this.#weight -= this.#weigh(state);
    }
  }

  /** Oldest first: put back in this order they stand as they stood. */
  entries(): IterableIterator<[string, State]> {
    return this.#states.entries();
  }

  put(key: string, state: State): void {
    this.use(
      key,
      () => state,
      () => undefined,
    );
  }
}
