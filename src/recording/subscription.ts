/**
 * A consumer of durable events: an index, a sink, a detector. Reads from the files, so a slow one costs no memory, and
 * is woken by the journal, so an idle one costs nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Event, EventType } from '../core/event.ts';
import { JournalCursor } from './cursor.ts';
import * as limits from './limits.ts';

export class Subscription {
  /** Settles when the subscription is over: resolves after `close`, rejects when the handler or a read failed. */
  readonly ended: Promise<void>;
  readonly #cursor: JournalCursor;
  readonly #durable: () => number;
  #isClosed = false;
  #wake: (() => void) | null = null;

  constructor(
    dir: string,
    fromSequence: number,
    handler: (events: readonly Event[]) => void | Promise<void>,
    durable: () => number,
    types: readonly EventType[] | null = null,
  ) {
    this.#cursor = new JournalCursor(dir, fromSequence, types);
    this.#durable = durable;
    this.ended = this.#run(handler);
    this.ended.catch(() => {
      // Whoever does not look at `ended` must not bring the process down with it.
    });
  }

  /** Sequence of the next event it will deliver. */
  get next(): number {
    return this.#cursor.next;
  }

  /** Called by the journal when more is durable. */
  wake(): void {
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  async #run(handler: (events: readonly Event[]) => void | Promise<void>): Promise<void> {
    try {
      while (!this.#isClosed) {
        // What becomes durable while the files are being read is not expected from that read.
        const durable = this.#durable();
        const events = await this.#cursor.take(limits.subscriptionEventsMax, durable);
        if (events.length > 0) await handler(events);
        else if (this.#cursor.next <= durable) throw new Error('the journal ends before what is durable');
        else if (!this.#isClosed && this.#cursor.next > this.#durable()) {
          await this.#sleep();
          // Many commits are read at once: a consumer is behind by this much, and the data path pays for few reads.
          await sleep(limits.subscriptionDelayMs, undefined, { ref: false });
        }
      }
    } finally {
      await this.#cursor.close();
    }
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
