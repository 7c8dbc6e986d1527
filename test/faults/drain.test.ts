/**
 * F-14: SIGTERM with live sessions. They may finish within the configured time, then every one hears 57P01; a second
 * SIGTERM means now; nothing is left unsealed, and the next start has nothing to recover.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsOf, isType, verifyClean } from './support/gateway.ts';
import { backendsOf, createWorld, report, sleep, until, type World } from './support/world.ts';

const drainSeconds = 4;
/** The gateway's own bound for what is left after the drain, and room for a busy machine. */
const closingMs = 15_000;

let world: World;

beforeAll(async () => {
  world = await createWorld({
    postgres: { seed: 'create table f14 (n int); grant all on f14 to app' },
    gateway: { drainSeconds },
  });
});

afterAll(() => world?.close());

interface Told {
  code: string;
  message: string;
}

/** What the server last said to a client before the connection was gone. */
function farewellOf(client: pg.Client): Promise<Told | null> {
  return new Promise((resolve) => {
    let told: Told | null = null;
    // pg gives a FATAL error to the running query or to the client; the message itself is on its connection.
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
    connection.on('errorMessage', (message: Told) => {
      told = { code: message.code, message: message.message };
    });
    connection.on('end', () => resolve(told));
  });
}

interface Live {
  readonly idle: pg.Client;
  readonly inQuery: pg.Client;
  readonly inTransaction: pg.Client;
  readonly copying: { child: ChildProcess; told: Promise<string> };
  readonly farewells: readonly Promise<Told | null>[];
}

async function openAll(): Promise<Live> {
  const [idle, inQuery, inTransaction] = await Promise.all([world.connect(), world.connect(), world.connect()]);
  await inTransaction.query('begin');
  await inTransaction.query('insert into f14 values (1)');
  inQuery.query('select pg_sleep(120)').catch(() => undefined);
  const child = spawn('psql', ['-X', '-c', 'copy f14 from stdin'], {
    env: world.libpq(),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin!.on('error', () => undefined);
  child.stdin!.write('2\n3\n');
  let err = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const told = new Promise<string>((resolve) => child.once('close', () => resolve(err)));
  await until('all four sessions at work', 20_000, async () => {
    const backends = await backendsOf(world.server);
    return (
      backends.length === 4 &&
      backends.some(({ query }) => query.startsWith('copy f14')) &&
      backends.some(({ query }) => query.includes('pg_sleep'))
    );
  });
  return {
    idle,
    inQuery,
    inTransaction,
    copying: { child, told },
    farewells: [idle, inQuery, inTransaction].map(farewellOf),
  };
}

async function expectDrained(live: Live, from: number): Promise<void> {
  for (const farewell of live.farewells) expect(await farewell).toMatchObject({ code: '57P01' });
  // psql feeds a COPY without reading; it sees the goodbye when it writes or ends.
  live.copying.child.stdin!.end('4\n');
  expect(await live.copying.told).toMatch(/shutting down|server closed the connection/);
  expect(await world.gateway.exited, world.gateway.output()).toEqual({ code: 0, signal: null });
  await until('the backends', 10_000, async () => (await backendsOf(world.server)).length === 0);
  expect(await world.server.query('select n from f14'), 'nothing of what was cut off took effect').toEqual([]);

  const events = (await eventsOf(world.dataDirectory)).slice(from);
  const opened = events.filter(isType('session.opened')).map(({ session }) => session);
  const ended = events.filter(isType('session.ended'));
  expect(ended.map(({ session }) => session).sort()).toEqual([...opened].sort());
  expect(ended.filter(({ reason }) => reason === 'drained').length).toBeGreaterThanOrEqual(4);
  expect(events.at(-1)?.type).toBe('gateway.stopped');
  const chunked = new Set(events.filter(isType('recording.chunk')).map(({ session }) => session));
  const sealed = new Set(events.filter(isType('recording.sealed')).map(({ session }) => session));
  expect(
    [...chunked].filter((session) => !sealed.has(session)),
    'unsealed recordings',
  ).toEqual([]);
  verifyClean(world.dataDirectory);

  const last = events.at(-1)!.seq;
  await world.start();
  const after = (await eventsOf(world.dataDirectory)).filter(({ seq }) => seq > last);
  expect(after.filter(({ type }) => type === 'journal.recovered' || type === 'session.ended')).toEqual([]);
  expect(after.some(({ type }) => type === 'gateway.started')).toBe(true);
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

test('F-14 SIGTERM drains as long as configured, says 57P01, exits 0, and leaves nothing to recover', {
  timeout: 90_000,
}, async () => {
  const from = (await eventsOf(world.dataDirectory)).length;
  const live = await openAll();
  const begun = performance.now();
  world.gateway.signal('SIGTERM');
  await until('the listener to close', 5_000, () => isRefused(world.gateway.postgresPort));
  // Whoever is in may go on.
  expect((await live.idle.query('select 2 as two')).rows).toEqual([{ two: 2 }]);
  expect((await live.inTransaction.query('select count(*)::int as n from f14')).rows).toEqual([{ n: 1 }]);
  await sleep(drainSeconds * 500);
  expect(world.gateway.isRunning).toBe(true);
  expect((await live.idle.query('select 3 as three')).rows).toEqual([{ three: 3 }]);
  await live.farewells[0];
  const drainedMs = Math.round(performance.now() - begun);
  expect(drainedMs, 'sessions end no earlier than configured').toBeGreaterThanOrEqual(drainSeconds * 1000 - 100);
  expect(drainedMs).toBeLessThanOrEqual(drainSeconds * 1000 + closingMs);
  await expectDrained(live, from);
  report(
    'F-14',
    `drain of ${drainSeconds} s: goodbye after ${drainedMs} ms, gone after ${Math.round(performance.now() - begun)} ms`,
  );
});

test('F-14 sessions that finish by themselves end the drain early', { timeout: 60_000 }, async () => {
  await world.gateway.stop();
  await world.start({ drainSeconds: 600 });
  const client = await world.connect();
  const query = client.query('select pg_sleep(1), 7 as seven');
  await until('the query', 10_000, async () =>
    (await backendsOf(world.server)).some(({ query: q }) => q.includes('pg_sleep')),
  );
  world.gateway.signal('SIGTERM');
  expect((await query).rows[0]).toMatchObject({ seven: 7 });
  await client.end();
  const exit = await Promise.race([world.gateway.exited, sleep(closingMs).then(() => null)]);
  expect(exit, 'the gateway waits for nobody').toEqual({ code: 0, signal: null });
  verifyClean(world.dataDirectory);
  await world.start();
});

test('F-14 a second SIGTERM means now', { timeout: 90_000 }, async () => {
  await world.gateway.stop();
  await world.start({ drainSeconds: 600 });
  const from = (await eventsOf(world.dataDirectory)).length;
  const live = await openAll();
  world.gateway.signal('SIGTERM');
  await until('the listener to close', 5_000, () => isRefused(world.gateway.postgresPort));
  expect((await live.idle.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  const begun = performance.now();
  world.gateway.signal('SIGTERM');
  await Promise.race([
    live.farewells[0],
    sleep(closingMs).then(() => {
      throw new Error(`no goodbye after the second SIGTERM; output: ${world.gateway.output()}`);
    }),
  ]);
  report('F-14', `second SIGTERM: goodbye after ${Math.round(performance.now() - begun)} ms`);
  await expectDrained(live, from);
});
