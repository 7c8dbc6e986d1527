/**
 * The few file operations of this room, with what makes them safe: 0600 and 0700, no following of links at the last
 * step (A-REC-03), whole writes, and syncs that are never retried (F-03).
 *
 * Everything that writes goes through a `Disk`, so that tests can inject the failures that a real disk would give.
 * Deliberately absent: asynchronous variants. These run in worker threads whose only job is to wait for the disk.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { recordingErrors } from './errors.ts';

/** A failure to inject, for tests: the `nth` and the following `times - 1` calls of `operation` fail with `code`. */
export interface Fault {
  readonly operation: 'open' | 'write' | 'sync' | 'truncate' | 'crash';
  /** Counts from 1; `crash` counts writes. */
  readonly nth: number;
  readonly times?: number;
  readonly code?: string;
  /** Bytes that still reach the file in the failing write. */
  readonly short?: number;
}

export class Disk {
  readonly #faults: readonly Fault[];
  readonly #calls = { open: 0, write: 0, sync: 0, truncate: 0, crash: 0 };

  constructor(faults: readonly Fault[] = []) {
    this.#faults = faults;
  }

  /** Creates a file that must not exist yet, and makes its name durable. */
  create(path: string): number {
    const fd = this.createUnnamed(path);
    this.syncDirectory(dirname(path));
    return fd;
  }

  /** The same; its name becomes durable with the next file that is created in the directory. */
  createUnnamed(path: string): number {
    this.#fail('open');
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  }

  openExisting(path: string): number {
    this.#fail('open');
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    requirePlain(fd);
    return fd;
  }

  /** Writes all of `view` at `position`. */
  write(fd: number, view: Uint8Array, position: number): void {
    const fault = this.#due('write');
    if (fault !== null) {
      if (fault.short !== undefined) writeSync(fd, view, 0, Math.min(fault.short, view.length), position);
      throw failure(fault);
    }
    if (this.#due('crash') !== null) process.exit(77);
    let done = 0;
    while (done < view.length) {
      const wrote = writeSync(fd, view, done, view.length - done, position + done);
      if (wrote <= 0) throw Object.assign(new Error('ENOSPC: nothing was written'), { code: 'ENOSPC' });
      done += wrote;
    }
  }

  /** After an error here the state of the pages is unknown: nobody may ask again and believe the answer (F-03). */
  sync(fd: number): void {
    this.#fail('sync');
    fdatasyncSync(fd);
  }

  truncate(fd: number, length: number): void {
    this.#fail('truncate');
    ftruncateSync(fd, length);
  }

  remove(path: string): void {
    unlinkSync(path);
    this.syncDirectory(dirname(path));
  }

  syncDirectory(path: string): void {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      this.#fail('sync');
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  #fail(operation: 'open' | 'write' | 'sync' | 'truncate' | 'crash'): void {
    const fault = this.#due(operation);
    if (fault !== null) throw failure(fault);
  }

  #due(operation: 'open' | 'write' | 'sync' | 'truncate' | 'crash'): Fault | null {
    if (this.#faults.length === 0) return null;
    const call = ++this.#calls[operation];
    for (const fault of this.#faults) {
      if (fault.operation === operation && call >= fault.nth && call < fault.nth + (fault.times ?? 1)) return fault;
    }
    return null;
  }
}

function failure(fault: Fault): Error {
  const code = fault.code ?? 'EIO';
  return Object.assign(new Error(`${code}: injected ${fault.operation} failure`), { code });
}

/** Opens a file for reading: a plain file, never through a link at its name. */
export function openForReading(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  requirePlain(fd);
  return fd;
}

function requirePlain(fd: number): void {
  if (fstatSync(fd).isFile()) return;
  closeSync(fd);
  throw recordingErrors('recording.unsafe-directory', { values: { problem: 'a name in it is not a plain file' } });
}

/** Makes a directory that only this process's user may enter, or checks that an existing one is such. */
export function ensureDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const facts = lstatSync(path);
  const refuse = (problem: string): never => {
    throw recordingErrors('recording.unsafe-directory', { values: { problem }, detail: path });
  };
  if (!facts.isDirectory()) refuse('it is a link or no directory');
  if ((facts.mode & 0o022) !== 0) refuse('others may write to it');
  const uid = process.getuid?.();
  if (uid !== undefined && facts.uid !== uid) refuse('it belongs to another user');
}

/** The public key lies beside the journal for whoever verifies it; the key to trust is the one they were given. */
export function publishKey(path: string, signingKey: KeyObject): void {
  const pem = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }) as string;
  if (!existsSync(path)) writeFileSync(path, pem, { flag: 'wx', mode: 0o600 });
}
