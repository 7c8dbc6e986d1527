/**
 * Ordered sequences: selections that must hold one after another within a window, of one group.
 *
 * Of each beginning of the sequence the chain that began last is kept: whatever can still be completed in time can be
 * completed from it, so one chain a step is enough and nothing is missed. An activity serves one step of a chain.
 */
import { Groups } from './groups.ts';
import type { Json } from './json.ts';
import * as limits from './limits.ts';

export interface Chain {
  readonly startMs: number;
  readonly sequences: readonly number[];
}

interface State {
  /** Of step i the chain that ends there. */
  readonly chains: (Chain | null)[];
  lastMs: number;
}

export class Sequences {
  readonly #steps: number;
  readonly #windowMs: number;
  readonly #groups = new Groups<State>((state) => 1 + state.chains.length, limits.windowEntriesTotalMax);

  constructor(steps: number, windowMs: number) {
    this.#steps = steps;
    this.#windowMs = windowMs;
  }

  /** Takes in an activity that serves these steps; the whole chain where it completes one. */
  add(key: string, steps: readonly number[], sequence: number, nowMs: number): Chain | null {
    // A group begins with the first step; nothing is kept of those that never did.
    if (!steps.includes(0) && this.#groups.get(key) === undefined) return null;
    return this.#groups.use(
      key,
      () => ({ chains: new Array<Chain | null>(this.#steps).fill(null), lastMs: nowMs }),
      (state) => this.#change(state, steps, sequence, nowMs),
    );
  }

  #change(state: State, steps: readonly number[], sequence: number, nowMs: number): Chain | null {
    const { chains } = state;
    state.lastMs = nowMs;
    for (let step = this.#steps - 1; step >= 0; step--) {
      if (!steps.includes(step)) continue;
      if (step === 0) {
        chains[0] = { startMs: nowMs, sequences: [sequence] };
        continue;
      }
      const before = chains[step - 1];
      if (before == null || before.startMs <= nowMs - this.#windowMs) continue;
      const chain = { startMs: before.startMs, sequences: [...before.sequences, sequence] };
      if (step === this.#steps - 1) {
        chains.fill(null);
        return chain;
      }
      if ((chains[step]?.startMs ?? Number.NEGATIVE_INFINITY) <= chain.startMs) chains[step] = chain;
    }
    return null;
  }

  forget(nowMs: number): void {
    this.#groups.drop(({ lastMs }) => lastMs <= nowMs - this.#windowMs);
  }

  state(): Json {
    return [...this.#groups.entries()].map(([key, { chains, lastMs }]) => [
      key,
      lastMs,
      chains.map((chain) => (chain === null ? null : [chain.startMs, chain.sequences])),
    ]);
  }

  restore(state: Json): void {
    type Stored = readonly [string, number, readonly (readonly [number, readonly number[]] | null)[]];
    for (const [key, lastMs, chains] of state as unknown as readonly Stored[]) {
      this.#groups.put(key, {
        lastMs,
        chains: chains.map((chain) => (chain === null ? null : { startMs: chain[0], sequences: chain[1] })),
      });
    }
  }
}
