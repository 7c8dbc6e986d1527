/**
 * A-POL-02: the same command has the same verdict through each door that there is: the wire, simple and extended, the
 * explanation, the examples of a policy, and its replay. And what a reviewer sees and may decide, from outside.
 *
 * Deliberately absent: doors of other protocols, which stand in their own suites.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../src/api/contract/index.ts';
import { createClient } from '../../src/api/contract/index.ts';
import type { Event } from '../../src/core/event.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { issueToken } from '../env/setup.ts';
import { eventsOf, isType } from '../faults/support/gateway.ts';
import { guardrail } from './rules-tries.ts';

const seed = `
  create table people (id int primary key, name text, ssn text);
  insert into people select n, 'person ' || n, 'SECRET-' || n from generate_series(1, 200) n;
  create table visits (id int primary key, kind text);
  insert into visits select n, case when n % 10 = 0 then 'rare' else 'plain' end from generate_series(1, 1000) n;
  create view rare as select * from visits where kind = 'rare';
  alter table people owner to app; alter table visits owner to app; alter view rare owner to app;
  analyze;`;

const guarded = { groups: ['engineering'] };
const rules = [
  { kind: 'Mask', metadata: { name: 'ssn' }, spec: { match: { principals: guarded }, columns: ['*.people.ssn'] } },
  guardrail('no-drop', {
    match: { principals: guarded, commands: { sql: { effects: ['drop', 'truncate'] } } },
    verdict: 'block',
    message: 'No drops.',
  }),
  guardrail('ask-first', {
    match: { principals: guarded, commands: { sql: { effects: ['update', 'delete', 'update-all', 'delete-all'] } } },
    verdict: 'hold',
    review: { reviewers: { groups: ['dba'] } },
  }),
  guardrail('night', {
    match: { principals: guarded, commands: { pattern: 'forbidden' } },
    verdict: 'block',
    message: 'Not that word.',
  }),
];

let env: TestEnv;
let admin: Client;

beforeAll(async () => {
  env = await createTestEnv({
    resources: { orders: { seed } },
    principals: [
      { name: 'engineer', groups: ['engineering'] },
      { name: 'boss', groups: ['engineering'], roles: ['admin', 'member'] },
      { name: 'dba', groups: ['dba'] },
    ],
  });
  admin = await env.api('admin');
  await admin.call('apply', { body: { documents: rules, dryRun: false } });
}, 120_000);
afterAll(() => env.close(), 60_000);

async function connect(principal = 'engineer'): Promise<pg.Client> {
  const client = new pg.Client({ ...env.client(principal), database: 'orders' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const asClient = async (token: string): Promise<Client> => {
  const { baseUrl, ca } = await reach();
  return createClient({ baseUrl, ca, token });
};
const reach = async () => ({ baseUrl: env.gateway.consoleUrl, ca: env.client('engineer').ssl.ca });

/** The rules' verdict on the last command of this text that ran, as the journal has it. */
async function journaled(text: string, verb: string): Promise<string> {
  const events: Event[] = await eventsOf(env.dataDirectory);
  const intent = events.filter(isType('command.intent')).findLast((one) => one.text === text && one.verb === verb);
  const said = events
    .filter(isType('command.verdict'))
    .find((one) => one.session === intent?.session && one.command === intent.command);
  if (intent === undefined) return 'not seen';
  return said === undefined ? 'allow' : `${said.verdict.name} ${said.verdict.rule}`;
}

const commands: readonly [text: string, verdict: string][] = [
  ['select 1', 'allow'],
  ['select name from people', 'allow'],
  ['select ssn from people', 'mask ssn'],
  ["select reverse(ssn) || '' as x from people where id = 3", 'mask ssn'],
  ['drop table visits', 'block no-drop'],
  ['truncate visits', 'block no-drop'],
  ['delete from visits', 'hold ask-first'],
  ["update rare set kind = 'x' where id = 10", 'hold ask-first'],
  ['with gone as (delete from visits where id = 1 returning *) select * from gone', 'hold ask-first'],
  ["select 'forbidden'", 'block night'],
  ["do $$ begin execute 'truncate visits'; end $$", 'block ask-first'],
  ['selekt 1', 'block ask-first'],
];

describe('A-POL-02: each command through each door', () => {
  test.each(commands)(
    '%s: %s',
    async (text, verdict) => {
      for (const mode of ['simple', 'extended'] as const) {
        const client = await connect();
        const running = client.query(mode === 'simple' ? text : ({ text, queryMode: 'extended' } as pg.QueryConfig));
        const over = running.then(
          () => 'done',
          () => 'refused',
        );
        if (verdict.startsWith('hold')) {
          const { id } = await waiting();
          await (await env.api('dba')).call('decideReview', {
            params: { id },
            body: { decision: 'deny', reason: 'no' },
          });
        }
        expect(await over).toBe(/^(allow|mask)/.test(verdict) ? 'done' : 'refused');
        await client.end();
        // What is blocked is blocked when it is prepared.
        const verb = mode === 'simple' ? 'query' : verdict.startsWith('block') ? 'prepare' : 'execute';
        await expect.poll(() => journaled(text, verb), { timeout: 5_000 }).toBe(verdict);
      }
      const explained = await admin.call('explainCommand', {
        body: { principal: 'engineer', resource: 'orders', command: text },
      } as never);
      const { verdict: said } = explained as unknown as { verdict: { name: string; rule: string } };
      expect(said.name === 'allow' ? 'allow' : `${said.name} ${said.rule}`).toBe(verdict);

      const name = verdict.split(' ')[0]!;
      const example = { command: text, expect: name, groups: ['engineering'], resource: 'orders' };
      const withExample = guardrail('tried', {
        match: { principals: guarded, commands: { pattern: 'nothing has this text' } },
        verdict: 'block',
        examples: [example],
      });
      const { results } = (await admin.call('testPolicy', {
        body: { documents: [...rules, withExample] },
      } as never)) as unknown as { results: { got: { name: string; rule: string }; passed: boolean }[] };
      const [tried] = results;
      expect(tried!.got.name === 'allow' ? 'allow' : `${tried!.got.name} ${tried!.got.rule}`).toBe(verdict);
      expect(tried!.passed).toBe(true);
    },
    60_000,
  );

  test('and the replay of all of it finds no difference', async () => {
    const entries: { type: string }[] = [];
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const stream = admin.stream('replayPolicy', { body: { documents: rules, since } } as never);
    for await (const entry of stream) entries.push(entry as { type: string });
    expect(entries.filter(({ type }) => type === 'difference')).toEqual([]);
    expect(entries.at(-1)).toMatchObject({ type: 'summary', different: 0, truncated: false });
    expect(lookedAt(entries)).toBeGreaterThanOrEqual(2 * commands.length);

    const last: { type: string }[] = [];
    for await (const entry of admin.stream('replayPolicy', { body: { documents: rules, since, limit: 5 } } as never)) {
      last.push(entry as { type: string });
    }
    expect(last.at(-1)).toMatchObject({ type: 'summary', truncated: true });
    expect(lookedAt(last)).toBe(5);
  });
});

function lookedAt(entries: readonly object[]): number {
  const { commands: judged, skipped } = entries.at(-1) as { commands: number; skipped: Record<string, number> };
  return Object.values(skipped).reduce((sum, count) => sum + count, judged);
}

interface Shown {
  readonly id: string;
  readonly command: { readonly estimate: string; readonly estimatedRows: number | null } | null;
}

async function waiting(): Promise<Shown> {
  const dba = await env.api('dba');
  for (let turn = 0; turn < 400; turn++) {
    const { reviews } = await dba.call('listReviews', { query: { state: 'pending', mine: 'false' } as never });
    if (reviews[0] !== undefined) {
      return (await dba.call('getReview', { params: { id: reviews[0].id } })) as unknown as Shown;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('nothing waits');
}

test('a reviewer sees what the planner expects', async () => {
  const client = await connect();
  const over = client.query("update visits set kind = 'plain' where kind = 'rare'").catch(() => 'refused');
  const { id } = await waiting();
  const dba = await env.api('dba');
  const look = async (): Promise<Shown> => (await dba.call('getReview', { params: { id } })) as unknown as Shown;
  await expect
    .poll(async () => (await look()).command?.estimate, { timeout: 5_000 })
    .toBe('about 100 rows of public.visits (planner)');
  expect((await look()).command?.estimatedRows).toBe(100);
  await dba.call('decideReview', { params: { id }, body: { decision: 'deny', reason: 'no' } });
  expect(await over).toBe('refused');
  expect(await env.servers['orders']!.query("select count(*)::int n from visits where kind = 'rare'")).toEqual([
    { n: 100 },
  ]);
  await client.end();
});

test('a Mask that a definition orphans is named in an alert', async () => {
  const client = await connect('dba');
  await client.query('begin');
  await client.query('alter table people rename column ssn to note');
  await client.query('rollback');
  await client.end();
  const alerts = async (): Promise<string[]> =>
    (await eventsOf(env.dataDirectory)).filter(isType('alert.raised')).map(({ rule, reason }) => `${rule} ${reason}`);
  await expect.poll(alerts, { timeout: 5_000 }).toEqual([expect.stringMatching(/^ssn mask-orphaned/)]);
});

describe('A-REV-01: an administrator does not decide by what it makes for others', () => {
  const refused = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: { code?: string }) => error.code ?? String(error),
    );

  test('not by a token of a reviewer, one made with that, or a reviewer’s account', async () => {
    const boss = await env.api('boss');
    const client = await connect('boss');
    const over = client.query('delete from visits').catch(() => 'refused');
    const { id } = await waiting();
    const decide = (who: Client): Promise<string> =>
      refused(who.call('decideReview', { params: { id }, body: { decision: 'approve', reason: 'mine' } }));
    const borrowed = await asClient(await issueToken(boss, 'dba'));
    expect(await decide(borrowed)).toBe('review.of-requester');
    expect(await decide(await asClient(await issueToken(borrowed, 'dba')))).toBe('review.of-requester');
    await boss.call('apply', {
      body: {
        documents: [
          {
            kind: 'Principal',
            metadata: { name: 'sock' },
            spec: { kind: 'person', roles: ['member'], password: 'correct horse battery' },
          },
          { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba', 'sock'] } },
        ],
        dryRun: false,
      },
    });
    const { baseUrl, ca } = await reach();
    const { token } = await createClient({ baseUrl, ca }).call('login', {
      body: { principal: 'sock', password: 'correct horse battery' },
    });
    expect(await decide(await asClient(token))).toBe('review.of-requester');
    const shown = (await (await asClient(token)).call('getReview', { params: { id } })) as unknown as {
      you: { mayDecide: boolean };
    };
    expect(shown.you.mayDecide).toBe(false);
    expect(await decide(await asClient(await issueToken(admin, 'dba')))).toBe('done');
    await over;
    await client.end();
  });
});

test('the limit of a day outlives a restart', async () => {
  const daily = guardrail('daily', {
    match: { principals: guarded },
    verdict: 'block',
    limits: { day: { rows: 150 } },
  });
  await admin.call('apply', { body: { documents: [daily], dryRun: false } });
  const read = async (): Promise<string> => {
    const client = await connect();
    const said = await client.query('select id from people limit 100').then(
      ({ rows }) => String(rows.length),
      (error: { code?: string }) => error.code ?? String(error),
    );
    await client.end();
    return said;
  };
  expect(await read()).toBe('100');
  await env.restart();
  expect(await read()).toBe('54000');
});
