/**
 * TestEnv: a whole gateway in this process, on the embedded store in a directory of its own, with real servers behind it
 * and principals that may reach them.
 *
 * Invariant: `close` gives everything back, and fails when sockets, servers or timers are left.
 *
 * Deliberately absent: mocks, and fixed ports.
 */
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import type { Protocol } from '../../src/core/protocol.ts';
import { type Gateway, startGateway } from '../../src/gateway/compose.ts';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { defaultPrincipals, type PrincipalSetup, setUp } from './setup.ts';

export interface UpstreamOptions extends PostgresOptions {
  readonly recording?: 'strict' | 'best-effort';
  /** PEM of the authority that signed `tls.cert`. */
  readonly ca?: string;
}

export interface TestEnvOptions {
  /** Resources by name, each a server of its own; one named `orders` unless given. */
  readonly resources?: Readonly<Record<string, UpstreamOptions>>;
  readonly principals?: readonly PrincipalSetup[];
  /** Whether clients must use TLS, as in production. */
  readonly tls?: 'required' | 'optional';
  readonly recording?: { readonly resultBytesPerCommand?: number; readonly resultBytesPerSession?: number };
  readonly protocols?: readonly Protocol[];
  /** Files of certificates that the gateway is given. */
  readonly certificates?: NonNullable<GatewayConfig['certificates']>;
  readonly log?: Log;
  /** Settings in place of those of this environment. */
  readonly settings?: Partial<GatewayConfig>;
  /** An existing data directory, which `close` then keeps. */
  readonly dataDirectory?: string;
}

/** What `pg`, `postgres` and libpq need to connect. */
export interface ClientConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly ssl: { readonly ca: string };
}

export interface TestEnv {
  readonly gateway: Gateway;
  readonly dataDirectory: string;
  readonly servers: Readonly<Record<string, PostgresServer>>;
  /** Access tokens by principal. */
  readonly tokens: ReadonlyMap<string, string>;
  /** How `principal` connects to `resource` with a stock client. */
  client(principal: string, resource?: string): ClientConnection;
  /** The same as environment of a libpq program. */
  libpq(principal: string, resource?: string): Record<string, string>;
  /** The API as `principal` (`admin` included). */
  api(principal: string): Promise<Client>;
  /** Prints lines to paste and waits for Enter: look at a test from outside. */
  pause(): Promise<void>;
  /** Stops the gateway and starts it again on the same data. Ports change. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** How long resources may take to be given back after everything was closed. */
const leakDeadlineMs = 5_000;

export async function createTestEnv(options: TestEnvOptions = {}): Promise<TestEnv> {
  const before = activeResources();
  const directory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'sallyport-env-')));
  const env = new Environment(directory, options, before);
  try {
    await env.start();
    return env;
  } catch (error) {
    await env.abandon();
    throw error;
  }
}

class Environment implements TestEnv {
  readonly dataDirectory: string;
  readonly servers: Record<string, PostgresServer> = {};
  readonly #options: TestEnvOptions;
  readonly #before: ReadonlyMap<string, number>;
  #gateway: Gateway | null = null;
  #tokens: ReadonlyMap<string, string> = new Map();
  #ca = '';

  constructor(dataDirectory: string, options: TestEnvOptions, before: ReadonlyMap<string, number>) {
    this.dataDirectory = dataDirectory;
    this.#options = options;
    this.#before = before;
  }

  get gateway(): Gateway {
    if (this.#gateway === null) throw new Error('the gateway is not running');
    return this.#gateway;
  }
  get tokens(): ReadonlyMap<string, string> {
    return this.#tokens;
  }

  async start(): Promise<void> {
    const resources = Object.entries(this.#options.resources ?? { orders: {} });
    await Promise.all(
      resources.map(async ([name, upstream]) => {
        this.servers[name] = await startPostgres(upstream);
      }),
    );
    await this.#startGateway();
    this.#ca = await readFile(this.gateway.caPath, 'utf8');
    const setups = resources.map(([name, { recording, ca }]) => ({
      name,
      server: this.servers[name]!,
      ...(recording === undefined ? {} : { recording }),
      ...(ca === undefined ? {} : { ca }),
    }));
    const reachable = {
      consoleUrl: this.gateway.consoleUrl,
      caPath: this.gateway.caPath,
      dataDirectory: this.dataDirectory,
    };
    this.#tokens = await setUp(reachable, setups, this.#options.principals ?? defaultPrincipals);
  }

  client(principal: string, resource = Object.keys(this.servers)[0]!): ClientConnection {
    const listener = this.gateway.listeners.find(({ protocol }) => protocol === 'postgres');
    const password = this.#tokens.get(principal);
    if (listener === undefined || password === undefined) throw new Error(`no listener, or no principal ${principal}`);
    return {
      host: 'localhost',
      port: listener.port,
      user: `${principal}+${resource}`,
      password,
      ssl: { ca: this.#ca },
    };
  }

  libpq(principal: string, resource?: string): Record<string, string> {
    const { host, port, user, password } = this.client(principal, resource);
    return {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: this.servers[user.split('+')[1]!]?.database ?? 'app',
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: this.gateway.caPath,
    };
  }

  async api(principal: string): Promise<Client> {
    return createClient({ baseUrl: this.gateway.consoleUrl, ca: this.#ca, token: this.#tokens.get(principal) });
  }

  async pause(): Promise<void> {
    const lines = ['', `console  ${this.gateway.consoleUrl}`, `data     ${this.dataDirectory}`];
    for (const principal of this.#tokens.keys()) {
      if (principal === 'admin') continue;
      for (const resource of Object.keys(this.servers)) {
        const settings = Object.entries(this.libpq(principal, resource)).map(([name, value]) => `${name}=${value}`);
        lines.push(`${principal} → ${resource}:  ${settings.join(' ')} psql`);
      }
    }
    for (const [name, server] of Object.entries(this.servers))
      lines.push(`${name} directly:  psql "${server.superuserUrl}"`);
    process.stdout.write(`${lines.join('\n')}\n\npaused; Enter goes on\n`);
    const terminal = createInterface({ input: process.stdin });
    await Promise.race([terminal.question(''), new Promise((resolve) => terminal.once('close', resolve))]);
    terminal.close();
  }

  async restart(): Promise<void> {
    await this.gateway.stop('test', 0);
    this.#gateway = null;
    await this.#startGateway();
  }

  async close(): Promise<void> {
    await this.abandon();
    await this.#verifyNothingLeft();
  }

  /** Gives back what was taken so far, without looking for leaks. */
  async abandon(): Promise<void> {
    const gateway = this.#gateway;
    this.#gateway = null;
    await gateway?.stop('test', 0);
    await Promise.all(Object.values(this.servers).map((server) => server.stop()));
    if (this.#options.dataDirectory === undefined) await rm(this.dataDirectory, { recursive: true, force: true });
  }

  async #startGateway(): Promise<void> {
    const { recording, tls = 'required', protocols, certificates = [], log = silentLog } = this.#options;
    const config: GatewayConfig = {
      dataDirectory: this.dataDirectory,
      names: [],
      certificates,
      storeUrl: null,
      key: { file: join(this.dataDirectory, 'keys', 'master.key') },
      console: { host: '127.0.0.1', port: 0, tls: false },
      listeners: [{ protocol: 'postgres', host: '127.0.0.1', port: 0, tlsRequired: tls === 'required' }],
      recording: {
        resultBytesPerCommand: recording?.resultBytesPerCommand,
        resultBytesPerSession: recording?.resultBytesPerSession,
      },
      sessions: { perPrincipal: 10_000, total: 10_000 },
      webhooks: [],
      chat: null,
      transport: 'public',
      drainMs: 0,
      log: { level: 'silent', format: 'json' },
      ...this.#options.settings,
    };
    this.#gateway = await startGateway({ config, log, ...(protocols === undefined ? {} : { protocols }) });
  }

  /** What keeps this process alive must be what kept it alive before. */
  async #verifyNothingLeft(): Promise<void> {
    const left = (): string[] =>
      [...activeResources()].flatMap(([name, count]) => {
        const more = count - (this.#before.get(name) ?? 0);
        return more > 0 ? [`${more} ${name}`] : [];
      });
    const deadline = performance.now() + leakDeadlineMs;
    while (left().length > 0) {
      if (performance.now() > deadline) throw new Error(`left behind: ${left().join(', ')}`);
      await sleep(20);
    }
    const kept = this.#options.dataDirectory !== undefined;
    const gone = await access(this.dataDirectory).then(
      () => false,
      () => true,
    );
    if (!kept && !gone) throw new Error(`${this.dataDirectory} was not removed`);
  }
}

/** Kinds of resources whose number must not grow. The rest is the test runner's. */
const watched = new Set([
  'TCPSocketWrap',
  'TCPServerWrap',
  'TLSWrap',
  'PipeWrap',
  'ProcessWrap',
  'MessagePort',
  'Worker',
]);

function activeResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (watched.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
