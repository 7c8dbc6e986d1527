/**
 * A target for tests of the room: an HTTP server whose exec really starts programs of this machine, and whose port-forward
 * really connects to its ports, by WebSocket or by SPDY alone. What a real API server does is tried in test/kubernetes.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { listen } from '../http/room-testing.ts';
import { Leg } from './leg.ts';
import {
  createExecStreams,
  createPortForward,
  type ExecStreams,
  type ExecTransport,
  exited,
  type Forward,
  type ForwardTransport,
  failed,
  type PortForward,
} from './streams/index.ts';

export interface TestTarget {
  readonly port: number;
  /** Heads of what asked to switch, in order. */
  readonly switches: { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers'] }[];
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>;
  stop(): Promise<void>;
}

export interface TestTargetOptions {
  /** `spdy`: as servers before 1.30, which know no v5. */
  readonly speaks?: 'both' | 'spdy';
  readonly handler?: RequestListener;
  /** Answers instead of switching. */
  readonly refuse?: (url: string) => { readonly status: number; readonly body: string } | null;
}

export async function startTestTarget(options: TestTargetOptions = {}): Promise<TestTarget> {
  const server = createServer(options.handler ?? smallCluster);
  const switches: TestTarget['switches'] = [];
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.on('upgrade', (request, socket: Duplex) => {
    const { method = '', url = '', headers } = request;
    switches.push({ method, url, headers });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    const isSpdy = headers.upgrade?.toLowerCase() === 'spdy/3.1';
    const refused = options.refuse?.(url) ?? (isSpdy || options.speaks !== 'spdy' ? null : { status: 400, body: 'no' });
    if (refused !== null) {
      const { status, body } = refused;
      socket.end(
        `HTTP/1.1 ${status} No\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      return;
    }
    const protocol = String(headers[isSpdy ? 'x-stream-protocol-version' : 'sec-websocket-protocol'])
      .split(',')[0]!
      .trim();
    const key = String(headers['sec-websocket-key'] ?? '');
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const agreed = isSpdy
      ? `Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}`
      : `Upgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}`;
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${agreed}\r\n\r\n`);
    const asked = new URL(url, 'http://target');
    if (asked.pathname.endsWith('/portforward')) forwardPorts(socket, isSpdy, protocol);
    else runProgram(socket, isSpdy, protocol, asked.searchParams);
  });
  const port = await listen(server);
  return {
    port,
    switches,
    open,
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function runProgram(socket: Duplex, isSpdy: boolean, protocol: string, asked: URLSearchParams): void {
  const has = (name: string): boolean => ['1', 'true'].includes(asked.get(name) ?? '');
  const shape = { stdin: has('stdin'), stdout: has('stdout'), stderr: has('stderr'), tty: has('tty') };
  const [program = 'true', ...args] = asked.getAll('command');
  // A terminal is `script`'s.
  const quoted = [program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  let child: ReturnType<typeof start> | null = null;
  const start = () =>
    shape.tty
      ? spawn('script', ['-qefc', quoted, '/dev/null'], { stdio: 'pipe', env: { ...process.env, TERM: 'xterm' } })
      : spawn(program, args, { stdio: 'pipe' });
  // Before the program is there.
  const early: Buffer[] = [];
  let hasEnded = !shape.stdin;
  const transport = { kind: isSpdy ? 'spdy' : 'websocket', protocol } as ExecTransport;
  const leg: Leg<ExecStreams> = new Leg({
    socket,
    first: Buffer.alloc(0),
    drained: () => {
      child?.stdout.resume();
      child?.stderr.resume();
    },
    broke: () => child?.kill('SIGKILL'),
    make: (link) =>
      createExecStreams('server', transport, shape, link, {
        // Node reads what a program that has exited said, whether or not anybody listens: it starts when somebody does.
        ready: () => {
          child = start();
          const { stdin, stdout, stderr } = child;
          stdin.on('error', () => undefined);
          stdout.on('data', (view: Buffer) => {
            if (!leg.end.write('stdout', view)) stdout.pause();
          });
          stderr.on('data', (view: Buffer) => {
            if (!leg.end.write(shape.tty ? 'stdout' : 'stderr', view)) stderr.pause();
          });
          let error: Error | null = null;
          child.on('error', (met) => {
            error = met;
          });
          child.on('close', (code) => {
            leg.end.writeStatus(error === null ? exited(code ?? 137) : failed(error.message));
            leg.close();
          });
          for (const view of early) stdin.write(view);
          if (hasEnded) stdin.end();
        },
        data: (_channel, view) => {
          if (child === null) early.push(view);
          else if (child.stdin.writable && !child.stdin.write(view)) {
            leg.pause();
            child.stdin.once('drain', () => leg.resume());
          }
        },
        ended: () => {
          hasEnded = true;
          child?.stdin.end();
        },
        resized: () => undefined,
        status: () => undefined,
        refused: () => undefined,
        over: () => child?.kill('SIGKILL'),
      }),
  });
  leg.start();
}

function forwardPorts(socket: Duplex, isSpdy: boolean, protocol: string): void {
  const transport = { kind: isSpdy ? 'spdy' : 'tunnel', protocol } as ForwardTransport;
  const sockets = new Map<Forward, Socket>();
  const leg: Leg<PortForward> = new Leg({
    socket,
    first: Buffer.alloc(0),
    drained: () => undefined,
    broke: () => undefined,
    make: (link) =>
      createPortForward('server', transport, link, {
        opened: (forward) => {
          const target = connect(forward.port, '127.0.0.1');
          sockets.set(forward, target);
          target.on('data', (view) => forward.write(view));
          target.on('end', () => forward.end());
          target.on('error', (error) => forward.fail(error.message));
        },
        data: (forward, view) => sockets.get(forward)?.write(view),
        ended: (forward) => sockets.get(forward)?.end(),
        failed: () => undefined,
        closed: (forward) => sockets.get(forward)?.destroy(),
        over: () => undefined,
      }),
  });
  leg.start();
}

const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'web-1', namespace: 'shop' },
  spec: { containers: [{ name: 'main' }] },
  status: { phase: 'Running' },
};
const verbs = ['get', 'list', 'delete', 'watch', 'create'];

/** As much of an API server as kubectl asks about before it does something with the pod `web-1`. */
const smallCluster: RequestListener = (request, response) => {
  const path = request.url!.split('?', 1)[0]!;
  const answers: Readonly<Record<string, unknown>> = {
    '/version': { major: '1', minor: '32', gitVersion: 'v1.32.0' },
    '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
    '/api/v1': {
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: [
        { name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs, shortNames: ['po'] },
        { name: 'secrets', singularName: 'secret', namespaced: true, kind: 'Secret', verbs },
      ],
    },
    '/api/v1/namespaces/shop/pods': { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [pod] },
    '/api/v1/namespaces/shop/pods/web-1': pod,
  };
  const found = answers[path];
  const missing = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'NotFound',
    code: 404,
    message: 'none',
  };
  response.writeHead(found === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(found ?? missing));
};
