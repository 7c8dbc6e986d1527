/** The overview over the API: whose it is, its one entry in the journal, what it says of coverage, texts made safe. */
import { afterAll, expect, test } from 'vitest';
import { type Running, start } from './fixtures/fakes.ts';

const open: Running[] = [];
afterAll(() => Promise.all(open.map((running) => running.close())));

async function begin(): Promise<Running> {
  const running = await start();
  open.push(running);
  return running;
}

const look = (running: Running, as: 'alice' | 'audrey') => running.call('GET', '/api/v1/overview?since=7d', as);

test('is of everybody’s doings: for who may search them, recorded once, as the search that it stands for', async () => {
  const running = await begin();
  const { world } = running;
  expect((await look(running, 'alice')).status).toBe(403);
  expect(world.eventsOf('search.run')).toEqual([]);
  const { json } = await look(running, 'audrey');
  const { since, until } = json as { since: string; until: string };
  expect(world.eventsOf('search.run')).toMatchObject([
    { principal: { name: 'audrey' }, query: `type:command since:${since} until:${until}`, hits: 2, export: null },
  ]);
  expect(Date.parse(since) % (3 * 3_600_000)).toBe(0);
  expect(Date.parse(until) - Date.parse(since)).toBeGreaterThanOrEqual(7 * 24 * 3_600_000);
  expect(world.search.scopes.every((scope) => scope === 'all')).toBe(true);
});

test('spells out what is in a recorded text, and only fields of the contract come', async () => {
  const { json } = await look(await begin(), 'audrey');
  const texts = (json['downloads'] as { text: string }[]).map(({ text }) => text).join('\n');
  expect(texts).not.toMatch(/(?!\n)\p{Cc}/u);
});

test('says which resources no guardrail and no mask selects, and which rules had nothing to do', async () => {
  const running = await begin();
  const apply = (document: unknown) =>
    running.call('POST', '/api/v1/apply', 'adam', { body: { documents: [document] } });
  const resource = {
    kind: 'Resource',
    metadata: { name: 'orders' },
    spec: {
      protocol: 'postgres',
      address: 'db.internal:5432',
      tls: { mode: 'disable' },
      credential: { username: 'app', password: { value: 'secret' } },
      database: 'orders',
    },
  };
  expect((await apply(resource)).status).toBe(200);
  const before = (await look(running, 'audrey')).json['coverage'] as { resources: number; unguarded: string[] };
  expect(before.resources).toBe(1);
  expect(before.unguarded).toContain('orders');
  const guardrail = {
    kind: 'Guardrail',
    metadata: { name: 'watch-orders' },
    spec: { match: { resources: { names: ['orders'] }, commands: { sql: { effects: ['drop'] } } }, verdict: 'block' },
  };
  expect((await apply(guardrail)).status).toBe(200);
  const after = (await look(running, 'audrey')).json['coverage'] as {
    unguarded: string[];
    unmasked: string[];
    quiet: { kind: string; name: string }[];
  };
  expect(after.unguarded).not.toContain('orders');
  expect(after.unmasked).toContain('orders');
  expect(after.quiet).toContainEqual({ kind: 'Guardrail', name: 'watch-orders' });
});

test('a time that is none is refused', async () => {
  const running = await begin();
  expect((await running.call('GET', '/api/v1/overview?since=99d', 'audrey')).status).toBe(400);
});
