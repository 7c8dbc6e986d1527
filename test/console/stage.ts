/**
 * What the console is tested on: a whole gateway in this process with the demonstration's rules, a PostgreSQL with its sample and an
 * sshd behind it, and people who sign on with passwords. Sessions are real: stock psql and ssh.
 *
 * `stop` first, then `start` again on the same addresses: the console survives it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { demoPolicies } from '../../demo/objects.ts';
import { fillSample } from '../../demo/sample.ts';
import { type Sshd, startSshd } from '../../demo/sshd.ts';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { silentLog } from '../../src/base/log.ts';
import { type Gateway, readConfig, startGateway } from '../../src/gateway/index.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { type ConsoleBrowser, type ConsoleOptions, openConsole } from './browser.ts';

/** Everybody's. */
const password = 'a long enough password';

/** Who there is, besides the first administrator. */
const people = [
  { name: 'erin', roles: ['member'], groups: ['engineering'] },
  { name: 'emil', roles: ['member'], groups: ['engineering'] },
  { name: 'dora', roles: ['member'], groups: ['dba', 'engineering'] },
  { name: 'audrey', roles: ['auditor'], groups: [] },
  { name: 'olaf', roles: ['member'], groups: [] },
] as const;
export type Person = (typeof people)[number]['name'] | 'admin';

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  /** Standard error. */
  readonly said: string;
}

export interface Stage {
  readonly url: string;
  readonly directory: string;
  readonly target: PostgresServer;
  readonly sshd: Sshd | null;
  readonly gateway: Gateway;
  readonly admin: Client;
  /** The API as somebody. */
  api(person: Person): Client;
  token(person: Person): string;
  port(protocol: 'postgres' | 'ssh'): number;
  /** Stock psql with statements, to its end. */
  psql(person: Person, ...statements: readonly string[]): Promise<Ran>;
  /** Stock psql that stays: statements are written to its input. The caller ends it, or `close` does. */
  openPsql(person: Person): Live;
  /** Stock ssh to `web-1`: a command, or a terminal (`-tt`) without one. */
  ssh(person: Person, command: string): Promise<Ran>;
  openSsh(person: Person): Live;
  open(person: Person, options?: Partial<ConsoleOptions>): Promise<ConsoleBrowser>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A client that runs, with what it has said so far. */
export interface Live {
  readonly child: ChildProcess;
  readonly said: () => string;
  write(text: string): void;
  /** Waits until what it said holds `text`. */
  until(text: string): Promise<void>;
  /** Its end by itself. */
  readonly ended: Promise<Ran>;
  end(): Promise<Ran>;
}

export interface StageOptions {
  readonly ssh?: boolean;
  /** Without the demonstration's guardrails, masks and detections. */
  readonly bare?: boolean;
}

const deadlineMs = 60_000;

export async function startStage({ ssh = false, bare = false }: StageOptions = {}): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-console-'));
  const target = await startPostgres({ version: 'debian' });
  const sample = new pg.Client({ connectionString: target.url });
  await sample.connect();
  await fillSample(sample);
  await sample.end();
  const stage = new RunningStage(directory, target);
  await stage.start();
  await stage.setUp({ ssh, bare });
  return stage;
}

class RunningStage implements Stage {
  readonly directory: string;
  readonly target: PostgresServer;
  sshd: Sshd | null = null;
  #gateway: Gateway | null = null;
  #consolePort = 0;
  #ports: Record<string, number> = {};
  #adminPassword = '';
  readonly #tokens = new Map<Person, string>();
  readonly #live = new Set<Live>();

  constructor(directory: string, target: PostgresServer) {
    this.directory = directory;
    this.target = target;
  }

  get gateway(): Gateway {
    if (this.#gateway === null) throw new Error('the gateway was stopped');
    return this.#gateway;
  }
  get url(): string {
    return `http://localhost:${this.#consolePort}`;
  }
  get admin(): Client {
    return this.api('admin');
  }

  async start(): Promise<void> {
    const config = await readConfig({ dataDirectory: this.directory, environment: {} });
    if (this.#consolePort === 0) {
      this.#consolePort = await freePort();
      this.#ports = { postgres: await freePort(), ssh: await freePort() };
    }
    const listeners = Object.entries(this.#ports).map(([protocol, port]) => ({
      protocol,
      host: '127.0.0.1',
      port,
      tlsRequired: protocol === 'postgres',
    }));
    this.#gateway = await startGateway({
      config: {
        ...config,
        console: { host: '127.0.0.1', port: this.#consolePort, tls: false },
        listeners,
        drainMs: 0,
      },
      log: silentLog,
    });
  }

  async stop(): Promise<void> {
    const gateway = this.#gateway;
    this.#gateway = null;
    await gateway?.stop('test', 0);
  }

  async setUp({ ssh, bare }: Required<StageOptions>): Promise<void> {
    this.#adminPassword = (await readFile(join(this.directory, 'initial-admin-password'), 'utf8')).trim();
    const open = createClient({ baseUrl: this.url });
    const login = await open.call('login', { body: { principal: 'admin', password: this.#adminPassword } });
    this.#tokens.set('admin', login.token);
    const groups = [...new Set(people.flatMap((person) => [...person.groups]))];
    await this.#apply([
      ...people.map(({ name, roles }) => ({
        kind: 'Principal',
        metadata: { name },
        spec: { kind: 'person', roles: [...roles], password },
      })),
      ...groups.map((name) => ({
        kind: 'Group',
        metadata: { name },
        spec: {
          members: people
            .filter((person) => (person.groups as readonly string[]).includes(name))
            .map((one) => one.name),
        },
      })),
      {
        kind: 'Resource',
        metadata: { name: 'orders', labels: { env: 'prod', team: 'payments' } },
        spec: {
          protocol: 'postgres',
          address: `${this.target.host}:${this.target.port}`,
          tls: { mode: 'disable' },
          credential: { username: this.target.user, password: { value: this.target.password } },
          database: this.target.database,
        },
      },
      {
        kind: 'Access',
        metadata: { name: 'engineers-reach-payments' },
        spec: { match: { principals: { groups: ['engineering'] }, resources: { labels: { team: 'payments' } } } },
      },
    ]);
    if (ssh) await this.#setUpSsh();
    if (!bare) {
      await this.#apply(await demoPolicies({ sshd: this.sshd !== null, http: false, kubernetes: false }));
    }
    for (const { name } of people) {
      const issued = await this.admin.call('createToken', {
        body: { principal: name, description: 'stock clients', lifetimeSeconds: 24 * 3600 },
      });
      this.#tokens.set(name, issued.token);
    }
  }

  async #setUpSsh(): Promise<void> {
    // The server trusts the gateway's authority, so the gateway is asked for it first.
    const { userAuthority } = await this.admin.call('sshKeys');
    this.sshd = await startSshd(join(this.directory, 'web-1'), await freePort(), userAuthority);
    if (this.sshd === null) return;
    const { host, port, user, hostKeys } = this.sshd;
    await this.#apply([
      {
        kind: 'Resource',
        metadata: { name: 'web-1', labels: { role: 'web', team: 'payments' } },
        spec: {
          protocol: 'ssh',
          address: `${host}:${port}`,
          credential: { username: user, certificate: true },
          host_keys: [...hostKeys],
          shell: 'gated',
        },
      },
    ]);
  }

  async #apply(documents: readonly unknown[]): Promise<void> {
    await this.admin.call('apply', { body: { documents: [...documents], dryRun: false } });
  }

  api(person: Person): Client {
    return createClient({ baseUrl: this.url, token: this.token(person) });
  }

  token(person: Person): string {
    return this.#tokens.get(person)!;
  }

  port(protocol: 'postgres' | 'ssh'): number {
    return this.#ports[protocol]!;
  }

  #psqlEnvironment(person: Person): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      LC_ALL: 'C.UTF-8',
      PGHOST: 'localhost',
      PGPORT: String(this.port('postgres')),
      PGUSER: `${person}+orders`,
      PGDATABASE: 'orders',
      PGPASSWORD: this.token(person),
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: this.gateway.caPath,
      PGCONNECT_TIMEOUT: '30',
    };
  }

  psql(person: Person, ...statements: readonly string[]): Promise<Ran> {
    const flags = statements.flatMap((statement) => ['-c', statement]);
    return ran('psql', ['-X', '-A', '-t', ...flags], this.#psqlEnvironment(person));
  }

  openPsql(person: Person): Live {
    return this.#keep('psql', ['-X', '-A', '-t'], this.#psqlEnvironment(person));
  }

  #sshFlags(person: Person): string[] {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'PreferredAuthentications=password',
    ];
    return [
      ...['-e', 'ssh', '-p', String(this.port('ssh'))],
      ...options.flatMap((option) => ['-o', option]),
      `${person}+web-1@localhost`,
    ];
  }

  ssh(person: Person, command: string): Promise<Ran> {
    return ran('sshpass', [...this.#sshFlags(person), command], this.#sshEnvironment(person));
  }

  openSsh(person: Person): Live {
    const [password, program, ...rest] = this.#sshFlags(person);
    return this.#keep('sshpass', [password!, program!, '-tt', ...rest], this.#sshEnvironment(person));
  }

  #sshEnvironment(person: Person): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      SSHPASS: this.token(person),
      TERM: 'xterm-256color',
      HOME: this.directory,
    };
  }

  #keep(program: string, flags: readonly string[], environment: Record<string, string>): Live {
    const live = keep(program, flags, environment);
    this.#live.add(live);
    void live.ended.then(() => this.#live.delete(live));
    return live;
  }

  open(person: Person, options: Partial<ConsoleOptions> = {}): Promise<ConsoleBrowser> {
    return openConsole({
      url: this.url,
      principal: person,
      password: person === 'admin' ? this.#adminPassword : password,
      ...options,
    });
  }

  async close(): Promise<void> {
    for (const live of this.#live) await live.end();
    await this.stop();
    await this.sshd?.stop();
    await this.target.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function ran(program: string, flags: readonly string[], env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, flags, { env, timeout: deadlineMs, maxBuffer: 64 << 20 }, (error, out, said) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, out, said });
    });
  });
}

function keep(program: string, flags: readonly string[], env: Record<string, string>): Live {
  const child = spawn(program, flags, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk.toString('utf8');
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Ran>((resolve) => {
    child.once('error', (cause) => resolve({ code: null, out, said: String(cause) }));
    child.once('close', (code) => resolve({ code, out, said: error }));
  });
  const live: Live = {
    child,
    said: () => out + error,
    write: (text) => void child.stdin.write(text),
    async until(text) {
      for (const end = Date.now() + deadlineMs; !(out + error).includes(text); await sleep(20)) {
        if (Date.now() > end) throw new Error(`${program} did not say ${JSON.stringify(text)}; it said ${out + error}`);
      }
    },
    ended,
    async end() {
      child.stdin.end();
      const done = await Promise.race([ended, sleep(3_000).then(() => null)]);
      if (done !== null) return done;
      child.kill('SIGKILL');
      return ended;
    },
  };
  return live;
}

/** Below the ports that the system gives to connections of its own: no other process takes it before it is listened on. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const take = (triesLeft: number): void => {
      const port = randomInt(20_000, 32_768);
      const server = createServer().listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
      server.once('error', (error) => (triesLeft === 0 ? reject(error) : take(triesLeft - 1)));
    };
    take(50);
  });
}
