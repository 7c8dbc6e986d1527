/** Recordings as things that are kept, and checkpoints of journals that were seen. */
import { type Kysely, sql } from 'kysely';

const statements = [
  `create table recordings (
    session text collate "C" primary key,
    gateway text collate "C" not null,
    principal jsonb not null,
    resource jsonb not null,
    started_at_ms int8 not null,
    ended_at_ms int8,
    open_seq int8 not null,
    state text not null,
    bytes int8 not null default 0,
    copy jsonb,
    deleted jsonb
  )`,
  'create index recordings_by_end on recordings (gateway, state, ended_at_ms, session)',
  `create index recordings_open on recordings (gateway, open_seq) where ended_at_ms is null`,
  `create table witnessed (
    journal text collate "C" not null,
    size int8 not null,
    root text collate "C" not null,
    text text not null,
    at_ms int8 not null,
    source text not null,
    primary key (journal, size, root)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
