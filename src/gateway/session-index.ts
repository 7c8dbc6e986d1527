/**
 * Joins the index of sessions (audit) with the journal it follows and the store it stands in. An index that stopped is
 * begun again from where the store says it is.
 */
import { indexedTypes, indexSessions, type SessionIndex } from '../audit/index.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RecordingJournal, Subscription } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import { retry } from './background.ts';
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
  let stopped = false;
  let current: { readonly index: SessionIndex; readonly subscription: Subscription };
  const follow = async (): Promise<void> => {
    const { index, from } = await indexSessions({ store: store.sessions, gateway, clock, log });
    const take = (events: Parameters<Parameters<RecordingJournal['subscribe']>[1]>[0]): void => {
      for (const event of events) index.event(event);
    };
    const subscription = journal.subscribe(from, take, indexedTypes);
    current = { index, subscription };
    subscription.ended.then(undefined, (error: unknown) => {
      log.error('the index of sessions stopped; it is begun again', { detail: describeError(error) });
      retry(clock, limits.indexRestartMs, () => stopped, follow);
    });
  };
  await follow();
  return async () => {
    stopped = true;
    const { index, subscription } = current;
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
