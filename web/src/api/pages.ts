/**
 * Lists that come page by page, as one: the next page is asked for when its place comes into sight.
 *
 * Invariant: kept under the route's name like every other answer, so that a topic of the push stream makes it old.
 */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { AnswerOf, CallRoute, InputOf, Problem } from './client.ts';
import { call } from './client.ts';

export interface Pages<Row> {
  /** Undefined until the first page is here. */
  readonly data: readonly Row[] | undefined;
  readonly error: Problem | null;
  readonly refetch: () => unknown;
  /** What is shown is still the answer to what was asked before. */
  readonly isOld: boolean;
  /** Null at the end. */
  readonly more: (() => void) | null;
}

export function useAskPages<N extends CallRoute, Row>(
  name: N,
  input: InputOf<N>,
  rowsOf: (page: AnswerOf<N>) => readonly Row[],
  nextOf: (page: AnswerOf<N>) => string | null,
): Pages<Row> {
  const asked = useInfiniteQuery({
    queryKey: [name, input, 'pages'],
    queryFn: ({ pageParam, signal }) => {
      const { query = {}, ...rest } = input as { readonly query?: object };
      const all = { ...rest, query: { ...query, ...(pageParam === null ? {} : { cursor: pageParam }) } };
      return call(name, all as InputOf<N>, { signal });
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page: AnswerOf<N>) => nextOf(page),
    placeholderData: keepPreviousData,
  });
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage, isPlaceholderData } = asked;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what a page's rows are never changes
  const rows = useMemo(() => data?.pages.flatMap((page) => rowsOf(page)), [data]);
  return {
    data: rows,
    error: error as Problem | null,
    refetch,
    isOld: isPlaceholderData,
    more: hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : null,
  };
}
