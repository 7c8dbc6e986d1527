/**
 * Recordings as things that are kept, drawn from the journal (gateway/retention.ts follows it).
 *
 * Invariants: a batch and its cursor move in one transaction; every change is idempotent and only ever moves a recording forwards
 * (`open` → `none`, `local` → `stored` → `released` → `deleted`), so that a repeated batch changes nothing.
 */
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import * as check from '../check.ts';
import { moveCursor, readCursor } from '../cursors.ts';
import type { KeptRecordings, RecordingChange, RecordingState, StoredRecording } from '../kept-types.ts';
import type { RecordingsTable, Schema } from '../schema.ts';

/** Earlier states of a recording, by the state that it may move to from them. */
const before: Readonly<Record<'none' | 'local' | 'stored' | 'released' | 'deleted', readonly RecordingState[]>> = {
  none: ['open'],
  local: ['open', 'none'],
  stored: ['open', 'none', 'local', 'stored'],
  released: ['stored'],
  deleted: ['open', 'none', 'local', 'stored', 'released'],
};

function toRecording(row: Selectable<RecordingsTable>): StoredRecording {
  return {
    session: row.session,
    gateway: row.gateway,
    principal: row.principal,
    resource: row.resource,
    startedAtMs: row.started_at_ms,
    endedAtMs: row.ended_at_ms,
    openSeq: row.open_seq,
    state: row.state as RecordingState,
    bytes: row.bytes,
    copy: row.copy,
    deleted: row.deleted,
  };
}

export class KeptRecordingRepository implements KeptRecordings {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async cursor(name: string): Promise<number> {
    return readCursor(this.#db, check.text('cursor', name));
  }

  async apply(cursorName: string, upToSequence: number, changes: readonly RecordingChange[]): Promise<boolean> {
    check.batch(changes.length);
    check.whole('sequence', upToSequence);
    return this.#db.transaction().execute(async (transaction) => {
      if (!(await moveCursor(transaction, check.name('cursor', cursorName), upToSequence))) return false;
      for (const change of changes) await apply(transaction, change);
      return true;
    });
  }

  async get(session: string): Promise<StoredRecording | null> {
    const row = await this.#db
      .selectFrom('recordings')
      .selectAll()
      .where('session', '=', check.text('session', session))
      .executeTakeFirst();
    return row === undefined ? null : toRecording(row);
  }

  async list(
    filter: Parameters<KeptRecordings['list']>[0],
    page: Parameters<KeptRecordings['list']>[1],
  ): Promise<readonly StoredRecording[]> {
    let query = this.#db
      .selectFrom('recordings')
      .selectAll()
      .where('gateway', '=', check.text('gateway', filter.gateway))
      .where('state', 'in', [...filter.states])
      .where('ended_at_ms', '<', check.whole('ended', filter.endedBeforeMs))
      .orderBy('ended_at_ms')
      .orderBy('session')
      .limit(check.limit(page.limit));
    if (page.after !== null) {
      const { endedAtMs, session } = page.after;
      query = query.where(
        sql<boolean>`(ended_at_ms, session) > (${check.whole('cursor', endedAtMs)}::int8, ${check.text('cursor', session)}::text)`,
      );
    }
    return (await query.execute()).map(toRecording);
  }

  async copyRemoved(session: string): Promise<void> {
    await this.#db
      .updateTable('recordings')
      .set({ copy: 'null' })
      .where('session', '=', check.text('session', session))
      .where('state', '=', 'deleted')
      .execute();
  }

  async oldestOpen(gateway: string): Promise<number | null> {
    const row = await this.#db
      .selectFrom('recordings')
      .select(sql<number | null>`min(open_seq)`.as('oldest'))
      .where('gateway', '=', check.text('gateway', gateway))
      .where('ended_at_ms', 'is', null)
      .executeTakeFirst();
    return row?.oldest ?? null;
  }

  async totals(gateway: string): ReturnType<KeptRecordings['totals']> {
    const rows = await this.#db
      .selectFrom('recordings')
      .select(['state', sql<number>`count(*)::int8`.as('count'), sql<number>`sum(bytes)::int8`.as('bytes')])
      .where('gateway', '=', check.text('gateway', gateway))
      .groupBy('state')
      .orderBy('state')
      .execute();
    return rows.map(({ state, count, bytes }) => ({ state: state as RecordingState, count, bytes }));
  }
}

async function apply(db: Transaction<Schema>, change: RecordingChange): Promise<void> {
  switch (change.type) {
    case 'opened': {
      const { recording } = change;
      await db
        .insertInto('recordings')
        .values({
          session: check.clean(recording.session),
          gateway: check.clean(recording.gateway),
          principal: cleanJson(recording.principal),
          resource: cleanJson(recording.resource),
          started_at_ms: check.cleanWhole(recording.startedAtMs),
          open_seq: check.cleanWhole(recording.openSeq),
          state: 'open',
          bytes: 0,
          copy: 'null',
          deleted: 'null',
        })
        .onConflict((conflict) => conflict.column('session').doNothing())
        .execute();
      return;
    }
    case 'sealed':
      return move(db, change.session, 'local', { bytes: check.cleanWhole(change.bytes) });
    case 'ended':
      await db
        .updateTable('recordings')
        .set({ ended_at_ms: check.cleanWhole(change.atMs) })
        .where('session', '=', change.session)
        .execute();
      return move(db, change.session, 'none', {});
    case 'stored':
      return move(db, change.session, 'stored', { copy: cleanJson(change.copy) });
    case 'released':
      return move(db, change.session, 'released', {});
    case 'deleted':
      return move(db, change.session, 'deleted', { deleted: cleanJson({ rule: change.rule, atMs: change.atMs }) });
  }
}

async function move(
  db: Transaction<Schema>,
  session: string,
  state: keyof typeof before,
  values: { readonly bytes?: number; readonly copy?: string; readonly deleted?: string },
): Promise<void> {
  await db
    .updateTable('recordings')
    .set({ state, ...values })
    .where('session', '=', session)
    .where('state', 'in', [...before[state]])
    .execute();
}

/** JSON without what the database cannot keep. */
function cleanJson(value: object): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? check.clean(inner) : inner));
}
