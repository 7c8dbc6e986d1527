/**
 * A gateway in a process of its own, as `sallyport gateway` starts it: for benchmarks, which measure that process, and
 * for tests that kill it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Reachable } from './setup.ts';

export interface GatewayProcess extends Reachable {
  readonly pid: number;
  readonly postgresPort: number;
  /** Ends it as `signal` does; resolves when it is gone. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface GatewayProcessOptions {
  readonly dataDirectory: string;
  /** Whether clients must use TLS. */
  readonly tls?: 'required' | 'optional';
  readonly nodeArguments?: readonly string[];
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** What the gateway says over its channel once it listens. */
interface Ready {
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

const readyDeadlineMs = 60_000;
const stopDeadlineMs = 15_000;
const program = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));

export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { dataDirectory, tls = 'required', logLevel = 'warn' } = options;
  await mkdir(dataDirectory, { recursive: true });
  const file = join(dataDirectory, 'gateway.yaml');
  const settings = {
    data: dataDirectory,
    console: { host: '127.0.0.1', port: 0 },
    listeners: { postgres: { host: '127.0.0.1', port: 0, tls } },
    drainSeconds: 0,
    log: { level: logLevel, format: 'text' },
  };
  await writeFile(file, stringify(settings));
  const flags = [...(options.nodeArguments ?? []), program, 'gateway', '--config', file, '--data', dataDirectory];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], cwd: dataDirectory });
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  const exited = once(child, 'exit').then(() => void process.removeListener('exit', onExit));
  const ready = await firstMessage(child);
  return {
    pid: child.pid ?? 0,
    consoleUrl: ready.console,
    caPath: ready.ca,
    dataDirectory,
    postgresPort: ready.listeners['postgres']?.port ?? 0,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
      await exited;
      clearTimeout(late);
    },
  };
}

function firstMessage(child: ChildProcess): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error('the gateway did not become ready'));
    }, readyDeadlineMs);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message as Ready);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the gateway ended while starting (${signal ?? code})`));
    });
  });
}
