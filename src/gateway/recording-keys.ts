/**
 * The keys of recordings: each has one of its own, wrapped by one key of this gateway's, which the installation's key ring
 * wraps in turn.
 *
 * The key in the middle is a secret of the gateway's own in the store, so that a rotation of the key ring wraps it anew like
 * any secret, whichever gateway rotates, and no recording is touched. A copy of it, wrapped the same way, lies in the data
 * directory: the store may be lost and its index built again from the journal, and recordings must open then.
 *
 * Invariants: a new key in the middle is made only where neither the store nor the copy holds one, for under it nothing
 * older opens; a copy that does not open while the store is empty stops the start; keys reach no log and no error.
 *
 * Deliberately absent: where wrapped keys lie, and when they are destroyed: the recording room's.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { RecordingKeys } from '../recording/index.ts';
import {
  createSecrets,
  type KeyRing,
  makeKey,
  type Rotation,
  type SealedRow,
  type SealedStore,
  type Secrets,
  unwrapKey,
  wrapKey,
} from '../secrets/index.ts';
import { getOrCreate, ownPrefix } from './identity-keys.ts';

export interface RecordingKeyParts {
  readonly keyRing: KeyRing;
  readonly ownSecrets: Secrets;
  readonly dataDirectory: string;
  /** Id of this gateway: each has a key of its own, as each has a data directory. */
  readonly gateway: string;
  readonly clock: Clock;
}

export interface RecordingKeyRing extends RecordingKeys {
  /** Rotates the key ring and wraps the gateway's own secrets anew, here and in the store. */
  rotate(): Promise<Rotation>;
}

export async function openRecordingKeys(parts: RecordingKeyParts): Promise<RecordingKeyRing> {
  const { keyRing, ownSecrets, clock } = parts;
  const name = `${ownPrefix}recording-key.${parts.gateway}`;
  const file = new SealedFile(join(parts.dataDirectory, 'keys', 'recording.key'));
  const copy = createSecrets({ keyRing, sealedStore: file, clock });
  const copied = (await file.get(name)) === null ? null : { provider: 'store' as const, name };
  const isKnown = (await ownSecrets.list()).some((summary) => summary.name === name);
  // The store's word counts while it has one; the copy is for a store that was lost.
  if (!isKnown && copied !== null) await ownSecrets.put(name, await copy.reveal(copied));
  const value = await getOrCreate(ownSecrets, name, () => randomBytes(32).toString('hex'));
  const keep = (): Promise<void> => copy.put(name, value);
  await keep();
  const key = makeKey(Buffer.from(value, 'hex'));
  const nameOf = (session: string): string => `recording.${session}`;
  return {
    create: (session) => {
      const own = randomBytes(32);
      return { key: own, wrapped: wrapKey(key, nameOf(session), own) };
    },
    open: async (session, wrapped) => unwrapKey(key, nameOf(session), wrapped),
    rotate: async () => {
      const rotation = await ownSecrets.rotate();
      await keep();
      return rotation;
    },
  };
}

const base64 = z.string().transform((text) => Buffer.from(text, 'base64'));
const rowSchema = z.strictObject({
  name: z.string(),
  keyId: z.string(),
  wrappedKey: base64,
  nonce: base64,
  ciphertext: base64,
  tag: base64,
  createdAtMs: z.int(),
  updatedAtMs: z.int(),
});

/** A sealed store of one secret: a file, replaced whole. */
class SealedFile implements SealedStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async get(name: string): Promise<SealedRow | null> {
    const row = await this.#read();
    return row?.name === name ? row : null;
  }

  async put(row: SealedRow): Promise<void> {
    const { wrappedKey, nonce, ciphertext, tag, ...facts } = row;
    const sealed = Object.entries({ wrappedKey, nonce, ciphertext, tag }).map(([part, bytes]) => [
      part,
      bytes.toString('base64'),
    ]);
    const part = `${this.#path}.${randomBytes(6).toString('hex')}`;
    const text = `${JSON.stringify({ ...facts, ...Object.fromEntries(sealed) })}\n`;
    await writeFile(part, text, { mode: 0o600, flag: 'wx', flush: true });
    await rename(part, this.#path);
  }

  async list(): Promise<readonly SealedRow[]> {
    const row = await this.#read();
    return row === null ? [] : [row];
  }

  async delete(): Promise<boolean> {
    throw new Error('the copy of the key of recordings is not deleted');
  }

  async replaceAll(): Promise<number> {
    throw new Error('the copy of the key of recordings is wrapped anew by putting it again');
  }

  async #read(): Promise<SealedRow | null> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return null;
      throw error;
    }
    return rowSchema.parse(JSON.parse(text));
  }
}
