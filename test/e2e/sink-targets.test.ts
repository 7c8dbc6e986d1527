/**
 * Handing on to each kind of target that runs here, whole: a manifest, a stock psql, and the target's own means to look at what
 * came. Each skips, and says so, where its peer is not there.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Admin, Consumer, stringDeserializers } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openS3 } from '../../src/audit/index.ts';
import type { EventDocument } from '../../src/audit/sinks/formats/document.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { missing as kafkaMissing, startKafka } from '../kafka/kafka.ts';
import { missing as mailMissing, startMailServer } from '../mail/server.ts';
import { startObjectServer, missing as storeMissing } from '../objects/versity.ts';
import { missing as searchMissing, startOpenSearch } from '../opensearch/opensearch.ts';
import { missing as collectorMissing, startCollector } from '../otel/collector.ts';
import { makeCertificates } from '../servers/certificates.ts';

const run = promisify(execFile);
const orNot = (missing: string | null): string => (missing === null ? '' : `: ${missing}`);

describe('sinks, each with its peer', () => {
  let env: TestEnv;

  beforeAll(async () => {
    env = await createTestEnv();
  }, 120_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await env?.close();
  });

  const apply = async (name: string, spec: object): Promise<void> => {
    const client = await env.api('admin');
    const documents = [{ kind: 'Sink', metadata: { name }, spec: { private: true, ...spec } }];
    await client.call('apply', { body: { documents } });
  };
  const secret = (name: string, value: string): { readonly env: string } => {
    vi.stubEnv(name, value);
    return { env: name };
  };
  const psql = async (...statements: readonly string[]): Promise<void> => {
    const asked = statements.flatMap((statement) => ['-c', statement]);
    await run('psql', ['-X', '-A', '-t', ...asked], { env: { PATH: process.env['PATH'], ...env.libpq('engineer') } });
  };
  const until = async <T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> => {
    for (const end = Date.now() + 90_000; ; await sleep(100)) {
      const found = await look();
      if (found !== null) return found;
      if (Date.now() > end) throw new Error(`${what} did not come about`);
    }
  };
  const events = ['session.*', 'command.*'];

  it.skipIf(searchMissing !== null)(
    `OpenSearch finds what was run${orNot(searchMissing)}`,
    async () => {
      const cluster = await startOpenSearch();
      try {
        await apply('search', { to: { elastic: { url: cluster.url, index: 'sallyport-{date}' } }, events });
        await psql("select 'found by search'");
        const found = await until('the session in the index', async () => {
          // An index that is just being made cannot be searched yet.
          const answer = await cluster
            .call('POST', '/sallyport-*/_refresh')
            .then(() => cluster.call('GET', '/sallyport-*/_search?size=50'))
            .catch(() => null);
          if (answer === null) return null;
          const { hits } = answer as unknown as {
            hits: { hits: { _source: { event: { action: string }; user: { name: string }; message: string } }[] };
          };
          const all = hits.hits.map(({ _source }) => _source);
          return all.some(({ event }) => event.action === 'session.ended') ? all : null;
        });
        expect(found.map(({ event }) => event.action)).toContain('command.ended');
        expect(found.every(({ user }) => user.name === 'engineer')).toBe(true);
        expect(found.some(({ message }) => message.includes('found by search'))).toBe(true);
      } finally {
        await cluster.stop();
      }
    },
    240_000,
  );

  it.skipIf(kafkaMissing !== null)(
    `Kafka has a session in one partition, in order${orNot(kafkaMissing)}`,
    async () => {
      const { server, authority } = await makeCertificates();
      const broker = await startKafka(server, authority);
      const admin = new Admin({ clientId: 'tests', bootstrapBrokers: [broker.plain] });
      const consumer = new Consumer({
        ...{ groupId: 'tests', clientId: 'tests', bootstrapBrokers: [broker.plain] },
        deserializers: stringDeserializers,
      });
      try {
        await admin.createTopics({ topics: ['sallyport'], partitions: 3, replicas: 1 });
        const sasl = {
          ...{ mechanism: 'scram-sha-512', username: 'sallyport' },
          password: secret('TEST_KAFKA_PASSWORD', broker.password),
        };
        const kafka = { brokers: [broker.secure], topic: 'sallyport', tls: { ca: authority.cert }, sasl };
        await apply('kafka', { to: { kafka }, events });
        await psql('select 1', 'select 2', 'select 3');
        const stream = await consumer.consume({ topics: ['sallyport'], mode: 'earliest', autocommit: false });
        const read: { readonly partition: number; readonly document: EventDocument }[] = [];
        for await (const { partition, value } of stream) {
          const document = JSON.parse(value ?? '') as EventDocument;
          read.push({ partition, document });
          if (document.type === 'session.ended') break;
        }
        await stream.close();
        const session = read[0]?.document.session?.id;
        const own = read.filter(({ document }) => document.session?.id === session);
        expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
        const sequences = own.map(({ document }) => document.sequence);
        expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
        const intents = own.filter(({ document }) => document.type === 'command.intent');
        expect(intents.map(({ document }) => document.command?.text)).toEqual(['select 1', 'select 2', 'select 3']);
      } finally {
        await consumer.close(true);
        await admin.close();
        await broker.remove();
      }
    },
    240_000,
  );

  it.skipIf(collectorMissing !== null)(
    `an OpenTelemetry collector has a session as a trace${orNot(collectorMissing)}`,
    async () => {
      const collector = await startCollector();
      try {
        await apply('otel', { to: { otlp: { url: collector.url, traces: true } }, events });
        await psql('select 1', 'select 2');
        const spans = await until('the session as a trace', () => {
          const all = collector.received
            .filter(({ path }) => path === '/v1/traces')
            .flatMap(({ body }) => body['resourceSpans'] as { scopeSpans: { spans: Record<string, unknown>[] }[] }[])
            .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans: some }) => some));
          return all.some(({ name }) => name === 'session postgres') ? all : null;
        });
        expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
        expect(spans.length).toBeGreaterThanOrEqual(3);
      } finally {
        await collector.remove();
      }
    },
    120_000,
  );

  it.skipIf(storeMissing !== null)(
    `an object store has the events of a session${orNot(storeMissing)}`,
    async () => {
      const server = await startObjectServer();
      const { endpoint, region, accessKeyId, secretAccessKey } = server;
      const where = { endpoint, region, bucket: 'audit', pathStyle: true };
      const admin = new S3Client({ endpoint, region, forcePathStyle: true, credentials: server });
      await admin.send(new CreateBucketCommand({ Bucket: 'audit' }));
      admin.destroy();
      const store = await openS3({
        ...{ ...where, allowPrivate: true },
        accessKeyId: async () => accessKeyId,
        secretAccessKey: async () => secretAccessKey,
      });
      try {
        const keys = {
          accessKeyId: secret('TEST_S3_ID', accessKeyId),
          secretAccessKey: secret('TEST_S3_SECRET', secretAccessKey),
        };
        await apply('objects', { to: { s3: { ...where, ...keys } }, events });
        await psql("select 'kept in objects'");
        const lines = await until('the session in objects', async () => {
          const found: EventDocument[] = [];
          for await (const { key } of store.list(`${env.gateway.id}/`)) {
            const text = gunzipSync(await store.get(key)).toString();
            found.push(
              ...text
                .trim()
                .split('\n')
                .map((line) => JSON.parse(line) as EventDocument),
            );
          }
          return found.some(({ type }) => type === 'session.ended') ? found : null;
        });
        expect(lines.map(({ sequence }) => sequence)).toEqual(
          [...new Set(lines.map(({ sequence }) => sequence))].sort((a, b) => a - b),
        );
        expect(lines.some(({ command }) => command?.text === "select 'kept in objects'")).toBe(true);
      } finally {
        store.close();
        await server.remove();
      }
    },
    180_000,
  );

  it.skipIf(mailMissing !== null)(
    `mail arrives, and a test of the sink shows as one${orNot(mailMissing)}`,
    async () => {
      const { server: pair, authority } = await makeCertificates();
      const server = await startMailServer({ tls: 'starttls', pair });
      try {
        const email = {
          ...{ server: `localhost:${server.port}`, from: 'gateway@example.org', to: ['oncall@example.org'] },
          tls: { ca: authority.cert },
        };
        await apply('mail', { to: { email }, events: ['session.ended'] });
        const admin = await env.api('admin');
        const tested = await admin.call('testSink', { params: { name: 'mail' } });
        expect(tested).toMatchObject({ taken: true, problem: '' });
        await psql('select 1');
        const mails = await until('two mails', () => (server.received.length >= 2 ? server.received : null));
        expect(mails[0]).toMatchObject({ tls: true, to: ['oncall@example.org'] });
        expect(mails[0]!.text).toContain('A test of the sink mail');
        expect(mails[1]!.text).toContain('engineer');
      } finally {
        await server.stop();
      }
    },
    120_000,
  );
});
