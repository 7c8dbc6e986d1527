/** `sallyport sinks …` against a gateway that answers from a table. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type FakeGateway, goodToken, startFakeGateway } from './testing/fake-gateway.ts';
import { World } from './testing/world.ts';

let gateway: FakeGateway;
let world: World;
let env: Record<string, string>;

const standing = {
  ...{ gateway: 'gw_1', standing: 'working', since: '2026-11-21T11:00:00.000Z', problem: '', sequence: 1200 },
  ...{ lagEvents: 0, lagSeconds: 0, sent: 1187, lastSentAt: '2026-11-21T11:59:58.000Z', deadLetters: 0 },
  updatedAt: '2026-11-21T12:00:00.000Z',
};
const down = {
  ...{
    gateway: 'gw_2',
    standing: 'failing',
    since: '2026-11-21T10:00:00.000Z',
    problem: 'cannot connect: ECONNREFUSED',
  },
  ...{ sequence: 7, lagEvents: 4200, lagSeconds: 7200, sent: 6, lastSentAt: null, deadLetters: 2 },
  updatedAt: '2026-11-21T12:00:00.000Z',
};
const siem = {
  ...{ name: 'siem', target: 'syslog', format: 'ecs', enabled: true, description: 'The security team’s.' },
  gateways: [standing, down],
};
const pager = { name: 'pager', target: 'pagerduty', format: null, enabled: true, description: '', gateways: [] };
const letter = {
  ...{ gateway: 'gw_2', sequence: 5, type: 'command.intent', why: 'it answered 413' },
  ...{ eventAt: '2026-11-21T09:00:00.000Z', at: '2026-11-21T09:01:00.000Z', wanted: false },
};

beforeAll(async () => {
  gateway = await startFakeGateway();
  env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken };
  gateway.answers.listSinks = () => ({ sinks: [pager, siem] });
  gateway.answers.getSink = () => siem;
  gateway.answers.testSink = () => ({ taken: true, problem: '', sequence: 1201 });
  gateway.answers.listDeadLetters = () => ({ deadLetters: [letter], next: null });
  gateway.answers.resendDeadLetters = () => ({ wanted: 2, left: 1 });
  gateway.answers.discardDeadLetters = () => ({ discarded: 0 });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const golden = (name: string): string => join(import.meta.dirname, 'testing', 'goldens', name);
const lastAsked = () => gateway.asked.at(-1)!;

it.each([
  ['sinks-ls', ['sinks', 'ls']],
  ['sinks-show', ['sinks', 'show', 'siem']],
  ['sinks-dead-letters', ['sinks', 'dead-letters', 'siem']],
])('%s, plain and coloured', async (name, argv) => {
  const plain = await world.run(argv, { env });
  expect([plain.code, plain.stderr]).toEqual([0, '']);
  await expect(plain.stdout).toMatchFileSnapshot(golden(`${name}.txt`));
  const coloured = await world.run(argv, { env, terminal: 200 });
  await expect(coloured.stdout.replaceAll('\u001b', '␛')).toMatchFileSnapshot(golden(`${name}.colour.txt`));
  expect(JSON.parse((await world.run([...argv, '-o', 'json'], { env })).stdout)).toBeTruthy();
});

it('test says what came of it, and exits with 1 where it was not taken', async () => {
  const taken = await world.run(['sinks', 'test', 'siem'], { env });
  expect([taken.code, taken.stderr]).toEqual([0, expect.stringContaining('took the test')]);
  gateway.answers.testSink = () => ({ taken: false, problem: 'it answered 403', sequence: 1201 });
  const refused = await world.run(['sinks', 'test', 'siem'], { env });
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('it answered 403')]);
});

it('resend takes all, one gateway’s, or one', async () => {
  const all = await world.run(['sinks', 'resend', 'siem'], { env });
  expect([all.code, lastAsked().body]).toEqual([0, {}]);
  expect(all.stderr).toContain('2 events sent again');
  await world.run(['sinks', 'resend', 'siem', '--gateway', 'gw_2', '--sequence', '5'], { env });
  expect(lastAsked().body).toEqual({ gateway: 'gw_2', sequence: 5 });
});

it('discard asks to be told how much', async () => {
  const asked = gateway.asked.length;
  const none = await world.run(['sinks', 'discard', 'siem'], { env });
  expect([none.code, gateway.asked.length]).toEqual([2, asked]);
  let left = 3;
  gateway.answers.discardDeadLetters = () => ({ discarded: left-- > 1 ? 500 : 0 });
  const all = await world.run(['sinks', 'discard', 'siem', '--all'], { env });
  expect([all.code, all.stderr]).toEqual([0, expect.stringContaining('events given up')]);
});
