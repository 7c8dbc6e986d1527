import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { DoorPorts } from './door.ts';
import { Doors } from './door.ts';
import { coreErrors } from './errors.ts';
import { confirmationLifetimeMs, stepUpProofMaxMs } from './limits.ts';
import type { Identification } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Door, Protocol } from './protocol.ts';
import { type Confirmation, isProofFresh } from './step-up.ts';
import {
  allowAll,
  FakeJournal,
  FakeRecordings,
  FakeWire,
  noKeys,
  noReviews,
  testPrincipal,
  testResource,
} from './testing/fakes.ts';

const protocol = { name: 'echo', housekeeping: [] } as unknown as Protocol;

/** Doors where opening takes a step-up, and the confirmations that were asked for. */
function build(change: Partial<DoorPorts> = {}, signOnProvenAgoMs: number | null = 0) {
  const clock = new FakeClock();
  const journal = new FakeJournal();
  const asked: { resource: string; approve: (credentialId?: string) => void; refuse: () => void }[] = [];
  const confirm: Identification['confirm'] = async (_principal, resource) => {
    const { promise, resolve, reject } = Promise.withResolvers<Confirmation>();
    const refuse = (): void => reject(coreErrors('core.step-up-refused'));
    asked.push({
      resource,
      approve: (credentialId = 'tok_9') =>
        resolve({ method: 'approval', credentialId, proof: 'password', atMs: clock.now() }),
      refuse,
    });
    return { link: 'https://gateway/x', code: 'ABC-DEF', expiresAtMs: 0, outcome: promise, withdraw: refuse };
  };
  const atMs = clock.now();
  const proven = signOnProvenAgoMs === null ? {} : { provenAtMs: atMs - signOnProvenAgoMs };
  const doors = new Doors({
    clock,
    log: silentLog,
    journal,
    recordings: new FakeRecordings(),
    identification: {
      ...noKeys,
      bySecret: async () => testPrincipal,
      byScram: () => Promise.reject(coreErrors('core.not-authenticated')),
      byApproval: async () => ({
        link: '',
        code: '',
        expiresAtMs: 0,
        outcome: Promise.resolve({
          ...testPrincipal,
          authentication: { method: 'approval', credentialId: 'tok_3', atMs, ...proven },
        }),
        withdraw: () => {},
      }),
      confirm,
    },
    authorisation: { decide: () => ({ granted: true, rule: 'sensitive', stepUp: true }) },
    resources: { find: async (name) => (name === 'vault' ? null : testResource({ id: name, name })) },
    credentials: { reveal: async () => null },
    dialler: { dial: async () => new FakeWire() },
    judge: allowAll,
    reviews: noReviews,
    ...change,
  });
  let connections = 0;
  const connect = (): Door =>
    doors.open({
      protocol,
      client: new FakeWire(),
      connection: { id: `con_${++connections}`, source: '127.0.0.1', tlsRequired: true },
      serverTls: () => {
        throw new Error('not here');
      },
      hostKeys: () => [],
    });
  const events = (type: string): object[] => journal.events.filter((event) => event.type === type);
  return { clock, doors, connect, asked, events };
}

const required = { code: 'core.step-up-required' };

async function confirmed(door: Door, world: ReturnType<typeof build>, resource = 'orders'): Promise<Principal> {
  const principal = await door.identifyBySecret('erin', 'right');
  const { outcome } = await door.stepUp(principal, resource);
  world.asked.at(-1)!.approve();
  await outcome;
  return principal;
}

describe('a session that takes a step-up', () => {
  it('does not open without, whatever the protocol asked before', async () => {
    const world = build();
    const door = world.connect();
    const principal = await door.identifyBySecret('erin', 'right');
    expect(await door.owesStepUp(principal, 'orders')).toBe(true);
    await expect(door.openSession(principal, 'orders', {})).rejects.toMatchObject(required);
    expect(world.events('session.refused')).toMatchObject([
      { code: 'core.step-up-required', rule: 'sensitive', resource: 'orders' },
    ]);
    expect(world.doors.sessions.size).toBe(0);
  });

  it('opens with one, and the journal says how and by which credential', async () => {
    const world = build();
    const door = world.connect();
    const principal = await confirmed(door, world);
    expect(await door.owesStepUp(principal, 'orders')).toBe(false);
    const session = await door.openSession(principal, 'orders', {});
    const stepUp = { method: 'approval', credentialId: 'tok_9', proof: 'password', atMs: world.clock.now() };
    expect(session.confirmation).toEqual(stepUp);
    expect(session.credentialIds).toEqual(['tok_1', 'tok_9']);
    expect(world.events('session.opened')).toMatchObject([{ stepUp, access: 'sensitive' }]);
  });

  it('takes one of its own connection, its own proof and its own resource only', async () => {
    const world = build();
    const principal = await confirmed(world.connect(), world);
    await expect(world.connect().openSession(principal, 'orders', {})).rejects.toMatchObject(required);
    const door = world.connect();
    await confirmed(door, world);
    await expect(door.openSession({ ...testPrincipal }, 'orders', {})).rejects.toMatchObject(required);
    const another = world.connect();
    const same = await confirmed(another, world, 'shop');
    await expect(another.openSession(same, 'orders', {})).rejects.toMatchObject(required);
    expect(world.events('session.opened')).toEqual([]);
  });

  it('takes it within its life', async () => {
    const world = build();
    const door = world.connect();
    const principal = await confirmed(door, world);
    world.clock.advance(confirmationLifetimeMs);
    expect(await door.owesStepUp(principal, 'orders')).toBe(false);
    world.clock.advance(1);
    expect(await door.owesStepUp(principal, 'orders')).toBe(true);
    await expect(door.openSession(principal, 'orders', {})).rejects.toMatchObject(required);
  });

  it('journals one that was refused like a failed login', async () => {
    const world = build();
    const door = world.connect();
    const principal = await door.identifyBySecret('erin', 'right');
    const { outcome } = await door.stepUp(principal, 'orders');
    world.asked[0]!.refuse();
    await expect(outcome).rejects.toMatchObject({ code: 'core.step-up-refused' });
    expect(world.events('identity.refused')).toMatchObject([{ login: 'erin', code: 'core.step-up-refused' }]);
    await expect(door.openSession(principal, 'orders', {})).rejects.toMatchObject(required);
  });

  it('takes a sign-on by approval as one, where whoever approved had just proven themself', async () => {
    for (const [agoMs, isEnough] of [
      [0, true],
      [stepUpProofMaxMs, true],
      [stepUpProofMaxMs + 1, false],
      [null, false],
    ] as const) {
      const door = build({}, agoMs).connect();
      const principal = await (await door.identifyByApproval('erin')).outcome;
      expect(await door.owesStepUp(principal, 'orders')).toBe(!isEnough);
      const opened = door.openSession(principal, 'orders', {});
      if (isEnough) expect((await opened).confirmation).toMatchObject({ credentialId: 'tok_3', proof: 'sign-on' });
      else await expect(opened).rejects.toMatchObject(required);
    }
  });

  it('does not open when what confirmed it was revoked meanwhile, and ends when it is later', async () => {
    const world = build();
    const ending = { reason: 'token-revoked', message: '', code: null, by: null } as const;
    const door = world.connect();
    const principal = await confirmed(door, world);
    world.doors.sessions.endByCredential('tok_9', ending);
    await expect(door.openSession(principal, 'orders', {})).rejects.toMatchObject({ code: 'core.not-authenticated' });
    const later = world.connect();
    const again = await later.identifyBySecret('erin', 'right');
    const { outcome } = await later.stepUp(again, 'orders');
    world.asked.at(-1)!.approve('tok_10');
    await outcome;
    const session = await later.openSession(again, 'orders', {});
    expect(world.doors.sessions.endByCredential('tok_10', ending)).toBe(1);
    expect(session.ended).toBe(true);
  });

  it('is not asked for where nothing would open anyway', async () => {
    const none = build({ authorisation: { decide: () => ({ granted: false, rule: 'none' }) } }).connect();
    const principal = await none.identifyBySecret('erin', 'right');
    expect(await none.owesStepUp(principal, 'orders')).toBe(false);
    await expect(none.openSession(principal, 'orders', {})).rejects.toMatchObject({ code: 'core.no-access' });
    expect(await build().connect().owesStepUp(principal, 'vault')).toBe(false);
    // What cannot be read now is refused where it is opened.
    const broken = build({ resources: { find: () => Promise.reject(new Error('no such file')) } }).connect();
    expect(await broken.owesStepUp(principal, 'orders')).toBe(false);
    await expect(broken.openSession(principal, 'orders', {})).rejects.toThrow('no such file');
  });
});

it('a proof in person is fresh up to the limit, and one from far in the future is none', () => {
  const nowMs = 1_000_000_000;
  expect(isProofFresh(nowMs, nowMs)).toBe(true);
  expect(isProofFresh(nowMs - stepUpProofMaxMs, nowMs)).toBe(true);
  expect(isProofFresh(nowMs - stepUpProofMaxMs - 1, nowMs)).toBe(false);
  expect(isProofFresh(nowMs + 60_000, nowMs)).toBe(true);
  expect(isProofFresh(nowMs + 60_001, nowMs)).toBe(false);
  expect(isProofFresh(null, nowMs)).toBe(false);
  expect(isProofFresh(undefined, nowMs)).toBe(false);
});
