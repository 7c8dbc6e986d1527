/** Certificates of clients, and authorities that issue them, for tests: made in memory, nothing of them is kept. */
import { algorithm, generate, type KeyPair, loadX509, pair } from './certificates.ts';

const dayMs = 24 * 60 * 60 * 1000;

export interface ClientCertificateTerms {
  /** All of the subject: `CN=robot`. */
  readonly subject: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Object identifier of the extended usage; client authentication unless given, null for none. */
  readonly usage?: string | null;
  /** It may sign others. */
  readonly isAuthority?: boolean;
}

export interface ClientAuthority extends KeyPair {
  issue(terms: ClientCertificateTerms): Promise<KeyPair>;
}

/** Another of the same name has another key. */
export async function makeClientAuthority(subject = 'CN=Program Authority'): Promise<ClientAuthority> {
  const x509 = await loadX509();
  const now = Date.now();
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    notBefore: new Date(now - 10 * dayMs),
    notAfter: new Date(now + dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    ...(await pair(certificate, keys)),
    issue: async ({ subject: own, fromMs = now - dayMs, toMs = now + dayMs, usage, isAuthority = false }) => {
      const ownKeys = await generate();
      const issued = await x509.X509CertificateGenerator.create({
        subject: own,
        issuer: subject,
        notBefore: new Date(fromMs),
        notAfter: new Date(toMs),
        signingAlgorithm: algorithm,
        publicKey: ownKeys.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.BasicConstraintsExtension(isAuthority, undefined, true),
          ...(usage === null ? [] : [new x509.ExtendedKeyUsageExtension([usage ?? x509.ExtendedKeyUsage.clientAuth])]),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return pair(issued, ownKeys);
    },
  };
}
