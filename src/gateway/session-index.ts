/** Joins the index of sessions (audit) with the journal it follows and the store it stands in. */
import { indexedTypes, indexSessions } from '../audit/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { RecordingJournal } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import { inBackground } from './background.ts';
import * as limits from './limits.ts';

export interface SessionIndexParts {
  readonly gateway: string;
  readonly store: Store;
  readonly journal: RecordingJournal;
  readonly clock: Clock;
  readonly log: Log;
}

/** Starts to follow; returns what takes in the last events and stops. */
export async function followSessions(parts: SessionIndexParts): Promise<() => Promise<void>> {
  const { gateway, store, journal, clock, log } = parts;
  const cursorName = `sessions:${gateway}`;
  if ((await store.sessions.cursor(cursorName)) > journal.durableSequence) {
    log.warn('the index of sessions is ahead of the journal; it is built anew');
    await store.sessions.clearIndex(cursorName, gateway);
  }
  const { index, from } = await indexSessions({ store: store.sessions, gateway, clock, log });
  const subscription = journal.subscribe(
    from,
    (events) => {
      for (const event of events) index.event(event);
    },
    indexedTypes,
  );
  inBackground(log, 'the index of sessions stopped', subscription.ended);
  return async () => {
    if (journal.failure === null) await journal.flush();
    // What the index does not reach now it reads again at the next start.
    const giveUpMs = clock.monotonic() + limits.indexFlushMs;
    while (subscription.next <= journal.durableSequence && clock.monotonic() < giveUpMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    subscription.close();
    await index.flush();
  };
}
