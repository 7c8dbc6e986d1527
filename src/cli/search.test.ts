/** Searching from the command line: what is asked, how it is shown, and what is said where it cannot be read. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HitView } from '../api/contract/index.ts';
import { queryOf } from './search.ts';
import { type FakeGateway, goodToken, Refusal, sessionId, startFakeGateway } from './testing/fake-gateway.ts';
import { World } from './testing/world.ts';

let gateway: FakeGateway;
let world: World;

const hit = (change: Partial<HitView> = {}): HitView => ({
  id: 'gw_1:7',
  gateway: 'gw_1',
  sequence: 7,
  type: 'command',
  at: '2026-10-03T09:12:04.120Z',
  session: sessionId,
  command: 7,
  principal: { id: 'local:ana', name: 'ana', kind: 'person' },
  agents: [],
  resource: 'orders',
  protocol: 'postgres',
  source: '10.0.0.4',
  kind: 'sql',
  verb: 'query',
  text: 'select\n  ssn from customers where id = 7',
  verdict: 'mask',
  judged: 'mask',
  rule: 'customer-pii',
  outcome: 'completed',
  error: null,
  effects: ['read'],
  touches: [['column', 'read', 'public.customers.ssn']],
  fingerprint: '0123456789abcdef',
  complete: true,
  rows: 1204,
  bytes: 20_480,
  durationMs: 12,
  masked: 1204,
  review: null,
  live: false,
  ...change,
});

const answer = {
  query: 'reads:customers.ssn on:2026-10',
  from: '2026-10-01T00:00:00.000Z',
  until: '2026-11-01T00:00:00.000Z',
  marks: ['ssn'],
  hits: [
    hit(),
    hit({
      principal: { id: 'local:ben', name: 'ben', kind: 'person' },
      agents: ['claude-1'],
      command: 12,
      verdict: 'allow',
      rows: 3,
      text: `select ${'a.very_long_column, '.repeat(6)} c.ssn from customers c \u001b]0;pwned\u0007`,
    }),
    hit({ type: 'session', command: null, text: '', verb: null, verdict: null, outcome: 'killed', rows: null }),
  ],
  next: null,
  counts: {
    total: 3,
    isExact: true,
    uncertain: 2,
    facets: {
      who: [
        { value: 'ana', count: 1200 },
        { value: 'ben', count: 3 },
      ],
    },
  },
};

beforeAll(async () => {
  gateway = await startFakeGateway({
    search: () => answer,
    exportSearch: () => 'at,type\r\n2026,command\r\n',
    listSearches: () => ({
      searches: [
        { name: 'ssn', query: 'reads:customers.ssn', description: 'Who saw them', facets: ['who'], members: false },
      ],
    }),
    getSearch: () => ({
      name: 'ssn',
      query: 'reads:customers.ssn or x',
      description: null,
      facets: ['who'],
      members: false,
    }),
    suggestSearch: ({ body }) => ({
      from: (body as { query: string }).query.indexOf(':') + 1,
      to: 5,
      suggestions: [
        { text: 'ana', means: '12 found' },
        { text: 'anton', means: '1 found' },
      ],
    }),
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const env = (): Record<string, string> => ({ SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken });
const run = (argv: readonly string[], terminal?: number) =>
  world.run(argv, { env: env(), ...(terminal === undefined ? {} : { terminal }) });
const lastBody = () => gateway.asked.findLast(({ route }) => /search/i.test(route))?.body;

describe('search', () => {
  it('shows hits, facets, how many, and how to look at one', async () => {
    const ran = await run(['search', 'reads:customers.ssn on:2026-10', '--facets', 'who'], 140);
    expect(ran.code).toBe(0);
    expect(lastBody()).toEqual({ query: 'reads:customers.ssn on:2026-10', limit: 50, counts: true, facets: ['who'] });
    const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
    await expect(ran.stdout.replaceAll('\u001b', '␛')).toMatchFileSnapshot('testing/goldens/search.colour.txt');
    await expect(ran.stdout.replace(colour, '')).toMatchFileSnapshot('testing/goldens/search.txt');
    expect(ran.stdout.replace(colour, '')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(ran.stderr).toContain(`sallyport sessions replay ${sessionId} --at 7`);
  });

  it('gives scripts everything, and asks in the order that is wanted', async () => {
    const ran = await run(['search', 'who:ana', '-o', 'json', '--sort', 'rows', '-n', '2']);
    expect(JSON.parse(ran.stdout)).toMatchObject({ counts: { total: 3 }, hits: [{ id: 'gw_1:7' }, {}, {}] });
    expect(lastBody()).toMatchObject({ query: 'who:ana sort:rows', limit: 2 });
  });

  it('goes on page after page, up to the limit', async () => {
    const page = { ...answer, hits: Array.from({ length: 500 }, () => hit()), counts: null };
    const before = gateway.answers.search!;
    const asked: unknown[] = [];
    gateway.answers.search = ({ body }) => {
      asked.push(body);
      return { ...page, next: `c${asked.length}` };
    };
    const ran = await run(['search', '-n', '1000', '-o', 'json']);
    gateway.answers.search = before;
    expect((JSON.parse(ran.stdout) as { hits: unknown[] }).hits).toHaveLength(1000);
    expect(asked).toEqual([
      { query: '', limit: 500, counts: true, facets: [] },
      { query: '', limit: 500, cursor: 'c1' },
    ]);
  });

  it('says where a query cannot be read, and what is possible there', async () => {
    const before = gateway.answers.search!;
    gateway.answers.search = () =>
      new Refusal(400, 'api.unreadable-search', 'The search cannot be read.', [
        {
          document: null,
          path: ['query'],
          on: 'value',
          message: 'There is no field rsource. Did you mean resource:?',
          range: { at: 8, end: 15 },
          possible: ['resource:'],
        },
      ]);
    const ran = await run(['search', 'who:ana rsource:x']);
    gateway.answers.search = before;
    expect(ran).toEqual({
      code: 2,
      stdout: '',
      stderr: [
        'error: There is no field rsource. Did you mean resource:?',
        '       who:ana rsource:x',
        '               ^^^^^^^',
        '       Possible here: resource:',
        '',
      ].join('\n'),
    });
  });

  it('refuses facets that there are not, before anything is asked', async () => {
    const ran = await run(['search', 'x', '--facets', 'who,color']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('There is nothing to count by color.');
  });
});

describe('words of a shell', () => {
  it.each([
    [['who:ana', 'text:drop table', 'two words'], 'who:ana text:"drop table" "two words"'],
    [['who:ana text:"a b"'], 'who:ana text:"a b"'],
    [['-who:ana b', 'x'], '-who:"ana b" x'],
    [[], ''],
  ])('%j', (words, query) => {
    expect(queryOf(words)).toBe(query);
  });
});

describe('export and saved searches', () => {
  it('writes a file, whole', async () => {
    const ran = await run(['search', 'export', 'who:ana', '-O', 'found.csv']);
    expect(ran.code).toBe(0);
    expect(await readFile(join(world.directory, 'found.csv'), 'utf8')).toBe('at,type\r\n2026,command\r\n');
    expect(lastBody()).toEqual({ query: 'who:ana', format: 'csv' });
  });

  it('lists them, and runs one with what narrows it', async () => {
    expect((await run(['searches', 'ls'])).stdout).toMatch(/ssn +reads:customers\.ssn +Who saw them/);
    await run(['searches', 'run', 'ssn', 'since:7d', 'who:ana']);
    expect(lastBody()).toMatchObject({ query: '(reads:customers.ssn or x) since:7d who:ana', facets: ['who'] });
  });
});

describe('the index', () => {
  it('says how far it is, and follows it being built anew', async () => {
    const index = (sequence: number | null) => ({
      working: true,
      durableSequence: 1200,
      lag: sequence === null ? 0 : 1200 - sequence,
      rebuilding: sequence === null ? null : { sequence, of: 1200, startedAt: '2026-11-21T12:00:00.000Z' },
      gateways: [{ gateway: 'gw_1', sequence: sequence ?? 1200, at: '2026-11-21T11:59:00.000Z', entries: 900 }],
    });
    const answers = [index(700), index(null)];
    gateway.answers.rebuildIndex = () => index(0);
    gateway.answers.indexStatus = () => answers.shift() ?? index(null);
    const ran = await world.run(['index', 'rebuild'], {
      env: env(),
      clock: (await import('../base/clock.ts')).systemClock,
    });
    expect(ran.stdout).toMatch(/Index +works[\s\S]*gw_1 +900 +1 200/);
    expect(ran.stderr).toContain('✔ Built anew');
    const begun = await run(['index', 'rebuild', '--no-wait']);
    expect(begun.stdout).toMatch(/is built anew: 0 of 1 200 events/);
    expect(begun.stderr).toContain('sallyport index status');
  });
});

describe('completion', () => {
  it('offers subcommands, and what may stand in a query, however the shell parts it', async () => {
    const complete = async (...words: string[]) =>
      (await run(['__complete', '--', ...words])).stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t')[0]);
    expect(await complete('search', 'e')).toEqual(['export']);
    expect(await complete('search', 'who:an')).toEqual(['who:ana', 'who:anton']);
    expect(await complete('search', 'who', ':', 'an')).toEqual(['ana', 'anton']);
    expect(await complete('search', 'export', '--for')).toEqual(['--format']);
    expect(await complete('searches', 'run', 's')).toEqual(['ssn']);
  });
});

describe('sessions replay --at', () => {
  it('begins at a command, or at a moment', async () => {
    const whole = await run(['sessions', 'replay', sessionId]);
    const at = await run(['sessions', 'replay', sessionId, '--at', '2']);
    expect(whole.stdout).toMatch(/#1 [\s\S]*#2 /);
    expect(at.stdout).not.toMatch(/ #1 /);
    expect(at.stdout).toMatch(/ #2 [\s\S]*ended:/);
    const never = await run(['sessions', 'replay', sessionId, '--at', '99']);
    expect(never.code).toBe(1);
    expect(never.stderr).toContain('ends before that place');
    expect((await run(['sessions', 'replay', sessionId, '--at', 'noon'])).code).toBe(2);
    const moment = await run(['sessions', 'replay', sessionId, '--at', '2026-11-21T00:00:00Z']);
    expect(moment.stdout).toBe(whole.stdout);
  });
});
