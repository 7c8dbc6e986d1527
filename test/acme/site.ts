/**
 * What an ACME server sees of a place on the internet: names that lead to one address, with a port for TLS and one for HTTP, a
 * DNS that a hook writes into, and behind the ports whatever a test puts there, later than the server starts.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HookConfig } from '../../src/gateway/acme-config.ts';
import { startDns } from './dns.ts';
import { type Pebble, type PebbleOptions, startPebble } from './pebble.ts';

export interface Door {
  readonly port: number;
  /** Ports that connections are led to, one after the other, as by a balancer; none: they are closed. */
  targets: number[];
  close(): Promise<void>;
}

export interface Site {
  readonly pebble: Pebble;
  readonly tls: Door;
  readonly http: Door;
  /** Where files of the test may lie. */
  readonly folder: string;
  /** PEM file of who issued the certificate of the ACME server. */
  readonly ca: string;
  readonly hook: HookConfig;
  /** Lines `add|remove NAME VALUE` that the hook was called with are here. */
  readonly hookLog: string;
  close(): Promise<void>;
}

/** Writes `NAME VALUE` lines into a file, one for each record; two values of a name stand side by side. */
const hookScript = `#!/bin/sh -eu
echo "$3 $4 $5" >> "$2"
case $3 in
add) echo "$4 $5" >> "$1" ;;
remove) grep -vxF -e "$4 $5" "$1" > "$1.new" || true; mv "$1.new" "$1" ;;
esac
`;

export async function openSite(options: Pick<PebbleOptions, 'bindings' | 'blocked'> = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-acme-site-'));
  const [records, hookLog] = [join(folder, 'records'), join(folder, 'hook.log')];
  const dns = await startDns(records);
  const [tls, http] = [await openDoor(), await openDoor()];
  const pebble = await startPebble({ ...options, tlsPort: tls.port, httpPort: http.port, dnsPort: dns.port });
  const [ca, script] = [join(folder, 'ca.pem'), join(folder, 'hook')];
  await writeFile(ca, pebble.ca);
  await writeFile(records, '');
  await writeFile(script, hookScript, { mode: 0o755 });
  return {
    pebble,
    tls,
    http,
    folder,
    ca,
    hook: { command: [script, records, hookLog], environment: [], deadlineMs: 60_000, waitMs: 0 },
    hookLog,
    close: async () => {
      await pebble.stop();
      await Promise.all([dns.close(), tls.close(), http.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openDoor(): Promise<Door> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    return socket;
  };
  let turn = 0;
  const server = createServer((client) => {
    keep(client);
    const { targets } = door;
    const target = targets[turn++ % targets.length];
    if (target === undefined) {
      client.destroy();
      return;
    }
    const upstream = keep(connect(target, '127.0.0.1'));
    client.pipe(upstream);
    upstream.pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const door: Door = {
    port: (server.address() as AddressInfo).port,
    targets: [],
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
  return door;
}
