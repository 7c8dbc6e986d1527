/**
 * What the command line cannot do through the API: run a gateway, look a machine over, verify a journal offline.
 * Fulfils `cli/services.ts`.
 */
import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type {
  CliServices,
  DoctorOptions,
  Finding,
  GatewayOptions,
  RunningGateway,
  VerifyOptions,
  VerifyProgress,
  VerifyReport,
} from '../cli/index.ts';
import { verifyJournal } from '../recording/index.ts';
import { startGateway } from './compose.ts';
import { readConfig } from './config.ts';
import { examine } from './doctor.ts';
import { openLog } from './logging.ts';
import { readWitnesses } from './witness-files.ts';

export const cliServices: CliServices = { startGateway: start, doctor, verify };

async function start(options: GatewayOptions): Promise<RunningGateway> {
  // A-GW-05: without a listener of ours this signal makes Node open an inspector in a process that holds every secret.
  process.on('SIGUSR1', () => undefined);
  const config = await readConfig({
    file: options.configFile ?? undefined,
    dataDirectory: options.dataDirectory ?? undefined,
    environment: process.env,
  });
  const log = openLog(config.log.level, config.log.format);
  const gateway = await startGateway({ config, log });
  const stop = (drainMs: number): Promise<void> => gateway.stop('signal', drainMs);
  const closed = new Promise<void>((done, failed) => {
    const begin = (): void => void stop(config.drainMs).then(done, failed);
    if (options.signal.aborted) begin();
    else options.signal.addEventListener('abort', begin, { once: true });
    options.hurry.addEventListener('abort', () => void stop(0).then(done, failed), { once: true });
    gateway.failed.catch((error: unknown) => void stop(0).then(() => failed(error), failed));
  });
  const listeners = gateway.listeners.map(({ protocol, host, port }) => ({
    protocol,
    host: host === '127.0.0.1' || host === '0.0.0.0' || host === '::' ? 'localhost' : host,
    port,
  }));
  // A supervisor that started this process over a channel (the demonstration) learns when it may go on.
  process.send?.({
    type: 'ready',
    console: gateway.consoleUrl,
    ca: gateway.caPath,
    listeners: Object.fromEntries(listeners.map(({ protocol, host, port }) => [protocol, { host, port }])),
  });
  if (process.connected) process.once('disconnect', () => void stop(0));
  return {
    ready: {
      console: gateway.consoleUrl,
      ca: gateway.caPath,
      listeners,
      notes:
        gateway.firstPasswordPath === null
          ? []
          : [`The first administrator is admin, with the password in ${gateway.firstPasswordPath}`],
    },
    closed,
  };
}

async function* doctor(options: DoctorOptions): AsyncGenerator<Finding> {
  const config = await readConfig({
    file: options.configFile ?? undefined,
    dataDirectory: options.dataDirectory ?? undefined,
    environment: process.env,
  });
  for await (const finding of examine(config)) {
    if (options.signal.aborted) return;
    yield finding;
  }
}

async function verify(options: VerifyOptions, onProgress: (progress: VerifyProgress) => void): Promise<VerifyReport> {
  const directory =
    options.journalDirectory !== null
      ? recordsDirectory(resolve(options.journalDirectory))
      : (await readConfig({ dataDirectory: options.dataDirectory ?? undefined, environment: process.env }))
          .dataDirectory;
  const publicKey = createPublicKey(await readFile(options.keyFile ?? join(directory, 'journal.pub'), 'utf8'));
  const checkpoint = options.checkpointFile === null ? null : await readFile(options.checkpointFile, 'utf8');
  const { witnesses, others } = await readWitnesses(options.witnesses);
  const report = await verifyJournal({
    dir: directory,
    publicKey,
    ...(checkpoint === null ? {} : { checkpoint }),
    witnesses,
    copies: options.copies,
    onProgress: ({ bytes, totalBytes }) => onProgress({ bytesDone: bytes, bytesTotal: totalBytes }),
    signal: options.signal,
  });
  const { ok, events, segments, checkpoints, recordings, prunedEvents, deletedRecordings, bytes, durationMs, head } =
    report;
  return {
    ok,
    events,
    segments,
    checkpoints,
    recordings,
    prunedEvents,
    deletedRecordings,
    witnesses: report.witnesses.map(({ atMs, ...witness }) => ({
      ...witness,
      at: atMs === null ? null : new Date(atMs).toISOString(),
    })),
    bytes,
    durationMs,
    head: head === null ? null : { sequence: head.sequence, digest: head.root },
    notes: [...notesOf(report, options.keyFile === null), ...others.map((file) => `${file} holds no checkpoint.`)],
    problems: report.problems.map(({ code, text, sequence, file, offset }) => ({
      code,
      message: text,
      sequence: sequence ?? null,
      file: file ?? null,
      offset: offset ?? null,
    })),
  };
}

/** The directory that holds `journal/` and `recordings/`: the one named, or the one around the `journal/` named. */
function recordsDirectory(named: string): string {
  return existsSync(join(named, 'journal')) ? named : dirname(named);
}

/** What is worth knowing and proves nothing wrong. */
function notesOf(report: Awaited<ReturnType<typeof verifyJournal>>, ownKey: boolean): string[] {
  const { problemCount, problems, uncovered, unfinishedJournalBytes, unfinishedRecordings } = report;
  const { releasedRecordings, unfinishedRemovals } = report;
  const notes: string[] = [];
  if (problemCount > problems.length) notes.push(`${problemCount - problems.length} more problems are not listed.`);
  if (uncovered > 0)
    notes.push(`${uncovered} events behind the last checkpoint are chained, and not yet covered by a signature.`);
  if (unfinishedJournalBytes > 0)
    notes.push(`${unfinishedJournalBytes} bytes of an unfinished event stand at the end.`);
  if (unfinishedRecordings > 0)
    notes.push(`${unfinishedRecordings} recordings are not sealed: of live sessions, or cut off by a crash.`);
  if (releasedRecordings > 0) {
    notes.push(`${releasedRecordings} recordings lie elsewhere and were not checked; give copies with --copies.`);
  }
  if (unfinishedRemovals > 0)
    notes.push(`${unfinishedRemovals} removals are not finished; the next start finishes them.`);
  if (ownKey) notes.push('The key came from the data directory itself; give one that was kept elsewhere with --key.');
  return notes;
}
