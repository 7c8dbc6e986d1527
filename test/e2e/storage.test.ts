/**
 * What is kept, where, and who witnesses it: a stock psql's session through a whole gateway, its recording in a real object store,
 * checkpoints on another mount and at another gateway, retention and holds by the API.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { missing, type ObjectServer, startObjectServer } from '../objects/versity.ts';

const run = promisify(execFile);

async function until<T>(what: string, look: () => Promise<T | null | false>, deadlineMs = 40_000): Promise<T> {
  for (const end = Date.now() + deadlineMs; ; await sleep(100)) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what} did not come about`);
  }
}

const seen = new Set<string>();

/** A session of psql's own; answers its id. */
async function psql(env: TestEnv, statement: string): Promise<string> {
  const { stdout } = await run('psql', ['-X', '-A', '-t', '-c', statement], {
    env: { PATH: process.env['PATH'], ...env.libpq('engineer') },
  });
  expect(stdout).not.toBe('');
  const client = await env.api('admin');
  return until('the session in the list', async () => {
    const { sessions } = await client.call('listSessions', { query: { live: false } });
    const id = sessions.map((one) => one.id).find((one) => !seen.has(one));
    if (id !== undefined) seen.add(id);
    return id ?? null;
  });
}

async function replayed(env: TestEnv, session: string): Promise<string> {
  const client = await env.api('admin');
  let text = '';
  for await (const entry of client.stream('readRecording', { params: { id: session } })) {
    text += JSON.stringify(entry);
  }
  return text;
}

describe.skipIf(missing !== null)(`recordings in an object store${missing === null ? '' : `: ${missing}`}`, () => {
  let server: ObjectServer;
  let env: TestEnv;
  const bucket = 'evidence';

  beforeAll(async () => {
    server = await startObjectServer();
    process.env['TEST_STORAGE_ID'] = server.accessKeyId;
    process.env['TEST_STORAGE_SECRET'] = server.secretAccessKey;
    const client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
    client.destroy();
    const archive: NonNullable<GatewayConfig['archive']> = {
      name: 'vault',
      keepLocalMs: 0,
      endpoint: server.endpoint,
      region: server.region,
      bucket,
      prefix: 'recordings/',
      keys: { id: 'TEST_STORAGE_ID', secret: 'TEST_STORAGE_SECRET' },
      pathStyle: true,
      isPrivate: true,
      ca: null,
      lock: null,
    };
    env = await createTestEnv({ settings: { archive } });
  }, 120_000);

  afterAll(async () => {
    await env?.close();
    await server?.remove();
  });

  const state = async (session: string): Promise<string | undefined> =>
    (await env.gateway.store.recordings.get(session))?.state;

  it('go there, are compared, leave this disk, and are replayed from there', async () => {
    const session = await psql(env, "select 'told ' || 42");
    await until('the release', async () => (await state(session)) === 'released');
    expect(await readdir(join(env.dataDirectory, 'recordings'))).not.toContain(`${session}.rec`);
    expect(await replayed(env, session)).toContain('told 42');
    const kept = await env.gateway.store.recordings.get(session);
    expect(kept?.copy).toMatchObject({ store: 'vault', lockedUntilMs: null });
    // What lies there tells nobody anything: the key stayed here.
    const file = await readFile(join(server.files, bucket, kept!.copy!.key));
    expect(file.includes('told')).toBe(false);
  });

  it('F-18: stay here while the store is down, and go on where they were once it is back, without a restart', async () => {
    await server.stop();
    const session = await psql(env, "select 'waits ' || 43");
    const admin = await env.api('admin');
    await until('the problem', async () => (await admin.call('showRetention', {})).archive?.problem ?? null);
    expect(await state(session)).toBe('local');
    expect(await readdir(join(env.dataDirectory, 'recordings'))).toContain(`${session}.rec`);
    expect(await replayed(env, session)).toContain('waits 43');
    await server.start();
    await until('the release', async () => (await state(session)) === 'released');
    expect((await admin.call('showRetention', {})).archive).toMatchObject({ waiting: 0, problem: null });
    expect(await replayed(env, session)).toContain('waits 43');
  });

  it('go on across a restart of the gateway', async () => {
    await server.stop();
    const session = await psql(env, "select 'restarted ' || 44");
    await env.restart();
    expect(await state(session)).toBe('local');
    await server.start();
    await until('the release', async () => (await state(session)) === 'released');
    expect(await replayed(env, session)).toContain('restarted 44');
  });

  it('are not released where the copy is not what was stored', async () => {
    await server.stop();
    const session = await psql(env, "select 'damaged ' || 45");
    await until('the session sealed', async () => (await state(session)) === 'local');
    await server.start();
    const kept = await until('the copy', async () => {
      const one = await env.gateway.store.recordings.get(session);
      return one?.copy == null ? null : one;
    });
    // It was verified when it was stored; what becomes of it later is found when somebody replays it.
    const path = join(server.files, bucket, kept.copy!.key);
    await until('the release', async () => (await state(session)) === 'released');
    const bytes = await readFile(path);
    bytes[bytes.length - 5]! ^= 1;
    await writeFile(path, bytes);
    await expect(replayed(env, session)).rejects.toThrow();
  });

  it('are deleted with their keys, there as well, and who asks is told when and by whom', async () => {
    const session = await psql(env, "select 'forgotten ' || 46");
    await until('the release', async () => (await state(session)) === 'released');
    const admin = await env.api('admin');
    const hold = {
      kind: 'LegalHold',
      metadata: { name: 'matter-7' },
      spec: { reason: 'a matter', match: { sessions: [session] } },
    };
    await admin.call('apply', { body: { documents: [hold], dryRun: false } });
    const body = { reason: 'asked for by the person' };
    await expect(admin.call('deleteRecording', { params: { id: session }, body })).rejects.toMatchObject({
      code: 'api.held',
    });
    await admin.call('deleteObject', { params: { kind: 'LegalHold', name: 'matter-7' }, query: {} });
    await admin.call('deleteRecording', { params: { id: session }, body });
    await expect(replayed(env, session)).rejects.toMatchObject({ code: 'recording.deleted' });
    await until('the copy gone', async () => (await env.gateway.store.recordings.get(session))?.copy === null);
    expect(await state(session)).toBe('deleted');
    await expect(admin.call('deleteRecording', { params: { id: session }, body })).rejects.toMatchObject({
      code: 'api.not-found',
    });
  });
});

describe('witnesses', () => {
  let mount: string;
  beforeAll(async () => {
    mount = await mkdtemp(join(tmpdir(), 'sallyport-mount-'));
  });
  afterAll(() => rm(mount, { recursive: true, force: true }));

  it('hold checkpoints outside: on another mount and at another gateway, and a journal rolled back is an alarm', async () => {
    const sister = await createTestEnv({ resources: {} });
    const robot = { kind: 'Principal', metadata: { name: 'witness' }, spec: { kind: 'service' } };
    const there = await sister.api('admin');
    await there.call('apply', { body: { documents: [robot], dryRun: false } });
    const issued = await there.call('createToken', { body: { principal: 'witness' } });
    process.env['TEST_WITNESS_TOKEN'] = issued.token;
    const witnesses: NonNullable<GatewayConfig['witnesses']> = [
      { name: 'usb', everyMs: 1000, to: { kind: 'file', directory: mount } },
      { name: 'absent', everyMs: 1000, to: { kind: 'file', directory: join(mount, 'not-mounted') } },
      {
        name: 'sister',
        everyMs: 1000,
        to: {
          kind: 'gateway',
          url: sister.gateway.consoleUrl,
          tokenVariable: 'TEST_WITNESS_TOKEN',
          isPrivate: true,
          ca: null,
        },
      },
    ];
    const env = await createTestEnv({ settings: { witnesses } });
    try {
      const admin = await env.api('admin');
      const standings = await until('both witnesses', async () => {
        await env.gateway.journal.checkpoint();
        const { witnesses: all } = await admin.call('listWitnesses', {});
        return all.filter(({ size }) => size !== null).length === 2 && all.some(({ problem }) => problem !== null)
          ? all
          : null;
      });
      expect(standings.find(({ name }) => name === 'absent')).toMatchObject({ size: null });
      expect(standings.find(({ name }) => name === 'absent')?.problem).not.toBeNull();
      const journal = env.gateway.journal.id;
      const files = await readdir(join(mount, journal));
      expect(files.length).toBeGreaterThan(0);
      const { checkpoints } = await there.call('listCheckpoints', { query: { journal } });
      expect(checkpoints[0]).toMatchObject({ journal, source: 'witness' });
      expect(files.map((name) => Number(name.split('.')[0]))).toContain(checkpoints.at(-1)!.size);
      // A later checkpoint of the same journal, as it would stand there had this copy of the directory been put back.
      const size = 10_000_000;
      await writeFile(join(mount, journal, `${String(size).padStart(16, '0')}.checkpoint`), 'seen');
      await env.restart();
      const events = await until('the alarm', async () => {
        const found = [];
        for await (const event of env.gateway.journal.read(1)) {
          if (event.type === 'alert.raised' && event.rule === 'gateway:witness') found.push(event);
        }
        return found.length > 0 ? found : null;
      });
      expect(events[0]?.reason).toContain('rolled back');
    } finally {
      await env.close();
      await sister.close();
    }
  }, 120_000);
});
