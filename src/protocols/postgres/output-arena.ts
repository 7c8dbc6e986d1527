/**
 * Where rewritten messages of one chunk are put together, back to back, so that they leave as one view.
 *
 * The arena writes into a region (base/regions.ts), as what sockets read lies in one: memory that is allocated and dropped
 * at the speed of a transfer costs more than all the copying. What does not fit goes to memory of its own.
 *
 * Ownership: what `take` gives is borrowed until `release`: who keeps it longer lends the region, or copies.
 */
import { Region } from '../../base/regions.ts';
import type { ValueSink } from '../../core/masking.ts';
import { arenaBytes } from './mask-limits.ts';

export class Arena implements ValueSink {
  bytes: Buffer = none;
  length = 0;
  #region: Region | null = null;

  copy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    if (this.length + size > this.bytes.length) this.reserve(size);
    const { bytes } = this;
    if (size > shortBytes) source.copy(bytes, this.length, start, end);
    else for (let from = start, to = this.length; from < end; ) bytes[to++] = source[from++]!;
    this.length += size;
  }

  int32(value: number): void {
    if (this.length + 4 > this.bytes.length) this.reserve(4);
    this.patchInt32(this.length, value);
    this.length += 4;
  }

  uint8(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Overwrites four bytes written before, for lengths that are known only at the end. */
  patchInt32(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** Forgets what was written from here on. */
  truncate(length: number): void {
    this.length = length;
  }

  /** What was written since the last time; positions begin anew. */
  take(): Buffer {
    const view = this.bytes.subarray(0, this.length);
    this.bytes = this.bytes.subarray(this.length);
    this.length = 0;
    return view;
  }

  /** What was taken has been delivered, or copied. */
  release(): void {
    this.#region?.leave();
    this.#region = null;
    this.bytes = none;
    this.length = 0;
  }

  reserve(size: number): void {
    const need = this.length + size;
    if (need <= this.bytes.length) return;
    let room: Buffer;
    if (this.#region === null) {
      this.#region = Region.take();
      room = this.#region.room;
    } else room = none;
    if (need > room.length) room = Buffer.allocUnsafeSlow(Math.max(need, this.bytes.length * 2, arenaBytes));
    this.bytes.copy(room, 0, 0, this.length);
    this.bytes = room;
  }
}

/** Copied byte by byte up to here: a call costs as much. */
const shortBytes = 40;
const none = Buffer.alloc(0);
