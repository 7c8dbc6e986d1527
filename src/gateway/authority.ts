/**
 * The gateway's own certificate authority and the certificate of its listeners, for installations that bring none.
 *
 * Kept in `<data>/tls`: `ca.pem`, `ca.key`, `server.pem`, `server.key`, for this account only; a copy of `ca.pem` that
 * clients may read lies at `publicPath`. The server
 * certificate is renewed at start and each day once a third of its life is left; the authority stays.
 *
 * Deliberately absent: ACME, client certificates.
 */
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
// Its dependency injection asks for this polyfill first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../base/clock.ts';
import * as limits from './limits.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

export interface ListenerIdentity {
  readonly secureContext: SecureContext;
  /** The certificate in DER. */
  readonly certificate: Buffer;
  readonly notAfterMs: number;
}

export interface Authority {
  /** Path of the PEM file that clients must trust. */
  readonly caPath: string;
  /** The listener's certificate as of now. */
  identity(): ListenerIdentity;
  /** Certificate and key as PEM, for a server of its own TLS. */
  material(): Promise<{ readonly cert: string; readonly key: string; readonly minVersion: 'TLSv1.2' }>;
  /** Renews the listener's certificate where it is due. */
  renew(): Promise<void>;
}

/**
 * Opens the authority in `directory`, making what is missing. `names` are the DNS names and addresses to certify;
 * `publicPath` is where clients find the authority's certificate.
 */
export async function openAuthority(
  directory: string,
  publicPath: string,
  names: readonly string[],
  clock: Clock,
): Promise<Authority> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(directory, name);
  if (!existsSync(path('ca.pem')) || !existsSync(path('ca.key'))) await makeAuthority(path, clock);
  const all = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...names])];
  let current!: ListenerIdentity;
  const load = async (): Promise<ListenerIdentity> => {
    const [certificate, key] = await Promise.all([
      readFile(path('server.pem'), 'utf8'),
      readFile(path('server.key'), 'utf8'),
    ]);
    const parsed = new X509Certificate(certificate);
    return {
      secureContext: createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' }),
      certificate: parsed.raw,
      notAfterMs: Date.parse(parsed.validTo),
    };
  };
  const renew = async (): Promise<void> => {
    if (existsSync(path('server.pem')) && existsSync(path('server.key'))) {
      const parsed = new X509Certificate(await readFile(path('server.pem'), 'utf8'));
      const leftMs = Date.parse(parsed.validTo) - clock.now();
      const covers = all.every((name) => parsed.subjectAltName?.includes(name) ?? false);
      if (covers && leftMs > (limits.certificateDays * dayMs) / 3) {
        current = await load();
        return;
      }
    }
    await makeServer(path, all, clock);
    current = await load();
  };
  await renew();
  await writeFile(publicPath, await readFile(path('ca.pem')), { mode: 0o644 });
  const material = async () => ({
    cert: await readFile(path('server.pem'), 'utf8'),
    key: await readFile(path('server.key'), 'utf8'),
    minVersion: 'TLSv1.2' as const,
  });
  return { caPath: publicPath, identity: () => current, material, renew };
}

async function makeAuthority(path: (name: string) => string, clock: Clock): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex'),
    name: 'CN=Sallyport gateway authority',
    notBefore: new Date(clock.now() - 3_600_000),
    notAfter: new Date(clock.now() + limits.authorityDays * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await writeKey(path('ca.key'), keys.privateKey);
  await writeFile(path('ca.pem'), `${certificate.toString('pem')}\n`, { mode: 0o644 });
}

async function makeServer(path: (name: string) => string, names: readonly string[], clock: Clock): Promise<void> {
  const authority = new x509.X509Certificate(await readFile(path('ca.pem'), 'utf8'));
  const authorityKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decode(await readFile(path('ca.key'), 'utf8'))[0]!,
    algorithm,
    false,
    ['sign'],
  );
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex'),
    subject: 'CN=Sallyport gateway',
    issuer: authority.subject,
    notBefore: new Date(clock.now() - 3_600_000),
    notAfter: new Date(clock.now() + limits.certificateDays * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authorityKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: /^[0-9.]+$/.test(name) || name.includes(':') ? 'ip' : 'dns', value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await writeKey(path('server.key'), keys.privateKey);
  await writeFile(path('server.pem'), `${certificate.toString('pem')}\n`, { mode: 0o644 });
}

async function writeKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  await writeFile(path, `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`, { mode: 0o600 });
}
