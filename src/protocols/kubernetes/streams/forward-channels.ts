/**
 * Forwarded ports over channels of a WebSocket (`v4.channel.k8s.io` and its base64 form): two channels per port of the query,
 * in its order: 2n data, 2n+1 error. The first message of the server on each is the port, two bytes, little-endian.
 *
 * What this protocol cannot say: that one of several connections ended, and who ends first. A connection is over when this
 * end is done with it, or with the conversation.
 *
 * Source: kubelet cri/streaming/portforward websocket.go; the Python and JavaScript clients speak it.
 */
import { streamErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Forward, ForwardEvents, ForwardTransport, Link, PortForward, Role } from './types.ts';
import { base64ChannelsMax, WebSocketChannels } from './websocket-channels.ts';

type Lane = {
  readonly forward: ChannelForward;
  /** What came of the two bytes of the port, per channel. */
  readonly heads: [Buffer, Buffer];
  readonly texts: Buffer[];
  textBytes: number;
};

const portBytes = 2;

export class ForwardsOverChannels implements PortForward {
  readonly role: Role;
  readonly transport: ForwardTransport & { readonly kind: 'channels' };
  readonly #events: ForwardEvents;
  readonly #channels: WebSocketChannels;
  readonly #lanes: readonly Lane[];
  #isOver = false;

  constructor(
    role: Role,
    transport: ForwardTransport & { readonly kind: 'channels' },
    link: Link,
    events: ForwardEvents,
  ) {
    const { protocol, ports } = transport;
    const isBase64 = protocol === 'v4.base64.channel.k8s.io';
    const portsMax = isBase64 ? Math.floor(base64ChannelsMax / 2) : limits.forwardPortsMax;
    if (ports.length === 0 || ports.length > portsMax) throw broken('no ports, or too many');
    this.role = role;
    this.transport = transport;
    this.#events = events;
    this.#channels = new WebSocketChannels(role, isBase64, link, {
      piece: (channel, content, isLast) => this.#piece(channel, content, isLast),
      over: (isClean) => this.#over(isClean),
    });
    this.#lanes = ports.map((port, index) => ({
      forward: new ChannelForward(port, index, role, {
        write: (channel, view) => this.#write(channel, view),
        done: (forward) => this.#done(forward),
      }),
      heads: [Buffer.alloc(0), Buffer.alloc(0)],
      texts: [],
      textBytes: 0,
    }));
  }

  get forwards(): readonly Forward[] {
    return this.#lanes.map(({ forward }) => forward).filter((forward) => forward.isOpen);
  }

  start(): void {
    if (this.role === 'client') return;
    for (const [index, { forward }] of this.#lanes.entries()) {
      const head = Buffer.alloc(portBytes);
      head.writeUInt16LE(forward.port);
      this.#channels.write(2 * index, head);
      this.#channels.write(2 * index + 1, head);
    }
    for (const { forward } of this.#lanes) this.#opened(forward);
  }

  push(view: Buffer): void {
    this.#channels.push(view);
  }

  finish(): void {
    this.#channels.finish();
  }

  close(): void {
    this.#isOver = true;
    for (const { forward } of this.#lanes) this.#done(forward);
    this.#channels.close();
  }

  /** The ports are those of the query: nothing can be opened, only taken. */
  open(port: number, requestId: string): Forward {
    const lane = this.#lanes.find(({ forward }) => forward.port === port && forward.requestId === requestId);
    if (lane === undefined || this.role === 'server') throw broken('a port that was not in the query');
    return lane.forward;
  }

  #piece(channel: number, content: Buffer, isLast: boolean): void {
    if (this.#isOver) return;
    const lane = this.#lanes[channel >> 1];
    if (lane === undefined) throw broken('a message of a channel that does not exist');
    const isError = (channel & 1) === 1;
    if (this.role === 'server') {
      if (!isError && lane.forward.isOpen && content.length > 0) this.#data(lane.forward, content);
      return;
    }
    const rest = this.#head(lane, isError ? 1 : 0, content);
    if (lane.forward.isClosed) return;
    if (isError) this.#text(lane, rest, isLast);
    else if (rest.length > 0) this.#data(lane.forward, rest);
  }

  /** Takes the port off the beginning of a channel; answers what follows. */
  #head(lane: Lane, half: 0 | 1, content: Buffer): Buffer {
    const missing = portBytes - lane.heads[half].length;
    if (missing === 0) return content;
    const head = Buffer.concat([lane.heads[half], content.subarray(0, missing)]);
    lane.heads[half] = head;
    if (head.length < portBytes) return content.subarray(missing);
    if (head.readUInt16LE() !== lane.forward.port) throw broken('a channel of another port than was asked for');
    if (half === 0 && !lane.forward.isClosed) this.#opened(lane.forward);
    return content.subarray(missing);
  }

  #opened(forward: ChannelForward): void {
    if (this.#isOver) return;
    forward.isOpen = true;
    this.#events.opened(forward);
  }

  #data(forward: ChannelForward, view: Buffer): void {
    forward.count(view.length);
    this.#events.data(forward, view);
  }

  /** An error is one message: the channel itself never ends. */
  #text(lane: Lane, view: Buffer, isLast: boolean): void {
    const kept = view.subarray(0, limits.statusBytesMax - lane.textBytes);
    lane.textBytes += kept.length;
    if (kept.length > 0) lane.texts.push(Buffer.from(kept));
    if (isLast) this.#failed(lane);
  }

  #failed({ forward, texts }: Lane): void {
    if (texts.length > 0) this.#events.failed(forward, Buffer.concat(texts.splice(0)).toString('utf8'));
  }

  #write(channel: number, view: Buffer): boolean {
    let isFlowing = true;
    for (let at = 0; at < view.length && !this.#isOver; at += limits.dataFrameBytesMax) {
      isFlowing = this.#channels.write(channel, view.subarray(at, at + limits.dataFrameBytesMax));
    }
    return isFlowing;
  }

  #done(forward: ChannelForward): void {
    if (forward.isClosed) return;
    forward.isClosed = true;
    forward.isOpen = false;
    this.#events.closed(forward);
  }

  #over(isClean: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const lane of this.#lanes) {
      const { forward } = lane;
      if (forward.isClosed) continue;
      // A clean goodbye is the only end that data has here.
      if (isClean && forward.isOpen) this.#events.ended(forward);
      this.#failed(lane);
      this.#done(forward);
    }
    this.#events.over(isClean);
  }
}

class ChannelForward implements Forward {
  readonly port: number;
  readonly requestId: string;
  isOpen = false;
  isClosed = false;
  bytesIn = 0;
  bytesOut = 0;
  readonly #index: number;
  readonly #role: Role;
  readonly #end: {
    readonly write: (channel: number, view: Buffer) => boolean;
    readonly done: (forward: ChannelForward) => void;
  };
  #isEnded = false;

  constructor(
    port: number,
    index: number,
    role: Role,
    end: {
      readonly write: (channel: number, view: Buffer) => boolean;
      readonly done: (forward: ChannelForward) => void;
    },
  ) {
    this.port = port;
    this.requestId = String(index);
    this.#index = index;
    this.#role = role;
    this.#end = end;
  }

  /** Bytes that came from the peer. */
  count(bytes: number): void {
    if (this.#role === 'server') this.bytesIn += bytes;
    else this.bytesOut += bytes;
  }

  write(view: Buffer): boolean {
    if (this.isClosed || this.#isEnded) return true;
    if (this.#role === 'server') this.bytesOut += view.length;
    else this.bytesIn += view.length;
    return this.#end.write(2 * this.#index, view);
  }

  /** A server that has no more data is done; a client may still get some, and cannot say that it sends none. */
  end(): void {
    this.#isEnded = true;
    if (this.#role === 'server') this.#end.done(this);
  }

  fail(text: string): void {
    if (this.#role !== 'server' || this.isClosed) return;
    this.#end.write(2 * this.#index + 1, Buffer.from(text));
    this.#end.done(this);
  }

  reset(): void {
    this.#end.done(this);
  }
}

function broken(what: string): Error {
  return streamErrors('kubernetes.channels', { values: { what } });
}
