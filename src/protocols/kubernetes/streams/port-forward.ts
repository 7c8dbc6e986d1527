/**
 * Forwarded ports over SPDY: for each connection an error stream and a data stream, both opened by the client, with the
 * headers `streamtype`, `port` and `requestid`. The SPDY bytes go straight over the connection, or in binary messages of a
 * WebSocket (`SPDY/3.1+portforward.k8s.io`), whose boundaries mean nothing.
 *
 * Invariants: a stream without a valid port, or that comes twice, is refused; a connection is opened once both its streams
 * are there; its number may be used again afterwards, as a kubelet has it; bytes are counted as content, without framing.
 *
 * Source: client-go tools/portforward portforward.go, tunneling_connection.go; kubelet cri/streaming/portforward
 * httpstream.go.
 */
import { streamErrors } from './errors.ts';
import { ForwardsOverChannels } from './forward-channels.ts';
import * as limits from './limits.ts';
import { SpdyConnection, type SpdyStream, type SpdyStreamEvents } from './spdy.ts';
import type { Forward, ForwardEvents, ForwardTransport, Link, PortForward, Role } from './types.ts';
import { WebSocketMessages } from './websocket.ts';

/** An end of a port-forward on a transport that has switched, or is about to. Nothing happens before `start`. */
export function createPortForward(
  role: Role,
  transport: ForwardTransport,
  link: Link,
  events: ForwardEvents,
): PortForward {
  return transport.kind === 'channels'
    ? new ForwardsOverChannels(role, transport, link, events)
    : new ForwardsOverSpdy(role, transport, link, events);
}

export class ForwardsOverSpdy implements PortForward {
  readonly role: Role;
  readonly transport: ForwardTransport & { readonly kind: 'spdy' | 'tunnel' };
  readonly #events: ForwardEvents;
  readonly #connection: SpdyConnection;
  readonly #tunnel: WebSocketMessages | null;
  readonly #pairs = new Set<Pair>();
  /** Streams of server ends whose other half has not come, by number. */
  readonly #halves = new Map<string, Pair>();
  #isGoingAway = false;
  #isTunnelClean = false;
  #isOver = false;

  constructor(
    role: Role,
    transport: ForwardTransport & { readonly kind: 'spdy' | 'tunnel' },
    link: Link,
    events: ForwardEvents,
  ) {
    this.role = role;
    this.transport = transport;
    this.#events = events;
    const tunnel =
      transport.kind === 'spdy'
        ? null
        : new WebSocketMessages(role, link, {
            piece: (content, _isFirst, _isLast, isText) => {
              if (isText) throw broken('a text where SPDY belongs');
              this.#connection.push(content);
            },
            over: (isClean) => this.#tunnelOver(isClean),
          });
    this.#tunnel = tunnel;
    const inner: Link =
      tunnel === null ? link : { write: (view) => tunnel.write(view, false), end: () => tunnel.close() };
    this.#connection = new SpdyConnection(role, inner, 2 * limits.forwardsMax, {
      opened: (stream) => this.#opened(stream),
      goingAway: () => {
        this.#isGoingAway = true;
        this.#perhapsOver();
      },
      over: (isClean) => this.#over(isClean || this.#isTunnelClean),
    });
  }

  get forwards(): readonly Forward[] {
    return [...this.#pairs].filter((pair) => pair.isOpen);
  }

  start(): void {
    // The client opens streams when somebody connects; until then nothing is said.
  }

  push(view: Buffer): void {
    if (this.#tunnel === null) this.#connection.push(view);
    else this.#tunnel.push(view);
  }

  finish(): void {
    if (this.#tunnel === null) this.#connection.finish();
    else this.#tunnel.finish();
  }

  close(): void {
    this.#isOver = true;
    for (const pair of [...this.#pairs]) pair.reset();
    this.#connection.close();
  }

  open(port: number, requestId: string): Forward {
    const pair = new Pair(port, requestId, this.role);
    const headersOf = (type: string): Map<string, string> =>
      new Map([
        ['streamtype', type],
        ['port', String(port)],
        ['requestid', requestId],
      ]);
    if (this.#connection.streams + 2 > 2 * limits.forwardsMax) throw streamErrors('kubernetes.too-many-forwards');
    this.#pairs.add(pair);
    pair.error = this.#connection.open(headersOf('error'), this.#eventsOf(pair, 'error'));
    // Nobody writes there but the server.
    pair.error.end();
    pair.data = this.#connection.open(headersOf('data'), this.#eventsOf(pair, 'data'));
    return pair;
  }

  #opened(stream: SpdyStream): SpdyStreamEvents | null {
    const type = stream.headers.get('streamtype');
    const port = portOf(stream.headers.get('port'));
    if ((type !== 'error' && type !== 'data') || port === null || this.#isGoingAway) return null;
    const requestId = stream.headers.get('requestid') ?? '';
    if (Buffer.byteLength(requestId) > limits.requestIdBytesMax) return null;
    // Clients before 1.1 gave no number: their streams come in pairs, the error stream first.
    const key = requestId === '' ? `stream ${type === 'error' ? stream.id : stream.id - 2}` : requestId;
    const half = this.#halves.get(key);
    if (half !== undefined && (half[type] !== null || half.port !== port)) return null;
    const pair = half ?? new Pair(port, requestId, this.role);
    pair[type] = stream;
    this.#pairs.add(pair);
    if (half === undefined) {
      pair.key = key;
      this.#halves.set(key, pair);
    } else this.#halves.delete(key);
    return this.#eventsOf(pair, type);
  }

  #eventsOf(pair: Pair, type: 'error' | 'data'): SpdyStreamEvents {
    return {
      agreed: () => {
        if (pair.error?.isAgreed !== true || pair.data?.isAgreed !== true) return;
        pair.isOpen = true;
        if (!this.#isOver) this.#events.opened(pair);
      },
      data: (view) => {
        if (type === 'error') {
          if (this.role === 'client') pair.text(view);
          return;
        }
        pair.count(view.length);
        if (pair.isOpen) this.#events.data(pair, view);
        // Before its error stream came nobody knows of it.
        else throw broken('data of a connection that has no error stream');
      },
      reset: () => {
        // Refused: a data stream without its error stream is of no use, nor the other way round.
        if (this.role === 'client' && !pair.isOpen) pair.reset();
      },
      ended: () => {
        if (this.#isOver) return;
        if (type === 'data') {
          if (pair.isOpen) this.#events.ended(pair);
          return;
        }
        const text = pair.said;
        if (text !== '') this.#events.failed(pair, text);
      },
      closed: () => {
        if (type === 'data' && this.role === 'server') pair.error?.reset();
        const isWhole = pair.error !== null && pair.data !== null;
        if (++pair.closed < (isWhole ? 2 : 1) || !this.#pairs.delete(pair)) return;
        if (this.#halves.get(pair.key) === pair) this.#halves.delete(pair.key);
        // One half alone was never reported.
        const wasTold = pair.isOpen || this.role === 'client';
        pair.isOpen = false;
        if (wasTold) this.#events.closed(pair);
        this.#perhapsOver();
      },
    };
  }

  #perhapsOver(): void {
    if (this.#isGoingAway && this.#pairs.size === 0) this.#over(true);
  }

  #tunnelOver(isClean: boolean): void {
    this.#isTunnelClean = isClean;
    this.#connection.finish();
    this.#over(isClean);
  }

  #over(isClean: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const pair of [...this.#pairs]) {
      this.#pairs.delete(pair);
      if (pair.isOpen || this.role === 'client') this.#events.closed(pair);
    }
    this.#events.over(isClean);
  }
}

/** Two streams that are one connection. */
class Pair implements Forward {
  readonly port: number;
  readonly requestId: string;
  key = '';
  error: SpdyStream | null = null;
  data: SpdyStream | null = null;
  isOpen = false;
  /** Of its streams. */
  closed = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly #role: Role;
  readonly #texts: Buffer[] = [];
  #textBytes = 0;

  constructor(port: number, requestId: string, role: Role) {
    this.port = port;
    this.requestId = requestId;
    this.#role = role;
  }

  get said(): string {
    return Buffer.concat(this.#texts).toString('utf8');
  }

  text(view: Buffer): void {
    const kept = view.subarray(0, limits.statusBytesMax - this.#textBytes);
    this.#textBytes += kept.length;
    if (kept.length > 0) this.#texts.push(Buffer.from(kept));
  }

  /** Bytes that came from the peer. */
  count(bytes: number): void {
    if (this.#role === 'server') this.bytesIn += bytes;
    else this.bytesOut += bytes;
  }

  write(view: Buffer): boolean {
    if (this.data === null || this.data.isEndedHere) return true;
    if (this.#role === 'server') this.bytesOut += view.length;
    else this.bytesIn += view.length;
    return this.data.write(view);
  }

  end(): void {
    // A kubelet ends them in this order; once the data is through there is nothing to say on the error stream.
    if (this.#role === 'server') this.error?.end();
    this.data?.end();
  }

  fail(text: string): void {
    if (this.#role !== 'server') return;
    if (this.error !== null && !this.error.isEndedHere) this.error.write(Buffer.from(text));
    this.end();
  }

  reset(): void {
    this.error?.reset();
    this.data?.reset();
  }
}

function portOf(text: string | undefined): number | null {
  if (text === undefined || !/^[0-9]{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : null;
}

function broken(what: string): Error {
  return streamErrors('kubernetes.channels', { values: { what } });
}
