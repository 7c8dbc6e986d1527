/**
 * Streams: keeping them alive, counting them, and ending them when the right to them ends.
 *
 * Invariant: a stream outlives its token, its principal's role or the principal's account by at most one check (I11,
 * A-ID-07).
 */
import type { Clock } from '../base/clock.ts';
import { apiErrors } from './errors.ts';
import { streamRecheckMs, streamsPerPrincipalMax } from './limits.ts';

/** Passes pieces on, with a blank line at once and after each silence, so that neither side takes silence for death. */
export async function* withHeartbeats(
  source: AsyncIterable<string>,
  intervalMs: number,
  clock: Clock,
): AsyncGenerator<string, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<string>> | null = null;
  try {
    yield '\n';
    for (;;) {
      pending ??= iterator.next();
      const silence = Promise.withResolvers<null>();
      const timer = clock.after(intervalMs, () => silence.resolve(null));
      const got = await Promise.race([pending, silence.promise]).finally(() => timer.cancel());
      if (got === null) {
        yield '\n';
        continue;
      }
      pending = null;
      if (got.done === true) return;
      yield got.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Calls `check` again and again until `stop`; calls `ended` once when it rejects. */
export function watchRight(
  check: () => Promise<void>,
  ended: (error: unknown) => void,
  clock: Clock,
): { stop(): void } {
  let isStopped = false;
  let isChecking = false;
  const timer = clock.every(streamRecheckMs, () => {
    if (isChecking || isStopped) return;
    isChecking = true;
    check().then(
      () => {
        isChecking = false;
      },
      (error: unknown) => {
        timer.cancel();
        if (!isStopped) ended(error);
      },
    );
  });
  return {
    stop() {
      isStopped = true;
      timer.cancel();
    },
  };
}

/** How many streams each principal reads. */
export class StreamCount {
  readonly #open = new Map<string, number>();

  /** Takes a place; throws `api.too-many-streams`. The returned function gives it back, once. */
  enter(principalId: string): () => void {
    const count = this.#open.get(principalId) ?? 0;
    if (count >= streamsPerPrincipalMax)
      throw apiErrors('api.too-many-streams', { values: { limit: streamsPerPrincipalMax } });
    this.#open.set(principalId, count + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#open.get(principalId) ?? 1) - 1;
      if (left === 0) this.#open.delete(principalId);
      else this.#open.set(principalId, left);
    };
  }
}
