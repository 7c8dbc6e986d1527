/**
 * A real OpenSearch, one node on a loopback address with a folder of its own. It forgets everything when it ends.
 *
 * Deliberately absent: its security plugin, so that keys and passwords are looked at by the stand-in of the tests.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../servers/free-port.ts';
import { hasJava } from '../servers/java.ts';

const folder = process.env['SALLYPORT_OPENSEARCH'] ?? resolve(import.meta.dirname, '../../.cache/opensearch');
const version = /<version>(\d+\.[\d.]+)<\/version>/.exec(
  readFileSync(join(import.meta.dirname, 'pom.xml'), 'utf8'),
)?.[1];
const place = join(folder, `opensearch-${version}`);

/** Why tests with OpenSearch cannot run here, or null. */
export const missing = existsSync(place)
  ? hasJava()
    ? null
    : 'there is no Java'
  : 'OpenSearch is not there; tools/opensearch.sh fetches it';

export interface OpenSearch {
  readonly url: string;
  call(method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

const startDeadlineMs = 120_000;

export async function startOpenSearch(): Promise<OpenSearch> {
  const home = await mkdtemp(join(tmpdir(), 'sallyport-opensearch-'));
  const port = await freePort();
  const flags = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${place}/*:${place}`];
  const child = spawn('java', [...flags, 'OneNode', home, String(port)], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()));
  const closed = once(child, 'close');
  const url = `http://127.0.0.1:${port}`;
  const call: OpenSearch['call'] = async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  };
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    const isUp = await call('GET', '/').then(
      () => true,
      () => false,
    );
    if (isUp) break;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`OpenSearch does not start: ${said}`);
    await sleep(100);
  }
  return {
    url,
    call,
    stop: async () => {
      child.kill('SIGKILL');
      await closed;
      await rm(home, { recursive: true, force: true });
    },
  };
}
