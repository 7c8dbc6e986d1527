/**
 * A listener: accepts connections for one protocol and hands each to it through a Door.
 *
 * Invariants: connections without a session are bounded per listener and per source (A-GW-02), and the bound is checked
 * before anything is read; a connection is never handed over twice.
 *
 * Deliberately absent: what the bytes mean; deadlines of the start-up (each protocol has its own).
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { type ServerTlsOptions, SocketWire } from '../base/wire.ts';
import type { Doors } from '../core/door.ts';
import type { Door, Protocol } from '../core/protocol.ts';
import { sourceOf } from '../identity/index.ts';
import { publicHost } from './console.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';
import { type Comer, Unauthenticated } from './unauthenticated.ts';
import type { VanishedPeers } from './vanished.ts';

export interface ListenerOptions {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly tlsRequired: boolean;
  /** Below which its resources have origins. */
  readonly domains: readonly string[];
  readonly serverTls: () => ServerTlsOptions;
  readonly hostKeys: () => readonly string[];
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
  readonly onConnection: (outcome: 'accepted' | 'dropped') => void;
  readonly vanished: VanishedPeers;
}

export interface Listener {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly domains: readonly string[];
  /** Connections that have no session yet. */
  readonly unauthenticated: number;
  /** Takes no further connections. */
  close(): Promise<void>;
}

/** Starts to listen. Rejects with `gateway.port-in-use` where the port is taken. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { protocol, host, clock, log, doors } = options;
  const protocolServer = protocol.createServer({ clock, log: log.with({ protocol: protocol.name }) });
  const unauthenticated = new Unauthenticated(clock);

  const onSocket = (socket: Socket): void => {
    const source = socket.remoteAddress ?? '';
    const comer: Comer = {
      source: sourceOf(source),
      entered: () => onEntered(socket, source, () => unauthenticated.leave(comer)),
      drop: () => socket.destroy(),
    };
    // A socket that waits may fail before anything handles it.
    socket.on('error', () => socket.destroy());
    const admitted = unauthenticated.enter(comer);
    options.onConnection(admitted ? 'accepted' : 'dropped');
    if (!admitted) socket.destroy();
  };

  const onEntered = (socket: Socket, source: string, leave: () => void): void => {
    if (socket.destroyed) {
      leave();
      return;
    }
    const client = new SocketWire(socket);
    options.vanished.watch(client);
    const connection = { id: newId('con', clock.now()), source, tlsRequired: options.tlsRequired };
    const { serverTls, hostKeys, domains } = options;
    const door = doors.open({ protocol, client, connection, serverTls, hostKeys, domains });
    const counted: Door = {
      ...door,
      openSession: async (principal, resource, facts) => {
        const session = await door.openSession(principal, resource, facts);
        leave();
        return session;
      },
    };
    protocolServer
      .accept(client, counted)
      .catch((error: unknown) => {
        log.error('connection failed', { connection: connection.id, detail: describeError(error) });
        client.destroy();
      })
      .finally(leave);
  };

  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  server.maxConnections = limits.connectionsMax;
  server.on('connection', onSocket);
  const port = await bind(server, host, options.port);
  // A connection that the system could not hand over, for want of descriptors, say. Nobody else may lose theirs for it.
  server.on('error', (error) =>
    log.error('accepting failed', { protocol: protocol.name, detail: describeError(error) }),
  );
  return {
    protocol: protocol.name,
    host,
    port,
    domains: options.domains,
    get unauthenticated() {
      return unauthenticated.size;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // `close` waits for open connections; sessions end on their own, so only the port must be free.
        resolve();
      }),
  };
}

/** How clients reach the listener of a protocol; null where there is none. */
export function listenerOf(
  listeners: readonly Listener[],
  protocol: string,
): {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly domains: readonly string[];
} | null {
  const found = listeners.find((listener) => listener.protocol === protocol);
  if (found === undefined) return null;
  return { host: publicHost(found.host), port: found.port, tls: true, domains: found.domains };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? gatewayErrors('gateway.port-in-use', { values: { port, host }, cause: error })
          : error,
      ),
    );
    server.listen({ host, port, backlog: 1024 }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
