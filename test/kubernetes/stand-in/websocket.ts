/**
 * The server's end of a WebSocket (RFC 6455) on a socket that was upgraded: messages, pings, close. Apart from the
 * gateway's own on purpose. Deliberately absent: extensions, limits, checks of UTF-8.
 */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';

const CONTINUATION = 0;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

export class WebSocketEnd {
  onMessage: (bytes: Buffer) => void = () => undefined;
  onClose: () => void = () => undefined;
  readonly #socket: Duplex;
  #pending: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #isClosed = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.push(bytes));
    socket.on('close', () => this.onClose());
  }

  push(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (;;) {
      const frame = this.#frame();
      if (frame === null) return;
      this.#take(frame.first, frame.payload);
    }
  }

  /** One binary message. */
  send(bytes: Buffer): void {
    this.#write(BINARY, bytes);
  }

  close(code = 1000, reason = ''): void {
    if (this.#isClosed) return;
    const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
    payload.writeUInt16BE(code, 0);
    this.#write(CLOSE, payload);
    this.#isClosed = true;
    this.#socket.end();
  }

  #frame(): { first: number; payload: Buffer } | null {
    const all = this.#pending;
    if (all.length < 2) return null;
    const short = all[1]! & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const start = 2 + lengthBytes + 4;
    if (all.length < start) return null;
    const length = lengthBytes === 0 ? short : lengthBytes === 2 ? all.readUInt16BE(2) : Number(all.readBigUInt64BE(2));
    if (all.length < start + length) return null;
    const mask = all.subarray(start - 4, start);
    const payload = Buffer.from(all.subarray(start, start + length));
    for (let index = 0; index < length; index++) payload[index]! ^= mask[index & 3]!;
    this.#pending = all.subarray(start + length);
    return { first: all[0]!, payload };
  }

  #take(first: number, payload: Buffer): void {
    const operation = first & 0x0f;
    if (operation === PING) this.#write(PONG, payload);
    else if (operation === CLOSE) this.close();
    else if (operation === CONTINUATION || operation <= BINARY) {
      this.#parts.push(payload);
      if ((first & 0x80) !== 0) this.onMessage(Buffer.concat(this.#parts.splice(0)));
    }
  }

  #write(operation: number, payload: Buffer): void {
    if (this.#isClosed || this.#socket.writableEnded) return;
    const { length } = payload;
    const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
    head[0] = 0x80 | operation;
    if (length < 126) head[1] = length;
    else if (length < 65_536) {
      head[1] = 126;
      head.writeUInt16BE(length, 2);
    } else {
      head[1] = 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    this.#socket.write(Buffer.concat([head, payload]));
  }
}
