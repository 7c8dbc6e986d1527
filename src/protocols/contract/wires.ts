/**
 * The wires of a test: a tap between protocol and wire, a valve between gateway and server, and a client that sends
 * nothing but what it is told.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ClientTlsOptions, ServerTlsOptions, TlsFacts, Wire, WireHandler } from '../../base/wire.ts';

/** Bytes kept of what was sent; what lies beyond is counted. */
const keptBytesMax = 4 * 1024 * 1024;

/** Sees what a protocol writes to a wire, and cuts what it reads. */
export class TapWire implements Wire {
  /** What was written, from the first byte, as far as it is kept. */
  readonly #sent: Buffer[] = [];
  sentBytes = 0;
  /** The most that waited for the kernel after any write. */
  pendingBytesMax = 0;
  /** True while the protocol wants nothing to be read. */
  paused = false;
  /** Called before each write. */
  onWrite: ((view: Buffer) => void) | null = null;
  readonly #wire: Wire;
  readonly #cutBytes: number | null;
  #handler: WireHandler | null = null;
  #waiting: Buffer[] = [];
  #ended = false;
  #endTold = false;
  #closed: { error: Error | null } | null = null;
  #flushing = false;

  constructor(wire: Wire, cutBytes: number | null) {
    this.#wire = wire;
    this.#cutBytes = cutBytes;
  }

  get remoteAddress(): string {
    return this.#wire.remoteAddress;
  }
  get remotePort(): number {
    return this.#wire.remotePort;
  }
  get bytesRead(): number {
    return this.#wire.bytesRead;
  }
  get bytesWritten(): number {
    return this.#wire.bytesWritten;
  }
  get pendingBytes(): number {
    return this.#wire.pendingBytes;
  }
  get tls(): TlsFacts | null {
    return this.#wire.tls;
  }
  get closed(): boolean {
    return this.#wire.closed;
  }
  get sent(): Buffer {
    return Buffer.concat(this.#sent);
  }

  handle(handler: WireHandler): void {
    this.#handler = handler;
    if (this.#cutBytes === null) {
      this.#wire.handle(handler);
      return;
    }
    this.#wire.handle({
      read: (chunk) => {
        this.#waiting.push(chunk);
        this.#flush();
      },
      end: () => {
        this.#ended = true;
        this.#flush();
      },
      drain: () => this.#handler?.drain(),
      close: (error) => {
        this.#closed = { error };
        this.#flush();
      },
    });
    queueMicrotask(() => this.#flush());
  }

  write(view: Buffer): boolean {
    this.onWrite?.(view);
    this.#note(view);
    const flowing = this.#wire.write(view);
    this.pendingBytesMax = Math.max(this.pendingBytesMax, this.#wire.pendingBytes);
    return flowing;
  }

  end(last?: Buffer): void {
    if (last !== undefined) {
      this.onWrite?.(last);
      this.#note(last);
    }
    this.#wire.end(last);
  }

  pause(): void {
    this.paused = true;
    this.#wire.pause();
  }

  resume(): void {
    this.paused = false;
    this.#wire.resume();
    if (this.#cutBytes !== null) queueMicrotask(() => this.#flush());
  }

  destroy(error?: Error): void {
    this.#waiting = [];
    this.#wire.destroy(error);
  }

  startServerTls(options: ServerTlsOptions): Promise<void> {
    return this.#wire.startServerTls(options);
  }

  startClientTls(options: ClientTlsOptions): Promise<void> {
    return this.#wire.startClientTls(options);
  }

  #note(view: Buffer): void {
    this.sentBytes += view.length;
    // A copy: the protocol may hand over a view of a buffer that it uses again.
    if (this.sentBytes <= keptBytesMax) this.#sent.push(Buffer.from(view));
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    while (this.#waiting.length > 0 && !this.paused && this.#closed === null) {
      const chunk = this.#waiting[0]!;
      const cut = Math.min(this.#cutBytes!, chunk.length);
      if (cut === chunk.length) this.#waiting.shift();
      else this.#waiting[0] = chunk.subarray(cut);
      // A copy, so that a protocol that reads past its view is found out.
      this.#handler?.read(Buffer.from(chunk.subarray(0, cut)));
    }
    if (this.#waiting.length === 0 && this.#ended && !this.#endTold && !this.paused && this.#closed === null) {
      this.#endTold = true;
      this.#handler?.end();
    }
    if (this.#closed !== null) {
      this.#waiting = [];
      this.#handler?.close(this.#closed.error);
      this.#handler = null;
    }
    this.#flushing = false;
  }
}

/** Stands before the server; can stop taking, cut, and speak in the server's place. */
export class Valve {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** Connections that came, and those still open. */
  connections = 0;
  readonly #server: Server;
  readonly #pairs = new Set<{ gateway: Socket; upstream: Socket }>();
  #held = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async open(upstream: { readonly host: string; readonly port: number }): Promise<Valve> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const valve = new Valve(server, typeof address === 'object' && address !== null ? address.port : 0);
    server.on('connection', (gateway) => valve.#join(gateway, upstream));
    return valve;
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** Takes nothing from the gateway any more: a server that does not read. */
  hold(): void {
    this.#held = true;
    for (const { gateway } of this.#pairs) gateway.pause();
  }

  release(): void {
    this.#held = false;
    for (const { gateway } of this.#pairs) gateway.resume();
  }

  /** The server is gone. */
  cut(): void {
    for (const { gateway, upstream } of this.#pairs) {
      gateway.resetAndDestroy();
      upstream.destroy();
    }
  }

  /** Sends to the gateway in the server's name. */
  speak(bytes: Buffer): void {
    for (const { gateway } of this.#pairs) gateway.write(bytes);
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(gateway: Socket, target: { readonly host: string; readonly port: number }): void {
    this.connections++;
    const upstream = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
    gateway.setNoDelay(true);
    const pair = { gateway, upstream };
    this.#pairs.add(pair);
    const relay = (from: Socket, to: Socket): void => {
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => {
        if (from !== gateway || !this.#held) from.resume();
      });
      from.on('end', () => to.end());
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    };
    relay(gateway, upstream);
    relay(upstream, gateway);
    if (this.#held) gateway.pause();
  }
}

/** Sends what it is told and keeps what it gets. */
export class RawClient {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #loginBytes = 0;
  receivedBytes = 0;
  ended = false;
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.receivedBytes += chunk.length;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async connect(host: string, port: number): Promise<RawClient> {
    const socket = connect({ host, port, allowHalfOpen: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Everything since the connection began. */
  get all(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Everything since the login was over. */
  get received(): Buffer {
    return this.all.subarray(this.#loginBytes);
  }

  /** The harness says so when it has read the answer to its login: `bytes` of `all` belong to it. */
  loggedIn(bytes: number): void {
    this.#loginBytes = bytes;
  }

  /** Resolves when the kernel has taken it. */
  async write(bytes: Buffer): Promise<void> {
    if (!this.socket.write(bytes))
      await until(() => this.closed || !this.socket.writableNeedDrain, 'the kernel to take it');
  }

  /** Reads no more until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Sends no more, and goes on reading. */
  halfClose(): void {
    this.socket.end();
  }

  vanish(): void {
    this.socket.resetAndDestroy();
  }
}

/** Waits until `condition` holds; says what it waited for when that takes too long. */
export async function until(condition: () => boolean, what: string | (() => string)): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Lets everything that is under way in this process take its course. */
export async function turns(count = 25): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
