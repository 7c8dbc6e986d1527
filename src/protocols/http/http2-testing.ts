/** Frames of HTTP/2 by hand, for what no client library would send (RFC 9113, section 4.1; RFC 7541, appendix C). */
import { eventually, type RawSocket, type Room } from './room-testing.ts';

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const endStream = 1;
export const endHeaders = 4;

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** Fields as literals that are neither indexed nor compressed. */
export function block(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** A connection with prior knowledge. */
export class RawHttp2 {
  readonly raw: RawSocket;

  private constructor(raw: RawSocket) {
    this.raw = raw;
  }

  static async open(room: Room): Promise<RawHttp2> {
    const opened = new RawHttp2(await room.raw());
    opened.raw.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    opened.send(frame(frameTypes.settings, 0, 0));
    await opened.until(({ type }) => type === frameTypes.settings, 'the settings');
    return opened;
  }

  send(...frames: Buffer[]): void {
    this.raw.send(Buffer.concat(frames));
  }

  get frames(): RawFrame[] {
    const bytes = Buffer.from(this.raw.received, 'latin1');
    const frames: RawFrame[] = [];
    for (let at = 0; at + 9 <= bytes.length; ) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const stream = bytes.readUInt32BE(at + 5);
      frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, stream, payload: bytes.subarray(at + 9, end) });
      at = end;
    }
    return frames;
  }

  async until(matches: (frame: RawFrame) => boolean, what: string): Promise<RawFrame | null> {
    const found = (): RawFrame | undefined => this.frames.find(matches);
    await eventually(
      () => found() !== undefined || this.raw.isEnded,
      () => what,
    );
    return found() ?? null;
  }

  /** Whether it still answers. */
  async isAlive(): Promise<boolean> {
    const data = Buffer.from([9, 9, 9, 9, 9, 9, 9, Math.floor(Math.random() * 256)]);
    this.send(frame(frameTypes.ping, 0, 0, data));
    const answered = await this.until(({ type, flags, payload }) => {
      return type === frameTypes.ping && flags === 1 && payload.equals(data);
    }, 'an answer to PING');
    return answered !== null;
  }

  /** The code of its GOAWAY, or null. */
  get goaway(): number | null {
    const last = this.frames.findLast(({ type }) => type === frameTypes.goaway);
    return last === undefined ? null : last.payload.readUInt32BE(4);
  }
}
