/**
 * Attempts to have something with an effect taken for a proven read (A-PG-17, A-PG-18): each one was tried on the server,
 * and really changes something there where it can.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type TestDatabase } from './fixtures/server.ts';
import {
  type AnalysisContext,
  analyseSql,
  type ContextOptions,
  type CursorText,
  createContext,
  describeTemporary,
  isProvenRead,
  staleAfter,
  type TemporaryTable,
} from './index.ts';

let database: TestDatabase;
let context: AnalysisContext;
beforeAll(async () => {
  database = await openDatabase();
  context = await database.context();
});
afterAll(() => database.stop());

const isProven = (sql: string, options: ContextOptions = {}): boolean =>
  isProvenRead(analyseSql(sql, createContext({ ...context, ...options })));

/** Runs definitions, analyses with the facts they make, and takes them back. */
async function isProvenAfter(definitions: string, sql: string, options: ContextOptions = {}): Promise<boolean> {
  await database.run('create schema attack');
  try {
    await database.run(definitions);
    return isProvenRead(analyseSql(sql, await database.context(options)));
  } finally {
    await database.run('set search_path to default; drop schema attack cascade');
  }
}

const bare: TemporaryTable = {
  columns: [{ name: 'a', attnum: 1, type: 'safe', isArray: false, notNull: false, isVirtual: false }],
  generated: [],
  hasRules: false,
  hasRowSecurity: false,
  hasTriggers: false,
  hasDefaults: false,
  hasExpressions: false,
};

const writer = (name: string, args: string, returns = 'boolean'): string =>
  `create function ${name}(${args}) returns ${returns} language plpgsql as $$ begin insert into public.log (what) values ('x'); return null; end $$;`;

describe('shadows', () => {
  it('of a built-in operator count wherever the path reaches them', async () => {
    const define = `${writer('attack.f', 'text, text')} create operator attack.= (leftarg = text, rightarg = text, function = attack.f);`;
    const sql = "select * from customers where name = 'x'";
    expect(await isProvenAfter(define, sql)).toBe(true);
    expect(await isProvenAfter(`${define} set search_path = attack, pg_catalog, public`, sql)).toBe(false);
    expect(await isProvenAfter(define, sql, { searchPath: null })).toBe(false);
    for (const implied of [
      "select * from customers where name in ('x')",
      "select * from customers where name is distinct from 'x'",
      "select nullif(name, 'x') from customers",
      "select case name when 'x' then 1 end from customers",
      "select * from customers where name = any (array['x'])",
      'select * from customers where name in (select name from customers)',
      'select * from customers join customers c using (name)',
      'select * from customers natural join customers c',
      "select * from customers where (id, name) = (1, 'x')",
    ]) {
      expect(isProven(implied), implied).toBe(true);
      expect(await isProvenAfter(`${define} set search_path = attack, public`, implied), implied).toBe(false);
    }
  });

  it('of BETWEEN, LIKE and ORDER BY USING count', async () => {
    const operator = (name: string) =>
      `create operator attack.${name} (leftarg = text, rightarg = text, function = attack.f);`;
    const define = (name: string) =>
      `${writer('attack.f', 'text, text')} ${operator(name)} set search_path = attack, public`;
    expect(await isProvenAfter(define('>='), "select name from customers where name between 'a' and 'b'")).toBe(false);
    expect(await isProvenAfter(define('<'), "select name from customers where name not between 'a' and 'b'")).toBe(
      false,
    );
    expect(await isProvenAfter(define('~~'), "select name from customers where name like 'a'")).toBe(false);
    expect(await isProvenAfter(define('<'), 'select name from customers order by name using <')).toBe(false);
  });

  it('of a built-in function count, and a more exact overload is one', async () => {
    const define = `${writer('attack.lower', 'varchar', 'text')} set search_path = attack, public`;
    expect(await isProvenAfter(define, 'select lower(name) from customers')).toBe(false);
    expect(await isProvenAfter(define, 'select pg_catalog.lower(name) from customers')).toBe(true);
    expect(
      await isProvenAfter(writer('attack.json_exists', 'jsonb, text'), "select json_exists(jsonb '1', '$')", {
        searchPath: null,
      }),
    ).toBe(false);
  });

  it('of functions for own types count only where such a type takes part', async () => {
    const define = `create type attack.box as (a int); ${writer('attack.max', 'attack.box', 'int')} create table attack.boxes (b attack.box, i int); set search_path = attack, public`;
    expect(await isProvenAfter(define, 'select max(id) from customers')).toBe(true);
    expect(await isProvenAfter(define, 'select max(b) from boxes')).toBe(false);
    expect(await isProvenAfter(define, 'select max(i) from boxes')).toBe(false);
    const cast = `${define}; create function attack.c(int) returns attack.box language sql as 'select null::attack.box'; create cast (int as attack.box) with function attack.c(int) as implicit`;
    expect(await isProvenAfter(cast, 'select max(id) from customers')).toBe(false);
  });

  it('of a type, by name or as a cast', async () => {
    const define = `${writer('attack.f', 'text')} create domain attack.checked as text check (attack.f(value)); set search_path = attack, public`;
    expect(await isProvenAfter(define, "select 'x'::checked")).toBe(false);
    expect(await isProvenAfter(define, 'select cast(name as checked) from customers')).toBe(false);
    expect(await isProvenAfter(define, "select checked 'x'")).toBe(false);
    expect(await isProvenAfter(define, "select * from json_to_recordset('[]') as x(a checked)")).toBe(false);
    expect(await isProvenAfter(define, "select * from xmltable('/a' passing '<a/>' columns b checked)")).toBe(false);
    expect(await isProvenAfter(define, "select pg_input_is_valid('x', 'attack.checked')")).toBe(false);
    expect(await isProvenAfter(define, 'select checked(name) from customers')).toBe(false);
    expect(await isProvenAfter(define, "select domain_in('x', 'attack.checked'::regtype, -1)")).toBe(false);
    expect(await isProvenAfter(define, "select array_in('{x}', 'attack.checked'::regtype, -1)")).toBe(false);
    expect(await isProvenAfter(define, "select '{x}'::_checked")).toBe(false);
  });

  it('of casts between built-in types', async () => {
    const define = `create function attack.c(int) returns xml language plpgsql as $$ begin return null; end $$; create cast (int as xml) with function attack.c(int) as implicit`;
    try {
      expect(await isProvenAfter(define, 'select xmlcomment(name) from customers')).toBe(false);
    } finally {
      await database.run('drop cast if exists (int as xml)');
    }
  });

  it('of temporary relations and types', () => {
    expect(isProven('select * from customers', { temporary: 'unknown' })).toBe(false);
    expect(isProven('select * from public.customers', { temporary: 'unknown' })).toBe(true);
    expect(isProven("select 'x'::uuid", { temporary: 'unknown' })).toBe(false);
    expect(isProven("select 'x'::pg_catalog.uuid", { temporary: 'unknown' })).toBe(true);
    expect(isProven('select * from pg_temp.customers')).toBe(false);
  });

  it('of temporary relations and types that are known by name: only those', () => {
    const own = (name: string, change: Partial<TemporaryTable> = {}): ContextOptions => ({
      temporary: describeTemporary(new Map([[name, { ...bare, ...change }]]), [name, `_${name}`], false),
      searchPath: ['pg_temp_3', 'pg_catalog', 'public'],
    });
    const view = describeTemporary(new Map([['customers', null]]), ['customers'], false);
    expect(isProven('select * from customers', own('mine'))).toBe(true);
    expect(isProven('select a from mine', own('mine'))).toBe(true);
    expect(isProven('select a from pg_temp.mine', own('mine'))).toBe(true);
    expect(isProven('select a from public.mine', own('mine'))).toBe(false);
    expect(isProven("select '1'::uuid", own('mine'))).toBe(true);
    expect(isProven("select '1'::mine", own('mine'))).toBe(false);
    expect(isProven("select '1'::uuid", own('uuid'))).toBe(false);
    expect(isProven('select * from customers', own('customers'))).toBe(true);
    const path = { searchPath: ['pg_catalog', 'public', 'pg_temp_3'] };
    expect(isProven('select * from customers', { ...own('customers'), ...path })).toBe(false);
    expect(isProven('select a from mine', { ...own('mine'), ...path })).toBe(true);
    expect(isProven('select * from customers', { temporary: view })).toBe(false);
    expect(isProven('select * from pg_temp.customers', { temporary: view })).toBe(false);
    expect(isProven('select * from public.customers', { temporary: view })).toBe(true);
    for (const change of [{ hasRules: true }, { hasRowSecurity: true }, { hasExpressions: true }]) {
      expect(isProven('select a from mine', own('mine', change)), JSON.stringify(change)).toBe(false);
    }
    expect(isProven('select a from mine', own('mine', { hasTriggers: true, hasDefaults: true }))).toBe(true);
    const heirs = describeTemporary(new Map([['heir', null]]), [], true);
    expect(isProven('select * from customers', { temporary: heirs })).toBe(false);
    // What was prepared before the temporary table was made still means the other one.
    const prepared = new Map([
      [
        'p',
        {
          text: 'prepare p as select * from customers',
          standardConformingStrings: true,
          parameterTypes: [],
        },
      ],
    ]);
    expect(isProven('execute p', { ...own('mine'), prepared })).toBe(true);
    expect(isProven('execute p', { ...own('customers'), prepared })).toBe(false);
  });

  it('of temporary tables: writing them does what they have', () => {
    const effects = (sql: string, change: Partial<TemporaryTable> = {}): readonly string[] =>
      analyseSql(
        sql,
        createContext({
          ...context,
          temporary: describeTemporary(new Map([['mine', { ...bare, ...change }]]), [], false),
          searchPath: ['pg_temp_3', 'pg_catalog', 'public'],
        }),
      ).effects;
    expect(effects('insert into mine values (1)')).toEqual(['insert']);
    expect(effects('insert into mine values (1)', { hasTriggers: true })).toContain('unknown');
    expect(effects('insert into mine values (1)', { hasDefaults: true })).toContain('unknown');
    expect(effects('update mine set a = default where a = 1', { hasDefaults: true })).toContain('unknown');
    expect(effects('update mine set a = 1 where a = 1', { hasExpressions: true })).toContain('unknown');
    expect(effects('delete from mine where a = 1', { hasDefaults: true })).not.toContain('unknown');
  });

  it('the key of a context tells what temporary objects there are', () => {
    const key = (name: string, change: Partial<TemporaryTable> = {}, heirs = false): string =>
      createContext({ temporary: describeTemporary(new Map([[name, { ...bare, ...change }]]), [], heirs) }).key;
    expect(key('a')).toBe(key('a'));
    const keys = [
      ...[key('a'), key('b'), key('a', { hasRules: true }), key('a', { columns: [] }), key('a', {}, true)],
      ...[createContext({ temporary: 'none' }).key, createContext({ temporary: 'unknown' }).key],
      createContext({ temporary: describeTemporary(new Map([['a', null]]), [], false) }).key,
      createContext({ temporary: describeTemporary(new Map(), ['a'], false) }).key,
      createContext({ temporary: 'none', resolved: 'before' }).key,
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(describeTemporary(new Map(), [], false)).toBe('none');
  });

  it('by a column that is a function', async () => {
    const define = `${writer('attack.secret', 'public.plain', 'int')} set search_path = attack, public`;
    expect(await isProvenAfter(define, 'select p.secret from plain p')).toBe(false);
    expect(await isProvenAfter(define, 'select (p).secret from plain p')).toBe(false);
    expect(await isProvenAfter(define, 'select (plain.*).secret from plain')).toBe(false);
    expect(await isProvenAfter(define, 'select p.v from plain p')).toBe(true);
    expect(isProven('select p.nextval from plain p')).toBe(false);
  });
});

describe('what stands behind a relation', () => {
  it.each([
    [
      'a function in a view in a view',
      `${writer('attack.f', 'int')} create view attack.a as select attack.f(id) from public.plain; create view attack.b as select 1 from attack.a`,
    ],
    ['row security', 'create table attack.b (id int); alter table attack.b enable row level security'],
    [
      'row security below a view',
      'create table attack.a (id int); alter table attack.a enable row level security; create view attack.b as table attack.a',
    ],
    ['a rule', 'create table attack.b (id int); create rule r as on insert to attack.b do instead nothing'],
    [
      'an index over a function of the database',
      `create function attack.f(int) returns int immutable language sql as 'select 1'; create table attack.b (id int); create index on attack.b ((id + attack.f(1)))`,
    ],
    [
      'a check by a function of the database',
      `create function attack.f(int) returns int immutable language sql as 'select 1'; create table attack.b (id int check (id > attack.f(1)))`,
    ],
    [
      'a partition key by a function of the database',
      `create function attack.f(int) returns int immutable language sql as 'select 1'; create table attack.b (id int) partition by range ((id + attack.f(1)))`,
    ],
    [
      'statistics over an expression',
      'create table attack.b (id int); create statistics attack.s on (id + 1), (id + 2) from attack.b',
    ],
    ['a sequence', 'create sequence attack.b'],
    [
      'a foreign table',
      'create foreign data wrapper attack_wrapper; create server attack_server foreign data wrapper attack_wrapper; create foreign table attack.b (id int) server attack_server',
    ],
    [
      'a foreign partition',
      'create foreign data wrapper attack_wrapper; create server attack_server foreign data wrapper attack_wrapper; create table attack.b (id int) partition by list (id); create foreign table attack.c partition of attack.b for values in (1) server attack_server',
    ],
    ['a composite column', 'create type attack.t as (a int); create table attack.b (t attack.t)'],
    [
      'TABLESAMPLE of a view’s function',
      'create view attack.b as select random() from public.plain tablesample system (1)',
    ],
  ])('%s', async (_name, define) => {
    try {
      expect(await isProvenAfter(define, 'select * from attack.b')).toBe(false);
    } finally {
      await database.run('drop foreign data wrapper if exists attack_wrapper cascade');
    }
  });

  it('built-in expressions of indexes and checks do not stand in the way', async () => {
    const define =
      'create table attack.b (id int check (id > 0), t text); create index on attack.b (lower(t)) where id > 1';
    expect(await isProvenAfter(define, 'select * from attack.b')).toBe(true);
  });

  it('views are proven likewise', async () => {
    const define =
      'create view attack.a as select lower(name) from public.customers; create view attack.b as select * from attack.a';
    expect(await isProvenAfter(define, 'select * from attack.b')).toBe(true);
  });

  it('and a view too long to be loaded is unread', async () => {
    const long = `create view attack.b as select ${Array.from({ length: 1600 }, (_, at) => `'${'x'.repeat(100)}'::text as c${at}`).join(', ')}`;
    expect(await isProvenAfter(long, 'select c1 from attack.b')).toBe(false);
  });
});

describe('statements', () => {
  it.each([
    'select 1; select writes(1)',
    'select 1; delete from log',
    'with x as (delete from plain returning id) select * from x',
    'select * from (with x as (insert into log (what) values (1) returning 1) select 1 from x) y',
    'explain analyze select 1',
    'explain (analyze) select * from customers',
    'explain delete from plain',
    'explain select pure(1)',
    'explain execute p(writes(1))',
    'select * into copied from customers',
    'select 1 for update',
    'select * from customers for key share',
    'copy customers to stdout',
    'prepare p as select 1',
    'declare c cursor for select 1',
    'create table copied as select 1',
    'show search_path; set search_path = other; select 1',
    'begin',
    'select set_config($$search_path$$, $$other$$, false)',
    'select query_to_xml($$select writes(1)$$, true, true, $$$$)',
    'select * from missing_table',
    'select missing_function()',
    'do $$begin end$$',
    'select 1 where writes(1) = 1',
    'select 1 order by writes(1)',
    'select 1 limit writes(1)',
    'select count(*) filter (where writes(1) = 1) from plain',
    'select sum(id) over (partition by writes(1)) from plain',
    'select * from plain tablesample bernoulli (writes(1))',
    'select * from generate_series(1, writes(1))',
    'select * from rows from (generate_series(1, 2), writes(1)) x(a, b)',
    'values (writes(1))',
    'select array(select writes(1))',
    'select (array[1])[writes(1)]',
    'select 1 union select writes(1)',
    'select * from plain p join plain q on writes(1) = 1',
    'select * from plain, lateral (select writes(plain.id)) x',
    'select xmlelement(name a, writes(1))',
    'select json_object($$a$$: writes(1))',
    "select * from json_table(jsonb '1', '$' columns (a int path '$' default writes(1) on empty))",
    'select grouping(writes(1)) from plain group by writes(1)',
    'select nextval($$loose$$)',
  ])('is not proven: %s', (sql) => {
    expect(isProven(sql)).toBe(false);
  });

  it('without a catalog only what reads and calls nothing is proven', () => {
    const bare = { catalog: null };
    for (const sql of [
      'select 1',
      "values (1, 'a')",
      'show search_path',
      "select '1'::int",
      "select '1'::pg_catalog.uuid",
      'select null, true',
      'select 1 as a union select 2',
    ]) {
      expect(isProven(sql, bare), sql).toBe(true);
    }
    for (const sql of [
      'select * from customers',
      'select lower(name)',
      'select 1 + 1',
      'select now()',
      "select 'x'::short",
      "select 'x'::uuid",
      "select json_object('a': 1)",
    ]) {
      expect(isProven(sql, bare), sql).toBe(false);
    }
  });

  it('types that the client declares for parameters are checked', () => {
    const analysis = analyseSql('select * from customers where id = $1 and name = $2', context);
    expect(isProvenRead(analysis, [23, 0])).toBe(true);
    expect(isProvenRead(analysis, [16383])).toBe(true);
    for (const oid of [16384, 4_294_967_295, -1, Number.NaN]) expect(isProvenRead(analysis, [oid])).toBe(false);
  });
});

describe('prepared statements and cursors', () => {
  const text = (sql: string) => ({ text: sql, standardConformingStrings: true, parameterTypes: [] });
  const effects = (sql: string, options: ContextOptions) =>
    analyseSql(sql, createContext({ ...context, ...options })).effects;

  it('A-PG-17: EXECUTE is judged as what was prepared, by either way, and by the present rules', () => {
    for (const sql of ['prepare p as delete from log', 'delete from log']) {
      expect(effects('execute p', { prepared: new Map([['p', text(sql)]]) })).toEqual(['delete', 'delete-all']);
    }
    expect(effects('execute p', {})).toEqual(['unknown']);
    expect(effects('execute p', { prepared: new Map([['p', text('not sql')]]) })).toEqual(['unknown']);
    expect(effects('execute p(writes(1))', { prepared: new Map([['p', text('select 1')]]) })).toContain('unknown');
    expect(effects('explain analyze execute p', { prepared: new Map([['p', text('delete from log')]]) })).toContain(
      'delete-all',
    );
    expect(effects('explain execute p', { prepared: new Map([['p', text('delete from log')]]) })).toEqual(['read']);
    const off = { ...text("select '\\'"), standardConformingStrings: false };
    expect(effects('execute p', { prepared: new Map([['p', off]]) })).toEqual(['unknown']);
  });

  it('EXECUTE of a query that is proven is, and of nothing else', () => {
    const executes = (sql: string, parameterTypes: readonly number[] = []): boolean =>
      isProven('execute p', { prepared: new Map([['p', { ...text(sql), parameterTypes }]]) });
    expect(executes('prepare p as select * from customers')).toBe(true);
    expect(executes('prepare p (int) as select * from customers where id = $1', [23])).toBe(true);
    expect(executes('prepare p (own) as select 1', [16_384])).toBe(false);
    expect(executes('prepare p as select writes(1)')).toBe(false);
    expect(executes('prepare p as delete from log')).toBe(false);
    expect(executes('prepare p as select * from customers for update')).toBe(false);
    expect(executes('select 1; select 2')).toBe(false);
    expect(isProven('execute p')).toBe(false);
    const other = { prepared: new Map([['p', text('prepare p as select 1')]]) };
    expect(isProven('execute p(1)', other)).toBe(true);
    expect(isProven('execute p(writes(1))', other)).toBe(false);
    expect(isProven('create table t as execute p', other)).toBe(false);
  });

  it('A-PG-17: what was prepared may mean any relation of its name along the path', async () => {
    const prepared = new Map([['p', text('prepare p as select * from customers')]]);
    const define = 'create table attack.customers (id int)';
    const path = ['pg_catalog', 'attack', 'public'];
    expect(await isProvenAfter(define, 'execute p', { prepared })).toBe(true);
    expect(await isProvenAfter(define, 'select * from customers', { prepared, searchPath: path })).toBe(true);
    expect(await isProvenAfter(define, 'execute p', { prepared, searchPath: path })).toBe(false);
  });

  it('a prepared statement that executes itself ends', () => {
    expect(effects('execute p', { prepared: new Map([['p', text('execute p')]]) })).toContain('unknown');
  });

  it('FETCH is what its cursor is, under the names of its declaration', () => {
    const cursor = (sql: string, under: AnalysisContext = context): ReadonlyMap<string, CursorText> =>
      new Map([['c', { ...text(sql), context: under }]]);
    expect(isProven('fetch all from c', { cursors: cursor('declare c cursor for select * from customers') })).toBe(
      true,
    );
    expect(isProven('fetch c', { cursors: cursor('select * from customers') })).toBe(true);
    expect(isProven('move c', { cursors: cursor('declare c cursor for select writes(1)') })).toBe(false);
    expect(isProven('fetch c', { cursors: cursor('declare c cursor for select * from customers for update') })).toBe(
      false,
    );
    expect(isProven('fetch d', { cursors: cursor('select 1') })).toBe(false);
    const before = createContext({ ...context, searchPath: null });
    expect(isProven('fetch c', { cursors: cursor('select 1 where 1 = 2', before) })).toBe(false);
  });
});

describe('what is stale afterwards', () => {
  const stale = (sql: string) =>
    Object.entries(staleAfter(analyseSql(sql, context)))
      .filter(([, value]) => value)
      .map(([name]) => name);
  it.each([
    ['select * from customers', []],
    ['delete from plain', []],
    ['begin', []],
    ['', []],
    ['set search_path = other', ['settings']],
    ["set work_mem = '1MB'", []],
    ['set role app', ['settings']],
    ['set standard_conforming_strings = off', ['settings']],
    ["set names 'SJIS'", ['encoding']],
    ["select set_config('search_path', 'x', false)", ['settings']],
    ["select set_config($1, 'x', false)", ['settings', 'encoding']],
    ['reset all', ['settings', 'encoding']],
    ['discard all', ['settings', 'encoding', 'catalog', 'objects', 'temporary', 'prepared']],
    ['discard temp', ['settings', 'encoding', 'catalog', 'objects', 'temporary', 'prepared']],
    ['create temp table x (a int)', ['settings', 'catalog', 'objects', 'temporary']],
    ['drop view simple', ['settings', 'catalog', 'objects', 'temporary']],
    ['alter table plain rename to x', ['settings', 'catalog', 'objects', 'temporary']],
    ['prepare p as select 1', ['prepared']],
    ['declare c cursor for select 1', ['prepared']],
    ['commit', ['transactionEnd']],
    ['rollback to s', ['transactionEnd']],
    ['select writes(1)', ['settings', 'encoding', 'catalog', 'temporary', 'prepared', 'transactionEnd']],
    ['nonsense', ['settings', 'encoding', 'catalog', 'temporary', 'prepared', 'transactionEnd']],
  ])('%s', (sql, expected) => {
    expect(stale(sql)).toEqual(expected);
  });
});
