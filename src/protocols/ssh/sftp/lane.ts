/**
 * Who may go on, and who waits for whom.
 *
 * `PathLane`: requests on paths keep the order in which they change things. What changes names is alone on the lane; what
 * only looks goes beside others that look. A command that waits for a human leaves the lane and comes back at its end, so
 * that it holds nobody up; whoever comes back must look at its path again.
 *
 * `HandleLane`: requests on one handle go in order; those behind one that waits, wait with it. Other handles go on.
 */

import * as limits from './limits.ts';

interface Entry {
  readonly exclusive: boolean;
  readonly start: () => void;
}

export class PathLane {
  readonly #queue: Entry[] = [];
  #running = 0;
  #exclusive = false;

  /** Resolves when it may go on; `leave` must follow. */
  enter(exclusive: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push({ exclusive, start: resolve });
      this.#advance();
    });
  }

  leave(): void {
    this.#running--;
    if (this.#running === 0) this.#exclusive = false;
    this.#advance();
  }

  #advance(): void {
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || this.#exclusive || (next.exclusive && this.#running > 0)) return;
      if (this.#running >= limits.pathRequestsMax) return;
      this.#queue.shift();
      this.#running++;
      this.#exclusive = next.exclusive;
      next.start();
    }
  }
}

export class HandleLane {
  #queue: (() => void)[] = [];
  #blocks = 0;

  /** Runs `job` once everything before it has. It may call `block`. */
  push(job: () => void): void {
    if (this.isBusy) this.#queue.push(job);
    else job();
  }

  get isWaiting(): boolean {
    return this.#blocks > 0;
  }

  /** A job that is pushed now would not run within the call. */
  get isBusy(): boolean {
    return this.#blocks > 0 || this.#queue.length > 0;
  }

  /** Nothing more starts until the returned function is called. */
  block(): () => void {
    this.#blocks++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#blocks--;
      while (this.#blocks === 0) {
        const job = this.#queue.shift();
        if (job === undefined) return;
        job();
      }
    };
  }
}
