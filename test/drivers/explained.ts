/**
 * Differences that are right, each with its reason. Everything else fails the run.
 *
 * `test` is a whole name, or the beginning of one followed by `*`.
 */
interface Explained {
  readonly suite: string;
  readonly test: string;
  readonly reason: string;
}

const explained: readonly Explained[] = [];

export function explain(suite: string, test: string): string | null {
  const found = explained.find(
    (entry) =>
      entry.suite === suite &&
      (entry.test.endsWith('*') ? test.startsWith(entry.test.slice(0, -1)) : test === entry.test),
  );
  return found?.reason ?? null;
}
