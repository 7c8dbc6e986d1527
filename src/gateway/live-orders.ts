/**
 * What is done to a live session that another gateway runs: it is told, does it, and says so.
 *
 * Invariants: only the gateway that the store names is asked, and asked once; without its answer within `liveOrderMs` nothing is
 * claimed to have been done; whoever may do it was decided, and it was journaled, where it was asked for.
 *
 * Deliberately absent: who may (the API's table), delivery at all cost: where it must not fail, there are Locks.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { SessionOrder } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { SessionEnding } from '../core/session.ts';
import type { LiveNotices, Store } from '../store/index.ts';
import { inBackground } from './background.ts';
import * as limits from './limits.ts';

const order = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('end'), by: z.string(), reason: z.string() }),
  z.strictObject({ do: z.literal('message'), text: z.string() }),
  z.strictObject({ do: z.enum(['pause', 'resume']) }),
]);
const said = z.union([
  z.strictObject({ to: z.string(), ask: z.string(), session: z.string(), order }),
  z.strictObject({ answer: z.string(), done: z.boolean() }),
]);

/** How a session ends that a person ended. */
export function endedBy(by: string, reason: string): SessionEnding {
  const message = `This session was ended by ${by}${reason === '' ? '' : `: ${reason}`}.`;
  return { reason: 'killed', message, code: null, by };
}

export interface OrderParts {
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly live: LiveNotices;
  readonly store: Pick<Store, 'sessions'>;
  readonly sessions: () => Pick<LiveSessions, 'get' | 'end'> | null;
}

export class LiveOrders {
  readonly #parts: OrderParts;
  readonly #waiting = new Map<string, (done: boolean) => void>();

  constructor(parts: OrderParts) {
    this.#parts = parts;
  }

  /** Has the gateway that runs `session` do something. False where it did not, as far as is known. */
  async send(session: string, order: SessionOrder): Promise<boolean> {
    const { gateway, clock, live, store } = this.#parts;
    const row = await store.sessions.get(session);
    if (row === null || row.endedAtMs !== null || row.gateway === gateway) return false;
    const ask = randomUUID();
    const text = JSON.stringify({ to: row.gateway, ask, session, order });
    if (Buffer.byteLength(JSON.stringify(text)) > limits.liveOrderBytesMax) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.set(ask, resolve);
    const timer = clock.after(limits.liveOrderMs, () => resolve(false));
    try {
      await live.say([text]);
      return await promise;
    } finally {
      timer.cancel();
      this.#waiting.delete(ask);
    }
  }

  /** What another gateway said. */
  hear(text: string): void {
    const heard = said.safeParse(parse(text));
    if (!heard.success) return;
    if ('answer' in heard.data) {
      this.#waiting.get(heard.data.answer)?.(heard.data.done);
      return;
    }
    const { gateway, log, live } = this.#parts;
    const { to, ask, session, order } = heard.data;
    if (to !== gateway) return;
    const answer = JSON.stringify({ answer: ask, done: this.#carryOut(session, order) });
    inBackground(log, 'another gateway could not be answered', live.say([answer]));
  }

  #carryOut(id: string, order: SessionOrder): boolean {
    const sessions = this.#parts.sessions();
    const session = sessions?.get(id) ?? null;
    if (sessions === null || session === null) return false;
    switch (order.do) {
      case 'end':
        return sessions.end((one) => one.id === id, endedBy(order.by, order.reason)) > 0;
      case 'message':
        return session.say(order.text);
      case 'pause':
      case 'resume':
        return session.pause(order.do === 'pause');
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
