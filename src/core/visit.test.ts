/** Browsers at the door: what identification says of a visit, what is journaled, and when a visit counts as a step-up. */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { Doors } from './door.ts';
import { coreErrors } from './errors.ts';
import { confirmationLifetimeMs, stepUpProofMaxMs } from './limits.ts';
import type { Identification } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Door, Protocol } from './protocol.ts';
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

const refused = { code: 'core.not-authenticated' };

function build(identification: Partial<Identification> = {}) {
  const clock = new FakeClock();
  const journal = new FakeJournal();
  const doors = new Doors({
    clock,
    log: silentLog,
    journal,
    recordings: new FakeRecordings(),
    identification: {
      ...noKeys,
      bySecret: () => Promise.reject(coreErrors('core.not-authenticated')),
      byScram: () => Promise.reject(coreErrors('core.not-authenticated')),
      ...identification,
    },
    authorisation: { decide: () => ({ granted: true, rule: 'sensitive', stepUp: true }) },
    resources: { find: async (name) => testResource({ id: name, name }) },
    credentials: { reveal: async () => null },
    dialler: { dial: async () => new FakeWire() },
    judge: allowAll,
    reviews: noReviews,
  });
  const protocol = { name: 'echo', housekeeping: [] } as unknown as Protocol;
  const connect = (): Door =>
    doors.open({
      protocol,
      client: new FakeWire(),
      connection: { id: 'con_1', source: '10.0.0.7', tlsRequired: true },
      serverTls: () => {
        throw new Error('not here');
      },
      hostKeys: () => [],
      domains: ['localhost'],
    });
  return { clock, journal, doors, connect };
}

/** Who visits: since when, and when they had proven themself before that. */
function visitor(atMs: number, provenAgoMs: number | null): Principal {
  const proven = provenAgoMs === null ? {} : { provenAtMs: atMs - provenAgoMs };
  return { ...testPrincipal, authentication: { method: 'visit', credentialId: 'tok_1', atMs, ...proven } };
}

describe('a visit at the door', () => {
  it('is asked for the very resource and source, and a refusal is journaled without the secret', async () => {
    const asked: string[][] = [];
    const { connect, journal } = build({
      byVisit: (...given) => {
        asked.push(given);
        return Promise.reject(coreErrors('core.not-authenticated'));
      },
      redeemVisit: (...given) => {
        asked.push(given);
        return Promise.reject(coreErrors('core.not-authenticated'));
      },
    });
    const door = connect();
    expect(door.domains).toEqual(['localhost']);
    await expect(door.identifyByVisit('S3NTINEL', 'shop')).rejects.toMatchObject(refused);
    await expect(door.redeemVisit('C0DE', 'N0NCE', 'shop')).rejects.toMatchObject(refused);
    expect(asked).toEqual([
      ['S3NTINEL', 'shop', '10.0.0.7'],
      ['C0DE', 'N0NCE', 'shop', '10.0.0.7'],
    ]);
    expect(journal.types()).toEqual(['identity.refused', 'identity.refused']);
    expect(JSON.stringify(journal.events)).not.toMatch(/S3NTINEL|C0DE|N0NCE/);
  });

  it('is signed off in the journal as the token that was revoked', async () => {
    const { connect, journal } = build({
      endVisit: async (secret) => (secret === 'right' ? visitor(0, null) : null),
    });
    expect(await connect().endVisit('wrong', 'shop')).toBe(false);
    expect(journal.events).toEqual([]);
    expect(await connect().endVisit('right', 'shop')).toBe(true);
    expect(journal.events).toMatchObject([{ type: 'token.revoked', token: 'tok_1', owner: testPrincipal.name }]);
  });
});

describe('a visit as a step-up', () => {
  it('counts for its resource while it is new, where a person had proven themself just before', async () => {
    const one = build({ byVisit: async () => principal });
    const principal = visitor(one.clock.now(), stepUpProofMaxMs);
    const door = one.connect();
    expect(await door.owesStepUp(await door.identifyByVisit('s', 'shop'), 'shop')).toBe(false);
    expect(await door.owesStepUp(principal, 'other')).toBe(true);
    const session = await door.openSession(principal, 'shop', {});
    expect(session.credentialIds).toContain('tok_1');
    expect(one.journal.events.find(({ type }) => type === 'session.opened')).toMatchObject({
      stepUp: { method: 'approval', credentialId: 'tok_1', proof: 'sign-on' },
    });
  });

  it.each([
    ['without a proof in person', null, 0],
    ['of a sign-on that was too long ago', stepUpProofMaxMs + 1, 0],
    ['that is no longer new', 0, confirmationLifetimeMs + 1],
  ])('does not count %s', async (_what, provenAgoMs, laterMs) => {
    const one = build({ byVisit: async () => principal });
    const principal = visitor(one.clock.now(), provenAgoMs);
    one.clock.advance(laterMs);
    const door = one.connect();
    await door.identifyByVisit('s', 'shop');
    expect(await door.owesStepUp(principal, 'shop')).toBe(true);
    await expect(door.openSession(principal, 'shop', {})).rejects.toMatchObject({ code: 'core.step-up-required' });
  });
});
