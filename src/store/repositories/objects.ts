/**
 * Declarative objects.
 *
 * Invariant: writes of all gateways are serialised by one advisory lock, so that a generation that was compared is the
 * one that is replaced, also where the object does not exist yet, and two batches cannot deadlock. Configuration
 * changes are rare; reads take no lock.
 */
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import * as check from '../check.ts';
import type { Notices } from '../notices.ts';
import type { ObjectsTable, Schema } from '../schema.ts';
import type {
  DeleteResult,
  ObjectChange,
  Objects,
  ObjectWrite,
  PutAllResult,
  PutResult,
  StoredObject,
} from '../types.ts';

/** Any constant that no other lock of ours uses. */
const objectsLock = 0x53_4f_42_4a;

/** Thrown inside the transaction of a batch to undo it; caught where the batch began. */
class Conflict extends Error {
  readonly index: number;
  readonly current: StoredObject | null;

  constructor(index: number, current: StoredObject | null) {
    super('conflict');
    this.index = index;
    this.current = current;
  }
}

interface CheckedWrite {
  readonly write: ObjectWrite;
  readonly labels: string;
  readonly spec: string;
}

function toObject(row: Selectable<ObjectsTable>): StoredObject {
  return {
    kind: row.kind,
    name: row.name,
    labels: row.labels,
    spec: row.spec,
    generation: row.generation,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    updatedBy: row.updated_by,
  };
}

function checked(write: ObjectWrite): CheckedWrite {
  check.name('kind', write.kind);
  check.name('metadata.name', write.name);
  check.text('author', write.by);
  return {
    write,
    labels: check.document('metadata.labels', write.labels),
    spec: check.document('spec', write.spec),
  };
}

export class ObjectRepository implements Objects {
  readonly #db: Kysely<Schema>;
  readonly #notices: Notices;
  readonly #clock: Clock;

  constructor(db: Kysely<Schema>, notices: Notices, clock: Clock) {
    this.#db = db;
    this.#notices = notices;
    this.#clock = clock;
  }

  async get(kind: string, name: string): Promise<StoredObject | null> {
    return find(this.#db, check.text('kind', kind), check.text('metadata.name', name));
  }

  async list(
    kind: string,
    page: { readonly limit: number; readonly after?: string | null },
  ): Promise<readonly StoredObject[]> {
    let query = this.#db
      .selectFrom('objects')
      .selectAll()
      .where('kind', '=', check.text('kind', kind))
      .orderBy('name')
      .limit(check.limit(page.limit));
    if (page.after != null) query = query.where('name', '>', check.text('after', page.after));
    return (await query.execute()).map(toObject);
  }

  async put(write: ObjectWrite): Promise<PutResult> {
    const result = await this.putAll([write]);
    if (result.outcome === 'conflict') return { outcome: 'conflict', current: result.current };
    return result.results[0]!;
  }

  async putAll(writes: readonly ObjectWrite[]): Promise<PutAllResult> {
    return this.change({ puts: writes, deletes: [] }, async () => {});
  }

  async change(change: ObjectChange, beforeCommit: () => Promise<void>): Promise<PutAllResult> {
    check.batch(change.puts.length + change.deletes.length);
    const all = change.puts.map(checked);
    for (const { kind, name } of change.deletes) {
      check.text('kind', kind);
      check.text('metadata.name', name);
    }
    const changed: { kind: string; name: string }[] = [];
    try {
      const results = await this.#db.transaction().execute(async (transaction) => {
        await lock(transaction);
        const made: (PutResult & { outcome: 'created' | 'updated' | 'unchanged' })[] = [];
        for (const [index, write] of all.entries()) {
          const result = await this.#putLocked(transaction, write);
          if (result.outcome === 'conflict') throw new Conflict(index, result.current);
          made.push(result);
          if (result.outcome !== 'unchanged') changed.push({ kind: write.write.kind, name: write.write.name });
        }
        for (const [index, target] of change.deletes.entries()) {
          const current = await deleteLocked(transaction, target);
          if (current !== null) throw new Conflict(all.length + index, current.found);
          changed.push({ kind: target.kind, name: target.name });
        }
        await this.#notices.shareObjects(transaction, changed);
        await beforeCommit();
        return made;
      });
      this.#notices.announceObjects(changed);
      return { outcome: 'applied', results };
    } catch (error) {
      if (error instanceof Conflict) return { outcome: 'conflict', index: error.index, current: error.current };
      throw error;
    }
  }

  async delete(kind: string, name: string, expectedGeneration: number | null): Promise<DeleteResult> {
    check.text('kind', kind);
    check.text('metadata.name', name);
    const result = await this.#db.transaction().execute(async (transaction): Promise<DeleteResult> => {
      await lock(transaction);
      const current = await find(transaction, kind, name);
      if (current === null) return { outcome: 'absent' };
      if (expectedGeneration !== null && expectedGeneration !== current.generation) {
        return { outcome: 'conflict', current };
      }
      await transaction.deleteFrom('objects').where('kind', '=', kind).where('name', '=', name).execute();
      await this.#notices.shareObjects(transaction, [{ kind, name }]);
      return { outcome: 'deleted', object: current };
    });
    if (result.outcome === 'deleted') this.#notices.announceObjects([{ kind, name }]);
    return result;
  }

  onChange(listener: Parameters<Objects['onChange']>[0]): ReturnType<Objects['onChange']> {
    return this.#notices.onObject(listener);
  }

  async #putLocked(transaction: Transaction<Schema>, { write, labels, spec }: CheckedWrite): Promise<PutResult> {
    const current = await find(transaction, write.kind, write.name);
    if (write.expectedGeneration !== null && write.expectedGeneration !== (current?.generation ?? 0)) {
      return { outcome: 'conflict', current };
    }
    const nowMs = check.whole('time', this.#clock.now());
    if (current === null) {
      const row = await transaction
        .insertInto('objects')
        .values({
          kind: write.kind,
          name: write.name,
          labels,
          spec,
          generation: 1,
          created_at_ms: nowMs,
          updated_at_ms: nowMs,
          updated_by: write.by,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return { outcome: 'created', object: toObject(row) };
    }
    // Equal as JSON, whatever the order of keys: then nothing changed, and nobody needs to hear of it.
    const row = await transaction
      .updateTable('objects')
      .set({
        labels,
        spec,
        generation: sql<number>`generation + 1`,
        updated_at_ms: nowMs,
        updated_by: write.by,
      })
      .where('kind', '=', write.kind)
      .where('name', '=', write.name)
      .where(sql<boolean>`(labels <> ${labels}::jsonb or spec::jsonb <> ${spec}::jsonb)`)
      .returningAll()
      .executeTakeFirst();
    return row === undefined
      ? { outcome: 'unchanged', object: current }
      : { outcome: 'updated', object: toObject(row) };
  }
}

async function find(db: Kysely<Schema>, kind: string, name: string): Promise<StoredObject | null> {
  const row = await db
    .selectFrom('objects')
    .selectAll()
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? null : toObject(row);
}

/** Null where it is gone as wished, else what was found instead of the expected generation. */
async function deleteLocked(
  transaction: Transaction<Schema>,
  { kind, name, expectedGeneration }: ObjectChange['deletes'][number],
): Promise<{ readonly found: StoredObject | null } | null> {
  const current = await find(transaction, kind, name);
  if (current === null || (expectedGeneration !== null && expectedGeneration !== current.generation)) {
    return { found: current };
  }
  await transaction.deleteFrom('objects').where('kind', '=', kind).where('name', '=', name).execute();
  return null;
}

async function lock(transaction: Transaction<Schema>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${objectsLock}::int8)`.execute(transaction);
}
