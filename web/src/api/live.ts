/**
 * The push stream: one for a tab, whatever pages are open in it. It says what changed; answers that speak of it are asked anew.
 *
 * Invariants: it comes back by itself after it broke off, later each time up to a bound, and then everything is asked anew, since
 * what was missed is not known; while the tab is hidden for long it rests.
 */
import { useEffect, useSyncExternalStore } from 'react';
import type { RouteName } from '../../../src/api/contract/routes.ts';
import { type EntryOf, stream } from './client.ts';
import { queryClient } from './query.ts';

export type LiveEntry = EntryOf<'live'>;
export type LiveTopic = Extract<LiveEntry, { type: 'changed' }>['topic'];

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
const gatherMs = 150;

type Status = 'connecting' | 'live' | 'away';
let status: Status = 'connecting';
const statusListeners = new Set<() => void>();
const entryListeners = new Set<(entry: LiveEntry) => void>();
const due = new Map<LiveTopic, ReturnType<typeof setTimeout>>();

function setStatus(next: Status): void {
  if (status === next) return;
  status = next;
  for (const listener of statusListeners) listener();
}

function changed(topic: LiveTopic): void {
  if (due.has(topic)) return;
  const timer = setTimeout(() => {
    due.delete(topic);
    for (const route of routesOf[topic]) {
      // A search is recorded: it is not run again and again by itself.
      if (route !== 'search') void queryClient.invalidateQueries({ queryKey: [route] });
    }
  }, gatherMs);
  due.set(topic, timer);
}

async function follow(signal: AbortSignal): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      for await (const entry of stream('live', {}, { signal })) {
        if (status !== 'live') {
          setStatus('live');
          if (attempt > 0) void queryClient.invalidateQueries();
        }
        attempt = 0;
        if (entry.type === 'changed') changed(entry.topic);
        for (const listener of entryListeners) listener(entry);
      }
    } catch {
      // It broke off, or was refused: said by `status`, and tried again below.
    }
    if (signal.aborted) return;
    setStatus('away');
    await new Promise((resolve) => setTimeout(resolve, Math.min(retryMsMax, 300 * 2 ** attempt)));
  }
}

/** Opens the stream for as long as the caller is in the page: once, in the shell. */
export function useLiveStream(): void {
  useEffect(() => {
    const closing = new AbortController();
    void follow(closing.signal);
    return () => closing.abort();
  }, []);
}

export function useLiveStatus(): Status {
  return useSyncExternalStore(
    (listener) => {
      statusListeners.add(listener);
      return () => statusListeners.delete(listener);
    },
    () => status,
  );
}

/** Hears every entry of the stream. */
export function useLiveEntries(listener: (entry: LiveEntry) => void): void {
  useEffect(() => {
    entryListeners.add(listener);
    return () => void entryListeners.delete(listener);
  }, [listener]);
}
