/**
 * A consumer of durable events: an index, a sink, a detector. Reads from the files, so a slow one costs no memory, and
 * is woken by the journal, so an idle one costs nothing. At the journal's end those who follow share what was read.
 */
import type { Event, EventType } from '../core/event.ts';
import { JournalCursor } from './cursor.ts';
import * as limits from './limits.ts';
import type { RecentEvents } from './recent.ts';

export class Subscription {
  /** Settles when the subscription is over: resolves after `close`, rejects when the handler or a read failed. */
  readonly ended: Promise<void>;
  readonly #dir: string;
  readonly #durable: () => number;
  readonly #types: readonly EventType[] | null;
  readonly #wanted: ReadonlySet<string> | null;
  readonly #recent: RecentEvents | null;
  readonly #gatherMs: number;
  /** Null while it takes what others read. */
  #cursor: JournalCursor | null = null;
  #next: number;
  #pruned = 0;
  #hasJoined = false;
  #isClosed = false;
  #wake: (() => void) | null = null;
  #endGathering: (() => void) | null = null;

  constructor(
    dir: string,
    fromSequence: number,
    handler: (events: readonly Event[]) => void | Promise<void>,
    durable: () => number,
    types: readonly EventType[] | null = null,
    recent: RecentEvents | null = null,
    gatherMs: number = limits.subscriptionDelayMs,
  ) {
    this.#dir = dir;
    this.#next = Math.max(1, fromSequence);
    this.#types = types;
    this.#wanted = types === null ? null : new Set(types);
    this.#recent = recent;
    this.#durable = durable;
    this.#gatherMs = gatherMs;
    this.ended = this.#run(handler);
    this.ended.catch(() => {
      // Whoever does not look at `ended` must not bring the process down with it.
    });
  }

  /** Sequence of the next event it will deliver. */
  get next(): number {
    return this.#next;
  }

  /** Events it passed over because only their digests are left. */
  get pruned(): number {
    return this.#pruned + (this.#cursor?.pruned ?? 0);
  }

  /** Called by the journal when more is durable. */
  wake(): void {
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#endGathering?.();
    this.#wake?.();
  }

  async #run(handler: (events: readonly Event[]) => void | Promise<void>): Promise<void> {
    try {
      while (!this.#isClosed) {
        // What becomes durable while the files are being read is not expected from that read.
        const durable = this.#durable();
        const before = this.#next;
        const events = await this.#take(durable);
        if (events.length > 0) await handler(events);
        else if (this.#next <= durable && this.#next === before)
          throw new Error('the journal ends before what is durable');
        else if (!this.#isClosed && this.#next > this.#durable()) {
          this.#join();
          await this.#sleep();
          // Many commits are read at once: a consumer is behind by this much, and the data path pays for few reads.
          await this.#gather();
        }
      }
    } finally {
      if (this.#hasJoined) this.#recent?.leave();
      await this.#cursor?.close();
    }
  }

  async #take(durable: number): Promise<Event[]> {
    // Nothing new: a cursor, with the memory it reads into, is not begun for that.
    if (this.#next > durable) return [];
    const shared = await this.#recent?.take(this.#next, limits.subscriptionEventsMax, durable, this.#wanted);
    if (shared !== null && shared !== undefined) {
      this.#next = shared.next;
      this.#pruned = this.pruned;
      const cursor = this.#cursor;
      this.#cursor = null;
      await cursor?.close();
      return shared.events;
    }
    this.#cursor ??= new JournalCursor(this.#dir, this.#next, this.#types);
    const events = await this.#cursor.take(limits.subscriptionEventsMax, durable);
    this.#next = this.#cursor.next;
    return events;
  }

  #join(): void {
    if (this.#hasJoined || this.#recent === null || this.#types !== null) return;
    this.#hasJoined = true;
    this.#recent.join(this.#next);
  }

  async #gather(): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#gatherMs).unref();
      this.#endGathering = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endGathering = null;
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }
}
