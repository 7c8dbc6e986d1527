/**
 * Origins and their certificates: which names there are, and that stock clients take what is presented for them. What is
 * checked by the real programs is checked by them (OpenSSL's own name check, curl).
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../base/clock.ts';
import { SocketWire } from '../base/wire.ts';
import { type Authority, listenerTls, openAuthority } from './authority.ts';
import { certificateDays, originCertificatesMax } from './limits.ts';
import { isOriginLabel, originDomains, originsOf } from './origins.ts';

describe('names', () => {
  test('domains are the gateway’s DNS names, and localhost last', () => {
    expect(originDomains([])).toEqual(['localhost']);
    expect(originDomains(['GW.example.com.', 'localhost', 'gw.example.com', 'gw'])).toEqual([
      'gw.example.com',
      'gw',
      'localhost',
    ]);
  });

  test('addresses and what is no host name are no domains', () => {
    const none = [
      '10.0.0.1',
      '::1',
      '1',
      '10.0.0.0x1.1',
      'a_b',
      '-a.example',
      'a..b',
      '',
      '*.example',
      `${'a.'.repeat(95)}b`,
    ];
    expect(originDomains(none)).toEqual(['localhost']);
  });

  test('a resource has one origin below each domain, where its name is a label', () => {
    expect(originsOf('shop-api', ['gw.example.com', 'localhost'], 15_403)).toEqual([
      'https://shop-api.gw.example.com:15403',
      'https://shop-api.localhost:15403',
    ]);
    expect(originsOf('shop', ['gw.example.com'], 443)).toEqual(['https://shop.gw.example.com']);
    for (const name of ['shop.api', 'shop_api', 'shop-', `a${'b'.repeat(63)}`]) {
      expect(isOriginLabel(name)).toBe(false);
      expect(originsOf(name, ['localhost'], 1)).toEqual([]);
    }
  });
});

describe('certificates', () => {
  const domains = ['gw.example.com', 'localhost'];
  let folder: string;
  let authority: Authority;
  let server: Server;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-origins-'));
    authority = await openAuthority(join(folder, 'tls'), join(folder, 'ca.pem'), ['gw.example.com'], systemClock);
    server = createServer({ pauseOnConnect: true }, (socket) => {
      const wire = new SocketWire(socket);
      const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi');
      wire.startServerTls(listenerTls(authority, domains)).then(
        () =>
          wire.handle({
            read: () => wire.end(answer),
            end: () => undefined,
            drain: () => undefined,
            close: () => undefined,
          }),
        () => wire.destroy(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });
  afterAll(async () => {
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What is presented for a name, checked against the authority and the name. */
  async function presented(servername: string): Promise<X509Certificate> {
    const ca = await readFile(authority.caPath, 'utf8');
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca, servername, minVersion: 'TLSv1.2' }, () => {
        const certificate = new X509Certificate(socket.getPeerCertificate().raw);
        socket.destroy();
        resolve(certificate);
      });
      socket.once('error', reject);
    });
  }

  test('A-HTTP-10: an origin has one for exactly its name, whichever resource there is', async () => {
    for (const name of ['shop-api.localhost', 'nothing-there.localhost', 'shop-api.gw.example.com']) {
      expect((await presented(name)).subjectAltName).toBe(`DNS:${name}`);
    }
    // Case does not matter (RFC 9525, section 6.3).
    expect((await presented('SHOP-api.localhost')).subjectAltName).toBe('DNS:shop-api.localhost');
  });

  test('every other name gets the listener’s own, which tells of no resource', async () => {
    expect((await presented('localhost')).subjectAltName).toContain('DNS:gw.example.com');
    for (const name of ['a.b.localhost', 'shop_api.localhost', 'shop.elsewhere.example']) {
      await expect(presented(name)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    }
  });

  test('OpenSSL and curl take it, where they refuse a wildcard below one label', async () => {
    const url = `https://shop-api.localhost:${port}/`;
    const { status, text } = await run('curl', ['-sS', '--cacert', authority.caPath, url]);
    expect([status, text]).toEqual([0, 'hi']);
    const verify = ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', authority.caPath];
    const named = ['-servername', 'shop-api.localhost', '-verify_hostname', 'shop-api.localhost'];
    const checked = await run('openssl', [...verify, ...named, '-verify_return_error']);
    expect(checked.text).toContain('Verify return code: 0 (ok)');
  });

  test('it is made once, and again when it is due or the authority renewed', async () => {
    const clock = new FakeClock();
    const own = await openAuthority(join(folder, 'other'), join(folder, 'other.pem'), [], clock);
    const first = await own.identityFor('a.localhost', domains);
    expect(await own.identityFor('a.localhost', domains)).toBe(first);
    clock.advance((certificateDays * 86_400_000 * 2) / 3 + 1);
    const second = await own.identityFor('a.localhost', domains);
    expect(second).not.toBe(first);
    await own.renew();
    expect(await own.identityFor('a.localhost', domains)).not.toBe(second);
  });

  test('I6: so many are kept; the one unused for longest is made again', async () => {
    const own = await openAuthority(join(folder, 'many'), join(folder, 'many.pem'), [], systemClock);
    const first = await own.identityFor('first.localhost', domains);
    const second = await own.identityFor('second.localhost', domains);
    for (let index = 2; index < originCertificatesMax; index++) await own.identityFor(`o${index}.localhost`, domains);
    expect(await own.identityFor('first.localhost', domains)).toBe(first);
    await own.identityFor('one-more.localhost', domains);
    expect(await own.identityFor('first.localhost', domains)).toBe(first);
    expect(await own.identityFor('second.localhost', domains)).not.toBe(second);
  }, 30_000);

  test('a data directory of before origins needs nothing new, and keys stay for their owner', async () => {
    const key = join(folder, 'tls', 'server.key');
    expect((await stat(key)).mode & 0o077).toBe(0);
    const again = await openAuthority(join(folder, 'tls'), join(folder, 'ca.pem'), ['gw.example.com'], systemClock);
    expect(await again.identityFor('shop.localhost', domains)).not.toBeNull();
  });

  test('an authority that was put there before the first start signs them', async () => {
    const own = join(folder, 'own');
    await mkdir(own);
    const made = await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', '/CN=House authority', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
      ...['-keyout', join(own, 'ca.key'), '-out', join(own, 'ca.pem')],
    ]);
    expect(made.status, made.text).toBe(0);
    const house = new X509Certificate(await readFile(join(own, 'ca.pem')));
    const opened = await openAuthority(own, join(folder, 'own.pem'), ['gw.example.com'], systemClock);
    expect(new X509Certificate(opened.identity().certificate).verify(house.publicKey)).toBe(true);
    expect(await readFile(opened.caPath, 'utf8')).toBe(await readFile(join(own, 'ca.pem'), 'utf8'));
    expect(await opened.identityFor('shop.gw.example.com', domains)).not.toBeNull();
  });

  test('a certificate from elsewhere does not stand for origins, and is replaced', async () => {
    const own = join(folder, 'wildcard');
    await openAuthority(own, join(folder, 'wildcard.pem'), ['gw.example.com'], systemClock);
    const made = await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'],
      ...['-subj', '/CN=wildcard', '-addext', 'subjectAltName=DNS:*.gw.example.com,DNS:gw.example.com'],
      ...['-keyout', join(own, 'server.key'), '-out', join(own, 'server.pem')],
    ]);
    expect(made.status, made.text).toBe(0);
    const opened = await openAuthority(own, join(folder, 'wildcard.pem'), ['gw.example.com'], systemClock);
    expect(new X509Certificate(opened.identity().certificate).subject).toBe('CN=Sallyport gateway');
    expect(await opened.identityFor('shop.gw.example.com', domains)).not.toBeNull();
  });

  test('one that cannot be signed fails this handshake, and not the next', async () => {
    const own = await openAuthority(join(folder, 'bad'), join(folder, 'bad.pem'), [], systemClock);
    const path = join(folder, 'bad', 'ca.key');
    const key = await readFile(path);
    await writeFile(path, 'gone');
    await expect(own.identityFor('a.localhost', domains)).rejects.toThrow();
    await writeFile(path, key);
    expect(await own.identityFor('a.localhost', domains)).not.toBeNull();
  });
});

function run(program: string, args: readonly string[]): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: 10_000 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : 1, text: stdout === '' ? stderr : stdout }),
    );
    child.stdin?.end();
  });
}
