/** The API's ports for reviews and grants over the real services, on a real embedded store. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReviewQuery } from '../api/index.ts';
import { testDraft } from '../core/testing/fakes.ts';
import { erin, loggedIn, testRequest } from '../review/testing/reviews.ts';
import type { Store } from '../store/index.ts';
import { type ApiReviewParts, apiReviews } from './api-reviews.ts';
import { codeOf, ReviewWorld, testStore, until } from './fixtures/review-world.ts';
import { createGrants } from './grants.ts';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 120_000);
afterAll(() => dispose(), 60_000);

const dana = loggedIn('dana', { groups: ['dba'] });
const root = loggedIn('root', { roles: ['admin'] });
const query = (change: Partial<ReviewQuery> & Pick<ReviewQuery, 'viewer'>): ReviewQuery => ({
  scope: 'own',
  state: null,
  mine: null,
  limit: 50,
  cursor: null,
  ...change,
});

async function running() {
  const world = await new ReviewWorld(store).start();
  const grants = await createGrants({
    ...world.parts,
    store,
    requestable: (principal, resource) => world.requestable(principal, resource),
    onEnded: () => {},
  });
  const parts: ApiReviewParts = { reviews: world.reviews, grants, directory: world.directory };
  const close = async (): Promise<void> => {
    grants.close();
    await world.reviews.close();
  };
  return { world, ports: apiReviews(parts), close };
}

test('a held command is shown whole, presented, and decided by its reviewer alone (A-REV-01, A-REV-06)', async () => {
  const { world, ports, close } = await running();
  const draft = testDraft('delete from x;\u202e -- ⟦\ntruncate y');
  const request = testRequest({ breakGlass: ['engineering'] }, draft, { resource: world.resource });
  const pending = world.reviews.request(request, () => {});
  await until(async () => (await store.reviews.get(pending.id)) !== null);

  const seen = (await ports.reviews.get(pending.id, dana))!;
  expect(seen.standing).toEqual({ isRequester: false, isReviewer: true, mayBreakGlass: false });
  expect(seen.review).toMatchObject({
    kind: 'command',
    state: 'pending',
    requester: { id: 'local:erin', name: 'erin', kind: 'person' },
    resource: world.resource.name,
    rule: 'destructive',
    approvalsNeeded: 1,
    approvalsGiven: 0,
    digest: request.digest,
    history: [{ text: 'select 1', outcome: 'completed' }],
    access: null,
    follows: null,
  });
  const spans = seen.review.command!.rows.flatMap((row) => row.spans);
  expect(spans.map(({ text }) => text).join('')).toBe('delete from x;⟦U+202E⟧ -- ⟦U+27E6⟧truncate y');
  expect(seen.review.command!.rows.map(({ number }) => number)).toEqual([1, 2]);
  expect(seen.review.command!.notes).toHaveLength(1);

  expect((await ports.reviews.get(pending.id, erin))!.standing).toEqual({
    isRequester: true,
    isReviewer: false,
    mayBreakGlass: true,
  });
  expect((await ports.reviews.get(pending.id, root))!.standing.isReviewer).toBe(false);
  expect(await ports.reviews.get(pending.id, loggedIn('mona'))).toBeNull();

  const options = { reason: 'ok', how: 'api', digest: null };
  expect(await codeOf(ports.reviews.decide(pending.id, erin, 'approve', options))).toBe('review.own');
  expect(await codeOf(ports.reviews.decide(pending.id, root, 'approve', options))).toBe('review.not-reviewer');
  const stale = { ...options, digest: 'ab'.repeat(32) };
  expect(await codeOf(ports.reviews.decide(pending.id, dana, 'approve', stale))).toBe('review.conflict');
  const decided = await ports.reviews.decide(pending.id, dana, 'approve', { ...options, digest: request.digest });
  expect(decided.review).toMatchObject({
    state: 'approved',
    approvalsGiven: 1,
    decisions: [{ by: { name: 'dana' }, decision: 'approve', reason: 'ok', how: 'api' }],
  });
  await close();
});

test('access is asked for, granted, listed and revoked', async () => {
  const { world, ports, close } = await running();
  const { review } = await ports.reviews.requestAccess(erin, world.resource.name, 'incident 7', 3_600_000, null);
  expect(review).toMatchObject({ kind: 'access', command: null, access: { durationMs: 3_600_000, grant: null } });
  expect(await codeOf(ports.reviews.requestAccess(erin, world.resource.name, null, 3_600_000, null))).toBe(
    'review.reason-required',
  );
  const approved = await ports.reviews.decide(review.id, dana, 'approve', { reason: '', how: 'api', digest: null });
  const grant = approved.review.access!.grant!;
  expect(approved.review.state).toBe('executed');
  const listed = await ports.grants.list({ viewer: erin, scope: 'own', limit: 10, cursor: null });
  expect(listed).toMatchObject({
    grants: [{ id: grant, owner: { id: 'local:erin', name: 'erin' }, access: 'oncall', review: review.id }],
    next: null,
  });
  expect(await codeOf(ports.grants.revoke(grant, loggedIn('mona')))).toBe('review.grant-not-found');
  expect(await codeOf(ports.grants.revoke(grant, erin))).toBe('none');
  expect(await codeOf(ports.grants.revoke(grant, erin))).toBe('review.grant-not-found');
  await close();
});

test('what one asked for and what one may decide come as one list, page by page, each once and in order', async () => {
  const { world, ports, close } = await running();
  const asked: string[] = [];
  for (let index = 0; index < 9; index++) {
    // Dana asks for some herself; she may decide erin's.
    const principal = index % 3 === 0 ? dana : erin;
    const pending = world.reviews.request(
      testRequest({}, undefined, { principal, resource: world.resource }),
      () => {},
    );
    await until(async () => (await store.reviews.get(pending.id)) !== null);
    asked.push(pending.id);
    if (index % 2 === 0) world.clock.advance(10);
  }
  const pages = async (change: Partial<ReviewQuery>): Promise<string[]> => {
    const ids: string[] = [];
    for (let cursor: string | null = null, page = 0; page < 50; page++) {
      const got = await ports.reviews.list(query({ viewer: dana, state: 'pending', limit: 2, ...change, cursor }));
      ids.push(...got.reviews.map(({ id }) => id));
      cursor = got.next;
      if (cursor === null) break;
      expect(cursor).toMatch(/^[A-Za-z0-9._~-]+$/);
    }
    return ids.filter((id) => asked.includes(id));
  };
  const order = [...asked].sort((a, b) => (a < b ? 1 : -1));
  const mine = asked.filter((_, index) => index % 3 === 0);
  const own = await pages({});
  // Ids begin with their time: the latest first.
  expect(own).toEqual(order);
  expect((await pages({ mine: true })).sort()).toEqual([...mine].sort());
  expect((await pages({ mine: false })).sort()).toEqual(asked.filter((id) => !mine.includes(id)).sort());
  expect((await pages({ viewer: root, scope: 'all', limit: 3 })).sort()).toEqual([...order].sort());
  expect(await pages({ viewer: loggedIn('mona') })).toEqual([]);
  await close();
});
