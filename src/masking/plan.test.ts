/** Plans from lineage (A-PG-22): which columns are masked how, what is blocked, and what is withheld. */
import { describe, expect, it } from 'vitest';
import type { Analysis, SinkKind, Steering } from '../core/sql.ts';
import { maskEverything, mergePlans } from './merge.ts';
import { analysis, apply, cell, column, hashKey, maskSet, origin, statement, use } from './testing.ts';

const ssn = 'public.customers.ssn';

function hows(set: ReturnType<typeof maskSet>, meaning: Analysis): (string | null)[] {
  const masks = set.plan(meaning).output?.results[0]?.columns;
  return (masks ?? []).map((mask) => mask?.how ?? null);
}

describe('columns', () => {
  const set = maskSet({ columns: [ssn], with: { partial: { last: 4 } } });

  it('gives a direct column the mask’s method and leaves others alone', () => {
    const meaning = analysis(statement({ columns: [column('id', ['public.customers.id']), column('x', [ssn])] }));
    expect(hows(set, meaning)).toEqual([null, 'partial']);
    expect(set.plan(meaning).trace.map(({ because }) => because)).toEqual([
      'the column x is public.customers.ssn and is masked (partial)',
    ]);
  });

  it('redacts whatever is computed from a masked column, whatever its method (A-PG-22)', () => {
    const derived = column('reverse', [ssn], { direct: false });
    const joined = column('all', ['public.customers.id', ssn]);
    expect(hows(set, analysis(statement({ columns: [derived, joined] })))).toEqual(['redact', 'redact']);
    const hashed = maskSet({ columns: [ssn], with: 'hash' });
    expect(hows(hashed, analysis(statement({ columns: [derived] })))).toEqual(['redact']);
    const nulled = maskSet({ columns: [ssn], with: 'null' });
    expect(hows(nulled, analysis(statement({ columns: [derived, column('s', [ssn])] })))).toEqual(['redact', 'null']);
  });

  it('compares names without regard to case, with stars within one name', () => {
    for (const pattern of ['PUBLIC.Customers.SSN', '*.*.ssn', 'pub*.*tom*.s*n', '"public".customers."ssn"', '*.*.*']) {
      expect(maskSet({ columns: [pattern] }).column('public', 'customers', 'ssn')?.how, pattern).toBe('redact');
    }
    for (const pattern of [
      'public.customers.ss',
      '*.customer.ssn',
      'p*x.customers.ssn',
      '"*".customers.ssn',
      '*.*.ssn?',
    ]) {
      expect(maskSet({ columns: [pattern] }).column('public', 'customers', 'ssn'), pattern).toBeNull();
    }
  });

  it('lets the strictest of several masks count, and the first by name of equals', () => {
    const both = maskSet(
      { columns: [ssn], with: { partial: { last: 4 } } },
      { columns: ['*.*.ssn'], with: 'hash' },
      { columns: ['public.*.*'], with: 'null' },
      { columns: ['*.customers.*'], with: 'redact' },
    );
    expect(both.column('public', 'customers', 'ssn')).toMatchObject({ how: 'null', rule: 'c' });
    const equal = maskSet(
      { columns: [ssn], with: 'format-preserving' },
      { columns: [ssn], with: { partial: { first: 1 } } },
    );
    expect(equal.column('public', 'customers', 'ssn')).toMatchObject({ rule: 'a' });
    const mixed = analysis(statement({ columns: [column('x', ['public.customers.name', ssn], { direct: false })] }));
    expect(both.plan(mixed).output?.results[0]?.columns[0]).toMatchObject({ how: 'redact', rule: 'c' });
  });

  it('has nothing for a statement without rows, and redacts rows that nobody expected', () => {
    const { output } = set.plan(analysis(statement({}, { kind: 'begin', effects: ['transaction'] })));
    expect(output?.results).toEqual([null]);
    expect(output?.otherwise).toMatchObject({ how: 'redact', rule: 'a' });
  });

  it('runs detectors over the columns that are not masked', () => {
    const mixed = maskSet({ columns: [ssn] }, { detect: ['email'] });
    const meaning = analysis(statement({ columns: [column('n', ['public.customers.note']), column('s', [ssn])] }));
    expect(hows(mixed, meaning)).toEqual(['detect', 'redact']);
    expect(mixed.plan(meaning).output?.text).toMatchObject({ how: 'detect', rule: 'b' });
  });

  it('keeps one plan per analysis', () => {
    const meaning = analysis(statement({ columns: [column('s', [ssn])] }));
    expect(set.plan(meaning)).toBe(set.plan(meaning));
    expect(set.plan(null)).toBe(set.plan(null));
  });
});

describe('what could not be followed', () => {
  const unresolvedColumn = column('x', [], { direct: false, unresolved: 'function f' });
  const cases: readonly (readonly [string, Analysis | null])[] = [
    ['no meaning', null],
    ['a statement', analysis(statement({ columns: [column('id', ['public.other.id'])], unresolved: 'function f' }))],
    ['a column', analysis(statement({ columns: [unresolvedColumn] }))],
  ];

  it.each(cases)('is masked whole: %s', (_name, meaning) => {
    const { blocked, output } = maskSet({ columns: [ssn], with: { partial: { last: 4 } } }).plan(meaning);
    expect(blocked).toBeNull();
    expect(output?.messages).toBe('withhold');
    expect(output?.otherwise.how).toBe('redact');
    for (const masks of output?.results ?? [])
      for (const mask of masks?.columns ?? []) expect(mask?.how).toBe('redact');
  });

  it.each(cases)('is blocked where one mask says so: %s', (_name, meaning) => {
    const outcome = maskSet({ columns: ['*.*.a'] }, { columns: [ssn], unresolved: 'block' }).plan(meaning);
    expect(outcome.output).toBeNull();
    expect(outcome.blocked?.rule).toBe('b');
    expect(outcome.blocked?.reason).toMatch(/could not be followed|nothing is known/);
    expect(outcome.blocked?.reason).toMatch(/Name the tables and columns directly/);
  });

  it.each(cases)('does not matter where masks only detect: %s', (_name, meaning) => {
    const { output } = maskSet({ detect: ['email'] }).plan(meaning);
    expect(output?.messages).toBe('pass');
    expect(output?.otherwise.how).toBe('detect');
    for (const masks of output?.results ?? [])
      for (const mask of masks?.columns ?? []) expect(mask?.how).toBe('detect');
  });

  it('a text that was not understood is blocked: it may copy what it likes (A-PG-22)', () => {
    const text = { ...analysis(), understood: false };
    expect(maskSet({ columns: [ssn] }).plan(text)).toMatchObject({ output: null, blocked: { rule: 'a' } });
    expect(maskSet({ detect: ['email'] }).plan(text).blocked).toBeNull();
  });

  it('is blocked where it stores what it read (A-PG-22)', () => {
    const set = maskSet({ columns: [ssn] });
    const copy = statement({ unresolved: 'function f' }, { kind: 'insert', effects: ['insert', 'read', 'unknown'] });
    expect(set.plan(analysis(copy)).blocked).toMatchObject({
      rule: 'a',
      reason: expect.stringMatching(/may be copied/),
    });
    for (const kind of ['do', 'execute', 'unknown'] as const) {
      const opaque = statement({}, { kind, effects: ['unknown'] });
      expect(set.plan({ ...analysis(opaque), understood: false }).blocked?.rule, kind).toBe('a');
      expect(set.plan(analysis({ ...opaque, lineage: { ...opaque.lineage, unresolved: 'x' } })).blocked?.rule).toBe(
        'a',
      );
      expect(set.plan(analysis(opaque)).blocked, 'a prepared statement that is known').toBeNull();
    }
    const plain = statement({ unresolved: 'a trigger' }, { kind: 'insert', effects: ['insert'] });
    expect(set.plan(analysis(plain)).blocked).toBeNull();
    expect(maskSet({ detect: ['email'] }).plan(analysis(copy)).blocked).toBeNull();
  });

  it('is withheld or blocked where code runs that was not read', () => {
    const trigger = statement({ unread: 'a trigger' }, { kind: 'insert', effects: ['insert', 'unknown'] });
    const meaning = analysis(trigger);
    expect(maskSet({ columns: [ssn] }).plan(meaning)).toMatchObject({
      blocked: null,
      output: { messages: 'withhold' },
    });
    const { blocked } = maskSet({ columns: [ssn], unresolved: 'block' }).plan(meaning);
    expect(blocked?.reason).toMatch(/code that was not read: a trigger/);
    expect(maskSet({ detect: ['email'] }).plan(meaning)).toMatchObject({ blocked: null, output: { messages: 'pass' } });
  });

  it('masks a column by the name of a view or parent that it also has', () => {
    const origins = ['public.base.s', 'public.people.ssn'];
    const meaning = analysis(statement({ columns: [column('ssn', origins, { direct: true })] }));
    expect(hows(maskSet({ columns: ['public.people.ssn'], with: 'hash' }), meaning)).toEqual(['hash']);
  });

  it('lets an empty text pass', () => {
    const outcome = maskSet({ columns: [ssn], unresolved: 'block' }).plan(analysis());
    expect(outcome.blocked).toBeNull();
    expect(outcome.output?.otherwise.how).toBe('redact');
  });
});

describe('steering and flows', () => {
  const ways: readonly Steering[] = [
    'where',
    'join',
    'group',
    'having',
    'order',
    'distinct',
    'window',
    'set-operation',
    'limit',
  ];

  it.each(ways)('blocks a masked column that steers by %s', (how) => {
    const meaning = analysis(statement({ columns: [], steering: [{ origin: origin(ssn), how }] }));
    const { blocked } = maskSet({ columns: [ssn] }).plan(meaning);
    expect(blocked?.rule).toBe('a');
    expect(blocked?.reason).toMatch(
      /^public\.customers\.ssn is masked and is used in .+ Select the column without using it there/,
    );
    expect(maskSet({ columns: [ssn], predicates: 'allow' }).plan(meaning).blocked).toBeNull();
    expect(maskSet({ columns: ['public.customers.name'] }).plan(meaning).blocked).toBeNull();
    const one = maskSet({ columns: [ssn], predicates: 'allow' }, { columns: ['*.*.ssn'] }).plan(meaning);
    expect(one.blocked?.rule).toBe('b');
  });

  const sinks: readonly SinkKind[] = [
    'relation',
    'setting',
    'notification',
    'file',
    'large-object',
    'function',
    'message',
  ];

  it.each(sinks)('blocks a masked column that would flow into a %s', (into) => {
    const meaning = analysis(statement({ flows: [{ origin: origin(ssn), into, target: 'x' }] }, { kind: 'insert' }));
    const { blocked } = maskSet({ columns: [ssn], predicates: 'allow' }).plan(meaning);
    expect(blocked?.rule).toBe('a');
    expect(blocked?.reason).toMatch(/would be written into .*x, where no mask would follow it/);
    expect(maskSet({ columns: ['a.b.c'] }).plan(meaning).blocked).toBeNull();
  });

  it('blocks the whole text for its second statement', () => {
    const meaning = analysis(
      statement({ columns: [] }),
      statement({ steering: [{ origin: origin(ssn), how: 'where' }] }),
    );
    expect(maskSet({ columns: [ssn] }).plan(meaning).trace).toMatchObject([{ statement: 1, what: 'steering' }]);
    expect(maskSet({ columns: [ssn] }).plan(meaning).blocked).not.toBeNull();
  });
});

describe('messages (A-PG-23)', () => {
  const set = maskSet({ columns: [ssn] });
  const messages = (relation: ReturnType<typeof use>, masks = set): string | undefined =>
    masks.plan(analysis(statement({ columns: [] }, { relations: [relation] }))).output?.messages;

  it('are withheld where masked columns may be touched', () => {
    expect(messages(use('public.customers'))).toBe('withhold');
    expect(messages(use('public.customers', 'read', ['id', 'ssn']))).toBe('withhold');
    // The detail of a failed write quotes the whole row.
    expect(messages(use('public.customers', 'write', ['id']))).toBe('withhold');
    expect(messages({ ...use('x.customers'), candidates: [] })).toBe('withhold');
  });

  it('pass elsewhere', () => {
    expect(messages(use('public.customers', 'read', ['id']))).toBe('pass');
    expect(messages(use('public.orders', 'write'))).toBe('pass');
    expect(messages(use('other.customers'))).toBe('pass');
    expect(messages(use('public.customers'), maskSet({ detect: ['email'] }))).toBe('pass');
  });
});

describe('merging', () => {
  const meaning = analysis(statement({ columns: [column('n', ['public.customers.note']), column('s', [ssn])] }));

  it('lets a guardrail mask everything', () => {
    const plan = maskEverything('no-output', 'redact', hashKey);
    expect(plan).toMatchObject({ results: [], messages: 'withhold', text: null });
    expect(apply(plan.otherwise, 'anything')).toBe('[redacted]');
    expect(plan.column('a', 'b', 'c')?.rule).toBe('no-output');
  });

  it('takes the stricter mask of each column', () => {
    const masks = maskSet({ columns: [ssn], with: 'null' }, { detect: ['email'] }).plan(meaning).output!;
    const hashed = maskEverything('guard', 'hash', hashKey);
    for (const merged of [mergePlans(masks, hashed), mergePlans(hashed, masks)]) {
      expect(merged.results[0]?.columns.map((mask) => [mask?.rule, mask?.how])).toEqual([
        ['guard', 'hash'],
        ['a', 'null'],
      ]);
      expect(merged.messages).toBe('withhold');
      expect(merged.otherwise.how).toBe('redact');
      expect(merged.column('public', 'customers', 'ssn')?.how).toBe('null');
      expect(merged.column('x', 'y', 'z')?.how).toBe('hash');
    }
  });

  it('runs both detectors where both only detect', () => {
    const emails = maskSet({ detect: ['email'] }).plan(meaning).output!;
    const cards = maskSet({ detect: ['credit_card'] }).plan(meaning).output!;
    const both = mergePlans(emails, cards).results[0]!.columns[0]!;
    expect(apply(both, 'a@example.com 4111111111111111')).toBe('[redacted] [redacted]');
    const value = Buffer.from('nothing');
    expect(both.apply(value, cell())).toBe(value);
  });

  it('covers a statement that one plan does not know by that plan’s otherwise', () => {
    const known = maskSet({ columns: ['a.b.c'] }).plan(meaning).output!;
    const unknown = maskSet({ columns: ['a.b.c'] }).plan(null).output!;
    expect(mergePlans(known, unknown).results[0]?.columns.map((mask) => mask?.how)).toEqual(['redact', 'redact']);
  });
});
