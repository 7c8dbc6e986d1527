/**
 * Packets on their way to the wire. ssh2 hands over a packet in up to three pieces, and a turn has many packets: they go
 * to the wire together, at the end of the turn or at 64 KiB.
 *
 * Invariant: order is kept; what was pushed before `flush` is with the wire after it.
 */
import type { SshWire } from './transport.ts';

const togetherBytes = 64 * 1024;

export class PacketsOut {
  readonly #wire: SshWire;
  readonly #failed: (error: unknown) => void;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isScheduled = false;
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
    const view = Buffer.isBuffer(piece) ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    this.#pieces.push(view);
    this.#bytes += view.length;
    this.#total += view.length;
    if (this.#bytes >= togetherBytes) {
      this.flush();
      return;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#bytes === 0) return;
    const pieces = this.#pieces;
    this.clear();
    try {
      this.#wire.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    } catch (error) {
      this.#failed(error);
    }
  }

  clear(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
