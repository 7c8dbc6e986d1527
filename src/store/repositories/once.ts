/** Values that are taken once, by whichever gateway: an expired one is none, and is deleted when its key is used again or purged. */
import { type Kysely, sql } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import * as check from '../check.ts';
import { onceValueBytesMax, purgeRowsMax } from '../limits.ts';
import type { Schema } from '../schema.ts';
import type { Once } from '../types.ts';

export class OnceRepository implements Once {
  readonly #db: Kysely<Schema>;
  readonly #clock: Clock;

  constructor(db: Kysely<Schema>, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async put(key: string, value: string, expiresAtMs: number): Promise<boolean> {
    const row = {
      key: check.name('key', key),
      value: check.text('value', value, onceValueBytesMax),
      expires_at_ms: check.whole('time', expiresAtMs),
    };
    const result = await this.#db
      .insertInto('once')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('key')
          .doUpdateSet({ value: row.value, expires_at_ms: row.expires_at_ms })
          .where('once.expires_at_ms', '<=', this.#clock.now()),
      )
      .executeTakeFirst();
    return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  async take(key: string, nowMs: number): Promise<string | null> {
    const row = await this.#db
      .deleteFrom('once')
      .where('key', '=', check.text('key', key))
      .returning(['value', 'expires_at_ms'])
      .executeTakeFirst();
    return row === undefined || row.expires_at_ms <= check.whole('time', nowMs) ? null : row.value;
  }

  async purge(beforeMs: number): Promise<number> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('once')
      .where(
        'key',
        'in',
        sql<string>`(select key from once where expires_at_ms < ${check.whole('time', beforeMs)}::int8 limit ${purgeRowsMax})`,
      )
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
}
