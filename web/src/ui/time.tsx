/** Moments as people read them, which go on by themselves; the exact time stands in the title. One timer for a whole tab. */
import { type ReactNode, useSyncExternalStore } from 'react';
import { ago, exactTime, until } from '../format/format.ts';

const tickMs = 1_000;
let nowMs = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const one of listeners) one();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** The time, a second exact. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}

export function Ago({ at }: { readonly at: string }): ReactNode {
  const now = useNow();
  return (
    <time dateTime={at} title={exactTime(at)} className="whitespace-nowrap">
      {ago(at, now)}
    </time>
  );
}

export function Until({ at }: { readonly at: string }): ReactNode {
  const now = useNow();
  return (
    <time dateTime={at} title={exactTime(at)} className="whitespace-nowrap">
      {until(at, now)}
    </time>
  );
}
