/**
 * Writing batches of history: dictionaries and entries in one statement, with the cursor, in one transaction.
 *
 * Invariants: a batch that is written again changes nothing; a revision never goes back; what deletes (removal.ts) and what
 * writes exclude each other, and what was deleted meanwhile is noticed (the epoch), so that no entry refers to a value that is gone.
 */
import { type Kysely, sql } from 'kysely';
import type { HistoryBatch, HistoryEntry } from '../../core/history.ts';
import * as check from '../check.ts';
import { sqlState } from '../failure.ts';
import { historyKnownMax } from '../limits.ts';
import type { Schema } from '../schema.ts';
import { batchCall, entryNames, plainNames } from './batch.ts';
import { type NewText, sheetsOf } from './grams.ts';
import { type Dictionaries, type Keys, noDictionaries, type Rows, rowOf } from './keys.ts';
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

function noneKnown(): { readonly [Name in keyof Dictionaries]: Set<string> } {
  const sets = Object.keys(noDictionaries()).map((name) => [name, new Set<string>()] as const);
  return Object.fromEntries(sets) as { readonly [Name in keyof Dictionaries]: Set<string> };
}

export class HistoryWriter {
  readonly #db: Kysely<Schema>;
  readonly #keys: Keys;
  readonly #gateways = new Map<string, number>();
  #months = new Set<string>();
  /** Rows of dictionaries that were written since `#epoch` began, so that they need not be sent again. */
  #known: { readonly [Name in keyof Dictionaries]: Set<string> } = noneKnown();
  #epoch = -1;
  #lastSheet = 0n;

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
    const columns = entryNames.map((name) => arrayOf(entries.map((entry) => entry[name] ?? null)));
    const gateway = await this.gatewayNo(batch.gateway);
    const head = [gateway, batch.upToSequence, check.cleanWhole(batch.atMs)];
    const ended = batch.ended.map(({ session, sequence }) => ({ session: check.clean(session), sequence }));
    for (;;) {
      const expected = this.#epoch;
      const values = [
        ...head,
        expected,
        ended.length === 0 ? null : JSON.stringify(ended),
        ...this.#unknown(into, gateway).map((rows) => JSON.stringify(rows)),
        ...columns,
      ];
      await ensureMonths(this.#db, moments);
      // By itself it is a transaction of its own.
      const epoch = (await run<{ epoch: number }>(this.#db, batchCall, values))[0]!.epoch;
      if (epoch === expected) break;
      // Something was deleted since, or nothing was written yet: what is known to stand may be gone.
      this.#known = noneKnown();
      this.#epoch = epoch;
    }
    for (const name of [...plainNames, 'texts'] as const) {
      if (this.#known[name].size > historyKnownMax) this.#known[name].clear();
      for (const no of into[name].keys()) this.#known[name].add(no);
    }
  }

  /** What is not known to stand there: dictionaries, then texts, then their sheets. */
  #unknown(into: Dictionaries, gateway: number): readonly (readonly unknown[])[] {
    const unknown = (name: keyof Dictionaries): Rows => {
      const known = this.#known[name];
      return known.size === 0 ? into[name] : new Map([...into[name]].filter(([no]) => !known.has(no)));
    };
    const { texts, sheets } = sheetsOf([...unknown('texts').values()] as unknown as NewText[], () =>
      this.#nextSheet(gateway),
    );
    return [...plainNames.map((name) => [...unknown(name).values()].sort(byNumber)), [...texts].sort(byNumber), sheets];
  }

  /** A number of a sheet: no other gateway's, whose numbers differ in what stands between, and never one from before. */
  #nextSheet(gateway: number): string {
    const least = (BigInt(Date.now()) << 21n) | (BigInt(gateway & 0x7ff) << 10n);
    this.#lastSheet = least > this.#lastSheet ? least : this.#lastSheet + 1n;
    return this.#lastSheet.toString();
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
    this.#known = noneKnown();
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
