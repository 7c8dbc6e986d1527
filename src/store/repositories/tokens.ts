/**
 * Access tokens: hashes and SCRAM keys, never a secret.
 *
 * Invariants: a revocation is never undone; its notification is part of its transaction. When a token was last used is
 * a hint: uses are gathered and written together, so that a busy token costs one write every `touchFlushMs`.
 */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Clock, Timer } from '../../base/clock.ts';
import * as check from '../check.ts';
import { liveTokensMax, purgeRowsMax, tokenAttributesBytesMax, touchesMax, touchFlushMs } from '../limits.ts';
import type { Notices } from '../notices.ts';
import type { Schema, TokensTable } from '../schema.ts';
import { Together } from '../together.ts';
import type { NewToken, StoredToken, TokenCursor, TokenPage, Tokens } from '../types.ts';

/** SCRAM-SHA-256 keys are 32 bytes; room for a longer hash. */
const scramKeyBytesMax = 128;

function toToken(row: Selectable<TokensTable>): StoredToken {
  return {
    id: row.id,
    owner: row.owner,
    hash: row.hash,
    scramStoredKey: row.scram_stored_key,
    scramServerKey: row.scram_server_key,
    label: row.label,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
    createdBy: row.created_by,
    source: row.source,
    attributes: row.attributes,
  };
}

function before(cursor: TokenCursor) {
  const atMs = check.whole('cursor', cursor.createdAtMs);
  return sql<boolean>`(created_at_ms, id) < (${atMs}::int8, ${check.text('cursor', cursor.id)}::text)`;
}

export class TokenRepository implements Tokens {
  readonly #db: Kysely<Schema>;
  readonly #notices: Notices;
  readonly #clock: Clock;
  /** By owner: each login of a database client asks for them. */
  readonly #liveReads = new Together<readonly StoredToken[]>();
  #touched = new Map<string, number>();
  #timer: Timer | null = null;
  #flushing: Promise<void> = Promise.resolve();

  constructor(db: Kysely<Schema>, notices: Notices, clock: Clock) {
    this.#db = db;
    this.#notices = notices;
    this.#clock = clock;
  }

  async create(token: NewToken): Promise<boolean> {
    const row = {
      id: check.name('id', token.id),
      owner: check.name('owner', token.owner),
      hash: check.name('hash', token.hash),
      scram_stored_key: check.bytes('SCRAM key', token.scramStoredKey, scramKeyBytesMax),
      scram_server_key: check.bytes('SCRAM key', token.scramServerKey, scramKeyBytesMax),
      label: check.text('label', token.label),
      created_at_ms: check.whole('createdAtMs', token.createdAtMs),
      expires_at_ms: check.whole('expiresAtMs', token.expiresAtMs),
      created_by: check.text('createdBy', token.createdBy),
      source: check.text('source', token.source),
      attributes: check.document('attributes', token.attributes, tokenAttributesBytesMax),
    };
    const result = await this.#db
      .insertInto('tokens')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  get(id: string): Promise<StoredToken | null> {
    return this.#findBy('id', id);
  }

  findByHash(hash: string): Promise<StoredToken | null> {
    return this.#findBy('hash', hash);
  }

  async shorten(id: string, expiresAtMs: number): Promise<StoredToken | null> {
    const row = await this.#db
      .updateTable('tokens')
      .set({ expires_at_ms: sql<number>`least(expires_at_ms, ${check.whole('expiresAtMs', expiresAtMs)}::int8)` })
      .where('id', '=', check.text('id', id))
      .returningAll()
      .executeTakeFirst();
    return row === undefined ? null : toToken(row);
  }

  async listByOwner(owner: string, page: TokenPage): Promise<readonly StoredToken[]> {
    const rows = await this.#page(page).where('owner', '=', check.text('owner', owner)).execute();
    return rows.map(toToken);
  }

  async listAll(page: TokenPage): Promise<readonly StoredToken[]> {
    return (await this.#page(page).execute()).map(toToken);
  }

  async liveByOwner(owner: string, nowMs: number): Promise<readonly StoredToken[]> {
    check.text('owner', owner);
    check.whole('time', nowMs);
    const tokens = await this.#liveReads.read(owner, async () => {
      const rows = await this.#db
        .selectFrom('tokens')
        .selectAll()
        .where('owner', '=', owner)
        .where('revoked_at_ms', 'is', null)
        .where('expires_at_ms', '>', nowMs)
        .orderBy('created_at_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(liveTokensMax)
        .execute();
      return rows.map(toToken);
    });
    // Another may have asked a moment earlier, by whose time they were live.
    return tokens.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  }

  async liveByProvider(provider: string, session: string | null): Promise<readonly StoredToken[]> {
    let query = this.#live().where(sql<boolean>`attributes->>'provider' = ${check.text('provider', provider)}`);
    if (session !== null) query = query.where(sql<boolean>`attributes->>'session' = ${check.text('session', session)}`);
    return (await query.execute()).map(toToken);
  }

  async liveByParent(parent: string): Promise<readonly StoredToken[]> {
    const query = this.#live().where(sql<boolean>`attributes->>'parent' = ${check.text('parent', parent)}`);
    return (await query.execute()).map(toToken);
  }

  #live() {
    return this.#db
      .selectFrom('tokens')
      .selectAll()
      .where('revoked_at_ms', 'is', null)
      .where('expires_at_ms', '>', this.#clock.now())
      .limit(liveTokensMax);
  }

  async revoke(id: string, atMs: number): Promise<StoredToken | null> {
    check.text('id', id);
    check.whole('time', atMs);
    const { token, isNew } = await this.#db.transaction().execute(async (transaction) => {
      const revoked = await transaction
        .updateTable('tokens')
        .set({ revoked_at_ms: atMs })
        .where('id', '=', id)
        .where('revoked_at_ms', 'is', null)
        .returningAll()
        .executeTakeFirst();
      if (revoked !== undefined) {
        await this.#notices.shareTokens(transaction, [id]);
        return { token: toToken(revoked), isNew: true };
      }
      const row = await transaction.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
      return { token: row === undefined ? null : toToken(row), isNew: false };
    });
    if (isNew) this.#notices.announceTokens([id]);
    return token;
  }

  async revokeAllOf(owner: string, atMs: number): Promise<readonly string[]> {
    check.text('owner', owner);
    check.whole('time', atMs);
    const ids = await this.#db.transaction().execute(async (transaction) => {
      const rows = await transaction
        .updateTable('tokens')
        .set({ revoked_at_ms: atMs })
        .where('owner', '=', owner)
        .where('revoked_at_ms', 'is', null)
        .returning('id')
        .execute();
      const revoked = rows.map((row) => row.id);
      await this.#notices.shareTokens(transaction, revoked);
      return revoked;
    });
    this.#notices.announceTokens(ids);
    return ids;
  }

  touch(id: string, atMs: number): void {
    const known = this.#touched.get(id);
    // Put at the end again, so that the first in the map is the one that was used longest ago.
    this.#touched.delete(id);
    this.#touched.set(id, Math.max(known ?? 0, atMs));
    if (this.#touched.size > touchesMax) this.#touched.delete(this.#touched.keys().next().value!);
    this.#timer ??= this.#clock.after(touchFlushMs, () => void this.#flushTouches());
  }

  async purgeExpired(beforeMs: number): Promise<number> {
    const result = await this.#db
      .deleteFrom('tokens')
      .where('id', 'in', (expired) =>
        expired
          .selectFrom('tokens')
          .select('id')
          .where('expires_at_ms', '<', check.whole('time', beforeMs))
          .orderBy('expires_at_ms')
          .limit(purgeRowsMax),
      )
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  }

  onRevoked(listener: Parameters<Tokens['onRevoked']>[0]): ReturnType<Tokens['onRevoked']> {
    return this.#notices.onToken(listener);
  }

  /** Writes what was gathered; for the store's `close`. Never rejects: what could not be written was a hint. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    await this.#flushTouches();
  }

  #flushTouches(): Promise<void> {
    this.#timer = null;
    this.#flushing = this.#flushing.then(() => this.#writeTouches());
    return this.#flushing;
  }

  async #writeTouches(): Promise<void> {
    if (this.#touched.size === 0) return;
    const written = this.#touched;
    this.#touched = new Map();
    const json = JSON.stringify(
      [...written].map(([id, atMs]) => ({ id: check.clean(id), at_ms: check.cleanWhole(atMs) })),
    );
    try {
      await sql`update tokens set last_used_at_ms = greatest(coalesce(last_used_at_ms, 0), touched.at_ms)
        from jsonb_to_recordset(${json}::jsonb) as touched(id text, at_ms int8)
        where tokens.id = touched.id`.execute(this.#db);
    } catch {
      // Kept for the next flush, which the next use brings; newer uses win, and the bound is the same.
      for (const [id, atMs] of this.#touched) written.set(id, atMs);
      this.#touched = new Map([...written].slice(-touchesMax));
    }
  }

  async #findBy(column: 'id' | 'hash', value: string): Promise<StoredToken | null> {
    const row = await this.#db
      .selectFrom('tokens')
      .selectAll()
      .where(column, '=', check.text(column, value))
      .executeTakeFirst();
    return row === undefined ? null : toToken(row);
  }

  #page(page: TokenPage) {
    const query = this.#db
      .selectFrom('tokens')
      .selectAll()
      .orderBy('created_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(check.limit(page.limit));
    return page.after == null ? query : query.where(before(page.after));
  }
}
