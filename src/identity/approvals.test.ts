import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { stepUpProofMaxMs } from '../core/limits.ts';
import { Approvals, type Approver } from './approvals.ts';
import * as limits from './limits.ts';

const by = (credentialId: string | null, change: Partial<Approver> = {}): Approver => ({
  credentialId,
  provenAtMs: null,
  proof: 'sign-on',
  ...change,
});

test('only the principal of the login decides, once', () => {
  const approvals = new Approvals(new FakeClock());
  const outcomes: unknown[] = [];
  const pending = approvals.begin('ada', '10.0.0.7', (approver) => outcomes.push(approver?.credentialId))!;
  expect(pending.code).toMatch(/^[A-HJ-NP-Z2-9]{3}-[A-HJ-NP-Z2-9]{3}$/);
  expect(approvals.of('ada')).toMatchObject([{ id: pending.id, code: pending.code, source: '10.0.0.7' }]);
  expect(approvals.of('ben')).toEqual([]);
  expect(approvals.decide(pending.id, 'ben', by('tok_1'))).toBe(false);
  expect(outcomes).toEqual([]);
  expect(approvals.decide(pending.id, 'ada', by('tok_1'))).toBe(true);
  expect(approvals.decide(pending.id, 'ada', null)).toBe(false);
  // What it was approved with is what revoking it ends.
  expect(outcomes).toEqual(['tok_1']);
});

test('what nobody decides is refused, at the end of its life and not before', () => {
  const clock = new FakeClock();
  const approvals = new Approvals(clock);
  const outcomes: boolean[] = [];
  approvals.begin('ada', '10.0.0.7', (approver) => outcomes.push(approver !== null));
  clock.advance(limits.approvalLifetimeMs - 1);
  expect(outcomes).toEqual([]);
  clock.advance(1);
  expect(outcomes).toEqual([false]);
  expect(approvals.of('ada')).toEqual([]);
});

test('few wait at a time, of one login and in all', () => {
  const approvals = new Approvals(new FakeClock());
  let sources = 0;
  const begin = (name: string) => approvals.begin(name, `source ${sources++}`, () => undefined);
  for (let n = 0; n < limits.approvalsPerPrincipalMax; n++) expect(begin('ada')).not.toBeNull();
  expect(begin('ada')).toBeNull();
  let waiting = limits.approvalsPerPrincipalMax;
  for (; waiting < limits.approvalsMax; waiting++) expect(begin(`p${waiting}`)).not.toBeNull();
  expect(begin('late')).toBeNull();
  approvals.withdraw(approvals.of('ada')[0]!.id);
  expect(begin('late')).not.toBeNull();
});

test('one source takes no more than its share of the places', () => {
  const approvals = new Approvals(new FakeClock());
  const begin = (name: string) => approvals.begin(name, '10.0.0.7', () => undefined);
  for (let n = 0; n < limits.approvalsPerSourceMax; n++) expect(begin(`p${n}`)).not.toBeNull();
  expect(begin('one-more')).toBeNull();
  expect(approvals.begin('one-more', '10.0.0.8', () => undefined)).not.toBeNull();
});

describe('a step-up', () => {
  const begin = (takesFactor = false) => {
    const clock = new FakeClock();
    const approvals = new Approvals(clock);
    const outcomes: (string | null | undefined)[] = [];
    const settle = (approver: Approver | null): unknown => outcomes.push(approver?.credentialId);
    const { id } = approvals.begin('ada', '10.0.0.7', settle, { resource: 'web-1', presented: 'tok_1', takesFactor })!;
    const provenAtMs = clock.now();
    return { clock, approvals, outcomes, id, provenAtMs };
  };

  test('says what it is for, and not what was presented', () => {
    const { approvals } = begin();
    expect(approvals.of('ada')).toMatchObject([{ resource: 'web-1' }]);
    expect(approvals.of('ada')[0]).not.toHaveProperty('presented');
  });

  test('takes a sign-on in person that is not older than the limit, and waits on where it is', () => {
    const { clock, approvals, outcomes, id, provenAtMs } = begin();
    expect(approvals.decide(id, 'ada', by('tok_2'))).toBe(false);
    expect(approvals.decide(id, 'ada', by('tok_2', { provenAtMs: provenAtMs - stepUpProofMaxMs - 1 }))).toBe(false);
    // By a clock far ahead: as unknown.
    expect(approvals.decide(id, 'ada', by('tok_2', { provenAtMs: provenAtMs + 3_600_000 }))).toBe(false);
    expect(outcomes).toEqual([]);
    clock.advance(limits.approvalLifetimeMs - 1);
    expect(approvals.isEnough(id, 'ben', by('tok_2', { provenAtMs: clock.now() }))).toBe(false);
    expect(approvals.decide(id, 'ada', by('tok_2', { provenAtMs: clock.now() - stepUpProofMaxMs }))).toBe(true);
    expect(outcomes).toEqual(['tok_2']);
  });

  test('does not take what was presented already, but with the password', () => {
    const { approvals, outcomes, id, provenAtMs } = begin();
    expect(approvals.decide(id, 'ada', by('tok_1', { provenAtMs }))).toBe(false);
    expect(approvals.decide(id, 'ada', by(null, { provenAtMs }))).toBe(false);
    expect(approvals.decide(id, 'ada', by('tok_1', { provenAtMs, proof: 'password' }))).toBe(true);
    expect(outcomes).toEqual(['tok_1']);
  });

  test('of who has a second factor it takes that one, whichever way it was given, and not the password alone', () => {
    const { approvals, outcomes, id, provenAtMs } = begin(true);
    const password = { provenAtMs, proof: 'password' } as const;
    expect(approvals.decide(id, 'ada', by('tok_2', password))).toBe(false);
    expect(approvals.decide(id, 'ada', by('tok_2', { ...password, factors: ['pwd'] }))).toBe(false);
    expect(approvals.decide(id, 'ada', by('tok_2', { provenAtMs }))).toBe(false);
    expect(approvals.decide(id, 'ada', by('tok_2', { provenAtMs, factors: ['pwd'] }))).toBe(false);
    const signedOn = { provenAtMs, factors: ['pwd', 'otp', 'mfa'] };
    expect(approvals.isEnough(id, 'ada', by('tok_1', signedOn))).toBe(false);
    expect(approvals.isEnough(id, 'ada', by('tok_2', signedOn))).toBe(true);
    const old = { provenAtMs: provenAtMs - stepUpProofMaxMs - 1, proof: 'factor', factors: ['hwk', 'user'] } as const;
    expect(approvals.decide(id, 'ada', by('tok_1', old))).toBe(false);
    expect(approvals.of('ada')[0]).not.toHaveProperty('takesFactor');
    expect(approvals.decide(id, 'ada', by('tok_1', { ...old, provenAtMs }))).toBe(true);
    expect(outcomes).toEqual(['tok_1']);
  });

  test('is refused by anybody who is its principal, and no more decided then', () => {
    const { approvals, outcomes, id, provenAtMs } = begin();
    expect(approvals.decide(id, 'ada', null)).toBe(true);
    expect(approvals.decide(id, 'ada', by('tok_2', { provenAtMs }))).toBe(false);
    expect(outcomes).toEqual([undefined]);
  });
});
