/**
 * Proof by an X.509 client certificate: whether one of the configured authorities issued it for the principal that it names.
 *
 * Invariants:
 * - The handshake proved that the peer has the key; everything else is decided here, and nothing rests on what TLS thinks.
 * - The issuer is itself configured: chains are not built, so that it is never open which authority vouches. Intermediate
 *   authorities are configured where they issue.
 * - It names its principal in the common name of its subject, of which there is one; never by an e-mail address (A-ID-05).
 * - It is for clients (`clientAuth`), valid now, not revoked, by a signature without MD5 and SHA-1, and without a critical
 *   extension that nobody here knows (RFC 5280, section 4.2).
 *
 * Deliberately absent: revocation lists and OCSP. Revoked certificates stand in the authority's manifest.
 */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { fingerprintOf } from '../base/fingerprint.ts';
import type { KeyProof } from './keys.ts';
import * as limits from './limits.ts';
import type { PrincipalDirectory } from './records.ts';
import { criticalProblem } from './x509.ts';

/** Extended key usage of clients (RFC 5280, section 4.2.1.12). */
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** How a certificate is named in lists of revoked ones and in the journal: SHA-256 in lower-case hexadecimal. */
export function certificateDigest({ fingerprint256 }: Pick<X509Certificate, 'fingerprint256'>): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

/** The certificate; null where it is none or too long. */
export function readCertificate(der: Buffer): X509Certificate | null {
  if (der.length > limits.certificateBytesMax) return null;
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}

/** Whom it names, or null. */
export function commonNameOf(certificate: X509Certificate): string | null {
  const { CN: name } = certificate.toLegacyObject().subject as unknown as { readonly CN?: unknown };
  return typeof name === 'string' ? name : null;
}

export class ProgramCertificates {
  readonly #directory: PrincipalDirectory;
  readonly #clock: Clock;

  constructor(directory: PrincipalDirectory, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** Why it does not do, for the log; or what it proves. */
  prove(certificate: X509Certificate, name: string): KeyProof | string {
    const entry = this.#directory.find(name);
    if (entry === null || entry.disabled) return 'unknown or disabled principal';
    const problem = this.#problemOf(certificate);
    if (problem !== null) return problem;
    const digest = certificateDigest(certificate);
    for (const authority of this.#directory.authorities?.() ?? []) {
      if (!authority.mayVouchFor(entry)) continue;
      const issuer = (authority.certificates ?? []).find((one) => this.#isIssuedBy(certificate, one));
      if (issuer === undefined) continue;
      if (authority.revoked?.has(digest) === true) return 'the certificate is revoked';
      return { entry, credentialId: `${fingerprintOf(issuer.raw)}/${digest}`, tokenId: null };
    }
    return 'no authority that may vouch for the principal issued the certificate';
  }

  #problemOf(certificate: X509Certificate): string | null {
    if (!this.#isValidNow(certificate)) return 'the certificate is not valid now';
    if (certificate.ca) return 'the certificate is one of an authority';
    // Without the extension it would be for everything (RFC 5280): also for what its owner never meant to sign on with.
    if (certificate.keyUsage?.includes(clientAuth) !== true) return 'the certificate is not for clients';
    const algorithm = certificate.signatureAlgorithm ?? '';
    if (algorithm === '' || /md[245]|sha-?1(?![0-9])/i.test(algorithm)) return 'the certificate is signed too weakly';
    return criticalProblem(certificate.raw);
  }

  #isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    return (
      issuer.ca && this.#isValidNow(issuer) && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
    );
  }

  #isValidNow({ validFromDate, validToDate }: X509Certificate): boolean {
    const nowMs = this.#clock.now();
    return nowMs >= validFromDate.getTime() - limits.clockSkewMs && nowMs < validToDate.getTime();
  }
}
