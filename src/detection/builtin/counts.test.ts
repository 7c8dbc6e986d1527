import { describe, expect, test } from 'vitest';
import { breakGlassWithoutFollowUp } from './break-glass.ts';
import { denialBurst } from './denial-burst.ts';
import { dormantAccount } from './dormant-account.ts';
import { failedLogins } from './failed-logins.ts';
import { dayMs, hourMs, minuteMs, secondMs } from './kit.ts';
import { resourceHopping } from './resource-hopping.ts';
import { rubberStamp } from './rubber-stamp.ts';
import { actor, table, Watch } from './testing.ts';
import { weakening } from './weakening.ts';

describe('denial-burst', () => {
  test('different things refused: the fourth is a burst, the third is not', () => {
    const watch = new Watch(denialBurst);
    watch.open();
    for (const name of ['a', 'b', 'c'])
      expect(watch.wait(30_000).run({ touches: [table(name)], blockedBy: 'r' })).toEqual([]);
    const [finding] = watch.wait(30_000).run({ touches: [table('d')], blockedBy: 'r' });
    expect(finding).toMatchObject({
      group: 'prn_ana',
      beginsAt: 3,
      facts: { denials: 4, distinct: 4 },
      session: watch.session,
    });
    expect(finding?.summary).toBe('ana was refused 4 times within 10 minutes, for 4 different things.');
  });

  test('one thing again and again: at twelve, and not while they come slowly', () => {
    const slow = new Watch(denialBurst);
    slow.open();
    for (let times = 0; times < 40; times += 1) slow.wait(minuteMs).run({ blockedBy: 'r' });
    expect(slow.findings).toEqual([]);
    const quick = new Watch(denialBurst);
    quick.open();
    for (let times = 0; times < 11; times += 1) quick.wait(secondMs).run({ blockedBy: 'r' });
    expect(quick.findings).toEqual([]);
    expect(quick.restart().wait(secondMs).run({ blockedBy: 'r' })).toHaveLength(1);
  });
});

describe('failed-logins', () => {
  const fail = (watch: Watch, login: string, source: string): void => {
    watch.event({
      type: 'identity.refused',
      connection: 'con_1',
      source: `${source}:1`,
      login,
      code: 'identity.wrong-password',
    });
  };

  test('of one login: the eighth within ten minutes', () => {
    const watch = new Watch(failedLogins);
    for (let times = 0; times < 7; times += 1) fail(watch.wait(minuteMs), 'ana', '1.2.3.4');
    expect(watch.findings).toEqual([]);
    fail(watch.wait(minuteMs), 'ana', '1.2.3.4');
    expect(watch.findings).toMatchObject([{ group: 'login ana', principal: null, facts: { failures: 8 } }]);
  });

  test('a slow spray: six logins from one source within a day, of logins that never came from there', () => {
    const watch = new Watch(failedLogins);
    // Behind the office's address people mistype.
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) watch.open({ name, source: '10.0.0.1' });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) fail(watch.wait(minuteMs), name, '10.0.0.1');
    expect(watch.findings).toEqual([]);
    for (const name of ['a', 'b', 'c', 'd', 'e']) fail(watch.wait(2 * hourMs), name, '6.6.6.6');
    expect(watch.restart().findings).toEqual([]);
    fail(watch.wait(2 * hourMs), 'f', '6.6.6.6');
    expect(watch.findings).toMatchObject([{ group: 'spray 6.6.6.6', facts: { logins: 6 } }]);
  });

  test('a login that succeeds after failing often, although its owner logs in elsewhere in between', () => {
    const watch = new Watch(failedLogins);
    watch.open({ source: '10.0.0.1' });
    for (let times = 0; times < 6; times += 1) {
      fail(watch.wait(30 * minuteMs), 'ana', '6.6.6.6');
      watch.open({ source: '10.0.0.1' });
    }
    expect(watch.findings).toEqual([]);
    watch.open({ source: '6.6.6.6' });
    expect(watch.findings).toMatchObject([{ principal: { name: 'ana' }, facts: { failures: 6 } }]);
  });
});

test('resource-hopping: more resources than on other days; a tool that goes everywhere every day is learned', () => {
  const watch = new Watch(resourceHopping);
  const hop = (name: string, count: number): void => {
    for (let index = 0; index < count; index += 1) watch.wait(secondMs).open({ name, resource: `r${index}` });
  };
  watch.days(10, () => hop('ana', 3));
  expect(watch.findings).toEqual([]);
  hop('ana', 6);
  expect(watch.findings).toMatchObject([{ facts: { resources: 6, usual: 3 } }]);
  const tool = new Watch(resourceHopping);
  tool.days(14, () => {
    for (let index = 0; index < 20; index += 1) tool.wait(secondMs).open({ name: 'health', resource: `r${index}` });
  });
  expect(tool.findings.length).toBeLessThanOrEqual(8);
  const before = tool.findings.length;
  tool.days(10, () => {
    for (let index = 0; index < 20; index += 1) tool.wait(secondMs).open({ name: 'health', resource: `r${index}` });
  });
  expect(tool.findings).toHaveLength(before);
});

test('dormant-account: at the day, not a moment before, and never at the first time', () => {
  const watch = new Watch(dormantAccount);
  watch.open();
  expect(watch.wait(45 * dayMs - 1).open()).toEqual([]);
  expect(
    watch
      .restart()
      .wait(45 * dayMs)
      .open(),
  ).toMatchObject([{ group: 'prn_ana', facts: { days: 45 } }]);
  expect(watch.findings).toHaveLength(1);
});

describe('rubber-stamp', () => {
  let number = 0;
  const decide = (
    watch: Watch,
    parts: {
      seconds: number;
      characters?: number;
      requester?: string;
      reviewer?: string;
      decision?: 'approve' | 'deny';
    },
  ): void => {
    const { seconds, characters = 100, requester = 'ana', reviewer = 'rob', decision = 'approve' } = parts;
    number += 1;
    const review = `rev_${number}`;
    watch.open({ name: requester });
    watch.run({ text: 'x'.repeat(characters) });
    const session = watch.session;
    // The intent must still be open: another command waits.
    watch.event({
      type: 'command.intent',
      session,
      command: 2,
      kind: 'sql',
      verb: 'query',
      text: '',
      textBytes: characters,
      parameters: null,
      effect: 'write',
      of: null,
    });
    const asks = {
      review,
      kind: 'command' as const,
      session,
      command: 2,
      principal: actor({ name: requester }),
      resource: 'orders',
    };
    watch.event({
      type: 'review.requested',
      ...asks,
      rule: 'r',
      digest: '',
      approvals: 1,
      expiresAtMs: 0,
      reason: null,
    });
    watch.wait(seconds * secondMs);
    const state = decision === 'approve' ? ('approved' as const) : ('denied' as const);
    watch.event({
      type: 'review.decided',
      review,
      decision,
      principal: actor({ name: reviewer }),
      reason: '',
      state,
      how: 'api',
    });
    watch.wait(hourMs / 2);
  };

  test('a long command approved at once is told, one that was read is not', () => {
    const watch = new Watch(rubberStamp);
    decide(watch, { seconds: 120, characters: 3000 });
    expect(watch.findings).toEqual([]);
    decide(watch, { seconds: 4, characters: 3000 });
    expect(watch.findings).toMatchObject([
      { group: 'prn_rob', principal: { name: 'rob' }, facts: { seconds: '4.0', characters: 3000 } },
    ]);
  });

  test('short ones too fast: the third within a week', () => {
    const watch = new Watch(rubberStamp);
    decide(watch, { seconds: 2 });
    decide(watch, { seconds: 2 });
    expect(watch.restart().findings).toEqual([]);
    decide(watch, { seconds: 2 });
    expect(watch.findings).toHaveLength(1);
  });

  test('always the same pair, where others decide too; one denial is enough to be no pair', () => {
    for (const isDenied of [false, true]) {
      const watch = new Watch(rubberStamp);
      for (const reviewer of ['sue', 'tom']) decide(watch, { seconds: 60, requester: 'bob', reviewer });
      for (let times = 0; times < 9; times += 1) decide(watch, { seconds: 60 });
      expect(watch.findings).toEqual([]);
      if (isDenied) decide(watch, { seconds: 60, decision: 'deny' });
      for (let times = 0; times < 3; times += 1) decide(watch, { seconds: 60 });
      expect(watch.findings).toHaveLength(isDenied ? 0 : 1);
    }
  });

  test('at night, by somebody who decides by day', () => {
    const watch = new Watch(rubberStamp);
    watch.days(8, () => decide(watch, { seconds: 60 }));
    expect(watch.findings).toEqual([]);
    // A Wednesday.
    watch.nextDay(1);
    decide(watch, { seconds: 60 });
    watch.at(2.5);
    decide(watch, { seconds: 60 });
    expect(watch.findings).toHaveLength(1);
    expect(watch.findings[0]?.summary).toContain('at hours at which nobody is at work');
  });
});

test('break-glass-without-follow-up: after ten office hours, once; not where it was decided', () => {
  const watch = new Watch(breakGlassWithoutFollowUp);
  watch.open();
  const ask = (review: string): void => {
    const asks = {
      review,
      kind: 'break-glass' as const,
      session: watch.session,
      command: null,
      principal: actor(),
      resource: 'orders',
    };
    watch.event({
      type: 'review.requested',
      ...asks,
      rule: 'r',
      digest: '',
      approvals: 1,
      expiresAtMs: 0,
      reason: 'fire',
    });
  };
  // Friday, 15:00: five office hours are left of that day.
  watch.wait(4 * dayMs).at(15);
  ask('rev_1');
  ask('rev_2');
  const by = { decision: 'approve' as const, principal: actor({ name: 'rob' }), reason: '', how: 'api' };
  watch.wait(hourMs).event({ type: 'review.decided', review: 'rev_2', ...by, state: 'approved' });
  expect(watch.nextDay(23).tick()).toEqual([]);
  watch.restart();
  expect(
    watch
      .wait(2 * dayMs)
      .at(11)
      .tick(),
  ).toEqual([]);
  expect(watch.at(13).tick()).toMatchObject([
    { group: 'rev_1', beginsAt: 2, principal: { name: 'ana' }, resource: 'orders' },
  ]);
  expect(watch.wait(dayMs).tick()).toEqual([]);
});

describe('weakening', () => {
  const changed = (
    kind: string,
    action: 'created' | 'updated' | 'deleted',
    ...changes: string[]
  ): readonly unknown[] => {
    const watch = new Watch(weakening);
    return watch.event({ type: 'configuration.changed', principal: actor(), action, kind, name: 'x', changes });
  };

  test.each([
    ['Guardrail', 'spec.verdict: block → alert'],
    ['Guardrail', 'spec.limits.statement.rows: 1000 → 2000'],
    ['Guardrail', 'spec.limits.statement.rows: 1000 → (none)'],
    ['Guardrail', 'spec.review.approvals: 2 → 1'],
    ['Guardrail', 'spec.match.principals.except.names: (none) → [ana]'],
    ['Mask', 'spec.columns: [a.b, c.d] → [a.b]'],
    ['Mask', 'spec.predicates: block → allow'],
    ['Detection', 'spec.mode: on → off'],
    ['Detection', 'spec.mode: (none) → dry-run'],
    ['Detection', 'spec.severity: high → low'],
    ['Resource', 'spec.recording: strict → best-effort'],
    ['Resource', 'spec.tls.mode: verify-full → require'],
    ['Retention', 'spec.keep: 90d → 7d'],
  ])('%s made weaker: %s', (kind, change) => {
    expect(changed(kind, 'updated', change)).toHaveLength(1);
  });

  test.each([
    ['Guardrail', 'spec.verdict: alert → block'],
    ['Guardrail', 'spec.limits.statement.rows: 2000 → 1000'],
    ['Guardrail', 'spec.message: a → b'],
    ['Mask', 'spec.columns: [a.b] → [a.b, c.d]'],
    ['Detection', 'spec.mode: dry-run → on'],
    ['Resource', 'spec.tls.mode: require → verify-full'],
    ['Retention', 'spec.keep: 7d → 90d'],
    ['Access', 'spec.principals.groups: [a] → [a, b]'],
  ])('%s is not weaker by %s', (kind, change) => {
    expect(changed(kind, 'updated', change)).toEqual([]);
  });

  test('a retention where there was none; other things that come into being are not weaker', () => {
    expect(changed('Retention', 'created', 'spec.keep: (none) → 90d')).toHaveLength(1);
    expect(changed('Guardrail', 'created', 'spec.verdict: (none) → block')).toEqual([]);
  });

  test('what watches is deleted; what only grants is not its concern', () => {
    for (const kind of ['Guardrail', 'Mask', 'Detection', 'Sink', 'LegalHold'])
      expect(changed(kind, 'deleted')).toHaveLength(1);
    expect(changed('Access', 'deleted')).toEqual([]);
  });

  test('A-REC-04: a recording deleted by a person is told, by a rule it is not', () => {
    const watch = new Watch(weakening);
    const deleted = { type: 'recording.deleted' as const, principal: actor(), reason: 'x', bytes: 1 };
    watch.open();
    expect(watch.event({ ...deleted, session: watch.session, rule: 'ninety-days' })).toEqual([]);
    expect(watch.event({ ...deleted, session: watch.session, rule: null })).toMatchObject([
      { principal: { name: 'ana' } },
    ]);
  });

  test('a gateway that starts twice had not stopped', () => {
    const watch = new Watch(weakening);
    expect(watch.event({ type: 'gateway.started', version: '1' })).toEqual([]);
    watch.wait(hourMs).event({ type: 'gateway.stopped', reason: 'told to' });
    expect(watch.wait(hourMs).event({ type: 'gateway.started', version: '1' })).toEqual([]);
    expect(watch.restart().wait(hourMs).event({ type: 'gateway.started', version: '1' })).toHaveLength(1);
  });
});
