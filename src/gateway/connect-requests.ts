/**
 * Requests for access that a connection makes by itself, where the Access says so, and waits for.
 *
 * Invariants:
 * - Of one principal and resource one request waits at a time, however many connections, on whatever gateway.
 * - Who leaves takes nothing back: a grant opens nothing by itself, and what was approved meanwhile opens the next connection.
 * - After a denial, connecting asks no more for a while: nobody is asked until they are tired of it. By a command, with a
 *   reason, a person may ask at once.
 * - A wait ends when access is given by whatever way, and only the door opens the session.
 *
 * Deliberately absent: who may ask and whether a connection may (authorisation.ts), how a client is told (the protocols).
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import type { Log } from '../base/log.ts';
import { coreErrors } from '../core/errors.ts';
import type { AccessRequests, AccessWait, Authorisation } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { askingCommand } from '../core/refusal.ts';
import type { Resource } from '../core/resource.ts';
import { audienceOf, type Review } from '../review/index.ts';
import type { Store } from '../store/index.ts';
import { askingOf } from './authorisation.ts';
import * as limits from './limits.ts';
import { isReadable, reviewFrom } from './review-ledger.ts';
import type { ReviewService } from './reviews.ts';
import type { Snapshot } from './snapshot.ts';

export interface ConnectRequestParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly snapshot: Pick<Snapshot, 'requestable'>;
  readonly store: Pick<Store, 'reviews' | 'grants'>;
  readonly reviews: Pick<ReviewService, 'requestAccess'>;
  readonly authorisation: Authorisation;
  /** Of a review. */
  readonly link: (review: string) => string;
  /** Where a person asks for a resource. */
  readonly askingLink: (resource: string) => string;
}

export function createConnectRequests(parts: ConnectRequestParts): AccessRequests {
  /** What is being asked just now, so that connections side by side ask once. */
  const asking = new Map<string, Promise<Review | null>>();
  return {
    link: parts.askingLink,
    ask: async (principal, resource, client) => {
      const key = JSON.stringify([principal.id, resource.name]);
      const asked = asking.get(key) ?? askOnce(parts, principal, resource, client);
      asking.set(key, asked);
      const review = await asked.finally(() => asking.get(key) === asked && asking.delete(key));
      return review === null ? null : waitFor(parts, principal, resource, review);
    },
  };
}

/** The request that waits already, or a new one; null where this one cannot be asked for by connecting. */
async function askOnce(
  parts: ConnectRequestParts,
  principal: Principal,
  resource: Resource,
  client: string,
): Promise<Review | null> {
  const { clock, reviews, snapshot, store } = parts;
  const found = snapshot.requestable(principal.id, resource.name, undefined, 'use');
  if (found === null) return null;
  const terms = askingOf(found);
  if (!terms.waits) return null;
  const rows = await store.reviews.list(
    { requester: principal.id, kind: 'access' },
    { limit: limits.accessRequestsLookedAtMax },
  );
  const before = rows.filter(isReadable).map(reviewFrom).filter(isOf(resource.name));
  const pending = before.find(({ state }) => state === 'pending');
  if (pending !== undefined) return pending;
  const [last] = before;
  if (last?.state === 'denied' && clock.now() - (last.endedAtMs ?? 0) < limits.deniedQuietMs) {
    throw refusedError(resource.name, last, terms);
  }
  // What a client says of itself is not believed, and stands here in a few safe words.
  const reason = `by connecting with ${escapeLine(client).slice(0, limits.clientNameShownMax)}`;
  return reviews.requestAccess(principal, { resource: resource.name, durationMs: terms.durationMs, reason });
}

function isOf(resource: string): (review: Review) => boolean {
  return ({ subject }) => subject.type === 'access' && subject.resource.name === resource;
}

function waitFor(parts: ConnectRequestParts, principal: Principal, resource: Resource, review: Review): AccessWait {
  const { clock, log, store, authorisation } = parts;
  const link = parts.link(review.id);
  const audience = audienceOf(review);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined);
  const stops: (() => void)[] = [];
  const end = (error: Error | null): void => {
    for (const stop of stops.splice(0)) stop();
    if (error === null) resolve();
    else reject(error);
  };
  const look = (): void => {
    if (authorisation.decide(principal, resource).granted) end(null);
  };
  const read = (): void => {
    look();
    store.reviews.get(review.id).then(
      (stored) => {
        const now = stored === null ? null : reviewFrom(stored);
        // Approved: the grant is known here in a moment.
        if (now === null || ['pending', 'approved', 'executed'].includes(now.state)) return;
        const found = parts.snapshot.requestable(principal.id, resource.name);
        end(refusedError(resource.name, now, found === null ? null : askingOf(found)));
      },
      (error: unknown) =>
        log.warn('a request for access could not be read; read again soon', {
          review: review.id,
          detail: describeError(error),
        }),
    );
  };
  const pending = coreErrors('core.access-pending', {
    values: { resource: escapeLine(resource.name), review: review.id, audience, link },
  });
  const timers = [
    clock.every(limits.accessLookMs, look),
    clock.every(limits.accessReadMs, read),
    clock.after(limits.accessWaitMs, () => end(pending)),
  ];
  stops.push(...timers.map((timer) => () => timer.cancel()));
  stops.push(store.reviews.onChange(read));
  return { review: review.id, link, audience, outcome: promise, leave: () => end(pending) };
}

function refusedError(resource: string, review: Review, terms: ReturnType<typeof askingOf> | null): Error {
  const denied = review.decisions.find(({ decision }) => decision === 'deny');
  const said = denied === undefined || denied.reason === '' ? '' : `: ${denied.reason}`;
  const why =
    denied === undefined ? `the request was ${review.state}` : escapeLine(`denied by ${denied.principal.name}${said}`);
  const asking = terms ?? { durationMs: 3_600_000, reasonRequired: true };
  const command = askingCommand(resource, { ...asking, reasonRequired: true });
  return coreErrors('core.access-refused', { values: { resource: escapeLine(resource), why, command } });
}
