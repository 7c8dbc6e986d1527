/**
 * Messages of a WebSocket that was agreed on (RFC 6455): frames to pieces of messages and back, for both ends.
 *
 * Invariants: pings are answered, pongs are dropped; a message passes in the pieces in which it comes, each with whether it
 * is the last; after a Close of either side nothing is handed over. An empty first fragment is no piece.
 *
 * Deliberately absent: the handshake (the room), extensions (none is agreed, so that a frame that has one is refused).
 */
import { randomBytes } from 'node:crypto';
import { closePayload, encodeFrame, FrameReader, type Opcode, opcodes } from '../../http/index.ts';
import { streamErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Link, Role } from './types.ts';

export interface MessageEvents {
  /** A piece of a message, in order. `isText`: of a text message. */
  piece(content: Buffer, isFirst: boolean, isLast: boolean, isText: boolean): void;
  /** Nothing follows. `isClean`: a Close that says all is well. */
  over(isClean: boolean): void;
}

/** RFC 6455, section 7.4.1. */
const normalClosure = 1000;

export class WebSocketMessages {
  readonly #role: Role;
  readonly #link: Link;
  readonly #events: MessageEvents;
  readonly #reader: FrameReader;
  #opcode: Opcode | null = null;
  #isInside = false;
  #state: 'open' | 'closed' | 'over' = 'open';

  constructor(role: Role, link: Link, events: MessageEvents) {
    this.#role = role;
    this.#link = link;
    this.#events = events;
    this.#reader = new FrameReader(role === 'server', limits.webSocketFrameBytesMax);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  push(view: Buffer): void {
    if (this.#state !== 'open') return;
    for (const { fin, opcode, payload } of this.#reader.push(view)) {
      if (!this.isOpen) return;
      if (opcode === opcodes.ping) this.#send(opcodes.pong, payload);
      else if (opcode === opcodes.close) this.#closedThere(payload);
      else if (opcode !== opcodes.pong) this.#fragment(opcode, payload, fin);
    }
  }

  finish(): void {
    if (this.#state !== 'open') return;
    this.#state = 'over';
    this.#events.over(false);
  }

  /** False: full. */
  write(content: Buffer, isText: boolean): boolean {
    if (this.#state !== 'open') return true;
    return this.#send(isText ? opcodes.text : opcodes.binary, content);
  }

  close(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') this.#send(opcodes.close, closePayload(normalClosure, ''));
    this.#state = 'closed';
    this.#link.end();
  }

  #fragment(opcode: Opcode, payload: Buffer, fin: boolean): void {
    if ((opcode === opcodes.continuation) !== (this.#opcode !== null)) throw broken('a fragment out of place');
    this.#opcode ??= opcode;
    const isText = this.#opcode === opcodes.text;
    if (fin) this.#opcode = null;
    if (payload.length === 0 && !fin) return;
    const isFirst = !this.#isInside;
    this.#isInside = !fin;
    this.#events.piece(payload, isFirst, fin, isText);
  }

  #closedThere(payload: Buffer): void {
    if (payload.length === 1) throw broken('a Close with half a status');
    const isClean = payload.length === 0 || payload.readUInt16BE(0) === normalClosure;
    this.#send(opcodes.close, payload.subarray(0, 2));
    this.#state = 'closed';
    this.#link.end();
    this.#events.over(isClean);
  }

  #send(opcode: Opcode, payload: Buffer): boolean {
    return this.#link.write(
      encodeFrame({ fin: true, opcode, payload }, this.#role === 'client' ? randomBytes(4) : null),
    );
  }
}

function broken(what: string): Error {
  return streamErrors('kubernetes.websocket', { values: { what } });
}
