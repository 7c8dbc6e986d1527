/** Given certificates: who gets which, how they are renewed, and what is refused; by TLS clients as they are. */

import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makePublicAuthority, type PublicAuthority } from '../../test/servers/public-authority.ts';
import { FakeClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { SocketWire, serverEndPoint } from '../base/wire.ts';
import { type Authority, listenerTls, openAuthority } from './authority.ts';
import { type CertificateFiles, type GivenCertificates, openCertificates, readCertificate } from './certificates.ts';
import { readConfig } from './config.ts';
import { examine, type Finding } from './doctor.ts';
import * as limits from './limits.ts';

const dayMs = 86_400_000;
const now = Date.now();

type Line = readonly [level: string, message: string, detail: string];

function listening(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const at =
    (level: string): Log['info'] =>
    (message, fields) =>
      void lines.push([level, message, String(fields?.['detail'] ?? '')]);
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), with: () => log };
  return { log, lines };
}

let folder: string;
let issuer: PublicAuthority;
const closing: (() => void)[] = [];
let count = 0;

beforeAll(async () => {
  issuer = await makePublicAuthority();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-certificates-'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await rm(folder, { recursive: true, force: true });
});

/** Puts a pair where it is to be found: by renaming, as what renews certificates does it. */
async function put({ cert, key }: { cert: string; key: string }, at?: CertificateFiles): Promise<CertificateFiles> {
  const name = `c${count++}`;
  const files = at ?? { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  for (const [path, text] of [
    [files.certificate, cert],
    [files.key, key],
  ] as const) {
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
  return files;
}

interface House {
  readonly given: GivenCertificates;
  readonly authority: Authority;
  readonly clock: FakeClock;
  readonly lines: Line[];
  readonly port: number;
  /** What the gateway takes for the binding to the channel, of each connection. */
  readonly bindings: (Buffer | null)[];
}

async function house(
  configured: readonly CertificateFiles[],
  domains: readonly string[] = ['gw.example.com', 'localhost'],
): Promise<House> {
  const clock = new FakeClock(now);
  const { log, lines } = listening();
  const given = await openCertificates(configured, clock, log);
  const paths = [join(folder, 'tls'), join(folder, 'ca.pem')] as const;
  const authority = await openAuthority(...paths, ['gw.example.com'], clock, given);
  const bindings: (Buffer | null)[] = [];
  const server: Server = createServer({ pauseOnConnect: true }, (socket) => {
    const wire = new SocketWire(socket);
    wire.startServerTls(listenerTls(authority, domains)).then(
      () => {
        bindings.push(wire.tls?.serverEndPoint ?? null);
        const end = (): void =>
          wire.end(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi'));
        wire.handle({ read: end, end: () => undefined, drain: () => undefined, close: () => undefined });
      },
      () => wire.destroy(),
    );
  });
  const port = await listen(server);
  closing.push(() => given.close());
  return { given, authority, clock, lines, port, bindings };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface Presented {
  /** Null where the session was resumed: nothing is presented then. */
  readonly raw: Buffer | null;
  readonly session: Buffer | null;
}

/** What a client is shown that asks for a name and trusts the public authority, or another. */
async function presented(port: number, servername: string, more: { ca?: string; unchecked?: true } = {}) {
  const { raw, session } = await ask(port, servername, more);
  return { leaf: new X509Certificate(raw!), session };
}

function ask(port: number, servername: string, more: { ca?: string; session?: Buffer; unchecked?: true }) {
  return new Promise<Presented>((resolve, reject) => {
    const { ca = issuer.cert, session, unchecked } = more;
    let got: Buffer | null = null;
    const socket: TLSSocket = connect({
      ...{ host: '127.0.0.1', port, ca, servername, rejectUnauthorized: unchecked !== true },
      ...(session === undefined ? {} : { session }),
    });
    socket.on('session', (one) => {
      got = one;
    });
    socket.once('secureConnect', () => {
      const raw = socket.isSessionReused() ? null : socket.getPeerCertificate().raw;
      socket.on('data', () => undefined);
      socket.on('close', () => resolve({ raw, session: got }));
      socket.write('GET / HTTP/1.1\r\n\r\n');
    });
    socket.once('error', reject);
  });
}

const namesOf = async (port: number, name: string): Promise<string | undefined> =>
  (await presented(port, name)).leaf.subjectAltName;

describe('a name', () => {
  test('gets the first certificate that covers it: exactly, or by a wildcard for one label', async () => {
    const exact = await put(await issuer.issue({ names: ['shop.gw.example.com'] }));
    const wildcard = await put(await issuer.issue({ names: ['gw.example.com', '*.gw.example.com'] }));
    const later = await put(await issuer.issue({ names: ['gw.example.com', 'other.example.com'] }));
    const { port, authority } = await house([exact, wildcard, later]);
    expect(await namesOf(port, 'shop.gw.example.com')).toBe('DNS:shop.gw.example.com');
    const both = 'DNS:gw.example.com, DNS:*.gw.example.com';
    expect(await namesOf(port, 'wages.gw.example.com')).toBe(both);
    expect(await namesOf(port, 'WAGES.gw.Example.com')).toBe(both);
    expect(await namesOf(port, 'gw.example.com')).toBe(both);
    expect(await namesOf(port, 'other.example.com')).toBe('DNS:gw.example.com, DNS:other.example.com');
    // Every other name gets what it got before there were any: an origin's own, or the listener's.
    const ca = await authorityOf(authority);
    const origin = await presented(port, 'shop.localhost', { ca });
    expect(origin.leaf.subjectAltName).toBe('DNS:shop.localhost');
    const listener = await presented(port, 'localhost', { ca });
    expect(listener.leaf.subject).toBe('CN=Sallyport gateway');
    for (const name of ['a.b.gw.example.com', 'elsewhere.example', 'common.example.com']) {
      const { leaf } = await presented(port, name, { unchecked: true });
      expect([name, leaf.subject]).toEqual([name, 'CN=Sallyport gateway']);
    }
  });

  test('curl and OpenSSL take it with nothing but the public authority', async () => {
    const files = await put(await issuer.issue({ names: ['*.gw.example.com'] }));
    const { port } = await house([files]);
    const ca = join(folder, 'public.pem');
    await writeFile(ca, issuer.cert);
    const url = `https://shop.gw.example.com:${port}/`;
    const resolve = `shop.gw.example.com:${port}:127.0.0.1`;
    expect(await run('curl', ['-sS', '--cacert', ca, '--resolve', resolve, url])).toBe('hi');
    const name = 'shop.gw.example.com';
    const arguments_ = ['-servername', name, '-verify_hostname', name, '-verify_return_error', '-CAfile', ca];
    const said = await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...arguments_]);
    expect(said).toContain('Verify return code: 0 (ok)');
  });

  test('gets it from listeners without origins too, and bindings to the channel are to what was presented', async () => {
    const files = await put(await issuer.issue({ names: ['db.example.com'], hash: 'SHA-384' }));
    const { port, bindings, authority } = await house([files], []);
    const shown = await presented(port, 'db.example.com');
    expect(shown.leaf.subjectAltName).toBe('DNS:db.example.com');
    expect(bindings[0]).toHaveLength(48);
    expect(bindings[0]).toEqual(serverEndPoint(shown.leaf.raw));
    const own = await presented(port, 'localhost', { ca: await authorityOf(authority) });
    expect(bindings[1]).toEqual(serverEndPoint(own.leaf.raw));
    expect(bindings[1]).toHaveLength(32);
    // Who is asked for no certificate is not asked now either.
    expect(listenerTls(authority, [], ['issuer']).requestCertificate).toBe(false);
  });

  test('gets it from the console', async () => {
    const files = await put(await issuer.issue({ names: ['gw.example.com'] }));
    const { authority } = await house([files]);
    const server = createHttps(await authority.material(), (_, answer) => answer.end('hi'));
    const port = await listen(server);
    closing.push(() => server.closeAllConnections());
    expect(await namesOf(port, 'gw.example.com')).toBe('DNS:gw.example.com');
    const own = await presented(port, 'localhost', { ca: await authorityOf(authority) });
    expect(own.leaf.subject).toBe('CN=Sallyport gateway');
    // What renews the listener's own certificate leaves that.
    server.setSecureContext(await authority.material());
    expect(await namesOf(port, 'gw.example.com')).toBe('DNS:gw.example.com');
  });

  test('asks nobody where none is given', async () => {
    const { authority } = await house([], []);
    expect(authority.isGiven).toBe(false);
    expect(listenerTls(authority, []).identityFor).toBeUndefined();
    expect((await authority.material()).SNICallback).toBeUndefined();
  });
});

describe('renewal', () => {
  test('is taken up within the interval, and no session of before is resumed', async () => {
    const names = ['gw.example.com'];
    const files = await put(await issuer.issue({ names }));
    const { given, port, clock, lines, bindings } = await house([files]);
    const before = await presented(port, 'gw.example.com');
    const kept = await ask(port, 'gw.example.com', { session: before.session! });
    expect(kept.raw).toBeNull();
    expect(bindings).toEqual([serverEndPoint(before.leaf.raw), serverEndPoint(before.leaf.raw)]);
    await given.look();
    expect(lines).toEqual([]);
    const renewed = await issuer.issue({ names, toMs: now + 120 * dayMs });
    await put(renewed, files);
    clock.advance(limits.certificateLookMs - 1);
    expect((await presented(port, 'gw.example.com')).leaf.raw).toEqual(before.leaf.raw);
    clock.advance(1);
    // The look that the clock began.
    await given.look();
    expect((await ask(port, 'gw.example.com', { session: kept.session! })).raw).toEqual(renewed.der);
    expect(bindings.at(-1)).toEqual(serverEndPoint(renewed.der));
    expect(lines).toEqual([['info', 'certificate replaced', '']]);
  });

  test('follows a link that is put elsewhere, as certbot does it', async () => {
    const names = ['gw.example.com'];
    const first = await put(await issuer.issue({ names }));
    const second = await put(await issuer.issue({ names, toMs: now + 120 * dayMs }));
    const files = { certificate: join(folder, 'live.pem'), key: join(folder, 'live.key') };
    for (const one of [first, second]) {
      for (const part of ['certificate', 'key'] as const) {
        await rm(files[part], { force: true });
        await symlink(one[part], files[part]);
      }
      if (one === first) expect(await house([files]).then(({ port }) => namesOf(port, names[0]!))).toBeDefined();
    }
    const { port } = await house([files]);
    const { leaf } = await presented(port, 'gw.example.com');
    expect(Date.parse(leaf.validTo)).toBeGreaterThan(now + 100 * dayMs);
  });

  test('that is broken leaves the one before, is logged once, and is made good by the next', async () => {
    const names = ['gw.example.com'];
    const files = await put(await issuer.issue({ names }));
    const { given, port, lines } = await house([files]);
    const before = (await presented(port, 'gw.example.com')).leaf.raw;
    const good = await issuer.issue({ names, toMs: now + 120 * dayMs });
    const broken: readonly (readonly [{ cert: string; key: string }, RegExp])[] = [
      [{ ...good, key: (await issuer.issue({ names })).key }, /is not the key of the first certificate/],
      [{ ...good, cert: 'gone' }, /holds no certificate in PEM/],
      [{ ...good, key: '' }, /holds no private key in PEM/],
      [await issuer.issue({ names, toMs: now - 1000, fromMs: now - dayMs }), /expired on/],
    ];
    for (const [one, problem] of broken) {
      await put(one, files);
      await given.look();
      await given.look();
      expect(lines.splice(0)).toEqual([
        ['error', 'a certificate cannot be replaced; the old one stays', expect.stringMatching(problem)],
      ]);
      expect((await presented(port, 'gw.example.com')).leaf.raw).toEqual(before);
    }
    await rm(files.key);
    await given.look();
    expect(lines.splice(0)[0]![2]).toMatch(/cannot be read \(ENOENT\)/);
    await put(good, files);
    await given.look();
    expect((await presented(port, 'gw.example.com')).leaf.raw).toEqual(good.der);
    expect(lines).toEqual([['info', 'certificate replaced', '']]);
  });

  test('keeps who is asked for certificates of clients', async () => {
    const files = await put(await issuer.issue({ names: ['shop.gw.example.com'] }));
    const { authority, given } = await house([files]);
    const plain = await authority.identityFor('shop.gw.example.com', []);
    listenerTls(authority, ['gw.example.com'], [issuer.cert]);
    const asking = await authority.identityFor('shop.gw.example.com', []);
    expect(asking).not.toBe(plain);
    expect(given.identityFor('shop.gw.example.com')).toBe(asking);
  });
});

describe('at the start', () => {
  const names = ['gw.example.com'];
  const problemOf = (files: CertificateFiles): Promise<string> =>
    readCertificate(files, now).then(
      () => 'none',
      (error: { code?: string; publicMessage?: string }) => `${error.code}: ${error.publicMessage}`,
    );

  test('what cannot be used is refused, with what to do', async () => {
    const good = await issuer.issue({ names });
    const other = await issuer.issue({ names });
    const encrypted = good.key.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY');
    const cases: readonly (readonly [{ cert: string; key: string }, RegExp])[] = [
      [{ ...good, key: other.key }, /give the pair that was issued together/],
      // The authority first: its key is not the one given.
      [{ ...good, cert: issuer.cert + good.cert }, /the server’s own certificate first/],
      [{ ...good, key: encrypted }, /without a passphrase/],
      [{ ...good, cert: good.key }, /holds no certificate/],
      [{ ...good, key: good.cert }, /holds no private key/],
      [await issuer.issue({ names: [] }), /names no host/],
      [await issuer.issue({ names, usage: '1.3.6.1.5.5.7.3.2' }), /not for servers/],
      [await issuer.issue({ names, fromMs: now + dayMs }), /valid only from .* check the clock/],
      [await issuer.issue({ names, fromMs: now - 2 * dayMs, toMs: now - dayMs }), /expired on .*: renew it/],
    ];
    for (const [one, problem] of cases) {
      const said = await problemOf(await put(one));
      expect(said).toMatch(problem);
      expect(said).toMatch(/^gateway\.configuration: /);
      expect(said).not.toContain('BEGIN');
    }
    const files = await put(good);
    expect(await problemOf({ ...files, key: join(folder, 'none') })).toMatch(/ENOENT/);
    expect(await problemOf({ ...files, key: folder })).toMatch(/no plain file/);
    expect(await problemOf(await put({ ...good, cert: good.cert + issuer.cert }))).toBe('none');
    expect(await problemOf(files)).toBe('none');
  });

  test('I6: files and certificates are bounded', async () => {
    const good = await issuer.issue({ names });
    const padded = (bytes: number): string => good.cert + ' '.repeat(bytes - good.cert.length);
    const files = await put({ ...good, cert: padded(limits.certificateFileBytesMax) });
    expect(await problemOf(files)).toBe('none');
    await put({ ...good, cert: padded(limits.certificateFileBytesMax + 1) }, files);
    expect(await problemOf(files)).toMatch(/larger than/);
    const config = async (number: number) => {
      const file = join(folder, 'settings.yaml');
      const entries = Array.from({ length: number }, () => '  - { certificate: a.pem, key: a.key }\n').join('');
      await writeFile(file, `certificates:\n${entries}`);
      return readConfig({ file, dataDirectory: folder, environment: {} });
    };
    expect((await config(limits.certificatesMax)).certificates).toHaveLength(limits.certificatesMax);
    await expect(config(limits.certificatesMax + 1)).rejects.toMatchObject({ code: 'gateway.configuration' });
  });

  test('what expires in less than fourteen days, or has an open key, is warned of, and by doctor', async () => {
    const soonMs = limits.certificateExpiryWarnDays * dayMs;
    // Certificates tell seconds.
    const second = Math.floor(now / 1000) * 1000;
    const soon = await put(await issuer.issue({ names: ['soon.example.com'], toMs: second + soonMs - 1000 }));
    const fine = await put(await issuer.issue({ names, toMs: second + soonMs + 60_000 }));
    const { log, lines } = listening();
    const clock = new FakeClock(second);
    const given = await openCertificates([soon, fine], clock, log);
    closing.push(() => given.close());
    expect(lines.splice(0)).toEqual([['warn', 'look after a certificate', expect.stringMatching(/expires on/)]]);
    await chmod(fine.key, 0o640);
    await given.look();
    clock.advance(limits.renewalIntervalMs);
    const details = lines.map(([, , detail]) => detail);
    expect(details.filter((detail) => detail.includes(soon.certificate))).toHaveLength(1);
    expect(details.filter((detail) => detail === `${fine.key} can be read by others`)).toHaveLength(1);

    const far = await put(await issuer.issue({ names: ['gw.example.com', '*.gw.example.com'] }));
    const config = await readConfig({ dataDirectory: folder, environment: {} });
    const certificates = [soon, far, { ...far, key: soon.key }];
    const findings: Finding[] = [];
    for await (const one of examine({ ...config, listeners: [], certificates })) findings.push(one);
    expect(findings.filter(({ check }) => check === 'Certificate')).toMatchObject([
      { level: 'warn', message: expect.stringMatching(/expires on/), todo: expect.stringMatching(/Renew it/) },
      { level: 'ok', message: expect.stringMatching(/^gw\.example\.com, \*\.gw\.example\.com until \d{4}-/) },
      { level: 'fail', message: expect.stringMatching(/is not the key/) },
    ]);
  });
});

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: 10_000 }, (_, stdout, stderr) =>
      resolve(stdout === '' ? stderr : stdout),
    );
    child.stdin?.end();
  });
}

function authorityOf({ caPath }: Authority): Promise<string> {
  return readFile(caPath, 'utf8');
}
