/** TLS handshakes that only prove a name (RFC 8737): who gets the certificate of a challenge, and that nothing follows. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { connect, createSecureContext } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makePublicAuthority } from '../../test/servers/public-authority.ts';
import { describeError } from './errors.ts';
import { type ServerIdentity, SocketWire } from './wire.ts';

const name = 'gw.example.com';
let server: Server;
let normal: ServerIdentity;
let named: ServerIdentity;
let challenge: ServerIdentity;
/** What is proved; null: nothing ever is. */
let proved: string[] | null;
let asked: string[];
/** What came of each connection at the server, and what it read. */
let outcomes: string[];

async function identity(...names: string[]): Promise<ServerIdentity> {
  const { cert, key } = await (await makePublicAuthority()).issue({ names });
  return { secureContext: createSecureContext({ cert, key }), certificate: new X509Certificate(cert).raw };
}

beforeAll(async () => {
  [normal, named, challenge] = [await identity('own.test'), await identity(name), await identity('challenge.test')];
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    const wire = new SocketWire(socket);
    const challengeFor = (host: string): ServerIdentity | null => {
      asked.push(host);
      return proved!.includes(host) ? challenge : null;
    };
    wire
      .startServerTls({
        ...normal,
        alpn: ['h2', 'http/1.1'],
        identityFor: async (host) => (host === name ? named : null),
        ...(proved === null ? {} : { challengeFor }),
      })
      .then(
        () => {
          outcomes.push(`alpn ${wire.tls?.alpn}`);
          wire.handle({ read: (chunk) => outcomes.push(`read ${chunk}`), end() {}, drain() {}, close() {} });
          wire.end(Buffer.from('hello'));
        },
        (error: unknown) => outcomes.push(describeError(error)),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  proved = [name];
  asked = [];
  outcomes = [];
});

/** What a client is shown, and what it reads; or why there is no connection. */
async function ask(host: string, protocols: string[] | undefined, version?: 'TLSv1.2'): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    servername: host,
    rejectUnauthorized: false,
    ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
    ...(version === undefined ? {} : { maxVersion: version }),
  });
  let said = '';
  let read = '';
  socket.on('secureConnect', () => {
    said = `${socket.getPeerX509Certificate()?.subjectAltName} ${socket.alpnProtocol}`;
    socket.write('GET / HTTP/1.1\r\n\r\n');
  });
  socket.on('data', (chunk: Buffer) => (read += chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => (said ||= String(error.code)));
  await once(socket, 'close').catch(() => undefined);
  await expect.poll(() => outcomes.length, { timeout: 20_000, interval: 2 }).toBeGreaterThan(0);
  return `${said} ${read}`.trim();
}

describe('a handshake', () => {
  test.each([[undefined], ['TLSv1.2' as const]])('for a proof ends with the proof (%s)', async (version) => {
    expect(await ask(name, ['acme-tls/1'], version)).toBe('DNS:challenge.test acme-tls/1');
    expect(outcomes).toEqual(['base.challenge-answered: The connection proved a name, and is over.']);
    expect(asked).toEqual([name]);
  });

  test('for a name that is not proved is refused by TLS', async () => {
    expect(await ask('other.example.com', ['acme-tls/1'])).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
    expect(asked).toEqual(['other.example.com']);
    expect(outcomes[0]).toMatch(/no application protocol/i);
  });

  test('that offers anything else is none, and is never asked about', async () => {
    expect(await ask(name, ['acme-tls/1', 'http/1.1'])).toBe(`DNS:${name} http/1.1 hello`);
    expect(await ask(name, ['http/1.1', 'h2'])).toBe(`DNS:${name} h2 hello`);
    expect(await ask('elsewhere.test', ['http/1.1'])).toBe('DNS:own.test http/1.1 hello');
    expect(await ask(name, undefined)).toBe(`DNS:${name} false hello`);
    expect(await ask(name, ['acme-tls/2'])).toContain('NO_APPLICATION_PROTOCOL');
    expect(asked).toEqual([]);
  });

  test('is refused where nothing is ever proved', async () => {
    proved = null;
    expect(await ask(name, ['acme-tls/1'])).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
    expect(await ask(name, ['http/1.1'])).toBe(`DNS:${name} http/1.1 hello`);
  });
});
