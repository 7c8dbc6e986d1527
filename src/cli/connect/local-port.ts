/**
 * A local port: listens on the loopback address only and hands each connection to the protocol's forwarder.
 *
 * Whoever can open a connection on this machine can reach the port; nobody gets in by that, since the client still has
 * to bring its login and token. No credential is added here.
 */
import { createServer, type Server } from 'node:net';
import { cliError, reasonOf } from '../errors.ts';
import { localConnectionsMax } from '../limits.ts';
import type { ClientAdapter, Target } from './client.ts';

export interface LocalPort {
  readonly host: string;
  readonly port: number;
  /** Stops listening and drops what is open. Resolves when all of it has ended. */
  close(): Promise<void>;
}

const loopback = '127.0.0.1';

/** Opens the port; 0 takes a free one. */
export async function openLocalPort(
  forward: NonNullable<ClientAdapter['forward']>,
  target: Target,
  port: number,
): Promise<LocalPort> {
  const stop = new AbortController();
  const running = new Set<Promise<void>>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const run = forward(socket, target, stop.signal).finally(() => running.delete(run));
    running.add(run);
  });
  server.maxConnections = localConnectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cliError('cli.local-port', { port, why: reasonOf(error) }, error)));
    server.listen({ host: loopback, port }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw cliError('cli.local-port', { port, why: 'unknown reason' });
  return {
    host: loopback,
    port: address.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stop.abort();
      await Promise.all(running);
      await closed;
    },
  };
}
