import { expect, test } from 'vitest';
import type { Principal } from '../core/principal.ts';
import { compileLocks, type LockObject } from './locks.ts';

const lock = (name: string, target: object, more: object = {}): LockObject => ({
  name,
  spec: { target, reason: 'stolen', ...more },
});
const principal = (
  name: string,
  more: Partial<Principal['authentication']> = {},
  kind: Principal['kind'] = 'person',
) => ({
  name,
  kind,
  authentication: { method: 'token' as const, credentialId: 'tok_1', atMs: 0, ...more },
});
const never = (name: string): void => {
  throw new Error(`${name} should be understood`);
};

test.each([
  ['principal', { principal: principal('anna') }, { principal: 'anna' }],
  ['resource', { principal: principal('anna'), resource: 'orders' }, { resource: 'orders' }],
  ['session', { principal: principal('anna'), session: 'ses_1' }, { session: 'ses_1' }],
  ['token', { principal: principal('anna') }, { token: 'tok_1' }],
  ['what confirmed', { principal: principal('anna'), credentialIds: ['tok_2'] }, { token: 'tok_2' }],
  ['agent', { principal: principal('bot', {}, 'agent') }, { agent: 'bot' }],
  [
    'an agent that acts for another, deep in the chain',
    {
      principal: principal('anna', {
        actors: [
          { issuer: 'i', subject: 's', name: 'helper' },
          { issuer: 'i', subject: 's', name: 'bot' },
        ],
      }),
    },
    { agent: 'bot' },
  ],
])('locks by %s, and nothing beside', (_what, subject, target) => {
  expect(compileLocks([lock('one', target)], never).of(subject, 0)).toMatchObject({ name: 'one', reason: 'stolen' });
  const [[kind] = ['']] = Object.entries(target);
  expect(compileLocks([lock('one', { [kind]: 'other' })], never).of(subject, 0)).toBeNull();
});

test('a person is not locked by the name of an agent, nor a token by that of a principal', () => {
  const locks = compileLocks([lock('a', { agent: 'anna' }), lock('b', { token: 'anna' })], never);
  expect(locks.of({ principal: principal('anna') }, 0)).toBeNull();
  expect(locks.isLocked(principal('anna'), 0)).toBe(false);
  expect(locks.isLocked(principal('anna', {}, 'agent'), 0)).toBe(true);
});

test('ends on time, and tells when', () => {
  const locks = compileLocks([lock('one', { principal: 'anna' }, { until: '2026-01-01T00:00:00Z' })], never);
  const end = Date.parse('2026-01-01T00:00:00Z');
  expect(locks.of({ principal: principal('anna') }, end - 1)).toMatchObject({ untilMs: end });
  expect(locks.of({ principal: principal('anna') }, end)).toBeNull();
  expect([locks.changesAt(end - 1), locks.changesAt(end)]).toEqual([end, null]);
});

test('of several the first by name is told, and one that is over hides none', () => {
  const objects = [
    lock('z', { principal: 'anna' }),
    lock('b', { token: 'tok_1' }),
    lock('a', { principal: 'anna' }, { until: '1970-01-01T00:00:00Z' }),
  ];
  expect(compileLocks(objects, never).of({ principal: principal('anna') }, 1)?.name).toBe('b');
});

test.each([
  [{}],
  [{ target: { principal: 'anna' } }],
  [{ target: { principal: 'anna', token: 't' }, reason: 'x' }],
  [{ target: {}, reason: 'x' }],
  [{ target: { ghost: 'anna' }, reason: 'x' }],
  [{ target: { principal: 'anna' }, reason: 'x', until: 'soon' }],
  [{ target: { principal: 'anna' }, reason: 'x', unless: true }],
  [null],
])('what cannot be understood locks everybody out, and is reported: %j', (spec) => {
  const broken: string[] = [];
  const locks = compileLocks([{ name: 'odd', spec }], (name) => broken.push(name));
  expect(broken).toEqual(['odd']);
  expect(locks.of({ principal: principal('whoever') }, 0)).toMatchObject({ kind: 'everything' });
});

test('as many as the limit, and one more', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => lock(`l${index}`, { principal: `p${index}` }));
  expect(compileLocks(many, never).all).toHaveLength(10_000);
  expect(() => compileLocks([...many, lock('more', { principal: 'x' })], never)).toThrow('policy.too-many-locks');
});
