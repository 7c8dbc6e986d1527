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

/** Room of a wide region, bytes: a whole message of a protocol inside a stream (SFTP has 256 KiB), or some packets together. */
const wideBytes = 272 * 1024;

/** Wide regions kept for reuse: 6 MiB of them. */
const spareWideMax = 24;

/** Where reads of connections without a region of their own go. Copied out of before the next read. */
export const sharedMemory: Buffer = Buffer.allocUnsafeSlow(readBytesMax);

let isAudited = false;

/** For tests: what is given back is overwritten at once. */
export function auditRegions(wanted: boolean): void {
  isAudited = wanted;
}

export class Region {
  readonly #memory: Buffer;
  /** What the socket reads into. */
  readonly room: Buffer;
  #lends = 0;
  #hasReader = true;

  private constructor(roomBytes: number) {
    this.#memory = Buffer.allocUnsafeSlow(headroomBytes + roomBytes);
    this.room = this.#memory.subarray(headroomBytes);
    regions.set(this.#memory.buffer, this);
  }

  static take(): Region {
    const region = spare.pop() ?? new Region(readBytesMax);
    region.#hasReader = true;
    return region;
  }

  /** One for what is put together here rather than read from a socket: messages, packets. */
  static takeWide(): Region {
    const region = spareWide.pop() ?? new Region(wideBytes);
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
    if (this.#hasReader || this.#lends > 0) return;
    if (isAudited) this.#memory.fill(0xdd);
    const isWide = this.room.length === wideBytes;
    const kept = isWide ? spareWide : spare;
    if (kept.length < (isWide ? spareWideMax : spareRegionsMax)) kept.push(this);
  }
}

const spare: Region[] = [];
const spareWide: Region[] = [];
const regions = new WeakMap<ArrayBufferLike, Region>();

/** The region that `view` lies in, or null. */
export function regionOf(view: Buffer): Region | null {
  return regions.get(view.buffer) ?? null;
}

/**
 * Frees at once the memory of `view`, which nobody refers to any more; where something else may lie in it, nothing
 * happens. For what Node allocates by itself and only once: left to the collector, it is garbage as above.
 */
export function freeMemory(view: Buffer): void {
  const memory = view.buffer;
  if (memory.byteLength === view.length && memory instanceof ArrayBuffer && !regions.has(memory)) memory.transfer(0);
}

/** `view` for whoever keeps it: a copy where it lies in a region. */
export function ownedOf(view: Buffer): Buffer {
  return regionOf(view) === null ? view : Buffer.from(view);
}

/**
 * `carry`, kept from the read before, followed by the borrowed `chunk`, as one view without allocating; null where
 * `chunk` is not borrowed or `carry` is too long. The view is borrowed as `chunk` is.
 */
export function joinBefore(carry: Buffer, chunk: Buffer): Buffer | null {
  return regionOf(chunk)?.join(carry, chunk) ?? null;
}
