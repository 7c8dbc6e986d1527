/** What SCIM writes and what counts of it, on a real store: users with their principals, groups with what they give. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { contractLimits } from '../api/contract/index.ts';
import type { ScimGroup, ScimOutcome, ScimStore, ScimUser, StoredScim } from '../api/index.ts';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { FakeJournal } from '../core/testing/fakes.ts';
import type { JsonObject, Store } from '../store/index.ts';
import { testStore } from './fixtures/review-world.ts';
import { singleReadsMax } from './limits.ts';
import { createProvisioning, type Provisioning } from './provisioning.ts';
import { createScim } from './scim.ts';
import { onConfigured, Snapshot } from './snapshot.ts';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 120_000);
afterAll(() => dispose(), 60_000);

let round = 0;
let issuer: string;
let corp: string;
let journal: FakeJournal;
let snapshot: Snapshot;
let provisioning: Provisioning;
let scim: ScimStore;
let revoked: string[];

async function put(kind: string, name: string, body: object): Promise<void> {
  await store.objects.put({ kind, name, labels: {}, spec: body as JsonObject, by: 'test', expectedGeneration: null });
  await snapshot.reload();
}

async function configure(more: object = {}): Promise<void> {
  const spec = {
    type: 'oidc',
    issuer,
    clientId: 'c',
    scopes: [],
    subject: 'sub',
    private: false,
    sessionLifetime: 3600,
  };
  const groups = { claim: 'groups', map: { dev: 'engineering' }, prefix: 'corp-' };
  const settings = { principal: 'provisioner', subject: 'externalId', groups: 'displayName', ...more };
  await put('IdentityProvider', corp, { ...spec, groups, scim: settings, name: { claim: 'x', domain: 'corp.test' } });
}

beforeEach(async () => {
  round++;
  issuer = `https://corp-${round}.example`;
  corp = `corp-${round}`;
  journal = new FakeJournal();
  revoked = [];
  const clock = new FakeClock();
  snapshot = new Snapshot(store.objects, [], silentLog, { hashKey: Buffer.alloc(32), ledger: null });
  const identity = {
    revokeTokensOf: async (name: string) => {
      revoked.push(name);
      return [];
    },
  };
  provisioning = createProvisioning({ store, snapshot, journal, identity, clock });
  scim = createScim({ clock, store, snapshot, provisioning });
  await configure();
});

const document = (name: string, more: Partial<ScimUser> = {}): ScimUser => ({
  userName: `${name}-${round}@corp.test`,
  externalId: `u-${name}`,
  emails: [],
  active: true,
  ...more,
});

function done<T>(outcome: ScimOutcome<T>): StoredScim<T> {
  expect(outcome).toMatchObject({ outcome: 'done' });
  return (outcome as Extract<ScimOutcome<T>, { outcome: 'done' }>).stored;
}

const make = async (name: string, more: Partial<ScimUser> = {}) =>
  done(await scim.users.create(corp, document(name, more)));
const group = async (displayName: string, members: readonly string[], more: Partial<ScimGroup> = {}) =>
  done(await scim.groups.create(corp, { displayName, members, ...more }));
const entry = (name: string) => snapshot.principal(`${name}-${round}`);
const groupsOf = (name: string) => entry(name)?.groups;
const kept = async (kind: string) =>
  (await store.objects.list(kind, { limit: 1000 })).filter(({ name }) => name.startsWith(`${corp}/`));

describe('users', () => {
  test('one is a principal of the provider, named by its rule, and found again', async () => {
    const { id, version } = await make('ana', {
      displayName: 'Ana Lima',
      emails: [
        { value: 'ana@home.test', type: 'home' },
        { value: 'ana@corp.test', type: 'work' },
      ],
    });
    expect([id.startsWith('scu_'), version]).toEqual([true, 1]);
    expect(entry('ana')).toMatchObject({ id: `${issuer}:u-ana`, roles: ['member'], groups: [], disabled: false });
    const { spec } = (await store.objects.get('Principal', `ana-${round}`))!;
    expect(spec).toMatchObject({
      displayName: 'Ana Lima',
      provided: { email: 'ana@corp.test', groups: [], active: true },
    });
    expect(await scim.users.find(corp, 'userName', `ANA-${round}@CORP.test`)).toMatchObject({ id });
    expect(await scim.users.find(corp, 'externalId', 'u-ana')).toMatchObject({ id });
    expect(await scim.users.find(corp, 'externalId', 'U-ANA')).toBeNull();
    expect(await scim.users.get(`other-${corp}`, id)).toBeNull();
    expect(journal.events).toMatchObject([{ action: 'created', principal: { name: `provider:${corp}` } }]);
  });

  test('who signed on before is the same principal, and loses the groups that the sign-on said', async () => {
    const said = { provider: corp, issuer, subject: 'u-ana', name: `first-${round}`, displayName: null, email: null };
    await provisioning.provide({ ...said, groups: ['dev'], active: null });
    expect(groupsOf('first')).toEqual(['engineering']);
    await make('ana');
    expect(entry('ana')).toBeNull();
    expect(groupsOf('first')).toEqual([]);
  });

  test('A-ID-05: a name that is another’s, and identities that are had already', async () => {
    await put('Principal', `local-${round}`, { kind: 'person', roles: ['admin'], disabled: false });
    await expect(scim.users.create(corp, document('local'))).rejects.toMatchObject({ code: 'gateway.name-taken' });
    await expect(scim.users.create(corp, document('x', { userName: 'x@evil.test' }))).rejects.toMatchObject({
      code: 'identity.name-refused',
    });
    await make('ana');
    const create = (more: Partial<ScimUser>) => scim.users.create(corp, document('bob', more));
    expect(await create({ externalId: 'u-ana' })).toEqual({ outcome: 'taken', attribute: 'externalId' });
    expect(await create({ userName: `ANA-${round}@corp.test` })).toEqual({ outcome: 'taken', attribute: 'userName' });
    expect(await create({ externalId: undefined })).toMatchObject({ outcome: 'refused', type: 'invalidValue' });
    expect(entry('bob')).toBeNull();
  });

  test('a leaver has no tokens and is disabled at once; a sign-on brings nobody back, SCIM does', async () => {
    const { id, document: ana } = await make('ana');
    const left = done(await scim.users.replace(corp, id, 1, { ...ana, active: false }));
    expect(revoked).toEqual([`ana-${round}`]);
    expect(entry('ana')!.disabled).toBe(true);
    const said = { provider: corp, issuer, subject: 'u-ana', name: 'x', displayName: null, email: null };
    await provisioning.provide({ ...said, groups: null, active: null });
    expect(entry('ana')!.disabled).toBe(true);
    done(await scim.users.replace(corp, id, left.version, { ...ana, active: true }));
    expect(entry('ana')!.disabled).toBe(false);
    expect(journal.events.at(-1)).toMatchObject({ changes: ['provided.active: false → true'] });
  });

  test('changes of old versions are conflicts, the name stays, the subject does not change', async () => {
    const { id, document: ana } = await make('ana');
    await make('bob');
    const renamed = { ...ana, userName: `souza-${round}@corp.test` };
    const stored = done(await scim.users.replace(corp, id, 1, renamed));
    expect(await scim.users.replace(corp, id, 1, ana)).toEqual({ outcome: 'conflict' });
    expect(entry('souza')).toBeNull();
    expect(await scim.users.find(corp, 'userName', ana.userName)).toBeNull();
    expect(await scim.users.find(corp, 'userName', renamed.userName)).toMatchObject({ id });
    const replace = (more: Partial<ScimUser>) => scim.users.replace(corp, id, stored.version, { ...renamed, ...more });
    expect(await replace({ externalId: 'u-other' })).toMatchObject({ outcome: 'refused', type: 'mutability' });
    expect(await replace({ userName: `bob-${round}@corp.test` })).toEqual({ outcome: 'taken', attribute: 'userName' });
    expect(done(await replace({})).version).toBe(stored.version);
  });

  test('a rule that changed meanwhile keeps nobody in', async () => {
    const { id, document: ana } = await make('ana');
    await configure({ subject: 'userName' });
    done(await scim.users.replace(corp, id, 1, { ...ana, active: false }));
    expect(entry('ana')!.disabled).toBe(true);
  });

  test('whom SCIM forgets is deactivated, stays, and has no groups; the next one has another id', async () => {
    const { id } = await make('ana');
    const bob = await make('bob');
    const dev = await group('dev', [id, bob.id]);
    await group('on-call', [id]);
    expect(groupsOf('ana')).toEqual(['corp-on-call', 'engineering']);
    expect(await scim.users.remove(corp, id, 7)).toBe('conflict');
    expect(await scim.users.remove(corp, id, null)).toBe('done');
    expect(await scim.users.remove(corp, id, null)).toBe('absent');
    expect(entry('ana')).toMatchObject({ disabled: true, groups: [] });
    expect(revoked).toEqual([`ana-${round}`]);
    expect((await scim.groups.get(corp, dev.id))!.document.members).toEqual([bob.id]);
    expect(await kept('ScimKey')).toHaveLength(4);
    const again = await make('ana');
    expect(again.id).not.toBe(id);
    expect(entry('ana')).toMatchObject({ disabled: false, groups: [] });
  });

  test('whom an administrator removed is made anew by the next change', async () => {
    const { id, document: ana } = await make('ana');
    await store.objects.delete('Principal', `ana-${round}`, null);
    await snapshot.reload();
    done(await scim.users.replace(corp, id, 1, { ...ana, displayName: 'Ana' }));
    expect(entry('ana')).toMatchObject({ id: `${issuer}:u-ana`, disabled: false });
    await put('Principal', `ana-${round}`, { kind: 'person', roles: ['admin'], disabled: false });
    // Another’s by now.
    expect(await scim.users.remove(corp, id, null)).toBe('done');
    expect(entry('ana')).toMatchObject({ id: `local:ana-${round}`, disabled: false });
  });

  test('pages are in order, and end with the provider', async () => {
    const ids = [];
    for (const name of ['a', 'b', 'c']) ids.push((await make(name)).id);
    const first = await scim.users.page(corp, null);
    expect(first.map(({ id }) => id)).toEqual([...ids].sort());
    expect(await scim.users.page(corp, first.at(-1)!.id)).toEqual([]);
    expect(await scim.users.page(`${corp}0`, null)).toEqual([]);
  });

  test('a provider without SCIM has none', async () => {
    expect(scim.provider(corp)).toEqual({ name: corp, principal: 'provisioner' });
    await put('IdentityProvider', corp, { type: 'oidc', issuer, clientId: 'c', groups: { claim: 'g', map: {} } });
    expect(scim.provider(corp)).toBeNull();
    expect(scim.provider('nowhere')).toBeNull();
    expect(await scim.users.create(corp, document('ana'))).toEqual({ outcome: 'absent' });
  });
});

describe('groups', () => {
  test('what they give counts at once, and goes with them', async () => {
    const [ana, bob] = [await make('ana'), await make('bob')];
    const dev = await group('dev', [ana.id]);
    expect(groupsOf('ana')).toEqual(['engineering']);
    const members = [bob.id];
    const next = done(await scim.groups.replace(corp, dev.id, dev.version, { displayName: 'dev', members }));
    expect([groupsOf('ana'), groupsOf('bob')]).toEqual([[], ['engineering']]);
    expect(next.version).toBeGreaterThan(dev.version);
    expect(await scim.groups.replace(corp, dev.id, dev.version, { displayName: 'dev', members: [] })).toEqual({
      outcome: 'conflict',
    });
    const renamed = done(await scim.groups.replace(corp, dev.id, next.version, { displayName: 'ops', members: null }));
    expect(groupsOf('bob')).toEqual(['corp-ops']);
    expect(await scim.groups.remove(corp, dev.id, next.version)).toBe('conflict');
    expect(await scim.groups.remove(corp, dev.id, renamed.version)).toBe('done');
    expect(groupsOf('bob')).toEqual([]);
    for (const kind of ['ScimGroup', 'ScimMembers']) expect(await kept(kind)).toEqual([]);
    expect(journal.events.map((event) => 'changes' in event && event.changes)).toContainEqual([
      'provided.groups: + ops',
      'provided.groups: - dev',
    ]);
  });

  test('by externalId, where that is what is mapped; a group without one gives nothing', async () => {
    await configure({ groups: 'externalId' });
    const ana = await make('ana');
    await group('whatever', [ana.id], { externalId: 'dev' });
    // Two of one name are two groups.
    await group('whatever', [ana.id]);
    expect(groupsOf('ana')).toEqual(['engineering']);
  });

  test('two that would give one value are one too many, and who is nobody is no member', async () => {
    const ana = await make('ana');
    const dev = await group('dev', []);
    const ops = await group('ops', [ana.id]);
    expect(await scim.groups.create(corp, { displayName: 'dev', members: [ana.id] })).toEqual({
      outcome: 'taken',
      attribute: 'displayName',
    });
    const replace = (members: readonly string[], displayName = 'ops') =>
      scim.groups.replace(corp, ops.id, ops.version, { displayName, members });
    expect(await replace([ana.id], 'dev')).toMatchObject({ outcome: 'taken' });
    for (const nobody of ['scu_none', dev.id, `../${corp}`, 'x'.repeat(500)]) {
      expect(await replace([ana.id, nobody])).toMatchObject({ outcome: 'refused', type: 'invalidValue' });
    }
    expect(groupsOf('ana')).toEqual(['corp-ops']);
  });

  test('one person is in so many at most, and one past changes nothing', async () => {
    const ana = await make('ana');
    const full = Array.from({ length: contractLimits.providedGroupsMax - 1 }, (_, index) => `g${index}`);
    await provisioning.update({ provider: corp, issuer, subject: 'u-ana' }, { groups: full });
    await group('last', [ana.id]);
    await expect(group('one-more', [ana.id])).rejects.toMatchObject({ code: 'gateway.too-many-groups' });
    expect(await kept('ScimGroup')).toHaveLength(1);
  });

  test('more members than are read one by one', async () => {
    const count = singleReadsMax + 1;
    const names = Array.from({ length: count }, (_, index) => `m${index}`);
    const writes = names.flatMap((name) => [
      {
        kind: 'Principal',
        name: `${name}-${round}`,
        spec: {
          kind: 'person',
          roles: ['member'],
          disabled: false,
          identity: { issuer, subject: name },
          provided: { groups: [], active: true },
        },
      },
      {
        kind: 'ScimUser',
        name: `${corp}/scu_${name}`,
        spec: { document: { ...document(name) }, principal: `${name}-${round}`, subject: name },
      },
    ]);
    await store.objects.putAll(
      writes.map((write) => ({
        ...write,
        spec: JSON.parse(JSON.stringify(write.spec)) as JsonObject,
        labels: {},
        by: 'test',
        expectedGeneration: 0,
      })),
    );
    const dev = await group(
      'dev',
      names.map((name) => `scu_${name}`),
    );
    expect(names.every((name) => groupsOf(name)?.[0] === 'engineering')).toBe(true);
    expect(journal.events).toHaveLength(count);
    await scim.groups.remove(corp, dev.id, null);
    expect(names.every((name) => groupsOf(name)?.length === 0)).toBe(true);
  }, 60_000);

  test('two gateways that change one group and one person at once lose nothing', async () => {
    const ana = await make('ana');
    const [dev, ops] = [await group('dev', []), await group('ops', [])];
    const second = new Snapshot(store.objects, [], silentLog, { hashKey: Buffer.alloc(32), ledger: null });
    await second.reload();
    const identity = { revokeTokensOf: async () => [] };
    const parts = { store, snapshot: second, journal, identity, clock: new FakeClock() };
    const other = createScim({ ...parts, provisioning: createProvisioning(parts) });
    const add = async (at: ScimStore, id: string): Promise<void> => {
      for (;;) {
        const { document: before, version } = (await at.groups.get(corp, id))!;
        const outcome = await at.groups.replace(corp, id, version, { ...before, members: [ana.id] });
        if (outcome.outcome === 'done') return;
        expect(outcome.outcome).toBe('conflict');
      }
    };
    await Promise.all([add(scim, dev.id), add(other, ops.id), add(other, dev.id)]);
    await snapshot.reload();
    expect(groupsOf('ana')).toEqual(['corp-ops', 'engineering']);
  });

  test('what is kept for SCIM alone loads no configuration', async () => {
    let loads = 0;
    const stop = onConfigured(store.objects, () => loads++);
    await put('ScimKey', `${corp}/x`, { id: 'y' });
    const before = loads;
    await put('Principal', `p-${round}`, { kind: 'person', roles: [], disabled: false });
    stop();
    expect([before, loads]).toEqual([0, 1]);
  });
});
