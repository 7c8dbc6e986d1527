import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { sqlOf } from '../core/command.ts';
import type { OutputLimit } from '../core/judgement.ts';
import type { GuardrailSpec } from '../core/rules.ts';
import { compileGuardrails, UsageLedger } from './index.ts';
import { type RequestParts, request, rule } from './testing.ts';

const dayMs = 24 * 3600 * 1000;

function setup(limits: NonNullable<GuardrailSpec['limits']>, entriesMax?: number, message?: string) {
  const clock = new FakeClock();
  const ledger = new UsageLedger(clock, entriesMax);
  const more = { limits, ...(message === undefined ? {} : { message }) };
  const compiled = compileGuardrails([rule('r', 'block', {}, more)], { ledger });
  const make = (parts: RequestParts = {}): readonly OutputLimit[] => compiled.judge(request(parts)).limits;
  return { clock, ledger, make };
}

describe('a statement', () => {
  test('rows: the limit passes, one past does not, and it stays passed', () => {
    const [limit] = setup({ statement: { rows: 10 } }).make();
    expect(limit!.spend(10, 1e9)).toBe(false);
    expect(limit!.spend(0, 5)).toBe(false);
    expect(limit!.spend(1, 0)).toBe(true);
    expect(limit!.spend(0, 0)).toBe(true);
  });

  test('bytes, and each statement for itself', () => {
    const { make } = setup({ statement: { bytes: 100 } });
    const meaning = sqlOf(request().command.meaning)!;
    const [first] = make({ sql: meaning });
    expect(first!.spend(1, 100)).toBe(false);
    expect(first!.spend(0, 1)).toBe(true);
    expect(make({ sql: meaning })[0]!.spend(1, 100)).toBe(false);
  });

  test('nothing at all may be the limit', () => {
    const [limit] = setup({ statement: { rows: 0 } }).make();
    expect(limit!.spend(0, 40)).toBe(false);
    expect(limit!.spend(1, 0)).toBe(true);
  });

  test('time alone counts nothing', () => {
    const [limit] = setup({ statement: { duration: '90s' } }).make();
    expect(limit).toMatchObject({ rule: 'r', verdict: 'block', durationMsMax: 90_000 });
    expect(limit!.spend(1e9, 1e12)).toBe(false);
    expect(limit!.reason).toContain('90 seconds');
  });
});

describe('a session', () => {
  test('all its commands together; another session begins anew, and so does one that was forgotten', () => {
    const { make, ledger } = setup({ session: { rows: 10 } });
    expect(make()[0]!.spend(10, 0)).toBe(false);
    expect(make({ session: { id: 'ses_2' } })[0]!.spend(10, 0)).toBe(false);
    expect(make()[0]!.spend(1, 0)).toBe(true);
    expect(make()[0]!.spend(0, 0)).toBe(true);
    expect(ledger.size).toBe(2);
    const [late] = make();
    ledger.forget('ses_1');
    ledger.forget('ses_1');
    expect(late!.spend(1, 0)).toBe(true);
    expect(ledger.size, 'what comes late brings nothing back').toBe(1);
    expect(make()[0]!.spend(10, 0)).toBe(false);
  });

  test('explaining a command counts nothing', () => {
    const ledger = new UsageLedger(new FakeClock());
    const compiled = compileGuardrails([rule('r', 'block', {}, { limits: { session: { rows: 10 } } })], { ledger });
    expect(compiled.explain(request()).judgement.limits).toHaveLength(1);
    expect(ledger.size).toBe(0);
  });

  test('survives a change of the rules', () => {
    const clock = new FakeClock();
    const ledger = new UsageLedger(clock);
    const compiled = () =>
      compileGuardrails([rule('r', 'block', {}, { limits: { session: { rows: 10 } } })], { ledger });
    expect(compiled().judge(request()).limits[0]!.spend(10, 0)).toBe(false);
    expect(compiled().judge(request()).limits[0]!.spend(1, 0)).toBe(true);
  });
});

describe('a day', () => {
  test('per principal and resource, across sessions, until midnight UTC', () => {
    const { clock, make, ledger } = setup({ day: { bytes: 100 } });
    const [first] = make();
    expect(first!.spend(0, 100)).toBe(false);
    const [second] = make({ session: { id: 'ses_2' } });
    expect(second!.spend(0, 1)).toBe(true);
    clock.advance(dayMs);
    expect(second!.spend(0, 1), 'what was passed stays passed').toBe(true);
    expect(make()[0]!.spend(0, 99)).toBe(false);
    expect(make()[0]!.spend(0, 1)).toBe(true);
    expect(ledger.size).toBe(1);
  });

  test('what is told of a day and restored goes on counting, for its rule; another day is forgotten', () => {
    const before = setup({ day: { rows: 10 } });
    const version = before.ledger.version;
    expect(before.make()[0]!.spend(7, 100)).toBe(false);
    expect(before.ledger.version).not.toBe(version);
    const told = before.ledger.dayUses(10);
    expect(told.uses).toEqual([{ principal: 'prn_anna', resource: 'orders', rule: 'r', rows: 7, bytes: 100 }]);
    expect(before.ledger.dayUses(0).uses).toEqual([]);

    const { make, ledger } = setup({ day: { rows: 10 } });
    const kept = told.uses[0]!;
    ledger.restore({ day: told.day - 1, uses: [{ ...kept, rows: 100 }] });
    ledger.restore({
      day: told.day,
      uses: [
        { ...kept, rule: 'another', rows: 100 },
        { ...kept, principal: 'prn_bert' },
      ],
    });
    ledger.restore(told);
    expect(make()[0]!.spend(3, 0)).toBe(false);
    expect(make()[0]!.spend(1, 0)).toBe(true);
  });
});

test('without room to count, or without a ledger, a limit counts as passed', () => {
  const { make, ledger } = setup({ session: { rows: 10 }, day: { rows: 10 } }, 2);
  for (const limit of make()) expect(limit.spend(1, 0)).toBe(false);
  expect(ledger.size).toBe(2);
  const others = make({ session: { id: 'ses_2' } });
  expect(others[0]!.spend(1, 0)).toBe(true);
  expect(others[1]!.spend(1, 0)).toBe(false);
  ledger.forget('ses_1');
  expect(make({ session: { id: 'ses_3' } })[0]!.spend(1, 0)).toBe(false);
  const alone = compileGuardrails([rule('r', 'block', {}, { limits: { day: { rows: 10 } } })], { ledger: null });
  expect(alone.judge(request()).limits[0]!.spend(1, 0)).toBe(true);
});

test('the reason says what happened and what to do next', () => {
  const { make } = setup({ statement: { rows: 5 }, session: { bytes: 7 }, day: { rows: 9 } }, undefined, 'Ask Anna.');
  expect(make().map(({ reason }) => reason)).toEqual([
    'Ask Anna. The guardrail r lets a statement have 5 rows at most. Ask for less, or talk to whoever maintains the guardrail.',
    'Ask Anna. The guardrail r lets a session have 7 bytes at most. Ask for less, or talk to whoever maintains the guardrail.',
    'Ask Anna. The guardrail r lets a day (UTC) have 9 rows at most. Ask for less, or talk to whoever maintains the guardrail.',
  ]);
});
