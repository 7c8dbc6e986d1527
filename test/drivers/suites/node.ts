/**
 * node-postgres and postgres.js. Their packages carry no tests, so these are conversations of our own that go through
 * what the drivers offer: each answer, row by row and type by type, must be the same either way.
 */
import pg from 'pg';
import postgres from 'postgres';
import type { Route } from '../stage.ts';
import { outcomesOf, type Report, type Suite } from '../suite.ts';

type Case<Client> = (client: Client) => Promise<unknown>;

const values: readonly (readonly [type: string, literal: string])[] = [
  ['int2', "'-32768'"],
  ['int4', '2147483647'],
  ['int8', '9223372036854775807'],
  ['float8', '1e308'],
  ['float4', "'NaN'"],
  ['numeric', '12345678901234567890.123456789'],
  ['text', "'Grüße 世界 🌍'"],
  ['bytea', "'\\x00ff10'"],
  ['bool', 'true'],
  ['date', "'2026-02-28'"],
  ['timestamptz', "'2026-02-28 12:34:56.789012+00'"],
  ['interval', "'1 year 2 mons 3 days 04:05:06.7'"],
  ['json', `'{"a": [1, null, "x"]}'`],
  ['jsonb', `'{"b": {"c": true}}'`],
  ['uuid', "'00000000-0000-4000-8000-000000000001'"],
  ['inet', "'10.1.2.3/8'"],
  ['int4[]', "'{{1,2},{3,null}}'"],
  ['text[]', `'{a,"b c",null}'`],
  ['point', "'(1.5,-2)'"],
  ['int4range', "'[1,10)'"],
];

const withPg: Readonly<Record<string, Case<pg.Client>>> = {
  ...Object.fromEntries(
    values.flatMap(([type, literal]): [string, Case<pg.Client>][] => [
      [`${type} by text`, async (client) => (await client.query(`select ${literal}::${type} as v`)).rows],
      [
        `${type} by parameter`,
        async (client) => {
          const { rows } = await client.query(`select (${literal}::${type})::text as v`);
          return (await client.query(`select $1::${type} as v`, [rows[0].v])).rows;
        },
      ],
      [`${type} null`, async (client) => (await client.query(`select $1::${type} as v`, [null])).rows],
    ]),
  ),
  'named statement, twice': async (client) => {
    const query = (n: number) => client.query({ name: 'twice', text: 'select $1::int + 1 as v', values: [n] });
    return [(await query(1)).rows, (await query(41)).rows];
  },
  'row mode array': async (client) => (await client.query({ text: 'select 1, 2', rowMode: 'array' })).rows,
  'many at once': async (client) => {
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => client.query('select $1::int as v', [i])));
    return all.map(({ rows }) => rows[0].v);
  },
  'several statements': async (client) => {
    const results = (await client.query('select 1 as a; select 2 as b; select 3 as c')) as unknown as pg.QueryResult[];
    return results.map(({ rows, command, rowCount }) => [rows, command, rowCount]);
  },
  'empty query': async (client) => (await client.query('')).command,
  error: async (client) => caught(client.query('select 1/0')),
  'error of a parameter': async (client) => caught(client.query('select $1::int', ['x'])),
  'error, then go on': async (client) => [
    await caught(client.query('nonsense')),
    (await client.query('select 1')).rows,
  ],
  'error between queued queries': async (client) => {
    const all = await Promise.allSettled([
      client.query('select 1 as v'),
      client.query('select $1::int', ['x']),
      client.query('select 3 as v'),
    ]);
    return all.map((each) => (each.status === 'fulfilled' ? each.value.rows : each.reason.code));
  },
  'transaction rolled back': async (client) => {
    await client.query('create temp table if not exists t1 (v int)');
    await client.query('begin');
    await client.query('insert into t1 values (1)');
    await client.query('rollback');
    return (await client.query('select count(*) from t1')).rows;
  },
  notice: async (client) => {
    const heard: unknown[] = [];
    const listener = (notice: { message?: string | undefined }): void => void heard.push(notice.message);
    client.on('notice', listener);
    await client.query("do $$ begin raise notice 'hello'; end $$");
    client.off('notice', listener);
    return heard;
  },
  'listen and notify': async (client) => {
    await client.query('listen channel_1');
    const heard = new Promise((resolve) =>
      client.once('notification', ({ channel, payload }) => resolve([channel, payload])),
    );
    await client.query("select pg_notify('channel_1', 'payload')");
    return heard;
  },
  'large value, both ways': async (client) => {
    const text = 'x'.repeat(5_000_000);
    const { rows } = await client.query('select $1::text as v', [text]);
    return rows[0].v === text;
  },
  'many rows': async (client) => {
    const { rows } = await client.query('select i, md5(i::text) as m from generate_series(1, 20000) i');
    return [rows.length, rows[0], rows.at(-1)];
  },
  'many columns': async (client) => {
    const columns = Array.from({ length: 1600 }, (_, i) => `${i} as c${i}`).join(', ');
    return Object.keys((await client.query(`select ${columns}`)).rows[0]).length;
  },
  fields: async (client) => {
    const { fields } = await client.query('select 1::int as a, $1::text as b', ['x']);
    return fields.map(({ name, dataTypeID, format }) => [name, dataTypeID, format]);
  },
  'binary results': async (client) =>
    (
      await client.query({
        text: 'select 1::int4 as a, 2::int8 as b, $1::text as c',
        values: ['x'],
        binary: true,
      } as pg.QueryConfig)
    ).rows,
  cancelled: async (client) => {
    await client.query("set statement_timeout = '50ms'");
    const outcome = await caught(client.query('select pg_sleep(10)'));
    await client.query('reset statement_timeout');
    return outcome;
  },
  settings: async (client) => {
    await client.query("set application_name = 'corpus'");
    return (await client.query('show application_name')).rows;
  },
};

type Sql = postgres.Sql<Record<string, unknown>>;

const withPostgresJs: Readonly<Record<string, Case<Sql>>> = {
  ...Object.fromEntries(
    values.map(([type, literal]): [string, Case<Sql>] => [
      `${type}`,
      async (sql) => [...(await sql.unsafe(`select ${literal}::${type} as v`))],
    ]),
  ),
  parameters: async (sql) => [...(await sql`select ${1}::int as a, ${'x'}::text as b, ${null}::text as c`)],
  pipelined: async (sql) => {
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => sql`select ${i}::int as v`));
    return all.map(([row]) => row?.['v']);
  },
  transaction: async (sql) => {
    await sql`create table if not exists t2 (v int)`;
    const thrown = await caught(
      sql.begin(async (inner) => {
        await inner`insert into t2 values (1)`;
        throw Object.assign(new Error('back'), { code: 'BACK' });
      }),
    );
    return [thrown, [...(await sql`select count(*) from t2`)]];
  },
  savepoint: async (sql) =>
    sql.begin(async (inner) => {
      await inner.savepoint((deeper) => deeper`select 1/0`).catch(() => undefined);
      return [...(await inner`select 1 as v`)];
    }),
  cursor: async (sql) => {
    const sizes: number[] = [];
    await sql`select * from generate_series(1, 95)`.cursor(10, (rows) => void sizes.push(rows.length));
    return sizes;
  },
  forEach: async (sql) => {
    let sum = 0;
    await sql`select i from generate_series(1, 1000) i`.forEach((row) => {
      sum += row['i'] as number;
    });
    return sum;
  },
  'copy in': async (sql) => {
    await sql`create table if not exists t3 (a int, b text)`;
    const stream = await sql`copy t3 from stdin`.writable();
    await new Promise<void>((resolve, reject) => {
      stream.on('error', reject).on('finish', resolve);
      for (let i = 0; i < 5000; i++) stream.write(`${i}\trow ${i}\n`);
      stream.end();
    });
    return [...(await sql`select count(*), sum(a) from t3`)];
  },
  'copy out': async (sql) => {
    const stream = await sql`copy (select i, md5(i::text) from generate_series(1, 5000) i) to stdout`.readable();
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return [text.length, text.slice(0, 80)];
  },
  error: async (sql) => caught(sql`select 1/0`),
  'error of syntax': async (sql) => caught(sql.unsafe('nonsense')),
  cancel: async (sql) => {
    const query = sql`select pg_sleep(30)`.execute();
    setTimeout(() => query.cancel(), 200);
    return caught(query);
  },
  listen: async (sql) => {
    let heard: (value: string) => void = () => undefined;
    const message = new Promise<string>((resolve) => {
      heard = resolve;
    });
    const listener = await sql.listen('channel_2', (payload) => heard(payload));
    await sql.notify('channel_2', 'payload');
    const payload = await message;
    await listener.unlisten();
    return payload;
  },
  'simple, several': async (sql) =>
    (await sql.unsafe('select 1 as a; select 2 as b').simple()).map((rows) => [
      ...(rows as unknown as Iterable<unknown>),
    ]),
  'insert helper': async (sql) => {
    await sql`create table if not exists t4 (a int, b text)`;
    await sql`truncate t4`;
    await sql`insert into t4 ${sql([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ])}`;
    return [...(await sql`select * from t4 order by a`)];
  },
  describe: async (sql) => {
    const { columns, types } = await sql`select 1::int as a, ${'x'}::text as b`.describe();
    return [columns.map(({ name, type }) => [name, type]), types];
  },
};

interface ServerError {
  readonly code?: string;
  readonly message?: string;
  readonly severity?: string;
}

/** An error as its reader sees it. */
async function caught(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    const { code, message, severity } = error as ServerError;
    return { code, message, severity };
  }
}

const tooLate = 'took too long';

async function record<Client>(
  cases: Readonly<Record<string, Case<Client>>>,
  client: Client,
  prefix: string,
): Promise<Map<string, string>> {
  const outcomes = new Map<string, string>();
  for (const [name, body] of Object.entries(cases)) {
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, tooLate).unref());
    const outcome = await Promise.race([body(client).catch(caughtOutside), late]);
    const text = JSON.stringify(outcome, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
    const failed = outcome === tooLate || (typeof outcome === 'object' && outcome !== null && 'unexpected' in outcome);
    outcomes.set(`${prefix}: ${name}`, failed ? `fail: ${text}` : text);
  }
  return outcomes;
}

function caughtOutside(error: unknown): unknown {
  const { code, message } = error as ServerError;
  return { unexpected: { code, message } };
}

async function runAll({ host, port, user, password, database }: Route): Promise<Report> {
  const client = new pg.Client({ host, port, user, password, database, ssl: false });
  client.on('error', () => undefined);
  await client.connect();
  const first = await record(withPg, client, 'pg');
  await client.end();
  const sql = postgres({
    host,
    port,
    user,
    password,
    database,
    ssl: false,
    max: 3,
    onnotice: () => undefined,
  });
  const second = await record(withPostgresJs, sql as unknown as Sql, 'postgres.js');
  await sql.end({ timeout: 5 });
  return outcomesOf(new Map([...first, ...second]));
}

export const node: Suite = { name: 'node', prepare: async () => undefined, run: runAll };
