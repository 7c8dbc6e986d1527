/**
 * Searching history: pages of hits, and counts with facets.
 *
 * Invariants:
 * - The scope is part of every condition: no hit, count or facet reaches beyond it.
 * - No statement goes over more than a span of time that is expected to take `historyStatementMs`: spans widen while answers come
 *   quickly and narrow where they do not. So logins never wait long behind a search, even where the database has one connection and
 *   cannot end a statement that takes too long.
 * - A search ends within `historySearchMs`: with the hits so far and where to go on, or, where all must be seen first (the most
 *   rows, say), with an error that says to narrow it.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import type { SearchNode, SearchPage, SearchQuery, SearchScope, SearchSort } from '../../core/search.ts';
import * as check from '../check.ts';
import { storeErrors } from '../errors.ts';
import {
  historyNumbersMax,
  historySearchMs,
  historySpanEntries,
  historySpanMs,
  historyStatementMs,
  historyWaitersMax,
} from '../limits.ts';
import type { Schema } from '../schema.ts';
import { type Asking, all, type Condition, conditionOf } from './conditions.ts';
import { type HitRow, hitOf, whole } from './hits.ts';

/** A stretch of time: from, inclusive; to, exclusive. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Sorted by what is largest: the column, with nothing counting as least. */
const sortColumns: Readonly<Record<Exclude<SearchSort, 'newest' | 'oldest'>, string>> = {
  rows: 'coalesce(e.rows, -1)',
  bytes: 'coalesce(e.bytes, -1)',
  duration: 'coalesce(e.duration_ms, -1)',
};

/** Where a page ended: the value it was sorted by, then the entry's key. */
type Cursor = readonly [value: number, atMs: number, gateway: number, sequence: number, part: number];

/** One search at a time: others of the gateway's doings come between its statements, and other searches wait. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= historyWaitersMax) throw storeErrors('store.busy', { detail: 'too many searches at once' });
    this.#waiting++;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}

export class HistorySearch {
  readonly #db: Kysely<Schema>;
  readonly #clock: Clock;
  readonly #until: number;

  /** Its time begins to run. */
  constructor(db: Kysely<Schema>, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#until = clock.monotonic() + historySearchMs;
  }

  get isOver(): boolean {
    return this.#clock.monotonic() >= this.#until;
  }

  async page(
    query: SearchQuery,
    scope: SearchScope,
    { limit, after }: { readonly limit: number; readonly after: string | null },
  ): Promise<SearchPage> {
    check.limit(limit);
    const cursor = after === null ? null : parseCursor(after);
    const condition = await this.condition(query.where, scope);
    if (condition === false) return { hits: [], next: null };
    return query.sort === 'newest' || query.sort === 'oldest'
      ? await this.#inOrder(query, condition, cursor, limit)
      : await this.#largest(query, query.sort, condition, cursor, limit);
  }

  /** The condition with the scope. */
  async condition(where: SearchNode | null, scope: SearchScope): Promise<Condition> {
    const ask: Asking = async (from) => {
      const found = await sql<{
        no: string;
      }>`select d.no::text as no from ${from} limit ${historyNumbersMax + 1}`.execute(this.#db);
      return found.rows.map(({ no }) => no);
    };
    if (scope === 'all') return await conditionOf(where, ask);
    const own = await ask(sql`history.actors d where d.id = ${check.clean(scope.principalId)}`);
    if (own.length === 0) return false;
    // Somebody whose groups changed often has many rows there; the id itself stands for all of them.
    const mine =
      own.length <= historyNumbersMax
        ? sql<boolean>`e.actor = any(${`{${own.join(',')}}`}::int8[])`
        : sql<boolean>`e.actor in (select d.no from history.actors d where d.id = ${check.clean(scope.principalId)})`;
    return all([mine, await conditionOf(where, ask)]);
  }

  /**
   * Goes through the spans of a time, one statement each; ends when `work` answers true, or at the end. False: the time of the
   * search was over before, and `rest` is what was not looked at.
   */
  async spans(
    range: Span,
    isForwards: boolean,
    work: (span: Span) => Promise<boolean>,
  ): Promise<{ readonly rest: Span | null }> {
    const bounds = await this.#bounds();
    let fromMs = Math.max(range.fromMs, bounds.fromMs);
    let toMs = Math.min(range.toMs, bounds.toMs);
    let { lengthMs } = bounds;
    let beforeMs = 0;
    while (fromMs < toMs) {
      if (this.isOver) return { rest: { fromMs, toMs } };
      const span = isForwards
        ? { fromMs, toMs: Math.min(toMs, fromMs + lengthMs) }
        : { fromMs: Math.max(fromMs, toMs - lengthMs), toMs };
      const begun = this.#clock.monotonic();
      if (await work(span)) return { rest: null };
      const tookMs = this.#clock.monotonic() - begun;
      if (isForwards) fromMs = span.toMs;
      else toMs = span.fromMs;
      lengthMs = nextLength(lengthMs, tookMs, beforeMs);
      beforeMs = tookMs;
    }
    return { rest: null };
  }

  async #inOrder(query: SearchQuery, condition: Condition, cursor: Cursor | null, limit: number): Promise<SearchPage> {
    const isForwards = query.sort === 'oldest';
    const direction = sql.raw(isForwards ? 'asc' : 'desc');
    const beyond = cursor === null ? null : cursorCondition(sql.raw(isForwards ? '>' : '<'), cursor);
    const range = cursor === null ? query : within(query, cursor[1], isForwards);
    const rows: HitRow[] = [];
    const { rest } = await this.spans(range, isForwards, async (span) => {
      const where = all([inSpan(span), beyond, condition]);
      const found = await whole(sql`select e.* from history.entries e where ${where === null ? sql`true` : where}
        order by e.at_ms ${direction}, e.gateway ${direction}, e.sequence ${direction}, e.part ${direction}
        limit ${limit + 1 - rows.length}`).execute(this.#db);
      rows.push(...found.rows.toSorted((a, b) => (isForwards ? 1 : -1) * compareKeys(a, b)));
      return rows.length > limit;
    });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    if (rows.length > limit && last !== undefined) return { hits: page.map(hitOf), next: cursorText(0, last) };
    // Out of time: whatever comes next lies beyond the last moment that was looked at.
    const next =
      rest === null ? null : encode(isForwards ? [0, rest.fromMs - 1, 32_767, 0, 0] : [0, rest.toMs, 0, 0, 0]);
    return { hits: page.map(hitOf), next };
  }

  async #largest(
    query: SearchQuery,
    sort: keyof typeof sortColumns,
    condition: Condition,
    cursor: Cursor | null,
    limit: number,
  ): Promise<SearchPage> {
    const column = sql.raw(sortColumns[sort]);
    const beyond =
      cursor === null
        ? null
        : sql<boolean>`(${column}, e.at_ms, e.gateway, e.sequence, e.part) < (${cursor[0]}::int8, ${cursor[1]}::int8,
            ${cursor[2]}::int2, ${cursor[3]}::int8, ${cursor[4]}::int4)`;
    let best: (HitRow & { readonly value: number })[] = [];
    const { rest } = await this.spans(query, false, async (span) => {
      const least = best.length > limit ? sql<boolean>`${column} > ${best.at(-1)!.value}::int8` : null;
      const where = all([inSpan(span), beyond, least, condition]);
      const found = await whole(sql`select e.* from history.entries e where ${where === null ? sql`true` : where}
        order by ${column} desc, e.at_ms desc, e.gateway desc, e.sequence desc, e.part desc
        limit ${limit + 1}`).execute(this.#db);
      const valued = found.rows.map((row) => ({ ...row, value: sizeOf(row, sort) }));
      best = [...best, ...valued].sort((a, b) => b.value - a.value || compareKeys(b, a)).slice(0, limit + 1);
      return false;
    });
    if (rest !== null) throw storeErrors('store.search-too-long');
    const page = best.slice(0, limit);
    const last = page.at(-1);
    return {
      hits: page.map(hitOf),
      next: best.length > limit && last !== undefined ? cursorText(last.value, last) : null,
    };
  }

  /** First and last moment of what there is; the last is exclusive. With it the span that some thousand entries lie in. */
  async #bounds(): Promise<Span & { readonly lengthMs: number }> {
    const found = await sql<{ first: number | null; last: number | null; entries: number }>`select
      (select at_ms from history.entries order by at_ms limit 1) as first,
      (select at_ms from history.entries order by at_ms desc limit 1) as last,
      (select coalesce(sum(entries), 0)::int8 from history.gateways) as entries`.execute(this.#db);
    const { first = null, last = null, entries = 0 } = found.rows[0] ?? {};
    if (first === null || last === null) return { fromMs: 0, toMs: 0, lengthMs: historySpanMs };
    const share = historySpanEntries / Math.max(historySpanEntries, entries);
    return { fromMs: first, toMs: last + 1, lengthMs: Math.max(historySpanMs, Math.ceil((last + 1 - first) * share)) };
  }
}

/**
 * The next span: wider where there was time to spare, narrower where there was not; but not where a narrower one took as long,
 * since then it is not the span that costs.
 */
function nextLength(lengthMs: number, tookMs: number, beforeMs: number): number {
  if (tookMs < historyStatementMs / 8) return lengthMs * 16;
  if (tookMs < historyStatementMs / 2) return lengthMs * 4;
  if (tookMs <= historyStatementMs || (beforeMs > historyStatementMs && tookMs > beforeMs * 0.7)) return lengthMs * 2;
  return Math.max(1000, Math.floor((lengthMs * historyStatementMs) / tookMs / 2));
}

export function inSpan({ fromMs, toMs }: Span): RawBuilder<boolean> {
  return sql<boolean>`e.at_ms >= ${Math.trunc(fromMs)}::int8 and e.at_ms < ${Math.trunc(toMs)}::int8`;
}

function within(query: SearchQuery, atMs: number, isForwards: boolean): Span {
  return isForwards
    ? { fromMs: Math.max(query.fromMs, atMs), toMs: query.toMs }
    : { fromMs: query.fromMs, toMs: Math.min(query.toMs, atMs + 1) };
}

function cursorCondition(than: RawBuilder<unknown>, [, atMs, gateway, sequence, part]: Cursor): RawBuilder<boolean> {
  return sql<boolean>`(e.at_ms, e.gateway, e.sequence, e.part) ${than} (${atMs}::int8, ${gateway}::int2, ${sequence}::int8,
    ${part}::int4)`;
}

function compareKeys(a: HitRow, b: HitRow): number {
  return a.at_ms - b.at_ms || a.gateway_no - b.gateway_no || a.sequence - b.sequence || a.part - b.part;
}

function sizeOf(row: HitRow, sort: keyof typeof sortColumns): number {
  return (sort === 'rows' ? row.rows : sort === 'bytes' ? row.bytes : row.duration_ms) ?? -1;
}

function cursorText(value: number, row: HitRow): string {
  return encode([value, row.at_ms, row.gateway_no, row.sequence, row.part]);
}

function encode(cursor: Cursor): string {
  return cursor.join('.');
}

/** A cursor comes from outside: whatever does not read as one begins at the beginning of what its numbers say, and no further. */
function parseCursor(text: string): Cursor {
  const numbers = text.split('.').map(Number);
  const [value, atMs, gateway, sequence, part] = numbers;
  if (
    numbers.length !== 5 ||
    !numbers.every(Number.isSafeInteger) ||
    Math.abs(gateway!) > 32_767 ||
    part! > 2 ** 31 - 1
  ) {
    throw storeErrors('store.bad-cursor');
  }
  return [value!, atMs!, gateway!, sequence!, part!];
}
