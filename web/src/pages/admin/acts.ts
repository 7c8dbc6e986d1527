/**
 * Administrators' own acts: asked of the index as a search is, page by page.
 *
 * Invariants: each page asked for is recorded, so nothing is asked again by itself; which view is shown stands in the address.
 */
import { type InfiniteData, type UseInfiniteQueryResult, useInfiniteQuery } from '@tanstack/react-query';
import { type AnswerOf, call, type Problem } from '../../api/client.ts';

export type Hit = AnswerOf<'search'>['hits'][number];
type Page = AnswerOf<'search'>;

export const views = [
  { name: 'changes', title: 'Changes', query: 'type:change -verb:token.issued,token.revoked since:30d' },
  { name: 'sign-ons', title: 'Sign-ons', query: '(type:sign-on or (type:refusal verb:identity)) since:30d' },
  { name: 'tokens', title: 'Tokens', query: 'type:change verb:token.issued,token.revoked since:30d' },
  { name: 'readings', title: 'Searches and replays', query: 'type:reading since:30d' },
  { name: 'system', title: 'The gateway itself', query: 'type:system since:30d' },
] as const;
export type View = (typeof views)[number];

const pageEntries = 100;

export function useActs(query: string): UseInfiniteQueryResult<InfiniteData<Page>, Problem> {
  return useInfiniteQuery<Page, Problem, InfiniteData<Page>, readonly string[], string | null>({
    queryKey: ['acts', query],
    queryFn: ({ pageParam, signal }) =>
      call(
        'search',
        { body: { query, limit: pageEntries, ...(pageParam === null ? {} : { cursor: pageParam }) } },
        { signal },
      ),
    initialPageParam: null,
    getNextPageParam: ({ next }) => next,
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}

export interface Change {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

const none = (text: string): string | null => (text === '(none)' ? null : text);

/** `path: before → after`, a line each, as the journal has them; what does not read as one is given whole. */
export function readChange(line: string): Change | null {
  const match = /^([^:\s]+): (.*?) → (.*)$/s.exec(line);
  return match === null ? null : { path: match[1]!, before: none(match[2]!), after: none(match[3]!) };
}
