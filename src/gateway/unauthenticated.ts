/**
 * Connections that have no session yet, bounded per source and in all (A-GW-02, F-13).
 *
 * A source that has all its places waits for one of its own: a pool that opens fifty connections at once gets them all,
 * a few at a time, and nothing is read from those that wait. Where all places are taken, the source that holds most of
 * them gives up its oldest: whoever means it is through within a second, and whoever holds places to keep others out holds
 * the most. So a handful of sources cannot close the door.
 *
 * Invariant: never more than `unauthenticatedConnectionsMax` with a place, never more than `unauthenticatedPerSourceMax` of
 * a source, never more than `waitingPerSourceMax` of a source and `waitingMax` in all that wait, each at most
 * `waitingDeadlineMs`.
 * Deliberately absent: what a source is (the caller says), deadlines of those that have a place (each protocol's start-up
 * has them).
 */
import type { Clock, Timer } from '../base/clock.ts';
import * as limits from './limits.ts';

/** A connection that wants a place. */
export interface Comer {
  readonly source: string;
  /** It has its place: called once, possibly before `enter` returns. */
  readonly entered: () => void;
  /** It must go: no place came free in time, or it gave up its own. */
  readonly drop: () => void;
}

interface Source {
  /** With a place, the oldest first. */
  readonly placed: Set<Comer>;
  /** The oldest first, each with its deadline. */
  readonly waiting: Map<Comer, Timer>;
}

export class Unauthenticated {
  readonly #clock: Clock;
  readonly #sources = new Map<string, Source>();
  #placed = 0;
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Connections that have a place. */
  get size(): number {
    return this.#placed;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Takes a place, now or later; false where `source` has too many that wait already. */
  enter(comer: Comer): boolean {
    const source = this.#sources.get(comer.source) ?? { placed: new Set(), waiting: new Map() };
    if (source.placed.size >= limits.unauthenticatedPerSourceMax) {
      if (source.waiting.size >= limits.waitingPerSourceMax || this.#waiting >= limits.waitingMax) return false;
      const timer = this.#clock.after(limits.waitingDeadlineMs, () => {
        this.leave(comer);
        comer.drop();
      });
      source.waiting.set(comer, timer);
      this.#waiting++;
      return true;
    }
    if (this.#placed >= limits.unauthenticatedConnectionsMax) this.#evict();
    this.#sources.set(comer.source, source);
    this.#place(source, comer);
    return true;
  }

  /** Gives the place back, or stops waiting for one. Idempotent. */
  leave(comer: Comer): void {
    const source = this.#sources.get(comer.source);
    if (source === undefined) return;
    const timer = source.waiting.get(comer);
    if (timer !== undefined) {
      timer.cancel();
      source.waiting.delete(comer);
      this.#waiting--;
    } else if (source.placed.delete(comer)) {
      this.#placed--;
      this.#next(source);
    }
    if (source.placed.size === 0 && source.waiting.size === 0) this.#sources.delete(comer.source);
  }

  #place(source: Source, comer: Comer): void {
    source.placed.add(comer);
    this.#placed++;
    comer.entered();
  }

  /** The oldest that waits takes the place that came free. */
  #next(source: Source): void {
    for (const [comer, timer] of source.waiting) {
      timer.cancel();
      source.waiting.delete(comer);
      this.#waiting--;
      this.#place(source, comer);
      return;
    }
  }

  #evict(): void {
    let most: Source | null = null;
    for (const source of this.#sources.values()) {
      if (most === null || source.placed.size > most.placed.size) most = source;
    }
    for (const oldest of most?.placed ?? []) {
      most?.placed.delete(oldest);
      this.#placed--;
      oldest.drop();
      return;
    }
  }
}
