import { describe, expect, test } from 'vitest';
import { isGatewayError } from '../base/errors.ts';
import type { GuardrailSpec } from '../core/rules.ts';
import { compileGuardrails } from './index.ts';
import * as limits from './limits.ts';
import { rule } from './testing.ts';

const valid: GuardrailSpec = {
  match: {
    resources: { names: ['orders'], labels: { env: 'prod' }, protocols: ['postgres'] },
    principals: { names: ['a'], groups: ['b'], kinds: ['person'], except: { names: ['c'], groups: ['d'] } },
    commands: {
      sql: {
        effects: ['drop'],
        statements: ['drop'],
        relations: ['public.*'],
        access: 'write',
        functions: ['f'],
        incomplete: false,
        rowsMin: 1,
        uncertain: 'ignore',
      },
      verbs: ['query'],
      text: ['x'],
      pattern: '^x',
    },
    when: 'now.hour < 7 || command.relations.exists(r, r.name == "payments")',
  },
  verdict: 'hold',
  review: {
    reviewers: { names: ['e'], groups: ['dba'] },
    approvals: 2,
    within: '30m',
    inTransaction: '90s',
    escalate: { after: '10m', reviewers: { groups: ['lead'] } },
    breakGlass: { groups: ['on-call'] },
  },
  message: 'Ask a DBA.',
  examples: [{ command: 'drop table t', expect: 'hold', groups: ['b'], resource: 'orders' }],
};

function problem(name: unknown, spec: unknown): string {
  try {
    compileGuardrails([{ name, spec } as never], { ledger: null });
  } catch (error) {
    if (isGatewayError(error) && error.code === 'policy.malformed-guardrail') return error.publicMessage;
    throw error;
  }
  return '';
}

const block = (match: unknown, more: object = {}): unknown => ({ match, verdict: 'block', ...more });
const ofSql = (selector: unknown): unknown => block({ commands: { sql: selector } });
const hold = (review: unknown): unknown => ({ match: {}, verdict: 'hold', review });
const limited = (bounds: unknown, verdict = 'block'): unknown => ({ match: {}, verdict, limits: bounds });
const reviewers = { groups: ['dba'] };
const when = (text: unknown): unknown => block({ when: text });

test('everything there is compiles', () => {
  expect(problem('r', valid)).toBe('');
  expect(problem('r', { match: {}, verdict: 'mask', with: { partial: { first: 2, last: 4 } } })).toBe('');
  for (const method of ['redact', 'null', 'hash', 'format-preserving']) {
    expect(problem('r', { match: {}, verdict: 'mask', with: method })).toBe('');
  }
  const bounds = { statement: { rows: 0, bytes: 1, duration: '5s' }, session: { rows: 1 }, day: { bytes: 1 } };
  for (const verdict of ['block', 'terminate', 'alert']) expect(problem('r', limited(bounds, verdict))).toBe('');
});

describe('A-POL-01: what is not understood is refused, with its field', () => {
  const cases: [field: string, spec: unknown][] = [
    ['spec', null],
    ['spec', 'x'],
    ['spec', { ...valid, extra: 1 }],
    ['spec', { ...valid, message: () => 1 }],
    ['match', { verdict: 'block' }],
    ['match', block([])],
    ['match', block({ resource: {} })],
    ['verdict', { match: {} }],
    ['verdict', { match: {}, verdict: 'deny' }],
    ['verdict', { match: {}, verdict: 'constructor' }],
    ['message', block({}, { message: '' })],
    ['message', block({}, { message: 7 })],
    ['match.resources', block({ resources: {} })],
    ['match.resources', block({ resources: { name: ['a'] } })],
    ['match.resources.names', block({ resources: { names: [] } })],
    ['match.resources.names', block({ resources: { names: 'orders' } })],
    ['match.resources.names[1]', block({ resources: { names: ['a', 'b*'] } })],
    ['match.resources.names[0]', block({ resources: { names: [7] } })],
    ['match.resources.labels', block({ resources: { labels: {} } })],
    ['match.resources.labels.env', block({ resources: { labels: { env: true } } })],
    ['match.resources.protocols', block({ resources: { protocols: [] } })],
    ['match.principals', block({ principals: {} })],
    ['match.principals', block({ principals: { except: {} } })],
    ['match.principals.groups', block({ principals: { groups: [] } })],
    ['match.principals.groups[0]', block({ principals: { groups: ['*'] } })],
    ['match.principals.kinds[0]', block({ principals: { kinds: ['robot'] } })],
    ['match.principals.except', block({ principals: { except: { kinds: ['person'] } } })],
    ['match.principals.except.names', block({ principals: { except: { names: [] } } })],
    ['match.commands', block({ commands: {} })],
    ['match.commands', block({ commands: { effects: ['drop'] } })],
    ['match.commands.sql', ofSql({})],
    ['match.commands.sql', ofSql({ uncertain: 'ignore' })],
    ['match.commands.sql', ofSql({ effect: ['drop'] })],
    ['match.commands.sql.effects[1]', ofSql({ effects: ['drop', 'dorp'] })],
    ['match.commands.sql.effects[0]', ofSql({ effects: ['toString'] })],
    ['match.commands.sql.statements[0]', ofSql({ statements: ['DROP'] })],
    ['match.commands.sql.relations', ofSql({ relations: [] })],
    ['match.commands.sql.relations[0]', ofSql({ relations: ['a.b.c'] })],
    ['match.commands.sql.relations[0]', ofSql({ relations: ['a.'] })],
    ['match.commands.sql.functions[0]', ofSql({ functions: ['.f'] })],
    ['match.commands.sql.access', ofSql({ access: 'both' })],
    ['match.commands.sql.incomplete', ofSql({ incomplete: 'yes' })],
    ['match.commands.sql.rowsMin', ofSql({ rowsMin: -1 })],
    ['match.commands.sql.rowsMin', ofSql({ rowsMin: 1.5 })],
    ['match.commands.sql.uncertain', ofSql({ effects: ['drop'], uncertain: 'no' })],
    ['match.commands.verbs', block({ commands: { verbs: [] } })],
    ['match.commands.text[0]', block({ commands: { text: [''] } })],
    ['match.commands.pattern', block({ commands: { pattern: '(a)\\1' } })],
    ['match.commands.pattern', block({ commands: { pattern: 'a(?=b)' } })],
    ['match.commands.pattern', block({ commands: { pattern: '(?<!a)b' } })],
    ['match.commands.pattern', block({ commands: { pattern: '(' } })],
    ['match.commands.pattern', block({ commands: { pattern: 'a{1000}' } })],
    ['match.commands.pattern', block({ commands: { pattern: 'x'.repeat(limits.expressionCharactersMax + 1) } })],
    ['review', { match: {}, verdict: 'hold' }],
    ['review', block({}, { review: { reviewers } })],
    ['review', hold({ reviewers, approval: 2 })],
    ['review.reviewers', hold({})],
    ['review.reviewers', hold({ reviewers: {} })],
    ['review.reviewers', hold({ reviewers: { groups: ['*'] } })],
    ['review.reviewers.groups', hold({ reviewers: { groups: [] } })],
    ['review.approvals', hold({ reviewers, approvals: 0 })],
    ['review.approvals', hold({ reviewers, approvals: limits.approvalsMax + 1 })],
    ['review.within', hold({ reviewers, within: '30 minutes' })],
    ['review.within', hold({ reviewers, within: '0m' })],
    ['review.within', hold({ reviewers, within: '-5m' })],
    ['review.within', hold({ reviewers, within: 30 })],
    ['review.within', hold({ reviewers, within: '22d' })],
    ['review.inTransaction', hold({ reviewers, within: '5m', inTransaction: '6m' })],
    ['review.escalate.after', hold({ reviewers, escalate: { reviewers } })],
    ['review.escalate.after', hold({ reviewers, within: '5m', escalate: { after: '5m', reviewers } })],
    ['review.escalate.reviewers', hold({ reviewers, escalate: { after: '5m' } })],
    ['review.breakGlass.groups', hold({ reviewers, breakGlass: {} })],
    ['limits', limited({})],
    ['limits', limited({ week: { rows: 1 } })],
    ['limits', limited({ session: { rows: 1 } }, 'mask')],
    ['limits', limited({ session: { rows: 1 } }, 'allow')],
    ['limits', { match: {}, verdict: 'hold', review: { reviewers }, limits: { session: { rows: 1 } } }],
    ['limits.statement', limited({ statement: {} })],
    ['limits.session', limited({ session: { duration: '5s' } })],
    ['limits.day', limited({ day: {} })],
    ['limits.statement.rows', limited({ statement: { rows: -1 } })],
    ['limits.statement.bytes', limited({ statement: { bytes: Number.NaN } })],
    ['limits.statement.duration', limited({ statement: { duration: '5 s' } })],
    ['with', block({}, { with: 'redact' })],
    ['with', { match: {}, verdict: 'mask', with: 'blur' }],
    ['with.partial', { match: {}, verdict: 'mask', with: { partial: {} } }],
    ['with.partial', { match: {}, verdict: 'mask', with: {} }],
    ['with.partial.last', { match: {}, verdict: 'mask', with: { partial: { last: -4 } } }],
    ['examples', block({}, { examples: {} })],
    ['examples[0]', block({}, { examples: [{ command: 'x', expect: 'block', verb: 'query' }] })],
    ['examples[0].command', block({}, { examples: [{ expect: 'block' }] })],
    ['examples[0].expect', block({}, { examples: [{ command: 'x', expect: 'alert' }] })],
    ['examples[0].groups', block({}, { examples: [{ command: 'x', expect: 'block', groups: [] }] })],
  ];
  test.each(cases)('%s: %j', (field, spec) => {
    expect(problem('r', spec)).toMatch(`The Guardrail r cannot be used: ${field}: `);
  });

  test('null is not the same as absent', () => {
    for (const spec of [block({ when: null }), ofSql({ effects: null }), hold(null), limited(null)]) {
      expect(problem('r', spec)).not.toBe('');
    }
  });

  test('names that stand for something else', () => {
    for (const name of ['', 'access', 'none', 'gateway:recording', 'review:1', 7, undefined]) {
      expect(problem(name, valid)).toContain('this name is reserved');
    }
    const two = [rule('r', 'block'), rule('r', 'allow')];
    expect(() => compileGuardrails(two, { ledger: null })).toThrow('two of this name');
  });

  test('what comes from the manifest is escaped and cut', () => {
    expect(problem('r\u001b[2J', valid)).toContain('do not show');
    const said = problem('r', ofSql({ effects: [`\u202e${'x'.repeat(500)}`] }));
    expect(said).not.toMatch(/[\u001b\u202e]/);
    expect(said.length).toBeLessThan(1000);
  });
});

describe('limits: the limit passes, one past is refused', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);

  test('rules', () => {
    const many = names(limits.guardrailsMax).map((name) => rule(name, 'block'));
    expect(compileGuardrails(many, { ledger: null }).rules).toHaveLength(limits.guardrailsMax);
    expect(() => compileGuardrails([...many, rule('z', 'block')], { ledger: null })).toThrow(
      'policy.too-many-guardrails',
    );
  });

  test('lists, texts, examples, times', () => {
    const list = (count: number): unknown => block({ principals: { groups: names(count) } });
    expect(problem('r', list(limits.guardrailListEntriesMax))).toBe('');
    expect(problem('r', list(limits.guardrailListEntriesMax + 1))).toContain('more than');
    const labels = (count: number): unknown =>
      block({ resources: { labels: Object.fromEntries(names(count).map((name) => [name, 'x'])) } });
    expect(problem('r', labels(limits.guardrailListEntriesMax))).toBe('');
    expect(problem('r', labels(limits.guardrailListEntriesMax + 1))).toContain('more than');
    const message = (count: number): unknown => block({}, { message: 'x'.repeat(count) });
    expect(problem('r', message(limits.messageCharactersMax))).toBe('');
    expect(problem('r', message(limits.messageCharactersMax + 1))).toContain('characters');
    const examples = (count: number): unknown =>
      block({}, { examples: names(count).map((command) => ({ command, expect: 'block' })) });
    expect(problem('r', examples(limits.examplesMax))).toBe('');
    expect(problem('r', examples(limits.examplesMax + 1))).toContain('more than');
    expect(problem('r', hold({ reviewers, within: '21d' }))).toBe('');
    expect(problem('r', hold({ reviewers, approvals: limits.approvalsMax }))).toBe('');
  });

  test('steps of all together', () => {
    const texts = (count: number) => rule('t', 'block', { commands: { text: names(count) } });
    const count = limits.stepsMax / limits.textSteps;
    const half = [texts(count / 2), { ...texts(count / 2), name: 'u' }];
    expect(() => compileGuardrails(half, { ledger: null })).not.toThrow();
    const more = rule('v', 'block', { commands: { sql: { relations: ['a*'] } } });
    expect(() => compileGuardrails([...half, more], { ledger: null })).toThrow('together may take too long');
  });

  test('A-MSK-01: instructions of a pattern', () => {
    const pattern = (count: number): unknown => block({ commands: { pattern: `a{${count}}` } });
    expect(problem('r', pattern(limits.patternInstructionsMax - 10))).toBe('');
    expect(problem('r', pattern(limits.patternInstructionsMax + 1))).toContain('instructions');
  });
});

describe('a `when` is checked before it is in force', () => {
  const refused: [reason: string, text: unknown][] = [
    ['not a text', 7],
    ['does not parse', '1 +'],
    ['does not parse', 'now.hour < 7 &&& true'],
    ['not well-typed', 'now.houre < 7'],
    ['not well-typed', 'command.relations.exists(r, r.nme == "x")'],
    ['not well-typed', 'now.hour < "7"'],
    ['not well-typed', 'user.name == "x"'],
    ['what else is absent is unknown', 'has(now.houre)'],
    ['what else is absent is unknown', 'command.relations.exists(r, has(r.nme))'],
    ['what else is absent is unknown', 'has(resource.labels)'],
    ['gives int', 'now.hour'],
    ['gives string', 'resource.labels.env'],
    // A-MSK-01: a regular expression of the platform could stall the loop.
    ['matches()', 'command.text.matches("(a+)+$")'],
    ['it calls "split"', 'command.text.split("").size() > 1'],
    ['it calls "map"', 'command.relations.map(r, r.name).size() > 1'],
    ['it calls "join"', '["a"].join() == "a"'],
    ['it calls "dyn"', 'dyn(now.hour) == "x"'],
    ['it calls "bind"', 'cel.bind(x, 1, x == 1)'],
    ['it calls "timestamp"', 'timestamp(now.iso) > timestamp("2020-01-01T00:00:00Z")'],
    ['what else is absent is unknown', 'has(command.effects) && "drop" in command.effects'],
    ['is taken', '[1].exists(now, now == 1)'],
    ['too many steps', 'command.relations.exists(a, command.relations.exists(b, a.name.contains(b.name)))'],
    ['too many steps', 'command.effects.exists(a, command.effects.exists(b, command.effects.exists(c, a == c)))'],
    ['does not parse', `${'('.repeat(100)}true${')'.repeat(100)}`],
  ];
  test.each(refused)('%s: %s', (reason, text) => {
    expect(problem('r', when(text))).toContain(reason);
  });

  test('length', () => {
    const long = (count: number): string => `now.hour == 1${' '.repeat(count - 13)}`;
    expect(problem('r', when(long(limits.expressionCharactersMax)))).toBe('');
    expect(problem('r', when(long(limits.expressionCharactersMax + 1)))).toContain('characters');
  });

  test('one loop within another is bounded, not forbidden', () => {
    expect(problem('r', when('command.relations.exists(r, r.columns.exists(c, c == "ssn"))'))).toBe('');
    expect(problem('r', when('principal.groups.exists(g, g in ["a", "b"])'))).toBe('');
  });
});
