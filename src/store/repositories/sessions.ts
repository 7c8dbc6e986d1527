/**
 * The index of sessions, drawn from the journal and rebuilt from it at will. Nothing here is evidence.
 *
 * Invariants: a batch and its cursor move in one transaction; every change is idempotent, so that a batch repeated
 * after a crash changes nothing; a session's odd text is made to fit, never a reason to stop.
 */
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import * as check from '../check.ts';
import { moveCursor, readCursor } from '../cursors.ts';
import { insertRowsMax } from '../limits.ts';
import type { Notices } from '../notices.ts';
import type { Schema, SessionsTable } from '../schema.ts';
import type {
  IndexChange,
  SessionEnded,
  SessionFilter,
  SessionOpened,
  SessionPage,
  SessionRow,
  Sessions,
} from '../types.ts';

/** Facts that a client states of itself, and groups of a principal, beyond which the index keeps no more. */
const clientFactsMax = 64;
const groupsMax = 1000;

function toSession(row: Selectable<SessionsTable>): SessionRow {
  return {
    id: row.id,
    principalName: row.principal_name,
    principalId: row.principal_id,
    principalKind: row.principal_kind,
    groups: row.groups,
    ...(row.agents.length === 0 ? {} : { agents: row.agents }),
    resource: row.resource,
    protocol: row.protocol,
    source: row.source,
    recording: row.recording,
    access: row.access,
    client: row.client,
    startedAtMs: row.started_at_ms,
    endedAtMs: row.ended_at_ms,
    reason: row.reason,
    endedBy: row.ended_by,
    commands: row.commands,
    bytesIn: row.bytes_in,
    bytesOut: row.bytes_out,
    openSeq: row.open_seq,
    gateway: row.gateway,
  };
}

type OpenedRow = Omit<
  Insertable<SessionsTable>,
  'ended_at_ms' | 'reason' | 'ended_by' | 'commands' | 'bytes_in' | 'bytes_out'
>;

function toOpenedRow(session: SessionOpened): OpenedRow & Insertable<SessionsTable> {
  const facts = Object.entries(session.client).slice(0, clientFactsMax);
  return {
    id: check.clean(session.id),
    principal_name: check.clean(session.principalName),
    principal_id: check.clean(session.principalId),
    principal_kind: check.clean(session.principalKind),
    groups: JSON.stringify(session.groups.slice(0, groupsMax).map((group) => check.clean(group))),
    agents: JSON.stringify((session.agents ?? []).slice(0, groupsMax).map((agent) => check.clean(agent))),
    resource: check.clean(session.resource),
    protocol: check.clean(session.protocol),
    source: check.clean(session.source),
    recording: check.clean(session.recording),
    access: check.clean(session.access),
    client: JSON.stringify(Object.fromEntries(facts.map(([key, value]) => [check.clean(key), check.clean(value)]))),
    started_at_ms: check.cleanWhole(session.startedAtMs),
    commands: 0,
    bytes_in: 0,
    bytes_out: 0,
    open_seq: check.cleanWhole(session.openSeq),
    gateway: check.clean(session.gateway),
  };
}

function toEndedRow(session: SessionEnded) {
  return {
    id: check.clean(session.id),
    ended_at_ms: check.cleanWhole(session.endedAtMs),
    reason: check.clean(session.reason),
    ended_by: session.by === null ? null : check.clean(session.by),
    commands: check.cleanWhole(session.commands),
    bytes_in: check.cleanWhole(session.bytesIn),
    bytes_out: check.cleanWhole(session.bytesOut),
  };
}

export class SessionRepository implements Sessions {
  readonly #db: Kysely<Schema>;
  readonly #notices: Notices | null;

  /** `notices` is null where nothing is written. */
  constructor(db: Kysely<Schema>, notices: Notices | null) {
    this.#db = db;
    this.#notices = notices;
  }

  async upsertOpened(session: SessionOpened): Promise<void> {
    await upsertOpened(this.#db, [session]);
  }

  async setEnded(session: SessionEnded): Promise<boolean> {
    return (await setEnded(this.#db, [session])) > 0n;
  }

  async get(id: string): Promise<SessionRow | null> {
    const row = await this.#db
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', check.text('id', id))
      .executeTakeFirst();
    return row === undefined ? null : toSession(row);
  }

  async list(filter: SessionFilter, page: SessionPage): Promise<readonly SessionRow[]> {
    let query = this.#db
      .selectFrom('sessions')
      .selectAll()
      .orderBy('started_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(check.limit(page.limit));
    const { principal, principalId, resource, protocol, gateway, live, sinceMs, untilMs } = filter;
    if (principal !== undefined) query = query.where('principal_name', '=', check.text('principal', principal));
    if (principalId !== undefined) query = query.where('principal_id', '=', check.text('principal', principalId));
    if (resource !== undefined) query = query.where('resource', '=', check.text('resource', resource));
    if (protocol !== undefined) query = query.where('protocol', '=', check.text('protocol', protocol));
    if (gateway !== undefined) query = query.where('gateway', '=', check.text('gateway', gateway));
    if (live !== undefined) query = query.where('ended_at_ms', live ? 'is' : 'is not', null);
    if (sinceMs !== undefined) query = query.where('started_at_ms', '>=', check.whole('since', sinceMs));
    if (untilMs !== undefined) query = query.where('started_at_ms', '<', check.whole('until', untilMs));
    if (page.after != null) {
      const atMs = check.whole('cursor', page.after.startedAtMs);
      const id = check.text('cursor', page.after.id);
      query = query.where(sql<boolean>`(started_at_ms, id) < (${atMs}::int8, ${id}::text)`);
    }
    return (await query.execute()).map(toSession);
  }

  async lastUses(principal: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('sessions')
      .select(['resource', sql<number>`max(started_at_ms)::int8`.as('at')])
      .where('principal_name', '=', check.text('principal', principal))
      .groupBy('resource')
      .execute();
    return new Map(rows.map(({ resource, at }) => [resource, at]));
  }

  async cursor(name: string): Promise<number> {
    return readCursor(this.#db, check.text('cursor', name));
  }

  async applyIndexBatch(cursorName: string, upToSequence: number, changes: readonly IndexChange[]): Promise<boolean> {
    check.batch(changes.length);
    check.whole('sequence', upToSequence);
    const ids = [...new Set(changes.map(({ session }) => session.id))];
    const isApplied = await this.#db.transaction().execute(async (transaction) => {
      if (!(await moveCursor(transaction, check.name('cursor', cursorName), upToSequence))) return false;
      // Openings first: an end refers to one, and neither touches the other's columns.
      await upsertOpened(
        transaction,
        changes.flatMap((change) => (change.type === 'opened' ? [change.session] : [])),
      );
      await setEnded(
        transaction,
        changes.flatMap((change) => (change.type === 'ended' ? [change.session] : [])),
      );
      await this.#notices?.shareLive(transaction, 'session', ids);
      return true;
    });
    if (isApplied) this.#notices?.announceLive('session', ids);
    return isApplied;
  }

  async clearIndex(cursorName: string, gateway: string | null): Promise<void> {
    check.text('cursor', cursorName);
    if (gateway !== null) check.text('gateway', gateway);
    await this.#db.transaction().execute(async (transaction) => {
      // The cursor first: it is the row on which batches of the same indexer wait.
      await transaction.deleteFrom('cursors').where('name', '=', cursorName).execute();
      let sessions = transaction.deleteFrom('sessions');
      if (gateway !== null) sessions = sessions.where('gateway', '=', gateway);
      await sessions.execute();
    });
  }
}

async function upsertOpened(db: Kysely<Schema>, sessions: readonly SessionOpened[]): Promise<void> {
  // One statement cannot write a row twice; of several openings of one session the last stands.
  const rows = [...new Map(sessions.map((session) => [session.id, toOpenedRow(session)])).values()];
  for (let from = 0; from < rows.length; from += insertRowsMax) {
    await db
      .insertInto('sessions')
      .values(rows.slice(from, from + insertRowsMax))
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((values) => ({
          principal_name: values.ref('excluded.principal_name'),
          principal_id: values.ref('excluded.principal_id'),
          principal_kind: values.ref('excluded.principal_kind'),
          groups: sql<string>`excluded.groups`,
          agents: sql<string>`excluded.agents`,
          resource: values.ref('excluded.resource'),
          protocol: values.ref('excluded.protocol'),
          source: values.ref('excluded.source'),
          recording: values.ref('excluded.recording'),
          access: values.ref('excluded.access'),
          client: sql<string>`excluded.client`,
          started_at_ms: values.ref('excluded.started_at_ms'),
          open_seq: values.ref('excluded.open_seq'),
          gateway: values.ref('excluded.gateway'),
        })),
      )
      .execute();
  }
}

async function setEnded(db: Kysely<Schema>, sessions: readonly SessionEnded[]): Promise<bigint> {
  if (sessions.length === 0) return 0n;
  const rows = [...new Map(sessions.map((session) => [session.id, toEndedRow(session)])).values()];
  const result = await sql`update sessions set
      ended_at_ms = ended.ended_at_ms, reason = ended.reason, ended_by = ended.ended_by, commands = ended.commands,
      bytes_in = ended.bytes_in, bytes_out = ended.bytes_out
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as ended(id text, ended_at_ms int8, reason text, ended_by text, commands int8, bytes_in int8, bytes_out int8)
    where sessions.id = ended.id`.execute(db);
  return result.numAffectedRows ?? 0n;
}
