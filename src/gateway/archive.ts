/**
 * Recordings in an object store: uploaded once their session is over, compared there, and removed here only after that.
 *
 * Invariants (F-18):
 * - What is to be done stands in the register, drawn from the journal, so that a restart goes on where it was: an upload that was
 *   broken off is taken up again, one that was complete is not repeated for the sake of the record.
 * - `recording.stored` is journaled only once the store has compared the whole object, by digest; a file leaves this disk only
 *   behind that, after its time, and after the object was compared once more.
 * - A store that is down costs nothing but room: everything stays here, the disk's own ladder (F-04) is the quota, and tries grow rare.
 * - Of a deleted recording the copy goes too, where its lock lets it; its key is gone either way.
 *
 * Deliberately absent: deleting by retention (retention.ts), lifecycle rules of buckets.
 */
import { isObjectProblem, type ObjectStore } from '../audit/objects/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { durable } from '../core/door.ts';
import type { RecordingArchive, RecordingJournal, SessionRecordings } from '../recording/index.ts';
import type { KeptRecordings, RecordingState, StoredRecording } from '../store/index.ts';
import * as limits from './limits.ts';
import type { ArchiveConfig } from './storage-config.ts';

export interface ArchiveParts {
  readonly config: ArchiveConfig;
  readonly gateway: string;
  readonly objects: ObjectStore;
  readonly register: KeptRecordings;
  readonly recordings: Pick<SessionRecordings, 'directory' | 'release' | 'pathOf'>;
  readonly journal: RecordingJournal;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Archive extends RecordingArchive {
  /** There may be something to do. */
  look(): void;
  /** Resolves once everything that could be done now is done. For tests and for a stop in order. */
  settled(): Promise<void>;
  standing(): { readonly store: string; readonly waiting: number; readonly problem: string | null };
  close(): Promise<void>;
}

export function openArchive(parts: ArchiveParts): Archive {
  return new BucketArchive(parts);
}

/** Where a session's recording lies in the bucket. */
export function keyOf(prefix: string, gateway: string, { session, startedAtMs }: StoredRecording): string {
  const [year, month] = new Date(startedAtMs).toISOString().split('-');
  return `${prefix}${gateway}/${year}/${month}/${session}.rec`;
}

class BucketArchive implements Archive {
  readonly #parts: ArchiveParts;
  readonly #abort = new AbortController();
  readonly #timer: Timer;
  /** Done, and perhaps not in the register yet: it follows the journal. */
  readonly #done = new Map<string, RecordingState>();
  #running: Promise<void> | null = null;
  #again = false;
  #retry: Timer | null = null;
  #retryMs = limits.uploadRetryMsMin;
  #waiting = 0;
  #problem: string | null = null;

  constructor(parts: ArchiveParts) {
    this.#parts = parts;
    this.#timer = parts.clock.every(limits.archiveLookMs, () => this.look());
  }

  standing(): ReturnType<Archive['standing']> {
    return { store: this.#parts.config.name, waiting: this.#waiting, problem: this.#problem };
  }

  async read(session: string, offset: number, length: number, store: string): Promise<Buffer> {
    const { config, objects, register } = this.#parts;
    const copy = (await register.get(session))?.copy ?? null;
    if (copy === null || store !== config.name) throw new Error(`the copy in ${store} is not known here`);
    const bytes = await objects.get(copy.key, { offset, length }, this.#abort.signal);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  look(): void {
    if (this.#abort.signal.aborted || this.#retry !== null) return;
    if (this.#running !== null) {
      this.#again = true;
      return;
    }
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#again) {
        this.#again = false;
        this.look();
      }
    });
  }

  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async close(): Promise<void> {
    this.#timer.cancel();
    this.#retry?.cancel();
    this.#abort.abort();
    await this.#running;
    this.#parts.objects.close();
  }

  async #run(): Promise<void> {
    const { log } = this.#parts;
    try {
      await this.#uploadAll();
      await this.#releaseAll();
      await this.#removeAll();
      if (this.#problem !== null) log.info('the archive takes recordings again', { store: this.#parts.config.name });
      this.#problem = null;
      this.#retryMs = limits.uploadRetryMsMin;
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#later(describeError(error));
    }
  }

  #later(problem: string): void {
    const { clock, config, log } = this.#parts;
    if (this.#problem === null) log.warn('the archive takes no recordings', { store: config.name, detail: problem });
    this.#problem = problem;
    this.#retry = clock.after(this.#retryMs, () => {
      this.#retry = null;
      this.look();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, limits.uploadRetryMsMax);
  }

  async #uploadAll(): Promise<void> {
    for await (const page of this.#pages(['local'])) {
      const waiting = page.filter(({ session }) => !this.#done.has(session));
      this.#waiting = waiting.length;
      for (let from = 0; from < waiting.length; from += limits.uploadsMax) {
        const group = waiting.slice(from, from + limits.uploadsMax);
        const outcomes = await Promise.allSettled(group.map((recording) => this.#upload(recording)));
        const failed = outcomes.find((outcome) => outcome.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
        this.#waiting -= group.length;
      }
    }
  }

  async #upload(recording: StoredRecording): Promise<void> {
    const { config, gateway, objects, recordings, journal, clock, log } = this.#parts;
    const { session } = recording;
    const key = keyOf(config.prefix, gateway, recording);
    const lock =
      config.lock === null
        ? {}
        : { lock: { mode: config.lock.mode, untilMs: clock.now() + config.lock.days * 86_400_000 } };
    const stored = await objects
      .putFile(key, recordings.pathOf(session), {
        contentType: 'application/vnd.sallyport.recording',
        signal: this.#abort.signal,
        ...lock,
      })
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
    if (stored === null) {
      // `verify` names it as missing; what is not there must not keep the others here.
      log.error('a recording that should be uploaded is not here', { session });
      this.#done.set(session, 'none');
      return;
    }
    await durable(
      journal,
      journal.append({
        type: 'recording.stored',
        session,
        store: config.name,
        key,
        bytes: stored.bytes,
        digest: stored.sha256,
        lockedUntilMs: stored.lockedUntilMs,
      }),
    );
    this.#done.set(session, 'stored');
  }

  async #releaseAll(): Promise<void> {
    const { config, objects, recordings, clock } = this.#parts;
    const before = clock.now() - config.keepLocalMs;
    for await (const page of this.#pages(['stored'])) {
      for (const { session, bytes, copy } of page) {
        if (copy === null || copy.storedAtMs > before || this.#done.get(session) === 'released') continue;
        await objects.verify(copy.key, { bytes, sha256: copy.digest }, this.#abort.signal);
        await recordings.release(session, config.name);
        this.#done.set(session, 'released');
      }
    }
  }

  /** Copies of what was deleted, where their locks are over. */
  async #removeAll(): Promise<void> {
    const { objects, register, clock } = this.#parts;
    for await (const page of this.#pages(['deleted'], true)) {
      for (const { session, copy } of page) {
        this.#done.delete(session);
        if (copy === null || (copy.lockedUntilMs ?? 0) > clock.now()) continue;
        try {
          await objects.delete(copy.key, this.#abort.signal);
        } catch (error) {
          // Somebody made the lock longer than was asked for here.
          if (isObjectProblem(error, 'audit.object-locked')) continue;
          throw error;
        }
        await register.copyRemoved(session);
      }
    }
  }

  async *#pages(states: readonly RecordingState[], hasCopy = false): AsyncGenerator<readonly StoredRecording[]> {
    const { register, gateway } = this.#parts;
    const filter = {
      gateway,
      states,
      endedBeforeMs: Number.MAX_SAFE_INTEGER,
      ...(hasCopy ? { hasCopy } : {}),
    } as const;
    let after: { readonly endedAtMs: number; readonly session: string } | null = null;
    for (;;) {
      const page: readonly StoredRecording[] = await register.list(filter, { limit: limits.retentionBatch, after });
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      for (const { session, state } of page) {
        if (this.#done.get(session) === state) this.#done.delete(session);
      }
      after = { endedAtMs: last.endedAtMs ?? 0, session: last.session };
    }
  }
}
