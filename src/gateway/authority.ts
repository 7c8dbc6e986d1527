/**
 * The gateway's own certificate authority and the certificate of its listeners, for names that none was given for
 * (certificates.ts).
 *
 * Kept in `<data>/tls`: `ca.pem`, `ca.key`, `server.pem`, `server.key`, for this account only; a copy of `ca.pem` that
 * clients may read lies at `publicPath`. The server
 * certificate is renewed at start and each day once a third of its life is left; the authority stays.
 *
 * Origins (origins.ts) have certificates for exactly their own name, signed when a client first asks for it: a wildcard
 * below a name of one label (`*.localhost`) is refused by browsers and by OpenSSL, and a list of names would tell
 * everybody which resources there are. They live in memory, with the key of the server's.
 *
 * Deliberately absent: other authorities (acme.ts); issuing client certificates. Which of them count is identity's to say.
 */
import { createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SecureContext } from 'node:tls';
// Its dependency injection asks for this polyfill first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../base/clock.ts';
import type { ServerIdentity, ServerTlsOptions } from '../base/wire.ts';
import { contextOf, type GivenCertificates } from './certificates.ts';
import * as limits from './limits.ts';
import { isOriginLabel } from './origins.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

export interface ListenerIdentity extends ServerIdentity {
  /** PEM of both. */
  readonly cert: string;
  readonly key: string;
  readonly notAfterMs: number;
}

export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2';
  readonly SNICallback?: (name: string, done: (error: Error | null, context?: SecureContext) => void) => void;
}

export interface Authority {
  /** Path of the PEM file that clients must trust. */
  readonly caPath: string;
  /** The listener's certificate as of now. */
  identity(): ListenerIdentity;
  /** Certificates were given for some names, origins or not. */
  readonly isGiven: boolean;
  /** What shows that a name is ours, while that is asked; see `ServerTlsOptions`. */
  readonly challengeFor: ServerTlsOptions['challengeFor'];
  /**
   * What to present for a name: the given certificate that covers it, or for `LABEL.DOMAIN`, where `domains` has the domain,
   * one of our own; null for every other name.
   */
  identityFor(serverName: string, domains: readonly string[]): Promise<ServerIdentity | null>;
  /**
   * Names who issues the client certificates that are asked for, as PEM. Browsers show a person only what one of them
   * issued.
   */
  nameIssuers(issuers: readonly string[]): void;
  /** For a server of its own TLS: certificate and key as PEM, and what to present for a name that one was given for. */
  material(): Promise<TlsMaterial>;
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
  given: GivenCertificates | null = null,
): Promise<Authority> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(directory, name);
  if (!existsSync(path('ca.pem')) || !existsSync(path('ca.key'))) await makeAuthority(path, clock);
  const all = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...names])];
  let current!: ListenerIdentity;
  let issuers: readonly string[] = [];
  const origins = new Origins(path, clock);
  const load = async (): Promise<ListenerIdentity> => {
    const [certificate, key] = await Promise.all([
      readFile(path('server.pem'), 'utf8'),
      readFile(path('server.key'), 'utf8'),
    ]);
    return identityOf(certificate, key, issuers);
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
  if (given !== null) {
    // A session that was begun under the old certificate is not resumed under the new one: bindings to the channel would differ.
    given.onChange = () => {
      current = identityOf(current.cert, current.key, issuers);
    };
  }
  await writeFile(publicPath, await readFile(path('ca.pem')), { mode: 0o644 });
  const material = async (): Promise<TlsMaterial> => ({
    cert: await readFile(path('server.pem'), 'utf8'),
    key: await readFile(path('server.key'), 'utf8'),
    minVersion: 'TLSv1.2',
    ...(given === null || (given.size === 0 && given.challenges === null)
      ? {}
      : { SNICallback: (name, done) => done(null, given.identityFor(name)?.secureContext) }),
  });
  return {
    caPath: publicPath,
    identity: () => current,
    get isGiven() {
      return given !== null && given.size > 0;
    },
    get challengeFor() {
      const challenges = given?.challenges;
      return challenges?.isAsked === true ? (name: string) => challenges.identityFor(name) : undefined;
    },
    identityFor: async (name, domains) => given?.identityFor(name) ?? (await origins.identityFor(name, domains)),
    nameIssuers: (named) => {
      if (named.length === issuers.length && named.every((one, at) => one === issuers[at])) return;
      issuers = named;
      origins.forget(named);
      given?.nameIssuers(named);
      current = identityOf(current.cert, current.key, named);
    },
    material,
    renew,
  };
}

/**
 * What a listener presents, as of now. Where its resources have origins, clients are asked for a certificate while anyone is
 * trusted to issue them.
 */
export function listenerTls(
  authority: Authority,
  domains: readonly string[],
  issuers: readonly string[] = [],
): ServerTlsOptions {
  authority.nameIssuers(issuers);
  const { secureContext, certificate } = authority.identity();
  const { challengeFor } = authority;
  const proving = challengeFor === undefined ? {} : { challengeFor };
  if (domains.length === 0 && !authority.isGiven) return { secureContext, certificate, ...proving };
  const identityFor = (name: string): Promise<ServerIdentity | null> => authority.identityFor(name, domains);
  const requestCertificate = domains.length > 0 && issuers.length > 0;
  return { secureContext, certificate, identityFor, requestCertificate, ...proving };
}

function identityOf(cert: string, key: string, issuers: readonly string[]): ListenerIdentity {
  const parsed = new X509Certificate(cert);
  return {
    cert,
    key,
    secureContext: contextOf(cert, key, issuers),
    certificate: parsed.raw,
    notAfterMs: Date.parse(parsed.validTo),
  };
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
  #issuers: readonly string[] = [];
  readonly #made = new Map<string, { readonly identity: Promise<ServerIdentity>; readonly notAfterMs: number }>();

  constructor(path: (name: string) => string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Signs anew from here on. */
  forget(issuers: readonly string[] = this.#issuers): void {
    this.#issuers = issuers;
    this.#made.clear();
  }

  async identityFor(serverName: string, domains: readonly string[]): Promise<ServerIdentity | null> {
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
      return await made.identity;
    } catch (error) {
      if (this.#made.get(name) === made) this.#made.delete(name);
      throw error;
    }
  }

  #make(name: string): { readonly identity: Promise<ServerIdentity>; readonly notAfterMs: number } {
    const signed = async (): Promise<ServerIdentity> => {
      const key = await readFile(this.#path('server.key'), 'utf8');
      const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
      const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
      const cert = await certificateFor(this.#path, publicKey, [name], this.#clock);
      return { secureContext: contextOf(cert, key, this.#issuers), certificate: new X509Certificate(cert).raw };
    };
    return { identity: signed(), notAfterMs: this.#clock.now() + limits.certificateDays * dayMs };
  }
}

async function writeKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  await writeFile(path, `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`, { mode: 0o600 });
}
