/**
 * How the content of a recording is sealed: a random key of its own for each, under which every chunk is enciphered after
 * it was compressed. The key lies beside the recording, wrapped; who destroys that file destroys the content, wherever
 * copies of the recording lie, and no digest changes.
 *
 *     chunk    AES-256-GCM; nonce: zero 8 · number 4; associated: file header 96 · bytes 0 to 31 of the chunk's header;
 *              stored: ciphertext · tag 16
 *     key      magic 8 · version 2 · length 2 · the key, wrapped by whoever opened the room
 *
 * Invariants: a key enciphers one recording once, whose chunks are numbered, so no nonce comes twice; the associated data
 * bind a chunk to its place in its recording; a key leaves the process in wrapped form only. What wraps it is not this
 * room's to know (`RecordingKeys`).
 *
 * Pure but for randomness that others give. NIST SP 800-38D section 8.2.1 (deterministic nonces).
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { recordingErrors } from './errors.ts';
import * as limits from './limits.ts';

export interface SessionKey {
  /** 256 bits. The room wipes it once the recorder has it. */
  readonly key: Buffer;
  /** At most `wrappedKeyBytesMax`. Opens with `open` for the same session only. */
  readonly wrapped: Buffer;
}

/** Who makes, wraps and opens the keys of recordings. */
export interface RecordingKeys {
  /** A random key. Throws where there can be none: then the session is not recorded, and so does not begin. */
  create(session: string): SessionKey;
  /** The key again; rejects where `wrapped` is not what was made for this session. The caller wipes it. */
  open(session: string, wrapped: Buffer): Promise<Buffer>;
}

export const tagBytes = 16;
export const sessionKeyBytes = 32;
const algorithm = 'aes-256-gcm';
/** Of a chunk's header: what lies before its checksums. */
const boundBytes = 32;

function nonceOf(chunk: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(chunk, 8);
  return nonce;
}

/** Enciphers a chunk's compressed entries. `chunkHeader` already says how long the result is: `tagBytes` more. */
export function sealChunk(
  key: Uint8Array,
  chunk: number,
  fileHeader: Buffer,
  chunkHeader: Buffer,
  plain: Buffer,
): Buffer {
  const cipher = createCipheriv(algorithm, key, nonceOf(chunk), { authTagLength: tagBytes });
  cipher.setAAD(Buffer.concat([fileHeader, chunkHeader.subarray(0, boundBytes)]));
  const ciphertext = cipher.update(plain);
  cipher.final();
  return Buffer.concat([ciphertext, cipher.getAuthTag()]);
}

/** Throws `recording.unreadable` where a byte of it, or of the headers, is not what was sealed. */
export function openChunk(
  key: Uint8Array,
  chunk: number,
  fileHeader: Buffer,
  chunkHeader: Buffer,
  stored: Buffer,
): Buffer {
  try {
    const decipher = createDecipheriv(algorithm, key, nonceOf(chunk), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.concat([fileHeader, chunkHeader.subarray(0, boundBytes)]));
    decipher.setAuthTag(stored.subarray(Math.max(0, stored.length - tagBytes)));
    const plain = decipher.update(stored.subarray(0, Math.max(0, stored.length - tagBytes)));
    decipher.final();
    return plain;
  } catch (cause) {
    const problem = `chunk ${chunk} is not what was recorded, or its key is another's`;
    throw recordingErrors('recording.unreadable', { cause, values: { problem } });
  }
}

const keyMagic = 'SALLYKEY';
const keyVersion = 1;
const keyHeaderBytes = 12;
/** Longest file with a key. */
export const keyFileBytesMax = keyHeaderBytes + limits.wrappedKeyBytesMax;

export function encodeKeyFile(wrapped: Uint8Array): Buffer {
  if (wrapped.length > limits.wrappedKeyBytesMax) throw new RangeError('a wrapped key is longer than allowed');
  const bytes = Buffer.alloc(keyHeaderBytes + wrapped.length);
  bytes.write(keyMagic, 0, 8, 'latin1');
  bytes.writeUInt16BE(keyVersion, 8);
  bytes.writeUInt16BE(wrapped.length, 10);
  bytes.set(wrapped, keyHeaderBytes);
  return bytes;
}

/** The wrapped key. Throws `recording.unreadable`. */
export function decodeKeyFile(bytes: Buffer): Buffer {
  const isWhole =
    bytes.length >= keyHeaderBytes &&
    bytes.toString('latin1', 0, 8) === keyMagic &&
    bytes.readUInt16BE(8) === keyVersion &&
    bytes.length === keyHeaderBytes + bytes.readUInt16BE(10);
  if (!isWhole) throw recordingErrors('recording.unreadable', { values: { problem: 'its key is damaged' } });
  return bytes.subarray(keyHeaderBytes);
}
