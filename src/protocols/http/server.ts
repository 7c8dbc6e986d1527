/**
 * One accepted connection: TLS, the version of HTTP, and who reads it: this room for HTTP/1.1, Node for HTTP/2.
 *
 * Invariants:
 * - Without TLS nothing is taken where the listener requires it.
 * - What is no HTTP/1.1 is 400, or 431, and the connection is closed.
 * - HTTP/2 has budgets per connection: streams, resets, PING and SETTINGS, heads, memory (A-HTTP-03).
 *
 * Deliberately absent: sockets and listeners; h2c by Upgrade (RFC 9113, section 3.1).
 */
import { constants, createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { describeError } from '../../base/errors.ts';
import { socketOf } from '../../base/sockets.ts';
import type { Wire } from '../../base/wire.ts';
import type { Door, ProtocolServer } from '../../core/protocol.ts';
import { Http2Exchange } from './client.ts';
import { Http1Client } from './client-http1.ts';
import { Connection, rawAnswer } from './connection.ts';
import { Conversations } from './conversation.ts';
import type { Dialect } from './dialect.ts';
import { httpErrors } from './errors.ts';
import type { FramingFault } from './head.ts';
import * as limits from './limits.ts';

/** How a connection of HTTP/2 begins (RFC 9113, section 3.4); no method of HTTP/1.1 is called so. */
const preface = Buffer.from('PRI ');

export class HttpServer implements ProtocolServer {
  readonly #dialect: Dialect;
  readonly #conversations: Conversations;
  readonly #http2: Http2Server;
  /** The one whose HTTP/2 session is being made: Node makes it within the call. */
  #arriving: { readonly connection: Connection; readonly socket: Duplex } | null = null;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#conversations = new Conversations(dialect);
    this.#http2 = createHttp2Server({
      maxSessionMemory: limits.connectionMemoryMegabytes,
      maxHeaderListPairs: limits.fieldsMax,
      maxSettings: limits.settingsPerFrameMax,
      maxOutstandingPings: 10,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      // Behind the room's own count, which sees those that the client has the server do.
      streamResetBurst: 2 * limits.resetsBurst,
      streamResetRate: 2 * limits.resetsPerSecond,
      settings: {
        maxConcurrentStreams: limits.streamsMax,
        maxHeaderListSize: limits.headBytesMax,
        initialWindowSize: limits.streamWindowBytes,
        enablePush: false,
        enableConnectProtocol: false,
      },
    });
    this.#http2.on('session', (session) => this.#session(session));
    this.#http2.on('sessionError', () => undefined);
  }

  async accept(client: Wire, door: Door): Promise<void> {
    let first: Buffer;
    try {
      first = await secured(client, door);
    } catch (error) {
      door.log.debug('a connection did not begin', { detail: describeError(error) });
      door.clock.after(limits.goodbyeLingerMs, () => client.destroy());
      return;
    }
    const { tls } = client;
    const isHttp2 = tls === null ? first.subarray(0, preface.length).equals(preface) : tls.alpn === 'h2';
    await new Promise<void>((resolve) => {
      if (isHttp2) this.#acceptHttp2(client, door, first, resolve);
      else this.#acceptHttp1(client, door, first, resolve);
    });
  }

  #acceptHttp1(wire: Wire, door: Door, first: Buffer, over: () => void): void {
    const { clock } = door;
    const onAbort = (): void => http1.tear();
    const gone = (): void => {
      door.signal.removeEventListener('abort', onAbort);
      connection.close();
      over();
    };
    const connection = this.#connection(wire, door, onAbort);
    const http1 = new Http1Client({
      wire,
      connection,
      clock,
      upgrades: this.#dialect.upgrades,
      onUpgrade: (request) => {
        const socket = socketOf(wire, {
          gatherBytesMax: limits.gatherBytesMax,
          destroy: (ended) => linger(ended, clock),
        });
        door.signal.removeEventListener('abort', onAbort);
        const abort = (): void => void socket.destroy();
        door.signal.addEventListener('abort', abort, { once: true });
        socket.on('error', abort);
        socket.on('close', () => {
          door.signal.removeEventListener('abort', abort);
          gone();
        });
        this.#dialect.switch(connection, request, socket);
      },
      onFault: (fault) => {
        const last = this.#faultOf(fault, connection);
        if (last !== null) wire.write(last);
        clock.after(limits.goodbyeLingerMs, onAbort);
      },
      onGone: () => {
        if (!wire.closed) linger(wire, clock);
        gone();
      },
    });
    door.signal.addEventListener('abort', onAbort, { once: true });
    if (first.length > 0) connection.touch();
    http1.start(first);
  }

  /** What the client is told of bytes that are no HTTP, where a request before them does not take the answer. */
  #faultOf(fault: FramingFault, connection: Connection): Buffer | null {
    const told =
      fault.kind === 'too-large'
        ? httpErrors('http.head-too-large')
        : fault.kind === 'connect'
          ? httpErrors('http.method-refused', { values: { method: 'CONNECT' } })
          : httpErrors('http.malformed', { values: { what: fault.message } });
    if (told.kind === 'protocol') connection.door.violation('client', told.code, fault.message);
    if (!connection.isBusy) return rawAnswer(told, this.#dialect);
    // An answer that is under way cannot be followed by another.
    connection.breakOff(told);
    return null;
  }

  #acceptHttp2(wire: Wire, door: Door, first: Buffer, over: () => void): void {
    const socket: Duplex = socketOf(wire, {
      first,
      gatherBytesMax: limits.gatherBytesMax,
      onRead: () => connection.touch(),
      destroy: (ended) => linger(ended, door.clock),
    });
    const onAbort = (): void => void socket.destroy();
    door.signal.addEventListener('abort', onAbort, { once: true });
    const connection = this.#connection(wire, door, onAbort);
    if (first.length > 0) connection.touch();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      door.signal.removeEventListener('abort', onAbort);
      connection.close();
      over();
    });
    this.#arriving = { connection, socket };
    this.#http2.emit('connection', socket);
    this.#arriving = null;
  }

  #connection({ tls }: Wire, door: Door, destroy: () => void): Connection {
    return new Connection({
      door,
      dialect: this.#dialect,
      conversations: this.#conversations,
      scheme: tls === null ? 'http' : 'https',
      serverName: tls?.serverName ?? null,
      certificate: tls?.clientCertificate ?? null,
      destroy,
    });
  }

  #session(session: ServerHttp2Session): void {
    const arriving = this.#arriving;
    if (arriving === null) {
      session.destroy();
      return;
    }
    const { connection, socket } = arriving;
    const { clock } = connection.door;
    let frames = 0;
    let sinceMs = clock.monotonic();
    let isTooMuch = false;
    const tooMuch = (what: string): void => {
      if (isTooMuch) return;
      isTooMuch = true;
      connection.door.violation('client', 'http.too-many', what);
      goAway(session);
    };
    const count = (): void => {
      const nowMs = clock.monotonic();
      if (nowMs - sinceMs > limits.floodWindowMs) [frames, sinceMs] = [0, nowMs];
      if (++frames > limits.controlFramesMax) tooMuch('PING and SETTINGS frames');
    };
    session.on('ping', count);
    session.on('remoteSettings', count);
    session.on('error', (error) => {
      if (!isTooMuch) connection.door.violation('client', 'http.malformed', describeError(error));
      socket.destroy();
    });
    session.on('close', () => socket.destroy());
    session.setLocalWindowSize(limits.connectionWindowBytes);
    let resets = 0;
    let resetsAtMs = clock.monotonic();
    // CVE-2023-44487: each costs us a request, and the client two frames. What nghttp2 counts itself does not reach it.
    const reset = (): void => {
      const nowMs = clock.monotonic();
      resets = Math.max(0, resets - ((nowMs - resetsAtMs) / 1000) * limits.resetsPerSecond) + 1;
      resetsAtMs = nowMs;
      if (resets > limits.resetsBurst) tooMuch('streams that were reset');
    };
    session.on('stream', (stream, _headers, _flags, raw?: string[]) => {
      stream.on('close', () => {
        // Whoever reset it, and with whatever code: a client can have the server do it, too (CVE-2025-8671).
        if (stream.aborted || (stream.rstCode ?? 0) !== constants.NGHTTP2_NO_ERROR) reset();
      });
      connection.take(new Http2Exchange(stream, raw ?? []));
    });
  }
}

/** GOAWAY with a reason. Node takes the code in the place of an error, whatever its types say. */
function goAway(session: ServerHttp2Session): void {
  (session.destroy as unknown as (code: number) => void).call(session, constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

/**
 * Ends a wire, and takes what still comes for a moment: closed with bytes unread, the kernel would take back what was said
 * last (RFC 9112, section 9.6).
 */
function linger(wire: Wire, clock: Clock): void {
  const timer = clock.after(limits.goodbyeLingerMs, () => wire.destroy());
  wire.handle({
    read: () => undefined,
    end: () => wire.destroy(),
    drain: () => undefined,
    close: () => timer.cancel(),
  });
  wire.end();
  wire.resume();
}

/** TLS, or proof that the listener does without. Answers the bytes that were read on the way. */
async function secured(client: Wire, door: Door): Promise<Buffer> {
  const { clock, signal } = door;
  const first = await withDeadline(firstBytes(client), limits.handshakeDeadlineMs, 'the first byte', clock, signal);
  // A TLS record of the type handshake (RFC 8446, section 5.1).
  if (first[0] !== 0x16) {
    if (!door.connection.tlsRequired) return first;
    door.violation('client', 'http.tls-required', 'no TLS');
    client.end(Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
    throw httpErrors('http.tls-required');
  }
  const options = { ...door.serverTls(), alpn: ['h2', 'http/1.1'], first };
  try {
    await withDeadline(client.startServerTls(options), limits.handshakeDeadlineMs, 'TLS handshake', clock, signal);
  } catch (cause) {
    throw httpErrors('http.tls-failed', { cause, detail: describeError(cause) });
  }
  return Buffer.alloc(0);
}

/** As many as tell TLS from HTTP/2 and HTTP/1.1. */
function firstBytes(client: Wire): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first = Buffer.alloc(0);
    const gone = (): void => reject(httpErrors('http.tls-failed', { detail: 'closed before the first byte' }));
    client.handle({
      read: (chunk) => {
        first = Buffer.concat([first, chunk]);
        if (first.length < preface.length && preface.subarray(0, first.length).equals(first)) return;
        client.pause();
        resolve(first);
      },
      end: gone,
      drain: () => undefined,
      close: gone,
    });
  });
}
