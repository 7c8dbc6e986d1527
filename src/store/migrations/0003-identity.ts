/** What a token is for and how it was proven; second factors; what may be used once. */
import { type Kysely, sql } from 'kysely';

const statements = [
  `alter table tokens add column attributes jsonb not null default '{}'`,
  `create index tokens_by_provider_session on tokens ((attributes->>'provider'), (attributes->>'session'))
    where revoked_at_ms is null and attributes ? 'provider'`,
  `create index tokens_by_parent on tokens ((attributes->>'parent'))
    where revoked_at_ms is null and attributes ? 'parent'`,
  `alter table sessions add column agents jsonb not null default '[]'`,
  'create index sessions_by_principal_id on sessions (principal_id, started_at_ms desc, id desc)',
  `create table once (
    key text collate "C" primary key,
    value text not null,
    expires_at_ms int8 not null
  )`,
  'create index once_by_expiry on once (expires_at_ms)',
  `create table factors (
    id text collate "C" primary key,
    owner text collate "C" not null,
    kind text not null,
    label text not null,
    data text not null,
    counter int8 not null,
    created_at_ms int8 not null,
    last_used_at_ms int8
  )`,
  'create index factors_by_owner on factors (owner, created_at_ms, id)',
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
