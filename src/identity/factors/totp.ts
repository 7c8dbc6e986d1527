/**
 * Time-based one-time passwords (RFC 6238), with the parameters that every authenticator app has: HMAC-SHA-1, six digits,
 * steps of 30 seconds. SHA-1 is no weakness here: HMAC does not need a hash without collisions.
 *
 * Pure arithmetic of a secret and a time. Which steps were used already is the caller's matter: it says after which one.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { HOTP, Secret, TOTP } from 'otpauth';
import * as limits from './limits.ts';

export function newTotpSecret(): Buffer {
  return randomBytes(limits.totpSecretBytes);
}

/** As people type it where they cannot scan: base 32 of RFC 4648. */
export function spellSecret(secret: Buffer): string {
  return secretOf(secret).base32;
}

/** What a QR code says: `otpauth://totp/…`. It carries the secret. */
export function totpUri(secret: Buffer, issuer: string, account: string): string {
  const { totpDigits: digits, totpStepMs } = limits;
  const period = totpStepMs / 1000;
  return new TOTP({ issuer, label: account, secret: secretOf(secret), algorithm: 'SHA1', digits, period }).toString();
}

export function totpStep(nowMs: number): number {
  return Math.floor(nowMs / limits.totpStepMs);
}

export function totpCode(secret: Buffer, step: number, digits = limits.totpDigits): string {
  return HOTP.generate({ secret: secretOf(secret), algorithm: 'SHA1', digits, counter: step });
}

/**
 * The step whose code this is, within the window and later than `after`; null where none is. All codes of the window are
 * made and compared, whichever fits.
 */
export function matchingStep(secret: Buffer, typed: string, nowMs: number, after: number): number | null {
  const code = typed.replace(/[\s-]/g, '');
  if (!/^\d+$/.test(code) || code.length !== limits.totpDigits) return null;
  const now = totpStep(nowMs);
  let found: number | null = null;
  for (let step = Math.max(0, now - limits.totpWindowSteps); step <= now + limits.totpWindowSteps; step++) {
    const fits = timingSafeEqual(Buffer.from(totpCode(secret, step)), Buffer.from(code));
    if (fits && step > after && found === null) found = step;
  }
  return found;
}

function secretOf(secret: Buffer): Secret {
  return new Secret({ buffer: new Uint8Array(secret).buffer });
}
