/**
 * Asks identity providers again about those who signed on with them, so that a changed group or a leaver is known here
 * without another sign-on.
 *
 * Invariants: each sign-on is asked about by one gateway at a time (`once` holds the turn); a provider that does not answer
 * ends nothing (F-06); what it ends, ends at once.
 *
 * Deliberately absent: what a provider tells by itself (logout, SCIM).
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { Identity } from '../identity/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import * as limits from './limits.ts';
import { type SignOns, signOnPrefix } from './sign-on.ts';

export interface RefreshingParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'once'>;
  readonly identity: Pick<Identity, 'findToken'>;
  readonly ownSecrets: Secrets;
  readonly signOns: Pick<SignOns, 'refresh'>;
  readonly sessions: () => LiveSessions | null;
}

/** Asks from now on; returns what ends it. */
export function refreshSignOns(parts: RefreshingParts): () => Promise<void> {
  const { clock, log, store } = parts;
  let isClosed = false;
  let running: Promise<void> | null = null;
  const sweep = async (): Promise<void> => {
    const names = (await parts.ownSecrets.list())
      .map(({ name }) => name)
      .filter((name) => name.startsWith(signOnPrefix));
    const sessions = parts.sessions();
    const busy = new Set(sessions?.all().map(({ principal }) => principal.name));
    for (const name of names) {
      if (isClosed) return;
      // What cannot be asked of one provider now is asked again in a while, and does not keep the others waiting (F-06).
      const [asked] = await Promise.allSettled([one(parts, name.slice(signOnPrefix.length), busy)]);
      if (asked.status === 'rejected') {
        log.warn('a sign-on could not be refreshed; it stays as it is', { detail: describeError(asked.reason) });
      }
    }
    await store.once.purge(clock.now() - limits.onceKeptMs);
  };
  const timer = clock.every(limits.refreshSweepMs, () => {
    running ??= sweep()
      .catch((error: unknown) => log.warn('sign-ons could not be refreshed', { detail: describeError(error) }))
      .finally(() => {
        running = null;
      });
  });
  return async () => {
    isClosed = true;
    timer.cancel();
    await running;
  };
}

async function one(parts: RefreshingParts, tokenId: string, busy: ReadonlySet<string>): Promise<void> {
  const { clock, store, identity, ownSecrets, signOns, log } = parts;
  const token = await identity.findToken(tokenId);
  if (token?.state !== 'live') {
    await ownSecrets.delete(`${signOnPrefix}${tokenId}`);
    return;
  }
  const isBusy = busy.has(token.owner);
  const key = `refresh-${isBusy ? 'busy' : 'idle'}:${tokenId}`;
  const nextAtMs = clock.now() + (isBusy ? limits.refreshBusyMs : limits.refreshIdleMs);
  // Just signed on: nothing is older than the sign-on itself.
  if (clock.now() - token.createdAtMs < limits.refreshBusyMs) return;
  if (!(await store.once.put(key, '1', nextAtMs))) return;
  if (!(await signOns.refresh(tokenId))) log.info('an identity provider has ended a sign-on', { owner: token.owner });
}
