/**
 * Frames of WebSocket (RFC 6455, section 5.2): pure functions of bytes, for both directions.
 *
 *     0               1               2 …
 *     FIN RSV×3 OP×4 | MASK LEN×7    | LEN 16 or 64 where LEN is 126 or 127 | KEY 32 where MASK | payload
 *
 * Invariants: a frame longer than the limit is refused before any of it is kept; bits of extensions are refused, since none
 * was agreed; a client's frames are masked, a server's are not; after an error the reader is dead.
 *
 * Deliberately absent: sockets, messages (websocket.ts).
 */
import { httpErrors } from './errors.ts';

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export type Opcode = (typeof opcodes)[keyof typeof opcodes];

export interface Frame {
  readonly fin: boolean;
  readonly opcode: Opcode;
  /** Without the mask; the reader's no more. */
  readonly payload: Buffer;
}

const known: ReadonlySet<number> = new Set(Object.values(opcodes));
/** Longest payload of a control frame (section 5.5). */
export const controlBytesMax = 125;

export function isControl(opcode: Opcode): boolean {
  return opcode >= 8;
}

export class FrameReader {
  readonly #masked: boolean;
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isDead = false;

  constructor(masked: boolean, bytesMax: number) {
    this.#masked = masked;
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes; answers the frames that are whole by now. Throws `http.websocket`. */
  push(chunk: Buffer): Frame[] {
    if (this.#isDead) throw broken('bytes behind an error');
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    try {
      for (let frame = this.#next(); frame !== null; frame = this.#next()) frames.push(frame);
    } catch (error) {
      this.#isDead = true;
      this.#chunks = [];
      throw error;
    }
    return frames;
  }

  #next(): Frame | null {
    if (this.#bytes < 2) return null;
    const head = this.#peek(14);
    const [first, second] = [head[0]!, head[1]!];
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw broken('a frame of an extension that was not agreed');
    if (!known.has(opcode)) throw broken('a frame of an unknown kind');
    const fin = (first & 0x80) !== 0;
    if (((second & 0x80) !== 0) !== this.#masked) throw broken(this.#masked ? 'an unmasked frame' : 'a masked frame');
    const short = second & 0x7f;
    if (opcode >= 8 && (!fin || short > controlBytesMax)) throw broken('a control frame that is too long or in parts');
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const headBytes = 2 + lengthBytes + (this.#masked ? 4 : 0);
    if (head.length < 2 + lengthBytes) return null;
    const length = lengthBytes === 0 ? short : lengthBytes === 2 ? head.readUInt16BE(2) : longLength(head);
    if ((lengthBytes === 2 && length < 126) || (lengthBytes === 8 && length < 65_536)) {
      throw broken('a length that is not in its shortest form');
    }
    if (length > this.#bytesMax) throw broken('a frame that is too long');
    if (this.#bytes < headBytes + length) return null;
    const whole = this.#take(headBytes + length);
    const payload = Buffer.from(whole.subarray(headBytes));
    if (this.#masked) unmask(payload, whole.subarray(headBytes - 4, headBytes));
    return { fin, opcode: opcode as Opcode, payload };
  }

  #peek(count: number): Buffer {
    const [first] = this.#chunks;
    if (first!.length >= count || this.#chunks.length === 1) return first!.subarray(0, count);
    const parts: Buffer[] = [];
    let bytes = 0;
    for (const chunk of this.#chunks) {
      parts.push(chunk.subarray(0, count - bytes));
      bytes += parts.at(-1)!.length;
      if (bytes >= count) break;
    }
    return Buffer.concat(parts);
  }

  #take(count: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
    this.#bytes -= count;
    this.#chunks = this.#bytes === 0 ? [] : [all.subarray(count)];
    return all.subarray(0, count);
  }
}

/** `mask`: four bytes of a client; null for a server. */
export function encodeFrame({ fin, opcode, payload }: Frame, mask: Buffer | null): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const headBytes = 2 + lengthBytes + (mask === null ? 0 : 4);
  const view = Buffer.allocUnsafe(headBytes + length);
  view[0] = (fin ? 0x80 : 0) | opcode;
  view[1] = (mask === null ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.writeUInt16BE(length, 2);
  if (lengthBytes === 8) view.writeBigUInt64BE(BigInt(length), 2);
  payload.copy(view, headBytes);
  if (mask !== null) {
    mask.copy(view, headBytes - 4);
    unmask(view.subarray(headBytes), mask);
  }
  return view;
}

/** A Close frame's payload: a status code (section 7.4.1) and a reason of at most 123 bytes. */
export function closePayload(code: number, reason: string): Buffer {
  const text = Buffer.from(reason).subarray(0, controlBytesMax - 2);
  const payload = Buffer.alloc(2 + text.length);
  payload.writeUInt16BE(code, 0);
  // A character that was cut in two would make it no UTF-8.
  Buffer.from(text.toString('utf8').replace(/\ufffd+$/, '')).copy(payload, 2, 0, text.length);
  return payload;
}

function longLength(head: Buffer): number {
  const length = head.readBigUInt64BE(2);
  return length > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(length);
}

function unmask(payload: Buffer, key: Buffer): void {
  for (let at = 0; at < payload.length; at++) payload[at]! ^= key[at & 3]!;
}

function broken(what: string): Error {
  return httpErrors('http.websocket', { values: { what } });
}
