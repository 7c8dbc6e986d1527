/**
 * Identifiers: a short prefix that says what it names, and 128 bits that sort by time of making.
 */
import { randomBytes } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** Crockford base 32, lower case, most significant bit first. */
export function base32(bytes: Uint8Array): string {
  let out = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += alphabet[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  if (bits > 0) out += alphabet[(value << (5 - bits)) & 31];
  return out;
}

/**
 * A new identifier such as `ses_01k9…`: 48 bits of milliseconds, 80 random bits, base 32.
 * Identifiers name things; they are never capabilities (A-API-02).
 */
export function newId(prefix: string, nowMs: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  return `${prefix}_${base32(bytes)}`;
}

/** A secret of `bytes` random bytes in base 32; 20 bytes are 160 bits. */
export function newSecret(bytes = 20): string {
  return base32(randomBytes(bytes));
}
