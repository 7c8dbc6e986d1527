/**
 * What opening a session costs (performance.md, P10; faults, F-12): sessions opened a second through the gateway by clients
 * that do nothing else, and the processor time of the gateway for each, by thread.
 *
 *     node bench/opening.ts [--quick] [--rounds N]
 *
 * A round opens so many sessions, `clients` at a time, and holds them; then each asks one small question; then all leave.
 * Each step is timed until the last client is through; its processor time is taken once the gateway has come to rest, so
 * that what follows behind a step (recordings, indexes, detections) is counted with it. A recording comes to be with the
 * first command, and so does its key: they are in the second step.
 *
 * Everything shares the cores: PostgreSQL forks a backend for each session, and the clients are in this process. The direct
 * row says what that alone costs. `SALLYPORT_BENCH_NODE_ARGUMENTS` goes to the gateway's Node, for profiles (`--trace-gc`).
 *
 * Deliberately absent: goals. A benchmark never fails a test run.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startGatewayProcess } from '../test/env/process.ts';
import { setUp } from '../test/env/setup.ts';
import { startPostgres } from '../test/servers/postgres.ts';
import { cpuNanoseconds, cpuNanosecondsByThread } from './cost.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
/** Below what one principal may hold open at once, and above what opens within one group commit. */
const sessions = options.quick ? 80 : 240;
/** Below the cap of connections without a session from one source. */
const clients = 16;
/** The gateway has come to rest when it used less than this share of a core for so long. */
const restShare = 0.05;
const restMs = 500;
const restDeadlineMs = 20_000;

const steps = ['open', 'first question', 'leave'] as const;
type Step = (typeof steps)[number];

interface Sample {
  readonly candidate: string;
  readonly step: Step;
  readonly perSecond: number;
  /** Microseconds of processor time for each session, by thread. */
  readonly threads: Readonly<Record<string, number>>;
}

interface Candidate {
  readonly name: string;
  readonly pid: number | null;
  readonly config: pg.ClientConfig;
}

/** `step` for each of so many, `clients` at a time; gives how long all took, seconds. */
async function forEach(count: number, step: (index: number) => Promise<void>): Promise<number> {
  let next = 0;
  const begun = performance.now();
  const one = async (): Promise<void> => {
    while (next < count) await step(next++);
  };
  await Promise.all(Array.from({ length: clients }, one));
  return (performance.now() - begun) / 1000;
}

async function atRest(pid: number): Promise<void> {
  const giveUpMs = performance.now() + restDeadlineMs;
  while (performance.now() < giveUpMs) {
    const before = cpuNanoseconds(pid) ?? 0;
    await sleep(restMs);
    if ((cpuNanoseconds(pid) ?? 0) - before < restMs * 1e6 * restShare) return;
  }
}

async function measure({ name, pid, config }: Candidate): Promise<Sample[]> {
  const held: pg.Client[] = [];
  const work: Readonly<Record<Step, (index: number) => Promise<unknown>>> = {
    open: async () => {
      const client = new pg.Client(config);
      await client.connect();
      held.push(client);
    },
    'first question': (index) => held[index]!.query('select 5 as five'),
    leave: (index) => held[index]!.end(),
  };
  const samples: Sample[] = [];
  for (const step of steps) {
    const before = pid === null ? null : cpuNanosecondsByThread(pid);
    const seconds = await forEach(sessions, async (index) => void (await work[step](index)));
    if (pid !== null) await atRest(pid);
    const after = pid === null ? null : cpuNanosecondsByThread(pid);
    const threads: Record<string, number> = {};
    for (const [thread, nanoseconds] of after ?? []) {
      threads[thread] = (nanoseconds - (before?.get(thread) ?? 0)) / 1000 / sessions;
    }
    samples.push({ candidate: name, step, perSecond: sessions / seconds, threads });
  }
  return samples;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-opening-'));
  const server = await startPostgres({
    version: 'debian',
    settings: { max_connections: String(sessions * 2 + 50), shared_buffers: '64MB' },
  });
  const gateway = await startGatewayProcess({
    dataDirectory: join(folder, 'gateway'),
    tls: 'optional',
    logLevel: 'error',
    nodeArguments: (process.env['SALLYPORT_BENCH_NODE_ARGUMENTS'] ?? '').split(' ').filter(Boolean),
  });
  try {
    const tokens = await setUp(gateway, [{ name: 'orders', server }], [{ name: 'engineer' }]);
    const { host, port, user, password, database } = server;
    const through = {
      host: 'localhost',
      port: gateway.postgresPort,
      user: 'engineer+orders',
      password: tokens.get('engineer') ?? '',
      database,
    };
    const ssl = { ca: readFileSync(gateway.caPath, 'utf8') };
    const candidates: readonly Candidate[] = [
      { name: 'direct', pid: null, config: { host, port, user, password, database } },
      { name: 'in clear', pid: gateway.pid, config: through },
      { name: 'TLS', pid: gateway.pid, config: { ...through, ssl } },
    ];
    // Once without being counted: the code of a login and of a question.
    for (const candidate of candidates) await measure(candidate);
    const samples: Sample[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const candidate of candidates) samples.push(...(await measure(candidate)));
      process.stderr.write(`\rround ${round + 1} of ${options.rounds}   `);
    }
    await report(samples, candidates);
  } finally {
    await gateway.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function report(samples: readonly Sample[], candidates: readonly Candidate[]): Promise<void> {
  const all = [...new Set(samples.flatMap(({ threads }) => Object.keys(threads)))];
  const used = (own: readonly Sample[], thread: string): number =>
    quantile(
      own.map(({ threads }) => threads[thread] ?? 0),
      0.5,
    );
  const share = (thread: string): number => Math.max(...samples.map(({ threads }) => threads[thread] ?? 0));
  const shown = all.filter((thread) => share(thread) >= 1).sort((a, b) => share(b) - share(a));
  const rows = candidates.flatMap(({ name }) =>
    steps.map((step) => {
      const own = samples.filter((sample) => sample.candidate === name && sample.step === step);
      const rate = quantile(
        own.map(({ perSecond }) => perSecond),
        0.5,
      );
      const isOurs = Object.keys(own[0]?.threads ?? {}).length > 0;
      return [
        `${name}: ${step}`,
        rate.toFixed(0),
        ...shown.map((thread) => (isOurs ? used(own, thread).toFixed(0) : '–')),
      ];
    }),
  );
  await publish(
    'opening',
    options,
    [
      `${sessions} sessions a round, ${clients} clients at a time; microseconds of processor time for each session, by thread.`,
    ],
    [{ title: 'Opening a session', head: ['', 'sessions/s', ...shown.map((thread) => `${thread}, µs`)], rows }],
    samples,
  );
}

await main();
