/**
 * A site for clients to be tried at: a stock sshd behind a whole gateway in this process, set up by manifests through its
 * API, so that what stands in a test's manifest is what a person would write.
 *
 *   const site = await openSite({ documents: [resource('web-1', { forwards: […] }), …] });
 *   … any client to 127.0.0.1:site.port as engineer+web-1, with site.token or site.key …
 *   await site.close();
 *
 * Deliberately absent: what rules say (each test's), clients other than stock OpenSSH (src/protocols/ssh/testing, programs/).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { silentLog } from '../../src/base/log.ts';
import { startGateway } from '../../src/gateway/compose.ts';
import { readConfig } from '../../src/gateway/config.ts';
import { until } from '../../src/protocols/ssh/held-testing.ts';
import { makeKey, type Run, type Sshd, startSshd, workFolder } from '../../src/protocols/ssh/testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from '../../src/protocols/ssh/transport/index.ts';
import { setUp } from '../env/setup.ts';
import { eventsOf, isType } from '../faults/support/gateway.ts';

/** A target for `engineer`; `spec` is the resource's own part of its manifest. */
export interface ResourceDocument {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface SiteOptions {
  readonly resources: readonly ResourceDocument[];
  /** Guardrails, Masks and whatever else, after the resources. */
  readonly documents?: readonly unknown[];
  /** Further lines of sshd's configuration, and keys that may log in at it besides the gateway's. */
  readonly sshdConfig?: readonly string[];
  readonly authorizedKeys?: readonly string[];
}

export interface Site {
  readonly sshd: Sshd;
  readonly port: number;
  /** Access token of `engineer`. */
  readonly token: string;
  /** Path of a private key of OpenSSH that `engineer` signs on with, in `folder`. */
  readonly key: string;
  readonly keyLine: string;
  /** What the gateway shows: URL and authority of its API. */
  readonly reach: { readonly consoleUrl: string; readonly caPath: string };
  readonly admin: Client;
  /** For whatever a test makes; removed by `close`. */
  readonly folder: string;
  /** Says `hello `, and then what it hears; a place to forward to. */
  readonly echoPort: number;
  /** Texts of the commands so far, in order; those of one resource where it is given. */
  commands(resource?: string): Promise<string[]>;
  /** Waits until a violation is in the journal, about what is given: it follows what it is about by a moment. */
  violation(code: string, about?: string): Promise<void>;
  /** Approves the next review that is pending, as an administrator. */
  approveNext(): Promise<void>;
  /** Runs a program to its end. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Run>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
  readonly deadlineMs?: number;
}

const lastDeadlineMs = 90_000;

export async function openSite(options: SiteOptions): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-clients-'));
  const dataDirectory = join(folder, 'data');
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const own = generateKeyText('ed25519');
    const sshd = await startSshd({
      authorizedKeys: [publicKeyToText(privateKeyFromText(own).publicKey), ...(options.authorizedKeys ?? [])],
      config: options.sshdConfig ?? [],
    });
    closing.push(() => sshd.stop());
    const echo = await startEcho();
    closing.push(async () => void echo.close());
    const keys = workFolder();
    closing.push(async () => keys.remove());
    const key = makeKey(keys, 'engineer');

    const gateway = await startGateway({ config: await settingsIn(folder, dataDirectory), log: silentLog });
    closing.push(() => gateway.stop('test', 0));
    const { consoleUrl, caPath } = gateway;
    const tokens = await setUp({ consoleUrl, caPath, dataDirectory }, [], [{ name: 'engineer' }]);
    const admin = createClient({
      baseUrl: consoleUrl,
      ca: await readFile(caPath, 'utf8'),
      token: tokens.get('admin')!,
    });
    const documents = [
      { kind: 'Principal', metadata: { name: 'engineer' }, spec: { kind: 'person', sshKeys: [key.publicLine] } },
      ...options.resources.map(({ name, spec }) => ({
        kind: 'Resource',
        metadata: { name, labels: { role: 'web' } },
        spec: {
          protocol: 'ssh',
          address: `127.0.0.1:${sshd.port}`,
          credential: { username: sshd.user, privateKey: { value: own } },
          recording: 'strict',
          host_keys: [...sshd.hostKeys],
          ...spec,
        },
      })),
      {
        kind: 'Access',
        metadata: { name: 'engineer-reaches' },
        spec: {
          match: {
            principals: { names: ['engineer'] },
            resources: { names: options.resources.map(({ name }) => name) },
          },
        },
      },
      ...(options.documents ?? []),
    ];
    await admin.call('apply', { body: { documents, dryRun: false } });

    const events = () => eventsOf(dataDirectory);
    return {
      sshd,
      port: gateway.listeners.find(({ protocol }) => protocol === 'ssh')!.port,
      token: tokens.get('engineer')!,
      key: key.path,
      keyLine: key.publicLine,
      reach: { consoleUrl, caPath },
      admin,
      folder,
      echoPort: (echo.address() as { port: number }).port,
      commands: async (resource) => {
        const all = await events();
        const opened = all.filter(isType('session.opened'));
        const sessions = new Set(
          opened.filter((one) => resource === undefined || one.resource === resource).map(({ session }) => session),
        );
        return all
          .filter(isType('command.intent'))
          .filter(({ session }) => sessions.has(session))
          .map(({ text }) => text);
      },
      violation: (code, about) =>
        until(`the violation ${code}`, async () =>
          (await events())
            .filter(isType('violation'))
            .some((one) => one.code === code && (about === undefined || one.detail === about)),
        ),
      approveNext: () => approveNext(admin),
      run: runToEnd,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function settingsIn(folder: string, dataDirectory: string): ReturnType<typeof readConfig> {
  const file = join(folder, 'gateway.yaml');
  const settings = {
    data: dataDirectory,
    console: { host: '127.0.0.1', port: 0 },
    listeners: { ssh: { host: '127.0.0.1', port: 0 } },
    drainSeconds: 0,
    log: { level: 'error', format: 'text' },
  };
  await writeFile(file, stringify(settings));
  return readConfig({ file, environment: {} });
}

async function startEcho(): Promise<Server> {
  const echo = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('hello ');
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  return echo;
}

async function approveNext(admin: Client): Promise<void> {
  await until('something to be held', async () => {
    const { reviews } = await admin.call('listReviews', { query: { state: 'pending' } });
    const [first] = reviews;
    if (first === undefined) return false;
    await admin.call('decideReview', { params: { id: first.id }, body: { decision: 'approve' } });
    return true;
  });
}

/** The distribution's Python, since that is the one whose modules its packages bring. */
export const python = '/usr/bin/python3';

/** Path of a program in `programs/`. */
export const programIn = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url));

export async function runToEnd(program: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  // A program that ends before it has read its input is none of the test's concern.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const late = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? lastDeadlineMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(late);
  return { code: code ?? -1, stdout: Buffer.concat(out), stderr };
}

/** A configuration of OpenSSH for `engineer` with the registered key, for programs that drive ssh. Gives its path. */
export async function sshConfigAt(site: Site, resource: string): Promise<string> {
  const file = join(site.folder, `ssh-${resource}`);
  const lines = [
    `Host ${resource}`,
    '  HostName 127.0.0.1',
    `  Port ${site.port}`,
    `  User engineer+${resource}`,
    `  IdentityFile ${site.key}`,
    '  IdentitiesOnly yes',
    '  PreferredAuthentications publickey',
    '  UserKnownHostsFile /dev/null',
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking no',
    '  LogLevel ERROR',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}
