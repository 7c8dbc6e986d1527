/**
 * The layout of a segment of the journal: its header, its frames, and an incremental scanner for them. FORMAT.md has
 * the tables; every number is big-endian.
 *
 *     segment header  magic 8 · version 2 · length 2 · zero 4 · first sequence 8 · created ms 8 · journal id 16 ·
 *                     previous chain 32 · chain 32
 *     frame           magic 4 · kind 1 · flags 1 · zero 2 · body length 4 · events 4 · sequence 8 · zero 4 · CRC-32 4 ·
 *                     body · chain 32
 *     event           length 4 · 0x00 · payload (JSON)
 *     pruned event    length 4 (32) · 0x01 · leaf digest 32; one that was kept stands as any event does
 *
 * chain = SHA-256(previous chain ‖ header ‖ body). The previous chain value lies right before each frame in the file,
 * so checking is one hash over one contiguous view. A frame of digests stands for frames whose bodies are gone: its own
 * chain value is that of the last of them, which the checkpoint or the segment behind it confirms; its digests are
 * confirmed by the root.
 *
 * Pure: bytes in, values out. Deliberately absent: files, and any repair.
 */
import { crc32 } from 'node:zlib';
import * as limits from './limits.ts';
import { type Digest, digestBytes, digestOf } from './merkle.ts';

export const journalMagic = 'SALLYJNL';
export const journalVersion = 1;
export const segmentHeaderBytes = 112;
export const frameHeaderBytes = 32;
const frameMagic = 0x53504652; // "SPFR"

/**
 * `events` carry events, `checkpoint` a signed checkpoint, `state` what a start needs to know of all earlier segments,
 * `digests` what is left of events that were pruned (in pruned segments only).
 */
export const frameKinds = { events: 1, checkpoint: 2, state: 3, digests: 4 } as const;
export type FrameKind = keyof typeof frameKinds;
const kindNames: Readonly<Record<number, FrameKind>> = {
  1: 'events',
  2: 'checkpoint',
  3: 'state',
  4: 'digests',
};

/** The last frame of a segment that was closed in order: nothing may follow it in the file. */
export const flagFinal = 1;

export interface SegmentHeader {
  readonly firstSequence: number;
  readonly createdAtMs: number;
  /** 16 bytes, hexadecimal: the same in all segments of one journal. */
  readonly journalId: string;
  readonly previousChain: Digest;
  readonly chain: Digest;
}

export function encodeSegmentHeader(fields: Omit<SegmentHeader, 'chain'>): { bytes: Buffer; chain: Digest } {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  bytes.write(journalMagic, 0, 8, 'latin1');
  bytes.writeUInt16BE(journalVersion, 8);
  bytes.writeUInt16BE(segmentHeaderBytes, 10);
  bytes.writeBigUInt64BE(BigInt(fields.firstSequence), 16);
  bytes.writeBigUInt64BE(BigInt(fields.createdAtMs), 24);
  bytes.write(fields.journalId, 32, 16, 'hex');
  bytes.write(fields.previousChain, 48, digestBytes, 'latin1');
  const chain = digestOf(bytes.subarray(0, 80));
  bytes.write(chain, 80, digestBytes, 'latin1');
  return { bytes, chain };
}

/** Null where the bytes are no header of a version this program reads. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < segmentHeaderBytes || bytes.toString('latin1', 0, 8) !== journalMagic) return null;
  if (bytes.readUInt16BE(8) !== journalVersion || bytes.readUInt16BE(10) !== segmentHeaderBytes) return null;
  const chain = bytes.toString('latin1', 80, 112);
  const firstSequence = Number(bytes.readBigUInt64BE(16));
  if (digestOf(bytes.subarray(0, 80)) !== chain || bytes.readUInt32BE(12) !== 0) return null;
  if (!Number.isSafeInteger(firstSequence) || firstSequence < 1) return null;
  return {
    firstSequence,
    createdAtMs: Number(bytes.readBigUInt64BE(24)),
    journalId: bytes.toString('hex', 32, 48),
    previousChain: bytes.toString('latin1', 48, 80),
    chain,
  };
}

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly isFinal: boolean;
  readonly bodyBytes: number;
  /** Events in the body, or their digests; 0 for the other kinds. */
  readonly count: number;
  /** Sequence of the first event; for the other kinds, the number of events before the frame. */
  readonly sequence: number;
}

export function writeFrameHeader(target: Buffer, at: number, header: FrameHeader): void {
  target.writeUInt32BE(frameMagic, at);
  target[at + 4] = frameKinds[header.kind];
  target[at + 5] = header.isFinal ? flagFinal : 0;
  target.writeUInt16BE(0, at + 6);
  target.writeUInt32BE(header.bodyBytes, at + 8);
  target.writeUInt32BE(header.count, at + 12);
  target.writeBigUInt64BE(BigInt(header.sequence), at + 16);
  target.writeUInt32BE(0, at + 24);
  target.writeUInt32BE(crc32(target.subarray(at, at + 28)), at + 28);
}

export function readFrameHeader(source: Buffer, at: number): FrameHeader | null {
  if (source.readUInt32BE(at) !== frameMagic) return null;
  if (source.readUInt32BE(at + 28) !== crc32(source.subarray(at, at + 28))) return null;
  const kind = kindNames[source[at + 4]!];
  const flags = source[at + 5]!;
  const bodyBytes = source.readUInt32BE(at + 8);
  const sequence = Number(source.readBigUInt64BE(at + 16));
  if (kind === undefined || flags > 1 || source.readUInt16BE(at + 6) !== 0 || source.readUInt32BE(at + 24) !== 0) {
    return null;
  }
  if (bodyBytes > limits.frameBodyBytesMax || !Number.isSafeInteger(sequence)) return null;
  return { kind, isFinal: flags === flagFinal, bodyBytes, count: source.readUInt32BE(at + 12), sequence };
}

/**
 * Completes a frame in place. `target` holds, from `start`: room for the previous chain, room for the header, the body
 * up to `bodyEnd`, and room for the chain. The frame to write is `start + 32` to `bodyEnd + 32`.
 */
export function sealFrame(
  target: Buffer,
  start: number,
  bodyEnd: number,
  previous: Digest,
  header: FrameHeader,
): Digest {
  target.write(previous, start, digestBytes, 'latin1');
  writeFrameHeader(target, start + digestBytes, header);
  const chain = digestOf(target.subarray(start, bodyEnd));
  target.write(chain, bodyEnd, digestBytes, 'latin1');
  return chain;
}

/** A whole frame with a small body, for checkpoints and states. */
export function encodeFrame(
  header: Omit<FrameHeader, 'bodyBytes'>,
  body: Uint8Array,
  previous: Digest,
): { bytes: Buffer; chain: Digest } {
  const bodyEnd = digestBytes + frameHeaderBytes + body.length;
  const target = Buffer.alloc(bodyEnd + digestBytes);
  target.set(body, digestBytes + frameHeaderBytes);
  const chain = sealFrame(target, 0, bodyEnd, previous, { ...header, bodyBytes: body.length });
  return { bytes: target.subarray(digestBytes), chain };
}

/** Calls `visit` with each event's leaf view (0x00 ‖ payload). False when the body is not made of `count` events. */
export function eachEvent(body: Buffer, count: number, visit: (leaf: Buffer, index: number) => void): boolean {
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 5 > body.length) return false;
    const end = at + 5 + body.readUInt32BE(at);
    if (end > body.length || body[at + 4] !== 0) return false;
    visit(body.subarray(at + 4, end), index);
    at = end;
  }
  return at === body.length;
}

/** Tags of what stands in a frame of digests. */
const wholeTag = 0;
const digestTag = 1;

/** Calls `visit` with the leaf view of an event that was kept, else with null and the leaf's digest. */
export function eachKept(
  body: Buffer,
  count: number,
  visit: (leaf: Buffer | null, digest: Digest, index: number) => void,
): boolean {
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 5 > body.length) return false;
    const end = at + 5 + body.readUInt32BE(at);
    const tag = body[at + 4]!;
    if (end > body.length || tag > digestTag || (tag === digestTag && end !== at + 5 + digestBytes)) return false;
    if (tag === wholeTag) visit(body.subarray(at + 4, end), '', index);
    else visit(null, body.toString('latin1', at + 5, end), index);
    at = end;
  }
  return at === body.length;
}

/** What stands for an event in a frame of digests: the event itself, or its leaf's digest. */
export function encodeKept(leaf: Buffer, isKept: boolean): Buffer {
  const content = isKept ? leaf.subarray(1) : Buffer.from(digestOf(leaf), 'latin1');
  const bytes = Buffer.allocUnsafe(5 + content.length);
  bytes.writeUInt32BE(content.length, 0);
  bytes[4] = isKept ? wholeTag : digestTag;
  bytes.set(content, 5);
  return bytes;
}

export type ScanStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'segment'; readonly header: SegmentHeader }
  | {
      readonly kind: 'frame';
      readonly header: FrameHeader;
      readonly offset: number;
      /** A view, valid until the next call of `room`. */
      readonly body: Buffer;
      readonly chain: Digest;
    }
  | { readonly kind: 'bad'; readonly offset: number; readonly problem: string };

/** Takes a segment's bytes in any portions and gives its frames, each checked against its header CRC and the chain. */
export class SegmentScanner {
  readonly #isPruned: boolean;
  /** Made with the first read: who only waits for a file holds nothing. */
  #data: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** File offset of `#start`. */
  #offset = 0;
  #isStarted = false;
  #isFinished = false;
  #nextSequence = 1;

  /** A pruned segment holds digests and no frame of events; any other holds no digests. */
  constructor(isPruned = false) {
    this.#isPruned = isPruned;
  }

  /** Sequence that the next frame of events must begin with, as far as was read. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** File offset of the first byte that no complete, correct frame covers. */
  get offset(): number {
    return this.#offset;
  }

  /** Room to read into; `filled` says how much was. Views given out before are invalid from here on. */
  room(): Buffer {
    // The chain value before the next frame stays where it is: the frame's own hash begins there.
    const keepFrom = Math.max(0, this.#start - digestBytes);
    if (keepFrom > 0) {
      this.#data.copyWithin(0, keepFrom, this.#end);
      this.#start -= keepFrom;
      this.#end -= keepFrom;
    }
    if (this.#data.length - this.#end < limits.readBytes / 2) {
      const grown = Buffer.allocUnsafe(Math.max(2 * limits.readBytes, this.#data.length * 2));
      this.#data.copy(grown, 0, 0, this.#end);
      this.#data = grown;
    }
    return this.#data.subarray(this.#end);
  }

  filled(bytes: number): void {
    this.#end += bytes;
  }

  next(): ScanStep {
    const held = this.#end - this.#start;
    if (this.#isFinished) {
      return held === 0 ? { kind: 'more' } : this.#bad('bytes follow the final checkpoint');
    }
    if (!this.#isStarted) {
      if (held < segmentHeaderBytes) return { kind: 'more' };
      const header = decodeSegmentHeader(this.#data.subarray(this.#start, this.#end));
      if (header === null) return this.#bad('the segment does not begin with a valid header');
      this.#isStarted = true;
      this.#nextSequence = header.firstSequence;
      this.#take(segmentHeaderBytes);
      return { kind: 'segment', header };
    }
    if (held < frameHeaderBytes) return { kind: 'more' };
    const header = readFrameHeader(this.#data, this.#start);
    if (header === null) return this.#bad('no valid frame begins here');
    if (header.kind === (this.#isPruned ? 'events' : 'digests')) return this.#bad('such a frame does not belong here');
    const total = frameHeaderBytes + header.bodyBytes + digestBytes;
    if (held < total) return { kind: 'more' };
    const bodyEnd = this.#start + frameHeaderBytes + header.bodyBytes;
    const chain = this.#data.toString('latin1', bodyEnd, bodyEnd + digestBytes);
    // What a frame of digests stands for is gone, and with it what its chain value was made of.
    const isHashed = header.kind !== 'digests';
    if (isHashed && digestOf(this.#data.subarray(this.#start - digestBytes, bodyEnd)) !== chain) {
      return this.#bad('the frame does not match its place in the hash chain');
    }
    const body = this.#data.subarray(this.#start + frameHeaderBytes, bodyEnd);
    const offset = this.#offset;
    this.#isFinished = header.isFinal;
    if (header.count > 0) this.#nextSequence = header.sequence + header.count;
    this.#take(total);
    return { kind: 'frame', header, offset, body, chain };
  }

  /** Bytes behind the last whole frame, once everything was fed. */
  get remaining(): number {
    return this.#end - this.#start;
  }

  /**
   * Whether what remains at the end of the file can be the beginning of a frame that was being written: as far as it
   * goes it looks like one. Anything else was put there.
   */
  get isBeginning(): boolean {
    if (this.#isFinished) return this.remaining === 0;
    if (!this.#isStarted) {
      const begin = Buffer.from(journalMagic, 'latin1');
      return this.#data
        .subarray(this.#start, this.#start + Math.min(8, this.remaining))
        .equals(begin.subarray(0, Math.min(8, this.remaining)));
    }
    if (this.remaining >= frameHeaderBytes) return readFrameHeader(this.#data, this.#start) !== null;
    const magic = Buffer.alloc(4);
    magic.writeUInt32BE(frameMagic);
    const size = Math.min(4, this.remaining);
    return this.#data.subarray(this.#start, this.#start + size).equals(magic.subarray(0, size));
  }

  #take(bytes: number): void {
    this.#start += bytes;
    this.#offset += bytes;
  }

  #bad(problem: string): ScanStep {
    return { kind: 'bad', offset: this.#offset, problem };
  }
}

/**
 * Looks for a frame that is correct in itself behind `from`: a frame's own chain value proves it together with the 32
 * bytes before it. JSON payloads cannot imitate one, for they never contain a zero byte.
 */
export function findLaterFrame(data: Buffer, from: number): number | null {
  const magic = Buffer.alloc(4);
  magic.writeUInt32BE(frameMagic);
  for (let at = data.indexOf(magic, from); at !== -1; at = data.indexOf(magic, at + 1)) {
    if (at < digestBytes || at + frameHeaderBytes > data.length) continue;
    const header = readFrameHeader(data, at);
    if (header === null) continue;
    const bodyEnd = at + frameHeaderBytes + header.bodyBytes;
    if (bodyEnd + digestBytes > data.length) continue;
    if (digestOf(data.subarray(at - digestBytes, bodyEnd)) === data.toString('latin1', bodyEnd, bodyEnd + digestBytes))
      return at;
  }
  return null;
}
