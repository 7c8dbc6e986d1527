import { describe, expect, test } from 'vitest';
import type { VerdictName } from '../core/verdict.ts';
import { compileGuardrails } from './index.ts';
import * as limits from './limits.ts';
import {
  analysis,
  call,
  principal,
  type RequestParts,
  relation,
  request,
  resource,
  rule,
  statement,
} from './testing.ts';

function verdictOf(when: string, parts: RequestParts = {}): VerdictName {
  return compileGuardrails([rule('r', 'block', { when })], { ledger: null }).judge(request(parts)).verdict.name;
}

const meaning = analysis(
  statement({
    kind: 'update',
    effects: ['read', 'update', 'update-all'],
    relations: [relation('write public.payments', ['amount']), relation('read public.customers', null)],
    functions: [call('lower'), call('f', { schema: 'app', builtIn: 'no', volatility: null })],
    conditions: [{ relation: 'payments', action: 'update', where: 'missing' }],
    rowEstimate: 500,
  }),
);

describe('what a `when` sees', () => {
  const cases: [string, boolean][] = [
    ['command.kind == "sql" && command.verb == "query"', true],
    ['command.text.contains("select")', true],
    ['command.text.startsWith("SELECT")', false],
    ['"update-all" in command.effects', true],
    ['"drop" in command.effects', false],
    ['command.statements == ["update"]', true],
    ['command.relations.exists(r, r.schema == "public" && r.name == "payments" && r.access == "write")', true],
    ['command.relations.exists(r, r.name == "payments" && "amount" in r.columns)', true],
    ['command.relations.exists(r, r.name == "payments" && "id" in r.columns)', false],
    ['command.functions.exists(f, f.schema == "pg_catalog" && f.volatility == "immutable")', true],
    ['command.functions.exists(f, f.name == "g")', false],
    ['command.conditions.exists(c, c.relation == "payments" && c.action == "update" && c.where == "missing")', true],
    ['command.complete', true],
    ['command.parameters == 2', true],
    ['command.parameters > 2', false],
    ['principal.name == "anna" && principal.kind == "person"', true],
    ['"engineering" in principal.groups && !("admin" in principal.roles)', true],
    ['resource.name == "orders" && resource.protocol == "postgres"', true],
    ['resource.labels.env == "prod" && resource.labels["env"] == "prod"', true],
    ['has(resource.labels.team) && resource.labels.team == "x"', false],
    ['session.source == "10.0.0.1" && session.access == "engineers"', true],
    ['session.client.application_name == "psql"', true],
    ['session.commands == 3 && session.ageSeconds == 90', true],
    ['now.hour == 5 && now.minute == 6 && now.weekday == 3', true],
    ['now.iso == "2026-03-04T05:06:07.000Z"', true],
    ['now.weekday in [6, 7]', false],
    ['size(command.relations) == 2 ? true : false', true],
    ['command.relations.filter(r, r.access == "write").size() == 1', true],
    ['command.relations.exists_one(r, r.access == "write")', true],
    ['command.relations.all(r, r.schema == "public")', true],
  ];
  test.each(cases)('%s', (when, holds) => {
    const parameters = [null, 'x'].map((value) => ({ type: null, value, bytes: 0 }));
    expect(verdictOf(when, { sql: meaning, command: { parameters } })).toBe(holds ? 'block' : 'allow');
  });

  test('Sunday is 7, and time is universal', () => {
    expect(verdictOf('now.weekday == 7 && now.hour == 23', { nowMs: Date.parse('2026-03-08T23:30:00Z') })).toBe(
      'block',
    );
  });

  test('a row estimate, where there is one', () => {
    const unrestricted = analysis({ ...meaning.statements[0]!, effects: ['update'] });
    expect(verdictOf('command.rowEstimate >= 500', { sql: unrestricted })).toBe('block');
    expect(verdictOf('command.rowEstimate > 500', { sql: unrestricted })).toBe('allow');
    expect(verdictOf('command.rowEstimate > 500', { sql: unrestricted, rowEstimate: 501 })).toBe('block');
    const unknown = analysis({ ...meaning.statements[0]!, rowEstimate: null });
    expect(verdictOf('command.rowEstimate > 500', { sql: unknown })).toBe('block');
    expect(verdictOf('has(command.rowEstimate) && command.rowEstimate > 500', { sql: unknown })).toBe('allow');
  });

  test('labels and client facts are theirs alone', () => {
    const odd = resource('odd', JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>);
    expect(verdictOf('resource.labels.constructor == "y"', { resource: odd })).toBe('block');
    expect(verdictOf('has(resource.labels.toString)', { resource: odd })).toBe('allow');
  });
});

describe('what is unknown is never false', () => {
  const open = (...unknown: ('triggers' | 'relation-ambiguous' | 'operator-native')[]): RequestParts => ({
    sql: analysis(statement({ effects: ['insert'], relations: [relation('write public.t')], unknown })),
  });

  test('an expression that is false only by what is known counts as matching', () => {
    const when = 'command.relations.exists(r, r.name == "payments")';
    expect(verdictOf(when, open())).toBe('allow');
    expect(verdictOf(when, open('triggers'))).toBe('block');
    expect(verdictOf(when, open('relation-ambiguous'))).toBe('block');
    expect(verdictOf(when, open('operator-native'))).toBe('allow');
    expect(verdictOf('"drop" in command.effects', open('relation-ambiguous'))).toBe('allow');
  });

  test('unless what is known decides alone', () => {
    expect(verdictOf('now.hour > 22 && "drop" in command.effects', open('triggers'))).toBe('allow');
    expect(verdictOf('"drop" in command.effects && now.hour > 22', open('triggers'))).toBe('allow');
    expect(verdictOf('now.hour == 5 || "drop" in command.effects', open('triggers'))).toBe('block');
    expect(verdictOf('command.statements == ["drop"]', open('triggers'))).toBe('allow');
    expect(verdictOf('session.commands > 10', open('triggers'))).toBe('allow');
  });

  test('columns that are not certain, and volatility that is not known', () => {
    const sql = meaning;
    expect(verdictOf('command.relations.exists(r, r.name == "customers" && "ssn" in r.columns)', { sql })).toBe(
      'block',
    );
    expect(verdictOf('command.functions.exists(f, f.name == "f" && f.volatility == "volatile")', { sql })).toBe(
      'block',
    );
  });

  test('an allow never rests on it', () => {
    const compiled = compileGuardrails([rule('r', 'allow', { when: '"drop" in command.effects' })], { ledger: null });
    expect(compiled.explain(request(open('triggers'))).rules[0]!.finding).toBe('perhaps');
    expect(compiled.judge(request(open('triggers'))).verdict).toMatchObject({ name: 'allow', rule: 'access' });
  });

  test('explain tells what failed', () => {
    const compiled = compileGuardrails([rule('r', 'block', { when: 'resource.labels.team == "x"' })], { ledger: null });
    const [trace] = compiled.explain(request()).rules;
    expect(trace!.conditions[0]!.because).toContain('counts as matching: "No such key: team"');
  });
});

describe('limits: the limit is seen, one past counts as unknown', () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `x${index}`);

  test('relations', () => {
    const of = (count: number): RequestParts => ({
      sql: analysis(statement({ relations: many(count).map((name) => relation(`read public.${name}`)) })),
    });
    expect(verdictOf('command.relations.exists(r, r.name == "y")', of(limits.whenListEntriesMax))).toBe('allow');
    expect(verdictOf('command.relations.exists(r, r.name == "y")', of(limits.whenListEntriesMax + 1))).toBe('block');
  });

  test('groups', () => {
    const of = (count: number): RequestParts => ({ principal: principal('anna', many(count)) });
    expect(verdictOf('"y" in principal.groups', of(limits.whenListEntriesMax))).toBe('allow');
    expect(verdictOf('"y" in principal.groups', of(limits.whenListEntriesMax + 1))).toBe('block');
  });

  test('text', () => {
    const of = (count: number): RequestParts => ({ text: 'x'.repeat(count) });
    expect(verdictOf('command.text.contains("y")', of(limits.judgedTextMax))).toBe('allow');
    expect(verdictOf('command.text.contains("y")', of(limits.judgedTextMax + 1))).toBe('block');
  });
});
