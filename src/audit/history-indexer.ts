/**
 * Keeps the index of what happened: joins durable events, makes entries of them, and writes those in batches.
 *
 * Invariants:
 * - In order and at least once: the cursor moves with the rows, and stands before whatever was not written yet; one batch at a time.
 * - Off the data path. Events are taken only as fast as the store takes entries, so a slow store costs no memory here; one that
 *   does not answer is asked again, later and later, and the index says how far it is behind.
 * - Entries of one batch are merged: a command that begins and ends within it is written once.
 *
 * Deliberately absent: reading the journal (whoever follows it), SQL, questions.
 */

import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Activities, type Lookups, type SessionOpened } from '../core/activity.ts';
import type { Event } from '../core/event.ts';
import type { HistoryBatch, HistoryEntry, HistoryStore } from '../core/history.ts';
import { entriesOf, type ReviewRequest, requestOf, reviewOf } from './history-entries.ts';
import * as limits from './limits.ts';

export interface HistoryIndexerParts {
  readonly gateway: string;
  readonly store: Pick<HistoryStore, 'write' | 'reviewRequest' | 'maintain'>;
  readonly lookups: Lookups;
  /** What stood on the terminals of a session that was sealed at this event. Never rejects: what cannot be read has no entries. */
  readonly screens: (
    sealed: Extract<Event, { readonly type: 'recording.sealed' }>,
    opened: SessionOpened | null,
  ) => Promise<readonly HistoryEntry[]>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long it rests after a batch, as a share of what that took; not at all where absent. */
  readonly restShare?: () => number;
  /** Called whenever `pending` or `problem` may have changed. */
  readonly onProgress?: () => void;
}

type Waiting = Pick<Event, 'seq' | 'at'>;

export class HistoryIndexer {
  readonly #parts: HistoryIndexerParts;
  readonly #activities: Activities;
  /** Requests of reviews that are not over, so that decisions find them without asking the store. */
  readonly #requests = new Map<string, ReviewRequest>();
  /** Sessions that ended a while ago: their recordings are sealed, and read, later. */
  readonly #over = new Map<string, SessionOpened>();
  /** What is to be written, by key; made only then, since a command's entry is replaced again and again. */
  #waiting = new Map<string, () => HistoryEntry>();
  #ended: { readonly session: string; readonly sequence: number }[] = [];
  /** The last event of which everything is in `#waiting`, or written. */
  #last: Waiting | null = null;
  /** The first event that waits; of what is being written; and the one that is being taken in. */
  #first: Waiting | null = null;
  #writingFrom: Waiting | null = null;
  #adding: Waiting | null = null;
  #writing: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #problem: string | null = null;
  #isStopped = false;
  #stop: () => void = () => {};
  readonly #stopped = new Promise<void>((resolve) => {
    this.#stop = resolve;
  });

  constructor(parts: HistoryIndexerParts) {
    this.#parts = parts;
    const { lookups } = parts;
    this.#activities = new Activities({
      opened: async (session) => {
        const recent = this.#over.get(session);
        if (recent !== undefined) return recent;
        // What is looked up may be among what waits.
        await this.flush();
        return await lookups.opened(session);
      },
      command: async (session, command, opened) => {
        await this.flush();
        return await lookups.command(session, command, opened);
      },
    });
  }

  /** Why it does not get on; null while it does. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The first event that was taken and is not written yet; null where there is none. */
  get pending(): Waiting | null {
    return this.#writingFrom ?? this.#first ?? this.#adding;
  }

  /** Takes durable events, in order. Resolves as soon as more may come: what is left is written a little later. */
  async take(events: readonly Event[]): Promise<void> {
    for (const event of events) {
      if (this.#isStopped) return;
      this.#adding = event;
      this.#first ??= event;
      await this.#add(event);
      this.#adding = null;
      if (this.#waiting.size >= limits.historyBatchEntries) await this.flush();
    }
    if (this.#last === null || this.#isStopped) return;
    this.#timer ??= this.#parts.clock.after(limits.historyDelayMs, () => void this.flush());
  }

  /** Writes what waits. Never rejects: it is tried until it works, or nobody wants it any more. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Gives up waiting for a store that does not answer. What was not written is read again at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#stop();
    await this.#writing;
  }

  async #add(event: Event): Promise<void> {
    const joined = this.#activities.join(event);
    const activity = joined instanceof Promise ? await joined : joined;
    if (isOfCommand(event)) {
      const { command } = activity;
      if (command !== null) this.#waiting.set(`${command.intent.seq}.0`, () => entriesOf(activity, null)[0]!);
      this.#last = event;
      return;
    }
    const review = reviewOf(event);
    const request = review === null ? null : await this.#requestOf(review);
    for (const entry of entriesOf(activity, request)) this.#put(entry);
    if (event.type === 'review.requested') {
      remember(this.#requests, event.review, requestOf(event, activity.opened), limits.historyRequestsMax);
    }
    if (event.type === 'review.ended') this.#requests.delete(event.review);
    if (event.type === 'session.ended') {
      this.#ended.push({ session: event.session, sequence: event.seq });
      if (activity.opened !== null) remember(this.#over, event.session, activity.opened, limits.historyOverMax);
    }
    if (event.type === 'recording.sealed') {
      for (const screen of await this.#parts.screens(event, activity.opened)) {
        this.#put(screen);
        // The cursor does not pass this event before all of its entries are there; some of them may be earlier.
        if (this.#waiting.size >= limits.historyBatchEntries) await this.flush();
      }
    }
    this.#last = event;
  }

  #put(entry: HistoryEntry): void {
    this.#waiting.set(`${entry.sequence}.${entry.part}`, () => entry);
  }

  async #requestOf(review: string): Promise<ReviewRequest | null> {
    const known = this.#requests.get(review);
    if (known !== undefined) return known;
    // It was asked for before this process began, or through another gateway.
    await this.flush();
    return await this.#untilDone(() => this.#parts.store.reviewRequest(review));
  }

  async #write(): Promise<void> {
    const last = this.#last;
    if (this.#isStopped || (last === null && this.#waiting.size === 0)) return;
    const batch: HistoryBatch = {
      gateway: this.#parts.gateway,
      // Entries of an event that is still being taken in may go with it: the cursor stays before that.
      upToSequence: last?.seq ?? 0,
      atMs: last?.at ?? 0,
      entries: Array.from(this.#waiting.values(), (make) => make()),
      ended: this.#ended,
    };
    this.#writingFrom = this.#first;
    this.#first = this.#adding;
    this.#waiting = new Map();
    this.#ended = [];
    this.#last = null;
    const began = this.#parts.clock.monotonic();
    await this.#untilDone(() => this.#parts.store.write(batch));
    // Stopped before it was written: it stays what waits.
    if (this.#isStopped) return;
    this.#writingFrom = null;
    this.#parts.onProgress?.();
    // Only what keeps it quick: where that fails, the next batch tells whether the store works.
    await this.#parts.store.maintain().catch((error: unknown) => this.#failed(error));
    await this.#rest(batch.atMs, began);
  }

  /** Under load the data path comes first; the less so, the further it is behind. */
  async #rest(atMs: number, beganMs: number): Promise<void> {
    const { clock, restShare } = this.#parts;
    const share = restShare?.() ?? 0;
    const isLate = clock.now() - atMs > limits.historyLateMs;
    const restMs = (clock.monotonic() - beganMs) * share * (isLate ? limits.historyLateRest : 1);
    if (restMs >= 1) await this.#pause(restMs);
  }

  /** Tries until it works, or nobody wants it any more: then null. */
  async #untilDone<T>(work: () => Promise<T>): Promise<T | null> {
    for (
      let delayMs = limits.retryDelayMs;
      !this.#isStopped;
      delayMs = Math.min(delayMs * 2, limits.historyRetryMsMax)
    ) {
      try {
        const done = await work();
        if (this.#problem !== null) {
          this.#problem = null;
          this.#parts.onProgress?.();
        }
        return done;
      } catch (error) {
        this.#failed(error);
        await this.#pause(delayMs);
      }
    }
    return null;
  }

  #failed(error: unknown): void {
    const detail = describeError(error);
    if (this.#problem === null) this.#parts.log.warn('history is behind: the store does not answer', { detail });
    this.#problem = detail;
    this.#parts.onProgress?.();
  }

  async #pause(delayMs: number): Promise<void> {
    let timer: { cancel(): void } | null = null;
    const elapsed = new Promise<void>((resolve) => {
      timer = this.#parts.clock.after(delayMs, resolve);
    });
    await Promise.race([elapsed, this.#stopped]);
    (timer as { cancel(): void } | null)?.cancel();
  }
}

function isOfCommand({ type }: Event): boolean {
  return type === 'command.intent' || type === 'command.verdict' || type === 'command.ended';
}

/** Keeps the latest so many. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  if (map.size >= most) {
    const oldest = map.keys().next().value;
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}
