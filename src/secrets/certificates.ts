/**
 * A certificate with its key, as a credential for the TLS connection to a target: checked when it is read, since what TLS
 * says of an unfit pair is hard to understand.
 *
 * Invariants: what is given on are certificates and one key that belong together, valid now; an error never quotes them.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { certificatesMax } from './limits.ts';

export interface CertificatePair {
  /** PEM: its own certificate first. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

const pem = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Throws with what is wrong, for the log. */
export function checkedPair(certificate: string, key: string, clock: Clock): CertificatePair {
  const blocks = certificate.match(pem) ?? [];
  if (blocks.length === 0) throw new Error('the client certificate is not PEM: it must begin with BEGIN CERTIFICATE');
  if (blocks.length > certificatesMax) throw new Error(`there are more than ${certificatesMax} client certificates`);
  const parsed = blocks.map(parse);
  const privateKey = keyOf(key);
  const [own] = parsed;
  if (own?.checkPrivateKey(privateKey) !== true) {
    throw new Error('the key is not that of the client certificate, which must be the first of the chain');
  }
  const nowMs = clock.now();
  for (const one of parsed) {
    if (nowMs < one.validFromDate.getTime()) throw new Error(`the client certificate holds from ${one.validFrom} only`);
    if (nowMs >= one.validToDate.getTime()) {
      throw new Error(`the client certificate expired ${one.validTo}: put a new one in its place`);
    }
  }
  return {
    certificate: `${blocks.join('\n')}\n`,
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

function parse(block: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch {
    throw new Error('the client certificate cannot be read');
  }
}

function keyOf(text: string): KeyObject {
  if (/ENCRYPTED/.test(text)) throw new Error('the key of the client certificate has a passphrase: take it off');
  try {
    return createPrivateKey(text);
  } catch {
    throw new Error('the key of the client certificate is no private key in PEM');
  }
}
