import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type pg from 'pg';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { encodeCancelRequest } from './messages.ts';
import { connect, type GatewayOptions, startGateway, type TestGateway, until } from './relay-testing.ts';
import { Peer } from './testing.ts';

const run = promisify(execFile);
let server: PostgresServer;
let gateway: TestGateway;
let gateways: TestGateway[] = [];

beforeAll(async () => {
  server = await startPostgres({
    seed: 'create table if not exists seeded(n int); grant all on schema public to public',
  });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  for (const one of gateways) await one.close();
  gateways = [];
});

async function start(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  gateway = await startGateway({ upstream: server, ...options });
  gateways.push(gateway);
  return gateway;
}

async function psql(script: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { host, port, user, password } = gateway.config;
  const target = `host=${host} port=${port} user=${user} sslmode=disable`;
  const child = run('psql', ['-X', '-d', target, ...args], { env: { ...process.env, PGPASSWORD: password } });
  child.child.stdin!.end(script);
  return child;
}

describe('a session', () => {
  test('a simple query is journaled, recorded and answered', async () => {
    await start();
    const client = await connect(gateway);
    const { rows } = await client.query("select 1 as one, null as none, 'ü' as text");
    expect(rows).toEqual([{ one: 1, none: null, text: 'ü' }]);
    await client.end();
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('command.intent')).toMatchObject([{ command: 1, verb: 'query', of: null }]);
    expect(gateway.journal.of('command.ended')).toMatchObject([
      { command: 1, outcome: 'completed', tag: 'SELECT 1', rows: 1, error: null },
    ]);
    expect(gateway.journal.of('session.ended')).toMatchObject([{ reason: 'client-closed', commands: 1 }]);
    expect(gateway.last.of('columns')).toMatchObject([
      { command: 1, columns: [{ name: 'one', type: '23', format: 'text' }, { name: 'none' }, { name: 'text' }] },
    ]);
    expect(gateway.last.rows(1)).toEqual([['1', null, 'ü']]);
    expect(gateway.last.closed).toBe(true);
    expect(gateway.open()).toBe(0);
  });

  test('an extended query: prepare and execute, with parameters and columns', async () => {
    await start();
    const client = await connect(gateway);
    const { rows } = await client.query('select $1::int + 1 as n, $2::text as t', [41, 'x']);
    expect(rows).toEqual([{ n: 42, t: 'x' }]);
    await client.end();
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('command.intent')).toMatchObject([
      { command: 1, verb: 'prepare', parameters: null, of: null },
      {
        command: 2,
        verb: 'execute',
        text: 'select $1::int + 1 as n, $2::text as t',
        parameters: [{ value: '41' }, { value: 'x' }],
        of: 1,
      },
    ]);
    expect(gateway.journal.of('command.ended')).toMatchObject([
      { command: 1, outcome: 'completed', rows: 0 },
      { command: 2, outcome: 'completed', tag: 'SELECT 1', rows: 1 },
    ]);
    expect(gateway.last.of('columns')).toMatchObject([{ command: 2, columns: [{ name: 'n' }, { name: 't' }] }]);
    expect(gateway.last.rows(2)).toEqual([['42', 'x']]);
  });

  test('named statements are described once and recorded with columns each time', async () => {
    await start();
    const client = await connect(gateway);
    for (const n of [1, 2, 3]) {
      const { rows } = await client.query({ name: 'plus', text: 'select $1::int + 1 as n', values: [n] });
      expect(rows).toEqual([{ n: n + 1 }]);
    }
    await client.end();
    await until(() => gateway.journal.of('session.ended').length === 1);
    const executes = gateway.journal.of('command.intent').filter(({ verb }) => verb === 'execute');
    expect(executes.map(({ of, text }) => ({ of, text }))).toEqual(
      Array.from({ length: 3 }, () => ({ of: 1, text: 'select $1::int + 1 as n' })),
    );
    expect(gateway.last.of('columns')).toHaveLength(3);
  });

  test('errors keep the session, with their SQLSTATE in the journal', async () => {
    await start();
    const client = await connect(gateway);
    await expect(client.query('select 1/0')).rejects.toMatchObject({ code: '22012' });
    await expect(client.query('select 1/$1::int', [0])).rejects.toMatchObject({ code: '22012' });
    await expect(client.query('select $1::int', ['no number'])).rejects.toMatchObject({ code: '22P02' });
    await expect(client.query('select nonsense from nowhere', ['x'])).rejects.toMatchObject({ code: '42P01' });
    expect((await client.query('select 7 as n')).rows).toEqual([{ n: 7 }]);
    await client.end();
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('command.ended').map(({ outcome, error }) => `${outcome} ${error}`)).toEqual([
      'failed 22012',
      'completed null',
      'failed 22012',
      'completed null',
      'failed 22P02',
      'failed 42P01',
      'withdrawn null',
      'completed null',
    ]);
    expect(gateway.last.of('message').map(({ level, code }) => `${level} ${code}`)).toEqual([
      'error 22012',
      'error 22012',
      'error 22P02',
      'error 42P01',
    ]);
  });

  test('several statements in one Query add up', async () => {
    await start();
    const client = await connect(gateway);
    await client.query('create temp table t(n int); insert into t values (1),(2); select * from t; select 1');
    await client.end();
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('command.ended')).toMatchObject([
      { tag: 'CREATE TABLE; INSERT 0 2; SELECT 2; SELECT 1', rows: 3 },
    ]);
  });

  test('psql: meta-commands, COPY in and out, errors, notices', async () => {
    await start();
    const { stdout, stderr } = await psql(`
      create temp table t(n int, t text);
      \\copy t from stdin
1\tone
2\ttwo
\\.
      copy t to stdout;
      \\copy t to stdout with (format csv)
      \\d t
      do $$ begin raise notice 'hello'; end $$;
      select count(*) from t;
      select bad;
      \\dt
      select 'end';
    `);
    expect(stdout).toContain('1\tone\n2\ttwo\n1,one\n2,two\n');
    expect(stdout).toContain('Table "pg_temp');
    expect(stdout).toContain('end');
    expect(stderr).toContain('NOTICE:  hello');
    expect(stderr).toContain('column "bad" does not exist');
    await until(() => gateway.journal.of('session.ended').length === 1);
    const data = gateway.last.of('data');
    expect(
      Buffer.concat(data.filter(({ direction }) => direction === 'in').map(({ data }) => data)).toString(),
    ).toEqual(
      // psql before 18 sends the end mark of its script, too.
      expect.stringMatching(/^1\tone\n2\ttwo\n(\\\.\n)?$/),
    );
    expect(Buffer.concat(data.filter(({ direction }) => direction === 'out').map(({ data }) => data)).toString()).toBe(
      '1\tone\n2\ttwo\n1,one\n2,two\n',
    );
    expect(gateway.journal.of('command.ended').find(({ tag }) => tag === 'COPY 2')).toMatchObject({
      outcome: 'completed',
    });
  });

  test('postgres.js: pipelining, cursors, transactions, COPY, LISTEN and NOTIFY', async () => {
    await start();
    const { host, port, user, password } = gateway.config;
    const sql = postgres({ host, port, user, password, database: 'orders', max: 1, onnotice: () => undefined });
    const many = await Promise.all(Array.from({ length: 50 }, (_, n) => sql`select ${n}::int as n`));
    expect(many.map((rows) => rows[0]!['n'])).toEqual(Array.from({ length: 50 }, (_, n) => n));
    await sql`create temp table t(n int, t text)`;
    await sql.begin(async (transaction) => {
      await transaction`insert into t ${transaction(Array.from({ length: 20 }, (_, n) => ({ n, t: `row ${n}` })))}`;
    });
    const batches: number[] = [];
    await sql`select n from t order by n`.cursor(6, (rows) => void batches.push(rows.length));
    expect(batches).toEqual([6, 6, 6, 2]);
    const writable = await sql`copy t from stdin`.writable();
    await new Promise<void>((resolve, reject) => {
      writable.on('error', reject).on('finish', resolve);
      writable.end('100\thundred\n');
    });
    const readable = await sql`copy (select t from t where n = 100) to stdout`.readable();
    const chunks: Buffer[] = [];
    for await (const chunk of readable) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('hundred\n');
    await sql.end();

    const listener = await connect(gateway);
    const notified = new Promise<pg.Notification>((resolve) => listener.on('notification', resolve));
    await listener.query('listen news');
    const other = await connect(gateway);
    await other.query("notify news, 'it works'");
    expect(await notified).toMatchObject({ channel: 'news', payload: 'it works' });
    await until(() => gateway.recordings.some((one) => one.of('message').some(({ text }) => text === 'it works')));
    await listener.end();
    await other.end();
  });

  test('inside TLS, with large results both ways', async () => {
    await start({ tlsRequired: true });
    const client = await connect(gateway, { ssl: { rejectUnauthorized: false } });
    const { rows } = await client.query("select n, repeat('x', 1000) as t from generate_series(1, 20000) n");
    expect(rows).toHaveLength(20_000);
    expect((await client.query('select length($1::text) as n', ['y'.repeat(5_000_000)])).rows).toEqual([
      { n: 5_000_000 },
    ]);
    await client.end();
    await expect(connect(gateway)).rejects.toMatchObject({ code: '28000' });
  });

  test('a database that is not the resource’s is refused with 3D000, before anything is opened', async () => {
    await start();
    await expect(connect(gateway, { database: 'other' })).rejects.toMatchObject({ code: '3D000' });
    await expect(connect(gateway, { user: 'engineer+nothing' })).rejects.toMatchObject({ code: '42501' });
    await until(() => gateway.open() === 0);
  });

  test('a binary COPY passes as it is', async () => {
    await start();
    const { stdout } = await psql('', '-c', 'copy (select 1::int4) to stdout (format binary)');
    expect(stdout.startsWith('PGCOPY\n')).toBe(true);
  });

  test('a value of 50 MB in both directions', { timeout: 60_000 }, async () => {
    await start();
    const client = await connect(gateway);
    const size = 50 * 1024 * 1024;
    const { rows } = await client.query('select $1::text as big', ['x'.repeat(size)]);
    expect(rows[0].big.length).toBe(size);
    await client.end();
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.last.rows(2)[0]![0]!.length).toBe(size);
    expect(gateway.journal.of('command.ended').at(-1)).toMatchObject({ rows: 1, outcome: 'completed' });
    const [, execute] = gateway.journal.of('command.intent');
    expect(execute!.parameters![0]).toMatchObject({ bytes: size });
  });

  test('a CancelRequest ends what runs, with the gateway’s key, and is journaled', async () => {
    await start();
    const client = await connect(gateway);
    const slow = client.query('select pg_sleep(30)').catch((error: { code: string }) => error.code);
    await until(() => gateway.sent.some((view) => view.includes('pg_sleep')));
    // Sent is not yet running: what the server is told to cancel before it began, it does not cancel.
    await expect
      .poll(() =>
        server.query("select 1 as n from pg_stat_activity where query ~ '^select pg_sleep' and state = 'active'"),
      )
      .toHaveLength(1);
    const { processID, secretKey } = client as pg.Client & { processID: number; secretKey: Buffer | number };
    const peer = await Peer.connect(gateway.port);
    const key = Buffer.alloc(4);
    if (typeof secretKey === 'number') key.writeInt32BE(secretKey);
    peer.write(encodeCancelRequest(processID, typeof secretKey === 'number' ? key : secretKey));
    await peer.rest();
    expect(await slow).toBe('57014');
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    expect(gateway.journal.of('command.cancel')).toHaveLength(1);
    await client.end();
  });
});
