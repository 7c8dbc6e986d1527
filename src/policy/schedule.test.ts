/** Windows and ends of an Access: days, hours, zones whose clocks change, and what cannot be understood. */
import { describe, expect, test } from 'vitest';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import { type AccessObject, compileAccess } from './access.ts';
import { compileSchedule, type Schedule } from './schedule.ts';

const at = (text: string): number => Date.parse(text);
const fail = (reason: string): Error => new Error(reason);
const schedule = (windows: unknown, until?: unknown): Schedule => compileSchedule(windows, until, fail)!;
const working = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' };

/** When it is open, from one time to another, looked at each minute. */
function openTimes(one: Schedule, from: string, to: string): string[] {
  const found: string[] = [];
  let isOpen = false;
  for (let ms = at(from); ms <= at(to); ms += 60_000) {
    if (one.isOpen(ms) === isOpen) continue;
    isOpen = !isOpen;
    found.push(`${isOpen ? 'opens' : 'closes'} ${new Date(ms).toISOString().slice(0, 16)}`);
  }
  return found;
}

describe('a window', () => {
  test('opens and closes by the clocks of its zone, exactly', () => {
    const one = schedule([working]);
    expect([one.isOpen(at('2026-11-20T06:59:59.999Z')), one.isOpen(at('2026-11-20T07:00:00Z'))]).toEqual([false, true]);
    expect([one.isOpen(at('2026-11-20T16:59:59.999Z')), one.isOpen(at('2026-11-20T17:00:00Z'))]).toEqual([true, false]);
    // Friday evening: next on Monday morning.
    expect(one.opensAt(at('2026-11-20T17:00:00Z'))).toBe(at('2026-11-23T07:00:00Z'));
    expect(one.changesAt(at('2026-11-20T12:00:00Z'))).toBe(at('2026-11-20T17:00:00Z'));
    expect(one.opensAt(at('2026-11-20T12:00:00Z'))).toBeNull();
  });

  test('is an hour earlier by UTC in summer', () => {
    const week = openTimes(schedule([working]), '2026-03-27T00:00:00Z', '2026-03-31T00:00:00Z');
    expect(week).toEqual([
      ...['opens 2026-03-27T07:00', 'closes 2026-03-27T17:00'],
      ...['opens 2026-03-30T06:00', 'closes 2026-03-30T16:00'],
    ]);
  });

  test('that crosses midnight belongs to the day on which it begins', () => {
    const night = schedule([{ days: ['sat'], from: '22:00', to: '06:00', timeZone: 'UTC' }]);
    expect(openTimes(night, '2026-11-20T00:00:00Z', '2026-11-23T00:00:00Z')).toEqual([
      'opens 2026-11-21T22:00',
      'closes 2026-11-22T06:00',
    ]);
  });

  test('lasts an hour longer or shorter where the clocks change within it, and never opens twice', () => {
    const night = schedule([{ from: '01:00', to: '02:30', timeZone: 'Europe/Berlin' }]);
    // Back: 02:30 comes twice, and the first ends it.
    expect(openTimes(night, '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      'opens 2026-10-24T23:00',
      'closes 2026-10-25T00:30',
    ]);
    // From within what comes twice: through the repetition.
    const late = schedule([{ from: '02:30', to: '04:00', timeZone: 'Europe/Berlin' }]);
    expect(openTimes(late, '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      'opens 2026-10-25T00:30',
      'closes 2026-10-25T03:00',
    ]);
    // Forward: 02:30 never comes; it begins, and ends, as the clocks are set.
    expect(openTimes(late, '2026-03-28T12:00:00Z', '2026-03-29T12:00:00Z')).toEqual([
      'opens 2026-03-29T01:00',
      'closes 2026-03-29T02:00',
    ]);
    expect(openTimes(night, '2026-03-28T12:00:00Z', '2026-03-29T12:00:00Z')).toEqual([
      'opens 2026-03-29T00:00',
      'closes 2026-03-29T01:00',
    ]);
  });

  test('adds to others: where they meet, they are one', () => {
    const day = (from: string, to: string) => ({ from, to, timeZone: 'UTC' });
    const one = schedule([day('08:00', '12:00'), day('12:00', '13:00'), day('12:30', '15:00')]);
    expect(one.changesAt(at('2026-11-20T09:00:00Z'))).toBe(at('2026-11-20T15:00:00Z'));
    expect(schedule([{ timeZone: 'UTC' }]).isOpen(at('2026-11-20T00:00:00Z'))).toBe(true);
  });

  test('ends for good with until, which is exclusive', () => {
    const one = schedule([working], '2026-11-20T12:00:00Z');
    expect([one.isOpen(at('2026-11-20T11:59:59.999Z')), one.isOpen(at('2026-11-20T12:00:00Z'))]).toEqual([true, false]);
    expect(one.opensAt(at('2026-11-20T12:00:00Z'))).toBeNull();
    expect(one.changesAt(at('2026-11-20T12:00:00Z'))).toBeNull();
    // The next window would begin after it.
    expect(schedule([working], '2026-11-23T06:00:00Z').opensAt(at('2026-11-20T18:00:00Z'))).toBeNull();
  });

  test.each([
    [[], undefined],
    [[{ from: '08:00' }], undefined],
    [[{ ...working, timeZone: '+01:00' }], undefined],
    [[{ ...working, timeZone: 'Mars/Olympus' }], undefined],
    [[{ ...working, days: ['monday'] }], undefined],
    [[{ ...working, days: [] }], undefined],
    [[{ ...working, from: '24:00' }], undefined],
    [[{ ...working, to: '25:00' }], undefined],
    [[{ ...working, form: '08:00' }], undefined],
    [Array.from({ length: 17 }, () => working), undefined],
    [undefined, 'soon'],
    [undefined, 5],
  ])('is refused where it cannot be understood: %j %j', (windows, until) => {
    expect(() => schedule(windows, until)).toThrow();
  });
});

describe('an Access with windows', () => {
  const anna = { name: 'anna', groups: ['dba'] } as unknown as Principal;
  const orders = { name: 'orders', labels: {} } as unknown as Resource;
  const access = (name: string, more: object): AccessObject => ({
    name,
    match: { principals: { groups: ['dba'] }, resources: { names: ['*'] } },
    ...more,
  });
  const friday = at('2026-11-20T12:00:00Z');
  const night = at('2026-11-20T22:00:00Z');

  test('lets in at its times only, and never without a time', () => {
    const compiled = compileAccess([access('working', { windows: [working] })]);
    expect(compiled.decide(anna, orders, friday)).toEqual({ granted: true, rule: 'working' });
    expect(compiled.decide(anna, orders, night).granted).toBe(false);
    expect(compiled.decide(anna, orders).granted).toBe(false);
    const opensAtMs = at('2026-11-23T07:00:00Z');
    expect(compiled.closed(anna, orders, night)).toEqual({ name: 'working', opensAtMs, timeZone: 'Europe/Berlin' });
    expect(compiled.closed({ ...anna, groups: [] }, orders, night)).toBeNull();
    expect(compiled.changesAt(friday)).toBe(at('2026-11-20T17:00:00Z'));
  });

  test('another that lets in now comes before one that is closed', () => {
    const compiled = compileAccess([
      access('a', { windows: [working] }),
      access('b', { until: '2027-01-01T00:00:00Z' }),
    ]);
    expect(compiled.decide(anna, orders, friday).rule).toBe('a');
    expect(compiled.decide(anna, orders, night).rule).toBe('b');
    const [a] = compiled.explain(anna, orders, night).rules;
    expect(a).toMatchObject({ name: 'a', matches: false, selects: true });
    expect(a?.conditions.at(-1)?.because).toBe(
      'it counts mon, tue, wed, thu, fri 08:00 to 18:00 Europe/Berlin; it counts next from Mon 23 Nov 2026, 08:00 (Europe/Berlin)',
    );
    expect(compiled.decide(anna, orders, at('2027-01-02T22:00:00Z')).granted).toBe(false);
  });
});
