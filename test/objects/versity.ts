/**
 * Versity's S3 gateway, a real object store, on a loopback address with a folder of its own: checksums, versions, object
 * lock. It forgets everything when it ends, unless its folder is kept for the next.
 *
 * Deliberately absent: changes to it. It is built as it is published (tools/versitygw.sh).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../servers/free-port.ts';
import { answers } from '../servers/reachable.ts';

const folder = process.env['SALLYPORT_OBJECTS'] ?? resolve(import.meta.dirname, '../../.cache/objects');
const version = /versity\/versitygw (v[0-9.]+)/.exec(
  readFileSync(join(import.meta.dirname, 'rig/go.mod'), 'utf8'),
)?.[1];
const program = join(folder, 'bin', `versitygw-${version}`);

/** Why tests with an object store cannot run here, or null. */
export const missing = existsSync(program) ? null : 'the object store is not there; tools/versitygw.sh builds it';

export interface ObjectServer {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Where a bucket's objects lie, as files: for tests that damage one. */
  readonly files: string;
  /** Ends it; its folder stays until `remove`. */
  stop(): Promise<void>;
  /** On the same port, with what it had. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

const startDeadlineMs = 30_000;

export async function startObjectServer(): Promise<ObjectServer> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-objects-'));
  const files = join(place, 'files');
  const versions = join(place, 'versions');
  await mkdir(files);
  await mkdir(versions);
  const port = await freePort();
  const keys = { accessKeyId: 'testing', secretAccessKey: 'testing-only-secret' };
  let running: { readonly end: () => Promise<void> } | null = null;
  const start = async (): Promise<void> => {
    const args = [
      '--port',
      `127.0.0.1:${port}`,
      '--quiet',
      '--keep-alive',
      'posix',
      '--versioning-dir',
      versions,
      files,
    ];
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey, PATH: process.env['PATH'] },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()));
    const closed = once(child, 'close');
    running = {
      end: async () => {
        child.kill('SIGTERM');
        await closed;
      },
    };
    const deadline = Date.now() + startDeadlineMs;
    while (!(await answers(port))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the object store does not start: ${said}`);
      await sleep(50);
    }
  };
  await start();
  const stop = async (): Promise<void> => {
    await running?.end();
    running = null;
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    ...keys,
    files,
    stop,
    start,
    remove: async () => {
      await stop();
      await rm(place, { recursive: true, force: true });
    },
  };
}
