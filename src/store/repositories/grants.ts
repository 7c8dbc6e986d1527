/**
 * Grants: time-boxed permission that a review produced.
 *
 * Invariants: a grant is made by `Reviews.change` only, once per review; a revocation is never undone (I15), and its
 * notification is part of its transaction.
 */
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import * as check from '../check.ts';
import type { Notices } from '../notices.ts';
import type { GrantsTable, Schema } from '../schema.ts';
import type { GrantFilter, Grants, NewGrant, ReviewPage, StoredGrant } from '../types.ts';

function toGrant(row: Selectable<GrantsTable>): StoredGrant {
  return {
    id: row.id,
    principalId: row.principal_id,
    principalName: row.principal_name,
    resource: row.resource,
    access: row.access,
    review: row.review,
    grantedAtMs: row.granted_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
    revokedBy: row.revoked_by,
  };
}

export function toGrantRow(grant: NewGrant): Insertable<GrantsTable> {
  return {
    id: check.name('id', grant.id),
    principal_id: check.name('principal', grant.principalId),
    principal_name: check.name('principal', grant.principalName),
    resource: check.name('resource', grant.resource),
    access: check.name('access', grant.access),
    review: check.name('review', grant.review),
    granted_at_ms: check.whole('grantedAtMs', grant.grantedAtMs),
    expires_at_ms: check.whole('expiresAtMs', grant.expiresAtMs),
  };
}

export class GrantRepository implements Grants {
  readonly #db: Kysely<Schema>;
  readonly #notices: Notices;

  constructor(db: Kysely<Schema>, notices: Notices) {
    this.#db = db;
    this.#notices = notices;
  }

  async get(id: string): Promise<StoredGrant | null> {
    const row = await this.#db
      .selectFrom('grants')
      .selectAll()
      .where('id', '=', check.text('id', id))
      .executeTakeFirst();
    return row === undefined ? null : toGrant(row);
  }

  async list({ principalId, liveAtMs }: GrantFilter, page: ReviewPage): Promise<readonly StoredGrant[]> {
    let query = this.#db
      .selectFrom('grants')
      .selectAll()
      .orderBy('granted_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(check.limit(page.limit));
    if (principalId !== undefined) query = query.where('principal_id', '=', check.text('principal', principalId));
    if (liveAtMs !== undefined) {
      query = query.where('revoked_at_ms', 'is', null).where('expires_at_ms', '>', check.whole('time', liveAtMs));
    }
    if (page.after != null) {
      const atMs = check.whole('cursor', page.after.atMs);
      const id = check.text('cursor', page.after.id);
      query = query.where(sql<boolean>`(granted_at_ms, id) < (${atMs}::int8, ${id}::text)`);
    }
    return (await query.execute()).map(toGrant);
  }

  async revoke(id: string, by: string, atMs: number, beforeCommit: () => Promise<void>): Promise<boolean> {
    check.text('id', id);
    const set = { revoked_at_ms: check.whole('time', atMs), revoked_by: check.text('by', by) };
    const isRevoked = await this.#db.transaction().execute(async (transaction) => {
      const result = await transaction
        .updateTable('grants')
        .set(set)
        .where('id', '=', id)
        .where('revoked_at_ms', 'is', null)
        .where('expires_at_ms', '>', atMs)
        .executeTakeFirst();
      if (result.numUpdatedRows !== 1n) return false;
      await this.#notices.shareIds(transaction, 'grant', [id]);
      await beforeCommit();
      return true;
    });
    if (isRevoked) this.#notices.announceIds('grant', [id]);
    return isRevoked;
  }

  onChange(listener: Parameters<Grants['onChange']>[0]): ReturnType<Grants['onChange']> {
    return this.#notices.onId('grant', listener);
  }
}
