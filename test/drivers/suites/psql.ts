/** psql: meta-commands, COPY both ways, errors, and the queries of tab completion under a terminal. */
import { fileURLToPath } from 'node:url';
import type { Route } from '../stage.ts';
import { execute, executeOk, outcomesOf, type Report, type Suite } from '../suite.ts';

const schema = `
create table customers (id int primary key, name text not null, mail text unique, born date);
create index customers_by_name on customers (name);
create view adults as select * from customers where born < date '2000-01-01';
create function greet(text) returns text language sql immutable as $$ select 'hello ' || $1 $$;
create type mood as enum ('sad', 'ok', 'happy');
create sequence numbers;
insert into customers select i, 'name ' || i, 'm' || i || '@example.test', date '1990-01-01' + i from generate_series(1, 50) i;
`;

/** Each is one psql run, with a name. */
const scripts: Readonly<Record<string, string>> = {
  '\\d': '\\d',
  '\\d customers': '\\d customers',
  '\\d+ customers': '\\d+ customers',
  '\\dt': '\\dt',
  '\\dt *.*': '\\dt pg_catalog.pg_cl*',
  '\\di': '\\di',
  '\\dv': '\\dv',
  '\\ds': '\\ds',
  '\\df': '\\df',
  '\\df+ greet': '\\df+ greet',
  '\\sf greet': '\\sf greet',
  '\\dT+': '\\dT+',
  '\\dn+': '\\dn+',
  '\\du': '\\du',
  '\\dp': '\\dp',
  '\\dx': '\\dx',
  '\\l': '\\l',
  '\\conninfo': '\\conninfo',
  '\\encoding': '\\encoding',
  query: 'select * from customers order by id limit 3;',
  expanded: '\\x\nselect * from customers order by id limit 2;',
  'several in one string': 'select 1\\; select 2\\; select 3;',
  '\\gx': 'select 1 as one, 2 as two \\gx',
  '\\gdesc': 'select id, name from customers \\gdesc',
  '\\gexec': "select format('select %s', i) from generate_series(1, 3) i \\gexec",
  '\\gset': 'select 42 as answer \\gset\n\\echo :answer',
  '\\crosstabview':
    'select id % 2 as a, id % 3 as b, count(*) from customers group by 1, 2 order by 1, 2 \\crosstabview',
  '\\bind-like prepare': 'prepare p (int) as select $1 + 1; execute p (41); deallocate p;',
  cursor:
    'begin; declare c cursor for select id from customers order by id; fetch 3 from c; fetch 2 from c; close c; commit;',
  'fetch count': '\\set FETCH_COUNT 7\nselect id from customers order by id;',
  transaction: 'begin; update customers set name = name; rollback;',
  error: 'select 1/0;\nselect still_here;\nselect 3;',
  'error in transaction': 'begin; select 1/0; select 1; rollback; select 2;',
  savepoints: '\\set ON_ERROR_ROLLBACK on\nbegin; select 1/0; select 1; commit;',
  notice: "do $$ begin raise notice 'hello'; raise warning 'careful'; end $$;",
  'copy out': '\\copy (select * from customers order by id limit 5) to stdout',
  'copy out csv': '\\copy (select * from customers order by id limit 5) to stdout with (format csv, header)',
  'copy out sql': 'copy (select * from customers order by id limit 5) to stdout;',
  'copy in':
    'create table c2 (a int, b text);\n\\copy c2 from stdin\n1\tone\n2\t\\N\n\\.\nselect * from c2 order by a;',
  'copy in that fails': 'create table c3 (a int);\n\\copy c3 from stdin\n1\nx\n\\.\nselect count(*) from c3;',
  'listen and notify': 'listen somebody; notify somebody;',
  '\\watch-like repeat': 'select 1;\nselect 1;\nselect 1;',
  '\\password-less set': "set application_name = 'x'; show application_name;",
  'large value': "select length(repeat('x', 3000000)), md5(repeat('x', 3000000));",
  'wide row': `select ${Array.from({ length: 300 }, (_, i) => `${i} as c${i}`).join(', ')};`,
  '\\timing off': '\\timing off\nselect 1;',
  'large objects': '\\lo_list',
  unicode: "select 'Grüße, 世界 🌍' as text;",
  '\\set variables': '\\echo :DBNAME :ENCODING :SERVER_VERSION_NUM',
};

const program = fileURLToPath(new URL('./complete.py', import.meta.url));

/** What is typed before Tab, and what shows that the completion came. */
const completions: readonly (readonly [typed: string, expected: string])[] = [
  ['select * from custom', 'customers'],
  ['select gre', 'greet'],
  ['insert into custom', 'customers'],
  ['update customers set na', 'name'],
  ['drop view adu', 'adults'],
  ['alter type mo', 'mood'],
  ['\\d customers_b', 'customers_by_name'],
  ['set enable_hashj', 'enable_hashjoin'],
];

async function runAll(route: Route): Promise<Report> {
  const outcomes = new Map<string, string>();
  const environment = { ...route.environment, PSQLRC: '/dev/null', PAGER: 'cat', PSQL_HISTORY: '/dev/null' };
  await execute('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1'], { environment, input: schema });
  for (const [name, script] of Object.entries(scripts)) {
    const { code, stdout, stderr } = await execute('psql', ['-X'], {
      environment,
      input: `${script}\n`,
      deadlineMs: 60_000,
    });
    outcomes.set(name, withoutRoute(`${code}\n${stdout}\n${stderr}`, route));
  }
  for (const [typed, expected] of completions) {
    const { stdout, code } = await execute('python3', [program, typed, expected], { environment, deadlineMs: 60_000 });
    outcomes.set(`tab: ${typed}`, code === 0 ? `completed ${expected}` : `not completed: ${stdout.slice(-300)}`);
  }
  return outcomesOf(outcomes);
}

/** Takes out what is the route's own: its port, the server's process ids. */
function withoutRoute(text: string, { port }: Route): string {
  return text.replaceAll(String(port), '<port>').replace(/\bPID \d+/g, 'PID <pid>');
}

/** psql: meta-commands, COPY, tab completion. */
export const psql: Suite = {
  name: 'psql',
  prepare: async () => void (await executeOk('psql', ['--version'])),
  run: runAll,
};
