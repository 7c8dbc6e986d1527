/**
 * Where in a document of JSON a reader stands: open objects and arrays, the names on the way down, and what patterns say of
 * the value that is due.
 *
 * Invariant: memory is bounded by the depth, which the reader bounds.
 */
import { type Name, Names } from './names.ts';
import type { FieldAutomaton, FieldState } from './pointers.ts';
import type { Values } from './values.ts';

/** What JSON bodies of one set of masks share. */
export interface JsonRules {
  readonly fields: FieldAutomaton | null;
  readonly values: Values | null;
  readonly names: Names;
}

export function createJsonRules(fields: FieldAutomaton | null, values: Values | null): JsonRules {
  return { fields, values, names: new Names(values) };
}

/** One open object or array; used again for the next one of its depth. */
interface Level {
  isObject: boolean;
  /** Where it stands for patterns; null where they do not matter. */
  state: FieldState | null;
  /** The nearest name around it. */
  around: Name;
  /** The name before the value that is due, in an object. */
  name: Name;
  index: number;
}

export class Place {
  readonly #rules: JsonRules;
  readonly #levels: Level[] = [];
  #depth = 0;

  constructor(rules: JsonRules) {
    this.#rules = rules;
  }

  get depth(): number {
    return this.#depth;
  }

  /** Whether the innermost container is an object; not to be asked outside of one. */
  get isObject(): boolean {
    return this.#levels[this.#depth - 1]!.isObject;
  }

  /** The nearest name around the innermost container. */
  get outside(): Name {
    return this.#levels[this.#depth - 1]!.around;
  }

  /** Where the value stands that is due; null without patterns. */
  get state(): FieldState | null {
    const { fields } = this.#rules;
    if (fields === null) return null;
    if (this.#depth === 0) return fields.root;
    const { state, isObject, name, index } = this.#levels[this.#depth - 1]!;
    // Within what is masked as a whole nothing else is.
    if (state === null || state.mask !== null) return null;
    return isObject ? fields.step(state, name.lower) : fields.index(state, index);
  }

  /** The nearest name around the value that is due. */
  get around(): Name {
    if (this.#depth === 0) return this.#rules.names.none;
    const level = this.#levels[this.#depth - 1]!;
    return level.isObject ? level.name : level.around;
  }

  /** The value that is due is an object or array. Answers its state. */
  open(isObject: boolean): FieldState | null {
    const { state, around } = this;
    const level = this.#levels[this.#depth];
    if (level === undefined) this.#levels.push({ isObject, state, around, name: around, index: 0 });
    else {
      level.isObject = isObject;
      level.state = state;
      level.around = around;
      level.name = around;
      level.index = 0;
    }
    this.#depth++;
    return state;
  }

  close(): void {
    this.#depth--;
  }

  /** Behind a comma. */
  next(): void {
    this.#levels[this.#depth - 1]!.index++;
  }

  named(name: Name): void {
    this.#levels[this.#depth - 1]!.name = name;
  }
}
