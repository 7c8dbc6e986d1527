/** The servers that tests stand on, tested: both builds, each way to authenticate, TLS, restart, and nothing left behind. */
import { existsSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { makeCertificates } from './certificates.ts';
import { debianBinaries, type PostgresOptions, startPostgres } from './postgres.ts';

const builds = (debianBinaries() === null ? ['npm'] : ['debian', 'npm']) as ('debian' | 'npm')[];

async function ask(config: pg.ClientConfig, sql: string): Promise<unknown> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    return Object.values((await client.query(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

describe.each(builds)('%s', (version) => {
  test('starts, answers as user and superuser, restarts after a crash, leaves nothing', async () => {
    const server = await startPostgres({ version, seed: 'create table t (i int); insert into t values (7)' });
    const { pid } = server;
    try {
      expect(await ask({ connectionString: server.url }, 'select current_user')).toBe('app');
      expect(await server.query('select i from t')).toEqual([{ i: 7 }]);
      expect(await ask({ connectionString: server.superuserUrl }, 'select current_user')).toBe('postgres');
      await expect(ask({ ...pgConfig(server), password: 'wrong' }, 'select 1')).rejects.toThrow(/password/);
      await server.restart('SIGKILL');
      expect(await ask({ connectionString: server.url }, 'select 1')).toBe(1);
    } finally {
      await server.stop();
    }
    expect(existsSync(server.directory)).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow();
  });
});

const ways: readonly PostgresOptions['authentication'][] = ['md5', 'password', 'trust'];
test.each(ways)('authentication %s', async (authentication) => {
  const server = await startPostgres({ authentication: authentication ?? 'trust' });
  try {
    expect(await ask({ connectionString: server.url }, 'select 1')).toBe(1);
    const wrong = ask({ ...pgConfig(server), password: 'wrong' }, 'select 1');
    if (authentication === 'trust') expect(await wrong).toBe(1);
    else await expect(wrong).rejects.toThrow(/password/);
  } finally {
    await server.stop();
  }
});

test('TLS: the right certificate verifies, others do not, plain text is refused', async () => {
  const certificates = await makeCertificates();
  const server = await startPostgres({ tls: certificates.server });
  try {
    const base = { ...pgConfig(server), ssl: { ca: certificates.authority.cert } };
    expect(await ask(base, 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')).toBe(true);
    await expect(ask({ ...base, ssl: { ca: certificates.stranger.cert } }, 'select 1')).rejects.toThrow();
    await expect(ask({ ...base, ssl: false }, 'select 1')).rejects.toThrow(/no pg_hba.conf entry/);
  } finally {
    await server.stop();
  }
});

test.each([['wrongName'], ['expired']] as const)('TLS: %s is refused by a client that verifies', async (name) => {
  const certificates = await makeCertificates();
  const server = await startPostgres({ tls: certificates[name] });
  try {
    const verifying = { ...pgConfig(server), ssl: { ca: certificates.authority.cert } };
    await expect(ask(verifying, 'select 1')).rejects.toThrow();
  } finally {
    await server.stop();
  }
});

function pgConfig(server: { port: number; user: string; password: string; database: string }): pg.ClientConfig {
  return {
    host: 'localhost',
    port: server.port,
    user: server.user,
    password: server.password,
    database: server.database,
  };
}
