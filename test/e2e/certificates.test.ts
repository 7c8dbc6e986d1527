/**
 * A given certificate with a whole gateway: stock psql and the API take it under the names that it covers, and psql binds
 * its login to it (SCRAM-SHA-256-PLUS), as to the gateway's own under every other name.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayError } from '../../src/base/errors.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { makePublicAuthority, type PublicAuthority } from '../servers/public-authority.ts';

let folder: string;
let authority: PublicAuthority;
let env: TestEnv;

const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-given-'));
  authority = await makePublicAuthority();
  const { cert, key } = await authority.issue({ names: ['*.gw.example.com'], hash: 'SHA-384' });
  await writeFile(file('public.pem'), authority.cert);
  await writeFile(file('gateway.pem'), cert);
  await writeFile(file('gateway.key'), key, { mode: 0o600 });
  env = await createTestEnv({ certificates: [{ certificate: file('gateway.pem'), key: file('gateway.key') }] });
}, 60_000);
afterAll(async () => {
  await env?.close();
  await rm(folder, { recursive: true, force: true });
});

function psql(more: Record<string, string>): Promise<string> {
  const settings = { ...env.libpq('engineer'), PGHOSTADDR: '127.0.0.1', PGCHANNELBINDING: 'require', ...more };
  return new Promise((resolve) =>
    execFile('psql', ['-XAtc', 'select 41 + 1'], { env: { ...process.env, ...settings } }, (_, stdout, stderr) =>
      resolve(stdout === '' ? stderr : stdout.trim()),
    ),
  );
}

test('psql takes it, and binds its login to it', async () => {
  expect(await psql({ PGHOST: 'db.gw.example.com', PGSSLROOTCERT: file('public.pem') })).toBe('42');
  expect(await psql({ PGHOST: 'localhost' })).toBe('42');
});

test('under no other name is it shown', async () => {
  expect(await psql({ PGHOST: 'localhost', PGSSLROOTCERT: file('public.pem') })).toContain('certificate verify failed');
  const said = await psql({ PGHOST: 'gw.example.com', PGSSLROOTCERT: file('public.pem') });
  expect(said).toContain('certificate verify failed');
});

test('a gateway does not start with what cannot be used', async () => {
  const certificates = [{ certificate: file('gateway.pem'), key: file('none.key') }];
  const started = createTestEnv({ certificates });
  const error: unknown = await started.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GatewayError);
  expect((error as GatewayError).publicMessage).toMatch(/certificates: .*none\.key cannot be read \(ENOENT\)/);
}, 60_000);

test('a session of now is replayed, though nothing of it has reached the disk', async () => {
  const admin = await env.api('admin');
  const held = execFile('psql', ['-XAt'], { env: { ...process.env, ...env.libpq('engineer') } });
  try {
    held.stdin!.write('select 1;\n');
    await new Promise<void>((resolve) => held.stdout!.once('data', () => resolve()));
    const live = async () => (await admin.call('listSessions', { query: { live: true } })).sessions;
    // The list takes in what the journal says, and is a moment behind it.
    await expect.poll(live, { interval: 5, timeout: 10_000 }).toHaveLength(1);
    const [session] = await live();
    const types: string[] = [];
    for await (const entry of admin.stream('readRecording', { params: { id: session!.id } })) types.push(entry.type);
    expect(types).toContain('command');
  } finally {
    const ended = new Promise((resolve) => held.once('close', resolve));
    held.stdin!.end();
    await ended;
  }
});
