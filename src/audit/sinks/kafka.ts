/**
 * Kafka, and what speaks its protocol: one record an event, keyed by its session, so that a session's events lie in one partition,
 * in order.
 *
 * The producer is idempotent and asks every in-sync replica (`acks=all`): what its client sends again by itself is there once.
 * What fails beyond that is sent again by another producer, and may be there twice; the header `sallyport-sequence` tells.
 *
 * Invariant: brokers are reached only where they may be (A-API-04): those configured, and those that they name. Without TLS the
 * client looks names up by itself, so that such brokers are taken only inside private networks, and are looked up before.
 *
 * Deliberately absent: making topics; schema registries; compression (events are small, and brokers compress).
 *
 * Apache Kafka protocol: Produce, InitProducerId, Metadata; KIP-98.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type * as Kafka from '@platformatic/kafka';
import { allowedLookup, isAllowedAddress, resolveAllAllowed } from '../../base/addresses.ts';
import { describeError } from '../../base/errors.ts';
import type { SinkTarget, SinkTls } from '../../core/sink.ts';
import { type Attempt, sendHalving } from './halving.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import { hostAndPort } from './syslog.ts';
import type { SinkRecord, Transport, TransportParts } from './transport.ts';

type KafkaTarget = NonNullable<SinkTarget['kafka']>;
type Producer = Kafka.Producer<string, string, string, string>;

const mechanisms = { plain: 'PLAIN', 'scram-sha-256': 'SCRAM-SHA-256', 'scram-sha-512': 'SCRAM-SHA-512' } as const;

/** What Kafka's own error codes mean for a batch; every other is tried again. */
const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'];
const explained: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: 'this user may not write to the topic',
  CLUSTER_AUTHORIZATION_FAILED: 'this user may not write to the cluster',
  SASL_AUTHENTICATION_FAILED: 'it does not know this user or password',
  UNKNOWN_TOPIC_OR_PARTITION: 'the topic does not exist',
  NOT_ENOUGH_REPLICAS: 'too few replicas of the topic are there',
};

export function createKafka(target: KafkaTarget, parts: TransportParts): Transport {
  let open: { readonly producer: Producer; readonly untilMs: number } | null = null;

  const drop = async (): Promise<void> => {
    const producer = open?.producer;
    open = null;
    // One that hangs is not waited for; its sockets end with it.
    await producer?.close(true).catch(() => undefined);
  };
  const producerNow = async (): Promise<Producer> => {
    if (open !== null && parts.now() < open.untilMs) return open.producer;
    await drop();
    const kafka = await import('@platformatic/kafka');
    const producer = new kafka.Producer(await optionsOf(target, parts, kafka.stringSerializers));
    // Errors reach whoever waits for them; those of idle connections nobody does.
    producer.on('error', () => undefined);
    open = { producer, untilMs: parts.now() + limits.kafkaProducerAgeMaxMs };
    return producer;
  };
  const attempt = async (batch: readonly SinkRecord[]): Promise<Attempt> => {
    try {
      await checkAll(
        target.brokers.map((broker) => hostAndPort(broker, 9092).host),
        parts,
      );
      const producer = await producerNow();
      const known = await producer.metadata({ topics: [target.topic], retries: 1 });
      await checkAll(
        [...known.brokers.values()].map(({ host }) => host),
        parts,
      );
      await producer.send({ messages: batch.map((record) => messageOf(record, target.topic, parts.gateway)) });
      return { outcome: 'taken' };
    } catch (error) {
      const codes = codesOf(error);
      if (codes.some((code) => tooLarge.includes(code))) {
        return { outcome: 'unclear', why: 'it is larger than the topic takes, or not what it takes' };
      }
      await drop();
      throw problemOf(error, codes);
    }
  };
  return {
    batchRecordsMax: limits.batchRecordsMax,
    batchBytesMax: limits.kafkaBatchBytesMax,
    send: (batch, signal) => sendHalving(batch, (part) => untilAborted(attempt(part), signal, drop)),
    close: drop,
  };
}

function messageOf({ sequence, activity, text }: SinkRecord, topic: string, gateway: string) {
  const { event } = activity;
  const session = 'session' in event ? event.session : null;
  return {
    topic,
    // What belongs to no session stays in order too.
    key: session ?? gateway,
    value: text,
    timestamp: BigInt(event.at),
    headers: {
      'sallyport-gateway': gateway,
      'sallyport-sequence': String(sequence),
      'sallyport-type': event.type,
    },
  };
}

async function optionsOf(
  target: KafkaTarget,
  parts: TransportParts,
  serializers: Kafka.Serializers<string, string, string, string>,
): Promise<Kafka.ProducerOptions<string, string, string, string>> {
  const { brokers, tls, sasl } = target;
  if (tls === undefined && !parts.allowPrivate) {
    throw sinkProblem('without TLS, brokers are reached only inside a private network (private: true)');
  }
  return {
    clientId: `sallyport-${parts.sink}`,
    bootstrapBrokers: brokers.map((broker) => hostAndPort(broker, 9092)),
    serializers,
    idempotent: true,
    acks: -1,
    autocreateTopics: false,
    retries: limits.kafkaRetriesMax,
    timeout: limits.kafkaRequestDeadlineMs,
    requestTimeout: limits.kafkaRequestDeadlineMs,
    connectTimeout: limits.kafkaConnectDeadlineMs,
    ...(tls === undefined ? {} : { tls: await tlsOf(tls, parts), tlsServerName: tls.serverName ?? true }),
    ...(sasl === undefined
      ? {}
      : {
          sasl: {
            mechanism: mechanisms[sasl.mechanism],
            username: sasl.username,
            password: () => parts.secret(sasl.password),
          },
        }),
  };
}

async function tlsOf(tls: SinkTls, parts: TransportParts): Promise<NonNullable<Kafka.ConnectionOptions['tls']>> {
  const { ca, certificate, key } = tls;
  return {
    minVersion: 'TLSv1.2',
    lookup: allowedLookup(parts.allowPrivate),
    ...(ca === undefined ? {} : { ca: await pemOf(ca) }),
    ...(certificate === undefined ? {} : { cert: await pemOf(certificate) }),
    ...(key === undefined ? {} : { key: await parts.secret(key) }),
  };
}

/** PEM, or what `file:/path` has. */
export async function pemOf(source: string): Promise<string> {
  return source.startsWith('file:') ? readFile(source.slice('file:'.length), 'utf8') : source;
}

async function checkAll(hosts: readonly string[], { allowPrivate }: TransportParts): Promise<void> {
  for (const host of hosts) {
    const isAllowed =
      isIP(host) === 0 ? (await resolveAllAllowed(host, allowPrivate)) !== null : isAllowedAddress(host, allowPrivate);
    if (!isAllowed) throw sinkProblem('a broker has an address that may not be reached');
  }
}

/** The client knows no signal: what it is at is given up with its connections. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal, drop: () => Promise<void>): Promise<T> {
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      void drop();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    promise.catch(() => undefined);
  }
}

/** Kafka's names of what went wrong, from wherever the client nested them. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const {
    apiId,
    errors = [],
    cause,
  } = error as Error & { readonly apiId?: string; readonly errors?: readonly unknown[] };
  return [...(apiId === undefined ? [] : [apiId]), ...errors.flatMap(codesOf), ...codesOf(cause)];
}

function problemOf(error: unknown, codes: readonly string[]): Error {
  const code = codes.find((one) => one in explained);
  if (code !== undefined) return sinkProblem(`${explained[code]} (${code})`, error);
  if (/^Unknown topic/.test(describeError(error))) return sinkProblem('the topic does not exist', error);
  if (codes[0] !== undefined) return sinkProblem(`it answered ${codes[0]}`, error);
  const system = systemCodeOf(error);
  return error instanceof Error && 'publicMessage' in error
    ? error
    : sinkProblem(system === null ? 'no broker gave a usable answer' : `no broker could be reached (${system})`, error);
}

function systemCodeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, errors = [], cause } = error as NodeJS.ErrnoException & { readonly errors?: readonly unknown[] };
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return code;
  for (const one of [...errors, cause]) {
    const found = systemCodeOf(one);
    if (found !== null) return found;
  }
  return null;
}
