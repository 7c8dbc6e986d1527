/**
 * Pruning: the events of whole segments are given up, and every proof over the journal is kept.
 *
 * A pruned segment keeps its header, its states and its checkpoints byte for byte, the digest of each event's leaf, and
 * the events that prove what else there is (`keptTypes`). So the tree's root at every checkpoint and the chain across
 * segments come out as before.
 *
 * Invariants:
 * - The event `journal.pruned` is durable, and covered by a signature, before a byte is given up; what it says is finished, at
 *   the next start if need be (removal.ts has the note that says so).
 * - Only what was just proven is pruned: a segment that does not match its chain, its state or a checkpoint is evidence.
 * - A segment is replaced whole: the pruned file is durable under its name before the other is removed.
 * - The last segment is never pruned.
 *
 * Deliberately absent: which events may be given up, and when: the caller's. Open sessions are the journal's to refuse.
 */
import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventType } from '../core/event.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { recordingErrors } from './errors.ts';
import { eachEvent, encodeFrame, encodeKept, encodeSegmentHeader, type ScanStep, SegmentScanner } from './frame.ts';
import * as limits from './limits.ts';
import { type Digest, digestBytes, digestFromHex, MerkleTree } from './merkle.ts';
import { listSegments } from './recover.ts';
import { pendingDirectory, removeIfThere, syncDirectory } from './removal.ts';
import { prunedName, type StateBody, segmentName } from './segment.ts';
import { readBeginning } from './tracker.ts';

/** Events that stay whole, for they prove what lies beside the journal and what became of it. They hold no content. */
const keptTypes: ReadonlySet<string> = new Set<EventType>([
  'recording.chunk',
  'recording.sealed',
  'recording.stored',
  'recording.released',
  'recording.deleted',
  'journal.pruned',
]);

export interface PrunedRange {
  readonly from: number;
  readonly to: number;
}

/** Segments that end at or before `upTo` and were not pruned, ascending; the last segment is not among them. */
function prunable(directory: string, upTo: number, from = 1): PrunedRange[] {
  const firsts = listSegments(directory);
  return firsts
    .slice(0, -1)
    .map((first, index) => ({ from: first, to: firsts[index + 1]! - 1 }))
    .filter((range) => range.from >= from && range.to <= upTo && existsSync(join(directory, segmentName(range.from))));
}

/** What pruning up to `upTo` would give up, proven first; null where it is nothing. Throws `recording.journal-damaged`. */
export async function planPruning(dir: string, upTo: number): Promise<PrunedRange | null> {
  const directory = join(dir, 'journal');
  const ranges = prunable(directory, upTo);
  for (const range of ranges) await new Segment(directory, range).go(null);
  const [first, last] = [ranges[0], ranges.at(-1)];
  return first === undefined || last === undefined ? null : { from: first.from, to: last.to };
}

/** Replaces the segments of a range that are still there. Answers how many bytes that freed. */
export async function finishPruning(
  dir: string,
  { from, to }: PrunedRange,
  frameBytes: number = limits.frameBodyBytesMax,
): Promise<number> {
  const directory = join(dir, 'journal');
  let freed = 0;
  for (const range of prunable(directory, to, from)) {
    const whole = join(directory, segmentName(range.from));
    const pruned = join(directory, prunedName(range.from));
    const part = join(dir, pendingDirectory, `${randomBytes(8).toString('hex')}.part`);
    const file = await open(
      part,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await new Segment(directory, range, frameBytes).go(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, pruned);
    await syncDirectory(directory);
    freed += (await stat(whole)).size - (await stat(pruned)).size;
    await removeIfThere(whole);
    await syncDirectory(directory);
  }
  return freed;
}

/** Goes through one segment, proves it in itself, and writes what is to be kept of it. */
class Segment {
  readonly #path: string;
  readonly #name: string;
  readonly #range: PrunedRange;
  readonly #frameBytes: number;
  #file: FileHandle | null = null;
  #tree: MerkleTree | null = null;
  #chain: Digest = '';
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #keptFrom = 0;

  constructor(directory: string, range: PrunedRange, frameBytes: number = limits.frameBodyBytesMax) {
    this.#name = segmentName(range.from);
    this.#path = join(directory, this.#name);
    this.#range = range;
    this.#frameBytes = frameBytes;
  }

  /** Writes to `file`, or only proves. */
  async go(file: FileHandle | null): Promise<void> {
    this.#file = file;
    const source = await open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const scanner = new SegmentScanner();
      for (let at = 0; ; ) {
        const step = scanner.next();
        if (step.kind !== 'more') {
          await this.#take(step);
          continue;
        }
        const room = scanner.room();
        const { bytesRead } = await source.read(room, 0, room.length, at);
        if (bytesRead === 0) {
          if (scanner.remaining > 0) this.#refuse(scanner.offset, 'it ends within a frame');
          break;
        }
        scanner.filled(bytesRead);
        at += bytesRead;
        // Between reads the loop is free for others: pruning has time.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      await source.close();
    }
    await this.#flush(this.#chain);
    if (this.#tree?.size !== this.#range.to) this.#refuse(0, 'it does not end where the next segment begins');
  }

  async #take(step: Exclude<ScanStep, { kind: 'more' }>): Promise<void> {
    if (step.kind === 'bad') return this.#refuse(step.offset, step.problem);
    if (step.kind === 'segment') {
      this.#chain = step.header.chain;
      if (step.header.firstSequence !== this.#range.from) this.#refuse(0, 'its name and its header disagree');
      await this.#file?.write(encodeSegmentHeader(step.header).bytes);
      return;
    }
    const { kind, count, sequence, isFinal } = step.header;
    if (kind === 'events') {
      await this.#takeEvents(step.body, count, sequence, step.offset);
    } else {
      if (kind === 'state') this.#takeState(step.body, step.offset);
      else this.#takeCheckpoint(step.body, step.offset);
      await this.#flush(this.#chain);
      await this.#file?.write(encodeFrame({ kind, isFinal, count, sequence }, step.body, this.#chain).bytes);
    }
    this.#chain = step.chain;
  }

  async #takeEvents(body: Buffer, count: number, sequence: number, offset: number): Promise<void> {
    const tree = this.#tree ?? this.#refuse(offset, 'it does not begin with a state');
    if (sequence !== tree.size + 1) this.#refuse(offset, `event ${tree.size + 1} is missing`);
    const pieces: Buffer[] = [];
    const isWhole = eachEvent(body, count, (leaf) => {
      tree.push(leaf);
      if (this.#file === null) return;
      const known = readBeginning(leaf);
      pieces.push(encodeKept(leaf, known !== null && keptTypes.has(known.type)));
    });
    if (!isWhole) this.#refuse(offset, 'its events do not fill the frame');
    for (const [index, piece] of pieces.entries()) {
      if (this.#keptBytes + piece.length > this.#frameBytes) await this.#flush(null);
      if (this.#kept.length === 0) this.#keptFrom = sequence + index;
      this.#kept.push(piece);
      this.#keptBytes += piece.length;
    }
  }

  #takeState(body: Buffer, offset: number): void {
    const state = JSON.parse(body.toString('utf8')) as StateBody;
    this.#tree = MerkleTree.restore(state.size, state.range.map(digestFromHex));
    if (state.size !== this.#range.from - 1) this.#refuse(offset, 'its state is of another place');
  }

  #takeCheckpoint(body: Buffer, offset: number): void {
    const checkpoint = parseCheckpoint(body.toString('utf8'));
    const tree = this.#tree ?? this.#refuse(offset, 'it does not begin with a state');
    const isRight =
      checkpoint.size === tree.size && checkpoint.root === tree.root() && checkpoint.chain === this.#chain;
    if (!isRight) this.#refuse(offset, 'a checkpoint does not match the events before it');
  }

  /** Writes what was kept as one frame; `chain` null where another such frame follows. */
  async #flush(chain: Digest | null): Promise<void> {
    if (this.#kept.length === 0) return;
    const body = Buffer.concat(this.#kept);
    const fields = { kind: 'digests', isFinal: false, count: this.#kept.length, sequence: this.#keptFrom } as const;
    const { bytes } = encodeFrame(fields, body, '\0'.repeat(digestBytes));
    bytes.write(chain ?? '\0'.repeat(digestBytes), bytes.length - digestBytes, digestBytes, 'latin1');
    await this.#file?.write(bytes);
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #refuse(offset: number, problem: string): never {
    throw recordingErrors('recording.journal-damaged', { values: { segment: this.#name, offset, problem } });
  }
}
