/**
 * Deadlines: every wait on a peer has one.
 */
import type { Clock } from './clock.ts';
import { GatewayError } from './errors.ts';

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = clock.after(ms, done);
    function done(): void {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}

/**
 * Settles as `promise` does, or rejects with `base.deadline` after `deadlineMs`, or with the signal's reason.
 * What `promise` holds stays the caller's to release.
 */
export function withDeadline<T>(
  promise: Promise<T>,
  deadlineMs: number,
  what: string,
  clock: Clock,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => finish(() => reject(signal?.reason));
    const timer = clock.after(deadlineMs, () =>
      finish(() =>
        reject(
          new GatewayError('base.deadline', 'operation', 'The other side did not answer in time.', {
            detail: `${what} took longer than ${deadlineMs} ms`,
          }),
        ),
      ),
    );
    const finish = (settle: () => void): void => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => finish(() => resolve(value)),
      (error: unknown) => finish(() => reject(error)),
    );
  });
}
