/**
 * Between wires and what others take for one: the session's upstream as a wire, and a wire as a Node stream, for libraries
 * that were written for sockets (ssh2, Node's own HTTP).
 *
 * Invariants: back-pressure passes in both directions; the end of one side is the end of the other's reading; `destroy`
 * of either destroys both.
 *
 * Deliberately absent: bytes, TLS.
 */
import { Duplex } from 'node:stream';
import { assert } from './assert.ts';
import type { Wire, WireHandler } from './wire.ts';

/** The parts of core's Upstream that carry an enciphered stream. */
export interface UpstreamLike {
  readonly pendingBytes: number;
  readonly tls: Wire['tls'];
  handle(handler: WireHandler): void;
  handshake(view: Buffer): boolean;
  pause(): void;
  resume(): void;
  startClientTls: Wire['startClientTls'];
  end(): void;
  destroy(): void;
}

/** An upstream as a wire. Its address is not known here. */
export function wireOf(upstream: UpstreamLike): Wire {
  let bytesRead = 0;
  let bytesWritten = 0;
  let closed = false;
  return {
    remoteAddress: '',
    remotePort: 0,
    get bytesRead() {
      return bytesRead;
    },
    get bytesWritten() {
      return bytesWritten;
    },
    get pendingBytes() {
      return upstream.pendingBytes;
    },
    get tls() {
      return upstream.tls;
    },
    get closed() {
      return closed;
    },
    handle: (handler) =>
      upstream.handle({
        read: (chunk) => {
          bytesRead += chunk.length;
          handler.read(chunk);
        },
        ...(handler.borrows === true ? { borrows: true } : {}),
        end: () => handler.end(),
        drain: () => handler.drain(),
        close: (error) => {
          closed = true;
          handler.close(error);
        },
      }),
    write: (view) => {
      if (closed) return true;
      bytesWritten += view.length;
      return upstream.handshake(view);
    },
    pause: () => upstream.pause(),
    resume: () => upstream.resume(),
    end: (last) => {
      if (last !== undefined && !closed) upstream.handshake(last);
      upstream.end();
    },
    destroy: () => upstream.destroy(),
    startServerTls: () => {
      assert(false, 'TLS as a server towards an upstream');
      return Promise.resolve();
    },
    startClientTls: (options) => upstream.startClientTls(options),
  };
}

export interface SocketOptions {
  /** Bytes that were read before it became a socket. */
  readonly first?: Buffer;
  /** Sees each chunk before the stream does. */
  readonly onRead?: (chunk: Buffer) => void;
  /** Writes of one turn leave as one, up to this many bytes together: for libraries that write heads and bodies apart. */
  readonly gatherBytesMax?: number;
  /** How the wire goes once the socket is destroyed; at once unless given. The wire has no handler then. */
  readonly destroy?: (wire: Wire) => void;
}

/** What libraries that were written for a socket call on it besides the stream. */
class WireSocket extends Duplex {
  readonly #wire: Wire;
  readonly #destroyWire: ((wire: Wire) => void) | null;
  #drained: (() => void) | null = null;

  constructor(wire: Wire, { first, onRead, gatherBytesMax, destroy }: SocketOptions) {
    super({ allowHalfOpen: true });
    this.#wire = wire;
    this.#destroyWire = destroy ?? null;
    if (gatherBytesMax !== undefined) this._writev = (chunks, done) => this.#writeAll(chunks, gatherBytesMax, done);
    if (first !== undefined && first.length > 0) this.push(first);
    wire.handle({
      read: (chunk) => {
        onRead?.(chunk);
        if (!this.push(chunk)) wire.pause();
      },
      end: () => void this.push(null),
      drain: () => this.#release(),
      close: (error) => {
        this.#release();
        this.destroy(error ?? undefined);
      },
    });
  }

  override _read(): void {
    this.#wire.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#wire.write(chunk)) done();
    else this.#drained = done;
  }

  #writeAll(chunks: { readonly chunk: Buffer }[], gatherBytesMax: number, done: () => void): void {
    let flows = true;
    let small: Buffer[] = [];
    let smallBytes = 0;
    const flush = (): void => {
      if (small.length > 0) flows = this.#wire.write(small.length === 1 ? small[0]! : Buffer.concat(small, smallBytes));
      small = [];
      smallBytes = 0;
    };
    for (const { chunk } of chunks) {
      if (smallBytes + chunk.length > gatherBytesMax) flush();
      small.push(chunk);
      smallBytes += chunk.length;
    }
    flush();
    if (flows) done();
    else this.#drained = done;
  }

  override _final(done: () => void): void {
    this.#wire.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#wire.closed) {
      if (this.#destroyWire !== null) this.#destroyWire(this.#wire);
      else this.#wire.destroy(error ?? undefined);
    }
    done(error);
  }

  #release(): void {
    const done = this.#drained;
    this.#drained = null;
    done?.();
  }

  /** Wires send at once and probe silent peers on their own. */
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  get remoteAddress(): string {
    return this.#wire.remoteAddress;
  }
  get remotePort(): number {
    return this.#wire.remotePort;
  }
}

/** A wire as a socket, for libraries (and tests) that want one. The wire must not have a handler of its own. */
export function socketOf(wire: Wire, options: SocketOptions = {}): Duplex {
  return new WireSocket(wire, options);
}
