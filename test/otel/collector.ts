/**
 * An OpenTelemetry collector on a loopback address: what it takes it hands on, as it understood it, to a receiver here, where
 * tests look at it.
 *
 * Deliberately absent: parts of our own in it (test/otel/rig/main.go names those that it has).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../servers/free-port.ts';
import { answers } from '../servers/reachable.ts';

const folder = process.env['SALLYPORT_OTEL'] ?? resolve(import.meta.dirname, '../../.cache/otel');
const version = /collector\/otelcol (v[0-9.]+)/.exec(
  readFileSync(join(import.meta.dirname, 'rig/go.mod'), 'utf8'),
)?.[1];
const program = join(folder, 'bin', `collector-${version}`);

/** Why tests with a collector cannot run here, or null. */
export const missing = existsSync(program)
  ? null
  : 'the OpenTelemetry collector is not there; tools/otelcol.sh builds it';

export interface Collector {
  readonly url: string;
  /** Bodies that it handed on, by path. */
  readonly received: { readonly path: string; readonly body: Readonly<Record<string, unknown>> }[];
  remove(): Promise<void>;
}

const startDeadlineMs = 60_000;

export async function startCollector(): Promise<Collector> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-otel-'));
  const received: Collector['received'] = [];
  const receiver = createHttpServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      received.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(pieces).toString()) });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const port = await freePort();
  const exporter = {
    endpoint: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
    encoding: 'json',
    compression: 'none',
    sending_queue: { enabled: false },
    retry_on_failure: { enabled: false },
  };
  const pipeline = { receivers: ['otlp'], exporters: ['otlp_http'] };
  const settings = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { otlp_http: exporter },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { logs: pipeline, traces: pipeline },
    },
  };
  // YAML has JSON in it.
  const file = join(place, 'collector.yaml');
  await writeFile(file, JSON.stringify(settings));
  const child = spawn(program, ['--config', `file:${file}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()));
  const closed = once(child, 'close');
  const deadline = Date.now() + startDeadlineMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the collector does not start: ${said}`);
    await sleep(50);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    remove: async () => {
      child.kill('SIGTERM');
      await closed;
      receiver.closeAllConnections();
      receiver.close();
      await rm(place, { recursive: true, force: true });
    },
  };
}
