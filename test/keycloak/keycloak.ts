/**
 * Keycloak on a loopback address: a process of its own in its development mode, with data in a folder of its own, in clear
 * (which Keycloak and the gateway both take on this machine only). Its realms are made and changed by its admin API.
 *
 * Invariants: it is ended by its pid and its folder removed, by `stop` or by the end of this process; its administrator's
 * password is made on the spot.
 *
 * Deliberately absent: TLS, clusters, a database of its own (H2 in the folder).
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { home, javaFlags, programFlags, version } from './distribution.ts';

export interface Keycloak {
  readonly origin: string;
  readonly pid: number;
  /** Calls the admin API as its administrator: `path` stands below `/admin/realms`. Rejects unless it answers 2xx. */
  admin<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

/** Seen: half a minute, and a minute and a half on two cores that had much else to do. */
const startDeadlineMs = 300_000;
const progressEveryMs = 10_000;
const stopDeadlineMs = 20_000;
const startTries = 3;

export async function startKeycloak(): Promise<Keycloak> {
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      // Another program was faster at the port.
      if (tries === startTries || !/already in use|Port already bound/i.test(String(error))) throw error;
    }
  }
}

async function start(): Promise<Keycloak> {
  const place = await ownPlace();
  const password = randomBytes(16).toString('hex');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const flags = [...javaFlags, '-Dkc.config.built=true', ...programFlags(place)];
  const child = spawn('java', [...flags, '--http-host=127.0.0.1', `--http-port=${port}`, '--log-level=warn'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: place,
    env: {
      PATH: process.env['PATH'],
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: password,
    },
  });
  let output = '';
  const take = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-100_000);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const closed = once(child, 'close');
  const onExit = (): void => {
    child.kill('SIGKILL');
    rmSync(place, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
    await closed;
    clearTimeout(late);
    process.removeListener('exit', onExit);
    await rm(place, { recursive: true, force: true });
  };
  try {
    await ready(origin, () => (child.exitCode === null && child.signalCode === null ? null : output));
  } catch (error) {
    await stop();
    throw error;
  }
  const signedOn = administrator(origin, password);
  return { origin, pid: child.pid ?? 0, admin: adminOf(origin, signedOn), stop };
}

/** Its programs are those of the build; settings and data are its own. */
async function ownPlace(): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-keycloak-'));
  for (const name of ['lib', 'providers', 'themes']) await symlink(join(home, name), join(place, name));
  await cp(join(home, 'conf'), join(place, 'conf'), { recursive: true });
  await mkdir(join(place, 'data'));
  return place;
}

async function ready(origin: string, ended: () => string | null): Promise<void> {
  const began = Date.now();
  let toldAt = began;
  for (;;) {
    const isThere = await fetch(`${origin}/realms/master`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isThere) return;
    const why = ended();
    if (why !== null) throw new Error(`Keycloak ended while it started: ${why.slice(-4_000)}`);
    if (Date.now() - began > startDeadlineMs) throw new Error('Keycloak did not become ready');
    if (Date.now() - toldAt > progressEveryMs) {
      toldAt = Date.now();
      process.stderr.write(`Keycloak ${version} starts: ${Math.round((toldAt - began) / 1000)} s\n`);
    }
    await sleep(200);
  }
}

/** Access tokens of the administrator, each for less than the minute that it lasts. */
function administrator(origin: string, password: string): () => Promise<string> {
  let token = '';
  let takenAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (Date.now() - takenAt < 30_000) return token;
    const answer = await fetch(`${origin}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username: 'admin', password }),
    });
    if (!answer.ok) throw new Error(`Keycloak's administrator is refused: ${answer.status} ${await answer.text()}`);
    token = ((await answer.json()) as { access_token: string }).access_token;
    takenAt = Date.now();
    return token;
  };
}

function adminOf(origin: string, signedOn: () => Promise<string>): Keycloak['admin'] {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const isXml = typeof body === 'string';
    const answer = await fetch(`${origin}/admin/realms${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await signedOn()}`,
        ...(body === undefined ? {} : { 'content-type': isXml ? 'application/xml' : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: isXml ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 1_000)}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
