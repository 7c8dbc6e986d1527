/**
 * The transport seam: one stream of bytes, whatever carries it. Protocol code sees `Wire` and never a socket.
 *
 * Invariants:
 * - `pendingBytes` is bounded by the caller: `write` answering `false` means "stop feeding me until `drain`".
 * - A TLS upgrade starts only on a wire whose read buffer is empty (A-PG-01, A-PG-02); the one exception, bytes that
 *   are themselves the beginning of the TLS handshake, is passed explicitly as `first`.
 * - After `close` no other handler method is called.
 *
 * Deliberately absent: framing, deadlines, knowledge of what the bytes mean.
 */
import { X509Certificate } from 'node:crypto';
import { connect as netConnect, type OnReadOpts, type Socket } from 'node:net';
import { type SecureContext, TLSSocket, connect as tlsConnect } from 'node:tls';
import { AlpnChallenge } from './alpn-challenge.ts';
import { assert } from './assert.ts';
import { DirectStream } from './direct-stream.ts';
import { GatewayError } from './errors.ts';
import { handles, type Transport, transport } from './handles.ts';
import { largeReadBytes, type Reader, Reads } from './reads.ts';
import { freeMemory, Region, readBytesMax, regionOf } from './regions.ts';
import { factsOf, type TlsFacts } from './tls-facts.ts';

export { serverEndPoint, type TlsFacts } from './tls-facts.ts';

/** Seconds of silence before the kernel probes a peer, so that a half-open peer is found within 45 s (F-09). */
export const keepAliveDelayMs = 15_000;

export interface WireHandler {
  /**
   * Bytes as they arrived. The chunk belongs to the handler from here on and is never reused by the wire, unless the
   * handler `borrows`.
   */
  read(chunk: Buffer): void;
  /**
   * True: the chunk is the handler's during the call of `read` only, and the wire may read into it again afterwards.
   * What is kept longer must be copied; what is handed to the `write` of any wire within the call need not be.
   */
  readonly borrows?: boolean;
  /** The peer will send no more. */
  end(): void;
  /** What was pending has been handed to the kernel; writing may go on. */
  drain(): void;
  /** The wire is gone. Called once, last. */
  close(error: Error | null): void;
}

/** What a server presents. */
export interface ServerIdentity {
  readonly secureContext: SecureContext;
  /** The server's own certificate in DER, for `tls-server-end-point`. */
  readonly certificate: Buffer;
}

export interface ServerTlsOptions extends ServerIdentity {
  /**
   * What to present to who asks for a name (SNI), where it is another; null: it is not. Sessions outlive what is presented,
   * unless `secureContext` is made anew: for bindings to the channel that must be done when an answer changes.
   */
  readonly identityFor?: (serverName: string) => Promise<ServerIdentity | null>;
  /** Asks the client for a certificate. It need not have one, and whoever reads it from the facts decides what it is worth. */
  readonly requestCertificate?: boolean;
  /** ALPN protocols accepted; a client that offers ALPN without any of them is refused by TLS itself. */
  readonly alpn?: readonly string[];
  /**
   * What to present to who asks for a name only to see it proved (alpn-challenge.ts); null: nothing is to be proved for it.
   * Only where `alpn` is given.
   */
  readonly challengeFor?: (serverName: string) => ServerIdentity | null;
  /** Bytes already read that begin the handshake (direct TLS). */
  readonly first?: Buffer;
}

export interface ClientTlsOptions {
  /** PEM certificates to trust; the system's when absent. */
  readonly ca?: string;
  /** Name to check the certificate against, and to send as SNI; null checks the chain but not the name. */
  readonly serverName: string | null;
  /** False accepts any certificate: the `require` mode, which protects against listening only. */
  readonly verify: boolean;
  readonly alpn?: readonly string[];
  /** What we show of ourselves where the server asks: PEM texts that belong together. */
  readonly certificate?: { readonly certificate: string; readonly key: string };
}

export interface Wire {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes written and not yet taken by the kernel. */
  readonly pendingBytes: number;
  readonly tls: TlsFacts | null;
  readonly closed: boolean;
  /** Sets who is called; replaces the handler before. Reading starts with the first handler. */
  handle(handler: WireHandler): void;
  /** Sends `view`, which the caller must not change afterwards. False: wait for `drain` before feeding more. */
  write(view: Buffer): boolean;
  pause(): void;
  resume(): void;
  /** Reads nothing while frozen, whatever `pause` and `resume` say meanwhile: for who stops a session from outside. */
  freeze?(frozen: boolean): void;
  /** Sends what is pending and then closes our direction. */
  end(last?: Buffer): void;
  /** Drops the connection now. */
  destroy(error?: Error): void;
  startServerTls(options: ServerTlsOptions): Promise<void>;
  startClientTls(options: ClientTlsOptions): Promise<void>;
}

/** A wire over TCP, and over TLS once upgraded. */
export class SocketWire implements Wire {
  #socket: Socket | TLSSocket;
  #handler: WireHandler | null = null;
  #tls: TlsFacts | null = null;
  #closed = false;
  #paused = false;
  #frozen = false;
  /** Plain TCP over the `handles` transport; null for TLS, and on the public interface. */
  #direct: DirectStream | null = null;
  readonly #transport: Transport;
  #reads: Reads | null;
  #closeError: Error | null = null;
  #detach: (() => void) | null = null;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;

  /** `reads`: where the public interface reads plain bytes into, for a socket that was made with it. */
  constructor(socket: Socket, by: Transport = transport(), reads: Reads | null = null) {
    this.#socket = socket;
    this.#reads = reads;
    this.#transport = by;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.localPort = socket.localPort ?? 0;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveDelayMs);
    this.#attach(socket);
  }

  /** Connects to `host:port`. Rejects when the connection fails or `signal` aborts. */
  static dial(host: string, port: number, signal: AbortSignal): Promise<SocketWire> {
    return new Promise((resolve, reject) => {
      const by = transport();
      // Into memory that is used again: a stream of its own would allocate for each read.
      const reads = by === 'public' ? new Reads() : null;
      const socket = netConnect({
        host,
        port,
        noDelay: true,
        allowHalfOpen: true,
        ...(reads === null ? {} : { onread: onreadOf(reads) }),
      });
      const onAbort = (): void => {
        socket.destroy();
        reject(signal.reason);
      };
      const onError = (error: Error): void => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('error', onError);
      socket.once('connect', () => {
        signal.removeEventListener('abort', onAbort);
        socket.removeListener('error', onError);
        resolve(new SocketWire(socket, by, reads));
      });
    });
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }
  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }
  get pendingBytes(): number {
    return this.#socket.writableLength + (this.#direct?.pendingBytes ?? 0);
  }
  get tls(): TlsFacts | null {
    return this.#tls;
  }
  get closed(): boolean {
    return this.#closed;
  }

  handle(handler: WireHandler): void {
    const first = this.#handler === null;
    this.#handler = handler;
    if (this.#closed) queueMicrotask(() => this.#handler === handler && handler.close(this.#closeError));
    else if (first && !this.#paused) this.#resume();
  }

  write(view: Buffer): boolean {
    if (this.#closed || this.#socket.writableEnded) return true;
    if (this.#direct !== null) return this.#direct.write(view);
    const region = regionOf(view);
    if (region === null) return this.#socket.write(view);
    region.lend();
    return this.#socket.write(view, () => region.giveBack());
  }

  pause(): void {
    this.#paused = true;
    this.#pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#handler !== null) this.#resume();
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (frozen) this.#pause();
    else if (!this.#paused && this.#handler !== null) this.#resume();
  }

  #pause(): void {
    if (this.#direct !== null) this.#direct.stop();
    else this.#socket.pause();
  }

  #resume(): void {
    if (this.#frozen) return;
    if (this.#direct !== null) this.#direct.start();
    else this.#socket.resume();
  }

  end(last?: Buffer): void {
    if (this.#closed || this.#socket.writableEnded) return;
    if (last === undefined) this.#socket.end();
    else this.#socket.end(last);
  }

  destroy(error?: Error): void {
    if (error !== undefined) this.#closeError ??= error;
    this.#socket.destroy();
  }

  async startServerTls(options: ServerTlsOptions): Promise<void> {
    const raw = this.#release(options.first);
    const challenge = new AlpnChallenge(options);
    const identityFor = challenge.identityFor();
    let named: ServerIdentity | null = null;
    let isNamed = false;
    const tls: TLSSocket = new TLSSocket(raw, {
      isServer: true,
      secureContext: options.secureContext,
      ...(options.requestCertificate === true ? { requestCert: true, rejectUnauthorized: false } : {}),
      ...(identityFor === undefined
        ? {}
        : {
            SNICallback: sniCallback(identityFor, (identity) => {
              named = identity;
              isNamed = true;
            }),
          }),
      ...challenge.alpn(() => tls),
    });
    // A client that begins its handshake again and again would make us compute for nothing.
    tls.disableRenegotiation();
    await this.#secured(tls, 'secure');
    challenge.end(tls);
    const { servername } = tls as { servername?: unknown };
    const serverName = typeof servername === 'string' ? servername : null;
    const clientCertificate = tls.getPeerX509Certificate()?.raw ?? null;
    // For a session that is resumed nobody looked, and TLS itself would tell of the certificate without a name.
    if (!isNamed && serverName !== null && identityFor !== undefined) named = await identityFor(serverName);
    const { certificate } = named ?? options;
    this.#tls = { ...factsOf(tls, certificate), serverName, clientCertificate };
  }

  async startClientTls(options: ClientTlsOptions): Promise<void> {
    const raw = this.#release(undefined);
    const tls = tlsConnect({
      socket: raw,
      rejectUnauthorized: options.verify,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.serverName === null || isAddress(options.serverName) ? {} : { servername: options.serverName }),
      ...(options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] }),
      ...(options.certificate === undefined
        ? {}
        : { cert: options.certificate.certificate, key: options.certificate.key }),
      checkServerIdentity: (_host, certificate) => {
        if (options.serverName === null) return undefined;
        const x509 = new X509Certificate(certificate.raw);
        const matches = isAddress(options.serverName)
          ? x509.checkIP(options.serverName)
          : x509.checkHost(options.serverName, { subject: 'default' });
        return matches === undefined ? new Error('certificate name does not match') : undefined;
      },
    });
    await this.#secured(tls, 'secureConnect');
    this.#tls = factsOf(tls, tls.getPeerCertificate().raw ?? null);
  }

  #release(first: Buffer | undefined): Socket {
    assert(this.#tls === null, 'TLS within TLS');
    const raw = this.#socket;
    this.#direct?.release();
    this.#direct = null;
    this.#reads?.release();
    this.#reads = null;
    raw.pause();
    this.#detach?.();
    if (raw.readableLength > 0) {
      raw.destroy();
      throw new GatewayError('base.plaintext-before-tls', 'protocol', 'Unencrypted data followed the request for TLS.');
    }
    if (first !== undefined) raw.unshift(first);
    return raw;
  }

  #secured(tls: TLSSocket, event: 'secure' | 'secureConnect'): Promise<void> {
    this.#socket = tls;
    // Node tells what is wrong with later records by this event alone on a server's socket that no tls.Server owns, and
    // would leave the connection open and deaf.
    tls.on('_tlsError', (error: Error) => tls.destroy(error));
    return new Promise((resolve, reject) => {
      const onFailure = (error?: Error): void => {
        tls.destroy();
        this.#onClose(error ?? null);
        reject(error ?? new Error('connection closed during the TLS handshake'));
      };
      const onClose = (): void => onFailure();
      tls.once('error', onFailure);
      tls.once('close', onClose);
      // A peer that leaves half-way ends the stream, which is noticed only by reading; nothing can be read that matters
      // before the handshake is done, and then the handler reads.
      tls.once('end', onClose);
      tls.resume();
      tls.once(event, () => {
        tls.removeListener('error', onFailure);
        tls.removeListener('close', onClose);
        tls.removeListener('end', onClose);
        this.#attach(tls);
        if (this.#handler !== null && !this.#paused && !this.#frozen) tls.resume();
        resolve();
      });
    });
  }

  #attach(socket: Socket | TLSSocket): void {
    const onData = (chunk: Buffer): void => this.#handler?.read(chunk);
    const wire = this;
    const reader: Reader = {
      read: onData,
      get borrows() {
        return wire.#handler?.borrows === true;
      },
    };
    if (this.#reads !== null) this.#reads.reader = reader;
    if (handles !== null && this.#transport === 'handles' && this.#tls === null && !(socket instanceof TLSSocket)) {
      this.#direct = DirectStream.over(socket, handles, {
        read: onData,
        get borrows() {
          return reader.borrows;
        },
        drain: () => this.#handler?.drain(),
      });
    }
    const onEnd = (): void => this.#handler?.end();
    const onDrain = (): void => this.#handler?.drain();
    const onError = (error: Error): void => {
      this.#closeError ??= error;
    };
    const onClose = (): void => this.#onClose(this.#closeError);
    if (this.#direct === null) socket.pause();
    const onChunk = (chunk: Buffer): void => {
      if (reader.borrows) lend(chunk, onData);
      else onData(chunk);
    };
    socket.on('data', onChunk).on('end', onEnd).on('drain', onDrain).on('error', onError).on('close', onClose);
    // The direct stream's socket flows always: it tells the end, and has nothing else to tell.
    if (this.#handler !== null && !this.#paused) this.#resume();
    else if (this.#direct === null) socket.pause();
    this.#detach = () => {
      socket.off('data', onChunk).off('end', onEnd).off('drain', onDrain).off('error', onError).off('close', onClose);
    };
  }

  #onClose(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#direct?.closed();
    this.#reads?.release();
    this.#handler?.close(error);
  }
}

/** What makes a socket of Node read into `reads`. */
function onreadOf(reads: Reads): OnReadOpts {
  return {
    buffer: () => reads.memory,
    callback: (bytes) => {
      reads.take(bytes);
      return true;
    },
  };
}

/** What Node's own stream read lies in memory allocated for that one read: it is freed at once where somebody borrows. */
function lend(chunk: Buffer, read: (view: Buffer) => void): void {
  if (chunk.length < largeReadBytes || chunk.length > readBytesMax) {
    read(chunk);
    return;
  }
  const region = Region.take();
  const view = region.room.subarray(0, chunk.length);
  view.set(chunk);
  freeMemory(chunk);
  try {
    read(view);
  } finally {
    region.leave();
  }
}

function isAddress(name: string): boolean {
  return /^[0-9.]+$/.test(name) || name.includes(':');
}

/** How a TLS socket of Node asks for the context of a name; `onFound` is told what it got. */
function sniCallback(
  identityFor: NonNullable<ServerTlsOptions['identityFor']>,
  onFound: (identity: ServerIdentity | null) => void,
): (name: string, done: (error: Error | null, context?: SecureContext) => void) => void {
  return (name, done) => {
    identityFor(name).then(
      (identity) => {
        onFound(identity);
        if (identity === null) done(null);
        else done(null, identity.secureContext);
      },
      (error: unknown) => done(error instanceof Error ? error : new Error('no certificate')),
    );
  };
}
