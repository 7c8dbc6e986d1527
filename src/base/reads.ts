/**
 * Where one plain connection's reads go: shared memory while they are small, a region of its own while they are large and
 * its handler borrows, so that a bulk transfer allocates nothing per read.
 *
 * Invariants: a chunk for a handler that does not borrow is a copy of its own; memory that is read into again is given only
 * to one that does, and never while a write still needs it.
 *
 * Deliberately absent: sockets. Whoever reads puts bytes into `memory` and says so by `take`.
 */
import { auditRegions, Region, sharedMemory } from './regions.ts';

/** Reads from this size on make a stream whose handler borrows take a region of its own. */
export const largeReadBytes = 16 * 1024;

/** So many reads in a row below that, and the region goes back. */
const smallReadsMax = 16;

let isAudited = false;

/**
 * For tests: every read of a handler that borrows is borrowed, however small, and overwritten when its call is over, so
 * that what was kept without being copied shows.
 */
export function auditBorrowing(wanted: boolean): void {
  isAudited = wanted;
  auditRegions(wanted);
}

/** Who gets what was read. */
export interface Reader {
  read(chunk: Buffer): void;
  readonly borrows: boolean;
}

export class Reads {
  /** Set before the first read. */
  reader: Reader | null = null;
  #region: Region | null = null;
  #smallReads = 0;
  #isReleased = false;

  /** What the next read goes into. */
  get memory(): Buffer {
    return this.#region?.room ?? sharedMemory;
  }

  /** So many bytes were read into `memory`, which may be another afterwards. */
  take(bytes: number): void {
    const { reader } = this;
    if (reader === null) return;
    const region = this.#region;
    if (region === null) {
      const chunk = Buffer.allocUnsafe(bytes);
      sharedMemory.copy(chunk, 0, 0, bytes);
      reader.read(chunk);
      if ((bytes < largeReadBytes && !isAudited) || !reader.borrows || this.#isReleased) return;
      this.#smallReads = 0;
      this.#region = Region.take();
      return;
    }
    const view = region.room.subarray(0, bytes);
    const isBorrowed = reader.borrows;
    reader.read(isBorrowed ? view : Buffer.from(view));
    if (isAudited && isBorrowed && !region.isLent) view.fill(0xdd);
    // Closed or released meanwhile: the region is in other hands.
    if (this.#region !== region) return;
    this.#smallReads = bytes < largeReadBytes && !isAudited ? this.#smallReads + 1 : 0;
    if (!isBorrowed || this.#smallReads > smallReadsMax) {
      this.#region = null;
      region.leave();
      return;
    }
    if (!region.isLent) return;
    region.leave();
    this.#region = Region.take();
  }

  /** Nothing more is read here. */
  release(): void {
    this.#isReleased = true;
    this.#region?.leave();
    this.#region = null;
  }
}
