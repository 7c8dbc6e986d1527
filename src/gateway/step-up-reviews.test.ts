/** Holds that take a confirmation by whoever runs the command: alone, and before reviewers. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { confirmationLifetimeMs } from '../core/limits.ts';
import type { ConfirmationRequest } from '../core/ports.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews } from '../core/review.ts';
import type { Confirmation } from '../core/step-up.ts';
import { withStepUps } from './step-up-reviews.ts';

function world() {
  const clock = new FakeClock();
  const asked: { name: string; resource: string; source: string; command: string }[] = [];
  const inner: { request: ReviewRequest; tell: (outcome: ReviewOutcome) => void }[] = [];
  let settle!: { resolve: (confirmation: Confirmation) => void; reject: (error: unknown) => void };
  let withdrawn = 0;
  const identity = {
    confirmCommand: (principal: { name: string }, resource: string, source: string, command: string) => {
      asked.push({ name: principal.name, resource, source, command });
      const { promise, ...rest } = Promise.withResolvers<Confirmation>();
      settle = rest;
      const request: ConfirmationRequest = {
        link: 'https://gate/approve.html#sgn_1',
        code: 'K7M-2QX',
        expiresAtMs: 120_000,
        outcome: promise,
        withdraw: () => {
          withdrawn++;
          settle.reject(new Error('withdrawn'));
        },
      };
      return request;
    },
  };
  const reviews: Reviews = {
    request: (request, tell) => {
      inner.push({ request, tell });
      const pending: PendingReview = {
        id: 'rev_1',
        link: 'https://gate/reviews/rev_1',
        audience: 'a member of dba',
        expiresAtMs: 1,
        withdraw: () => undefined,
        claim: async (digest) => (digest === 'digest' ? null : 'another digest'),
      };
      return pending;
    },
  };
  const outcomes: ReviewOutcome[] = [];
  const all = withStepUps(reviews, { clock, identity: identity as never });
  const request = (terms: object, kind = 'person'): PendingReview =>
    all.request(
      {
        session: { source: '10.0.0.7' },
        command: 1,
        principal: { name: 'ana', kind },
        resource: { name: 'orders' },
        draft: { recordedText: `DELETE FROM x\u202e${'y'.repeat(400)}` },
        terms: { rule: 'r', reviewers: { names: [], groups: [] }, ...terms },
      } as never,
      (outcome) => outcomes.push(outcome),
    );
  const confirm = async (): Promise<void> => {
    settle.resolve({ method: 'approval', credentialId: 't', proof: 'factor', atMs: 0 });
    await Promise.resolve();
    await Promise.resolve();
  };
  const refuse = async (): Promise<void> => {
    settle.reject(new Error('refused'));
    await Promise.resolve();
    await Promise.resolve();
  };
  return { clock, asked, inner, outcomes, request, confirm, refuse, withdrawn: () => withdrawn };
}

const reviewed = { reviewers: { names: [], groups: ['dba'] }, stepUp: true };

describe('a hold that takes a step-up', () => {
  test('alone: shows the person what for, is approved by the confirmation, and no longer than that counts', async () => {
    const { clock, asked, outcomes, request, confirm, inner } = world();
    const pending = request({ stepUp: true });
    expect(pending).toMatchObject({
      id: 'sgn_1',
      link: 'https://gate/approve.html#sgn_1',
      audience: expect.stringContaining('K7M-2QX'),
    });
    expect(asked).toMatchObject([{ name: 'ana', resource: 'orders', source: '10.0.0.7' }]);
    expect(asked[0]!.command).toHaveLength(300);
    expect(asked[0]!.command).not.toContain('\u202e');
    await confirm();
    expect(outcomes).toEqual([{ state: 'approved', by: ['ana, by a step-up'] }]);
    clock.advance(confirmationLifetimeMs);
    expect(await pending.claim('digest')).toBeNull();
    clock.advance(1);
    expect(await pending.claim('digest')).toMatch(/too long ago/);
    expect(inner).toEqual([]);
  });

  test('refused, or not in time: so is the command', async () => {
    const { outcomes, request, refuse } = world();
    request({ stepUp: true });
    await refuse();
    expect(outcomes).toMatchObject([{ state: 'denied', by: 'ana' }]);
  });

  test('before reviewers: they are asked once it is confirmed, and their claim is what counts', async () => {
    const { outcomes, request, confirm, inner } = world();
    const pending = request(reviewed);
    expect(inner).toEqual([]);
    await confirm();
    expect(outcomes).toEqual([]);
    expect(pending.id).toBe('rev_1');
    inner[0]!.tell({ state: 'approved', by: ['dana'] });
    expect(outcomes).toEqual([{ state: 'approved', by: ['dana'] }]);
    expect(await pending.claim('other')).toBe('another digest');
    expect(await pending.claim('digest')).toBeNull();
  });

  test('withdrawn: nothing is told, and nobody is asked', async () => {
    const { outcomes, request, confirm, inner, withdrawn } = world();
    const pending = request(reviewed);
    pending.withdraw();
    pending.withdraw();
    await confirm();
    expect([withdrawn(), outcomes.length, inner.length]).toEqual([1, 0, 0]);
  });

  test('a service has nobody to confirm; without a step-up nothing is asked', () => {
    const { request, inner } = world();
    expect(() => request({ stepUp: true }, 'service')).toThrow(/takes a confirmation by a person/);
    expect(() => request({ stepUp: true }, 'agent')).toThrow();
    request({ reviewers: { names: ['dana'], groups: [] } });
    expect(inner).toHaveLength(1);
  });
});
