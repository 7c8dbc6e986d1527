/**
 * Frames of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, section 2.6), for both directions: bytes to frames and back.
 *
 *     control   1 | version 15 | type 16 | flags 8 | length 24 | …        data   0 | stream 31 | flags 8 | length 24 | content
 *
 *     1 SYN_STREAM     stream 32 | associated 32 | priority 3, unused 13 | header block
 *     2 SYN_REPLY      stream 32 | header block                8 HEADERS         stream 32 | header block
 *     3 RST_STREAM     stream 32 | status 32                   9 WINDOW_UPDATE   stream 32 | delta 32
 *     4 SETTINGS       count 32 | (flags 8 | id 24 | value 32) × count
 *     6 PING           id 32                                   7 GOAWAY          last stream 32 | status 32
 *
 * Invariants: content of a DATA frame goes on in the pieces in which it comes, so that a frame of 16 MiB needs no memory; a
 * control frame is refused by its length before any of it is kept; control frames that SPDY/3.1 does not have are refused,
 * not skipped; header blocks are read in the order of the wire, all of them, since each depends on those before it; after
 * an error the reader is dead.
 */
import { streamErrors } from './errors.ts';
import * as limits from './limits.ts';
import { HeaderReader, HeaderWriter, type SpdyHeaders } from './spdy-headers.ts';

export type SpdyFrame =
  | {
      readonly type: 'syn-stream';
      readonly stream: number;
      readonly fin: boolean;
      readonly unidirectional: boolean;
      readonly headers: SpdyHeaders;
    }
  | { readonly type: 'syn-reply'; readonly stream: number; readonly fin: boolean; readonly headers: SpdyHeaders }
  | { readonly type: 'headers'; readonly stream: number; readonly fin: boolean; readonly headers: SpdyHeaders }
  /** A piece of a DATA frame. `fin` with the last one, which may be empty. */
  | { readonly type: 'data'; readonly stream: number; readonly fin: boolean; readonly content: Buffer }
  | { readonly type: 'rst-stream'; readonly stream: number; readonly status: number }
  | { readonly type: 'settings' }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway'; readonly lastStream: number; readonly status: number }
  | { readonly type: 'window-update'; readonly stream: number };

/** Statuses of RST_STREAM (section 2.6.3). */
export const resets = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5 } as const;

const kinds = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** Shortest body of each kind; of those without headers and settings also the only one. */
const bodyBytes: Readonly<Record<number, number>> = { 1: 10, 2: 4, 3: 8, 4: 4, 6: 4, 7: 8, 8: 4, 9: 8 };
/** Flags that a kind may have: FIN 1, UNIDIRECTIONAL 2, CLEAR_SETTINGS 1. */
const knownFlags: Readonly<Record<number, number>> = { 1: 3, 2: 1, 3: 0, 4: 1, 6: 0, 7: 0, 8: 1, 9: 0 };

const headBytes = 8;
const finFlag = 1;
const unidirectionalFlag = 2;
const idMask = 0x7fff_ffff;

export class SpdyReader {
  readonly #headers = new HeaderReader();
  /** A head, or a control frame, that is not whole yet. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** Bytes until `#kept` is what it waits for. */
  #needed = headBytes;
  #control: { readonly kind: number; readonly flags: number } | null = null;
  #data: { readonly stream: number; readonly fin: boolean; left: number } | null = null;
  #isDead = false;

  /** Takes the next bytes, and hands over what is whole by now, one by one. Throws `kubernetes.spdy`. */
  push(view: Buffer, take: (frame: SpdyFrame) => void): void {
    if (this.#isDead) throw broken('bytes behind an error');
    this.#isDead = true;
    let at = 0;
    while (at < view.length) {
      if (this.#data !== null) {
        const piece = view.subarray(at, at + this.#data.left);
        at += piece.length;
        this.#content(this.#data, piece, take);
        continue;
      }
      const piece = view.subarray(at, at + this.#needed - this.#keptBytes);
      at += piece.length;
      this.#kept.push(piece);
      this.#keptBytes += piece.length;
      if (this.#keptBytes === this.#needed) this.#whole(take);
    }
    this.#isDead = false;
  }

  /** Whether the bytes so far end with a frame. */
  get isBetweenFrames(): boolean {
    return this.#keptBytes === 0 && this.#control === null && this.#data === null;
  }

  #content(
    data: { readonly stream: number; readonly fin: boolean; left: number },
    piece: Buffer,
    take: (frame: SpdyFrame) => void,
  ): void {
    data.left -= piece.length;
    if (data.left === 0) this.#data = null;
    take({ type: 'data', stream: data.stream, fin: data.fin && data.left === 0, content: piece });
  }

  #whole(take: (frame: SpdyFrame) => void): void {
    const whole = this.#kept.length === 1 ? this.#kept[0]! : Buffer.concat(this.#kept, this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
    this.#needed = headBytes;
    const control = this.#control;
    if (control !== null) {
      this.#control = null;
      take(this.#parse(control.kind, control.flags, whole));
      return;
    }
    const first = whole.readUInt32BE(0);
    const flags = whole[4]!;
    const length = whole.readUIntBE(5, 3);
    if ((whole[0]! & 0x80) === 0) {
      if (first === 0) throw broken('data of stream 0');
      if ((flags & ~finFlag) !== 0) throw broken('an unknown flag');
      const fin = (flags & finFlag) !== 0;
      if (length > 0) this.#data = { stream: first, fin, left: length };
      else take({ type: 'data', stream: first, fin, content: whole.subarray(headBytes) });
      return;
    }
    if (((first >>> 16) & 0x7fff) !== 3) throw broken('a version that is not 3');
    this.#begin(first & 0xffff, flags, length);
  }

  #begin(kind: number, flags: number, length: number): void {
    const least = bodyBytes[kind];
    if (least === undefined) throw broken('an unknown control frame');
    if ((flags & ~knownFlags[kind]!) !== 0) throw broken('an unknown flag');
    if (length > limits.controlFrameBytesMax) throw broken('a control frame that is too long');
    const isOpen = kind === kinds.settings || hasHeaders(kind);
    if (length < least || (!isOpen && length !== least)) throw broken('a control frame of a wrong length');
    this.#control = { kind, flags };
    this.#needed = length;
  }

  #parse(kind: number, flags: number, body: Buffer): SpdyFrame {
    const first = body.readUInt32BE(0);
    if (kind === kinds.settings) {
      if (first > limits.settingsMax || body.length !== 4 + first * 8) throw broken('settings of a wrong length');
      return { type: 'settings' };
    }
    if (kind === kinds.ping) {
      if (first === 0) throw broken('a ping without a number');
      return { type: 'ping', id: first };
    }
    const stream = first & idMask;
    if (kind === kinds.goaway) return { type: 'goaway', lastStream: stream, status: body.readUInt32BE(4) };
    if (kind === kinds.windowUpdate) return { type: 'window-update', stream };
    if (stream === 0) throw broken('a frame of stream 0');
    if (kind === kinds.rstStream) {
      const status = body.readUInt32BE(4);
      if (status === 0) throw broken('a reset without a status');
      return { type: 'rst-stream', stream, status };
    }
    const fin = (flags & finFlag) !== 0;
    const headers = this.#headers.read(body.subarray(bodyBytes[kind]));
    if (kind === kinds.synReply) return { type: 'syn-reply', stream, fin, headers };
    if (kind === kinds.headers) return { type: 'headers', stream, fin, headers };
    return { type: 'syn-stream', stream, fin, unidirectional: (flags & unidirectionalFlag) !== 0, headers };
  }
}

/** Makes frames. Its header blocks must be written in the order in which they were made. */
export class SpdyWriter {
  readonly #headers = new HeaderWriter();

  synStream(stream: number, headers: SpdyHeaders): Buffer {
    const fixed = Buffer.alloc(10);
    fixed.writeUInt32BE(stream, 0);
    return control(kinds.synStream, 0, fixed, this.#headers.write(headers));
  }

  synReply(stream: number): Buffer {
    return control(kinds.synReply, 0, word(stream), this.#headers.write(new Map()));
  }

  data(stream: number, content: Buffer, fin: boolean): Buffer {
    const view = Buffer.allocUnsafe(headBytes + content.length);
    view.writeUInt32BE(stream, 0);
    view[4] = fin ? finFlag : 0;
    view.writeUIntBE(content.length, 5, 3);
    content.copy(view, headBytes);
    return view;
  }

  rstStream(stream: number, status: number): Buffer {
    return control(kinds.rstStream, 0, word(stream), word(status));
  }

  ping(id: number): Buffer {
    return control(kinds.ping, 0, word(id));
  }

  goaway(lastStream: number): Buffer {
    return control(kinds.goaway, 0, word(lastStream), word(0));
  }
}

function hasHeaders(kind: number): boolean {
  return kind === kinds.synStream || kind === kinds.synReply || kind === kinds.headers;
}

function control(kind: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(kind, 2);
  head[4] = flags;
  head.writeUIntBE(
    parts.reduce((sum, { length }) => sum + length, 0),
    5,
    3,
  );
  return Buffer.concat([head, ...parts]);
}

function word(value: number): Buffer {
  const view = Buffer.alloc(4);
  view.writeUInt32BE(value >>> 0);
  return view;
}

function broken(what: string): Error {
  return streamErrors('kubernetes.spdy', { values: { what } });
}
