/**
 * F-09: a peer vanishes without a FIN, because a link is cut. Whatever the session was doing, the gateway finds out within
 * 45 s, ends the session, frees its place and cancels what still runs for it.
 *
 * Both sides are tried in each state that matters to TCP: silent (keepalive finds it), and with data on its way that
 * nobody acknowledges (keepalive does not run then; only the retransmission does).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectionsOn, eventsOf, isType, verifyClean } from './support/gateway.ts';
import { canMakeHosts, makeHost, type RemoteHost } from './support/netns.ts';
import { backendsOf, createWorld, report, sleep, until, type World } from './support/world.ts';

/** F-09, G10. */
const detectionPromiseMs = 45_000;
const farPort = 5432;
/** After keepalive has begun to probe (15 s), before it gives up (25 s). */
const lateMs = 18_000;

const farServer = ['server-idle', 'server-asleep', 'server-asked', 'server-late'] as const;

const possible = canMakeHosts();
let host: RemoteHost;
let world: World;
let relay: ChildProcess;

beforeAll(async () => {
  if (!possible) return;
  host = makeHost();
  world = await createWorld({ gateway: { host: host.local } });
  const { server } = world;
  const socket = join(server.unixSocket, `.s.PGSQL.${server.port}`);
  const script = fileURLToPath(new URL('./support/far-relay.ts', import.meta.url));
  relay = spawn(
    host.prefix[0]!,
    [...host.prefix.slice(1), process.execPath, script, host.remote, String(farPort), socket],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await new Promise((resolve) => relay.stdout!.once('data', resolve));
  // The same server twice: directly, and behind the link.
  const api = await world.administrator();
  const documents = [
    {
      kind: 'Resource',
      metadata: { name: 'far' },
      spec: {
        protocol: 'postgres',
        address: `${host.remote}:${farPort}`,
        tls: { mode: 'disable' },
        credential: { username: server.user, password: { value: server.password } },
        recording: 'strict',
        database: server.database,
      },
    },
    {
      kind: 'Access',
      metadata: { name: 'engineer-reaches-far' },
      spec: { match: { principals: { names: ['engineer'] }, resources: { names: ['far'] } } },
    },
  ];
  await api.call('apply', { body: { documents, dryRun: false } });
});

afterAll(async () => {
  try {
    relay?.kill('SIGKILL');
    await world?.close();
  } finally {
    host?.close();
  }
});

/** psql on the remote host, with its connection to the gateway across the link. */
function farClient(name: string, sql: string): ChildProcess {
  const env = { ...world.libpq(), PGHOST: host.local, PGSSLMODE: 'require', PGAPPNAME: name };
  delete (env as Record<string, string | undefined>)['PGSSLROOTCERT'];
  const child = spawn(
    host.prefix[0]!,
    [...host.prefix.slice(1), 'psql', '-X', '-q', '-c', sql, '-c', '\\! sleep 600'],
    {
      env,
      stdio: ['ignore', 'ignore', 'ignore'],
      detached: true,
    },
  );
  return child;
}

interface Case {
  /** As application_name says it. */
  readonly name: string;
  readonly what: string;
  readonly reason: string;
}

const cases: readonly Case[] = [
  { name: 'client-idle', what: 'client, silent between commands', reason: 'client-closed' },
  { name: 'client-asleep', what: 'client, while its query runs', reason: 'client-closed' },
  { name: 'client-reading', what: 'client, while a result is on its way', reason: 'client-closed' },
  { name: 'client-late', what: 'client, silent for 18 s and then sent a result', reason: 'client-closed' },
  { name: 'server-idle', what: 'server, silent between commands', reason: 'upstream-closed' },
  { name: 'server-asleep', what: 'server, while a query runs', reason: 'upstream-closed' },
  { name: 'server-asked', what: 'server, a query on its way', reason: 'upstream-closed' },
  { name: 'server-late', what: 'server, silent for 18 s and then sent a query', reason: 'upstream-closed' },
];

test.skipIf(!possible)(
  'F-09 peers that vanish without a word are found within 45 s',
  { timeout: 150_000 },
  async () => {
    const children = [
      farClient('client-idle', 'select 1'),
      // Keepalive begins after 15 s of silence and stops when something is sent.
      farClient('client-late', `select pg_sleep(${lateMs / 1000})`),
      farClient('client-asleep', 'select pg_sleep(600)'),
      farClient('client-reading', "select repeat('x', 1000), pg_sleep(0.0001), generate_series(1, 100000000)"),
    ];
    const near = await Promise.all(
      farServer.map(async (name) => {
        const client = await world.connect({
          host: host.local,
          ssl: { rejectUnauthorized: false },
          user: 'engineer+far',
          application_name: name,
        });
        await client.query('select 1');
        return client;
      }),
    );
    const told = new Map<string, Promise<{ code: string }>>();
    for (const [index, name] of farServer.entries()) {
      const { connection } = near[index] as unknown as { connection: NodeJS.EventEmitter };
      told.set(name, new Promise((resolve) => connection.once('errorMessage', resolve)));
    }
    near[1]!.query('select pg_sleep(600)').catch(() => undefined);
    await until('all sessions at work', 30_000, async () => {
      const backends = await backendsOf(world.server);
      return (
        backends.length === cases.length && backends.filter(({ query }) => query.includes('pg_sleep(600)')).length === 2
      );
    });
    await sleep(1_000);

    host.cut();
    const cutAt = Date.now();
    const begun = performance.now();
    for (const child of children) process.kill(-child.pid!, 'SIGKILL');
    near[2]!.query("insert into nowhere values ('lost')").catch(() => undefined);
    setTimeout(() => near[3]!.query("insert into nowhere values ('late')").catch(() => undefined), lateMs);

    const opened = new Map(
      (await eventsOf(world.dataDirectory))
        .filter(isType('session.opened'))
        .map(({ session, client }) => [session, client['application_name'] ?? '']),
    );
    const found = new Map<string, { afterMs: number; reason: string }>();
    while (found.size < cases.length && performance.now() - begun < detectionPromiseMs + 15_000) {
      for (const event of (await eventsOf(world.dataDirectory)).filter(isType('session.ended'))) {
        const name = opened.get(event.session);
        if (name !== undefined && event.at >= cutAt && !found.has(name))
          found.set(name, { afterMs: event.at - cutAt, reason: event.reason });
      }
      await sleep(200);
    }
    for (const { name, what } of cases) {
      const at = found.get(name);
      report(
        'F-09',
        `${what}: ${at === undefined ? `NOT found within ${detectionPromiseMs + 15_000} ms` : `found after ${at.afterMs} ms (${at.reason})`}`,
      );
    }
    const late = cases.filter(
      ({ name }) => (found.get(name)?.afterMs ?? Number.POSITIVE_INFINITY) > detectionPromiseMs,
    );
    expect(
      late.map(({ what }) => what),
      'not found within 45 s',
    ).toEqual([]);
    for (const { name, reason } of cases) expect(found.get(name)?.reason, name).toBe(reason);
    // Places are free, what ran for vanished clients is cancelled; what ran on the far server is its own to find.
    await until('the clients’ backends to be cancelled', 10_000, async () => {
      return (await backendsOf(world.server)).every(({ query }) => !query.includes('generate_series'));
    });
    for (const name of told.keys()) expect((await told.get(name))?.code, name).toBe('08006');
    await until(
      'connections to be dropped',
      10_000,
      async () => (await connectionsOn(world.gateway.postgresPort)) === 0,
    );
    const client = new pg.Client(world.client({ host: host.local, ssl: { rejectUnauthorized: false } }));
    await client.connect();
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    verifyClean(world.dataDirectory);
  },
);
