/**
 * Writing batches of history: dictionaries and entries in one statement, with the cursor, in one transaction.
 *
 * Invariants: a batch that is written again changes nothing; a revision never goes back; what deletes (retention.ts) and what
 * writes exclude each other, so that no entry refers to a value that is gone.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { HistoryBatch, HistoryEntry } from '../../core/history.ts';
import * as check from '../check.ts';
import { sqlState } from '../failure.ts';
import type { Schema } from '../schema.ts';
import { batchCall, dictionaryNames, entryNames } from './batch.ts';
import { type Keys, noDictionaries, rowOf } from './keys.ts';
import { ensureMonths, monthOf } from './tables.ts';

/** In the order of numbers: two gateways that write the same values then wait for each other, and never in a circle. */
const byNumber = (a: { no?: unknown }, b: { no?: unknown }): number => (String(a.no) < String(b.no) ? -1 : 1);

/** A column as PostgreSQL writes an array (documentation: chapter 8.15.2). */
function arrayOf(values: readonly unknown[]): string {
  return `{${values
    .map((value) => {
      if (value === null) return 'NULL';
      return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : String(value);
    })
    .join(',')}}`;
}

export class HistoryWriter {
  readonly #db: Kysely<Schema>;
  readonly #keys: Keys;
  readonly #gateways = new Map<string, number>();
  #months = new Set<string>();

  constructor(db: Kysely<Schema>, keys: Keys) {
    this.#db = db;
    this.#keys = keys;
  }

  async write(batch: HistoryBatch): Promise<void> {
    check.batch(batch.entries.length);
    const moments = this.#newMonths(batch);
    try {
      await this.#write(batch, moments);
    } catch (error) {
      // check_violation: no partition takes it, since another gateway deleted one that was known here.
      if (sqlState(error) !== '23514') throw error;
      this.#months = new Set();
      await this.#write(batch, this.#newMonths(batch));
    }
    for (const atMs of moments) this.#months.add(monthOf(atMs).name);
  }

  async #write(batch: HistoryBatch, moments: readonly number[]): Promise<void> {
    const into = noDictionaries();
    const latest = new Map<string, HistoryEntry>();
    for (const entry of batch.entries) latest.set(`${entry.sequence}.${entry.part}`, entry);
    const entries = [...latest.values()].map((entry) => rowOf(entry, this.#keys, into));
    const values = [
      ...dictionaryNames.map((name) => JSON.stringify([...into[name].values()].sort(byNumber))),
      ...entryNames.map((name) => arrayOf(entries.map((entry) => entry[name] ?? null))),
    ];
    const gateway = await this.gatewayNo(batch.gateway);
    const call = (db: Kysely<Schema>): Promise<unknown> =>
      run(db, batchCall, [gateway, batch.upToSequence, check.cleanWhole(batch.atMs), ...values]);
    // By itself it is a transaction of its own.
    if (moments.length === 0 && batch.ended.length === 0) {
      await call(this.#db);
      return;
    }
    await this.#db.transaction().execute(async (transaction) => {
      await ensureMonths(transaction, moments);
      await call(transaction);
      if (batch.ended.length > 0) await this.#end(transaction, gateway, batch.ended);
    });
  }

  /** What was still under way in sessions that are over did not finish: nothing will say so any more. */
  async #end(db: Transaction<Schema>, gateway: number, ended: HistoryBatch['ended']): Promise<void> {
    await run(
      db,
      `with over as (select * from json_to_recordset($1::json) as o(session text, sequence int8))
       update history.entries e set live = false, revision = over.sequence
       from over join history.visits v on v.session = over.session
       where e.visit = v.no and e.gateway = $2::int2 and e.live and e.revision < over.sequence`,
      [JSON.stringify(ended.map(({ session, sequence }) => ({ session: check.clean(session), sequence }))), gateway],
    );
  }

  /** The number by which rows name a gateway; made where it has none yet. */
  async gatewayNo(name: string): Promise<number> {
    const known = this.#gateways.get(name);
    if (known !== undefined) return known;
    await sql`insert into history.gateways (name) values (${check.clean(name)}) on conflict do nothing`.execute(
      this.#db,
    );
    const found = await sql<{ no: number }>`select no from history.gateways where name = ${check.clean(name)}`.execute(
      this.#db,
    );
    const { no } = found.rows[0]!;
    this.#gateways.set(name, no);
    return no;
  }

  /** Forgets what it knows of the tables: they were emptied. */
  forget(): void {
    this.#gateways.clear();
    this.#months = new Set();
  }

  /** One moment of each month that was not met yet. */
  #newMonths({ entries }: HistoryBatch): readonly number[] {
    const found = new Map<string, number>();
    for (const { atMs } of entries) {
      const { name } = monthOf(atMs);
      if (!this.#months.has(name)) found.set(name, atMs);
    }
    return [...found.values()];
  }
}

/** A statement of this room's own making with its parameters. */
export async function run<Row>(
  db: Kysely<Schema>,
  text: string,
  parameters: readonly (string | number | null)[],
): Promise<readonly Row[]> {
  const parts = text.split(/\$(\d+)/);
  const fragments = parts.map((part, at) => (at % 2 === 0 ? sql.raw(part) : sql`${parameters[Number(part) - 1]}`));
  return (await sql<Row>`${sql.join(fragments, sql.raw(''))}`.execute(db)).rows;
}
