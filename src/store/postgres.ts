/**
 * The PostgreSQL engine: a pool of connections to a server that several gateways share.
 *
 * Invariants: each connection is set up (time zone, time-outs) before its first use; a connection on which anything but
 * an SQL error happened is closed, not reused; the server's own time-out fires before ours, so that nothing goes on
 * running there after we gave up; the URL, which holds a password, appears in no error.
 *
 * Deliberately absent: retries. A statement whose answer was lost may have taken effect; the caller knows what to do.
 */
import pg from 'pg';
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { isGatewayError } from '../base/errors.ts';
import type { Engine, EngineConnection, EngineResult } from './engine.ts';
import { storeErrors } from './errors.ts';
import { isServerError, losesConnection, toStoreError } from './failure.ts';
import {
  acquireDeadlineMs,
  closeDeadlineMs,
  connectDeadlineMs,
  poolConnectionsMax,
  poolIdleMs,
  queryDeadlineMs,
  queryGraceMs,
} from './limits.ts';
import type { StoreShare } from './share.ts';
import type { Unsubscribe } from './types.ts';
import { parserOf } from './values.ts';

export const applicationName = 'sallyport';

/** The oldest server whose SQL and grants we were tested with. */
const serverVersionMin = 150_000;

/** Settings of a client for `databaseUrl`. Rejects what is no PostgreSQL URL, without quoting it. */
export function clientSettings(databaseUrl: string): pg.ClientConfig {
  let protocol: string;
  try {
    protocol = new URL(databaseUrl).protocol;
  } catch {
    throw storeErrors('store.bad-url');
  }
  if (protocol !== 'postgres:' && protocol !== 'postgresql:') throw storeErrors('store.bad-url');
  return {
    connectionString: databaseUrl,
    connectionTimeoutMillis: connectDeadlineMs,
    keepAlive: true,
    application_name: applicationName,
    types: { getTypeParser: ((type: number) => parserOf(type)) as typeof pg.types.getTypeParser },
  };
}

const setUp = `set timezone to 'UTC'; set datestyle to 'ISO'; set client_min_messages to error;
  set statement_timeout to ${queryDeadlineMs}; set lock_timeout to ${queryDeadlineMs};
  set idle_in_transaction_session_timeout to ${queryDeadlineMs}`;

/** Rejects as `withDeadline`, in this room's words. */
export async function bounded<T>(promise: Promise<T>, deadlineMs: number, what: string, clock: Clock): Promise<T> {
  try {
    return await withDeadline(promise, deadlineMs, what, clock);
  } catch (error) {
    if (isGatewayError(error) && error.code === 'base.deadline') {
      throw storeErrors('store.deadline', { detail: error.detail ?? what });
    }
    throw error;
  }
}

class PostgresConnection implements EngineConnection {
  readonly #client: pg.PoolClient;
  readonly #clock: Clock;
  #isBroken = false;
  #isHeld = true;
  readonly #onError = (): void => {
    // The query under way, or the next one, rejects with the same error; here it only must not go unheard.
    this.#isBroken = true;
  };

  constructor(client: pg.PoolClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    client.on('error', this.#onError);
  }

  async query(sql: string, parameters: readonly (string | null)[]): Promise<EngineResult> {
    if (this.#isBroken) throw storeErrors('store.unavailable', { detail: 'the connection was lost' });
    try {
      // Without parameters the simple protocol is used, which several statements in one text need.
      const answer = parameters.length === 0 ? this.#client.query(sql) : this.#client.query(sql, [...parameters]);
      const result = await bounded(answer, queryDeadlineMs + queryGraceMs, 'a statement', this.#clock);
      return { rows: result.rows ?? [], affectedRows: result.rowCount ?? 0, command: result.command ?? '' };
    } catch (error) {
      // Ours is either the deadline, after which the server may still be working, or a value that we refused to read.
      this.#isBroken ||= isGatewayError(error) ? error.code === 'store.deadline' : losesConnection(error);
      throw toStoreError(error);
    }
  }

  release(): void {
    this.#giveBack(this.#isBroken);
  }

  discard(): void {
    this.#giveBack(true);
  }

  #giveBack(isLost: boolean): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#client.off('error', this.#onError);
    this.#client.release(isLost);
  }
}

export class PostgresEngine implements Engine {
  readonly name = 'postgres';
  readonly failure = null;
  readonly #databaseUrl: string;
  readonly #pool: pg.Pool;
  readonly #clock: Clock;
  readonly #prepared = new WeakSet<pg.PoolClient>();
  #closing: Promise<void> | null = null;

  private constructor(databaseUrl: string, clock: Clock) {
    this.#databaseUrl = databaseUrl;
    this.#clock = clock;
    this.#pool = new pg.Pool({
      ...clientSettings(databaseUrl),
      connectionTimeoutMillis: acquireDeadlineMs,
      max: poolConnectionsMax,
      idleTimeoutMillis: poolIdleMs,
    });
    // An idle connection was lost. The pool has dropped it and makes another when one is needed.
    this.#pool.on('error', () => {});
  }

  /** Connects once, so that a wrong URL or an old server shows at the start. */
  static async open(databaseUrl: string, clock: Clock): Promise<PostgresEngine> {
    const engine = new PostgresEngine(databaseUrl, clock);
    try {
      const connection = await engine.acquire();
      try {
        const { rows } = await connection.query(`select current_setting('server_version_num') as number`, []);
        const number = Number(rows[0]?.['number']);
        if (!(number >= serverVersionMin)) {
          throw storeErrors('store.server-too-old', { values: { version: Math.trunc(number / 10_000) } });
        }
      } finally {
        connection.release();
      }
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /** A server that is down may come back: this engine never dies for good. */
  onFailure(): Unsubscribe {
    return () => {};
  }

  share(): StoreShare {
    return { engine: 'postgres', databaseUrl: this.#databaseUrl };
  }

  async acquire(): Promise<EngineConnection> {
    if (this.#closing !== null) throw storeErrors('store.closed');
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      if (this.#closing !== null) throw storeErrors('store.closed');
      throw this.#connectError(error);
    }
    const connection = new PostgresConnection(client, this.#clock);
    if (this.#prepared.has(client)) return connection;
    try {
      await connection.query(setUp, []);
    } catch (error) {
      connection.discard();
      throw error;
    }
    this.#prepared.add(client);
    return connection;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const ended = this.#pool.end();
    try {
      await withDeadline(ended, closeDeadlineMs, 'closing the connections', this.#clock);
    } catch (error) {
      // A caller still holds a connection. It ends with the statement's own deadline, and the pool refuses new ones.
      if (!isGatewayError(error)) throw toStoreError(error);
    }
  }

  #connectError(error: unknown): Error {
    const isFull = this.#pool.totalCount >= poolConnectionsMax && !isServerError(error);
    return isFull
      ? storeErrors('store.busy', { detail: `no connection within ${acquireDeadlineMs} ms` })
      : toStoreError(error);
  }
}
