/**
 * The journal by itself (performance.md, P20): durable events a second as sessions wait for them, and `verify`.
 *
 *     node bench/journal.ts [--quick] [--rounds N]
 *
 * Each session does what a strict one does: it appends an intent, waits until that is durable, appends the command's
 * end, and goes on. Beside it stands what the disk can do at most: the same bytes written and synced one by one by this
 * thread. Files lie in the directory for temporary files; a file system in memory there would measure nothing.
 *
 * Deliberately absent: goals. A benchmark never fails a test run.
 */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventBody } from '../src/core/event.ts';
import { openJournal, type RecordingJournal, verifyJournal } from '../src/recording/index.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
const sessionCounts = [1, 8, 50, 200];
const commandsPerRound = options.quick ? 5_000 : 30_000;
const verifyEvents = options.quick ? 100_000 : 1_000_000;
const text = 'SELECT abalance FROM pgbench_accounts WHERE aid = $1;';

function intent(session: string, command: number): EventBody {
  return {
    type: 'command.intent',
    session,
    command,
    kind: 'sql',
    verb: 'execute',
    text,
    textBytes: text.length,
    parameters: [{ type: 'int4', value: '12345', bytes: 4 }],
    effect: 'read',
    of: null,
  };
}

function ended(session: string, command: number): EventBody {
  return {
    type: 'command.ended',
    session,
    command,
    outcome: 'completed',
    tag: 'SELECT 1',
    error: null,
    rows: 1,
    bytes: 20,
    durationMs: 0.234,
  };
}

interface Sample {
  readonly sessions: number;
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicroseconds: number;
  readonly mainMicroseconds: number;
}

async function load(journal: RecordingJournal, sessions: number): Promise<Sample> {
  const commands = sessions === 1 ? Math.ceil(commandsPerRound / 6) : commandsPerRound;
  const waits: number[] = [];
  let issued = 0;
  const cpu = process.cpuUsage();
  const main = process.threadCpuUsage();
  const began = performance.now();
  await new Promise<void>((resolve, reject) => {
    let running = sessions;
    const next = (session: string): void => {
      if (issued >= commands) {
        if (--running === 0) resolve();
        return;
      }
      const command = ++issued;
      const since = performance.now();
      journal.afterDurable(journal.append(intent(session, command)), (error) => {
        if (error !== null) return reject(error);
        waits.push(performance.now() - since);
        journal.append(ended(session, command));
        next(session);
      });
    };
    for (let index = 0; index < sessions; index++) next(`ses_${String(index).padStart(26, '0')}`);
  });
  await journal.flush();
  const seconds = (performance.now() - began) / 1000;
  const events = commands * 2;
  const all = process.cpuUsage(cpu);
  const own = process.threadCpuUsage(main);
  return {
    sessions,
    eventsPerSecond: events / seconds,
    p50Ms: quantile(waits, 0.5),
    p99Ms: quantile(waits, 0.99),
    cpuMicroseconds: (all.user + all.system) / events,
    mainMicroseconds: (own.user + own.system) / events,
  };
}

/** Milliseconds of one write and its sync. */
function syncAlone(directory: string): number {
  const fd = openSync(join(directory, 'sync'), 'w');
  const bytes = Buffer.alloc(600, 65);
  const times: number[] = [];
  for (let index = 0; index < 300; index++) {
    const since = performance.now();
    writeSync(fd, bytes);
    fdatasyncSync(fd);
    times.push(performance.now() - since);
  }
  closeSync(fd);
  return quantile(times, 0.5);
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-journal-'));
  const { privateKey: signingKey } = generateKeyPairSync('ed25519');
  try {
    const samples: Sample[] = [];
    const syncs: number[] = [];
    const dir = join(directory, 'live');
    const journal = await openJournal({ dir, signingKey });
    for (let round = 0; round < options.rounds; round++) {
      syncs.push(syncAlone(directory));
      for (const sessions of sessionCounts) samples.push(await load(journal, sessions));
      process.stderr.write(`\rround ${round + 1} of ${options.rounds}   `);
    }
    await journal.close();
    rmSync(dir, { recursive: true });
    const verified = await verify(join(directory, 'verify'));
    const rows = sessionCounts.map((sessions) => {
      const own = samples.filter((sample) => sample.sessions === sessions);
      const median = (of: (sample: Sample) => number): number => quantile(own.map(of), 0.5);
      return [
        `${sessions} ${sessions === 1 ? 'session' : 'sessions'}`,
        Math.round(median((sample) => sample.eventsPerSecond)).toLocaleString('en'),
        median((sample) => sample.p50Ms).toFixed(2),
        median((sample) => sample.p99Ms).toFixed(2),
        median((sample) => sample.cpuMicroseconds).toFixed(1),
        median((sample) => sample.mainMicroseconds).toFixed(1),
      ];
    });
    await publish(
      'journal',
      options,
      [`One write and fdatasync of 600 bytes by itself: ${quantile(syncs, 0.5).toFixed(3)} ms.`],
      [
        {
          title: 'Durable events, two for each command, of which the first is waited for',
          head: ['', 'events/s', 'wait p50 ms', 'wait p99 ms', 'CPU µs/event', 'of it on the main thread'],
          rows,
        },
        {
          title: 'verify',
          head: ['', 'events', 'MB', 'MB/s', 'events/s'],
          rows: [
            [
              'chain, tree, checkpoints',
              verified.events.toLocaleString('en'),
              verified.megabytes.toFixed(0),
              verified.megabytesPerSecond.toFixed(0),
              Math.round(verified.eventsPerSecond).toLocaleString('en'),
            ],
          ],
        },
      ],
      { samples, syncs, verified },
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A journal of its own, read warm, so that the disk is not what is measured. */
async function verify(dir: string) {
  const { privateKey: signingKey } = generateKeyPairSync('ed25519');
  const journal = await openJournal({ dir, signingKey });
  for (let command = 1; command <= verifyEvents / 2; command++) {
    journal.append(intent('ses_00000000000000000000000000', command));
    const sequence = journal.append(ended('ses_00000000000000000000000000', command));
    if (command % 2_000 === 0) await new Promise<void>((resolve) => journal.afterDurable(sequence, () => resolve()));
  }
  await journal.close();
  const rates: number[] = [];
  let bytes = 0;
  let events = 0;
  for (let round = 0; round < Math.max(2, options.rounds / 2); round++) {
    const began = performance.now();
    const report = await verifyJournal({
      dir,
      publicKey: createPublicKey(signingKey),
      onProgress: (progress) => {
        bytes = progress.totalBytes;
      },
    });
    events = report.events;
    if (report.problems.length > 0) throw new Error(`verify found ${JSON.stringify(report.problems[0])}`);
    rates.push((performance.now() - began) / 1000);
  }
  const seconds = quantile(rates, 0.5);
  const megabytes = bytes / 1e6;
  return { events, megabytes, megabytesPerSecond: megabytes / seconds, eventsPerSecond: events / seconds };
}

await main();
