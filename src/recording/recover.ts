/**
 * Opening the files of a journal: finds where it ends, cuts a torn tail, and gives the state to go on from.
 *
 * Only the last segment is read: its first frame holds the state of everything before. What a crash can tear is its
 * last frame; a frame that is wrong with a correct one behind it is no crash but damage, and refuses the opening.
 * The last frame is written and synced once more before it counts: a frame that an earlier process could not sync may
 * stand in the page cache only (F-03).
 */

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parseCheckpoint } from './checkpoint.ts';
import { recordingErrors } from './errors.ts';
import type { Disk } from './files.ts';
import { eachEvent, findLaterFrame, SegmentScanner, segmentHeaderBytes } from './frame.ts';
import { type Digest, digestBytes, digestFromHex, MerkleTree } from './merkle.ts';
import {
  type JournalState,
  type Position,
  prunedName,
  type StateBody,
  segmentName,
  segmentNamePattern,
} from './segment.ts';
import { readBeginning, SessionTracker } from './tracker.ts';

export interface Recovered {
  readonly state: JournalState;
  readonly position: Position;
  /** Bytes removed behind the last correct frame. */
  readonly cutBytes: number;
  /** Whether the last segment ends with its final checkpoint; true for a new journal. */
  readonly isClean: boolean;
}

/** First sequences of the segments in a directory, pruned ones too, ascending. */
export function listSegments(directory: string): number[] {
  const firsts = new Set<number>();
  for (const name of readdirSync(directory)) {
    const match = segmentNamePattern.exec(name);
    if (match !== null) firsts.add(Number(match[1]));
  }
  return [...firsts].sort((a, b) => a - b);
}

/** The file of a segment: as it was written, as long as it is there. */
export function segmentFile(directory: string, first: number): { readonly name: string; readonly isPruned: boolean } {
  const name = segmentName(first);
  if (existsSync(join(directory, name))) return { name, isPruned: false };
  return { name: prunedName(first), isPruned: true };
}

/**
 * Recovers the journal in `directory`. With `durable` (after a failure in this process) everything beyond that position
 * is cut first, however correct it looks: its sync was not acknowledged.
 */
export function recoverJournal(disk: Disk, directory: string, durable: Position | null): Recovered {
  let cutBytes = 0;
  if (durable !== null) cutBytes += cutTo(disk, directory, durable);
  for (;;) {
    const first = listSegments(directory).at(-1);
    if (first === undefined) return { ...emptyJournal(), cutBytes };
    if (segmentFile(directory, first).isPruned) {
      throw damaged(prunedName(first), 0, 'the journal ends with a pruned segment, so what followed it is gone');
    }
    const tail = readTail(disk, directory, first);
    cutBytes += tail.cutBytes;
    if (tail.end !== null) return { ...tail.end, cutBytes };
    // The crash came while the segment was begun: no event was in it yet.
    disk.remove(join(directory, segmentName(first)));
  }
}

function emptyJournal(): Omit<Recovered, 'cutBytes'> {
  return {
    state: {
      journalId: randomBytes(16).toString('hex'),
      chain: '\0'.repeat(digestBytes),
      size: 0,
      range: [],
      sessions: [],
    },
    position: { segment: null, offset: 0, sequence: 0 },
    isClean: true,
  };
}

function cutTo(disk: Disk, directory: string, durable: Position): number {
  let cut = 0;
  for (const first of listSegments(directory)) {
    const isLast = first === durable.segment;
    if (durable.segment !== null && first < durable.segment) continue;
    const path = join(directory, segmentName(first));
    const fd = disk.openExisting(path);
    try {
      const size = fstatSync(fd).size;
      if (isLast && size > durable.offset) {
        disk.truncate(fd, durable.offset);
        disk.sync(fd);
      }
      cut += isLast ? Math.max(0, size - durable.offset) : size;
    } finally {
      closeSync(fd);
    }
    if (!isLast) disk.remove(path);
  }
  return cut;
}

interface Tail {
  readonly end: Omit<Recovered, 'cutBytes'> | null;
  readonly cutBytes: number;
}

function readTail(disk: Disk, directory: string, first: number): Tail {
  const name = segmentName(first);
  const fd = disk.openExisting(join(directory, name));
  try {
    const size = fstatSync(fd).size;
    const replay = new Replay(name, first);
    const scanner = new SegmentScanner();
    for (let at = 0; ; ) {
      const step = scanner.next();
      if (step.kind === 'more') {
        const got = readSync(fd, scanner.room(), 0, scanner.room().length, at);
        if (got === 0) break;
        scanner.filled(got);
        at += got;
      } else if (step.kind === 'bad') break;
      else if (step.kind === 'segment')
        replay.begin(step.header.journalId, step.header.firstSequence, step.header.chain);
      else replay.take(step.header.kind, step.header.sequence, step.header.count, step);
      if (step.kind === 'frame') replay.note(step.offset, step.header.isFinal);
    }
    const end = scanner.offset;
    if (size > end) {
      refuseDamage(fd, name, end, size);
      if (replay.hasEvents) {
        disk.truncate(fd, end);
        disk.sync(fd);
      }
    }
    if (!replay.hasEvents) return { end: null, cutBytes: size };
    if (!replay.isFinal) rewrite(disk, fd, replay.lastOffset, end);
    return {
      end: {
        state: replay.state(),
        position: { segment: first, offset: end, sequence: replay.size },
        isClean: replay.isFinal && size === end,
      },
      cutBytes: size - end,
    };
  } finally {
    closeSync(fd);
  }
}

/** Damage is told from a torn tail by what stands behind it. */
function refuseDamage(fd: number, name: string, end: number, size: number): void {
  const from = Math.max(0, end - digestBytes);
  const rest = Buffer.allocUnsafe(size - from);
  let got = 0;
  while (got < rest.length) {
    const read = readSync(fd, rest, got, rest.length - got, from + got);
    if (read === 0) break;
    got += read;
  }
  const later = findLaterFrame(rest.subarray(0, got), end === 0 ? segmentHeaderBytes : end - from);
  if (later === null) return;
  throw damaged(name, end, 'a correct frame stands behind a wrong one');
}

function rewrite(disk: Disk, fd: number, from: number, end: number): void {
  const bytes = Buffer.allocUnsafe(end - from);
  if (readSync(fd, bytes, 0, bytes.length, from) !== bytes.length) throw new Error('short read of the last frame');
  disk.write(fd, bytes, from);
  disk.sync(fd);
}

function damaged(segment: string, offset: number, problem: string): Error {
  return recordingErrors('recording.journal-damaged', { values: { segment, offset, problem } });
}

/** Goes through one segment and keeps the state as the writer did. */
class Replay {
  hasEvents = false;
  isFinal = false;
  lastOffset = 0;
  readonly #name: string;
  readonly #first: number;
  #journalId = '';
  #tree: MerkleTree | null = null;
  #tracker = new SessionTracker();
  #chain: Digest = '';

  constructor(name: string, first: number) {
    this.#name = name;
    this.#first = first;
  }

  get size(): number {
    return this.#tree?.size ?? 0;
  }

  begin(journalId: string, firstSequence: number, chain: Digest): void {
    if (firstSequence !== this.#first) throw damaged(this.#name, 0, 'its name and its header disagree');
    this.#journalId = journalId;
    this.#chain = chain;
  }

  note(offset: number, isFinal: boolean): void {
    this.lastOffset = offset;
    this.isFinal = isFinal;
  }

  take(kind: string, sequence: number, count: number, frame: { body: Buffer; offset: number; chain: Digest }): void {
    const refuse = (problem: string): never => {
      throw damaged(this.#name, frame.offset, problem);
    };
    if (kind === 'state') {
      if (this.#tree !== null) {
        refuse('a second state frame');
        return;
      }
      const body = JSON.parse(frame.body.toString('utf8')) as StateBody;
      this.#tree = MerkleTree.restore(body.size, body.range.map(digestFromHex));
      this.#tracker = SessionTracker.restore(body.sessions);
      if (body.size !== this.#first - 1 || sequence !== body.size) refuse('its state is of another place');
    } else if (this.#tree === null) {
      refuse('it does not begin with a state');
    } else if (kind === 'events') {
      if (sequence !== this.#tree.size + 1) refuse(`sequence ${this.#tree.size + 1} is missing`);
      const tree = this.#tree;
      let expected = sequence;
      const isWhole = eachEvent(frame.body, count, (leaf) => {
        const known = readBeginning(leaf);
        if (known?.sequence !== expected++) refuse('an event carries another sequence than its place');
        tree.push(leaf);
        this.#tracker.take(leaf, known);
      });
      if (!isWhole || count === 0) refuse('its events do not fill the frame');
      this.hasEvents = true;
    } else {
      const checkpoint = parseCheckpoint(frame.body.toString('utf8'));
      if (checkpoint.size !== this.#tree.size || checkpoint.root !== this.#tree.root()) {
        refuse('a checkpoint does not match the events before it');
      }
      if (checkpoint.chain !== this.#chain) refuse('a checkpoint does not match the chain before it');
    }
    this.#chain = frame.chain;
  }

  state(): JournalState {
    return {
      journalId: this.#journalId,
      chain: this.#chain,
      size: this.size,
      range: this.#tree?.range ?? [],
      sessions: this.#tracker.states(),
    };
  }
}
