/**
 * One recording against what the journal says of it: every chunk's bytes against its digest, its wrapped key against the key's.
 * What `verify` does for all of them, for one, while the gateway runs.
 *
 * Invariants: no key is needed and no content is read, only bytes and their digests; memory is bounded by one chunk.
 * Deliberately absent: the tree itself. That the events stand in it is proven offline, by whoever holds a checkpoint (verify.ts).
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { isGatewayError } from '../base/errors.ts';
import type { Event } from '../core/event.ts';
import { digestOf, digestToHex } from './merkle.ts';
import { recordingName } from './names.ts';
import { keyFileBytesMax } from './sealing.ts';
import { standingOf } from './shelf.ts';
import { readSmall } from './source.ts';

export interface RecordingProof {
  /**
   * `intact`: sealed, and every byte is as the journal says. `unfinished`: as the journal says, and never sealed (it was cut off).
   * `elsewhere`: it lies in an archive, and its bytes were not asked for.
   */
  readonly state: 'intact' | 'unfinished' | 'damaged' | 'deleted' | 'elsewhere' | 'absent';
  readonly chunks: number;
  readonly bytes: number;
  /** Sequences in the journal of the first and the last event about it; null where there is none. */
  readonly first: number | null;
  readonly last: number | null;
  /** What is wrong with it, in plain words. */
  readonly problem: string | null;
}

type Chunk = Extract<Event, { type: 'recording.chunk' }>;
type Sealed = Extract<Event, { type: 'recording.sealed' }>;

/** `events` begin at the session's opening, in order; others' are passed over. Resolves once its seal was met, or they end. */
export async function proveRecording(
  directory: string,
  session: string,
  events: AsyncIterable<Event>,
): Promise<RecordingProof> {
  const standing = await standingOf(directory, session);
  const path = join(directory, recordingName(session));
  const file = standing.state === 'here' ? await open(path, 'r') : null;
  const proving = new Proving(file, () => readSmall(join(directory, recordingName(session, 'key')), keyFileBytesMax));
  try {
    for await (const event of events) {
      if (!('session' in event) || event.session !== session) continue;
      if (event.type === 'recording.chunk') await proving.chunk(event);
      else if (event.type === 'recording.sealed') {
        await proving.seal(event);
        break;
      }
    }
    if (standing.state === 'here') return proving.result(null);
    return proving.result(standing.state === 'released' ? 'elsewhere' : standing.state);
  } finally {
    await file?.close();
  }
}

class Proving {
  readonly #file: FileHandle | null;
  readonly #keyFile: () => Promise<Buffer>;
  #chunks = 0;
  #bytes = 0;
  #first: number | null = null;
  #last: number | null = null;
  #isSealed = false;
  #problem: string | null = null;

  constructor(file: FileHandle | null, keyFile: () => Promise<Buffer>) {
    this.#file = file;
    this.#keyFile = keyFile;
  }

  async chunk(event: Chunk): Promise<void> {
    this.#first ??= event.seq;
    this.#last = event.seq;
    const isNext = event.chunk === this.#chunks && event.offset === this.#bytes;
    this.#chunks = event.chunk + 1;
    this.#bytes = event.offset + event.bytes;
    if (this.#problem !== null || this.#file === null) return;
    if (!isNext) {
      this.#problem = `The journal names part ${event.chunk + 1} out of order.`;
      return;
    }
    if (event.key !== undefined) await this.#checkKey(event.key);
    const bytes = Buffer.allocUnsafe(event.bytes);
    const { bytesRead } = await this.#file.read(bytes, 0, event.bytes, event.offset);
    if (bytesRead < event.bytes) this.#problem = `The recording ends before the end of part ${event.chunk + 1}.`;
    else if (digestToHex(digestOf(bytes)) !== event.digest) {
      this.#problem = `The bytes of part ${event.chunk + 1} are not those that were recorded.`;
    }
  }

  async seal(event: Sealed): Promise<void> {
    this.#isSealed = true;
    this.#first ??= event.seq;
    this.#last = event.seq;
    if (this.#file === null || this.#problem !== null) return;
    const { size } = await this.#file.stat();
    if (event.chunks !== this.#chunks || event.bytes !== this.#bytes) {
      this.#problem = 'Its seal speaks of other parts than the journal.';
    } else if (size !== event.bytes) this.#problem = 'Its file has another length than when it was sealed.';
  }

  result(otherwise: 'elsewhere' | 'deleted' | 'absent' | null): RecordingProof {
    const isGone = otherwise === 'absent' && this.#chunks > 0;
    const problem = isGone
      ? 'The recording is missing, and the journal does not say that it was deleted.'
      : this.#problem;
    const sound = this.#isSealed ? 'intact' : 'unfinished';
    return {
      state: problem !== null ? 'damaged' : (otherwise ?? sound),
      chunks: this.#chunks,
      bytes: this.#bytes,
      first: this.#first,
      last: this.#last,
      problem,
    };
  }

  async #checkKey(digest: string): Promise<void> {
    try {
      if (digestToHex(digestOf(await this.#keyFile())) === digest) return;
      this.#problem = 'Its key is not the one that it was sealed with.';
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#problem = 'Its key is missing.';
    }
  }
}
