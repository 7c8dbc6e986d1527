/** Sessions that span connections: who joins one, who does not, and what its end does to all of them. */
import { describe, expect, it, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { Doors } from './door.ts';
import { allowed } from './judgement.ts';
import * as limits from './limits.ts';
import type { Principal } from './principal.ts';
import type { Door, Protocol } from './protocol.ts';
import type { Resource } from './resource.ts';
import type { Session } from './session.ts';
import {
  FakeJournal,
  FakeRecordings,
  FakeWire,
  noKeys,
  noReviews,
  testDraft,
  testHold,
  testPrincipal,
  testResource,
} from './testing/fakes.ts';

const protocol = { name: 'echo', housekeeping: [], multiplexed: true, spansConnections: true } as unknown as Protocol;

function build() {
  const journal = new FakeJournal();
  const upstreams: FakeWire[] = [];
  const state = { resource: testResource(), granted: true, rule: 'engineers', vouched: true, holds: false };
  const doors = new Doors({
    clock: new FakeClock(),
    log: silentLog,
    journal,
    recordings: new FakeRecordings(),
    identification: { ...noKeys, bySecret: async () => testPrincipal, byScram: () => Promise.reject(new Error('no')) },
    authorisation: { decide: () => ({ granted: state.granted, rule: state.rule }) },
    resources: { find: async (name) => (name === 'orders' ? state.resource : null) },
    credentials: { reveal: async () => null },
    dialler: {
      dial: async () => {
        const wire = new FakeWire();
        upstreams.push(wire);
        return wire;
      },
    },
    judge: {
      judge: () =>
        state.holds
          ? {
              ...allowed({ name: 'hold', rule: 'ask', reason: 'A DBA must see it.' }),
              hold: testHold('ask', 'A DBA must see it.'),
            }
          : allowed({ name: 'allow', rule: 'access', reason: '' }),
    },
    reviews: noReviews,
    isVouchedFor: () => state.vouched,
  });
  let count = 0;
  const connect = (source = '10.0.0.1'): { door: Door; client: FakeWire } => {
    const client = new FakeWire();
    const door = doors.open({
      protocol,
      client,
      connection: { id: `con_${++count}`, source, tlsRequired: true },
      serverTls: () => {
        throw new Error('not here');
      },
      hostKeys: () => [],
    });
    return { door, client };
  };
  return { doors, journal, state, connect, upstreams };
}

const proven = (change: Partial<Principal['authentication']> = {}): Principal => ({
  ...testPrincipal,
  authentication: { ...testPrincipal.authentication, credentialId: 'tok_1', ...change },
});
const openOn = (door: Door, principal = proven()): Promise<Session> => door.openSession(principal, 'orders', {});
const ending = { reason: 'killed', message: '', code: null, by: null } as const;

describe('a session that spans connections', () => {
  it('is one for the same proof, however many connections ask at once', async () => {
    const { connect, journal } = build();
    const sessions = await Promise.all([openOn(connect().door), openOn(connect().door), openOn(connect().door)]);
    expect(new Set(sessions).size).toBe(1);
    const again = connect();
    expect(await openOn(again.door)).toBe(sessions[0]);
    expect(await openOn(again.door)).toBe(sessions[0]);
    expect(journal.types().filter((type) => type === 'session.opened')).toHaveLength(1);
  });

  it('is another for another credential, source or person, and for one without a credential', async () => {
    const { connect } = build();
    const sessions = [
      await openOn(connect().door),
      await openOn(connect('10.0.0.2').door),
      await openOn(connect().door, proven({ credentialId: 'tok_2' })),
      await openOn(connect().door, { ...proven(), id: 'another' }),
      await openOn(connect().door, proven({ credentialId: null })),
      await openOn(connect().door, proven({ credentialId: null })),
    ];
    expect(new Set(sessions).size).toBe(sessions.length);
  });

  it('is another once the resource or the Access that lets in is another', async () => {
    const { connect, state } = build();
    const first = await openOn(connect().door);
    state.resource = { ...state.resource, host: 'elsewhere' } as Resource;
    const second = await openOn(connect().door);
    state.rule = 'others';
    const third = await openOn(connect().door);
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it('takes nobody in whom no Access lets in any more, and says so in the journal', async () => {
    const { connect, state, journal } = build();
    await openOn(connect().door);
    state.granted = false;
    await expect(openOn(connect().door)).rejects.toMatchObject({ code: 'core.no-access' });
    expect(journal.types()).toContain('session.refused');
  });

  it('takes nobody in whose credential does not count any more, nor while the gateway drains', async () => {
    const { connect, state, doors } = build();
    await openOn(connect().door);
    state.vouched = false;
    await expect(openOn(connect().door)).rejects.toMatchObject({ code: 'core.not-authenticated' });
    state.vouched = true;
    doors.close();
    await expect(openOn(connect().door)).rejects.toMatchObject({ code: 'core.shutting-down' });
  });

  it('ends all its connections on both sides, and the next proof opens another', async () => {
    const { connect, upstreams } = build();
    const [one, two] = [connect(), connect()];
    const session = await openOn(one.door);
    await openOn(two.door);
    await session.dial();
    await session.dial();
    session.end(ending);
    await Promise.resolve();
    expect([one, two].map(({ client }) => client.ended || client.closed)).toEqual([true, true]);
    expect(upstreams.map(({ closed }) => closed)).toEqual([true, true]);
    expect(await openOn(connect().door)).not.toBe(session);
  });

  it('is frozen for those that join it, too', async () => {
    const { connect } = build();
    const session = await openOn(connect().door);
    expect(session.pause(true)).toBe(true);
    const late = connect();
    await openOn(late.door);
    expect(late.client.frozen).toBe(true);
    session.pause(false);
    expect(late.client.frozen).toBe(false);
  });

  test.each([
    [limits.connectionsPerSessionMax, false],
    [limits.connectionsPerSessionMax + 1, true],
  ])('%i connections', async (many, isRefused) => {
    const { connect } = build();
    const last = Array.from({ length: many }, () => connect())
      .map(({ door }) => openOn(door))
      .at(-1)!;
    if (isRefused) await expect(last).rejects.toMatchObject({ code: 'core.too-many-connections' });
    else await expect(last).resolves.toBeDefined();
  });
});

describe('a command of which a part is not known yet', () => {
  it('is blocked by what would hold it, since nobody can approve what they cannot see', async () => {
    const { connect, state, journal } = build();
    state.holds = true;
    const session = await openOn(connect().door);
    const command = session.submit({ ...testDraft('x'), unholdable: 'Its body is still to come.' }, () => undefined);
    expect(command.state).toBe('refused');
    expect(command.verdict).toMatchObject({
      name: 'block',
      rule: 'ask',
      reason: 'A DBA must see it. Its body is still to come.',
    });
    expect(journal.types()).toContain('command.ended');
  });
});
