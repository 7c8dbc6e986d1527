/**
 * Reads of the same thing that wait at the same time are one read: when many connect at once, each asks for the same
 * credential and the same principal's tokens, and a statement each is what they then wait for.
 *
 * Invariants: a read begins after everybody whom it answers has asked, so that nobody is told what was so before; a read that
 * failed fails those alone who waited for it, and the next ask anew; nothing is kept once it was answered.
 *
 * Deliberately absent: a cache.
 */

interface Under<Result> {
  /** What runs now: begun before whoever comes next. */
  readonly current: Promise<Result>;
  /** What begins when that is over; shared by all who came meanwhile. */
  next: Promise<Result> | null;
}

export class Together<Result> {
  readonly #under = new Map<string, Under<Result>>();

  /** Things that are being read. */
  get size(): number {
    return this.#under.size;
  }

  /** What `ask` answers, asked by this caller or by another who asked for the same `key` and has not been answered either. */
  read(key: string, ask: () => Promise<Result>): Promise<Result> {
    const under = this.#under.get(key);
    if (under === undefined) return this.#begin(key, ask);
    const go = (): Promise<Result> => this.#begin(key, ask);
    under.next ??= under.current.then(go, go);
    return under.next;
  }

  #begin(key: string, ask: () => Promise<Result>): Promise<Result> {
    const under: Under<Result> = { current: ask(), next: null };
    this.#under.set(key, under);
    const over = (): void => {
      if (under.next === null) this.#under.delete(key);
    };
    under.current.then(over, over);
    return under.current;
  }
}
