/**
 * The events that were read last, decoded once for all who follow the journal: an index, detections and ten sinks at its
 * end want the same ones, and decoding costs more than anything else they have in common.
 *
 * Invariants: what it gives was read from the files and confirmed by the chain, as a cursor of one's own would; bounded in
 * events and bytes, so whoever falls behind reads for itself; one read at a time. Events are shared: nobody changes one.
 *
 * Only who takes every event (`isAny`) has it read on: for one that picks a few types, decoding all would cost more than it saves.
 */
import type { Event } from '../core/event.ts';
import { JournalCursor } from './cursor.ts';
import * as limits from './limits.ts';

/** Events read together; each begins where the one before ends. */
interface Read {
  readonly from: number;
  /** One past its last event. */
  readonly next: number;
  readonly events: readonly Event[];
  readonly bytes: number;
}

export interface Taken {
  readonly events: Event[];
  /** One past the last event that was looked at, wanted or not. */
  readonly next: number;
}

export class RecentEvents {
  readonly #dir: string;
  #cursor: JournalCursor | null = null;
  #reads: Read[] = [];
  #events = 0;
  #bytes = 0;
  /** One past the last event held. */
  #next = 0;
  #reading: Promise<void> | null = null;
  /** Those at the end of the journal that take every event. */
  #followers = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Somebody who takes every event has come to the end of the journal, where `next` is what comes next. */
  join(next: number): void {
    this.#followers++;
    if (this.#cursor !== null && this.#next >= next) return;
    const stale = this.#cursor;
    this.#cursor = new JournalCursor(this.#dir, next);
    this.#reads = [];
    this.#events = 0;
    this.#bytes = 0;
    this.#next = next;
    stale?.close().catch(() => {
      // It was read only: a file that cannot be closed took nothing along.
    });
  }

  /** One of those is gone. */
  leave(): void {
    this.#followers--;
  }

  /**
   * Up to `limit` events from `next` to `to`, with `types` only those of them; null where it does not hold what comes next
   * and is not to read it. Rejects as a cursor does.
   */
  async take(next: number, limit: number, to: number, types: ReadonlySet<string> | null): Promise<Taken | null> {
    if (next > to || this.#cursor === null) return null;
    if (next === this.#next && (this.#followers > 0 || this.#reading !== null)) {
      this.#reading ??= this.#read(to).finally(() => {
        this.#reading = null;
      });
      await this.#reading;
    }
    return this.#held(next, limit, to, types);
  }

  async close(): Promise<void> {
    const cursor = this.#cursor;
    this.#cursor = null;
    this.#reads = [];
    await this.#reading?.catch(() => {
      // Whoever asked for it was told.
    });
    await cursor?.close();
  }

  async #read(to: number): Promise<void> {
    const cursor = this.#cursor!;
    const from = this.#next;
    const events = await cursor.take(limits.subscriptionEventsMax, to);
    if (events.length === 0 || cursor !== this.#cursor) return;
    this.#next = cursor.next;
    const bytes = cursor.takenBytes;
    this.#reads.push({ from, next: this.#next, events, bytes });
    this.#events += events.length;
    this.#bytes += bytes;
    while (this.#reads.length > 1 && (this.#events > limits.recentEventsMax || this.#bytes > limits.recentBytesMax)) {
      const oldest = this.#reads.shift()!;
      this.#events -= oldest.events.length;
      this.#bytes -= oldest.bytes;
    }
  }

  #held(next: number, limit: number, to: number, types: ReadonlySet<string> | null): Taken | null {
    let index = this.#reads.findLastIndex(({ from }) => from <= next);
    if (index === -1 || next >= this.#next) return null;
    const events: Event[] = [];
    let passed = next;
    for (; index < this.#reads.length; index++) {
      for (const event of this.#reads[index]!.events) {
        if (event.seq < next) continue;
        if (event.seq > to || events.length === limit) return { events, next: passed };
        passed = event.seq + 1;
        if (types === null || types.has(event.type)) events.push(event);
      }
      passed = Math.max(passed, Math.min(this.#reads[index]!.next, to + 1));
    }
    return { events, next: passed };
  }
}
