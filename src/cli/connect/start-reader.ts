/**
 * Reading from a socket while a connection starts, when exact numbers of bytes are wanted and the rest belongs to
 * whoever takes over.
 *
 * Invariants: never holds more than `localStartBytesMax` and one chunk; every wait ends with the signal.
 */
import type { Socket } from 'node:net';
import { localStartBytesMax } from '../limits.ts';

/** Reads exact numbers of bytes while a connection starts; gives back what came early. */
export class StartReader {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    socket.pause();
  }

  /** Exactly `size` bytes, or null when the peer closed before the first of them. */
  async take(size: number): Promise<Buffer | null> {
    while (this.#buffer.length < size) {
      if (this.#buffer.length > localStartBytesMax) throw new Error('not a PostgreSQL client');
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk !== null) {
        this.#buffer = Buffer.concat([this.#buffer, chunk]);
        continue;
      }
      if (this.#socket.readableEnded || this.#socket.destroyed) {
        if (this.#buffer.length === 0) return null;
        throw new Error('the connection ended early');
      }
      await readableOrEnd(this.#socket, this.#signal);
    }
    const taken = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return taken;
  }

  /** What was read and not taken. */
  release(): Buffer {
    const rest = this.#buffer;
    this.#buffer = Buffer.alloc(0);
    const unread = this.#socket.read() as Buffer | null;
    return unread === null ? rest : Buffer.concat([rest, unread]);
  }
}

function readableOrEnd(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      for (const name of ['readable', 'end', 'close']) socket.off(name, done);
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = (): void => {
      done();
      reject(signal.reason);
    };
    if (signal.aborted) return reject(signal.reason);
    for (const name of ['readable', 'end', 'close']) socket.on(name, done);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
