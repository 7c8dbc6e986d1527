/**
 * Certificates that are given for the gateway's names: PEM files that something else makes and renews, and those that are
 * installed (acme.ts). A client that asks for a name (SNI) gets the first of them that covers it.
 *
 * Invariants:
 * - A certificate is used only once it was found good: key and certificate belong together, it is of its time, for servers,
 *   and TLS takes both. What does not hold at the start stops the start; what does not hold later leaves the one before.
 * - Files are read again at an interval of the clock, never upon a client's doing.
 *
 * Deliberately absent: how certificates are had, and chains: what stands in the file is sent as it stands. One that expired while the gateway ran
 * is still presented, since its error tells a person more than one about an authority that nobody knows.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { describeError, isGatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ServerIdentity } from '../base/wire.ts';
import { inBackground } from './background.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';

/** Absolute paths of PEM files: the certificate with what it was issued by behind it, and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

const dayMs = 86_400_000;
const serverAuthentication = '1.3.6.1.5.5.7.3.1';

/** One that was found good. */
export interface ReadCertificate {
  readonly leaf: X509Certificate;
  /** PEM of the whole chain, and of the key. */
  readonly cert: string;
  readonly key: string;
  readonly notAfterMs: number;
  /** Others than the owner of the key's file may read it. */
  readonly isKeyOpen: boolean;
}

/** Reads and checks one. Rejects with `gateway.configuration`, saying what is wrong and what to do. */
export async function readCertificate(files: CertificateFiles, nowMs: number): Promise<ReadCertificate> {
  const [chain, key] = [await textOf(files.certificate), await textOf(files.key)];
  const leaf = leafOf(files, chain.text);
  if (!leaf.checkPrivateKey(keyOf(files, key.text))) {
    throw fail(
      `${files.key} is not the key of the first certificate in ${files.certificate}: give the pair that was issued together, the server’s own certificate first`,
    );
  }
  const [notBeforeMs, notAfterMs] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  if (nowMs > notAfterMs) throw fail(`${files.certificate} expired on ${dateOf(notAfterMs)}: renew it, or take it out`);
  if (nowMs < notBeforeMs) {
    throw fail(`${files.certificate} is valid only from ${dateOf(notBeforeMs)} on: check the clock of this machine`);
  }
  if (namesOf(leaf).length === 0) {
    throw fail(
      `${files.certificate} names no host (subjectAltName): have it issued for the names that clients ask for`,
    );
  }
  // Extended key usages, where there are any, are all that it may be used for (RFC 5280, section 4.2.1.12).
  if ((leaf.keyUsage as string[] | undefined)?.includes(serverAuthentication) === false) {
    throw fail(`${files.certificate} is not for servers (serverAuth): have it issued for TLS servers`);
  }
  try {
    contextOf(chain.text, key.text, []);
  } catch (cause) {
    throw fail(`${files.certificate} is refused by TLS: ${describeError(cause)}`, cause);
  }
  return { leaf, cert: chain.text, key: key.text, notAfterMs, isKeyOpen: key.isOpen };
}

/** What is not wrong yet, in plain words: what it is, and what to do. */
export function concernsOf(
  files: CertificateFiles,
  { notAfterMs, isKeyOpen }: ReadCertificate,
  nowMs: number,
): readonly { readonly message: string; readonly todo: string }[] {
  const concerns: { message: string; todo: string }[] = [];
  if (notAfterMs - nowMs < limits.certificateExpiryWarnDays * dayMs) {
    const when = `${notAfterMs < nowMs ? 'expired' : 'expires'} on ${dateOf(notAfterMs)}`;
    concerns.push({
      message: `${files.certificate} ${when}`,
      todo: 'Renew it; the gateway takes up what is put there.',
    });
  }
  if (isKeyOpen) concerns.push({ message: `${files.key} can be read by others`, todo: `chmod 600 ${files.key}` });
  return concerns;
}

/** The DNS names that it is for. */
export function namesOf(leaf: X509Certificate): readonly string[] {
  const entries = leaf.subjectAltName?.split(', ') ?? [];
  return entries.filter((entry) => entry.startsWith('DNS:')).map((entry) => entry.slice('DNS:'.length));
}

/** What TLS presents. `issuers`: PEM of who issues the client certificates that are asked for. */
export function contextOf(cert: string, key: string, issuers: readonly string[]): SecureContext {
  return createSecureContext({
    cert,
    key,
    minVersion: 'TLSv1.2',
    // OpenSSL resumes no session with a client's certificate without it.
    ...(issuers.length === 0 ? {} : { ca: [...issuers], sessionIdContext: 'sallyport' }),
  });
}

/** What shows that a name is ours to who asks whether it is (acme-answers.ts). */
export interface Challenges {
  readonly isAsked: boolean;
  identityFor(serverName: string): ServerIdentity | null;
}

interface Held {
  readonly files: CertificateFiles;
  read: ReadCertificate;
  identity: ServerIdentity;
  /** What is wrong with the files of now, as it was logged; null while they are what is held. */
  problem: string | null;
}

/** Reads all of them and goes on looking after them. Rejects with `gateway.configuration`. */
export async function openCertificates(
  configured: readonly CertificateFiles[],
  clock: Clock,
  log: Log,
): Promise<GivenCertificates> {
  const held: Held[] = [];
  for (const files of configured) {
    const read = await readCertificate(files, clock.now());
    held.push({ files, read, identity: identityOf(read, []), problem: null });
  }
  return new GivenCertificates(held, clock, log);
}

export class GivenCertificates {
  /** Called after one was replaced. */
  onChange: (() => void) | null = null;
  /** What is being proved; null where nothing ever is. */
  challenges: Challenges | null = null;
  /** Those that came from no file, by whatever names them. */
  readonly #installed = new Map<string, { readonly read: ReadCertificate; identity: ServerIdentity }>();
  readonly #held: readonly Held[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timers: readonly { cancel(): void }[];
  #issuers: readonly string[] = [];
  #looking: Promise<void> | null = null;

  constructor(held: readonly Held[], clock: Clock, log: Log) {
    this.#held = held;
    this.#clock = clock;
    this.#log = log;
    this.#warn();
    const look = (): void => inBackground(log, 'certificates could not be looked at', this.look());
    this.#timers =
      held.length === 0
        ? []
        : [clock.every(limits.certificateLookMs, look), clock.every(limits.renewalIntervalMs, () => this.#warn())];
  }

  get size(): number {
    return this.#held.length + this.#installed.size;
  }

  /** Presents one that is in no file, or null: no more. Those in files come before it. */
  install(id: string, read: ReadCertificate | null): void {
    if (read === null) this.#installed.delete(id);
    else this.#installed.set(id, { read, identity: identityOf(read, this.#issuers) });
    this.onChange?.();
  }

  /** What to present for a name; null where none covers it. */
  identityFor(serverName: string): ServerIdentity | null {
    // OpenSSL would take a leading dot for every name below.
    if (!/^[a-z0-9_]/i.test(serverName)) return null;
    const all = [...this.#held, ...this.#installed.values()];
    return all.find(({ read }) => isFor(read.leaf, serverName))?.identity ?? null;
  }

  /** Names who issues the client certificates that are asked for. */
  nameIssuers(issuers: readonly string[]): void {
    this.#issuers = issuers;
    for (const one of [...this.#held, ...this.#installed.values()]) one.identity = identityOf(one.read, issuers);
  }

  /** Takes up what was replaced. What is broken is logged, once, and leaves what is held. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  async #look(): Promise<void> {
    for (const one of this.#held) {
      try {
        if (await isAsHeld(one)) continue;
        const read = await readCertificate(one.files, this.#clock.now());
        one.identity = identityOf(read, this.#issuers);
        one.read = read;
        one.problem = null;
        this.onChange?.();
        const until = new Date(read.notAfterMs).toISOString();
        this.#log.info('certificate replaced', { file: one.files.certificate, until });
        this.#warnOf(one);
      } catch (error) {
        const problem = describeError(error);
        if (problem === one.problem) continue;
        one.problem = problem;
        this.#log.error('a certificate cannot be replaced; the old one stays', { detail: problem });
      }
    }
  }

  #warn(): void {
    for (const one of this.#held) this.#warnOf(one);
  }

  #warnOf({ files, read }: Held): void {
    for (const { message, todo } of concernsOf(files, read, this.#clock.now())) {
      this.#log.warn('look after a certificate', { detail: message, todo });
    }
  }
}

function identityOf({ cert, key, leaf }: ReadCertificate, issuers: readonly string[]): ServerIdentity {
  return { secureContext: contextOf(cert, key, issuers), certificate: leaf.raw };
}

/** As clients check it (RFC 9525): by DNS names alone, a wildcard for one whole label. */
function isFor(leaf: X509Certificate, name: string): boolean {
  return leaf.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined;
}

/** Whether the files are what is held. */
async function isAsHeld(one: Held): Promise<boolean> {
  const [chain, key] = [await textOf(one.files.certificate), await textOf(one.files.key)];
  if (chain.text !== one.read.cert || key.text !== one.read.key) return false;
  one.read = { ...one.read, isKeyOpen: key.isOpen };
  one.problem = null;
  return true;
}

async function textOf(path: string): Promise<{ readonly text: string; readonly isOpen: boolean }> {
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw fail(`${path} is no plain file`);
    if (facts.size > limits.certificateFileBytesMax) {
      throw fail(`${path} is larger than ${limits.certificateFileBytesMax} bytes: give one certificate with its chain`);
    }
    return { text: await readFile(path, 'utf8'), isOpen: (facts.mode & 0o077) !== 0 };
  } catch (cause) {
    if (isGatewayError(cause)) throw cause;
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    throw fail(`${path} cannot be read (${code}): it must be there, and readable for the gateway’s account`, cause);
  }
}

function leafOf(files: CertificateFiles, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw fail(`${files.certificate} holds no certificate in PEM`, cause);
  }
}

function keyOf(files: CertificateFiles, text: string): KeyObject {
  // OpenSSL would ask for a passphrase that nobody is there to give.
  if (/-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw fail(`${files.key} is encrypted: give it without a passphrase, readable for the gateway’s account alone`);
  }
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw fail(`${files.key} holds no private key in PEM`, cause);
  }
}

function dateOf(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : 'an unknown day';
}

function fail(problem: string, cause?: unknown): Error {
  return gatewayErrors('gateway.configuration', { cause, values: { problem: `certificates: ${problem}` } });
}
