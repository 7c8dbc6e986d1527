import { describe, expect, test } from 'vitest';
import type { GuardrailMatch } from '../core/rules.ts';
import { checkGuardrail, type ProtocolCapabilities } from './index.ts';
import { resource, rule, sql } from './testing.ts';

const capabilities: ProtocolCapabilities = {
  postgres: {
    assurance: 'exact',
    languages: ['sql'],
    verbs: ['query', 'prepare', 'bind', 'execute'],
    rowEstimates: true,
    holds: true,
    masks: true,
    limits: true,
  },
  ssh: {
    assurance: 'gated',
    languages: [],
    verbs: ['exec', 'shell'],
    rowEstimates: false,
    holds: true,
    masks: false,
    limits: false,
  },
  rdp: {
    assurance: 'observed',
    languages: [],
    verbs: ['key'],
    rowEstimates: false,
    holds: false,
    masks: false,
    limits: false,
  },
};
const resources = [
  resource('orders', { env: 'prod' }),
  resource('web', { env: 'prod', os: 'linux' }, 'ssh'),
  resource('desk', { os: 'windows' }, 'rdp'),
];
const drop = sql({ effects: ['drop'] });
const check = (...args: Parameters<typeof rule>): string[] => checkGuardrail(rule(...args), resources, capabilities);

describe('a rule that cannot be enforced is refused when it is saved', () => {
  const cases: [string, GuardrailMatch, RegExp | null][] = [
    ['on a resource that speaks SQL', { ...drop, resources: { names: ['orders'] } }, null],
    ['on one that speaks none, by name', { ...drop, resources: { names: ['web'] } }, /ssh speaks no SQL.*"web"/],
    ['by label', { ...drop, resources: { labels: { env: 'prod' } } }, /"web"; narrow match.resources/],
    ['by label, narrowed', { ...drop, resources: { labels: { env: 'prod' }, protocols: ['postgres'] } }, null],
    ['by protocol, with no resource yet', { ...drop, resources: { protocols: ['ssh'] } }, /ssh speaks no SQL/],
    ['by a name that is not configured yet', { ...drop, resources: { names: ['later'] } }, null],
    ['wherever it can be', drop, null],
    ['wherever it can be, spelled out', { ...drop, resources: { names: ['*'] } }, null],
    ['by `when`', { when: '"drop" in command.effects', resources: { names: ['web'] } }, /speaks no SQL/],
    ['a `when` without structure', { when: 'now.hour < 7', resources: { names: ['web'] } }, null],
    ['an unknown protocol', { resources: { protocols: ['gopher'] } }, /There is no protocol "gopher"/],
    ['a protocol of the prototype', { resources: { protocols: ['toString'] } }, /There is no protocol "toString"/],
    [
      'an unknown verb',
      { commands: { verbs: ['exec'] }, resources: { names: ['orders'] } },
      /has no verb "exec"; it has query/,
    ],
    ['a verb that no protocol has', { commands: { verbs: ['nothing'] } }, /has no verb "nothing"/],
    ['a verb that one protocol has', { commands: { verbs: ['exec'] } }, null],
    ['too late', { resources: { names: ['desk'] } }, /seen only as they run: block would come too late/],
  ];
  test.each(cases)('%s', (_name, match, reason) => {
    const reasons = check('r', 'block', match);
    if (reason === null) expect(reasons).toEqual([]);
    else expect(reasons.join('\n')).toMatch(reason);
  });

  test('by what the verdict needs', () => {
    const on = (name: string): GuardrailMatch => ({ resources: { names: [name] } });
    expect(check('r', 'mask', on('web')).join()).toContain('cannot be masked');
    expect(check('r', 'hold', on('desk')).join()).toContain('cannot wait for a review');
    expect(check('r', 'block', on('web'), { limits: { session: { rows: 1 } } }).join()).toContain('not counted');
    expect(check('r', 'alert', on('desk'))).toEqual([]);
    expect(check('r', 'terminate', on('desk'))).toEqual([]);
    const rows = { ...sql({ effects: ['delete'], rowsMin: 100 }), ...on('orders') };
    expect(check('r', 'hold', rows)).toEqual([]);
    const poor = { postgres: { ...capabilities['postgres']!, rowEstimates: false } };
    expect(checkGuardrail(rule('r', 'hold', rows), resources, poor).join()).toContain('no row estimates');
  });

  test('by being malformed', () => {
    expect(check('r', 'block', { commands: {} })).toHaveLength(1);
    expect(check('r', 'block', { commands: {} })[0]).toContain('match.commands');
  });
});
