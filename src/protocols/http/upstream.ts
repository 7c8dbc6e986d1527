/**
 * The way to the target: connections of one session, over HTTP/1.1 and HTTP/2, each used by that session alone.
 *
 * Invariants:
 * - The address is the resource's; nothing of a request chooses it (A-HTTP-10). TLS and its checks are as the resource says.
 * - A connection on which bytes come that nobody asked for is closed; none is used again whose last answer was not complete.
 * - No command is sent twice: what a closing connection swallowed is told, not repeated.
 *
 * There is no TLS by request in HTTP: `prefer` means what `require` means.
 *
 * Deliberately absent: commands and flows (exchange.ts); pooling across sessions.
 */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Duplex } from 'node:stream';
import { withDeadline } from '../../base/deadline.ts';
import { describeError, GatewayError } from '../../base/errors.ts';
import { socketOf, wireOf } from '../../base/sockets.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Door } from '../../core/protocol.ts';
import type { Session, Upstream } from '../../core/session.ts';
import { httpErrors } from './errors.ts';
import type { Field } from './fields.ts';
import * as limits from './limits.ts';
import { type HttpSettings, schemeOf } from './settings.ts';
import type { Http1Leg } from './upstream-http1.ts';
import { Http2Upstream } from './upstream-http2.ts';
import { Http1Pool } from './upstream-pool.ts';

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  /** Without Host and framing. */
  readonly fields: readonly Field[];
  /** Bytes of the body, null where they are not known; 0 where there is none. */
  readonly bodyBytes: number | null;
  readonly expectsContinue: boolean;
}

export interface UpstreamHandler {
  /** The target asks for the body. */
  proceed(): void;
  head(status: number, fields: Field[], bodyless: boolean): void;
  data(view: Buffer): void;
  end(trailers: Field[]): void;
  drain(): void;
  /** Once, last, instead of `end`. */
  failed(error: GatewayError): void;
}

/** One request on its way, and its answer. */
export interface UpstreamExchange {
  /** The head leaves, though its body is not there yet. */
  begin(): void;
  write(view: Buffer): boolean;
  end(trailers: readonly Field[]): void;
  pause(): void;
  resume(): void;
  /** Nobody wants the answer any more. Nothing is told afterwards. */
  abort(): void;
}

/** The right to one request, and over HTTP/1.1 the connection for it. */
export interface Slot {
  /** Once. */
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange;
  release(): void;
}

export class Upstreams {
  readonly #session: Session;
  readonly #door: Door;
  readonly #settings: HttpSettings;
  readonly #http1: Http1Pool;
  #version: '1.1' | '2' | null;
  #learning: Promise<void> | null = null;
  #http2: ClientHttp2Session | null = null;
  #connecting: Promise<ClientHttp2Session> | null = null;
  #used = 0;
  #waiting: (() => void)[] = [];
  #isOver = false;

  constructor(session: Session, door: Door, settings: HttpSettings) {
    this.#session = session;
    this.#door = door;
    this.#settings = settings;
    const isPlain = schemeOf(session.resource) === 'http';
    this.#version = settings.version !== 'auto' ? settings.version : isPlain ? '1.1' : null;
    this.#http1 = new Http1Pool(door.clock, session.resource.name);
  }

  /** A connection that is there and free, or null. */
  slotNow(): Slot | null {
    if (this.#version !== '1.1' || this.#used >= limits.upstreamConnectionsMax) return null;
    const leg = this.#http1.take();
    if (leg === null) return null;
    this.#used++;
    return this.#slotOf(leg, this.#releasing());
  }

  #releasing(): () => void {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const next = this.#waiting.shift();
      // Who waits takes its place.
      if (next === undefined) this.#used--;
      else next();
    };
  }

  /** Waits for a connection, or for the right to make one. */
  async slot(): Promise<Slot> {
    if (this.#used >= limits.upstreamConnectionsMax) await this.#turn();
    else this.#used++;
    const release = this.#releasing();
    try {
      if (this.#version === null) {
        this.#learning ??= this.#learn();
        await this.#learning;
      }
      return this.#version === '2' ? await this.#http2Slot(release) : await this.#http1Slot(release);
    } catch (error) {
      release();
      throw error;
    }
  }

  async #http1Slot(release: () => void): Promise<Slot> {
    return this.#slotOf(this.#http1.take() ?? this.#http1.add(await this.#connect(['http/1.1'])), release);
  }

  #slotOf(leg: Http1Leg, release: () => void): Slot {
    let isUsed = false;
    return {
      send: (request, handler) => {
        const exchange = leg.send(request, handler);
        isUsed = true;
        return exchange;
      },
      release: () => {
        if (!isUsed) this.#http1.keep(leg);
        isUsed = true;
        release();
      },
    };
  }

  async #http2Slot(release: () => void): Promise<Slot> {
    const { name } = this.#session.resource;
    const http2 = await this.#http2Session();
    return { send: (request, handler) => new Http2Upstream(http2, request, handler, this.#scheme, name), release };
  }

  /** A connection of its own for a conversation that HTTP only begins: HTTP/1.1, whatever else the target speaks. */
  async connection(): Promise<Duplex> {
    return socketOver(await this.#connect(['http/1.1']));
  }

  destroy(): void {
    this.#isOver = true;
    this.#http1.destroy();
    this.#http2?.destroy();
    this.#http2 = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const next of waiting) next();
  }

  get #scheme(): 'http' | 'https' {
    return schemeOf(this.#session.resource);
  }

  async #turn(): Promise<void> {
    let next: (() => void) | null = null;
    const turn = new Promise<void>((resolve) => {
      next = resolve;
      this.#waiting.push(resolve);
    });
    try {
      await withDeadline(turn, this.#settings.answerMs, 'a connection to the target', this.#door.clock);
    } catch (cause) {
      this.#waiting = this.#waiting.filter((one) => one !== next);
      throw httpErrors('http.upstream-slow', { cause, values: { resource: this.#session.resource.name } });
    }
  }

  /** The first connection tells which version the target speaks. */
  async #learn(): Promise<void> {
    try {
      const upstream = await this.#connect(['h2', 'http/1.1']);
      if (upstream.tls?.alpn === 'h2') {
        this.#version = '2';
        this.#adopt(socketOver(upstream));
      } else {
        this.#version = '1.1';
        this.#http1.keep(this.#http1.add(upstream));
      }
    } finally {
      this.#learning = null;
    }
  }

  #http2Session(): Promise<ClientHttp2Session> {
    const open = this.#http2;
    if (open !== null && !open.closed && !open.destroyed) return Promise.resolve(open);
    this.#connecting ??= this.#connect(['h2'])
      .then((upstream) => this.#adopt(socketOver(upstream)))
      .finally(() => {
        this.#connecting = null;
      });
    return this.#connecting;
  }

  #adopt(socket: Duplex): ClientHttp2Session {
    const http2 = connectHttp2(`${this.#scheme}://${this.#settings.authority}`, {
      createConnection: () => socket,
      maxSessionMemory: limits.connectionMemoryMegabytes,
      maxSettings: limits.settingsPerFrameMax,
      settings: {
        enablePush: false,
        initialWindowSize: limits.streamWindowBytes,
        maxHeaderListSize: limits.answerHeadBytesMax,
      },
    });
    http2.setLocalWindowSize(limits.connectionWindowBytes);
    // Each stream tells its own end.
    http2.on('error', (error: Error) => {
      this.#door.log.debug('http2 connection to a target failed', { detail: describeError(error) });
    });
    const drop = (): void => {
      if (this.#http2 === http2) this.#http2 = null;
    };
    http2.on('goaway', drop);
    http2.on('close', drop);
    this.#http2 = http2;
    return http2;
  }

  async #connect(alpn: readonly string[]): Promise<Upstream> {
    const { resource } = this.#session;
    const values = { resource: resource.name };
    // A session that has ended dials nobody.
    if (this.#isOver || this.#session.ended) throw coreErrors('core.upstream-unreachable', { values });
    // Asked for at each connection, so that a renewed certificate is the next one's.
    const certificate =
      resource.credential?.clientCertificate == null ? null : (await this.#session.credential())?.clientCertificate;
    const upstream = await this.#session.dial();
    const { mode, ca, serverName } = resource.tls;
    if (mode !== 'disable') {
      const verify = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && ca !== null);
      const handshake = upstream.startClientTls({
        verify,
        serverName: mode === 'verify-full' || !verify ? (serverName ?? resource.host) : null,
        alpn,
        ...(ca === null ? {} : { ca }),
        ...(certificate == null ? {} : { certificate }),
      });
      try {
        await withDeadline(handshake, limits.upstreamTlsDeadlineMs, 'TLS handshake with the target', this.#door.clock);
      } catch (cause) {
        upstream.destroy();
        throw httpErrors('http.upstream-tls', { cause, detail: describeError(cause), values });
      }
    }
    return upstream;
  }
}

/** A connection as a socket, for what takes nothing else. */
function socketOver(upstream: Upstream): Duplex {
  const socket = socketOf(wireOf(upstream), { gatherBytesMax: limits.gatherBytesMax });
  // Whoever uses it hears of its end by their own means.
  socket.on('error', () => socket.destroy());
  return socket;
}

/** What went wrong on the way to the target, as the person may hear it. */
export function upstreamError(error: unknown, resource: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const context = { cause: error, detail: describeError(error), values: { resource } };
  if (code.startsWith('HPE_') || code.startsWith('ERR_HTTP2_') || code === 'ERR_HTTP_INVALID_HEADER_VALUE') {
    return httpErrors('http.upstream-protocol', context);
  }
  return httpErrors('http.upstream-lost', context);
}
