/** Journaling what the API does: appended, and durable before the answer. */
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import type { Actor, EventBody } from '../core/event.ts';
import type { Principal } from '../core/principal.ts';
import { durableDeadlineMs } from './limits.ts';
import type { ApiPorts } from './ports.ts';

/** Who acted, as events name them. */
export function actorOf(principal: Principal): Actor {
  const { id, issuer, name, kind, groups } = principal;
  return { id, issuer, name, kind, groups: [...groups], credentialId: principal.authentication.credentialId };
}

/** Appends events and waits until the last, and so all of them, is durable. */
export function recorder(
  journal: ApiPorts['journal'],
  clock: Clock,
): (...events: readonly EventBody[]) => Promise<void> {
  return async (...events) => {
    let last: number | null = null;
    for (const event of events) last = journal.append(event);
    if (last === null) return;
    const sequence = last;
    const durable = new Promise<void>((resolve, reject) => {
      journal.afterDurable(sequence, (error) => (error === null ? resolve() : reject(error)));
    });
    await withDeadline(durable, durableDeadlineMs, 'journal', clock);
  };
}
