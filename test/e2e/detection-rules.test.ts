/**
 * Detections as somebody new writes them: the manifests of docs/learn/detections.md are checked, tested by their examples, replayed
 * over what stock psql did, and switched on; and those that cannot work are refused with their place.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Client, DetectionReplayEntry } from '../../src/api/contract/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';

const run = promisify(execFile);
let env: TestEnv;
let admin: Client;
let manifests: readonly { readonly metadata: { readonly name: string }; readonly spec: Record<string, unknown> }[];

beforeAll(async () => {
  env = await createTestEnv({ principals: [{ name: 'engineer' }] });
  admin = await env.api('admin');
  const page = await readFile(new URL('../../docs/learn/detections.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```yaml\n(kind: Detection\n[\s\S]*?)```/g)].map((match) => match[1]!);
  manifests = parseAllDocuments(blocks.join('---\n')).map((document) => document.toJS());
}, 120_000);
afterAll(() => env?.close());

const named = (name: string) => manifests.find(({ metadata }) => metadata.name === name)!;

async function replay(body: object): Promise<readonly DetectionReplayEntry[]> {
  const found: DetectionReplayEntry[] = [];
  for await (const entry of admin.stream('replayDetections', { body: body as never })) found.push(entry);
  return found;
}

it('every manifest of the page can be saved, and its examples come out', async () => {
  expect(manifests.length).toBeGreaterThanOrEqual(5);
  const tested = await admin.call('testDetections', { body: { documents: [...manifests] } });
  expect(tested.problems).toEqual([]);
  expect(tested.results.map(({ name, passed }) => [name, passed])).toEqual([
    ['many-customers', true],
    ['many-customers', true],
    ['many-customers', true],
  ]);
});

it('what could never find anything, and an example that does not come out, are refused with their place', async () => {
  const { spec, ...rest } = named('many-customers');
  const wrong = [
    { ...rest, spec: { ...spec, select: { read: { 'reads.tables': 'customers' } } } },
    { ...rest, spec: { ...spec, condition: 'read or rea' } },
    { ...rest, spec: { ...spec, measure: { of: 'sum', field: 'rows', min: 50_000 } } },
    { ...rest, spec: { severity: 'low', detector: 'unusual-volume', tuning: { factr: 2 } } },
  ];
  const problems = [];
  for (const document of wrong) {
    const tested = await admin.call('testDetections', { body: { documents: [document] } });
    problems.push(tested.problems.map(({ path, message }) => `${path.join('.')}: ${message}`));
  }
  expect(problems).toEqual([
    [expect.stringMatching(/^spec\.select\.read\.reads\.tables: there is no field .*did you mean reads\.table\?/)],
    [expect.stringMatching(/^spec\.condition: at column 9: there is no selection "rea"; did you mean read\?/)],
    [expect.stringMatching(/^spec\.examples\.0: does not come out as alert/)],
    [expect.stringMatching(/^spec\.tuning: .*did you mean factor\?/)],
  ]);
  const applied = admin.call('apply', { body: { documents: [wrong[0]!], dryRun: false } });
  await expect(applied).rejects.toMatchObject({ code: 'api.invalid-manifest' });
});

it('a detection is replayed over what psql did, saved, listed, and replayed by its name', async () => {
  const libpq = { PATH: process.env['PATH'], ...env.libpq('engineer') };
  await run('psql', ['-X', '-A', '-t', '-c', 'select relname from pg_class limit 20'], {
    env: libpq,
    maxBuffer: 1 << 28,
  });
  const name = 'reads-of-customers';
  const manifest = {
    kind: 'Detection',
    metadata: { name },
    spec: {
      severity: 'low',
      mode: 'dry-run',
      select: { read: { 'reads.table': 'pg_class' } },
      window: '10m',
      measure: { of: 'sum', field: 'rows', min: 1 },
      message: '{principal} read {figure} rows',
    },
  };
  const since = new Date(Date.now() - 3_600_000).toISOString();
  const tried = await replay({ documents: [manifest], since });
  expect(tried).toMatchObject([
    {
      type: 'alert',
      detection: name,
      principal: 'engineer',
      summary: expect.stringMatching(/^engineer read \d+ rows$/),
    },
    { type: 'summary', alerts: 1, suppressed: 0, failed: [] },
  ]);
  await admin.call('apply', { body: { documents: [manifest], dryRun: false } });
  const { detections, builtIn, fields } = await admin.call('listDetections');
  expect(detections).toMatchObject([
    { name, mode: 'dry-run', severity: 'low', events: ['command.ended'], problem: null },
  ]);
  expect(builtIn.map((one) => one.name)).toContain('unusual-volume');
  expect(fields.map((one) => one.name)).toContain('reads.KIND');
  const again = await replay({ names: [name], since });
  expect(again.map(({ type }) => type)).toEqual(['alert', 'summary']);
  await expect(replay({ names: ['nothing'], since })).rejects.toMatchObject({ code: 'api.not-found' });
});

it('each built-in detector can be switched on as `detection show` gives it', async () => {
  const { builtIn } = await admin.call('listDetections');
  const documents = builtIn.map(({ name, tuning }) => ({
    kind: 'Detection',
    metadata: { name },
    spec: {
      detector: name,
      severity: 'medium',
      mode: 'dry-run',
      tuning: Object.fromEntries(tuning.map((one) => [one.name, one.default])),
    },
  }));
  const applied = await admin.call('apply', { body: { documents, dryRun: false } });
  expect(applied.results.every(({ action }) => action === 'created')).toBe(true);
  const replayed = await replay({ since: new Date(Date.now() - 3_600_000).toISOString() });
  expect(replayed.at(-1)).toMatchObject({ type: 'summary', failed: [] });
});
