/**
 * A real Kafka broker (KRaft, no ZooKeeper) on loopback addresses with a folder of its own: one listener without TLS, one with
 * TLS and passwords. It forgets everything when it is removed.
 *
 * Deliberately absent: changes to it. It is run as it is published (tools/kafka.sh).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { KeyPair } from '../servers/certificates.ts';
import { freePort } from '../servers/free-port.ts';
import { hasJava } from '../servers/java.ts';
import { answers } from '../servers/reachable.ts';

const folder = process.env['SALLYPORT_KAFKA'] ?? resolve(import.meta.dirname, '../../.cache/kafka');
const version = /<version>(\d+\.[\d.]+)<\/version>/.exec(
  readFileSync(join(import.meta.dirname, 'pom.xml'), 'utf8'),
)?.[1];
const jars = join(folder, `kafka-${version}`);

/** Why tests with Kafka cannot run here, or null. */
export const missing = existsSync(jars)
  ? hasJava()
    ? null
    : 'there is no Java'
  : 'Kafka is not there; tools/kafka.sh fetches it';

export interface KafkaBroker {
  /** Without TLS, without passwords. */
  readonly plain: string;
  /** TLS, SCRAM-SHA-512 or PLAIN, `sallyport` with `password`. */
  readonly secure: string;
  readonly password: string;
  output(): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const startDeadlineMs = 120_000;
const flags = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`];

export async function startKafka(server: KeyPair, authority: KeyPair): Promise<KafkaBroker> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-kafka-'));
  const [plain, secure, control] = [await freePort(), await freePort(), await freePort()];
  const password = 'kafka-testing-only';
  const settings = join(place, 'server.properties');
  const oneLine = (pem: string): string => pem.trim().replaceAll('\n', '\\n');
  const jaas = (module: string, more: string): string => `org.apache.kafka.common.security.${module} required ${more};`;
  const plainUser = `username="admin" password="${password}" user_sallyport="${password}"`;
  await writeFile(
    settings,
    Object.entries({
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${control}`,
      listeners: `PLAINTEXT://127.0.0.1:${plain},SASL_SSL://127.0.0.1:${secure},CONTROLLER://127.0.0.1:${control}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},SASL_SSL://localhost:${secure}`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name': 'PLAINTEXT',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
      'listener.name.sasl_ssl.plain.sasl.jaas.config': jaas('plain.PlainLoginModule', plainUser),
      'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': jaas('scram.ScramLoginModule', ''),
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.certificate.chain': oneLine(`${server.cert.trim()}\n${authority.cert.trim()}`),
      'ssl.keystore.key': oneLine(server.key),
      'log.dirs': join(place, 'data'),
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      'auto.create.topics.enable': 'false',
      'num.partitions': '3',
    })
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const scram = `SCRAM-SHA-512=[name=sallyport,password=${password}]`;
  const format = ['format', '-t', 'c2FsbHlwb3J0LXRlc3RzIQ', '-c', settings, '--add-scram', scram];
  await promisify(execFile)('java', [...flags, 'kafka.tools.StorageTool', ...format]);
  let said = '';
  let running: { readonly child: ChildProcess; readonly closed: Promise<unknown> } | null = null;
  const start = async (): Promise<void> => {
    const child = spawn('java', [...flags, 'kafka.Kafka', settings], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()));
    running = { child, closed: once(child, 'close') };
    const deadline = Date.now() + startDeadlineMs;
    while (!((await answers(plain)) && (await answers(secure)))) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`Kafka does not start: ${said.slice(-2000)}`);
      await sleep(100);
    }
  };
  const stop = async (): Promise<void> => {
    running?.child.kill('SIGKILL');
    await running?.closed;
    running = null;
  };
  await start();
  return {
    plain: `127.0.0.1:${plain}`,
    secure: `localhost:${secure}`,
    password,
    output: () => said,
    stop,
    start,
    remove: async () => {
      await stop();
      await rm(place, { recursive: true, force: true });
    },
  };
}
