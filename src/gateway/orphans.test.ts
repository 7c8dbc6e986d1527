/** Masks that lose what they cover by a definition: an alert names them. Texts by the real parser, without a catalog. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { JudgeRequest } from '../core/judgement.ts';
import type { MaskSpec, RuleObject } from '../core/rules.ts';
import { testDraft, testPrincipal, testResource } from '../core/testing/fakes.ts';
import { analyseSql, createContext, loadSqlParser } from '../language/index.ts';
import { orphanedMasks } from './orphans.ts';
import { Rules } from './rules.ts';

beforeAll(() => loadSqlParser());

const mask = (columns: string[], match: MaskSpec['match'] = {}): RuleObject<MaskSpec> => ({
  name: 'pii',
  spec: { match, columns },
});

function request(text: string, verb = 'query'): JudgeRequest {
  const sql = analyseSql(text, createContext());
  return {
    command: { ...testDraft(text), verb, meaning: { language: 'sql', sql } },
    principal: testPrincipal,
    resource: testResource(),
    session: { id: 's', source: '', client: {}, startedAtMs: 0, commands: 1, access: 'a' },
    nowMs: 0,
  };
}

const orphaned = (text: string, ...columns: string[]): boolean =>
  orphanedMasks([mask(columns)], request(text)).length === 1;

const literal = 'public.customers.ssn';

describe('a name that a Mask goes by is taken away', () => {
  test.each([
    ['alter table customers rename to clients'],
    ['alter table public.customers rename to clients'],
    ['alter table customers rename column ssn to note'],
    ['alter table customers rename ssn to note'],
    ['alter table customers set schema attic'],
    ['alter table customers drop column ssn'],
    ['alter table customers add column x int, drop column if exists ssn cascade'],
    ['alter view customers rename to clients'],
    ['alter materialized view customers set schema attic'],
    ['drop table customers'],
    ['drop table a, public.customers'],
    ['drop view if exists customers cascade'],
    ['alter schema public rename to attic'],
    ['drop schema public cascade'],
    ['begin; alter table customers rename to clients; commit'],
  ])('%s', (text) => {
    expect(orphaned(text, literal)).toBe(true);
    expect(orphaned(text, 'other.*.*', literal)).toBe(true);
  });

  test('also where a part of the pattern is any', () => {
    expect(orphaned('alter table a.cards rename column card_number to n', '*.*.card_number')).toBe(true);
    expect(orphaned('alter table customers rename to clients', '*.customers.*')).toBe(true);
    expect(orphaned('alter table customers_old rename to other', 'public.customers_*.ssn')).toBe(true);
  });
});

describe('a name that no Mask goes by, or whose successor it covers as well', () => {
  test.each([
    ['alter table orders rename to clients', literal],
    ['alter table attic.customers rename to clients', literal],
    ['alter table customers rename column name to title', literal],
    ['alter table customers add column x int', literal],
    ['alter table customers drop column name', literal],
    ['alter index customers rename to clients', literal],
    ['alter table customers rename to clients', '*.*.ssn'],
    ['drop table customers', '*.*.ssn'],
    ['alter table customers_1 rename to customers_2', 'public.customers_*.ssn'],
    ['alter table customers set schema attic', '*.customers.ssn'],
    ['alter schema attic rename to public', literal],
    ['select 1', literal],
    ['drop function customers()', literal],
  ])('%s: %s', (text, pattern) => {
    expect(orphaned(text, pattern)).toBe(false);
  });

  test('a Mask for other resources', () => {
    const elsewhere = mask([literal], { resources: { names: ['elsewhere'] } });
    expect(orphanedMasks([elsewhere], request('drop table customers'))).toEqual([]);
  });
});

describe('the judgement carries it', () => {
  // Who changes definitions is rarely whom the Mask is for.
  const forClerks = mask([literal], { principals: { groups: ['clerks'] } });
  const rules = new Rules({ guardrails: [], masks: [forClerks] }, { hashKey: Buffer.alloc(32), ledger: null });

  test('when it runs, and not when it is only prepared', () => {
    const text = 'alter table customers rename to clients';
    const [alert] = rules.judge(request(text)).alerts;
    expect(alert).toEqual({ rule: 'pii', reason: expect.stringContaining('mask-orphaned') as string });
    expect(alert!.reason).toContain(literal);
    expect(rules.judge(request(text, 'prepare')).alerts).toEqual([]);
    expect(rules.judge(request(text, 'execute')).alerts).toHaveLength(1);
  });
});
