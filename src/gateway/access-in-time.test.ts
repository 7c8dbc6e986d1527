/**
 * Access in time, on a real store with a clock that the test owns: windows, ends, locks, grants and their extension, requests
 * that a connection makes, and who reaches what.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { LiveSessions } from '../core/door.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { Session, SessionEnding } from '../core/session.ts';
import { FakeJournal, testResource } from '../core/testing/fakes.ts';
import type { Identity } from '../identity/index.ts';
import { createSecrets, openKeyRing } from '../secrets/index.ts';
import type { Store, StoredObject } from '../store/index.ts';
import { type AccessReport, accessReport } from './access-report.ts';
import { codeOf, testStore, until } from './fixtures/review-world.ts';
import * as limits from './limits.ts';
import { openReviews, type Reviewing } from './open-reviews.ts';
import { endWhatIsRevoked } from './revocation.ts';
import { Snapshot } from './snapshot.ts';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 120_000);
afterAll(() => dispose(), 60_000);

const friday = Date.parse('2026-11-20T12:00:00Z');
const working = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' };
const request = { reviewers: { groups: ['dba'] }, maxDuration: '4h', reasonRequired: false };

let round = 0;
let clock: FakeClock;
let snapshot: Snapshot;
let reviewing: Reviewing;
let report: AccessReport;
let sessions: LiveSessions;
let objects: StoredObject[];
let stopEnding: () => void;
let erin: string;

const object = (kind: string, name: string, spec: object): StoredObject =>
  ({ kind, name, labels: {}, spec, generation: 1, updatedBy: 'adam', updatedAtMs: friday }) as unknown as StoredObject;
const person = (name: string): StoredObject =>
  object('Principal', name, { kind: 'person', roles: ['member'], disabled: false });
const access = (name: string, more: object, who: string = erin): StoredObject =>
  object('Access', name, { match: { principals: { names: [who] }, resources: { names: ['orders'] } }, ...more });
const lock = (name: string, target: object, more: object = {}): StoredObject =>
  object('Lock', name, { target, reason: 'laptop stolen', ...more });

/** As the API's commit does it. */
async function put(...more: StoredObject[]): Promise<void> {
  const names = new Set(more.map(({ kind, name }) => `${kind}/${name}`));
  objects = [...objects.filter(({ kind, name }) => !names.has(`${kind}/${name}`)), ...more];
  await snapshot.reload();
}
async function remove(kind: string, gone: string): Promise<void> {
  objects = objects.filter((one) => one.kind !== kind || one.name !== gone);
  await snapshot.reload();
}

const who = (name: string, authentication: Partial<Principal['authentication']> = {}): Principal => ({
  ...snapshot.principal(name)!,
  authentication: { method: 'token', credentialId: `tok_${name}`, atMs: 0, ...authentication },
});
const orders = (): Resource => testResource({ name: 'orders' });
const decide = (name = erin) => reviewing.authorisation.decide(who(name), orders());

/** A live session, and how it ended. */
function session(id = 'ses_1', principal = who(erin)): SessionEnding[] {
  const endings: SessionEnding[] = [];
  const one = {
    id,
    principal,
    resource: orders(),
    confirmation: null,
    credentialIds: [principal.authentication.credentialId],
    get ended() {
      return endings.length > 0;
    },
    end: (ending: SessionEnding) => void endings.push(ending),
  };
  sessions.add(one as unknown as Session);
  return endings;
}

beforeEach(async () => {
  round++;
  // Everything in the store is by principal: each test has its own.
  erin = `erin-${round}`;
  clock = new FakeClock(friday);
  sessions = new LiveSessions();
  objects = [
    person(erin),
    person('dana'),
    person('dave'),
    person('seth'),
    object('Group', 'dba', { members: ['dana', 'dave'] }),
    object('Group', 'security', { members: ['seth'] }),
    object('Resource', 'orders', { protocol: 'postgres' }),
  ];
  const list = async (kind: string): Promise<StoredObject[]> => objects.filter((one) => one.kind === kind);
  snapshot = new Snapshot({ list }, [], silentLog, { hashKey: Buffer.alloc(32), ledger: null }, clock);
  await snapshot.reload();
  // No protocol is known here, so the resource is given by hand.
  snapshot.resource = async (name) => (name === 'orders' ? orders() : null);
  const keyRing = await openKeyRing({ keys: Buffer.alloc(32, 7).toString('base64') });
  reviewing = await openReviews({
    store,
    snapshot,
    journal: new FakeJournal(),
    clock,
    log: silentLog,
    gateway: `gw_time_${round}`,
    consoleUrl: () => 'https://console.example',
    config: { chat: null, webhooks: [] },
    identity: { listTokens: async () => [] },
    ownSecrets: createSecrets({ keyRing, sealedStore: store.sealed, clock }),
    sessions: () => sessions,
  });
  const { authorisation, grants } = reviewing;
  const identity = { onRevoked: () => () => {}, onResync: () => () => {} } as unknown as Identity;
  stopEnding = endWhatIsRevoked({ clock, sessions, identity, snapshot, authorisation, grants, log: silentLog });
  report = accessReport({ clock, snapshot, store, grants, authorisation });
});
afterEach(async () => {
  stopEnding();
  await reviewing.close();
});

/** Asks for an hour and has it approved. */
async function grant(by = 'dana', durationMs = 3_600_000, extended: string | null = null): Promise<string> {
  const ask = { resource: 'orders', durationMs, reason: 'ticket 7', extends: extended };
  const { id } = await reviewing.reviews.requestAccess(who(erin), ask);
  const review = await reviewing.reviews.decide(who(by), id, 'approve', { reason: '', how: 'api' });
  const found = review.grant!;
  await until(() => reviewing.grants.live(who(erin).id, 'orders').some((one) => one.id === found));
  return found;
}

describe('a window', () => {
  test('ends the live session when it closes, with when it opens next, and opens again on time', async () => {
    await put(access('working', { windows: [working] }));
    const endings = session();
    expect(decide()).toEqual({ granted: true, rule: 'working' });
    // Until 17:00 UTC.
    clock.advance(5 * 3_600_000 - 1);
    expect(endings).toEqual([]);
    clock.advance(1_000);
    expect(endings).toMatchObject([
      {
        reason: 'locked',
        code: 'core.access-closed',
        message: expect.stringContaining('Mon 23 Nov 2026, 08:00 (Europe/Berlin)') as string,
      },
    ]);
    const opensAtMs = Date.parse('2026-11-23T07:00:00Z');
    expect(decide()).toMatchObject({
      granted: false,
      refusal: { kind: 'closed', opensAtMs, timeZone: 'Europe/Berlin' },
    });
    clock.advance(opensAtMs - clock.now());
    expect(decide().granted).toBe(true);
  });

  test('a clock that is set into the night closes it as well', async () => {
    await put(access('working', { windows: [working] }));
    const endings = session();
    clock.stepWall(-12 * 3_600_000);
    clock.advance(1_000);
    expect(endings).toHaveLength(1);
  });

  test('of Access on request holds for its grants, and for who asks by connecting', async () => {
    await put(access('asked', { request: { ...request, onConnect: 'wait' }, windows: [working] }));
    expect(decide().refusal).toEqual({ kind: 'ask', durationMs: 3_600_000, reasonRequired: false, waits: true });
    await grant('dana', 4 * 3_600_000);
    await until(() => decide().granted);
    clock.advance(2 * 3_600_000);
    await grant('dana', 4 * 3_600_000);
    const endings = session();
    clock.advance(3 * 3_600_000 + 1_000);
    expect(endings).toMatchObject([{ code: 'core.access-closed' }]);
    expect(decide()).toMatchObject({ granted: false, refusal: { kind: 'closed' } });
    expect(await reviewing.requests.ask(who(erin), orders(), 'psql')).toBeNull();
  });

  test('the end of a standing Access ends its sessions, and it is as if it were not there', async () => {
    await put(access('for-now', { until: '2026-11-20T13:00:00Z' }));
    const endings = session();
    clock.advance(3_600_000 - 1_000);
    expect(endings).toEqual([]);
    clock.advance(2_000);
    expect(endings).toMatchObject([{ message: 'Your access to this resource has ended.' }]);
    expect(decide()).toEqual({ granted: false, rule: 'none' });
  });
});

describe('a lock', () => {
  test.each([
    ['principal', () => ({ principal: erin })],
    ['resource', () => ({ resource: 'orders' })],
    ['session', () => ({ session: 'ses_1' })],
    ['token', () => ({ token: `tok_${erin}` })],
  ])('of a %s ends the session at once, says which lock and why, and a grant does not help', async (kind, target) => {
    await put(access('standing', {}), access('asked', { request }));
    await grant();
    const endings = session();
    await put(lock('shut', target()));
    expect(endings).toMatchObject([{ code: 'core.locked', message: 'Locked by shut: laptop stolen.' }]);
    const refusal = { kind: 'locked', lock: 'shut', reason: 'laptop stolen' };
    if (kind === 'session') expect(decide().granted).toBe(true);
    else expect(decide()).toEqual({ granted: false, rule: 'lock:shut', refusal });
    await remove('Lock', 'shut');
    expect(decide().granted).toBe(true);
  });

  test('of an agent holds wherever it acts for somebody', async () => {
    await put(access('standing', {}));
    const actors = [{ issuer: 'i', subject: 's', name: 'bot' }];
    const endings = session('ses_1', who(erin, { actors }));
    const own = session('ses_2');
    await put(lock('shut', { agent: 'bot' }));
    expect([endings.length, own.length]).toEqual([1, 0]);
  });

  test('says nothing of a resource to who has no Access to it', async () => {
    await put(lock('a', { principal: erin }), lock('b', { resource: 'orders' }));
    expect(decide()).toEqual({ granted: false, rule: 'none' });
  });

  test('ends by itself on time', async () => {
    await put(access('standing', {}), lock('shut', { principal: erin }, { until: '2026-11-20T13:00:00Z' }));
    clock.advance(3_600_000 - 1);
    expect(decide().granted).toBe(false);
    clock.advance(1);
    expect(decide().granted).toBe(true);
  });

  test('that cannot be understood lets nobody in', async () => {
    await put(access('standing', {}), object('Lock', 'odd', { target: { ghost: 'x' }, reason: 'x' }));
    expect(decide()).toMatchObject({ granted: false, refusal: { kind: 'locked', lock: 'odd' } });
    // It is mended through the API.
    expect(report.lockOf(who(erin), 'tok_1')).toBeNull();
  });

  test('of a reviewer: what it approves does not count, and what it approved counts no more', async () => {
    await put(access('asked', { request: { ...request, approvals: 2 } }));
    const { reviews } = reviewing;
    const { id } = await reviews.requestAccess(who(erin), { resource: 'orders', durationMs: 3_600_000, reason: 'x' });
    const approve = (name: string) => reviews.decide(who(name), id, 'approve', { reason: '', how: 'api' });
    await approve('dana');
    await put(lock('shut', { principal: 'dana' }));
    expect(await codeOf(approve('dana'))).toBe('review.not-found');
    await put(object('Group', 'dba', { members: ['dana', 'dave', 'seth'] }));
    expect(await approve('dave')).toMatchObject({ state: 'pending' });
    expect(await approve('seth')).toMatchObject({ state: 'executed' });
  });

  test('of who asked: nothing is granted', async () => {
    await put(access('asked', { request }));
    const { reviews } = reviewing;
    const { id } = await reviews.requestAccess(who(erin), { resource: 'orders', durationMs: 3_600_000, reason: 'x' });
    await put(lock('shut', { principal: erin }));
    const review = await reviews.decide(who('dana'), id, 'approve', { reason: '', how: 'api' });
    expect(review).toMatchObject({ state: 'refused', grant: null });
  });
});

describe('several reviewers', () => {
  test('approvals of several groups add up, one for each person', async () => {
    await put(access('asked', { request: { ...request, approvals: 2, reviewers: { groups: ['dba', 'security'] } } }));
    const { reviews } = reviewing;
    const { id } = await reviews.requestAccess(who(erin), { resource: 'orders', durationMs: 3_600_000, reason: 'x' });
    const approve = (name: string) => reviews.decide(who(name), id, 'approve', { reason: '', how: 'api' });
    expect(await approve('seth')).toMatchObject({ state: 'pending' });
    expect(await codeOf(approve('seth'))).toBe('review.already-decided');
    expect(await approve('dana')).toMatchObject({ state: 'executed' });
  });
});

describe('an extension', () => {
  test('lets a live session go on without a gap, and ends it at the new end', async () => {
    await put(access('asked', { request }));
    const first = await grant();
    const endings = session();
    clock.advance(1_800_000);
    expect(await grant('dave', 3_600_000, first)).toBe(first);
    const endsAt = friday + 7_200_000;
    await until(() => reviewing.grants.live(who(erin).id, 'orders')[0]?.expiresAtMs === endsAt);
    clock.advance(1_800_000);
    expect([endings.length, decide().rule]).toEqual([0, `grant:${first}`]);
    clock.advance(3_600_000);
    expect(endings).toMatchObject([{ message: expect.stringContaining('has ended') as string }]);
    // Asked for again, from the beginning.
    expect(await grant()).not.toBe(first);
  });

  test('reaches no further ahead than a new grant would', async () => {
    await put(access('asked', { request }));
    const first = await grant('dana', 4 * 3_600_000);
    await grant('dave', 4 * 3_600_000, first);
    clock.advance(3_600_000);
    await grant('dave', 4 * 3_600_000, first);
    const latest = friday + 5 * 3_600_000;
    await until(() => reviewing.grants.live(who(erin).id, 'orders')[0]?.expiresAtMs === latest);
  });

  test('is of one’s own running grant on this resource only', async () => {
    await put(access('asked', { request }), access('dave-asks', { request }, 'dave'));
    const first = await grant();
    const ask = (name: string, grantId: string): Promise<string> =>
      codeOf(
        reviewing.reviews.requestAccess(who(name), {
          resource: 'orders',
          durationMs: 3_600_000,
          reason: 'x',
          extends: grantId,
        }),
      );
    expect(await ask('dave', first)).not.toBe('none');
    expect(await ask(erin, 'grt_none')).toBe('review.not-extendable');
    clock.advance(3_600_000);
    expect(await ask(erin, first)).toBe('review.not-extendable');
  });

  test('of what was revoked meanwhile grants nothing; of what is over, a new grant from approval', async () => {
    await put(access('asked', { request }));
    const { reviews, grants } = reviewing;
    const extend = async (id: string) =>
      (await reviews.requestAccess(who(erin), { resource: 'orders', durationMs: 3_600_000, reason: 'x', extends: id }))
        .id;
    const approve = (id: string) => reviews.decide(who('dana'), id, 'approve', { reason: '', how: 'api' });
    const first = await grant();
    const revoked = await extend(first);
    await grants.revoke(who('dana'), first);
    expect(await approve(revoked)).toMatchObject({ state: 'refused', grant: null });
    const second = await grant();
    const late = await extend(second);
    clock.advance(3_600_000);
    const review = await approve(late);
    expect(review).toMatchObject({ state: 'executed' });
    expect(review.grant).not.toBe(second);
  });
});

describe('connecting asks', () => {
  const waiting = { request: { ...request, onConnect: 'wait', defaultDuration: '2h' } };

  test('once for many connections, with what connects as the reason, and opens when it is approved', async () => {
    await put(access('asked', waiting));
    const [first, second] = await Promise.all(
      ['psql', 'psql'].map((client) => reviewing.requests.ask(who(erin), orders(), client)),
    );
    expect(first!.review).toBe(second!.review);
    expect(first).toMatchObject({
      link: `https://console.example/reviews/${first!.review}`,
      audience: expect.stringContaining('dba') as string,
    });
    const found = await reviewing.reviews.get(who('dana'), first!.review);
    expect(found?.review).toMatchObject({ reason: 'by connecting with psql', subject: { durationMs: 7_200_000 } });
    await reviewing.reviews.decide(who('dana'), first!.review, 'approve', { reason: '', how: 'api' });
    await until(() => decide().granted);
    clock.advance(limits.accessLookMs);
    await Promise.all([first!.outcome, second!.outcome]);
  });

  test('who leaves takes nothing back, and joins the same request when coming again', async () => {
    await put(access('asked', waiting));
    const first = (await reviewing.requests.ask(who(erin), orders(), 'psql'))!;
    first.leave();
    expect(await codeOf(first.outcome)).toBe('core.access-pending');
    const again = (await reviewing.requests.ask(who(erin), orders(), 'ssh'))!;
    expect(again.review).toBe(first.review);
    again.leave();
  });

  test('waits no longer than it may, and then says where the request is', async () => {
    await put(access('asked', waiting));
    const { outcome } = (await reviewing.requests.ask(who(erin), orders(), 'psql'))!;
    const code = codeOf(outcome);
    clock.advance(limits.accessWaitMs);
    expect(await code).toBe('core.access-pending');
  });

  test('after a denial it says so, and asks no more for a while', async () => {
    await put(access('asked', waiting));
    const { review, outcome } = (await reviewing.requests.ask(who(erin), orders(), 'psql'))!;
    await reviewing.reviews.decide(who('dana'), review, 'deny', { reason: 'not today', how: 'api' });
    await expect(outcome).rejects.toMatchObject({
      code: 'core.access-refused',
      publicMessage: expect.stringContaining('denied by dana: not today') as string,
    });
    expect(await codeOf(reviewing.requests.ask(who(erin), orders(), 'psql'))).toBe('core.access-refused');
    clock.advance(limits.deniedQuietMs);
    const again = await reviewing.requests.ask(who(erin), orders(), 'psql');
    expect(again?.review).not.toBe(review);
    again?.leave();
  });

  test('nobody where a reason is required, or the Access does not say so: its person is told how', async () => {
    for (const change of [{ reasonRequired: true }, { onConnect: 'tell' }]) {
      await put(access('asked', { request: { ...waiting.request, ...change } }));
      expect(decide().refusal).toMatchObject({ kind: 'ask', waits: false });
      expect(await reviewing.requests.ask(who(erin), orders(), 'psql')).toBeNull();
    }
  });
});

test('who reaches what: every way, by whom, and what takes it away', async () => {
  await put(
    access('standing', { windows: [working], stepUp: true }),
    access('asked', { request }),
    lock('shut', { resource: 'orders' }),
  );
  await store.sessions.upsertOpened({
    id: `ses_${round}`,
    principalName: erin,
    principalId: who(erin).id,
    principalKind: 'person',
    groups: [],
    resource: 'orders',
    protocol: 'postgres',
    source: '127.0.0.1',
    recording: 'strict',
    access: 'standing',
    client: {},
    startedAtMs: friday,
    openSeq: 1,
    gateway: 'gw',
  });
  await remove('Lock', 'shut');
  const id = await grant();
  await put(lock('shut', { resource: 'orders' }));
  const own = {
    principal: erin,
    kind: 'person',
    resource: 'orders',
    locked: 'shut',
    counts: false,
    lastUsed: '2026-11-20T12:00:00.000Z',
  };
  expect(await report.what(erin)).toMatchObject([
    {
      ...own,
      access: 'standing',
      how: 'standing',
      stepUp: true,
      windows: expect.stringContaining('08:00') as string,
      grantedBy: ['adam'],
    },
    {
      ...own,
      access: 'asked',
      how: 'request',
      grant: null,
      asking: { maxSeconds: 4 * 3600, defaultSeconds: null, reasonRequired: false, approvals: 1, waits: false },
    },
    { ...own, access: 'asked', how: 'grant', grant: id, grantedBy: ['dana'], until: '2026-11-20T13:00:00.000Z' },
  ]);
  expect(await report.what('dana')).toEqual([]);
  const { reach, next } = await report.who('orders', { limit: 10, after: null });
  expect([reach.length, next]).toEqual([3, null]);
  expect(await report.who('nothing', { limit: 10, after: null })).toEqual({ reach: [], next: null });
  const all = [];
  for await (const one of report.all(new AbortController().signal)) all.push(one);
  expect(all).toEqual(reach);
});
