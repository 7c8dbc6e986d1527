/**
 * Bodies of 10 GB through a running gateway, up and down, over HTTP/1.1 and HTTP/2, without and with Masks: how fast, and how
 * much its resident memory grows meanwhile (P21: at most 64 MiB).
 *
 *     node bench/http-bulk.ts [--gigabytes N] [--seconds S] [--only WORD] [--quick]
 *
 * Target, gateway and client are a process each; neither end keeps a byte. `VmRSS` of the gateway is read four times a second,
 * and compared with what it was after a first transfer of each kind. A body ends after `--seconds`, however much of it has
 * passed: under Masks that look at every value 10 GB would take long, and the table says how much it was. Bodies beyond the
 * recording's budget are recorded as digests; that is what any recording of such a body holds. Prints a table and writes
 * `bench/results/http-bulk.{json,md}` (`http-bulk-quick.*` for a quick run, nothing with `--only`). Not part of any test run.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { stringify } from 'yaml';
import { createClient } from '../src/api/contract/index.ts';
import { setUp } from '../test/env/setup.ts';
import { program } from '../test/faults/support/gateway.ts';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    gigabytes: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
  },
});
const bytes = Number(flags.gigabytes ?? (flags.quick ? 0.5 : 10)) * 1e9;
const seconds = Number(flags.seconds ?? (flags.quick ? 10 : 90));
const warmBytes = 64e6;
const growthMebibytesMax = 64;
const readyDeadlineMs = 60_000;
const peer = fileURLToPath(new URL('./bulk-peer.ts', import.meta.url));

interface Case {
  readonly version: '1.1' | '2';
  readonly way: 'up' | 'down';
  readonly kind: 'bytes' | 'text' | 'json';
  readonly resource: 'plain' | 'masked';
}

/** Masks are for what comes back; what goes up under them is not rewritten, and passes the same way. */
const cases: readonly Case[] = (['1.1', '2'] as const).flatMap((version) => [
  { version, way: 'up', kind: 'bytes', resource: 'plain' } as const,
  { version, way: 'down', kind: 'bytes', resource: 'plain' } as const,
  { version, way: 'up', kind: 'text', resource: 'masked' } as const,
  { version, way: 'down', kind: 'text', resource: 'masked' } as const,
  { version, way: 'down', kind: 'json', resource: 'masked' } as const,
]);

const nameOf = ({ version, way, kind, resource }: Case): string => `${version} ${way} ${kind} ${resource}`;

interface Gateway {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
}

type Stops = (() => Promise<void>)[];

async function startTarget(stops: Stops): Promise<readonly [plain: number, multiplexed: number]> {
  const child = spawn(process.execPath, [peer, 'target'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  stops.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as [number, number]));
    void ended.then(() => reject(new Error('the target ended while starting')));
  });
}

interface Ready {
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly port: number }>>;
}

async function startGateway(folder: string, targets: readonly [number, number], stops: Stops): Promise<Gateway> {
  const data = join(folder, 'sallyport');
  await mkdir(data, { recursive: true });
  const file = join(data, 'gateway.yaml');
  const settings = {
    data,
    console: { host: '127.0.0.1', port: 0 },
    listeners: { http: { host: '127.0.0.1', port: 0, tls: 'optional' } },
    drainSeconds: 0,
    log: { level: 'error', format: 'text' },
  };
  await writeFile(file, stringify(settings));
  const child = spawn(process.execPath, [program, 'gateway', '--config', file, '--data', data], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    cwd: data,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  stops.push(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the gateway did not become ready')), readyDeadlineMs);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message as Ready);
    });
    void exited.then(() => reject(new Error('the gateway ended while starting')));
  });
  const place = { consoleUrl: ready.console, caPath: ready.ca, dataDirectory: data };
  const tokens = await setUp(place, [], [{ name: 'engineer' }]);
  const ca = await readFile(ready.ca, 'utf8');
  const api = createClient({ baseUrl: ready.console, ca, token: tokens.get('admin')! });
  const names = ['plain', 'masked'].flatMap((name) => [`${name}-1`, `${name}-2`]);
  const documents = [
    ...names.map((name) => ({
      kind: 'Resource',
      metadata: { name },
      spec: {
        ...{ protocol: 'http', tls: { mode: 'disable' }, version: name.endsWith('2') ? '2' : '1.1' },
        address: `127.0.0.1:${targets[name.endsWith('2') ? 1 : 0]}`,
      },
    })),
    {
      kind: 'Access',
      metadata: { name: 'bench-bulk' },
      spec: { match: { principals: { names: ['engineer'] }, resources: { names } } },
    },
    {
      kind: 'Mask',
      metadata: { name: 'names-and-addresses' },
      spec: {
        match: { resources: { names: ['masked-1', 'masked-2'] } },
        ...{ fields: ['/name'], detect: ['email'], with: 'redact' },
      },
    },
  ];
  await api.call('apply', { body: { documents, dryRun: false } });
  return { pid: child.pid!, port: ready.listeners['http']!.port, token: tokens.get('engineer')! };
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

interface Transferred {
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
}

async function transfer(gateway: Gateway, one: Case, size: number): Promise<Transferred> {
  const { version, way, kind, resource } = one;
  const host = `${resource}-${version === '2' ? '2' : '1'}.localhost:${gateway.port}`;
  const args = [
    peer,
    'client',
    String(gateway.port),
    host,
    gateway.token,
    version,
    way,
    kind,
    String(size),
    String(seconds),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const done = JSON.parse(stdout) as Transferred;
  if (done.status !== 200) throw new Error(`${nameOf(one)} was answered with ${done.status}`);
  return done;
}

interface Sample extends Transferred {
  readonly name: string;
  readonly case: Case;
  /** Resident before, and the most while it ran, in bytes. */
  readonly before: number;
  readonly most: number;
}

async function measure(gateway: Gateway, one: Case): Promise<Sample> {
  const before = await residentBytes(gateway.pid);
  let most = before;
  const sampling = setInterval(() => {
    void residentBytes(gateway.pid).then((now) => {
      most = Math.max(most, now);
    });
  }, 250);
  try {
    const done = await transfer(gateway, one, bytes);
    return { ...done, name: nameOf(one), case: one, before, most };
  } finally {
    clearInterval(sampling);
  }
}

const mebibytes = (size: number): string => (size / 1024 / 1024).toFixed(0);

async function report(base: number, samples: readonly Sample[]): Promise<void> {
  const environment = {
    node: process.versions.node,
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    seconds,
    warmMebibytes: Number(mebibytes(base)),
    finishedAt: new Date().toISOString(),
  };
  const shown = { bytes: 'bytes', text: 'text', json: 'lines of JSON' };
  const rows = samples.map(({ case: { version, way, kind, resource }, bytes, seconds, most }) => ({
    version,
    way,
    body: shown[kind],
    masks: resource === 'masked',
    gigabytes: bytes / 1e9,
    seconds,
    megabytesPerSecond: bytes / 1e6 / seconds,
    growthMebibytes: (most - base) / 1024 / 1024,
  }));
  const worst = Math.max(...rows.map(({ growthMebibytes }) => growthMebibytes));
  const markdown = [
    `Node ${environment.node}, ${environment.processor}, ${environment.cores} cores, strict; at most ${seconds} s for each body; ${environment.warmMebibytes} MiB resident once each kind had passed.`,
    '',
    '| HTTP | way | body | Masks | GB | seconds | MB/s | growth of VmRSS, MiB |',
    '| --- | --- | --- | --- | ---: | ---: | ---: | ---: |',
    ...rows.map(
      (row) =>
        `| ${row.version} | ${row.way} | ${row.body} | ${row.masks ? 'on' : 'off'} | ${row.gigabytes.toFixed(2)} | ${row.seconds.toFixed(0)} | ${row.megabytesPerSecond.toFixed(0)} | ${row.growthMebibytes.toFixed(0)} |`,
    ),
    '',
    `Most that it grew: ${worst.toFixed(0)} MiB (P21: at most ${growthMebibytesMax}). Beyond the budget of a command, the recording holds the digest of a body.`,
    '',
  ].join('\n');
  if (flags.only !== undefined) {
    console.log(`\n${markdown}`);
    return;
  }
  const results = fileURLToPath(new URL('./results/', import.meta.url));
  const name = flags.quick ? 'http-bulk-quick' : 'http-bulk';
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${name}.md`), markdown);
  await writeFile(join(results, `${name}.json`), `${JSON.stringify({ environment, rows }, null, 1)}\n`);
  console.log(`\n${markdown}\nwritten to bench/results/${name}.json and ${name}.md`);
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-bulk-'));
  const stops: Stops = [];
  const samples: Sample[] = [];
  const wanted = cases.filter((one) => flags.only === undefined || nameOf(one).includes(flags.only));
  try {
    const targets = await startTarget(stops);
    const gateway = await startGateway(folder, targets, stops);
    for (const one of wanted) await transfer(gateway, one, warmBytes);
    const base = await residentBytes(gateway.pid);
    for (const one of wanted) {
      process.stderr.write(`${nameOf(one)} … `);
      const sample = await measure(gateway, one);
      samples.push(sample);
      process.stderr.write(
        `${(sample.bytes / 1e9).toFixed(2)} GB in ${sample.seconds.toFixed(0)} s, ${mebibytes(sample.most)} MiB\n`,
      );
    }
    await report(base, samples);
  } finally {
    for (const stop of stops.toReversed()) await stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
