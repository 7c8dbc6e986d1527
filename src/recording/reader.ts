/** Reading the journal back: its events, in order, from a directory. */
import type { Event, EventType } from '../core/event.ts';
import { JournalCursor } from './cursor.ts';
import * as limits from './limits.ts';

export interface EventRange {
  /** First sequence; 1 by default. */
  readonly from?: number;
  /** Last sequence; the end by default. */
  readonly to?: number;
  /** Only these; others are passed over without being decoded. */
  readonly types?: readonly EventType[];
  /** Told at the end how many events were passed over because only their digests are left. */
  readonly onPruned?: (events: number) => void;
}

/** The events of the journal in `dir`. Throws `recording.journal-damaged` where the files cannot be believed. */
export async function* readEvents(dir: string, range: EventRange = {}): AsyncGenerator<Event> {
  const to = range.to ?? Number.MAX_SAFE_INTEGER;
  const cursor = new JournalCursor(dir, range.from ?? 1, range.types ?? null);
  try {
    for (;;) {
      const events = await cursor.take(limits.subscriptionEventsMax, to);
      if (events.length === 0) {
        if (cursor.pruned > 0) range.onPruned?.(cursor.pruned);
        return;
      }
      yield* events;
    }
  } finally {
    await cursor.close();
  }
}
