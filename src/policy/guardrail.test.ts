import { describe, expect, test } from 'vitest';
import type { GuardrailMatch, GuardrailSpec, RuleObject } from '../core/rules.ts';
import type { Analysis } from '../core/sql.ts';
import type { VerdictName } from '../core/verdict.ts';
import { type CompiledGuardrails, compileGuardrails, type GuardrailJudgement } from './index.ts';
import {
  analysis,
  anna,
  call,
  orders,
  principal,
  type RequestParts,
  relation,
  request,
  resource,
  rule,
  sql,
  statement,
  unparsed,
} from './testing.ts';

const compile = (...rules: RuleObject<GuardrailSpec>[]): CompiledGuardrails =>
  compileGuardrails(rules, { ledger: null });
const judge = (rules: RuleObject<GuardrailSpec>[], parts: RequestParts = {}): GuardrailJudgement =>
  compile(...rules).judge(request(parts));
const verdictOf = (match: GuardrailMatch, parts: RequestParts = {}): VerdictName =>
  judge([rule('r', 'block', match)], parts).verdict.name;

describe('A-POL-01: what happens without a rule, or without a usable one', () => {
  test('no rule: Access stands, and nothing more', () => {
    expect(judge([])).toEqual({
      verdict: {
        name: 'allow',
        rule: 'access',
        reason: 'Access to the resource allows it; no guardrail restricts it.',
      },
      hold: null,
      limits: [],
      alerts: [],
      maskAll: null,
    });
    expect(judge([rule('r', 'block', { resources: { names: ['other'] } })]).verdict.rule).toBe('access');
  });

  test('an unusable rule: nothing is compiled, the others neither', () => {
    const broken = rule('b', 'block', { commands: {} });
    expect(() => compile(rule('a', 'block'), broken)).toThrow('policy.malformed-guardrail');
    expect(() => compile(rule('a', 'block', { principals: { groups: [] } }))).toThrow('list is empty');
  });

  test('a judge that fails throws, which ends the session; it never allows', () => {
    const compiled = compile(rule('r', 'block', sql({ effects: ['drop'] })));
    const failing = { ...analysis() };
    Object.defineProperty(failing, 'statements', {
      get: () => {
        throw new Error('broken');
      },
    });
    expect(() => compiled.judge(request({ sql: failing }))).toThrow('broken');
    expect(() => compiled.judge(request({ sql: failing }))).toThrow('broken');
  });

  test('a condition that fails counts as matching', () => {
    expect(verdictOf({ when: 'resource.labels.missing == "x"' })).toBe('block');
    expect(judge([rule('r', 'allow', { when: 'resource.labels.missing == "x"' })]).verdict.rule).toBe('access');
  });
});

describe('whom and what a rule concerns', () => {
  const cases: [string, GuardrailMatch, boolean][] = [
    ['nothing given', {}, true],
    ['the name', { principals: { names: ['anna'] } }, true],
    ['another name', { principals: { names: ['bert'] } }, false],
    ['a group', { principals: { groups: ['x', 'engineering'] } }, true],
    ['another group', { principals: { groups: ['dba'] } }, false],
    ['the kind', { principals: { kinds: ['person'] } }, true],
    ['another kind', { principals: { kinds: ['service', 'agent'] } }, false],
    ['any agent', { principals: { agents: true } }, false],
    ['an agent by name', { principals: { agents: ['claude-1'] } }, false],
    ['left out by name', { principals: { except: { names: ['anna'] } } }, false],
    ['left out by group', { principals: { groups: ['engineering'], except: { groups: ['engineering'] } } }, false],
    ['others left out', { principals: { except: { groups: ['dba'], names: ['bert'] } } }, true],
    ['the resource', { resources: { names: ['orders'] } }, true],
    ['every resource', { resources: { names: ['*'] } }, true],
    ['labels', { resources: { labels: { env: 'prod' } } }, true],
    ['another label', { resources: { labels: { env: 'prod', team: 'a' } } }, false],
    ['a label of the prototype', { resources: { labels: { constructor: 'x' } } }, false],
    ['the protocol', { resources: { protocols: ['postgres'] } }, true],
    ['another protocol', { resources: { protocols: ['mysql'] } }, false],
    ['one of several missing', { resources: { names: ['orders'] }, principals: { groups: ['dba'] } }, false],
  ];
  test.each(cases)('%s', (_name, match, matches) => {
    expect(verdictOf(match)).toBe(matches ? 'block' : 'allow');
  });
});

describe('what a statement means', () => {
  const drop = statement({ kind: 'drop', effects: ['drop'], relations: [relation('write public.orders')] });
  const read = statement({
    relations: [relation('read public.customers', ['id', 'email'])],
    functions: [call('lower')],
  });
  const mixed = analysis(read, drop);
  const cases: [string, GuardrailMatch, Analysis, boolean][] = [
    ['an effect', sql({ effects: ['truncate', 'drop'] }), mixed, true],
    ['another effect', sql({ effects: ['truncate'] }), mixed, false],
    ['a kind', sql({ statements: ['drop'] }), mixed, true],
    ['another kind', sql({ statements: ['insert'] }), mixed, false],
    ['a relation', sql({ relations: ['public.customers'] }), mixed, true],
    ['a relation without schema', sql({ relations: ['customers'] }), mixed, true],
    ['a relation in another case', sql({ relations: ['Public.CUSTOMERS'] }), mixed, true],
    ['a relation of another schema', sql({ relations: ['private.customers'] }), mixed, false],
    ['wildcards', sql({ relations: ['p*c.*tom*'] }), mixed, true],
    ['wildcards that do not fit', sql({ relations: ['*.customersx*', '*omersc*'] }), mixed, false],
    ['overlapping wildcards', sql({ relations: ['customers*customers'] }), mixed, false],
    ['read access', sql({ relations: ['customers'], access: 'read' }), mixed, true],
    ['write access', sql({ relations: ['customers'], access: 'write' }), mixed, false],
    ['any write', sql({ access: 'write' }), mixed, true],
    ['any write, when there is none', sql({ access: 'write' }), analysis(read), false],
    ['a function', sql({ functions: ['lower'] }), mixed, true],
    ['a function with schema', sql({ functions: ['pg_catalog.low*'] }), mixed, true],
    ['a function of another schema', sql({ functions: ['public.lower'] }), mixed, false],
    ['all of one statement', sql({ effects: ['drop'], relations: ['orders'] }), mixed, true],
    ['not all of one statement', sql({ effects: ['drop'], relations: ['customers'] }), mixed, false],
    ['incomplete', sql({ incomplete: true }), analysis(statement({ unknown: ['no-catalog'] })), true],
    ['not incomplete', sql({ incomplete: true }), mixed, false],
    ['complete', sql({ incomplete: false }), mixed, true],
    ['no statement at all', sql({ effects: ['read'] }), analysis(), false],
  ];
  test.each(cases)('%s', (_name, match, meaning, matches) => {
    expect(verdictOf(match, { sql: meaning })).toBe(matches ? 'block' : 'allow');
  });

  test('every candidate of an ambiguous name counts', () => {
    const candidates = ['a', 'b'].map((schema) => ({ schema, name: 't', oid: 1, kind: 'r' }));
    const ambiguous = analysis(statement({ relations: [{ ...relation('read t'), candidates }] }));
    expect(verdictOf(sql({ relations: ['b.t'] }), { sql: ambiguous })).toBe('block');
    expect(verdictOf(sql({ relations: ['c.t'] }), { sql: ambiguous })).toBe('allow');
  });

  test('verbs, text and patterns', () => {
    const text = 'SELECT *\nFROM Salaries';
    expect(verdictOf({ commands: { verbs: ['query'] } })).toBe('block');
    expect(verdictOf({ commands: { verbs: ['execute'] } })).toBe('allow');
    expect(verdictOf({ commands: { text: ['x', 'from SALARIES'] } }, { text })).toBe('block');
    expect(verdictOf({ commands: { text: ['payroll'] } }, { text })).toBe('allow');
    expect(verdictOf({ commands: { pattern: 'SELECT.*Salaries$' } }, { text })).toBe('block');
    expect(verdictOf({ commands: { pattern: 'select' } }, { text })).toBe('allow');
    expect(verdictOf({ commands: { pattern: '(?i)select' } }, { text })).toBe('block');
    expect(verdictOf({ commands: { verbs: ['query'], text: ['payroll'] } }, { text })).toBe('allow');
  });

  test('a text beyond what patterns run over counts as matching', () => {
    const match = { commands: { pattern: 'never' } };
    expect(verdictOf(match, { text: 'x'.repeat(64 * 1024) })).toBe('allow');
    expect(verdictOf(match, { text: 'x'.repeat(64 * 1024 + 1) })).toBe('block');
  });

  test('a row estimate', () => {
    const match = sql({ effects: ['update'], rowsMin: 100 });
    const where = (is: 'missing' | 'restricts', rows: number | null, ...effects: 'insert'[]): Analysis =>
      analysis(
        statement({
          kind: 'update',
          effects: ['update', ...effects],
          relations: [relation('write public.t')],
          conditions: [{ relation: 't', action: 'update', where: is }],
          rowEstimate: rows,
        }),
      );
    expect(verdictOf(match, { sql: where('missing', 100) })).toBe('block');
    expect(verdictOf(match, { sql: where('missing', 99) })).toBe('allow');
    // Unknown counts as reached, unless the rule ignores it or the planner was asked.
    expect(verdictOf(match, { sql: where('missing', 99, 'insert') })).toBe('block');
    expect(verdictOf(match, { sql: where('restricts', null) })).toBe('block');
    expect(verdictOf(match, { sql: where('restricts', null), rowEstimate: 99 })).toBe('allow');
    expect(verdictOf(match, { sql: where('restricts', null), rowEstimate: 100 })).toBe('block');
    const sure = sql({ effects: ['update'], rowsMin: 100, uncertain: 'ignore' });
    expect(verdictOf(sure, { sql: where('restricts', null) })).toBe('allow');
    expect(verdictOf(sure, { sql: where('missing', 100) })).toBe('block');
    expect(verdictOf(sql({ rowsMin: 1 }), { sql: analysis(statement({ kind: 'show' })) })).toBe('allow');
  });
});

describe('false positives that make operators widen rules (sql.md)', () => {
  const destructive = sql({ effects: ['drop', 'truncate', 'delete-all', 'update-all'] });
  const cases: [string, string, Analysis][] = [
    ['EXPLAIN without ANALYZE', 'explain delete from t', analysis(statement({ kind: 'explain', effects: ['read'] }))],
    ['words in a literal', "select 'drop table t'", analysis(statement())],
    ['a body at definition time', 'create function …', analysis(statement({ kind: 'create', effects: ['create'] }))],
    ['a relation that is read', 'select * from t', analysis(statement({ relations: [relation('read public.t')] }))],
    [
      'a name that is a keyword',
      'select * from "drop"',
      analysis(statement({ relations: [relation('read public.drop')] })),
    ],
    ['a missing relation', 'comment on table t …', analysis(statement({ unknown: ['relation-missing'] }))],
    ['an extension’s operator', "select a % 'b'", analysis(statement({ unknown: ['operator-native'] }))],
    ['nothing named, without a catalog', 'select 1', analysis(statement({ unknown: ['no-catalog'] }))],
    ['after SET in the same text', 'set a = 1; select 1', analysis(statement({ unknown: ['context-changed'] }))],
    [
      'CASCADE, which is no other effect',
      'alter …',
      analysis(statement({ effects: ['alter'], unknown: ['dependents'] })),
    ],
    [
      'psql’s own queries',
      'select pg_catalog.now()',
      analysis(
        statement({
          relations: [{ ...relation('read pg_catalog.pg_class'), candidates: [] }],
          functions: [call('now', { schema: 'pg_catalog', builtIn: 'perhaps' })],
          unknown: ['no-catalog'],
        }),
      ),
    ],
  ];
  test.each(cases)('%s', (_name, text, meaning) => {
    expect(verdictOf(destructive, { sql: meaning, text })).toBe('allow');
  });
});

describe('what stays unknown', () => {
  const trigger = analysis(statement({ kind: 'insert', effects: ['insert'], unknown: ['triggers'] }));
  const uncatalogued = analysis(statement({ relations: [relation('read v')], unknown: ['no-catalog'] }));
  const unread = analysis(statement({ functions: [call('f', { builtIn: 'no' })], unknown: ['function-unread'] }));
  const shadowed = analysis(statement({ relations: [relation('read public.v')], unknown: ['relation-ambiguous'] }));
  const cascade = analysis(statement({ kind: 'drop', effects: ['drop'], unknown: ['dependents'] }));
  const cases: [string, GuardrailMatch, Analysis, boolean][] = [
    ['a trigger may drop', sql({ effects: ['drop'] }), trigger, true],
    ['a trigger may write anywhere', sql({ relations: ['payments'] }), trigger, true],
    ['a trigger may call anything', sql({ functions: ['dblink*'] }), trigger, true],
    ['a trigger changes no kind', sql({ statements: ['drop'] }), trigger, false],
    ['a function may drop', sql({ effects: ['drop'] }), unread, true],
    ['a name without a catalog may be a view', sql({ relations: ['payments'] }), uncatalogued, true],
    ['and run its functions', sql({ effects: ['drop'] }), uncatalogued, true],
    ['a temporary view may shadow', sql({ relations: ['payments'] }), shadowed, true],
    ['but adds no effect', sql({ effects: ['drop'] }), shadowed, false],
    ['CASCADE may reach it', sql({ relations: ['payments'] }), cascade, true],
    ['what is certain excludes', sql({ relations: ['payments'], statements: ['delete'] }), trigger, false],
    ['it is ignored on demand', sql({ effects: ['drop'], uncertain: 'ignore' }), trigger, false],
    ['the certain counts all the same', sql({ effects: ['insert'], uncertain: 'ignore' }), trigger, true],
  ];
  test.each(cases)('%s', (_name, match, meaning, matches) => {
    for (const verdict of ['block', 'hold', 'terminate', 'mask'] as const) {
      expect(judge([rule('r', verdict, match)], { sql: meaning }).verdict.name).toBe(matches ? verdict : 'allow');
    }
    expect(judge([rule('r', 'alert', match)], { sql: meaning }).alerts).toHaveLength(matches ? 1 : 0);
  });

  test('the reason says so', () => {
    const { reason } = judge([rule('r', 'block', sql({ effects: ['drop'] }))], { sql: trigger }).verdict;
    expect(reason).toContain('counts as matching');
    expect(reason).toContain('Triggers fire');
  });

  test('an analysis that nobody classified counts', () => {
    const strange = { ...statement(), complete: false, reasons: [] };
    expect(verdictOf(sql({ effects: ['drop'] }), { sql: analysis(strange) })).toBe('block');
  });
});

describe('what was not understood while a rule needs its structure', () => {
  const structural = sql({ effects: ['drop'] });
  const opaque = [
    null,
    unparsed(),
    unparsed('too-large'),
    analysis(statement({ kind: 'do', unknown: ['dynamic-code'] })),
  ];

  test('is blocked, whatever the rule says, by its name and with what to do', () => {
    for (const meaning of opaque) {
      for (const verdict of ['block', 'hold', 'terminate', 'mask'] as const) {
        const judged = judge([rule('r', verdict, structural)], { sql: meaning });
        expect(judged.verdict).toMatchObject({ name: 'block', rule: 'r' });
        expect(judged.verdict.reason).toMatch(/Correct it\.|Write it as plain statements/);
        expect(judged.hold).toBeNull();
      }
      const limited = rule('r', 'block', structural, { limits: { statement: { rows: 1 } } });
      expect(judge([limited], { sql: meaning }).verdict.name).toBe('block');
    }
  });

  test('also by a `when` that asks for structure', () => {
    for (const meaning of opaque) {
      expect(verdictOf({ when: '"drop" in command.effects' }, { sql: meaning })).toBe('block');
      expect(verdictOf({ when: 'command.relations.exists(r, r.name == "x")' }, { sql: meaning })).toBe('block');
      expect(verdictOf({ when: 'now.hour > 22 && "drop" in command.effects' }, { sql: meaning })).toBe('allow');
    }
  });

  test('the server’s own words do not reach the reason: they quote the text', () => {
    const { reason } = judge([rule('r', 'block', structural)], { sql: unparsed() }).verdict;
    expect(reason).not.toContain('secret');
    expect(reason).toContain('at character 7');
  });

  test('is not blocked by a rule that alerts, allows, needs no structure or does not concern it', () => {
    const others = [
      rule('a', 'alert', structural),
      rule('b', 'allow', structural),
      rule('c', 'block', { commands: { text: ['zzz'] } }),
      rule('d', 'block', { ...structural, principals: { groups: ['dba'] } }),
      rule('e', 'block', { commands: { sql: { effects: ['drop'] }, verbs: ['copy'] } }),
    ];
    const judged = judge(others, { sql: null });
    expect(judged.verdict.name).toBe('allow');
    expect(judged.alerts.map((note) => note.rule)).toEqual(['a']);
  });

  test('one statement of several is enough, and a stricter rule that matches another stays stricter', () => {
    const both = analysis(
      statement({ kind: 'drop', effects: ['drop'] }),
      statement({ kind: 'do', effects: [], unknown: ['dynamic-code'] }),
    );
    expect(judge([rule('r', 'terminate', structural)], { sql: both }).verdict.name).toBe('terminate');
    expect(judge([rule('r', 'hold', structural)], { sql: both }).verdict.name).toBe('block');
    expect(
      judge([rule('r', 'hold', sql({ statements: ['do'] }))], { sql: analysis(both.statements[1]!) }).verdict.name,
    ).toBe('hold');
  });

  test('`uncertain: ignore` does not open it', () => {
    expect(verdictOf(sql({ effects: ['drop'], uncertain: 'ignore' }), { sql: null })).toBe('block');
  });

  test('commands that are none of SQL are no business of an SQL selector', () => {
    expect(verdictOf(structural, { sql: null, command: { kind: 'shell', verb: 'exec' } })).toBe('allow');
    expect(verdictOf({ when: '"drop" in command.effects' }, { sql: null, command: { kind: 'shell' } })).toBe('allow');
  });
});

describe('which verdict stands', () => {
  const all = (['allow', 'mask', 'hold', 'block', 'terminate'] as const).map((verdict) =>
    rule(`r-${verdict}`, verdict),
  );

  test('the most restrictive, however many there are', () => {
    for (let count = 1; count < all.length; count += 1) {
      const judged = judge(all.slice(0, count + 1));
      expect(judged.verdict).toMatchObject({ name: all[count]!.spec.verdict, rule: all[count]!.name });
    }
  });

  test('an explicit allow takes nothing back, and is not told', () => {
    expect(judge([all[0]!]).verdict.rule).toBe('access');
    expect(judge([all[0]!, all[3]!]).verdict.name).toBe('block');
  });

  test('of equal ones the first name in byte order', () => {
    expect(judge([rule('b', 'block'), rule('Z', 'block'), rule('a', 'block')]).verdict.rule).toBe('Z');
    // One that is asked each time comes before those that are remembered, where its name does.
    const timed = rule('a', 'block', { when: 'now.hour == 5' });
    expect(judge([rule('b', 'block'), timed]).verdict.rule).toBe('a');
    expect(judge([rule('Z', 'block'), timed]).verdict.rule).toBe('Z');
  });

  test('alerts are added to whatever stands', () => {
    const alert = rule('watch', 'alert', {}, { message: 'Somebody looked.' });
    expect(judge([alert]).verdict.name).toBe('allow');
    const judged = judge([alert, all[3]!]);
    expect(judged.verdict.name).toBe('block');
    expect(judged.alerts).toEqual([{ rule: 'watch', reason: 'Somebody looked.' }]);
  });

  test('a mask over everything stays beside a hold; the method that leaves least wins', () => {
    const partial = rule('a', 'mask', {}, { with: { partial: { last: 4 } } });
    expect(judge([partial]).maskAll).toEqual({ rule: 'a', method: { partial: { last: 4 } } });
    expect(judge([partial, rule('b', 'mask'), all[2]!])).toMatchObject({
      verdict: { name: 'hold' },
      maskAll: { rule: 'b', method: 'redact' },
    });
    const more = rule('c', 'mask', {}, { with: { partial: { first: 2 } } });
    expect(judge([partial, more]).maskAll?.rule).toBe('c');
  });

  test('prepare runs nothing: only blocks and terminations fall; bind is as execute', () => {
    const limited = rule('l', 'block', {}, { limits: { statement: { rows: 1 } } });
    const rules = [rule('h', 'hold'), rule('m', 'mask'), rule('w', 'alert'), limited];
    expect(judge(rules, { verb: 'prepare' })).toMatchObject({
      verdict: { name: 'allow' },
      hold: null,
      maskAll: null,
      alerts: [],
      limits: [],
    });
    for (const verb of ['bind', 'execute', 'query']) {
      expect(judge(rules, { verb })).toMatchObject({ verdict: { name: 'hold' }, maskAll: { rule: 'm' } });
      expect(judge(rules, { verb }).limits).toHaveLength(1);
    }
    expect(judge([rule('b', 'block')], { verb: 'prepare' }).verdict.name).toBe('block');
    expect(judge([rule('t', 'terminate')], { verb: 'prepare' }).verdict.name).toBe('terminate');
    expect(judge([rule('h', 'hold', sql({ effects: ['drop'] }))], { verb: 'prepare', sql: null }).verdict.name).toBe(
      'block',
    );
  });
});

describe('what is remembered', () => {
  test('the same analysis gives the same judgement object, per principal, resource and verb', () => {
    const compiled = compile(rule('r', 'block', sql({ effects: ['drop'] })));
    const meaning = analysis(statement({ effects: ['drop'] }));
    const first = compiled.judge(request({ sql: meaning }));
    expect(compiled.judge(request({ sql: meaning, text: 'other text' }))).toBe(first);
    expect(compiled.judge(request({ sql: meaning, verb: 'execute' }))).not.toBe(first);
    expect(compiled.judge(request({ sql: meaning, principal: principal('bert') }))).not.toBe(first);
    expect(compiled.judge(request({ sql: analysis(statement()) })).verdict.name).toBe('allow');
  });

  test('rules on time, text and session are asked each time', () => {
    const compiled = compile(
      rule('night', 'block', { when: 'now.hour >= 22' }),
      rule('text', 'terminate', { commands: { text: ['evil'] } }),
      rule('many', 'hold', { when: 'session.commands > 10' }),
      rule('drop', 'mask', sql({ effects: ['drop'] })),
    );
    const meaning = analysis(statement({ effects: ['drop'] }));
    const name = (parts: RequestParts): string => compiled.judge(request({ sql: meaning, ...parts })).verdict.name;
    expect(name({})).toBe('mask');
    expect(name({ session: { commands: 11 } })).toBe('hold');
    expect(name({ nowMs: Date.parse('2026-03-04T22:00:00Z') })).toBe('block');
    expect(name({ text: 'select evil' })).toBe('terminate');
    expect(name({})).toBe('mask');
  });

  test('another kind of command does not meet what was remembered of SQL', () => {
    const compiled = compile(rule('r', 'block', sql({ effects: ['drop'] })));
    const meaning = analysis(statement({ effects: ['drop'] }));
    expect(compiled.judge(request({ sql: meaning })).verdict.name).toBe('block');
    expect(compiled.judge(request({ sql: meaning, command: { kind: 'tool' } })).verdict.name).toBe('allow');
  });

  test('what was compiled does not change with the objects', () => {
    const groups = ['dba'];
    const compiled = compile(rule('r', 'block', { principals: { groups } }));
    groups.push('engineering');
    expect(compiled.judge(request()).verdict.name).toBe('allow');
  });
});

test('explain tells of each rule what was compared and which decided', () => {
  const compiled = compile(
    rule('b', 'block', { ...sql({ effects: ['drop'] }), resources: { labels: { env: 'prod' } } }),
    rule('a', 'hold', { principals: { groups: ['dba'] }, when: 'now.hour < 7' }),
  );
  const meaning = analysis(statement({ kind: 'drop', effects: ['drop'], relations: [relation('write public.t')] }));
  const { judgement, rules } = compiled.explain(request({ sql: meaning }));
  expect(judgement.verdict.rule).toBe('b');
  expect(rules).toEqual([
    {
      name: 'a',
      verdict: 'hold',
      finding: 'no',
      decided: false,
      conditions: [
        {
          condition: 'match.principals.groups',
          holds: false,
          finding: 'no',
          because: 'the groups of "anna" are "engineering"; it lists "dba"',
        },
        { condition: 'match.when', holds: true, finding: 'yes', because: '"now.hour < 7" is true' },
      ],
    },
    {
      name: 'b',
      verdict: 'block',
      finding: 'yes',
      decided: true,
      conditions: [
        {
          condition: 'match.resources.labels',
          holds: true,
          finding: 'yes',
          because: 'the labels of "orders" are "env=prod"; it asks for "env=prod"',
        },
        {
          condition: 'match.commands.sql',
          holds: true,
          finding: 'yes',
          because: 'the command is drop with the effects drop, on write public.t; it asks for {"effects":["drop"]}',
        },
      ],
    },
  ]);
  expect(compiled.explain(request({ sql: null })).rules[1]!.finding).toBe('not-understood');
  expect(compiled.explain(request({ resource: resource('dev'), principal: anna })).judgement.verdict.rule).toBe(
    'access',
  );
  expect(orders.labels).toEqual({ env: 'prod' });
});
