/** What reports look up: everything that matches, page after page, as far as a limit that is told where it is met. */
import type { SearchHit, SearchNode } from '../../core/search.ts';
import { reportEntriesMax, searchPageEntries } from '../limits.ts';
import type { ApiPorts, SessionRecord } from '../ports.ts';

export interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export interface LookedUp<T> {
  readonly found: readonly T[];
  /** There was more than the limit: the oldest are here. */
  readonly isCut: boolean;
}

export async function hitsOf(
  { search }: Pick<ApiPorts, 'search'>,
  where: SearchNode,
  { sinceMs, untilMs }: Span,
  signal: AbortSignal,
): Promise<LookedUp<SearchHit>> {
  const found: SearchHit[] = [];
  let after: string | null = null;
  do {
    signal.throwIfAborted();
    const page = await search.search({ where, fromMs: sinceMs, toMs: untilMs, sort: 'oldest' }, 'all', {
      limit: searchPageEntries,
      after,
    });
    found.push(...page.hits);
    after = page.next;
  } while (after !== null && found.length < reportEntriesMax);
  return { found: found.slice(0, reportEntriesMax), isCut: after !== null };
}

/** Sessions that began in a span of time, one page at a time. */
export async function* sessionsOf(
  { sessions }: Pick<ApiPorts, 'sessions'>,
  { sinceMs, untilMs }: Span,
  signal: AbortSignal,
): AsyncGenerator<SessionRecord, void, undefined> {
  let cursor: string | null = null;
  do {
    signal.throwIfAborted();
    const page: Awaited<ReturnType<ApiPorts['sessions']['list']>> = await sessions.list({
      principalId: null,
      principalName: null,
      resource: null,
      protocol: null,
      live: null,
      sinceMs,
      untilMs,
      limit: searchPageEntries,
      cursor,
    });
    yield* page.sessions;
    cursor = page.next;
  } while (cursor !== null);
}

/** One of these values of a field. */
export function anyOf(field: Extract<SearchNode, { node: 'text' }>['field'], ...globs: readonly string[]): SearchNode {
  return { node: 'any', of: globs.map((glob) => ({ node: 'text', field, glob })) };
}

export function all(...of: readonly SearchNode[]): SearchNode {
  return { node: 'all', of };
}

/** What is said where a table could not hold everything. */
export function cutNote(what: string): string {
  return `There are more ${what} than the ${reportEntriesMax} that a report holds; these are the oldest. Make it for a shorter time.`;
}
