/**
 * Where the bytes of a recording come from: a file here, or a copy in an archive. One reader goes through either.
 *
 * Deliberately absent: any belief in what an archive says. A sealed recording proves its chunks itself.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { recordingErrors } from './errors.ts';
import * as limits from './limits.ts';

/** Copies of recordings that lie elsewhere. */
export interface RecordingArchive {
  /**
   * `length` bytes of a session's recording from `offset`, as it lay here: fewer only where it ends. `store` is what
   * `recording.released` named. Rejects where the copy cannot be had.
   */
  read(session: string, offset: number, length: number, store: string): Promise<Buffer>;
}

export interface RecordingSource {
  /** `length` bytes, fewer only at the end. */
  readAt(offset: number, length: number): Promise<Buffer>;
  /** Bytes in all, or null where that is not known. */
  size(): Promise<number | null>;
  close(): Promise<void>;
}

/** A plain file, never through a link at its name. Throws `recording.absent`, `recording.unreadable`. */
export async function fileSource(path: string): Promise<RecordingSource> {
  const file = await openPlain(path);
  return {
    readAt: (offset, length) => readAt(file, offset, length),
    size: async () => (await file.stat()).size,
    close: () => file.close(),
  };
}

/** A copy elsewhere, asked for in large pieces: a recording is read from its beginning on. */
export function archiveSource(archive: RecordingArchive, session: string, store: string): RecordingSource {
  let begin = 0;
  let window: Buffer = Buffer.alloc(0);
  return {
    readAt: async (offset, length) => {
      if (offset < begin || offset + length > begin + window.length) {
        begin = offset;
        window = await archive.read(session, offset, Math.max(length, limits.archiveReadBytes), store);
      }
      return window.subarray(offset - begin, offset - begin + length);
    },
    size: async () => null,
    close: async () => {
      window = Buffer.alloc(0);
    },
  };
}

/** The whole of a small file. Throws `recording.absent`, `recording.unreadable`. */
export async function readSmall(path: string, bytesMax: number): Promise<Buffer> {
  const file = await openPlain(path);
  try {
    const bytes = await readAt(file, 0, bytesMax + 1);
    if (bytes.length > bytesMax)
      throw recordingErrors('recording.unreadable', { values: { problem: 'it is too long' } });
    return bytes;
  } finally {
    await file.close();
  }
}

async function openPlain(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    if (code === 'ENOENT') throw recordingErrors('recording.absent', { cause });
    throw recordingErrors('recording.unreadable', {
      cause,
      values: { problem: `it cannot be opened (${String(code)})` },
    });
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw recordingErrors('recording.unreadable', { values: { problem: 'it is no plain file' } });
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  // The length comes from a header whose checksum was right, and has been checked against the limits.
  const bytes = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(bytes, got, length - got, offset + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return bytes.subarray(0, got);
}
