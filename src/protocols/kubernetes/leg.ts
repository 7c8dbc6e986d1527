/**
 * One side of a conversation behind an upgrade: a transport that has switched, and the end that speaks on it.
 *
 * Invariants: what breaks the protocol closes the transport and is told once; nothing is told after the end; back-pressure
 * passes through (the transport's is all there is).
 */
import type { Duplex } from 'node:stream';
import type { End, Link } from './streams/index.ts';

export interface LegParts<E extends End> {
  readonly socket: Duplex;
  /** What came behind the head already. */
  readonly first: Buffer;
  readonly make: (link: Link) => E;
  /** The end has said all it has; absent: the transport's writing side is ended then. */
  readonly said?: () => void;
  /** The transport takes more again. */
  readonly drained: () => void;
  /** The peer broke its protocol; the transport is gone. */
  readonly broke: (error: unknown) => void;
}

export class Leg<E extends End> {
  readonly end: E;
  readonly #parts: LegParts<E>;
  #isOver = false;

  constructor(parts: LegParts<E>) {
    this.#parts = parts;
    const { socket, make } = parts;
    this.end = make({
      write: (view) => (socket.writable ? socket.write(view) : true),
      end: () => (parts.said === undefined ? socket.end() : parts.said()),
    });
  }

  /** Begins to read. */
  start(): void {
    const { socket, first, drained } = this.#parts;
    this.#guard(() => this.end.start());
    socket.on('drain', drained);
    socket.on('data', (view: Buffer) => this.#guard(() => this.end.push(view)));
    socket.on('end', () => this.#guard(() => this.end.finish()));
    socket.on('close', () => this.#guard(() => this.end.finish()));
    if (first.length > 0) this.#guard(() => this.end.push(first));
    if (!this.#isOver) socket.resume();
  }

  pause(): void {
    this.#parts.socket.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#parts.socket.resume();
  }

  /** Says goodbye; what was written still leaves. */
  close(): void {
    if (this.#isOver) return;
    this.#guard(() => this.end.close());
    this.#isOver = true;
  }

  destroy(): void {
    this.#isOver = true;
    this.#parts.socket.destroy();
  }

  #guard(act: () => void): void {
    if (this.#isOver) return;
    try {
      act();
    } catch (error) {
      this.destroy();
      this.#parts.broke(error);
    }
  }
}
