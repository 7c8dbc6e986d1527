/**
 * The recordings' thread: compresses blocks, appends them to their files, syncs, and tells the digests.
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

interface File {
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
  const stored = zstdCompressSync(raw, compression);
  const header = encodeChunkHeader({
    storedBytes: stored.length,
    rawBytes: raw.length,
    chunk: block.chunk,
    entries: block.entries,
    baseAtMs: block.baseAtMs,
    crc: crc32(stored),
  });
  // The file's own header belongs to the first chunk, so that a digest covers every byte of the file.
  const parts = block.chunk === 0 ? [encodeRecordingHeader(block.session, block.startedAtMs)] : [];
  const bytes = Buffer.concat([...parts, header, stored]);
  const file = fileOf(block.session);
  disk.write(file.fd!, bytes, file.offset);
  written.push({
    session: block.session,
    chunk: block.chunk,
    offset: file.offset,
    bytes: bytes.length,
    digest: digestToHex(digestOf(bytes)),
    memory: block.memory,
    length: block.length,
  });
  file.offset += bytes.length;
  file.isDirty = true;
  if (written.length === 1) setImmediate(() => guarded(sync));
}

function fileOf(session: string): File {
  const path = join(start.directory, recordingName(session));
  let file = files.get(session);
  if (file === undefined) {
    file = { offset: 0, fd: disk.create(path), isDirty: false };
    files.set(session, file);
  } else file.fd ??= disk.openExisting(path);
  opened.delete(session);
  opened.set(session, file);
  return file;
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
    files.delete(message.session);
  }),
);
