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
  '\\db+': '\\db',
  '\\dC': '\\dC custom*',
  '\\dD \\dd \\dE \\dF \\dL \\dO': '\\dD\n\\dd\n\\dE\n\\dF\n\\dL\n\\dO public.*',
  '\\da \\do \\dAc': '\\da pg_catalog.count\n\\do pg_catalog.@@\n\\dAc btree int*',
  '\\drds \\ddp \\des \\deu \\dew \\det': '\\drds\n\\ddp\n\\des\n\\deu\n\\dew\n\\det',
  '\\dm \\dP \\dRp \\dRs \\dy \\dX': '\\dm\n\\dP\n\\dRp\n\\dRs\n\\dy\n\\dX',
  '\\dconfig': '\\dconfig work_mem',
  '\\dS customers and indexes': '\\dS+ customers_by_name\n\\dtisv+',
  '\\sv': '\\sv adults\n\\sv+ adults',
  '\\z': '\\z customers',
  '\\ef refused': '\\setenv PSQL_EDITOR false\n\\ef greet',
  // It ends by itself at an error only, in this version.
  '\\watch': 'create temp sequence turns;\nselect 6 / (3 - nextval($$turns$$)) as share \\watch 0.1',
  '\\if': "\\if true\nselect 'yes';\n\\else\nselect 'no';\n\\endif",
  '\\g to a program': 'select 1 \\g | cat',
  '\\errverbose': 'select 1/0;\n\\errverbose',
  '\\echo of results': 'select 1/0;\n\\echo :ERROR :SQLSTATE :ROW_COUNT :LAST_ERROR_MESSAGE',
  '\\copy to a file and back':
    "\\copy customers to '/dev/stdout' with (format binary)\n\\copy (select 1) to program 'cat'",
  'copy in, several':
    'create temp table c4 (a int);\ncopy c4 from stdin;\n1\n\\.\ncopy c4 from stdin;\n2\n\\.\nselect * from c4;',
  'copy of a row too wide': 'create temp table c5 (a int);\ncopy c5 from stdin;\n1\t2\n\\.\nselect 1;',
  'large objects by function calls':
    "\\lo_import /etc/hostname 'a comment'\n\\lo_list\nselect lo_get(:LASTOID) is not null as there;\n\\lo_export :LASTOID /dev/null\n\\lo_unlink :LASTOID",
  '\\c same': '\\c\nselect 1;',
  '\\c other user': '\\c - nobody_here',
  'two-phase commit':
    "begin; create table two (a int); prepare transaction 'p1'; commit prepared 'p1'; drop table two;",
  'single-row null and formats': "\\pset null (none)\n\\pset format html\nselect null as n, E'a\\nb' as t;",
  'statement timeout': "set statement_timeout = '50ms';\nselect pg_sleep(5);\nselect 1;",
  'error with every field':
    "do $$ begin raise exception 'text' using detail = 'd', hint = 'h', errcode = 'ZZ001', column = 'c', constraint = 'k', datatype = 't', table = 'tt', schema = 's'; end $$;\n\\set VERBOSITY verbose\n\\errverbose",
  'a server that leaves': 'select pg_terminate_backend(pg_backend_pid());\nselect 1;',
  unicode: "select 'Grüße, 世界 🌍' as text;",
  '\\set variables': '\\echo :DBNAME :ENCODING :SERVER_VERSION_NUM',
};

const program = fileURLToPath(new URL('./complete.py', import.meta.url));

/** What is typed before Tab, and what shows that the completion came. */
const completions: readonly (readonly [typed: string, expected: string])[] = [
  ['select * from custom', 'customers'],
  ['\\df gre', 'greet'],
  ['insert into custom', 'customers'],
  ['update customers set na', 'name'],
  ['drop view adu', 'adults'],
  ['alter type mo', 'mood'],
  ['\\d customers_b', 'customers_by_name'],
  ['set enable_hashj', 'enable_hashjoin'],
];

async function runAll(route: Route, typed = completions): Promise<Report> {
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
  outcomes.set('cancelled by Ctrl-C', await interrupted(environment));
  for (const [beginning, expected] of typed) {
    const { stdout, code } = await execute('python3', [program, beginning, expected], {
      environment,
      deadlineMs: 60_000,
    });
    outcomes.set(
      `tab: ${beginning}`,
      code === 0 ? `completed ${expected}` : `fail: not completed: ${stdout.slice(-300)}`,
    );
  }
  return outcomesOf(outcomes);
}

/** A long query is interrupted as from a terminal, and the session goes on. */
async function interrupted(environment: Readonly<Record<string, string>>): Promise<string> {
  const input = "select 'before';\nselect pg_sleep(20);\nselect 'after';\n";
  // `timeout` sends the signal of Ctrl-C; psql turns it into a cancel request and reads on.
  const { code, stdout, stderr } = await execute('timeout', ['-s', 'INT', '1', 'psql', '-X'], { environment, input });
  // psql says that it asked when it likes, and once or twice, as the signal reached it; that is chance on either route.
  return `${code}\n${stdout}\n${[...new Set(stderr.split('\n'))].sort().join('\n')}`;
}

/** Takes out what is the route's own: its port, the server's process ids. */
function withoutRoute(text: string, { port }: Route): string {
  return (
    text
      .replaceAll(String(port), '<port>')
      .replace(/\bPID \d+/g, 'PID <pid>')
      // \watch shows the time of day; large objects have the next free number.
      .replace(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} \(every/gm, '<time> (every')
      .replace(/\b(lo_import|lo_unlink|ID) *\|? *\d+/g, '$1 <oid>')
      .replace(/^ +\d{5,}( \| tester)/gm, ' <oid>$1')
  );
}

const prepare = async (): Promise<void> => void (await executeOk('psql', ['--version']));

/** psql: meta-commands, COPY, tab completion. */
export const psql: Suite = { name: 'psql', prepare, run: (route) => runAll(route) };

/** The same with one completion instead of all, each of which takes a second of typing. */
export const psqlQuick: Suite = { name: 'psql', prepare, run: (route) => runAll(route, completions.slice(0, 1)) };
