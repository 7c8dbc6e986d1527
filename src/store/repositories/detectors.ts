/**
 * What detectors remember, one row each, and up to where in the journal that counts.
 *
 * Invariant: the states and the cursor move in one transaction, so that what is read again after a crash meets the very state
 * in which it was met before.
 */
import { type Kysely, sql } from 'kysely';
import type { DetectorStates, Detectors } from '../alert-types.ts';
import * as check from '../check.ts';
import { storeErrors } from '../errors.ts';
import { detectorStateBytesMax } from '../limits.ts';
import type { Schema } from '../schema.ts';

export class DetectorRepository implements Detectors {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async load(gateway: string): Promise<DetectorStates | null> {
    const name = cursorOf(gateway);
    const cursor = await this.#db.selectFrom('cursors').select('sequence').where('name', '=', name).executeTakeFirst();
    if (cursor === undefined) return null;
    const rows = await this.#db
      .selectFrom('detector_states')
      .select(['name', 'state'])
      .where('gateway', '=', check.text('gateway', gateway))
      .orderBy('name')
      .execute();
    return { sequence: cursor.sequence, states: new Map(rows.map((row) => [row.name, row.state])) };
  }

  async save(gateway: string, { sequence, states }: DetectorStates): Promise<boolean> {
    check.batch(states.size);
    const rows = [...states].map(([name, state]) => ({
      gateway,
      name: check.name('detection', name),
      state: fitting(state),
    }));
    return this.#db.transaction().execute(async (transaction) => {
      const moved = await transaction
        .insertInto('cursors')
        .values({ name: cursorOf(gateway), sequence: check.whole('sequence', sequence) })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ sequence }).where('cursors.sequence', '<=', sequence),
        )
        .returning('sequence')
        .executeTakeFirst();
      if (moved === undefined) return false;
      const kept = JSON.stringify(rows.map(({ name }) => name));
      await sql`delete from detector_states where gateway = ${gateway}
        and name not in (select jsonb_array_elements_text(${kept}::jsonb))`.execute(transaction);
      // One row a statement: a state may be large.
      for (const row of rows) {
        await transaction
          .insertInto('detector_states')
          .values(row)
          .onConflict((conflict) => conflict.columns(['gateway', 'name']).doUpdateSet({ state: row.state }))
          .execute();
      }
      return true;
    });
  }

  async clear(gateway: string): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('cursors').where('name', '=', cursorOf(gateway)).execute();
      await transaction.deleteFrom('detector_states').where('gateway', '=', check.text('gateway', gateway)).execute();
    });
  }
}

function cursorOf(gateway: string): string {
  return `detections:${check.name('gateway', gateway)}`;
}

function fitting(state: string): string {
  if (state.includes('\0') || !state.isWellFormed())
    throw storeErrors('store.invalid-text', { values: { field: 'state' } });
  if (Buffer.byteLength(state) > detectorStateBytesMax) {
    throw storeErrors('store.too-large', { values: { field: 'state', limit: detectorStateBytesMax } });
  }
  return state;
}
