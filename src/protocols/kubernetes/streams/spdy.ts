/**
 * One end of a SPDY/3.1 connection as Kubernetes speaks it (moby/spdystream): streams, opened by the client, with bytes both
 * ways. Pure: bytes in by `push`, bytes out by the link.
 *
 * Invariants:
 * - Streams of the client are odd and grow; more than the limit open at once are refused one by one (REFUSED_STREAM), and
 *   those that a server opens are refused all: none of Kubernetes' protocols has them.
 * - A stream that was opened is agreed to at once (SYN_REPLY), since Go drops content that comes before.
 * - Content of a stream that is over is dropped: it may have been on its way, and kubectl writes to stdin behind its own end
 *   where the two race. Content of a stream that never was is an error.
 * - A PING of the peer's is answered; an answer to one of ours, of which there are none, is dropped.
 * - There is no flow control. SPDY/3.1 has windows, but Go's implementation on every other end of these connections neither
 *   keeps nor counts them: SETTINGS and WINDOW_UPDATE are read and mean nothing here. What holds a sender back is the
 *   transport, for all streams at once.
 *
 * Deliberately absent: priorities, server push, credentials, associated streams.
 */
import { streamErrors } from './errors.ts';
import * as limits from './limits.ts';
import { resets, type SpdyFrame, SpdyReader, SpdyWriter } from './spdy-frames.ts';
import type { SpdyHeaders } from './spdy-headers.ts';
import type { Link, Role } from './types.ts';

export interface SpdyStreamEvents {
  /** The peer agreed (client ends only). */
  agreed(): void;
  data(view: Buffer): void;
  /** The peer writes no more. Comes once, with a reset too. */
  ended(): void;
  /** The peer ended the stream both ways. */
  reset(): void;
  /** Nothing more comes or goes. Comes once. */
  closed(): void;
}

export interface SpdyEvents {
  /**
   * A server end's peer opened a stream. Answers who hears of it; null refuses it. The stream may be written to behind the
   * call, not in it.
   */
  opened(stream: SpdyStream): SpdyStreamEvents | null;
  /** The peer opens no more streams; those that are open go on. */
  goingAway(): void;
  /** Nothing follows. `isClean`: between frames, and with a goodbye or without open streams. */
  over(isClean: boolean): void;
}

/** Bytes both ways on a connection. Made by it alone. */
export class SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  isEndedHere = false;
  isEndedThere = false;
  isAgreed = false;
  readonly #connection: SpdyConnection;

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  /** False: full. What is written behind the end is dropped. */
  write(view: Buffer): boolean {
    return this.#connection.write(this, view);
  }

  /** No more from here. Harmless twice. */
  end(): void {
    this.#connection.end(this);
  }

  /** Over, both ways, at once. Harmless twice. */
  reset(): void {
    this.#connection.reset(this);
  }
}

export class SpdyConnection {
  readonly #role: Role;
  readonly #link: Link;
  readonly #events: SpdyEvents;
  readonly #streamsMax: number;
  readonly #reader = new SpdyReader();
  readonly #writer = new SpdyWriter();
  readonly #open = new Map<number, { readonly stream: SpdyStream; readonly events: SpdyStreamEvents }>();
  /** Highest id that the client has used. */
  #lastStream: number;
  #isGoingAway = false;
  #state: 'open' | 'closed' | 'over' = 'open';

  constructor(role: Role, link: Link, streamsMax: number, events: SpdyEvents) {
    this.#role = role;
    this.#link = link;
    this.#streamsMax = streamsMax;
    this.#events = events;
    this.#lastStream = role === 'client' ? -1 : 0;
  }

  get streams(): number {
    return this.#open.size;
  }

  /** Throws `kubernetes.spdy`; the connection says goodbye before, and is dead. */
  push(view: Buffer): void {
    if (this.#state !== 'open') return;
    this.#reader.push(view, (frame) => {
      if (this.#state === 'open') this.#take(frame);
    });
  }

  finish(): void {
    if (this.#state !== 'open') return;
    const isClean = this.#reader.isBetweenFrames && (this.#isGoingAway || this.#open.size === 0);
    this.#state = 'over';
    this.#closeAll();
    this.#events.over(isClean);
  }

  /** Of a client end. */
  open(headers: SpdyHeaders, events: SpdyStreamEvents): SpdyStream {
    if (this.#open.size >= this.#streamsMax) throw streamErrors('kubernetes.too-many-forwards');
    this.#lastStream += 2;
    const stream = new SpdyStream(this, this.#lastStream, headers);
    this.#open.set(stream.id, { stream, events });
    if (this.#state === 'open') this.#link.write(this.#writer.synStream(stream.id, headers));
    return stream;
  }

  write(stream: SpdyStream, view: Buffer): boolean {
    if (this.#state !== 'open' || stream.isEndedHere || !this.#open.has(stream.id)) return true;
    let isFlowing = true;
    for (let at = 0; at < view.length; at += limits.dataFrameBytesMax) {
      isFlowing = this.#link.write(
        this.#writer.data(stream.id, view.subarray(at, at + limits.dataFrameBytesMax), false),
      );
    }
    return isFlowing;
  }

  end(stream: SpdyStream): void {
    if (stream.isEndedHere || !this.#open.has(stream.id)) return;
    stream.isEndedHere = true;
    if (this.#state === 'open') this.#link.write(this.#writer.data(stream.id, Buffer.alloc(0), true));
    this.#settle(stream);
  }

  reset(stream: SpdyStream): void {
    if (!this.#open.has(stream.id)) return;
    if (this.#state === 'open') this.#link.write(this.#writer.rstStream(stream.id, resets.cancel));
    this.#forget(stream, false);
  }

  close(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'over') {
      this.#state = 'closed';
      this.#link.end();
      return;
    }
    this.#link.write(this.#writer.goaway(this.#role === 'server' ? this.#lastStream : 0));
    this.#state = 'closed';
    this.#closeAll();
    this.#link.end();
  }

  #take(frame: SpdyFrame): void {
    switch (frame.type) {
      case 'syn-stream':
        this.#opened(frame);
        return;
      case 'ping':
        // A client's pings are odd, a server's are even (section 2.6.5).
        if ((frame.id & 1) === (this.#role === 'server' ? 1 : 0)) this.#link.write(this.#writer.ping(frame.id));
        return;
      case 'goaway':
        if (this.#isGoingAway) return;
        this.#isGoingAway = true;
        this.#events.goingAway();
        return;
      case 'settings':
      case 'window-update':
        return;
      default:
        this.#ofStream(frame);
    }
  }

  #opened({ stream: id, fin, unidirectional, headers }: SpdyFrame & { readonly type: 'syn-stream' }): void {
    if (this.#role === 'client') {
      if ((id & 1) !== 0) throw broken('a stream of the server with an odd number');
      this.#link.write(this.#writer.rstStream(id, resets.refusedStream));
      return;
    }
    if ((id & 1) === 0 || id <= this.#lastStream) throw broken('a stream whose number does not grow');
    this.#lastStream = id;
    const stream = new SpdyStream(this, id, headers);
    const events = this.#open.size >= this.#streamsMax ? null : this.#events.opened(stream);
    if (events === null) {
      this.#link.write(this.#writer.rstStream(id, resets.refusedStream));
      return;
    }
    this.#open.set(id, { stream, events });
    stream.isAgreed = true;
    stream.isEndedHere = unidirectional;
    this.#link.write(this.#writer.synReply(id));
    events.agreed();
    if (fin) this.#endedThere(stream, events);
  }

  #ofStream(
    frame: SpdyFrame & { readonly type: 'syn-reply' | 'headers' | 'data' | 'rst-stream'; readonly stream: number },
  ): void {
    const held = this.#open.get(frame.stream);
    if (held === undefined) {
      // Refused or reset a moment ago; streams of a server are never agreed to.
      const wasOpen = (frame.stream & 1) === 0 ? this.#role === 'client' : frame.stream <= this.#lastStream;
      if (!wasOpen) throw broken('a frame of a stream that was never opened');
      return;
    }
    const { stream, events } = held;
    if (frame.type === 'rst-stream') {
      this.#forget(stream, true);
      return;
    }
    if (frame.type === 'syn-reply') {
      if (this.#role === 'server' || stream.isAgreed) throw broken('an answer to a stream that needs none');
      stream.isAgreed = true;
      events.agreed();
    } else if (stream.isEndedThere) return;
    else if (!stream.isAgreed) throw broken('a frame of a stream that was not agreed to');
    else if (frame.type === 'data' && frame.content.length > 0) events.data(frame.content);
    if (frame.fin && this.#open.has(stream.id)) this.#endedThere(stream, events);
  }

  #endedThere(stream: SpdyStream, events: SpdyStreamEvents): void {
    stream.isEndedThere = true;
    events.ended();
    this.#settle(stream);
  }

  #settle(stream: SpdyStream): void {
    const held = this.#open.get(stream.id);
    if (held === undefined || !stream.isEndedHere || !stream.isEndedThere) return;
    this.#open.delete(stream.id);
    held.events.closed();
  }

  #forget(stream: SpdyStream, byPeer: boolean): void {
    const { events } = this.#open.get(stream.id)!;
    this.#open.delete(stream.id);
    const wasEnded = stream.isEndedThere;
    stream.isEndedHere = true;
    // A stream that is lost with its connection was not ended by anybody.
    stream.isEndedThere ||= byPeer;
    if (byPeer) {
      events.reset();
      if (!wasEnded) events.ended();
    }
    events.closed();
  }

  #closeAll(): void {
    for (const { stream } of [...this.#open.values()]) this.#forget(stream, false);
  }
}

function broken(what: string): Error {
  return streamErrors('kubernetes.spdy', { values: { what } });
}
