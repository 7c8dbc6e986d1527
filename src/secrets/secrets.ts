/**
 * Secrets: revealed by reference, set, listed without their values, rotated.
 *
 * Invariants: values are read at each use and kept nowhere; nothing that this room throws, lists or prints holds one;
 * a rotation that is cut off at any point leaves every secret readable: the new key is on the disk before the first
 * row uses it, rows change in transactions, and older keys go last.
 *
 * Deliberately absent: caching; access control (the API's matter); journal events (the caller's: `key.rotated`).
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import type { SecretReference } from '../core/resource.ts';
import * as envelope from './envelope.ts';
import { secretErrors } from './errors.ts';
import { type KeyRing, Ring } from './keyring.ts';
import { pageRows, revealDeadlineMs, rotationPassesMax, rotationRowsMax, secretNameBytesMax } from './limits.ts';
import { environmentProvider, fileProvider, type SecretProvider, toSecret } from './providers.ts';
import type { Secret } from './secret.ts';

/** A sealed secret as it is stored. */
export interface SealedRow {
  readonly name: string;
  readonly keyId: string;
  readonly wrappedKey: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface SecretSummary {
  readonly name: string;
  readonly keyId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** The port to where sealed secrets are kept. */
export interface SealedStore {
  get(name: string): Promise<SealedRow | null>;
  /** Creates or overwrites; an existing row keeps its `createdAtMs`. */
  put(row: SealedRow): Promise<void>;
  /** By name. */
  list(page: { readonly limit: number; readonly after?: string | null }): Promise<readonly SecretSummary[]>;
  delete(name: string): Promise<boolean>;
  /** One transaction; replaces a row only while it holds `previousWrappedKey`. Answers how many were replaced. */
  replaceAll(
    replacements: readonly { readonly previousWrappedKey: Buffer; readonly next: SealedRow }[],
  ): Promise<number>;
}

export interface SecretsOptions {
  readonly keyRing: KeyRing;
  readonly sealedStore: SealedStore;
  /** Where `env` references look; the process's own environment unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Folders below which `file` references may point; anywhere unless given. */
  readonly fileFolders?: readonly string[];
  /** Folders below which no `file` reference may point: the gateway's own keys lie there. */
  readonly forbiddenFolders?: readonly string[];
  readonly clock?: Clock;
}

export interface Rotation {
  /** The id of the key that seals from now on. */
  readonly keyId: string;
  /** Secrets whose data key was wrapped anew. */
  readonly rewrapped: number;
  /** Ids of keys that were dropped, for no secret needs them. */
  readonly dropped: readonly string[];
}

export interface Secrets {
  /** The value. Rejects with a `secrets.*` error that does not hold it. */
  reveal(reference: SecretReference): Promise<string>;
  put(name: string, value: string): Promise<void>;
  /** False where there was none. */
  delete(name: string): Promise<boolean>;
  /** Names, keys and dates, never values. */
  list(): Promise<readonly SecretSummary[]>;
  /** Makes a new key current and wraps every data key with it. Safe to repeat, and to be cut off. */
  rotate(): Promise<Rotation>;
}

export function createSecrets(options: SecretsOptions): Secrets {
  return new SecretService(options);
}

class SecretService implements Secrets {
  readonly #ring: Ring;
  readonly #store: SealedStore;
  readonly #clock: Clock;
  readonly #environment: ReturnType<typeof environmentProvider>;
  readonly #files: ReturnType<typeof fileProvider>;
  readonly #stored: SecretProvider<Extract<SecretReference, { provider: 'store' }>>;

  constructor(options: SecretsOptions) {
    if (!(options.keyRing instanceof Ring)) {
      throw secretErrors('secrets.key-missing', { detail: 'the key ring was not made by openKeyRing' });
    }
    const ring = options.keyRing;
    this.#ring = ring;
    this.#store = options.sealedStore;
    this.#clock = options.clock ?? systemClock;
    this.#environment = environmentProvider(options.environment ?? process.env);
    this.#files = fileProvider({
      folders: options.fileFolders ?? null,
      forbiddenFolders: options.forbiddenFolders ?? [],
      isForbidden: (device, inode) => ring.isKeyFile(device, inode),
    });
    this.#stored = { resolve: ({ name }) => this.#open(name) };
  }

  async reveal(reference: SecretReference): Promise<string> {
    const secret = await withDeadline(this.#resolve(reference), revealDeadlineMs, 'reading a secret', this.#clock);
    return secret.reveal();
  }

  async put(name: string, value: string): Promise<void> {
    checkName(name);
    if (!value.isWellFormed()) throw secretErrors('secrets.not-text', { detail: `the stored secret ${name}` });
    // Checked by the same rules as what is read, so that nothing is kept that cannot be given.
    toSecret(Buffer.from(value), `the stored secret ${name}`);
    const plain = Buffer.from(value);
    const key = await this.#ring.current();
    const nowMs = this.#clock.now();
    try {
      const sealing = envelope.seal(key, name, plain);
      await this.#store.put({ name, keyId: key.id, ...sealing, createdAtMs: nowMs, updatedAtMs: nowMs });
    } finally {
      plain.fill(0);
    }
  }

  delete(name: string): Promise<boolean> {
    return this.#store.delete(name);
  }

  async list(): Promise<readonly SecretSummary[]> {
    const all: SecretSummary[] = [];
    for (;;) {
      const page = await this.#store.list({ limit: pageRows, after: all.at(-1)?.name ?? null });
      for (const { name, keyId, createdAtMs, updatedAtMs } of page) all.push({ name, keyId, createdAtMs, updatedAtMs });
      if (page.length < pageRows) return all;
    }
  }

  rotate(): Promise<Rotation> {
    return this.#ring.alone(async () => {
      const key = await this.#ring.rotate();
      let rewrapped = 0;
      let left = await this.#idsBesides(key.id);
      // Another gateway may have set a secret with the older key a moment ago: look again, a few times.
      for (let pass = 0; pass < rotationPassesMax && left.size > 0; pass++) {
        rewrapped += await this.#rewrapAll(key);
        left = await this.#idsBesides(key.id);
      }
      const dropped = await this.#ring.retire(left);
      if (left.size > 0) throw secretErrors('secrets.rotation-incomplete');
      return { keyId: key.id, rewrapped, dropped };
    });
  }

  /** Ids of the keys that rows still need, other than `current`. */
  async #idsBesides(current: string): Promise<ReadonlySet<string>> {
    return new Set((await this.list()).map((summary) => summary.keyId).filter((id) => id !== current));
  }

  async #rewrapAll(key: envelope.EncryptionKey): Promise<number> {
    let rewrapped = 0;
    let batch: { previousWrappedKey: Buffer; next: SealedRow }[] = [];
    const flush = async (): Promise<void> => {
      if (batch.length > 0) rewrapped += await this.#store.replaceAll(batch);
      batch = [];
    };
    for (const { name, keyId } of await this.list()) {
      if (keyId === key.id) continue;
      const row = await this.#store.get(name);
      if (row === null || row.keyId === key.id) continue;
      const next = await this.#rewrap(row, key);
      if (next === null) continue;
      batch.push({ previousWrappedKey: row.wrappedKey, next });
      if (batch.length >= rotationRowsMax) await flush();
    }
    await flush();
    return rewrapped;
  }

  /** Null where the row cannot be opened: it stays as it is, its key is kept, and `rotation-incomplete` tells of it. */
  async #rewrap(row: SealedRow, key: envelope.EncryptionKey): Promise<SealedRow | null> {
    try {
      const wrappedKey = envelope.rewrap(await this.#ring.find(row.keyId), key, row.name, row.wrappedKey);
      return { ...row, keyId: key.id, wrappedKey };
    } catch {
      return null;
    }
  }

  #resolve(reference: SecretReference): Promise<Secret> {
    switch (reference.provider) {
      case 'env':
        return this.#environment.resolve(reference);
      case 'file':
        return this.#files.resolve(reference);
      case 'store':
        return this.#stored.resolve(reference);
    }
  }

  async #open(name: string): Promise<Secret> {
    checkName(name);
    const detail = `the stored secret ${name}`;
    const row = await this.#store.get(name);
    if (row === null) throw secretErrors('secrets.missing', { detail });
    // The name that was asked for, not the one in the row: a row under another name must not open.
    return toSecret(envelope.open(await this.#ring.find(row.keyId), name, row), detail);
  }
}

// Control characters, line separators and what reorders text: a name is shown in lists and logs.
const unsafeName = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > secretNameBytesMax || unsafeName.test(name) || !name.isWellFormed()) {
    throw secretErrors('secrets.bad-name', { values: { limit: secretNameBytesMax } });
  }
}
