/**
 * Clients that no driver would be: connections that say nothing, dribble, read slowly, or speak another protocol.
 */
import { connect, createServer, type Server, Socket } from 'node:net';

/** The request for TLS, as PostgreSQL clients send it. */
export const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far. */
  received(): Buffer;
  /** Resolves when the connection is gone, with the milliseconds since it was opened. */
  readonly closed: Promise<number>;
  readonly isClosed: () => boolean;
}

/** Connects from `source`, an address of the loopback network (Linux gives 127.0.0.0/8). */
export function openRaw(port: number, source = '127.0.0.1'): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: source });
    const begun = performance.now();
    const chunks: Buffer[] = [];
    let isClosed = false;
    const closed = new Promise<number>((done) => {
      socket.once('close', () => {
        isClosed = true;
        done(Math.round(performance.now() - begun));
      });
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('connect', () => {
      // Being reset is one of the ways to be closed.
      socket.off('error', reject).on('error', () => undefined);
      resolve({ socket, received: () => Buffer.concat(chunks), closed, isClosed: () => isClosed });
    });
  });
}

/** A stream for `pg` that connects from another address of the loopback network. */
export function streamFrom(source: string): Socket {
  const socket = new Socket();
  const connectPlain = socket.connect.bind(socket) as (options: object) => Socket;
  (socket as { connect: unknown }).connect = (port: number) =>
    connectPlain({ host: '127.0.0.1', port, localAddress: source });
  return socket;
}

export interface Throttle {
  readonly port: number;
  /** From now on so many bytes a second reach each client. */
  limit(bytesPerSecond: number): void;
  /** Bytes that reached clients. */
  readonly passed: number;
  close(): Promise<void>;
}

/**
 * A TCP relay in front of `port` that hands bytes to its clients slowly and takes no more from the gateway than that:
 * what fills up behind it are the kernel's buffers, as with a client on a bad line.
 */
export async function startThrottle(port: number): Promise<Throttle> {
  const ticksPerSecond = 10;
  let perTick = Number.POSITIVE_INFINITY;
  let passed = 0;
  const sockets = new Set<Socket>();
  const pairs = new Set<() => void>();
  const server: Server = createServer({ allowHalfOpen: false }, (client) => {
    const gateway = connect({ port, host: '127.0.0.1' });
    for (const socket of [client, gateway]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        gateway.destroy();
        pairs.delete(move);
      });
    }
    client.pipe(gateway);
    const move = (): void => {
      let left = perTick;
      while (left > 0) {
        const chunk = gateway.read(Math.min(left, gateway.readableLength)) as Buffer | null;
        if (chunk === null || chunk.length === 0) return;
        passed += chunk.length;
        left -= chunk.length;
        client.write(chunk);
      }
    };
    pairs.add(move);
    gateway.on('readable', () => {
      if (perTick === Number.POSITIVE_INFINITY) move();
    });
  });
  const timer = setInterval(() => {
    for (const move of pairs) move();
  }, 1000 / ticksPerSecond);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    limit(bytesPerSecond) {
      perTick = Math.max(1, Math.floor(bytesPerSecond / ticksPerSecond));
    },
    get passed() {
      return passed;
    },
    close() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
