/**
 * The push stream: one for a tab, whatever pages are open in it. It says what changed; answers that speak of it are asked anew.
 * Figures of live sessions are kept here as they come.
 *
 * Invariants: it comes back by itself after it broke off, later each time up to a bound, and at once where the network or the person
 * comes back; then everything is asked anew, since what was missed is not known. While the tab is hidden for long it rests. However
 * often a topic changes, what it makes old is asked once in `againMs`.
 */
import { useCallback, useEffect, useSyncExternalStore } from 'react';
import type { LiveFigures } from '../../../src/api/contract/live-routes.ts';
import type { RouteName } from '../../../src/api/contract/routes.ts';
import { type EntryOf, stream } from './client.ts';
import { queryClient } from './query.ts';

export type LiveEntry = EntryOf<'live'>;
export type LiveTopic = Extract<LiveEntry, { type: 'changed' }>['topic'];
export type { LiveFigures };

/** Whose answers a topic makes old. */
const routesOf: Readonly<Record<LiveTopic, readonly RouteName[]>> = {
  sessions: ['listSessions', 'getSession', 'search'],
  reviews: ['listReviews', 'getReview'],
  grants: ['listGrants'],
  alerts: ['listAlerts', 'getAlert', 'listResponses'],
  objects: ['listObjects', 'getObject', 'listResources', 'listDetections', 'listSinks', 'listSearches'],
};

const retryMsMax = 10_000;
/** Changes of one topic within so long are one question. */
const gatherMs = 100;
/** Where a topic changes all the time. */
const againMs = 1_000;
/** A tab that nobody sees for so long lets go of the stream. */
const restMs = 5 * 60_000;

type Status = 'connecting' | 'live' | 'away';
let status: Status = 'connecting';
let figures = new Map<string, LiveFigures>();
let figuresVersion = 0;
/** The stream has begun again: what comes first replaces what was. */
let isAnew = false;
const statusListeners = new Set<() => void>();
const figureListeners = new Set<() => void>();
const entryListeners = new Set<(entry: LiveEntry) => void>();
const due = new Map<LiveTopic, ReturnType<typeof setTimeout>>();
const askedAt = new Map<LiveTopic, number>();

function setStatus(next: Status): void {
  if (status === next) return;
  status = next;
  for (const listener of statusListeners) listener();
}

function changed(topic: LiveTopic): void {
  if (due.has(topic)) return;
  const sinceMs = performance.now() - (askedAt.get(topic) ?? Number.NEGATIVE_INFINITY);
  const timer = setTimeout(
    () => {
      due.delete(topic);
      askedAt.set(topic, performance.now());
      for (const route of routesOf[topic]) {
        // A search is recorded: it is not run again and again by itself.
        if (route !== 'search') void queryClient.invalidateQueries({ queryKey: [route] });
      }
    },
    Math.max(gatherMs, againMs - sinceMs),
  );
  due.set(topic, timer);
}

function take(entry: LiveEntry): void {
  if (entry.type === 'changed') changed(entry.topic);
  else if (entry.type === 'figures') {
    if (isAnew) figures = new Map();
    isAnew = false;
    for (const one of entry.sessions) figures.set(one.id, one);
    figuresVersion++;
    for (const listener of figureListeners) listener();
  }
  for (const listener of entryListeners) listener(entry);
}

async function follow(signal: AbortSignal): Promise<void> {
  for (let attempt = 0, isFirst = true; !signal.aborted; attempt++) {
    try {
      isAnew = true;
      for await (const entry of stream('live', {}, { signal })) {
        if (status !== 'live') {
          setStatus('live');
          if (!isFirst) void queryClient.invalidateQueries();
        }
        isFirst = false;
        attempt = 0;
        take(entry);
      }
    } catch {
      // It broke off, or was refused: said by `status`, and tried again below.
    }
    if (signal.aborted) return;
    setStatus('away');
    await pause(Math.min(retryMsMax, 300 * 2 ** attempt), signal);
  }
}

/** So long, or until there is a reason to try at once. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const ending = new AbortController();
    const done = (): void => {
      ending.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    const options = { signal: ending.signal };
    signal.addEventListener('abort', done, options);
    window.addEventListener('online', done, options);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && done(), options);
  });
}

/** Follows while somebody may look, and gives what stops it. */
function keepFollowing(): () => void {
  let closing: AbortController | null = null;
  let resting: ReturnType<typeof setTimeout> | null = null;
  const begin = (): void => {
    if (closing !== null) return;
    const isBack = status !== 'connecting';
    closing = new AbortController();
    void follow(closing.signal);
    if (isBack) void queryClient.invalidateQueries();
  };
  const stop = (): void => {
    closing?.abort();
    closing = null;
  };
  const onVisibility = (): void => {
    if (resting !== null) clearTimeout(resting);
    resting = null;
    if (document.visibilityState === 'visible') begin();
    else resting = setTimeout(stop, restMs);
  };
  document.addEventListener('visibilitychange', onVisibility);
  begin();
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    if (resting !== null) clearTimeout(resting);
    stop();
  };
}

/** Opens the stream for as long as the caller is in the page: once, in the shell. */
export function useLiveStream(): void {
  useEffect(keepFollowing, []);
}

function subscribeTo(listeners: Set<() => void>): (listener: () => void) => () => void {
  return (listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
}

const subscribeStatus = subscribeTo(statusListeners);
const subscribeFigures = subscribeTo(figureListeners);

export function useLiveStatus(): Status {
  return useSyncExternalStore(subscribeStatus, () => status);
}

/** What a live session has done so far, as of the last second; null where it was not told. */
export function useFigures(id: string): LiveFigures | null {
  return useSyncExternalStore(
    subscribeFigures,
    useCallback(() => figures.get(id) ?? null, [id]),
  );
}

/** Figures of all live sessions, as of the last second. */
export function useAllFigures(): ReadonlyMap<string, LiveFigures> {
  useSyncExternalStore(subscribeFigures, () => figuresVersion);
  return figures;
}

/** Hears every entry of the stream. */
export function useLiveEntries(listener: (entry: LiveEntry) => void): void {
  useEffect(() => {
    entryListeners.add(listener);
    return () => void entryListeners.delete(listener);
  }, [listener]);
}
