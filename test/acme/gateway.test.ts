/**
 * Whole gateways with a real ACME server: TLS-ALPN-01 at the gateway's own listener, two of them behind one address and on one
 * store, connections that stay while certificates change, and what a stranger gets who asks as the server does.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/api/contract/index.ts';
import { silentLog } from '../../src/base/log.ts';
import { type Gateway, startGateway } from '../../src/gateway/compose.ts';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { acmeConfig, dayMs, SetClock } from '../../src/gateway/fixtures/acme-world.ts';
import { PostgresServer } from '../../src/store/testing/server.ts';
import { missing } from './pebble.ts';
import { openSite, type Site } from './site.ts';

const name = 'gw.example.com';
const within = { timeout: 120_000, interval: 50 };
const deadlineMs = 180_000;

interface Shown {
  /** Names of the certificate; null where the handshake failed. */
  readonly names: string | null;
  readonly serial: string | null;
  readonly alpn: string | false | null;
  readonly error: string | null;
}

describe.skipIf(missing !== null)(
  `two gateways and a real ACME server${missing === null ? '' : ` (${missing})`}`,
  { timeout: deadlineMs },
  () => {
    let site: Site;
    let server: PostgresServer;
    const clock = new SetClock();
    const gateways: Gateway[] = [];
    const folders: string[] = [];
    const variable = 'SALLYPORT_ACME_TEST_KEY';

    beforeAll(async () => {
      process.env[variable] = randomBytes(32).toString('base64');
      site = await openSite();
      server = new PostgresServer();
      await server.start();
    }, deadlineMs);
    afterAll(async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop('test', 0)));
      delete process.env[variable];
      await server?.dispose();
      await site?.close();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    }, deadlineMs);

    async function start(names: readonly string[]): Promise<Gateway> {
      const dataDirectory = await mkdtemp(join(tmpdir(), 'sallyport-acme-'));
      folders.push(dataDirectory);
      const acme = acmeConfig({ names, directory: site.pebble.directory, ca: site.ca, challenge: 'tls-alpn-01' });
      const config: GatewayConfig = {
        dataDirectory,
        names: [name],
        acme,
        storeUrl: server.url,
        key: { env: variable },
        console: { host: '127.0.0.1', port: 0, tls: true },
        listeners: [{ protocol: 'http', host: '127.0.0.1', port: 0, tlsRequired: true, domains: [name, 'localhost'] }],
        recording: { resultBytesPerCommand: undefined, resultBytesPerSession: undefined },
        sessions: { perPrincipal: 10, total: 10 },
        webhooks: [],
        chat: null,
        transport: 'public',
        drainMs: 0,
        log: { level: 'silent', format: 'json' },
      };
      const gateway = await startGateway({ config, log: silentLog, clock });
      gateways.push(gateway);
      return gateway;
    }

    /** What a client is shown that trusts only whom the ACME server issues for. */
    function ask(port: number, host: string, alpn: readonly string[]): Promise<Shown & { socket: TLSSocket }> {
      return new Promise((resolve) => {
        const shown = (error: string | null): void => {
          const leaf = socket.getPeerX509Certificate();
          const [names, serial] = [leaf?.subjectAltName ?? null, leaf?.serialNumber ?? null];
          resolve({ names, serial, alpn: socket.alpnProtocol, error, socket });
        };
        const socket = connect({
          host: '127.0.0.1',
          port,
          servername: host,
          ca: site.pebble.root,
          ALPNProtocols: [...alpn],
        });
        socket.once('secureConnect', () => shown(null));
        socket.on('error', (error: NodeJS.ErrnoException) => shown(error.code ?? error.message));
      });
    }

    test('share what one of them orders; the server may ask either', async () => {
      const [one, two] = [await start([name, `shop.${name}`]), await start([name, `shop.${name}`])];
      // Each connection of the server goes to the next gateway: who orders is not always who is asked.
      site.tls.targets = [one.listeners[0]!.port, two.listeners[0]!.port];
      const serials = async (): Promise<(string | null)[]> =>
        Promise.all(
          [one, two].map(async (gateway) => {
            const { serial, error, socket } = await ask(gateway.listeners[0]!.port, `shop.${name}`, ['http/1.1']);
            socket.destroy();
            return error === null ? serial : null;
          }),
        );
      await expect
        .poll(async () => {
          const [first, second] = await serials();
          return first !== null && first === second;
        }, within)
        .toBe(true);
      const objects = (await server.query("select spec from objects where kind = 'gateway.acme'")) as {
        spec: unknown;
      }[];
      expect(Object.values((objects[0]!.spec as { certificates: object }).certificates)).toHaveLength(1);
      // Keys are sealed in the store, and in no file.
      const sealed = await server.query("select name, ciphertext from sealed_secrets where name like 'gateway.acme%'");
      expect(sealed).toHaveLength(2);
      expect(JSON.stringify(objects)).not.toContain('PRIVATE');
      for (const folder of folders) {
        expect(await readFile(join(folder, 'tls/acme.json'), 'utf8')).not.toContain('PRIVATE');
      }
    });

    test('a stranger who asks as the server does gets nothing', async () => {
      const { port } = gateways[0]!.listeners[0]!;
      for (const host of [name, `shop.${name}`, 'other.example.com', 'localhost']) {
        const shown = await ask(port, host, ['acme-tls/1']);
        expect(shown).toMatchObject({ names: null, error: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
      }
      // The protocol of the server beside another is answered as the other.
      const both = await ask(port, name, ['acme-tls/1', 'http/1.1']);
      expect(both).toMatchObject({ alpn: 'http/1.1', error: null });
      both.socket.destroy();
      // Any other name is the gateway's own business.
      const other = await ask(port, 'localhost', ['http/1.1']);
      expect(other.error).toMatch(/SELF_SIGNED|UNABLE_TO/);
    });

    test('status tells of it, and the console presents it', async () => {
      const [gateway] = gateways as [Gateway];
      const ca = await readFile(gateway.caPath, 'utf8');
      const open = createClient({ baseUrl: gateway.consoleUrl, ca });
      const password = (await readFile(gateway.firstPasswordPath!, 'utf8')).trim();
      const { token } = await open.call('login', { body: { principal: 'admin', password } });
      const admin = createClient({ baseUrl: gateway.consoleUrl, ca, token });
      const { certificates = [] } = await admin.call('status');
      const expiry = /^sallyport_acme_expiry_timestamp_seconds (.*)$/m.exec(await admin.text('metrics'))?.[1];
      expect(Number(expiry) * 1000).toBe(Date.parse(certificates[0]!.expiresAt!));
      expect(certificates).toMatchObject([{ names: [name, `shop.${name}`], problem: null }]);
      expect(Date.parse(certificates[0]!.expiresAt!)).toBeGreaterThan(Date.now());
      const shown = await ask(Number(new URL(gateway.consoleUrl).port), name, ['http/1.1']);
      expect(shown.error).toBeNull();
      shown.socket.destroy();
    });

    test('a certificate is replaced, and connections stay as they are', async () => {
      const [gateway] = gateways as [Gateway];
      const { port } = gateway.listeners[0]!;
      const { socket, serial } = await ask(port, name, ['http/1.1']);
      const request = async (): Promise<string> => {
        const answer = new Promise<string>((resolve, reject) => {
          socket.once('data', (chunk) => resolve(chunk.toString('latin1')));
          socket.once('close', () => reject(new Error('the connection is gone')));
        });
        socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
        return (await answer).split(' ').slice(0, 2).join(' ');
      };
      const before = await request();
      clock.aheadMs = 64 * dayMs;
      // Whatever changes what gateways share makes them look.
      const { objects } = gateway.store;
      const { kind, name: object, spec } = (await objects.get('gateway.acme', 'state'))!;
      await objects.put({ kind, name: object, labels: { look: 'now' }, spec, by: 'test', expectedGeneration: null });
      const shown = async (): Promise<string | null> => {
        const now = await ask(port, name, ['http/1.1']);
        now.socket.destroy();
        return now.serial;
      };
      await expect.poll(shown, within).not.toBe(serial);
      expect(await request()).toBe(before);
      socket.destroy();
    });
  },
);
