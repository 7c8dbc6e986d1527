import { describe, expect, test } from 'vitest';
import type { ReviewSpec } from '../core/rules.ts';
import { compileGuardrails, type GuardrailJudgement } from './index.ts';
import { request, rule } from './testing.ts';

function judge(...reviews: ReviewSpec[]): GuardrailJudgement {
  const rules = reviews.map((review, index) => rule(`r${index}`, 'hold', {}, { review, message: `Message ${index}.` }));
  return compileGuardrails(rules, { ledger: null }).judge(request());
}

test('the terms of one rule, with what they are unless given', () => {
  expect(judge({ reviewers: { groups: ['dba', 'a', 'dba'] } }).hold).toEqual({
    rule: 'r0',
    reviewers: { names: [], groups: ['a', 'dba'] },
    approvals: 1,
    withinMs: 30 * 60_000,
    inTransactionMs: 5 * 60_000,
    escalation: null,
    breakGlass: [],
    message: 'Message 0.',
  });
  const short = judge({ reviewers: { names: ['x'] }, within: '90s' }).hold!;
  expect([short.withinMs, short.inTransactionMs]).toEqual([90_000, 90_000]);
});

describe('several rules that hold the same command', () => {
  const dba = { groups: ['dba'] };

  test('the joined terms satisfy each of them', () => {
    const judged = judge(
      {
        reviewers: { groups: ['dba', 'lead'], names: ['x'] },
        approvals: 1,
        within: '10m',
        inTransaction: '5m',
        breakGlass: { groups: ['on-call', 'sre'] },
        escalate: { after: '2m', reviewers: { groups: ['boss', 'cto'] } },
      },
      {
        reviewers: { groups: ['dba', 'security'] },
        approvals: 2,
        within: '20m',
        inTransaction: '1m',
        breakGlass: { groups: ['sre'] },
        escalate: { after: '3m', reviewers: { groups: ['boss'] } },
      },
    );
    expect(judged.hold).toEqual({
      rule: 'r0',
      reviewers: { names: [], groups: ['dba'] },
      approvals: 2,
      withinMs: 600_000,
      inTransactionMs: 60_000,
      escalation: { afterMs: 180_000, reviewers: { names: [], groups: ['boss'] } },
      breakGlass: ['sre'],
      message: 'Message 0. Message 1.',
    });
    expect(judged.verdict).toEqual({ name: 'hold', rule: 'r0', reason: 'Message 0. Message 1.' });
  });

  test('escalation and break-glass only where all agree', () => {
    const escalate = { after: '2m', reviewers: { groups: ['boss'] } };
    const one = { reviewers: dba, escalate, breakGlass: { groups: ['sre'] } };
    expect(judge(one, { reviewers: dba }).hold).toMatchObject({ escalation: null, breakGlass: [] });
    const other = { ...escalate, reviewers: { groups: ['cto'] } };
    expect(judge(one, { reviewers: dba, escalate: other }).hold!.escalation).toBeNull();
    expect(
      judge(one, { reviewers: dba, within: '2m', escalate: { ...escalate, after: '1m' } }).hold!.escalation,
    ).toBeNull();
  });

  test('without a common reviewer the command is blocked: neither rule takes the other’s protection away', () => {
    const judged = judge({ reviewers: dba, approvals: 1 }, { reviewers: { groups: ['security'] }, approvals: 3 });
    expect(judged).toMatchObject({ verdict: { name: 'block', rule: 'r0' }, hold: null });
    expect(judged.verdict.reason).toContain('"r0", "r1"');
    expect(judge({ reviewers: { names: ['dba'] } }, { reviewers: dba }).verdict.name).toBe('block');
  });
});

describe('a step-up', () => {
  const dba = { groups: ['dba'] };

  test('alone has no reviewers, and nothing that is theirs', () => {
    expect(judge({ stepUp: true }).hold).toMatchObject({ stepUp: true, reviewers: { names: [], groups: [] } });
    expect(judge({ stepUp: false, reviewers: dba }).hold).not.toHaveProperty('stepUp');
    for (const more of [
      { approvals: 2 },
      { within: '5m' },
      { escalate: { after: '1m', reviewers: dba } },
      { breakGlass: { groups: ['sre'] } },
    ]) {
      expect(() => judge({ stepUp: true, ...more })).toThrow(/for reviewers, and there are none/);
    }
    expect(() => judge({ stepUp: 'yes' as never, reviewers: dba })).toThrow(/neither true nor false/);
    expect(() => judge({})).toThrow(/no reviewers/);
  });

  test('joins with reviewers: both are asked, whichever rule is first, and neither takes the other away', () => {
    const both = { stepUp: true, reviewers: { names: [], groups: ['dba'] }, approvals: 2 };
    expect(judge({ stepUp: true }, { reviewers: dba, approvals: 2 }).hold).toMatchObject({
      ...both,
      rule: 'r0',
      message: 'Message 0. Message 1.',
    });
    expect(judge({ reviewers: dba, approvals: 2 }, { stepUp: true }).hold).toMatchObject(both);
    expect(judge({ reviewers: dba, approvals: 2, stepUp: true }, { reviewers: dba }).hold).toMatchObject(both);
    expect(judge({ stepUp: true }, { stepUp: true }).hold).toMatchObject({
      stepUp: true,
      message: 'Message 0. Message 1.',
    });
    expect(judge({ stepUp: true }, { reviewers: dba }, { reviewers: { groups: ['security'] } }).verdict.name).toBe(
      'block',
    );
  });
});
