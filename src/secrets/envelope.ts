/**
 * Envelope encryption: each secret under a data key of its own, each data key wrapped by a key-encryption key.
 *
 * Invariants: AES-256-GCM with a random 96-bit nonce and the whole 128-bit tag; a data key encrypts one value once; the
 * wrapped data key is bound to the secret's name and the key's id, the ciphertext to the name, so that neither a row's
 * parts nor whole rows can be exchanged; data keys are wiped after use; every failure of a check is one error that says
 * nothing about which check it was.
 *
 * Rotation wraps the same data key again and leaves the ciphertext as it is. NIST SP 800-38D sections 5.2.1.1 and 8.2.2
 * (random nonces: below 2^32 uses of a key, which no gateway's count of secrets nears).
 *
 * A wrapped key: nonce (12) · ciphertext (32) · tag (16).
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { secretErrors } from './errors.ts';

const algorithm = 'aes-256-gcm';
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const wrappedKeyBytes = nonceBytes + keyBytes + tagBytes;

export interface Sealing {
  readonly wrappedKey: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** A key-encryption key and the id by which rows name it. */
export interface EncryptionKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** Parts joined so that no two lists of parts give the same bytes. */
function associate(purpose: string, ...parts: readonly string[]): Buffer {
  const pieces = [purpose, ...parts].flatMap((part) => {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(pieces);
}

const wrapData = (key: EncryptionKey, name: string): Buffer => associate('sallyport/wrap/1', key.id, name);
const sealData = (name: string): Buffer => associate('sallyport/seal/1', name);

function encrypt(key: Buffer, plain: Buffer, associated: Buffer) {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associated);
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { nonce, ciphertext, tag: cipher.getAuthTag() };
}

function decrypt(key: Buffer, nonce: Buffer, ciphertext: Buffer, tag: Buffer, associated: Buffer): Buffer {
  // GCM accepts shortened tags and odd nonces unless told otherwise; here there is one length of each.
  if (nonce.length !== nonceBytes || tag.length !== tagBytes) throw secretErrors('secrets.tampered');
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associated);
  decipher.setAuthTag(tag);
  const plain = decipher.update(ciphertext);
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    // OpenSSL's error tells nothing more, and what was decrypted so far is not authentic.
    throw secretErrors('secrets.tampered');
  } finally {
    plain.fill(0);
  }
}

/** Wraps a key of 256 bits for `name`. The caller wipes it. */
export function wrapKey(key: EncryptionKey, name: string, dataKey: Buffer): Buffer {
  const { nonce, ciphertext, tag } = encrypt(key.bytes, dataKey, wrapData(key, name));
  return Buffer.concat([nonce, ciphertext, tag]);
}

/** The key that `wrapKey` wrapped; throws `secrets.tampered`. The caller wipes it. */
export function unwrapKey(key: EncryptionKey, name: string, wrapped: Buffer): Buffer {
  if (wrapped.length !== wrappedKeyBytes) throw secretErrors('secrets.tampered');
  const nonce = wrapped.subarray(0, nonceBytes);
  const ciphertext = wrapped.subarray(nonceBytes, nonceBytes + keyBytes);
  return decrypt(key.bytes, nonce, ciphertext, wrapped.subarray(nonceBytes + keyBytes), wrapData(key, name));
}

/** Seals `plain` for `name`. The caller wipes `plain`. */
export function seal(key: EncryptionKey, name: string, plain: Buffer): Sealing {
  const dataKey = randomBytes(keyBytes);
  try {
    return { wrappedKey: wrapKey(key, name, dataKey), ...encrypt(dataKey, plain, sealData(name)) };
  } finally {
    dataKey.fill(0);
  }
}

/** Opens what `seal` made; throws `secrets.tampered`. The caller wipes the result. */
export function open(key: EncryptionKey, name: string, sealing: Sealing): Buffer {
  const dataKey = unwrapKey(key, name, sealing.wrappedKey);
  try {
    return decrypt(dataKey, sealing.nonce, sealing.ciphertext, sealing.tag, sealData(name));
  } finally {
    dataKey.fill(0);
  }
}

/** Wraps the data key of a sealing anew; throws `secrets.tampered`. */
export function rewrap(from: EncryptionKey, to: EncryptionKey, name: string, wrapped: Buffer): Buffer {
  const dataKey = unwrapKey(from, name, wrapped);
  try {
    return wrapKey(to, name, dataKey);
  } finally {
    dataKey.fill(0);
  }
}
