/**
 * Reviews and grants.
 *
 * A review's document is kept as text: what a reviewer must see may hold characters that neither `json` nor `text` keeps
 * (NUL, half a surrogate pair), and JSON's escapes carry them. `audience` is what lists are asked by.
 */
import { type Kysely, sql } from 'kysely';

const statements = [
  `create table reviews (
    id text collate "C" primary key,
    kind text not null,
    state text not null,
    requester text collate "C" not null,
    resource text collate "C" not null,
    gateway text collate "C" not null,
    audience jsonb not null,
    created_at_ms int8 not null,
    expires_at_ms int8 not null,
    next_at_ms int8,
    version int8 not null,
    document text not null
  )`,
  'create index reviews_by_creation on reviews (created_at_ms desc, id desc)',
  'create index reviews_by_requester on reviews (requester, created_at_ms desc, id desc)',
  'create index reviews_by_state on reviews (state, created_at_ms desc, id desc)',
  'create index reviews_by_audience on reviews using gin (audience)',
  // Only what is not over has a next time.
  'create index reviews_due on reviews (next_at_ms) where next_at_ms is not null',
  `create table grants (
    id text collate "C" primary key,
    principal_id text collate "C" not null,
    principal_name text collate "C" not null,
    resource text collate "C" not null,
    access text collate "C" not null,
    review text collate "C" not null references reviews (id),
    granted_at_ms int8 not null,
    expires_at_ms int8 not null,
    revoked_at_ms int8,
    revoked_by text,
    -- A review makes one grant (A-REV-04).
    constraint grants_review_unique unique (review)
  )`,
  'create index grants_by_principal on grants (principal_id, granted_at_ms desc, id desc)',
  'create index grants_by_time on grants (granted_at_ms desc, id desc)',
  'create index grants_live on grants (expires_at_ms) where revoked_at_ms is null',
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
