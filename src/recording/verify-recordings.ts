/**
 * Verification of recordings: every byte of every file against the digests in the journal.
 *
 * Chunks are checked as their events go by, so nothing but a few numbers per session is kept (some 200 bytes).
 */
import { closeSync, existsSync, fstatSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { openForReading } from './files.ts';
import * as limits from './limits.ts';
import { digestOf, digestToHex } from './merkle.ts';
import { isSessionId, recordingName, recordingNamePattern } from './names.ts';
import { decodeRecordingHeader, recordingHeaderBytes } from './recording-format.ts';
import { readBeginning } from './tracker.ts';
import type { ProblemCode, Problems } from './verify-report.ts';

interface Known {
  chunks: number;
  bytes: number;
  isSealed: boolean;
  isBroken: boolean;
}

/** Files kept open between the chunks of one session. */
const openFilesMax = 64;

/** A chunk holds at most one block and one entry more, and zstd adds little. */
const chunkBytesMax = Math.ceil(limits.chunkRawBytesMax * 1.01) + 2048;

export class RecordingVerifier {
  readonly #directory: string;
  readonly #problems: Problems;
  readonly #names: readonly string[];
  readonly #sessions = new Map<string, Known>();
  readonly #files = new Map<string, number>();
  #buffer = Buffer.alloc(0);
  #chunks = 0;
  #bytes = 0;
  #unfinished = 0;

  constructor(directory: string, problems: Problems) {
    this.#directory = directory;
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
    const state = this.#sessions.get(session) ?? { chunks: 0, bytes: 0, isSealed: false, isBroken: false };
    this.#sessions.set(session, state);
    if (known.type === 'recording.chunk') this.#takeChunk(session, state, event, known.sequence);
    else if (known.type === 'recording.sealed') this.#takeSeal(session, state, event, known.sequence);
  }

  /** After the last event: files that hold more than the journal speaks of, and files it does not speak of. */
  finish(): void {
    for (const [session, state] of this.#sessions) this.#checkLength(session, state);
    for (const name of this.#names) {
      const session = recordingNamePattern.exec(name)?.[1];
      if (session !== undefined && this.#sessions.has(session)) continue;
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
    if (state.isBroken) return;
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
      refuse('recording-missing', 'the recording is missing or cannot be opened.');
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

  #checkLength(session: string, state: Known): void {
    if (!isSessionId(session)) return;
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

  #open(session: string): number | null {
    if (!isSessionId(session)) return null;
    const held = this.#files.get(session);
    if (held !== undefined) return held;
    let fd: number;
    try {
      fd = openForReading(join(this.#directory, recordingName(session)));
    } catch {
      // Whatever the reason, the caller reports that the recording is not there to be read.
      return null;
    }
    this.#files.set(session, fd);
    if (this.#files.size > openFilesMax) {
      const [oldest, oldestFd] = this.#files.entries().next().value!;
      closeSync(oldestFd);
      this.#files.delete(oldest);
    }
    return fd;
  }
}

function fileOf(session: string): string {
  return isSessionId(session) ? recordingName(session) : '';
}
