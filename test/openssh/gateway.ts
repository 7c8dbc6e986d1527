/**
 * A gateway in a process of its own in front of a real sshd, set up through its API: for what has to be killed or measured.
 *
 *   const world = await startSshWorld();
 *   … ssh -p world.port engineer+web-1@127.0.0.1, with world.token as the password …
 *   await world.close();
 *
 * Deliberately absent: clients (src/protocols/ssh/testing), the room without a process (room-testing.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { type Sshd, startSshd } from '../../src/protocols/ssh/testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from '../../src/protocols/ssh/transport/index.ts';
import { setUp } from '../env/setup.ts';
import { program } from '../faults/support/gateway.ts';

export interface SshWorld {
  readonly sshd: Sshd;
  readonly dataDirectory: string;
  readonly port: number;
  readonly pid: number;
  /** Access token of `engineer`. */
  readonly token: string;
  readonly admin: Client;
  /** Ends the gateway as `signal` does, and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it anew on the same data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

interface Ready {
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly port: number }>>;
}

const readyDeadlineMs = 60_000;

interface Running {
  readonly child: ChildProcess;
  readonly ready: Ready;
  readonly exited: Promise<void>;
}

async function start(dataDirectory: string): Promise<Running> {
  const file = join(dataDirectory, 'gateway.yaml');
  const settings = {
    data: dataDirectory,
    console: { host: '127.0.0.1', port: 0 },
    listeners: { ssh: { host: '127.0.0.1', port: 0, tls: 'required' } },
    drainSeconds: 0,
    log: { level: 'warn', format: 'text' },
  };
  await writeFile(file, stringify(settings));
  const flags = [program, 'gateway', '--config', file, '--data', dataDirectory];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], cwd: dataDirectory });
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      process.removeListener('exit', onExit);
      resolve();
    });
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the gateway did not become ready:\n${said}`));
    }, readyDeadlineMs);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message as Ready);
    });
    void exited.then(() => {
      clearTimeout(timer);
      reject(new Error(`the gateway ended while starting:\n${said}`));
    });
  });
  return { child, ready, exited };
}

export async function startSshWorld(more: Readonly<Record<string, unknown>> = {}): Promise<SshWorld> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'sallyport-ssh-world-'));
  const key = generateKeyText('ed25519');
  const sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)] });
  let running: Running | null = null;
  const close = async (): Promise<void> => {
    if (running !== null && running.child.exitCode === null && running.child.signalCode === null) {
      running.child.kill('SIGTERM');
      const late = setTimeout(() => running?.child.kill('SIGKILL'), 15_000);
      await running.exited;
      clearTimeout(late);
    }
    await sshd.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  };
  try {
    running = await start(dataDirectory);
    const reach = { consoleUrl: running.ready.console, caPath: running.ready.ca, dataDirectory };
    const tokens = await setUp(reach, [], [{ name: 'engineer' }]);
    const admin = createClient({
      baseUrl: reach.consoleUrl,
      ca: await readFile(reach.caPath, 'utf8'),
      token: tokens.get('admin')!,
    });
    const spec = {
      protocol: 'ssh',
      address: `127.0.0.1:${sshd.port}`,
      credential: { username: sshd.user, privateKey: { value: key } },
      recording: 'strict',
      host_keys: [...sshd.hostKeys],
      ...more,
    };
    const access = { match: { principals: { names: ['engineer'] }, resources: { names: ['web-1'] } } };
    const documents = [
      { kind: 'Resource', metadata: { name: 'web-1' }, spec },
      { kind: 'Access', metadata: { name: 'engineer-reaches-web-1' }, spec: access },
    ];
    await admin.call('apply', { body: { documents, dryRun: false } });
    const now = (): Running => running!;
    return {
      sshd,
      dataDirectory,
      get port() {
        return now().ready.listeners['ssh']!.port;
      },
      get pid() {
        return now().child.pid!;
      },
      token: tokens.get('engineer')!,
      admin,
      kill: async (signal) => {
        now().child.kill(signal);
        await now().exited;
      },
      restart: async () => {
        running = await start(dataDirectory);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
