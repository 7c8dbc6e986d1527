/**
 * Local passwords: setting them, and checking them without telling who exists (A-ID-10).
 *
 * Invariant: a check costs one argon2id, whether the principal exists, is disabled, or has no password.
 *
 * Honest limit: a verifier made with the parameters of an earlier version costs what it cost then, until its owner
 * signs in once.
 */
import type { Log } from '../base/log.ts';
import { identityErrors } from './errors.ts';
import * as limits from './limits.ts';
import { isOutdated, makeDecoy, type PasswordHasher, parseVerifier } from './password.ts';
import type { PasswordRecords, PrincipalDirectory } from './records.ts';

export interface PasswordParts {
  readonly records: PasswordRecords;
  readonly directory: PrincipalDirectory;
  readonly hasher: PasswordHasher;
  readonly log: Log;
}

export class Passwords {
  readonly #parts: PasswordParts;
  readonly #decoy = makeDecoy();
  /** Writes of one principal's verifier, one after the other: a rehash must not bring an old password back. */
  readonly #writes = new Map<string, Promise<void>>();

  constructor(parts: PasswordParts) {
    this.#parts = parts;
  }

  /** Rejects with `identity.*` where the password or the principal is not acceptable. */
  async set(name: string, password: string): Promise<void> {
    const { directory, hasher, records } = this.#parts;
    if ([...password].length < limits.passwordLengthMin) {
      throw identityErrors('identity.password-too-short', { values: { minimum: limits.passwordLengthMin } });
    }
    if (Buffer.byteLength(password) > limits.passwordBytesMax) {
      throw identityErrors('identity.password-too-long', { values: { maximum: limits.passwordBytesMax } });
    }
    if (directory.find(name) === null) {
      throw identityErrors('identity.unknown-principal', { values: { name: JSON.stringify(name.slice(0, 127)) } });
    }
    const verifier = await hasher.hash(password);
    await this.#inOrder(name, () => records.set(name, verifier));
  }

  /** False where there was none. */
  async clear(name: string): Promise<boolean> {
    let had = false;
    await this.#inOrder(name, async () => {
      had = await this.#parts.records.delete(name);
    });
    return had;
  }

  /** Whether `password` is that of `name`. Says nothing of whether the principal may sign on. */
  async check(name: string, password: string): Promise<boolean> {
    const { hasher, records, log } = this.#parts;
    const stored = await records.get(name);
    const readable = stored !== null && parseVerifier(stored) !== null;
    if (stored !== null && !readable)
      log.error('a password verifier cannot be read: set the password anew', { principal: name });
    const fits = await hasher.verify(password.slice(0, limits.passwordBytesMax), readable ? stored : this.#decoy);
    if (!fits || !readable || Buffer.byteLength(password) > limits.passwordBytesMax) return false;
    if (isOutdated(stored)) await this.#rehash(name, password, stored);
    return true;
  }

  async #rehash(name: string, password: string, before: string): Promise<void> {
    const verifier = await this.#parts.hasher.hash(password);
    await this.#inOrder(name, async () => {
      // Whoever changed the password meanwhile wins.
      if ((await this.#parts.records.get(name)) === before) await this.#parts.records.set(name, verifier);
    });
  }

  async #inOrder(name: string, write: () => Promise<void>): Promise<void> {
    const turn = (this.#writes.get(name) ?? Promise.resolve()).then(write, write);
    this.#writes.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.#writes.get(name) === turn) this.#writes.delete(name);
    }
  }
}
