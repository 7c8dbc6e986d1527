/**
 * Opens the store: an engine, the migrations, the repositories.
 *
 * Invariants: `openStore` resolves only when the schema is this version's; a schema of a later version is refused, not
 * touched; nothing is left running when it rejects.
 */
import { Kysely } from 'kysely';
import { type MigrationResultSet, Migrator } from 'kysely/migration';
import { type Clock, systemClock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import { type Log, silentLog } from '../base/log.ts';
import { EngineDialect } from './dialect.ts';
import { EmbeddedEngine } from './embedded.ts';
import type { Engine } from './engine.ts';
import { storeErrors } from './errors.ts';
import { sqlState } from './failure.ts';
import { HistoryRepository } from './history/history.ts';
import { Listening } from './listening.ts';
import { migrations } from './migrations/index.ts';
import { Notices } from './notices.ts';
import { PostgresEngine } from './postgres.ts';
import { AlertRepository } from './repositories/alerts.ts';
import { DetectorRepository } from './repositories/detectors.ts';
import { FactorRepository } from './repositories/factors.ts';
import { GrantRepository } from './repositories/grants.ts';
import { KeptRecordingRepository } from './repositories/kept-recordings.ts';
import { ObjectRepository } from './repositories/objects.ts';
import { OnceRepository } from './repositories/once.ts';
import { PasswordRepository } from './repositories/passwords.ts';
import { ResponseRepository } from './repositories/responses.ts';
import { ReviewRepository } from './repositories/reviews.ts';
import { SealedSecretRepository } from './repositories/sealed.ts';
import { SessionRepository } from './repositories/sessions.ts';
import { SettingRepository } from './repositories/settings.ts';
import { SinkRepository } from './repositories/sinks.ts';
import { TokenRepository } from './repositories/tokens.ts';
import { WitnessedRepository } from './repositories/witnessed.ts';
import type { Schema } from './schema.ts';
import type { StoreShare } from './share.ts';
import type { Store, StoreHealth, Unsubscribe } from './types.ts';

export type StoreOptions = (
  | {
      /** Embedded: the directory that holds the database; made where it does not exist. */
      readonly directory: string;
    }
  | {
      /** PostgreSQL 15 or later, as `postgres://user:password@host:port/database`. */
      readonly databaseUrl: string;
    }
) & { readonly clock?: Clock; readonly log?: Log };

export async function openStore(options: StoreOptions): Promise<Store> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  if ('directory' in options) {
    const engine = await EmbeddedEngine.open(options.directory, clock);
    return assemble(engine, new Notices(false), clock, null);
  }
  const { databaseUrl } = options;
  const notices = new Notices(true);
  const engine = await PostgresEngine.open(databaseUrl, clock);
  return assemble(engine, notices, clock, () => Listening.open(databaseUrl, notices, clock, log));
}

async function assemble(
  engine: Engine,
  notices: Notices,
  clock: Clock,
  listen: (() => Promise<Listening>) | null,
): Promise<OpenStore> {
  const db = new Kysely<Schema>({ dialect: new EngineDialect(engine) });
  try {
    await migrate(db);
    const history = await HistoryRepository.open(db, clock);
    const listening = listen === null ? null : await listen();
    return new OpenStore(engine, db, notices, clock, listening, history);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function migrate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock',
  });
  // The migrator refuses unknown migrations, too, but in words only; this tells the case apart.
  const applied = await appliedMigrations(db);
  if (applied.some((name) => !(name in migrations))) throw storeErrors('store.newer-schema');
  const outcome = await migrator.migrateToLatest();
  if (outcome.error !== undefined) throw migrationError(outcome);
}

async function appliedMigrations(db: Kysely<Schema>): Promise<readonly string[]> {
  const tables = db as unknown as Kysely<{ migrations: { name: string } }>;
  try {
    const rows = await tables.selectFrom('migrations').select('name').execute();
    return rows.map((row) => row.name);
  } catch (error) {
    // undefined_table: a new database.
    if (sqlState(error) === '42P01') return [];
    throw error;
  }
}

function migrationError({ error, results }: MigrationResultSet): Error {
  if (isGatewayError(error) && error.code !== 'store.query-failed') return error;
  const failed = results?.find((result) => result.status === 'Error')?.migrationName ?? 'none';
  const detail = isGatewayError(error) ? error.detail : error instanceof Error ? error.name : typeof error;
  return storeErrors('store.migration-failed', { detail: `migration ${failed}: ${detail}` });
}

class OpenStore implements Store {
  readonly objects: ObjectRepository;
  readonly passwords: PasswordRepository;
  readonly tokens: TokenRepository;
  readonly once: OnceRepository;
  readonly factors: FactorRepository;
  readonly sealed: SealedSecretRepository;
  readonly sessions: SessionRepository;
  readonly settings: SettingRepository;
  readonly reviews: ReviewRepository;
  readonly grants: GrantRepository;
  readonly history: HistoryRepository;
  readonly sinks: SinkRepository;
  readonly alerts: AlertRepository;
  readonly responses: ResponseRepository;
  readonly detectors: DetectorRepository;
  readonly recordings: KeptRecordingRepository;
  readonly witnessed: WitnessedRepository;
  readonly live: Store['live'];
  readonly #engine: Engine;
  readonly #listening: Listening | null;
  #closing: Promise<void> | null = null;

  constructor(
    engine: Engine,
    db: Kysely<Schema>,
    notices: Notices,
    clock: Clock,
    listening: Listening | null,
    history: HistoryRepository,
  ) {
    this.history = history;
    this.#engine = engine;
    this.#listening = listening;
    this.objects = new ObjectRepository(db, notices, clock);
    this.passwords = new PasswordRepository(db, clock);
    this.once = new OnceRepository(db, clock);
    this.factors = new FactorRepository(db);
    this.tokens = new TokenRepository(db, notices, clock);
    this.sealed = new SealedSecretRepository(db);
    this.sessions = new SessionRepository(db, notices);
    this.settings = new SettingRepository(db);
    this.reviews = new ReviewRepository(db, notices);
    this.grants = new GrantRepository(db, notices);
    this.sinks = new SinkRepository(db);
    this.alerts = new AlertRepository(db, notices);
    this.responses = new ResponseRepository(db, notices);
    this.detectors = new DetectorRepository(db);
    this.recordings = new KeptRecordingRepository(db);
    this.witnessed = new WitnessedRepository(db);
    this.live = {
      onNotice: (listener) => notices.onLive(listener),
      say: (texts) => notices.say(db, texts),
    };
  }

  get failure(): Error | null {
    return this.#engine.failure;
  }

  onFailure(listener: (failure: Error) => void): Unsubscribe {
    return this.#engine.onFailure(listener);
  }

  share(): StoreShare {
    return this.#engine.share();
  }

  async health(): Promise<StoreHealth> {
    const listening = this.#listening?.isListening ?? true;
    try {
      const connection = await this.#engine.acquire();
      try {
        await connection.query('select 1', []);
      } finally {
        connection.release();
      }
      return { engine: this.#engine.name, answering: true, listening };
    } catch {
      return { engine: this.#engine.name, answering: false, listening };
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.tokens.flush();
    await this.#listening?.close();
    await this.#engine.close();
  }
}
