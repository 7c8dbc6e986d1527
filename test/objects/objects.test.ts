/** Object stores against a real one. Where it is not there, the tests skip and say why. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ObjectStore, openS3 } from '../../src/audit/index.ts';
import { missing, type ObjectServer, startObjectServer } from './versity.ts';

const hourMs = 3_600_000;

describe.skipIf(missing !== null)(`an object store${missing === null ? '' : ` (${missing})`}`, () => {
  let server: ObjectServer;
  let place: string;
  let plain: ObjectStore;
  let locking: ObjectStore;
  let versioned: ObjectStore;

  const open = (bucket: string, more: object = {}): Promise<ObjectStore> =>
    openS3({
      endpoint: server.endpoint,
      region: server.region,
      bucket,
      pathStyle: true,
      allowPrivate: true,
      accessKeyId: async () => server.accessKeyId,
      secretAccessKey: async () => server.secretAccessKey,
      ...more,
    });

  beforeAll(async () => {
    server = await startObjectServer();
    place = await mkdtemp(join(tmpdir(), 'sallyport-objects-test-'));
    const admin = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: server,
    });
    await admin.send(new CreateBucketCommand({ Bucket: 'plain' }));
    await admin.send(new CreateBucketCommand({ Bucket: 'versioned' }));
    await admin.send(
      new PutBucketVersioningCommand({ Bucket: 'versioned', VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await admin.send(new CreateBucketCommand({ Bucket: 'locking', ObjectLockEnabledForBucket: true }));
    admin.destroy();
    plain = await open('plain');
    locking = await open('locking');
    versioned = await open('versioned');
  });

  afterAll(async () => {
    for (const store of [plain, locking, versioned]) store?.close();
    await server?.remove();
    if (place !== undefined) await rm(place, { recursive: true, force: true });
  });

  it('keeps what it was given, and says what it has', async () => {
    const body = Buffer.from('what happened\n');
    const stored = await plain.put('a/b.txt', body, { contentType: 'text/plain', metadata: { session: 's-1' } });
    const sha256 = createHash('sha256').update(body).digest('hex');
    expect(stored).toEqual({
      key: 'a/b.txt',
      bytes: 14,
      sha256,
      version: null,
      lockedUntilMs: null,
      verified: 'checksum',
    });
    const facts = await plain.head('a/b.txt');
    expect(facts).toMatchObject({ bytes: 14, sha256, lock: null, isHeld: false, metadata: { session: 's-1' } });
    expect(Buffer.from(await plain.get('a/b.txt')).toString()).toBe('what happened\n');
    expect(Buffer.from(await plain.get('a/b.txt', { offset: 5, length: 4 })).toString()).toBe('happ'.slice(0, 4));
    expect(await plain.get('a/b.txt', { offset: 100, length: 4 })).toHaveLength(0);
    expect(await plain.verify('a/b.txt', { bytes: 14, sha256 })).toMatchObject({ verified: 'checksum' });
  });

  it('takes an empty object, and says of an absent one that it is not there', async () => {
    expect(await plain.put('empty', new Uint8Array(0))).toMatchObject({ bytes: 0 });
    expect(await plain.get('empty')).toHaveLength(0);
    expect(await plain.head('nothing')).toBeNull();
    await expect(plain.get('nothing')).rejects.toMatchObject({ code: 'audit.object-absent' });
    await plain.delete('nothing');
  });

  it('does not replace what must be new', async () => {
    await plain.put('once', Buffer.from('first'), { onlyNew: true });
    await expect(plain.put('once', Buffer.from('second'), { onlyNew: true })).rejects.toMatchObject({
      code: 'audit.object-exists',
    });
    expect(Buffer.from(await plain.get('once')).toString()).toBe('first');
  });

  it('lists in order, from a key on, beyond one page', async () => {
    const keys = Array.from({ length: 12 }, (_, index) => `list/${String(index).padStart(2, '0')}`);
    for (const key of keys) await plain.put(key, Buffer.from(key));
    const found: string[] = [];
    for await (const { key } of plain.list('list/')) found.push(key);
    expect(found).toEqual(keys);
    const later: string[] = [];
    for await (const { key } of plain.list('list/', 'list/08')) later.push(key);
    expect(later).toEqual(['list/09', 'list/10', 'list/11']);
  });

  it('sends a large file in parts, and compares the whole', async () => {
    const path = join(place, 'large');
    const body = randomBytes(20 * 1024 * 1024 + 17);
    await writeFile(path, body);
    const progress: number[] = [];
    const stored = await plain.putFile('large', path, { onProgress: (bytes) => progress.push(bytes) });
    expect(stored).toMatchObject({ bytes: body.length, verified: 'checksum' });
    expect(progress.at(-1)).toBe(body.length);
    expect((await plain.head('large'))?.checksum?.parts).toBe(3);
    expect(await plain.verify('large', stored)).toMatchObject({ verified: 'read-back' });
    const hash = createHash('sha256');
    for await (const piece of plain.read('large')) hash.update(piece);
    expect(hash.digest('hex')).toBe(stored.sha256);
    const middle = await plain.get('large', { offset: 8 * 1024 * 1024 - 3, length: 6 });
    expect(Buffer.from(middle).equals(body.subarray(8 * 1024 * 1024 - 3, 8 * 1024 * 1024 + 3))).toBe(true);
  });

  it('takes an upload up again where it was broken off (F-18)', async () => {
    const path = join(place, 'resumed');
    const body = randomBytes(40 * 1024 * 1024);
    await writeFile(path, body);
    const broken = new AbortController();
    const store = await open('plain');
    const first: number[] = [];
    await expect(
      store.putFile('resumed', path, {
        signal: broken.signal,
        onProgress: (bytes) => {
          first.push(bytes);
          if (bytes >= 16 * 1024 * 1024) broken.abort(new Error('the gateway ended'));
        },
      }),
    ).rejects.toThrow('the gateway ended');
    store.close();
    await server.stop();
    await server.start();
    const second: number[] = [];
    const stored = await plain.putFile('resumed', path, { onProgress: (bytes) => second.push(bytes) });
    expect(second[0]).toBeGreaterThanOrEqual(16 * 1024 * 1024);
    expect(stored.sha256).toBe(createHash('sha256').update(body).digest('hex'));
    expect(await plain.verify('resumed', stored)).toMatchObject({ verified: 'read-back' });
  });

  it('takes nothing over of an upload of other content', async () => {
    const path = join(place, 'changed');
    await writeFile(path, randomBytes(24 * 1024 * 1024));
    const broken = new AbortController();
    const stop = (bytes: number): void => (bytes > 0 ? broken.abort(new Error('ended')) : undefined);
    await expect(plain.putFile('changed', path, { signal: broken.signal, onProgress: stop })).rejects.toThrow('ended');
    const other = randomBytes(24 * 1024 * 1024);
    await writeFile(path, other);
    const progress: number[] = [];
    const stored = await plain.putFile('changed', path, { onProgress: (bytes) => progress.push(bytes) });
    expect(progress[0]).toBe(0);
    expect(stored.sha256).toBe(createHash('sha256').update(other).digest('hex'));
    await plain.verify('changed', stored);
  });

  it('sends what comes as a stream, small and large', async () => {
    const pieces = (count: number) =>
      (async function* () {
        const piece = Buffer.alloc(1_000_003, 7);
        for (let index = 0; index < count; index++) yield piece;
      })();
    expect(await plain.putStream('streamed/small', pieces(2))).toMatchObject({ bytes: 2_000_006 });
    const stored = await plain.putStream('streamed/large', pieces(20));
    expect(stored).toMatchObject({ bytes: 20_000_060 });
    await plain.verify('streamed/large', stored);
  });

  it('finds what was changed in the store', async () => {
    const stored = await plain.put('damaged', Buffer.from('as it was'));
    await writeFile(join(server.files, 'plain', 'damaged'), 'as it is!');
    const read = await plain.get('damaged');
    expect(createHash('sha256').update(read).digest('hex')).not.toBe(stored.sha256);
    await writeFile(join(server.files, 'plain', 'damaged'), 'shorter');
    await expect(plain.verify('damaged', stored)).rejects.toMatchObject({ code: 'audit.object-damaged' });
  });

  it('locks, says until when, lengthens, and does not delete before', async () => {
    expect(await locking.describe()).toEqual({ locks: true, versions: true });
    const untilMs = Date.now() + hourMs;
    const stored = await locking.put('kept', Buffer.from('evidence'), { lock: { mode: 'compliance', untilMs } });
    expect(stored.lockedUntilMs).toBe(Math.floor(untilMs / 1000) * 1000);
    expect(stored.version).not.toBeNull();
    await expect(locking.delete('kept')).rejects.toMatchObject({ code: 'audit.object-locked' });
    await locking.lock('kept', { mode: 'compliance', untilMs: untilMs + hourMs });
    expect((await locking.head('kept'))?.lock?.untilMs).toBe(Math.floor((untilMs + hourMs) / 1000) * 1000);
    const large = join(place, 'locked');
    await writeFile(large, randomBytes(10 * 1024 * 1024));
    const file = await locking.putFile('kept-file', large, { lock: { mode: 'governance', untilMs } });
    expect(file.lockedUntilMs).toBe(Math.floor(untilMs / 1000) * 1000);
  });

  it('says that a bucket cannot lock', async () => {
    expect(await plain.describe()).toEqual({ locks: false, versions: false });
    const lock = { mode: 'governance', untilMs: Date.now() + hourMs } as const;
    await expect(plain.put('unlocked', Buffer.from('x'), { lock })).rejects.toMatchObject({
      code: 'audit.object-unlocked',
    });
  });

  it('deletes every version', async () => {
    expect(await versioned.describe()).toEqual({ locks: false, versions: true });
    await versioned.put('twice', Buffer.from('one'));
    await versioned.put('twice', Buffer.from('two'));
    await versioned.put('twice-more', Buffer.from('another'));
    await versioned.delete('twice');
    expect(await versioned.head('twice')).toBeNull();
    expect(Buffer.from(await versioned.get('twice-more')).toString()).toBe('another');
    const left = await readFile(join(server.files, 'versioned', 'twice-more'), 'utf8');
    expect(left).toBe('another');
  });

  it('says what is wrong with keys, bucket and address, without a secret', async () => {
    const wrong = await open('plain', { secretAccessKey: async () => 'not-the-secret' });
    const denied: unknown = await wrong.put('x', Buffer.from('x')).catch((error: unknown) => error);
    expect(denied).toMatchObject({ code: 'audit.object-denied' });
    expect(JSON.stringify(denied)).not.toContain('not-the-secret');
    wrong.close();
    const absent = await open('no-such-bucket');
    await expect(absent.describe()).rejects.toMatchObject({ code: 'audit.object-bucket-absent' });
    await expect(absent.put('x', Buffer.from('x'))).rejects.toMatchObject({ code: 'audit.object-bucket-absent' });
    absent.close();
    // A-API-04
    await expect(open('plain', { allowPrivate: false })).rejects.toMatchObject({ code: 'audit.object-refused' });
    const named = server.endpoint.replace('127.0.0.1', 'localhost').replace('http:', 'https:');
    const barred = await open('plain', { allowPrivate: false, endpoint: named });
    await expect(barred.head('x')).rejects.toMatchObject({ code: 'audit.object-unreachable' });
    barred.close();
    await expect(open('plain', { endpoint: 'http://169.254.169.254/' })).rejects.toMatchObject({
      code: 'audit.object-refused',
    });
  });

  it('rejects while the store is down, and works once it is back', async () => {
    await server.stop();
    await expect(plain.put('late', Buffer.from('late'))).rejects.toMatchObject({ code: 'audit.object-unreachable' });
    await server.start();
    expect(await plain.put('late', Buffer.from('late'))).toMatchObject({ bytes: 4 });
  });
});
