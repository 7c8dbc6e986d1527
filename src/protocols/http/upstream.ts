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
import { Agent, type ClientRequest, request as sendRequest } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Timer } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { describeError, GatewayError } from '../../base/errors.ts';
import { socketOf, wireOf } from '../../base/sockets.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Door } from '../../core/protocol.ts';
import type { Session } from '../../core/session.ts';
import { httpErrors } from './errors.ts';
import type { Field } from './fields.ts';
import * as limits from './limits.ts';
import { type HttpSettings, schemeOf } from './settings.ts';
import { Http1Upstream } from './upstream-http1.ts';
import { Http2Upstream } from './upstream-http2.ts';

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

/** A connection may be used for one request more. */
export interface Slot {
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange;
  release(): void;
}

interface IdleState {
  isIdle: boolean;
  timer: Timer | null;
}

export class Upstreams {
  readonly #session: Session;
  readonly #door: Door;
  readonly #settings: HttpSettings;
  readonly #agent: Agent;
  readonly #idle = new WeakMap<Duplex, IdleState>();
  #version: '1.1' | '2' | null;
  #learning: Promise<void> | null = null;
  /** Connected to learn the version, and not used yet. */
  #ready: Duplex[] = [];
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
    this.#agent = this.#makeAgent();
  }

  /** Waits for a connection, or for the right to make one. */
  async slot(): Promise<Slot> {
    await this.#turn();
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.#used--;
      this.#waiting.shift()?.();
    };
    const { name } = this.#session.resource;
    try {
      if (this.#version === null) {
        this.#learning ??= this.#learn();
        await this.#learning;
      }
      if (this.#version === '2') {
        const http2 = await this.#http2Session();
        return { send: (request, handler) => new Http2Upstream(http2, request, handler, this.#scheme, name), release };
      }
      return {
        send: (request, handler) => new Http1Upstream(this.#request(request), request, handler, name),
        release,
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** A connection of its own for a conversation that HTTP only begins: HTTP/1.1, whatever else the target speaks. */
  connection(): Promise<Duplex> {
    return this.#connect(['http/1.1']);
  }

  destroy(): void {
    this.#isOver = true;
    this.#agent.destroy();
    for (const socket of this.#ready) socket.destroy();
    this.#ready = [];
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
    if (this.#used < limits.upstreamConnectionsMax) {
      this.#used++;
      return;
    }
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
    this.#used++;
  }

  #request(request: UpstreamRequest): ClientRequest {
    return sendRequest({
      agent: this.#agent,
      method: request.method,
      path: request.target,
      headers: Http1Upstream.rawHead(request),
      setHost: false,
      setDefaultHeaders: false,
      insecureHTTPParser: false,
      maxHeaderSize: limits.answerHeadBytesMax,
    });
  }

  /** The first connection tells which version the target speaks. */
  async #learn(): Promise<void> {
    try {
      const socket = await this.#connect(['h2', 'http/1.1']);
      if (alpnOf.get(socket) === 'h2') {
        this.#version = '2';
        this.#adopt(socket);
      } else {
        this.#version = '1.1';
        this.#ready.push(socket);
      }
    } finally {
      this.#learning = null;
    }
  }

  #http2Session(): Promise<ClientHttp2Session> {
    const open = this.#http2;
    if (open !== null && !open.closed && !open.destroyed) return Promise.resolve(open);
    this.#connecting ??= this.#connect(['h2'])
      .then((socket) => this.#adopt(socket))
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

  #makeAgent(): Agent {
    const agent = new Agent({ keepAlive: true, maxFreeSockets: limits.upstreamConnectionsMax, scheduling: 'lifo' });
    const pool = agent as unknown as {
      createConnection(options: object, done: (error: Error | null, socket?: Duplex) => void): void;
      keepSocketAlive(socket: Duplex): boolean;
      reuseSocket(socket: Duplex, request: ClientRequest): void;
    };
    const reuse = pool.reuseSocket.bind(agent);
    pool.createConnection = (_options, done) => {
      const ready = this.#ready.pop();
      if (ready !== undefined && !ready.destroyed) return done(null, ready);
      this.#connect(['http/1.1']).then(
        (socket) => done(null, socket),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
    };
    pool.keepSocketAlive = (socket) => {
      const state = this.#idle.get(socket);
      if (state === undefined || this.#isOver) return false;
      state.isIdle = true;
      state.timer = this.#door.clock.after(limits.upstreamIdleMs, () => socket.destroy());
      return true;
    };
    pool.reuseSocket = (socket, request) => {
      reuse(socket, request);
      const state = this.#idle.get(socket);
      if (state === undefined) return;
      state.isIdle = false;
      state.timer?.cancel();
    };
    return agent;
  }

  async #connect(alpn: readonly string[]): Promise<Duplex> {
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
    const state: IdleState = { isIdle: false, timer: null };
    const socket: Duplex = socketOf(wireOf(upstream), {
      gatherBytesMax: limits.gatherBytesMax,
      onRead: () => {
        // A server that says something unasked would have it taken for the next answer.
        if (state.isIdle) socket.destroy();
      },
    });
    // Whoever uses it hears of its end by their own means.
    socket.on('error', () => socket.destroy());
    this.#idle.set(socket, state);
    alpnOf.set(socket, upstream.tls?.alpn ?? null);
    return socket;
  }
}

const alpnOf = new WeakMap<Duplex, string | null>();

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
