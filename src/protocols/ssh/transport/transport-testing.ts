/**
 * For the tests of this folder: a server end on a real port that lets known people in and runs made-up commands, and the
 * client end over a real connection. Nothing of this is reachable from production code.
 *
 * The server knows the commands `echo …` (answers the rest of the line), `cat` (returns its input), `fail N` (exits with
 * N), `flood N` (N bytes of zeros), `env NAME`, `size` (the terminal), `hex` (the command's bytes), and anything that a
 * test adds with `exec`.
 */
import { createServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { SocketWire } from '../../../base/wire.ts';
import {
  acceptSsh,
  generateKeyText,
  privateKeyFromText,
  type SshAuthContext,
  type SshAuthOutcome,
  type SshAuthRequest,
  type SshChannel,
  type SshChannelRequest,
  type SshCloseReason,
  type SshGlobalRequest,
  type SshLimits,
  type SshOpenAnswer,
  type SshPrivateKey,
  type SshReply,
  type SshServerConnection,
  type SshServerOpen,
} from './index.ts';

export const password = 'a-token-of-engineer';

let keys: SshPrivateKey[] | null = null;
/** One host key of each kind; made once, RSA takes its time. */
export function hostKeys(): readonly SshPrivateKey[] {
  keys ??= (['ed25519', 'ecdsa', 'rsa'] as const).map((type) => privateKeyFromText(generateKeyText(type)));
  return keys;
}

export interface TestServerOptions {
  readonly authenticate?: (request: SshAuthRequest, context: SshAuthContext) => Promise<SshAuthOutcome>;
  readonly open?: (open: SshServerOpen, answer: SshOpenAnswer, connection: SshServerConnection) => void;
  readonly globalRequest?: (request: SshGlobalRequest, reply: SshReply, connection: SshServerConnection) => void;
  /** Sees each request of a session first; true: it was handled. */
  readonly request?: (request: SshChannelRequest, reply: SshReply, channel: SshChannel) => boolean;
  readonly exec?: (command: string, channel: SshChannel) => boolean;
  readonly limits?: Partial<SshLimits>;
  readonly clock?: Clock;
  readonly banner?: string;
  readonly hostKeys?: readonly SshPrivateKey[];
}

export interface TestServer {
  readonly port: number;
  readonly connections: SshServerConnection[];
  readonly requests: SshChannelRequest[];
  readonly auths: SshAuthRequest[];
  readonly failures: { method: string; user: string; attempts: number }[];
  readonly closes: SshCloseReason[];
  /** Waits for the close of the connection with that number. */
  closed(index?: number): Promise<SshCloseReason>;
  stop(): Promise<void>;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const connections: SshServerConnection[] = [];
  const requests: SshChannelRequest[] = [];
  const auths: SshAuthRequest[] = [];
  const failures: TestServer['failures'] = [];
  const closes: SshCloseReason[] = [];
  const closings: Promise<SshCloseReason>[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    const { promise, resolve } = Promise.withResolvers<SshCloseReason>();
    closings.push(promise);
    const connection: SshServerConnection = acceptSsh(new SocketWire(socket), {
      hostKeys: options.hostKeys ?? hostKeys(),
      clock: options.clock ?? systemClock,
      log: silentLog,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.banner === undefined ? {} : { banner: options.banner }),
      handler: {
        authenticate: (request, context) => {
          auths.push(request);
          return (options.authenticate ?? byPassword)(request, context);
        },
        ready: () => {},
        open: (open, answer) => {
          if (options.open !== undefined) options.open(open, answer, connection);
          else if (open.kind === 'session') serveSession(answer.accept(), options, requests);
          else answer.reject(1, 'not here');
        },
        globalRequest: (request, reply) => {
          if (options.globalRequest === undefined) reply.reject();
          else options.globalRequest(request, reply, connection);
        },
        attemptFailed: (fact) => void failures.push(fact),
        close: (reason) => {
          closes.push(reason);
          resolve(reason);
        },
      },
    });
    connections.push(connection);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections,
    requests,
    auths,
    failures,
    closes,
    closed: async (index = 0) => {
      while (closings[index] === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      return closings[index]!;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function byPassword(request: SshAuthRequest): Promise<SshAuthOutcome> {
  return { kind: request.method === 'password' && request.password === password ? 'accept' : 'reject' };
}

/** Accepts everybody. */
export async function byAnything(): Promise<SshAuthOutcome> {
  return { kind: 'accept' };
}

export function serveSession(channel: SshChannel, options: TestServerOptions, requests: SshChannelRequest[]): void {
  const environment = new Map<string, string>();
  let size = 'none';
  let echo = false;
  channel.handle({
    read: (view) => {
      if (echo && !channel.write(view)) channel.pause();
    },
    drain: () => channel.resume(),
    end: () => {
      if (!echo) return;
      channel.notify({ kind: 'exit-status', code: 0 });
      channel.close();
    },
    close: () => {},
    request: (request, reply) => {
      requests.push(request);
      if (options.request?.(request, reply, channel) === true) return;
      switch (request.kind) {
        case 'env':
          environment.set(request.name, request.value.toString('utf8'));
          return reply.accept();
        case 'pty-req':
        case 'window-change':
          size = `${request.columns}x${request.rows}`;
          return reply.accept();
        case 'exec': {
          reply.accept();
          const command = request.command.toString('utf8');
          if (options.exec?.(command, channel) === true) return;
          if (command === 'cat') echo = true;
          else {
            const { text, code } = answerTo(command, request.command, environment, size);
            if (code !== 0) channel.writeStderr(Buffer.from('failed\n'));
            finish(channel, text, code);
          }
          return;
        }
        case 'shell':
          reply.accept();
          return finish(channel, Buffer.from('a shell\n'), 0);
        default:
          return reply.reject();
      }
    },
  });
}

function answerTo(
  command: string,
  raw: Buffer,
  environment: ReadonlyMap<string, string>,
  size: string,
): { text: Buffer; code: number } {
  const [name, ...rest] = command.split(' ');
  switch (name) {
    case 'echo':
      return { text: Buffer.from(`${rest.join(' ')}\n`), code: 0 };
    case 'fail':
      return { text: Buffer.alloc(0), code: Number(rest[0]) };
    case 'flood':
      return { text: Buffer.alloc(Number(rest[0])), code: 0 };
    case 'env':
      return { text: Buffer.from(environment.get(rest[0] ?? '') ?? ''), code: 0 };
    case 'size':
      return { text: Buffer.from(size), code: 0 };
    case 'hex':
      return { text: Buffer.from(raw.toString('hex')), code: 0 };
    default:
      return { text: Buffer.alloc(0), code: 127 };
  }
}

/** Writes all of it, with respect for back-pressure only in so far as the channel holds it. */
export function finish(channel: SshChannel, text: Buffer, code: number): void {
  channel.write(text);
  channel.notify({ kind: 'exit-status', code });
  channel.close();
}

/** Sends `bytes` zeros with back-pressure, and then ends with status 0. Chunks are 64 KiB. */
export function flood(channel: SshChannel, bytes: number, onDrain: (resume: () => void) => void): void {
  const chunk = Buffer.alloc(64 * 1024);
  let left = bytes;
  const go = (): void => {
    while (left > 0 && !channel.closed) {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      left -= part.length;
      if (!channel.write(part)) {
        onDrain(go);
        return;
      }
    }
    channel.notify({ kind: 'exit-status', code: 0 });
    channel.close();
  };
  go();
}
