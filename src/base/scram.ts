/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), both roles, as pure state machines over strings; channel binding
 * `tls-server-end-point` (RFC 5929).
 *
 *     client-first   gs2-flag "," [authzid] "," "n=" name ",r=" client-nonce [extensions]
 *     server-first   "r=" client-nonce server-nonce ",s=" salt ",i=" iterations
 *     client-final   "c=" base64(gs2-header [binding]) ",r=" nonce [extensions] ",p=" proof
 *     server-final   "v=" signature | "e=" error
 *
 * Invariants:
 * - The identity of an exchange is the candidate whose proof succeeded, never the name in client-first (I4).
 * - A client that says it can bind to the channel and was offered it must do so (A-PG-07, the `y` downgrade).
 * - All candidates are tried, whichever matches; without any, the exchange looks alike and fails (A-ID-10).
 *
 * Deliberately absent: authorisation identities, mandatory extensions (`m=`), other hashes, other bindings; sockets,
 * throttling and time.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { assert } from './assert.ts';
import { defineErrors, type GatewayError } from './errors.ts';
import { passwordBytes } from './saslprep.ts';

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';

/** Longest message either role takes, in UTF-16 units: PostgreSQL's own bound for SASL messages is 1 024 bytes. */
export const scramMessageLengthMax = 1024;

/** Longest nonce taken from a peer, in characters. Peers send 24 to 48. */
export const scramNonceLengthMax = 256;

/** Longest salt taken from a server, in bytes. Servers use 16. */
export const scramSaltBytesMax = 256;

/** Most iterations a server may ask for: about a third of a second of one core; beyond it a server could tie us up. */
export const scramIterationsMax = 1_000_000;

/** Most verifiers tried in one exchange: 20 µs each, on the event loop. */
export const scramCandidatesMax = 64;

/** Derived keys kept by a key cache; one upstream credential needs one entry. */
export const scramKeyCacheEntriesMax = 1024;

/** SHA-256's length, and so that of every key, proof and signature, in bytes. */
const keyBytes = 32;
const bindingType = 'tls-server-end-point';

export const scramErrors = defineErrors({
  'base.scram': {
    kind: 'protocol',
    message: 'The SCRAM authentication was broken off: {reason}. Check the driver and its TLS settings.',
  },
});

function illegal(reason: string): GatewayError {
  return scramErrors('base.scram', { values: { reason } });
}

/** The server's role. Each method is called once, in order; an illegal message throws `base.scram`. */
export interface ScramExchange {
  /**
   * Takes client-first-message, answers server-first-message. `channelBinding` is the binding data where
   * SCRAM-SHA-256-PLUS was offered, else null. `mechanism` is what the client chose, where the protocol says so: it
   * must agree with the message.
   */
  first(clientFirst: string, channelBinding: Buffer | null, mechanism?: ScramMechanism): string;
  /** Takes client-final-message; answers server-final-message, or null when the proof is wrong. */
  final(clientFinal: string): string | null;
}

/** What a server keeps instead of a password. */
export interface ScramKeys {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** A verifier that the proof may turn out to be of. */
export interface ScramCandidate extends ScramKeys {
  readonly id: string;
}

export interface ScramServerOptions {
  readonly salt: Buffer;
  readonly iterations: number;
  /** Verifiers over the same salt and iterations, at most `scramCandidatesMax`. None: an exchange that always fails. */
  readonly candidates: readonly ScramCandidate[];
  /** The server's part of the nonce; random unless given. */
  readonly nonce?: string;
}

export interface ScramServer extends ScramExchange {
  /** The candidate whose proof succeeded; null before `final` and after a wrong proof. */
  readonly matched: string | null;
}

interface DerivedKeys {
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
}

const pbkdf2Async = promisify(pbkdf2);

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.allocUnsafe(keyBytes);
  for (let i = 0; i < keyBytes; i++) out[i] = a[i]! ^ b[i]!;
  return out;
}

/** Strict base 64: alphabet, padding and canonical trailing bits. */
function decodeBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw illegal(`${what} is not base 64`);
  return bytes;
}

function checkNonce(nonce: string, what: string): void {
  // RFC 5802 `printable`: visible ASCII but the comma.
  if (nonce.length === 0 || nonce.length > scramNonceLengthMax || !/^[\x21-\x2b\x2d-\x7e]+$/.test(nonce)) {
    throw illegal(`the ${what} nonce is malformed`);
  }
}

function checkMessage(message: string, what: string): void {
  if (message.length > scramMessageLengthMax) throw illegal(`${what} is too long`);
  if (message.includes('\0')) throw illegal(`${what} is malformed`);
}

/** Splits `a=…,b=…`; each part must be a letter, an equals sign and a value. */
function attributes(text: string, what: string): readonly (readonly [string, string])[] {
  return text.split(',').map((part) => {
    if (!/^[A-Za-z]=/.test(part)) throw illegal(`${what} is malformed`);
    if (part.startsWith('m=')) throw illegal('it asks for an extension that is not supported');
    return [part.charAt(0), part.slice(2)] as const;
  });
}

async function derive(password: string, salt: Buffer, iterations: number): Promise<DerivedKeys> {
  const salted = await pbkdf2Async(passwordBytes(password), salt, iterations, keyBytes, 'sha256');
  return { clientKey: hmac(salted, 'Client Key'), serverKey: hmac(salted, 'Server Key') };
}

/** Derives what a server keeps of `password`. PBKDF2 runs on the thread pool, not on the event loop. */
export async function deriveScramKeys(password: string, salt: Buffer, iterations: number): Promise<ScramKeys> {
  const { clientKey, serverKey } = await derive(password, salt, iterations);
  return { storedKey: sha256(clientKey), serverKey };
}

class ScramServerExchange implements ScramServer {
  matched: string | null = null;
  readonly #options: ScramServerOptions;
  #state: 'first' | 'final' | 'done' = 'first';
  #bound = Buffer.alloc(0);
  #nonce = '';
  #clientFirstBare = '';
  #serverFirst = '';

  constructor(options: ScramServerOptions) {
    assert(options.candidates.length <= scramCandidatesMax, `${options.candidates.length} SCRAM candidates`);
    for (const { id, storedKey, serverKey } of options.candidates) {
      assert(storedKey.length === keyBytes && serverKey.length === keyBytes, `SCRAM keys of ${id} have a wrong length`);
    }
    this.#options = options;
  }

  first(clientFirst: string, channelBinding: Buffer | null, mechanism?: ScramMechanism): string {
    assert(this.#state === 'first', `client-first-message in ${this.#state}`);
    this.#state = 'done';
    checkMessage(clientFirst, 'client-first-message');
    const header = /^(n|y|p=[A-Za-z0-9.-]+),([^,]*),/.exec(clientFirst);
    if (header === null) throw illegal('client-first-message is malformed');
    const [gs2Header, flag, authorisationId] = header as unknown as [string, string, string];
    const binding = this.#checkFlag(flag, channelBinding, mechanism);
    if (authorisationId !== '') throw illegal('it asks for an authorisation identity, which is not supported');
    this.#clientFirstBare = clientFirst.slice(gs2Header.length);
    const [name, nonce] = attributes(this.#clientFirstBare, 'client-first-message');
    // The name is not looked at, as in PostgreSQL: who connects was said before, and the proof decides (I4).
    if (name?.[0] !== 'n' || nonce?.[0] !== 'r') throw illegal('client-first-message is malformed');
    checkNonce(nonce[1], 'client');
    this.#nonce = nonce[1] + (this.#options.nonce ?? randomBytes(18).toString('base64'));
    this.#bound = Buffer.concat([Buffer.from(gs2Header), binding]);
    const { salt, iterations } = this.#options;
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`;
    this.#state = 'final';
    return this.#serverFirst;
  }

  final(clientFinal: string): string | null {
    assert(this.#state === 'final', `client-final-message in ${this.#state}`);
    this.#state = 'done';
    checkMessage(clientFinal, 'client-final-message');
    const parts = attributes(clientFinal, 'client-final-message');
    const [binding, nonce] = parts;
    const proof = parts.at(-1);
    const proofs = parts.filter(([letter]) => letter === 'p').length;
    if (binding?.[0] !== 'c' || nonce?.[0] !== 'r' || proof?.[0] !== 'p' || proofs !== 1) {
      throw illegal('client-final-message is malformed');
    }
    // The header of client-first again, and the certificate the client saw: anything else is someone in between.
    if (!decodeBase64(binding[1], 'the channel binding').equals(this.#bound)) {
      throw illegal('the channel binding does not match');
    }
    if (nonce[1] !== this.#nonce) throw illegal('the nonce does not match');
    const proofBytes = decodeBase64(proof[1], 'the proof');
    if (proofBytes.length !== keyBytes) throw illegal('the proof has a wrong length');
    const withoutProof = clientFinal.slice(0, clientFinal.lastIndexOf(',p='));
    return this.#check(proofBytes, `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`);
  }

  /** The binding data that client-final must repeat. */
  #checkFlag(flag: string, channelBinding: Buffer | null, mechanism: ScramMechanism | undefined): Buffer {
    const binds = flag.startsWith('p=');
    if (mechanism !== undefined && binds !== (mechanism === 'SCRAM-SHA-256-PLUS')) {
      throw illegal('the message does not fit the mechanism that was chosen');
    }
    if (binds) {
      if (flag !== `p=${bindingType}`) throw illegal('it asks for a channel binding that is not supported');
      if (channelBinding === null) throw illegal('it binds to the channel, which was not offered');
      return channelBinding;
    }
    // The client could bind and believes that we cannot, although we offered it: the offer was stripped on the way.
    if (flag === 'y' && channelBinding !== null) throw illegal('the offer of channel binding was lost on the way');
    return Buffer.alloc(0);
  }

  #check(proof: Buffer, authMessage: string): string | null {
    const { candidates } = this.#options;
    // Without candidates the same work is done once over, with keys that nothing matches (A-ID-10).
    const tried =
      candidates.length > 0 ? candidates : [{ id: '', storedKey: randomBytes(32), serverKey: randomBytes(32) }];
    let found: ScramCandidate | null = null;
    for (const candidate of tried) {
      const clientKey = xor(proof, hmac(candidate.storedKey, authMessage));
      if (timingSafeEqual(sha256(clientKey), candidate.storedKey)) found ??= candidate;
    }
    if (found === null || candidates.length === 0) return null;
    this.matched = found.id;
    return `v=${hmac(found.serverKey, authMessage).toString('base64')}`;
  }
}

/** Begins an exchange in the server's role. Used once. */
export function createScramServer(options: ScramServerOptions): ScramServer {
  return new ScramServerExchange(options);
}

/** Remembers derived keys, so that each new connection with a credential costs no PBKDF2 (RFC 5802, section 3). */
export interface ScramKeyCache {
  get(password: string, salt: Buffer, iterations: number, make: () => Promise<DerivedKeys>): Promise<DerivedKeys>;
  clear(): void;
}

/**
 * A bounded cache, oldest use out first. Entries are found by a keyed hash of password, salt and iterations: passwords
 * are not kept, and a changed password never meets an old entry. Attempts at the same time share one derivation.
 */
export function createScramKeyCache(entriesMax: number = scramKeyCacheEntriesMax): ScramKeyCache {
  const secret = randomBytes(32);
  const entries = new Map<string, Promise<DerivedKeys>>();
  return {
    get(password, salt, iterations, make) {
      const name = createHmac('sha256', secret)
        .update(`${iterations}:${salt.toString('base64')}:`)
        .update(password)
        .digest('base64');
      const kept = entries.get(name);
      entries.delete(name);
      const keys =
        kept ??
        make().catch((error: unknown) => {
          entries.delete(name);
          throw error;
        });
      entries.set(name, keys);
      if (entries.size > entriesMax) entries.delete(entries.keys().next().value!);
      return keys;
    },
    clear: () => entries.clear(),
  };
}

export interface ScramClientOptions {
  readonly password: string;
  /** Binding data of our side of the TLS connection; null without TLS, or where the certificate defines none. */
  readonly channelBinding: { readonly type: 'tls-server-end-point'; readonly data: Buffer } | null;
  /** Whether the server offered SCRAM-SHA-256-PLUS; taken as yes where `channelBinding` is given. */
  readonly serverOfferedPlus?: boolean;
  /** The name in client-first-message; PostgreSQL ignores it, so empty unless given. */
  readonly username?: string;
  readonly nonce?: string;
  readonly keyCache?: ScramKeyCache;
}

/** The client's role. Each method is called once, in order; an illegal message throws or rejects with `base.scram`. */
export interface ScramClient {
  /** The mechanism to name to the server. */
  readonly mechanism: ScramMechanism;
  first(): string;
  /** Takes server-first-message, answers client-final-message. */
  final(serverFirst: string): Promise<string>;
  /** Takes server-final-message; throws unless the server proved that it knows the password, too. */
  verify(serverFinal: string): void;
}

class ScramClientExchange implements ScramClient {
  readonly mechanism: ScramMechanism;
  readonly #options: ScramClientOptions;
  readonly #gs2Header: string;
  readonly #nonce: string;
  readonly #firstBare: string;
  #state: 'first' | 'final' | 'verify' | 'done' = 'first';
  #serverSignature: Buffer | null = null;

  constructor(options: ScramClientOptions) {
    const { channelBinding, serverOfferedPlus = channelBinding !== null } = options;
    const binds = channelBinding !== null && serverOfferedPlus;
    this.#options = options;
    this.mechanism = binds ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256';
    this.#gs2Header = `${binds ? `p=${bindingType}` : channelBinding !== null ? 'y' : 'n'},,`;
    this.#nonce = options.nonce ?? randomBytes(18).toString('base64');
    const name = (options.username ?? '').replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.#firstBare = `n=${name},r=${this.#nonce}`;
  }

  first(): string {
    assert(this.#state === 'first', `SCRAM first in ${this.#state}`);
    this.#state = 'final';
    return this.#gs2Header + this.#firstBare;
  }

  async final(serverFirst: string): Promise<string> {
    assert(this.#state === 'final', `SCRAM final in ${this.#state}`);
    this.#state = 'done';
    const { nonce, salt, iterations } = this.#parseServerFirst(serverFirst);
    const { password, keyCache, channelBinding } = this.#options;
    const make = (): Promise<DerivedKeys> => derive(password, salt, iterations);
    const keys = await (keyCache === undefined ? make() : keyCache.get(password, salt, iterations, make));
    const data = this.mechanism === 'SCRAM-SHA-256-PLUS' ? channelBinding!.data : Buffer.alloc(0);
    const bound = Buffer.concat([Buffer.from(this.#gs2Header), data]).toString('base64');
    const withoutProof = `c=${bound},r=${nonce}`;
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const proof = xor(keys.clientKey, hmac(sha256(keys.clientKey), authMessage));
    this.#serverSignature = hmac(keys.serverKey, authMessage);
    this.#state = 'verify';
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  verify(serverFinal: string): void {
    assert(this.#state === 'verify', `SCRAM verify in ${this.#state}`);
    this.#state = 'done';
    checkMessage(serverFinal, 'server-final-message');
    const [verifier] = attributes(serverFinal, 'server-final-message');
    if (verifier?.[0] === 'e') throw illegal('the server refused the proof');
    if (verifier?.[0] !== 'v') throw illegal('server-final-message is malformed');
    const signature = decodeBase64(verifier[1], 'the signature of the server');
    if (signature.length !== keyBytes || !timingSafeEqual(signature, this.#serverSignature!)) {
      throw illegal('the server could not prove that it knows the password');
    }
  }

  #parseServerFirst(serverFirst: string): { nonce: string; salt: Buffer; iterations: number } {
    checkMessage(serverFirst, 'server-first-message');
    const parts = attributes(serverFirst, 'server-first-message');
    const [nonce, salt, iterations] = parts;
    if (nonce?.[0] !== 'r' || salt?.[0] !== 's' || iterations?.[0] !== 'i' || parts.length !== 3) {
      throw illegal('server-first-message is malformed');
    }
    checkNonce(nonce[1], 'server');
    if (!nonce[1].startsWith(this.#nonce) || nonce[1].length === this.#nonce.length) {
      throw illegal('the nonce does not match');
    }
    const saltBytes = decodeBase64(salt[1], 'the salt');
    if (saltBytes.length === 0 || saltBytes.length > scramSaltBytesMax) throw illegal('the salt has a wrong length');
    if (!/^[1-9][0-9]{0,9}$/.test(iterations[1])) throw illegal('the number of iterations is malformed');
    const count = Number(iterations[1]);
    if (count > scramIterationsMax) throw illegal('the server asks for too many iterations');
    return { nonce: nonce[1], salt: saltBytes, iterations: count };
  }
}

/** Begins an exchange in the client's role. Used once. */
export function createScramClient(options: ScramClientOptions): ScramClient {
  return new ScramClientExchange(options);
}
