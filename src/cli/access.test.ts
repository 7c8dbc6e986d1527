/** Locks, extensions, and who reaches what, against the fake gateway. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ReachView } from '../api/contract/index.ts';
import { type FakeGateway, goodToken, startFakeGateway } from './testing/fake-gateway.ts';
import { testNowMs, World } from './testing/world.ts';

const reach: ReachView = {
  principal: 'erin',
  kind: 'person',
  groups: [],
  resource: 'orders',
  access: 'oncall',
  how: 'grant',
  grant: 'grt_1',
  stepUp: true,
  counts: true,
  windows: 'every day 08:00 to 18:00 UTC',
  until: new Date(testNowMs + 3_600_000).toISOString(),
  locked: null,
  since: null,
  grantedBy: ['dana'],
  lastUsed: null,
};

let gateway: FakeGateway;
let world: World;

beforeAll(async () => {
  gateway = await startFakeGateway({
    apply: () => ({ dryRun: false, results: [] }),
    deleteObject: () => ({ kind: 'Lock', name: 'principal-erin', action: 'deleted', changes: [], warnings: [] }),
    listObjects: () => ({
      objects: [
        { kind: 'Lock', metadata: { name: 'shut' }, spec: { target: { principal: 'erin' }, reason: 'stolen' } },
        {
          kind: 'Lock',
          metadata: { name: 'was' },
          spec: { target: { resource: 'orders' }, reason: 'x', until: new Date(testNowMs - 60_000).toISOString() },
        },
      ],
    }),
    accessWho: () => ({ reach: [reach], next: null }),
    accessWhat: () => ({ reach: [{ ...reach, how: 'request', grant: null, locked: 'shut', counts: false }] }),
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const run = (...argv: readonly string[]) =>
  world.run(argv, { env: { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken } });
const lastAsked = () => gateway.asked.at(-1)!;

it('locks by applying a Lock, for a while or for good', async () => {
  const { code, stderr } = await run('lock', 'token', 'SHA256:Ab/c', '--reason', 'stolen', '--for', '2h');
  expect(code).toBe(0);
  expect(stderr).toContain('To take it away: sallyport unlock token-sha256-ab-c');
  const spec = { target: { token: 'SHA256:Ab/c' }, reason: 'stolen' };
  const until = new Date(testNowMs + 7_200_000).toISOString();
  expect(lastAsked().body).toEqual({
    documents: [{ kind: 'Lock', metadata: { name: 'token-sha256-ab-c' }, spec: { ...spec, until } }],
    dryRun: false,
  });
  await run('lock', 'principal', 'erin', '--reason', 'stolen', '--name', 'shut');
  expect(lastAsked().body).toMatchObject({
    documents: [{ metadata: { name: 'shut' }, spec: { target: { principal: 'erin' }, reason: 'stolen' } }],
  });
});

it.each([
  [['lock', 'principal', 'erin']],
  [['lock', 'principal', 'erin', '--reason', 'x', '--for', 'soon']],
  [['lock', 'nothing', 'erin', '--reason', 'x']],
])('is refused as usage: %j', async (argv) => {
  expect((await run(...argv)).code).toBe(2);
});

it('lists locks and takes them away', async () => {
  const { stdout } = await run('lock', 'ls');
  expect(stdout).toMatch(/shut\s+principal erin\s+stolen\s+unlocked/);
  expect(stdout).toMatch(/was\s+resource orders\s+x\s+.*\(over\)/);
  expect((await run('unlock', 'principal-erin')).stderr).toBe('✔ Took principal-erin away.\n');
  expect(lastAsked()).toMatchObject({ route: 'deleteObject', params: { kind: 'Lock', name: 'principal-erin' } });
});

it('asks for more of a grant', async () => {
  await run('request', 'orders', '--extend', 'grt_1', '--for', '1h');
  expect(lastAsked().body).toEqual({ resource: 'orders', duration: '1h', extends: 'grt_1' });
});

it('says who reaches what, and by what', async () => {
  expect((await run('access', 'who', 'orders')).stdout).toMatch(
    /✔\s+erin\s+grt_1\s+granted, step-up\s+every day 08:00 to 18:00 UTC; ends .*\s+never/,
  );
  expect((await run('access', 'what')).stdout).toMatch(/·\s+orders\s+oncall\s+on request, step-up, locked by shut/);
});
