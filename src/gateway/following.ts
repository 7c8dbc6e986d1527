/**
 * A consumer of the journal that writes what it makes of the events into the store: in order, at least once, from its own cursor.
 *
 * Invariants: a batch is tried until the store took it, and nothing behind it is taken before; a subscription that ended (the journal
 * was opened anew) is begun again from where the cursor stands; a cursor ahead of the journal (a restored backup) is said, and
 * `ahead` decides.
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Event, EventType } from '../core/event.ts';
import type { RecordingJournal, Subscription } from '../recording/index.ts';
import { retry } from './background.ts';
import * as limits from './limits.ts';

export interface FollowerParts {
  /** For the log: `the register of recordings`. */
  readonly name: string;
  readonly journal: RecordingJournal;
  readonly clock: Clock;
  readonly log: Log;
  readonly types: readonly EventType[] | null;
  /** How long events may gather before they are taken in together, milliseconds. */
  readonly gatherMs?: number;
  /** The sequence up to which everything was taken in. */
  cursor(): Promise<number>;
  /** Takes events in, and moves the cursor. Tried again until it resolves. */
  take(events: readonly Event[]): Promise<void>;
  /** The cursor stands behind the journal's end: begins anew where it can. */
  ahead?(): Promise<void>;
}

/** Starts to follow; returns what stops it, once what is being written is written. */
export async function followJournal(parts: FollowerParts): Promise<() => Promise<void>> {
  const { name, journal, clock, log, types } = parts;
  let stopped = false;
  let wake = (): void => {};
  let current: Subscription | null = null;
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = clock.after(limits.followerRetryMs, resolve);
      wake = () => {
        timer.cancel();
        resolve();
      };
    });
  const take = async (events: readonly Event[]): Promise<void> => {
    for (let isFirst = true; !stopped; isFirst = false) {
      try {
        await parts.take(events);
        return;
      } catch (error) {
        if (isFirst) log.warn(`${name} is behind: the store does not answer`, { detail: describeError(error) });
        await pause();
      }
    }
  };
  const follow = async (): Promise<void> => {
    const cursor = await parts.cursor();
    if (cursor > journal.durableSequence) {
      log.warn(`${name} is ahead of the journal`, { cursor, journal: journal.durableSequence });
      await parts.ahead?.();
    }
    const subscription = journal.subscribe((await parts.cursor()) + 1, take, types, parts.gatherMs);
    current = subscription;
    subscription.ended.then(undefined, (error: unknown) => {
      log.error(`${name} stopped; it is begun again`, { detail: describeError(error) });
      retry(clock, limits.followerRetryMs, () => stopped, follow);
    });
  };
  await follow();
  return async () => {
    stopped = true;
    wake();
    current?.close();
    await current?.ended.catch(() => undefined);
  };
}
