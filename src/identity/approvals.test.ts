import { expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { Approvals } from './approvals.ts';
import * as limits from './limits.ts';

test('only the principal of the login decides, once', () => {
  const approvals = new Approvals(new FakeClock());
  const outcomes: unknown[] = [];
  const pending = approvals.begin('ada', '10.0.0.7', (...outcome) => outcomes.push(outcome))!;
  expect(pending.code).toMatch(/^[A-HJ-NP-Z2-9]{3}-[A-HJ-NP-Z2-9]{3}$/);
  expect(approvals.of('ada')).toMatchObject([{ id: pending.id, code: pending.code, source: '10.0.0.7' }]);
  expect(approvals.of('ben')).toEqual([]);
  expect(approvals.decide(pending.id, 'ben', true, null)).toBe(false);
  expect(outcomes).toEqual([]);
  expect(approvals.decide(pending.id, 'ada', true, 'tok_1')).toBe(true);
  expect(approvals.decide(pending.id, 'ada', false, null)).toBe(false);
  // What it was approved with is what revoking it ends.
  expect(outcomes).toEqual([[true, 'tok_1']]);
});

test('what nobody decides is refused, at the end of its life and not before', () => {
  const clock = new FakeClock();
  const approvals = new Approvals(clock);
  const outcomes: boolean[] = [];
  approvals.begin('ada', '10.0.0.7', (approved) => outcomes.push(approved));
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
