/**
 * What recording costs a query (performance.md, P16): the entries and events of a small SELECT through the journal and
 * the recorder of this process, against the same loop without them.
 *
 *     node bench/recording.ts [--quick] [--rounds N]
 *
 * Each sort twice: sealed, as a gateway records, and not, so that what sealing costs stands beside it.
 *
 * Time on the main thread is what a query feels; the other threads compress, hash and sync. Rates are sustained ones:
 * the loop waits where a session would be paused, and the end is everything on stable storage.
 *
 * Deliberately absent: goals. A benchmark never fails a test run.
 */
import { createCipheriv, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { EventBody } from '../src/core/event.ts';
import type { Recording } from '../src/core/ports.ts';
import type { RecordingEntry } from '../src/core/recording.ts';
import { openJournal, openRecordings, type RecordingKeys } from '../src/recording/index.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
const queries = options.quick ? 20_000 : 100_000;
/** Queries between two turns of the loop, as when many sessions are served in one. */
const queriesPerTurn = 32;

/** Sorts of queries: how many rows come back, each of about 97 bytes. */
const kinds = [
  { name: 'one row', rows: 1, share: 1, isSealed: true },
  { name: 'one row, not sealed', rows: 1, share: 1, isSealed: false },
  { name: '100 rows', rows: 100, share: 0.1, isSealed: true },
  { name: '100 rows, not sealed', rows: 100, share: 0.1, isSealed: false },
  { name: '10,000 rows', rows: 10_000, share: 0.002, isSealed: true },
  { name: '10,000 rows, not sealed', rows: 10_000, share: 0.002, isSealed: false },
] as const;

/** Keys as the gateway makes them; nothing here is read back. */
const wrapping = randomBytes(32);
const sessionKeys: RecordingKeys = {
  create: () => {
    const key = randomBytes(32);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', wrapping, nonce);
    return { key, wrapped: Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]) };
  },
  open: () => Promise.reject(new Error('not read here')),
};

interface Sink {
  event(event: EventBody): void;
  entry(entry: RecordingEntry): void;
}

/** What the pipeline writes of one query. */
function query(sink: Sink, session: string, command: number, count: number, data: Buffer): number {
  const text = `SELECT * FROM pgbench_accounts WHERE aid = ${command * 7919} /* ${command % 97} */;`;
  const parameters = null;
  sink.event({
    type: 'command.intent',
    session,
    command,
    kind: 'sql',
    verb: 'query',
    text,
    textBytes: text.length,
    parameters,
    effect: 'read',
    of: null,
  });
  sink.entry({ type: 'command', command, kind: 'sql', verb: 'query', text, parameters, of: null });
  sink.entry({ type: 'columns', command, columns });
  data.writeUInt32BE(command, 6);
  sink.entry({ type: 'rows', command, count, data });
  const result = { command, outcome: 'completed' as const, tag: `SELECT ${count}`, rows: count, bytes: data.length };
  sink.event({ type: 'command.ended', session, ...result, durationMs: 0.234, error: null });
  sink.entry({ type: 'completed', ...result, durationMs: 0.234 });
  return text.length * 2 + data.length;
}

const columns = ['aid', 'bid', 'abalance', 'filler'].map((name) => ({ name, type: '23', format: 'text' as const }));

function rowsOf(count: number): Buffer {
  const row = Buffer.alloc(2 + 4 * 4 + 81, 0x20);
  row.writeInt16BE(4, 0);
  for (const [index, size] of [4, 1, 1, 75].entries()) row.writeInt32BE(size, 2 + index * 4);
  return Buffer.concat(Array.from({ length: count }, () => row));
}

interface Sample {
  readonly kind: string;
  readonly mainMicroseconds: number;
  readonly otherMicroseconds: number;
  readonly queriesPerSecond: number;
  readonly ratio: number;
}

async function measure(directory: string, kind: (typeof kinds)[number], round: number): Promise<Sample> {
  const count = Math.ceil(queries * kind.share);
  const data = rowsOf(kind.rows);
  const idle: Sink = { event: () => undefined, entry: () => undefined };
  const beforeIdle = process.threadCpuUsage();
  for (let command = 1; command <= count; command++) {
    query(idle, 'ses_x', command, kind.rows, data);
    if (command % queriesPerTurn === 0) await turn();
  }
  const idleUsage = process.threadCpuUsage(beforeIdle);
  const dir = join(directory, `${kind.rows}-${kind.isSealed}-${round}`);
  const journal = await openJournal({ dir, signingKey: generateKeyPairSync('ed25519').privateKey });
  const recordings = openRecordings({
    journal,
    keys: kind.isSealed ? sessionKeys : null,
    resultBytesPerSession: 1024 * 1024 * 1024,
  });
  const session = 'ses_00000000000000000000000000';
  const recording = recordings.open(session, Date.now());
  let bytes = 0;
  const sink: Sink = { event: (event) => void journal.append(event), entry: (entry) => recording.append(entry) };
  const process0 = process.cpuUsage();
  const main0 = process.threadCpuUsage();
  const began = performance.now();
  for (let command = 1; command <= count; command++) {
    bytes += query(sink, session, command, kind.rows, data);
    if (command % queriesPerTurn === 0) await turn();
    if (recording.congested) await ready(recording);
  }
  const main = process.threadCpuUsage(main0);
  await recording.close();
  await journal.flush();
  const seconds = (performance.now() - began) / 1000;
  const all = process.cpuUsage(process0);
  const stored = statSync(recordings.pathOf(session)).size;
  await recordings.close();
  await journal.close();
  rmSync(dir, { recursive: true });
  const own = main.user + main.system;
  return {
    kind: kind.name,
    mainMicroseconds: (own - idleUsage.user - idleUsage.system) / count,
    otherMicroseconds: (all.user + all.system - own) / count,
    queriesPerSecond: count / seconds,
    ratio: bytes / stored,
  };
}

/** As a session is paused and goes on. */
function ready(recording: Recording): Promise<void> {
  return new Promise((resolve) => {
    recording.onReady = () => {
      if (!recording.congested) resolve();
    };
  });
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-recording-'));
  try {
    const samples: Sample[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const kind of kinds) samples.push(await measure(directory, kind, round));
      process.stderr.write(`\rround ${round + 1} of ${options.rounds}   `);
    }
    const rows = kinds.map(({ name }) => {
      const own = samples.filter((sample) => sample.kind === name);
      const median = (of: (sample: Sample) => number): number => quantile(own.map(of), 0.5);
      const rate = median((sample) => sample.queriesPerSecond);
      return [
        name,
        median((sample) => sample.mainMicroseconds).toFixed(2),
        median((sample) => sample.otherMicroseconds).toFixed(2),
        Math.round(rate).toLocaleString('en'),
        Math.round(rate * 2).toLocaleString('en'),
        median((sample) => sample.ratio).toFixed(1),
      ];
    });
    await publish(
      'recording',
      options,
      ['Each query is two events of the journal and four entries of a recording, all content kept.'],
      [
        {
          title: 'Cost of recording a query',
          head: [
            '',
            'µs on the main thread',
            'µs on others',
            'queries/s',
            'events/s',
            'content to file, times smaller',
          ],
          rows,
        },
      ],
      samples,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
