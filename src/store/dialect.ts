/**
 * Joins an `Engine` to kysely: PostgreSQL's compiler and adapter, and one driver for both engines.
 *
 * Invariant: transactions are BEGIN, COMMIT and ROLLBACK on one acquired connection, so that in the embedded engine,
 * which has one connection, they are serialised by `acquire`. A transaction's callback must therefore never use
 * anything but the transaction it was given: asking the store for a second connection would wait for itself.
 *
 * Deliberately absent: streaming, cancellation by the caller (deadlines are the engine's), savepoints.
 */
import {
  AbortedTransactionError,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { Engine, EngineConnection } from './engine.ts';
import { storeErrors } from './errors.ts';
import { encodeParameter } from './values.ts';

class EngineDatabaseConnection implements DatabaseConnection {
  readonly connection: EngineConnection;

  constructor(connection: EngineConnection) {
    this.connection = connection;
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const result = await this.connection.query(compiled.sql, compiled.parameters.map(encodeParameter));
    return { rows: result.rows as R[], numAffectedRows: BigInt(result.affectedRows) };
  }

  // biome-ignore lint/correctness/useYield: the interface asks for a generator; this one refuses.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw storeErrors('store.query-failed', { detail: 'streaming is not offered' });
  }
}

/** Connections that could not even be rolled back. */
const discarded = new WeakSet<DatabaseConnection>();

class EngineDriver implements Driver {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new EngineDatabaseConnection(await this.#engine.acquire());
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await run(connection, 'begin');
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    // PostgreSQL answers the COMMIT of a transaction that failed half-way by ROLLBACK, without an error.
    const { command } = await run(connection, 'commit');
    if (command !== 'COMMIT') throw new AbortedTransactionError();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await run(connection, 'rollback');
    } catch (error) {
      discarded.add(connection);
      throw error;
    }
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    const { connection: inner } = connection as EngineDatabaseConnection;
    if (discarded.has(connection)) inner.discard();
    else inner.release();
  }

  async destroy(): Promise<void> {
    await this.#engine.close();
  }
}

function run(connection: DatabaseConnection, statement: string) {
  return (connection as EngineDatabaseConnection).connection.query(statement, []);
}

export class EngineDialect implements Dialect {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  createDriver(): Driver {
    return new EngineDriver(this.#engine);
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new PostgresQueryCompiler();
  }

  createAdapter(): PostgresAdapter {
    return new PostgresAdapter();
  }

  createIntrospector(db: ConstructorParameters<typeof PostgresIntrospector>[0]): PostgresIntrospector {
    return new PostgresIntrospector(db);
  }
}
