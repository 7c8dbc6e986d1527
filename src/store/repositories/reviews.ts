/**
 * Reviews: who asked for what, and what came of it.
 *
 * Invariants: a change is one conditional UPDATE per review, on the version that was read, so that of two gateways that
 * decide or execute at the same moment one wins and the other reads again (A-REV-04, A-REV-05); it commits only after
 * what its caller must write down elsewhere is written; a grant is made in the transaction that approves it.
 */
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import * as check from '../check.ts';
import { storeErrors } from '../errors.ts';
import { audienceMax, purgeRowsMax, reviewDocumentBytesMax } from '../limits.ts';
import type { Notices } from '../notices.ts';
import type { ReviewsTable, Schema } from '../schema.ts';
import type {
  JsonObject,
  NewReview,
  ReviewChange,
  ReviewFilter,
  ReviewPage,
  Reviews,
  ReviewUpdate,
  StoredReview,
} from '../types.ts';
import { toGrantRow } from './grants.ts';

/** Thrown inside the transaction to undo it; caught where it began. */
class Conflict extends Error {}

function toReview(row: Selectable<ReviewsTable>): StoredReview {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    requester: row.requester,
    resource: row.resource,
    gateway: row.gateway,
    audience: row.audience,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    nextAtMs: row.next_at_ms,
    document: JSON.parse(row.document) as JsonObject,
    version: row.version,
  };
}

/** The columns that a change may write. */
function toChanged(review: Pick<ReviewUpdate, 'state' | 'audience' | 'expiresAtMs' | 'nextAtMs' | 'document'>) {
  if (review.audience.length > audienceMax) {
    throw storeErrors('store.batch-too-large', { values: { limit: audienceMax } });
  }
  for (const one of review.audience) check.text('audience', one);
  return {
    state: check.name('state', review.state),
    audience: check.document('audience', review.audience, reviewDocumentBytesMax),
    expires_at_ms: check.whole('expiresAtMs', review.expiresAtMs),
    next_at_ms: review.nextAtMs === null ? null : check.whole('nextAtMs', review.nextAtMs),
    document: check.escapedDocument('review', review.document, reviewDocumentBytesMax),
  };
}

function toRow(review: NewReview): Insertable<ReviewsTable> {
  return {
    ...toChanged(review),
    id: check.name('id', review.id),
    kind: check.name('kind', review.kind),
    requester: check.name('requester', review.requester),
    resource: check.name('resource', review.resource),
    gateway: check.name('gateway', review.gateway),
    created_at_ms: check.whole('createdAtMs', review.createdAtMs),
    version: 1,
  };
}

export class ReviewRepository implements Reviews {
  readonly #db: Kysely<Schema>;
  readonly #notices: Notices;

  constructor(db: Kysely<Schema>, notices: Notices) {
    this.#db = db;
    this.#notices = notices;
  }

  async get(id: string): Promise<StoredReview | null> {
    const row = await this.#db
      .selectFrom('reviews')
      .selectAll()
      .where('id', '=', check.text('id', id))
      .executeTakeFirst();
    return row === undefined ? null : toReview(row);
  }

  async list(filter: ReviewFilter, page: ReviewPage): Promise<readonly StoredReview[]> {
    let query = this.#db
      .selectFrom('reviews')
      .selectAll()
      .orderBy('created_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(check.limit(page.limit));
    const { states, kind, requester, gateway, audience } = filter;
    if (states !== undefined) query = query.where(isOneOf('state', states));
    if (kind !== undefined) query = query.where('kind', '=', check.text('kind', kind));
    if (requester !== undefined) query = query.where('requester', '=', check.text('requester', requester));
    if (gateway !== undefined) query = query.where('gateway', '=', check.text('gateway', gateway));
    if (audience !== undefined) {
      const json = check.document('audience', audience);
      query = query.where(sql<boolean>`audience ?| array(select jsonb_array_elements_text(${json}::jsonb))`);
    }
    if (page.after != null) {
      const atMs = check.whole('cursor', page.after.atMs);
      query = query.where(
        sql<boolean>`(created_at_ms, id) < (${atMs}::int8, ${check.text('cursor', page.after.id)}::text)`,
      );
    }
    return (await query.execute()).map(toReview);
  }

  async due(nowMs: number, limit: number): Promise<readonly StoredReview[]> {
    const rows = await this.#db
      .selectFrom('reviews')
      .selectAll()
      .where('next_at_ms', '<=', check.whole('time', nowMs))
      .orderBy('next_at_ms')
      .orderBy('id')
      .limit(check.limit(limit))
      .execute();
    return rows.map(toReview);
  }

  async count(requester: string, states: readonly string[]): Promise<number> {
    const row = await this.#db
      .selectFrom('reviews')
      .select(sql<number>`count(*)::int8`.as('count'))
      .where('requester', '=', check.text('requester', requester))
      .where(isOneOf('state', states))
      .executeTakeFirstOrThrow();
    return row.count;
  }

  async change(change: ReviewChange, beforeCommit: () => Promise<void>): Promise<boolean> {
    const { updates = [], creates = [], grants = [], extensions = [] } = change;
    check.batch(updates.length + creates.length + grants.length + extensions.length);
    // In order of id, so that two changes of the same reviews wait for each other and cannot deadlock.
    const changed = updates
      .map((update) => ({ id: check.text('id', update.id), version: update.expectedVersion, set: toChanged(update) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const made = creates.map(toRow);
    const granted = grants.map(toGrantRow);
    const reviewIds = [...changed.map(({ id }) => id), ...made.map(({ id }) => id)];
    const grantIds = [...granted.map(({ id }) => id), ...extensions.map(({ id }) => id)];
    try {
      await this.#db.transaction().execute(async (transaction) => {
        for (const one of changed) await update(transaction, one);
        await insert(transaction, 'reviews', made);
        await insert(transaction, 'grants', granted);
        for (const one of extensions) await extend(transaction, one);
        await this.#notices.shareIds(transaction, 'review', reviewIds);
        await this.#notices.shareIds(transaction, 'grant', grantIds);
        await beforeCommit();
      });
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    }
    this.#notices.announceIds('review', reviewIds);
    this.#notices.announceIds('grant', grantIds);
    return true;
  }

  async purge(beforeMs: number): Promise<number> {
    check.whole('time', beforeMs);
    const grants = await sql`delete from grants where id in (
        select id from grants where expires_at_ms < ${beforeMs} limit ${purgeRowsMax}
      )`.execute(this.#db);
    const reviews = await sql`delete from reviews where id in (
        select id from reviews where created_at_ms < ${beforeMs} and next_at_ms is null
          and not exists (select from grants where grants.review = reviews.id)
        order by created_at_ms limit ${purgeRowsMax}
      )`.execute(this.#db);
    return Number((grants.numAffectedRows ?? 0n) + (reviews.numAffectedRows ?? 0n));
  }

  onChange(listener: Parameters<Reviews['onChange']>[0]): ReturnType<Reviews['onChange']> {
    return this.#notices.onId('review', listener);
  }
}

function isOneOf(column: 'state', values: readonly string[]) {
  const json = check.document(column, values);
  return sql<boolean>`${sql.ref(column)} in (select jsonb_array_elements_text(${json}::jsonb))`;
}

async function update(
  transaction: Transaction<Schema>,
  { id, version, set }: { id: string; version: number; set: ReturnType<typeof toChanged> },
): Promise<void> {
  const result = await transaction
    .updateTable('reviews')
    .set({ ...set, version: sql<number>`version + 1` })
    .where('id', '=', id)
    .where('version', '=', check.whole('version', version))
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) throw new Conflict('version');
}

async function extend(
  transaction: Transaction<Schema>,
  { id, fromMs, expiresAtMs }: { readonly id: string; readonly fromMs: number; readonly expiresAtMs: number },
): Promise<void> {
  const result = await transaction
    .updateTable('grants')
    .set({ expires_at_ms: check.whole('expiresAtMs', expiresAtMs) })
    .where('id', '=', check.text('id', id))
    .where('expires_at_ms', '=', check.whole('fromMs', fromMs))
    .where('revoked_at_ms', 'is', null)
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) throw new Conflict('version');
}

async function insert<T extends 'reviews' | 'grants'>(
  transaction: Transaction<Schema>,
  table: T,
  rows: readonly Insertable<Schema[T]>[],
): Promise<void> {
  if (rows.length === 0) return;
  const result = await transaction
    .insertInto(table)
    .values([...rows] as never)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows !== BigInt(rows.length)) throw new Conflict('taken');
}
