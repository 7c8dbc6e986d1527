/**
 * Encrypted assertions (XML Encryption 1.1): AES-GCM for the content, RSA-OAEP for its key.
 *
 * Invariants: content that was changed is not decrypted to anything, so that no answer tells of its padding; RSA with
 * PKCS #1 v1.5 and AES-CBC, whose answers would, are refused whatever the provider prefers. Encryption proves nothing:
 * anybody has the certificate it is made with, and only a signature within counts (A-ID-06).
 *
 * Deliberately absent: OAEP whose mask is made by another hash than its label (Node has one setting for both), keys
 * outside of the EncryptedAssertion, several recipients, EncryptedID and EncryptedAttribute.
 */
import { createDecipheriv, type KeyObject, privateDecrypt, constants as tls } from 'node:crypto';
import { namespaces } from './names.ts';
import { decodeBase64 } from './signature.ts';
import {
  attributeOf,
  childrenOf,
  elementsOf,
  neededChild,
  onlyChild,
  Refusal,
  textOf,
  type XmlElement,
} from './xml.ts';

const contentCiphers: ReadonlyMap<string, readonly ['aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm', keyBytes: number]> =
  new Map([
    ['http://www.w3.org/2009/xmlenc11#aes128-gcm', ['aes-128-gcm', 16]],
    ['http://www.w3.org/2009/xmlenc11#aes192-gcm', ['aes-192-gcm', 24]],
    ['http://www.w3.org/2009/xmlenc11#aes256-gcm', ['aes-256-gcm', 32]],
  ]);
const ivBytes = 12;
const tagBytes = 16;

const oaepMgf1p = 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p';
const oaep = 'http://www.w3.org/2009/xmlenc11#rsa-oaep';

const oaepDigests: ReadonlyMap<string, string> = new Map([
  // In OAEP nothing hangs on collisions: SHA-1 is no weakness here, and the default of the specification.
  ['http://www.w3.org/2000/09/xmldsig#sha1', 'sha1'],
  ['http://www.w3.org/2001/04/xmlenc#sha256', 'sha256'],
  ['http://www.w3.org/2001/04/xmldsig-more#sha384', 'sha384'],
  ['http://www.w3.org/2001/04/xmlenc#sha512', 'sha512'],
]);
const maskDigests: ReadonlyMap<string, string> = new Map([
  ['http://www.w3.org/2009/xmlenc11#mgf1sha1', 'sha1'],
  ['http://www.w3.org/2009/xmlenc11#mgf1sha256', 'sha256'],
  ['http://www.w3.org/2009/xmlenc11#mgf1sha384', 'sha384'],
  ['http://www.w3.org/2009/xmlenc11#mgf1sha512', 'sha512'],
]);

/** What metadata says that may be used, best first. */
export const encryptionMethods: readonly string[] = [
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  oaep,
  oaepMgf1p,
];

/** The text within an EncryptedAssertion. Throws a Refusal, the same whatever about the content was wrong. */
export function decryptAssertion(encrypted: XmlElement, key: KeyObject): string {
  const data = neededChild(encrypted, namespaces.encryption, 'EncryptedData');
  const keyInfo = onlyChild(data, namespaces.signature, 'KeyInfo');
  const within = keyInfo === null ? [] : childrenOf(keyInfo, namespaces.encryption, 'EncryptedKey');
  const [wrapped, ...more] = [...within, ...childrenOf(encrypted, namespaces.encryption, 'EncryptedKey')];
  if (wrapped === undefined || more.length > 0) throw new Refusal('an encrypted assertion has not just one key');
  const [cipher, keyBytes] = contentCiphers.get(methodOf(data)) ?? refuseMethod('an assertion');
  const hash = oaepHashOf(neededChild(wrapped, namespaces.encryption, 'EncryptionMethod'));
  const wrappedKey = cipherValueOf(wrapped);
  const content = cipherValueOf(data);
  if (content.length <= ivBytes + tagBytes) throw new Refusal('an encrypted assertion is empty');
  try {
    const padding = tls.RSA_PKCS1_OAEP_PADDING;
    const contentKey = privateDecrypt({ key, padding, oaepHash: hash }, wrappedKey);
    if (contentKey.length !== keyBytes) throw new RangeError('the key is of another length');
    const decipher = createDecipheriv(cipher, contentKey, content.subarray(0, ivBytes), { authTagLength: tagBytes });
    decipher.setAuthTag(content.subarray(-tagBytes));
    const clear = Buffer.concat([decipher.update(content.subarray(ivBytes, -tagBytes)), decipher.final()]);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(clear);
  } catch (error) {
    throw new Refusal(`an assertion cannot be decrypted: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

function methodOf(element: XmlElement): string {
  return attributeOf(neededChild(element, namespaces.encryption, 'EncryptionMethod'), 'Algorithm') ?? '';
}

function refuseMethod(what: string): never {
  throw new Refusal(`${what} is encrypted by an algorithm that is not taken (AES-GCM and RSA-OAEP are)`);
}

function oaepHashOf(method: XmlElement): string {
  const algorithm = attributeOf(method, 'Algorithm');
  const digest = onlyChild(method, namespaces.signature, 'DigestMethod');
  const mask = onlyChild(method, namespaces.encryption11, 'MGF');
  const known = (digest === null ? 0 : 1) + (mask === null ? 0 : 1);
  if (elementsOf(method).length !== known) throw new Refusal('a key is encrypted with parameters that are not taken');
  const hash = digest === null ? 'sha1' : oaepDigests.get(attributeOf(digest, 'Algorithm') ?? '');
  const maskHash = mask === null ? 'sha1' : maskDigests.get(attributeOf(mask, 'Algorithm') ?? '');
  if ((algorithm !== oaep && algorithm !== oaepMgf1p) || hash === undefined) return refuseMethod('a key');
  if (algorithm === oaepMgf1p && mask !== null) return refuseMethod('a key');
  if (hash !== maskHash) throw new Refusal('a key is encrypted by OAEP with two different hashes, which is not taken');
  return hash;
}

function cipherValueOf(element: XmlElement): Buffer {
  const data = neededChild(element, namespaces.encryption, 'CipherData');
  return decodeBase64(textOf(neededChild(data, namespaces.encryption, 'CipherValue')));
}
