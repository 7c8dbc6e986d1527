/**
 * What a detector remembers: maps that forget what was not seen for longest, and that turn into JSON and back.
 *
 * Invariants:
 * - A map never holds more than its limit.
 * - Values are plain data, and belong to the map: `state` shares them, so whoever keeps it spells it out before the next
 *   observation.
 * - The order of what was seen last is part of the state: after `restore` the same is forgotten next.
 */
import type { Json } from '../json.ts';

/** A map that forgets. */
export class Recent<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts as seeing it. */
  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Without counting as seeing it. */
  peek(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  /** What is known of it, or what is made now. */
  take(key: string, make: () => Value): Value {
    const known = this.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.set(key, made);
    return made;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#max) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, value);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** From what was not seen for longest to what was seen last. */
  entries(): IterableIterator<[string, Value]> {
    return this.#entries.entries();
  }

  fill(entries: readonly (readonly [string, Value])[]): void {
    this.#entries.clear();
    for (const [key, value] of entries) this.set(key, value);
  }
}

/** All maps of one detector. */
export class Memory {
  readonly #version: number;
  readonly #maps = new Map<string, Recent<unknown>>();

  constructor(version: number) {
    this.#version = version;
  }

  map<Value>(name: string, max: number): Recent<Value> {
    const map = new Recent<Value>(max);
    this.#maps.set(name, map as Recent<unknown>);
    return map;
  }

  state(): Json {
    const maps = Object.fromEntries([...this.#maps].map(([name, map]) => [name, [...map.entries()]]));
    return { version: this.#version, maps } as unknown as Json;
  }

  /** False, and nothing changed, where it is of another version or shape. */
  restore(state: Json): boolean {
    if (!isObject(state) || state['version'] !== this.#version) return false;
    const maps = state['maps'];
    if (maps === undefined || !isObject(maps)) return false;
    if (![...this.#maps.keys()].every((name) => isEntries(maps[name]))) return false;
    for (const [name, map] of this.#maps) {
      map.fill(structuredClone(maps[name]) as unknown as readonly (readonly [string, unknown])[]);
    }
    return true;
  }
}

function isObject(json: Json): json is { readonly [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isEntries(json: Json | undefined): boolean {
  return (
    Array.isArray(json) && json.every((one) => Array.isArray(one) && one.length === 2 && typeof one[0] === 'string')
  );
}
