/**
 * The index of what happened: a thread follows the journal into the store (history-worker.ts); here it is begun, ended, begun anew
 * when asked, and the API answered.
 *
 * Invariants: one thread at a time; where it fails it is begun again from where the store says it is; an index that is ahead of its
 * journal (the journal was put back) is built anew.
 *
 * Deliberately absent: what becomes of events (audit), SQL (store).
 */
import type { IndexStatus, SearchPort } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RecordingJournal, SessionRecordings } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import { retry } from './background.ts';
import { gatewayErrors } from './errors.ts';
import { HistoryThread } from './history-thread.ts';
import * as limits from './limits.ts';
import type { Metrics } from './metrics.ts';
import { searchPort } from './searching.ts';

export interface HistoryParts {
  readonly gateway: string;
  readonly store: Pick<Store, 'history' | 'share'>;
  readonly journal: Pick<RecordingJournal, 'dir' | 'durable' | 'durableSequence' | 'failure' | 'flush'>;
  readonly recordings: Pick<SessionRecordings, 'read'>;
  readonly metrics: Pick<Metrics, 'gauge'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Nothing is taken in; what is there, of this gateway and of others, can be asked all the same. */
  readonly isOff?: boolean;
}

export interface History {
  readonly port: SearchPort;
  close(): Promise<void>;
  /** Ends the thread as a crash would: for tests. */
  crash(): Promise<void>;
}

export async function openHistory(parts: HistoryParts): Promise<History> {
  if (parts.isOff === true) return await notFollowing(parts);
  const history = new Following(parts);
  await history.open();
  const { metrics } = parts;
  metrics.gauge('sallyport_history_lag_events', 'Events that the index of what happened does not have yet.', () =>
    history.lag(),
  );
  metrics.gauge(
    'sallyport_history_lag_seconds',
    'How long the oldest event waits that the index does not have yet.',
    () => history.lagMs() / 1000,
  );
  const port = searchPort(parts.store.history, {
    status: () => history.status(),
    rebuild: () => history.rebuild(),
  });
  return { port, close: () => history.close(), crash: () => history.crash() };
}

/** The index as it stands, which nobody writes. */
async function notFollowing({ store, gateway, journal }: HistoryParts): Promise<History> {
  const reached = await store.history.cursor(gateway);
  const port = searchPort(store.history, {
    status: () => ({
      working: false,
      durableSequence: journal.durableSequence,
      lag: Math.max(0, journal.durableSequence - reached),
      rebuilding: null,
    }),
    rebuild: async () => {
      throw gatewayErrors('gateway.history-off');
    },
  });
  return { port, close: async () => undefined, crash: async () => undefined };
}

class Following {
  readonly #parts: HistoryParts;
  #thread: HistoryThread | null = null;
  /** How far the last one was that is gone. */
  #reached = 0;
  #rebuilding: { readonly of: number; readonly startedAtMs: number } | null = null;
  #beginning: Promise<void> | null = null;
  #isClosed = false;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  async open(): Promise<void> {
    const { store, gateway, journal, log } = this.#parts;
    if ((await store.history.cursor(gateway)) > journal.durableSequence) {
      log.warn('history is ahead of the journal; it is built anew');
      await store.history.drop(gateway);
    }
    await this.#follow();
  }

  lag(): number {
    return Math.max(0, this.#parts.journal.durableSequence - (this.#thread?.progress.reached ?? this.#reached));
  }

  lagMs(): number {
    const atMs = this.#thread?.progress.pendingAtMs ?? 0;
    return atMs === 0 ? 0 : Math.max(0, this.#parts.clock.now() - atMs);
  }

  status(): IndexStatus {
    const { journal } = this.#parts;
    const lag = this.lag();
    const reached = journal.durableSequence - lag;
    const rebuilding = this.#rebuilding;
    if (rebuilding !== null && reached >= rebuilding.of) this.#rebuilding = null;
    return {
      working: this.#thread?.progress.hasProblem === false,
      durableSequence: journal.durableSequence,
      lag,
      rebuilding: this.#rebuilding === null ? null : { ...this.#rebuilding, sequence: reached },
    };
  }

  async rebuild(): Promise<void> {
    this.#beginning ??= this.#beginAnew().finally(() => {
      this.#beginning = null;
    });
    await this.#beginning;
  }

  async #beginAnew(): Promise<void> {
    const { store, gateway, journal, clock } = this.#parts;
    // One that is under way goes on.
    if (this.status().rebuilding !== null) return;
    await this.#halt();
    this.#rebuilding = { of: journal.durableSequence, startedAtMs: clock.now() };
    try {
      await store.history.drop(gateway);
      this.#reached = 0;
    } finally {
      await this.#follow();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const { journal, clock } = this.#parts;
    if (journal.failure === null) await journal.flush();
    // What it does not reach now it reads again at the next start.
    const giveUpMs = clock.monotonic() + limits.historyFlushMs;
    while (this.lag() > 0 && this.#thread?.progress.hasProblem === false && clock.monotonic() < giveUpMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await this.#halt();
  }

  /** Ends the thread as a crash would: for tests. */
  async crash(): Promise<void> {
    await this.#thread?.kill();
  }

  async #halt(): Promise<void> {
    const thread = this.#thread;
    if (thread === null) return;
    this.#gone(thread);
    // The batch that is being written finishes first.
    await thread.stop();
  }

  #gone({ progress }: HistoryThread): void {
    this.#reached = progress.reached;
    this.#thread = null;
  }

  async #follow(): Promise<void> {
    const { store, gateway, journal, recordings, clock, log } = this.#parts;
    const from = (await store.history.cursor(gateway)) + 1;
    if (this.#isClosed || this.#thread !== null) return;
    const { dir: directory, durable } = journal;
    const share = store.share();
    const thread = new HistoryThread({ gateway, directory, from, share, durable, recordings, log });
    this.#thread = thread;
    thread.ended.catch((error: unknown) => {
      if (this.#thread !== thread) return;
      this.#gone(thread);
      log.error('history stopped; it is begun again', { detail: describeError(error) });
      retry(
        clock,
        limits.indexRestartMs,
        () => this.#isClosed || this.#thread !== null,
        () => this.#follow(),
      );
    });
  }
}
