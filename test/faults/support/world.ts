/**
 * A gateway process, a PostgreSQL server behind it, and clients: what each fault test begins with.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Client, createClient } from '../../../src/api/contract/index.ts';
import { inspectionApplication } from '../../../src/protocols/postgres/upstream.ts';
import { setUp } from '../../env/setup.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { type FaultGateway, type FaultGatewayOptions, startGateway } from './gateway.ts';

/** Full sizes take hours; `make test-full` sets this. */
export const isFull = process.env['SALLYPORT_TEST_FULL'] === '1';
export const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

export interface World {
  readonly server: PostgresServer;
  readonly dataDirectory: string;
  /** Changes with `start`. */
  readonly gateway: FaultGateway;
  readonly ca: string;
  readonly token: string;
  /** How the principal connects with `pg`. */
  client(more?: pg.ClientConfig): pg.ClientConfig;
  /** The same as environment of a libpq program. */
  libpq(): NodeJS.ProcessEnv;
  connect(more?: pg.ClientConfig): Promise<pg.Client>;
  /** The API as the first administrator, logged in anew. */
  administrator(): Promise<Client>;
  /** Starts the gateway anew on the same data, after the one before has ended. */
  start(options?: Partial<FaultGatewayOptions>): Promise<FaultGateway>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly postgres?: PostgresOptions;
  readonly gateway?: Partial<FaultGatewayOptions>;
  /** An existing directory to keep the data in, which `close` leaves alone. */
  readonly dataDirectory?: string;
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const own = options.dataDirectory === undefined;
  const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'sallyport-fault-')));
  const server = await startPostgres(options.postgres);
  let gateway: FaultGateway | null = null;
  const close = async (): Promise<void> => {
    await gateway?.stop();
    await server.stop();
    if (own) await rm(dataDirectory, { recursive: true, force: true });
  };
  try {
    gateway = await startGateway({ dataDirectory, ...options.gateway });
    const tokens = await setUp(gateway, [{ name: 'orders', server }]);
    const ca = await readFile(gateway.caPath, 'utf8');
    return new Running(
      server,
      dataDirectory,
      ca,
      tokens.get('engineer')!,
      gateway,
      options.gateway ?? {},
      close,
      (now) => {
        gateway = now;
      },
    );
  } catch (error) {
    await close();
    throw error;
  }
}

class Running implements World {
  readonly server: PostgresServer;
  readonly dataDirectory: string;
  readonly ca: string;
  readonly token: string;
  readonly close: () => Promise<void>;
  gateway: FaultGateway;
  readonly #options: Partial<FaultGatewayOptions>;
  readonly #started: (gateway: FaultGateway) => void;

  constructor(
    server: PostgresServer,
    dataDirectory: string,
    ca: string,
    token: string,
    gateway: FaultGateway,
    options: Partial<FaultGatewayOptions>,
    close: () => Promise<void>,
    started: (gateway: FaultGateway) => void,
  ) {
    this.server = server;
    this.dataDirectory = dataDirectory;
    this.ca = ca;
    this.token = token;
    this.gateway = gateway;
    this.#options = options;
    this.close = close;
    this.#started = started;
  }

  client(more: pg.ClientConfig = {}): pg.ClientConfig {
    return {
      host: 'localhost',
      port: this.gateway.postgresPort,
      user: 'engineer+orders',
      password: this.token,
      database: this.server.database,
      ssl: { ca: this.ca },
      ...more,
    };
  }

  libpq(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PGHOST: 'localhost',
      PGPORT: String(this.gateway.postgresPort),
      PGUSER: 'engineer+orders',
      PGPASSWORD: this.token,
      PGDATABASE: this.server.database,
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: this.gateway.caPath,
    };
  }

  async connect(more: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = new pg.Client(this.client(more));
    // Faults are what these tests are about: whoever waits for a query hears of them there.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async administrator(): Promise<Client> {
    const { consoleUrl: baseUrl } = this.gateway;
    const password = (await readFile(join(this.dataDirectory, 'initial-admin-password'), 'utf8')).trim();
    const open = createClient({ baseUrl, ca: this.ca });
    const { token } = await open.call('login', { body: { principal: 'admin', password } });
    return createClient({ baseUrl, ca: this.ca, token });
  }

  async start(options: Partial<FaultGatewayOptions> = {}): Promise<FaultGateway> {
    const { dataDirectory } = this;
    this.gateway = await startGateway({ dataDirectory, ...this.#options, ...options });
    this.#started(this.gateway);
    return this.gateway;
  }
}

/** Waits until `ask` gives something else than null or false. Throws after `withinMs`; gives how long it took as well. */
export async function until<T>(
  what: string,
  withinMs: number,
  ask: () => Promise<T | null | false> | T | null | false,
): Promise<{ value: T; afterMs: number }> {
  const begun = performance.now();
  for (;;) {
    const value = await ask();
    const afterMs = Math.round(performance.now() - begun);
    if (value !== null && value !== false) return { value, afterMs };
    if (afterMs > withinMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(20);
  }
}

/** Backends that work for the gateway's credential, from the server's own point of view. */
export async function backendsOf(
  server: PostgresServer,
): Promise<{ pid: number; state: string; wait_event: string | null; query: string }[]> {
  return server.query(
    `select pid, state, wait_event, query from pg_stat_activity where usename = '${server.user}' and backend_type = 'client backend'
       and application_name <> '${inspectionApplication}'`,
  );
}

/** What a measured figure was, for whoever reads the log; asserted on only against what the product promises. */
export function report(id: string, text: string): void {
  process.stdout.write(`      ${id}  ${text}\n`);
}

export { sleep };
