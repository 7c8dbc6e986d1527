/**
 * The tables of the index of what happened, in a schema of their own.
 *
 * Invariants:
 * - Everything in them comes from journals: the schema may be dropped, and is made again and filled from the journal. So it is
 *   not migrated: another version of it begins anew.
 * - Rows of `entries` are narrow: what repeats (who, what, which session, what a command means, how it went, its text) stands in a
 *   dictionary, under a keyed hash of itself (keys.ts), so that writing needs no look-up and a rebuild gives the same rows.
 * - `entries` is partitioned by month, so that old months go as a whole.
 *
 * PostgreSQL documentation: chapters 5.12 (partitioning), 12 (full text), 66.4 (GIN).
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Schema } from '../schema.ts';
import { batchFunction } from './batch.ts';

/** A number of one's own for each shape of the tables; another one begins the index anew. */
const tablesVersion = 5;

/** Makes the partition of a month where there is none: one statement, so that no transaction stays open between two. */
const monthFunction = `create function history.make_month(name text, from_ms int8, to_ms int8) returns void language plpgsql as $make$
begin
  perform pg_advisory_xact_lock(hashtext('sallyport history tables'));
  execute format('create table if not exists history.%I partition of history.entries
    for values from (%s) to (%s) with (fillfactor = 90)', name, from_ms, to_ms);
end $make$`;

const tables = [
  // The epoch goes on whenever something was deleted: who writes knows by it whether what was written once still stands.
  `create table history.about (version int4 not null, key text not null, epoch int8 not null default 0)`,
  `create table history.gateways (
    no int2 generated always as identity primary key,
    name text collate "C" not null unique,
    sequence int8 not null default 0,
    at_ms int8 not null default 0,
    entries int8 not null default 0
  )`,
  `create table history.actors (
    no int8 primary key,
    id text collate "C" not null,
    name text collate "C" not null,
    kind text collate "C" not null,
    groups text[] not null,
    agents text[] not null
  )`,
  `create table history.places (
    no int8 primary key,
    resource text collate "C",
    protocol text collate "C",
    labels text[] not null
  )`,
  `create table history.visits (
    no int8 primary key,
    session text collate "C",
    source text collate "C",
    client text[] not null
  )`,
  `create index visits_by_session on history.visits (session)`,
  // As it is searched: without regard to case.
  `create index visits_by_any_session on history.visits (lower(session))`,
  `create table history.touches (
    no int8 primary key,
    kind text collate "C" not null,
    access text collate "C" not null,
    name text collate "C" not null
  )`,
  `create index touches_by_name on history.touches (lower(name) text_pattern_ops)`,
  `create table history.shapes (
    no int8 primary key,
    kind text collate "C",
    verb text collate "C",
    fingerprint text collate "C",
    effects text[] not null,
    touches int8[] not null,
    complete bool not null
  )`,
  `create index shapes_by_touch on history.shapes using gin (touches)`,
  `create index shapes_by_effect on history.shapes using gin (effects)`,
  `create index shapes_by_fingerprint on history.shapes (fingerprint)`,
  `create table history.fates (
    no int8 primary key,
    verdict text collate "C",
    judged text collate "C",
    rule text collate "C",
    outcome text collate "C",
    error text collate "C"
  )`,
  // What parts of texts are found by stands on sheets (grams.ts). How its runs are spread no statistics need to know.
  `create table history.sheets (no int8 primary key, grams int4[] not null)`,
  `alter table history.sheets alter column grams set statistics 0`,
  `create index sheets_by_gram on history.sheets using gin (grams) with (gin_pending_list_limit = 512)`,
  // The words are kept: parting a text costs more than all else that is done with it.
  `create table history.texts (no int8 primary key, sheet int8 not null, words tsvector not null, text text not null)`,
  // A look at the statistics reads texts by their thousands; more would keep others waiting.
  `alter table history.texts alter column text set statistics 10, alter column words set statistics 30`,
  `create index texts_by_word on history.texts using gin (words) with (gin_pending_list_limit = 512)`,
  `create index texts_by_sheet on history.texts (sheet)`,
  `create table history.entries (
    at_ms int8 not null,
    gateway int2 not null,
    part int4 not null,
    sequence int8 not null,
    revision int8 not null,
    actor int8,
    place int8,
    visit int8,
    shape int8 not null,
    fate int8 not null,
    text int8 not null,
    command int8,
    rows int8,
    bytes int8,
    duration_ms int8,
    masked int8,
    live bool not null,
    -- Written once: what the writer counts entries by.
    is_new bool not null default true,
    type text collate "C" not null,
    review text collate "C",
    primary key (at_ms, gateway, sequence, part)
  ) partition by range (at_ms)`,
  `create index entries_by_actor on history.entries (actor, at_ms)`,
  `create index entries_by_place on history.entries (place, at_ms)`,
  `create index entries_by_shape on history.entries (shape, at_ms)`,
  `create index entries_by_fate on history.entries (fate, at_ms)`,
  `create index entries_by_text on history.entries (text, at_ms)`,
  `create index entries_by_visit on history.entries (visit, command)`,
  `create index entries_by_review on history.entries (review) where review is not null`,
  batchFunction,
  monthFunction,
];

/** Dictionaries by the column of `entries` that refers to them. */
export const dictionaries = {
  actor: 'actors',
  place: 'places',
  visit: 'visits',
  shape: 'shapes',
  fate: 'fates',
  text: 'texts',
} as const;

/** The key of the hashes; made with the tables, and gone with them. The tables are made where there are none, or of another version. */
export async function ensureTables(db: Kysely<Schema>): Promise<string> {
  return await db.transaction().execute(async (transaction) => {
    // Several gateways may start on one database at once.
    await sql`select pg_advisory_xact_lock(${tablesLock})`.execute(transaction);
    return await keyOf(transaction);
  });
}

const tablesLock = sql`hashtext('sallyport history tables')`;

/** The key of the tables that are there; of new ones where there are none, or those of another version. */
async function keyOf(db: Transaction<Schema>): Promise<string> {
  const kept = await aboutOf(db);
  if (kept !== null && kept.version === tablesVersion) return kept.key;
  await sql`drop schema if exists history cascade`.execute(db);
  await sql`create schema history`.execute(db);
  for (const statement of tables) await sql.raw(statement).execute(db);
  const made = await sql<{ key: string }>`insert into history.about (version, key)
    values (${tablesVersion}, gen_random_uuid()::text) returning key`.execute(db);
  return made.rows[0]!.key;
}

async function aboutOf(db: Kysely<Schema>): Promise<{ readonly version: number; readonly key: string } | null> {
  const found = await sql<{ there: boolean }>`select to_regclass('history.about') is not null as there`.execute(db);
  if (found.rows[0]?.there !== true) return null;
  const about = await sql<{ version: number; key: string }>`select version, key from history.about`.execute(db);
  return about.rows[0] ?? null;
}

/** First and last moment of the month of a moment, milliseconds; the last is exclusive. */
export function monthOf(atMs: number): { readonly name: string; readonly fromMs: number; readonly toMs: number } {
  const at = new Date(atMs);
  const year = at.getUTCFullYear();
  const month = at.getUTCMonth();
  const name = `entries_${String(year).padStart(4, '0')}_${String(month + 1).padStart(2, '0')}`;
  return { name, fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) };
}

/** Makes the partitions of the months of these moments where there are none. */
export async function ensureMonths(db: Kysely<Schema>, moments: readonly number[]): Promise<void> {
  for (const atMs of moments) {
    const { name, fromMs, toMs } = monthOf(atMs);
    await sql`select history.make_month(${name}::text, ${fromMs}::int8, ${toMs}::int8)`.execute(db);
  }
}
