/**
 * HTTP through the gateway against nginx as a proxy and against nginx directly, interleaved round by round (P13): small
 * answers and larger ones over connections that stay open.
 *
 *     node bench/http.ts [--quick] [--rounds N] [--seconds S] [--connections N] [--candidates A,B] [--workloads A,B]
 *
 * The target is nginx with files; every candidate is one process of one thread that speaks HTTP/1.1 without TLS to both
 * sides, and wrk is the load. Each request through the gateway carries a token, is judged, and is recorded as the resource
 * says. `--candidates` and `--workloads` run a part of it, and write nothing. Rates and CPU are compared within a round, and the median of those ratios is shown. Prints a table and writes
 * `bench/results/http.{json,md}` (`http-quick.*` for a quick run). A benchmark never fails a test run.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { stringify } from 'yaml';
import { createClient } from '../src/api/contract/index.ts';
import { setUp } from '../test/env/setup.ts';
import { program } from '../test/faults/support/gateway.ts';
import { freePort } from '../test/servers/postgres.ts';
import { cpuNanoseconds } from './cost.ts';
import { median } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string' },
    candidates: { type: 'string' },
    workloads: { type: 'string' },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 1 : 8));
const seconds = Number(flags.seconds ?? (flags.quick ? 2 : 5));
const connections = Number(flags.connections ?? 16);
const readyDeadlineMs = 60_000;
/** Whether a list that was given has it; all are wanted where none was. */
const isWanted = (list: string | undefined, name: string): boolean => list?.split(',').includes(name) ?? true;

interface Workload {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  readonly bytes: number;
}

const everyWorkload: readonly Workload[] = [
  { name: 'small', title: '1 KB of JSON', path: '/small.json', bytes: 1024 },
  { name: 'large', title: '100 KB of JSON', path: '/large.json', bytes: 102_400 },
];
const workloads = everyWorkload.filter(({ name }) => isWanted(flags.workloads, name));

interface Candidate {
  readonly name: string;
  readonly title: string;
  readonly port: number;
  readonly pid: number;
  readonly headers: readonly string[];
}

interface Sample {
  readonly workload: string;
  readonly candidate: string;
  readonly round: number;
  readonly perSecond: number;
  readonly cpuMicroseconds: number | null;
}

/** What has to be ended, latest first. */
type Stops = (() => Promise<void>)[];

/** Rows of JSON, padded to the length. */
function answerOf(bytes: number): string {
  const rows = Math.floor(bytes / 128);
  const row = (id: number): object => ({
    id,
    name: `customer ${id}`,
    email: `customer-${id}@shop.example`,
    total: id * 7,
  });
  const text = JSON.stringify(Array.from({ length: rows }, (_, id) => row(id)));
  return text.padEnd(bytes, ' ').slice(0, Math.max(bytes, text.length));
}

async function startNginx(
  folder: string,
  name: string,
  location: readonly string[],
  more: readonly string[],
  stops: Stops,
) {
  const port = await freePort();
  const home = join(folder, name);
  await mkdir(home, { recursive: true });
  const config = [
    'daemon off;',
    'master_process off;',
    `pid ${home}/pid;`,
    `error_log ${home}/error.log;`,
    'events { worker_connections 1024; }',
    'http {',
    'types { application/json json; }',
    'access_log off;',
    'keepalive_requests 1000000000;',
    `client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/f; uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s;`,
    ...more,
    `server { listen 127.0.0.1:${port} reuseport; location / { ${location.join(' ')} } }`,
    '}',
  ];
  const file = join(home, 'nginx.conf');
  await writeFile(file, config.join('\n'));
  const child = spawn('/usr/sbin/nginx', ['-c', file, '-p', home], { stdio: ['ignore', 'ignore', 'inherit'] });
  stops.push(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  });
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}${workloads[0]!.path}`).catch(() => null);
    if (answer?.ok === true) break;
    if (tries > 100) throw new Error(`${name} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { port, pid: child.pid! };
}

interface Ready {
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly port: number }>>;
}

async function startGateway(folder: string, target: number, stops: Stops): Promise<Candidate[]> {
  const data = join(folder, 'sallyport');
  await mkdir(data, { recursive: true });
  const file = join(data, 'gateway.yaml');
  const plain = { host: '127.0.0.1', port: 0, tls: 'optional' };
  await writeFile(
    file,
    stringify({
      data,
      console: { host: '127.0.0.1', port: 0 },
      listeners: { http: plain },
      drainSeconds: 0,
      log: { level: 'error', format: 'text' },
    }),
  );
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
  const tokens = await setUp(
    { consoleUrl: ready.console, caPath: ready.ca, dataDirectory: data },
    [],
    [{ name: 'engineer' }],
  );
  const api = createClient({
    baseUrl: ready.console,
    ca: await readFile(ready.ca, 'utf8'),
    token: tokens.get('admin')!,
  });
  const settings = [
    { name: 'strict', title: 'Sallyport, strict', recording: 'strict' },
    { name: 'best-effort', title: 'Sallyport, best-effort', recording: 'best-effort' },
    { name: 'masked', title: 'Sallyport, best-effort, a field and a detector masked', recording: 'best-effort' },
  ];
  const documents = [
    ...settings.map(({ name, recording }) => ({
      kind: 'Resource',
      metadata: { name },
      spec: { protocol: 'http', address: `127.0.0.1:${target}`, tls: { mode: 'disable' }, recording },
    })),
    {
      kind: 'Access',
      metadata: { name: 'bench-http' },
      spec: {
        match: { principals: { names: ['engineer'] }, resources: { names: settings.map(({ name }) => name) } },
      },
    },
    {
      kind: 'Mask',
      metadata: { name: 'names-and-addresses' },
      spec: { match: { resources: { names: ['masked'] } }, fields: ['/*/name'], detect: ['email'], with: 'redact' },
    },
  ];
  await api.call('apply', { body: { documents, dryRun: false } });
  const { port } = ready.listeners['http']!;
  return settings.map(({ name, title }) => ({
    name,
    title,
    port,
    pid: child.pid!,
    headers: [`Host: ${name}.localhost:${port}`, `Authorization: Bearer ${tokens.get('engineer')}`],
  }));
}

/** Throws where a candidate does not answer what it should: a gateway that forgot to mask would be fast. */
async function prove({ name, port, headers }: Candidate, { path }: Workload): Promise<void> {
  const args = headers.flatMap((header) => ['-H', header]);
  const { stdout } = await promisify(execFile)('curl', ['-sS', '-f', ...args, `http://127.0.0.1:${port}${path}`]);
  const shows = stdout.includes('customer-0@shop.example') || stdout.includes('customer 0');
  if (shows === (name === 'masked')) throw new Error(`${name} answers ${path} with: ${stdout.slice(0, 200)}`);
}

async function load({ port, pid, headers }: Candidate, { path }: Workload) {
  const args = [
    ...headers.flatMap((header) => ['-H', header]),
    '-t',
    '1',
    '-c',
    String(connections),
    '-d',
    `${seconds}s`,
  ];
  const cpu = cpuNanoseconds(pid) ?? 0;
  const { stdout } = await promisify(execFile)('wrk', [...args, `http://127.0.0.1:${port}${path}`]);
  const used = ((cpuNanoseconds(pid) ?? 0) - cpu) / 1000;
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]), cpuMicroseconds: used / requests };
}

async function report(candidates: readonly Candidate[], samples: readonly Sample[]): Promise<void> {
  const environment = {
    node: process.versions.node,
    nginx: execFileSync('sh', ['-c', '/usr/sbin/nginx -v 2>&1'], { encoding: 'utf8' }).trim(),
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    rounds,
    seconds,
    connections,
    finishedAt: new Date().toISOString(),
  };
  const rows = workloads.flatMap(({ name: workload, title }) => {
    const of = (candidate: string): readonly Sample[] =>
      samples.filter((sample) => sample.workload === workload && sample.candidate === candidate);
    const nginx = of('nginx');
    return candidates.map((candidate) => ({
      workload: title,
      candidate: candidate.title,
      perSecond: median(of(candidate.name).map(({ perSecond }) => perSecond)),
      ratio: median(
        of(candidate.name).map(({ perSecond }, round) => perSecond / (nginx[round]?.perSecond ?? Number.NaN)),
      ),
      cpuMicroseconds: median(of(candidate.name).map((sample) => sample.cpuMicroseconds ?? 0)),
    }));
  });
  const markdown = [
    `${environment.nginx}, Node ${environment.node}, ${environment.processor}, ${environment.cores} cores, ${connections} connections, ${rounds} rounds of ${seconds} s.`,
    '',
    '| answers | through | requests/s | ÷ nginx proxy | CPU µs/request |',
    '| --- | --- | ---: | ---: | ---: |',
    ...rows.map(
      (row) =>
        `| ${row.workload} | ${row.candidate} | ${row.perSecond?.toFixed(0)} | ${row.ratio?.toFixed(2)} | ${row.cpuMicroseconds?.toFixed(0)} |`,
    ),
    '',
  ].join('\n');
  if (flags.candidates !== undefined || flags.workloads !== undefined) {
    console.log(`\n${markdown}`);
    return;
  }
  const results = fileURLToPath(new URL('./results/', import.meta.url));
  const name = flags.quick ? 'http-quick' : 'http';
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${name}.md`), markdown);
  await writeFile(join(results, `${name}.json`), `${JSON.stringify({ environment, rows, samples }, null, 1)}\n`);
  console.log(`\n${markdown}\nwritten to bench/results/${name}.json and ${name}.md`);
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-http-'));
  const stops: Stops = [];
  const samples: Sample[] = [];
  try {
    for (const { path, bytes } of workloads) await writeFile(join(folder, path), answerOf(bytes));
    const target = await startNginx(folder, 'target', [`root ${folder};`], [], stops);
    const proxy = await startNginx(
      folder,
      'proxy',
      ['proxy_pass http://target;', 'proxy_http_version 1.1;', 'proxy_set_header Connection "";'],
      [`upstream target { server 127.0.0.1:${target.port}; keepalive 64; keepalive_requests 1000000000; }`],
      stops,
    );
    const candidates: Candidate[] = [
      { name: 'direct', title: 'nothing (direct)', headers: [], ...target },
      { name: 'nginx', title: 'nginx, proxy', headers: [], ...proxy },
      ...(await startGateway(folder, target.port, stops)),
    ].filter(({ name }) => isWanted(flags.candidates, name));
    for (const workload of workloads) {
      for (const candidate of candidates) await prove(candidate, workload);
      for (let round = 0; round < rounds; round++) {
        // Each round begins with another, so that none always runs on the warmest caches.
        for (const candidate of [
          ...candidates.slice(round % candidates.length),
          ...candidates.slice(0, round % candidates.length),
        ]) {
          const figures = await load(candidate, workload);
          samples.push({ workload: workload.name, candidate: candidate.name, round, ...figures });
        }
        process.stderr.write(`\r${workload.title}: round ${round + 1} of ${rounds}   `);
      }
      process.stderr.write('\n');
    }
    await report(candidates, samples);
  } finally {
    for (const stop of stops.toReversed()) await stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
