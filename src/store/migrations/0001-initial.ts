/**
 * The first tables.
 *
 * Names sort by bytes (`collate "C"`), so that pages are cut alike on every server, whatever its locale. A spec is
 * `json`, not `jsonb`: it keeps the order in which its author wrote the keys. There is no way down: going back is
 * restoring a backup.
 */
import { type Kysely, sql } from 'kysely';

const statements = [
  `create table objects (
    kind text collate "C" not null,
    name text collate "C" not null,
    labels jsonb not null,
    spec json not null,
    generation int8 not null,
    created_at_ms int8 not null,
    updated_at_ms int8 not null,
    updated_by text not null,
    primary key (kind, name)
  )`,
  `create table passwords (
    principal text collate "C" primary key,
    verifier text not null,
    updated_at_ms int8 not null
  )`,
  `create table tokens (
    id text collate "C" primary key,
    owner text collate "C" not null,
    hash text collate "C" not null,
    scram_stored_key bytea not null,
    scram_server_key bytea not null,
    label text not null,
    created_at_ms int8 not null,
    expires_at_ms int8 not null,
    revoked_at_ms int8,
    last_used_at_ms int8,
    created_by text not null,
    source text not null,
    constraint tokens_hash_unique unique (hash)
  )`,
  'create index tokens_by_owner on tokens (owner, created_at_ms desc, id desc)',
  'create index tokens_by_creation on tokens (created_at_ms desc, id desc)',
  'create index tokens_by_expiry on tokens (expires_at_ms)',
  `create table sealed_secrets (
    name text collate "C" primary key,
    key_id text not null,
    wrapped_key bytea not null,
    nonce bytea not null,
    ciphertext bytea not null,
    tag bytea not null,
    created_at_ms int8 not null,
    updated_at_ms int8 not null
  )`,
  `create table sessions (
    id text collate "C" primary key,
    principal_name text collate "C" not null,
    principal_id text not null,
    principal_kind text not null,
    groups jsonb not null,
    resource text collate "C" not null,
    protocol text collate "C" not null,
    source text not null,
    recording text not null,
    access text not null,
    client jsonb not null,
    started_at_ms int8 not null,
    ended_at_ms int8,
    reason text,
    ended_by text,
    commands int8 not null default 0,
    bytes_in int8 not null default 0,
    bytes_out int8 not null default 0,
    open_seq int8 not null,
    gateway text collate "C" not null
  )`,
  'create index sessions_by_start on sessions (started_at_ms desc, id desc)',
  'create index sessions_by_principal on sessions (principal_name, started_at_ms desc, id desc)',
  'create index sessions_by_resource on sessions (resource, started_at_ms desc, id desc)',
  'create index sessions_by_protocol on sessions (protocol, started_at_ms desc, id desc)',
  'create index sessions_by_gateway on sessions (gateway, started_at_ms desc, id desc)',
  'create index sessions_open on sessions (started_at_ms desc, id desc) where ended_at_ms is null',
  `create table cursors (
    name text collate "C" primary key,
    sequence int8 not null
  )`,
  `create table settings (
    key text collate "C" primary key,
    value jsonb not null
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
