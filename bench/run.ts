/**
 * The benchmark: one command, every candidate in the same run, interleaved round by round.
 *
 *     node bench/run.ts [--quick] [--all] [--rounds N] [--seconds S] [--only CANDIDATE,…] [--workloads NAME,…]
 *
 * By default each workload runs with the candidates it says something about, in eight minutes; `--all` runs every
 * workload with every candidate. Prints the tables and writes `bench/results/latest.{json,md}` and the README's table
 * (`quick.{json,md}` alone for a quick or partial run). Needs pgbench; haproxy and pgbouncer take part where they are
 * installed.
 *
 * Deliberately absent: goals. A benchmark never fails a test run.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type PostgresServer, startPostgres } from '../test/servers/postgres.ts';
import { type Candidate, type CandidateName, candidateNames, direct, startCandidates } from './candidates.ts';
import { cpuNanoseconds, residentBytes } from './cost.ts';
import { renderMarkdown, renderReadme, type Sample, spliceReadme, summarise } from './report.ts';
import { createBulkTables } from './tables.ts';
import { bulkRows, type Workload, workloads } from './workloads.ts';

const execute = promisify(execFile);
const scale = 10;

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    workloads: { type: 'string' },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 2 : 8));
const seconds = Number(flags.seconds ?? 1);
const only = flags.only === undefined ? undefined : chosenOf(flags.only, candidateNames, '--only');
const named = flags.workloads === undefined ? undefined : chosenOf(flags.workloads, workloadNames(), '--workloads');
const chosen = workloads.filter(
  ({ name, quick, candidates }) =>
    named?.includes(name) ?? (flags.quick ? quick === true : flags.all || candidates.length > 0),
);

function workloadNames(): string[] {
  return workloads.map(({ name }) => name);
}

/** The names of a list with commas; a name that does not exist ends the run before it begins. */
function chosenOf<Name extends string>(text: string, names: readonly Name[], flag: string): Name[] {
  return text.split(',').map((each) => {
    const found = names.find((name) => name === each);
    if (found === undefined) throw new Error(`${flag}: "${each}" is none of ${names.join(', ')}`);
    return found;
  });
}

/** Whether a candidate takes part in a workload. A workload without candidates of its own was asked for: all do. */
function takesPart(name: CandidateName, { candidates }: Workload): boolean {
  return only?.includes(name) ?? (flags.all || candidates.length === 0 || candidates.includes(name));
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  // Durability is part of what is measured: writes through the gateway wait for two disks.
  const durable = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '256MB' };
  const server = await startPostgres({ version: 'debian', settings: { ...durable, checkpoint_timeout: '1h' } });
  let candidates: Candidate[] = [];
  try {
    await pgbench(server, direct(server), ['-i', '-q', '-s', String(scale)]);
    await createBulkTables(server, bulkRows);
    await server.query('vacuum analyze');
    candidates = await startCandidates(server, directory, (name) => chosen.some((each) => takesPart(name, each)));
    const samples: Sample[] = [];
    for (const workload of chosen) {
      const script = join(directory, `${workload.name}.sql`);
      if (workload.script !== undefined) await writeFile(script, workload.script);
      const taking = candidates.filter(({ name }) => takesPart(name, workload));
      for (let round = 0; round < rounds; round++) {
        // Each round begins with another candidate, so that none always runs on the warmest caches.
        for (let turn = 0; turn < taking.length; turn++) {
          const candidate = taking[(turn + round) % taking.length]!;
          samples.push(await measure(server, candidate, workload, script, round));
        }
        process.stderr.write(`\r${workload.title}: round ${round + 1} of ${rounds}   `);
      }
      process.stderr.write('\n');
    }
    await report(server, candidates, samples);
  } finally {
    for (const candidate of candidates) await candidate.stop();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  server: PostgresServer,
  candidate: Candidate,
  workload: Workload,
  script: string,
  round: number,
): Promise<Sample> {
  const { clients } = workload;
  const load = ['-n', '-T', String(seconds), '-c', String(clients), '-j', String(Math.min(clients, 2))];
  const source = workload.script === undefined ? [] : ['-f', script];
  const before = candidate.pid === null ? null : cpuNanoseconds(candidate.pid);
  const output = await pgbench(server, candidate, [...load, ...workload.arguments, ...source]);
  const after = candidate.pid === null ? null : cpuNanoseconds(candidate.pid);
  const transactions = figure(output, /transactions actually processed: (\d+)/);
  return {
    workload: workload.name,
    candidate: candidate.name,
    round,
    transactionsPerSecond: figure(output, /tps = ([\d.]+)/),
    latencyMs: figure(output, /latency average = ([\d.]+) ms/),
    cpuMicroseconds:
      before === null || after === null || transactions === 0 ? null : (after - before) / 1000 / transactions,
    residentBytes: candidate.pid === null ? null : residentBytes(candidate.pid),
  };
}

async function pgbench(
  server: PostgresServer,
  { name, host, port, user, password }: Candidate,
  flagsOf: readonly string[],
): Promise<string> {
  const connection = ['-h', host, '-p', String(port), '-U', user];
  try {
    const env = { ...process.env, PGPASSWORD: password, PGSSLMODE: 'disable' };
    const { stdout } = await execute('pgbench', [...connection, ...flagsOf, server.database], { env });
    return stdout;
  } catch (error) {
    throw new Error(`pgbench through ${name} failed: ${(error as { stderr?: string }).stderr ?? String(error)}`, {
      cause: error,
    });
  }
}

function figure(output: string, pattern: RegExp): number {
  const found = pattern.exec(output);
  if (found === null) throw new Error(`pgbench did not say ${pattern.source}:\n${output}`);
  return Number(found[1]);
}

async function report(server: PostgresServer, candidates: readonly Candidate[], samples: Sample[]): Promise<void> {
  const environment = {
    node: process.versions.node,
    postgres: server.versionText,
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    rounds,
    secondsPerRound: seconds,
    finishedAt: new Date().toISOString(),
  };
  const rows = summarise(samples);
  const markdown = renderMarkdown(rows, chosen, candidates, environment);
  const folder = fileURLToPath(new URL('./results/', import.meta.url));
  // A partial run does not replace the one that is published.
  const isWhole = !flags.quick && only === undefined && named === undefined;
  const name = isWhole ? 'latest' : 'quick';
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.md`), markdown);
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify({ environment, rows, samples }, null, 1)}\n`);
  if (isWhole) {
    const readme = fileURLToPath(new URL('../README.md', import.meta.url));
    const text = spliceReadme(await readFile(readme, 'utf8'), renderReadme(rows, chosen, candidates, environment));
    await writeFile(readme, text);
  }
  console.log(`\n${markdown}\nwritten to bench/results/${name}.json and ${name}.md`);
}

await main();
