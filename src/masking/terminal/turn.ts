/**
 * How long one call may look for findings before the loop is given back: what is left then waits for the next call.
 *
 * Time decides only when something is done, never what: what comes out is the same.
 */
import * as limits from './limits.ts';

export class Turn {
  #deadlineMs = 0;
  #late = false;

  get isLate(): boolean {
    return this.#late;
  }

  begin(): void {
    this.#deadlineMs = performance.now() + limits.turnMs;
    this.#late = false;
  }

  /** For the end of a stream, where nothing may wait. */
  beginWithoutEnd(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#late = false;
  }

  /** After each piece of work. */
  check(): void {
    if (!this.#late) this.#late = performance.now() > this.#deadlineMs;
  }
}
