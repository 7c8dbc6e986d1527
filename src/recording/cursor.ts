/**
 * Reading events from the journal's files, forwards from a sequence, also while they are being written.
 *
 * Asynchronous, one read at a time, memory bounded by the largest frame. It trusts what the chain confirms and reports
 * the rest as an error; proving the whole journal is verify.ts. Events that were pruned are passed over, and counted.
 */

import { constants, existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, EventType } from '../core/event.ts';
import { recordingErrors } from './errors.ts';
import { eachEvent, eachKept, SegmentScanner } from './frame.ts';
import { listSegments, segmentFile } from './recover.ts';
import { Peek } from './tracker.ts';

export class JournalCursor {
  readonly #directory: string;
  #next: number;
  #file: FileHandle | null = null;
  /** First sequence of the segment being read, and its file's name. */
  #first = 0;
  #segment = '';
  #scanner = new SegmentScanner();
  #readOffset = 0;
  #ready: Event[] = [];
  /** Bytes of each of those in the journal. */
  #sizes: number[] = [];
  #takenBytes = 0;
  /** One past the last event that was looked at, wanted or not. */
  #passed: number;
  readonly #types: ReadonlySet<string> | null;
  /** First bytes of the wanted types: most events are told by these alone. */
  readonly #initials: ReadonlySet<number>;
  readonly #peek = new Peek();
  #pruned = 0;

  /** `types` null gives every event; others are passed over without being decoded. */
  constructor(dir: string, fromSequence: number, types: readonly EventType[] | null = null) {
    this.#directory = join(dir, 'journal');
    this.#next = Math.max(1, fromSequence);
    this.#passed = this.#next;
    this.#types = types === null ? null : new Set(types);
    this.#initials = new Set((types ?? []).map((type) => type.charCodeAt(0)));
  }

  /** Sequence of the next event it will give. */
  get next(): number {
    return this.#next;
  }

  /** Bytes in the journal of what `take` gave last. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Events passed over because only their digests are left. */
  get pruned(): number {
    return this.#pruned;
  }

  /** Up to `limit` events with sequences up to `to`; empty when there are none (yet). */
  async take(limit: number, to: number): Promise<Event[]> {
    while (this.#ready.length === 0) {
      if (this.#next > to) return [];
      if (await this.#fill()) continue;
      // Whatever was passed over is not wanted, so it need not be looked at again.
      this.#next = this.#passed;
      return [];
    }
    let count = 0;
    while (count < limit && count < this.#ready.length && this.#ready[count]!.seq <= to) count++;
    const taken = this.#ready.splice(0, count);
    this.#takenBytes = 0;
    for (const size of this.#sizes.splice(0, count)) this.#takenBytes += size;
    // What lies before the first that is ready was looked at and is not wanted.
    this.#next = this.#ready[0]?.seq ?? this.#passed;
    return taken;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** Reads until there is an event at or after `#next`. False at the end. */
  async #fill(): Promise<boolean> {
    if (this.#file === null && !(await this.#open())) return false;
    for (;;) {
      const step = this.#scanner.next();
      if (step.kind === 'frame') {
        const { kind, count, sequence } = step.header;
        if (sequence + count <= this.#next) continue;
        if (kind === 'events') this.#collect(step.body, count, sequence);
        else if (kind === 'digests') this.#collectKept(step.body, count, sequence);
        if (this.#ready.length > 0) return true;
      } else if (step.kind === 'bad') {
        if (await this.#advance()) continue;
        throw recordingErrors('recording.journal-damaged', {
          values: { segment: this.#segment, offset: step.offset, problem: step.problem },
        });
      } else if (step.kind === 'more') {
        const room = this.#scanner.room();
        const { bytesRead } = await this.#file!.read(room, 0, room.length, this.#readOffset);
        this.#scanner.filled(bytesRead);
        this.#readOffset += bytesRead;
        if (bytesRead === 0 && !(await this.#advance())) return false;
      }
    }
  }

  #collect(body: Buffer, count: number, firstSequence: number): void {
    eachEvent(body, count, (leaf, index) => {
      this.#take(leaf, firstSequence + index);
    });
  }

  #collectKept(body: Buffer, count: number, firstSequence: number): void {
    eachKept(body, count, (leaf, _, index) => {
      if (leaf === null && firstSequence + index >= this.#next) this.#pruned++;
      this.#take(leaf, firstSequence + index);
    });
  }

  #take(leaf: Buffer | null, sequence: number): void {
    if (sequence < this.#next) return;
    this.#passed = sequence + 1;
    if (leaf === null || (this.#types !== null && !this.#isWanted(leaf, this.#types))) return;
    this.#ready.push(JSON.parse(leaf.toString('utf8', 1, leaf.length)) as Event);
    this.#sizes.push(leaf.length);
  }

  #isWanted(leaf: Buffer, types: ReadonlySet<string>): boolean {
    if (this.#peek.look(leaf) && !this.#initials.has(this.#peek.initial)) return false;
    return types.has(typeOf(leaf));
  }

  async #open(): Promise<boolean> {
    const first = listSegments(this.#directory).findLast((candidate) => candidate <= this.#next);
    if (first === undefined) return false;
    await this.#start(first);
    return true;
  }

  /** Goes on to the segment that begins where this one ended, if there is one. */
  async #advance(): Promise<boolean> {
    const first = this.#scanner.nextSequence;
    if (first === this.#first || !existsSync(join(this.#directory, segmentFile(this.#directory, first).name)))
      return false;
    await this.#file?.close();
    this.#file = null;
    await this.#start(first);
    return true;
  }

  async #start(first: number): Promise<void> {
    for (let attempt = 1; this.#file === null; attempt++) {
      const { name, isPruned } = segmentFile(this.#directory, first);
      try {
        this.#file = await open(join(this.#directory, name), constants.O_RDONLY | constants.O_NOFOLLOW);
        this.#segment = name;
        this.#scanner = new SegmentScanner(isPruned);
      } catch (error) {
        // It may have been pruned since it was looked for.
        if (attempt > 1 || isPruned || (error as { code?: unknown }).code !== 'ENOENT') throw error;
      }
    }
    this.#first = first;
    this.#readOffset = 0;
  }
}

const typeMark = Buffer.from('"type":"');
/** Longer than the name of any type. */
const typeLengthMax = 32;

/** The type that an event's leaf names, read without decoding it: `serialise` writes it behind `seq` and `at`. */
function typeOf(leaf: Buffer): string {
  const start = leaf.indexOf(typeMark) + typeMark.length;
  const text = leaf.toString('latin1', start, start + typeLengthMax);
  return text.slice(0, text.indexOf('"'));
}
