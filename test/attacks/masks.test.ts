/**
 * Attacks on masks by somebody with a valid token (A-PG-15 to A-PG-23, A-MSK-01 to A-MSK-04): everything here was tried to
 * get a masked value out, or to learn about one bit by bit. The leak suite (`test/leak`) has the plain ways; here are those
 * that take several steps, definitions of one's own, extensions, side effects, and questions whose answer is in what is
 * *not* masked: NULLs, counts, lengths, order, the number of rows.
 *
 * The credential behind the gateway is a superuser: nothing is refused by the server that the gateway ought to refuse.
 *
 * Deliberately absent: channels that no gateway closes by refusing statements. They are at the end, so that it is known
 * which they are.
 */

import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { findLeak, maskedColumns, plant } from '../leak/canaries.ts';

const { canaries, seed } = plant();
const grantAll = `do $$ begin execute format('alter role %I superuser',
  (select rolname from pg_roles where rolname !~ '^pg_' and not rolsuper limit 1)); end $$;`;

let env: TestEnv;

beforeAll(async () => {
  env = await createTestEnv({ resources: { orders: { seed: seed + grantAll } } });
  const api = await env.api('admin');
  const principals = { groups: ['engineering'], except: { groups: ['dba'] } };
  const columns = maskedColumns.map((column) => `public.people.${column}`);
  const spec = { match: { principals }, columns, detect: ['email'], with: 'redact' };
  const mask = { kind: 'Mask', metadata: { name: 'people-secrets' }, spec };
  await api.call('apply', { body: { documents: [mask], dryRun: false } });
}, 120_000);

afterAll(() => env?.close());

interface Outcome {
  readonly received: Buffer;
  /** SQLSTATE, or null where it ran. */
  readonly error: string | null;
  readonly message: string;
}

/** A client that keeps every byte that the server's side sends. */
class Attacker {
  readonly #client: pg.Client;
  #chunks: Buffer[] = [];

  private constructor(client: pg.Client) {
    this.#client = client;
    const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
    stream.on('data', (chunk: Buffer) => void this.#chunks.push(chunk));
  }

  static async connect(principal = 'engineer'): Promise<Attacker> {
    const client = new pg.Client(env.client(principal));
    client.on('error', () => undefined);
    await client.connect();
    return new Attacker(client);
  }

  async run(sql: string, binary = false): Promise<Outcome> {
    this.#chunks = [];
    let error: string | null = null;
    let message = '';
    try {
      if (!binary) await this.#client.query(sql);
      else await this.#client.query({ text: sql, queryMode: 'extended', binary } as pg.QueryConfig);
    } catch (cause) {
      error = (cause as { code?: string }).code ?? 'closed';
      message = (cause as Error).message;
    }
    return { received: Buffer.concat(this.#chunks), error, message };
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

/** Runs the steps in a session of their own; what leaked, and which steps were refused. */
async function attempt(steps: readonly string[]): Promise<{ leaks: string[]; refused: string[]; outcomes: Outcome[] }> {
  const attacker = await Attacker.connect();
  const leaks: string[] = [];
  const refused: string[] = [];
  const outcomes: Outcome[] = [];
  for (const sql of steps) {
    const outcome = await attacker.run(sql);
    outcomes.push(outcome);
    const leak = findLeak(outcome.received, canaries);
    if (leak !== null) leaks.push(`${leak.canary.column} ${leak.how}: ${sql}`);
    if (outcome.error === '42501') refused.push(sql);
  }
  await attacker.close();
  return { leaks, refused, outcomes };
}

type Attack = readonly [id: string, what: string, ...steps: string[]];

/** The first step marked with `!` is what must be refused; the rest shows what it would have given. */
const refused: readonly Attack[] = [
  ['A-PG-22', 'another name for the column', '!alter table people rename column ssn to zip', 'select zip from people'],
  ['A-PG-22', 'another name for the table', '!alter table people rename to folk', 'select ssn from folk'],
  ['A-PG-22', 'another schema', 'create schema s', '!alter table people set schema s', 'select ssn from s.people'],
  ['A-PG-22', 'another name for the schema', '!alter schema public rename to pub', 'select ssn from pub.people'],
  [
    'A-PG-15',
    'renamed behind DDL',
    '!create table q2 (); alter table people rename column ssn to zz',
    'select zz from people',
  ],
  [
    'A-PG-15',
    'in a transaction',
    'begin',
    'create table q4 ()',
    '!alter table people rename column ssn to zz',
    'commit',
  ],
  [
    'A-PG-15',
    'copied behind DDL',
    '!create table q3 (); insert into diary (note) select ssn from people',
    'select note from diary',
  ],
  [
    'A-PG-15',
    'kept behind DDL',
    'begin',
    'create table q5 ()',
    "!select set_config('my.y', (select ssn from people limit 1), false)",
    'commit',
    "select current_setting('my.y')",
  ],
  [
    'A-PG-22',
    'a generated column',
    '!alter table people add column z text generated always as (ssn) stored',
    'select z from people',
  ],
  [
    'A-PG-22',
    'a new type, from another column',
    '!alter table people alter column name type text using ssn',
    'select name from people',
  ],
  [
    'A-PG-18',
    'a function that copies',
    "!create function cp() returns void language sql as 'insert into diary (note) select ssn from people'",
    'select cp()',
    'select note from diary',
  ],
  [
    'A-PG-18',
    'a procedure that copies',
    "!create procedure cp3() language sql as 'insert into diary (note) select ssn from people'",
    'call cp3()',
    'select note from diary',
  ],
  [
    'A-PG-18',
    'a trigger of the system that copies',
    'alter table people add column tv tsvector',
    "!create trigger t before insert or update on people for each row execute function tsvector_update_trigger(tv, 'pg_catalog.simple', ssn)",
    'update people set name = name',
    'select tv from people',
  ],
  [
    'A-PG-18',
    'a rule that copies',
    '!create rule r as on insert to visits do also insert into diary (note) select ssn from people',
    "insert into visits values (77, 1, 'x')",
    'select note from diary',
  ],
  [
    'A-PG-18',
    'a rule that answers',
    '!create rule r2 as on update to visits do instead select ssn from people',
    "update visits set place = 'a'",
  ],
  [
    'A-PG-18',
    'a block of code',
    "!do $$ begin execute 'insert into dia' || 'ry (note) select ssn from people'; end $$",
    'select note from diary',
  ],
  [
    'A-PG-18',
    'dynamic SQL that sets',
    "!select query_to_xml($$select set_config('my.x', (select ssn from people limit 1), false)$$, true, false, '')",
    "select current_setting('my.x', true)",
  ],
  [
    'A-PG-23',
    'dynamic SQL into ParameterStatus',
    "!select query_to_xml($$select set_config('application_name', (select ssn from people limit 1), false)$$, true, false, '')",
  ],
  [
    'A-PG-23',
    'dynamic SQL that notifies',
    'listen ch',
    "!select query_to_xml($$select pg_notify('ch', ssn) from people$$, true, false, '')",
    'select 1',
  ],
  [
    'A-PG-18',
    'dynamic SQL into a sequence',
    "!select query_to_xml($$select setval('diary_id_seq', salary) from people where id = 1$$, true, false, '')",
    'select last_value from diary_id_seq',
  ],
  [
    'A-PG-18',
    'dynamic SQL into locks',
    "!select query_to_xml($$select pg_advisory_lock(salary) from people where id = 1$$, true, false, '')",
    "select ((classid::int8 << 32) + objid::int8) from pg_locks where locktype = 'advisory'",
  ],
  [
    'A-PG-16',
    'strings by other rules',
    'set standard_conforming_strings to off',
    "!insert into diary (note) select ssn || '\\\\' from people",
    'set standard_conforming_strings to on',
    'select note from diary',
  ],
  [
    'A-PG-16',
    'grammar of an older server',
    '!insert into diary (note) select ssn from people system_user',
    'select note from diary',
  ],
  [
    'A-PG-18',
    'another server that is this one',
    'create extension if not exists dblink',
    "!select dblink_exec('dbname=app', 'insert into diary (note) select ssn from people')",
    'select note from diary',
  ],
  [
    'A-PG-18',
    'a foreign server',
    'create extension if not exists postgres_fdw',
    "!create server s1 foreign data wrapper postgres_fdw options (dbname 'app')",
  ],
  [
    'A-PG-18',
    'a table that is a program',
    'create extension if not exists file_fdw',
    '!create server f1 foreign data wrapper file_fdw',
    "create foreign table ft (l text) server f1 options (program 'id')",
    'select l from ft',
  ],
  ['A-PG-18', 'COPY from a program', "!copy diary (note) from program 'echo stolen'"],
  ['A-PG-18', 'COPY from a file', "!copy diary (note) from '/etc/hostname'"],
  ['A-PG-20', 'COPY to a file', "!copy people to '/tmp/people.copy'"],
  [
    'A-PG-17',
    'PREPARE of a copy',
    '!prepare s as insert into diary (note) select ssn from people',
    'execute s',
    'select note from diary',
  ],
  [
    'A-PG-22',
    'a view, kept as a table',
    'create view vk as select ssn as v from people',
    '!create table t2 as select v from vk',
    'select v from t2',
  ],
];

describe('several steps and definitions of one’s own', () => {
  test.each(refused)('%s: %s', async (...[, , ...steps]) => {
    const { leaks, refused: stopped } = await attempt(steps.map((sql) => sql.replace(/^!/, '')));
    expect(leaks).toEqual([]);
    expect(stopped).toContain(steps.find((sql) => sql.startsWith('!'))!.slice(1));
  });
});

/** They may run; not one byte of a value comes back. */
const masked: readonly Attack[] = [
  [
    'A-PG-22',
    'an aggregate that is given values',
    'create aggregate ag (text) (sfunc = textcat, stype = text)',
    'select ag(ssn) from people',
  ],
  [
    'A-PG-22',
    'columns renamed by aliases',
    'select name from people p (id, ssn, name)',
    'select s.name from people as s (a, b, name)',
    'with x (name) as (table people) select * from x',
  ],
  [
    'A-PG-22',
    'rows, fields and functional notation',
    'select (people).ssn, people.*::text from people',
    'select ssn(people) from people',
    'select p::text from people p',
  ],
  [
    'A-PG-22',
    'names that shadow',
    'create schema z1',
    'create view z1.people as select ssn as name, id from public.people',
    'set search_path to z1, public',
    'select name from people',
    'set local search_path to z1',
    'select name from people',
  ],
  [
    'A-PG-22',
    'a temporary view that shadows',
    'create temp view people as select ssn as name from public.people',
    'select name from people',
    'drop view pg_temp.people',
    'select name from people',
  ],
  [
    'A-PG-22',
    'a view that is redefined',
    'create view vr as select id, name as t from people',
    'select t from vr',
    'create or replace view vr as select id, ssn as t from people',
    'select t from vr',
    'alter view vr rename column t to u',
    'select u from vr',
  ],
  [
    'A-PG-22',
    'inheritance',
    'create table kid () inherits (people)',
    'select ssn from kid',
    'alter table people_child no inherit people',
    'select ssn from people_child',
    'alter table people_child inherit people',
  ],
  [
    'A-PG-17',
    'cursors across DDL',
    'declare c cursor with hold for select ssn from people',
    'fetch c',
    'create table unrelated ()',
    'fetch forward 2 from c',
    'begin',
    'declare "C" binary cursor for select ssn, salary from people',
    'fetch "C"',
    'savepoint a',
    'fetch all from "C"',
    'rollback to a',
    'commit',
  ],
  [
    'A-PG-17',
    'a name that is taken anew',
    'prepare n2 as select name from people',
    'execute n2',
    'deallocate n2',
    'prepare n2 as select ssn from people',
    'execute n2',
  ],
  [
    'A-PG-22',
    'what the server keeps of values',
    'create statistics sx (mcv) on ssn, name from people',
    'analyze people',
    'select stxdmcv from pg_statistic_ext_data',
    'select m.* from pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) m',
    'select s from pg_stats s',
    'select to_jsonb(s) from pg_statistic s',
    'select * from pg_stats_ext',
    'select query from pg_stat_activity',
    'select pg_get_backend_memory_contexts()',
    'select statement from pg_prepared_statements',
  ],
  [
    'A-PG-18',
    'files of the server',
    "select pg_read_binary_file(pg_relation_filepath('people'))",
    'select lo_import(pg_relation_filepath($$people$$)::text)',
    'create extension if not exists pageinspect',
    "select get_raw_page('people', 0)",
    "select t_data from heap_page_items(get_raw_page('people', 0))",
    "select data from bt_page_items('people_ssn_key', 1)",
  ],
  [
    'A-PG-22',
    'extensions that compute',
    'create extension if not exists hstore',
    'select hstore(p) from people p',
    "select hstore(p) -> 'ssn' from people p",
    "select p #= hstore('id', '3') from people p",
    'create extension if not exists citext',
    'select ssn::citext, array[ssn::citext] from people',
    'create extension if not exists ltree',
    'select ssn::ltree from people',
    'create extension if not exists pg_trgm',
    'select show_trgm(ssn) from people',
    'create extension if not exists pgcrypto',
    "select digest(ssn, 'md5'), armor(ssn::bytea) from people",
    'create extension if not exists unaccent',
    'select unaccent(ssn) from people',
    'create extension if not exists tablefunc',
    "select * from crosstab('select ssn, 1, 2 from people') as t (a text, b int)",
    'create extension if not exists xml2',
    "select xpath_string('<a>' || ssn || '</a>', '/a') from people",
  ],
  [
    'A-PG-22',
    'types of one’s own',
    'create type tp as (a text, b int8)',
    'select row(ssn, salary)::tp, array_agg(row(ssn, salary)::tp) over () from people',
    'select (row(ssn, salary)::tp).* from people',
    "select jsonb_populate_record(null::tp, jsonb_build_object('a', ssn)) from people",
  ],
  [
    'A-PG-20',
    'COPY with odd options',
    "copy people (id, ssn) to stdout (delimiter 'A')",
    "copy people (id, ssn) to stdout (null 'Q')",
    "copy people to stdout (encoding 'latin1')",
    "copy people to stdout (encoding 'sjis')",
    "copy people to stdout (format csv, quote '''', escape 'x', header, force_quote (ssn))",
    "copy people (ssn, id) to stdout (format csv, delimiter E'\\t', null '')",
    'copy (select salary, photo, tags, doc from people) to stdout binary',
    "copy people (ssn) to stdout with delimiter as '7'",
  ],
  [
    'A-MSK-04',
    'values too long to be held',
    "select rpad(name, 1100000, 'x') || ssn from people where id = 1",
    "select rpad(name, 5000000, 'x'), ssn || '' from people where id = 1",
    "copy (select rpad(name, 5000000, 'x') || ssn, ssn from people where id = 1) to stdout",
    "copy (select rpad(name, 5000000, 'x') || ssn, ssn from people where id = 1) to stdout binary",
    'select 1',
  ],
  [
    'A-PG-23',
    'plans',
    'explain verbose select ssn from people',
    "explain (analyze, format json) select string_agg(ssn, '') from people",
    'explain analyze create temp table xx as select ssn from people',
  ],
  [
    'A-PG-23',
    'texts of errors',
    'select ssn::int from people',
    'select ssn::regclass from people',
    "select ('{' || ssn)::jsonb from people",
    'create unique index on people (left(name, 1))',
    'create index on people ((ssn::int))',
    'alter table visits add foreign key (place) references people (ssn)',
    'insert into people (id, name, ssn, salary) select 901, name, ssn, 1 from people where id = 1',
    'update people set salary = -1 where id = 1',
  ],
];

test.each(masked)('%s: nothing comes back: %s', async (...[, , ...steps]) => {
  expect((await attempt(steps)).leaks).toEqual([]);
});

test('A-PG-21: types of every kind in the binary format', async () => {
  const attacker = await Attacker.connect();
  const expressions = [
    'int8range(salary, salary + 1)',
    'int8multirange(int8range(salary, salary + 1))',
    'salary::money, salary::bit(64), salary::oid, point(salary, 1), box(point(salary, 1), point(1, 1))',
    'ssn::varchar::"char", ssn::name, ssn::bpchar, ssn::cstring',
    "xmlelement(name a, ssn), to_tsvector('simple', ssn), plainto_tsquery('simple', ssn), ('$.' || ssn)::jsonpath",
    "to_jsonb(ssn), ('\"' || ssn || '\"')::json, array[salary]::int8[], array[row(ssn)], row(ssn, salary)",
    "daterange(born, null), born::timestamptz, inet '0.0.0.0' + salary, pg_lsn '0/0' + salary::numeric",
    'make_interval(secs => salary), to_timestamp(salary), tags::varchar[], doc, photo, rate, key',
  ];
  for (const expression of expressions) {
    for (const binary of [false, true]) {
      const { received } = await attacker.run(`select ${expression} from people`, binary);
      expect([expression, findLeak(received, canaries)]).toEqual([expression, null]);
    }
  }
  await attacker.close();
});

/** Questions about `COND`, a condition on a masked column. Either refused, or the same answer whether it holds or not. */
const questions: readonly (readonly [id: string, sql: string])[] = [
  ...[
    "case when COND then 'x' end",
    'nullif(COND, false)::text',
    'case when COND then 1 end',
    'case when COND then 1.5 end',
    'case when COND then now() end',
    "case when COND then '{1,2}'::int[] else '{1}' end",
    "case when COND then '{}'::text[] else '{a}' end",
    'case when COND then row(1, 2) else row(1) end',
    "case when COND then '[1,2]'::jsonb end",
    "case when COND then 'empty'::int4range else '[1,2)' end",
    "case when COND then 'infinity'::date else '2000-01-01' end",
    "case when COND then '1.2.3.4/8'::inet else '::1' end",
    "case when COND then '10:20'::timetz end",
    "case when COND then '\\x00'::bytea else '\\x' end",
    "string_to_array(case when COND then 'a,b' else 'a' end, ',')",
    "case when COND then rpad('x', 9) else rpad('x', 2000000) end",
    'array(select 1 where COND)',
    "(select count(*) from regexp_matches(case when COND then 'aa' else 'a' end, 'a', 'g'))",
  ].flatMap((expression): [string, string][] => [
    ['A-MSK-04', `select id, ${expression} from people p`],
    ['A-MSK-04', `copy (select id, ${expression} from people p) to stdout`],
    ['A-MSK-04', `copy (select id, ${expression} from people p) to stdout (format csv, force_quote *)`],
    ['A-MSK-04', `copy (select id, ${expression} from people p) to stdout (format binary)`],
  ]),
  [
    'A-MSK-04',
    "select id, case when COND then rpad('x', 5000000) else rpad('x', 6000000) end from people p where id = 1",
  ],
  ['A-PG-20', 'select id from people p, unnest(case when COND then array[1] end) u'],
  ['A-PG-20', "select id, unnest(string_to_array(case when COND then 'a,b' else 'a' end, ',')) from people p"],
  ['A-PG-20', "select id, regexp_matches(case when COND then 'a' else 'b' end, 'a') from people p"],
  [
    'A-PG-20',
    "select id, o from people p, string_to_table(case when COND then 'a,b' else 'a' end, ',') with ordinality t (x, o)",
  ],
  ['A-PG-20', "select id from people p, xmltable('/a' passing (case when COND then '<a/>'::xml end) columns x text)"],
  ['A-PG-20', 'select id from people p, generate_series(1, case when COND then 2 else 1 end) g'],
  [
    'A-PG-20',
    "select id, jsonb_path_query(case when COND then '{\"a\": 1}'::jsonb else '{}' end, '$.a') from people p",
  ],
  ['A-PG-20', 'select id from people p order by case when COND then id else -id end'],
  ['A-PG-20', 'select id from people p where COND'],
  ['A-PG-20', 'select count(*) filter (where COND) over () from people p limit 1'],
  ['A-PG-20', 'create table qa (); select id from people p where COND'],
  ['A-PG-20', 'create temp view qb as select id, COND as f from people p; select 1 from qb where f'],
  ['A-PG-20', 'explain analyze select unnest(case when COND then array[1] end) from people p'],
  [
    'A-PG-18',
    "select case when COND then nextval('diary_id_seq') end from people p; select last_value from diary_id_seq",
  ],
  [
    'A-PG-18',
    "select case when COND then pg_advisory_lock(id) end from people p; select objid from pg_locks where locktype = 'advisory'",
  ],
  [
    'A-PG-18',
    "select COND and pg_try_advisory_lock(id) from people p; select objid from pg_locks where locktype = 'advisory'",
  ],
  [
    'A-PG-18',
    "select coalesce(nullif(COND, false)::text, set_config('my.v', '1', false)) from people p; select current_setting('my.v')",
  ],
  ['A-PG-18', 'select case when COND then pg_sleep(0) end from people p'],
  [
    'A-PG-20',
    "create index pi on people (id) where (ssn > 'X') = (COND_BARE); select reltuples from pg_class where relname = 'pi'",
  ],
  ['A-PG-20', 'alter table people add check (COND_BARE)'],
  ['A-PG-20', 'create policy pp on people using (COND_BARE)'],
];

test('A-MSK-04, A-PG-20: questions about a value are refused, or have one answer', async () => {
  const told: string[] = [];
  let answered = 0;
  for (const [id, sql] of questions) {
    const answers: string[] = [];
    for (const condition of ["ssn > ''", "ssn < ''"]) {
      for (const binary of sql.includes(';') || sql.startsWith('copy') ? [false] : [false, true]) {
        const attacker = await Attacker.connect();
        const text = sql.replaceAll('COND_BARE', condition).replaceAll('COND', `p.${condition}`);
        const { received, error } = await attacker.run(text, binary);
        await attacker.close();
        if (error === null) answered++;
        answers[binary ? 1 : 0] ??= error ?? received.toString('latin1');
        if (answers[binary ? 1 : 0] !== (error ?? received.toString('latin1'))) told.push(`${id} ${error}: ${text}`);
      }
    }
  }
  expect(told).toEqual([]);
  // Refusing everything would pass as well.
  expect(answered).toBeGreaterThan(60);
}, 60_000);

/** What sorts or counts rows by masked values once and for all. */
const definitions = [
  'cluster people using people_ssn_key',
  'alter table people cluster on people_ssn_key',
  "create index on people (id) where ssn > 'M'",
  'create unique index on people (left(ssn, 1))',
  "alter table people add check (ssn > 'zzz')",
  "create policy p1 on people using (ssn > 'M')",
  'create table refers (k text references people (ssn))',
  "insert into people (id, name, ssn, salary) values (991, 'x', 'GUESS', 1) on conflict (ssn) do nothing",
];

test.each(definitions)('A-PG-20: a definition that would tell: %s', async (sql) => {
  expect((await attempt([sql])).refused).toEqual([sql]);
});

test('A-PG-22: what has nothing masked in it can still be defined and used', async () => {
  const { outcomes } = await attempt([
    "create table plain (id serial primary key, a text default 'x', check (a <> ''))",
    "insert into plain (a) values ('b')",
    'alter table plain add column b int default 3',
    'create index on plain (b)',
    'create view plain_view as select id, a from plain',
    'select count(*) from plain_view where a > $$a$$',
    'alter table plain rename column a to c',
    'alter table visits rename column place to spot',
    'alter table visits rename column spot to place',
    "select v.place from people p join visits v on v.person = p.id where p.name like 'person%' order by v.place",
    "select id, unnest(array[name, 'x']) from people",
    'drop table plain cascade',
  ]);
  expect(outcomes.map(({ error }) => error)).toEqual(outcomes.map(() => null));
});

/** One session waits for a lock, the other exchanges what the name means. */
async function race(query: string): Promise<Outcome> {
  const [reader, writer] = [await Attacker.connect(), await Attacker.connect()];
  await reader.run('select note from swapped');
  await writer.run('begin');
  await writer.run('lock table swapped in access exclusive mode');
  const answer = reader.run(query);
  await sleep(300);
  await writer.run('alter table swapped rename to swapped_before');
  await writer.run('create view swapped as select id, ssn as note from people');
  await writer.run('commit');
  const outcome = await answer;
  await Promise.all([reader.close(), writer.close()]);
  return outcome;
}

// Judged by facts that were true when it was sent and no longer when it ran: then all of it is masked.
test('A-PG-22: a relation exchanged while a statement waits for its lock', async () => {
  const dba = await Attacker.connect('dba');
  await dba.run("create table swapped as select id, 'note'::text as note from people");
  await dba.close();
  expect(findLeak((await race("select note || '' from swapped")).received, canaries)).toBeNull();
});

/** Whether a statement fails can be made to depend on a value. What it says besides its code must not. */
const failures = [
  'select 1 / (ascii(ssn) - 72) from people',
  'select ssn::int from people',
  "insert into people (id, name, ssn, salary) select 1, 'x', 'GUESS', 1",
];

test.each(failures)('A-PG-23: known: that it failed is seen, why is not: %s', async (sql) => {
  const { outcomes } = await attempt([sql]);
  for (const { error, message } of outcomes) if (error !== null) expect(message).toContain('withheld');
});
