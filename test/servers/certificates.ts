/**
 * Certificates for tests, made on the spot: an authority, and leaves that are right or wrong in one way each.
 *
 * Deliberately absent: anything that production code could use; keys live in memory and expire with the run.
 */
import { webcrypto } from 'node:crypto';

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  /** DER of the certificate. */
  readonly der: Buffer;
}

export interface Certificates {
  readonly authority: KeyPair;
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly server: KeyPair;
  /** Signed by the authority, for `elsewhere.test` only. */
  readonly wrongName: KeyPair;
  /** Signed by the authority, for the right names, over since yesterday. */
  readonly expired: KeyPair;
  /** For the right names, signed by an authority nobody trusts (its own certificate, self-signed). */
  readonly stranger: KeyPair;
}

export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60 * 1000;
const rightNames = ['localhost', '127.0.0.1', '::1'];

type X509 = typeof import('@peculiar/x509');

/**
 * `@peculiar/x509` is built on a library of decorators that insists on the metadata functions of a withdrawn proposal
 * being there, and calls none of them for what is used here. They are provided when they are missing.
 */
export async function loadX509(): Promise<X509> {
  const reflect = Reflect as unknown as Record<string, unknown>;
  for (const name of ['getMetadata', 'getOwnMetadata', 'defineMetadata', 'hasOwnMetadata']) {
    reflect[name] ??= () => undefined;
  }
  return import('@peculiar/x509');
}

/** Makes a whole set; a few milliseconds. */
export async function makeCertificates(): Promise<Certificates> {
  const x509 = await loadX509();
  const now = Date.now();
  const authorityKeys = await generate();
  const authorityName = 'CN=Test Authority';
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: authorityName,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + dayMs),
    signingAlgorithm: algorithm,
    keys: authorityKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const leaf = async (names: readonly string[], fromMs: number, toMs: number, selfSigned = false): Promise<KeyPair> => {
    const keys = await generate();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${names[0]}`,
      issuer: selfSigned ? `CN=${names[0]}` : authorityName,
      notBefore: new Date(fromMs),
      notAfter: new Date(toMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: selfSigned ? keys.privateKey : authorityKeys.privateKey,
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: /^[0-9.]+$|:/.test(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ],
    });
    return pair(certificate, keys);
  };
  return {
    authority: await pair(authority, authorityKeys),
    server: await leaf(rightNames, now - dayMs, now + dayMs),
    wrongName: await leaf(['elsewhere.test'], now - dayMs, now + dayMs),
    expired: await leaf(rightNames, now - 3 * dayMs, now - dayMs),
    stranger: await leaf(rightNames, now - dayMs, now + dayMs, true),
  };
}

export function generate(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

export async function pair(
  certificate: { rawData: ArrayBuffer; toString(format: 'pem'): string },
  keys: webcrypto.CryptoKeyPair,
): Promise<KeyPair> {
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${key.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
    der: Buffer.from(certificate.rawData),
  };
}
