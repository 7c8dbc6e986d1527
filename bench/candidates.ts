/**
 * The candidates of a benchmark: what stands between pgbench and the server, each a process of its own (none for
 * `direct`).
 *
 * All of them take plain connections on the loopback interface and use one connection to the server per client.
 *
 * Deliberately absent: TLS (every candidate would pay the same again), pooling. Sallyport's own are in `gateways.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, type PostgresServer } from '../test/servers/postgres.ts';
import { gatewayNames, startGateways } from './gateways.ts';

export type PeerName = 'direct' | 'tcp-relay' | 'haproxy' | 'pgbouncer';
export type GatewayName =
  | 'sallyport-strict'
  | 'sallyport-best-effort'
  | 'sallyport-handles'
  | 'sallyport-masked'
  | 'sallyport-detect';
export type CandidateName = PeerName | GatewayName;

export interface Candidate {
  readonly name: CandidateName;
  /** What stands between client and server, for the head of a table. */
  readonly title: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The process whose cost is measured; null for none. */
  readonly pid: number | null;
  stop(): Promise<void>;
}

type Make = (server: PostgresServer, directory: string) => Promise<Candidate | null>;

const peers: readonly (readonly [name: PeerName, make: Make])[] = [
  ['direct', async (server) => direct(server)],
  ['tcp-relay', relay],
  ['haproxy', haproxy],
  ['pgbouncer', pgbouncer],
];

/** In the order of the table's columns. */
export const candidateNames: readonly CandidateName[] = [...peers.map(([name]) => name), ...gatewayNames];

/** Starts those of the wanted that are installed; says which are not. */
export async function startCandidates(
  server: PostgresServer,
  directory: string,
  wanted: (name: CandidateName) => boolean,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  try {
    for (const [name, make] of peers) {
      if (!wanted(name)) continue;
      const candidate = await make(server, directory);
      if (candidate === null) console.error(`${name} is not installed; left out`);
      else candidates.push(candidate);
    }
    candidates.push(...(await startGateways(server, directory, wanted)));
    const place = ({ name }: Candidate): number => candidateNames.indexOf(name);
    return candidates.sort((a, b) => place(a) - place(b));
  } catch (error) {
    for (const candidate of candidates) await candidate.stop();
    throw error;
  }
}

export function direct(server: PostgresServer): Candidate {
  const { host, port, user, password } = server;
  return { name: 'direct', title: 'direct', host, port, user, password, pid: null, stop: async () => undefined };
}

/** The least a proxy in this language can do: two sockets, piped. */
async function relay(server: PostgresServer): Promise<Candidate> {
  const port = await freePort();
  const program = fileURLToPath(new URL('./relay.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(port), server.host, String(server.port)], {
    stdio: 'inherit',
  });
  return started('tcp-relay', 'plain TCP proxy (Node, piped)', child, port, server);
}

async function haproxy(server: PostgresServer, directory: string): Promise<Candidate | null> {
  const program = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/usr/bin/haproxy'].find(existsSync);
  if (program === undefined) return null;
  const port = await freePort();
  const config = join(directory, 'haproxy.cfg');
  const lines = [
    'global',
    '  nbthread 1',
    '  maxconn 1000',
    'defaults',
    '  mode tcp',
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    'listen postgres',
    `  bind 127.0.0.1:${port}`,
    `  server postgres ${server.host}:${server.port}`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const child = spawn(program, ['-db', '-q', '-f', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  return started('haproxy', 'haproxy, tcp mode', child, port, server);
}

async function pgbouncer(server: PostgresServer, directory: string): Promise<Candidate | null> {
  const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find(existsSync);
  if (program === undefined) return null;
  const port = await freePort();
  const folder = join(directory, 'pgbouncer');
  await mkdir(folder, { recursive: true });
  const users = join(folder, 'users.txt');
  const config = join(folder, 'pgbouncer.ini');
  await writeFile(users, `"${server.user}" "${server.password}"\n`);
  const lines = [
    '[databases]',
    `${server.database} = host=${server.host} port=${server.port}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'pool_mode = session',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    'default_pool_size = 100',
    'max_client_conn = 500',
    'ignore_startup_parameters = extra_float_digits',
    'log_connections = 0',
    'log_disconnections = 0',
    'log_stats = 0',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  // pgbouncer refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    await chmod(directory, 0o755);
    for (const path of [folder, users, config]) await chown(path, 65534, 65534);
  }
  const child = spawn(program, ['-q', config], {
    stdio: ['ignore', 'ignore', 'ignore'],
    ...(isRoot ? { uid: 65534, gid: 65534 } : {}),
  });
  return started('pgbouncer', 'pgbouncer, session mode', child, port, server);
}

async function started(
  name: PeerName,
  title: string,
  child: ChildProcess,
  port: number,
  server: PostgresServer,
): Promise<Candidate> {
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  const exited = once(child, 'exit').then(() => void process.removeListener('exit', onExit));
  for (let attempt = 0; !(await accepts(port)); attempt++) {
    if (attempt === 200 || child.exitCode !== null) {
      child.kill('SIGKILL');
      throw new Error(`${name} did not start`);
    }
    await sleep(50);
  }
  const { user, password } = server;
  return {
    name,
    title,
    host: '127.0.0.1',
    port,
    user,
    password,
    pid: child.pid ?? null,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
