/** `sallyport detection …` against a gateway that answers from a table. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type FakeGateway, goodToken, startFakeGateway, streamed } from './testing/fake-gateway.ts';
import { type RunOptions, World } from './testing/world.ts';

let gateway: FakeGateway;
let world: World;
let env: Record<string, string>;

beforeAll(async () => {
  gateway = await startFakeGateway();
  env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken };
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
  const manifest = `kind: Detection\nmetadata: { name: drops }\nspec:\n  severity: high\n  select: { drop: { effect: drop } }\n`;
  await writeFile(join(world.directory, 'drops.yaml'), manifest);
});
afterEach(() => world[Symbol.asyncDispose]());

const golden = (name: string): string => join(import.meta.dirname, 'testing', 'goldens', name);
const run = (argv: readonly string[], options: RunOptions = {}) => world.run(argv, { env, ...options });
const lastAsked = () => gateway.asked.at(-1)!;

it('ls shows what is configured, what is broken, and what is built in', async () => {
  const plain = await run(['detection', 'ls']);
  expect(plain.code).toBe(0);
  await expect(plain.stdout).toMatchFileSnapshot(golden('detection-ls.txt'));
});

it('show explains a built-in detector, by its own name or by that of a detection, with a manifest to begin with', async () => {
  const plain = await run(['detection', 'show', 'unusual-volume']);
  await expect(plain.stdout).toMatchFileSnapshot(golden('detection-show.txt'));
  expect((await run(['detection', 'show', 'bulk-downloads'])).stdout).toBe(plain.stdout);
  const manifest = await run(['detection', 'show', 'unusual-volume', '--manifest']);
  await writeFile(join(world.directory, 'volume.yaml'), manifest.stdout);
  expect((await run(['detection', 'test', '-f', 'volume.yaml'])).code).toBe(0);
  expect(lastAsked().body).toMatchObject({
    documents: [{ kind: 'Detection', spec: { detector: 'unusual-volume', tuning: { factor: 10, ignore: [] } } }],
  });
  expect((await run(['detection', 'show', 'drops'])).stderr).toContain('get Detection drops');
  expect((await run(['detection', 'show', 'nothing'])).stderr).toContain('There is no detector nothing');
});

it('fields lists what can be selected', async () => {
  expect((await run(['detection', 'fields'])).stdout).toMatch(/rows +number +Rows that came back\. +command\.ended/);
});

it('test runs the examples: 0 when all pass, 1 when one fails, 2 where it could not be saved', async () => {
  expect((await run(['detection', 'test', '-f', 'drops.yaml'])).stdout).toContain('There is no example');
  const before = gateway.answers.testDetections!;
  const passing = { name: 'drops', example: 0, expected: 'alert', got: 'alert', passed: true, reason: 'drops: ana' };
  const failing = { ...passing, example: 1, got: 'quiet', passed: false, reason: '3 activities\u001b[2J' };
  gateway.answers.testDetections = () => ({ problems: [], results: [passing, failing] });
  const plain = await run(['detection', 'test', '-f', 'drops.yaml']);
  expect(plain.code).toBe(1);
  await expect(plain.stdout).toMatchFileSnapshot(golden('detection-test.txt'));
  const problem = { document: 0, path: ['spec', 'select', 'drop'], on: 'value', message: 'there is no field' };
  gateway.answers.testDetections = () => ({ problems: [problem], results: [] });
  const broken = await run(['detection', 'test', '-f', 'drops.yaml']);
  expect([broken.code, broken.stderr]).toEqual([2, expect.stringContaining('drops.yaml:5:19')]);
  gateway.answers.testDetections = before;
});

it('test tries activities besides, and says what would come of them', async () => {
  const before = gateway.answers.testDetections!;
  const tried = { name: 'drops', example: 0, expected: 'alert', got: 'quiet', passed: false, reason: '2 activities' };
  const problem = { document: 0, path: ['spec', 'examples', 0], on: 'value', message: 'does not come out' };
  gateway.answers.testDetections = () => ({ problems: [problem], results: [tried] });
  const argv = ['detection', 'test', '-f', 'drops.yaml', '--activity', '{ principal: ana, effect: drop }'];
  const ran = await run([...argv, '--activity', '{ principal: ana, effect: read, at: 30s }']);
  expect(ran).toMatchObject({ code: 0, stdout: 'What you gave: drops: quiet: 2 activities\n', stderr: '' });
  expect(lastAsked().body).toMatchObject({
    documents: [
      {
        spec: {
          examples: [
            {
              activities: [
                { principal: 'ana', effect: 'drop' },
                { principal: 'ana', effect: 'read', at: '30s' },
              ],
              expect: 'alert',
            },
          ],
        },
      },
    ],
  });
  gateway.answers.testDetections = before;
  expect((await run(['detection', 'test', '-f', 'drops.yaml', '--activity', 'drop'])).code).toBe(2);
});

it('replay shows what would have been raised, by detection and one by one', async () => {
  const argv = ['detection', 'replay', '--since', '30d', '-f', 'drops.yaml'];
  const plain = await run(argv);
  expect(plain).toMatchObject({ code: 0, stderr: '' });
  expect(lastAsked()).toMatchObject({ route: 'replayDetections', body: { since: '2026-10-22T12:00:00.000Z' } });
  await expect(plain.stdout).toMatchFileSnapshot(golden('detection-replay.txt'));
  const value = JSON.parse((await run([...argv, '-o', 'json'])).stdout) as Record<string, unknown>;
  expect(value['byDetection']).toEqual([
    { detection: 'bulk-downloads', severity: 'high', alerts: 1, suppressed: 1, principals: 2 },
    { detection: 'drops', severity: 'medium', alerts: 1, suppressed: 0, principals: 0 },
  ]);
  await run(['detection', 'replay', '--since', '90d', '--name', 'drops', '--name', 'old', '--until', '1d']);
  expect(lastAsked().body).toEqual({
    names: ['drops', 'old'],
    since: '2026-08-23T12:00:00.000Z',
    until: '2026-11-20T12:00:00.000Z',
  });
});

it('a replay that broke off says so', async () => {
  const before = gateway.answers.replayDetections!;
  gateway.answers.replayDetections = () => streamed([]);
  expect((await run(['detection', 'replay', '--since', '1d'])).stdout).toContain('broke off');
  gateway.answers.replayDetections = before;
});
