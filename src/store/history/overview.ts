/**
 * What a span of history adds up to.
 *
 * Invariants: every entry is read once, in the spans that a search takes (search.ts), so nobody waits long behind it; a command counts
 * in one class only (core/overview.ts); what was asked for before the span does not count as held in it.
 */
import { type Kysely, sql } from 'kysely';
import type { CommandFate, HistoryOverview, NamedCount, OverviewOrder } from '../../core/overview.ts';
import { historyFacetValuesMax } from '../limits.ts';
import type { Schema } from '../schema.ts';
import { type HistorySearch, inSpan, type Span } from './search.ts';

interface Sum {
  count: number;
  rows: number;
  bytes: number;
}

/** Sums by what is counted, then by name. */
type Sums = Map<string, Map<string, Sum>>;

interface Asked {
  askedMs: number | null;
  decidedMs: number | null;
  outcome: string | null;
}

const decisions: Readonly<Record<string, string>> = { approve: 'approved', deny: 'denied' };

export async function overviewOf(
  db: Kysely<Schema>,
  search: HistorySearch,
  { fromMs, toMs, barMs }: OverviewOrder,
): Promise<HistoryOverview> {
  const sums: Sums = new Map();
  const reviews = new Map<string, Asked>();
  const { rest } = await search.spans({ fromMs, toMs }, false, async (span) => {
    await addSums(db, span, barMs, sums);
    await addReviews(db, span, reviews);
    return false;
  });
  const of = (what: string): ReadonlyMap<string, Sum> => sums.get(what) ?? new Map();
  return {
    isWhole: rest === null,
    sessions: of('type').get('session')?.count ?? 0,
    refusals: of('type').get('refusal')?.count ?? 0,
    bars: barsOf(of('bar'), barMs),
    deniedRules: named(of('denied rule')),
    deniedPeople: named(of('denied who')),
    resources: [...of('resource')]
      .map(([name, sum]) => ({ name, ...sum }))
      .sort(byCount)
      .slice(0, historyFacetValuesMax),
    fired: [...of('fired')].map(([name, { count }]) => ({ name, count })),
    held: heldOf([...reviews.values()]),
  };
}

/** Everything that is counted of a span, from one look at its entries. */
async function addSums(db: Kysely<Schema>, span: Span, barMs: number, sums: Sums): Promise<void> {
  const found = await sql<{ what: string; name: string; count: number; rows: number; bytes: number }>`
    with c as materialized (
      select e.type, e.at_ms / ${barMs}::int8 as bar, e.actor, e.place, e.fate, count(*) as count,
        coalesce(sum(e.rows), 0) as rows, coalesce(sum(e.bytes), 0) as bytes
      from history.entries e
      where ${inSpan(span)} and e.type in ('command', 'session', 'refusal', 'alert')
      group by 1, 2, 3, 4, 5),
    f as materialized (
      select d.no, d.rule, case
        when 'hold' in (d.verdict, d.judged) then 'hold'
        when 'terminate' in (d.verdict, d.judged) then 'terminate'
        when 'block' in (d.verdict, d.judged) then 'block'
        when 'mask' in (d.verdict, d.judged) then 'mask'
        when 'allow' in (d.verdict, d.judged) then 'allow'
        else 'open' end as class
      from history.fates d where d.no in (select fate from c)),
    m as (select c.*, f.rule, f.class from c join f on f.no = c.fate)
    select what, name, sum(count)::int8 as count, sum(rows)::int8 as rows, sum(bytes)::int8 as bytes from (
      select 'type' as what, type as name, count, 0 as rows, 0 as bytes from m
      union all
      select 'bar', bar::text || ' ' || class, count, 0, 0 from m where type = 'command'
      union all
      select 'denied rule', rule, count, 0, 0 from m
        where type = 'command' and class in ('block', 'terminate') and rule is not null
      union all
      select 'denied who', d.name, count, 0, 0 from m join history.actors d on d.no = m.actor
        where type = 'command' and class in ('block', 'terminate')
      union all
      select 'resource', d.resource, count, rows, bytes from m join history.places d on d.no = m.place
        where type = 'command' and d.resource is not null
      union all
      select 'fired', rule, count, 0, 0 from m where rule is not null) v
    group by what, name`.execute(db);
  for (const { what, name, count, rows, bytes } of found.rows) {
    let own = sums.get(what);
    if (own === undefined) {
      own = new Map();
      sums.set(what, own);
    }
    const sum = own.get(name) ?? { count: 0, rows: 0, bytes: 0 };
    own.set(name, { count: sum.count + count, rows: sum.rows + rows, bytes: sum.bytes + bytes });
  }
}

/** The index of reviews knows where they are: they are few. */
async function addReviews(db: Kysely<Schema>, span: Span, reviews: Map<string, Asked>): Promise<void> {
  const found = await sql<{ review: string; at_ms: number; verb: string | null; outcome: string | null }>`
    select e.review, e.at_ms, s.verb, f.outcome from history.entries e
    join history.shapes s on s.no = e.shape join history.fates f on f.no = e.fate
    where ${inSpan(span)} and e.review is not null and e.type = 'review'`.execute(db);
  for (const { review, at_ms: atMs, verb, outcome } of found.rows) {
    let one = reviews.get(review);
    if (one === undefined) {
      one = { askedMs: null, decidedMs: null, outcome: null };
      reviews.set(review, one);
    }
    if (verb === 'requested') {
      // Access that is asked for, and what was broken open, hold nothing up.
      if (outcome === 'command') one.askedMs = atMs;
    } else if (verb !== null && decisions[verb] !== undefined) {
      // What stands after it: of a rule that asks for two, the first approval decides nothing yet.
      if (outcome !== 'pending' && (one.decidedMs === null || atMs < one.decidedMs)) {
        one.decidedMs = atMs;
        one.outcome = decisions[verb];
      }
    } else if (verb === 'ended') {
      one.outcome ??= 'lapsed';
    }
  }
}

function barsOf(found: ReadonlyMap<string, Sum>, barMs: number): HistoryOverview['bars'] {
  const bars = new Map<number, Partial<Record<CommandFate, number>>>();
  for (const [name, { count }] of found) {
    const [bar = '', fate = ''] = name.split(' ');
    const atMs = Number(bar) * barMs;
    const fates = bars.get(atMs) ?? {};
    fates[fate as CommandFate] = count;
    bars.set(atMs, fates);
  }
  return [...bars].map(([atMs, fates]) => ({ atMs, fates })).sort((a, b) => a.atMs - b.atMs);
}

function heldOf(reviews: readonly Asked[]): HistoryOverview['held'] {
  const asked = reviews.filter(({ askedMs }) => askedMs !== null);
  const waits = asked
    .flatMap(({ askedMs, decidedMs }) => (decidedMs === null ? [] : [decidedMs - askedMs!]))
    .sort((a, b) => a - b);
  const became = (outcome: string): number => asked.filter((one) => one.outcome === outcome).length;
  return {
    asked: asked.length,
    approved: became('approved'),
    denied: became('denied'),
    lapsed: became('lapsed'),
    medianMs: waits[Math.floor((waits.length - 1) / 2)] ?? null,
    longestMs: waits.at(-1) ?? null,
  };
}

function named(found: ReadonlyMap<string, Sum>): readonly NamedCount[] {
  return [...found]
    .map(([name, { count }]) => ({ name, count }))
    .sort(byCount)
    .slice(0, historyFacetValuesMax);
}

function byCount(a: NamedCount, b: NamedCount): number {
  return b.count - a.count || (a.name < b.name ? -1 : 1);
}
