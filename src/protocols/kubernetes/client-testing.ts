/** A client of streams for tests of the room: exec and port-forward over either transport, without kubectl. */
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Room } from '../http/room-testing.ts';
import { eventually, token } from '../http/room-testing.ts';
import { Leg } from './leg.ts';
import {
  createExecStreams,
  createPortForward,
  type ExecShape,
  type ExecStatus,
  type ExecStreams,
  type ExecTransport,
  type Forward,
  type ForwardTransport,
  type PortForward,
} from './streams/index.ts';

export const transports = ['websocket', 'spdy'] as const;
export type Transport = (typeof transports)[number];

export interface Asked {
  readonly command?: readonly string[];
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly kind?: 'exec' | 'attach';
  /** Output is not kept, but its digest. */
  readonly digest?: boolean;
  /** Further fields of the head. */
  readonly fields?: readonly string[];
}

const pod = '/api/v1/namespaces/shop/pods/web-1';

interface Switched {
  readonly socket: Socket;
  readonly status: number;
  readonly head: string;
  /** Of a refusal. */
  readonly body: string;
  readonly first: Buffer;
}

/** Asks to switch; resolves with the answer, whatever it is. */
export async function askSwitch(
  room: Room,
  path: string,
  transport: Transport,
  protocol: string,
  more: readonly string[] = [],
): Promise<Switched> {
  const socket = connect(room.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const lines = [
    `${transport === 'websocket' ? 'GET' : 'POST'} ${path} HTTP/1.1`,
    `Host: ${room.host}`,
    `Authorization: Bearer ${token}`,
    'Connection: Upgrade',
    ...(transport === 'websocket'
      ? [
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
          `Sec-WebSocket-Protocol: ${protocol}`,
        ]
      : ['Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${protocol}`, 'Content-Length: 0']),
    ...more,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let all = Buffer.alloc(0);
  const collect = (view: Buffer): void => {
    all = Buffer.concat([all, view]);
  };
  socket.on('data', collect);
  const headEnd = (): number => all.indexOf('\r\n\r\n');
  let isEnded = false;
  socket.on('close', () => {
    isEnded = true;
  });
  await eventually(
    () => headEnd() >= 0 || isEnded,
    () => 'an answer to the upgrade',
  );
  const head = all.subarray(0, Math.max(0, headEnd())).toString('latin1');
  const status = Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(head)?.[1] ?? 0);
  if (status !== 101) {
    await eventually(
      () => isEnded,
      () => 'the end of a refused connection',
    );
    return { socket, status, head, body: all.subarray(headEnd() + 4).toString('utf8'), first: Buffer.alloc(0) };
  }
  socket.pause();
  socket.off('data', collect);
  return { socket, status, head, body: '', first: Buffer.from(all.subarray(headEnd() + 4)) };
}

/** One exec as its client sees it. */
export class ExecClient {
  stdout = '';
  stderr = '';
  status: ExecStatus | null = null;
  isOver = false;
  /** Of stdout, where only that was asked for. */
  digest = '';
  readonly socket: Socket;
  readonly #hash: Hash | null;
  readonly #leg: Leg<ExecStreams>;

  /** Rejects with the answer where the gateway does not switch. */
  static async open(room: Room, transport: Transport, asked: Asked): Promise<ExecClient> {
    const shape: ExecShape = {
      stdin: asked.stdin ?? false,
      stdout: true,
      stderr: asked.tty !== true,
      tty: asked.tty ?? false,
    };
    const protocol = transport === 'websocket' ? 'v5.channel.k8s.io' : 'v4.channel.k8s.io';
    const switched = await askSwitch(room, pathOf(asked, shape), transport, protocol, asked.fields);
    if (switched.status !== 101) throw Object.assign(new Error(switched.body), { refused: switched });
    const made = { kind: transport, protocol } as ExecTransport;
    return new ExecClient(switched, made, shape, asked.digest === true);
  }

  private constructor({ socket, first }: Switched, transport: ExecTransport, shape: ExecShape, isDigest: boolean) {
    this.socket = socket;
    this.#hash = isDigest ? createHash('sha256') : null;
    this.#leg = new Leg({
      socket,
      first,
      drained: () => undefined,
      broke: () => {
        this.isOver = true;
      },
      make: (link) =>
        createExecStreams('client', transport, shape, link, {
          ready: () => undefined,
          data: (channel, view) => {
            if (this.#hash !== null) this.#hash.update(view);
            else if (channel === 'stdout') this.stdout += view.toString('latin1');
            else this.stderr += view.toString('latin1');
          },
          ended: () => undefined,
          resized: () => undefined,
          status: (status) => {
            this.status = status;
          },
          refused: () => undefined,
          over: () => {
            this.isOver = true;
            this.digest = this.#hash?.digest('hex') ?? '';
            socket.end();
          },
        }),
    });
    this.#leg.start();
  }

  type(text: string | Buffer): void {
    this.#leg.end.write('stdin', typeof text === 'string' ? Buffer.from(text) : text);
  }

  end(): void {
    this.#leg.end.end('stdin');
  }

  resize(columns: number, rows: number): void {
    this.#leg.end.resize({ columns, rows });
  }

  destroy(): void {
    this.socket.destroy();
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    await eventually(holds, () => `${what}; got ${JSON.stringify([this.stdout, this.stderr, this.status])}`);
  }

  /** Waits for the end of what takes long. */
  async over(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (!this.isOver) {
      if (performance.now() > end) throw new Error('waited in vain for the end');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Waits for the end. */
  async finished(): Promise<ExecClient> {
    await this.until(() => this.isOver || this.socket.destroyed, 'the end');
    return this;
  }
}

function pathOf({ command = [], kind = 'exec' }: Asked, shape: ExecShape): string {
  const query = new URLSearchParams(command.map((word): [string, string] => ['command', word]));
  for (const name of ['stdin', 'stdout', 'stderr', 'tty'] as const) if (shape[name]) query.append(name, 'true');
  return `${pod}/${kind}?${query.toString()}`;
}

/** A port-forward as its client sees it. */
export class ForwardClient {
  readonly texts = new Map<Forward, string>();
  readonly failures = new Map<Forward, string>();
  readonly closed = new Set<Forward>();
  isOver = false;
  readonly leg: Leg<PortForward>;

  static async open(room: Room, transport: Transport): Promise<ForwardClient> {
    const protocol = transport === 'websocket' ? 'SPDY/3.1+portforward.k8s.io' : 'portforward.k8s.io';
    const switched = await askSwitch(room, `${pod}/portforward`, transport, protocol);
    if (switched.status !== 101) throw Object.assign(new Error(switched.body), { refused: switched });
    const kind = transport === 'websocket' ? 'tunnel' : 'spdy';
    return new ForwardClient(switched, { kind, protocol } as ForwardTransport);
  }

  private constructor({ socket, first }: Switched, transport: ForwardTransport) {
    this.leg = new Leg({
      socket,
      first,
      drained: () => undefined,
      broke: () => {
        this.isOver = true;
      },
      make: (link) =>
        createPortForward('client', transport, link, {
          opened: () => undefined,
          data: (forward, view) =>
            void this.texts.set(forward, (this.texts.get(forward) ?? '') + view.toString('latin1')),
          ended: () => undefined,
          failed: (forward, text) => void this.failures.set(forward, text),
          closed: (forward) => void this.closed.add(forward),
          over: () => {
            this.isOver = true;
          },
        }),
    });
    this.leg.start();
  }
}
