/**
 * Deleting from history: of one gateway, for building it anew, and what retention says.
 *
 * Invariants: with an entry goes what only it referred to (its text above all); nothing of a session under legal hold goes; each
 * call is bounded, so that it holds no lock for long; months that are empty go as a whole.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { HistoryDeletion } from '../../core/history.ts';
import * as check from '../check.ts';
import type { Schema } from '../schema.ts';
import { writingLock } from './batch.ts';
import { dictionaries } from './tables.ts';

/** Entries deleted at once while a gateway's are dropped. */
const dropChunk = 20_000;

export async function dropGateway(db: Kysely<Schema>, gateway: string): Promise<void> {
  const name = check.clean(gateway);
  const isAlone = await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.raw(writingLock)})`.execute(transaction);
    const others = await sql`select 1 from history.gateways where name <> ${name} and entries > 0 limit 1`.execute(
      transaction,
    );
    if (others.rows.length > 0) return false;
    const all = [...Object.values(dictionaries), 'touches', 'sheets', 'entries']
      .map((table) => `history.${table}`)
      .join(', ');
    await sql.raw(`truncate ${all}`).execute(transaction);
    await nextEpoch(transaction);
    await reset(transaction, name);
    return true;
  });
  if (isAlone) return;
  const where = sql`e.gateway = (select no from history.gateways where name = ${name})`;
  while ((await deleteWhere(db, where, dropChunk)) === dropChunk);
  await reset(db, name);
}

/** Whoever remembers what stands in dictionaries forgets it. */
async function nextEpoch(db: Transaction<Schema>): Promise<void> {
  await sql`update history.about set epoch = epoch + 1`.execute(db);
}

async function reset(db: Kysely<Schema>, name: string): Promise<void> {
  await sql`update history.gateways set sequence = 0, at_ms = 0, entries = 0 where name = ${name}`.execute(db);
}

export async function deleteExpired(db: Kysely<Schema>, deletion: HistoryDeletion, limit: number): Promise<number> {
  const gone = await deleteWhere(db, sql`${matching(deletion)} and ${unheld(deletion.heldSessions)}`, limit);
  if (gone < limit) await dropEmptyMonths(db, deletion.beforeMs);
  return gone;
}

/** Names of the resources that there are entries of. */
export async function resourcesOf(db: Kysely<Schema>): Promise<readonly string[]> {
  const found = await sql<{ resource: string }>`select distinct resource from history.places
    where resource is not null order by resource`.execute(db);
  return found.rows.map(({ resource }) => resource);
}

/** Sessions with entries that match, oldest first. */
export async function sessionsBefore(
  db: Kysely<Schema>,
  deletion: Pick<HistoryDeletion, 'labels' | 'beforeMs'>,
  page: { readonly limit: number; readonly after: string | null },
): Promise<readonly { readonly session: string; readonly gateway: string; readonly atMs: number }[]> {
  const found = await sql<{ session: string; gateway: string; at_ms: number }>`select v.session, g.name as gateway,
      min(e.at_ms) as at_ms
    from history.entries e
    join history.visits v on v.no = e.visit
    join history.gateways g on g.no = e.gateway
    where e.type = 'session' and v.session > ${page.after ?? ''} and ${matching({ ...deletion, types: [] })}
    group by v.session, g.name order by v.session limit ${check.limit(page.limit)}`.execute(db);
  return found.rows.map(({ session, gateway, at_ms }) => ({ session, gateway, atMs: at_ms }));
}

function matching({
  types,
  labels,
  beforeMs,
  resource,
  kind,
}: Omit<HistoryDeletion, 'heldSessions'>): RawBuilder<boolean> {
  const conditions = [sql`e.at_ms < ${Math.trunc(beforeMs)}::int8`];
  if (types.length > 0) conditions.push(sql`e.type = any(${`{${types.join(',')}}`}::text[])`);
  if (resource === null)
    conditions.push(sql`(e.place is null or e.place in (select p.no from history.places p where p.resource is null))`);
  else if (resource !== undefined) {
    conditions.push(sql`e.place in (select p.no from history.places p where p.resource = ${check.clean(resource)})`);
  }
  if (kind !== undefined) {
    conditions.push(
      sql`e.shape in (select s.no from history.shapes s where s.kind is not distinct from ${kind}::text)`,
    );
  }
  const wanted = Object.entries(labels).map(([name, value]) => check.clean(`${name}=${value}`));
  if (wanted.length > 0) {
    conditions.push(sql`e.place in (select p.no from history.places p
      where p.labels @> array(select jsonb_array_elements_text(${JSON.stringify(wanted)}::jsonb)))`);
  }
  return sql<boolean>`(${sql.join(conditions, sql` and `)})`;
}

function unheld(sessions: readonly string[]): RawBuilder<boolean> {
  if (sessions.length === 0) return sql<boolean>`true`;
  const held = JSON.stringify(sessions.map((session) => check.clean(session)));
  return sql<boolean>`(e.visit is null or e.visit not in (select v.no from history.visits v
    where v.session in (select jsonb_array_elements_text(${held}::jsonb))))`;
}

/** Deletes up to `limit` entries, and what nothing refers to any more. Answers how many. */
async function deleteWhere(db: Kysely<Schema>, where: RawBuilder<unknown>, limit: number): Promise<number> {
  return await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.raw(writingLock)})`.execute(transaction);
    const columns = Object.keys(dictionaries);
    const counted = await sql<Record<string, unknown>>`with gone as (
        delete from history.entries e using (
          select e.at_ms, e.gateway, e.sequence, e.part from history.entries e where ${where} order by e.at_ms limit ${limit}
        ) k where e.at_ms = k.at_ms and e.gateway = k.gateway and e.sequence = k.sequence and e.part = k.part
        returning e.*),
      left_over as (
        update history.gateways g set entries = g.entries - n.count
        from (select gateway, count(*) as count from gone group by gateway) n where n.gateway = g.no)
      select count(*)::int4 as count, ${sql.raw(
        columns.map((column) => `to_jsonb(array_agg(distinct ${column}::text)) as ${column}`).join(', '),
      )} from gone`.execute(transaction);
    const row = counted.rows[0] ?? {};
    if (Number(row['count'] ?? 0) > 0) await nextEpoch(transaction);
    for (const [column, table] of Object.entries(dictionaries)) await forget(transaction, column, table, row[column]);
    return Number(row['count'] ?? 0);
  });
}

async function forget(db: Transaction<Schema>, column: string, table: string, numbers: unknown): Promise<void> {
  const candidates = ((numbers ?? []) as readonly (string | null)[]).filter((no) => no !== null);
  if (candidates.length === 0) return;
  const gone = await sql<{ parts: readonly string[] }>`delete from ${sql.raw(`history.${table}`)} d
    where d.no = any(${`{${candidates.join(',')}}`}::int8[])
      and not exists (select 1 from history.entries e where e.${sql.raw(column)} = d.no)
    returning ${sql.raw(partsOf[table] ?? `'[]'::jsonb`)} as parts`.execute(db);
  const parts = [...new Set(gone.rows.flatMap((row) => row.parts))];
  if (parts.length === 0) return;
  const named = `{${parts.join(',')}}`;
  if (table === 'shapes') {
    await sql`delete from history.touches t where t.no = any(${named}::int8[])
      and not exists (select 1 from history.shapes s where s.touches && array[t.no])`.execute(db);
  } else {
    await sql`delete from history.sheets s where s.no = any(${named}::int8[])
      and not exists (select 1 from history.texts t where t.sheet = s.no)`.execute(db);
  }
}

/** What a row of a dictionary refers to in turn. */
const partsOf: Readonly<Record<string, string>> = {
  shapes: 'to_jsonb(d.touches::text[])',
  texts: 'jsonb_build_array(d.sheet::text)',
};

/** Months that ended before a moment and have no entry left. */
async function dropEmptyMonths(db: Kysely<Schema>, beforeMs: number): Promise<void> {
  const found = await sql<{ name: string }>`select c.relname as name from pg_inherits i
    join pg_class c on c.oid = i.inhrelid where i.inhparent = 'history.entries'::regclass`.execute(db);
  for (const { name } of found.rows) {
    const [, year, month] = /^entries_(\d{4,})_(\d{2})$/.exec(name) ?? [];
    if (year === undefined || Date.UTC(Number(year), Number(month)) > beforeMs) continue;
    await db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(${sql.raw(writingLock)})`.execute(transaction);
      const table = sql.raw(`history.${name}`);
      const kept = await sql`select 1 from ${table} limit 1`.execute(transaction);
      if (kept.rows.length === 0) await sql`drop table ${table}`.execute(transaction);
    });
  }
}
