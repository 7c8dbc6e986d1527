/**
 * OpenSSH certificates: reading all fields, verifying the CA's signature, and making them.
 *
 * Invariants: a certificate that `readCertificate` returns is signed by the CA key that it carries; nothing says that
 * this CA is trusted. CA signatures with SHA-1 are refused. Options keep the order and the bytes that were signed.
 *
 * Deliberately absent: which CA is trusted, for which principals, from which address: the caller's decisions, for which
 * `certificateFault` answers the part that never depends on configuration.
 * Specification: OpenSSH PROTOCOL.certkeys.
 */
import { randomBytes } from 'node:crypto';
import { fingerprintOf } from '../../../base/fingerprint.ts';
import { malformed, SshReader, SshWriter } from './bytes.ts';
import { sshErrors } from './errors.ts';
import {
  publicKeyFrom,
  readKeyFields,
  type SshKeyType,
  type SshPrivateKey,
  type SshPublicKey,
  verifySignature,
} from './keys.ts';
import { certificateOptionsMax, certificatePrincipalsMax, textBytesMax } from './limits.ts';

/** Suffix of the type of every certificate, and of the algorithm names that use one. */
export const certificateSuffix = '-cert-v01@openssh.com';

export interface SshCertificate {
  /** As on the wire: `ssh-ed25519-cert-v01@openssh.com`. */
  readonly type: string;
  readonly blob: Buffer;
  readonly kind: 'user' | 'host';
  readonly serial: bigint;
  readonly keyId: string;
  /** Empty: valid for any, which most callers should refuse. */
  readonly principals: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** `force-command`, `source-address`, `verify-required`, and what may come; values as text. */
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, string>;
  /** The certified key. */
  readonly key: SshPublicKey;
  readonly signedBy: SshPublicKey;
}

const forever = 0xffff_ffff_ffff_ffffn;

/** Reads and verifies. Throws `ssh.certificate-invalid`, `ssh.message-malformed` or `ssh.key-invalid`. */
export function readCertificate(blob: Buffer): SshCertificate {
  const reader = new SshReader(blob);
  const type = reader.name(64);
  if (!type.endsWith(certificateSuffix)) throw malformed('no certificate');
  const keyType = keyTypeOf(type);
  reader.string(256); // The CA's nonce.
  const keyFrom = reader.at;
  const fields = readKeyFields(keyType, reader);
  const keyBlob = new SshWriter(512).string(keyType).raw(blob.subarray(keyFrom, reader.at)).finish();
  const serial = reader.uint64();
  const kind = reader.uint32();
  if (kind !== 1 && kind !== 2) throw malformed(`certificate of kind ${kind}`);
  const keyId = reader.utf8(textBytesMax);
  const principals = readPrincipals(reader.string(64 * 1024));
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = readOptions(reader.string(textBytesMax));
  const extensions = readOptions(reader.string(textBytesMax));
  reader.string(textBytesMax); // Reserved.
  const signedBy = publicKeyFrom(reader.string(textBytesMax));
  const signed = blob.subarray(0, reader.at);
  const signature = reader.string(textBytesMax);
  reader.end();
  const algorithm = new SshReader(signature).name(64);
  if (!verifySignature(signedBy, algorithm, signed, signature)) throw sshErrors('ssh.certificate-invalid');
  const key: SshPublicKey = { type: keyType, blob: keyBlob, fingerprint: fingerprintOf(keyBlob), ...fields };
  return {
    type,
    blob: Buffer.from(blob),
    kind: kind === 1 ? 'user' : 'host',
    serial,
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions,
    extensions,
    key,
    signedBy,
  };
}

/** `sk-ssh-ed25519-cert-v01@openssh.com` certifies `sk-ssh-ed25519@openssh.com`, `ssh-rsa-cert-…` an `ssh-rsa`. */
export function keyTypeOf(certificateType: string): SshKeyType {
  const base = certificateType.slice(0, -certificateSuffix.length);
  return (base.startsWith('sk-') ? `${base}@openssh.com` : base) as SshKeyType;
}

/** The signature algorithm behind a name of a public key algorithm: `rsa-sha2-512-cert-v01@…` signs as `rsa-sha2-512`. */
export function signatureAlgorithmOf(algorithm: string): string {
  return algorithm.endsWith(certificateSuffix) ? keyTypeOf(algorithm) : algorithm;
}

export type CertificateFault = 'not-a-user-certificate' | 'not-yet-valid' | 'expired' | 'unknown-critical-option';

const knownCriticalOptions = new Set(['force-command', 'source-address', 'verify-required']);

/** What makes a user certificate worthless whatever CA signed it; null where nothing does. */
export function certificateFault(certificate: SshCertificate, nowMs: number): CertificateFault | null {
  if (certificate.kind !== 'user') return 'not-a-user-certificate';
  const now = BigInt(Math.floor(nowMs / 1000));
  if (now < certificate.validAfter) return 'not-yet-valid';
  if (certificate.validBefore !== forever && now >= certificate.validBefore) return 'expired';
  for (const name of certificate.criticalOptions.keys()) {
    if (!knownCriticalOptions.has(name)) return 'unknown-critical-option';
  }
  return null;
}

function readPrincipals(view: Buffer): readonly string[] {
  const reader = new SshReader(view);
  const principals: string[] = [];
  while (reader.left > 0) {
    if (principals.length >= certificatePrincipalsMax) throw malformed('too many principals');
    principals.push(reader.utf8(1024));
  }
  return principals;
}

/** Pairs of name and value; a value holds a string of its own, or nothing. Names must rise, so none comes twice. */
function readOptions(view: Buffer): ReadonlyMap<string, string> {
  const reader = new SshReader(view);
  const options = new Map<string, string>();
  let last: Buffer | null = null;
  while (reader.left > 0) {
    if (options.size >= certificateOptionsMax) throw malformed('too many options');
    const name = reader.string(256);
    if (last !== null && Buffer.compare(last, name) >= 0) throw malformed('options out of order');
    last = name;
    const value = reader.string(textBytesMax);
    let text = '';
    if (value.length > 0) {
      const inner = new SshReader(value);
      text = inner.utf8(textBytesMax);
      inner.end();
    }
    options.set(name.toString('utf8'), text);
  }
  return options;
}

export interface CertificateRequest {
  readonly key: SshPublicKey;
  readonly kind?: 'user' | 'host';
  readonly serial: bigint;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly validAfter: number;
  readonly validBefore: number;
  readonly criticalOptions?: Readonly<Record<string, string>>;
  /** `permit-pty` and its kin, with empty values. */
  readonly extensions?: Readonly<Record<string, string>>;
}

/** Makes a certificate; the result is its blob. */
export function signCertificate(request: CertificateRequest, ca: SshPrivateKey): Buffer {
  const { key } = request;
  const name = key.type.startsWith('sk-') ? key.type.slice(0, -'@openssh.com'.length) : key.type;
  const fields = new SshReader(key.blob);
  fields.string(64);
  const writer = new SshWriter(1024)
    .string(`${name}${certificateSuffix}`)
    .string(randomBytes(32))
    .raw(fields.rest())
    .uint64(request.serial)
    .uint32(request.kind === 'host' ? 2 : 1)
    .string(request.keyId)
    .string(request.principals.reduce((list, principal) => list.string(principal), new SshWriter()).finish())
    .uint64(BigInt(request.validAfter))
    .uint64(BigInt(request.validBefore))
    .string(encodeOptions(request.criticalOptions ?? {}))
    .string(encodeOptions(request.extensions ?? {}))
    .string('')
    .string(ca.publicKey.blob);
  const signed = Buffer.from(writer.finish());
  return Buffer.concat([signed, new SshWriter(512).string(ca.sign(signed, ca.algorithms[0]!)).finish()]);
}

function encodeOptions(options: Readonly<Record<string, string>>): Buffer {
  const writer = new SshWriter(256);
  const entries = Object.entries(options).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const [name, value] of entries) {
    writer.string(name).string(value === '' ? '' : new SshWriter().string(value).finish());
  }
  return writer.finish();
}
