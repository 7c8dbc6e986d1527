/** The index of what happened on PostgreSQL: its thread writes on connections of its own, whatever becomes of them and of the server. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { EventBody } from '../core/event.ts';
import { cleanUp, open, temporary, testKeys } from '../recording/fixtures/kit.ts';
import { openRecordings, type RecordingJournal, type SessionRecordings } from '../recording/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { PostgresServer } from '../store/testing/server.ts';
import { type History, openHistory } from './history.ts';

const server = new PostgresServer();
let store: Store;
let journal: RecordingJournal;
let recordings: SessionRecordings;
let history: History;
let logins = 0;

beforeAll(() => server.start(), 120_000);
afterAll(async () => {
  await server.dispose();
  cleanUp();
}, 60_000);

beforeEach(async () => {
  store = await openStore({ databaseUrl: await server.createDatabase(`history-${++logins}`) });
  journal = await open(temporary());
  recordings = openRecordings({ journal, keys: testKeys });
  history = await openHistory({
    gateway: 'gw',
    store,
    journal,
    recordings,
    metrics: { gauge: () => {} },
    clock: systemClock,
    log: silentLog,
  });
}, 120_000);
afterEach(async () => {
  await history.close();
  await recordings.close();
  await journal.close();
  await store.close();
}, 120_000);

const refusal = (): EventBody => ({
  type: 'identity.refused',
  connection: 'c',
  source: '192.0.2.9',
  login: `login-${++logins}`,
  code: 'identity.denied',
});

async function append(count: number): Promise<void> {
  for (let one = 0; one < count; one++) journal.append(refusal());
  await journal.flush();
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 100_000;
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error('waited too long');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const caughtUp = (): Promise<void> => until(async () => (await history.port.status()).lag === 0);

async function sequences(): Promise<readonly number[]> {
  const query = { where: null, fromMs: 0, toMs: 4e12, sort: 'oldest' } as const;
  const { hits } = await history.port.search(query, 'all', { limit: 500, after: null });
  return hits.map(({ sequence }) => sequence);
}

const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, at) => at + 1);

it('goes on after its connections were ended', async () => {
  await append(30);
  await caughtUp();
  for (let round = 0; round < 3; round++) {
    await server.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()');
    await append(10);
  }
  await caughtUp();
  await until(async () => (await sequences().catch(() => [])).length === 60);
  expect(await sequences()).toEqual(upTo(60));
}, 240_000);

it('waits for a server that is down, says so, and stalls nobody', async () => {
  await append(20);
  await caughtUp();
  await server.stop('SIGQUIT');
  await append(15);
  await until(async () => !(await history.port.status()).working);
  expect((await history.port.status()).lag).toBe(15);
  // Begun anew meanwhile, it finds no server at all.
  await history.crash();
  await append(5);
  expect((await history.port.status()).lag).toBe(20);
  await server.start();
  await caughtUp();
  expect(await sequences()).toEqual(upTo(40));
  expect(await history.port.status()).toMatchObject({ working: true, lag: 0 });
}, 240_000);
