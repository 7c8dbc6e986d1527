/**
 * The index of what happened: follows the journal into the store, is built anew when asked, and answers the API.
 *
 * Invariants: one follower at a time; where it fails it is begun again from where the store says it is; an index that is ahead of its
 * journal (the journal was put back) is built anew.
 *
 * Deliberately absent: what becomes of events (audit), SQL (store).
 */
import type { IndexStatus, SearchPort } from '../api/index.ts';
import { HistoryIndexer, historyTypes, screenEntries } from '../audit/index.ts';
import type { Clock } from '../base/clock.ts';
import { describeError, isGatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Lookups, SessionOpened } from '../core/activity.ts';
import type { Event } from '../core/event.ts';
import type { HistoryEntry } from '../core/history.ts';
import type { RecordingJournal, SessionRecordings, Subscription } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import { retry } from './background.ts';
import { gatewayErrors } from './errors.ts';
import { EmulatedScreen } from './history-screens.ts';
import { journalLookups } from './journal-lookups.ts';
import * as limits from './limits.ts';
import type { Metrics } from './metrics.ts';
import { searchPort } from './searching.ts';

export interface HistoryParts {
  readonly gateway: string;
  readonly store: Pick<Store, 'history' | 'sessions'>;
  readonly journal: Pick<RecordingJournal, 'durableSequence' | 'failure' | 'flush' | 'subscribe'>;
  readonly recordings: Pick<SessionRecordings, 'read'>;
  readonly readEvents: (from: number) => AsyncIterable<Event>;
  readonly metrics: Pick<Metrics, 'gauge'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Nothing is taken in; what is there, of this gateway and of others, can be asked all the same. */
  readonly isOff?: boolean;
}

export interface History {
  readonly port: SearchPort;
  close(): Promise<void>;
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
  return { port, close: () => history.close() };
}

/** The index as it stands, which nobody writes. */
async function notFollowing({ store, gateway, journal }: HistoryParts): Promise<History> {
  const reached = await store.history.cursor(gateway);
  const port = searchPort(store.history, {
    status: () => ({
      working: false,
      durableSequence: journal.durableSequence,
      lag: Math.max(0, journal.durableSequence - reached),
      substrings: store.history.partSearch === 'indexed',
      rebuilding: null,
    }),
    rebuild: async () => {
      throw gatewayErrors('gateway.history-off');
    },
  });
  return { port, close: async () => undefined };
}

class Following {
  readonly #parts: HistoryParts;
  readonly #lookups: Lookups;
  #indexer: HistoryIndexer | null = null;
  #subscription: Subscription | null = null;
  #rebuilding: { readonly of: number; readonly startedAtMs: number } | null = null;
  #beginning: Promise<void> | null = null;
  #isClosed = false;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#lookups = journalLookups(parts);
  }

  async open(): Promise<void> {
    const { store, gateway, journal, log } = this.#parts;
    if ((await store.history.cursor(gateway)) > journal.durableSequence) {
      log.warn('history is ahead of the journal; it is built anew');
      await store.history.drop(gateway);
    }
    await this.#follow();
  }

  /** The sequence up to which everything is in the index. */
  get #reached(): number {
    const next = this.#indexer?.pending?.seq ?? this.#subscription?.next ?? 1;
    return next - 1;
  }

  lag(): number {
    return Math.max(0, this.#parts.journal.durableSequence - this.#reached);
  }

  lagMs(): number {
    const at = this.#indexer?.pending?.at;
    return at === undefined ? 0 : Math.max(0, this.#parts.clock.now() - at);
  }

  status(): IndexStatus {
    const { journal, store } = this.#parts;
    const reached = this.#reached;
    const rebuilding = this.#rebuilding;
    if (rebuilding !== null && reached >= rebuilding.of) this.#rebuilding = null;
    return {
      working: this.#subscription !== null && this.#indexer?.problem === null,
      durableSequence: journal.durableSequence,
      lag: this.lag(),
      substrings: store.history.partSearch === 'indexed',
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
    while (this.lag() > 0 && this.#indexer?.problem === null && clock.monotonic() < giveUpMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await this.#halt();
  }

  async #halt(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = null;
    subscription?.close();
    // The batch that is being written finishes first.
    await this.#indexer?.stop();
    await subscription?.ended.catch(() => undefined);
  }

  async #follow(): Promise<void> {
    const { store, gateway, journal, clock, log } = this.#parts;
    const from = (await store.history.cursor(gateway)) + 1;
    const indexer = new HistoryIndexer({
      gateway,
      store: store.history,
      lookups: this.#lookups,
      screens: (sealed, opened) => this.#screens(sealed, opened),
      clock,
      log,
    });
    const subscription = journal.subscribe(from, (events) => indexer.take(events), historyTypes);
    this.#indexer = indexer;
    this.#subscription = subscription;
    subscription.ended.then(undefined, (error: unknown) => {
      if (this.#subscription !== subscription) return;
      this.#subscription = null;
      void indexer.stop();
      log.error('history stopped; it is begun again', { detail: describeError(error) });
      retry(
        clock,
        limits.indexRestartMs,
        () => this.#isClosed || this.#subscription !== null,
        () => this.#follow(),
      );
    });
  }

  /** A recording that was deleted, or cannot be read, has no text: what its commands did is in the index all the same. */
  async #screens(
    sealed: Extract<Event, { readonly type: 'recording.sealed' }>,
    opened: SessionOpened | null,
  ): Promise<readonly HistoryEntry[]> {
    const { recordings, log } = this.#parts;
    if (opened === null || !withTerminals.has(opened.protocol)) return [];
    try {
      const read = recordings.read(sealed.session);
      return await screenEntries(read, sealed, opened, (columns, rows) => new EmulatedScreen(columns, rows));
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      log.warn('the terminals of a recording could not be read for the index', { detail: describeError(error) });
      return [];
    }
  }
}

/** Protocols whose sessions may have terminals: the others' recordings are not read. */
const withTerminals: ReadonlySet<string> = new Set(['ssh', 'kubernetes']);
