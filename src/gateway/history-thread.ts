/**
 * The main thread's end of the thread that keeps the index of what happened.
 *
 * Invariants: the thread costs the main thread nothing while it works: it reads the journal's files itself, learns from shared memory
 * how far they are durable, asks the store by itself, and says in shared memory how far it is. Recordings are the exception, and only
 * those with terminals: their keys stay here, so they are read here, piece by piece as the thread asks.
 *
 * Deliberately absent: beginning again (history.ts).
 */
import { Worker } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RecordedEntry } from '../core/recording.ts';
import type { DurableMark, SessionRecordings } from '../recording/index.ts';
import type { StoreShare } from '../store/index.ts';
import {
  type FromHistory,
  HistoryProgress,
  type HistoryStart,
  type TerminalEntry,
  type ToHistory,
} from './history-messages.ts';
import * as limits from './limits.ts';

export interface HistoryThreadParts {
  readonly gateway: string;
  readonly directory: string;
  /** First sequence to take in. */
  readonly from: number;
  readonly share: StoreShare;
  readonly durable: DurableMark;
  readonly recordings: Pick<SessionRecordings, 'read'>;
  readonly log: Log;
}

export class HistoryThread {
  readonly progress = new HistoryProgress();
  /** Settles when the thread is gone: resolves after `stop`, rejects when it failed. */
  readonly ended: Promise<void>;
  readonly #parts: HistoryThreadParts;
  readonly #worker: Worker;
  readonly #reading = new Map<number, AsyncIterator<RecordedEntry>>();
  #isStopping = false;

  constructor(parts: HistoryThreadParts) {
    const { gateway, directory, from, share, durable } = parts;
    this.#parts = parts;
    this.progress.reached = from - 1;
    const start: HistoryStart = {
      gateway,
      directory,
      from,
      share,
      durable: durable.memory,
      progress: this.progress.memory,
    };
    // A build rewrites sources to .js, and a URL is not an import that it would see.
    const file = import.meta.url.endsWith('.ts') ? './history-worker.ts' : './history-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: start,
      transferList: share.engine === 'embedded' ? [share.port] : [],
      name: 'history',
      execArgv: [],
    });
    this.ended = new Promise((resolve, reject) => {
      this.#worker.on('error', reject);
      this.#worker.on('exit', (code) => {
        for (const reading of this.#reading.values()) void reading.return?.();
        this.#reading.clear();
        if (this.#isStopping) resolve();
        else reject(new Error(`the thread ended with ${code}`));
      });
    });
    this.ended.catch(() => {
      // Whoever does not look at `ended` must not bring the process down with it.
    });
    this.#worker.on('message', (message: FromHistory) => this.#take(message));
  }

  /** Ends it once the batch under way is written, or that took too long: the cursor stands where it stood then. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#say({ type: 'stop' });
    try {
      // Real time, whatever clock the rest goes by: the thread has no other.
      await withDeadline(this.ended, limits.historyStopMs, 'stopping the index', systemClock);
    } catch (error) {
      this.#parts.log.debug('the thread of the index is ended', { detail: describeError(error) });
      await this.#worker.terminate();
    }
  }

  /** Ends it at once, as a crash would: for tests. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }

  #say(message: ToHistory): void {
    this.#worker.postMessage(message);
  }

  #take(message: FromHistory): void {
    if (message.type === 'log') this.#parts.log[message.level](message.message, message.fields);
    else void this.#read(message.id, message.session);
  }

  async #read(id: number, session: string | null): Promise<void> {
    if (session === null) {
      await this.#reading.get(id)?.return?.();
      this.#reading.delete(id);
      return;
    }
    try {
      const reading = this.#reading.get(id) ?? this.#parts.recordings.read(session)[Symbol.asyncIterator]();
      this.#reading.set(id, reading);
      const { entries, isEnd } = await terminalsOf(reading);
      if (isEnd) this.#reading.delete(id);
      this.#say({ type: 'terminals', id, entries, isEnd });
    } catch (error) {
      // It was deleted, or cannot be read: it has no text, and what its commands did is in the index all the same.
      const detail = describeError(error);
      this.#parts.log.warn('the terminals of a recording could not be read for the index', { detail });
      this.#reading.delete(id);
      this.#say({ type: 'terminals', id, entries: null, isEnd: true });
    }
  }
}

/** The next entries of a recording that the index wants, as many as make one message. */
async function terminalsOf(
  reading: AsyncIterator<RecordedEntry>,
): Promise<{ readonly entries: readonly TerminalEntry[]; readonly isEnd: boolean }> {
  const entries: TerminalEntry[] = [];
  for (let bytes = 0; bytes < limits.historyTerminalBytes; ) {
    const { done, value } = await reading.next();
    if (done === true) return { entries, isEnd: true };
    if (value.type === 'terminal') entries.push(value);
    else if (value.type === 'screen' && value.direction === 'out') {
      // A copy of its own: a view would take along whatever lies beside it in memory.
      entries.push({ ...value, data: Buffer.from(value.data) });
      bytes += value.data.length;
    }
  }
  return { entries, isEnd: false };
}
