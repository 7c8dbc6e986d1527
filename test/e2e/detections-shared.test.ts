/**
 * Two gateways on one store: what a detection of one does is in force on the other, ends there too, and both show the same alerts.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Client } from '../../src/api/contract/index.ts';
import { createClient } from '../../src/api/contract/index.ts';
import { silentLog } from '../../src/base/log.ts';
import { type Gateway, startGateway } from '../../src/gateway/compose.ts';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { PostgresServer } from '../../src/store/testing/server.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';

const run = promisify(execFile);
const keyVariable = 'TEST_DETECTIONS_KEY';

let storeServer: PostgresServer;
let env: TestEnv;
let other: Gateway;
let otherDirectory: string;
let admin: Client;

async function until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (const end = Date.now() + 60_000; ; await sleep(50)) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what} did not come about`);
  }
}

beforeAll(async () => {
  process.env[keyVariable] = randomBytes(32).toString('base64');
  storeServer = new PostgresServer();
  await storeServer.start();
  const settings: Partial<GatewayConfig> = { storeUrl: storeServer.url, key: { env: keyVariable } };
  env = await createTestEnv({ settings, principals: [{ name: 'engineer' }] });
  admin = await env.api('admin');
  otherDirectory = await mkdtemp(join(tmpdir(), 'sallyport-detections-'));
  other = await startGateway({
    config: {
      dataDirectory: otherDirectory,
      names: [],
      certificates: [],
      console: { host: '127.0.0.1', port: 0, tls: false },
      listeners: [{ protocol: 'postgres', host: '127.0.0.1', port: 0, tlsRequired: true }],
      recording: { resultBytesPerCommand: undefined, resultBytesPerSession: undefined },
      sessions: { perPrincipal: 100, total: 100 },
      webhooks: [],
      chat: null,
      transport: 'public',
      drainMs: 0,
      log: { level: 'silent', format: 'json' },
      storeUrl: storeServer.url,
      key: { env: keyVariable },
    },
    log: silentLog,
  });
}, 180_000);

afterAll(async () => {
  await other?.stop('test', 0);
  await env?.close();
  await storeServer?.dispose();
  delete process.env[keyVariable];
  if (otherDirectory !== undefined) await rm(otherDirectory, { recursive: true, force: true });
}, 120_000);

async function psql(where: 'first' | 'other', statement: string): Promise<string> {
  const listener = other.listeners.find(({ protocol }) => protocol === 'postgres')!;
  const elsewhere = where === 'first' ? {} : { PGPORT: String(listener.port), PGSSLROOTCERT: other.caPath };
  const { stdout } = await run('psql', ['-X', '-A', '-t', '-c', statement], {
    env: { PATH: process.env['PATH'], ...env.libpq('engineer'), ...elsewhere },
    maxBuffer: 1 << 28,
  });
  return stdout;
}

const bulk = 'select g from generate_series(1, 20000) g';
const plain = "select 'plain text' as it";

it('share alerts and what was done about them', async () => {
  const spec = {
    severity: 'high',
    select: { big: { type: 'command.ended', rows: { min: 10_000 } } },
    respond: [{ do: 'mask', for: '1h' }],
  };
  await admin.call('apply', {
    body: { documents: [{ kind: 'Detection', metadata: { name: 'shared' }, spec }], dryRun: false },
  });
  expect(await psql('first', plain)).toContain('plain text');
  expect(await psql('other', plain)).toContain('plain text');
  // The detection came to the other gateway as any change of the configuration does.
  await until('the mask, which the other gateway found', async () => {
    await psql('other', bulk);
    const query = { all: undefined, alert: undefined, limit: undefined, cursor: undefined };
    return (await admin.call('listResponses', { query })).responses[0];
  });
  await until('the mask on the first', async () => !(await psql('first', plain)).includes('plain text'));
  expect(await psql('other', plain)).not.toContain('plain text');
  const query = { all: undefined, alert: undefined, limit: undefined, cursor: undefined };
  const responses = (await admin.call('listResponses', { query })).responses;
  for (const { id } of responses) await admin.call('endResponse', { params: { id } });
  expect(await psql('first', plain)).toContain('plain text');
  await until('its end on the other', async () => (await psql('other', plain)).includes('plain text'));
  // Evidence stands in the journal of the gateway that saw it.
  const there = createClient({ baseUrl: other.consoleUrl, token: env.tokens.get('admin')! });
  const alert = responses[0]!.alert;
  const [here, seen] = await Promise.all([
    admin.call('getAlert', { params: { id: alert } }),
    there.call('getAlert', { params: { id: alert } }),
  ]);
  expect(here.summary).toBe(seen.summary);
  expect(here.evidence.every(({ type }) => type === null)).toBe(true);
  expect(seen.evidence.every(({ text }) => text === bulk)).toBe(true);
}, 180_000);
