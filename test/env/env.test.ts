/** The environment itself: it starts, a stock driver gets through it, and it leaves nothing behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../servers/postgres.ts';
import { createTestEnv, type TestEnv } from './index.ts';
import { startGatewayProcess } from './process.ts';
import { setUp } from './setup.ts';

async function ask(config: pg.ClientConfig, sql: string): Promise<unknown> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    return Object.values((await client.query(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

test('in process: queries, refusals, restart, and nothing left behind', { timeout: 60_000 }, async () => {
  const env: TestEnv = await createTestEnv({ resources: { orders: {}, stock: { recording: 'best-effort' } } });
  try {
    expect(await ask(env.client('engineer'), 'select 41 + 1')).toBe(42);
    expect(await ask(env.client('dba', 'stock'), 'select current_user')).toBe('app');
    await expect(ask(env.client('outsider'), 'select 1')).rejects.toThrow(/No access/);
    await expect(ask({ ...env.client('engineer'), password: 'wrong' }, 'select 1')).rejects.toThrow(/Authentication/);
    const { sessions } = await (await env.api('admin')).call('listSessions', { query: {} });
    expect(sessions.length).toBeGreaterThanOrEqual(0);
    await env.restart();
    expect(await ask(env.client('engineer'), 'select 1')).toBe(1);
  } finally {
    await env.close();
  }
});

test('as a process', { timeout: 60_000 }, async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'sallyport-process-'));
  const server = await startPostgres();
  const gateway = await startGatewayProcess({ dataDirectory, tls: 'optional' });
  try {
    const tokens = await setUp(gateway, [{ name: 'orders', server }]);
    const config = { host: '127.0.0.1', port: gateway.postgresPort, user: 'engineer+orders' };
    expect(await ask({ ...config, password: tokens.get('engineer')! }, 'select 1')).toBe(1);
  } finally {
    await gateway.stop();
    await server.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
});
