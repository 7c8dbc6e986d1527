/** Checkpoints of journals that were seen: what one gateway keeps for another. Nothing is ever changed, or forgotten by itself. */
import type { Kysely, Selectable } from 'kysely';
import * as check from '../check.ts';
import type { Witnessed, WitnessedCheckpoint } from '../kept-types.ts';
import { checkpointBytesMax } from '../limits.ts';
import type { Schema, WitnessedTable } from '../schema.ts';

function toCheckpoint(row: Selectable<WitnessedTable>): WitnessedCheckpoint {
  const { journal, size, root, text, at_ms, source } = row;
  return { journal, size, root, text, atMs: at_ms, source };
}

export class WitnessedRepository implements Witnessed {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async put({ journal, size, root, text, atMs, source }: WitnessedCheckpoint): Promise<'new' | 'known' | 'forked'> {
    const row = {
      journal: check.name('journal', journal),
      size: check.whole('size', size),
      root: check.name('root', root),
      text: check.text('checkpoint', text, checkpointBytesMax),
      at_ms: check.whole('time', atMs),
      source: check.name('source', source),
    };
    return this.#db.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto('witnessed')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      const roots = await transaction
        .selectFrom('witnessed')
        .select('root')
        .where('journal', '=', row.journal)
        .where('size', '=', row.size)
        .execute();
      if (roots.length > 1) return 'forked';
      return (numInsertedOrUpdatedRows ?? 0n) > 0n ? 'new' : 'known';
    });
  }

  async list(journal: string, page: Parameters<Witnessed['list']>[1]): Promise<readonly WitnessedCheckpoint[]> {
    let query = this.#db
      .selectFrom('witnessed')
      .selectAll()
      .where('journal', '=', check.text('journal', journal))
      .orderBy('size', 'desc')
      .orderBy('root')
      .limit(check.limit(page.limit));
    if (page.beforeSize !== null) query = query.where('size', '<', check.whole('size', page.beforeSize));
    if (page.source !== null) query = query.where('source', '=', check.text('source', page.source));
    return (await query.execute()).map(toCheckpoint);
  }

  async journals(): Promise<readonly string[]> {
    const rows = await this.#db.selectFrom('witnessed').select('journal').distinct().orderBy('journal').execute();
    return rows.map(({ journal }) => journal);
  }
}
