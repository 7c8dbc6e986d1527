/**
 * The recordings' thread: compresses blocks, appends them to their files, syncs, and tells the digests.
 *
 * A recording that is sealed has its key written and synced beside it before its first chunk; each chunk is enciphered after
 * it was compressed, so that digests are over what lies in the file.
 *
 * A thread of its own, so that compressing and syncing content never delays the journal, on which commands wait.
 * Files are synced once for all blocks that arrived together; a digest is told only after its chunk is durable, so the
 * journal never vouches for bytes that a power cut can take.
 * Invariant: the first error ends it; sessions being recorded end with it.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { Disk } from './files.ts';
import * as limits from './limits.ts';
import { digestOf, digestToHex } from './merkle.ts';
import { recordingName } from './names.ts';
import { encodeChunkHeader, encodeRecordingHeader } from './recording-format.ts';
import type { BlockMessage, FromRecorder, RecorderStart, ToRecorder, WrittenChunk } from './recording-messages.ts';
import { encodeKeyFile, sealChunk, tagBytes } from './sealing.ts';

interface File {
  /** The file's own header: it belongs to the first chunk, and sealed chunks are bound to it. */
  readonly header: Buffer;
  /** Null for a recording that is not sealed. */
  readonly key: Uint8Array | null;
  readonly keyDigest: string | null;
  offset: number;
  fd: number | null;
  isDirty: boolean;
}

const port = parentPort!;
const start = workerData as RecorderStart;
const disk = new Disk(start.faults);
const files = new Map<string, File>();
/** Sessions whose file is open, least recently used first. */
const opened = new Map<string, File>();
let written: WrittenChunk[] = [];
let isFailed = false;

/** Level 3 is zstd's own default; below it SQL results grow by a fifth, above it the thread falls behind a fast target. */
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } };

function write(block: BlockMessage): void {
  const raw = Buffer.from(block.memory, 0, block.length);
  const compressed = zstdCompressSync(raw, compression);
  const file = fileOf(block);
  const [header, stored] = chunkOf(file, block, compressed);
  // The file's own header belongs to the first chunk, so that a digest covers every byte of the file.
  const bytes = Buffer.concat([...(block.chunk === 0 ? [file.header] : []), header, stored]);
  disk.write(file.fd!, bytes, file.offset);
  written.push({
    session: block.session,
    chunk: block.chunk,
    offset: file.offset,
    bytes: bytes.length,
    digest: digestToHex(digestOf(bytes)),
    keyDigest: block.chunk === 0 ? file.keyDigest : null,
    memory: block.memory,
    length: block.length,
  });
  file.offset += bytes.length;
  file.isDirty = true;
  if (written.length === 1) setImmediate(() => guarded(sync));
}

/** The chunk's header and what is stored behind it. */
function chunkOf(file: File, block: BlockMessage, compressed: Buffer): [Buffer, Buffer] {
  const { key } = file;
  const facts = {
    storedBytes: compressed.length + (key === null ? 0 : tagBytes),
    rawBytes: block.length,
    chunk: block.chunk,
    entries: block.entries,
    baseAtMs: block.baseAtMs,
  };
  if (key === null) return [encodeChunkHeader({ ...facts, crc: crc32(compressed) }), compressed];
  const stored = sealChunk(key, block.chunk, file.header, encodeChunkHeader({ ...facts, crc: 0 }), compressed);
  return [encodeChunkHeader({ ...facts, crc: crc32(stored) }), stored];
}

function fileOf(block: BlockMessage): File {
  const { session } = block;
  const path = join(start.directory, recordingName(session));
  let file = files.get(session);
  if (file === undefined) {
    const { seal } = block;
    const keyDigest = seal === null ? null : writeKey(session, seal.wrapped);
    const header = encodeRecordingHeader(session, block.startedAtMs, seal === null ? 1 : 2);
    file = { header, key: seal?.key ?? null, keyDigest, offset: 0, fd: disk.create(path), isDirty: false };
    files.set(session, file);
  } else file.fd ??= disk.openExisting(path);
  opened.delete(session);
  opened.set(session, file);
  return file;
}

/** On stable storage before the recording exists; its name is synced together with the recording's. */
function writeKey(session: string, wrapped: Uint8Array): string {
  const bytes = encodeKeyFile(wrapped);
  const fd = disk.createUnnamed(join(start.directory, recordingName(session, 'key')));
  try {
    disk.write(fd, bytes, 0);
    disk.sync(fd);
  } finally {
    closeSync(fd);
  }
  return digestToHex(digestOf(bytes));
}

function sync(): void {
  const chunks = written;
  written = [];
  const dirty = new Set(chunks.map((chunk) => chunk.session));
  for (const session of dirty) {
    const file = files.get(session);
    if (file?.isDirty && file.fd !== null) disk.sync(file.fd);
    if (file !== undefined) file.isDirty = false;
  }
  say(
    { type: 'written', chunks },
    chunks.map((chunk) => chunk.memory),
  );
  for (const [session, file] of opened) {
    if (opened.size <= limits.openRecordingsMax) break;
    close(session, file);
  }
}

function close(session: string, file: File): void {
  if (file.fd !== null) closeSync(file.fd);
  file.fd = null;
  opened.delete(session);
}

function say(message: FromRecorder, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function guarded(step: () => void): void {
  if (isFailed) return;
  try {
    step();
  } catch (error) {
    isFailed = true;
    const code = (error as { code?: unknown }).code;
    say({ type: 'failed', code: typeof code === 'string' ? code : 'unknown', detail: (error as Error).message });
    port.close();
  }
}

port.on('message', (message: ToRecorder) =>
  guarded(() => {
    if (message.type === 'block') return write(message);
    const file = files.get(message.session);
    if (file !== undefined) close(message.session, file);
    file?.key?.fill(0);
    files.delete(message.session);
  }),
);
