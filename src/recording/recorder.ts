/**
 * What the recordings' thread does with the blocks that arrived together: keys, compression, sealing, files, syncs.
 *
 * Blocks that arrive while others are being written are the next batch. Of a batch, the keys of recordings that begin in it
 * are written first, all of them, then synced; then their files are made, and the directory is synced once for all names; then
 * come the chunks; then each file that was written to is synced once. So sessions that begin at once share what they can.
 *
 * Invariants:
 * - A key lies on stable storage, under its name, before the first chunk that it seals is written.
 * - A chunk is told only after its file was synced, so that the journal never vouches for bytes that a power cut can take.
 * - The first error is the last thing it does: what then lies behind the last sync is unknown (F-03), and whoever called
 *   gives up. Keys without a recording are removed at the next start.
 *
 * Deliberately absent: the thread and its messages (recorder-worker.ts).
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import type { Disk } from './files.ts';
import * as limits from './limits.ts';
import { digestOf, digestToHex } from './merkle.ts';
import { recordingName } from './names.ts';
import { encodeChunkHeader, encodeRecordingHeader } from './recording-format.ts';
import type { BlockMessage, WrittenChunk } from './recording-messages.ts';
import { encodeKeyFile, sealChunk, tagBytes } from './sealing.ts';

interface File {
  /** The file's own header: it belongs to the first chunk, and sealed chunks are bound to it. */
  readonly header: Buffer;
  /** Null for a recording that is not sealed. */
  readonly key: Uint8Array | null;
  readonly keyDigest: string | null;
  offset: number;
  fd: number | null;
}

/** Level 3 is zstd's own default; below it SQL results grow by a fifth, above it the thread falls behind a fast target. */
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } };

export class Recorder {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files = new Map<string, File>();
  /** Sessions whose file is open, least recently used first. */
  readonly #opened = new Map<string, File>();

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Writes a batch, in order; what it answers is on stable storage. */
  commit(blocks: readonly BlockMessage[]): WrittenChunk[] {
    this.#begin(blocks);
    const dirty = new Set<File>();
    const chunks = blocks.map((block) => this.#write(block, dirty));
    for (const { fd } of dirty) if (fd !== null) this.#disk.sync(fd);
    for (const [session, file] of this.#opened) {
      if (this.#opened.size <= limits.openRecordingsMax) break;
      this.#close(session, file);
    }
    return chunks;
  }

  /** No more blocks come for this session. */
  done(session: string): void {
    const file = this.#files.get(session);
    if (file === undefined) return;
    this.#close(session, file);
    file.key?.fill(0);
    this.#files.delete(session);
  }

  /** Makes the files of recordings that begin: keys and names are on stable storage when it returns. */
  #begin(blocks: readonly BlockMessage[]): void {
    const first: BlockMessage[] = [];
    const begun = new Set<string>();
    for (const block of blocks) {
      if (begun.has(block.session) || this.#files.has(block.session)) continue;
      begun.add(block.session);
      first.push(block);
    }
    if (first.length === 0) return;
    const digests = this.#writeKeys(first);
    for (const { session, startedAtMs, seal } of first) {
      const file: File = {
        header: encodeRecordingHeader(session, startedAtMs, seal === null ? 1 : 2),
        key: seal?.key ?? null,
        keyDigest: digests.get(session) ?? null,
        offset: 0,
        fd: this.#disk.createUnnamed(join(this.#directory, recordingName(session))),
      };
      this.#files.set(session, file);
      this.#opened.set(session, file);
    }
    this.#disk.syncDirectory(this.#directory);
  }

  /** The wrapped keys of recordings that are sealed, synced; their names are synced together with the recordings'. */
  #writeKeys(blocks: readonly BlockMessage[]): ReadonlyMap<string, string> {
    const digests = new Map<string, string>();
    const open: number[] = [];
    try {
      for (const { session, seal } of blocks) {
        if (seal === null) continue;
        const bytes = encodeKeyFile(seal.wrapped);
        const fd = this.#disk.createUnnamed(join(this.#directory, recordingName(session, 'key')));
        open.push(fd);
        this.#disk.write(fd, bytes, 0);
        digests.set(session, digestToHex(digestOf(bytes)));
      }
      for (const fd of open) this.#disk.sync(fd);
    } finally {
      for (const fd of open) closeSync(fd);
    }
    return digests;
  }

  #write(block: BlockMessage, dirty: Set<File>): WrittenChunk {
    const file = this.#fileOf(block.session);
    const compressed = zstdCompressSync(Buffer.from(block.memory, 0, block.length), compression);
    const [header, stored] = chunkOf(file, block, compressed);
    // The file's own header belongs to the first chunk, so that a digest covers every byte of the file.
    const bytes = Buffer.concat([...(block.chunk === 0 ? [file.header] : []), header, stored]);
    const { offset } = file;
    this.#disk.write(file.fd!, bytes, offset);
    file.offset += bytes.length;
    dirty.add(file);
    return {
      session: block.session,
      chunk: block.chunk,
      offset,
      bytes: bytes.length,
      digest: digestToHex(digestOf(bytes)),
      keyDigest: block.chunk === 0 ? file.keyDigest : null,
      memory: block.memory,
      length: block.length,
    };
  }

  #fileOf(session: string): File {
    const file = this.#files.get(session)!;
    file.fd ??= this.#disk.openExisting(join(this.#directory, recordingName(session)));
    this.#opened.delete(session);
    this.#opened.set(session, file);
    return file;
  }

  #close(session: string, file: File): void {
    if (file.fd !== null) closeSync(file.fd);
    file.fd = null;
    this.#opened.delete(session);
  }
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
