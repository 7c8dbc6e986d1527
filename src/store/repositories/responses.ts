/**
 * Responses of detections: what is in force for whom, and what ended.
 *
 * Invariants: a response is written once, under an id that its alert gives it; one that ended never comes back (I15); other
 * gateways are told in the transaction that changes it.
 */
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import type { ResponseKind, Severity } from '../../core/alert.ts';
import type { AlertPage, NewResponse, ResponseFilter, Responses, StoredResponse } from '../alert-types.ts';
import * as check from '../check.ts';
import { alertTextBytesMax, purgeRowsMax } from '../limits.ts';
import type { Notices } from '../notices.ts';
import type { ResponsesTable, Schema } from '../schema.ts';

function toResponse(row: Selectable<ResponsesTable>): StoredResponse {
  return {
    id: row.id,
    gateway: row.gateway,
    alert: row.alert,
    detection: row.detection,
    kind: row.kind as ResponseKind,
    severity: row.severity as Severity,
    owner: { id: row.owner_id, name: row.owner_name },
    session: row.session,
    points: row.points,
    reviewers: row.reviewers,
    message: row.message,
    sinceMs: row.since_ms,
    untilMs: row.until_ms,
    endedAtMs: row.ended_at_ms,
    endedBy: row.ended_by,
  };
}

function toRow(response: NewResponse): Insertable<ResponsesTable> {
  const { names, groups } = response.reviewers;
  return {
    id: check.name('id', response.id),
    gateway: check.name('gateway', response.gateway),
    alert: check.name('alert', response.alert),
    detection: check.name('detection', response.detection),
    kind: response.kind,
    severity: response.severity,
    owner_id: check.name('owner', response.owner.id),
    owner_name: check.text('owner', response.owner.name),
    session: response.session === null ? null : check.text('session', response.session),
    points: check.whole('points', response.points),
    reviewers: check.document('reviewers', { names, groups }),
    message: check.clean(response.message, alertTextBytesMax),
    since_ms: check.whole('sinceMs', response.sinceMs),
    until_ms: response.untilMs === null ? null : check.whole('untilMs', response.untilMs),
    ended_at_ms: null,
    ended_by: null,
  };
}

export class ResponseRepository implements Responses {
  readonly #db: Kysely<Schema>;
  readonly #notices: Notices;

  constructor(db: Kysely<Schema>, notices: Notices) {
    this.#db = db;
    this.#notices = notices;
  }

  async get(id: string): Promise<StoredResponse | null> {
    const row = await this.#db
      .selectFrom('responses')
      .selectAll()
      .where('id', '=', check.text('id', id))
      .executeTakeFirst();
    return row === undefined ? null : toResponse(row);
  }

  async list(filter: ResponseFilter, page: AlertPage): Promise<readonly StoredResponse[]> {
    let query = this.#db
      .selectFrom('responses')
      .selectAll()
      .orderBy('since_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(check.limit(page.limit));
    const { liveAtMs, ownerId, alert } = filter;
    if (liveAtMs !== undefined) {
      const nowMs = check.whole('time', liveAtMs);
      query = query
        .where('ended_at_ms', 'is', null)
        .where((where) => where.or([where('until_ms', 'is', null), where('until_ms', '>', nowMs)]));
    }
    if (ownerId !== undefined) query = query.where('owner_id', '=', check.text('owner', ownerId));
    if (alert !== undefined) query = query.where('alert', '=', check.text('alert', alert));
    if (page.after != null) {
      const atMs = check.whole('cursor', page.after.atMs);
      const id = check.text('cursor', page.after.id);
      query = query.where(sql<boolean>`(since_ms, id) < (${atMs}::int8, ${id}::text)`);
    }
    return (await query.execute()).map(toResponse);
  }

  async apply(responses: readonly NewResponse[]): Promise<readonly string[]> {
    check.batch(responses.length);
    if (responses.length === 0) return [];
    const rows = responses.map(toRow);
    const ids = await this.#db.transaction().execute(async (transaction) => {
      const written = await transaction
        .insertInto('responses')
        .values(rows)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .returning('id')
        .execute();
      const made = written.map(({ id }) => id);
      await this.#notices.shareIds(transaction, 'response', made);
      return made;
    });
    this.#notices.announceIds('response', ids);
    return ids;
  }

  async end(id: string, by: string | null, atMs: number, beforeCommit: () => Promise<void>): Promise<boolean> {
    check.text('id', id);
    const isEnded = await this.#db.transaction().execute(async (transaction) => {
      const result = await transaction
        .updateTable('responses')
        .set({ ended_at_ms: check.whole('time', atMs), ended_by: by === null ? null : check.clean(by) })
        .where('id', '=', id)
        .where('ended_at_ms', 'is', null)
        .executeTakeFirst();
      if (result.numUpdatedRows !== 1n) return false;
      await this.#notices.shareIds(transaction, 'response', [id]);
      await beforeCommit();
      return true;
    });
    if (isEnded) this.#notices.announceIds('response', [id]);
    return isEnded;
  }

  async purge(beforeMs: number): Promise<number> {
    const before = check.whole('time', beforeMs);
    const deleted = await sql`delete from responses where id in (
        select id from responses where ended_at_ms < ${before} or until_ms < ${before} limit ${purgeRowsMax}
      )`.execute(this.#db);
    return Number(deleted.numAffectedRows ?? 0n);
  }

  onChange(listener: Parameters<Responses['onChange']>[0]): ReturnType<Responses['onChange']> {
    return this.#notices.onId('response', listener);
  }
}
