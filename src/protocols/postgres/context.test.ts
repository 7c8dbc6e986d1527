/** What is known of each statement when it is judged, and how it is kept true: against a real server. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { type CommandDraft, sqlOf } from '../../core/command.ts';
import type { StatementLineage } from '../../core/sql.ts';
import * as limits from './limits.ts';
import * as m from './messages.ts';
import { outline, rawClient, readUntilReady } from './raw-testing.ts';
import { connect, startGateway, type TestGateway, until } from './relay-testing.ts';

const seed = `
  create table plain (n int primary key, t text);
  create schema other; create table other.plain (n int, t text); create table other.only (n int);
  create view seen as select n from plain;
  create type mood as enum ('ok');
  create table feelings (m mood);
  create function touch() returns int language sql as 'insert into plain values (1) returning n';
  create function redefine() returns void language plpgsql security definer as
    $$ begin execute 'create or replace view seen as select length(t) as n from plain'; end $$;
  grant usage, create on schema public, other to app; grant all on all tables in schema public, other to app;
  alter function redefine() owner to app; alter view seen owner to app;
`;
let server: PostgresServer;
let gateway: TestGateway;
let drafts: CommandDraft[] = [];

beforeAll(async () => {
  server = await startPostgres({ seed });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  await gateway.close();
  drafts = [];
});

async function start(): Promise<TestGateway> {
  const judge = (draft: CommandDraft): null => {
    drafts.push(draft);
    return null;
  };
  gateway = await startGateway({ upstream: server, judge });
  return gateway;
}

/** Of the last statement that was judged. */
function last(): { effect: string; relations: string[]; reasons: string[] } {
  const { effect, meaning } = drafts.at(-1)!;
  const statements = sqlOf(meaning)?.statements ?? [];
  return {
    effect,
    relations: statements.flatMap(({ relations }) =>
      relations.flatMap(({ candidates }) => candidates.map(({ schema, name }) => `${schema}.${name}`)),
    ),
    reasons: sqlOf(meaning)?.reasons.map(({ code }) => code) ?? ['no meaning'],
  };
}

const lineage = (): StatementLineage | undefined => sqlOf(drafts.at(-1)!.meaning)?.statements[0]?.lineage;
const carried = (): string[] | undefined =>
  lineage()?.columns?.flatMap(({ origins }) =>
    origins.map(({ schema, relation, column }) => `${schema}.${relation}.${column}`),
  );

const effects: readonly [sql: string, effect: string][] = [
  ['select 1', 'read'],
  ['select n from plain where n = 1', 'read'],
  ['select * from seen', 'read'],
  ['select count(*), now() from plain join other.only using (n)', 'read'],
  ['explain select * from plain', 'read'],
  ['show work_mem', 'read'],
  ['select touch()', 'unknown'],
  ['explain analyse select touch()', 'unknown'],
  ["select nextval('s')", 'write'],
  ['insert into plain values (100)', 'write'],
  ['with gone as (delete from plain where n = 100 returning n) select * from gone', 'write'],
  ['update plain set t = null where n = -1', 'write'],
  ['begin', 'write'],
  ['commit', 'write'],
  ['select 1; delete from plain where n = -1', 'write'],
  ['do $$ begin perform 1; end $$', 'unknown'],
  ["copy (select 1) to program 'cat'", 'write'],
  ['select * from nowhere', 'unknown'],
  ['selekt', 'unknown'],
];

describe('the effect of a command', () => {
  for (const mode of ['simple', 'extended'] as const) {
    test(`${mode}: read only where it is proven`, async () => {
      const client = await connect(await start());
      for (const [sql, effect] of effects) {
        if (mode === 'extended' && sql.startsWith('select 1;')) continue;
        const query = mode === 'simple' ? sql : ({ text: sql, queryMode: 'extended' } as pg.QueryConfig);
        await client.query(query).catch(() => undefined);
        const verb = mode === 'simple' ? 'query' : 'prepare';
        const draft = drafts.findLast((one) => one.text === sql && one.verb === verb)!;
        expect(`${sql}: ${draft.effect}`).toBe(`${sql}: ${effect}`);
        const executed = drafts.findLast((one) => one.text === sql && one.verb === 'execute');
        expect(executed?.effect ?? effect).toBe(effect);
        expect(draft.meaning?.language).toBe('sql');
        expect(draft.context).toMatchObject({ database: server.database });
      }
      await client.end();
    });
  }

  test('a parameter of a type of the database’s own runs its input function', async () => {
    const client = await connect(await start());
    await client.query('select 1 from plain where n = $1', [1]);
    expect(drafts.map(({ effect }) => effect)).toEqual(['read', 'read']);
    await client.query('select 1 from feelings where m = $1', ['ok']);
    expect(drafts[2]!.effect).toBe('read');
    await client.end();
  });

  test('the context that a reviewer is told', async () => {
    const client = await connect(await start());
    await client.query('select 1');
    expect(drafts[0]!.context).toEqual({
      database: server.database,
      role: server.user,
      session_user: server.user,
      search_path: '"pg_catalog", "public"',
    });
    await client.end();
  });
});

describe('the context follows the session', () => {
  test('SET search_path: another table is meant, and the statement is known again at once', async () => {
    const client = await connect(await start());
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.plain'] });
    await client.query('set search_path = other, public');
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'read', relations: ['other.plain'] });
    expect(drafts.at(-1)!.context['search_path']).toBe('"pg_catalog", "other", "public"');
    await client.query("select set_config('search_path', 'public', false)");
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.plain'] });
    await client.end();
  });

  test('behind a SET that has not run yet every table of the name is a candidate', async () => {
    await start();
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    peer.write(m.encodeQuery('select 1'));
    await readUntilReady(peer);
    peer.write(Buffer.concat([m.encodeQuery('set search_path = other'), m.encodeQuery('select n from plain')]));
    await readUntilReady(peer, 2);
    const { effect, relations } = last();
    expect(effect).not.toBe('read');
    expect(relations.sort()).toEqual(['other.plain', 'public.plain']);
    peer.socket.destroy();
  });

  test('SET LOCAL and ROLLBACK: the path is what it was', async () => {
    const client = await connect(await start());
    await client.query('begin');
    await client.query('set local search_path = other');
    await client.query('select n from plain');
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'read', relations: ['other.plain'] });
    await client.query('rollback');
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.plain'] });
    // A question of the gateway's own must not take the snapshot of a transaction.
    await client.query('begin');
    await client.query('set local search_path = other');
    await client.query('set transaction isolation level serializable');
    await client.query('rollback');
    await client.query('begin');
    await client.query('select 1');
    await client.query('set search_path = other');
    await client.query('commit and chain');
    await client.query('set transaction isolation level serializable');
    await client.query('rollback');
    await client.end();
  });

  test('a temporary table shadows a real one as long as it is there; other names mean what they did', async () => {
    const client = await connect(await start());
    await client.query('create temp table plain (n int primary key, t text, m mood)');
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'read', relations: ['pg_temp.plain'] });
    expect(carried()).toEqual(['pg_temp.plain.n']);
    await client.query('select t from public.plain');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.plain'] });
    await client.query('select * from feelings');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.feelings'] });
    await client.query('insert into plain values (1)');
    expect(last()).toMatchObject({ effect: 'write', relations: ['pg_temp.plain'], reasons: [] });
    // Behind the schemas of the path it is only perhaps what is meant.
    await client.query('set search_path = public, pg_temp');
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'unknown', reasons: ['relation-ambiguous'] });
    await client.query('reset search_path');
    await client.query('alter table plain rename to renamed');
    await client.query('select t from plain');
    expect(carried()).toEqual(['public.plain.t']);
    await client.query('select t from renamed');
    expect(carried()).toEqual(['pg_temp.renamed.t']);
    await client.query('drop table renamed');
    await client.query('select t from renamed').catch(() => undefined);
    expect(last().reasons).toEqual(['relation-unresolved']);
    await client.end();
  });

  test('a temporary table that goes with its transaction, or is taken back', async () => {
    const client = await connect(await start());
    for (const end of ['commit', 'rollback']) {
      await client.query('begin');
      await client.query('create temp table plain (t text) on commit drop');
      await client.query('select t from plain');
      // The facts of a catalog that the transaction changed come back with its end.
      expect(lineage()?.unresolved).not.toBeNull();
      await client.query(end);
      await client.query('select t from plain');
      expect(carried()).toEqual(['public.plain.t']);
    }
    await client.query('create temp table plain (t text)');
    await client.query('discard temp');
    await client.query('select t from plain');
    expect(carried()).toEqual(['public.plain.t']);
    await client.end();
  });

  test('what is temporary and no plain table is known by name only', async () => {
    const client = await connect(await start());
    for (const [define, names] of [
      ['create temp view plain as select t from public.plain', ['plain']],
      ['create temp sequence plain', ['plain']],
      ['create temp table indexed (n int); create index plain on indexed (n)', ['plain']],
      ['create temp table parent (n int); create temp table plain () inherits (parent)', ['plain', 'parent']],
      ['create temp table plain (n int) partition by list (n)', ['plain']],
    ] as const) {
      await client.query(define);
      for (const name of names) {
        await client.query(`select * from ${name}`).catch(() => undefined);
        expect([define, last().effect, lineage()?.unresolved]).toEqual([
          define,
          'unknown',
          `${name} may be a temporary relation`,
        ]);
      }
      await client.query('select m from feelings');
      expect(carried()).toEqual(['public.feelings.m']);
      await client.query('discard temp');
    }
    await client.query('create domain pg_temp.text as pg_catalog.text check (length(value) < 9)');
    await client.query('select t::text from plain');
    expect(lineage()?.columns?.[0]?.unresolved).toContain('text');
    await client.query('create table elder (n int)');
    await client.query('select n from elder');
    expect(last().effect).toBe('read');
    await client.query('create temp table heir () inherits (elder)');
    await client.query('select n from elder');
    expect(last().effect).not.toBe('read');
    await client.query('update elder set n = 1 where n = -1');
    expect(last().effect).toBe('unknown');
    await client.query('drop table elder cascade');
    await client.end();
  });

  test('more temporary relations than are known by name: there may be any', async () => {
    const client = await connect(await start());
    const make = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, at) => `create temp table t${from + at} (n int)`).join(';');
    await client.query(make(0, limits.contextNamesMax));
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'read', reasons: [] });
    await client.query(make(limits.contextNamesMax, limits.contextNamesMax + 1));
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'unknown', reasons: ['relation-ambiguous'] });
    await client.query('discard temp');
    const columns = Array.from({ length: 1200 }, (_, at) => `${'c'.repeat(50)}${at} int`).join(', ');
    await client.query(`create temp table wide (${columns})`);
    await client.query('select n from plain');
    expect(last().effect).toBe('read');
    await client.query(`create temp table wider (${columns})`);
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'unknown', reasons: ['relation-ambiguous'] });
    await client.end();
  });

  test('A-PG-17: what was prepared before a temporary table still means the other one', async () => {
    const client = await connect(await start());
    await client.query('create temp table other_thing (n int)');
    await client.query('prepare p as select upper(t) from plain');
    const named = { name: 'named', text: 'select upper(t) from plain', values: [] };
    await client.query('execute p');
    expect(last()).toMatchObject({ effect: 'read' });
    expect(carried()).toEqual(['public.plain.t']);
    await client.query(named);
    await client.query(named);
    expect(carried()).toEqual(['public.plain.t']);
    await client.query('create temp table plain (t text)');
    await client.query(named);
    expect(lineage()?.unresolved).toContain('temporary');
    await client.query('execute p');
    expect(lineage()?.unresolved).toContain('temporary');
    await client.query({ text: 'select upper(t) from plain', values: [] });
    expect(carried()).toEqual(['pg_temp.plain.t']);
    await client.end();
  });

  test('a table that is not temporary leaves everything as it was', async () => {
    const client = await connect(await start());
    await client.query('create table made (n int)');
    await client.query('select n from made');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.made'] });
    await client.query('drop table made');
    await client.query('select n from made').catch(() => undefined);
    expect(last()).toMatchObject({ effect: 'unknown', reasons: ['relation-unresolved'] });
    await client.end();
  });

  test('PREPARE and EXECUTE, a cursor, and names that are not known (A-PG-17)', async () => {
    const client = await connect(await start());
    await client.query('prepare reads as select n from plain');
    await client.query('prepare writes (int) as delete from plain where n = $1');
    await client.query('execute reads');
    expect(last()).toMatchObject({ relations: ['public.plain'], reasons: [] });
    await client.query('execute writes (-1)');
    expect(sqlOf(drafts.at(-1)!.meaning)!.effects).toContain('delete');
    await client.query({ text: 'deallocate reads' });
    await client.query('execute reads').catch(() => undefined);
    expect(last().reasons).toContain('prepared-unknown');
    await client.query('begin');
    await client.query('declare c cursor for select n from plain');
    await client.query('fetch 1 from c');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.plain'] });
    await client.query('commit');
    await client.end();
  });

  test('a name that the protocol prepared and SQL took over is judged by the newer text (A-PG-17)', async () => {
    await start();
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    const parse = (statement: string, text: string): Buffer => m.encodeParse({ statement, text, parameterTypes: [] });
    const run = (statement: string): Buffer =>
      Buffer.concat([
        m.encodeBind({
          portal: '',
          statement,
          parameterFormats: [],
          parameters: new Int32Array(0),
          resultFormats: [],
          buffer: Buffer.alloc(0),
        }),
        m.encodeExecute({ portal: '', rowsMax: 0 }),
        m.encodeSync(),
      ]);
    peer.write(Buffer.concat([parse('s', 'select 1'), run('s')]));
    await readUntilReady(peer);
    expect(last().effect).toBe('read');
    peer.write(m.encodeQuery('deallocate s; prepare s as delete from plain where n = -7'));
    await readUntilReady(peer);
    peer.write(run('s'));
    expect(outline(await readUntilReady(peer))).toBe('2 C Z:I');
    expect(drafts.at(-1)!.text).toBe('EXECUTE "s"');
    // The server keeps the whole text of a Query for the name: which of its statements it means is not taken for granted.
    expect(last()).toMatchObject({ effect: 'unknown', reasons: ['prepared-unknown'] });
    peer.write(m.encodeQuery('deallocate s'));
    await readUntilReady(peer);
    peer.write(m.encodeQuery('prepare s as delete from plain where n = -7'));
    await readUntilReady(peer);
    peer.write(run('s'));
    await readUntilReady(peer);
    expect(sqlOf(drafts.at(-1)!.meaning)!.effects).toContain('delete');
    peer.socket.destroy();
  });

  test('A-PG-14: standard_conforming_strings off, in the same text, behind it, and after it', async () => {
    await start();
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    peer.write(m.encodeQuery('select 1'));
    await readUntilReady(peer);
    const sly = "select '\\'; drop table plain --'";
    peer.write(Buffer.concat([m.encodeQuery('set standard_conforming_strings = off'), m.encodeQuery(sly)]));
    await readUntilReady(peer, 2);
    expect(last()).toMatchObject({ effect: 'unknown', reasons: ['backslash-strings'] });
    peer.write(m.encodeQuery(sly));
    await readUntilReady(peer);
    expect(last()).toMatchObject({ effect: 'unknown', reasons: ['backslash-strings'] });
    peer.write(m.encodeQuery('set standard_conforming_strings = on'));
    await readUntilReady(peer);
    peer.write(m.encodeQuery("select '\\'"));
    await readUntilReady(peer);
    expect(last()).toMatchObject({ effect: 'read', reasons: [] });
    peer.socket.destroy();
  });

  test('A-PG-12: behind a change of client_encoding nothing is understood, and then the session ends', async () => {
    await start();
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    peer.write(m.encodeQuery('select 1'));
    await readUntilReady(peer);
    peer.write(Buffer.concat([m.encodeQuery("set names 'SJIS'"), m.encodeQuery('select 2')]));
    await peer.rest();
    expect(drafts.find(({ text }) => text === 'select 2')?.effect ?? 'unknown').toBe('unknown');
    await until(() => gateway.journal.of('session.ended').length === 1);
  });

  test('the client sees nothing of the gateway’s own questions', async () => {
    await start();
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    const ask = async (sql: string): Promise<string> => {
      peer.write(m.encodeQuery(sql));
      return outline(await readUntilReady(peer));
    };
    expect(await ask('set search_path = other')).toBe('C Z:I');
    expect(await ask('select 1')).toBe('T D C Z:I');
    expect(await ask("select count(*) from pg_prepared_statements where name like 'sallyport%'")).toBe('T D C Z:I');
    expect(await ask('prepare p as select 1')).toBe('C Z:I');
    expect(await ask('begin')).toBe('C Z:T');
    expect(await ask('select public.touch()')).toBe('T D C Z:T');
    expect(await ask('select 1/0')).toBe('E:22012 Z:E');
    expect(await ask('rollback')).toBe('C Z:I');
    expect(gateway.last.rows(3)).toEqual([['0']]);
    peer.socket.destroy();
  });
});

describe('the catalog follows the database', () => {
  test('a view that another session replaces is another view for everyone at once', async () => {
    const [first, second] = [await connect(await start()), await connect(gateway)];
    const columns = (): unknown => sqlOf(drafts.at(-1)!.meaning)!.statements[0]!.lineage.columns;
    await first.query('create table v_base (a int, b int); create view v as select a as x from v_base');
    await second.query('select x from v');
    const before = JSON.stringify(columns());
    await first.query('create or replace view v as select b as x from v_base');
    await second.query('select x from v');
    expect(last().effect).toBe('read');
    expect(JSON.stringify(columns())).not.toBe(before);
    await first.query('drop view v; drop table v_base');
    await first.end();
    await second.end();
  });

  test('code of the database that replaces a view: the session waits until that is known', async () => {
    const client = await connect(await start());
    await client.query('select n from seen');
    const version = (): unknown => JSON.stringify(sqlOf(drafts.at(-1)!.meaning)!.statements[0]!.lineage);
    const before = version();
    await client.query('select redefine()');
    await client.query('select n from seen');
    expect(last().effect).toBe('read');
    expect(version()).not.toBe(before);
    await client.end();
  });

  test('within a transaction that changed objects nothing of them is known until it ends', async () => {
    const client = await connect(await start());
    await client.query('begin');
    await client.query('create table inner_one (n int)');
    await client.query('select n from plain');
    expect(last()).toMatchObject({ effect: 'unknown', relations: [] });
    await client.query('commit');
    await client.query('select n from inner_one');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.inner_one'] });
    await client.query('drop table inner_one');
    await client.end();
  });

  test('a change behind the gateway’s back is noticed by the regular comparison', async () => {
    const client = await connect(await start());
    await client.query('select 1');
    await server.query('create table behind (n int)');
    await server.query('grant all on behind to public');
    await client.query('select n from behind');
    expect(last().effect).toBe('unknown');
    await sleep(limits.catalogCheckMs + 1_000);
    await client.query('select n from behind');
    expect(last()).toMatchObject({ effect: 'read', relations: ['public.behind'] });
    await client.end();
  }, 30_000);

  test('one connection beside all sessions, read-only, and gone with the last of them', async () => {
    const [first, second] = [await connect(await start()), await connect(gateway)];
    await first.query('select n from plain');
    await second.query('select n from plain');
    const inspecting =
      "select count(*)::int as n from pg_stat_activity where application_name = 'sallyport inspection'";
    expect(await server.query(inspecting)).toEqual([{ n: 1 }]);
    await first.end();
    await second.end();
    while ((await server.query<{ n: number }>(inspecting))[0]!.n > 0) await sleep(10);
  });
});
