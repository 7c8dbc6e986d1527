/**
 * Reading a recording back, chunk by chunk: memory is bounded by the largest chunk.
 *
 * A recording whose session was cut off may end in the middle of a chunk: what is whole is given, and `tornBytes` says
 * how much was not. Whether the bytes are the ones that were recorded is for the journal's digests to say (verify.ts).
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, zstdDecompress } from 'node:zlib';
import type { RecordedEntry } from '../core/recording.ts';
import { decodeEntries } from './entry-codec.ts';
import { recordingErrors } from './errors.ts';
import {
  type ChunkHeader,
  chunkHeaderBytes,
  decodeChunkHeader,
  decodeRecordingHeader,
  type RecordingHeader,
  recordingHeaderBytes,
} from './recording-format.ts';

const decompress = promisify(zstdDecompress) as (
  bytes: Buffer,
  options: { maxOutputLength: number },
) => Promise<Buffer>;

/** Goes through one file; also while it grows. */
export class RecordingFile {
  readonly header: RecordingHeader;
  readonly #file: FileHandle;
  #offset = recordingHeaderBytes;
  #chunk = 0;

  private constructor(file: FileHandle, header: RecordingHeader) {
    this.#file = file;
    this.header = header;
  }

  /** Throws `recording.absent`, `recording.unreadable`. */
  static async open(path: string): Promise<RecordingFile> {
    const file = await openFile(path);
    try {
      if (!(await file.stat()).isFile()) {
        throw recordingErrors('recording.unreadable', { values: { problem: 'it is no plain file' } });
      }
      const bytes = await readAt(file, 0, recordingHeaderBytes);
      return new RecordingFile(file, decodeRecordingHeader(bytes));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Chunks read so far. */
  get chunks(): number {
    return this.#chunk;
  }

  /** The next chunk's entries, or null where no whole, correct one is (yet). */
  async next(): Promise<RecordedEntry[] | null> {
    const header = decodeChunkHeader(await readAt(this.#file, this.#offset, chunkHeaderBytes));
    if (header === null || header.chunk !== this.#chunk) return null;
    const stored = await readAt(this.#file, this.#offset + chunkHeaderBytes, header.storedBytes);
    if (stored.length < header.storedBytes || crc32(stored) !== header.crc) return null;
    const entries = await unpack(header, stored);
    this.#offset += chunkHeaderBytes + header.storedBytes;
    this.#chunk++;
    return entries;
  }

  /** Bytes behind what was read. */
  async remaining(): Promise<number> {
    return (await this.#file.stat()).size - this.#offset;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    if (code === 'ENOENT') throw recordingErrors('recording.absent', { cause });
    const problem = `it cannot be opened (${String(code)})`;
    throw recordingErrors('recording.unreadable', { cause, values: { problem } });
  }
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

async function unpack(header: ChunkHeader, stored: Buffer): Promise<RecordedEntry[]> {
  const raw = await decompress(stored, { maxOutputLength: Math.max(1, header.rawBytes) });
  if (raw.length !== header.rawBytes) {
    throw recordingErrors('recording.unreadable', { values: { problem: `chunk ${header.chunk} is damaged` } });
  }
  return decodeEntries(raw, header.baseAtMs, header.entries);
}

/** A recording to iterate over, once. */
export class RecordingReader implements AsyncIterable<RecordedEntry> {
  readonly #path: string;
  #header: RecordingHeader | null = null;
  #tornBytes: number | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Known once the first entry was asked for. */
  get header(): RecordingHeader | null {
    return this.#header;
  }
  /** After the last entry: bytes at the end that hold nothing readable. 0 in a recording that was closed in order. */
  get tornBytes(): number | null {
    return this.#tornBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordedEntry> {
    const file = await RecordingFile.open(this.#path);
    try {
      this.#header = file.header;
      for (let entries = await file.next(); entries !== null; entries = await file.next()) yield* entries;
      this.#tornBytes = await file.remaining();
    } finally {
      await file.close();
    }
  }
}

/** Reads the recording in `path`. Throws `recording.unreadable` while iterating. */
export function readRecording(path: string): RecordingReader {
  return new RecordingReader(path);
}
