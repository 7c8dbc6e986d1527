/**
 * Object stores that know less, lie, or stop: a real one behind something that changes what it answers. Where it is not there, the
 * tests skip and say why.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ObjectStore, openS3 } from '../../src/audit/index.ts';
import { missing, type ObjectServer, startObjectServer } from './versity.ts';

type Between = (
  asked: IncomingMessage,
  answered: { readonly status: number; readonly headers: Record<string, string | string[] | undefined>; body: Buffer },
) => Buffer | 'silence' | 'half' | number;

describe.skipIf(missing !== null)(`an object store with faults${missing === null ? '' : ` (${missing})`}`, () => {
  let server: ObjectServer;
  let middle: Server;
  let store: ObjectStore;
  let place: string;
  /** What becomes of an answer: its body, a status instead, half of it, or nothing ever. */
  let between: Between;

  const forward = (asked: IncomingMessage, answer: ServerResponse): void => {
    const { port } = new URL(server.endpoint);
    // Its host is signed: the store must see the one that was asked.
    const onward = request({ port, path: asked.url, method: asked.method, headers: asked.headers }, (reply) => {
      const pieces: Buffer[] = [];
      reply.on('data', (piece: Buffer) => pieces.push(piece));
      reply.on('end', () => {
        const answered = {
          status: reply.statusCode ?? 500,
          headers: { ...reply.headers },
          body: Buffer.concat(pieces),
        };
        const what = between(asked, answered);
        if (what === 'silence') return;
        if (typeof what === 'number') return answer.writeHead(what).end();
        answer.writeHead(answered.status, answered.headers);
        if (what === 'half') return answer.write(answered.body.subarray(0, answered.body.length / 2));
        answer.end(what);
      });
    });
    asked.pipe(onward);
  };

  beforeAll(async () => {
    server = await startObjectServer();
    place = await mkdtemp(join(tmpdir(), 'sallyport-faults-'));
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const admin = new S3Client({ endpoint, region, forcePathStyle: true, credentials: server });
    await admin.send(new CreateBucketCommand({ Bucket: 'faulty' }));
    admin.destroy();
    middle = createServer(forward).listen(0, '127.0.0.1');
    await once(middle, 'listening');
    store = await openS3({
      endpoint: `http://127.0.0.1:${(middle.address() as AddressInfo).port}`,
      ...{ region, bucket: 'faulty', pathStyle: true, allowPrivate: true, requestDeadlineMs: 2_000 },
      accessKeyId: async () => accessKeyId,
      secretAccessKey: async () => secretAccessKey,
    });
  });
  beforeEach(() => {
    between = (_, { body }) => body;
  });
  afterAll(async () => {
    store?.close();
    middle?.closeAllConnections();
    middle?.close();
    await server?.remove();
    if (place !== undefined) await rm(place, { recursive: true, force: true });
  });

  const withoutChecksums: Between = (_, { headers, body }) => {
    for (const name of Object.keys(headers)) if (name.startsWith('x-amz-checksum')) delete headers[name];
    return body;
  };

  it('reads back what a store without checksums has, small and large', async () => {
    between = withoutChecksums;
    expect(await store.put('small', Buffer.from('as it is'))).toMatchObject({ verified: 'read-back' });
    const path = join(place, 'large');
    await writeFile(path, randomBytes(17 * 1024 * 1024));
    expect(await store.putFile('large', path)).toMatchObject({ verified: 'read-back', bytes: 17 * 1024 * 1024 });
  });

  it('finds that such a store has something else', async () => {
    between = (asked, answered) => {
      withoutChecksums(asked, answered);
      return asked.method === 'GET' ? Buffer.from(answered.body.toString().replace('is', 'IS')) : answered.body;
    };
    await expect(store.put('changed', Buffer.from('as it is'))).rejects.toMatchObject({ code: 'audit.object-damaged' });
  });

  it('finds that a store says another checksum', async () => {
    between = (asked, { headers, body }) => {
      if (asked.method === 'HEAD') headers['x-amz-checksum-sha256'] = Buffer.alloc(32).toString('base64');
      return body;
    };
    await expect(store.put('lied', Buffer.from('as it is'))).rejects.toMatchObject({ code: 'audit.object-damaged' });
  });

  it('asks again where the store was busy', async () => {
    let busy = 2;
    between = (_, { body }) => (busy-- > 0 ? 503 : body);
    expect(await store.put('busy', Buffer.from('x'))).toMatchObject({ verified: 'checksum' });
    between = () => 503;
    await expect(store.head('busy')).rejects.toMatchObject({ code: 'audit.object-unreachable' });
  });

  it('waits for no answer longer than its deadline', async () => {
    await store.put('silent', Buffer.from('x'));
    between = () => 'silence';
    await expect(store.head('silent')).rejects.toMatchObject({ code: 'audit.object-unreachable' });
    await expect(store.get('silent')).rejects.toMatchObject({ code: 'audit.object-unreachable' });
  });

  it('ends a read that its caller gives up, and one that closing overtakes', async () => {
    await store.put('half', randomBytes(1_000_000));
    between = (asked, { body }) => (asked.method === 'GET' ? 'half' : body);
    const stop = new AbortController();
    const reading = (async () => {
      for await (const piece of store.read('half', undefined, stop.signal)) {
        if (piece.length > 0) setImmediate(() => stop.abort(new Error('enough')));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
  });
});
