/**
 * Recovery codes: what a person keeps on paper for when the phone is gone.
 *
 *     k7m2-q4xd-9r3t-w8zb        80 random bits, Crockford base 32
 *
 * Kept is SHA-256 of each, with its owner. Nothing slower is needed: a slow hash makes few guesses of a weak secret dear, and
 * there are no few guesses of 80 random bits; argon2id for ten codes would cost every sign-on with one 190 MiB and ten
 * turns at the thread pool.
 */
import { createHash } from 'node:crypto';
import { newSecret } from '../../base/ids.ts';
import * as limits from './limits.ts';

export interface RecoveryData {
  /** Digests of the codes that are left. */
  readonly left: readonly string[];
}

export function newRecoveryCodes(): readonly string[] {
  return Array.from({ length: limits.recoveryCodes }, () =>
    newSecret(limits.recoveryCodeBytes).match(/.{4}/g)!.join('-'),
  );
}

/** What is kept of a code. Case, spaces, dashes and the letters that base 32 leaves out are forgiven. */
export function recoveryDigest(owner: string, typed: string): string {
  const code = typed.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1');
  return createHash('sha256')
    .update(JSON.stringify(['recovery code', owner, code]))
    .digest('base64url');
}
