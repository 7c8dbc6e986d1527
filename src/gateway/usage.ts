/**
 * What days have used of their limits, across restarts: kept in the store, by gateway.
 *
 * Invariants: a restart begins with what was last written, so that it is no way round a limit; writing is off the data
 * path, and where the store fails the counters in memory go on.
 *
 * Honest limits: a process that dies loses what was used since the last writing (`usageIntervalMs`), and of more counters
 * than `usageKeptMax` the least used ones; each gateway counts by itself.
 *
 * Deliberately absent: counting (policy).
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type DayUse, type DayUses, UsageLedger } from '../policy/index.ts';
import type { Store } from '../store/index.ts';
import * as limits from './limits.ts';

export interface Usage {
  readonly ledger: UsageLedger;
  /** Writes what was counted since. */
  close(): Promise<void>;
}

interface UsageParts {
  readonly store: Pick<Store, 'settings'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Id of this gateway. */
  readonly gateway: string;
}

export async function openUsage({ store, clock, log, gateway }: UsageParts): Promise<Usage> {
  const key = `usage/${gateway}`;
  const ledger = new UsageLedger(clock);
  const kept = usesFrom(await store.settings.get(key));
  if (kept !== null) ledger.restore(kept);
  let written = ledger.version;
  let writing: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    const { version } = ledger;
    if (version === written) return;
    const { day, uses } = ledger.dayUses(limits.usageKeptMax);
    await store.settings.set(key, { day, uses: uses.map((use) => ({ ...use })) });
    written = version;
  };
  const timer = clock.every(limits.usageIntervalMs, () => {
    writing ??= write()
      .catch((error: unknown) => log.warn('the use of limits could not be written', { detail: describeError(error) }))
      .finally(() => {
        writing = null;
      });
  });
  return {
    ledger,
    close: async () => {
      timer.cancel();
      await writing;
      await write();
    },
  };
}

/** Null for what another version of the gateway may have written. */
function usesFrom(value: unknown): DayUses | null {
  if (typeof value !== 'object' || value === null) return null;
  const { day, uses } = value as { day?: unknown; uses?: unknown };
  return typeof day === 'number' && Array.isArray(uses) && uses.every(isUse) ? { day, uses } : null;
}

function isUse(value: unknown): value is DayUse {
  if (typeof value !== 'object' || value === null) return false;
  const { principal, resource, rule, rows, bytes } = value as Record<string, unknown>;
  const isText = [principal, resource, rule].every((one) => typeof one === 'string');
  return isText && [rows, bytes].every((one) => Number.isSafeInteger(one) && (one as number) >= 0);
}
