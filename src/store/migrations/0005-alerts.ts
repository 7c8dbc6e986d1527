/** Alerts with their trails, responses of detections, and what detectors remember. */
import { type Kysely, sql } from 'kysely';

const statements = [
  `create table alerts (
    id text collate "C" primary key,
    gateway text collate "C" not null,
    detection text collate "C" not null,
    origin text not null,
    severity text not null,
    state text not null,
    resolution text,
    summary text not null,
    principal_id text collate "C",
    principal_name text collate "C",
    session text collate "C",
    command int8,
    resource text collate "C",
    assignee_id text collate "C",
    assignee_name text,
    count int8 not null,
    first_at_ms int8 not null,
    last_at_ms int8 not null,
    sequence int8 not null,
    last_sequence int8 not null,
    evidence jsonb not null,
    facts jsonb not null,
    trail jsonb not null,
    is_dry boolean not null,
    suppressed text
  )`,
  'create index alerts_by_time on alerts (first_at_ms desc, id desc)',
  'create index alerts_by_state on alerts (state, first_at_ms desc, id desc)',
  'create index alerts_by_principal on alerts (principal_id, first_at_ms desc, id desc)',
  'create index alerts_by_detection on alerts (detection, first_at_ms desc, id desc)',
  `create table responses (
    id text collate "C" primary key,
    gateway text collate "C" not null,
    alert text collate "C" not null,
    detection text collate "C" not null,
    kind text not null,
    severity text not null,
    owner_id text collate "C" not null,
    owner_name text collate "C" not null,
    session text collate "C",
    points int8 not null,
    reviewers jsonb not null,
    message text not null,
    since_ms int8 not null,
    until_ms int8,
    ended_at_ms int8,
    ended_by text
  )`,
  'create index responses_live on responses (until_ms) where ended_at_ms is null',
  'create index responses_by_time on responses (since_ms desc, id desc)',
  'create index responses_by_alert on responses (alert)',
  `create table detector_states (
    gateway text collate "C" not null,
    name text collate "C" not null,
    state text not null,
    primary key (gateway, name)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
