import fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import type { Analysis } from '../../core/sql.ts';
import { analyseSql } from './analyse.ts';
import { AnalysisCache } from './cache.ts';
import { formOf } from './constants.ts';
import { createContext } from './context.ts';
import { loadSqlParser } from './parser.ts';

beforeAll(() => loadSqlParser());

describe('numbers that no analysis looks at are left out', () => {
  it.each([
    ['SELECT a FROM t WHERE id = 123;', 'SELECT a FROM t WHERE id = ? ;'],
    ['select a from t where t.id >= -5 and b < 7', 'select a from t where t . id >= - ? and b < ?'],
    ['UPDATE t SET a = a + -44, b = 3 WHERE id = 5', 'UPDATE t SET a = a + - ? , b = ? WHERE id = ?'],
    [
      'INSERT INTO t (a, b) VALUES (1, -2, now), (3, 4, now)',
      'INSERT INTO t ( a , b ) VALUES ( ? , - ? , now ) , ( ? , ? , now )',
    ],
    ['delete from t where id = 999999999', 'delete from t where id = ?'],
  ])('%s', (text, form) => {
    expect(formOf(text)).toBe(form);
  });
});

describe('a text in which a number may matter stays as it is', () => {
  it.each([
    'select 1',
    'select a from t where 1 = 1',
    'select a from t where id = 1 or id <> 1',
    'delete from t where not id = 1',
    'select a from t where x + 5 = x + 5',
    'select a from t where id = 5 + 3',
    'select a from t where id = 1.5',
    'select a from t where id = 1234567890',
    'select a from t where id = 5 limit 7',
    'select a from t where id = 5; drop table t',
    'select a from t where id=5--x',
    'select a from t where id = 5 /* x */',
    "select a from t where id = 5 and b = 'x'",
    'select a from t where "id" = 5',
    'select a from t where id = $1',
    'select a from t where id = 5::text',
    'select a from t where id = 0x10',
    'select a from t where id = 1_000',
    'select a from t where id = 5e3',
    'select f(5) from t',
    'insert into t values ((5))',
    'select a from t where case when b = 5 then c = 6 end',
    'copy (select a from t where id = 5) to stdout',
    'set a.b = 5',
    'fetch 5 from c',
    'select a from t order by 5',
    'select a from t where id in (5)',
    'select a from t where 5 = id',
    `select a from t where id = 5${' '.repeat(2000)}`,
  ])('%s', (text) => {
    expect(formOf(text)).toBeNull();
  });
});

test('calls keep their numbers also where others are left out', () => {
  expect(formOf('select f(5) from t where id = 6')).toBe('select f ( 5 ) from t where id = ?');
  expect(formOf('insert into t values (f(5), 6)')).toBe('insert into t values ( f ( 5 ) , ? )');
});

const number = fc.integer({ min: 0, max: 999_999_999 });
const column = fc.constantFrom('id', 't.a', 'b', 'u.id');
const comparison = fc
  .tuple(column, fc.constantFrom('=', '<', '>', '<=', '>=', '<>', '!=', '=-', '= - '), fc.constant('#'))
  .map(([name, operator]) => `${name} ${operator}#`);
const condition = fc.array(comparison, { minLength: 1, maxLength: 3 }).map((all) => all.join(' and '));
const statement = fc.oneof(
  condition.map((where) => `select a, id - # from t where ${where}`),
  condition.map((where) => `select t.a from t join u on t.id = u.id where ${where} order by 1`),
  condition.map((where) => `update t set a = a + #, b = # where ${where}`),
  condition.map((where) => `delete from t where ${where}`),
  condition.map((where) => `with w as (select id from u where ${where}) select * from w, t where w.id = #`),
  fc.constant('insert into t (id, a, b) values (#, -#, default), (#, #, null) returning id + #'),
  condition.map((where) => `insert into t values (f(#), #) on conflict (id) do update set a = # where ${where}`),
);

/** Everything but where it stands. */
function meaning(analysis: Analysis): unknown {
  return { ...analysis, textBytes: 0, statements: analysis.statements.map((one) => ({ ...one, start: 0, end: 0 })) };
}

test('two texts of one form mean the same', () => {
  const context = createContext({ searchPath: ['pg_catalog', 'public'], temporary: 'none' });
  fc.assert(
    fc.property(
      statement,
      fc.array(number, { minLength: 24, maxLength: 24 }),
      fc.array(number, { minLength: 24, maxLength: 24 }),
      (text, some, others) => {
        const fill = (numbers: readonly number[]): string => {
          let at = 0;
          return text.replace(/#/g, () => String(numbers[at++ % numbers.length]));
        };
        const [one, other] = [fill(some), fill(others)];
        const form = formOf(one);
        fc.pre(form !== null && form === formOf(other));
        expect(meaning(analyseSql(other, context))).toEqual(meaning(analyseSql(one, context)));
      },
    ),
    { numRuns: 300 },
  );
});

test('the cache answers another number with the same analysis, and another statement with its own', () => {
  const cache = new AnalysisCache();
  const context = createContext({});
  const first = cache.analyse('select a from t where id = 1', context);
  expect(cache.analyse('select a from t where id = 22', context)).toBe(first);
  expect(cache.analyse('select a from t where id = 1 or id = 2', context)).not.toBe(first);
  expect(cache.size).toBe(2);
});
