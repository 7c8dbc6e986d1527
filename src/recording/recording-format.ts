/**
 * The layout of a recording: file header, chunk header, entries. FORMAT.md has the tables; numbers are big-endian.
 *
 *     file    magic 8 · version 2 · length 2 · zero 4 · started ms 8 · id length 1 · id 64 · zero 3 · CRC-32 4
 *     chunk   magic 4 · stored bytes 4 · raw bytes 4 · number 4 · entries 4 · zero 4 · base ms 8 · CRC-32 of stored 4 ·
 *             CRC-32 of header 4 · stored (zstd; in version 2 sealed)
 *     entry   type 1 · length 4 · ms since base, signed 4 · body
 *     text    length 4 · bytes; top bit of the length: UTF-16LE (a text with lone surrogates), all ones: null
 *
 * Pure: bytes in, values out. Deliberately absent: files, compression, budgets.
 */
import { crc32 } from 'node:zlib';
import { recordingErrors } from './errors.ts';
import * as limits from './limits.ts';

export const recordingMagic = 'SALLYREC';
/** Version 1 is not sealed; version 2 is (sealing.ts). Nothing else differs. */
export type RecordingVersion = 1 | 2;
export const recordingHeaderBytes = 96;
export const chunkHeaderBytes = 40;
const chunkMagic = 0x5350434b; // "SPCK"
const idBytesMax = 64;

export function encodeRecordingHeader(session: string, startedAtMs: number, version: RecordingVersion): Buffer {
  const bytes = Buffer.alloc(recordingHeaderBytes);
  bytes.write(recordingMagic, 0, 8, 'latin1');
  bytes.writeUInt16BE(version, 8);
  bytes.writeUInt16BE(recordingHeaderBytes, 10);
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.trunc(startedAtMs))), 16);
  bytes[24] = bytes.write(session, 25, idBytesMax, 'latin1');
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 92)), 92);
  return bytes;
}

export interface RecordingHeader {
  readonly version: RecordingVersion;
  readonly session: string;
  readonly startedAtMs: number;
}

/** Throws `recording.unreadable`. */
export function decodeRecordingHeader(bytes: Buffer): RecordingHeader {
  const refuse = (problem: string): never => {
    throw recordingErrors('recording.unreadable', { values: { problem } });
  };
  if (bytes.length < recordingHeaderBytes) refuse('the file ends in its header');
  if (bytes.toString('latin1', 0, 8) !== recordingMagic) refuse('it is not a recording');
  const version = bytes.readUInt16BE(8);
  if (version !== 1 && version !== 2) refuse(`it has version ${version}, this reads versions 1 and 2`);
  if (crc32(bytes.subarray(0, 92)) !== bytes.readUInt32BE(92) || bytes[24]! > idBytesMax)
    refuse('its header is damaged');
  return {
    version: version as RecordingVersion,
    session: bytes.toString('latin1', 25, 25 + bytes[24]!),
    startedAtMs: Number(bytes.readBigUInt64BE(16)),
  };
}

export interface ChunkHeader {
  readonly storedBytes: number;
  readonly rawBytes: number;
  /** Counts from 0 within the recording. */
  readonly chunk: number;
  readonly entries: number;
  readonly baseAtMs: number;
  readonly crc: number;
}

export function encodeChunkHeader(header: ChunkHeader): Buffer {
  const bytes = Buffer.alloc(chunkHeaderBytes);
  bytes.writeUInt32BE(chunkMagic, 0);
  bytes.writeUInt32BE(header.storedBytes, 4);
  bytes.writeUInt32BE(header.rawBytes, 8);
  bytes.writeUInt32BE(header.chunk, 12);
  bytes.writeUInt32BE(header.entries, 16);
  bytes.writeBigUInt64BE(BigInt(header.baseAtMs), 24);
  bytes.writeUInt32BE(header.crc, 32);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 36)), 36);
  return bytes;
}

/** Null where no valid chunk begins. */
export function decodeChunkHeader(bytes: Buffer): ChunkHeader | null {
  if (bytes.length < chunkHeaderBytes || bytes.readUInt32BE(0) !== chunkMagic) return null;
  if (crc32(bytes.subarray(0, 36)) !== bytes.readUInt32BE(36)) return null;
  const rawBytes = bytes.readUInt32BE(8);
  const storedBytes = bytes.readUInt32BE(4);
  // zstd adds little to what it cannot compress; anything longer was not written by this program.
  if (rawBytes > limits.chunkRawBytesMax || storedBytes > rawBytes + rawBytes / 128 + 1024) return null;
  return {
    storedBytes,
    rawBytes,
    chunk: bytes.readUInt32BE(12),
    entries: bytes.readUInt32BE(16),
    baseAtMs: Number(bytes.readBigUInt64BE(24)),
    crc: bytes.readUInt32BE(32),
  };
}
