/**
 * The thread that keeps the index of what happened: reads the journal's files, joins events, makes entries, and writes them into the
 * store, all by itself.
 *
 * Invariants:
 * - The data path comes first: the thread runs at low priority where the system knows threads' priorities, and where the embedded
 *   engine works for it, which does not, it rests as long as others wait for a core (pressure.ts).
 * - A store that does not answer delays it; what else fails ends it, and the main thread begins it anew from the cursor.
 * - It ends when told, after the batch under way.
 *
 * Deliberately absent: what becomes of events (audit), SQL (store), keys of recordings (the main thread reads those).
 */
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { historyTypes } from '../audit/history-entries.ts';
import { HistoryIndexer } from '../audit/history-indexer.ts';
import { screenEntries } from '../audit/history-screens.ts';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { SessionOpened } from '../core/activity.ts';
import type { Event } from '../core/event.ts';
import type { HistoryEntry } from '../core/history.ts';
import { JournalCursor } from '../recording/cursor.ts';
import { DurableMark } from '../recording/durable.ts';
import { subscriptionDelayMs, subscriptionEventsMax } from '../recording/limits.ts';
import { readEvents } from '../recording/reader.ts';
import { openShared, type SharedStore } from '../store/share.ts';
import {
  type FromHistory,
  HistoryProgress,
  type HistoryStart,
  type TerminalEntry,
  type ToHistory,
} from './history-messages.ts';
import { journalLookups } from './journal-lookups.ts';
import * as limits from './limits.ts';
import { CorePressure } from './pressure.ts';

type Sealed = Extract<Event, { readonly type: 'recording.sealed' }>;
type Terminals = Extract<ToHistory, { readonly type: 'terminals' }>;

const port = parentPort!;
const start = workerData as HistoryStart;
const durable = new DurableMark(start.durable);
const progress = new HistoryProgress(start.progress);
const pressure = new CorePressure();
const stopping = new AbortController();
/** Whoever waits for a piece of a recording. */
const waiting = new Map<number, (piece: Terminals) => void>();
let recordingsRead = 0;

function say(message: FromHistory): void {
  port.postMessage(message);
}

const log: Log = {
  debug: (message, fields = {}) => say({ type: 'log', level: 'debug', message, fields }),
  info: (message, fields = {}) => say({ type: 'log', level: 'info', message, fields }),
  warn: (message, fields = {}) => say({ type: 'log', level: 'warn', message, fields }),
  error: (message, fields = {}) => say({ type: 'log', level: 'error', message, fields }),
  with: () => log,
};

/** Protocols whose sessions may have terminals: the others' recordings are not read. */
const withTerminals: ReadonlySet<string> = new Set(['ssh', 'kubernetes']);

async function screens(sealed: Sealed, opened: SessionOpened | null): Promise<readonly HistoryEntry[]> {
  if (opened === null || !withTerminals.has(opened.protocol)) return [];
  // The emulator is large, and most gateways see no terminal for long.
  const { EmulatedScreen } = await import('./history-screens.ts');
  const found = await screenEntries(
    terminalsOf(sealed.session),
    sealed,
    opened,
    (columns, rows) => new EmulatedScreen(columns, rows),
  ).catch((error: unknown) => (error === unreadable ? [] : Promise.reject(error)));
  return found;
}

const unreadable = new Error('the recording cannot be read');

/** What stood on a session's terminals, from the main thread; the next piece is asked for when it is wanted. */
async function* terminalsOf(session: string): AsyncGenerator<TerminalEntry> {
  const id = ++recordingsRead;
  let isOver = false;
  try {
    while (!isOver) {
      const piece = await new Promise<Terminals>((resolve) => {
        waiting.set(id, resolve);
        say({ type: 'terminals', id, session });
      });
      isOver = piece.isEnd;
      if (piece.entries === null) throw unreadable;
      // Bytes come without the methods of a Buffer.
      for (const entry of piece.entries)
        yield entry.type === 'screen' ? { ...entry, data: bufferOf(entry.data) } : entry;
    }
  } finally {
    waiting.delete(id);
    if (!isOver) say({ type: 'terminals', id, session: null });
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** The store, as soon as it answers; null where nobody wants it any more. */
async function openStore(): Promise<SharedStore | null> {
  for (let delayMs = limits.indexRestartMs; !stopping.signal.aborted; delayMs = Math.min(delayMs * 2, 30_000)) {
    try {
      return await openShared(start.share, systemClock);
    } catch (error) {
      // A port serves once: the main thread has another.
      if (start.share.engine === 'embedded') throw error;
      if (!progress.hasProblem)
        log.warn('history is behind: the store does not answer', { detail: describeError(error) });
      progress.hasProblem = true;
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
  return null;
}

async function follow(store: SharedStore): Promise<void> {
  const { gateway, directory, from } = start;
  const lookups = journalLookups({
    gateway,
    store,
    readEvents: (first) => readEvents(directory, { from: first, to: durable.sequence }),
  });
  const cursor = new JournalCursor(directory, from, historyTypes);
  /** What the indexer was given, it knows: never ahead of that. */
  let next = from;
  const publish = (): void => {
    const { pending, problem } = indexer;
    progress.reached = (pending?.seq ?? next) - 1;
    progress.pendingAtMs = pending?.at ?? 0;
    progress.hasProblem = problem !== null;
  };
  const indexer = new HistoryIndexer({
    gateway,
    store: store.history,
    lookups,
    screens,
    clock: systemClock,
    log,
    onProgress: publish,
    ...(start.share.engine === 'embedded' ? { restShare: () => pressure.look() * limits.historyRestShareMax } : {}),
  });
  stopping.signal.addEventListener('abort', () => {
    void indexer.stop();
    durable.wake();
  });
  try {
    while (!stopping.signal.aborted) {
      const before = next;
      // What becomes durable while the files are being read is not expected from that read.
      const to = durable.sequence;
      const events = await cursor.take(subscriptionEventsMax, to);
      const taking = events.length > 0 ? indexer.take(events) : null;
      next = cursor.next;
      await taking;
      publish();
      if (taking !== null || stopping.signal.aborted) continue;
      if (next <= to && next === before) throw new Error('the journal ends before what is durable');
      if (next <= durable.sequence) continue;
      await durable.moved(next - 1);
      // Many commits are read at once.
      await sleep(subscriptionDelayMs);
    }
  } finally {
    await indexer.stop();
    publish();
    await cursor.close();
  }
}

async function main(): Promise<void> {
  const store = await openStore();
  try {
    if (store === null) return;
    // Only now: opening takes a transaction of several statements, behind which logins wait in the embedded engine.
    // On Linux a priority is a thread's own; elsewhere it would be the whole process's.
    if (process.platform === 'linux') setPriority(0, limits.historyPriority);
    store.onFailure((error) => {
      // Nothing can be finished on a port that is gone.
      throw error;
    });
    await follow(store);
  } finally {
    await store?.close();
    port.close();
  }
}

port.on('message', (message: ToHistory) => {
  if (message.type === 'stop') stopping.abort();
  else waiting.get(message.id)?.(message);
});

await main();
