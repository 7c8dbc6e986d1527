/**
 * Places in documents: JSON pointers (RFC 6901) with `*` for any one name or index and `**` for any run of them, as one
 * automaton over the names on the way down.
 *
 * Invariants:
 * - Names are compared without regard to case, like columns: a Mask that was written with another case must not let its
 *   field pass, and readers of JSON exist that do not care.
 * - Work for one step is bounded by the patterns' steps, memory by `statesMax`, whatever names a peer sends: states are made
 *   as they are met, and all are forgotten when there are too many.
 *
 * Deliberately absent: a name that is a star; patterns within a name.
 */
import type { ValueMask } from '../../core/masking.ts';
import { strictness } from '../methods.ts';
import type { Place } from '../specification.ts';
import * as limits from './limits.ts';

/** One step of a pattern: a name in lower case, any one, or any run. */
type Step = { readonly name: string } | '*' | '**';

export interface FieldPattern {
  readonly steps: readonly Step[];
}

export function compileField(place: Place, text: string): FieldPattern {
  if (text.length > limits.fieldCharactersMax) {
    throw place.malformed(`is longer than ${limits.fieldCharactersMax} characters`);
  }
  if (!text.startsWith('/')) {
    throw place.malformed('is not a JSON pointer: it begins with /, like /customers/*/ssn or /**/password');
  }
  const steps = text
    .slice(1)
    .split('/')
    .map((part): Step => {
      if (part === '*' || part === '**') return part;
      if (part.includes('*'))
        throw place.malformed('has a star beside other characters; a star stands for a whole name');
      if (/~(?![01])/.test(part)) throw place.malformed('has a ~ that is neither ~0 (for ~) nor ~1 (for /)');
      return { name: part.replaceAll('~1', '/').replaceAll('~0', '~').toLowerCase() };
    });
  if (steps.length > limits.fieldStepsMax) throw place.malformed(`has more than ${limits.fieldStepsMax} steps`);
  return { steps };
}

/** The patterns of one Mask, and what it does to what stands there. */
export interface FieldRule {
  readonly patterns: readonly FieldPattern[];
  readonly value: ValueMask;
}

/** Where the way down has come to. */
export interface FieldState {
  /** The mask of what stands here, or null. */
  readonly mask: ValueMask | null;
  /** Nothing below can be meant. */
  readonly isDead: boolean;
  /** Whether an index of an array may be meant by its number. */
  readonly isIndexed: boolean;
}

interface State extends FieldState {
  readonly positions: readonly number[];
  /** Names that lead elsewhere than any other name does. */
  readonly literals: ReadonlySet<string>;
  readonly next: Map<string, State>;
  other: State | null;
  readonly generation: number;
}

export class FieldAutomaton {
  /** Every pattern's steps, one after the other; each ends with null. */
  readonly #steps: (Step | null)[] = [];
  readonly #masks = new Map<number, ValueMask>();
  readonly #starts: number[] = [];
  #states = new Map<string, State>();
  #generation = 0;
  /** Steps of patterns that were looked at, for tests. */
  work = 0;

  constructor(rules: readonly FieldRule[]) {
    for (const { patterns, value } of rules) {
      for (const { steps } of patterns) {
        this.#starts.push(this.#steps.length);
        this.#steps.push(...steps, null);
        this.#masks.set(this.#steps.length - 1, value);
      }
    }
  }

  /** The whole document. */
  get root(): FieldState {
    return this.#state(this.#starts);
  }

  /** `name` in lower case. */
  step(from: FieldState, name: string): FieldState {
    const state = from as State;
    if (state.isDead) return state;
    if (!state.literals.has(name)) return this.#other(state);
    const known = state.next.get(name);
    if (known !== undefined) return known;
    const next = this.#state(this.#moved(state, name));
    if (state.generation === this.#generation) state.next.set(name, next);
    return next;
  }

  index(from: FieldState, index: number): FieldState {
    return from.isIndexed ? this.step(from, String(index)) : from.isDead ? from : this.#other(from as State);
  }

  #other(state: State): State {
    if (state.other !== null) return state.other;
    const next = this.#state(this.#moved(state, null));
    if (state.generation === this.#generation) state.other = next;
    return next;
  }

  #moved({ positions }: State, name: string | null): number[] {
    const moved: number[] = [];
    for (const position of positions) {
      this.work++;
      const step = this.#steps[position];
      if (step === '**') moved.push(position);
      else if (step === '*' || (step !== null && step !== undefined && step.name === name)) moved.push(position + 1);
    }
    return moved;
  }

  /** With what any run passes over at no step. */
  #state(positions: readonly number[]): State {
    const all = new Set<number>();
    for (let position of positions) {
      for (all.add(position); this.#steps[position] === '**'; ) all.add(++position);
    }
    const sorted = [...all].sort((a, b) => a - b);
    const key = sorted.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= limits.statesMax) {
      this.#states = new Map();
      this.#generation++;
    }
    const state = this.#make(sorted);
    this.#states.set(key, state);
    return state;
  }

  #make(positions: readonly number[]): State {
    let mask: ValueMask | null = null;
    const literals = new Set<string>();
    for (const position of positions) {
      const step = this.#steps[position];
      if (step === null) {
        const value = this.#masks.get(position)!;
        // Of several the strictest; rules come by name, so of equals the first.
        if (mask === null || strictness(value.how) > strictness(mask.how)) mask = value;
      } else if (typeof step === 'object') literals.add(step.name);
    }
    return {
      mask,
      isDead: positions.every((position) => this.#steps[position] === null),
      isIndexed: [...literals].some((name) => /^\d+$/.test(name)),
      positions,
      literals,
      next: new Map(),
      other: null,
      generation: this.#generation,
    };
  }
}
