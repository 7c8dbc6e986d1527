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
import { insertRowsMax } from '../limits.ts';
import type { RecordingsTable, Schema } from '../schema.ts';

/** Earlier states of a recording, by the state that it may move to from them. */
const before: Readonly<Record<'local' | 'stored' | 'released' | 'deleted', readonly RecordingState[]>> = {
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
      await applyAll(transaction, changes);
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
    if (filter.hasCopy === true) query = query.where(sql<boolean>`copy <> 'null'::jsonb`);
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

type ChangeOf<Type extends RecordingChange['type']> = Extract<RecordingChange, { readonly type: Type }>;

/**
 * The changes of a batch, one statement a type, in the order in which a recording lives: it comes to the same as one after the other,
 * since each moves forwards only.
 */
async function applyAll(db: Transaction<Schema>, changes: readonly RecordingChange[]): Promise<void> {
  const of = <Type extends RecordingChange['type']>(type: Type): ChangeOf<Type>[] =>
    changes.filter((change): change is ChangeOf<Type> => change.type === type);
  await open(
    db,
    of('opened').map(({ recording }) => recording),
  );
  await move(
    db,
    'local',
    of('sealed').map(({ session, bytes }) => ({ session, bytes: check.cleanWhole(bytes) })),
  );
  await end(db, of('ended'));
  await move(
    db,
    'stored',
    of('stored').map(({ session, copy }) => ({ session, copy })),
  );
  await move(
    db,
    'released',
    of('released').map(({ session }) => ({ session })),
  );
  await move(
    db,
    'deleted',
    of('deleted').map(({ session, rule, atMs }) => ({ session, deleted: { rule, atMs } })),
  );
}

async function open(db: Transaction<Schema>, recordings: readonly ChangeOf<'opened'>['recording'][]): Promise<void> {
  // One statement cannot write a row twice.
  const rows = [...new Map(recordings.map((one) => [one.session, one])).values()].map((recording) => ({
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
  }));
  for (let from = 0; from < rows.length; from += insertRowsMax) {
    await db
      .insertInto('recordings')
      .values(rows.slice(from, from + insertRowsMax))
      .onConflict((conflict) => conflict.column('session').doNothing())
      .execute();
  }
}

async function end(db: Transaction<Schema>, ended: readonly ChangeOf<'ended'>[]): Promise<void> {
  if (ended.length === 0) return;
  const rows = ended.map(({ session, atMs }) => ({ session, at: check.cleanWhole(atMs) }));
  await sql`update recordings r set ended_at_ms = c.at,
      state = case when r.state = 'open' then 'none' else r.state end
    from jsonb_to_recordset(${cleanJson(rows)}::jsonb) as c(session text, at int8) where r.session = c.session`.execute(
    db,
  );
}

interface Moved {
  readonly session: string;
  readonly bytes?: number;
  readonly copy?: NonNullable<StoredRecording['copy']>;
  readonly deleted?: NonNullable<StoredRecording['deleted']>;
}

async function move(db: Transaction<Schema>, state: keyof typeof before, moved: readonly Moved[]): Promise<void> {
  if (moved.length === 0) return;
  await sql`update recordings r set state = ${state}::text, bytes = coalesce(c.bytes, r.bytes),
      copy = coalesce(c.copy, r.copy), deleted = coalesce(c.deleted, r.deleted)
    from jsonb_to_recordset(${cleanJson(moved)}::jsonb) as c(session text, bytes int8, copy jsonb, deleted jsonb)
    where r.session = c.session
      and r.state in (select jsonb_array_elements_text(${JSON.stringify(before[state])}::jsonb))`.execute(db);
}

/** JSON without what the database cannot keep. */
function cleanJson(value: object): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? check.clean(inner) : inner));
}
