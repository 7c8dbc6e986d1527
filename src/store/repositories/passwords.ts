/** Verifiers of local passwords. What an argon2 verifier looks like is the identity room's business. */
import type { Kysely } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import * as check from '../check.ts';
import type { Schema } from '../schema.ts';
import type { Passwords } from '../types.ts';

export class PasswordRepository implements Passwords {
  readonly #db: Kysely<Schema>;
  readonly #clock: Clock;

  constructor(db: Kysely<Schema>, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async get(principal: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('passwords')
      .select('verifier')
      .where('principal', '=', check.text('principal', principal))
      .executeTakeFirst();
    return row?.verifier ?? null;
  }

  async set(principal: string, verifier: string): Promise<void> {
    const row = {
      principal: check.name('principal', principal),
      verifier: check.name('verifier', verifier),
      updated_at_ms: check.whole('time', this.#clock.now()),
    };
    await this.#db
      .insertInto('passwords')
      .values(row)
      .onConflict((conflict) =>
        conflict.column('principal').doUpdateSet({ verifier: row.verifier, updated_at_ms: row.updated_at_ms }),
      )
      .execute();
  }

  async delete(principal: string): Promise<boolean> {
    const result = await this.#db
      .deleteFrom('passwords')
      .where('principal', '=', check.text('principal', principal))
      .executeTakeFirst();
    return result.numDeletedRows > 0n;
  }
}
