/**
 * F-07: clients that read 1 kB/s of huge results. The gateway's memory stays bounded, PostgreSQL is paused, others work
 * meanwhile, and whoever is killed gives everything back.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  connectionsOn,
  eventsOf,
  isType,
  mebibytes,
  residentKiB,
  verifyClean,
  watchMemory,
} from './support/gateway.ts';
import { startThrottle, type Throttle } from './support/raw.ts';
import { backendsOf, createWorld, isFull, report, sleep, until, type World } from './support/world.ts';

const slow = isFull ? 20 : 6;
const resultRows = isFull ? 10_000_000 : 2_000_000;
const watchedMs = isFull ? 300_000 : 10_000;
/** The promise of F-07: for the process, and for each session. */
const growthKiB = 64 * 1024 + slow * 4 * 1024;

let world: World;
let throttle: Throttle;

beforeAll(async () => {
  world = await createWorld();
  throttle = await startThrottle(world.gateway.postgresPort);
});

afterAll(async () => {
  await throttle?.close();
  await world?.close();
});

test(`F-07 ${slow} clients that read 1 kB/s of ${resultRows / 1_000_000} GB each`, {
  timeout: isFull ? 900_000 : 90_000,
}, async () => {
  const { pid } = world.gateway;
  const idle = await residentKiB(pid);
  // A warm process: code loaded, buffers of the recorder made.
  const quick = await world.connect();
  await quick.query("select repeat('x', 1000) from generate_series(1, 50000)");
  await sleep(1_000);
  const before = await residentKiB(pid);

  const clients = await Promise.all(
    Array.from({ length: slow }, () =>
      world.connect({ port: throttle.port, host: '127.0.0.1', ssl: { rejectUnauthorized: false } }),
    ),
  );
  throttle.limit(1_000);
  const memory = watchMemory(pid);
  const broken = clients.map((client) =>
    client.query(`select repeat('x', 1000) from generate_series(1, ${resultRows})`).then(
      () => 'completed',
      (error: Error) => error.message,
    ),
  );
  const paused = await until('PostgreSQL to be paused on every slow session', 30_000, async () => {
    const waiting = (await backendsOf(world.server)).filter(({ wait_event }) => wait_event === 'ClientWrite');
    return waiting.length === slow;
  });
  // Paused means: it stays so, while others work.
  const until10 = performance.now() + watchedMs;
  let answers = 0;
  let slowest = 0;
  while (performance.now() < until10) {
    const begun = performance.now();
    const { rows } = await quick.query('select $1::int + 1 as n', [answers]);
    expect(rows).toEqual([{ n: answers + 1 }]);
    slowest = Math.max(slowest, performance.now() - begun);
    answers++;
    await sleep(5);
  }
  const waiting = (await backendsOf(world.server)).filter(({ wait_event }) => wait_event === 'ClientWrite');
  expect(waiting.length).toBe(slow);
  const peak = await memory.stop();
  report(
    'F-07',
    `paused after ${paused.afterMs} ms; RSS ${mebibytes(idle)}, warm ${mebibytes(before)} → ${mebibytes(peak)} (bound +${mebibytes(growthKiB)}); meanwhile ${answers} answers elsewhere, slowest ${slowest.toFixed(1)} ms`,
  );
  expect(peak - before).toBeLessThanOrEqual(growthKiB);

  // Kill them all: a goodbye that cannot be delivered must not keep anything (I11: within a second).
  const api = await world.administrator();
  const quickId = (await eventsOf(world.dataDirectory)).find(isType('session.opened'))!.session;
  const { sessions } = await api.call('listSessions', { query: { live: true, limit: 100 } });
  const killed = sessions.map(({ id }) => id).filter((id) => id !== quickId);
  expect(killed).toHaveLength(slow);
  const begun = performance.now();
  await Promise.all(killed.map((id) => api.call('killSession', { params: { id }, body: { reason: 'too slow' } })));
  await until(
    'the backends of killed sessions to go',
    15_000,
    async () => (await backendsOf(world.server)).length === 1,
  );
  const goneMs = Math.round(performance.now() - begun);
  const { afterMs } = await until(
    'their connections to be dropped',
    15_000,
    async () => (await connectionsOn(world.gateway.postgresPort)) === 1,
  );
  report('F-07', `killed: backends gone after ${goneMs} ms, connections ${afterMs} ms later`);
  await throttle.close();
  for (const message of await Promise.all(broken)) expect(message).not.toBe('completed');
  expect((await quick.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await quick.end();
  await until('the killed sessions in the journal', 10_000, async () => {
    const ended = (await eventsOf(world.dataDirectory)).filter(isType('session.ended'));
    return ended.filter(({ reason }) => reason === 'killed').length === slow;
  });
  verifyClean(world.dataDirectory);
});
