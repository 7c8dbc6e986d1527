import { describe, expect, test } from 'vitest';
import type { RowEstimate } from '../core/review.ts';
import { estimateOf } from './estimate.ts';
import { decide, estimated, withdraw } from './machine.ts';
import { slackMessage, teamsCard, webhookPayload } from './messages.ts';
import type { CommandSubject, Review } from './review.ts';
import { loggedIn, TestDirectory, testReview } from './testing/reviews.ts';

const base = testReview();
const asked: Review = { ...base, subject: { ...(base.subject as CommandSubject), estimate: 'asked' } };
const planner: RowEstimate = { rows: 42_000, of: ['public.orders'] };

describe('an estimate comes when it comes', () => {
  test('it is added once, and changes nothing else; nothing is journaled', () => {
    const { review, events } = estimated(asked, planner)!;
    expect(events).toEqual([]);
    expect({ ...review, subject: asked.subject }).toEqual(asked);
    expect((review.subject as CommandSubject).estimate).toEqual(planner);
    expect(estimated(review, { rows: 1, of: [] })).toBeNull();
  });

  test('a review that is over, and one that did not ask, stay as they are', () => {
    expect(estimated(withdraw(asked, null, 0)!.review, planner)).toBeNull();
    expect(estimated(base, planner)).toBeNull();
  });

  test('it may come after the first of two approvals', () => {
    const two = { ...asked, terms: { ...asked.terms, approvals: 2 } };
    const input = {
      reason: '',
      how: 'api',
      nowMs: 1,
      directory: new TestDirectory(),
      grantId: null,
      isRequestable: false,
    };
    const result = decide(two, { ...input, principal: loggedIn('dana'), decision: 'approve' });
    const step = 'step' in result ? estimated(result.step.review, planner) : null;
    expect(step!.review.decisions).toHaveLength(1);
  });
});

describe('what is read of it', () => {
  const text = (estimate: CommandSubject['estimate'], rowEstimate: number | null = null): string => {
    const { estimate: _none, ...subject } = asked.subject as CommandSubject;
    const meaning = subject.meaning === null ? null : { ...subject.meaning, rowEstimate };
    return estimateOf({ ...subject, meaning, ...(estimate === undefined ? {} : { estimate }) }).text;
  };

  test('in plain words', () => {
    expect(text(planner)).toBe('about 42,000 rows of public.orders (planner)');
    expect(text({ rows: 1, of: [] })).toBe('about 1 row (planner)');
    expect(text('asked')).toBe('not estimated: the planner is being asked');
    expect(text({ rows: null, why: 'it calls a volatile function' })).toBe(
      'not estimated: it calls a volatile function',
    );
    expect(text(undefined)).toBe('not estimated');
  });

  test('messages carry it', () => {
    const { review } = estimated(asked, { rows: 42, of: ['public.\u202eorders'] })!;
    const shown = 'about 42 rows of public.⟦U+202E⟧orders (planner)';
    expect(JSON.stringify(slackMessage(review, 'https://x.example'))).toContain(shown);
    expect(JSON.stringify(teamsCard(review, 'https://x.example'))).toContain(shown);
    expect(webhookPayload('review.requested', review, 'https://x.example', 0)).toMatchObject({
      review: { subject: { estimate: { rows: 42 } } },
    });
  });
});
