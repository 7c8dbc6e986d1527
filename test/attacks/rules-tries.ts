/**
 * The tries of rules.test.ts that are data, the messages that they are made of, and the world that they are against.
 *
 * Deliberately absent: what must come of them.
 */
import * as m from '../../src/protocols/postgres/messages.ts';

export const seed = `
  create table people (id int primary key, name text, ssn text);
  insert into people select n, 'person ' || n, 'SECRET-' || n from generate_series(1, 5) n;
  create table visits (id int primary key, place text);
  insert into visits select n, 'home' from generate_series(1, 50) n;
  create table vault (id int primary key, place text);
  insert into vault select n, 'home' from generate_series(1, 50) n;
  create table diary (id serial primary key, note text);
  insert into diary (note) select 'kept' from generate_series(1, 5);
  alter table people owner to app; alter table visits owner to app; alter table vault owner to app;
  alter table diary owner to app; grant create on schema public to app;
  create schema other authorization app;
  create table other.visits (id int primary key, place text); alter table other.visits owner to app;
  insert into other.visits values (1, 'home');`;

const guarded = { groups: ['engineering'], except: { names: ['nobody'] } };
export const guardrail = (name: string, spec: object) => ({ kind: 'Guardrail', metadata: { name }, spec });
export const sql = (selector: object) => ({ principals: guarded, commands: { sql: selector } });
export const held = guardrail('hold-all', {
  match: sql({ effects: ['update-all', 'delete-all'] }),
  verdict: 'hold',
  review: { reviewers: { groups: ['dba'] }, breakGlass: { groups: ['oncall'] } },
});
export const rules = [
  { kind: 'Mask', metadata: { name: 'ssn' }, spec: { match: { principals: guarded }, columns: ['*.people.ssn'] } },
  guardrail('no-drop', { match: sql({ effects: ['drop', 'truncate'] }), verdict: 'block', message: 'No drops.' }),
  held,
  guardrail('two-eyes', {
    match: sql({ effects: ['update-all'], relations: ['vault'] }),
    verdict: 'hold',
    review: { reviewers: { groups: ['dba'] }, approvals: 2 },
  }),
];
export const principals = [
  { name: 'engineer', groups: ['engineering'] },
  { name: 'carol', groups: ['engineering'] },
  { name: 'owen', groups: ['engineering', 'oncall'] },
  { name: 'boss', groups: ['engineering'], roles: ['admin', 'member'] as const },
  { name: 'dba', groups: ['dba'] },
  { name: 'dora', groups: ['dba'] },
  { name: 'lena', groups: ['limited'] },
  { name: 'outsider', resources: [] },
];

export const query = m.encodeQuery;
export const sync = m.encodeSync();
export const parse = (text: string, statement = ''): Buffer => m.encodeParse({ statement, text, parameterTypes: [] });
export function bind(statement = '', portal = '', values: readonly string[] = []): Buffer {
  const parameters = new Int32Array(
    values.flatMap((value, index) => [values.slice(0, index).join('').length, value.length]),
  );
  const buffer = Buffer.from(values.join(''));
  return m.encodeBind({ portal, statement, parameterFormats: [], parameters, resultFormats: [], buffer });
}
export const execute = (portal = '', rowsMax = 0): Buffer => m.encodeExecute({ portal, rowsMax });
export const close = (target: 'statement' | 'portal', name: string): Buffer => m.encodeClose({ target, name });
export const describe_ = (target: 'statement' | 'portal', name: string): Buffer => m.encodeDescribe({ target, name });

export const update = (place: string): string => `update visits set place = '${place}'`;

export const clear = "select name || '' as x from people";
export const secret = "select ssn || '' as x from people";
export const fetchAll = query('fetch all from p');
export const begin = query('begin');
export const asked = query('select 1');

/** Names that come to mean another statement: what is sent, step by step. */
export const tries: readonly [string, readonly Buffer[][]][] = [
  [
    'a portal kept by a Bind that failed, and ROLLBACK TO',
    [
      [begin],
      [parse(clear, 'b'), bind('b', 'q'), describe_('statement', 'b'), parse(secret, 'a'), bind('a', 'p'), sync],
      [query('savepoint s')],
      [bind('b', 'p'), describe_('portal', 'p'), sync],
      [query('rollback to s')],
      [execute('p'), sync],
    ],
  ],
  [
    'a portal that SQL closed and declared',
    [
      [begin],
      [parse(clear, 'b'), bind('b', 'p'), describe_('portal', 'p'), sync],
      [query('close p')],
      [query(`declare p cursor for ${secret}`)],
      [execute('p'), sync],
    ],
  ],
  [
    'a portal that ROLLBACK TO took, and DECLARE',
    [
      [begin],
      [query('savepoint s')],
      [parse(clear, 'b'), bind('b', 'p'), describe_('portal', 'p'), sync],
      [query('rollback to s')],
      [query(`declare p cursor for ${secret}`)],
      [execute('p'), sync],
    ],
  ],
  [
    'a portal that COMMIT took within one Query',
    [
      [begin],
      [parse(clear, 'b'), bind('b', 'p'), describe_('portal', 'p'), sync],
      [query('commit; begin')],
      [query(`declare p cursor for ${secret}`)],
      [execute('p'), sync],
    ],
  ],
  [
    'a portal that Close took, and DECLARE',
    [
      [begin],
      [parse(clear, 'b'), bind('b', 'p'), describe_('portal', 'p'), close('portal', 'p'), sync],
      [query(`declare p cursor for ${secret}`)],
      [execute('p'), sync],
    ],
  ],
  [
    'a cursor WITH HOLD behind a Bind that fails, in a pipeline',
    [
      [parse(clear, 'b'), describe_('statement', 'b'), sync],
      [query(`declare p cursor with hold for ${secret}`)],
      [bind('b', 'p'), sync, execute('p'), sync],
    ],
  ],
  [
    'the unnamed portal kept by a Bind that failed',
    [
      [begin],
      [query('savepoint s')],
      [parse('rollback to s', 'r'), parse(secret, 'a'), parse(clear, 'b'), describe_('statement', 'b'), sync],
      [bind('a'), sync],
      [bind('b', '', ['too', 'many']), sync],
      [bind('r', 'x'), execute('x'), sync],
      [execute(), sync],
    ],
  ],
  [
    'a cursor that Close and Bind replaced, and FETCH',
    [
      [begin],
      [asked],
      [query(`declare p cursor for ${clear}`)],
      [query('fetch 1 from p')],
      [close('portal', 'p'), parse(secret, 'a'), bind('a', 'p'), sync],
      [fetchAll],
    ],
  ],
  [
    'a statement that Close and Parse replaced, and EXECUTE',
    [
      [query(`prepare s as ${clear}`)],
      [query('execute s')],
      [close('statement', 's'), parse(secret, 's'), sync],
      [query('execute s')],
    ],
  ],
  [
    'a statement that DEALLOCATE and PREPARE replaced',
    [
      [parse(clear, 's'), describe_('statement', 's'), sync],
      [query('deallocate/**/ s;')],
      [query(`prepare s as ${secret}`)],
      [bind('s'), execute(), sync],
    ],
  ],
  [
    'the same in a pipeline',
    [
      [parse(clear, 's'), describe_('statement', 's'), sync],
      [query('/**/deallocate s'), query(`prepare s as ${secret}`), bind('s'), execute(), sync],
    ],
  ],
  [
    'the same in one segment',
    [
      [
        parse(clear, 's'),
        describe_('statement', 's'),
        parse('deallocate s'),
        bind(),
        execute(),
        parse(`prepare s as ${secret}`),
        bind(),
        execute(),
        bind('s'),
        execute(),
        sync,
      ],
    ],
  ],
  [
    'a Parse that fails since the name is taken',
    [
      [parse(secret, 's'), sync],
      [parse(clear, 's'), sync, bind('s'), execute(), sync],
    ],
  ],
];

/** What hides a statement: its attack, the text, and what is laid before. */
export const texts: readonly [string, string, ...string[]][] = [
  ['A-PG-16', 'drop/* /* nested */ ; */table diary'],
  ['A-PG-16', '-- \r drop table people\n; drop table diary'],
  ['A-PG-16', 'select $a$ $b$ $a$; drop table diary; --$b$ '],
  ['A-PG-16', String.raw`select E'\'; -- '; drop table diary; select '1'`],
  ['A-PG-16', String.raw`drop table U&"d\0069ary"`],
  ['A-PG-16', `drop table U&"d!0069ary" UESCAPE '!'`],
  ['A-PG-15', 'select 1; drop table diary'],
  ['A-PG-15', `select 1; ${update('many')}; select 2`],
  ['A-PG-15', 'begin; truncate diary; commit'],
  ['A-PG-14', String.raw`select '\'; drop table diary; --'`, 'set standard_conforming_strings = off'],
  [
    'A-PG-14',
    String.raw`select '\'; drop table diary; --'`,
    "select set_config('standard_conforming_strings', 'off', false)",
  ],
  ['A-PG-14', String.raw`select '\'; drop table diary; --'`, 'begin; set local standard_conforming_strings = off'],
  ['A-PG-18', "do $$ begin execute 'dr' || 'op table diary'; end $$"],
  ['A-PG-18', 'with gone as (delete from visits returning id) select count(*) from gone'],
  ['A-PG-18', `with u as (${update('cte')} returning id), d as (delete from diary where id = 1) select 1`],
  ['A-PG-18', 'explain analyze truncate diary'],
  ['A-PG-18', `explain (analyze, buffers) ${update('explained')}`],
  ['A-PG-18', 'prepare d as delete from visits'],
  ['A-PG-18', "select query_to_xml('delete from visits', true, true, '')"],
  ['A-PG-18', 'select wipe()', "create function wipe() returns void language sql as 'delete from visits'"],
  [
    'A-PG-18',
    'select ~~~ 1',
    "create function neg(int) returns int language sql as 'delete from visits; select 1'",
    'create operator ~~~ (function = neg, rightarg = int)',
  ],
  [
    'A-PG-18',
    "insert into crates values ('1')",
    "create function check1(int) returns bool language sql as 'delete from visits; select true'",
    'create domain crate as int check (check1(value))',
    'create table crates (c crate)',
  ],
  [
    'A-PG-18',
    'insert into log1 values (1)',
    'create table log1 (n int)',
    "create function tr1() returns trigger language plpgsql as 'begin delete from visits; return new; end'",
    'create trigger t after insert on log1 for each row execute function tr1()',
  ],
  [
    'A-PG-18',
    'insert into log2 values (1)',
    'create table log2 (n int)',
    'create rule r as on insert to log2 do also delete from visits',
  ],
  [
    'A-PG-18',
    'create table log3 as select wipe2()',
    "create function wipe2() returns int language sql as 'delete from visits; select 1'",
  ],
  [
    'A-PG-18',
    'select * from view1',
    "create function wipe3() returns int language sql as 'delete from visits; select 1'",
    'create view view1 as select wipe3()',
  ],
  [
    'A-PG-18',
    'insert into defaults default values',
    "create function wipe4() returns int language sql as 'delete from visits; select 1'",
    'create table defaults (n int default wipe4())',
  ],
  ['A-PG-18', 'drop owned by current_user'],
  ['A-PG-18', 'drop schema public cascade'],
  ['update-all', 'merge into visits using (values (1)) v (a) on true when matched then delete'],
  ['update-all', 'delete from visits where true or id = 1'],
  ['update-all', 'delete from visits where id = id'],
  ['update-all', 'delete from visits v using visits w'],
  ['update-all', 'delete from only visits'],
  ['update-all', `insert into visits select 1, 'x' on conflict (id) do update set place = 'y'; ${update('z')}`],
];

/** Rules that cannot be enforced. */
export const bad: readonly [string, object][] = [
  ['no condition', guardrail('bad', { match: {}, verdict: 'hold' })],
  [
    'an effect that is none',
    guardrail('bad', { match: { commands: { sql: { effects: ['explode'] } } }, verdict: 'block' }),
  ],
  ['CEL that does not compile', guardrail('bad', { match: { when: 'command.((' }, verdict: 'block' })],
  ['CEL of another type', guardrail('bad', { match: { when: '1 + 1' }, verdict: 'block' })],
  ['a pattern that is none', guardrail('bad', { match: { commands: { pattern: '(' } }, verdict: 'block' })],
  ['a pattern with a look-around', guardrail('bad', { match: { commands: { pattern: '(?=a)b' } }, verdict: 'block' })],
  [
    'a hold without reviewers',
    guardrail('bad', { match: sql({ effects: ['drop'] }), verdict: 'hold', review: { reviewers: {} } }),
  ],
  [
    'a review for a block',
    guardrail('bad', {
      match: sql({ effects: ['drop'] }),
      verdict: 'block',
      review: { reviewers: { groups: ['dba'] } },
    }),
  ],
  [
    'a protocol that cannot',
    guardrail('bad', {
      match: { resources: { protocols: ['gopher'] }, commands: { sql: { effects: ['drop'] } } },
      verdict: 'block',
    }),
  ],
  ['a mask of nothing', { kind: 'Mask', metadata: { name: 'bad' }, spec: { match: {} } }],
];
