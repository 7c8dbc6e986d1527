/**
 * The recording of one live session, as the pipeline sees it. Entries go into a block in memory; full or old blocks go
 * to the recorder's thread; what it reports durable is bound into the journal by its digest.
 *
 * Deliberately absent: files, compression, and the lifetime of the thread (recordings.ts).
 */
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { GatewayError } from '../base/errors.ts';
import { coreErrors } from '../core/errors.ts';
import type { EventBody } from '../core/event.ts';
import type { Recording } from '../core/ports.ts';
import type { RecordingEntry } from '../core/recording.ts';
import type { Budget } from './budget.ts';
import { BlockEncoder } from './entry-codec.ts';
import * as limits from './limits.ts';
import type { BlockMessage, WrittenChunk } from './recording-messages.ts';
import type { SessionKey } from './sealing.ts';

/** What a recording needs of the room. */
export interface RecordingHost {
  readonly clock: Clock;
  readonly isTotalCongested: boolean;
  /** Memory for a block; large for a session that just filled one. */
  memory(isBusy: boolean): ArrayBuffer;
  send(block: BlockMessage): void;
  append(event: EventBody): number;
  afterDurable(sequence: number, callback: (error: Error | null) => void): void;
  /** The block holds something from now on: look at its age. */
  filling(recording: SessionRecording): void;
  /** No more blocks will come. */
  done(recording: SessionRecording): void;
}

export class SessionRecording implements Recording {
  readonly session: string;
  onReady: (() => void) | null = null;
  onFailure: ((error: Error) => void) | null = null;
  /** Followers, woken when a chunk is durable and when the recording is over. */
  readonly followers = new Set<() => void>();
  readonly #host: RecordingHost;
  readonly #budget: Budget;
  readonly #startedAtMs: number;
  /** Until the first block takes it along. */
  #seal: SessionKey | null;
  #state: 'open' | 'closing' | 'sealed' | 'failed' = 'open';
  #failure: GatewayError | null = null;
  #block: BlockEncoder | null = null;
  #isBusy = false;
  #handedChunks = 0;
  #durableChunks = 0;
  #durableBytes = 0;
  #inFlightBytes = 0;
  #isCongested = false;
  #closing: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | null = null;

  constructor(host: RecordingHost, session: string, startedAtMs: number, budget: Budget, seal: SessionKey | null) {
    this.#host = host;
    this.session = session;
    this.#startedAtMs = startedAtMs;
    this.#budget = budget;
    this.#seal = seal;
  }

  get congested(): boolean {
    return this.#isCongested || this.#host.isTotalCongested;
  }
  get isOver(): boolean {
    return this.#state === 'sealed' || this.#state === 'failed';
  }
  /** Chunks that are on stable storage and in the journal. */
  get durableChunks(): number {
    return this.#durableChunks;
  }
  /** Chunks that were given to the thread, written or not. */
  get handedChunks(): number {
    return this.#handedChunks;
  }
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  append(entry: RecordingEntry): void {
    if (this.#state !== 'open') throw this.#failure ?? coreErrors('core.recording-failed', { detail: 'it is closed' });
    if (entry.type === 'rows' || entry.type === 'data') {
      const kept = this.#budget.take(entry);
      if (kept !== null) this.#add(kept);
    } else {
      if (entry.type === 'completed') this.#settle(entry.command);
      this.#add(entry);
    }
    if (this.#failure !== null) throw this.#failure;
  }

  close(): Promise<void> {
    if (this.#closing !== null) return this.#closing.promise;
    this.#closing = Promise.withResolvers<void>();
    const { promise } = this.#closing;
    if (this.#failure !== null) {
      this.#closing.reject(this.#failure);
      return promise;
    }
    for (const command of this.#budget.unsettled) this.#settle(command);
    this.#state = 'closing';
    this.handOver();
    this.#sealWhenWritten();
    return withDeadline(promise, limits.sealDeadlineMs, 'sealing a recording', this.#host.clock);
  }

  /** Monotonic time at which the block was begun, or null while there is none. */
  get blockSinceMs(): number | null {
    return this.#block?.startedMonotonicMs ?? null;
  }

  /** Gives the block to the thread now. */
  handOver(): void {
    const block = this.#block;
    if (block === null || this.isOver) return;
    this.#block = null;
    this.#isBusy = block.length >= limits.blockBytes;
    this.#inFlightBytes += block.length;
    if (this.#inFlightBytes > limits.sessionInFlightBytesMax) this.#isCongested = true;
    const seal = this.#takeSeal();
    try {
      this.#host.send({
        type: 'block',
        session: this.session,
        startedAtMs: this.#startedAtMs,
        chunk: this.#handedChunks++,
        memory: block.memory,
        length: block.length,
        entries: block.entries,
        baseAtMs: block.baseAtMs,
        seal,
      });
    } catch (error) {
      this.fail(error as Error);
    } finally {
      seal?.key.fill(0);
    }
  }

  /** The thread made a chunk durable. */
  written(chunk: WrittenChunk): void {
    this.#inFlightBytes -= chunk.length;
    if (this.isOver) return;
    try {
      const sequence = this.#host.append({
        type: 'recording.chunk',
        session: this.session,
        chunk: chunk.chunk,
        offset: chunk.offset,
        bytes: chunk.bytes,
        digest: chunk.digest,
        ...(chunk.keyDigest === null ? {} : { key: chunk.keyDigest }),
      });
      this.#durableBytes = chunk.offset + chunk.bytes;
      this.#host.afterDurable(sequence, (error) => {
        if (error !== null) return this.fail(error);
        this.#durableChunks = chunk.chunk + 1;
        this.#wakeFollowers();
        this.#sealWhenWritten();
      });
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    if (this.#isCongested && this.#inFlightBytes <= limits.sessionInFlightBytesMax / 2) {
      this.#isCongested = false;
      if (!this.#host.isTotalCongested) this.onReady?.();
    }
  }

  /** Congestion of the whole process ended. */
  totalReady(): void {
    if (!this.#isCongested && !this.isOver) this.onReady?.();
  }

  fail(cause: Error): void {
    if (this.isOver) return;
    this.#state = 'failed';
    this.#block = null;
    this.#seal?.key.fill(0);
    this.#failure =
      cause instanceof GatewayError ? cause : coreErrors('core.recording-failed', { cause, detail: cause.message });
    this.#wakeFollowers();
    this.#host.done(this);
    this.#closing?.reject(this.#failure);
    this.onFailure?.(this.#failure);
  }

  /** What the first block takes along: copies, for what is sent is cloned with all that lies around it. */
  #takeSeal(): BlockMessage['seal'] {
    const seal = this.#seal;
    if (seal === null) return null;
    this.#seal = null;
    const taken = { key: Uint8Array.from(seal.key), wrapped: Uint8Array.from(seal.wrapped) };
    seal.key.fill(0);
    return taken;
  }

  #add(entry: RecordingEntry): void {
    const { clock } = this.#host;
    const nowMs = Math.max(0, Math.trunc(clock.now()));
    if (this.#block === null) {
      this.#block = new BlockEncoder(this.#host.memory(this.#isBusy), nowMs, clock.monotonic());
      this.#host.filling(this);
    }
    this.#block.add(entry, nowMs);
    if (this.#block.length >= limits.blockBytes) this.handOver();
  }

  #settle(command: number): void {
    for (const omitted of this.#budget.settle(command)) this.#add(omitted);
  }

  #sealWhenWritten(): void {
    if (this.#state !== 'closing' || this.#durableChunks < this.#handedChunks) return;
    this.#state = 'sealed';
    this.#seal?.key.fill(0);
    this.#host.done(this);
    this.#wakeFollowers();
    try {
      const sequence = this.#host.append({
        type: 'recording.sealed',
        session: this.session,
        chunks: this.#handedChunks,
        bytes: this.#durableBytes,
      });
      this.#host.afterDurable(sequence, (error) => {
        if (error === null) this.#closing?.resolve();
        else this.#closing?.reject(error);
      });
    } catch (error) {
      this.#closing?.reject(error as Error);
    }
  }

  #wakeFollowers(): void {
    for (const wake of [...this.followers]) wake();
  }
}
