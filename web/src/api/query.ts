/**
 * Asking and acting as hooks. What was asked is kept by route and input; topics of the push stream say what of it is no longer true.
 */
import {
  keepPreviousData,
  QueryClient,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import type { RouteName } from '../../../src/api/contract/routes.ts';
import { type AnswerOf, type CallRoute, call, type InputOf, Problem } from './client.ts';

/** How often something is asked again that no topic speaks of. */
const staleMs = 15_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: staleMs,
      // What was refused stays refused; what was not reached is tried again, a little later each time.
      retry: (count, error) => count < 4 && (!(error instanceof Problem) || error.status === 0 || error.status >= 502),
      retryDelay: (count) => Math.min(500 * 2 ** count, 8_000),
    },
  },
});

export interface AskOptions {
  readonly enabled?: boolean;
  /** Shows what was there while what was asked anew comes. */
  readonly keep?: boolean;
  readonly everyMs?: number;
}

/** Asks a route, and again whenever a topic says that its answer may have changed. */
export function useAsk<N extends CallRoute>(
  name: N,
  input: InputOf<N> = {} as InputOf<N>,
  { enabled = true, keep = false, everyMs }: AskOptions = {},
): UseQueryResult<AnswerOf<N>, Problem> {
  return useQuery<AnswerOf<N>, Problem>({
    queryKey: [name, input],
    queryFn: ({ signal }) => call(name, input, { signal }),
    enabled,
    ...(keep ? { placeholderData: keepPreviousData } : {}),
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  } as Parameters<typeof useQuery<AnswerOf<N>, Problem>>[0]);
}

/** Does something; `changes` are the routes whose answers it makes old. */
export function useAct<N extends CallRoute>(
  name: N,
  changes: readonly RouteName[] = [],
): UseMutationResult<AnswerOf<N>, Problem, InputOf<N>> {
  const client = useQueryClient();
  return useMutation<AnswerOf<N>, Problem, InputOf<N>>({
    mutationFn: (input) => call(name, input),
    onSettled: async () => {
      await Promise.all(changes.map((route) => client.invalidateQueries({ queryKey: [route] })));
    },
  });
}

export function forget(...names: readonly RouteName[]): void {
  for (const name of names) void queryClient.invalidateQueries({ queryKey: [name] });
}
