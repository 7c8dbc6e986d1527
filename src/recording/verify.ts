/**
 * Verification: proves offline, from the files and a public key alone, that nothing in a journal and its recordings was
 * changed, dropped, added or swapped, and says where when something was.
 *
 * Checked: every byte of every segment against the hash chain; sequences without a gap; every checkpoint's tree root,
 * chain value and signature; checkpoints that were kept elsewhere; every recording against the digests in the journal.
 * The first problem in the journal ends its reading, for nothing behind a broken chain proves anything.
 *
 * Of pruned segments the digests are checked in place of the events, by the same root, chain and signatures; the journal must
 * say of each that it was pruned.
 *
 * What was being written when the gateway stopped is no problem: an incomplete last frame, chunks without an event in a
 * recording that was never sealed. These are counted as `unfinished`, and a checkpoint kept elsewhere covers what was before.
 * Deliberately absent: repair, and trust in anything the writer says of itself.
 */
import type { KeyObject } from 'node:crypto';
import { closeSync, existsSync, lstatSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, isGatewayError } from '../base/errors.ts';
import { isSignedBy, originOf, type ParsedCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { openForReading } from './files.ts';
import { eachEvent, eachKept, type ScanStep, SegmentScanner } from './frame.ts';
import { type Digest, digestBytes, digestToHex, MerkleTree } from './merkle.ts';
import { listSegments, segmentFile } from './recover.ts';
import { type StateBody, segmentNamePattern } from './segment.ts';
import { Peek } from './tracker.ts';
import { PruningVerifier } from './verify-pruning.ts';
import { RecordingVerifier } from './verify-recordings.ts';
import { type Problem, Problems, type VerifyReport } from './verify-report.ts';
import { type Witness, Witnesses } from './witnesses.ts';

const noChain: Digest = '\0'.repeat(digestBytes);

export interface VerifyOptions {
  /** The directory that holds `journal/` and `recordings/`. */
  readonly dir: string;
  /** The keys to believe; several after a rotation. */
  readonly publicKey: KeyObject | readonly KeyObject[];
  /** The text of a checkpoint that was kept elsewhere. */
  readonly checkpoint?: string;
  /** More of them, from as many places as there are. */
  readonly witnesses?: readonly Witness[];
  /** Directories with copies of recordings that were released: verified as if they lay here. */
  readonly copies?: readonly string[];
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly signal?: AbortSignal;
}

export interface VerifyProgress {
  readonly bytes: number;
  /** What there was when it began; a live journal grows. */
  readonly totalBytes: number;
  readonly events: number;
}

/** Verifies. Rejects only where the files cannot be read at all; everything found is in the report. */
export async function verifyJournal(options: VerifyOptions): Promise<VerifyReport> {
  const keys = Array.isArray(options.publicKey) ? options.publicKey : [options.publicKey];
  const verifier = new JournalVerifier(options, keys as readonly KeyObject[]);
  return verifier.run();
}

class JournalVerifier {
  readonly #options: VerifyOptions;
  readonly #keys: readonly KeyObject[];
  readonly #problems = new Problems();
  readonly #recordings: RecordingVerifier;
  readonly #tree = new MerkleTree();
  readonly #peek = new Peek();
  readonly #witnesses: Witnesses;
  readonly #pruning: PruningVerifier;
  #journalId: string | null = null;
  #chain: Digest = noChain;
  #covered = 0;
  #head: VerifyReport['head'] = null;
  #totalBytes = 0;
  #checkpoints = 0;
  #segments = 0;
  #bytes = 0;
  #unfinishedBytes = 0;
  #segment = '';
  #isFirstFrame = true;
  /**
   * Events that were kept beside digests, and what followed: nothing but the next checkpoint proves them. Bounded by the
   * events between two checkpoints.
   */
  readonly #unconfirmed: Buffer[] = [];
  /** Whether the frame before was one of digests. */
  #isDigests = false;
  #firstAtMs: number | null = null;
  #lastAtMs: number | null = null;

  constructor(options: VerifyOptions, keys: readonly KeyObject[]) {
    this.#options = options;
    this.#keys = keys;
    const given = options.checkpoint === undefined ? [] : [{ name: 'the checkpoint given', text: options.checkpoint }];
    this.#witnesses = new Witnesses([...given, ...(options.witnesses ?? [])], keys, this.#problems);
    this.#pruning = new PruningVerifier(options.dir, this.#problems);
    this.#recordings = new RecordingVerifier(options.dir, options.copies ?? [], this.#problems);
  }

  async run(): Promise<VerifyReport> {
    const startedMs = performance.now();
    this.#totalBytes = sizeOf(join(this.#options.dir, 'journal')) + sizeOf(join(this.#options.dir, 'recordings'));
    try {
      const isWhole = await this.#readSegments();
      if (isWhole) this.#confirm();
      const origin = this.#journalId === null ? null : originOf(this.#journalId);
      this.#witnesses.finish(origin, this.#tree.size, isWhole);
      if (isWhole) this.#pruning.finish();
      // Behind a break in the journal nothing is known of the recordings it would have spoken of.
      if (isWhole) this.#recordings.finish();
    } finally {
      this.#recordings.close();
    }
    const recordings = this.#recordings;
    return {
      ok: this.#problems.count === 0,
      problems: this.#problems.listed,
      problemCount: this.#problems.count,
      origin: this.#journalId === null ? null : originOf(this.#journalId),
      events: this.#tree.size,
      prunedEvents: this.#pruning.events,
      root: digestToHex(this.#tree.root()),
      segments: this.#segments,
      checkpoints: this.#checkpoints,
      recordings: recordings.sessions,
      chunks: recordings.chunks,
      bytes: this.#bytes + recordings.bytes,
      uncovered: this.#tree.size - this.#covered,
      unfinishedJournalBytes: this.#unfinishedBytes,
      unfinishedRecordings: recordings.unfinished,
      deletedRecordings: recordings.deleted,
      releasedRecordings: recordings.released,
      unfinishedRemovals: recordings.unfinishedRemovals,
      head: this.#head,
      witnesses: this.#witnesses.reports(this.#tree.size),
      durationMs: Math.round(performance.now() - startedMs),
      firstAtMs: this.#firstAtMs,
      lastAtMs: this.#lastAtMs,
    };
  }

  /** False where the journal breaks off. */
  async #readSegments(): Promise<boolean> {
    const directory = join(this.#options.dir, 'journal');
    for (const name of readdirSync(directory)) {
      if (!segmentNamePattern.test(name)) {
        this.#add({
          code: 'foreign-file',
          where: 'segment',
          file: name,
          text: 'This file does not belong into the journal.',
        });
      }
    }
    const firsts = listSegments(directory);
    for (const [index, first] of firsts.entries()) {
      const { name, isPruned } = segmentFile(directory, first);
      this.#segment = name;
      if (isPruned) this.#pruning.takeSegment(first, (firsts[index + 1] ?? Number.POSITIVE_INFINITY) - 1);
      if (first !== this.#tree.size + 1) {
        const text = `Events ${this.#tree.size + 1} to ${first - 1} are missing: the segment before ends too early, or one is gone.`;
        this.#add({ code: 'gap', where: 'segment', file: this.#segment, sequence: this.#tree.size + 1, text });
        return false;
      }
      if (!(await this.#readSegment(join(directory, name), index === firsts.length - 1, isPruned))) return false;
      this.#segments++;
    }
    return true;
  }

  /** False where the chain broke. */
  async #readSegment(path: string, isLast: boolean, isPruned: boolean): Promise<boolean> {
    this.#isFirstFrame = true;
    this.#isDigests = false;
    const fd = openForReading(path);
    const scanner = new SegmentScanner(isPruned);
    try {
      for (let at = 0; ; ) {
        const step = scanner.next();
        if (step.kind !== 'more') {
          if (!this.#take(step)) return false;
          continue;
        }
        const room = scanner.room();
        const got = readSync(fd, room, 0, room.length, at);
        if (got === 0) return this.#end(scanner, isLast);
        scanner.filled(got);
        at += got;
        this.#bytes += got;
        this.#options.onProgress?.({
          bytes: this.#bytes + this.#recordings.bytes,
          totalBytes: this.#totalBytes,
          events: this.#tree.size,
        });
        // Between reads the loop is free for others, and a caller may stop.
        await new Promise((resolve) => setImmediate(resolve));
        this.#options.signal?.throwIfAborted();
      }
    } finally {
      closeSync(fd);
    }
  }

  #end(scanner: SegmentScanner, isLast: boolean): boolean {
    if (scanner.remaining === 0 && !this.#isFirstFrame) return true;
    if (isLast && scanner.isBeginning) {
      this.#unfinishedBytes += scanner.remaining;
      return true;
    }
    this.#bad(
      scanner.offset,
      isLast ? 'bytes that are no frame follow the last one' : 'the segment ends within a frame',
    );
    return false;
  }

  #take(step: Exclude<ScanStep, { kind: 'more' }>): boolean {
    if (step.kind === 'bad') return this.#bad(step.offset, step.problem);
    if (step.kind === 'segment') {
      const { header } = step;
      if (header.firstSequence !== this.#tree.size + 1)
        return this.#bad(0, 'its header names another place in the journal');
      if (this.#journalId !== null && header.journalId !== this.#journalId)
        return this.#bad(0, 'it is of another journal');
      if (header.previousChain !== this.#chain) return this.#bad(0, 'it does not continue the segment before it');
      this.#journalId = header.journalId;
      this.#chain = header.chain;
      return true;
    }
    const { header, offset, body } = step;
    if (this.#isFirstFrame !== (header.kind === 'state')) return this.#bad(offset, 'a state stands where none belongs');
    this.#isFirstFrame = false;
    // Of two frames of digests that follow each other the first has no chain value: nothing would confirm it.
    if (header.kind === 'digests' && this.#isDigests && this.#chain !== noChain)
      return this.#bad(offset, 'a chain value stands where none belongs');
    this.#isDigests = header.kind === 'digests';
    const isGood = this.#takeFrame(header.kind, header.sequence, header.count, body, offset);
    this.#chain = step.chain;
    return isGood;
  }

  #takeFrame(kind: string, sequence: number, count: number, body: Buffer, offset: number): boolean {
    if (kind === 'events') return this.#takeEvents(sequence, count, body, offset);
    if (kind === 'digests') return this.#takeDigests(sequence, count, body, offset);
    if (sequence !== this.#tree.size || count !== 0) return this.#bad(offset, 'a frame names another place');
    if (kind === 'checkpoint') return this.#takeCheckpoint(body.toString('utf8'), offset);
    return this.#takeState(body, offset);
  }

  #takeEvents(sequence: number, count: number, body: Buffer, offset: number): boolean {
    if (sequence !== this.#tree.size + 1 || count === 0) {
      return this.#bad(offset, `event ${this.#tree.size + 1} is missing`);
    }
    let isGood = true;
    const isFilled = eachEvent(body, count, (leaf) => {
      isGood = isGood && this.#takeEvent(leaf, offset);
    });
    return isGood && (isFilled || this.#bad(offset, 'its events do not fill the frame'));
  }

  #takeDigests(sequence: number, count: number, body: Buffer, offset: number): boolean {
    if (sequence !== this.#tree.size + 1 || count === 0) {
      return this.#bad(offset, `event ${this.#tree.size + 1} is missing`);
    }
    let isGood = true;
    const isFilled = eachKept(body, count, (leaf, digest) => {
      if (!isGood) return;
      if (leaf !== null) {
        isGood = this.#takeEvent(leaf, offset);
        return;
      }
      this.#tree.pushDigest(digest);
      this.#pruning.events++;
      this.#grown();
    });
    return isGood && (isFilled || this.#bad(offset, 'its digests do not fill the frame'));
  }

  #takeEvent(leaf: Buffer, offset: number): boolean {
    if (!this.#peek.look(leaf) || this.#peek.sequence !== this.#tree.size + 1) {
      return this.#bad(offset, 'an event carries another sequence than its place');
    }
    this.#tree.push(leaf);
    this.#firstAtMs ??= this.#peek.atMs;
    this.#lastAtMs = this.#peek.atMs;
    const { initial } = this.#peek;
    if (RecordingVerifier.mayConcern(initial) || PruningVerifier.mayConcern(initial)) {
      if (this.#isDigests || this.#unconfirmed.length > 0) this.#unconfirmed.push(Buffer.from(leaf));
      else this.#concern(leaf);
    }
    this.#grown();
    return true;
  }

  #concern(leaf: Buffer): void {
    this.#recordings.take(leaf);
    this.#pruning.take(leaf);
  }

  /** A checkpoint was right, so what was kept of pruned segments before it is what was written. */
  #confirm(): void {
    for (const leaf of this.#unconfirmed.splice(0)) this.#concern(leaf);
  }

  #grown(): void {
    if (this.#tree.size !== this.#witnesses.next) return;
    this.#witnesses.reached(originOf(this.#journalId ?? ''), this.#tree.root(), this.#segment);
  }

  #takeCheckpoint(text: string, offset: number): boolean {
    let checkpoint: ParsedCheckpoint;
    try {
      checkpoint = parseCheckpoint(text);
    } catch (error) {
      return this.#badCheckpoint(offset, publicText(error));
    }
    if (checkpoint.origin !== originOf(this.#journalId ?? ''))
      return this.#badCheckpoint(offset, 'it is of another journal');
    if (checkpoint.size !== this.#tree.size) return this.#badCheckpoint(offset, 'it covers another number of events');
    if (checkpoint.root !== this.#tree.root())
      return this.#badCheckpoint(offset, 'its root is not that of the events before it');
    if (checkpoint.chain !== this.#chain)
      return this.#badCheckpoint(offset, 'its chain value is not that of the frames before it');
    if (!isSignedBy(checkpoint, this.#keys))
      return this.#badCheckpoint(offset, 'it is not signed by a key that was given');
    this.#confirm();
    this.#checkpoints++;
    this.#covered = checkpoint.size;
    this.#head = { sequence: checkpoint.size, root: digestToHex(checkpoint.root), text: checkpoint.text };
    this.#witnesses.holds(checkpoint.text);
    return true;
  }

  #takeState(body: Buffer, offset: number): boolean {
    try {
      const state = JSON.parse(body.toString('utf8')) as StateBody;
      if (state.size === this.#tree.size && state.range.join() === this.#tree.range.map(digestToHex).join())
        return true;
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
    }
    return this.#bad(offset, 'its state is not that of the events before it');
  }

  #bad(offset: number, what: string): false {
    const sequence = this.#tree.size + 1;
    const text = `${this.#segment}, byte ${offset}: ${what}. Events up to ${sequence - 1} are proven.`;
    return this.#add({ code: 'frame', where: 'segment', file: this.#segment, offset, sequence, text });
  }

  #badCheckpoint(offset: number, what: string): false {
    const text = `${this.#segment}, byte ${offset}: a checkpoint after event ${this.#tree.size} is wrong: ${what}.`;
    const code = what.includes('signed') ? 'signature' : 'checkpoint';
    return this.#add({ code, where: 'checkpoint', file: this.#segment, offset, sequence: this.#tree.size, text });
  }

  #add(problem: Problem): false {
    this.#problems.add(problem);
    return false;
  }
}

function publicText(error: unknown): string {
  return isGatewayError(error) ? error.publicMessage : describeError(error);
}

function sizeOf(directory: string): number {
  if (!existsSync(directory)) return 0;
  return readdirSync(directory).reduce((total, name) => total + lstatSync(join(directory, name)).size, 0);
}
