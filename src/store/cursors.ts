/** Where a consumer of the journal stands: moved in the transaction that writes what it made of the events. */
import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './schema.ts';

/** The sequence up to which a consumer has worked; 0 where it never ran. */
export async function readCursor(db: Kysely<Schema>, name: string): Promise<number> {
  const row = await db.selectFrom('cursors').select('sequence').where('name', '=', name).executeTakeFirst();
  return row?.sequence ?? 0;
}

/** False where the cursor is there already. Locks its row, so that two batches cannot pass each other. */
export async function moveCursor(transaction: Transaction<Schema>, name: string, sequence: number): Promise<boolean> {
  const moved = await transaction
    .insertInto('cursors')
    .values({ name, sequence })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ sequence }).where('cursors.sequence', '<', sequence),
    )
    .returning('sequence')
    .executeTakeFirst();
  return moved !== undefined;
}
