/**
 * Counting what matches, as far as a limit, and by facets.
 *
 * Invariants: what is counted by facets is what is counted at all (the newest, where there are more than the limit); an uncertain
 * entry is counted only where the query asks for what is touched, and never one that matches as it is.
 */
import { type Kysely, sql } from 'kysely';
import type { FacetField, FacetValue, SearchCounts, SearchNode, SearchQuery, SearchScope } from '../../core/search.ts';
import { historyCountMax, historyFacetValuesMax } from '../limits.ts';
import type { Schema } from '../schema.ts';
import { all, type Condition, not } from './conditions.ts';
import { type HistorySearch, inSpan } from './search.ts';

const dayMs = 86_400_000;

/**
 * For each facet, of which column of `entries` it is, and how the numbers of that column (`c.value`, as often as `c.count` says) come
 * to the facet's values (`value`).
 */
const facets: Readonly<Record<FacetField, { readonly column: string; readonly values: string }>> = {
  type: { column: 'type', values: 'c.value as value from c' },
  who: { column: 'actor', values: 'd.name as value from c join history.actors d on d.no = c.value' },
  resource: { column: 'place', values: 'd.resource as value from c join history.places d on d.no = c.value' },
  protocol: { column: 'place', values: 'd.protocol as value from c join history.places d on d.no = c.value' },
  verdict: { column: 'fate', values: 'd.verdict as value from c join history.fates d on d.no = c.value' },
  rule: { column: 'fate', values: 'd.rule as value from c join history.fates d on d.no = c.value' },
  effect: {
    column: 'shape',
    values: 'one as value from c join history.shapes d on d.no = c.value cross join unnest(d.effects) one',
  },
  kind: { column: 'shape', values: 'd.kind as value from c join history.shapes d on d.no = c.value' },
  table: {
    column: 'shape',
    values: `one.name as value from c join history.shapes d on d.no = c.value cross join lateral (
      select distinct t.name from history.touches t where t.no = any(d.touches) and t.kind = 'table') one`,
  },
  day: { column: 'day', values: 'c.value::text as value from c' },
};

export async function countOf(
  db: Kysely<Schema>,
  search: HistorySearch,
  query: SearchQuery,
  scope: SearchScope,
  fields: readonly FacetField[],
): Promise<SearchCounts> {
  const condition = await search.condition(query.where, scope);
  const { total, isExact, counts } = await gather(db, search, query, condition, fields);
  const values: Partial<Record<FacetField, readonly FacetValue[]>> = {};
  for (const field of fields) values[field] = valuesOf(field, counts.get(field) ?? new Map());
  return { total, isExact, uncertain: await uncertainOf(db, search, query, scope, condition), facets: values };
}

interface Gathered {
  readonly total: number;
  readonly isExact: boolean;
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

async function gather(
  db: Kysely<Schema>,
  search: HistorySearch,
  query: SearchQuery,
  condition: Condition,
  fields: readonly FacetField[],
): Promise<Gathered> {
  const counts = new Map<string, Map<string, number>>(fields.map((field) => [field, new Map()]));
  if (condition === false) return { total: 0, isExact: true, counts };
  const columns = [...new Set(fields.map((field) => facets[field].column))].map((column) =>
    column === 'day' ? sql`e.at_ms / ${sql.raw(String(dayMs))} as day` : sql`e.${sql.raw(column)}`,
  );
  const parts = fields.map((field) => {
    const { column, values } = facets[field];
    return sql`select ${sql.raw(`'${field}'`)} as facet, value, sum(count)::int4 as count from (
      with c as (select ${sql.raw(column)} as value, count(*) as count from m group by 1)
      select c.count, ${sql.raw(values)}) v where value is not null group by value`;
  });
  let total = 0;
  const { rest } = await search.spans(query, false, async (span) => {
    const where = all([inSpan(span), condition]);
    const matching = sql`select ${columns.length === 0 ? sql`1` : sql.join(columns)} from history.entries e
      where ${where === null ? sql`true` : where} order by e.at_ms desc limit ${historyCountMax + 1 - total}`;
    const found = await sql<{ facet: string; value: string; count: number }>`with m as materialized (${matching})
      select 'total' as facet, '' as value, count(*)::int4 as count from m
      ${parts.length === 0 ? sql`` : sql`union all ${sql.join(parts, sql` union all `)}`}`.execute(db);
    for (const { facet, value, count } of found.rows) {
      if (facet === 'total') total += count;
      const own = counts.get(facet);
      own?.set(value, (own.get(value) ?? 0) + count);
    }
    return total > historyCountMax;
  });
  return { total: Math.min(total, historyCountMax), isExact: rest === null && total <= historyCountMax, counts };
}

function valuesOf(field: FacetField, counts: ReadonlyMap<string, number>): readonly FacetValue[] {
  const found = [...counts].map(([value, count]) =>
    field === 'day' ? { value: new Date(Number(value) * dayMs).toISOString().slice(0, 10), count } : { value, count },
  );
  found.sort((a, b) =>
    field === 'day' ? (a.value < b.value ? 1 : -1) : b.count - a.count || (a.value < b.value ? -1 : 1),
  );
  return found.slice(0, historyFacetValuesMax);
}

/** What may match as well: entries that match where a touch that is not known counts as the one asked for. */
async function uncertainOf(
  db: Kysely<Schema>,
  search: HistorySearch,
  query: SearchQuery,
  scope: SearchScope,
  condition: Condition,
): Promise<number | null> {
  if (query.where === null || !asksForTouches(query.where)) return null;
  const perhaps = await search.condition(relaxed(query.where), scope);
  const { total } = await gather(db, search, query, all([perhaps, not(condition)]), []);
  return total;
}

function asksForTouches(node: SearchNode): boolean {
  if (node.node === 'all' || node.node === 'any') return node.of.some(asksForTouches);
  return node.node === 'touch';
}

function relaxed(node: SearchNode): SearchNode {
  if (node.node === 'all' || node.node === 'any') return { node: node.node, of: node.of.map(relaxed) };
  return node.node === 'touch' ? { node: 'any', of: [node, { node: 'uncertain' }] } : node;
}
