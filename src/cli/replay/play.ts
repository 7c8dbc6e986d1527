/** Playing entries: at once, or with the pauses that the session had, divided by a speed and bounded. */
import type { RecordedEntryView } from '../../api/contract/index.ts';
import type { Clock } from '../../base/clock.ts';
import { replayPauseMsMax } from '../limits.ts';

/** The same entries, each after its pause. `speed` null plays at once. Rejects with the signal's reason. */
export async function* paced(
  entries: AsyncIterable<RecordedEntryView>,
  speed: number | null,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<RecordedEntryView, void, undefined> {
  let before: number | null = null;
  for await (const entry of entries) {
    const at = Date.parse(entry.at);
    if (speed !== null && before !== null && at > before) {
      await sleep(Math.min((at - before) / speed, replayPauseMsMax), clock, signal);
    }
    before = Math.max(at, before ?? at);
    yield entry;
  }
}

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
