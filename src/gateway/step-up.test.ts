/**
 * Which Access takes a step-up, standing and on request together, and what becomes of live sessions when that changes.
 * Store, snapshot, reviews and grants are the real ones; the whole gateway stands in test/e2e/step-up.test.ts.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Session } from '../core/session.ts';
import type { Confirmation } from '../core/step-up.ts';
import { FakeJournal, testResource } from '../core/testing/fakes.ts';
import { createProtocols } from '../protocols/registry.ts';
import { erin, loggedIn } from '../review/testing/reviews.ts';
import { createSecrets, openKeyRing } from '../secrets/index.ts';
import type { Store, StoredObject } from '../store/index.ts';
import { testStore, until } from './fixtures/review-world.ts';
import { openReviews, type Reviewing } from './open-reviews.ts';
import { Snapshot } from './snapshot.ts';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 120_000);
afterAll(() => dispose(), 60_000);

let objects: StoredObject[];
let snapshot: Snapshot;
let reviewing: Reviewing;
let round = 0;

const object = (kind: string, name: string, spec: object): StoredObject =>
  ({ kind, name, labels: {}, spec, generation: 1 }) as unknown as StoredObject;
const access = (name: string, more: object = {}): StoredObject =>
  object('Access', name, { match: { principals: { names: ['erin'] }, resources: { names: ['orders'] } }, ...more });
const onRequest = { request: { reviewers: { names: ['dana'] }, maxDuration: '4h' } };
const resource = { protocol: 'postgres', address: 'db:5432', tls: { mode: 'disable' }, recording: 'strict' };
const person = (name: string): StoredObject =>
  object('Principal', name, { kind: 'person', roles: ['member'], disabled: false });

beforeEach(async () => {
  objects = [person('erin'), person('dana'), object('Resource', 'orders', resource)];
  const list = async (kind: string): Promise<StoredObject[]> => objects.filter((one) => one.kind === kind);
  snapshot = new Snapshot({ list }, [...createProtocols().values()], silentLog, {
    hashKey: Buffer.alloc(32),
    ledger: null,
  });
  await snapshot.reload();
  const keyRing = await openKeyRing({ keys: Buffer.alloc(32, 7).toString('base64') });
  const clock = new FakeClock();
  reviewing = await openReviews({
    store,
    snapshot,
    journal: new FakeJournal(),
    clock,
    log: silentLog,
    gateway: `gw_step_up_${round++}`,
    consoleUrl: () => '',
    config: { chat: null, webhooks: [] },
    identity: { listTokens: async () => [] },
    ownSecrets: createSecrets({ keyRing, sealedStore: store.sealed, clock }),
    sessions: () => null,
  });
});
afterEach(async () => {
  for (const { id } of await reviewing.grants.list(erin, { scope: 'own', isLive: true }, { limit: 50, after: null }))
    await reviewing.grants.revoke(erin, id);
  await reviewing.close();
});

const orders = testResource({ name: 'orders' });
const decide = () => reviewing.authorisation.decide(erin, orders);

async function configure(...more: readonly StoredObject[]): Promise<void> {
  objects = [...objects.filter(({ kind }) => kind !== 'Access'), ...more];
  await snapshot.reload();
}

/** Asks for an hour under an Access on request, and has it approved. */
async function grant(): Promise<string> {
  const ask = { resource: 'orders', durationMs: 3_600_000, reason: 'ticket 7' };
  const { id } = await reviewing.reviews.requestAccess(erin, ask);
  await reviewing.reviews.decide(loggedIn('dana'), id, 'approve', { reason: '', how: 'api' });
  await until(() => reviewing.grants.granted(erin.id, 'orders') !== null);
  return `grant:${reviewing.grants.granted(erin.id, 'orders')!.id}`;
}

describe('who owes a step-up', () => {
  test('whom every Access asks for one; one without lets in without', async () => {
    await configure(access('a', { stepUp: true }));
    expect(decide()).toEqual({ granted: true, rule: 'a', stepUp: true });
    await configure(access('a', { stepUp: true }), access('z', { stepUp: false }));
    expect(decide()).toEqual({ granted: true, rule: 'z' });
  });

  test('a grant under an Access that asks takes one, and another grant without goes before standing Access with', async () => {
    await configure(access('asked', { ...onRequest, stepUp: true }));
    const rule = await grant();
    expect(decide()).toEqual({ granted: true, rule, stepUp: true });
    await configure(access('asked', onRequest), access('a', { stepUp: true }));
    expect(decide()).toEqual({ granted: true, rule });
    await configure(access('asked', { ...onRequest, stepUp: true }), access('a', { stepUp: true }));
    expect(decide()).toEqual({ granted: true, rule: 'a', stepUp: true });
    await configure(access('asked', { ...onRequest, stepUp: true }), access('a'));
    expect(decide()).toEqual({ granted: true, rule: 'a' });
  });

  test('what is neither true nor false grants nothing, on request neither', async () => {
    await configure(access('a', { stepUp: 'yes' }), access('asked', { ...onRequest, stepUp: 'yes' }));
    expect(decide()).toEqual({ granted: false, rule: 'none' });
    const ask = { resource: 'orders', durationMs: 3_600_000, reason: 'ticket 7' };
    await expect(reviewing.reviews.requestAccess(erin, ask)).rejects.toMatchObject({ code: 'review.not-requestable' });
  });

  test('groups are those of now, not those of the proof', async () => {
    const match = { principals: { groups: ['ops'] }, resources: { names: ['orders'] } };
    objects.push(object('Group', 'ops', { members: ['erin'] }));
    await configure(object('Access', 'ops', { match }));
    expect(decide().granted).toBe(true);
    const stale = { ...erin, groups: ['ops'] };
    objects = objects.filter(({ kind }) => kind !== 'Group');
    await snapshot.reload();
    expect(reviewing.authorisation.decide(stale, orders)).toEqual({ granted: false, rule: 'none' });
  });
});

test('a live session goes on where something still opens what it is, as it was confirmed', async () => {
  const confirmation: Confirmation = { method: 'approval', credentialId: 'tok_9', proof: 'sign-on', atMs: 0 };
  const standing = (given: Confirmation | null) =>
    reviewing.authorisation.standing({ principal: erin, resource: orders, confirmation: given } as unknown as Session);
  await configure(access('a', { stepUp: true }), access('z'));
  expect([standing(null), standing(confirmation)]).toEqual(['stays', 'stays']);
  await configure(access('a', { stepUp: true }));
  expect([standing(null), standing(confirmation)]).toEqual(['unconfirmed', 'stays']);
  await configure();
  expect([standing(null), standing(confirmation)]).toEqual(['ended', 'ended']);
});
