/** Client certificates in the gateway's own TLS: asked for while somebody is trusted to issue them, kept across resumption. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClientAuthority, makeClientAuthority } from '../../test/servers/client-certificates.ts';
import { systemClock } from '../base/clock.ts';
import { SocketWire } from '../base/wire.ts';
import { type Authority, listenerTls, openAuthority } from './authority.ts';

const domains = ['gw.example.com'];
let folder: string;
let gateway: Authority;
let programs: ClientAuthority;
let server: Server;
let issuers: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-client-certificates-'));
  gateway = await openAuthority(join(folder, 'tls'), join(folder, 'ca.pem'), domains, systemClock);
  programs = await makeClientAuthority();
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    const wire = new SocketWire(socket);
    wire.handle({ read: () => undefined, end: () => wire.end(), drain: () => undefined, close: () => undefined });
    void wire.startServerTls(listenerTls(gateway, domains, issuers)).then(
      () => {
        const der = wire.tls?.clientCertificate ?? null;
        wire.end(Buffer.from(der === null ? 'none' : new X509Certificate(der).subject));
      },
      () => wire.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

interface Seen {
  readonly said: string;
  readonly session: Buffer | null;
  readonly isReused: boolean;
}

function ask(options: ConnectionOptions = {}): Promise<Seen> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: 'shop.gw.example.com',
      rejectUnauthorized: false,
      ...options,
    });
    let said = '';
    let session: Buffer | null = null;
    let isReused = false;
    socket.on('secureConnect', () => {
      isReused = socket.isSessionReused();
    });
    socket.on('session', (given: Buffer) => {
      session = given;
    });
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ said, session, isReused }));
  });
}

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  '%s: asked for, shown, and kept by a session that is resumed',
  async (version) => {
    issuers = [programs.cert];
    const { cert, key } = await programs.issue({ subject: 'CN=robot' });
    const options = { cert, key, minVersion: version, maxVersion: version };
    const first = await ask(options);
    expect(first.said).toBe('CN=robot');
    const again = await ask({ ...options, ...(first.session === null ? {} : { session: first.session }) });
    expect(again).toMatchObject({ said: 'CN=robot', isReused: true });
    expect((await ask({ minVersion: version, maxVersion: version })).said).toBe('none');
    // One of an issuer that nobody named comes through to identity, which refuses it.
    const stranger = await (await makeClientAuthority('CN=Stranger')).issue({ subject: 'CN=stranger' });
    expect((await ask({ ...options, cert: stranger.cert, key: stranger.key })).said).toBe('CN=stranger');
  },
);

test('not asked for while nobody is trusted', async () => {
  issuers = [];
  const { cert, key } = await programs.issue({ subject: 'CN=robot' });
  expect((await ask({ cert, key })).said).toBe('none');
});

test('the contexts of origins stay while those who are trusted do', async () => {
  const context = async (named: readonly string[]) => {
    const { identityFor } = listenerTls(gateway, domains, named);
    return identityFor!('shop.gw.example.com');
  };
  const first = await context([programs.cert]);
  expect(await context([programs.cert])).toBe(first);
  expect(await context([])).not.toBe(first);
});
