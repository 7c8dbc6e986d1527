/**
 * The index of what happened, as other rooms see it.
 *
 * Deliberately absent: events (audit), retention's rules and the language of queries (others'). Nothing outside this folder writes SQL
 * for its tables.
 */
import { type Kysely, sql } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import type { HistoryBatch, HistoryDeletion, HistoryStore } from '../../core/history.ts';
import type { HistoryOverview, OverviewOrder } from '../../core/overview.ts';
import type {
  FacetField,
  IndexStanding,
  SearchCounts,
  SearchPage,
  SearchQuery,
  SearchScope,
} from '../../core/search.ts';
import * as check from '../check.ts';
import { historyAnalyseEntries, historyAnalyseShare } from '../limits.ts';
import type { Schema } from '../schema.ts';
import { countOf } from './counts.ts';
import { Keys } from './keys.ts';
import { overviewOf } from './overview.ts';
import { deleteExpired, dropGateway, resourcesOf, sessionsBefore } from './removal.ts';
import { HistorySearch, Turns } from './search.ts';
import { ensureTables } from './tables.ts';
import { HistoryWriter } from './writer.ts';

export class HistoryRepository implements HistoryStore {
  readonly #db: Kysely<Schema>;
  readonly #clock: Clock;
  readonly #writer: HistoryWriter;
  readonly #turns = new Turns();
  /** Entries written since the last look at the statistics, and after how many the next is due. */
  #unlooked = 0;
  #nextLook = historyAnalyseEntries;

  private constructor(db: Kysely<Schema>, clock: Clock, key: string) {
    this.#db = db;
    this.#clock = clock;
    this.#writer = new HistoryWriter(db, new Keys(key));
  }

  static async open(db: Kysely<Schema>, clock: Clock): Promise<HistoryRepository> {
    return new HistoryRepository(db, clock, await ensureTables(db));
  }

  async cursor(gateway: string): Promise<number> {
    const found = await sql<{ sequence: number }>`select sequence from history.gateways
      where name = ${check.clean(gateway)}`.execute(this.#db);
    return found.rows[0]?.sequence ?? 0;
  }

  async write(batch: HistoryBatch): Promise<void> {
    await this.#writer.write(batch);
    this.#unlooked += batch.entries.length;
  }

  search(
    query: SearchQuery,
    scope: SearchScope,
    page: { readonly limit: number; readonly after: string | null },
  ): Promise<SearchPage> {
    return this.#turns.take(() => new HistorySearch(this.#db, this.#clock).page(query, scope, page));
  }

  count(query: SearchQuery, scope: SearchScope, facets: readonly FacetField[]): Promise<SearchCounts> {
    return this.#turns.take(() =>
      countOf(this.#db, new HistorySearch(this.#db, this.#clock), query, scope, [...new Set(facets)]),
    );
  }

  overview(order: OverviewOrder): Promise<HistoryOverview> {
    return this.#turns.take(() => overviewOf(this.#db, new HistorySearch(this.#db, this.#clock), order));
  }

  async standings(): Promise<readonly IndexStanding[]> {
    const found = await sql<{ name: string; sequence: number; at_ms: number; entries: number }>`
      select name, sequence, at_ms, entries from history.gateways order by name`.execute(this.#db);
    return found.rows.map(({ name, sequence, at_ms, entries }) => ({ gateway: name, sequence, atMs: at_ms, entries }));
  }

  async sequenceOf(gateway: string, session: string, command: number | null): Promise<number | null> {
    const found = await sql<{ sequence: number }>`select e.sequence from history.entries e
      join history.visits v on v.no = e.visit join history.gateways g on g.no = e.gateway
      where v.session = ${check.clean(session)} and g.name = ${check.clean(gateway)}
        and ${command === null ? sql`e.command is null and e.type = 'session'` : sql`e.command = ${command}::int8 and e.type = 'command'`}
      order by e.sequence limit 1`.execute(this.#db);
    return found.rows[0]?.sequence ?? null;
  }

  async reviewRequest(review: string): ReturnType<HistoryStore['reviewRequest']> {
    const found = await sql<{
      session: string | null;
      command: number | null;
      resource: string | null;
      protocol: string | null;
      labels: readonly string[] | null;
      rule: string | null;
    }>`select v.session, e.command, p.resource, p.protocol, to_jsonb(p.labels) as labels, f.rule from history.entries e
      join history.shapes s on s.no = e.shape and s.verb = 'requested'
      join history.fates f on f.no = e.fate
      left join history.visits v on v.no = e.visit left join history.places p on p.no = e.place
      where e.review = ${check.clean(review)} and e.type = 'review' order by e.at_ms limit 1`.execute(this.#db);
    const row = found.rows[0];
    if (row === undefined) return null;
    const { session, command, resource, protocol, rule } = row;
    const labels = (row.labels ?? []).map((label) => {
      const at = label.indexOf('=');
      return [label.slice(0, at), label.slice(at + 1)] as const;
    });
    return { session, command, resource, protocol, rule, labels: Object.fromEntries(labels) };
  }

  async drop(gateway: string): Promise<void> {
    await dropGateway(this.#db, gateway);
    this.#writer.forget();
  }

  async delete(deletion: HistoryDeletion, limit: number): Promise<number> {
    const gone = await deleteExpired(this.#db, deletion, check.limit(limit));
    this.#writer.forget();
    return gone;
  }

  resources(): Promise<readonly string[]> {
    return resourcesOf(this.#db);
  }

  sessionsBefore(
    deletion: Pick<HistoryDeletion, 'labels' | 'beforeMs'>,
    page: { readonly limit: number; readonly after: string | null },
  ): ReturnType<HistoryStore['sessionsBefore']> {
    return sessionsBefore(this.#db, deletion, page);
  }

  async maintain(): Promise<void> {
    if (this.#unlooked < this.#nextLook) return;
    this.#unlooked = 0;
    const all = (await this.standings()).reduce((sum, { entries }) => sum + entries, 0);
    this.#nextLook = Math.max(historyAnalyseEntries, all * historyAnalyseShare);
    // One table at a time: others of the gateway's doings come between.
    for (const table of ['entries', 'texts', 'sheets', 'shapes', 'visits', 'touches', 'fates', 'actors', 'places']) {
      await sql.raw(`analyze history.${table}`).execute(this.#db);
    }
  }
}
