/**
 * Verification of recordings: every byte of every file against the digests in the journal. No key is needed: digests are
 * over what lies in the file, and a wrapped key has a digest of its own.
 *
 * Chunks are checked as their events go by, so nothing but a few numbers per session is kept (some 200 bytes). What is gone
 * is judged at the end, when all that the journal says of it was read: missing without a word is a problem, and so is a
 * deleted recording that is still there.
 */
import { closeSync, existsSync, fstatSync, lstatSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { openForReading } from './files.ts';
import * as limits from './limits.ts';
import { digestOf, digestToHex } from './merkle.ts';
import { isSessionId, type RecordFile, recordingName, recordingNamePattern } from './names.ts';
import { decodeRecordingHeader, recordingHeaderBytes } from './recording-format.ts';
import { noteOf, pendingDirectory } from './removal.ts';
import { keyFileBytesMax } from './sealing.ts';
import { readBeginning } from './tracker.ts';
import type { Problem, ProblemCode, Problems } from './verify-report.ts';

interface Known {
  chunks: number;
  bytes: number;
  isSealed: boolean;
  isBroken: boolean;
  /** SHA-256 of the file with its wrapped key, hexadecimal; null where it is not sealed, or not said. */
  key: string | null;
  /** The first chunk whose bytes are nowhere. */
  missing: Pick<Problem, 'chunk' | 'offset' | 'sequence'> | null;
  gone: { readonly isDeleted: boolean; readonly text: string } | null;
}

/** Files kept open between the chunks of one session. */
const openFilesMax = 64;

/** A chunk holds at most one block and one entry more, and zstd adds little. */
const chunkBytesMax = Math.ceil(limits.chunkRawBytesMax * 1.01) + 2048;

export class RecordingVerifier {
  readonly #directory: string;
  readonly #pending: string;
  readonly #copies: readonly string[];
  readonly #problems: Problems;
  readonly #names: readonly string[];
  readonly #sessions = new Map<string, Known>();
  readonly #files = new Map<string, number>();
  #buffer = Buffer.alloc(0);
  #chunks = 0;
  #bytes = 0;
  #unfinished = 0;
  #deleted = 0;
  #released = 0;
  #unfinishedRemovals = 0;

  /** `copies` are directories where released recordings may lie. */
  constructor(dir: string, copies: readonly string[], problems: Problems) {
    const directory = join(dir, 'recordings');
    this.#directory = directory;
    this.#pending = join(dir, pendingDirectory);
    this.#copies = copies;
    this.#problems = problems;
    // Listed before the journal is read: of a live gateway, what comes later is spoken of in later events.
    this.#names = existsSync(directory) ? readdirSync(directory) : [];
  }

  /** Recordings with at least one chunk. */
  get sessions(): number {
    let count = 0;
    for (const known of this.#sessions.values()) if (known.chunks > 0) count++;
    return count;
  }
  get chunks(): number {
    return this.#chunks;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get unfinished(): number {
    return this.#unfinished;
  }
  /** Recordings that the journal says were deleted. */
  get deleted(): number {
    return this.#deleted;
  }
  /** Recordings that the journal says lie elsewhere, and of which no copy was given. */
  get released(): number {
    return this.#released;
  }
  get unfinishedRemovals(): number {
    return this.#unfinishedRemovals;
  }

  /** Whether an event whose type begins with this byte can concern recordings. */
  static mayConcern(initial: number): boolean {
    return initial === 0x72 || initial === 0x73; // r, s
  }

  /** Takes an event of the journal. */
  take(leaf: Buffer): void {
    const known = readBeginning(leaf);
    if (known === null) return;
    if (known.type !== 'session.opened' && !known.type.startsWith('recording.')) return;
    if (known.type === 'recording.read') return;
    const event = JSON.parse(leaf.toString('utf8', 1)) as Record<string, unknown>;
    const session = String(event['session']);
    const state = this.#sessions.get(session) ?? newSession();
    this.#sessions.set(session, state);
    if (known.type === 'recording.chunk') this.#takeChunk(session, state, event, known.sequence);
    else if (known.type === 'recording.sealed') this.#takeSeal(session, state, event, known.sequence);
    else if (known.type === 'recording.deleted' || known.type === 'recording.released') {
      state.gone = { isDeleted: known.type === 'recording.deleted', text: leaf.toString('utf8', 1) };
    }
  }

  /** After the last event: files that hold more than the journal speaks of, and files it does not speak of. */
  finish(): void {
    for (const [session, state] of this.#sessions) this.#finishSession(session, state);
    for (const name of this.#names) {
      const [, session, file] = recordingNamePattern.exec(name) ?? [];
      const state = session === undefined ? undefined : this.#sessions.get(session);
      if (state !== undefined && isExpected(state, file as RecordFile)) continue;
      this.#problems.add({
        code: 'foreign-file',
        where: 'recording',
        file: name,
        ...(session === undefined ? {} : { session }),
        text: `${JSON.stringify(name)} does not belong to any session in the journal.`,
      });
    }
  }

  close(): void {
    for (const fd of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }

  #takeChunk(session: string, state: Known, event: Record<string, unknown>, sequence: number): void {
    const chunk = Number(event['chunk']);
    const offset = Number(event['offset']);
    const bytes = Number(event['bytes']);
    const refuse = (code: ProblemCode, text: string): void => {
      state.isBroken = true;
      this.#problems.add({
        code,
        where: 'recording',
        file: fileOf(session),
        session,
        chunk,
        offset,
        sequence,
        text: `Recording ${session}, chunk ${chunk}: ${text}`,
      });
    };
    const isNext = chunk === state.chunks && offset === state.bytes && !state.isSealed;
    state.chunks = chunk + 1;
    state.bytes = offset + bytes;
    this.#chunks++;
    if (chunk === 0 && typeof event['key'] === 'string') state.key = event['key'];
    if (state.isBroken || state.missing !== null) return;
    if (!isNext) {
      refuse('recording-order', 'the journal names it out of order.');
      return;
    }
    if (!(bytes > 0 && bytes <= chunkBytesMax)) {
      refuse('recording-order', 'the journal gives it an impossible length.');
      return;
    }
    const stored = this.#read(session, offset, bytes);
    if (stored === null) {
      // Whether that is a problem shows when the journal was read to its end.
      state.missing = { chunk, offset, sequence };
      return;
    }
    this.#bytes += stored.length;
    if (stored.length < bytes) {
      refuse('recording-length', 'the recording ends before or within it.');
      return;
    }
    if (digestToHex(digestOf(stored)) !== event['digest']) {
      const [code, text] = this.#explain(session, chunk, stored);
      refuse(code, text);
    }
  }

  /** Says of a chunk whose digest is wrong whether the file is another session's. */
  #explain(session: string, chunk: number, stored: Buffer): [ProblemCode, string] {
    if (chunk === 0 && stored.length >= recordingHeaderBytes) {
      try {
        const header = decodeRecordingHeader(stored);
        if (header.session !== session) {
          return ['recording-swapped', `the file is the recording of ${header.session}.`];
        }
      } catch {
        return ['recording-digest', 'its bytes are not those that were recorded; the header is damaged.'];
      }
    }
    return ['recording-digest', 'its bytes are not those that were recorded.'];
  }

  #takeSeal(session: string, state: Known, event: Record<string, unknown>, sequence: number): void {
    state.isSealed = true;
    if (event['chunks'] === state.chunks && event['bytes'] === state.bytes) return;
    state.isBroken = true;
    const text = `Recording ${session}: its seal speaks of other chunks than the journal.`;
    this.#problems.add({ code: 'recording-order', where: 'recording', file: fileOf(session), session, sequence, text });
  }

  #finishSession(session: string, state: Known): void {
    if (!isSessionId(session)) return;
    const isUnderWay = existsSync(join(this.#pending, noteOf(session)));
    if (isUnderWay) this.#unfinishedRemovals++;
    if (state.gone !== null && !isUnderWay) this.#checkGone(session, state.gone.text);
    if (state.gone?.isDeleted === true) {
      this.#deleted++;
      if (!isUnderWay) this.#checkDeleted(session);
      return;
    }
    if (state.key !== null) this.#checkKey(session, state.key);
    if (state.missing === null) this.#checkLength(session, state);
    else if (state.gone !== null) this.#released++;
    else {
      const text = `Recording ${session}, chunk ${state.missing.chunk}: the recording is missing or cannot be opened.`;
      this.#add('recording-missing', session, text, { file: fileOf(session), ...state.missing });
    }
  }

  /** What stands in place of the recording is what the journal says of it. */
  #checkGone(session: string, text: string): void {
    const file = recordingName(session, 'gone');
    if (this.#small(file, limits.goneBytesMax)?.toString('utf8') === text) return;
    const what = `Recording ${session}: what stands in its place does not say what the journal says of it.`;
    this.#add('recording-gone', session, what, { file });
  }

  #checkDeleted(session: string): void {
    for (const kind of ['rec', 'key'] as const) {
      const file = recordingName(session, kind);
      if (!this.#isThere(file)) continue;
      const what = kind === 'rec' ? 'it is still there.' : 'its key is still there.';
      this.#add('recording-present', session, `Recording ${session} was deleted, and ${what}`, { file });
    }
  }

  #checkKey(session: string, digest: string): void {
    const file = recordingName(session, 'key');
    const bytes = this.#small(file, keyFileBytesMax);
    if (bytes !== null && digestToHex(digestOf(bytes)) === digest) return;
    const text =
      bytes === null ? 'its key is missing or cannot be opened.' : 'its key is not the one it was sealed with.';
    this.#add('recording-key', session, `Recording ${session}: ${text}`, { file });
  }

  #checkLength(session: string, state: Known): void {
    const fd = this.#open(session);
    const size = fd === null ? 0 : fstatSync(fd).size;
    if (!state.isSealed) {
      if (state.chunks > 0 || size > 0) this.#unfinished++;
      return;
    }
    if (state.isBroken || size === state.bytes) return;
    const text =
      size > state.bytes
        ? `Recording ${session}: ${size - state.bytes} bytes were added behind its end.`
        : `Recording ${session}: ${state.bytes - size} bytes are missing at its end.`;
    this.#problems.add({
      code: 'recording-length',
      where: 'recording',
      file: fileOf(session),
      session,
      chunk: state.chunks,
      offset: state.bytes,
      text,
    });
  }

  #read(session: string, offset: number, bytes: number): Buffer | null {
    const fd = this.#open(session);
    if (fd === null) return null;
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafe(bytes);
    let got = 0;
    while (got < bytes) {
      const read = readSync(fd, this.#buffer, got, bytes - got, offset + got);
      if (read === 0) break;
      got += read;
    }
    return this.#buffer.subarray(0, got);
  }

  /** The whole of a small file, or null where it cannot be read or is too long. */
  #small(name: string, bytesMax: number): Buffer | null {
    const fd = openFirst([join(this.#directory, name)]);
    if (fd === null) return null;
    try {
      const bytes = Buffer.alloc(bytesMax + 1);
      const got = readSync(fd, bytes, 0, bytes.length, 0);
      return got > bytesMax ? null : bytes.subarray(0, got);
    } finally {
      closeSync(fd);
    }
  }

  #isThere(name: string): boolean {
    try {
      lstatSync(join(this.#directory, name));
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return false;
      throw error;
    }
  }

  #add(code: ProblemCode, session: string, text: string, place: Partial<Problem>): void {
    this.#problems.add({ code, where: 'recording', session, text, ...place });
  }

  #open(session: string): number | null {
    if (!isSessionId(session)) return null;
    const held = this.#files.get(session);
    if (held !== undefined) return held;
    const name = recordingName(session);
    const fd = openFirst([this.#directory, ...this.#copies].map((directory) => join(directory, name)));
    if (fd === null) return null;
    this.#files.set(session, fd);
    if (this.#files.size > openFilesMax) {
      const [oldest, oldestFd] = this.#files.entries().next().value!;
      closeSync(oldestFd);
      this.#files.delete(oldest);
    }
    return fd;
  }
}

function newSession(): Known {
  return { chunks: 0, bytes: 0, isSealed: false, isBroken: false, key: null, missing: null, gone: null };
}

/** Whether the journal accounts for a file; what it says of its content is checked elsewhere. */
function isExpected(state: Known, file: RecordFile): boolean {
  if (file === 'rec') return true;
  if (file === 'gone') return state.gone !== null;
  // The key comes before the first chunk: a crash may lie between them.
  return state.key !== null || state.gone?.isDeleted === true || (state.chunks === 0 && !state.isSealed);
}

/** Null where none can be opened: whatever the reason, the caller reports that the file is not there to be read. */
function openFirst(paths: readonly string[]): number | null {
  for (const path of paths) {
    try {
      return openForReading(path);
    } catch {
      // The next place may have it.
    }
  }
  return null;
}

function fileOf(session: string): string {
  return isSessionId(session) ? recordingName(session) : '';
}
