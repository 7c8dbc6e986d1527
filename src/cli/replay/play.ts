/** Playing entries: at once, or with the pauses that the session had, divided by a speed and bounded. */
import type { RecordedEntryView } from '../../api/contract/index.ts';
import type { Clock } from '../../base/clock.ts';
import { replayPauseMsMax } from '../limits.ts';
import { sleep } from '../sleep.ts';

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
