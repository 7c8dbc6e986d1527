/**
 * The `handles` transport of one plain TCP connection: reading and writing on the handle below Node's socket.
 *
 * Invariants:
 * - The socket keeps its life: connecting, end of stream, errors and closing are Node's own, in Node's order.
 * - What is read is given on as `Reads` says.
 *
 * Deliberately absent: TLS; which handler is called (wire.ts); whether this transport may be used (handles-proof.ts).
 */
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Handles, StreamHandle, WriteRequest } from './handles.ts';
import { type Reader, Reads } from './reads.ts';
import { regionOf, sharedMemory } from './regions.ts';

/** Bytes pending from which on `write` answers false: as much as Node's own sockets buffer. */
const pendingBytesMax = 64 * 1024;

/** The wire, as its stream sees it. */
export interface DirectStreamOwner extends Reader {
  drain(): void;
}

export class DirectStream {
  readonly #handles: Handles;
  readonly #handle: StreamHandle;
  readonly #socket: Socket;
  readonly #owner: DirectStreamOwner;
  readonly #original: StreamHandle['onread'];
  readonly #reads = new Reads();
  #pendingBytes = 0;
  #isFull = false;
  #isReleased = false;

  /** Takes reading and writing over. Null where this socket cannot give them. */
  static over(socket: Socket, handles: Handles, owner: DirectStreamOwner): DirectStream | null {
    const handle = handles.handleOf(socket);
    if (handle === null || socket.destroyed || socket.readableLength > 0 || socket.writableLength > 0) return null;
    return new DirectStream(socket, handles, handle, owner);
  }

  private constructor(socket: Socket, handles: Handles, handle: StreamHandle, owner: DirectStreamOwner) {
    this.#handles = handles;
    this.#handle = handle;
    this.#socket = socket;
    this.#owner = owner;
    this.#reads.reader = owner;
    this.#original = handle.onread;
    handle.onread = (memory) => this.#read(memory);
    handle.useUserBuffer(sharedMemory);
    // The socket flows, so that it tells the end of stream; what starts and stops its reading is `start` and `stop`.
    Object.defineProperty(socket, '_read', { value: () => undefined, configurable: true });
    this.stop();
    socket.resume();
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  start(): void {
    if (this.#isReleased || this.#socket.destroyed || this.#handle.reading) return;
    this.#handle.reading = true;
    this.#handle.readStart();
  }

  stop(): void {
    if (this.#isReleased || this.#socket.destroyed || !this.#handle.reading) return;
    this.#handle.reading = false;
    this.#handle.readStop();
  }

  /** Gives reading and writing back to the socket, which stands still. */
  release(): void {
    this.stop();
    this.#letGo();
    this.#handle.onread = this.#original;
    Reflect.deleteProperty(this.#socket, '_read');
  }

  /** The socket is closed. */
  closed(): void {
    this.#letGo();
  }

  /** False: wait for `drain`. */
  write(view: Buffer): boolean {
    if (this.#socket.destroyed) return true;
    const request = spareRequest ?? this.#handles.newRequest();
    spareRequest = null;
    const code = this.#handle.writeBuffer(request, view);
    if (code !== 0) {
      this.#socket.destroy(writeError(code));
      return true;
    }
    // A request that ended within the call has left no trace in it.
    if (!this.#handles.isPending()) spareRequest = request;
    else this.#pending(request, view);
    return !this.#isFull;
  }

  #pending(request: WriteRequest, view: Buffer): void {
    const region = regionOf(view);
    region?.lend();
    // The kernel will be given these bytes later; until then nobody else keeps them.
    request.buffer = view;
    this.#pendingBytes += view.length;
    if (this.#pendingBytes >= pendingBytesMax) this.#isFull = true;
    request.oncomplete = (status) => {
      request.buffer = null;
      request.oncomplete = null;
      region?.giveBack();
      this.#pendingBytes -= view.length;
      if (this.#socket.destroyed) return;
      if (status < 0) this.#socket.destroy(writeError(status));
      else if (this.#isFull && this.#pendingBytes === 0) {
        this.#isFull = false;
        this.#owner.drain();
      }
    };
  }

  /** Takes a read. What it returns is where the next one goes, where that changes. */
  #read(memory: ArrayBuffer | undefined): unknown {
    const bytes = this.#handles.readBytes();
    if (bytes <= 0) return this.#original.call(this.#handle, memory);
    const before = this.#reads.memory;
    this.#reads.take(bytes);
    const next = this.#reads.memory;
    return next === before ? undefined : next;
  }

  #letGo(): void {
    this.#isReleased = true;
    this.#reads.release();
  }
}

let spareRequest: WriteRequest | null = null;

function writeError(code: number): Error {
  const name = getSystemErrorName(code);
  return Object.assign(new Error(`write ${name}`), { code: name, errno: code, syscall: 'write' });
}
