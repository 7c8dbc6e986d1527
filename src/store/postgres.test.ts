/** The PostgreSQL engine against a real server: the contract, and what only several gateways can go through. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock, systemClock } from '../base/clock.ts';
import { historyEntry } from './history.contract.ts';
import { type IdNotice, type ObjectNotice, openStore, type Store, type TokenNotice } from './index.ts';
import { poolConnectionsMax } from './limits.ts';
import { migrations } from './migrations/index.ts';
import { channel } from './notices.ts';
import { PostgresEngine } from './postgres.ts';
import { review, updateOf } from './reviews.contract.ts';
import { codeOf, describeStore, token, typesQuery, typesRow, until, write } from './store.contract.ts';
import { PostgresServer } from './testing/server.ts';

const server = new PostgresServer();
beforeAll(() => server.start(), 120_000);
afterAll(() => server.dispose(), 60_000);

describeStore('PostgreSQL', async () => ({ databaseUrl: await server.createDatabase('contract') }));

describe('two gateways on one PostgreSQL', () => {
  let databaseUrl: string;
  let one: Store;
  let two: Store;

  beforeAll(async () => {
    databaseUrl = await server.createDatabase('shared');
    // Both at once on an empty database: the migrations must run once, and neither may fail.
    [one, two] = await Promise.all([openStore({ databaseUrl }), openStore({ databaseUrl })]);
  }, 60_000);
  afterAll(() => Promise.all([one?.close(), two?.close()]));

  it('write the same values into one history at once, and one begins anew without the other', async () => {
    const batch = (gateway: string, from: number) => ({
      gateway,
      upToSequence: from + 49,
      atMs: 1,
      ended: [],
      // The same texts, people and tables in both, in another order.
      entries: Array.from({ length: 50 }, (_, at) =>
        historyEntry(from + at, {
          text: `select ${gateway === 'gw-one' ? at : 49 - at}`,
          touches: [['table', 'read', `public.t${(at * (gateway === 'gw-one' ? 1 : 7)) % 50}`]],
        }),
      ),
    });
    for (let from = 1; from < 500; from += 50) {
      await Promise.all([one.history.write(batch('gw-one', from)), two.history.write(batch('gw-two', from))]);
    }
    const where = { node: 'part', text: 'select 7' } as const;
    const query = { where, fromMs: 0, toMs: 4e12, sort: 'newest' } as const;
    const counted = async (): Promise<number> => (await one.history.count(query, 'all', [])).total;
    expect(await counted()).toBe(20);
    await two.history.drop('gw-two');
    expect(await counted()).toBe(10);
    expect(await one.history.cursor('gw-one')).toBe(500);
    expect(await two.history.cursor('gw-two')).toBe(0);
    expect(await one.history.standings()).toEqual([
      { gateway: 'gw-one', sequence: 500, atMs: 1, entries: 500 },
      { gateway: 'gw-two', sequence: 0, atMs: 0, entries: 0 },
    ]);
  });

  it('see each other’s objects, and hear of changes once each', async () => {
    const heard: ObjectNotice[] = [];
    const own: ObjectNotice[] = [];
    const stops = [
      two.objects.onChange((notice) => void heard.push(notice)),
      one.objects.onChange((notice) => void own.push(notice)),
    ];
    const name = `o'r"d\\ers \u0001 👩‍💻`;
    await one.objects.put(write('Resource', name, { spec: { a: 1 } }));
    await until(() => heard.length > 0);
    expect(await two.objects.get('Resource', name)).toMatchObject({ spec: { a: 1 } });
    await one.objects.putAll([write('Resource', 'a'), write('Resource', 'x', { expectedGeneration: 9 })]);
    await two.objects.delete('Resource', name, null);
    await until(() => own.length > 1);
    expect(heard).toEqual([
      { type: 'changed', kind: 'Resource', name },
      { type: 'changed', kind: 'Resource', name },
    ]);
    expect(own).toEqual(heard);
    for (const stop of stops) stop();
  });

  it('hear of revoked tokens, also of more than one notification carries', async () => {
    const heard: TokenNotice[] = [];
    const stop = two.tokens.onRevoked((notice) => void heard.push(notice));
    const ids = Array.from({ length: 60 }, (_, at) => `tok-${at}-${'é"'.repeat(80)}`);
    for (const id of ids) await one.tokens.create(token(id, { owner: 'leaver', hash: `h-${ids.indexOf(id)}` }));
    await one.tokens.revokeAllOf('leaver', 5);
    const told = () => heard.flatMap((notice) => (notice.type === 'revoked' ? notice.ids : []));
    await until(() => told().length >= ids.length);
    expect([...told()].sort()).toEqual([...ids].sort());
    stop();
  });

  it('notify with ids only, below the server’s limit, for the longest names', async () => {
    const heard: ObjectNotice[] = [];
    const stop = two.objects.onChange((notice) => void heard.push(notice));
    const long = '\u0001'.repeat(512);
    await one.objects.put(write(long, long));
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ type: 'changed', kind: long, name: long }]);
    stop();
  });

  it('let one writer win a generation', async () => {
    const writers = [one, two, one, two].map((store, at) =>
      store.objects.put(write('Race', 'a', { expectedGeneration: 0, spec: { at } })),
    );
    const outcomes = (await Promise.all(writers)).map((result) => result.outcome).sort();
    expect(outcomes).toEqual(['conflict', 'conflict', 'conflict', 'created']);
  });

  it('batches in opposite order do not deadlock', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `n${at}`);
    const rounds = Array.from({ length: 5 }, (_, round) => [
      one.objects.putAll(names.map((name) => write('Lock', name, { spec: { round, by: 1 } }))),
      two.objects.putAll([...names].reverse().map((name) => write('Lock', name, { spec: { round, by: 2 } }))),
    ]).flat();
    expect(new Set((await Promise.all(rounds)).map((result) => result.outcome))).toEqual(new Set(['applied']));
  });

  it('claim a review once, and hear of each other’s decisions (A-REV-04, A-REV-05)', async () => {
    const heard: IdNotice[] = [];
    const stop = two.reviews.onChange((notice) => void heard.push(notice));
    await one.reviews.change({ creates: [review('rev_shared', { state: 'approved' })] }, async () => {});
    await until(() => heard.length > 0);
    const read = (await two.reviews.get('rev_shared'))!;
    const states = ['executed', 'denied', 'executed', 'withdrawn'];
    const races = states.map((state, at) =>
      [one, two][at % 2]!.reviews.change({ updates: [updateOf(read, { state })] }, async () => {}),
    );
    expect((await Promise.all(races)).filter(Boolean)).toHaveLength(1);
    const long = Array.from({ length: 40 }, (_, at) => review(`rev_${'x'.repeat(400)}${at}`));
    await one.reviews.change({ creates: long }, async () => {});
    const told = () => heard.flatMap((notice) => (notice.type === 'changed' ? notice.ids : []));
    await until(() => told().includes(long.at(-1)!.id));
    expect(long.every(({ id }) => told().includes(id))).toBe(true);
    stop();
  });

  it('make one value of a setting', async () => {
    const values = await Promise.all(
      [one, two, one, two].map((store, at) => store.settings.getOrCreate('shared', () => at)),
    );
    expect(new Set(values).size).toBe(1);
  });

  it('are told to read again when a notification cannot be read', async () => {
    const heard: TokenNotice[] = [];
    const stop = one.tokens.onRevoked((notice) => void heard.push(notice));
    for (const payload of ['', 'x', '[]', '["a","b","c"]', '["a","object","kind"]', '{"a":1}', '[1,2,3]']) {
      heard.length = 0;
      await server.query(`select pg_notify('${channel}', '${payload}')`, 'shared');
      await until(() => heard.length > 0);
      expect(heard).toEqual([{ type: 'resync' }]);
    }
    stop();
  });

  it('come back after the server did, and are told to read again (F-02)', async () => {
    const heard: string[] = [];
    const stops = [
      one.objects.onChange((notice) => void heard.push(`object ${notice.type}`)),
      one.tokens.onRevoked((notice) => void heard.push(`token ${notice.type}`)),
    ];
    await server.stop();
    expect(await codeOf(one.settings.get('shared'))).toBe('store.unavailable');
    expect(await one.health()).toEqual({ engine: 'postgres', answering: false, listening: false });
    await server.start();
    await until(() => heard.length >= 2);
    expect(heard).toEqual(['object resync', 'token resync']);
    expect(await one.health()).toEqual({ engine: 'postgres', answering: true, listening: true });
    expect(await one.settings.get('shared')).toBeDefined();
    for (const stop of stops) stop();
  }, 60_000);

  it('come back when only the connections were cut', async () => {
    const heard: string[] = [];
    const stop = two.objects.onChange((notice) => void heard.push(notice.type));
    await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'shared' and pid <> pg_backend_pid()`,
    );
    await until(() => heard.includes('resync'));
    // The pool may not know yet that a connection it holds is dead; each failure costs it one.
    for (let tries = 0; tries < poolConnectionsMax && (await codeOf(two.settings.get('shared'))) !== 'none'; tries++);
    expect(await two.settings.get('shared')).toBeDefined();
    stop();
  }, 60_000);
});

describe('the PostgreSQL engine', () => {
  it('gives values the same JavaScript types as the embedded engine does', async () => {
    const engine = await PostgresEngine.open(server.url, systemClock);
    const connection = await engine.acquire();
    expect((await connection.query(typesQuery, [])).rows[0]).toEqual(typesRow);
    expect(await codeOf(connection.query('select 9007199254740993::int8', []))).toBe('store.query-failed');
    expect(await codeOf(connection.query('selekt', []))).toBe('store.query-failed');
    connection.release();
    await engine.close();
  });

  it('gives up a statement at the server’s time-out, and goes on with the connection', async () => {
    const engine = await PostgresEngine.open(server.url, systemClock);
    const connection = await engine.acquire();
    await connection.query('set statement_timeout to 20', []);
    expect(await codeOf(connection.query('select pg_sleep(60)', []))).toBe('store.deadline');
    expect((await connection.query('select 1 as one', [])).rows).toEqual([{ one: 1 }]);
    connection.release();
    await engine.close();
  });

  it('gives up a statement at its own deadline, and the connection with it', async () => {
    const clock = new FakeClock();
    const engine = await PostgresEngine.open(server.url, clock);
    const connection = await engine.acquire();
    const running = codeOf(connection.query('select pg_sleep(60)', []));
    clock.advance(60_000);
    expect(await running).toBe('store.deadline');
    expect(await codeOf(connection.query('select 1', []))).toBe('store.unavailable');
    connection.release();
    const next = await engine.acquire();
    expect((await next.query('select 1 as one', [])).rows).toEqual([{ one: 1 }]);
    next.release();
    await engine.close();
  });

  it('makes callers beyond the pool wait, and loses none', async () => {
    const store = await openStore({ databaseUrl: await server.createDatabase('pool') });
    const all = Array.from({ length: poolConnectionsMax * 5 }, (_, at) => store.settings.set(`k${at}`, at));
    await Promise.all(all);
    expect(await store.settings.get('k49')).toBe(49);
    await store.close();
  });

  it('refuses a database of a later version without touching it', async () => {
    const databaseUrl = await server.createDatabase('later');
    await (await openStore({ databaseUrl })).close();
    await server.query(`insert into migrations (name, timestamp) values ('9999-later', 'x')`, 'later');
    expect(await codeOf(openStore({ databaseUrl }))).toBe('store.newer-schema');
    const rows = await server.query('select count(*)::int as count from migrations', 'later');
    expect(rows).toEqual([{ count: Object.keys(migrations).length + 1 }]);
  });

  it('leaves a database as it was when a migration fails', async () => {
    const databaseUrl = await server.createDatabase('occupied');
    await server.query('create table settings (mine int)', 'occupied');
    expect(await codeOf(openStore({ databaseUrl }))).toBe('store.migration-failed');
    const rows = await server.query(`select to_regclass('objects') as objects`, 'occupied');
    expect(rows).toEqual([{ objects: null }]);
  });

  it('says that it cannot connect, never with the password (A-API-06)', async () => {
    const secret = 'hunter2-secret';
    const urls = [
      `postgres://app:${secret}@127.0.0.1:1/x`,
      `mysql://app:${secret}@127.0.0.1/x`,
      `app:${secret} not a url`,
      `${server.urlOf('missing')}&password=${secret}`,
    ];
    const codes: string[] = [];
    for (const databaseUrl of urls) {
      const error: unknown = await openStore({ databaseUrl }).then(
        () => null,
        (reason: unknown) => reason,
      );
      codes.push((error as { code: string }).code);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
    }
    expect(codes).toEqual(['store.unavailable', 'store.bad-url', 'store.bad-url', 'store.unavailable']);
  });

  it('tells of a refused statement its SQLSTATE and constraint, never a value (A-API-06)', async () => {
    const engine = await PostgresEngine.open(server.url, systemClock);
    const connection = await engine.acquire();
    await connection.query('create temporary table t (v text constraint t_unique unique)', []);
    await connection.query('insert into t values ($1)', ['s3cret']);
    const error: unknown = await connection
      .query('insert into t values ($1)', ['s3cret'])
      .catch((reason: unknown) => reason);
    expect(inspect(error, { depth: 10 })).not.toContain('s3cret');
    expect(error).toMatchObject({ code: 'store.query-failed', detail: 'SQLSTATE 23505, constraint t_unique, table t' });
    connection.release();
    await engine.close();
  });
});
