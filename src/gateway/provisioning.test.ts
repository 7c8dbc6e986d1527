/** Principals of providers: made once per identity, changed by what their provider says, on a real store. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { FakeJournal } from '../core/testing/fakes.ts';
import type { JsonObject, Store } from '../store/index.ts';
import { testStore } from './fixtures/review-world.ts';
import { principalsOf } from './principals.ts';
import { createProvisioning, type ProvidedPrincipal, type Provisioning } from './provisioning.ts';
import { ownPath } from './sign-on.ts';
import { Snapshot } from './snapshot.ts';

let store: Store;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ store, dispose } = await testStore());
}, 120_000);
afterAll(() => dispose(), 60_000);

const issuer = 'https://corp.example';
const spec = { type: 'oidc', issuer, clientId: 'c', scopes: [], subject: 'sub', private: false, sessionLifetime: 3600 };
const groups = { claim: 'groups', map: { dev: 'engineering', 'Domain Admins': ['dba', 'ops'] }, prefix: 'corp-' };

let round = 0;
let journal: FakeJournal;
let snapshot: Snapshot;
let provisioning: Provisioning;
let revoked: string[];

async function put(kind: string, name: string, body: object): Promise<void> {
  const write = { kind, name, labels: {}, spec: body as JsonObject, by: 'test', expectedGeneration: null };
  await store.objects.put(write);
  await snapshot.reload();
}

beforeEach(async () => {
  round++;
  journal = new FakeJournal();
  revoked = [];
  const clock = new FakeClock();
  snapshot = new Snapshot(store.objects, [], silentLog, { hashKey: Buffer.alloc(32), ledger: null });
  await put('IdentityProvider', 'corp', { ...spec, groups, roles: { auditor: ['ops'] } });
  const identity = {
    revokeTokensOf: async (name: string) => {
      revoked.push(name);
      return [];
    },
  };
  provisioning = createProvisioning({ store, snapshot, journal, identity, clock });
});

function said(change: Partial<ProvidedPrincipal> = {}): ProvidedPrincipal {
  const subject = `u-${round}`;
  const who = { provider: 'corp', issuer, subject, name: `ana-${round}`, displayName: 'Ana', email: null };
  return { ...who, groups: ['dev', 'on-call'], active: null, ...change };
}

const named = () => snapshot.principal(`ana-${round}`)!;

describe('a principal of a provider', () => {
  test('is made once, with the groups that are mapped, and every change is journaled before it counts', async () => {
    expect(await provisioning.provide(said())).toBe(`ana-${round}`);
    expect(named()).toMatchObject({
      id: `${issuer}:u-${round}`,
      groups: ['corp-on-call', 'engineering'],
      disabled: false,
    });
    expect(journal.events).toMatchObject([
      { type: 'configuration.changed', action: 'created', principal: { name: 'provider:corp' } },
    ]);
    await provisioning.provide(said());
    expect(journal.events).toHaveLength(1);
    await provisioning.provide(said({ groups: ['Domain Admins', 'Not A Name!'] }));
    expect(named()).toMatchObject({ groups: ['dba', 'ops'], roles: ['member', 'auditor'] });
    expect(journal.events.at(-1)).toMatchObject({
      action: 'updated',
      changes: ['provided.groups: + Domain Admins, Not A Name!', 'provided.groups: - dev, on-call'],
    });
  });

  test('keeps its name whatever the provider calls it later, and what it does not say stays', async () => {
    await provisioning.provide(said());
    expect(await provisioning.provide(said({ name: 'renamed', groups: null }))).toBe(`ana-${round}`);
    expect(named().groups).toContain('engineering');
  });

  test('A-ID-05: a name that is another’s is refused, local or not', async () => {
    await put('Principal', `local-${round}`, { kind: 'person', roles: ['admin'], disabled: false });
    await expect(provisioning.provide(said({ name: `local-${round}` }))).rejects.toMatchObject({
      code: 'gateway.name-taken',
    });
    await provisioning.provide(said());
    await expect(provisioning.provide(said({ subject: 'another' }))).rejects.toMatchObject({
      code: 'gateway.name-taken',
    });
    await expect(provisioning.provide(said({ issuer: 'https://evil.example' }))).rejects.toMatchObject({
      code: 'gateway.name-taken',
    });
  });

  test('who left has no tokens and is disabled; a sign-on does not bring them back, the provider does', async () => {
    await provisioning.provide(said());
    const who = { provider: 'corp', issuer, subject: `u-${round}` };
    expect(await provisioning.update(who, { active: false })).toBe(true);
    expect(revoked).toEqual([`ana-${round}`]);
    expect(named().disabled).toBe(true);
    await provisioning.provide(said());
    expect(named().disabled).toBe(true);
    await provisioning.update(who, { active: true });
    expect(named().disabled).toBe(false);
    expect(await provisioning.update({ ...who, subject: 'nobody' }, { active: false })).toBe(false);
  });

  test('two gateways that make one at once make one', async () => {
    const other = new Snapshot(store.objects, [], silentLog, { hashKey: Buffer.alloc(32), ledger: null });
    await other.reload();
    const identity = { revokeTokensOf: async () => [] };
    const second = createProvisioning({ store, snapshot: other, journal, identity, clock: new FakeClock() });
    expect(await Promise.all([provisioning.provide(said()), second.provide(said())])).toEqual([
      `ana-${round}`,
      `ana-${round}`,
    ]);
    expect(
      journal.events.filter((event) => event.type === 'configuration.changed' && event.action === 'created').length,
    ).toBeGreaterThan(0);
  });
});

describe('what the configuration makes of principals', () => {
  const object = (kind: string, name: string, body: object) => ({ kind, name, labels: {}, spec: body }) as never;
  const provider = (name: string, change: object = {}) =>
    ({ kind: 'IdentityProvider', metadata: { name }, spec: { ...spec, groups, ...change } }) as never;
  const person = (name: string, subject: string) =>
    object('Principal', name, {
      kind: 'person',
      roles: ['member'],
      disabled: false,
      identity: { issuer, subject },
      provided: { groups: ['dev'], active: true },
    });

  test.each([
    ['its provider is gone', [], [person('ana', 's')]],
    ['two providers are of its issuer', [provider('a'), provider('b')], [person('ana', 's')]],
    ['two principals are of its identity', [provider('a')], [person('ana', 's'), person('bob', 's')]],
  ])('nobody counts where %s', (_what, providers, principals) => {
    for (const entry of principalsOf(principals, [], providers).values()) {
      expect(entry).toMatchObject({ disabled: true, groups: [], roles: ['member'] });
    }
  });

  test('A-ID-05: a local principal of the same name as a subject is another', () => {
    const local = object('Principal', 'ana', { kind: 'person', roles: ['admin'], disabled: false });
    const entries = principalsOf([local, person('bob', 'ana')], [], [provider('a')]);
    expect(entries.get('ana')!.id).toBe('local:ana');
    expect(entries.get('bob')).toMatchObject({ id: `${issuer}:ana`, roles: ['member'] });
  });

  test('a key of the map that every object has maps nothing', () => {
    const one = object('Principal', 'ana', {
      kind: 'person',
      roles: ['member'],
      disabled: false,
      identity: { issuer, subject: 's' },
      provided: { groups: ['constructor', '__proto__'], active: true },
    });
    expect(
      principalsOf([one], [], [provider('a', { groups: { claim: 'groups', map: {} } })]).get('ana')!.groups,
    ).toEqual([]);
  });
});

describe('A-ID-09: where a sign-on leads', () => {
  test.each([
    ['/sign-on.html?x=1#y', '/sign-on.html?x=1#y'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/a%0d%0aSet-Cookie:x', '/a%0d%0aSet-Cookie:x'],
    ['/a\r\nSet-Cookie: x', '/'],
    ['/a b', '/'],
    ['/../../x', '/../../x'],
    ['/.//evil.example', '/.//evil.example'],
    ['', '/'],
  ])('%j → %s', (path, expected) => {
    expect(ownPath(path)).toBe(expected);
  });
});
