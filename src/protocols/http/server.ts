/**
 * One accepted connection: TLS, the version of HTTP, and Node's own parsers over the gateway's wire.
 *
 * Invariants:
 * - Without TLS nothing is taken where the listener requires it.
 * - Node's strict parser and nothing else reads HTTP/1.1; what it refuses is 400, or 431, and the connection is closed.
 * - HTTP/2 has budgets per connection: streams, resets, PING and SETTINGS, heads, memory (A-HTTP-03).
 *
 * Deliberately absent: sockets and listeners; h2c by Upgrade (RFC 9113, section 3.1).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { constants, createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { describeError } from '../../base/errors.ts';
import { socketOf } from '../../base/sockets.ts';
import type { Wire } from '../../base/wire.ts';
import type { Door, ProtocolServer } from '../../core/protocol.ts';
import { Http1Exchange, Http2Exchange } from './client.ts';
import { Connection, sayRaw } from './connection.ts';
import { Conversations } from './conversation.ts';
import type { Dialect } from './dialect.ts';
import { httpErrors } from './errors.ts';
import * as limits from './limits.ts';

/** How a connection of HTTP/2 begins (RFC 9113, section 3.4); no method of HTTP/1.1 is called so. */
const preface = Buffer.from('PRI ');

export class HttpServer implements ProtocolServer {
  readonly #dialect: Dialect;
  readonly #conversations: Conversations;
  readonly #connections = new WeakMap<Duplex, Connection>();
  readonly #http1: Server;
  readonly #http2: Http2Server;
  /** The one whose HTTP/2 session is being made: Node makes it within the call. */
  #arriving: { readonly connection: Connection; readonly socket: Duplex } | null = null;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#conversations = new Conversations(dialect);
    this.#http1 = createServer({
      maxHeaderSize: limits.headBytesMax,
      insecureHTTPParser: false,
      requireHostHeader: false,
      joinDuplicateHeaders: false,
      shouldUpgradeCallback: ({ headers }) => dialect.upgrades.includes(headers.upgrade?.toLowerCase() ?? ''),
    });
    // Node would leave out what is beyond, and say nothing: the number is checked when all are there.
    this.#http1.maxHeadersCount = 0;
    // The connection has deadlines of its own: those of Node run for servers that listen.
    this.#http1.keepAliveTimeout = 0;
    this.#http1.on('request', (request, response) => this.#request(request, response, false));
    this.#http1.on('checkContinue', (request, response) => this.#request(request, response, true));
    this.#http1.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http1.on('connect', (_request, socket) => {
      sayRaw(socket, httpErrors('http.method-refused', { values: { method: 'CONNECT' } }), dialect);
    });
    this.#http1.on('clientError', (error: Error & { code?: string }, socket) => this.#malformed(error, socket));
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
      let connection: Connection | null = null;
      const socket: Duplex = socketOf(client, {
        first,
        gatherBytesMax: limits.gatherBytesMax,
        onRead: () => connection?.touch(),
        destroy: (wire) => linger(wire, door.clock),
      });
      const onAbort = (): void => void socket.destroy();
      door.signal.addEventListener('abort', onAbort, { once: true });
      connection = new Connection({
        door,
        dialect: this.#dialect,
        conversations: this.#conversations,
        scheme: tls === null ? 'http' : 'https',
        serverName: tls?.serverName ?? null,
        certificate: tls?.clientCertificate ?? null,
        destroy: onAbort,
      });
      if (first.length > 0) connection.touch();
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        door.signal.removeEventListener('abort', onAbort);
        connection?.close();
        resolve();
      });
      this.#connections.set(socket, connection);
      if (!isHttp2) {
        this.#http1.emit('connection', socket);
        return;
      }
      this.#arriving = { connection, socket };
      this.#http2.emit('connection', socket);
      this.#arriving = null;
    });
  }

  #request(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) {
      request.socket.destroy();
      return;
    }
    connection.takeNext(new Http1Exchange(request, response, expectsContinue));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket);
    // Behind another request its place would be taken by that one's answer; bytes before the switch are nobody's (A-HTTP-08).
    if (connection === undefined || connection.isBusy || head.length > 0) {
      socket.destroy();
      return;
    }
    this.#dialect.switch(connection, request, socket);
  }

  #malformed(error: Error & { code?: string }, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    const code = error.code ?? '';
    const isParser = code.startsWith('HPE_');
    if (isParser) connection?.door.violation('client', 'http.malformed', `${code} ${describeError(error)}`);
    if (!isParser || connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    const overflow = code === 'HPE_HEADER_OVERFLOW' || code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW';
    const told = overflow
      ? httpErrors('http.head-too-large')
      : httpErrors('http.malformed', { values: { what: 'it is no HTTP' } });
    // An answer that is under way cannot be followed by another.
    if (!connection.isBusy) sayRaw(socket, told, this.#dialect);
    else if (!connection.breakOff(told)) {
      socket.destroy();
      return;
    }
    connection.door.clock.after(limits.goodbyeLingerMs, () => socket.destroy());
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
