import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../../../test/servers/certificates.ts';
import { localStartBytesMax } from '../limits.ts';
import { type FakeGateway, goodToken, startFakeGateway } from '../testing/fake-gateway.ts';
import { World } from '../testing/world.ts';
import type { Target } from './client.ts';
import { type LocalPort, openLocalPort } from './local-port.ts';
import { postgresClient } from './postgres.ts';
import { MechanismFilter } from './postgres-mechanisms.ts';
import { libpqValue, shellWord, uriPart } from './quote.ts';

let gateway: FakeGateway;
let world: World;
let certificates: Certificates;

beforeAll(async () => {
  gateway = await startFakeGateway();
  certificates = await makeCertificates();
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

describe('connect', () => {
  const env = (): Record<string, string> => ({
    SALLYPORT_SERVER: gateway.url,
    SALLYPORT_TOKEN: goodToken,
    SALLYPORT_CA: join(world.directory, 'ca file.pem'),
  });
  beforeEach(() => writeFile(join(world.directory, 'ca file.pem'), certificates.authority.cert));

  /** A stand-in for psql that writes down how it was called. */
  const stockClient = async (body: string): Promise<string> => {
    const directory = join(world.directory, 'bin');
    await mkdir(directory);
    await writeFile(join(directory, 'psql'), `#!/bin/sh\n${body}\n`);
    await chmod(join(directory, 'psql'), 0o755);
    return `${directory}:${process.env['PATH']}`;
  };

  it('prints lines for psql, URI, JDBC and Python, without the token unless asked', async () => {
    const ca = join(world.directory, 'ca file.pem');
    const plain = await world.run(['connect', 'orders', '--print'], { env: env() });
    expect(plain.stdout).not.toContain(goodToken);
    expect(plain.stderr).toContain('--show-token');
    const path = encodeURIComponent(ca);
    const conninfo = `host=127.0.0.1 port=6432 user=engineer+orders dbname=shop sslmode=verify-full sslrootcert='${ca}'`;
    expect(plain.stdout.split('\n')).toEqual([
      `psql        psql ${shellWord(conninfo)}`,
      `URI         postgresql://engineer%2Borders@127.0.0.1:6432/shop?sslmode=verify-full&sslrootcert=${path}`,
      `JDBC        jdbc:postgresql://127.0.0.1:6432/shop?user=engineer%2Borders&sslmode=verify-full&sslrootcert=${path}`,
      `Python DSN  "${conninfo}"`,
      '',
    ]);
    const shown = await world.run(['connect', 'orders', '--print', '--show-token', '-o', 'json'], { env: env() });
    const { lines } = JSON.parse(shown.stdout) as { lines: { line: string }[] };
    expect(lines.every(({ line }) => line.includes(goodToken))).toBe(true);
    expect(shown.stderr).toBe('');
  });

  it('starts the client with everything in its environment and nothing on its command line; passes its exit code on', async () => {
    const out = join(world.directory, 'seen');
    const path = await stockClient(`{ env | grep ^PG | sort; echo "args: $*"; } > '${out}'; exit 7`);
    const ran = await world.run(['connect', 'orders', '--', '-c', 'select 1', '--csv'], {
      env: { ...env(), PATH: path },
    });
    expect(ran.code).toBe(7);
    expect((await readFile(out, 'utf8')).split('\n')).toEqual([
      'PGDATABASE=shop',
      'PGHOST=127.0.0.1',
      `PGPASSWORD=${goodToken}`,
      'PGPORT=6432',
      'PGSSLMODE=verify-full',
      `PGSSLROOTCERT=${join(world.directory, 'ca file.pem')}`,
      'PGUSER=engineer+orders',
      'args: -c select 1 --csv',
      '',
    ]);
  });

  it('hands signals on, and answers 128 + signal when the client dies of one', async () => {
    const ready = join(world.directory, 'ready');
    const path = await stockClient(`trap 'exit 9' TERM; touch '${ready}'; while :; do sleep 0.05; done`);
    const running = world.run(['connect', 'orders'], { env: { ...env(), PATH: path } });
    await waitFor(() => readFile(ready));
    world.signal('SIGTERM');
    expect((await running).code).toBe(9);
    await writeFile(join(world.directory, 'bin', 'psql'), '#!/bin/sh\nkill -9 $$\n');
    expect((await world.run(['connect', 'orders'], { env: { ...env(), PATH: path } })).code).toBe(137);
  });

  it('asks for the authority where login needed none', async () => {
    const ran = await world.run(['connect', 'orders'], { env: { ...env(), SALLYPORT_CA: '' } });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('sallyport login --ca FILE');
  });

  it('says so when the client is not installed', async () => {
    const ran = await world.run(['connect', 'orders'], { env: { ...env(), PATH: world.directory } });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('psql is not installed');
  });

  it('opens a local port until it is interrupted', async () => {
    let port = 0;
    const ran = await world.run(['connect', 'orders', '--local-port'], {
      env: env(),
      onOutput: (text, at) => {
        if (port > 0) return;
        port = Number(/port=(\d+)/.exec(text)?.[1] ?? 0);
        if (port > 0) setImmediate(() => at.signal('SIGINT'));
      },
    });
    expect(ran.code).toBe(130);
    expect(port).toBeGreaterThan(0);
    expect(ran.stdout).toContain('sslmode=disable');
    expect((await world.run(['connect', 'orders', '--local-port', '70000'], { env: env() })).code).toBe(2);
    await using busy = await startFakeGateway();
    const taken = await world.run(['connect', 'orders', '--local-port', new URL(busy.url).port], { env: env() });
    expect(taken.stderr).toContain('something else listens there');
  });
});

describe('quoting', () => {
  it('keeps every value in its place', () => {
    expect(shellWord(`a'b $(x)`)).toBe(`'a'\\''b $(x)'`);
    expect(libpqValue(`a'b\\c d`)).toBe(`'a\\'b\\\\c d'`);
    expect(uriPart(`a+b/@:'`)).toBe('a%2Bb%2F%40%3A%27');
  });
});

/** A tiny gateway: takes SSLRequest, does TLS, and hands the rest to `talk`. */
async function tlsServer(
  talk: (socket: TLSSocket) => void,
  answer: Buffer | null = Buffer.from('S'),
  pair = certificates.server,
): Promise<{ port: number; server: Server; seen: Buffer[]; close(): Promise<void> }> {
  const seen: Buffer[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => {
      seen.push(first);
      if (answer === null) return;
      socket.write(answer);
      if (answer[0] !== 0x53 || answer.length > 1) return;
      const secure = new TLSSocket(socket, {
        isServer: true,
        secureContext: createSecureContext({ cert: pair.cert, key: pair.key }),
      });
      secure.on('error', () => secure.destroy());
      talk(secure);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    server,
    seen,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const sslRequest = Buffer.from('0000000804d2162f', 'hex');
const gssRequest = Buffer.from('0000000804d21630', 'hex');
const cancelRequest = Buffer.from('0000001004d2162e0000002a0000002b', 'hex');

function startup(user: string): Buffer {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0\0`, 'latin1');
  const head = Buffer.alloc(4);
  head.writeInt32BE(4 + body.length);
  return Buffer.concat([head, body]);
}

describe('the local port of PostgreSQL', () => {
  const ports: LocalPort[] = [];
  const servers: { close(): Promise<void> }[] = [];
  const clients: Socket[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const port of ports.splice(0)) await port.close();
    for (const server of servers.splice(0)) await server.close();
  });

  const open = async (upstream: number, ca = certificates.authority.cert): Promise<number> => {
    const target: Target = {
      resource: 'orders',
      login: 'e+orders',
      token: 't',
      host: '127.0.0.1',
      port: upstream,
      caFile: null,
      ca,
      database: null,
    };
    const local = await openLocalPort(postgresClient.forward!, target, 0);
    ports.push(local);
    return local.port;
  };

  const dial = async (
    port: number,
  ): Promise<{ socket: Socket; until(done: (all: Buffer) => boolean): Promise<Buffer> }> => {
    const socket = netConnect({ port, host: '127.0.0.1' });
    clients.push(socket);
    socket.on('error', () => {});
    let all = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      all = Buffer.concat([all, chunk]);
    });
    await once(socket, 'connect');
    return {
      socket,
      async until(done) {
        while (!done(all)) {
          if (socket.readableEnded || socket.destroyed) break;
          const { signal, abort } = abortable();
          await Promise.race(['data', 'end', 'close'].map((name) => once(socket, name, { signal }).catch(() => {})));
          abort();
        }
        return all;
      },
    };
  };

  const echo = (socket: TLSSocket): void => {
    socket.pipe(socket);
  };

  it('listens on the loopback only', async () => {
    const server = await tlsServer(echo);
    servers.push(server);
    await open(server.port);
    expect(ports[0]!.host).toBe('127.0.0.1');
  });

  it.each([
    ['at once', (bytes: Buffer) => [bytes]],
    ['byte by byte', (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]))],
  ])('answers requests for encryption with N and carries the rest inside TLS, %s', async (_, cut) => {
    const server = await tlsServer(echo);
    servers.push(server);
    const { socket, until } = await dial(await open(server.port));
    for (const part of cut(gssRequest)) await write(socket, part);
    expect((await until((all) => all.length >= 1)).toString()).toBe('N');
    for (const part of cut(sslRequest)) await write(socket, part);
    expect((await until((all) => all.length >= 2)).toString()).toBe('NN');
    const bytes = Buffer.concat([startup('e+orders'), Buffer.from('password')]);
    for (const part of cut(bytes)) await write(socket, part);
    const all = await until((received) => received.length >= 2 + bytes.length);
    expect(all.subarray(2)).toEqual(bytes);
    expect(server.seen[0]).toEqual(sslRequest);
  });

  it('carries a cancel request', async () => {
    const server = await tlsServer(echo);
    servers.push(server);
    const { socket, until } = await dial(await open(server.port));
    socket.write(cancelRequest);
    expect(await until((all) => all.length >= 16)).toEqual(cancelRequest);
  });

  it('moves megabytes both ways, with a slow reader', async () => {
    const server = await tlsServer(echo);
    servers.push(server);
    const { socket, until } = await dial(await open(server.port));
    socket.write(startup('x'));
    await until((all) => all.length >= startup('x').length);
    const bytes = Buffer.alloc(4 * 1024 * 1024, 'abcdefgh');
    socket.pause();
    socket.write(bytes);
    setTimeout(() => socket.resume(), 50);
    const all = await until((received) => received.length >= bytes.length + startup('x').length);
    expect(all.subarray(startup('x').length).equals(bytes)).toBe(true);
  });

  it('closes the other side when one closes', async () => {
    const server = await tlsServer((socket) => socket.once('data', () => socket.end('bye')));
    servers.push(server);
    const { socket, until } = await dial(await open(server.port));
    socket.write(startup('x'));
    expect((await until(() => false)).toString()).toBe('bye');
  });

  it('sends nothing to a gateway whose certificate is not trusted, and says why in the protocol', async () => {
    let received = 0;
    const server = await tlsServer(
      (socket) => socket.on('data', () => received++),
      Buffer.from('S'),
      certificates.stranger,
    );
    servers.push(server);
    const { socket, until } = await dial(await open(server.port));
    socket.write(startup('x'));
    const all = await until(() => false);
    expect(all[0]).toBe(0x45);
    expect(all.toString()).toContain('certificate is not trusted');
    expect(received).toBe(0);
    const misnamed = await tlsServer(echo, Buffer.from('S'), certificates.wrongName);
    servers.push(misnamed);
    const other = await dial(await open(misnamed.port));
    other.socket.write(startup('x'));
    expect((await other.until(() => false)).toString()).toContain('issued for another name');
  });

  it.each([
    ['refuses TLS', Buffer.from('N')],
    ['says more than S (A-PG-02, CVE-2021-23222)', Buffer.from('Sinjected')],
  ])('ends when the gateway %s', async (_, answer) => {
    const server = await tlsServer(echo, answer);
    servers.push(server);
    const { socket, until } = await dial(await open(server.port));
    socket.write(startup('x'));
    const all = await until(() => false);
    expect(all[0]).toBe(0x45);
    expect(all.toString()).not.toContain('injected');
  });

  it('says so when the gateway is not there', async () => {
    const { socket, until } = await dial(await open(9));
    socket.write(startup('x'));
    expect((await until(() => false)).toString()).toContain('nothing listens there');
  });

  it.each([
    ['a length below the least', Buffer.from('0000000700030000', 'hex')],
    ['a length of 2 GiB', Buffer.from('7fffffff00030000', 'hex')],
    ['a negative length', Buffer.from('ffffffff00030000', 'hex')],
    [
      'one byte past the limit',
      (() => {
        const bytes = Buffer.alloc(8);
        bytes.writeInt32BE(localStartBytesMax + 1);
        return bytes;
      })(),
    ],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['encryption asked for again and again', Buffer.concat([sslRequest, sslRequest, sslRequest, sslRequest])],
  ])('refuses %s before the gateway hears of it', async (_, bytes) => {
    const server = await tlsServer(echo);
    servers.push(server);
    const { socket, until } = await dial(await open(server.port));
    socket.write(bytes);
    const all = await until(() => false);
    expect(all.includes(Buffer.from('FATAL'))).toBe(true);
    expect(server.seen).toEqual([]);
  });

  it('drops everything when it is closed, a client that says nothing included', async () => {
    const server = await tlsServer(echo);
    servers.push(server);
    const port = await open(server.port);
    const silent = await dial(port);
    const talking = await dial(port);
    talking.socket.write(startup('x'));
    await talking.until((all) => all.length > 0);
    await ports.pop()!.close();
    await Promise.all([silent.until(() => false), talking.until(() => false)]);
  });
});

describe('the list of mechanisms', () => {
  const sasl = (...names: string[]): Buffer => {
    const list = Buffer.from(`${names.map((name) => `${name}\0`).join('')}\0`);
    const head = Buffer.alloc(9);
    head[0] = 0x52;
    head.writeInt32BE(8 + list.length, 1);
    head.writeInt32BE(10, 5);
    return Buffer.concat([head, list]);
  };
  const run = (bytes: Buffer, size: number): Buffer => {
    const filter = new MechanismFilter();
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push(filter.pass(bytes.subarray(at, at + size)));
    return Buffer.concat(parts);
  };
  const negotiate = Buffer.from('760000000c0003000000000000', 'hex');
  const ok = Buffer.from('520000000800000000', 'hex');
  const later = Buffer.concat([sasl('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256')]);

  it.each([1, 3, 1024])('loses its channel bindings, once, in chunks of %i', (size) => {
    const both = sasl('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256');
    expect(run(both, size)).toEqual(sasl('SCRAM-SHA-256'));
    expect(run(Buffer.concat([negotiate, both, later]), size)).toEqual(
      Buffer.concat([negotiate, sasl('SCRAM-SHA-256'), later]),
    );
  });

  it.each([1, 1024])('lets everything else pass untouched, in chunks of %i', (size) => {
    for (const bytes of [
      ok,
      sasl('SCRAM-SHA-256-PLUS'),
      Buffer.concat([ok, later]),
      Buffer.from('450000000a46415441', 'hex'),
      Buffer.from('52ffffffff00000000', 'hex'),
      Buffer.from('527fffffff0000000a', 'hex'),
      Buffer.from('5200000004', 'hex'),
    ]) {
      expect(run(bytes, size)).toEqual(bytes);
    }
  });
});

function abortable(): { signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** Writes so that the bytes leave by themselves. */
async function write(socket: Socket, bytes: Buffer): Promise<void> {
  await new Promise((resolve) => socket.write(bytes, resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

async function waitFor<T>(look: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await look();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
