/** TOTP against RFC 6238's own vectors and against oathtool; the window and the steps at each limit. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import * as limits from './limits.ts';
import { matchingStep, newTotpSecret, spellSecret, totpCode, totpStep, totpUri } from './totp.ts';

const hasOathtool = spawnSync('oathtool', ['--version']).status === 0;

test('RFC 6238 appendix B, SHA-1', () => {
  const secret = Buffer.from('12345678901234567890');
  const vectors: readonly [seconds: number, code: string][] = [
    [59, '94287082'],
    [1111111109, '07081804'],
    [1111111111, '14050471'],
    [1234567890, '89005924'],
    [2000000000, '69279037'],
    [20000000000, '65353130'],
  ];
  for (const [seconds, code] of vectors) expect(totpCode(secret, totpStep(seconds * 1000), 8)).toBe(code);
});

test.skipIf(!hasOathtool)('oathtool says the same, of the secret as it is spelled and at the same times', () => {
  for (const seconds of [0, 29, 30, 1_767_225_600, 4_102_444_799]) {
    const secret = newTotpSecret();
    const said = spawnSync('oathtool', ['--totp', '-b', spellSecret(secret), '--now', `@${seconds}`], {
      encoding: 'utf8',
    });
    expect(said.stderr).toBe('');
    expect(totpCode(secret, totpStep(seconds * 1000))).toBe(said.stdout.trim());
  }
});

test('a secret has 160 bits, and the URI has what apps read', () => {
  const secret = newTotpSecret();
  expect(secret.length).toBe(20);
  const uri = new URL(totpUri(secret, 'Sallyport: production', 'anna'));
  expect(uri.protocol).toBe('otpauth:');
  expect(uri.host).toBe('totp');
  expect(Object.fromEntries(uri.searchParams)).toEqual({
    issuer: 'Sallyport: production',
    secret: spellSecret(secret),
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  });
});

describe('which step a code is of', () => {
  const secret = newTotpSecret();
  const nowMs = Date.UTC(2026, 0, 1);
  const now = totpStep(nowMs);

  test('one step before and after count, and none past that', () => {
    for (let off = -limits.totpWindowSteps; off <= limits.totpWindowSteps; off++) {
      expect(matchingStep(secret, totpCode(secret, now + off), nowMs, -1)).toBe(now + off);
    }
    for (const off of [-limits.totpWindowSteps - 1, limits.totpWindowSteps + 1]) {
      const code = totpCode(secret, now + off);
      // One of a million secrets has the same code twice.
      if ([-1, 0, 1].some((near) => totpCode(secret, now + near) === code)) continue;
      expect(matchingStep(secret, code, nowMs, -1)).toBeNull();
    }
  });

  test('A-ID-10: a step that was used, and any before it, count no more', () => {
    expect(matchingStep(secret, totpCode(secret, now), nowMs, now - 1)).toBe(now);
    expect(matchingStep(secret, totpCode(secret, now), nowMs, now)).toBeNull();
    expect(matchingStep(secret, totpCode(secret, now - 1), nowMs, now)).toBeNull();
  });

  test('spaces are forgiven; what is no code is none', () => {
    const code = totpCode(secret, now);
    expect(matchingStep(secret, ` ${code.slice(0, 3)} ${code.slice(3)}`, nowMs, -1)).toBe(now);
    for (const typed of ['', '12345', '1234567', 'abcdef', '١٢٣٤٥٦', `${code}0`, code.slice(1)]) {
      expect(matchingStep(secret, typed, nowMs, -1)).toBeNull();
    }
  });
});
