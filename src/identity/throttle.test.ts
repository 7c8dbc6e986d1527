import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import * as limits from './limits.ts';
import { sourceOf, Throttle } from './throttle.ts';

/** Seconds to wait, 0 where an attempt may be made. */
function waitOf(throttle: Throttle, login: string | null, source: string): number {
  try {
    throttle.check('token', login, source);
    return 0;
  } catch (error) {
    if (!isGatewayError(error) || error.code !== 'core.throttled') throw error;
    return Number(/Wait (\d+) seconds/.exec(error.publicMessage)?.[1]);
  }
}

describe('a login from a source', () => {
  test('some failures are free, then each wait is twice the one before, up to a minute', () => {
    const clock = new FakeClock();
    const throttle = new Throttle(clock);
    const fail = () => throttle.failed('token', 'anna', '10.0.0.1');
    for (let i = 0; i < limits.freeFailures; i++) {
      fail();
      expect(waitOf(throttle, 'anna', '10.0.0.1')).toBe(0);
    }
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      fail();
      expect(waitOf(throttle, 'anna', '10.0.0.1')).toBe(seconds);
      clock.advance(seconds * 1000 - 1);
      expect(waitOf(throttle, 'anna', '10.0.0.1')).toBe(1);
      clock.advance(1);
      expect(waitOf(throttle, 'anna', '10.0.0.1')).toBe(0);
    }
    // Others are not touched.
    expect(waitOf(throttle, 'bert', '10.0.0.1')).toBe(0);
    expect(waitOf(throttle, 'anna', '10.0.0.2')).toBe(0);
  });

  test('a proof clears it, of its own kind only', () => {
    const throttle = new Throttle(new FakeClock());
    for (let i = 0; i <= limits.freeFailures; i++) throttle.failed('token', 'anna', 's');
    throttle.succeeded('password', 'anna', 's');
    expect(waitOf(throttle, 'anna', 's')).toBe(1);
    throttle.succeeded('token', 'anna', 's');
    expect(waitOf(throttle, 'anna', 's')).toBe(0);
  });

  test('it is forgotten a while after the last failure', () => {
    const clock = new FakeClock();
    const throttle = new Throttle(clock);
    for (let i = 0; i <= limits.freeFailures; i++) throttle.failed('token', 'anna', 's');
    clock.advance(limits.throttleForgetMs - 1);
    throttle.failed('token', 'anna', 's');
    expect(waitOf(throttle, 'anna', 's')).toBe(2);
    clock.advance(limits.throttleForgetMs);
    throttle.failed('token', 'anna', 's');
    expect(waitOf(throttle, 'anna', 's')).toBe(0);
  });

  test('F-15: a step of the wall clock neither frees nor locks', () => {
    const clock = new FakeClock();
    const throttle = new Throttle(clock);
    for (let i = 0; i <= limits.freeFailures; i++) throttle.failed('token', 'anna', 's');
    clock.stepWall(86_400_000);
    expect(waitOf(throttle, 'anna', 's')).toBe(1);
    clock.stepWall(-2 * 86_400_000);
    clock.advance(1000);
    expect(waitOf(throttle, 'anna', 's')).toBe(0);
  });
});

describe('attempts counted when they begin', () => {
  test('A-ID-10: guesses in parallel do not pass all before the first is judged', () => {
    const throttle = new Throttle(new FakeClock());
    let begun = 0;
    for (let i = 0; i < 100; i++) {
      try {
        throttle.attempt('password', 'anna', 's');
        begun++;
      } catch (error) {
        expect(isGatewayError(error) && error.code).toBe('core.throttled');
      }
    }
    expect(begun).toBe(limits.freeFailures + 1);
  });

  test('success and withdrawal give it back', () => {
    const throttle = new Throttle(new FakeClock());
    for (let i = 0; i < 3 * limits.sourceFailuresMax; i++) {
      throttle.attempt('password', 'anna', 's').succeeded();
      throttle.attempt('password', 'anna', 's').withdrawn();
    }
    expect(throttle.size.pairs).toBe(0);
    for (let i = 0; i <= limits.freeFailures; i++) throttle.attempt('password', 'anna', 's');
    expect(() => throttle.attempt('password', 'anna', 's')).toThrow('core.throttled');
  });
});

describe('a source', () => {
  test('has a number of failures over all logins, refilled slowly', () => {
    const clock = new FakeClock();
    const throttle = new Throttle(clock);
    for (let i = 0; i < limits.sourceFailuresMax; i++) {
      expect(waitOf(throttle, null, 's')).toBe(0);
      throttle.failed('token', `login-${i}`, 's');
    }
    expect(waitOf(throttle, 'somebody-else', 's')).toBe(limits.sourceRefillMs / 1000);
    expect(waitOf(throttle, 'somebody-else', 'other')).toBe(0);
    clock.advance(limits.sourceRefillMs - 1);
    expect(waitOf(throttle, null, 's')).toBe(1);
    clock.advance(1);
    expect(waitOf(throttle, null, 's')).toBe(0);
    throttle.failed('token', null, 's');
    expect(waitOf(throttle, null, 's')).toBe(2);
  });

  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1::/64'],
    ['2001:0DB8:0000:0001:1:2:3:4', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['', ''],
    ['console', 'console'],
  ])('%j counts as %j', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});

test('I6: memory is bounded', () => {
  const throttle = new Throttle(new FakeClock());
  for (let i = 0; i < limits.throttlePairsMax + 10; i++) throttle.failed('token', 'anna', `source-${i}`);
  expect(throttle.size).toEqual({ pairs: limits.throttlePairsMax, sources: limits.throttleSourcesMax });
});
