/** What reviewers are told that a held statement would touch: by a real server's planner, which runs none of it. */
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import type { CommandDraft } from '../../core/command.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews, RowEstimate } from '../../core/review.ts';
import type { Verdict } from '../../core/verdict.ts';
import { estimateQuestion, explainPrefix, preview, readPlan } from './estimate.ts';
import * as limits from './limits.ts';
import * as m from './messages.ts';
import { connect, type GatewayOptions, startGateway, type TestGateway, until } from './relay-testing.ts';

/** Notes what each review was told. */
class Told implements Reviews {
  readonly asked: { request: ReviewRequest; decide: (outcome: ReviewOutcome) => void }[] = [];
  readonly estimates: RowEstimate[] = [];

  request(request: ReviewRequest, decide: (outcome: ReviewOutcome) => void): PendingReview {
    this.asked.push({ request, decide });
    return {
      id: `rev_${this.asked.length}`,
      link: 'https://gateway.example/reviews',
      audience: 'a member of dba',
      expiresAtMs: Date.UTC(2030, 0, 1),
      withdraw: () => undefined,
      claim: async () => null,
      estimated: (estimate) => void this.estimates.push(estimate),
    };
  }
}

const seed = `
  create table stock (id int primary key, kind text not null, price numeric);
  insert into stock select n, case when n % 10 = 0 then 'rare' else 'plain' end, n from generate_series(1, 1000) n;
  create table numbered (id serial primary key, note text);
  create table parted (id int, at int) partition by range (id);
  create table parted_1 partition of parted for values from (0) to (500);
  create table parted_2 partition of parted for values from (500) to (1000);
  insert into parted select n, n from generate_series(0, 999) n;
  create table indexed (id int, note text);
  create table calls (what text);
  create function noted(what text) returns int language plpgsql immutable as
    $$ begin insert into calls values (what); return 1; end $$;
  create function plain_one() returns int language sql immutable as 'select 1';
  create index on indexed (plain_one());
  create sequence counter;
  create type mood as enum ('ok', 'bad');
  create table feelings (m mood); insert into feelings select 'ok' from generate_series(1, 20);
  create role clerk; grant clerk to app; grant select on stock to clerk;
  create schema other; create table other.stock (id int primary key, kind text not null); grant usage on schema other to public;
  grant all on all tables in schema public, other to app; grant all on all sequences in schema public to app;
  analyze;
`;

let server: PostgresServer;
let gateways: TestGateway[] = [];
let told: Told;
let ways: Server[] = [];

beforeAll(async () => {
  server = await startPostgres({ seed });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  for (const gateway of gateways) await gateway.close();
  gateways = [];
  for (const way of ways) way.close();
  ways = [];
});

let stopped = 0;

/** A way to the server that stops once it is asked to explain: nothing comes back from there on. */
async function mute(port: number): Promise<number> {
  stopped = 0;
  const way = createServer((near: Socket) => {
    const far = createConnection(port, '127.0.0.1');
    let isMute = false;
    near.on('data', (chunk: Buffer) => {
      if (!isMute && chunk.includes(explainPrefix)) {
        isMute = true;
        stopped++;
      }
      if (!isMute) far.write(chunk);
    });
    far.on('data', (chunk) => void near.write(chunk));
    for (const [one, two] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('close', () => two.destroy());
      one.on('error', () => two.destroy());
    }
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  ways.push(way);
  return (way.address() as AddressInfo).port;
}

/** Holds what touches rows, but no Parse. */
const holding = ({ verb, meaning, text }: CommandDraft): Verdict | null =>
  verb !== 'prepare' && meaning !== null && !/^(set|begin|create|drop|rollback|lock|show)/i.test(text)
    ? { name: 'hold', rule: 'guardrail:ask', reason: '' }
    : null;

async function start(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  told = new Told();
  const gateway = await startGateway({ upstream: server, judge: holding, reviews: told, ...options });
  gateways.push(gateway);
  return gateway;
}

const denied: ReviewOutcome = { state: 'denied', by: 'dora', reason: '' };

/** What the reviewers of one statement are told, in a session that ran `before`. */
async function estimateOf(sql: string, values?: unknown[], before: string[] = []): Promise<RowEstimate> {
  const client = await connect(await start());
  for (const text of before) await client.query(text);
  const answer = client.query(sql, values).catch((error: Error) => error.message);
  await until(() => told.estimates.length === 1);
  told.asked[0]!.decide(denied);
  expect(await answer).toContain('denied');
  await client.end();
  return told.estimates[0]!;
}

describe('the planner is asked', () => {
  const asked: readonly [sql: string, rows: [number, number], of: string[], values?: unknown[]][] = [
    ["update stock set price = 0 where kind = 'rare'", [100, 100], ['public.stock']],
    ['delete from stock', [1000, 1000], ['public.stock']],
    ['delete from stock where id < 43;', [42, 42], ['public.stock']],
    ['update stock set price = price + 1 where id = $1', [1, 1], ['public.stock'], [7]],
    ['update stock set price = 0 where kind = $1 and id <= $2', [45, 55], ['public.stock'], ['rare', 500]],
    ['update parted set at = 0 where id < 100', [95, 105], ['public.parted']],
    ["insert into stock values (2001, 'new', 1), (2002, 'new', 2)", [2, 2], ['public.stock']],
    ["insert into other.stock select id, kind from stock where kind = 'rare'", [100, 100], ['other.stock']],
    ["select * from stock where kind = 'rare'", [100, 100], ['public.stock']],
    ["update feelings set m = 'bad' where m = 'ok'", [20, 20], ['public.feelings']],
    [
      "with gone as (delete from stock where kind = 'rare' returning id) select count(*) from gone",
      [100, 100],
      ['public.stock'],
    ],
    [
      "merge into stock s using other.stock o on o.id = s.id when matched and s.kind = 'rare' then delete",
      [1, 1000],
      ['public.stock'],
    ],
  ];
  for (const [sql, [least, most], of, values] of asked) {
    test(sql, async () => {
      const estimate = await estimateOf(sql, values);
      expect(estimate).toMatchObject({ of });
      expect(estimate.rows).toBeGreaterThanOrEqual(least);
      expect(estimate.rows).toBeLessThanOrEqual(most);
    });
  }

  test('under the search path of the session', async () => {
    expect(await estimateOf('delete from stock', [], ['set search_path = other, public'])).toMatchObject({
      of: ['other.stock'],
    });
  });

  test('and under its role', async () => {
    expect(await estimateOf('delete from stock', [], ['set role clerk'])).toEqual({
      rows: null,
      why: 'the credential may not do it',
    });
  });

  test('it is written into the recording, and the session hears nothing of it', async () => {
    const gateway = await start();
    const client = await connect(gateway);
    const answer = client.query("delete from stock where kind = 'rare'").catch(() => undefined);
    await until(() => told.estimates.length === 1);
    const said = gateway.last.of('message').map(({ text }) => text);
    expect(said).toContain('the planner expects about 100 rows');
    told.asked[0]!.decide(denied);
    await answer;
    await client.end();
  });
});

describe('nothing is executed', () => {
  const refused: readonly [sql: string, why: string, before?: string[], values?: unknown[]][] = [
    ["delete from stock where price < nextval('counter')", 'it calls a volatile function'],
    ['delete from stock where price < random()', 'it calls a volatile function'],
    ["delete from stock where id = noted('deleted')", 'not all that it runs is known'],
    ["insert into numbered (note) values ('x')", 'it calls a volatile function'],
    ['update indexed set note = null where id = 1', 'not all that it runs is known'],
    ['delete from stock where id = 1; delete from stock where id = 2', 'it is not one statement'],
    ['explain analyze delete from stock', 'it is no statement that is planned'],
    ['truncate calls', 'it is no statement that is planned'],
    ['do $$ begin perform 1; end $$', 'it is no statement that is planned'],
    ["select query_to_xml('delete from stock', true, true, '')", 'not all that it runs is known'],
    ["select table_to_xml('stock', true, true, '')", 'not all that it runs is known'],
    ['delete from mine', 'it rests on objects of its session', ['create temp table mine (id int)']],
    ["delete from stock where kind = 'a\\b'", 'its session is not known', ['set standard_conforming_strings = off']],
  ];
  for (const [sql, why, before] of refused) {
    test(sql, async () => {
      const log = async (): Promise<unknown> =>
        (
          await server.query<{ n: string }>("select last_value || ' ' || (select count(*) from calls) n from counter")
        )[0]!.n;
      const was = await log();
      expect(await estimateOf(sql, undefined, before)).toEqual({ rows: null, why });
      expect(await log()).toBe(was);
      expect(await server.query('select count(*)::int n from stock')).toEqual([{ n: 1000 }]);
    });
  }

  test('the connection cannot write, carries one question, and is gone afterwards', async () => {
    const before = await server.query<{ n: number }>(
      'select sum(n_tup_upd + n_tup_del + n_tup_ins)::int n from pg_stat_user_tables',
    );
    expect(await estimateOf("update stock set price = 1 where kind = 'rare'")).toMatchObject({ rows: 100 });
    const left = async (): Promise<number> =>
      (
        await server.query<{ n: number }>(
          "select count(*)::int n from pg_stat_activity where application_name = 'sallyport inspection'",
        )
      )[0]!.n;
    for (let turn = 0; turn < 100 && (await left()) > 0; turn++) await new Promise((done) => setTimeout(done, 20));
    expect(await left()).toBe(0);
    expect(await server.query('select sum(n_tup_upd + n_tup_del + n_tup_ins)::int n from pg_stat_user_tables')).toEqual(
      before,
    );
  });

  test('a resource can say no', async () => {
    const gateway = await start({ settings: { estimates: 'catalog' } });
    const client = await connect(gateway);
    const answer = client.query("delete from stock where kind = 'rare'").catch(() => undefined);
    await until(() => told.estimates.length === 1);
    expect(told.estimates).toEqual([{ rows: null, why: 'the resource is not asked' }]);
    told.asked[0]!.decide(denied);
    await answer;
    await client.end();
  });
});

describe('it holds up nothing', () => {
  test('a lock on the table ends the question', async () => {
    await server.query('create table if not exists locked (id int)');
    await server.query('grant all on locked to app');
    const gateway = await start();
    const [client, blocker] = [await connect(gateway), await connect(gateway)];
    await blocker.query('begin');
    await blocker.query('lock table locked in access exclusive mode');
    const answer = client.query('delete from locked').catch((error: Error) => error.message);
    await until(() => told.estimates.length === 1);
    expect(told.estimates).toEqual([{ rows: null, why: 'someone holds a lock on what it touches' }]);
    told.asked[0]!.decide(denied);
    expect(await answer).toContain('denied');
    await blocker.query('rollback');
    await Promise.all([client.end(), blocker.end()]);
  });

  test('a target that never answers: the review is decided all the same, and other sessions go on', async () => {
    const port = await mute(server.port);
    const gateway = await start({ upstream: { ...server, port } });
    const client = await connect(gateway);
    const answer = client.query("delete from stock where kind = 'rare'").catch((error: Error) => error.message);
    await until(() => told.asked.length === 1 && stopped > 0);
    const other = await connect(gateway);
    expect((await other.query('show work_mem')).rows).toHaveLength(1);
    told.asked[0]!.decide(denied);
    expect(await answer).toContain('denied');
    expect(told.estimates).toEqual([]);
    await until(() => told.estimates.length === 1);
    expect(told.estimates).toEqual([{ rows: null, why: 'the server could not be asked in time' }]);
    await Promise.all([client.end(), other.end()]);
  });

  test('of many at once, some are not asked about', async () => {
    const port = await mute(server.port);
    const gateway = await start({ upstream: { ...server, port } });
    const clients = await Promise.all(Array.from({ length: limits.estimatesAtOnceMax + 1 }, () => connect(gateway)));
    const answers: Promise<unknown>[] = [];
    for (const [index, client] of clients.entries()) {
      answers.push(client.query("delete from stock where kind = 'rare'").catch(() => undefined));
      await until(() => stopped === Math.min(index + 1, limits.estimatesAtOnceMax));
    }
    await until(() => told.estimates.length === 1);
    expect(told.estimates).toEqual([{ rows: null, why: 'too many are being asked about' }]);
    for (const { decide } of told.asked) decide(denied);
    await Promise.all(answers);
    await Promise.all(clients.map((client) => client.end()));
  });
});

describe('core lets nothing pass but the question', () => {
  const text = 'delete from stock where id = 1';
  const question = estimateQuestion(text, { parameterTypes: [], bind: null });

  test('its text is read back', () => {
    expect(preview.textOf(question)).toBe(explainPrefix + text);
  });

  test('anything else is none', () => {
    const parse = (sql: string, statement = ''): Buffer => m.encodeParse({ statement, text: sql, parameterTypes: [] });
    const rest = question.subarray(1 + question.readUInt32BE(1));
    const others = [
      Buffer.alloc(0),
      question.subarray(0, -1),
      Buffer.concat([question, m.encodeSync()]),
      Buffer.concat([question, question]),
      Buffer.concat([m.encodeQuery('delete from stock'), question]),
      Buffer.concat([parse(explainPrefix + text, 'named'), rest]),
      m.encodeQuery(explainPrefix + text),
    ];
    for (const other of others) expect(preview.textOf(other)).toBeNull();
    expect(preview.textOf(Buffer.concat([parse('delete from stock'), rest]))).toBe('delete from stock');
  });
});

describe('a plan is read, whatever it is', () => {
  const statement = { relations: [] } as never;
  const unreadable = { rows: null, why: 'the plan could not be read' };
  const deep = '{"Plans":['.repeat(20_000) + ']}'.repeat(20_000);
  const hostile = [
    '',
    'null',
    '[]',
    '[{}]',
    '[{"Plan":[]}]',
    '[{"Plan":{"Plan Rows":"many"}}]',
    '[{"Plan":{"Plan Rows":-1}}]',
    '[{"Plan":{"Plan Rows":1e999}}]',
    '[{"Plan":{"Node Type":"ModifyTable","Plans":[{"Parent Relationship":"Outer"}]}}]',
    `[{"Plan":${deep}}]`,
    `[{"Plan":{"Plan Rows":1,"Plans":[${'{},'.repeat(10_001)}{}]}}]`,
  ];
  for (const answer of hostile) {
    test(answer.slice(0, 60), () => expect(readPlan([[answer]], statement)).toEqual(unreadable));
  }
  test('no row, two rows, and null', () => {
    for (const rows of [[], [['[]'], ['[]']], [[null]]]) expect(readPlan(rows, statement)).toEqual(unreadable);
  });
});
