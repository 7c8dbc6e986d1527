/** Two gateways that share a real PostgreSQL, each with a store, a journal and a clock of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReviewOutcome } from '../core/review.ts';
import { erin, loggedIn, testRequest } from '../review/testing/reviews.ts';
import { openStore, type Store } from '../store/index.ts';
import { PostgresServer } from '../store/testing/server.ts';
import { codeOf, ReviewWorld, until } from './fixtures/review-world.ts';
import { createGrants, type GrantService } from './grants.ts';

const server = new PostgresServer();
let stores: readonly [Store, Store];
let one: ReviewWorld;
let two: ReviewWorld;

beforeAll(async () => {
  await server.start();
  const databaseUrl = await server.createDatabase('reviews');
  stores = await Promise.all([openStore({ databaseUrl }), openStore({ databaseUrl })]);
  [one, two] = await Promise.all([new ReviewWorld(stores[0]).start(), new ReviewWorld(stores[1]).start()]);
}, 120_000);

afterAll(async () => {
  await Promise.all([one?.reviews.close(), two?.reviews.close()]);
  await Promise.all(stores?.map((store) => store.close()) ?? []);
  await server.dispose();
}, 60_000);

const decide = (at: ReviewWorld, who: string, id: string, decision: 'approve' | 'deny') =>
  at.reviews.decide(loggedIn(who), id, decision, { reason: '', how: 'api' });

async function hold(approvals = 1) {
  const outcomes: ReviewOutcome[] = [];
  const request = testRequest({ approvals }, undefined, { resource: one.resource });
  const pending = one.reviews.request(request, (outcome) => void outcomes.push(outcome));
  await until(async () => (await stores[1].reviews.get(pending.id)) !== null);
  return { pending, outcomes, digest: request.digest };
}

test('what is decided in one is heard by the other, which waits', async () => {
  const { pending, outcomes, digest } = await hold();
  await decide(two, 'dana', pending.id, 'approve');
  await until(() => outcomes.length === 1);
  expect(outcomes).toEqual([{ state: 'approved', by: ['dana'] }]);
  expect(await pending.claim(digest)).toBeNull();
  // Each gateway's journal has what it did.
  expect(one.types()).toEqual(['review.requested', 'review.ended']);
  expect(two.types()).toEqual(['review.decided']);
});

test('A-REV-05: an approval here and a denial there at the same instant: deny wins, and both journals agree', async () => {
  for (let round = 0; round < 10; round++) {
    const { pending, outcomes, digest } = await hold();
    const codes = await Promise.all([
      codeOf(decide(one, 'dana', pending.id, 'approve')),
      codeOf(decide(two, 'dave', pending.id, 'deny')),
    ]);
    expect(codes[1]).toBe('none');
    expect(['none', 'review.over']).toContain(codes[0]);
    await until(() => outcomes.length === 1);
    expect(await pending.claim(digest)).not.toBeNull();
    expect(await stores[0].reviews.get(pending.id)).toMatchObject({ state: 'denied' });
  }
});

test('A-REV-04: a claim here and a denial there at the same instant: it ran, or it was denied, never both', async () => {
  for (let round = 0; round < 10; round++) {
    const { pending, outcomes, digest } = await hold();
    await decide(two, 'dana', pending.id, 'approve');
    await until(() => outcomes.length === 1);
    const [obstacle, denial] = await Promise.all([
      pending.claim(digest),
      codeOf(decide(two, 'dave', pending.id, 'deny')),
    ]);
    expect([obstacle === null, denial === 'none'].filter(Boolean)).toHaveLength(1);
    const state = obstacle === null ? 'executed' : 'denied';
    expect(await stores[1].reviews.get(pending.id)).toMatchObject({ state });
  }
});

test('A-REV-05: the same person in both at the same instant counts once', async () => {
  const { pending, outcomes } = await hold(2);
  const both = [one, two].map((at) => codeOf(decide(at, 'dana', pending.id, 'approve')));
  expect((await Promise.all(both)).sort()).toEqual(['none', 'review.already-decided']);
  expect(outcomes).toEqual([]);
  pending.withdraw();
  await until(async () => (await stores[1].reviews.get(pending.id))?.state === 'withdrawn');
});

test('I11: a grant that one revokes ends in the other', async () => {
  const ended: string[] = [];
  const open = (at: ReviewWorld, store: Store): Promise<GrantService> =>
    createGrants({ ...at.parts, store, onEnded: (grant, why) => void ended.push(`${grant.id} ${why}`) });
  const [here, there] = await Promise.all([open(one, stores[0]), open(two, stores[1])]);
  two.parts = { ...two.parts, requestable: one.parts.requestable };
  const elsewhere = await createGrants({ ...two.parts, store: stores[1], onEnded: () => {} });
  const ask = { resource: one.resource.name, durationMs: 3_600_000, reason: 'ticket 7' };
  const { id } = await one.reviews.requestAccess(erin, ask);
  const { grant } = await decide(one, 'dana', id, 'approve');
  await until(() => elsewhere.granted(erin.id, one.resource.name) !== null);
  await until(() => here.granted(erin.id, one.resource.name) !== null);
  // A review that another gateway does not know as requestable makes no grant there, and a grant counts for nothing.
  expect(there.granted(erin.id, one.resource.name)).toBeNull();
  await elsewhere.revoke(loggedIn('dave'), grant!);
  await until(() => ended.length === 2);
  expect(ended).toEqual([`${grant} revoked`, `${grant} revoked`]);
  expect(here.granted(erin.id, one.resource.name)).toBeNull();
  for (const grants of [here, there, elsewhere]) grants.close();
});
