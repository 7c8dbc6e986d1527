/**
 * The text form of keys, and the file that holds it.
 *
 * A line is one key: 32 bytes in base 64. The first is the current one, the others only open what they once sealed.
 * Empty lines and lines that begin with `#` say nothing. In an environment variable commas stand for line ends.
 *
 * Invariants: the file belongs to us (or root) and nobody else may read or write it; it is replaced whole (new file,
 * sync, rename, sync of the folder), so that a crash leaves the old one or the new one; a key's id is derived from the
 * key, so that a wrong key is noticed as such.
 */
import { createHmac } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { newSecret } from '../base/ids.ts';
import { type EncryptionKey, keyBytes } from './envelope.ts';
import { secretErrors } from './errors.ts';
import { keyFileBytesMax, keysMax } from './limits.ts';

export function makeKey(bytes: Buffer): EncryptionKey {
  const id = createHmac('sha256', bytes).update('sallyport key id 1').digest('hex').slice(0, 16);
  return { id: `key_${id}`, bytes };
}

/** Reads keys from text. Errors name the line, never what stands there. */
export function parseKeys(text: string, separator: string): readonly EncryptionKey[] {
  const keys = new Map<string, EncryptionKey>();
  for (const [at, line] of text.split(separator).entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const bytes = Buffer.from(entry, 'base64');
    // Node's decoder skips what it does not know; only what it would write itself counts as base 64.
    if (bytes.length !== keyBytes || bytes.toString('base64') !== entry) {
      throw secretErrors('secrets.key-invalid', { values: { entry: at + 1 } });
    }
    const key = makeKey(bytes);
    keys.set(key.id, key);
  }
  if (keys.size === 0) throw secretErrors('secrets.key-missing', { detail: 'no key in the file or variable' });
  if (keys.size > keysMax) throw secretErrors('secrets.key-invalid', { values: { entry: keysMax + 1 } });
  return [...keys.values()];
}

const heading =
  '# Keys that seal the secrets of Sallyport. The first line is the current key. Keep a copy in a safe place:\n' +
  '# without these keys the stored secrets are lost. Never readable by anyone else (chmod 600).\n';

function formatKeys(keys: readonly EncryptionKey[]): string {
  return `${heading}${keys.map((key) => key.bytes.toString('base64')).join('\n')}\n`;
}

export interface KeyFile {
  readonly keys: readonly EncryptionKey[];
  /** Changes whenever the file does. */
  readonly version: string;
  readonly device: bigint;
  readonly inode: bigint;
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

async function inspected(file: FileHandle) {
  const facts = await file.stat({ bigint: true });
  if (!facts.isFile()) throw secretErrors('secrets.key-unreadable', { detail: 'not a plain file' });
  // POSIX only: elsewhere Node invents the mode.
  if (process.getuid !== undefined) {
    const isOurs = facts.uid === BigInt(process.getuid()) || facts.uid === 0n;
    if (!isOurs || (facts.mode & 0o077n) !== 0n) throw secretErrors('secrets.key-permissions');
  }
  return facts;
}

/** Reads the key file; null where there is none. */
export async function readKeyFile(path: string): Promise<KeyFile | null> {
  let file: FileHandle;
  try {
    // Non-blocking: opening a FIFO would wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw secretErrors('secrets.key-unreadable', { detail: systemCode(error) });
  }
  try {
    const facts = await inspected(file);
    const text = await readWhole(file, keyFileBytesMax);
    if (text === null) throw secretErrors('secrets.key-unreadable', { detail: 'too long' });
    const version = `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}:${facts.ctimeNs}`;
    return { keys: parseKeys(text.toString('latin1'), '\n'), version, device: facts.dev, inode: facts.ino };
  } finally {
    await file.close();
  }
}

/** Up to `bytesMax` bytes of a file; null where it holds more. Does not trust the size that the file system states. */
export async function readWhole(file: FileHandle, bytesMax: number): Promise<Buffer | null> {
  const buffer = Buffer.alloc(bytesMax + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  buffer.fill(0);
  return null;
}

/**
 * Writes the key file whole. With `isNew` an existing file is left alone and false is answered, so that of two gateways
 * that start at once both end up with the same key.
 */
export async function writeKeyFile(path: string, keys: readonly EncryptionKey[], isNew: boolean): Promise<boolean> {
  const temporary = `${path}.${newSecret(8)}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(formatKeys(keys));
      await file.sync();
    } finally {
      await file.close();
    }
    if (isNew) await link(temporary, path);
    else await rename(temporary, path);
    const folder = await open(dirname(path), constants.O_RDONLY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return true;
  } catch (error) {
    if (isNew && systemCode(error) === 'EEXIST') return false;
    throw secretErrors('secrets.key-unreadable', { detail: systemCode(error) });
  } finally {
    await rm(temporary, { force: true });
  }
}
