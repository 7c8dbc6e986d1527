/**
 * Passwords: argon2id (RFC 9106) in the PHC string format, hashed off the event loop, a bounded number at once.
 *
 *     $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>        base 64 without padding
 *
 * Invariants: a verifier is compared in constant time; what cannot be read never verifies; hashings at once and in
 * wait are bounded (I6), since each takes 19 MiB and a thread that the journal could need.
 *
 * Deliberately absent: rules of composition, password history, peppers (the store's own encryption is not its matter).
 */
import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { identityErrors } from './errors.ts';
import * as limits from './limits.ts';

interface Verifier {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const phc =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d{0,2}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Reads a verifier; null where it is malformed or asks for more than this gateway spends. */
export function parseVerifier(text: string): Verifier | null {
  const match = phc.exec(text);
  if (match === null) return null;
  const [memoryKib, passes, lanes] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (memoryKib > limits.argon2MemoryKibMax || passes > limits.argon2PassesMax || lanes > limits.argon2LanesMax) {
    return null;
  }
  if (memoryKib < 8 * lanes) return null;
  return { memoryKib, passes, lanes, salt: Buffer.from(match[4]!, 'base64'), hash: Buffer.from(match[5]!, 'base64') };
}

function formatVerifier({ memoryKib, passes, lanes, salt, hash }: Verifier): string {
  const text = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${text(salt)}$${text(hash)}`;
}

/** True when a verifier was made with other parameters than those of today. */
export function isOutdated(verifier: string): boolean {
  const parsed = parseVerifier(verifier);
  return (
    parsed === null ||
    parsed.memoryKib !== limits.argon2MemoryKib ||
    parsed.passes !== limits.argon2Passes ||
    parsed.lanes !== limits.argon2Lanes ||
    parsed.salt.length !== limits.argon2SaltBytes ||
    parsed.hash.length !== limits.argon2HashBytes
  );
}

/** A verifier that costs as much as any and that no password fits: stands in where there is none (A-ID-10). */
export function makeDecoy(): string {
  return formatVerifier({
    memoryKib: limits.argon2MemoryKib,
    passes: limits.argon2Passes,
    lanes: limits.argon2Lanes,
    salt: randomBytes(limits.argon2SaltBytes),
    hash: randomBytes(limits.argon2HashBytes),
  });
}

export interface PasswordHasher {
  /** The verifier to store. Rejects with `identity.busy` where too many wait. */
  hash(password: string): Promise<string>;
  /** Whether `password` fits. False, at no cost, where the verifier cannot be read. Rejects as `hash` does. */
  verify(password: string, verifier: string): Promise<boolean>;
}

/** Lets a bounded number of hashings run, a bounded number wait in order, and refuses the rest. */
class Turnstile {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= limits.hashingsAtOnceMax) await this.#turn();
    else this.#running++;
    try {
      return await work();
    } finally {
      // A turn is handed on, so that nobody who came later slips in between.
      const next = this.#waiting.values().next();
      if (next.done) this.#running--;
      else next.value();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.size >= limits.hashingsWaitingMax) return Promise.reject(identityErrors('identity.busy'));
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(limits.hashingWaitMs, () => {
        this.#waiting.delete(enter);
        reject(identityErrors('identity.busy'));
      });
      const enter = (): void => {
        timer.cancel();
        this.#waiting.delete(enter);
        resolve();
      };
      this.#waiting.add(enter);
    });
  }
}

function runArgon2(parameters: Argon2Parameters): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
}

/** Hashes with node's own argon2. */
export function createPasswordHasher(clock: Clock): PasswordHasher {
  const turnstile = new Turnstile(clock);
  const compute = (password: string, like: Omit<Verifier, 'hash'>, hashBytes: number): Promise<Buffer> =>
    turnstile.run(() =>
      runArgon2({
        // One form for what keyboards compose differently (NIST SP 800-63B).
        message: Buffer.from(password.normalize('NFKC')),
        nonce: like.salt,
        memory: like.memoryKib,
        passes: like.passes,
        parallelism: like.lanes,
        tagLength: hashBytes,
      }),
    );
  return {
    async hash(password) {
      const like = {
        memoryKib: limits.argon2MemoryKib,
        passes: limits.argon2Passes,
        lanes: limits.argon2Lanes,
        salt: randomBytes(limits.argon2SaltBytes),
      };
      return formatVerifier({ ...like, hash: await compute(password, like, limits.argon2HashBytes) });
    },
    async verify(password, verifier) {
      const parsed = parseVerifier(verifier);
      if (parsed === null) return false;
      return timingSafeEqual(await compute(password, parsed, parsed.hash.length), parsed.hash);
    },
  };
}
