/** A-REV-01: an administrator who asks does not decide by what it made for others: their tokens, their accounts. */
import { describe, expect, test } from 'vitest';
import { audienceOf, ineligible, ineligibleNow } from './eligibility.ts';
import { ownAccountMs } from './limits.ts';
import { claim, decide } from './machine.ts';
import type { Review } from './review.ts';
import { entry, loggedIn, people, TestDirectory, testReview } from './testing/reviews.ts';

const review: Review = { ...testReview(), createdAtMs: 10 * ownAccountMs, expiresAtMs: 11 * ownAccountMs };
const directory = new TestDirectory([...people, entry('erins-agent', [], { kind: 'agent', belongsTo: 'local:erin' })]);

const byToken = (issuedBy?: string) =>
  loggedIn('dana', {
    authentication: {
      ...{ method: 'token', credentialId: 'tok_1', atMs: 0 },
      ...(issuedBy === undefined ? {} : { issuedBy }),
    },
  });
const input = { reason: '', how: 'api', nowMs: review.createdAtMs, grantId: null, isRequestable: false } as const;

describe('by a token', () => {
  test.each(['approve', 'deny'] as const)('that the requester issued nobody is another: %s', (decision) => {
    const result = decide(review, { ...input, principal: byToken('erin'), decision, directory });
    expect(result).toMatchObject({ refusal: { code: 'review.of-requester' } });
  });

  test('nor by one that was asked for with such a token', () => {
    for (const issuedBy of ['dana erin', 'root erin dana']) {
      expect(ineligibleNow(review, byToken(issuedBy), directory)).toBe('review.of-requester');
    }
  });

  test('nor by one that another account of the same person issued', () => {
    expect(ineligibleNow(review, byToken('erins-agent'), directory)).toBe('review.of-requester');
  });

  test('of one’s own, or that somebody else issued, one decides', () => {
    for (const issuedBy of [undefined, 'dana', 'root', 'gone', 'dana root']) {
      expect(ineligibleNow(review, byToken(issuedBy), directory)).toBeNull();
    }
  });
});

describe('by an account that the requester wrote', () => {
  const dana = (changedBy: string, changedAtMs: number) => {
    const changed = new TestDirectory();
    changed.change('dana', { changedBy, changedAtMs });
    return changed;
  };
  const actor = {
    id: 'local:dana',
    issuer: 'local',
    name: 'dana',
    kind: 'person',
    groups: [],
    credentialId: 't',
  } as const;
  const edge = review.createdAtMs - ownAccountMs;

  test('up to a day before asking, or after it, it does not', () => {
    for (const at of [edge, review.createdAtMs, review.createdAtMs + 1]) {
      expect(ineligible(review, actor, dana('erin', at))).toBe('review.of-requester');
      expect(ineligible(review, actor, dana('root', at))).toBeNull();
    }
    expect(ineligible(review, actor, dana('erin', edge - 1))).toBeNull();
  });

  test('an approval falls when the requester changes the account of who gave it', () => {
    const before = dana('root', 0);
    const result = decide(review, { ...input, principal: loggedIn('dana'), decision: 'approve', directory: before });
    if (!('step' in result)) throw new Error('it was refused');
    const approved = result.step.review;
    const ask = { digest: review.digest, isGranted: true, nowMs: input.nowMs };
    expect(claim(approved, { ...ask, directory: before })).toHaveProperty('execute');
    expect(claim(approved, { ...ask, directory: dana('erin', input.nowMs) })).toMatchObject({
      obstacle: expect.stringContaining('may no longer decide') as string,
    });
  });
});

test('who waits hears of those of the escalation once it has escalated, and of nobody twice', () => {
  const terms = {
    ...review.terms,
    approvals: 2,
    reviewers: { names: ['dana'], groups: ['dba'] },
    escalation: { afterMs: 1, reviewers: { names: [], groups: ['dba', 'oncall'] } },
  };
  expect(audienceOf({ terms, escalatedAtMs: null })).toBe('2 people: dana or a member of dba');
  expect(audienceOf({ terms, escalatedAtMs: 5 })).toBe('2 people: dana, a member of dba or a member of oncall');
});
