/**
 * All recordings of the process: the recorder's thread, memory in flight, the age of blocks, followers.
 *
 * Invariants:
 * - What waits for the disk is bounded: per session and in all, sources are told to pause, and past a cap recording
 *   fails rather than memory (I6).
 * - When the thread fails, every live recording fails (I2). A new thread is tried every few seconds, for new sessions
 *   only: recording works again without a restart once space returns (F-03).
 * - A session without a key is not recorded, and so does not begin (I2).
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { type Clock, systemClock, type Timer } from '../base/clock.ts';
import { describeError, type GatewayError } from '../base/errors.ts';
import { coreErrors } from '../core/errors.ts';
import type { Actor, Event, EventBody } from '../core/event.ts';
import type { Recordings } from '../core/ports.ts';
import type { RecordedEntry } from '../core/recording.ts';
import { Budget } from './budget.ts';
import { recordingErrors } from './errors.ts';
import { ensureDirectory, type Fault } from './files.ts';
import type { RecordingJournal } from './journal.ts';
import * as limits from './limits.ts';
import { recordingName } from './names.ts';
import { type RecordingHost, SessionRecording } from './recording.ts';
import type { BlockMessage, FromRecorder, RecorderStart, ToRecorder, WrittenChunk } from './recording-messages.ts';
import { type RecordingFile, RecordingReader } from './recording-reader.ts';
import { dropNote, finishRemoval, noteOf, writeNote } from './removal.ts';
import type { RecordingKeys, SessionKey } from './sealing.ts';
import { type Gone, openRecorded, type Standing, standingOf } from './shelf.ts';
import type { RecordingArchive } from './source.ts';

export interface RecordingsOptions {
  readonly journal: RecordingJournal;
  /** Null writes recordings that are not sealed (version 1): for measurements and tests. */
  readonly keys: RecordingKeys | null;
  readonly clock?: Clock;
  /** Rows and data recorded of one command, bytes; at most 64 MiB. */
  readonly resultBytesPerCommand?: number | undefined;
  /** Rows and data recorded of one session, bytes. */
  readonly resultBytesPerSession?: number | undefined;
  /** Called once per failure of the recorder. */
  readonly onFailure?: (error: Error) => void;
  /** For tests. Those of the first thread only. */
  readonly faults?: readonly Fault[];
}

/** By whom, by which rule and why a recording is deleted. */
export interface Deletion {
  readonly principal: Actor;
  readonly rule: string | null;
  readonly reason: string;
  /** What it held, where the file is no longer here. */
  readonly bytes?: number;
}

const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './recorder-worker.ts' : './recorder-worker.js',
  import.meta.url,
);

/** Starts the recorder beside a journal. */
export function openRecordings(options: RecordingsOptions): SessionRecordings {
  return new SessionRecordings(options);
}

export class SessionRecordings implements Recordings, RecordingHost {
  readonly directory: string;
  readonly clock: Clock;
  /** Copies of recordings that are no longer here; set by whoever keeps them. */
  archive: RecordingArchive | null = null;
  readonly #options: RecordingsOptions;
  readonly #removing = new Map<string, Promise<unknown>>();
  readonly #live = new Map<string, SessionRecording>();
  readonly #filling = new Set<SessionRecording>();
  readonly #timer: Timer;
  #worker: Worker;
  #failure: GatewayError | null = null;
  #isClosed = false;
  #failedAtMs = 0;
  #reopening: Promise<void> | null = null;
  #totalBytes = 0;
  #isTotalCongested = false;
  #spare: ArrayBuffer[] = [];

  constructor(options: RecordingsOptions) {
    this.#options = options;
    this.clock = options.clock ?? systemClock;
    assert(
      (options.resultBytesPerCommand ?? 0) <= limits.resultBytesPerCommandCap,
      'resultBytesPerCommand is larger than an entry may be',
    );
    this.directory = join(options.journal.dir, 'recordings');
    ensureDirectory(this.directory);
    this.#worker = this.#start(options.faults ?? []);
    this.#timer = this.clock.every(limits.followedBlockAgeMs, () => this.#tick());
    options.journal.onReopening = () => this.reopen();
  }

  /** Null while it works, else why it does not. */
  get failure(): Error | null {
    return this.#failure;
  }
  get isTotalCongested(): boolean {
    return this.#isTotalCongested;
  }
  /** Bytes that wait for the disk. */
  get inFlightBytes(): number {
    return this.#totalBytes;
  }

  open(session: string, startedAtMs: number): SessionRecording {
    if (this.#failure !== null || this.#isClosed) throw this.#unavailable();
    recordingName(session);
    assert(!this.#live.has(session), 'a session is recorded once');
    const budget = new Budget(
      this.#options.resultBytesPerCommand ?? limits.resultBytesPerCommandMax,
      this.#options.resultBytesPerSession ?? limits.resultBytesPerSessionMax,
    );
    const recording = new SessionRecording(this, session, startedAtMs, budget, this.#keyFor(session));
    this.#live.set(session, recording);
    return recording;
  }

  /** Where the recording of a session lies. */
  pathOf(session: string): string {
    return join(this.directory, recordingName(session));
  }

  /**
   * What a session's recording holds and, while the session lives, what is added to it, until it ends. Everything given
   * is durable first. Throws `recording.absent` where there is nothing, `recording.deleted` with when and by which rule.
   */
  async *follow(session: string): AsyncGenerator<RecordedEntry> {
    const recording = this.#live.get(session);
    if (recording === undefined) yield* this.#stored(session);
    else yield* this.#durable(recording, Number.POSITIVE_INFINITY);
  }

  /**
   * What a session's recording holds by now; of one that lives and has recorded nothing yet that is nothing. Everything given
   * is durable first. Throws `recording.absent` where there is no recording, `recording.deleted` with when and by which
   * rule, `recording.elsewhere` where it was released and `archive` cannot bring it.
   */
  async *read(session: string): AsyncGenerator<RecordedEntry> {
    const recording = this.#live.get(session);
    if (recording === undefined) {
      yield* this.#stored(session);
      return;
    }
    recording.handOver();
    yield* this.#durable(recording, recording.handedChunks);
  }

  /** Whether a session's recording is here, elsewhere or deleted. Throws `recording.unreadable`. */
  standing(session: string): Promise<Standing> {
    return standingOf(this.directory, session);
  }

  /**
   * Deletes a recording for good: the event `recording.deleted` is durable first, then its key is destroyed and its file
   * removed. Every proof stays. False where it was deleted before. Throws `recording.live`, `recording.absent`.
   */
  destroy(session: string, deletion: Deletion): Promise<boolean> {
    return this.#remove(session, (standing) => {
      if (standing.state === 'deleted') return null;
      const bytes = standing.state === 'here' ? standing.bytes : (deletion.bytes ?? 0);
      const { principal, rule, reason } = deletion;
      return { type: 'recording.deleted', session, principal, rule, reason, bytes };
    });
  }

  /**
   * Removes a recording's file, because a copy that the caller verified lies in `store`; the key stays here. False where it
   * is not here. Throws `recording.live`, `recording.absent`.
   */
  release(session: string, store: string): Promise<boolean> {
    return this.#remove(session, (standing) =>
      standing.state === 'here' ? { type: 'recording.released', session, store } : null,
    );
  }

  /** The entries of so many chunks, or of all until it is over, each chunk once it is durable. */
  async *#durable(recording: SessionRecording, chunks: number): AsyncGenerator<RecordedEntry> {
    let wake = (): void => {};
    const notify = (): void => wake();
    recording.followers.add(notify);
    let file: RecordingFile | null = null;
    try {
      recording.handOver();
      while ((file?.chunks ?? 0) < chunks) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (recording.durableChunks > (file?.chunks ?? 0)) {
          file ??= await this.#openRecorded(recording.session);
          const entries = await file.next();
          if (entries === null) return;
          yield* entries;
        } else if (recording.isOver) return;
        else await woken;
      }
    } finally {
      recording.followers.delete(notify);
      await file?.close();
    }
  }

  /** After a failure: ends what was being recorded and takes new sessions again. */
  reopen(): Promise<void> {
    this.#reopening ??= this.#restart().finally(() => {
      this.#reopening = null;
    });
    return this.#reopening;
  }

  /** Seals what is still open and ends the thread. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const open = [...this.#live.values()];
    const results = await Promise.allSettled(open.map((recording) => recording.close()));
    this.#isClosed = true;
    this.#timer.cancel();
    this.#options.journal.onReopening = null;
    await this.#worker.terminate();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** A recording that nobody writes any more: what is not whole in it is said, once all before it was given. */
  async *#stored(session: string): AsyncGenerator<RecordedEntry> {
    const reader = new RecordingReader(() => this.#openRecorded(session));
    yield* reader;
    if (reader.tornBytes === 0) return;
    const problem = `chunk ${reader.chunks} is damaged or was cut off, and ends it`;
    throw recordingErrors('recording.unreadable', { values: { problem } });
  }

  #openRecorded(session: string): Promise<RecordingFile> {
    return openRecorded(this.directory, session, this.#options.keys, this.archive);
  }

  #keyFor(session: string): SessionKey | null {
    try {
      return this.#options.keys?.create(session) ?? null;
    } catch (cause) {
      throw coreErrors('core.recording-failed', { cause, detail: `there is no key: ${describeError(cause)}` });
    }
  }

  async #remove(session: string, eventFor: (standing: Standing) => EventBody | null): Promise<boolean> {
    // One after the other: both may be asked for at once, by a rule and by a person.
    const before = this.#removing.get(session) ?? Promise.resolve();
    const removal = before.then(
      () => this.#removeNow(session, eventFor),
      () => this.#removeNow(session, eventFor),
    );
    this.#removing.set(session, removal);
    try {
      return await removal;
    } finally {
      if (this.#removing.get(session) === removal) this.#removing.delete(session);
    }
  }

  async #removeNow(session: string, eventFor: (standing: Standing) => EventBody | null): Promise<boolean> {
    if (this.#live.has(session)) throw recordingErrors('recording.live');
    const standing = await this.standing(session);
    if (standing.state === 'absent') throw recordingErrors('recording.absent');
    const body = eventFor(standing);
    if (body === null) return false;
    const { journal } = this.#options;
    await writeNote(journal.dir, noteOf(session), journal.durableSequence);
    let event: Event;
    try {
      event = journal.write(body);
    } catch (error) {
      await dropNote(journal.dir, noteOf(session));
      throw error;
    }
    // Should it fail from here on, the note stays: a start, or a reopening, finds out whether the event became durable.
    await new Promise<void>((resolve, reject) => {
      journal.afterDurable(event.seq, (error) => (error === null ? resolve() : reject(error)));
    });
    await finishRemoval(journal.dir, event as Gone);
    return true;
  }

  // What recordings ask of their host.

  memory(isBusy: boolean): ArrayBuffer {
    if (!isBusy) return new ArrayBuffer(limits.blockBytesFirst);
    return this.#spare.pop() ?? new ArrayBuffer(limits.spareBlockBytes);
  }

  send(block: BlockMessage): void {
    this.#totalBytes += block.length;
    if (this.#totalBytes > limits.totalInFlightBytesCap) {
      this.#totalBytes -= block.length;
      throw coreErrors('core.recording-failed', { detail: 'too much waits for the disk' });
    }
    if (this.#totalBytes > limits.totalInFlightBytesMax) this.#isTotalCongested = true;
    this.#worker.postMessage(block, [block.memory]);
  }

  append(event: EventBody): number {
    return this.#options.journal.append(event);
  }

  afterDurable(sequence: number, callback: (error: Error | null) => void): void {
    this.#options.journal.afterDurable(sequence, callback);
  }

  filling(recording: SessionRecording): void {
    this.#filling.add(recording);
  }

  done(recording: SessionRecording): void {
    this.#live.delete(recording.session);
    this.#filling.delete(recording);
    const message: ToRecorder = { type: 'done', session: recording.session };
    if (this.#failure === null) this.#worker.postMessage(message);
  }

  #start(faults: readonly Fault[]): Worker {
    const start: RecorderStart = { directory: this.directory, faults };
    const worker = new Worker(workerUrl, { workerData: start, name: 'recorder', execArgv: [] });
    const ours = (step: () => void): void => {
      if (this.#worker === worker) step();
    };
    worker.on('message', (message: FromRecorder) =>
      ours(() => {
        if (message.type === 'written') this.#written(message.chunks);
        else this.#fail(`${message.code}: ${message.detail}`);
      }),
    );
    worker.on('error', (error) => ours(() => this.#fail(error.message)));
    worker.on('exit', () => ours(() => !this.#isClosed && this.#fail('the recorder ended')));
    return worker;
  }

  #written(chunks: readonly WrittenChunk[]): void {
    for (const chunk of chunks) {
      this.#totalBytes -= chunk.length;
      if (chunk.memory.byteLength === limits.spareBlockBytes && this.#spare.length < limits.spareBlocksMax) {
        this.#spare.push(chunk.memory);
      }
      this.#live.get(chunk.session)?.written(chunk);
    }
    if (this.#isTotalCongested && this.#totalBytes <= limits.totalInFlightBytesMax / 2) {
      this.#isTotalCongested = false;
      for (const recording of [...this.#live.values()]) recording.totalReady();
    }
  }

  async #restart(): Promise<void> {
    if (this.#isClosed) return;
    this.#fail('recording was started anew', false);
    await this.#worker.terminate();
    if (this.#isClosed) return;
    this.#totalBytes = 0;
    this.#isTotalCongested = false;
    this.#worker = this.#start([]);
    this.#failure = null;
  }

  #fail(detail: string, isNews = true): void {
    if (this.#failure !== null) return;
    this.#failure = coreErrors('core.recording-failed', { detail });
    this.#failedAtMs = this.clock.monotonic();
    for (const recording of [...this.#live.values()]) recording.fail(this.#failure);
    if (isNews) this.#options.onFailure?.(this.#failure);
  }

  #unavailable(): GatewayError {
    return this.#failure ?? coreErrors('core.recording-failed', { detail: 'the recorder is closed' });
  }

  #tick(): void {
    const nowMs = this.clock.monotonic();
    if (this.#failure !== null && nowMs - this.#failedAtMs >= limits.recorderRetryMs && this.#reopening === null) {
      this.#failedAtMs = nowMs;
      void this.reopen();
    }
    for (const recording of [...this.#filling]) {
      const since = recording.blockSinceMs;
      if (since === null) this.#filling.delete(recording);
      else if (nowMs - since >= (recording.followers.size > 0 ? limits.followedBlockAgeMs : limits.blockAgeMs)) {
        this.#filling.delete(recording);
        recording.handOver();
      }
    }
  }
}
