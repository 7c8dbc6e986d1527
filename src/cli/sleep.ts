/** Waiting that keeps the process alive: what a person waits for is no background work. */
import type { Clock } from '../base/clock.ts';

/** Waits; rejects with the signal's reason. */
export function sleep(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // The clock's timers do not keep the process alive by themselves; this one is what the person waits for.
    const hold = setInterval(() => {}, 60_000);
    const onAbort = (): void => settle(() => reject(signal.reason));
    const timer = clock.after(ms, () => settle(resolve));
    const settle = (finish: () => void): void => {
      clearInterval(hold);
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
