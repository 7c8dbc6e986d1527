/**
 * The gateway's own certificate authority and the certificate of its listeners, for installations that bring none.
 *
 * Kept in `<data>/tls`: `ca.pem`, `ca.key`, `server.pem`, `server.key`, for this account only; a copy of `ca.pem` that
 * clients may read lies at `publicPath`. The server
 * certificate is renewed at start and each day once a third of its life is left; the authority stays.
 *
 * Origins (origins.ts) have certificates for exactly their own name, signed when a client first asks for it: a wildcard
 * below a name of one label (`*.localhost`) is refused by browsers and by OpenSSL, and a list of names would tell
 * everybody which resources there are. They live in memory, with the key of the server's.
 *
 * Deliberately absent: ACME, client certificates.
 */
import { createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
// Its dependency injection asks for this polyfill first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../base/clock.ts';
import type { ServerTlsOptions } from '../base/wire.ts';
import * as limits from './limits.ts';
import { isOriginLabel } from './origins.ts';

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
  /** What to present for `LABEL.DOMAIN` where `domains` has the domain; null for every other name. */
  contextFor(serverName: string, domains: readonly string[]): Promise<SecureContext | null>;
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
  const origins = new Origins(path, clock);
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
    origins.forget();
    current = await load();
  };
  await renew();
  await writeFile(publicPath, await readFile(path('ca.pem')), { mode: 0o644 });
  const material = async () => ({
    cert: await readFile(path('server.pem'), 'utf8'),
    key: await readFile(path('server.key'), 'utf8'),
    minVersion: 'TLSv1.2' as const,
  });
  return {
    caPath: publicPath,
    identity: () => current,
    contextFor: (name, domains) => origins.contextFor(name, domains),
    material,
    renew,
  };
}

/** What a listener presents, as of now. */
export function listenerTls(authority: Authority, domains: readonly string[]): ServerTlsOptions {
  const { secureContext, certificate } = authority.identity();
  const contextFor = (name: string): Promise<SecureContext | null> => authority.contextFor(name, domains);
  return { secureContext, certificate, ...(domains.length === 0 ? {} : { contextFor }) };
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
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await certificateFor(path, keys.publicKey, names, clock);
  await writeKey(path('server.key'), keys.privateKey);
  await writeFile(path('server.pem'), certificate, { mode: 0o644 });
}

/** PEM of a server's certificate that the authority signs. */
async function certificateFor(
  path: (name: string) => string,
  publicKey: webcrypto.CryptoKey,
  names: readonly string[],
  clock: Clock,
): Promise<string> {
  const authority = new x509.X509Certificate(await readFile(path('ca.pem'), 'utf8'));
  const signingKey = await importKey(path('ca.key'));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex'),
    subject: 'CN=Sallyport gateway',
    issuer: authority.subject,
    notBefore: new Date(clock.now() - 3_600_000),
    notAfter: new Date(clock.now() + limits.certificateDays * dayMs),
    signingAlgorithm: algorithm,
    publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: /^[0-9.]+$/.test(name) || name.includes(':') ? 'ip' : 'dns', value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

async function importKey(file: string): Promise<webcrypto.CryptoKey> {
  const bytes = x509.PemConverter.decode(await readFile(file, 'utf8'))[0]!;
  return webcrypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign']);
}

/** The certificates of origins: signed at need, for whichever label, so that none tells which resources there are. */
class Origins {
  readonly #path: (name: string) => string;
  readonly #clock: Clock;
  readonly #made = new Map<string, { readonly context: Promise<SecureContext>; readonly notAfterMs: number }>();

  constructor(path: (name: string) => string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Signs anew from here on. */
  forget(): void {
    this.#made.clear();
  }

  async contextFor(serverName: string, domains: readonly string[]): Promise<SecureContext | null> {
    const name = serverName.toLowerCase();
    const dot = name.indexOf('.');
    if (dot < 0 || !isOriginLabel(name.slice(0, dot)) || !domains.includes(name.slice(dot + 1))) return null;
    const known = this.#made.get(name);
    this.#made.delete(name);
    const isDue = known === undefined || known.notAfterMs - this.#clock.now() < (limits.certificateDays * dayMs) / 3;
    const made = isDue ? this.#make(name) : known;
    this.#made.set(name, made);
    for (const oldest of this.#made.keys()) {
      if (this.#made.size <= limits.originCertificatesMax) break;
      this.#made.delete(oldest);
    }
    try {
      return await made.context;
    } catch (error) {
      if (this.#made.get(name) === made) this.#made.delete(name);
      throw error;
    }
  }

  #make(name: string): { readonly context: Promise<SecureContext>; readonly notAfterMs: number } {
    const signed = async (): Promise<SecureContext> => {
      const key = await readFile(this.#path('server.key'), 'utf8');
      const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
      const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
      const cert = await certificateFor(this.#path, publicKey, [name], this.#clock);
      return createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
    };
    return { context: signed(), notAfterMs: this.#clock.now() + limits.certificateDays * dayMs };
  }
}

async function writeKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  await writeFile(path, `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`, { mode: 0o600 });
}
