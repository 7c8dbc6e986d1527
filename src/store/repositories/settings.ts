/** Settings: small values under a key. */
import type { Kysely } from 'kysely';
import * as check from '../check.ts';
import { storeErrors } from '../errors.ts';
import type { Schema } from '../schema.ts';
import type { Json, Settings } from '../types.ts';

export class SettingRepository implements Settings {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async get(key: string): Promise<Json | undefined> {
    const row = await this.#db
      .selectFrom('settings')
      .select('value')
      .where('key', '=', check.text('key', key))
      .executeTakeFirst();
    return row?.value;
  }

  async set(key: string, value: Json): Promise<void> {
    const json = check.document('value', value);
    await this.#db
      .insertInto('settings')
      .values({ key: check.name('key', key), value: json })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: json }))
      .execute();
  }

  async getOrCreate(key: string, make: () => Json | Promise<Json>): Promise<Json> {
    const known = await this.get(check.name('key', key));
    if (known !== undefined) return known;
    // Outside any transaction: `make` may take its time, and may itself ask the store.
    const json = check.document('value', await make());
    await this.#db
      .insertInto('settings')
      .values({ key, value: json })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute();
    const kept = await this.get(key);
    if (kept === undefined) throw storeErrors('store.query-failed', { detail: 'a setting vanished while it was made' });
    return kept;
  }
}
