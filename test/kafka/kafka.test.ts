/** The sink for Kafka against a real broker. Where it is not there, the tests skip and say why. */
import { Admin, Consumer, stringDeserializers } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKafka } from '../../src/audit/sinks/kafka.ts';
import type { SinkRecord } from '../../src/audit/sinks/transport.ts';
import type { SinkTarget } from '../../src/core/sink.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { recordsOf, sessionEvents, testParts } from '../sinks/records.ts';
import { type KafkaBroker, missing, startKafka } from './kafka.ts';

type Target = NonNullable<SinkTarget['kafka']>;
interface Read {
  readonly key: string;
  readonly partition: number;
  readonly sequence: number;
  readonly document: { readonly session: { readonly id: string } };
}

describe.skipIf(missing !== null)(`the sink for Kafka${missing === null ? '' : ` (${missing})`}`, () => {
  let certificates: Certificates;
  let broker: KafkaBroker;
  let admin: Admin;

  beforeAll(async () => {
    certificates = await makeCertificates();
    broker = await startKafka(certificates.server, certificates.authority);
    admin = new Admin({ clientId: 'tests', bootstrapBrokers: [broker.plain] });
    // A broker that takes connections may not take requests yet: its client tries again by itself.
    await admin.createTopics({ topics: ['events', 'secure', 'small', 'down'], partitions: 3, replicas: 1 });
    await admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: 'small',
          configs: [{ name: 'max.message.bytes', configOperation: 0, value: '7000' }],
        },
      ],
      validateOnly: false,
    });
  }, 180_000);

  afterAll(async () => {
    await admin?.close();
    await broker?.remove();
  });

  const signal = () => AbortSignal.timeout(45_000);
  const records = (target: Target, events: Parameters<typeof recordsOf>[0]): Promise<SinkRecord[]> =>
    recordsOf(events, { to: { kafka: target } });

  const readAll = async (topic: string, count: number): Promise<Read[]> => {
    const consumer = new Consumer({
      groupId: `tests-${topic}-${Math.random()}`,
      clientId: 'tests',
      bootstrapBrokers: [broker.plain],
      deserializers: stringDeserializers,
    });
    const read: Read[] = [];
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
    for await (const { key, partition, value, headers } of stream) {
      read.push({
        key: key ?? '',
        partition,
        sequence: Number(headers.get('sallyport-sequence')),
        document: JSON.parse(value ?? ''),
      });
      if (read.length >= count) break;
    }
    await stream.close();
    await consumer.close(true);
    return read;
  };

  it('hands on every event, in order within each session', async () => {
    const target = { brokers: [broker.plain], topic: 'events' };
    const sessions = Array.from({ length: 6 }, (_, index) =>
      sessionEvents(`s-${index}`, ['select 1', 'select 2', 'select 3'], 1 + index * 8),
    );
    // As they come: the sessions' events between one another's.
    const events = Array.from({ length: 8 }, (_, step) => sessions.map((session) => session[step]!)).flat();
    const sink = createKafka(target, testParts());
    const batch = await records(target, events);
    expect(await sink.send(batch.slice(0, 20), signal())).toEqual({ outcome: 'taken' });
    expect(await sink.send(batch.slice(20), signal())).toEqual({ outcome: 'taken' });
    await sink.close();
    const read = await readAll('events', events.length);
    for (const session of sessions) {
      const id = 'session' in session[0]! ? session[0].session : null;
      const own = read.filter(({ key }) => key === id);
      expect(own.map(({ sequence }) => sequence)).toEqual(session.map(({ seq }) => seq));
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      expect(own.every(({ document }) => document.session.id === id)).toBe(true);
    }
  });

  it('names what a topic will not take, and hands on the rest', async () => {
    const target = { brokers: [broker.plain], topic: 'small' };
    const events = sessionEvents('s-small', ['select 1', `select '${'x'.repeat(9_000)}'`, 'select 2']);
    const batch = await records(target, events);
    const sink = createKafka(target, testParts());
    const outcome = await sink.send(batch, signal());
    expect(outcome).toMatchObject({ outcome: 'refused', refused: [{ at: 3 }] });
    await sink.close();
    const read = await readAll('small', batch.length - 1);
    expect(new Set(read.map(({ sequence }) => sequence))).toEqual(new Set([1, 2, 3, 5, 6, 7, 8]));
  });

  it.each(['scram-sha-512', 'plain'] as const)('goes by TLS and a password (%s)', async (mechanism) => {
    const target: Target = {
      brokers: [broker.secure],
      topic: 'secure',
      tls: { ca: certificates.authority.cert },
      sasl: { mechanism, username: 'sallyport', password: { store: 'kafka' } },
    };
    const batch = await records(target, sessionEvents('s-secure', ['select 1']));
    const sink = createKafka(target, testParts({ secret: async () => broker.password }));
    expect(await sink.send(batch, signal())).toEqual({ outcome: 'taken' });
    await sink.close();
    const wrong = createKafka(target, testParts({ secret: async () => 'not-the-password' }));
    const error: unknown = await wrong.send(batch, signal()).catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code: 'audit.sink-failed' });
    expect(String((error as Error).message)).not.toContain('not-the-password');
    await wrong.close();
  });

  it('trusts no certificate of another authority', async () => {
    const target: Target = { brokers: [broker.secure], topic: 'secure', tls: { ca: certificates.stranger.cert } };
    const sink = createKafka(target, testParts());
    const batch = await records(target, sessionEvents('s-x', []));
    await expect(sink.send(batch, signal())).rejects.toMatchObject({ code: 'audit.sink-failed' });
    await sink.close();
  });

  it('says that a topic does not exist', async () => {
    const target = { brokers: [broker.plain], topic: 'nowhere' };
    const sink = createKafka(target, testParts());
    const batch = await records(target, sessionEvents('s-x', []));
    await expect(sink.send(batch, signal())).rejects.toThrow('the topic does not exist');
    await sink.close();
  });

  it('goes nowhere that it may not (A-API-04)', async () => {
    const batch = await records({ brokers: [], topic: 'x' }, sessionEvents('s-x', []));
    for (const [brokers, tls] of [
      [[broker.plain], undefined],
      [[broker.secure], { ca: certificates.authority.cert }],
      [['169.254.169.254:9092'], {}],
    ] as const) {
      const target: Target = { brokers, topic: 'events', ...(tls === undefined ? {} : { tls }) };
      const sink = createKafka(target, testParts({ allowPrivate: false }));
      await expect(sink.send(batch, signal())).rejects.toMatchObject({ code: 'audit.sink-failed' });
      await sink.close();
    }
  });

  it('rejects by its deadline while the broker is down, and hands on once it is back', async () => {
    const target = { brokers: [broker.plain], topic: 'down' };
    const sink = createKafka(target, testParts());
    const batch = await records(target, sessionEvents('s-down', ['select 1', 'select 2']));
    expect(await sink.send(batch.slice(0, 2), signal())).toEqual({ outcome: 'taken' });
    await broker.stop();
    await expect(sink.send(batch.slice(2), AbortSignal.timeout(3_000))).rejects.toThrow();
    await broker.start();
    expect(await sink.send(batch.slice(2), signal())).toEqual({ outcome: 'taken' });
    await sink.close();
    const read = await readAll('down', batch.length);
    expect(read.map(({ sequence }) => sequence)).toEqual(batch.map(({ sequence }) => sequence));
  }, 180_000);
});
