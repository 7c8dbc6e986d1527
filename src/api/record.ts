/** Journaling what the API does: appended, and durable before the answer. */
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { durable } from '../core/door.ts';
import type { EventBody } from '../core/event.ts';
import { durableDeadlineMs } from './limits.ts';
import type { ApiPorts } from './ports.ts';

/** Appends events and waits until the last, and so all of them, is durable. */
export function recorder(
  journal: ApiPorts['journal'],
  clock: Clock,
): (...events: readonly EventBody[]) => Promise<void> {
  return async (...events) => {
    let last: number | null = null;
    for (const event of events) last = journal.append(event);
    if (last === null) return;
    await withDeadline(durable(journal, last), durableDeadlineMs, 'journal', clock);
  };
}
