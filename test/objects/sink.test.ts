/** The sink for object stores against a real one. Where it is not there, the tests skip and say why. */
import { gunzipSync } from 'node:zlib';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ObjectStore, openS3 } from '../../src/audit/index.ts';
import { createS3 } from '../../src/audit/sinks/s3.ts';
import type { SinkTarget } from '../../src/core/sink.ts';
import { recordsOf, sessionEvents, testParts } from '../sinks/records.ts';
import { missing, type ObjectServer, startObjectServer } from './versity.ts';

type Target = NonNullable<SinkTarget['s3']>;

const signal = () => AbortSignal.timeout(30_000);

describe.skipIf(missing !== null)(`the sink for object stores${missing === null ? '' : ` (${missing})`}`, () => {
  let server: ObjectServer;
  let store: ObjectStore;
  let target: Target;
  const parts = testParts({
    secret: async (source) =>
      'store' in source && source.store === 'id' ? server.accessKeyId : `${server.secretAccessKey}\n`,
  });

  beforeAll(async () => {
    server = await startObjectServer();
    const { endpoint, region } = server;
    const admin = new S3Client({ endpoint, region, forcePathStyle: true, credentials: server });
    await admin.send(new CreateBucketCommand({ Bucket: 'audit' }));
    admin.destroy();
    store = await openS3({
      ...{ endpoint, region, bucket: 'audit', pathStyle: true, allowPrivate: true },
      accessKeyId: async () => server.accessKeyId,
      secretAccessKey: async () => server.secretAccessKey,
    });
    target = {
      ...{ endpoint, region, bucket: 'audit', pathStyle: true, prefix: '/events/' },
      accessKeyId: { store: 'id' },
      secretAccessKey: { store: 'secret' },
    };
  });
  afterAll(async () => {
    store?.close();
    await server?.remove();
  });

  const linesIn = async (key: string): Promise<readonly { readonly sequence: number }[]> =>
    gunzipSync(await store.get(key))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { sequence: number });
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { key } of store.list('events/')) found.push(key);
    return found;
  };

  it('writes each batch under a key of its day and sequences, and the same over itself', async () => {
    const sink = createS3(target, parts, 0);
    const batch = await recordsOf(sessionEvents('s-1', ['select 1', 'select 2'], 95), { to: { s3: target } });
    for (const some of [batch.slice(0, 4), batch.slice(4), batch.slice(4)]) {
      expect(await sink.send(some, signal())).toEqual({ outcome: 'taken' });
    }
    await sink.close();
    expect(await keys()).toEqual([
      'events/gw-1/2026/10/05/000000000000095-000000000000098.ndjson.gz',
      'events/gw-1/2026/10/05/000000000000099-000000000000100.ndjson.gz',
    ]);
    const lines = (await Promise.all((await keys()).map(linesIn))).flat();
    expect(lines.map(({ sequence }) => sequence)).toEqual([95, 96, 97, 98, 99, 100]);
    const facts = await store.head((await keys())[0]!);
    expect(facts).toMatchObject({ metadata: { sink: 'under-test', records: '4' } });
  });

  it('writes no object sooner than its interval after the one before, and waits for nothing where it is behind', async () => {
    const batch = await recordsOf(sessionEvents('s-2', ['select 1'], 200), { to: { s3: target } });
    // The last event of the batch has just happened.
    let now = batch.at(-1)!.activity.event.at;
    const sink = createS3(target, { ...parts, now: () => now }, 60_000);
    expect(await sink.send(batch.slice(0, 2), signal())).toEqual({ outcome: 'taken' });
    const early = new AbortController();
    const waiting = sink.send(batch.slice(2), early.signal);
    early.abort(new Error('the sink is being closed'));
    await expect(waiting).rejects.toThrow();
    now += 60_000;
    expect(await sink.send(batch.slice(2), signal())).toEqual({ outcome: 'taken' });
    // Written a moment ago, but of events that are a minute old.
    expect(await sink.send(batch.slice(2), signal())).toEqual({ outcome: 'taken' });
    await sink.close();
  });

  it('says what is wrong with keys and bucket, without a secret, and works once the store is back', async () => {
    const batch = await recordsOf(sessionEvents('s-3', [], 300), { to: { s3: target } });
    const wrong = createS3(target, { ...parts, secret: async () => 'not-the-secret' }, 0);
    const error: unknown = await wrong.send(batch, signal()).catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code: 'audit.sink-failed' });
    expect(String(error)).toContain('refused these keys');
    expect(String(error)).not.toContain('not-the-secret');
    await wrong.close();
    const absent = createS3({ ...target, bucket: 'nowhere' }, parts, 0);
    await expect(absent.send(batch, signal())).rejects.toThrow('the bucket does not exist');
    await absent.close();
    const sink = createS3(target, parts, 0);
    await server.stop();
    await expect(sink.send(batch, signal())).rejects.toMatchObject({ code: 'audit.sink-failed' });
    await server.start();
    expect(await sink.send(batch, signal())).toEqual({ outcome: 'taken' });
    await sink.close();
    // A-API-04
    const outside = createS3(target, { ...parts, allowPrivate: false }, 0);
    await expect(outside.send(batch, signal())).rejects.toThrow('EndpointNotAllowed');
  });
});
