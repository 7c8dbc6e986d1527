/**
 * The key-encryption keys of a gateway: one current key that seals, and older ones that only open.
 *
 * Invariants: keys are in private fields and leave through no method but `current` and `find`, which this room alone
 * uses; a key file that another gateway rotated is noticed before the next seal, and when an unknown key is asked for;
 * rotation adds a key before anything is sealed with it, and an older key goes only when `retire` is told that no row
 * needs it. The key before the current one always stays: another gateway may have sealed with it a moment ago.
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { inspect } from 'node:util';
import { type EncryptionKey, keyBytes } from './envelope.ts';
import { secretErrors } from './errors.ts';
import { type KeyFile, makeKey, parseKeys, readKeyFile, writeKeyFile } from './keyfile.ts';

export type KeySource =
  | {
      readonly file: string;
      /** Make the file with a random key where there is none. */
      readonly create: boolean;
    }
  | {
      /** The value of the environment variable: keys in base 64, separated by commas, the current one first. */
      readonly keys: string;
    };

export interface KeyRing {
  /** The id of the key that seals. Names a key; tells nothing about it. */
  readonly currentId: string;
  /** True for the file that holds the keys, so that nobody may reference it as a secret. */
  isKeyFile(device: bigint, inode: bigint): boolean;
}

export async function openKeyRing(source: KeySource): Promise<KeyRing> {
  if ('keys' in source) return new Ring(null, parseKeys(source.keys, ','), null);
  const known = await readKeyFile(source.file);
  if (known !== null) return new Ring(source.file, known.keys, known);
  if (!source.create) throw secretErrors('secrets.key-missing', { detail: 'the key file does not exist' });
  await writeKeyFile(source.file, [makeKey(randomBytes(keyBytes))], true);
  // Read back in any case: another gateway may have been first.
  const made = await readKeyFile(source.file);
  if (made === null) throw secretErrors('secrets.key-missing', { detail: 'the key file vanished' });
  return new Ring(source.file, made.keys, made);
}

/** What this room does with a ring; others see `KeyRing`. */
export class Ring implements KeyRing {
  readonly #path: string | null;
  #keys: readonly EncryptionKey[];
  #file: KeyFile | null;

  constructor(path: string | null, keys: readonly EncryptionKey[], file: KeyFile | null) {
    this.#path = path;
    this.#keys = keys;
    this.#file = file;
  }

  get currentId(): string {
    return this.#keys[0]!.id;
  }

  isKeyFile(device: bigint, inode: bigint): boolean {
    return this.#file !== null && this.#file.device === device && this.#file.inode === inode;
  }

  /** The key to seal with, as the file says now. */
  async current(): Promise<EncryptionKey> {
    await this.#refresh();
    return this.#keys[0]!;
  }

  /** The key with this id; throws `secrets.unknown-key`. */
  async find(id: string): Promise<EncryptionKey> {
    const known = this.#keys.find((key) => key.id === id);
    if (known !== undefined) return known;
    await this.#refresh();
    const found = this.#keys.find((key) => key.id === id);
    // The id came from a row, and is shown only where it looks like one of ours.
    const shown = /^key_[0-9a-f]{16}$/.test(id) ? id : '(unreadable)';
    if (found === undefined) throw secretErrors('secrets.unknown-key', { values: { key: shown } });
    return found;
  }

  /**
   * Runs `work` as the only rotation of this key file, in this process and in others: two at once could each write a
   * file that lacks the other's key. The lock is SQLite's on an empty database beside the file, because the kernel
   * drops it with its holder, however that ends.
   */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#path === null) return work();
    let lock: DatabaseSync | null = null;
    try {
      lock = new DatabaseSync(`${this.#path}.lock`, { timeout: 0 });
      lock.exec('BEGIN EXCLUSIVE');
    } catch {
      lock?.close();
      throw secretErrors('secrets.rotation-running');
    }
    try {
      return await work();
    } finally {
      lock.close();
    }
  }

  /**
   * Makes a new current key and keeps the others. Where keys come from the environment, the operator has put a new one
   * first, or `secrets.rotation-needs-key` is thrown.
   */
  async rotate(): Promise<EncryptionKey> {
    if (this.#path === null) {
      if (this.#keys.length < 2) throw secretErrors('secrets.rotation-needs-key');
      return this.#keys[0]!;
    }
    await this.#refresh();
    const key = makeKey(randomBytes(keyBytes));
    await this.#write([key, ...this.#keys]);
    return key;
  }

  /** Drops the keys that no row needs, except the current one and its predecessor. Answers the ids of what went. */
  async retire(neededIds: ReadonlySet<string>): Promise<readonly string[]> {
    if (this.#path === null) return [];
    await this.#refresh();
    const kept = this.#keys.filter((key, at) => at < 2 || neededIds.has(key.id));
    const dropped = this.#keys.filter((key) => !kept.includes(key)).map((key) => key.id);
    if (dropped.length > 0) await this.#write(kept);
    return dropped;
  }

  [inspect.custom](): string {
    return `KeyRing(${this.currentId})`;
  }

  toJSON(): string {
    return `KeyRing(${this.currentId})`;
  }

  async #write(keys: readonly EncryptionKey[]): Promise<void> {
    await writeKeyFile(this.#path!, keys, false);
    await this.#reload();
  }

  async #refresh(): Promise<void> {
    if (this.#path === null) return;
    const facts = await stat(this.#path, { bigint: true }).catch(() => null);
    const version = facts === null ? null : `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}:${facts.ctimeNs}`;
    if (version !== this.#file?.version) await this.#reload();
  }

  async #reload(): Promise<void> {
    const file = await readKeyFile(this.#path!);
    if (file === null) throw secretErrors('secrets.key-missing', { detail: 'the key file vanished' });
    this.#keys = file.keys;
    this.#file = file;
  }
}
