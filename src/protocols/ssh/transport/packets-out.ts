/**
 * Packets on their way to the wire. A turn has many packets, and a packet may come in pieces: they are put one behind the
 * other into memory that is used again, and go to the wire together, at the end of the turn or at 256 KiB; where the wire
 * is full, once it has drained.
 *
 * Invariants: order is kept; what was put in before `flush` is with the wire after it; memory is written to again only once
 * no write needs it any more.
 */
import { Region } from '../../../base/regions.ts';
import type { SshWire } from './transport-options.ts';

/** As much as `canWrite` lets come together; it fits in a wide region with a packet to spare. */
const togetherBytes = 256 * 1024;

export class PacketsOut {
  readonly #wire: SshWire;
  readonly #failed: (error: unknown) => void;
  #region: Region | null = null;
  #bytes = 0;
  #isScheduled = false;
  /** The wire answered false, and its drain has not come. */
  #isFull = false;
  #total = 0;

  constructor(wire: SshWire, failed: (error: unknown) => void) {
    this.#wire = wire;
    this.#failed = failed;
  }

  /** Bytes not yet taken by the kernel. */
  get pendingBytes(): number {
    return this.#bytes + this.#wire.pendingBytes;
  }

  get total(): number {
    return this.#total;
  }

  push(piece: Uint8Array): void {
    this.reserve(piece.length).set(piece);
  }

  /** Memory for the next bytes, at most 64 KiB of them, which the caller fills before it does anything else. */
  reserve(bytes: number): Buffer {
    if (this.#bytes > 0 && this.#bytes + bytes > togetherBytes) this.flush();
    this.#region ??= Region.takeWide();
    const view = this.#region.room.subarray(this.#bytes, this.#bytes + bytes);
    this.#bytes += bytes;
    this.#total += bytes;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      // Not as a microtask: a busy wire is read several times a turn.
      setImmediate(() => {
        this.#isScheduled = false;
        if (!this.#isFull) this.flush();
      });
    }
    return view;
  }

  /** The wire has drained. */
  drained(): void {
    this.#isFull = false;
    this.flush();
  }

  flush(): void {
    const region = this.#region;
    if (region === null) return;
    const view = region.room.subarray(0, this.#bytes);
    this.#region = null;
    this.#bytes = 0;
    try {
      if (!this.#wire.write(view)) this.#isFull = true;
    } catch (error) {
      this.#failed(error);
    } finally {
      region.leave();
    }
  }

  clear(): void {
    this.#region?.leave();
    this.#region = null;
    this.#bytes = 0;
  }
}
