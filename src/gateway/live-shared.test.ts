/** Two gateways that share a real PostgreSQL: what one does, whoever looks at the other sees. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore, type Store } from '../store/index.ts';
import { PostgresServer } from '../store/testing/server.ts';
import { LiveWorld, someone } from './fixtures/live-world.ts';
import * as limits from './limits.ts';

const server = new PostgresServer();
let stores: readonly [Store, Store];
let here: LiveWorld;
let there: LiveWorld;

beforeAll(async () => {
  await server.start();
  const databaseUrl = await server.createDatabase('live');
  stores = await Promise.all([openStore({ databaseUrl }), openStore({ databaseUrl })]);
  here = new LiveWorld('gw_here', stores[0]);
  there = new LiveWorld('gw_there', stores[1]);
}, 120_000);

afterAll(async () => {
  for (const world of [here, there]) world?.live.close();
  await Promise.all(stores?.map((store) => store.close()) ?? []);
  await server.dispose();
}, 60_000);

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3_000 && !holds(); tries++) {
    for (const world of [here, there]) world.clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(holds()).toBe(true);
}

test('a session of the other gateway appears, its figures move, its end is told', async () => {
  const watch = here.watch(someone('ada', 'admin'), 'all').start();
  await until(() => watch.entries.length > 0);
  const session = await there.open('s1', 'erin');
  await until(() => watch.topics().includes('sessions s1'));
  Object.assign(session, { commands: 7, rows: 70, bytesIn: 1, bytesOut: 2_000, isPaused: true });
  // Responses in force are known everywhere: the risk is found where one looks.
  here.risks.set('s1', 40);
  await until(() => watch.of('s1')?.commands === 7);
  expect(watch.of('s1')).toMatchObject({ rows: 70, bytesOut: 2_000, risk: 40, paused: true });
  session.commands = 8;
  await until(() => watch.of('s1')?.commands === 8);
  const before = watch.topics().length;
  await there.end('s1');
  await until(() => watch.topics().length > before);
  await watch.end();
});

test('A-API-02: who looks at one gateway is told of their own sessions on the other, and of no others', async () => {
  const erin = here.watch(someone('erin'), 'own').start();
  const emil = here.watch(someone('emil'), 'own').start();
  await until(() => erin.entries.length > 0 && emil.entries.length > 0);
  const session = await there.open('s2', 'erin');
  await until(() => erin.topics().includes('sessions null'));
  session.commands = 3;
  await until(() => erin.of('s2')?.commands === 3);
  expect(emil.of('s2')).toBeNull();
  expect(emil.topics()).toEqual([]);
  await Promise.all([erin.end(), emil.end()]);
});

test('more sessions than one notification holds', async () => {
  const count = 300;
  for (let index = 0; index < count; index++) {
    const counts = { commands: index + 1, rows: 0, bytesIn: 0, bytesOut: 0, isPaused: false, ended: false };
    there.sessions.set(`many-${index}`, { id: `many-${index}`, principal: { id: 'local:erin' }, ...counts });
  }
  const watch = here.watch(someone('ada', 'admin'), 'all').start();
  await until(() => Array.from({ length: count }, (_, index) => watch.of(`many-${index}`)).every(Boolean));
  there.sessions.clear();
  await watch.end();
});

test('nothing is told where nobody looks, and what another says is checked', async () => {
  await here.open('s3', 'erin');
  const watch = there.watch(someone('ada', 'admin'), 'all').start();
  // What is no figure changes nothing.
  await stores[0].live.say(['not json', '{"of":"gw_here","figures":[["x"]]}', '{"of":1}']);
  await until(() => watch.of('s3') !== null);
  await watch.end();
  const worlds = [here, there];
  await until(() => {
    const before = worlds.map(({ said }) => said);
    for (const world of worlds) world.clock.advance(limits.liveLookingMs);
    return worlds.every(({ said }, index) => said === before[index]);
  });
  const before = worlds.map(({ said }) => said);
  for (const world of worlds) world.clock.advance(10 * limits.liveSharedMs);
  expect(worlds.map(({ said }) => said)).toEqual(before);
});

test('a session that the other gateway runs is spoken to, stopped and ended from here', async () => {
  await there.open('s4', 'erin');
  const { port } = here.live;
  expect(await port.order('s4', { do: 'message', text: 'lunch' })).toBe(true);
  expect(await port.order('s4', { do: 'pause' })).toBe(true);
  expect(await port.order('s4', { do: 'resume' })).toBe(true);
  expect(await port.order('s4', { do: 'end', by: 'ada', reason: 'enough' })).toBe(true);
  expect(there.did).toEqual([
    'say s4: lunch',
    'pause s4',
    'resume s4',
    'end s4: This session was ended by ada: enough.',
  ]);
  expect(here.did).toEqual([]);
  // Over, unknown, one's own, and too long for a notification: nothing is claimed to have been done.
  await there.end('s4');
  await here.open('s5', 'erin');
  for (const id of ['s4', 'none', 's5']) expect(await port.order(id, { do: 'pause' })).toBe(false);
  await there.open('s6', 'erin');
  const text = 'x'.repeat(limits.liveOrderBytesMax);
  expect(await port.order('s6', { do: 'message', text })).toBe(false);
});

test('a gateway that is gone does nothing, and that is said after a moment', async () => {
  await there.open('s7', 'erin');
  there.live.close();
  const done = here.live.port.order('s7', { do: 'pause' });
  let answer: boolean | null = null;
  void done.then((value) => (answer = value));
  await until(() => answer !== null);
  expect(await done).toBe(false);
});
