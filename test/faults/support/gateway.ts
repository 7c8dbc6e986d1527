/**
 * A gateway in a process of its own whose end a test can watch: exit code, signal, what it wrote, how much memory it took.
 *
 * Deliberately absent: setting it up (test/env/setup.ts), restarting it by itself, and any knowledge of its insides: what
 * is asked here is asked through the journal on the disk, the API, and /proc.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Event } from '../../../src/core/event.ts';
import { readEvents } from '../../../src/recording/index.ts';
import type { Reachable } from '../../env/setup.ts';

export const program = fileURLToPath(new URL('../../../bin/sallyport.js', import.meta.url));

const readyDeadlineMs = 60_000;

export interface FaultGatewayOptions {
  readonly dataDirectory: string;
  readonly tls?: 'required' | 'optional';
  /** Where the PostgreSQL listener listens; loopback unless given. */
  readonly host?: string;
  readonly drainSeconds?: number;
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface FaultGateway extends Reachable {
  readonly pid: number;
  readonly host: string;
  readonly postgresPort: number;
  /** Wall clock at which the process was started, and milliseconds until it said it was ready. */
  readonly spawnedAtMs: number;
  readonly readyAfterMs: number;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<Exit>;
  readonly isRunning: boolean;
  /** What it wrote to standard error. */
  readonly output: () => string;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL where that does not help. For the end of a test, not for asserting on. */
  stop(): Promise<Exit>;
}

interface Ready {
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

/** Starts `sallyport gateway`. Rejects with what it wrote when it does not become ready. */
export async function startGateway(options: FaultGatewayOptions): Promise<FaultGateway> {
  const { dataDirectory, tls = 'required', host = '127.0.0.1', drainSeconds = 0 } = options;
  await mkdir(dataDirectory, { recursive: true });
  const file = join(dataDirectory, 'gateway.yaml');
  await writeFile(
    file,
    stringify({
      data: dataDirectory,
      console: { host: '127.0.0.1', port: 0 },
      listeners: { postgres: { host, port: 0, tls } },
      sessions: { perPrincipal: 10_000, total: 10_000 },
      drainSeconds,
      log: { level: 'warn', format: 'text' },
    }),
  );
  const spawnedAtMs = Date.now();
  const begun = performance.now();
  const flags = [...(options.nodeArguments ?? []), program, 'gateway', '--config', file, '--data', dataDirectory];
  const child = spawn(process.execPath, flags, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    cwd: dataDirectory,
    env: { ...process.env, ...options.environment },
  });
  let output = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      process.removeListener('exit', onExit);
      resolve({ code, signal });
    });
  });
  const ready = await firstMessage(child, exited, () => output);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    host,
    consoleUrl: ready.console,
    caPath: ready.ca,
    dataDirectory,
    postgresPort: ready.listeners['postgres']?.port ?? 0,
    spawnedAtMs,
    readyAfterMs: Math.round(performance.now() - begun),
    exited,
    get isRunning() {
      return isRunning();
    },
    output: () => output,
    signal: (name) => void child.kill(name),
    async stop() {
      if (isRunning()) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      const exit = await exited;
      clearTimeout(late);
      return exit;
    },
  };
}

function firstMessage(child: ChildProcess, exited: Promise<Exit>, output: () => string): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the gateway did not become ready:\n${output()}`));
    }, readyDeadlineMs);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message as Ready);
    });
    void exited.then(({ code, signal }) => {
      clearTimeout(timer);
      reject(new Error(`the gateway ended while starting (${signal ?? code}):\n${output()}`));
    });
  });
}

/** All events of the journal in a data directory. */
export async function eventsOf(dataDirectory: string, from = 1): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of readEvents(dataDirectory, { from })) events.push(event);
  return events;
}

export function isType<Type extends Event['type']>(type: Type) {
  return (event: Event): event is Extract<Event, { type: Type }> => event.type === type;
}

/** `sallyport verify`, as an auditor runs it. Throws with what it printed when it does not find everything in order. */
export function verifyClean(dataDirectory: string): void {
  const done = spawnSync(process.execPath, [program, 'verify', '--data', dataDirectory], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
    timeout: 120_000,
  });
  if (done.status !== 0) throw new Error(`verify ended with ${done.status}:\n${done.stdout}${done.stderr}`);
}

/** Resident memory of a process in KiB. */
export async function residentKiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
}

/** Watches resident memory until stopped; gives the highest seen, in KiB. */
export function watchMemory(pid: number): { stop(): Promise<number> } {
  let highest = 0;
  let stopped = false;
  const look = async (): Promise<void> => {
    while (!stopped) {
      // A process that is gone takes no memory; that it is gone is for the test to notice.
      highest = Math.max(highest, await residentKiB(pid).catch(() => 0));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const looking = look();
  return {
    async stop() {
      stopped = true;
      await looking;
      return highest;
    },
  };
}

export const mebibytes = (kibibytes: number): string => `${(kibibytes / 1024).toFixed(1)} MiB`;

/**
 * Connections over IPv4 that a process still holds on a port of its own: established, or closed by the peer only. What the
 * kernel still sends for a socket that the process has closed is the kernel's.
 */
export async function connectionsOn(port: number): Promise<number> {
  const states = new Set(['01', '08']);
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  return (await readFile('/proc/net/tcp', 'utf8')).split('\n').filter((line) => {
    const [, local = '', , state = ''] = line.trim().split(/\s+/);
    return local.endsWith(`:${hexadecimal}`) && states.has(state);
  }).length;
}
