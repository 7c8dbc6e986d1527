/**
 * Writing segments: the state of the chain and the tree, rolling, checkpoints. Runs in the writer's thread only.
 *
 * Invariants:
 * - At any instant at most one frame is not synced: what a crash can tear is the last frame and nothing before it.
 * - A segment is written by one opening of the journal; a later start begins a new one.
 * - A segment's file is created with its first event, so a segment never stands empty.
 * - State is advanced before the write; after any failure this object is thrown away and rebuilt from the files.
 */

import type { KeyObject } from 'node:crypto';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointText, originOf } from './checkpoint.ts';
import type { Disk } from './files.ts';
import { eachEvent, encodeFrame, encodeSegmentHeader, frameHeaderBytes, sealFrame } from './frame.ts';
import * as limits from './limits.ts';
import { type Digest, digestBytes, digestToHex, MerkleTree } from './merkle.ts';
import { type OpenSessionState, SessionTracker } from './tracker.ts';

/** Where the journal stands on the disk. Null segment: no file yet. */
export interface Position {
  readonly segment: number | null;
  readonly offset: number;
  readonly sequence: number;
}

export interface JournalState {
  readonly journalId: string;
  readonly chain: Digest;
  readonly size: number;
  readonly range: readonly Digest[];
  readonly sessions: readonly OpenSessionState[];
}

export interface SegmentOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly checkpointEvents: number;
  readonly signingKey: KeyObject;
}

export function segmentName(firstSequence: number): string {
  return `${String(firstSequence).padStart(16, '0')}.seg`;
}

/** The same once its events were pruned. */
export function prunedName(firstSequence: number): string {
  return segmentName(firstSequence).replace('.seg', '.pruned');
}

export const segmentNamePattern = /^(\d{16})\.(seg|pruned)$/;

/** The body of a state frame. */
export interface StateBody {
  readonly size: number;
  readonly range: readonly string[];
  readonly sessions: readonly OpenSessionState[];
}

export class SegmentWriter {
  readonly #disk: Disk;
  readonly #options: SegmentOptions;
  readonly #journalId: string;
  readonly #onCheckpoint: (text: string, position: Position) => void;
  readonly #tree: MerkleTree;
  readonly #tracker: SessionTracker;
  #chain: Digest;
  #fd: number | null = null;
  #segment: number | null = null;
  #offset = 0;
  #sequence: number;
  #checkpointed: number;

  constructor(
    disk: Disk,
    options: SegmentOptions,
    state: JournalState,
    onCheckpoint: (text: string, position: Position) => void,
  ) {
    this.#disk = disk;
    this.#onCheckpoint = onCheckpoint;
    this.#options = options;
    this.#journalId = state.journalId;
    this.#chain = state.chain;
    this.#tree = MerkleTree.restore(state.size, state.range);
    this.#tracker = SessionTracker.restore(state.sessions);
    this.#sequence = state.size;
    this.#checkpointed = state.size;
  }

  get position(): Position {
    return { segment: this.#segment, offset: this.#offset, sequence: this.#sequence };
  }

  get sessions(): OpenSessionState[] {
    return this.#tracker.states();
  }

  /**
   * Writes and syncs one frame of events. `buffer` is laid out as `sealFrame` wants it. `durable` is called as soon as
   * it is, before the tree is brought up to date: the wait for durability is what a command feels.
   */
  write(buffer: Buffer, bodyEnd: number, count: number, atMs: number, durable: () => void): void {
    if (this.#fd !== null && this.#offset >= this.#options.segmentBytes) this.#close(atMs);
    const fd = this.#fd ?? this.#begin(atMs);
    const bodyStart = digestBytes + frameHeaderBytes;
    const sequence = this.#sequence + 1;
    this.#chain = sealFrame(buffer, 0, bodyEnd, this.#chain, {
      kind: 'events',
      isFinal: false,
      bodyBytes: bodyEnd - bodyStart,
      count,
      sequence,
    });
    const frame = buffer.subarray(digestBytes, bodyEnd + digestBytes);
    this.#disk.write(fd, frame, this.#offset);
    this.#disk.sync(fd);
    this.#offset += frame.length;
    this.#sequence += count;
    durable();
    eachEvent(buffer.subarray(bodyStart, bodyEnd), count, (leaf) => {
      this.#tree.push(leaf);
      this.#tracker.observe(leaf);
    });
  }

  /** True when enough events came since the last checkpoint. */
  get isCheckpointDue(): boolean {
    return this.#sequence - this.#checkpointed >= this.#options.checkpointEvents;
  }

  /** Signs what there is, unless nothing came since the last checkpoint. */
  checkpoint(atMs: number): void {
    if (this.#sequence !== this.#checkpointed && this.#fd !== null) this.#sign(this.#fd, atMs, false);
  }

  /** Signs what there is and closes the segment, where one is open. */
  finish(atMs: number): void {
    if (this.#fd !== null) this.#close(atMs);
  }

  #begin(atMs: number): number {
    const first = this.#sequence + 1;
    const fd = this.#disk.create(join(this.#options.directory, segmentName(first)));
    this.#fd = fd;
    this.#segment = first;
    const header = encodeSegmentHeader({
      firstSequence: first,
      createdAtMs: atMs,
      journalId: this.#journalId,
      previousChain: this.#chain,
    });
    const state = encodeFrame(
      { kind: 'state', isFinal: false, count: 0, sequence: this.#sequence },
      this.#stateBody(),
      header.chain,
    );
    const bytes = Buffer.concat([header.bytes, state.bytes]);
    this.#disk.write(fd, bytes, 0);
    this.#disk.sync(fd);
    this.#chain = state.chain;
    this.#offset = bytes.length;
    return fd;
  }

  #stateBody(): Buffer {
    const sessions = this.#tracker.states();
    const render = (known: readonly OpenSessionState[]): Buffer => {
      const body: StateBody = { size: this.#sequence, range: this.#tree.range.map(digestToHex), sessions: known };
      return Buffer.from(JSON.stringify(body));
    };
    const whole = render(sessions);
    if (whole.length <= limits.frameBodyBytesMax) return whole;
    // Thousands of sessions with thousands of waiting commands each: a start can then close the sessions only.
    return render(sessions.map((session) => ({ ...session, pending: [] })));
  }

  #sign(fd: number, atMs: number, isFinal: boolean): void {
    const text = checkpointText(
      { origin: originOf(this.#journalId), size: this.#sequence, root: this.#tree.root(), atMs, chain: this.#chain },
      this.#options.signingKey,
    );
    const frame = encodeFrame(
      { kind: 'checkpoint', isFinal, count: 0, sequence: this.#sequence },
      Buffer.from(text),
      this.#chain,
    );
    this.#disk.write(fd, frame.bytes, this.#offset);
    this.#disk.sync(fd);
    this.#chain = frame.chain;
    this.#offset += frame.bytes.length;
    this.#checkpointed = this.#sequence;
    this.#onCheckpoint(text, this.position);
  }

  #close(atMs: number): void {
    this.#sign(this.#fd!, atMs, true);
    closeSync(this.#fd!);
    this.#fd = null;
  }
}
