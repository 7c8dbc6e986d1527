/** Second factors. What proves one is the identity room's business; here it is text. */
import type { Kysely, Selectable } from 'kysely';
import * as check from '../check.ts';
import { factorDataBytesMax, pageRowsMax } from '../limits.ts';
import type { FactorsTable, Schema } from '../schema.ts';
import type { Factors, StoredFactor } from '../types.ts';

function toFactor(row: Selectable<FactorsTable>): StoredFactor {
  return {
    id: row.id,
    owner: row.owner,
    kind: row.kind as StoredFactor['kind'],
    label: row.label,
    data: row.data,
    counter: row.counter,
    createdAtMs: row.created_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
  };
}

export class FactorRepository implements Factors {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async get(id: string): Promise<StoredFactor | null> {
    const row = await this.#db
      .selectFrom('factors')
      .selectAll()
      .where('id', '=', check.text('id', id))
      .executeTakeFirst();
    return row === undefined ? null : toFactor(row);
  }

  async listByOwner(owner: string): Promise<readonly StoredFactor[]> {
    const rows = await this.#db
      .selectFrom('factors')
      .selectAll()
      .where('owner', '=', check.text('owner', owner))
      .orderBy('created_at_ms')
      .orderBy('id')
      .limit(pageRowsMax)
      .execute();
    return rows.map(toFactor);
  }

  async create(factor: StoredFactor): Promise<boolean> {
    const row = {
      id: check.name('id', factor.id),
      owner: check.name('owner', factor.owner),
      kind: check.name('kind', factor.kind),
      label: check.text('label', factor.label),
      data: check.text('data', factor.data, factorDataBytesMax),
      counter: check.whole('counter', factor.counter),
      created_at_ms: check.whole('time', factor.createdAtMs),
      last_used_at_ms: factor.lastUsedAtMs === null ? null : check.whole('time', factor.lastUsedAtMs),
    };
    const result = await this.#db
      .insertInto('factors')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  async use(id: string, expected: number, counter: number, data: string, atMs: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('factors')
      .set({
        counter: check.whole('counter', counter),
        data: check.text('data', data, factorDataBytesMax),
        last_used_at_ms: check.whole('time', atMs),
      })
      .where('id', '=', check.text('id', id))
      .where('counter', '=', check.whole('counter', expected))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async delete(owner: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('factors')
      .where('owner', '=', check.text('owner', owner))
      .where('id', '=', check.text('id', id))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}
