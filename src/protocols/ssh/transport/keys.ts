/**
 * Public and private keys in SSH's encodings, over node:crypto: reading, fingerprints, signing, verifying.
 *
 * Invariants:
 * - SHA-1 signatures (`ssh-rsa`), DSA, and RSA keys below 2048 bits do not exist here (A-SSH-04).
 * - A signature is verified under exactly the algorithm that its sender named, and the algorithm must fit the key.
 * - FIDO keys (`sk-…`) count only with the user-presence flag, as in OpenSSH.
 *
 * Deliberately absent: who owns a key. Specification: RFC 4253 6.6, RFC 5656, RFC 8332, RFC 8709, OpenSSH PROTOCOL.u2f.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { fingerprintOf } from '../../../base/fingerprint.ts';
import { malformed, SshReader, SshWriter } from './bytes.ts';
import { sshErrors } from './errors.ts';
import { rsaBitsMax, rsaBitsMin } from './limits.ts';
import { privateKeyToPem } from './patch.ts';

export type SshKeyType =
  | 'ssh-ed25519'
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384'
  | 'ecdsa-sha2-nistp521'
  | 'ssh-rsa'
  | 'sk-ssh-ed25519@openssh.com'
  | 'sk-ecdsa-sha2-nistp256@openssh.com';

export interface SshPublicKey {
  readonly type: SshKeyType;
  /** The encoding of RFC 4253, 6.6; equality of keys is equality of blobs. */
  readonly blob: Buffer;
  /** `SHA256:` and base64 without padding, as OpenSSH prints it. */
  readonly fingerprint: string;
  /** Modulus or curve size. */
  readonly bits: number;
  readonly key: KeyObject;
  /** The application string of FIDO keys, `ssh:` most of the time; empty otherwise. */
  readonly application: string;
}

interface Curve {
  readonly jwk: string;
  readonly bytes: number;
  readonly hash: string;
  readonly name: string;
}

const curves: Readonly<Record<string, Curve>> = {
  nistp256: { jwk: 'P-256', bytes: 32, hash: 'sha256', name: 'nistp256' },
  nistp384: { jwk: 'P-384', bytes: 48, hash: 'sha384', name: 'nistp384' },
  nistp521: { jwk: 'P-521', bytes: 66, hash: 'sha512', name: 'nistp521' },
};

const rsaHashes: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };

const blobBytesMax = 8 * 1024;

/** The fields of a key after its type, as certificates carry them too. */
export function readKeyFields(type: string, reader: SshReader): { key: KeyObject; bits: number; application: string } {
  switch (type) {
    case 'ssh-ed25519':
      return { key: ed25519From(reader), bits: 256, application: '' };
    case 'sk-ssh-ed25519@openssh.com':
      return { key: ed25519From(reader), bits: 256, application: reader.utf8(1024) };
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return { ...ecdsaFrom(reader, type.slice(-8)), application: '' };
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return { ...ecdsaFrom(reader, 'nistp256'), application: reader.utf8(1024) };
    case 'ssh-rsa':
      return { ...rsaFrom(reader), application: '' };
    default:
      throw sshErrors('ssh.key-invalid', { detail: `key type ${type}` });
  }
}

/** Reads a public key; throws `ssh.key-invalid` or `ssh.message-malformed`. */
export function publicKeyFrom(blob: Buffer): SshPublicKey {
  if (blob.length > blobBytesMax) throw malformed('public key too long');
  const reader = new SshReader(blob);
  const type = reader.name(64);
  const fields = readKeyFields(type, reader);
  reader.end();
  return { type: type as SshKeyType, blob: Buffer.from(blob), fingerprint: fingerprintOf(blob), ...fields };
}

/** Reads one line of `authorized_keys` or a `.pub` file, without options. */
export function publicKeyFromText(line: string): SshPublicKey {
  const [type, base64] = line.trim().split(/\s+/);
  const key = publicKeyFrom(Buffer.from(base64 ?? '', 'base64'));
  if (key.type !== type) throw sshErrors('ssh.key-invalid', { detail: 'the line and the key name different types' });
  return key;
}

export function publicKeyToText(key: SshPublicKey): string {
  return `${key.type} ${key.blob.toString('base64')}`;
}

function importJwk(jwk: Record<string, string>): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (error) {
    throw sshErrors('ssh.key-invalid', { detail: 'the key is no point or number of its kind', cause: error });
  }
}

function ed25519From(reader: SshReader): KeyObject {
  const point = reader.string(32);
  if (point.length !== 32) throw malformed('Ed25519 key of a wrong length');
  return importJwk({ kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') });
}

function ecdsaFrom(reader: SshReader, expected: string): { key: KeyObject; bits: number } {
  const name = reader.name(16);
  const curve = curves[name];
  if (curve === undefined || name !== expected) throw malformed('curve does not fit the key type');
  const point = reader.string(1 + 2 * curve.bytes);
  if (point.length !== 1 + 2 * curve.bytes || point[0] !== 4) throw malformed('point is not in uncompressed form');
  const key = importJwk({
    kty: 'EC',
    crv: curve.jwk,
    x: point.subarray(1, 1 + curve.bytes).toString('base64url'),
    y: point.subarray(1 + curve.bytes).toString('base64url'),
  });
  return { key, bits: Number(name.slice(5)) };
}

function rsaFrom(reader: SshReader): { key: KeyObject; bits: number } {
  const exponent = unsigned(reader.string(64));
  const modulus = unsigned(reader.string(1 + rsaBitsMax / 8));
  const bits = modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0]!) + 24;
  if (bits < rsaBitsMin || bits > rsaBitsMax) throw sshErrors('ssh.key-invalid', { detail: `RSA key of ${bits} bits` });
  const key = importJwk({ kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') });
  return { key, bits };
}

/** An mpint without its leading zeros; negative ones are refused. */
function unsigned(mpint: Buffer): Buffer {
  if (mpint.length > 0 && (mpint[0]! & 0x80) !== 0) throw malformed('negative number in a key');
  let from = 0;
  while (from < mpint.length && mpint[from] === 0) from++;
  return mpint.subarray(from);
}

/** Verifies `signature` (algorithm name and value) over `data`. `algorithm` is what the sender announced. */
export function verifySignature(key: SshPublicKey, algorithm: string, data: Buffer, signature: Buffer): boolean {
  const reader = new SshReader(signature);
  if (reader.name(64) !== algorithm) return false;
  const value = reader.string(4096);
  switch (key.type) {
    case 'ssh-ed25519':
      reader.end();
      return algorithm === key.type && value.length === 64 && cryptoVerify(null, data, key.key, value);
    case 'ssh-rsa': {
      reader.end();
      const hash = rsaHashes[algorithm];
      return hash !== undefined && cryptoVerify(hash, data, key.key, padded(value, Math.ceil(key.bits / 8)));
    }
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      reader.end();
      return algorithm === key.type && verifyEcdsa(key.key, curves[key.type.slice(-8)]!, data, value);
    case 'sk-ssh-ed25519@openssh.com':
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return algorithm === key.type && verifyToken(key, data, value, reader);
  }
}

/** Some signers drop leading zeros of an RSA signature (RFC 8332, 3). */
function padded(value: Buffer, bytes: number): Buffer {
  return value.length >= bytes ? value : Buffer.concat([Buffer.alloc(bytes - value.length), value]);
}

function verifyEcdsa(key: KeyObject, curve: Curve, data: Buffer, value: Buffer): boolean {
  const reader = new SshReader(value);
  const halves = [unsigned(reader.string(curve.bytes + 1)), unsigned(reader.string(curve.bytes + 1))];
  reader.end();
  if (halves.some((half) => half.length > curve.bytes)) return false;
  const joined = Buffer.concat(halves.map((half) => padded(half, curve.bytes)));
  return cryptoVerify(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' }, joined);
}

/** What a FIDO token signs: the application, its flags and counter, and the data, each hashed (PROTOCOL.u2f). */
function verifyToken(key: SshPublicKey, data: Buffer, value: Buffer, reader: SshReader): boolean {
  const flags = reader.uint8();
  const counter = reader.uint32();
  reader.end();
  const userPresent = 0x01;
  if ((flags & userPresent) === 0) return false;
  const hash = (input: Buffer | string): Buffer => createHash('sha256').update(input).digest();
  const signed = new SshWriter(69).raw(hash(key.application)).uint8(flags).uint32(counter).raw(hash(data)).finish();
  if (key.type === 'sk-ssh-ed25519@openssh.com')
    return value.length === 64 && cryptoVerify(null, signed, key.key, value);
  return verifyEcdsa(key.key, curves['nistp256']!, signed, value);
}

// ----- private keys ---------------------------------------------------------------------------------------------------

export interface SshPrivateKey {
  readonly publicKey: SshPublicKey;
  /** Names of the signature algorithms that this key can make, preferred first. */
  readonly algorithms: readonly string[];
  /** The signature in SSH's encoding: algorithm name and value. */
  sign(data: Buffer, algorithm: string): Buffer;
}

/** Wraps a key of node:crypto: Ed25519, ECDSA on the NIST curves, RSA. */
export function privateKeyFrom(key: KeyObject): SshPrivateKey {
  const publicKey = publicKeyFrom(encodePublic(key));
  const algorithms = publicKey.type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [publicKey.type];
  return {
    publicKey,
    algorithms,
    sign(data, algorithm) {
      if (!algorithms.includes(algorithm))
        throw sshErrors('ssh.key-invalid', { detail: `cannot sign as ${algorithm}` });
      return new SshWriter(256)
        .string(algorithm)
        .string(signValue(key, publicKey.type, data, algorithm))
        .finish();
    },
  };
}

/** Reads a private key: OpenSSH's own format, PKCS#8, PKCS#1, SEC 1; encrypted ones with their passphrase. */
export function privateKeyFromText(text: string, passphrase?: string): SshPrivateKey {
  try {
    const pem = text.includes('BEGIN OPENSSH PRIVATE KEY') ? privateKeyToPem(text, passphrase) : text;
    const key = createPrivateKey(passphrase === undefined || pem !== text ? pem : { key: pem, passphrase });
    return privateKeyFrom(key);
  } catch (error) {
    throw sshErrors('ssh.key-invalid', { detail: 'the private key cannot be read', cause: error });
  }
}

export type GeneratedKey = 'ed25519' | 'ecdsa' | 'rsa';

/** Makes a key, as PKCS#8 text to be kept; `privateKeyFromText` reads it. */
export function generateKeyText(type: GeneratedKey): string {
  const { privateKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : type === 'ecdsa'
        ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
        : generateKeyPairSync('rsa', { modulusLength: 3072 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function signValue(key: KeyObject, type: SshKeyType, data: Buffer, algorithm: string): Buffer {
  if (type === 'ssh-ed25519') return cryptoSign(null, data, key);
  if (type === 'ssh-rsa') return cryptoSign(rsaHashes[algorithm]!, data, key);
  const curve = curves[type.slice(-8)]!;
  const joined = cryptoSign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' });
  return new SshWriter(160).mpint(joined.subarray(0, curve.bytes)).mpint(joined.subarray(curve.bytes)).finish();
}

function encodePublic(key: KeyObject): Buffer {
  const jwk = (key.type === 'private' ? createPublicKey(key.export({ type: 'pkcs8', format: 'pem' })) : key).export({
    format: 'jwk',
  });
  const part = (name: 'x' | 'y' | 'n' | 'e'): Buffer => Buffer.from(jwk[name] ?? '', 'base64url');
  const writer = new SshWriter(256);
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return writer.string('ssh-ed25519').string(part('x')).finish();
  if (jwk.kty === 'RSA') return writer.string('ssh-rsa').mpint(part('e')).mpint(part('n')).finish();
  const curve = Object.values(curves).find((known) => jwk.kty === 'EC' && known.jwk === jwk.crv);
  if (curve === undefined) throw sshErrors('ssh.key-invalid', { detail: `key of type ${jwk.kty} ${jwk.crv ?? ''}` });
  const point = Buffer.concat([Buffer.from([4]), padded(part('x'), curve.bytes), padded(part('y'), curve.bytes)]);
  return writer.string(`ecdsa-sha2-${curve.name}`).string(curve.name).string(point).finish();
}
