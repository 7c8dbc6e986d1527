/**
 * Making a report: what the gateway gives as JSON, and the span that it is of.
 *
 * Invariants: days are whole days in UTC, as everything the gateway writes is; making one is recorded, so what was made for an
 * address is kept as long as the tab is open, and not made again by itself.
 */
import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { download, type InputOf, type Problem } from '../../api/client.ts';

export const reports = [
  {
    name: 'access',
    title: 'Access',
    question: 'Who could reach what, by which Access or grant, who gave it, and when was it last used?',
  },
  {
    name: 'privileged',
    title: 'Privileged activity',
    question: 'What was done that changes or destroys, or reads much, and by whom?',
  },
  {
    name: 'reviews',
    title: 'Reviews',
    question: 'What was held or asked for, who decided, how, and how long did it take?',
  },
  {
    name: 'changes',
    title: 'Changes',
    question: 'Who changed the rules, principals and settings, and from what to what?',
  },
  { name: 'coverage', title: 'Coverage', question: 'What is recorded, restricted and masked, and was there any gap?' },
] as const;
export type ReportName = (typeof reports)[number]['name'];

export type Format = InputOf<'makeReport'>['body']['format'];

export interface Layout {
  readonly title: string;
  readonly note: string;
  readonly empty: string;
  readonly columns: readonly { readonly key: string; readonly title: string; readonly look?: string }[];
}

export type Cell = string | number | null;

export interface Made {
  readonly report: string;
  readonly title: string;
  readonly question: string;
  readonly since: string;
  readonly until: string;
  readonly madeAt: string;
  readonly madeBy: string;
  readonly version: string;
  readonly figures: readonly { readonly label: string; readonly value: Cell }[];
  readonly notes: readonly string[];
  readonly tables: Readonly<Record<string, readonly Readonly<Record<string, Cell>>[]>>;
  readonly layout: Readonly<Record<string, Layout>>;
  readonly proof: {
    readonly gateway: string;
    readonly journal: string | null;
    readonly keyDigest: string;
    readonly checkpoint: string | null;
    readonly durableSequence: number;
    readonly evidence: readonly {
      readonly gateway: string;
      readonly events: number;
      readonly first: number;
      readonly last: number;
    }[];
  };
}

const dayMs = 86_400_000;
export const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
export const today = (): string => dayOf(Date.now());
export const daysAgo = (count: number): string => dayOf(Date.now() - count * dayMs);

export interface Span {
  /** Days, both inclusive. */
  readonly since: string;
  readonly until: string;
}

/** A real day as an input of a date has it. */
export function readDay(text: string | undefined): string | null {
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(ms) && dayOf(ms) === text ? text : null;
}

export function orderOf(report: ReportName, { since, until }: Span, format: Format): InputOf<'makeReport'> {
  const end = Date.parse(`${until}T00:00:00Z`) + dayMs;
  return {
    params: { report },
    body: {
      since: `${since}T00:00:00Z`,
      // A day that is not over ends now, which the gateway knows best.
      ...(end > Date.now() ? {} : { until: new Date(end).toISOString() }),
      format,
    },
  };
}

export interface Report {
  readonly blob: Blob;
  readonly document: Made;
}

export function useReport(report: ReportName, span: Span): UseQueryResult<Report, Problem> {
  return useQuery<Report, Problem>({
    queryKey: ['report', report, span],
    queryFn: async ({ signal }) => {
      const blob = await download('makeReport', orderOf(report, span, 'json'), { signal });
      return { blob, document: JSON.parse(await blob.text()) as Made };
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
