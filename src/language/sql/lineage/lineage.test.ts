/** The table of lineages, and what it cannot hold: contexts, prepared statements, cursors, limits. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatementLineage } from '../../../core/sql.ts';
import { lineageEntriesMax, sqlExpansionDepthMax } from '../../limits.ts';
import { openDatabase, type TestDatabase } from '../fixtures/server.ts';
import {
  type AnalysisContext,
  analyseSql,
  type ContextOptions,
  createContext,
  describeTemporary,
  loadCatalog,
  type TemporaryTable,
} from '../index.ts';
import { canarySeed } from './fixtures/database.ts';
import { describeLineage, readLineages } from './fixtures/golden.ts';

const goldens = await readLineages();
let database: TestDatabase;
let context: AnalysisContext;
beforeAll(async () => {
  database = await openDatabase(canarySeed);
  context = await database.context();
});
afterAll(() => database.stop());

const follow = (sql: string, options: ContextOptions = {}): StatementLineage =>
  analyseSql(sql, createContext({ ...context, ...options })).statements.at(-1)!.lineage;
const shown = (sql: string, options: ContextOptions = {}): string => describeLineage(follow(sql, options));

const whileDefined = async (definitions: string, check: (context: AnalysisContext) => void): Promise<void> => {
  await database.run(`begin; ${definitions}`);
  try {
    // The facts are loaded in this transaction: its own BEGIN is refused with no more than a warning.
    const asked = loadCatalog((sql) => (/^(BEGIN|ROLLBACK)/.test(sql) ? Promise.resolve([]) : database.ask(sql)));
    check(createContext({ ...context, catalog: (await asked).facts }));
  } finally {
    await database.run('rollback');
  }
};

describe('the table', () => {
  it.each(goldens)('$sql', ({ sql, expected }) => {
    const { statements } = analyseSql(sql, context);
    expect(statements.map((one) => describeLineage(one.lineage)).join(' ;; ')).toBe(expected);
  });
});

describe('A-MSK-02: what is not certain is unresolved', () => {
  it('without a catalog', () => {
    expect(shown('select name, 1 from people where card = 1', { catalog: null })).toContain('nothing is known');
    expect(follow('select name from people', { catalog: null }).unresolved).not.toBeNull();
    expect(follow('select lower($1)', { catalog: null }).columns![0]!.unresolved).not.toBeNull();
    expect(follow('select 1', { catalog: null })).toMatchObject({ columns: [{ origins: [], unresolved: null }] });
  });

  it('where a name may mean several relations, or a temporary one', () => {
    expect(follow('select * from people', { searchPath: null }).unresolved).toContain('several');
    expect(shown('select * from wide', { searchPath: null })).toBe('(a=wide.a!, b=wide.b!)');
    expect(follow('select name from people', { temporary: 'unknown' }).unresolved).toContain('temporary');
    expect(shown('select name from public.people', { temporary: 'unknown' })).toBe('(name=people.name!)');
    expect(follow('select * from pg_temp.people', { temporary: 'unknown' }).unresolved).toContain('temporary');
    expect(shown('select name from people', { searchPath: ['pg_catalog', 'other', 'public'] })).toBe(
      '(name=other.people.name!)',
    );
  });

  it('a temporary table carries its own columns; what is known by name only is unresolved', () => {
    const column = { type: 'safe', isArray: false, notNull: false, isVirtual: false } as const;
    const table: TemporaryTable = {
      columns: [
        { ...column, name: 'name', attnum: 1 },
        { ...column, name: 'twice', attnum: 2 },
      ],
      generated: [2],
      hasRules: false,
      hasRowSecurity: false,
      hasTriggers: true,
      hasDefaults: false,
      hasExpressions: true,
    };
    const tables = new Map([
      ['people', table],
      ['mine', table],
      ['wide', null],
    ]);
    const temporary = describeTemporary(tables, ['people', 'mine', 'wide', 'mood'], false);
    const own = { temporary, searchPath: ['pg_temp_3', 'pg_catalog', 'public'] };
    expect(shown('select name from mine', own)).toBe('(name=pg_temp.mine.name!)');
    expect(shown('select upper(name) from people', own)).toBe('(upper=pg_temp.people.name)');
    expect(shown('select name from public.people', own)).toBe('(name=people.name!)');
    expect(shown('select card from orders, public.people', own)).toBe('(card=people.card!)');
    expect(follow('select twice from mine', own).columns![0]!.unresolved).toContain('generated');
    expect(follow('select * from wide', own).unresolved).toContain('temporary');
    expect(shown('select a from public.wide', own)).toBe('(a=wide.a!)');
    expect(shown('insert into mine (name) select card from public.people returning name', own)).toBe(
      '(name=people.card+pg_temp.mine.name) |  | people.card>relation:pg_temp.mine.name | triggers of mine were not read',
    );
    expect(follow('select m::mood from typed', own).columns![0]!.unresolved).toContain('mood');
    expect(follow('select m::text from typed', own).columns![0]!.direct).toBe(true);
    for (const searchPath of [null, ['pg_catalog', 'public', 'pg_temp_3']]) {
      expect(follow('select name from people', { temporary, searchPath }).unresolved).toContain('temporary');
    }
    const heirs = { temporary: describeTemporary(new Map([['heir', null]]), [], true) };
    expect(follow('update orders set note = code', heirs).unread).toContain('heirs');
  });

  it('A-PG-17: what was prepared before another relation of its name came into being', () => {
    const text = 'prepare p as select upper(name) from people';
    const prepared = new Map([['p', { text, standardConformingStrings: true, parameterTypes: [] }]]);
    expect(shown('execute p', { prepared })).toBe('(upper=people.name)');
    const path = { searchPath: ['pg_catalog', 'other', 'public'] };
    expect(shown('select upper(name) from people', path)).toBe('(upper=other.people.name)');
    expect(follow('execute p', { prepared, ...path }).unresolved).toContain('several');
  });

  it('where the type may be a temporary table', () => {
    expect(
      follow('select public.people.card::mine from public.people', { temporary: 'unknown' }).columns![0]!.direct,
    ).toBe(false);
    expect(
      follow('select public.people.card::text from public.people', { temporary: 'unknown' }).columns![0]!.direct,
    ).toBe(false);
  });

  it('after a statement of the same text that changes what names mean', () => {
    for (const first of [
      'create table x (id int)',
      'set search_path = other',
      'do $$ begin end $$',
      'select reads()',
    ]) {
      expect(follow(`${first}; select name from people`).unresolved, first).not.toBeNull();
    }
    expect(shown('select 1; select name from people')).toBe('(name=people.name!)');
  });
});

describe('prepared statements and cursors', () => {
  const text = (sql: string) => ({ text: sql, standardConformingStrings: true, parameterTypes: [] });

  it('give what they were prepared to give', () => {
    const prepared = new Map([
      ['p', text('prepare p as select card, $1 from people where salary > 1')],
      ['q', text('insert into copy_of (name) select card from people')],
      ['loop', text('execute loop')],
    ]);
    expect(shown('execute p(1)', { prepared })).toBe('(card=people.card!, ?column?=) | where:people.salary');
    expect(shown('execute q', { prepared })).toBe('- |  | people.card>relation:public.copy_of.name');
    expect(shown('explain execute p(1)', { prepared })).toBe('(QUERY PLAN=) | where:people.salary');
    expect(shown('create table t as execute p(1)', { prepared })).toContain('people.card>relation:t.card');
    expect(follow('execute p(reads())', { prepared }).columns![1]!.unresolved).toContain('reads');
    expect(follow('execute loop', { prepared }).unresolved).not.toBeNull();
    expect(follow('execute none', { prepared }).unresolved).toContain('not known');
  });

  it('A-MSK-02: give what they were declared to give, by the names of then', () => {
    const then = createContext({ ...context, searchPath: ['pg_catalog', 'other'] });
    const cursors = new Map([
      ['c', { ...text('declare c cursor for select name from people where id > 1'), context: then }],
      ['portal', { ...text('select card from public.people'), context: then }],
    ]);
    expect(shown('fetch 2 from c', { cursors })).toBe('(name=other.people.name!) | where:other.people.id');
    expect(shown('fetch all portal', { cursors })).toBe('(card=people.card!)');
    expect(shown('move c', { cursors })).toBe('- | where:other.people.id');
    expect(follow('fetch d', { cursors }).unresolved).toContain('not known');
  });
});

describe('what stands behind a relation', () => {
  it('is followed to a bounded depth of views', async () => {
    const views = Array.from({ length: sqlExpansionDepthMax + 2 }, (_, at) =>
      at === 0 ? 'create view w0 as select card from people;' : `create view w${at} as select * from w${at - 1};`,
    );
    await whileDefined(views.join(''), (deep) => {
      const at = (level: number) => analyseSql(`select card from w${level}`, deep).statements[0]!.lineage;
      expect(at(sqlExpansionDepthMax + 1).unresolved).toContain('too deeply');
      const { columns, unresolved } = at(3);
      expect(unresolved).toBeNull();
      expect(columns![0]!.origins.map((origin) => origin.relation)).toEqual(['people', 'w0', 'w1', 'w2', 'w3']);
      expect(columns![0]!.direct).toBe(true);
      // What was followed for one level serves the next.
      expect(at(sqlExpansionDepthMax + 1).unresolved).toBeNull();
    });
  });

  it('A-MSK-02: includes functions and holders that a view hides', async () => {
    await whileDefined(
      `create view f as select takes(card) as t, name from people where takes(name) = 'x';
       create view s as select query_to_xml('select 1', true, false, '') as x, 1 as one;`,
      (hidden) => {
        const of = (sql: string) => analyseSql(sql, hidden).statements[0]!.lineage;
        expect(of('select name from f').unread).toContain('takes');
        expect(
          of('select name from f')
            .flows.map((flow) => flow.origin.column)
            .sort(),
        ).toEqual(['card', 'name']);
        expect(of('select t from f').columns![0]!.unresolved).toContain('takes');
        expect(of('select x, one from s').columns!.map((column) => column.unresolved !== null)).toEqual([true, false]);
      },
    );
  });

  it('A-MSK-02: takes an operator or function of the database for what it is', async () => {
    await whileDefined(
      `create function other.lower(text) returns text language sql as 'select card from public.people limit 1';
       create function other.same(text, text) returns boolean language plpgsql as 'begin return true; end';
       create operator other.= (leftarg = text, rightarg = text, function = other.same);`,
      (shadowed) => {
        const of = (sql: string, searchPath: readonly string[]) =>
          analyseSql(sql, createContext({ ...shadowed, searchPath })).statements[0]!.lineage;
        const far = ['pg_catalog', 'public'];
        const near = ['pg_catalog', 'other', 'public'];
        expect(of("select lower('x')", far).columns![0]!.unresolved).toBeNull();
        expect(of("select lower('x')", near).columns![0]!.unresolved).toContain('lower');
        expect(of("select other.lower('x')", far).columns![0]!.unresolved).toContain('lower');
        expect(of("select name = 'x' from public.people", near).columns![0]!.unresolved).toContain('=');
        expect(of('select 1 from wide join wide w using (a)', near).unread).toContain('=');
        expect(of("select card in ('x') from public.people", near).flows[0]).toMatchObject({ into: 'function' });
      },
    );
  });
});

describe('attempts to hide code', () => {
  const unreadAfter = async (definitions: string, sql: string): Promise<StatementLineage> => {
    await database.run('create schema attack');
    try {
      await database.run(definitions);
      return analyseSql(sql, await database.context()).statements[0]!.lineage;
    } finally {
      await database.run('set search_path to default; drop schema attack cascade');
    }
  };
  const reader = `create function attack.step(text, text) returns text language plpgsql immutable as $$ begin return (select card from public.people limit 1); end $$;`;

  it('A-MSK-02: in an aggregate, which itself counts as immutable C', async () => {
    const sql = "select attack.total('x')";
    const define = `${reader} create aggregate attack.total(text) (sfunc = attack.step, stype = text);`;
    expect((await unreadAfter(define, sql)).columns![0]!.unresolved).toContain('total');
    const pure = 'create aggregate attack.total(text) (sfunc = textcat, stype = text);';
    expect((await unreadAfter(pure, sql)).columns![0]!.unresolved).toBeNull();
  });

  it('A-MSK-02: in an operator for a built-in function that reads', async () => {
    const define =
      'create operator attack.<-! (leftarg = tsquery, rightarg = text, function = pg_catalog.ts_rewrite);' +
      'create operator attack.!@ (rightarg = int, function = pg_catalog.pg_stat_get_backend_activity);';
    for (const sql of [`select 'a'::tsquery operator(attack.<-!) 'select 1'`, 'select operator(attack.!@) 1']) {
      expect((await unreadAfter(define, sql)).columns![0]!.unresolved, sql).toContain('was not read');
    }
  });

  it('A-MSK-02: in a cast', async () => {
    const define = `create type attack.own as (a int);
      create function attack.read(attack.own) returns text language sql as 'select card from public.people limit 1';
      create cast (attack.own as text) with function attack.read(attack.own);`;
    expect((await unreadAfter(define, 'select row(1)::attack.own::text')).unread).toContain('cast');
    const other = `create type attack.own as (a int);
      create function attack.read(text) returns attack.own language plpgsql as $$ begin return row(1); end $$;
      create cast (text as attack.own) with function attack.read(text);`;
    expect((await unreadAfter(other, "select 'x'::text::attack.own")).columns![0]!.unresolved).toContain('own');
  });

  it('A-MSK-02: behind what newer servers take for syntax', async () => {
    const define = `create function public.json_scalar(text) returns text language sql as 'select card from public.people limit 1';`;
    await database.run(define);
    try {
      const { lineage } = analyseSql("select json_scalar('x')", await database.context()).statements[0]!;
      expect(lineage.columns![0]!.unresolved).toContain('json_scalar');
    } finally {
      await database.run('drop function public.json_scalar');
    }
  });

  it('A-MSK-02: in a trigger in place of a view’s row', async () => {
    const define = `create view attack.v as select id, name from public.people;
      create function attack.give() returns trigger language plpgsql as $$ begin new.name := (select card from public.people limit 1); return new; end $$;
      create trigger give instead of insert on attack.v for each row execute function attack.give();`;
    const { columns } = await unreadAfter(define, 'insert into attack.v values (1) returning name');
    expect(columns![0]!.unresolved).toContain('triggers');
  });
});

describe('limits', () => {
  it('of steps: a statement beyond them is unresolved', () => {
    const wide = (depth: number): string => (depth === 0 ? 'people' : `(select * from ${wide(depth - 1)}) b${depth}`);
    expect(follow(`select * from ${wide(50)}`).unresolved).toBeNull();
    const tables = Array.from({ length: 30 }, (_, at) => `people p${at}`).join(', ');
    const stars = (count: number): string => Array.from({ length: count }, () => '*').join(', ');
    expect(follow(`select ${stars(5)} from ${tables}`).columns).toHaveLength(30 * 9 * 5);
    expect(follow(`select ${stars(1000)} from ${tables}`).unresolved).toContain('too much');
  });

  it('of entries: as many columns may flow as the limit says, and no more', async () => {
    const width = 1000;
    const list = (prefix: string, count: number, rest = ''): string =>
      Array.from({ length: count }, (_, at) => `${prefix}${at}${rest}`).join(', ');
    await whileDefined(
      `create table broad (${list('c', width, ' int')}); create table taker (${list('t', 40, ' text')});`,
      (broad) => {
        const of = (count: number) => {
          const sql = `insert into taker (${list('t', count)}) select ${Array(count).fill('b::text').join(', ')} from broad b`;
          return analyseSql(sql, broad).statements[0]!.lineage;
        };
        const most = lineageEntriesMax / width;
        expect(of(most)).toMatchObject({ unresolved: null, flows: { length: lineageEntriesMax } });
        expect(of(most + 1).unresolved).toContain('too much');
      },
    );
  });

  it('of nesting: the stack does not end the analysis', () => {
    const nested = `select ${'('.repeat(900)}card${')'.repeat(900)} from people`;
    expect(shown(nested)).toBe('(card=people.card!)');
    const added = `select ${Array.from({ length: 400 }, () => 'upper(').join('')}card${')'.repeat(400)} from people`;
    expect(shown(added)).toBe('(upper=people.card)');
  });

  it('of recursion: a fixed point is found, or nothing is claimed', () => {
    const columns = Array.from({ length: 40 }, (_, at) => `c${at}`);
    const shift = [...columns.slice(1), columns[0]!];
    const sql = `with recursive t(${columns.join(', ')}) as (select card, ${columns
      .slice(1)
      .map(() => "''")
      .join(', ')} from people
      union all select ${shift.join(', ')} from t) select ${columns.join(', ')} from t`;
    for (const { origins } of follow(sql).columns!) expect(origins.map((origin) => origin.column)).toEqual(['card']);
    const more = Array.from({ length: 120 }, (_, at) => `c${at}`);
    const long = `with recursive t(${more.join(', ')}) as (select card, ${more
      .slice(1)
      .map(() => "''")
      .join(', ')} from people
      union all select ${[...more.slice(1), more[0]!].join(', ')} from t) select ${more.join(', ')} from t`;
    for (const { unresolved } of follow(long).columns!) expect(unresolved).toContain('could not be told');
  });
});

describe('the estimate of rows', () => {
  it('is of what is reached without a condition', () => {
    const rows = (sql: string) => analyseSql(sql, context).statements[0]!.rowEstimate;
    expect(rows('delete from people')).toBe(6);
    expect(rows('update orders set note = 1 where true')).toBe(6);
    expect(rows('delete from parts')).toBe(6);
    expect(rows('delete from base')).toBe(6);
    expect(rows("delete from people where name = 'x'")).toBeNull();
    expect(rows('select 1')).toBeNull();
    expect(rows('delete from v_people')).toBeNull();
    expect(rows('delete from copy_of')).toBe(0);
    expect(rows('with d as (delete from people) delete from orders')).toBe(12);
  });
});
