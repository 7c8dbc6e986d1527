import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { DoorPorts } from './door.ts';
import { Doors } from './door.ts';
import type { EventBody } from './event.ts';
import { allowed } from './judgement.ts';
import { commandStages, connectionStages } from './pipeline.ts';
import type { Protocol } from './protocol.ts';
import {
  FakeJournal,
  FakeRecordings,
  FakeWire,
  noKeys,
  noReviews,
  testDraft,
  testPrincipal,
  testResource,
} from './testing/fakes.ts';

const protocol = { name: 'echo', housekeeping: [] } as unknown as Protocol;

function build(change: Partial<DoorPorts> = {}) {
  const trace: string[] = [];
  const journal = new FakeJournal();
  const append = journal.append.bind(journal);
  journal.append = (event: EventBody) => {
    trace.push(event.type);
    return append(event);
  };
  const recordings = new FakeRecordings();
  const clock = new FakeClock();
  const upstreamWire = new FakeWire();
  const write = upstreamWire.write.bind(upstreamWire);
  upstreamWire.write = (view) => {
    trace.push(`forward ${view.toString()}`);
    return write(view);
  };
  const ports: DoorPorts = {
    clock,
    log: silentLog,
    journal,
    recordings,
    identification: {
      bySecret: async (_login, secret) => {
        trace.push('identify');
        if (secret !== 'right') throw new Error('wrong');
        return testPrincipal;
      },
      byScram: async () => {
        throw new Error('not here');
      },
      ...noKeys,
    },
    authorisation: {
      decide: () => {
        trace.push('authorise');
        return { granted: true, rule: 'engineers' };
      },
    },
    resources: { find: async (name) => (name === 'orders' ? testResource() : null) },
    credentials: { reveal: async () => null },
    dialler: {
      dial: async () => {
        trace.push('dial');
        return upstreamWire;
      },
    },
    judge: {
      judge: () => {
        trace.push('judge');
        return allowed({ name: 'allow', rule: 'access', reason: '' });
      },
    },
    reviews: noReviews,
    ...change,
  };
  const doors = new Doors(ports);
  const client = new FakeWire();
  const door = doors.open({
    protocol,
    client,
    connection: { id: 'con_1', source: '127.0.0.1', tlsRequired: true },
    serverTls: () => {
      throw new Error('not here');
    },
    hostKeys: () => [],
  });
  return { doors, door, journal, recordings, trace, client, clock };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a connection', () => {
  it('goes through the stages in the order of the pipeline', async () => {
    const { door, journal, trace } = build();
    const principal = await door.identifyBySecret('erin', 'right');
    const session = await door.openSession(principal, 'orders', {});
    const upstream = await session.dial();
    upstream.handle({ read() {}, end() {}, drain() {}, close() {} });
    session.establish();
    journal.automatic = false;
    session.submit(testDraft('x'), (command) => {
      trace.push('release');
      session.forward(Buffer.from('x'), command);
      session.complete(command, { outcome: 'completed', tag: 'X', error: null, rows: 0, bytes: 0 });
    });
    trace.push('durable');
    journal.sync();
    session.finish({ reason: 'client-closed', message: '', code: null, by: null });
    await settled();
    expect(trace).toEqual([
      'identify',
      'authorise',
      'session.opened',
      'dial',
      'command.intent',
      'judge',
      'durable',
      'release',
      'forward x',
      'command.ended',
      'session.ended',
    ]);
    // The trace is the same order as the published lists.
    const published = [...connectionStages, ...commandStages].map(([name]) => name as string);
    expect(published.indexOf('identify')).toBeLessThan(published.indexOf('authorise'));
    expect(published.indexOf('intent')).toBeLessThan(published.indexOf('judge'));
    expect(published.indexOf('durable')).toBeLessThan(published.indexOf('release'));
  });

  it('whose proof fails is journaled and refused', async () => {
    const { door, journal } = build();
    await expect(door.identifyBySecret('erin', 'wrong')).rejects.toThrow();
    expect(journal.events).toMatchObject([{ type: 'identity.refused', login: 'erin' }]);
  });

  it('gets the same answer for an unknown resource and for one without Access', async () => {
    const unknown = build();
    const denied = build({ authorisation: { decide: () => ({ granted: false, rule: 'none' }) } });
    const answer = async ({ door }: typeof unknown, name: string): Promise<string> =>
      door.openSession(testPrincipal, name, {}).then(
        () => 'opened',
        (error: { code: string; publicMessage: string }) => `${error.code} ${error.publicMessage.replace(name, 'R')}`,
      );
    expect(await answer(unknown, 'nothing')).toBe(await answer(denied, 'orders'));
    expect(denied.journal.types()).toEqual(['session.refused']);
  });

  it('binds identity once (A-PG-03)', async () => {
    const { door } = build();
    await door.openSession(testPrincipal, 'orders', {});
    expect(() => door.openSession(testPrincipal, 'orders', {})).toThrow(/core.illegal-forward/);
  });

  it('opens no session while the journal does not work, while there is no room, or while draining', async () => {
    const broken = build();
    broken.journal.fail();
    await expect(broken.door.openSession(testPrincipal, 'orders', {})).rejects.toThrow(/core.journal-unavailable/);
    const full = build();
    full.journal.spaceLevel = 'refuse';
    await expect(full.door.openSession(testPrincipal, 'orders', {})).rejects.toThrow(/core.no-space/);
    const draining = build();
    draining.doors.close();
    await expect(draining.door.openSession(testPrincipal, 'orders', {})).rejects.toThrow(/core.shutting-down/);
  });

  it('opens no more sessions than the principal, and the process, may have', async () => {
    const sessions = { perPrincipal: 2, total: 3 };
    const { doors, journal, clock } = build({ sessions });
    const connect = (name: string): Promise<unknown> =>
      doors
        .open({
          protocol,
          client: new FakeWire(),
          connection: { id: 'con', source: '127.0.0.1', tlsRequired: true },
          serverTls: () => {
            throw new Error('not here');
          },
          hostKeys: () => [],
        })
        .openSession({ ...testPrincipal, id: `local:${name}`, name }, 'orders', {});
    await connect('erin');
    await connect('erin');
    await expect(connect('erin')).rejects.toThrow(/core.too-many-sessions/);
    expect(journal.events.at(-1)).toMatchObject({ type: 'session.refused', rule: 'gateway:sessions' });
    await connect('dora');
    await expect(connect('dora')).rejects.toThrow(/core.gateway-full/);
    doors.sessions.end(() => true, { reason: 'killed', message: '', code: null, by: 'admin' });
    clock.advance(1000);
    await settled();
    await connect('erin');
    expect(doors.sessions.countOf('local:dora')).toBe(0);
  });

  it('whose token is revoked while its session is being opened gets none (I11)', async () => {
    const { doors, door, journal } = build();
    journal.automatic = false;
    const opening = door.openSession(testPrincipal, 'orders', {});
    await settled();
    doors.sessions.endByCredential('tok_1', { reason: 'token-revoked', message: '', code: null, by: null });
    journal.automatic = true;
    journal.sync();
    await expect(opening).rejects.toThrow(/core.not-authenticated/);
    await settled();
    expect(doors.sessions.size).toBe(0);
  });
});

describe('live sessions', () => {
  it('end by credential, and tell when none is left', async () => {
    const { doors, door, journal } = build();
    await door.openSession(testPrincipal, 'orders', {});
    expect(doors.sessions.size).toBe(1);
    const empty = doors.sessions.whenEmpty();
    const ending = { reason: 'token-revoked', message: 'revoked', code: null, by: 'admin' } as const;
    expect(doors.sessions.endByCredential('tok_2', ending)).toBe(0);
    expect(doors.sessions.endByCredential('tok_1', ending)).toBe(1);
    await empty;
    expect(journal.events.at(-1)).toMatchObject({ type: 'session.ended', reason: 'token-revoked', by: 'admin' });
  });
});
