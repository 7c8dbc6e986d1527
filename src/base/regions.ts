/**
 * Memory that sockets are read into: one region for all connections whose reads are small, and pooled regions for those
 * that read much, so that a bulk transfer allocates nothing per read. (Memory outside the JavaScript heap that is
 * allocated and dropped at the speed of a transfer makes the collector mark the whole heap without end.)
 *
 * Invariants:
 * - A region that a pending write still needs is never read into: it is lent, and its reader takes another one.
 * - A region goes back to the pool once, when neither its reader nor any write holds it.
 *
 * Deliberately absent: sockets (wire.ts), and any use of a region by two readers at once.
 */

/** Most that one read gives, bytes: what the kernel hands over in one piece on a fast link. */
export const readBytesMax = 64 * 1024;

/** Room before what was read, bytes, where the cut message of the read before can be put (`joinBefore`). */
const headroomBytes = 8 * 1024;

/** Regions kept for reuse: 1 MiB of them. */
const spareRegionsMax = 16;

/** Where reads of connections without a region of their own go. Copied out of before the next read. */
export const sharedMemory: Buffer = Buffer.allocUnsafeSlow(readBytesMax);

export class Region {
  readonly #memory = Buffer.allocUnsafeSlow(headroomBytes + readBytesMax);
  /** What the socket reads into. */
  readonly room = this.#memory.subarray(headroomBytes);
  #lends = 0;
  #hasReader = true;

  private constructor() {
    regions.set(this.#memory.buffer, this);
  }

  static take(): Region {
    const region = spare.pop() ?? new Region();
    region.#hasReader = true;
    return region;
  }

  /** A write that is not over yet refers to it. */
  get isLent(): boolean {
    return this.#lends > 0;
  }

  lend(): void {
    this.#lends++;
  }

  giveBack(): void {
    this.#lends--;
    this.#rest();
  }

  /** Its reader takes another one, or is gone. */
  leave(): void {
    this.#hasReader = false;
    this.#rest();
  }

  /** `carry` and then `chunk`, which must begin where the read began; null where it does not fit. */
  join(carry: Buffer, chunk: Buffer): Buffer | null {
    if (carry.length > headroomBytes || chunk.byteOffset !== this.room.byteOffset) return null;
    carry.copy(this.#memory, headroomBytes - carry.length);
    return this.#memory.subarray(headroomBytes - carry.length, headroomBytes + chunk.length);
  }

  #rest(): void {
    if (this.#hasReader || this.#lends > 0 || spare.length >= spareRegionsMax) return;
    spare.push(this);
  }
}

const spare: Region[] = [];
const regions = new WeakMap<ArrayBufferLike, Region>();

/** The region that `view` lies in, or null. */
export function regionOf(view: Buffer): Region | null {
  return regions.get(view.buffer) ?? null;
}

/**
 * `carry`, kept from the read before, followed by the borrowed `chunk`, as one view without allocating; null where
 * `chunk` is not borrowed or `carry` is too long. The view is borrowed as `chunk` is.
 */
export function joinBefore(carry: Buffer, chunk: Buffer): Buffer | null {
  return regionOf(chunk)?.join(carry, chunk) ?? null;
}
