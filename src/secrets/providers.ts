/**
 * Where secrets come from, behind one port: the environment, files, the store.
 *
 * Invariants: a provider reads at most `secretBytesMax`; it never quotes what it read; a reference cannot reach what
 * the gateway itself must keep (its key file, its own `SALLYPORT_*` variables), because whoever may write a Resource
 * could otherwise have it sent to an upstream of theirs.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import type { SecretReference } from '../core/resource.ts';
import { secretErrors } from './errors.ts';
import { readWhole } from './keyfile.ts';
import { secretBytesMax } from './limits.ts';
import { Secret } from './secret.ts';

/** One source of secrets. Resolves with the value, or rejects with a `secrets.*` error. */
export interface SecretProvider<R extends SecretReference = SecretReference> {
  resolve(reference: R): Promise<Secret>;
}

type Of<P extends SecretReference['provider']> = Extract<SecretReference, { provider: P }>;

/** What may be a secret: UTF-8 text without NUL, not empty, not too long. The bytes are wiped. */
export function toSecret(bytes: Buffer, detail: string): Secret {
  try {
    if (bytes.length === 0) throw secretErrors('secrets.empty', { detail });
    if (bytes.length > secretBytesMax) {
      throw secretErrors('secrets.too-large', { detail, values: { limit: secretBytesMax } });
    }
    if (bytes.includes(0)) throw secretErrors('secrets.not-text', { detail });
    return new Secret(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) throw secretErrors('secrets.not-text', { detail });
    throw error;
  } finally {
    bytes.fill(0);
  }
}

// Our own settings may be keys and URLs with passwords; only those under this prefix are meant to be referenced.
const ownVariable = /^SALLYPORT_(?!SECRET_)/i;

export function environmentProvider(
  environment: Readonly<Record<string, string | undefined>>,
): SecretProvider<Of<'env'>> {
  return {
    async resolve({ name }) {
      if (name === '' || ownVariable.test(name)) {
        throw secretErrors('secrets.bad-reference', { detail: `the variable ${name} is the gateway’s own` });
      }
      const detail = `the variable ${name}`;
      const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (value === undefined) throw secretErrors('secrets.missing', { detail });
      return toSecret(Buffer.from(value), detail);
    },
  };
}

export interface FileRules {
  /** Folders below which secrets may lie, links followed; null for anywhere. */
  readonly folders: readonly string[] | null;
  /** Folders whose files are never given out, links followed. */
  readonly forbiddenFolders: readonly string[];
  /** Files that are never given out. */
  isForbidden(device: bigint, inode: bigint): boolean;
}

export function fileProvider(rules: FileRules): SecretProvider<Of<'file'>> {
  return {
    async resolve({ path }) {
      const detail = `the file ${path}`;
      const file = await openSecretFile(path, rules, detail);
      try {
        const facts = await file.stat({ bigint: true });
        if (!facts.isFile() || rules.isForbidden(facts.dev, facts.ino)) {
          throw secretErrors('secrets.bad-reference', { detail });
        }
        // One more than a secret may have, for the line end that an editor leaves.
        const bytes = await readWhole(file, secretBytesMax + 2).catch((error: unknown) => {
          throw fileError(error, detail);
        });
        if (bytes === null) throw secretErrors('secrets.too-large', { detail, values: { limit: secretBytesMax } });
        return toSecret(withoutLineEnd(bytes), detail);
      } finally {
        await file.close();
      }
    },
  };
}

async function openSecretFile(path: string, rules: FileRules, detail: string): Promise<FileHandle> {
  if (!isAbsolute(path) || path.includes('\0')) throw secretErrors('secrets.bad-reference', { detail });
  try {
    const real = await realpath(path);
    if (await isBelowAny(real, rules.forbiddenFolders)) throw secretErrors('secrets.bad-reference', { detail });
    if (rules.folders !== null && !(await isBelowAny(real, rules.folders))) {
      throw secretErrors('secrets.bad-reference', { detail });
    }
    // Links were followed above; a name that became a link since then is refused. A FIFO must not block.
    return await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    throw fileError(error, detail);
  }
}

async function isBelowAny(real: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    const realFolder = await realpath(folder).catch(() => null);
    if (realFolder === null) continue;
    const below = relative(realFolder, real);
    if (below !== '' && below !== '..' && !below.startsWith('../') && !isAbsolute(below)) return true;
  }
  return false;
}

function fileError(error: unknown, detail: string): Error {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) {
    return error instanceof Error ? error : secretErrors('secrets.unreadable', { detail });
  }
  const isAbsent = error.code === 'ENOENT' || error.code === 'ENOTDIR';
  return secretErrors(isAbsent ? 'secrets.missing' : 'secrets.unreadable', {
    detail: `${detail}: ${String(error.code)}`,
  });
}

function withoutLineEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  if (end > 0 && bytes[end - 1] === 0x0a) end--;
  if (end < bytes.length && end > 0 && bytes[end - 1] === 0x0d) end--;
  return bytes.subarray(0, end);
}
