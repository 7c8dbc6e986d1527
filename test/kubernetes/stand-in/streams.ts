/**
 * exec, attach and port-forward of the stand-in, over what kubectl of any age asks for: SPDY/3.1, WebSocket
 * v5.channel.k8s.io and v4.channel.k8s.io, and SPDY within WebSocket messages for port-forward. Answers with real processes
 * and real connections.
 */
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Container, Running, Streams } from './containers.ts';
import { type Carrier, SpdyConnection, type SpdyStream } from './spdy.ts';
import { acceptKey, WebSocketEnd } from './websocket.ts';

/** Since which version of the API server the stand-in is like one. */
export interface Abilities {
  /** Since 1.30 for exec, 1.31 for port-forward. Before that WebSocket only speaks v4, and kubectl falls back to SPDY. */
  readonly webSocketV5: boolean;
}

type Channel = 'stdin' | 'stdout' | 'stderr' | 'error' | 'resize';
const channels: readonly Channel[] = ['stdin', 'stdout', 'stderr', 'error', 'resize'];
const closeChannel = 255;

/** What a container runtime takes to start a process; an answer that comes at once is lost on kubectl 1.32. */
const startDelayMs = 50;

/** The end of a conversation with a process, whichever way it is carried. */
interface Conversation {
  send(channel: Channel, bytes: Buffer): void;
  /** What the API server sends last, as a Status. */
  finish(status: object): void;
}

interface Shape {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export function shapeOf(query: URLSearchParams): Shape {
  const is = (name: string): boolean => ['true', '1'].includes(query.get(name) ?? '');
  return { stdin: is('stdin'), stdout: is('stdout'), stderr: is('stderr') && !is('tty'), tty: is('tty') };
}

/** Switches protocols and runs `argv` in the container, or joins the container's process where that is null. */
export function serveProcess(
  request: IncomingMessage,
  socket: Duplex,
  container: Container,
  argv: readonly string[] | null,
  shape: Shape,
  abilities: Abilities,
): void {
  const begin = (conversation: Conversation): Input => new Input(container, argv, shape, conversation);
  if (request.headers['upgrade']?.toLowerCase() === 'spdy/3.1') {
    if (!acceptSpdy(request, socket, ['v4.channel.k8s.io'])) return;
    spdyProcess(carried(socket), shape, begin);
    return;
  }
  const offered = offeredProtocols(request);
  const protocol = ['v5.channel.k8s.io', 'v4.channel.k8s.io'].find(
    (one) => offered.includes(one) && (abilities.webSocketV5 || one !== 'v5.channel.k8s.io'),
  );
  const end = acceptWebSocket(request, socket, protocol);
  if (end !== null) webSocketProcess(end, shape, begin);
}

/** What a client says to a process, kept until the process is there. */
class Input {
  readonly #before: ((running: Running) => void)[] = [];
  #running: Running | null = null;
  #isAttached = false;
  #isGone = false;

  constructor(container: Container, argv: readonly string[] | null, shape: Shape, conversation: Conversation) {
    this.#isAttached = argv === null;
    setTimeout(() => void this.#start(container, argv, shape, conversation), startDelayMs);
  }

  take(channel: Channel, bytes: Buffer): void {
    if (channel === 'stdin') this.#do((running) => running.input(bytes));
    if (channel !== 'resize') return;
    for (const line of bytes.toString().split('\n').filter(Boolean)) {
      const { Width, Height } = JSON.parse(line) as { Width: number; Height: number };
      this.#do((running) => running.resize(Height, Width));
    }
  }

  endInput(): void {
    this.#do((running) => running.endInput());
  }

  /** The client left: an exec's process is left alone, as real runtimes do; an attachment ends. */
  gone(): void {
    this.#isGone = true;
    if (this.#isAttached) this.#running?.kill();
  }

  #do(what: (running: Running) => void): void {
    if (this.#running === null) this.#before.push(what);
    else what(this.#running);
  }

  async #start(
    container: Container,
    argv: readonly string[] | null,
    shape: Shape,
    conversation: Conversation,
  ): Promise<void> {
    const streams: Streams = {
      stdout: (bytes) => shape.stdout && conversation.send('stdout', bytes),
      stderr: (bytes) => shape.stderr && conversation.send('stderr', bytes),
    };
    try {
      const running = argv === null ? container.attach(streams) : container.run(argv, shape.tty, streams);
      if (running === null) throw new Error(`container ${container.spec.name} is not running`);
      this.#running = running;
      for (const what of this.#before.splice(0)) what(running);
      if (argv !== null && !shape.stdin) running.endInput();
      if (this.#isGone) this.gone();
      const code = await running.ended;
      conversation.finish(code === 0 || argv === null ? { metadata: {}, status: 'Success' } : exitStatus(code));
    } catch (error) {
      conversation.finish(internalError(error instanceof Error ? error.message : String(error)));
    }
  }
}

function exitStatus(code: number): object {
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: `${code}` }] },
  };
}

function internalError(message: string): object {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  };
}

function spdyProcess(connection: SpdyConnection, shape: Shape, begin: (conversation: Conversation) => Input): void {
  const wanted: Channel[] = ['error'];
  if (shape.stdin) wanted.push('stdin');
  if (shape.stdout) wanted.push('stdout');
  if (shape.stderr) wanted.push('stderr');
  if (shape.tty) wanted.push('resize');
  const streams = new Map<Channel, SpdyStream>();
  let input: Input | null = null;
  connection.onStream = (stream) => {
    const channel = stream.headers['streamtype'] as Channel;
    streams.set(channel, stream);
    stream.onData = (bytes) => input?.take(channel, bytes);
    stream.onEnd = () => {
      if (channel === 'stdin') input?.endInput();
    };
    if (!wanted.every((one) => streams.has(one)) || input !== null) return;
    input = begin({
      send: (to, bytes) => streams.get(to)?.write(bytes),
      finish: (status) => {
        streams.get('error')?.write(Buffer.from(JSON.stringify(status)));
        for (const one of streams.values()) one.end();
        connection.close();
      },
    });
  };
  connection.onClose = () => input?.gone();
}

function webSocketProcess(end: WebSocketEnd, shape: Shape, begin: (conversation: Conversation) => Input): void {
  const send = (channel: Channel, bytes: Buffer): void => {
    end.send(Buffer.concat([Buffer.from([channels.indexOf(channel)]), bytes]));
  };
  // The API server opens each channel that it will write to with an empty message.
  if (shape.stdout) send('stdout', Buffer.alloc(0));
  if (shape.stderr) send('stderr', Buffer.alloc(0));
  send('error', Buffer.alloc(0));
  const input = begin({
    send,
    finish: (status) => {
      send('error', Buffer.from(JSON.stringify(status)));
      end.close();
    },
  });
  end.onMessage = (message) => {
    const number = message[0];
    if (number === closeChannel) {
      if (message[1] === channels.indexOf('stdin')) input.endInput();
    } else if (number !== undefined && channels[number] !== undefined) {
      input.take(channels[number], message.subarray(1));
    }
  };
  end.onClose = () => input.gone();
}

/** Switches protocols and carries connections to ports of this machine. */
export function servePortForward(request: IncomingMessage, socket: Duplex, abilities: Abilities): void {
  if (request.headers['upgrade']?.toLowerCase() === 'spdy/3.1') {
    if (acceptSpdy(request, socket, ['portforward.k8s.io'])) forward(carried(socket));
    return;
  }
  const tunnel = 'SPDY/3.1+portforward.k8s.io';
  const isOffered = abilities.webSocketV5 && offeredProtocols(request).includes(tunnel);
  const end = acceptWebSocket(request, socket, isOffered ? tunnel : undefined);
  if (end === null) return;
  const connection = new SpdyConnection({ write: (bytes) => end.send(bytes), end: () => end.close() });
  end.onMessage = (bytes) => connection.push(bytes);
  end.onClose = () => connection.finish();
  forward(connection);
}

function forward(connection: SpdyConnection): void {
  const errors = new Map<string, SpdyStream>();
  connection.onStream = (stream) => {
    const id = stream.headers['requestid'] ?? '';
    if (stream.headers['streamtype'] === 'error') {
      errors.set(id, stream);
      return;
    }
    const port = Number(stream.headers['port']);
    const upstream = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    stream.onData = (bytes) => void upstream.write(bytes);
    stream.onEnd = () => void upstream.end();
    upstream.on('data', (bytes) => stream.write(bytes));
    upstream.on('error', (error) => {
      errors.get(id)?.write(Buffer.from(`an error occurred forwarding ${port} -> ${port}: ${error.message}`));
    });
    upstream.on('close', () => {
      stream.end();
      errors.get(id)?.end();
    });
  };
}

function carried(socket: Duplex): SpdyConnection {
  const carrier: Carrier = { write: (bytes) => void socket.write(bytes), end: () => void socket.end() };
  const connection = new SpdyConnection(carrier);
  socket.on('data', (bytes: Buffer) => connection.push(bytes));
  socket.on('end', () => socket.end());
  socket.on('close', () => connection.finish());
  return connection;
}

function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
}

function acceptSpdy(request: IncomingMessage, socket: Duplex, known: readonly string[]): boolean {
  const offered = request.rawHeaders.filter(
    (_value, index) => index % 2 === 1 && request.rawHeaders[index - 1]?.toLowerCase() === 'x-stream-protocol-version',
  );
  const all = offered.flatMap((one) => one.split(',').map((each) => each.trim()));
  const protocol = known.find((one) => all.includes(one));
  if (protocol === undefined) {
    const reason = `unable to upgrade: unable to negotiate protocol: client supports [${all.join(' ')}], server accepts [${known.join(' ')}]`;
    refuse(socket, 403, 'Forbidden', reason);
    return false;
  }
  const lines = ['Connection: Upgrade', 'Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${protocol}`];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
  return true;
}

function acceptWebSocket(request: IncomingMessage, socket: Duplex, protocol: string | undefined): WebSocketEnd | null {
  const key = request.headers['sec-websocket-key'];
  if (key === undefined || protocol === undefined) {
    refuse(socket, 400, 'Bad Request', 'unable to upgrade: no protocol of these is spoken here');
    return null;
  }
  const lines = [
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptKey(key)}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
  return new WebSocketEnd(socket);
}

function refuse(socket: Duplex, status: number, words: string, text: string): void {
  const lines = [
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`HTTP/1.1 ${status} ${words}\r\n${lines.join('\r\n')}\r\n\r\n${text}`);
}
