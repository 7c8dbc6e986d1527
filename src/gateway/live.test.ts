/** What is pushed while one looks: whose, how often, and how little to one who reads slowly. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Store } from '../store/index.ts';
import { LiveWorld, someone, type Watch } from './fixtures/live-world.ts';
import { testStore } from './fixtures/review-world.ts';
import * as limits from './limits.ts';

let store: Store;
let dispose: () => Promise<void>;
let world: LiveWorld;
let worlds = 0;

beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 60_000);
afterAll(() => dispose());
beforeEach(() => {
  world?.live.close();
  world = new LiveWorld(`gw_live_${++worlds}`, store);
});

/** Lets what was told be heard: notices come in microtasks, and whose a session is may be asked of the store. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !holds(); tries++) {
    world.clock.advance(limits.liveGatherMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(holds()).toBe(true);
}

const beat = async (watch: Watch, holds: () => boolean): Promise<void> => {
  world.clock.advance(limits.liveFiguresMs);
  await until(holds);
  void watch;
};

test('who looks is greeted, and told of what lives', async () => {
  const session = await world.open('s1', 'erin');
  Object.assign(session, { commands: 3, rows: 40, bytesIn: 5, bytesOut: 900, isPaused: true });
  world.risks.set('s1', 60);
  const watch = world.watch(someone('ada', 'admin'), 'all').start();
  await until(() => watch.of('s1') !== null);
  expect(watch.entries[0]).toMatchObject({ type: 'hello', gateway: world.gateway });
  expect(watch.of('s1')).toMatchObject({
    ...{ commands: 3, perMinute: 3, rows: 40, bytesIn: 5, bytesOut: 900, risk: 60, paused: true },
  });
  await watch.end();
});

test('figures come at most once a second, and only where they changed', async () => {
  const busy = await world.open('s1', 'erin');
  await world.open('s2', 'erin');
  const watch = world.watch(someone('ada', 'admin'), 'all').start();
  await until(() => watch.of('s2') !== null);
  const before = watch.entries.length;
  busy.commands = 1;
  world.clock.advance(limits.liveFiguresMs - 100);
  busy.commands = 2;
  await beat(watch, () => watch.of('s1')?.commands === 2);
  const told = watch.entries.slice(before).filter((entry) => entry.type === 'figures');
  expect(told.map(({ sessions }) => sessions.map(({ id, commands }) => [id, commands]))).toEqual([[['s1', 2]]]);
  await watch.end();
});

test('commands of the last minute, and of the parts of the last five', async () => {
  const session = await world.open('s1', 'erin');
  for (let part = 0; part < 12; part++) {
    session.commands += 10;
    world.clock.advance(limits.liveBucketMs);
  }
  const watch = world.watch(someone('ada', 'admin'), 'all').start();
  await until(() => watch.of('s1') !== null);
  expect(watch.of('s1')?.perMinute).toBe(60);
  expect(watch.of('s1')?.recent).toHaveLength(limits.liveBuckets);
  expect(watch.of('s1')?.recent.slice(-3)).toEqual([10, 10, 0]);
  world.clock.advance(limits.liveBucketMs * (limits.liveBuckets + 1));
  await until(() => watch.of('s1')?.perMinute === 0);
  await until(() => watch.of('s1')?.recent.length === 0);
  await watch.end();
});

test('A-API-02: who sees their own sessions only is told of no others', async () => {
  await world.open('s1', 'erin');
  await world.open('s2', 'emil');
  const erin = world.watch(someone('erin'), 'own').start();
  const ada = world.watch(someone('ada', 'admin'), 'all').start();
  await until(() => erin.of('s1') !== null && ada.of('s2') !== null);
  await world.open('s3', 'emil');
  await until(() => ada.topics().includes('sessions s3'));
  world.sessions.get('s2')!.commands = 5;
  world.sessions.get('s3')!.commands = 5;
  await beat(ada, () => ada.of('s2')?.commands === 5 && ada.of('s3')?.commands === 5);
  // Theirs comes behind whatever would have come of the others.
  await world.end('s1');
  await until(() => erin.topics().length > 0);
  expect(erin.topics()).toEqual(['sessions null']);
  expect(erin.of('s2')).toBeNull();
  expect(erin.of('s3')).toBeNull();
  await Promise.all([erin.end(), ada.end()]);
});

test('topics are told of what one may ask for, without ids of what may be others’', async () => {
  const member = world.watch(someone('erin'), 'own').start();
  const admin = world.watch(someone('ada', 'admin'), 'all').start();
  await until(() => member.entries.length > 0 && admin.entries.length > 0);
  const put = { kind: 'Group', name: `g${worlds}`, labels: {}, spec: {}, by: 'test', expectedGeneration: 0 };
  await store.objects.change({ puts: [put], deletes: [] }, async () => {});
  await store.alerts.act('none', { ...trail, gateway: world.gateway }, null);
  await until(() => admin.topics().length === 2 && member.topics().length === 1);
  expect([...admin.topics()].sort()).toEqual(['alerts none', `objects Group/g${worlds}`]);
  expect(member.topics()).toEqual(['objects null']);
  await Promise.all([member.end(), admin.end()]);
});

const trail = {
  ...{ sequence: 1, atMs: 1, by: { id: 'local:ada', name: 'ada' }, action: 'comment' as const, to: null, text: '' },
};

test('one who reads slowly is given the latest, and no queue', async () => {
  const session = await world.open('s1', 'erin');
  const watch = world.watch(someone('ada', 'admin'), 'all');
  await watch.read();
  for (let round = 1; round <= 500; round++) {
    session.commands = round;
    if (round % 50 === 0) await world.open(`more-${worlds}-${round}`, 'erin');
    world.clock.advance(limits.liveFiguresMs);
  }
  watch.start();
  await until(() => watch.of('s1')?.commands === 500);
  expect(watch.topics()).toEqual(['sessions null']);
  expect(watch.entries.filter(({ type }) => type === 'figures').length).toBeLessThanOrEqual(2);
  await watch.end();
});

test('with nobody looking nothing is asked of a session but how many commands it had', async () => {
  const session = await world.open('s1', 'erin');
  let asked = 0;
  Object.defineProperty(session, 'bytesOut', { get: () => ++asked });
  world.clock.advance(60_000);
  expect(asked).toBe(0);
  const watch = world.watch(someone('ada', 'admin'), 'all').start();
  await until(() => watch.of('s1') !== null);
  await watch.end();
  const before = asked;
  world.clock.advance(60_000);
  expect(asked).toBe(before);
});

test('many sessions come in lines of a bounded length', async () => {
  for (let index = 0; index <= limits.liveSessionsPerEntry; index++) {
    const counts = { commands: 1, rows: 0, bytesIn: 0, bytesOut: 0, isPaused: false, ended: false };
    world.sessions.set(`s${index}`, { id: `s${index}`, principal: { id: 'local:erin' }, ...counts });
  }
  const watch = world.watch(someone('ada', 'admin'), 'all').start();
  await until(() => watch.entries.length >= 3);
  const lines = watch.entries.flatMap((entry) => (entry.type === 'figures' ? [entry.sessions.length] : []));
  expect(lines).toEqual([limits.liveSessionsPerEntry, 1]);
  await watch.end();
});
