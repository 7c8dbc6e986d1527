/** How far each gateway has handed its journal to each sink, and what a sink's target would not take. */
import { type Kysely, sql } from 'kysely';

const statements = [
  `create table sink_standings (
    gateway text collate "C" not null,
    sink text collate "C" not null,
    sequence int8 not null,
    standing text not null,
    since_ms int8 not null,
    problem text not null,
    sent int8 not null,
    last_sent_at_ms int8,
    behind int8 not null,
    oldest_at_ms int8,
    updated_at_ms int8 not null,
    primary key (gateway, sink)
  )`,
  `create table sink_dead_letters (
    gateway text collate "C" not null,
    sink text collate "C" not null,
    sequence int8 not null,
    type text not null,
    why text not null,
    event_at_ms int8 not null,
    at_ms int8 not null,
    wanted jsonb,
    primary key (sink, gateway, sequence)
  )`,
  'create index sink_dead_letters_wanted on sink_dead_letters (gateway, sink) where wanted is not null',
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
