/**
 * Pebble, a real ACME server, on a loopback address: refuses good nonces now and then, asks whom it is told about names, and
 * forgets everything when it ends.
 *
 * Deliberately absent: changes to it. It is built as it is published (tools/pebble.sh).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificates } from '../servers/certificates.ts';

const folder = process.env['SALLYPORT_ACME'] ?? resolve(import.meta.dirname, '../../.cache/acme');
const version = /letsencrypt\/pebble\/v2 (v[0-9.]+)/.exec(
  readFileSync(join(import.meta.dirname, 'rig/go.mod'), 'utf8'),
)?.[1];
const program = join(folder, 'bin', `pebble-${version}`);

/** Why tests with Pebble cannot run here, or null. */
export const missing = existsSync(program) ? null : 'Pebble is not there; tools/pebble.sh builds it';

export interface PebbleOptions {
  /** Where names are proved by TLS and by HTTP. */
  readonly tlsPort: number;
  readonly httpPort: number;
  /** Port of the DNS server that it asks, by TCP. */
  readonly dnsPort: number;
  /** HMAC keys by id, in base64url; with any, an account takes one. */
  readonly bindings?: Readonly<Record<string, string>>;
  /** Names that it gives nothing for. */
  readonly blocked?: readonly string[];
}

export interface Pebble {
  readonly directory: string;
  /** PEM of who issued the certificate of the server itself. */
  readonly ca: string;
  /** PEM of who issues the certificates that it gives. */
  readonly root: string;
  /** What it said. */
  output(): string;
  stop(): Promise<void>;
}

/** Of a hundred good nonces, so many are refused: more, and one request would be refused too often in a row now and then. */
const noncesRefused = 10;
const startTries = 5;
const startDeadlineMs = 30_000;

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(options);
    } catch (error) {
      // Another program was faster at the port.
      if (tries === startTries) throw error;
    }
  }
}

async function start({ tlsPort, httpPort, dnsPort, bindings = {}, blocked = [] }: PebbleOptions): Promise<Pebble> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-pebble-'));
  const { authority, server } = await makeCertificates();
  const [port, management] = [await freePort(), await freePort()];
  const path = (name: string): string => join(directory, name);
  await writeFile(path('server.pem'), server.cert);
  await writeFile(path('server.key'), server.key);
  const settings = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: path('server.pem'),
    privateKey: path('server.key'),
    httpPort,
    tlsPort,
    externalAccountBindingRequired: Object.keys(bindings).length > 0,
    externalAccountMACKeys: bindings,
    domainBlocklist: blocked,
    keyAlgorithm: 'ecdsa',
    retryAfter: { authz: 1, order: 1 },
    profiles: { default: { description: 'ninety days', validityPeriod: 7_776_000 } },
  };
  await writeFile(path('settings.json'), JSON.stringify({ pebble: settings }));
  const child = spawn(program, ['-config', path('settings.json'), '-dnsserver', `127.0.0.1:${dnsPort}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: String(noncesRefused), PEBBLE_AUTHZREUSE: '0' },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const closed = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
    await rm(directory, { recursive: true, force: true });
  };
  const base = `https://127.0.0.1:${port}`;
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    const root = await get(`https://127.0.0.1:${management}/roots/0`, authority.cert).catch(() => null);
    const known = await get(`${base}/dir`, authority.cert).catch(() => null);
    if (root !== null && known !== null) {
      return { directory: `${base}/dir`, ca: authority.cert, root, output: () => output, stop };
    }
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`Pebble does not start: ${output}`);
    }
    await sleep(20);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((done, failed) => {
    const asked = request(url, { ca, agent: false, signal: AbortSignal.timeout(5_000) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => done(text));
      response.on('error', failed);
    });
    asked.on('error', failed);
    asked.end();
  });
}
