/**
 * Work that nobody waits for. Its failure changes nothing that is in force; it is an alarm in the log, and where it can be
 * tried again it is.
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** Runs `work`; when it fails, says `what` in the log and calls `onFailure`. */
export function inBackground(log: Log, what: string, work: Promise<unknown>, onFailure: () => void = () => {}): void {
  work.then(undefined, (error: unknown) => {
    log.error(what, { detail: describeError(error) });
    onFailure();
  });
}

/** Tries `work` every `intervalMs` until it succeeds or `until` says that it is no longer wanted. */
export function retry(clock: Clock, intervalMs: number, until: () => boolean, work: () => Promise<unknown>): void {
  clock.after(intervalMs, () => {
    if (until()) return;
    work().then(undefined, () => retry(clock, intervalMs, until, work));
  });
}
