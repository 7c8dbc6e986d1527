/**
 * What the commands that search share: the query from words, hits page by page, their table with what was asked for marked, and
 * a query that cannot be read shown with its place.
 */
import {
  ApiError,
  type FacetName,
  type HitView,
  type RouteAnswer,
  type Routes,
  type SearchCountsView,
} from '../api/contract/index.ts';
import { escapeLine } from '../base/escape.ts';
import type { Api } from './api.ts';
import { usage } from './errors.ts';
import { searchMarksMax } from './limits.ts';
import type { Paint, Palette } from './output/colour.ts';
import type { Output } from './output/output.ts';
import type { Cell, TableColumn } from './output/table.ts';
import { groupDigits } from './output/time.ts';
import { displayWidth } from './output/width.ts';

/** Most hits that one listing shows; more is for `search export`. */
export const hitsMax = 10_000;
export const hitsDefault = 50;
const pageEntries = 500;

/**
 * The words of the command line as one query. A shell has taken the quotes off `text:"drop table"`; where there are several
 * words, one with a space in it had some.
 */
export function queryOf(words: readonly string[]): string {
  if (words.length === 1) return words[0]!;
  return words
    .map((word) => {
      if (!/\s/.test(word) || word.includes('"')) return word;
      const field = /^(-?[A-Za-z][A-Za-z-]*:)(.*)$/s.exec(word);
      return field === null ? `"${word}"` : `${field[1]}"${field[2]}"`;
    })
    .join(' ');
}

export interface Found {
  readonly query: string;
  readonly from: string | null;
  readonly until: string;
  readonly marks: readonly string[];
  readonly hits: readonly HitView[];
  readonly hasMore: boolean;
  readonly counts: SearchCountsView | null;
}

/** Up to `limit` hits, with counts by these facets. Throws `cli.usage` with the place where the query cannot be read. */
export async function find(
  api: Api,
  query: string,
  order: { readonly limit: number; readonly facets: readonly FacetName[] },
): Promise<Found> {
  const hits: HitView[] = [];
  let cursor: string | undefined;
  let first: Omit<Found, 'hits' | 'hasMore'> | null = null;
  let isFirst = true;
  for (;;) {
    const limit = Math.min(pageEntries, order.limit - hits.length);
    const counted = isFirst ? { counts: true, facets: [...order.facets] } : {};
    const page: RouteAnswer<Routes['search']> = await api.client
      .call('search', { body: { query, limit, ...(cursor === undefined ? {} : { cursor }), ...counted } })
      .catch((error: unknown) => {
        throw placedInQuery(error, query);
      });
    isFirst = false;
    first ??= page;
    hits.push(...page.hits);
    const isOver = page.next === null || page.next === cursor || hits.length >= order.limit;
    if (isOver) return { ...first, hits, hasMore: page.next !== null };
    cursor = page.next ?? undefined;
  }
}

/** The error with the query below it and a mark where it cannot be read; any other as it is. */
export function placedInQuery(error: unknown, query: string): unknown {
  if (!(error instanceof ApiError) || error.code !== 'api.unreadable-search') return error;
  const [problem] = error.problems;
  if (problem?.range === undefined) return error;
  const { at, end } = problem.range;
  const indent = '       ';
  // A line of its own, and the part around the place where the query is longer than one.
  const from = Math.max(0, at - 60);
  const shown = escapeLine(query.slice(from, at));
  const meant = escapeLine(query.slice(at, end));
  const lead = `${from > 0 ? '…' : ''}${shown}`;
  const rest = escapeLine(query.slice(end, end + 60));
  const mark = `${' '.repeat(displayWidth(lead))}${'^'.repeat(Math.max(1, displayWidth(meant)))}`;
  const what = [problem.message, `${indent}${lead}${meant}${rest}`, `${indent}${mark}`].join('\n');
  const possible = problem.possible ?? [];
  const todo = possible.length === 0 ? 'See docs/learn/search.md.' : `Possible here: ${possible.join(' ')}`;
  return usage(what, todo);
}

export const hitColumns: readonly TableColumn[] = [
  { title: 'WHEN' },
  { title: 'WHO', widest: 24 },
  { title: 'WHERE', widest: 20, spare: 1 },
  { title: 'WHAT', widest: 100 },
  { title: 'HOW', spare: 3 },
  { title: 'ROWS', align: 'right', spare: 2 },
  { title: 'REPLAY', spare: 4 },
];

export function hitRow(hit: HitView, marks: readonly string[], palette: Palette): readonly Cell[] {
  const { principal, agents, session, verdict } = hit;
  const who = principal === null ? '' : [principal.name, ...agents.map((agent) => `by ${agent}`)].join(' ');
  const what = hit.text === '' ? [hit.verb, hit.outcome].filter((part) => part !== null).join(' ') : hit.text;
  const label = hit.type === 'command' || hit.type === 'screen' ? '' : `${labelOf(hit)}: `;
  return [
    { text: whenText(hit.at), paint: palette.faint },
    { text: who, paint: palette.strong },
    hit.resource ?? '',
    { text: `${label}${excerpt(what, marks)}`, paint: marker(marks, palette) },
    verdict === null ? (hit.outcome ?? '') : { text: verdict, paint: verdictPaint(verdict, palette) },
    hit.rows === null ? '' : groupDigits(hit.rows),
    session === null ? '' : [session, ...placeOf(hit)].join(' '),
  ];
}

/** Where a replay begins that shows it: at its command, or when it stood on the screen. */
export function placeOf({ type, at, command }: HitView): readonly string[] {
  if (type === 'screen') return ['--at', at];
  return command === null ? [] : ['--at', String(command)];
}

/** What kind of thing it is, and which of that kind, where the text does not say it. */
function labelOf({ type, verb, text }: HitView): string {
  return verb === null || text === '' || text.includes(verb) ? type : `${type} ${verb}`;
}

/** `2026-10-03 09:12:04`, UTC as everything. */
export function whenText(at: string): string {
  return at.replace('T', ' ').replace(/\.\d+Z$/, '');
}

export function verdictPaint(verdict: string, palette: Palette): Paint {
  if (verdict === 'allow') return palette.good;
  return verdict === 'mask' || verdict === 'hold' ? palette.warning : palette.bad;
}

/** Where a text is long, the part of it in which something was found. */
const leadMax = 24;

function excerpt(text: string, marks: readonly string[]): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const lower = line.toLowerCase();
  const places = marks.map((mark) => lower.indexOf(mark.toLowerCase())).filter((place) => place >= 0);
  const first = Math.min(...places);
  return places.length === 0 || first <= 60 ? line : `…${line.slice(first - leadMax)}`;
}

/** Paints what was asked for within a text, whatever its case. */
export function marker(marks: readonly string[], palette: Palette): Paint {
  const wanted = marks.slice(0, searchMarksMax).filter((mark) => mark !== '');
  if (!palette.enabled || wanted.length === 0) return (text) => text;
  const parts = wanted.map((mark) => escapeLine(mark).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(parts.sort((a, b) => b.length - a.length).join('|'), 'gi');
  return (text) => text.replace(pattern, (found) => palette.strong(palette.warning(found)));
}

/** Counts by a facet, as a table with bars. */
export async function facetTable(
  name: string,
  values: readonly { readonly value: string; readonly count: number }[],
  output: Output,
): Promise<void> {
  const most = Math.max(1, ...values.map(({ count }) => count));
  const { palette } = output;
  await output.table(
    [{ title: name.toUpperCase(), widest: 48 }, { title: 'COUNT', align: 'right' }, { title: '' }],
    values.map(({ value, count }) => [
      value === '' ? '(none)' : value,
      groupDigits(count),
      { text: '━'.repeat(Math.max(1, Math.round((count / most) * 24))), paint: palette.accent },
    ]),
  );
}
