/**
 * The budget of one cell (A-MSK-01): what detectors do is counted, and once too much was done the cell is masked whole.
 * Counted, never timed, so that the same value is always masked the same way.
 */
import * as limits from './limits.ts';

export class Work {
  #left = limits.cellWorkMax;
  #patternLeft = limits.patternStepsMax;
  #locateLeft = limits.patternLocateStepsMax;
  #exhausted = false;
  #refusals = 0;

  /** For the next cell. */
  reset(): void {
    this.#left = limits.cellWorkMax;
    this.#patternLeft = limits.patternStepsMax;
    this.#locateLeft = limits.patternLocateStepsMax;
    this.#exhausted = false;
    this.#refusals = 0;
  }

  /** True once a budget is spent: whatever was found so far is not all. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** How often work was asked for after the budget was spent, for tests: each detector must stop at the first refusal. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Asks before the work is done. False: do not do it. */
  spend(units: number): boolean {
    if (units > this.#left) this.#exhausted = true;
    if (this.#exhausted) this.#refusals++;
    else this.#left -= units;
    return !this.#exhausted;
  }

  /** For an operator's pattern that runs over a text: characters times instructions. */
  spendPattern(steps: number): boolean {
    this.#patternLeft -= steps;
    if (this.#patternLeft < 0) this.#exhausted = true;
    return !this.#exhausted;
  }

  /** For finding where it matched. */
  spendLocate(steps: number): boolean {
    this.#locateLeft -= steps;
    if (this.#locateLeft < 0) this.#exhausted = true;
    return !this.#exhausted;
  }
}
