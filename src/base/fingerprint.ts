/** How OpenSSH spells a key's fingerprint. */
import { createHash } from 'node:crypto';

/** `SHA256:` and the hash of the key's blob (RFC 4253 section 6.6) in base64 without padding, as ssh-keygen(1) prints it. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
