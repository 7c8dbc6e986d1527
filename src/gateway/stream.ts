/** Streams that end with their reader. */

/** What `source` yields until `signal` aborts. */
export async function* untilAborted<T>(source: AsyncGenerator<T>, signal: AbortSignal): AsyncGenerator<T> {
  const aborted = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  for (;;) {
    const next = await Promise.race([source.next(), aborted]);
    if (next === null) {
      // It ends when it next wakes; nobody waits for that.
      void source.return(undefined).catch(() => undefined);
      return;
    }
    if (next.done) return;
    yield next.value;
  }
}
