/**
 * The index of what happened lives in a schema of its own, whose tables are not migrated: they are made where they are missing or
 * of another version (history/tables.ts), and filled from the journal. Before, search found sessions only.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create schema if not exists history`.execute(db);
}
