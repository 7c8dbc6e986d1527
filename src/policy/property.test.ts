/** What holds of any set of rules and any command. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GuardrailMatch, GuardrailSpec, RuleObject } from '../core/rules.ts';
import type { Analysis, StatementAnalysis } from '../core/sql.ts';
import type { SqlEffect, UnknownReason } from '../core/sql-effects.ts';
import { type VerdictName, verdictOrder } from '../core/verdict.ts';
import { both, either, no, opaque, perhaps, yes } from './finding.ts';
import { compileName } from './glob.ts';
import { compileGuardrails, type GuardrailJudgement, type GuardrailRequest } from './index.ts';
import { analysis, call, principal, relation, request, resource, statement, unparsed } from './testing.ts';

const effects: readonly SqlEffect[] = ['read', 'insert', 'drop', 'delete'];
const names = ['public.a', 'public.b', 'other.a'];
const unknowns: readonly UnknownReason[] = [
  'triggers',
  'no-catalog',
  'relation-ambiguous',
  'operator-native',
  'dynamic-code',
];
const some = <T>(values: readonly T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
/** Without the fields that are undefined: they are not given. */
const defined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

const sqlSelector = fc
  .record({
    effects: maybe(some(effects)),
    statements: maybe(some(['select', 'drop', 'do'] as const)),
    relations: maybe(some([...names, 'a', '*.b'])),
    access: maybe(fc.constantFrom('read' as const, 'write' as const)),
    functions: maybe(some(['f', 'g'])),
    incomplete: maybe(fc.boolean()),
    uncertain: maybe(fc.constantFrom('match' as const, 'ignore' as const)),
  })
  .map(defined)
  .filter((selector) => Object.keys(selector).some((key) => key !== 'uncertain'));

const match = fc
  .record({
    resources: maybe(fc.record({ labels: fc.constantFrom({ env: 'prod' }, { env: 'dev' }) })),
    principals: maybe(fc.record({ groups: some(['x', 'y']) })),
    commands: maybe(
      fc
        .record({
          sql: maybe(sqlSelector),
          verbs: maybe(some(['query', 'prepare'])),
          text: maybe(some(['evil', 'good'])),
        })
        .map(defined)
        .filter((commands) => Object.keys(commands).length > 0),
    ),
    when: maybe(
      fc.constantFrom(
        '"drop" in command.effects',
        'command.relations.exists(r, r.name == "b")',
        'resource.labels.team == "a"',
        'now.hour < 7 && command.complete',
        'session.commands > 2',
      ),
    ),
  })
  .map((fields) => defined(fields) as GuardrailMatch);

const reviewers = fc.record({ groups: some(['dba', 'lead', 'boss']) });
const body: fc.Arbitrary<GuardrailSpec> = fc
  .record({
    match,
    verdict: fc.constantFrom(...verdictOrder, 'alert' as const),
    groups: reviewers,
    approvals: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ groups, approvals, ...spec }) =>
    spec.verdict === 'hold' ? { ...spec, review: { reviewers: groups, approvals } } : spec,
  );
const limited: fc.Arbitrary<GuardrailSpec> = match.map((m) => ({
  match: m,
  verdict: 'block',
  limits: { statement: { rows: 1 } },
}));
const rules: fc.Arbitrary<RuleObject<GuardrailSpec>[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    spec: fc.oneof({ weight: 5, arbitrary: body }, limited),
  }),
  { selector: ({ name }) => name },
);

const statements: fc.Arbitrary<StatementAnalysis> = fc
  .record({
    kind: fc.constantFrom('select' as const, 'drop' as const, 'do' as const),
    effects: fc.uniqueArray(fc.constantFrom(...effects)),
    relations: fc.array(
      fc
        .tuple(fc.constantFrom('read', 'write'), fc.constantFrom(...names, 'a'))
        .map((parts) => relation(parts.join(' '))),
      { maxLength: 2 },
    ),
    functions: fc.array(fc.constantFrom(call('f'), call('g', { builtIn: 'no', volatility: null })), { maxLength: 1 }),
    unknown: fc.uniqueArray(fc.constantFrom(...unknowns), { maxLength: 2 }),
  })
  .map(statement);
const meaning: fc.Arbitrary<Analysis | null> = fc.oneof(
  { weight: 6, arbitrary: fc.array(statements, { maxLength: 3 }).map((all) => analysis(...all)) },
  { weight: 1, arbitrary: fc.constant(unparsed()) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const requests: fc.Arbitrary<GuardrailRequest> = fc
  .record({
    sql: meaning,
    text: fc.constantFrom('evil', 'good', ''),
    verb: fc.constantFrom('query', 'prepare', 'bind'),
    principal: fc.constantFrom(principal('p', ['x']), principal('q', ['y', 'z'])),
    resource: fc.constantFrom(resource('r', { env: 'prod', team: 'a' }), resource('s', { env: 'dev' })),
  })
  .map(request);

const judge = (all: readonly RuleObject<GuardrailSpec>[], of: GuardrailRequest): GuardrailJudgement =>
  compileGuardrails(all, { ledger: null }).judge(of);
const rank = (name: VerdictName): number => verdictOrder.indexOf(name);
const plain = (judged: GuardrailJudgement): unknown => JSON.parse(JSON.stringify(judged));

describe('any rules, any command', () => {
  test('another rule never makes a judgement less restrictive', () => {
    fc.assert(
      fc.property(rules, body, requests, (all, more, of) => {
        const before = judge(all, of);
        const after = judge([...all, { name: 'zz', spec: more }], of);
        expect(rank(after.verdict.name)).toBeGreaterThanOrEqual(rank(before.verdict.name));
        expect(after.alerts.length).toBeGreaterThanOrEqual(before.alerts.length);
        expect(after.limits.length).toBeGreaterThanOrEqual(before.limits.length);
        expect(after.maskAll === null && before.maskAll !== null).toBe(false);
        if (after.hold === null || before.hold === null) return;
        expect(after.hold.approvals).toBeGreaterThanOrEqual(before.hold.approvals);
        expect(before.hold.reviewers.groups).toEqual(expect.arrayContaining([...after.hold.reviewers.groups]));
      }),
      { numRuns: 3000 },
    );
  });

  test('the order of rules is irrelevant, and asking twice changes nothing', () => {
    fc.assert(
      fc.property(rules, requests, (all, of) => {
        const compiled = compileGuardrails(all, { ledger: null });
        const first = compiled.judge(of);
        expect(plain(compiled.judge(of))).toEqual(plain(first));
        expect(plain(judge([...all].reverse(), of))).toEqual(plain(first));
      }),
      { numRuns: 1500 },
    );
  });

  test('a hold has terms, and nothing else has', () => {
    fc.assert(
      fc.property(rules, requests, (all, of) => {
        const { verdict, hold, maskAll } = judge(all, of);
        expect(hold !== null).toBe(verdict.name === 'hold');
        if (verdict.name === 'mask') expect(maskAll).not.toBeNull();
        if (of.command.verb === 'prepare') expect(['allow', 'block', 'terminate']).toContain(verdict.name);
      }),
      { numRuns: 1500 },
    );
  });

  test('less knowledge never makes it less restrictive', () => {
    fc.assert(
      fc.property(rules, statements, fc.constantFrom('verb', 'unknown'), requests, (all, one, how, of) => {
        const hasIncomplete = all.some(({ spec }) => spec.match.commands?.sql?.incomplete !== undefined);
        const ignores = all.some(({ spec }) => spec.match.commands?.sql?.uncertain === 'ignore');
        const onComplete = all.some(({ spec }) => spec.match.when?.includes('complete') === true);
        fc.pre(!hasIncomplete && !ignores && !onComplete);
        const less: StatementAnalysis = {
          ...one,
          effects: [...new Set([...one.effects, 'unknown' as const])],
          complete: false,
          reasons: [...one.reasons, { code: how === 'verb' ? 'function-unread' : 'triggers', about: '' }],
        };
        const put = (sql: Analysis): GuardrailRequest => ({
          ...of,
          command: { ...of.command, meaning: { language: 'sql', sql } },
        });
        const known = rank(judge(all, put(analysis(one))).verdict.name);
        expect(rank(judge(all, put(analysis(less))).verdict.name)).toBeGreaterThanOrEqual(known);
      }),
      { numRuns: 2000 },
    );
  });

  test('explain agrees with judge', () => {
    fc.assert(
      fc.property(rules, requests, (all, of) => {
        const compiled = compileGuardrails(all, { ledger: null });
        const { judgement, rules: traces } = compiled.explain(of);
        expect(plain(judgement)).toEqual(plain(compiled.judge(of)));
        const { verdict } = judgement;
        const decided = traces.filter((trace) => trace.decided);
        if (verdict.rule === 'access') expect(decided).toEqual([]);
        else expect(decided.map(({ name, finding }) => [name, finding === 'no'])).toEqual([[verdict.rule, false]]);
        for (const { finding, conditions } of traces) {
          if (finding === 'no') expect(conditions.some(({ holds }) => !holds)).toBe(true);
          if (finding === 'yes') expect(conditions.every(({ finding: each }) => each === 'yes')).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

test('findings: joined in any order, and unknown never turns into no', () => {
  const all = [no, yes, perhaps, opaque, yes | opaque, perhaps | opaque];
  for (const a of all) {
    expect(both(a, yes)).toBe(a);
    expect(either(a, no)).toBe(a);
    for (const b of all) {
      expect(both(a, b)).toBe(both(b, a));
      expect(either(a, b)).toBe(either(b, a));
      expect(both(a, b) === no).toBe(a === no || b === no);
      expect(either(a, b) === no).toBe(a === no && b === no);
    }
  }
});

test('wildcards agree with a regular expression', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b', 'A'), maxLength: 8 }), (pattern, name) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 'i').test(name);
      expect(compileName(pattern)(name.toLowerCase())).toBe(expected);
    }),
    { numRuns: 3000 },
  );
});
