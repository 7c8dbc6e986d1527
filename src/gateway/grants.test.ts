import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LiveSessions } from '../core/door.ts';
import type { Session } from '../core/session.ts';
import { entry, erin, loggedIn } from '../review/testing/reviews.ts';
import type { Store, StoredGrant } from '../store/index.ts';
import { codeOf, ReviewWorld, testStore, until } from './fixtures/review-world.ts';
import { createGrants, endSessionsOf, type GrantParts, type GrantService } from './grants.ts';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 120_000);
afterAll(() => dispose(), 60_000);

interface At {
  readonly world: ReviewWorld;
  readonly grants: GrantService;
  readonly ended: (readonly [string, string])[];
  granted(): StoredGrant | null;
  close(): Promise<void>;
}

async function start(change: Partial<GrantParts> = {}, world?: ReviewWorld): Promise<At> {
  const at = world ?? (await new ReviewWorld(store).start());
  const ended: (readonly [string, string])[] = [];
  const grants = await createGrants({
    ...at.parts,
    store,
    onEnded: (grant, why) => void ended.push([grant.id, why]),
    ...change,
  });
  return {
    world: at,
    grants,
    ended,
    granted: () => grants.granted('local:erin', at.resource.name),
    close: async () => {
      grants.close();
      await at.reviews.close();
    },
  };
}

/** Asks for an hour and has it approved; resolves when the grant is in force. */
async function grant({ world, granted }: At, durationMs = 3_600_000): Promise<StoredGrant> {
  const ask = { resource: world.resource.name, durationMs, reason: 'ticket 7' };
  const { id } = await world.reviews.requestAccess(erin, ask);
  expect(granted()).toBeNull();
  await world.reviews.decide(loggedIn('dana'), id, 'approve', { reason: '', how: 'api' });
  await until(() => granted() !== null);
  return granted()!;
}

describe('just-in-time access', () => {
  test('a grant lives from its approval, and ends at its time to the millisecond', async () => {
    const at = await start();
    const { world, granted, ended } = at;
    const ask = { resource: world.resource.name, durationMs: 3_600_000, reason: 'ticket 7' };
    const { id } = await world.reviews.requestAccess(erin, ask);
    // An hour of waiting takes nothing from it.
    world.clock.advance(3_600_000);
    const review = await world.reviews.decide(loggedIn('dana'), id, 'approve', { reason: 'ok', how: 'api' });
    expect(review).toMatchObject({ state: 'executed', grant: expect.stringMatching(/^grt_/) });
    await until(() => granted() !== null);
    const expiresAtMs = world.clock.now() + 3_600_000;
    expect(granted()).toMatchObject({ id: review.grant, access: 'oncall', expiresAtMs });
    expect(world.types()).toEqual(['review.requested', 'review.decided', 'review.ended', 'grant.changed']);
    expect(at.grants.granted('local:dana', world.resource.name)).toBeNull();
    expect(at.grants.granted('local:erin', 'another')).toBeNull();
    world.clock.advance(3_599_999);
    expect(granted()).not.toBeNull();
    world.clock.advance(1);
    expect(granted()).toBeNull();
    expect(ended).toEqual([[review.grant, 'expired']]);
    expect(world.journal.events.at(-1)).toMatchObject({ type: 'grant.changed', action: 'expired', owner: 'erin' });
    await at.close();
  });

  test('setting the wall clock back lengthens nothing, forward ends it (F-15)', async () => {
    const at = await start();
    await grant(at);
    at.world.clock.stepWall(-86_400_000);
    at.world.clock.advance(3_600_000);
    expect(at.granted()).toBeNull();
    await grant(at);
    at.world.clock.stepWall(3_600_000);
    expect(at.granted()).toBeNull();
    await at.close();
  });

  test('opens nothing while the Access that allowed it is gone', async () => {
    const at = await start();
    await grant(at);
    const terms = at.world.requestTerms;
    at.world.requestTerms = null;
    expect(at.granted()).toBeNull();
    at.world.requestTerms = terms;
    expect(at.granted()).not.toBeNull();
    await at.close();
  });

  test('is not taken away by another Access that comes to match as well', async () => {
    const at = await start();
    const { id } = await grant(at);
    at.world.requestNames = ['first', 'oncall'];
    expect(at.granted()).toMatchObject({ id });
    at.world.requestNames = ['first'];
    expect(at.granted()).toBeNull();
    await at.close();
  });

  test('approval after the Access has gone grants nothing', async () => {
    const at = await start();
    const { id } = await at.world.reviews.requestAccess(erin, {
      resource: at.world.resource.name,
      durationMs: 60_000,
      reason: 'x',
    });
    at.world.requestTerms = null;
    const review = await at.world.reviews.decide(loggedIn('dana'), id, 'approve', { reason: '', how: 'api' });
    expect(review).toMatchObject({ state: 'refused', grant: null });
    await at.close();
  });

  test('no longer than the Access allows when it is approved', async () => {
    const at = await start();
    const { id } = await at.world.reviews.requestAccess(erin, {
      resource: at.world.resource.name,
      durationMs: 8 * 3_600_000,
      reason: 'x',
    });
    at.world.requestTerms = { reviewers: { groups: ['dba'] }, maxDuration: '1h' };
    await at.world.reviews.decide(loggedIn('dana'), id, 'approve', { reason: '', how: 'api' });
    await until(() => at.granted() !== null);
    expect(at.granted()!.expiresAtMs).toBe(at.world.clock.now() + 3_600_000);
    await at.close();
  });

  test('what may be asked: a resource that may be requested, a time within bounds, a reason', async () => {
    const at = await start();
    const { reviews, resource } = at.world;
    const ask = (change: object, who = erin) =>
      codeOf(reviews.requestAccess(who, { resource: resource.name, durationMs: 60_000, reason: 'x', ...change }));
    expect(await ask({ resource: 'absent' })).toBe('review.not-requestable');
    expect(await ask({}, loggedIn('mona'))).toBe('review.not-requestable');
    expect(await ask({ reason: ' ' })).toBe('review.reason-required');
    const maxMs = 8 * 3_600_000;
    for (const durationMs of [59_999, maxMs + 1, Number.NaN, -1])
      expect(await ask({ durationMs })).toBe('review.duration');
    for (const durationMs of [60_000, maxMs]) expect(await ask({ durationMs })).toBe('none');
    await at.close();
  });

  test('a request expires where nobody decides', async () => {
    const at = await start();
    const ask = { resource: at.world.resource.name, durationMs: 60_000, reason: 'x' };
    const { id, expiresAtMs } = await at.world.reviews.requestAccess(erin, ask);
    at.world.clock.advance(expiresAtMs - at.world.clock.now());
    await until(async () => {
      at.world.clock.advance(5_000);
      return (await store.reviews.get(id))?.state === 'expired';
    });
    await at.close();
  });
});

describe('revocation (I11)', () => {
  test.each([
    ['its owner', erin],
    ['an administrator', loggedIn('root', { roles: ['admin'] })],
    ['a reviewer', loggedIn('dave')],
  ])('by %s ends it at once', async (_, principal) => {
    const at = await start();
    const { id } = await grant(at);
    await at.grants.revoke(principal, id);
    expect(at.granted()).toBeNull();
    expect(at.ended).toEqual([[id, 'revoked']]);
    expect(at.world.journal.events.at(-1)).toMatchObject({
      type: 'grant.changed',
      action: 'revoked',
      principal: { name: principal.name },
    });
    expect(await codeOf(at.grants.revoke(principal, id))).toBe('review.grant-not-found');
    await at.close();
  });

  test('by others does nothing, and tells them nothing', async () => {
    const at = await start();
    const { id } = await grant(at);
    for (const who of [loggedIn('mona'), loggedIn('stranger'), loggedIn('root', { roles: ['auditor'] })]) {
      expect(await codeOf(at.grants.revoke(who, id))).toBe('review.grant-not-found');
    }
    expect(await codeOf(at.grants.revoke(erin, 'grt_absent'))).toBe('review.grant-not-found');
    expect(at.granted()).not.toBeNull();
    await at.close();
  });

  test('in another gateway on the store is heard here', async () => {
    const at = await start();
    const other = await start({}, at.world);
    const { id } = await grant(at);
    await until(() => other.granted() !== null);
    await other.grants.revoke(erin, id);
    await until(() => at.ended.length === 1);
    expect(at.granted()).toBeNull();
    other.grants.close();
    await at.close();
  });

  test('that was missed is found when everything is read again', async () => {
    let notice: (one: { type: 'resync' }) => void = () => {};
    const deaf = {
      reviews: store.reviews,
      grants: {
        get: (id: string) => store.grants.get(id),
        list: (...args: Parameters<Store['grants']['list']>) => store.grants.list(...args),
        revoke: (...args: Parameters<Store['grants']['revoke']>) => store.grants.revoke(...args),
        onChange: (listener: typeof notice) => {
          notice = listener;
          return () => {};
        },
      },
    };
    const at = await start();
    const { id } = await grant(at);
    const missed = await start({ store: deaf as GrantParts['store'] }, at.world);
    expect(missed.granted()).toMatchObject({ id });
    await at.grants.revoke(erin, id);
    expect(missed.granted()).not.toBeNull();
    notice({ type: 'resync' });
    await until(() => missed.ended.length === 1);
    expect(missed.granted()).toBeNull();
    missed.grants.close();
    await at.close();
  });

  test('a principal who is gone loses the grant for good, whoever takes the name later (I15)', async () => {
    const at = await start();
    const { id } = await grant(at);
    await at.grants.revokeOfGone();
    expect(at.granted()).not.toBeNull();
    at.world.directory.entries.delete('local:erin');
    await at.grants.revokeOfGone();
    at.world.directory.entries.set('local:erin', entry('erin', ['engineering']));
    expect(at.granted()).toBeNull();
    // The store is shared with the cases above, whose grants of the same principal end as well.
    expect(at.ended).toContainEqual([id, 'revoked']);
    expect(await store.grants.get(id)).toMatchObject({ revokedBy: 'gateway' });
    expect(at.world.journal.events.at(-1)).toMatchObject({ action: 'revoked', principal: null });
    await at.close();
  });

  test('I15: a restart brings back what lives, and nothing that had ended', async () => {
    const at = await start();
    const { id: revoked } = await grant(at);
    await at.grants.revoke(erin, revoked);
    await grant(at, 60_000);
    at.world.clock.advance(60_000);
    const { id: alive } = await grant(at);
    at.grants.close();
    const again = await start({}, at.world);
    expect(again.granted()).toMatchObject({ id: alive });
    expect(again.ended).toEqual([]);
    await again.grants.revoke(erin, alive);
    expect(again.granted()).toBeNull();
    await again.close();
  });

  test('a journal that fails: the grant stays as it is, and the caller is told', async () => {
    const at = await start();
    const { id } = await grant(at);
    at.world.journal.fail();
    expect(await codeOf(at.grants.revoke(erin, id))).toBe('core.journal-unavailable');
    expect(await store.grants.get(id)).toMatchObject({ revokedAtMs: null });
    await at.close();
  });
});

test('sessions that rest on a grant end with it, and no others (I11)', () => {
  const ended: string[] = [];
  const sessions = new LiveSessions();
  const add = (id: string, principal: typeof erin, resource: string): void => {
    const end = ({ reason }: { reason: string }): void => void ended.push(`${id} ${reason}`);
    sessions.add({ id, principal, resource: { name: resource }, ended: false, end } as unknown as Session);
  };
  add('ses_1', erin, 'orders');
  add('ses_2', erin, 'shop');
  add('ses_3', loggedIn('dana'), 'orders');
  const grant = { principalId: erin.id, resource: 'orders' } as StoredGrant;
  expect(endSessionsOf(sessions, grant, 'expired', () => true)).toBe(0);
  expect(endSessionsOf(sessions, grant, 'expired', () => false)).toBe(1);
  expect(ended).toEqual(['ses_1 locked']);
});

test('lists: one’s own, everyone’s for administrators and auditors', async () => {
  const at = await start();
  const { id } = await grant(at);
  const has = async (viewer: typeof erin, scope: 'own' | 'all') =>
    (await at.grants.list(viewer, { scope, isLive: true }, { limit: 100 })).some((one) => one.id === id);
  expect(await has(erin, 'own')).toBe(true);
  expect(await has(loggedIn('dana'), 'own')).toBe(false);
  expect(await has(loggedIn('dana'), 'all')).toBe(false);
  expect(await has(loggedIn('root', { roles: ['auditor'] }), 'all')).toBe(true);
  await at.close();
});
