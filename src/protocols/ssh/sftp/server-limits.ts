/**
 * The answer to `limits@openssh.com` (OpenSSH PROTOCOL, 4.8): packet, read, write and handles, four UInt64, zero for none.
 * What the gate itself takes is never more than it says.
 */
import * as limits from './limits.ts';

const ours = [limits.messageBytesMax, limits.readBytesMax, limits.readBytesMax, limits.handlesMax];

/** Null where the answer is no such thing. */
export function clampLimits(answer: Buffer): Buffer | null {
  if (answer.length < 8 * ours.length) return null;
  const clamped = Buffer.alloc(8 * ours.length);
  for (const [index, limit] of ours.entries()) {
    const theirs = answer.readBigUInt64BE(8 * index);
    clamped.writeBigUInt64BE(theirs === 0n || theirs > BigInt(limit) ? BigInt(limit) : theirs, 8 * index);
  }
  return clamped;
}
