import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { fingerprintOf } from '../base/fingerprint.ts';
import type { PublicKey, UserCertificate } from '../core/ports.ts';
import { Keys, ownKeyId } from './keys.ts';
import * as limits from './limits.ts';
import type { PrincipalEntry } from './records.ts';

const key = (seed: number): PublicKey => ({ type: 'ssh-ed25519', blob: Buffer.alloc(51, seed) });
const entry = (name: string, change: Partial<PrincipalEntry> = {}): PrincipalEntry => ({
  id: `local:${name}`,
  name,
  issuer: 'local',
  subject: name,
  kind: 'person',
  groups: ['engineering'],
  roles: ['member'],
  disabled: false,
  ...change,
});

const own = key(1);
const foreign = key(2);

function build(): { keys: Keys; clock: FakeClock } {
  const clock = new FakeClock();
  const people = [
    entry('ada', { keys: [key(7).blob] }),
    entry('ben', { groups: ['finance'] }),
    entry('eve', { disabled: true, keys: [key(8).blob] }),
  ];
  const directory = {
    find: (name: string) => people.find((one) => one.name === name) ?? null,
    authorities: () => [
      {
        name: 'corp',
        keys: [foreign.blob],
        mayVouchFor: ({ groups }: PrincipalEntry) => groups.includes('engineering'),
      },
    ],
  };
  return { keys: new Keys(directory, clock, own), clock };
}

function certificate(clock: FakeClock, change: Partial<UserCertificate> = {}): UserCertificate {
  return {
    key: key(9),
    authority: foreign,
    keyId: 'ada@corp',
    serial: '4711',
    principals: ['ada'],
    validAfterMs: clock.now() - 60_000,
    validBeforeMs: clock.now() + 60_000,
    criticalOptions: new Map(),
    extensions: new Map(),
    ...change,
  };
}

describe('a registered key', () => {
  test('stands for its principal, and for nobody else (A-SSH-03)', () => {
    const { keys } = build();
    expect(keys.byKey('ada', key(7))).toMatchObject({
      entry: { name: 'ada' },
      credentialId: fingerprintOf(key(7).blob),
    });
    expect(keys.byKey('ben', key(7))).toBe('the key is not registered');
    expect(keys.byKey('ada', key(6))).toBe('the key is not registered');
    expect(keys.byKey('nobody', key(7))).toBe('unknown or disabled principal');
    expect(keys.byKey('eve', key(8))).toBe('unknown or disabled principal');
  });
});

describe('a certificate', () => {
  test('of an authority that may vouch for the principal it names', () => {
    const { keys, clock } = build();
    expect(keys.byCertificate('ada', certificate(clock), '10.0.0.7')).toMatchObject({
      entry: { name: 'ada' },
      credentialId: `${fingerprintOf(foreign.blob)}/4711`,
      tokenId: null,
    });
    expect(keys.byCertificate('ben', certificate(clock), '10.0.0.7')).toMatch(/does not name/);
    expect(keys.byCertificate('ben', certificate(clock, { principals: ['ben'] }), '10.0.0.7')).toMatch(/no authority/);
    expect(keys.byCertificate('ada', certificate(clock, { authority: key(3) }), '10.0.0.7')).toMatch(/no authority/);
    expect(keys.byCertificate('ada', certificate(clock, { principals: [] }), '10.0.0.7')).toMatch(/does not name/);
  });

  test('holds from its beginning, less what clocks differ by, to its end, which is exclusive', () => {
    const { keys, clock } = build();
    const at = clock.now();
    const of = (validAfterMs: number, validBeforeMs: number) =>
      keys.byCertificate('ada', certificate(clock, { validAfterMs, validBeforeMs }), '10.0.0.7');
    expect(of(at + limits.clockSkewMs, at + 1_000_000)).toMatchObject({ entry: { name: 'ada' } });
    expect(of(at + limits.clockSkewMs + 1, at + 1_000_000)).toMatch(/not valid now/);
    expect(of(at - 10, at + 1)).toMatchObject({ entry: { name: 'ada' } });
    expect(of(at - 10, at)).toMatch(/not valid now/);
    expect(of(at - 10, Number.POSITIVE_INFINITY)).toMatchObject({ entry: { name: 'ada' } });
  });

  test('from where it says, and with nothing in it that would have to be kept to', () => {
    const { keys, clock } = build();
    const of = (options: [string, string][], source: string) =>
      keys.byCertificate('ada', certificate(clock, { criticalOptions: new Map(options) }), source);
    expect(of([['source-address', '10.0.0.0/8,192.0.2.1']], '10.9.9.9')).toMatchObject({ entry: { name: 'ada' } });
    expect(of([['source-address', '10.0.0.0/8,192.0.2.1']], '192.0.2.2')).toMatch(/this address/);
    expect(of([['source-address', 'nonsense']], '10.0.0.1')).toMatch(/this address/);
    expect(of([['force-command', 'ls']], '10.0.0.1')).toMatch(/critical option force-command/);
    expect(of([['verify-required', '']], '10.0.0.1')).toMatch(/critical option/);
    expect(of([['made-up@example.com', '']], '10.0.0.1')).toMatch(/critical option/);
  });

  test('of the gateway’s own stands for its token', () => {
    const { keys, clock } = build();
    const of = (name: string, keyId: string) =>
      keys.byCertificate(name, certificate(clock, { authority: own, keyId, principals: [name] }), '10.0.0.7');
    expect(of('ben', ownKeyId('ben', 'tok_1'))).toMatchObject({ credentialId: 'tok_1', tokenId: 'tok_1' });
    expect(of('ben', ownKeyId('ada', 'tok_1'))).toMatch(/no authority/);
    expect(of('ben', 'something else')).toMatch(/no authority/);
  });
});
