/**
 * Joins what is kept, where, and who witnesses it: the register of recordings, the archive, retention, witnesses.
 *
 * Deliberately absent: logic of any of them.
 */
import { readFile } from 'node:fs/promises';
import type { StoragePort } from '../api/index.ts';
import { type ObjectStore, openS3 } from '../audit/objects/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { providerFetch } from '../identity/fetching.ts';
import type { RecordingJournal, SessionRecordings } from '../recording/index.ts';
import { parseCheckpoint, prunedUpTo, sequenceBefore } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import { type Archive, openArchive } from './archive.ts';
import type { GatewayConfig } from './config.ts';
import * as limits from './limits.ts';
import { keepRegister } from './recording-register.ts';
import { type DeletableEntries, openRetention, type PrunableJournal, type RetentionParts } from './retention.ts';
import type { BucketConfig, WitnessConfig } from './storage-config.ts';
import { alarm, openWitness, type Witness, type WitnessFetch } from './witnesses.ts';

export interface StoringParts {
  readonly gateway: string;
  readonly config: Pick<GatewayConfig, 'archive' | 'witnesses'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly journal: RecordingJournal;
  readonly recordings: SessionRecordings;
  readonly resource: RetentionParts['resource'];
  readonly needed: RetentionParts['needed'];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Storing {
  readonly port: StoragePort;
  close(): Promise<void>;
}

/** Opens all of it. Rejects where a file that the configuration names cannot be read. */
export async function openStoring(parts: StoringParts): Promise<Storing> {
  const { gateway, config, clock, log, store, journal, recordings } = parts;
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    let archive: Archive | null = null;
    if (config.archive !== undefined) {
      const objects = await bucketOf(config.archive, parts.environment);
      archive = openArchive({
        config: config.archive,
        gateway,
        objects,
        register: store.recordings,
        recordings,
        journal,
        clock,
        log,
      });
      recordings.archive = archive;
      closers.push(() => archive?.close());
    }
    const register = store.recordings;
    closers.push(await keepRegister({ gateway, register, journal, clock, log, onChanged: () => archive?.look() }));
    const retention = openRetention({
      gateway,
      clock,
      log,
      objects: store.objects,
      register,
      recordings,
      journal: prunable(journal),
      entries: entriesOf(store),
      archive: () => archive,
      resource: parts.resource,
      needed: parts.needed,
    });
    closers.push(() => retention.close());
    const witnesses = await Promise.all((config.witnesses ?? []).map((one) => witnessOf(parts, one)));
    closers.push(...witnesses.map((witness) => () => witness.close()));
    closers.push(handOn(parts, witnesses));
    archive?.look();
    const { run, deleteRecording } = retention;
    const port: StoragePort = {
      retention: () => retention.retention(),
      run,
      deleteRecording,
      ...witnessing(store, clock),
      witnesses: () => witnesses.map(({ standing }) => standing),
    };
    return { port, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function bucketOf(config: BucketConfig, environment: StoringParts['environment']): Promise<ObjectStore> {
  const { endpoint, region, bucket, keys, pathStyle, isPrivate, ca } = config;
  const variable = (name: string) => async (): Promise<string> => environment[name] ?? '';
  return openS3({
    region,
    bucket,
    pathStyle,
    allowPrivate: isPrivate,
    ...(endpoint === null ? {} : { endpoint }),
    ...(keys === null ? {} : { accessKeyId: variable(keys.id), secretAccessKey: variable(keys.secret) }),
    ...(ca === null ? {} : { ca: await readFile(ca, 'utf8') }),
  });
}

async function witnessOf(parts: StoringParts, config: WitnessConfig): Promise<Witness> {
  const { clock, log, journal, environment } = parts;
  const { to } = config;
  const reach =
    to.kind === 'gateway'
      ? { isPrivate: to.isPrivate, ca: to.ca === null ? null : await readFile(to.ca, 'utf8') }
      : { isPrivate: to.kind === 'webhook' && to.isPrivate, ca: null };
  return openWitness({
    config,
    objects: to.kind === 's3' ? await bucketOf(to.bucket, environment) : null,
    fetch: fetchOf(reach, clock),
    secret: (variable) => environment[variable] ?? '',
    clock,
    log,
    append: (event) => {
      if (journal.failure === null) journal.append(event);
    },
  });
}

/** A request that goes only where it may (A-API-04). */
function fetchOf(reach: { readonly isPrivate: boolean; readonly ca: string | null }, clock: Clock): WitnessFetch {
  const { isPrivate, ca } = reach;
  const send = providerFetch({ isPrivate, clock, ...(ca === null ? {} : { ca }) });
  return async (url, request) => {
    const answer = await send(url, request);
    return { status: answer.status, body: await answer.text() };
  };
}

function entriesOf({ history, alerts }: Store): DeletableEntries {
  return {
    resources: () => history.resources(),
    deleteEntries: (of, beforeMs, heldSessions) =>
      history.delete({ types: [], labels: {}, ...of, beforeMs, heldSessions }, limits.retentionBatch),
    deleteAlerts: (beforeMs) => alerts.purge(beforeMs),
  };
}

function prunable(journal: RecordingJournal): PrunableJournal {
  return {
    get durableSequence() {
      return journal.durableSequence;
    },
    prunedTo: () => prunedUpTo(journal.dir),
    before: (ms) => sequenceBefore(journal.dir, ms),
    prune: async (to, by) => (await journal.prune(to, by))?.to ?? null,
  };
}

/** Gives each new checkpoint to the witnesses, and asks them once whether they know more of the journal than there is. */
function handOn({ clock, log, journal }: StoringParts, witnesses: readonly Witness[]): () => void {
  if (witnesses.length === 0) return () => undefined;
  for (const witness of witnesses) {
    witness.beyond(journal.id, journal.durableSequence).then(
      (size) => {
        if (size === null) return;
        const { name } = witness.standing;
        // A-REC-01, F-20: an older copy of the data directory was put in place of the one that the witness saw.
        const reason = `The journal was rolled back: ${name} has a checkpoint over ${size} events, and there were fewer at the start. Verify with what the witness holds.`;
        log.error('the journal was rolled back', { witness: name, size });
        if (journal.failure === null) journal.append(alarm(reason));
      },
      (error: unknown) =>
        log.warn('a witness cannot be asked what it knows', {
          witness: witness.standing.name,
          detail: describeError(error),
        }),
    );
  }
  let last: string | null = null;
  const timer: Timer = clock.every(limits.witnessLookMs, () => {
    const text = journal.lastCheckpoint;
    if (text === null || text === last) return;
    last = text;
    for (const witness of witnesses) witness.offer(text);
  });
  return () => timer.cancel();
}

/** What this gateway keeps for others. */
function witnessing({ witnessed }: Store, clock: Clock): Pick<StoragePort, 'witness' | 'checkpoints'> {
  return {
    witness: async (text, source) => {
      const seen = readCheckpoint(text);
      if (seen === null) return null;
      const { origin, size, root } = seen;
      const journal = origin.slice(origin.lastIndexOf('/') + 1);
      const digest = Buffer.from(root, 'latin1').toString('base64');
      return witnessed.put({ journal, size, root: digest, text, atMs: clock.now(), source });
    },
    checkpoints: async (journal, source, limit) => {
      const journals = journal === null ? await witnessed.journals() : [journal];
      const found = await Promise.all(journals.map((one) => witnessed.list(one, { limit, beforeSize: null, source })));
      return found.flat().slice(0, limit);
    },
  };
}

function readCheckpoint(text: string): ReturnType<typeof parseCheckpoint> | null {
  try {
    return parseCheckpoint(text);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}
