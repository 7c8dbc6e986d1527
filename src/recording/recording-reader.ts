/**
 * Reading a recording back, chunk by chunk: memory is bounded by the largest chunk.
 *
 * A recording whose session was cut off may end in the middle of a chunk: what is whole is given, and `tornBytes` says
 * how much was not. A sealed one proves each chunk; whether the bytes of one that is not are those that were recorded is
 * for the journal's digests to say (verify.ts).
 */
import { promisify } from 'node:util';
import { crc32, zstdDecompress } from 'node:zlib';
import { isGatewayError } from '../base/errors.ts';
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
import { decodeKeyFile, keyFileBytesMax, openChunk, type RecordingKeys, sessionKeyBytes } from './sealing.ts';
import { fileSource, type RecordingSource, readSmall } from './source.ts';

const decompress = promisify(zstdDecompress) as (
  bytes: Buffer,
  options: { maxOutputLength: number },
) => Promise<Buffer>;

/** Goes through one recording; also while it grows. */
export class RecordingFile {
  readonly header: RecordingHeader;
  readonly #source: RecordingSource;
  readonly #headerBytes: Buffer;
  /** Null for one that is not sealed. */
  readonly #key: Buffer | null;
  #offset = recordingHeaderBytes;
  #chunk = 0;

  private constructor(source: RecordingSource, headerBytes: Buffer, header: RecordingHeader, key: Buffer | null) {
    this.#source = source;
    this.#headerBytes = headerBytes;
    this.header = header;
    this.#key = key;
  }

  /**
   * Takes the source over, to close it with itself. The key lies in `keyPath`. Throws `recording.unreadable`, and what
   * `keys` throws.
   */
  static async open(source: RecordingSource, keyPath: string, keys: RecordingKeys | null): Promise<RecordingFile> {
    try {
      // A copy: the source may give a view of what it reads into again.
      const bytes = Buffer.from(await source.readAt(0, recordingHeaderBytes));
      const header = decodeRecordingHeader(bytes);
      const key = header.version === 1 ? null : await keyOf(header.session, keyPath, keys);
      return new RecordingFile(source, bytes, header, key);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Chunks read so far. */
  get chunks(): number {
    return this.#chunk;
  }

  /** The next chunk's entries, or null where no whole, correct one is (yet). */
  async next(): Promise<RecordedEntry[] | null> {
    const headerBytes = Buffer.from(await this.#source.readAt(this.#offset, chunkHeaderBytes));
    const header = decodeChunkHeader(headerBytes);
    if (header === null || header.chunk !== this.#chunk) return null;
    const stored = await this.#source.readAt(this.#offset + chunkHeaderBytes, header.storedBytes);
    if (stored.length < header.storedBytes || crc32(stored) !== header.crc) return null;
    const packed =
      this.#key === null ? stored : openChunk(this.#key, header.chunk, this.#headerBytes, headerBytes, stored);
    const entries = await unpack(header, packed);
    this.#offset += chunkHeaderBytes + header.storedBytes;
    this.#chunk++;
    return entries;
  }

  /** Bytes behind what was read; of a copy elsewhere, null where there is any. */
  async remaining(): Promise<number | null> {
    const size = await this.#source.size();
    if (size !== null) return size - this.#offset;
    return (await this.#source.readAt(this.#offset, 1)).length === 0 ? 0 : null;
  }

  close(): Promise<void> {
    this.#key?.fill(0);
    return this.#source.close();
  }
}

async function keyOf(session: string, keyPath: string, keys: RecordingKeys | null): Promise<Buffer> {
  const refuse = (problem: string, cause?: unknown): Error =>
    recordingErrors('recording.unreadable', { cause, values: { problem } });
  if (keys === null) throw refuse('it is sealed, and no keys were given');
  let wrapped: Buffer;
  try {
    wrapped = decodeKeyFile(await readSmall(keyPath, keyFileBytesMax));
  } catch (error) {
    if (isGatewayError(error) && error.code === 'recording.absent') throw refuse('its key is missing', error);
    throw error;
  }
  const key = await keys.open(session, wrapped).catch((error: unknown) => {
    throw refuse('its key does not open', error);
  });
  if (key.length !== sessionKeyBytes) throw refuse('its key has another length than a key');
  return key;
}

async function unpack(header: ChunkHeader, packed: Buffer): Promise<RecordedEntry[]> {
  const raw = await decompress(packed, { maxOutputLength: Math.max(1, header.rawBytes) });
  if (raw.length !== header.rawBytes) {
    throw recordingErrors('recording.unreadable', { values: { problem: `chunk ${header.chunk} is damaged` } });
  }
  return decodeEntries(raw, header.baseAtMs, header.entries);
}

/** A recording to iterate over, once. */
export class RecordingReader implements AsyncIterable<RecordedEntry> {
  readonly #open: () => Promise<RecordingFile>;
  #header: RecordingHeader | null = null;
  #tornBytes: number | null = null;
  #chunks = 0;

  constructor(open: () => Promise<RecordingFile>) {
    this.#open = open;
  }

  /** Known once the first entry was asked for. */
  get header(): RecordingHeader | null {
    return this.#header;
  }
  /** Chunks that were read. */
  get chunks(): number {
    return this.#chunks;
  }
  /**
   * After the last entry: bytes at the end that hold nothing readable. 0 in a recording that was closed in order;
   * null where there are some in a copy elsewhere.
   */
  get tornBytes(): number | null {
    return this.#tornBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordedEntry> {
    const file = await this.#open();
    try {
      this.#header = file.header;
      for (let entries = await file.next(); entries !== null; entries = await file.next()) yield* entries;
      this.#chunks = file.chunks;
      this.#tornBytes = await file.remaining();
    } finally {
      await file.close();
    }
  }
}

/** Reads the recording in `path`, whose key lies beside it. Throws `recording.unreadable` while iterating. */
export function readRecording(path: string, keys: RecordingKeys | null = null): RecordingReader {
  const keyPath = path.replace(/\.rec$/, '.key');
  return new RecordingReader(async () => RecordingFile.open(await fileSource(path), keyPath, keys));
}
