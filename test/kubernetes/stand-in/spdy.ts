/**
 * The server's end of SPDY/3.1 as Kubernetes uses it (draft-mbelshe-httpbis-spdy-00): streams with headers, data, half-close,
 * reset, ping, goaway; header blocks in one zlib stream per direction for the whole connection, by Node's own zlib. Written
 * apart from the gateway's codec on purpose, so that the two check each other.
 *
 * Deliberately absent: flow control (no implementation in Kubernetes keeps it), push, settings, credentials, limits.
 */
import { constants, createDeflate, createInflate } from 'node:zlib';
// The dictionary is the standard's; kubectl's zlib refuses any other by its checksum.
import { dictionary } from '../../../src/protocols/kubernetes/streams/spdy-headers.ts';

/** What carries the bytes: a socket, or the binary messages of a WebSocket. */
export interface Carrier {
  write(bytes: Buffer): void;
  end(): void;
}

const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
const HEADERS = 8;
const FLAG_FIN = 1;
const version = 0x8003;

export class SpdyStream {
  readonly id: number;
  readonly headers: Readonly<Record<string, string>>;
  onData: (bytes: Buffer) => void = () => undefined;
  onEnd: () => void = () => undefined;
  readonly #connection: SpdyConnection;
  #isEnded = false;

  constructor(connection: SpdyConnection, id: number, headers: Readonly<Record<string, string>>) {
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  write(bytes: Buffer): void {
    if (this.#isEnded) return;
    // What a stream of Go's SPDY library writes at once is one frame; a frame's length has 24 bits.
    for (let at = 0; at < bytes.length; at += 65_536) {
      this.#connection.data(this.id, bytes.subarray(at, at + 65_536), 0);
    }
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#connection.data(this.id, Buffer.alloc(0), FLAG_FIN);
  }
}

export class SpdyConnection {
  onStream: (stream: SpdyStream) => void = () => undefined;
  onClose: () => void = () => undefined;
  readonly #carrier: Carrier;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #inflate = createInflate({ dictionary });
  readonly #deflate = createDeflate({ dictionary });
  readonly #inflated: Buffer[] = [];
  readonly #deflated: Buffer[] = [];
  #pending: Buffer = Buffer.alloc(0);
  /** Frames are taken and headers compressed one after the other, since zlib answers later. */
  #reading: Promise<void> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
    this.#inflate.on('data', (chunk: Buffer) => this.#inflated.push(chunk));
    this.#deflate.on('data', (chunk: Buffer) => this.#deflated.push(chunk));
    for (const stream of [this.#inflate, this.#deflate]) stream.on('error', () => this.close());
  }

  push(bytes: Buffer): void {
    this.#reading = this.#reading.then(() => this.#take(bytes));
  }

  data(id: number, bytes: Buffer, flags: number): void {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE(flags * 2 ** 24 + bytes.length, 4);
    this.#send(Buffer.concat([head, bytes]));
  }

  /** Says goodbye when all before it has been written. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#control(GOAWAY, Buffer.alloc(8));
    this.#writing = this.#writing.then(() => {
      this.#carrier.end();
      this.#inflate.close();
      this.#deflate.close();
    });
  }

  /** The carrier is gone. */
  finish(): void {
    this.#reading = this.#reading.then(() => {
      this.#isClosed = true;
      this.onClose();
    });
  }

  #send(frame: Buffer): void {
    this.#writing = this.#writing.then(() => this.#carrier.write(frame));
  }

  #control(type: number, payload: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeUInt16BE(version, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt32BE(payload.length, 4);
    this.#send(Buffer.concat([head, payload]));
  }

  async #take(bytes: Buffer): Promise<void> {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#pending.length >= 8) {
      const length = this.#pending.readUIntBE(5, 3);
      if (this.#pending.length < 8 + length) return;
      const frame = this.#pending.subarray(0, 8 + length);
      this.#pending = this.#pending.subarray(8 + length);
      await this.#frame(frame, frame.subarray(8));
    }
  }

  async #frame(frame: Buffer, payload: Buffer): Promise<void> {
    const flags = frame[4]!;
    if ((frame[0]! & 0x80) === 0) {
      const stream = this.#streams.get(frame.readUInt32BE(0));
      if (payload.length > 0) stream?.onData(Buffer.from(payload));
      if ((flags & FLAG_FIN) !== 0) stream?.onEnd();
      return;
    }
    switch (frame.readUInt16BE(2)) {
      case SYN_STREAM: {
        const id = payload.readUInt32BE(0);
        const stream = new SpdyStream(this, id, await this.#headers(payload.subarray(10)));
        this.#streams.set(id, stream);
        await this.#reply(id);
        this.onStream(stream);
        if ((flags & FLAG_FIN) !== 0) stream.onEnd();
        return;
      }
      case HEADERS:
        await this.#headers(payload.subarray(4));
        return;
      case RST_STREAM:
        this.#streams.get(payload.readUInt32BE(0))?.onEnd();
        return;
      case PING:
        this.#control(PING, Buffer.from(payload));
        return;
      default:
        return;
    }
  }

  /** An answer to a stream has headers too: none, in a block of its own. */
  #reply(id: number): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const block = await flushed(this.#deflate, Buffer.alloc(4), this.#deflated);
      const payload = Buffer.concat([Buffer.alloc(4), block]);
      payload.writeUInt32BE(id, 0);
      const head = Buffer.alloc(8);
      head.writeUInt16BE(version, 0);
      head.writeUInt16BE(SYN_REPLY, 2);
      head.writeUInt32BE(payload.length, 4);
      this.#carrier.write(Buffer.concat([head, payload]));
    });
    return this.#writing;
  }

  async #headers(block: Buffer): Promise<Record<string, string>> {
    const plain = await flushed(this.#inflate, block, this.#inflated);
    const headers: Record<string, string> = {};
    let at = 4;
    const text = (): string => {
      const length = plain.readUInt32BE(at);
      at += 4 + length;
      return plain.toString('utf8', at - length, at);
    };
    for (let count = plain.readUInt32BE(0); count > 0; count--) {
      const name = text();
      headers[name] = text();
    }
    return headers;
  }
}

/** Puts a block through a zlib stream that stays open, and takes what came out. */
function flushed(
  stream: ReturnType<typeof createInflate> | ReturnType<typeof createDeflate>,
  block: Buffer,
  out: Buffer[],
): Promise<Buffer> {
  return new Promise((resolve) => {
    stream.write(block);
    stream.flush(constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(out.splice(0))));
  });
}
