import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Held, type HeldOutcome } from '../core/held.ts';
import type { HoldTerms, Judgement } from '../core/judgement.ts';
import { allowed } from '../core/judgement.ts';
import type { PendingReview, ReviewOutcome } from '../core/review.ts';
import { testDraft } from '../core/testing/fakes.ts';
import { type Review, reviewLimits } from '../review/index.ts';
import { erin, loggedIn, testRequest } from '../review/testing/reviews.ts';
import type { Store } from '../store/index.ts';
import { codeOf, ReviewWorld, settle, testStore, until } from './fixtures/review-world.ts';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 120_000);
afterAll(() => dispose(), 60_000);

const world = (): Promise<ReviewWorld> => new ReviewWorld(store).start();

interface Waiting {
  readonly pending: PendingReview;
  readonly outcomes: ReviewOutcome[];
  readonly digest: string;
  /** Resolves with the next outcome. */
  told(): Promise<ReviewOutcome>;
}

function hold(at: ReviewWorld, terms: Partial<HoldTerms> = {}, principal = erin): Waiting {
  const request = testRequest(terms, testDraft('delete from customers'), { principal, resource: at.resource });
  const outcomes: ReviewOutcome[] = [];
  const pending = at.reviews.request(request, (outcome) => void outcomes.push(outcome));
  expect(outcomes).toEqual([]);
  const told = async (): Promise<ReviewOutcome> => {
    await until(() => outcomes.length > 0);
    return outcomes[0]!;
  };
  return { pending, outcomes, digest: request.digest, told };
}

/** Waits until the review can be seen in the store in this state. */
const seen = (id: string, state: Review['state'] = 'pending'): Promise<void> =>
  until(async () => (await store.reviews.get(id))?.state === state);

const approve = (at: ReviewWorld, id: string, who = 'dana'): Promise<Review> =>
  at.reviews.decide(loggedIn(who), id, 'approve', { reason: '', how: 'api' });
const deny = (at: ReviewWorld, id: string, who = 'dana'): Promise<Review> =>
  at.reviews.decide(loggedIn(who), id, 'deny', { reason: 'not\u202e today', how: 'api' });

describe('a held command', () => {
  test('waits, is approved, and runs once (A-REV-04)', async () => {
    const at = await world();
    const { pending, told, digest } = hold(at);
    expect(pending).toMatchObject({
      audience: 'a member of dba',
      link: `https://console.example/reviews/${pending.id}`,
    });
    await seen(pending.id);
    expect(await approve(at, pending.id)).toMatchObject({ state: 'approved' });
    expect(await told()).toEqual({ state: 'approved', by: ['dana'] });
    const claims = await Promise.all([pending.claim(digest), pending.claim(digest), pending.claim(digest)]);
    expect(claims.filter((obstacle) => obstacle === null)).toHaveLength(1);
    expect(at.types()).toEqual(['review.requested', 'review.decided', 'review.ended']);
    expect(await pending.claim(digest)).not.toBeNull();
    expect(await store.reviews.get(pending.id)).toMatchObject({ state: 'executed', nextAtMs: null });
    await at.reviews.close();
  });

  test('hears of a denial, with its reason escaped', async () => {
    const at = await world();
    const { pending, told, outcomes } = hold(at);
    await seen(pending.id);
    await deny(at, pending.id);
    expect(await told()).toEqual({ state: 'denied', by: 'dana', reason: 'not\\u202e today' });
    expect(await codeOf(approve(at, pending.id, 'dave'))).toBe('review.over');
    await settle(store);
    expect(outcomes).toHaveLength(1);
    await at.reviews.close();
  });

  test('is not run where someone denies after the approval and before the claim (A-REV-05)', async () => {
    const at = await world();
    const { pending, told, digest, outcomes } = hold(at);
    await seen(pending.id);
    await approve(at, pending.id);
    await told();
    await deny(at, pending.id, 'dave');
    expect(await pending.claim(digest)).toBe('dave denied it.');
    expect(outcomes).toHaveLength(1);
    await at.reviews.close();
  });

  test('a denial, a claim and a second claim at the same instant: one of the two wins (A-REV-05)', async () => {
    for (let round = 0; round < 5; round++) {
      const at = await world();
      const { pending, told, digest } = hold(at);
      await seen(pending.id);
      await approve(at, pending.id);
      await told();
      const [denial, claimed] = await Promise.all([codeOf(deny(at, pending.id, 'dave')), pending.claim(digest)]);
      expect([denial, claimed === null]).toSatisfy(
        ([code, hasRun]: [string, boolean]) => (code === 'none') !== hasRun && (hasRun ? code === 'review.over' : true),
      );
      await at.reviews.close();
    }
  });

  test('is told nothing before the journal has it, and nobody sees it before either', async () => {
    const at = await world();
    at.journal.automatic = false;
    const { pending, outcomes, told } = hold(at);
    await until(() => at.types().length === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    at.journal.sync();
    await seen(pending.id);
    const approval = approve(at, pending.id);
    await until(() => at.types().length === 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(outcomes).toEqual([]);
    at.journal.sync();
    await approval;
    expect(await told()).toMatchObject({ state: 'approved' });
    at.journal.automatic = true;
    pending.withdraw();
    await at.reviews.close();
  });

  test('expires at its time', async () => {
    const at = await world();
    const { pending, told } = hold(at);
    await seen(pending.id);
    at.clock.advance(59_999);
    await settle(store);
    expect((await store.reviews.get(pending.id))?.state).toBe('pending');
    at.clock.advance(1);
    expect(await told()).toEqual({ state: 'expired' });
    expect(at.types()).toEqual(['review.requested', 'review.ended']);
    await at.reviews.close();
  });

  test('expires on time where the wall clock was set back (F-15)', async () => {
    const at = await world();
    const { pending, told } = hold(at);
    await seen(pending.id);
    at.clock.stepWall(-3_600_000);
    at.clock.advance(60_000);
    expect(await told()).toEqual({ state: 'expired' });
    await at.reviews.close();
  });

  test('is withdrawn when its session is gone, and cannot be approved after (A-REV-07)', async () => {
    const at = await world();
    const { pending, outcomes, digest } = hold(at);
    pending.withdraw();
    pending.withdraw();
    await seen(pending.id, 'withdrawn');
    expect(at.types()).toEqual(['review.requested', 'review.ended']);
    expect(await codeOf(approve(at, pending.id))).toBe('review.over');
    expect(await pending.claim(digest)).not.toBeNull();
    expect(outcomes).toEqual([]);
    await at.reviews.close();
  });

  test('is withdrawn by who asked, from elsewhere, and by nobody else', async () => {
    const at = await world();
    const { pending, told } = hold(at);
    await seen(pending.id);
    expect(await codeOf(at.reviews.withdraw(loggedIn('dana'), pending.id))).toBe('review.not-requester');
    expect(await codeOf(at.reviews.withdraw(loggedIn('mona'), pending.id))).toBe('review.not-found');
    await at.reviews.withdraw(erin, pending.id);
    expect(await told()).toMatchObject({ state: 'unavailable' });
    await at.reviews.close();
  });

  test('asks others after a while, and raises an alert', async () => {
    const at = await world();
    const escalation = { afterMs: 20_000, reviewers: { names: [], groups: ['managers'] } };
    const { pending, told } = hold(at, { escalation });
    await seen(pending.id);
    expect(await codeOf(approve(at, pending.id, 'mona'))).toBe('review.not-found');
    at.clock.advance(20_000);
    await until(() => at.alerts.length === 1);
    await until(async () => (await store.reviews.get(pending.id))?.audience.includes('group:managers') === true);
    await approve(at, pending.id, 'mona');
    expect(await told()).toEqual({ state: 'approved', by: ['mona'] });
    pending.withdraw();
    await at.reviews.close();
  });

  test('is not run where who asked or approved is no longer what they were (A-REV-04)', async () => {
    const changes: readonly ((at: ReviewWorld) => void)[] = [
      (at) => at.directory.change('erin', { disabled: true }),
      (at) => at.directory.change('dana', { disabled: true }),
      (at) => at.directory.change('dana', { groups: [] }),
      (at) => {
        at.isGranted = false;
      },
    ];
    for (const change of changes) {
      const at = await world();
      const { pending, told, digest } = hold(at);
      await seen(pending.id);
      await approve(at, pending.id);
      await told();
      change(at);
      expect(await pending.claim(digest)).not.toBeNull();
      expect(await store.reviews.get(pending.id)).toMatchObject({ state: 'refused' });
      await at.reviews.close();
    }
  });

  test('a decision about another digest than the reviewer saw is refused (A-REV-03)', async () => {
    const at = await world();
    const { pending } = hold(at);
    await seen(pending.id);
    const options = { reason: '', how: 'api', digest: 'other' };
    expect(await codeOf(at.reviews.decide(loggedIn('dana'), pending.id, 'approve', options))).toBe('review.conflict');
    await at.reviews.close();
  });
});

describe('through the pipeline’s own hold', () => {
  async function held(
    again: (terms: HoldTerms) => Judgement,
  ): Promise<{ at: ReviewWorld; settled: HeldOutcome; id: string }> {
    const at = await world();
    const request = testRequest({}, undefined, { resource: at.resource });
    const settled: HeldOutcome[] = [];
    const waiting = new Held({
      clock: at.clock,
      reviews: at.reviews,
      request,
      judgeAgain: async () => ({ judgement: again(request.terms), digest: request.digest, meansTheSame: true }),
      onWaiting: () => {},
      onSettled: (outcome) => void settled.push(outcome),
      onFailed: (error) => {
        throw error;
      },
    });
    const { id } = waiting.review;
    await seen(id);
    await approve(at, id);
    await until(() => settled.length === 1);
    return { at, settled: settled[0]!, id };
  }

  test('an approved command runs with the review as its rule', async () => {
    const { at, settled, id } = await held((hold) => ({
      ...allowed({ name: 'hold', rule: 'destructive', reason: '' }),
      hold,
    }));
    expect(settled).toMatchObject({
      run: true,
      verdict: { name: 'allow', rule: `review:${id}`, reason: 'Approved by dana.' },
    });
    await at.reviews.close();
  });

  test('A-REV-04: not after the rules were tightened, and the review is withdrawn', async () => {
    const { at, settled, id } = await held(() => allowed({ name: 'block', rule: 'tightened', reason: '' }));
    expect(settled).toMatchObject({ run: false });
    await seen(id, 'withdrawn');
    await at.reviews.close();
  });
});

describe('A-REV-07: a restart', () => {
  test('withdraws what this gateway asked, before anything else, and nothing of others', async () => {
    const [at, other] = [await world(), await world()];
    const mine = [hold(at), hold(at)];
    const theirs = hold(other);
    for (const { pending } of [...mine, theirs]) await seen(pending.id);
    await approve(at, mine[1]!.pending.id);
    const again = new ReviewWorld(store);
    await again.start({ gateway: at.gateway });
    for (const { pending } of mine) {
      expect(await store.reviews.get(pending.id)).toMatchObject({ state: 'withdrawn' });
      expect(await codeOf(approve(again, pending.id, 'dave'))).toBe('review.over');
    }
    expect(again.types()).toEqual(['review.ended', 'review.ended']);
    expect(await store.reviews.get(theirs.pending.id)).toMatchObject({ state: 'pending' });
    // The claim of the gateway that was thought dead comes too late.
    expect(await mine[1]!.pending.claim(mine[1]!.digest)).toBe('It was withdrawn. Submit it again.');
    for (const one of [at, other, again]) await one.reviews.close();
  });

  test('of a gateway that never came back: others see to what it left', async () => {
    const [dead, alive] = [await world(), await world()];
    const { pending } = hold(dead);
    await seen(pending.id);
    await until(async () => {
      alive.clock.advance(5_000);
      return (await store.reviews.get(pending.id))?.state === 'expired';
    });
    expect(alive.clock.monotonic()).toBeGreaterThanOrEqual(60_000);
    expect(alive.types()).toEqual(['review.ended']);
    await alive.reviews.close();
    await dead.reviews.close();
  });
});

test('A-REV-05: decisions in other gateways on the store are heard, and count once', async () => {
  const [at, other] = [await world(), await world()];
  const { pending, told, digest } = hold(at, { approvals: 2 });
  await seen(pending.id);
  const decisions = [approve(other, pending.id), approve(at, pending.id), approve(other, pending.id, 'dave')];
  expect((await Promise.all(decisions.map(codeOf))).sort()).toEqual(['none', 'none', 'review.already-decided']);
  expect(await told()).toMatchObject({ state: 'approved', by: expect.arrayContaining(['dana', 'dave']) });
  expect(await pending.claim(digest)).toBeNull();
  await at.reviews.close();
  await other.reviews.close();
});

describe('what cannot be written', () => {
  test('a store that fails: the wait ends as unavailable', async () => {
    const at = new ReviewWorld(store);
    const failing = { ...wrapped(store), change: () => Promise.reject(new Error('down')) };
    await at.start({ store: { reviews: failing } as never });
    expect(await hold(at).told()).toMatchObject({ state: 'unavailable' });
    await at.reviews.close();
  });

  test('a journal that fails: nobody sees the review or the decision', async () => {
    const at = await world();
    const { pending, outcomes } = hold(at);
    await seen(pending.id);
    at.journal.fail();
    expect(await codeOf(approve(at, pending.id))).toBe('core.journal-unavailable');
    expect(await store.reviews.get(pending.id)).toMatchObject({ state: 'pending' });
    const second = hold(at);
    expect(await second.told()).toMatchObject({ state: 'unavailable' });
    expect(await store.reviews.get(second.pending.id)).toBeNull();
    expect(outcomes).toEqual([]);
    pending.withdraw();
    await at.reviews.close();
  });

  test('a journal that does not answer: the wait ends, and the claim is refused', async () => {
    const at = await world();
    const { pending, told, digest } = hold(at);
    await seen(pending.id);
    await approve(at, pending.id);
    await told();
    at.journal.automatic = false;
    const claimed = pending.claim(digest);
    await until(() => at.types().includes('review.ended'));
    at.clock.advance(10_000);
    expect(await claimed).toContain('could not write down');
    expect(await store.reviews.get(pending.id)).toMatchObject({ state: 'approved' });
    await at.reviews.close();
  });

  test('a store that answers no more: the wait ends all the same', async () => {
    const at = new ReviewWorld(store);
    let isDown = false;
    const down = () => Promise.reject(new Error('down'));
    const real = wrapped(store);
    const failing: Store['reviews'] = {
      ...real,
      get: (id) => (isDown ? down() : real.get(id)),
      change: (change, before) => (isDown ? down() : real.change(change, before)),
      due: (nowMs, limit) => (isDown ? down() : real.due(nowMs, limit)),
    };
    await at.start({ store: { reviews: failing, grants: store.grants } });
    const { pending, outcomes } = hold(at);
    await seen(pending.id);
    isDown = true;
    for (let second = 0; second < 80 && outcomes.length === 0; second++) {
      at.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(outcomes).toMatchObject([{ state: 'unavailable' }]);
    await at.reviews.close();
  });

  function wrapped({ reviews }: Store): Store['reviews'] {
    return {
      get: (id) => reviews.get(id),
      list: (filter, page) => reviews.list(filter, page),
      due: (nowMs, limit) => reviews.due(nowMs, limit),
      count: (requester, states) => reviews.count(requester, states),
      change: (change, before) => reviews.change(change, before),
      purge: (beforeMs) => reviews.purge(beforeMs),
      onChange: (listener) => reviews.onChange(listener),
    };
  }
});

test('one review that cannot be read does not keep the others from being seen to', async () => {
  const at = await world();
  const row = { kind: 'access', state: 'pending', requester: 'local:erin', resource: 'x', gateway: at.gateway };
  const odd = { ...row, audience: [], createdAtMs: 0, expiresAtMs: 1, nextAtMs: 1, document: { form: 99 } };
  await store.reviews.change({ creates: [{ ...odd, id: `rev_odd_${at.gateway}` }] }, async () => {});
  const escalation = { afterMs: 10_000, reviewers: { names: [], groups: ['managers'] } };
  const dead = await world();
  const { pending } = hold(dead, { escalation });
  await seen(pending.id);
  await until(() => {
    at.clock.advance(5_000);
    return at.alerts.length > 0;
  });
  await at.reviews.close();
  await dead.reviews.close();
});

describe('limits', () => {
  test('a principal waits for so many reviews and not for one more; one that ends makes room', async () => {
    const at = await world();
    const all = Array.from({ length: reviewLimits.pendingPerPrincipalMax }, () => hold(at));
    expect(() => hold(at)).toThrow(/review.too-many-pending/);
    hold(at, {}, loggedIn('dana')).pending.withdraw();
    all[0]!.pending.withdraw();
    expect(() => hold(at)).not.toThrow();
    await at.reviews.close();
    const left = await store.reviews.list({ gateway: at.gateway, states: ['pending'] }, { limit: 100 });
    expect(left).toEqual([]);
  });

  test('nobody is asked where nobody may decide', async () => {
    const at = await world();
    expect(() => hold(at, { reviewers: { names: ['erin'], groups: ['nobody'] } })).toThrow(/review.no-reviewers/);
    expect(at.types()).toEqual([]);
    await at.reviews.close();
  });
});

describe('who sees what', () => {
  test('requester, reviewers, administrators and auditors; for others it does not exist', async () => {
    const at = await world();
    const { pending } = hold(at);
    await seen(pending.id);
    const sees = async (name: string, roles: readonly ('admin' | 'auditor' | 'member')[] = ['member']) =>
      (await at.reviews.get(loggedIn(name, { roles }), pending.id)) !== null;
    expect(await Promise.all([sees('erin'), sees('dana'), sees('root', ['admin']), sees('mona', ['auditor'])])).toEqual(
      [true, true, true, true],
    );
    expect(await Promise.all([sees('mona'), sees('stranger')])).toEqual([false, false]);
    expect(await codeOf(approve(at, pending.id, 'mona'))).toBe(await codeOf(approve(at, 'rev_absent', 'mona')));
    const detail = await at.reviews.get(loggedIn('dana'), pending.id);
    expect(detail).toMatchObject({
      review: { requester: { name: 'erin', groups: ['engineering'] }, subject: { text: 'delete from customers' } },
      history: [{ text: 'select 1' }],
    });
    await at.reviews.close();
  });

  test('lists: what waits for me, what I asked, everything', async () => {
    const at = await world();
    const { pending } = hold(at);
    await seen(pending.id);
    const lists = async (viewer: Parameters<typeof at.reviews.list>[0], scope: 'to-decide' | 'requested' | 'all') =>
      (await at.reviews.list(viewer, { scope, states: ['pending'] }, { limit: 100 })).reviews.some(
        ({ id }) => id === pending.id,
      );
    expect(await lists(loggedIn('dana'), 'to-decide')).toBe(true);
    expect(await lists(loggedIn('mona'), 'to-decide')).toBe(false);
    expect(await lists(erin, 'to-decide')).toBe(false);
    expect(await lists(erin, 'requested')).toBe(true);
    expect(await lists(loggedIn('dana'), 'all')).toBe(false);
    expect(await lists(loggedIn('root', { roles: ['admin'] }), 'all')).toBe(true);
    at.directory.change('erin', { groups: ['dba'] });
    expect(await lists(erin, 'to-decide')).toBe(false);
    await at.reviews.close();
  });

  test('a history that does not come in time hides nothing else', async () => {
    const at = new ReviewWorld(store);
    await at.start({ history: () => new Promise(() => {}) });
    const { pending } = hold(at);
    await seen(pending.id);
    const detail = at.reviews.get(loggedIn('dana'), pending.id);
    await settle(store);
    at.clock.advance(3_000);
    expect(await detail).toMatchObject({ review: { id: pending.id }, history: null });
    await at.reviews.close();
  });
});

test('break-glass runs at once, raises an alert at once, and others must look at it', async () => {
  const at = await world();
  const { pending, told, digest } = hold(at, { breakGlass: ['engineering'] });
  await seen(pending.id);
  expect(await codeOf(at.reviews.breakGlass(erin, pending.id, ' ', 'api'))).toBe('review.reason-required');
  expect(await codeOf(at.reviews.breakGlass(loggedIn('dana'), pending.id, 'x', 'api'))).toBe('review.not-requester');
  await at.reviews.breakGlass(erin, pending.id, 'production is down', 'api');
  expect(at.alerts).toMatchObject([{ type: 'alert.raised', resource: at.resource.name }]);
  expect(await told()).toEqual({ state: 'approved', by: ['erin (break-glass)'] });
  expect(await pending.claim(digest)).toBeNull();
  expect(at.types()).toEqual([
    'review.requested',
    'review.decided',
    'alert.raised',
    'review.requested',
    'review.ended',
  ]);
  const after = (
    await at.reviews.list(loggedIn('dana'), { scope: 'to-decide', states: ['pending'] }, { limit: 100 })
  ).reviews.find(({ subject }) => subject.type === 'break-glass' && subject.review === pending.id)!;
  expect(await codeOf(at.reviews.decide(erin, after.id, 'approve', { reason: '', how: 'api' }))).toBe('review.own');
  expect(await approve(at, after.id)).toMatchObject({ state: 'approved', kind: 'break-glass' });
  await at.reviews.close();
});
