/**
 * The journal as the process sees it: sequences are given out at once, durability follows from the writer's thread.
 *
 * Invariants:
 * - Sequences are gap-free, and a sequence once given out never names another event: after a failure, what was not
 *   acknowledged is written again under its old sequence before anything new (`reopen`).
 * - While one batch is with the writer, everything else gathers in the next: one sync serves all who waited for the last.
 * - The first error ends acceptance (F-03). Only `reopen`, which starts from what was acknowledged, begins it again, and
 *   the sessions of before stay refused: their owners have been told that they failed.
 *
 * Deliberately absent: hashing, signing, files (writer-worker.ts), and any judgement of what events say.
 */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, systemClock, type Timer } from '../base/clock.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import { type Log, silentLog } from '../base/log.ts';
import { coreErrors } from '../core/errors.ts';
import type { Event, EventBody, EventType, SpaceLevel } from '../core/event.ts';
import type { Journal } from '../core/ports.ts';
import { Batch, serialise } from './batch.ts';
import { DurableMark } from './durable.ts';
import { recordingErrors } from './errors.ts';
import { ensureDirectory, type Fault, publishKey } from './files.ts';
import * as limits from './limits.ts';
import { type PrunedBy, Pruner, type Pruning } from './pruner.ts';
import { readEvents } from './reader.ts';
import { RecentEvents } from './recent.ts';
import { finishRemovals, pendingDirectory } from './removal.ts';
import type { Position } from './segment.ts';
import { closeInterrupted } from './settle.ts';
import { readSpace, type Space, type SpaceReader, SpaceWatch } from './space.ts';
import { Subscription } from './subscription.ts';
import type { OpenSessionState } from './tracker.ts';
import { type DurableCallback, Waiters } from './waiters.ts';
import { type WriterOpened, WriterThread } from './writer-thread.ts';

export interface JournalOptions {
  /** Directory of all records; the journal lies in `journal/` below it, recordings in `recordings/`. */
  readonly dir: string;
  /** Ed25519. Signs checkpoints; made, sealed and rotated by the caller. */
  readonly signingKey: KeyObject;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly segmentBytes?: number;
  readonly checkpointEvents?: number;
  readonly checkpointIntervalMs?: number;
  readonly spaceEndBytes?: number;
  readonly readSpace?: SpaceReader;
  /** Called once per failure, after everyone who waited was told. */
  readonly onFailure?: (error: Error) => void;
  readonly onSpaceChange?: (level: SpaceLevel, space: Space) => void;
  /** Called with each signed checkpoint: the place to copy it elsewhere. */
  readonly onCheckpoint?: (text: string) => void;
  /** For tests: failures to inject below the writer. Those of the first opening only. */
  readonly faults?: readonly Fault[];
}

/** What an opening found. */
export interface Recovery {
  /** Bytes cut from the torn tail. */
  readonly cutBytes: number;
  /** Sessions that were open and have been closed as interrupted. */
  readonly interrupted: readonly string[];
  /** Events in the journal, before those that the recovery itself added. */
  readonly events: number;
  /** Whether the journal had been closed in order. */
  readonly isClean: boolean;
}

/** Opens or creates the journal in `options.dir`. Rejects with `recording.journal-damaged` or `core.journal-unavailable`. */
export async function openJournal(options: JournalOptions): Promise<RecordingJournal> {
  ensureDirectory(options.dir);
  ensureDirectory(join(options.dir, 'journal'));
  ensureDirectory(join(options.dir, 'recordings'));
  ensureDirectory(join(options.dir, pendingDirectory));
  const journal = new RecordingJournal(options);
  await journal.start();
  return journal;
}

export class RecordingJournal implements Journal {
  readonly dir: string;
  /** `durableSequence` for other threads, which read the files themselves. */
  readonly durable = new DurableMark();
  /** Lets go of all recordings before a reopening closes their sessions. Set by `openRecordings`. */
  onReopening: (() => Promise<void>) | null = null;
  readonly #options: JournalOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiters = new Waiters();
  readonly #space: SpaceWatch;
  readonly #subscriptions = new Set<Subscription>();
  readonly #recent: RecentEvents;
  readonly #interrupted = new Set<string>();
  readonly #timer: Timer;
  readonly #pruner: Pruner;
  #phase: 'opening' | 'open' | 'failed' | 'closing' | 'closed' = 'opening';
  #writer: WriterThread | null = null;
  #failure: Error | null = null;
  #sequence = 0;
  #position: Position = { segment: null, offset: 0, sequence: 0 };
  /** Batches not yet acknowledged, oldest first; only the first is with the writer. */
  #unacknowledged: Batch[] = [];
  #sent = 0;
  #isSendScheduled = false;
  #laterTimer: Timer | null = null;
  #backlogBytes = 0;
  #spare: SharedArrayBuffer[] = [];
  #resting: SharedArrayBuffer | null = null;
  #checkpointedAtMs: number;
  #checkpointedSequence = 0;
  #lastCheckpoint: string | null = null;
  #recovery: Recovery = { cutBytes: 0, interrupted: [], events: 0, isClean: true };
  #journalId = '';

  constructor(options: JournalOptions) {
    this.#options = options;
    this.dir = options.dir;
    this.#recent = new RecentEvents(options.dir);
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#checkpointedAtMs = this.#clock.monotonic();
    const reader = options.readSpace ?? readSpace;
    this.#space = new SpaceWatch(
      this.#clock,
      () => reader(options.dir),
      options.spaceEndBytes ?? limits.spaceEndBytes,
      (level, space) => this.#spaceChanged(level, space),
    );
    this.#timer = this.#clock.every(limits.tickMs, () => this.#tick());
    this.#pruner = new Pruner(this);
  }

  get durableSequence(): number {
    return this.#position.sequence;
  }
  /** Sequence of the last event given out. */
  get lastSequence(): number {
    return this.#sequence;
  }
  get failure(): Error | null {
    return this.#failure;
  }
  get spaceLevel(): SpaceLevel {
    return this.#space.level;
  }
  /** What the latest opening or reopening found. */
  get recovery(): Recovery {
    return this.#recovery;
  }
  /** The latest signed checkpoint of this opening, or null. */
  get lastCheckpoint(): string | null {
    return this.#lastCheckpoint;
  }
  /** Names the journal; 32 hexadecimal digits. */
  get id(): string {
    return this.#journalId;
  }

  append(event: EventBody): number {
    if (this.#phase !== 'open') throw this.#unavailable();
    if (this.#interrupted.size > 0 && 'session' in event && this.#interrupted.has(event.session ?? '')) {
      throw coreErrors('core.journal-unavailable', {
        detail: 'the session was interrupted by a failure of the journal',
      });
    }
    return this.#add(event);
  }

  /** The same; answers the event as it stands in the journal once it is durable. */
  write(event: EventBody): Event {
    const sequence = this.append(event);
    return JSON.parse(serialise(event, sequence, this.#unacknowledged.at(-1)!.atMs)) as Event;
  }

  afterDurable(sequence: number, callback: DurableCallback): void {
    if (sequence <= this.#position.sequence) {
      callback(null);
      return;
    }
    if (this.#phase === 'failed' || this.#phase === 'closed') {
      callback(this.#unavailable());
      return;
    }
    this.#waiters.add(sequence, callback);
    this.#sendSoon();
  }

  /** Resolves once everything appended so far is durable. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.afterDurable(this.#sequence, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Signs what is durable now and resolves with the latest checkpoint, or null while the journal is empty. */
  async checkpoint(): Promise<string | null> {
    await this.flush();
    const writer = this.#writer;
    if (this.#phase !== 'open' || writer === null) throw this.#unavailable();
    writer.send({ type: 'checkpoint', atMs: this.#now() });
    await writer.askSessions();
    return this.#lastCheckpoint;
  }

  /** Sessions that are not over, after everything appended so far. */
  async openSessions(): Promise<readonly OpenSessionState[]> {
    await this.flush();
    if (this.#phase !== 'open' || this.#writer === null) throw this.#unavailable();
    return (await this.#writer.askSessions()).filter(({ isEnded }) => !isEnded);
  }

  /** Events `from` to `to` (both included) as far as they are durable. */
  read(from: number, to: number = Number.MAX_SAFE_INTEGER): AsyncGenerator<Event> {
    return readEvents(this.dir, { from, to: Math.min(to, this.durableSequence) });
  }

  /**
   * Hands durable events to `handler` from `fromSequence` on, in order, at least once each, waiting for its promise.
   * When it fails, the subscription ends and `ended` rejects with its error. With `types`, only events of those.
   * At the journal's end it waits `gatherMs` for more before it reads.
   */
  subscribe(
    fromSequence: number,
    handler: (events: readonly Event[]) => void | Promise<void>,
    types: readonly EventType[] | null = null,
    gatherMs?: number,
  ): Subscription {
    const durable = (): number => this.durableSequence;
    const subscription = new Subscription(this.dir, fromSequence, handler, durable, types, this.#recent, gatherMs);
    this.#subscriptions.add(subscription);
    const forget = (): void => void this.#subscriptions.delete(subscription);
    subscription.ended.then(forget, forget);
    if (this.#phase === 'closed') subscription.close();
    return subscription;
  }

  /**
   * Gives up the events of whole segments up to `upTo`; their digests, and so every proof, stay. The event that says so is
   * durable and signed first. Null where there is nothing to give up. Throws `recording.prune-open` where a session that
   * began by then is still open, `recording.journal-damaged` where a segment is not what it was: nothing is done then.
   */
  prune(upTo: number, by: PrunedBy): Promise<Pruning | null> {
    return this.#pruner.prune(upTo, by);
  }

  /** Opens the files. Once, by `openJournal`. */
  async start(): Promise<void> {
    try {
      const opened = await this.#startWriter(null, this.#options.faults ?? []);
      this.#sequence = opened.position.sequence;
      publishKey(join(this.dir, 'journal.pub'), this.#options.signingKey);
      await this.#space.look();
      this.#phase = 'open';
      const interrupted = closeInterrupted(this.dir, opened.sessions, (event) => this.#add(event), this.#clock);
      this.#recovered(opened, interrupted);
      await this.flush();
      await this.#finishRemovals();
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  /**
   * After a failure: goes back to what was acknowledged, writes again what was not, closes the sessions that were open
   * as interrupted, and accepts events again. Rejects, and stays failed, while the cause lasts.
   * End the live sessions first: the journal refuses their further events.
   */
  async reopen(): Promise<Recovery> {
    if (this.#phase !== 'failed')
      throw coreErrors('core.journal-unavailable', { detail: `reopen while ${this.#phase}` });
    this.#phase = 'opening';
    // What waits is sent below; a timer of before must not send it as well.
    this.#sent = 1;
    try {
      await this.onReopening?.();
      await this.#writer?.terminate();
      this.#resting = null;
      const opened = await this.#startWriter(this.#position, []);
      if (opened.position.sequence !== this.#position.sequence) {
        throw coreErrors('core.journal-unavailable', { detail: 'the files end before what was acknowledged' });
      }
      this.#sent = 0;
      this.#send();
      await this.flush();
      // Of a removal whose event was just written again nobody waits for the end any more.
      await this.#finishRemovals();
      const sessions = await this.#writer!.askSessions();
      this.#failure = null;
      this.#phase = 'open';
      // The pipeline ended these sessions and could not write it down; whoever still holds one is refused.
      for (const open of sessions) this.#interrupted.add(open.session);
      const interrupted = closeInterrupted(this.dir, sessions, (event) => this.#add(event), this.#clock);
      this.#recovered({ ...opened, isClean: false }, interrupted);
      await this.flush();
      return this.#recovery;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Writes what remains, signs a final checkpoint, and closes the files. Rejects when that failed. */
  async close(): Promise<void> {
    if (this.#phase === 'closed' || this.#phase === 'closing') return;
    if (this.#phase !== 'open') return this.#abandon();
    await this.#pruner.settled();
    while (this.durableSequence < this.#sequence) await this.flush();
    this.#phase = 'closing';
    try {
      await this.#writer!.close(this.#now());
    } finally {
      await this.#abandon();
    }
  }

  async #finishRemovals(): Promise<void> {
    const { pruning } = await finishRemovals(this.dir, this.durableSequence);
    if (pruning !== null) this.#pruner.resume(pruning, this.#log);
  }

  #add(event: EventBody): number {
    if (this.#backlogBytes > limits.backlogBytesMax) {
      throw coreErrors('core.journal-unavailable', { detail: 'too many events wait for the disk' });
    }
    const atMs = this.#now();
    const sequence = this.#sequence + 1;
    const payload = serialise(event, sequence, atMs);
    // Three bytes bound a UTF-16 unit in UTF-8; only long payloads are worth being measured.
    let bytesMax = payload.length * 3;
    if (bytesMax > limits.batchBytes / 4) bytesMax = Buffer.byteLength(payload);
    if (bytesMax > limits.eventBytesMax)
      throw recordingErrors('recording.event-too-large', { values: { bytes: bytesMax } });
    let batch = this.#unacknowledged.at(-1);
    let before = batch?.bytes ?? 0;
    if (batch === undefined || this.#unacknowledged.length === this.#sent || !batch.add(payload, bytesMax, atMs)) {
      const memory = (bytesMax < limits.batchBytes / 2 ? this.#spare.pop() : undefined) ?? Batch.memoryFor(bytesMax);
      batch = new Batch(sequence, memory);
      before = 0;
      batch.add(payload, bytesMax, atMs);
      this.#unacknowledged.push(batch);
    }
    this.#sequence = sequence;
    this.#backlogBytes += batch.bytes - before;
    // A full batch goes at once; else it goes when somebody waits for it, and in a moment in any case.
    if (this.#unacknowledged.length > 1) this.#sendSoon();
    else this.#sendLater();
    return sequence;
  }

  /** At the end of this turn of the loop: what other sockets bring meanwhile goes along, and shares the sync. */
  #sendSoon(): void {
    if (this.#isSendScheduled || this.#sent > 0) return;
    this.#isSendScheduled = true;
    setImmediate(() => {
      this.#isSendScheduled = false;
      if (this.#sent === 0 && this.#phase !== 'failed') this.#send();
    });
  }

  /** What nobody waits for (that a command ended, say) need not cost a sync of its own. */
  #sendLater(): void {
    this.#laterTimer ??= this.#clock.after(limits.unawaitedDelayMs, () => {
      this.#laterTimer = null;
      this.#sendSoon();
    });
  }

  #send(): void {
    const batch = this.#unacknowledged[0];
    if (batch === undefined || this.#writer === null) return;
    this.#sent = 1;
    this.#writer.send({
      type: 'batch',
      memory: batch.memory,
      bodyEnd: batch.bodyEnd,
      count: batch.count,
      atMs: batch.atMs,
    });
  }

  #acknowledged(position: Position): void {
    const batch = this.#unacknowledged.shift();
    this.#position = position;
    if (batch === undefined || batch.lastSequence !== position.sequence) {
      this.#fail(new Error('the writer acknowledged what it was not given'));
      return;
    }
    this.#sent = 0;
    this.#backlogBytes -= batch.bytes;
    // The writer still reads the memory of an acknowledged batch, for the tree; that of the one before it is free.
    if (this.#resting?.byteLength === limits.batchBytes && this.#spare.length < 4) this.#spare.push(this.#resting);
    this.#resting = batch.memory;
    // The writer is kept busy before anyone is told: what they append now goes with the batch after this one.
    if (this.#waiters.last > position.sequence || this.#unacknowledged.length > 1) this.#send();
    else if (this.#unacknowledged.length > 0) this.#sendLater();
    this.#waiters.release(position.sequence, null);
    this.durable.set(position.sequence);
    for (const subscription of this.#subscriptions) subscription.wake();
  }

  async #startWriter(durable: Position | null, faults: readonly Fault[]): Promise<WriterOpened> {
    const options = this.#options;
    const thread = new WriterThread(
      {
        directory: join(this.dir, 'journal'),
        segmentBytes: options.segmentBytes ?? limits.segmentBytesMax,
        checkpointEvents: options.checkpointEvents ?? limits.checkpointEventsMax,
        signingKey: options.signingKey,
        durable,
        faults,
      },
      this.#clock,
      {
        durable: (position) => this.#acknowledged(position),
        checkpoint: (text, position) => {
          this.#position = position;
          this.#lastCheckpoint = text;
          this.#checkpointedSequence = position.sequence;
          this.#checkpointedAtMs = this.#clock.monotonic();
          options.onCheckpoint?.(text);
        },
        failed: (error) => {
          if (this.#writer === thread) this.#fail(error);
        },
      },
    );
    this.#writer = thread;
    const opened = await thread.opened;
    this.#journalId = opened.journalId;
    this.#position = opened.position;
    this.durable.set(opened.position.sequence);
    this.#checkpointedSequence = opened.position.sequence;
    return opened;
  }

  #recovered(opened: WriterOpened, interrupted: readonly string[]): void {
    this.#recovery = {
      cutBytes: opened.cutBytes,
      interrupted,
      events: opened.position.sequence,
      isClean: opened.isClean && opened.cutBytes === 0,
    };
    if (!this.#recovery.isClean || interrupted.length > 0) {
      this.#add({ type: 'journal.recovered', cutBytes: opened.cutBytes, interrupted: interrupted.length });
    }
  }

  #fail(cause: unknown): void {
    if (this.#phase === 'failed' || this.#phase === 'closed') return;
    const isFirst = this.#failure === null;
    this.#phase = 'failed';
    this.#failure =
      cause instanceof GatewayError
        ? cause
        : coreErrors('core.journal-unavailable', { cause, detail: describeError(cause) });
    this.#log.error('journal failed', { detail: describeError(cause) });
    this.#waiters.release(Number.MAX_SAFE_INTEGER, this.#failure);
    if (isFirst) this.#options.onFailure?.(this.#failure);
  }

  #unavailable(): GatewayError {
    if (this.#failure instanceof GatewayError) return this.#failure;
    return coreErrors('core.journal-unavailable', { detail: `the journal is ${this.#phase}` });
  }

  #spaceChanged(level: SpaceLevel, space: Space): void {
    this.#log.warn('space changed', { level, freeBytes: space.freeBytes });
    if (this.#phase === 'open') this.#add({ type: 'space.changed', level, ...space });
    this.#options.onSpaceChange?.(level, space);
  }

  #tick(): void {
    this.#writer?.checkDeadline();
    if (this.#phase !== 'open' || this.durableSequence === this.#checkpointedSequence) return;
    const interval = this.#options.checkpointIntervalMs ?? limits.checkpointIntervalMs;
    if (this.#clock.monotonic() - this.#checkpointedAtMs < interval) return;
    this.#checkpointedAtMs = this.#clock.monotonic();
    this.#writer?.send({ type: 'checkpoint', atMs: this.#now() });
  }

  #now(): number {
    return Math.max(0, Math.trunc(this.#clock.now()));
  }

  async #abandon(): Promise<void> {
    this.#phase = 'closed';
    this.#timer.cancel();
    this.#laterTimer?.cancel();
    this.#space.stop();
    this.#waiters.release(Number.MAX_SAFE_INTEGER, this.#unavailable());
    for (const subscription of [...this.#subscriptions]) subscription.close();
    await this.#recent.close();
    const writer = this.#writer;
    this.#writer = null;
    await writer?.terminate();
  }
}
