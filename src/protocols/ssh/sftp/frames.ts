/**
 * Frames of SFTP: UInt32 length, then as many bytes, of which the first is the type. Draft-ietf-secsh-filexfer-02, section 3.
 *
 * Invariants:
 * - A length of 0 or beyond `messageBytesMax` is refused before anything is allocated for it.
 * - Bytes one at a time give the same frames as one chunk. At most one frame is held back.
 * - After an error the reader is dead: every later call throws the same.
 *
 * Ownership: a frame is a view of the chunk that it came in where it lies in one, else a buffer of its own; it is the
 * taker's, and may be written to. So chunks belong to the reader once pushed; where one lies in a region (base/regions.ts),
 * it and its frames do so during the call only. A reader that lends gathers large frames in regions, too.
 */
import { Region } from '../../../base/regions.ts';
import { sftpErrors } from './errors.ts';
import * as limits from './limits.ts';

export class FrameReader {
  readonly #lends: boolean;
  readonly #header = Buffer.alloc(4);
  #headerBytes = 0;
  /** The frame that is being gathered, its length in front; null between frames. */
  #frame: Buffer | null = null;
  /** What it lies in, where that is lent. */
  #region: Region | null = null;
  #filled = 0;
  #dead: Error | null = null;

  constructor(how: 'owned' | 'lends' = 'owned') {
    this.#lends = how === 'lends';
  }

  /** Bytes of an unfinished frame. */
  get pendingBytes(): number {
    return this.#frame === null ? this.#headerBytes : this.#filled;
  }

  /** Hands each whole frame, its length in front, to `take`, in order. Throws `sftp.message-length`, or what `take` throws. */
  push(chunk: Buffer, take: (frame: Buffer) => void): void {
    if (this.#dead !== null) throw this.#dead;
    try {
      this.#push(chunk, take);
    } catch (error) {
      this.#dead = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  #push(chunk: Buffer, take: (frame: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#frame !== null) {
        at += this.#gather(chunk, at, take);
      } else if (this.#headerBytes === 0 && chunk.length - at >= 4) {
        const bytes = 4 + checked(chunk.readUInt32BE(at));
        if (chunk.length - at < bytes) {
          this.#begin(bytes, chunk.subarray(at));
          return;
        }
        const frame = chunk.subarray(at, at + bytes);
        at += bytes;
        take(frame);
      } else {
        this.#header[this.#headerBytes++] = chunk[at++]!;
        if (this.#headerBytes === 4) this.#begin(4 + checked(this.#header.readUInt32BE(0)), this.#header);
      }
    }
  }

  #begin(bytes: number, first: Buffer): void {
    this.#region = this.#lends && bytes >= limits.lentFrameBytesMin ? Region.takeWide() : null;
    this.#frame = this.#region?.room.subarray(0, bytes) ?? Buffer.allocUnsafe(bytes);
    this.#filled = first.copy(this.#frame);
    this.#headerBytes = 0;
  }

  #gather(chunk: Buffer, at: number, take: (frame: Buffer) => void): number {
    const frame = this.#frame!;
    const copied = chunk.copy(frame, this.#filled, at);
    this.#filled += copied;
    if (this.#filled === frame.length) {
      const region = this.#region;
      this.#frame = null;
      this.#region = null;
      try {
        take(frame);
      } finally {
        region?.leave();
      }
    }
    return copied;
  }
}

function checked(length: number): number {
  if (length === 0 || length > limits.messageBytesMax) {
    throw sftpErrors('sftp.message-length', { detail: `length ${length}` });
  }
  return length;
}
