/**
 * Two wires that are each other's ends, within this process: for a client of our own that goes through the same door as any other.
 *
 * Invariants: as `Wire` says; bytes are handed over in a later turn, never within `write`; what the other side does not take is
 * bounded by what `write` answering false tells its feeder.
 *
 * Deliberately absent: TLS (nothing leaves the process), addresses of sockets: who made the pair says where its user is.
 */
import { assert } from './assert.ts';
import type { Wire, WireHandler } from './wire.ts';

/** Bytes pending from which on `write` answers false: as much as a socket's buffer. */
export const pairPendingBytesMax = 64 * 1024;

/** `remoteAddress` is what the first of the two, the one that is accepted, says of where its peer is. */
export function wirePair(remoteAddress: string): readonly [accepted: Wire, dialled: Wire] {
  const accepted = new PairedWire(remoteAddress);
  const dialled = new PairedWire('');
  accepted.peer = dialled;
  dialled.peer = accepted;
  return [accepted, dialled];
}

class PairedWire implements Wire {
  readonly remoteAddress: string;
  readonly remotePort = 0;
  readonly tls = null;
  bytesRead = 0;
  bytesWritten = 0;
  closed = false;
  peer!: PairedWire;
  #handler: WireHandler | null = null;
  #incoming: Buffer[] = [];
  #incomingBytes = 0;
  /** Its feeder was told to wait. */
  #isFull = false;
  #paused = false;
  #frozen = false;
  #scheduled = false;
  /** Our own direction is closed. */
  #ended = false;
  /** The peer closed its direction; the handler has heard so. */
  #peerEnded = false;
  #toldEnd = false;

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  get pendingBytes(): number {
    return this.peer.#incomingBytes;
  }

  handle(handler: WireHandler): void {
    this.#handler = handler;
    this.#schedule();
  }

  write(view: Buffer): boolean {
    if (this.closed || this.#ended) return true;
    this.bytesWritten += view.length;
    const { peer } = this;
    // A copy: the writer may read into the view again, and what borrows here has no region of its own.
    peer.#incoming.push(Buffer.from(view));
    peer.#incomingBytes += view.length;
    peer.#schedule();
    if (peer.#incomingBytes < pairPendingBytesMax) return true;
    peer.#isFull = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    this.#schedule();
  }

  end(last?: Buffer): void {
    if (this.closed || this.#ended) return;
    if (last !== undefined) this.write(last);
    this.#ended = true;
    this.peer.#peerEnded = true;
    this.peer.#schedule();
  }

  destroy(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#incoming = [];
    this.#incomingBytes = 0;
    queueMicrotask(() => this.#handler?.close(error ?? null));
    // What was written before reaches the peer; then it is over there, too.
    this.peer.#peerEnded = true;
    this.peer.#schedule();
  }

  async startServerTls(): Promise<void> {
    assert(false, 'TLS within a process');
  }

  async startClientTls(): Promise<void> {
    assert(false, 'TLS within a process');
  }

  #schedule(): void {
    if (this.#scheduled || this.#handler === null) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flow();
    });
  }

  #flow(): void {
    const handler = this.#handler;
    if (handler === null || this.closed) return;
    while (this.#incoming.length > 0 && !this.#paused && !this.#frozen && !this.closed) {
      const chunk = this.#incoming.shift()!;
      this.#incomingBytes -= chunk.length;
      this.bytesRead += chunk.length;
      handler.read(chunk);
    }
    if (this.#isFull && this.#incomingBytes < pairPendingBytesMax) {
      this.#isFull = false;
      if (!this.peer.closed) this.peer.#handler?.drain();
    }
    if (this.closed || this.#incoming.length > 0 || !this.#peerEnded) return;
    if (!this.#toldEnd) {
      this.#toldEnd = true;
      handler.end();
    }
    // Both directions are closed, or the peer is gone altogether.
    if (!this.closed && (this.#ended || this.peer.closed)) this.destroy();
  }
}
