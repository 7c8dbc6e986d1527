/** An authority as a public one is: it issues certificates for the names of servers. For tests: nothing of it is kept. */
import { algorithm, generate, type KeyPair, loadX509, pair } from './certificates.ts';

const dayMs = 24 * 60 * 60 * 1000;

export interface ServerCertificateTerms {
  readonly names: readonly string[];
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Object identifier of the extended usage; server authentication unless given. */
  readonly usage?: string;
  /** Of the signature. */
  readonly hash?: 'SHA-256' | 'SHA-384';
}

export interface PublicAuthority {
  /** PEM. */
  readonly cert: string;
  issue(terms: ServerCertificateTerms): Promise<KeyPair>;
}

/** An authority that the clients of these tests trust, as they would a public one. */
export async function makePublicAuthority(): Promise<PublicAuthority> {
  const now = Date.now();
  const x509 = await loadX509();
  const keys = await generate();
  const [notBefore, notAfter] = [new Date(now - 90 * dayMs), new Date(now + 900 * dayMs)];
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Public Authority',
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    cert: (await pair(authority, keys)).cert,
    issue: async ({ names, fromMs = now - dayMs, toMs = now + 60 * dayMs, usage, hash = 'SHA-256' }) => {
      const own = await generate();
      const certificate = await x509.X509CertificateGenerator.create({
        subject: 'CN=common.example.com',
        issuer: 'CN=Public Authority',
        notBefore: new Date(fromMs),
        notAfter: new Date(toMs),
        signingAlgorithm: { ...algorithm, hash },
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          ...(names.length === 0
            ? []
            : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))]),
          new x509.ExtendedKeyUsageExtension([usage ?? x509.ExtendedKeyUsage.serverAuth]),
        ],
      });
      return pair(certificate, own);
    },
  };
}
