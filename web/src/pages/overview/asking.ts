/**
 * What the overview asks, and how its numbers are written as searches.
 *
 * Invariants: one look is one question, since looking is recorded: it is asked anew by a press, or after a while, never because a
 * window came to the front; each number's search finds as many as the number says, for the same span.
 */
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { type AnswerOf, call, type Problem } from '../../api/client.ts';

export type Overview = AnswerOf<'overview'>;

export const ranges = ['24h', '7d', '30d'] as const;
export type Range = (typeof ranges)[number];

const freshMs = 5 * 60_000;
const route = getRouteApi('/');

export function useRange(): Range {
  const { range } = route.useSearch();
  return ranges.find((one) => one === range) ?? '24h';
}

export function useOverview(since: Range): UseQueryResult<Overview, Problem> {
  return useQuery<Overview, Problem>({
    queryKey: ['overview', since],
    queryFn: ({ signal }) => call('overview', { query: { since } }, { signal }),
    staleTime: freshMs,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    placeholderData: keepPreviousData,
  });
}

/** What became of commands, as the gateway classes them: each command is in one. */
export const fates = ['allow', 'mask', 'hold', 'block', 'terminate', 'open'] as const;
export type Fate = (typeof fates)[number];

interface FateLook {
  readonly title: string;
  readonly colour: string;
  /** What finds these commands and no others: classes that weigh more are left out. */
  readonly query: string;
}

export const fateLooks: Readonly<Record<Fate, FateLook>> = {
  allow: { title: 'Allowed', colour: 'bg-good/60', query: 'verdict:allow -verdict:mask,block,terminate,hold' },
  mask: { title: 'Masked', colour: 'bg-veil', query: 'verdict:mask -verdict:block,terminate,hold' },
  hold: { title: 'Held', colour: 'bg-warn', query: 'verdict:hold' },
  block: { title: 'Blocked', colour: 'bg-bad', query: 'verdict:block -verdict:terminate,hold' },
  terminate: { title: 'Ended the session', colour: 'bg-ink', query: 'verdict:terminate -verdict:hold' },
  open: { title: 'Still open', colour: 'bg-info', query: '-verdict:allow,mask,hold,block,terminate' },
};

export const deniedQuery = 'verdict:block,terminate -verdict:hold';

/** A value as it is written in a query. */
export function spelled(value: string): string {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

interface Span {
  readonly since: string;
  readonly until: string;
}

/** A search of a span: whole seconds are written without fractions. */
export function within({ since, until }: Span, query: string): string {
  const short = (at: string): string => at.replace(/\.000Z$/, 'Z');
  return `${query} since:${short(since)} until:${short(until)}`;
}

export const commandsQuery = (rest = ''): string => `type:command ${rest}`.trim();

export const barSpan = (bar: { readonly at: string }, barSeconds: number): Span => ({
  since: bar.at,
  until: new Date(Date.parse(bar.at) + barSeconds * 1000).toISOString(),
});

export function totalOf(overview: Overview, ...of: readonly Fate[]): number {
  return overview.bars.reduce((sum, bar) => sum + of.reduce((each, fate) => each + (bar.fates[fate] ?? 0), 0), 0);
}
