/**
 * The index of what happened beside the data path (performance.md, P16): how many commands a second it takes in, and what pgbench
 * through the gateway pays for it.
 *
 *     node bench/index.ts [--quick] [--rounds N]
 *
 * The first table is the index by itself: a journal of commands, two events each, read, joined and written into each engine by the
 * gateway's own thread, from when it has the first tenth; CPU is that of this process, of it that of the main thread, where the data
 * path runs as well, and that of the PostgreSQL server.
 * The second is pgbench through two gateways that differ in `history: on | off` alone, round by round one after the other: as fast as
 * it goes, and at a rate; the ratio is taken within a round. After each round the index is waited for, and shown is how long that took.
 *
 * Deliberately absent: goals. A benchmark never fails a test run.
 */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Client, createClient } from '../src/api/contract/index.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import type { EventBody } from '../src/core/event.ts';
import { openHistory } from '../src/gateway/history.ts';
import { openJournal } from '../src/recording/index.ts';
import { openStore, type StoreOptions } from '../src/store/index.ts';
import { startGatewayProcess } from '../test/env/process.ts';
import { setUp } from '../test/env/setup.ts';
import { type PostgresServer, startPostgres } from '../test/servers/postgres.ts';
import { cpuNanoseconds, cpuNanosecondsOfChildren } from './cost.ts';
import { entriesOf } from './history.ts';
import { publish, quantile, runOptions } from './output.ts';

const execute = promisify(execFile);
const options = runOptions();
const commands = options.quick ? 20_000 : 100_000;
const seconds = options.quick ? 2 : 5;
const clients = 8;

/** The rate is what the index owes to keep up with. */
const loads = [
  { title: 'simple', flags: ['-M', 'simple'] },
  { title: 'prepared', flags: ['-M', 'prepared'] },
  { title: 'prepared, 5,000 a second', flags: ['-M', 'prepared', '-R', '5000'] },
] as const;

interface Intake {
  readonly engine: string;
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
  readonly mainMicroseconds: number;
  readonly serverMicroseconds: number;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-index-'));
  const settings = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '256MB' };
  const server = await startPostgres({ version: 'debian', settings: { ...settings, checkpoint_timeout: '1h' } });
  try {
    const journal = await fill(join(folder, 'journal'));
    const intakes: Intake[] = [];
    for (let round = 0; round < Math.max(1, options.rounds / 4); round++) {
      intakes.push(await takeIn('embedded', journal, { directory: join(folder, `store-${round}`) }, null));
      await server.query(`create database intake_${round}`);
      const { unixSocket, port } = server;
      const databaseUrl = `postgres:///intake_${round}?host=${encodeURIComponent(unixSocket)}&port=${port}&user=postgres`;
      intakes.push(await takeIn('PostgreSQL', journal, { databaseUrl }, server.pid));
    }
    const { rows, samples } = await besideDataPath(server, folder);
    await publish(
      'index',
      options,
      [
        `${commands.toLocaleString('en')} commands of two events; pgbench -S with ${clients} clients, ${seconds} s a round, best-effort.`,
      ],
      [
        {
          title: 'Taken in',
          head: ['', 'commands/s', 'CPU µs/command', 'of it on the main thread', 'of the server besides'],
          rows: ['embedded', 'PostgreSQL'].map((engine) => {
            const own = intakes.filter((each) => each.engine === engine);
            const median = (of: (each: Intake) => number): number => quantile(own.map(of), 0.5);
            return [
              engine,
              Math.round(median((each) => each.perSecond)).toLocaleString('en'),
              median((each) => each.cpuMicroseconds).toFixed(1),
              median((each) => each.mainMicroseconds).toFixed(1),
              engine === 'embedded' ? '–' : median((each) => each.serverMicroseconds).toFixed(1),
            ];
          }),
        },
        {
          title: 'pgbench through the gateway, with the index and without',
          head: ['', 'tps, off', 'tps, on', 'on to off', 'latency ms, off', 'latency ms, on', 'caught up after, s'],
          rows,
        },
      ],
      { intakes, samples },
    );
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A journal of what `bench/history.ts` tells, as a gateway would have written it. */
async function fill(dir: string): Promise<string> {
  const { privateKey: signingKey } = generateKeyPairSync('ed25519');
  const journal = await openJournal({ dir, signingKey });
  const seen = new Set<string>();
  for (const entry of entriesOf(commands)) {
    const session = entry.session ?? '';
    if (!seen.has(session)) {
      seen.add(session);
      journal.append(openedOf(session, entry));
    }
    const command = entry.command ?? 0;
    const { text, rows, bytes, durationMs } = entry;
    journal.append({
      type: 'command.intent',
      session,
      command,
      kind: entry.kind ?? 'sql',
      verb: entry.verb ?? '',
      text,
      textBytes: text.length,
      parameters: null,
      effect: 'read',
      of: null,
      facts: {
        fingerprint: entry.fingerprint ?? '',
        effects: entry.effects,
        touches: entry.touches as never,
        complete: true,
      },
    });
    const ended: EventBody = {
      type: 'command.ended',
      session,
      command,
      outcome: 'completed',
      tag: null,
      error: null,
      rows: rows ?? 0,
      bytes: bytes ?? 0,
      durationMs: durationMs ?? 0,
    };
    const sequence = journal.append(ended);
    if (sequence % 2_000 < 2) await new Promise<void>((resolve) => journal.afterDurable(sequence, () => resolve()));
  }
  await journal.close();
  return dir;
}

function openedOf(session: string, entry: ReturnType<typeof entriesOf> extends Generator<infer Entry> ? Entry : never) {
  const { principal, groups, resource, labels, protocol, source } = entry;
  return {
    type: 'session.opened',
    session,
    connection: 'con',
    source: source ?? '',
    principal: {
      id: principal?.id ?? '',
      issuer: 'local',
      name: principal?.name ?? '',
      kind: 'person',
      groups,
      credentialId: null,
    },
    resource: resource ?? '',
    labels,
    protocol: protocol ?? '',
    recording: 'strict',
    access: 'standing',
    client: { application_name: 'psql' },
  } as const satisfies EventBody;
}

async function takeIn(engine: string, dir: string, location: StoreOptions, server: number | null): Promise<Intake> {
  const { privateKey: signingKey } = generateKeyPairSync('ed25519');
  const journal = await openJournal({ dir, signingKey });
  const store = await openStore(location);
  const history = await openHistory({
    gateway: 'bench',
    store,
    journal,
    recordings: {
      read: () => {
        throw new Error('nothing was recorded');
      },
    },
    metrics: { gauge: () => {} },
    clock: systemClock,
    log: silentLog,
  });
  const left = async (events: number): Promise<number> => {
    for (;;) {
      const { lag } = await history.port.status();
      if (lag <= events) return lag;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const ofServer = (): number => (server === null ? 0 : (cpuNanosecondsOfChildren(server) ?? Number.NaN));
  try {
    // Its start is no part of it, nor the first commands, while everything is compiled.
    const measured = (await left(journal.durableSequence * 0.9)) / 2;
    const serverBefore = ofServer();
    const cpu = process.cpuUsage();
    const main = process.threadCpuUsage();
    const began = performance.now();
    await left(0);
    const tookMs = performance.now() - began;
    const all = process.cpuUsage(cpu);
    const own = process.threadCpuUsage(main);
    return {
      engine,
      perSecond: measured / (tookMs / 1000),
      cpuMicroseconds: (all.user + all.system) / measured,
      mainMicroseconds: (own.user + own.system) / measured,
      serverMicroseconds: (ofServer() - serverBefore) / 1000 / measured,
    };
  } finally {
    await history.close();
    await store.close();
    await journal.close();
  }
}

interface Round {
  readonly history: 'on' | 'off';
  readonly mode: string;
  readonly round: number;
  readonly transactionsPerSecond: number;
  readonly latencyMs: number;
  readonly caughtUpSeconds: number;
  readonly cpuMicroseconds: number | null;
}

async function besideDataPath(server: PostgresServer, folder: string) {
  await pgbench(server, ['-h', server.host, '-p', String(server.port), '-U', server.user], server.password, [
    '-i',
    '-q',
    '-s',
    '10',
  ]);
  const modes = loads.map(({ title }) => title);
  const samples: Round[] = [];
  const gateways = [];
  try {
    for (const history of ['off', 'on'] as const)
      gateways.push(await gatewayWith(history, server, join(folder, history)));
    for (let round = 0; round < options.rounds; round++) {
      for (const { title: mode, flags } of loads) {
        for (let turn = 0; turn < gateways.length; turn++) {
          const { history, gateway, token, client } = gateways[(turn + round) % gateways.length]!;
          const connection = ['-h', '127.0.0.1', '-p', String(gateway.postgresPort), '-U', 'engineer+orders'];
          const before = cpuNanoseconds(gateway.pid);
          const load = ['-n', '-S', ...flags, '-T', String(seconds), '-c', String(clients), '-j', '2'];
          const output = await pgbench(server, connection, token, load);
          const caughtUpSeconds = history === 'on' ? await caughtUp(client) : 0;
          const after = cpuNanoseconds(gateway.pid);
          const transactions = figure(output, /transactions actually processed: (\d+)/);
          samples.push({
            history,
            mode,
            round,
            transactionsPerSecond: figure(output, /tps = ([\d.]+)/),
            latencyMs: figure(output, /latency average = ([\d.]+) ms/),
            caughtUpSeconds,
            cpuMicroseconds: before === null || after === null ? null : (after - before) / 1000 / transactions,
          });
        }
      }
      process.stderr.write(`\rpgbench: round ${round + 1} of ${options.rounds}   `);
    }
    process.stderr.write('\n');
  } finally {
    for (const { gateway } of gateways) await gateway.stop();
  }
  const rows = modes.map((mode) => {
    const of = (history: string): Round[] => samples.filter((each) => each.mode === mode && each.history === history);
    const median = (rounds: readonly Round[], what: (each: Round) => number): number => quantile(rounds.map(what), 0.5);
    const [off, on] = [of('off'), of('on')];
    const ratios = on.map((each) => {
      const peer = off.find(({ round }) => round === each.round)!;
      return each.transactionsPerSecond / peer.transactionsPerSecond;
    });
    return [
      `-S ${mode}, ${clients} clients`,
      Math.round(median(off, (each) => each.transactionsPerSecond)).toLocaleString('en'),
      Math.round(median(on, (each) => each.transactionsPerSecond)).toLocaleString('en'),
      quantile(ratios, 0.5).toFixed(2),
      median(off, (each) => each.latencyMs).toFixed(3),
      median(on, (each) => each.latencyMs).toFixed(3),
      median(on, (each) => each.caughtUpSeconds).toFixed(1),
    ];
  });
  return { rows, samples };
}

async function gatewayWith(history: 'on' | 'off', server: PostgresServer, dataDirectory: string) {
  await mkdir(dataDirectory, { recursive: true });
  const variables = join(dataDirectory, 'variables');
  await writeFile(variables, `SALLYPORT_HISTORY=${history}\n`);
  const gateway = await startGatewayProcess({
    dataDirectory,
    tls: 'optional',
    logLevel: 'error',
    nodeArguments: [`--env-file=${variables}`],
  });
  const tokens = await setUp(gateway, [{ name: 'orders', server, recording: 'best-effort' }], [{ name: 'engineer' }]);
  const client = createClient({
    baseUrl: gateway.consoleUrl,
    ca: await readFile(gateway.caPath, 'utf8'),
    token: tokens.get('admin') ?? '',
  });
  return { history, gateway, token: tokens.get('engineer') ?? '', client };
}

/** Seconds until the index has everything. */
async function caughtUp(client: Client): Promise<number> {
  const began = performance.now();
  for (;;) {
    const { lag } = await client.call('indexStatus', {});
    if (lag < 50) return (performance.now() - began) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function pgbench(
  server: PostgresServer,
  connection: readonly string[],
  password: string,
  flags: readonly string[],
): Promise<string> {
  const env = { ...process.env, PGPASSWORD: password, PGSSLMODE: 'disable' };
  const { stdout } = await execute('pgbench', [...connection, ...flags, server.database], { env });
  return stdout;
}

function figure(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1] ?? Number.NaN);
}

await main();
