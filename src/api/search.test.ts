/** Searching over the API: scope, the journal before the answer, what cannot be read, and what is taken away as a file. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { searchHit } from './fixtures/fake-search.ts';
import { type Running, start } from './fixtures/fakes.ts';

const open: Running[] = [];
afterAll(() => Promise.all(open.map((running) => running.close())));

let running: Running;
beforeEach(async () => {
  running = await start();
  open.push(running);
});

const search = (as: 'alice' | 'audrey' | 'adam', body: unknown) => running.call('POST', '/api/v1/search', as, { body });

describe('scope', () => {
  test('A-API-01: a member finds what is its own, in hits, counts, facets, exports and suggestions', async () => {
    const { world } = running;
    const found = await search('alice', { query: '', counts: true, facets: ['who'] });
    const hits = found.json['hits'] as { principal: { name: string } }[];
    expect(hits.map(({ principal }) => principal.name)).toEqual(['alice']);
    expect(found.json['counts']).toMatchObject({ total: 1, facets: { who: [{ value: 'alice', count: 1 }] } });
    const exported = await running.call('POST', '/api/v1/search/export', 'alice', {
      body: { query: '', format: 'ndjson' },
    });
    expect(exported.text.trim().split('\n')).toHaveLength(1);
    const suggested = await running.call('POST', '/api/v1/search/suggestions', 'alice', {
      body: { query: '', cursor: 0 },
    });
    expect(suggested.json['suggestions']).toEqual([
      { text: 'alice', means: '1 found' },
      { text: 'who:', means: 'The principal.' },
    ]);
    expect(new Set(world.search.scopes.map((scope) => JSON.stringify(scope)))).toEqual(
      new Set(['{"principalId":"pri_alice"}']),
    );
  });

  test('auditors find everybody’s', async () => {
    const found = await search('audrey', { query: '' });
    expect(found.json['hits']).toHaveLength(2);
    expect(found.json['counts']).toBeNull();
  });

  test('saved searches are there for members only where they say so', async () => {
    const save = (name: string, members: boolean) =>
      running.call('POST', '/api/v1/apply', 'adam', {
        body: { documents: [{ kind: 'Search', metadata: { name }, spec: { query: 'who:mallory', members } }] },
      });
    expect((await save('mine', true)).status).toBe(200);
    expect((await save('suspects', false)).status).toBe(200);
    const names = async (as: 'alice' | 'audrey') => {
      const { json } = await running.call('GET', '/api/v1/searches', as);
      return (json['searches'] as { name: string }[]).map(({ name }) => name);
    };
    expect(await names('alice')).toEqual(['mine']);
    expect(await names('audrey')).toEqual(['mine', 'suspects']);
    expect((await running.call('GET', '/api/v1/searches/suspects', 'alice')).status).toBe(404);
    expect((await running.call('GET', '/api/v1/searches/suspects', 'audrey')).json['query']).toBe('who:mallory');
  });
});

describe('the journal', () => {
  test('says who searched for what before anybody is answered', async () => {
    const { world } = running;
    world.isJournalHeld = true;
    let isAnswered = false;
    const found = search('audrey', { query: 'customers', limit: 10 }).finally(() => {
      isAnswered = true;
    });
    await expect.poll(() => world.isWaitingForJournal).toBe(true);
    expect(isAnswered).toBe(false);
    expect(world.eventsOf('search.run')).toMatchObject([
      { principal: { name: 'audrey' }, query: 'customers', hits: 1, export: null },
    ]);
    world.flush();
    expect((await found).status).toBe(200);
  });

  test('says the same of what is taken away as a file, before its first byte', async () => {
    const { world } = running;
    world.isJournalHeld = true;
    const file = running.call('POST', '/api/v1/search/export', 'audrey', { body: { query: '', format: 'csv' } });
    await expect.poll(() => world.isWaitingForJournal).toBe(true);
    expect(world.eventsOf('search.run')).toMatchObject([{ query: '', hits: 2, export: 'csv' }]);
    world.flush();
    expect((await file).status).toBe(200);
  });

  test('nobody is answered where it cannot be written', async () => {
    running.world.journalFailure = new Error('disk');
    expect((await search('audrey', { query: '' })).status).toBe(500);
    expect(JSON.stringify((await search('audrey', { query: '' })).json)).not.toContain('ssn');
  });

  test('says that the index was built anew, before it is dropped', async () => {
    const { world } = running;
    world.isJournalHeld = true;
    const rebuilt = running.call('POST', '/api/v1/index/rebuild', 'adam');
    await expect.poll(() => world.isWaitingForJournal).toBe(true);
    expect(world.search.rebuilt).toBe(0);
    world.flush();
    expect((await rebuilt).json).toMatchObject({ working: true, lag: 1, gateways: [{ gateway: 'gw_1', sequence: 9 }] });
    expect(world.search.rebuilt).toBe(1);
  });
});

test('what cannot be read is told with its place and what is possible', async () => {
  const { status, json } = await search('audrey', { query: 'who:a (b' });
  expect(status).toBe(400);
  expect(json['code']).toBe('api.unreadable-search');
  expect(json['detail']).toBe('The search cannot be read, at character 7: This bracket is never closed.');
  expect(json['problems']).toEqual([
    {
      document: null,
      path: ['query'],
      on: 'value',
      message: 'This bracket is never closed.',
      range: { at: 6, end: 7 },
      possible: [')'],
    },
  ]);
  expect(running.world.eventsOf('search.run')).toEqual([]);
});

describe('pages and files', () => {
  test('pages go on where the one before ended', async () => {
    const first = await search('audrey', { query: '', limit: 1 });
    const second = await search('audrey', { query: '', limit: 1, cursor: first.json['next'] });
    const ids = [first, second].flatMap(({ json }) => (json['hits'] as { id: string }[]).map(({ id }) => id));
    expect(ids).toEqual(['gw_1:7', 'gw_1:9']);
    expect(second.json['next']).toBeNull();
    const counted = await search('audrey', { query: '', limit: 0 });
    expect(counted.json).toMatchObject({ hits: [], counts: { total: 2, isExact: true } });
  });

  test('A-API-05: one hit is one line, and no cell is a formula or moves a cursor', async () => {
    const csv = await running.call('POST', '/api/v1/search/export', 'audrey', { body: { query: '', format: 'csv' } });
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="search.csv"');
    const lines = csv.text.split('\r\n');
    expect(lines).toHaveLength(4);
    expect(lines[2]).toContain("'=cmd|'/c calc'!A0 \\u001b[31m\\r\\nx");
    expect(csv.text.replaceAll('\r\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    const ndjson = await running.call('POST', '/api/v1/search/export', 'audrey', {
      body: { query: '', format: 'ndjson' },
    });
    const entries = ndjson.text.trimEnd().split('\n');
    expect(entries.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(['gw_1:7', 'gw_1:9']);
    expect(ndjson.text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028]/);
  });

  test('an export reads page after page up to its limit, and no further', async () => {
    const { hits } = running.world.search;
    for (let n = 0; n < 1200; n++) hits.push(searchHit({ id: `gw_1:${100 + n}`, sequence: 100 + n }));
    const lines = async (limit: number | undefined) => {
      const body = { query: '', format: 'ndjson', ...(limit === undefined ? {} : { limit }) };
      const { text } = await running.call('POST', '/api/v1/search/export', 'audrey', { body });
      return text.trimEnd().split('\n').length;
    };
    expect(await lines(undefined)).toBe(1202);
    expect(await lines(501)).toBe(501);
    expect(running.world.eventsOf('search.run').at(-1)).toMatchObject({ hits: 501 });
  });
});
