/** What clients do with TLS once it stands, on the wire that the listeners use. */
import { once } from 'node:events';
import { connect as netConnect } from 'node:net';
import { createSecureContext, connect as tlsConnect } from 'node:tls';
import { expect, test } from 'vitest';
import { SocketWire, type WireHandler } from '../../base/wire.ts';
import { certificates, listen } from './testing.ts';

async function secured(maxVersion: 'TLSv1.2' | 'TLSv1.3') {
  const { authority, server } = await certificates();
  const closed = Promise.withResolvers<Error | null>();
  const { port, close } = await listen((socket) => {
    const wire = new SocketWire(socket);
    const handler: WireHandler = { read: () => {}, end: () => {}, drain: () => {}, close: closed.resolve };
    wire.handle(handler);
    const secureContext = createSecureContext({ cert: server.cert, key: server.key });
    wire.startServerTls({ secureContext, certificate: server.der }).catch(() => undefined);
  });
  const raw = netConnect(port, '127.0.0.1');
  raw.on('error', () => undefined);
  const client = tlsConnect({ socket: raw, ca: authority.cert, servername: 'localhost', maxVersion });
  client.on('error', () => undefined);
  await once(client, 'secureConnect');
  return { raw, client, closed: closed.promise, close };
}

test('A-PG-09: bytes that are no TLS record end the connection', async () => {
  const { raw, closed, close } = await secured('TLSv1.3');
  raw.write(Buffer.alloc(300, 0x41));
  expect(await closed).toBeInstanceOf(Error);
  await close();
});

test('A-GW-02: a client may not begin its handshake again', async () => {
  const { client, closed, close } = await secured('TLSv1.2');
  client.renegotiate({}, () => undefined);
  expect(await closed).toBeInstanceOf(Error);
  await close();
});
