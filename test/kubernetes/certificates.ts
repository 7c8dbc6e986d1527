/**
 * The certificates of a test cluster, made on the spot: an authority, the API server, the node, and the API server as the
 * node's client. Keys live for a day, in the cluster's folder.
 */
import { webcrypto } from 'node:crypto';

export interface Pair {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Authority {
  readonly cert: string;
  /** A leaf for both ends of TLS; `organization` is a group to Kubernetes, `name` its user. */
  issue(name: string, options?: { readonly organization?: string; readonly hosts?: readonly string[] }): Promise<Pair>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60 * 1000;

type X509 = typeof import('@peculiar/x509');

/** Provides what the library's decorators insist on being there (see test/servers/certificates.ts). */
async function loadX509(): Promise<X509> {
  const reflect = Reflect as unknown as Record<string, unknown>;
  for (const name of ['getMetadata', 'getOwnMetadata', 'defineMetadata', 'hasOwnMetadata']) {
    reflect[name] ??= () => undefined;
  }
  return import('@peculiar/x509');
}

export async function makeAuthority(): Promise<Authority> {
  const x509 = await loadX509();
  const authorityKeys = await generate();
  const issuer = 'CN=Test Cluster';
  const validity = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + dayMs) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: issuer,
    ...validity,
    signingAlgorithm: algorithm,
    keys: authorityKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    cert: `${authority.toString('pem')}\n`,
    async issue(name, { organization, hosts = [] } = {}) {
      const keys = await generate();
      const certificate = await x509.X509CertificateGenerator.create({
        subject: organization === undefined ? `CN=${name}` : `O=${organization}, CN=${name}`,
        issuer,
        ...validity,
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey: authorityKeys.privateKey,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            [name, ...hosts].map((value) => ({
              type: /^[0-9.]+$/.test(value) ? ('ip' as const) : ('dns' as const),
              value,
            })),
          ),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        ],
      });
      return { cert: `${certificate.toString('pem')}\n`, key: await privateKey(keys) };
    },
  };
}

/** A key that signs service account tokens, with its public half. */
export async function makeSigningKey(): Promise<{ readonly key: string; readonly publicKey: string }> {
  const keys = await generate();
  const spki = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  return { key: await privateKey(keys), publicKey: pem('PUBLIC KEY', spki) };
}

function generate(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privateKey(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
}

function pem(kind: string, der: ArrayBuffer): string {
  const text = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN ${kind}-----\n${text}\n-----END ${kind}-----\n`;
}
