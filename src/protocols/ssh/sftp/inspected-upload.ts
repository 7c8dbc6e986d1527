/**
 * An upload whose content is looked into: nothing reaches the target before it, and what it may still be part of, was
 * scanned.
 *
 * What is undecided stays here, and its WRITE is answered at once, since a client that sends one WRITE at a time would
 * otherwise wait for itself. So an error of the target may show at a later WRITE or at CLOSE, as with any write-back.
 *
 * Where an upload does not begin at the first byte (it is resumed, or appends), the gate reads what is before it from the
 * target and scans that first; where it ends before the file does, what follows is scanned too. Otherwise something could
 * be put there in two halves.
 *
 * Invariants: content goes in order; a WRITE elsewhere than at the end of the last ends the upload. Held are at most
 * `undecidedBytesMax` and what came while the gap is scanned (bounded by `pendingBytesMax`, then the client is not read).
 */
import { status } from './constants.ts';
import type { ContentFinding, ContentInspector, ContentStop } from './inspect.ts';
import * as limits from './limits.ts';

export interface InspectedUploadHost {
  /** Writes to the target; the answer is the code of a status. */
  write(offset: number, data: Buffer, take: (code: number) => void): void;
  /** Reads from the target by a handle of the gate's own: data, or the code of a status. */
  readBack(offset: number, length: number): Promise<Buffer | number>;
  /** Bytes that the file has at the target by now; null where that is not known. */
  sizeNow(): Promise<number | null>;
  /** Of a WRITE of the client. */
  answer(id: number, code: number, message: string): void;
  /** Something was found. Of a `quarantine` the rest goes on to the target. */
  stopped(stop: ContentStop): void;
  /** The upload cannot go on. */
  cut(message: string): void;
  /** Nothing else on this handle until it is called. */
  block(): () => void;
}

/** How much is read at once of what is before or behind. */
const readBackBytes = 128 * 1024;

export class InspectedUpload {
  readonly #inspector: ContentInspector;
  readonly #host: InspectedUploadHost;
  /** Bytes of the file as it was opened (after truncation), or null where that is not known. */
  readonly #sizeBytes: number | null;
  readonly #appends: boolean;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Where the next WRITE begins; null before the first. */
  #next: number | null = null;
  #clear = 0;
  #isQuarantined = false;
  #writeFailed: number | null = null;
  #isOver = false;
  #pendingWrites = 0;
  #whenWritten: (() => void) | null = null;

  constructor(inspector: ContentInspector, sizeBytes: number | null, appends: boolean, host: InspectedUploadHost) {
    this.#inspector = inspector;
    this.#sizeBytes = sizeBytes;
    this.#appends = appends;
    this.#host = host;
  }

  /** Bytes that were taken and are not at the target yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Where content was taken up to; a change of the size below it would undo what was scanned. */
  get next(): number {
    return this.#next ?? 0;
  }

  write(id: number, offset: number, data: Buffer): void {
    if (this.#next !== null) {
      this.#write(id, offset, data);
      return;
    }
    const before = this.#appends ? this.#sizeBytes : offset;
    if (before === 0) {
      this.#next = 0;
      this.#write(id, offset, data);
      return;
    }
    if (before === null || before > (this.#sizeBytes ?? 0) || before > limits.gapBytesMax) {
      this.#refuse(
        id,
        'The content is inspected, so it must be sent from the beginning and in order. Send the whole file.',
      );
      return;
    }
    const go = this.#host.block();
    void this.#scanUntil(before).then((error) => {
      if (error !== null) this.#refuse(id, error);
      else {
        this.#next = before;
        this.#clear = before;
        this.#write(id, offset, data);
      }
      go();
    });
  }

  /** The end of the upload: scans and writes what is left. Resolves with null, or with the status of a failed write. */
  async finish(): Promise<number | null> {
    if (!this.#isOver && !this.#isQuarantined && this.#next !== null) {
      await this.#scanBehind(this.#next);
      if (!this.#isOver && this.#take(this.#inspector.end())) this.#release(this.#heldBytes);
    }
    if (this.#isOver) return null;
    if (this.#pendingWrites > 0) await new Promise<void>((resolve) => (this.#whenWritten = resolve));
    return this.#writeFailed;
  }

  /** Nothing more goes to the target. */
  stop(): void {
    this.#isOver = true;
    this.#held = [];
    this.#heldBytes = 0;
  }

  #write(id: number, offset: number, data: Buffer): void {
    if (this.#isOver) {
      this.#host.answer(id, status.SSH_FX_FAILURE, 'The upload was stopped.');
      return;
    }
    if (!this.#appends && offset !== this.#next) {
      this.#refuse(id, 'The content is inspected, so it must be sent in order. Send the file again.');
      return;
    }
    if (this.#writeFailed !== null) {
      this.#host.answer(id, this.#writeFailed, 'An earlier write failed.');
      return;
    }
    this.#next = this.#next! + data.length;
    this.#held.push(data);
    this.#heldBytes += data.length;
    if (this.#isQuarantined) this.#clear = this.#next;
    else if (!this.#take(this.#inspector.push(data))) {
      this.#host.answer(id, status.SSH_FX_FAILURE, 'The upload was stopped.');
      return;
    }
    const clear = Math.min(this.#clear, this.#next) - (this.#next - this.#heldBytes);
    if (clear <= 0) {
      this.#host.answer(id, status.SSH_FX_OK, '');
      return;
    }
    this.#release(clear, id);
  }

  /** Sends the first `bytes` of what is held, and answers the WRITE once the target has taken them. */
  #release(bytes: number, id?: number): void {
    let offset = this.#next! - this.#heldBytes;
    let left = bytes;
    this.#heldBytes -= bytes;
    while (left > 0) {
      const first = this.#held[0]!;
      const piece = first.length <= left ? first : first.subarray(0, left);
      if (piece.length === first.length) this.#held.shift();
      else this.#held[0] = first.subarray(piece.length);
      left -= piece.length;
      const isLast = left === 0;
      this.#pendingWrites++;
      this.#host.write(offset, piece, (code) => {
        if (code !== status.SSH_FX_OK) this.#writeFailed ??= code;
        if (isLast && id !== undefined) this.#host.answer(id, this.#writeFailed ?? code, '');
        if (--this.#pendingWrites === 0) this.#whenWritten?.();
      });
      offset += piece.length;
    }
  }

  /** What stands in the file behind the last WRITE, as far as it could be one with it. */
  async #scanBehind(next: number): Promise<void> {
    const size = await this.#host.sizeNow();
    if (size !== null && size <= next) return;
    if (size !== null) {
      const until = Math.min(size, next + limits.undecidedBytesMax);
      const reached = await this.#scan(next, until);
      if (this.#isOver || this.#isQuarantined || reached === until) return;
    }
    this.stop();
    this.#host.cut('What follows in the file could not be read to be inspected. Send the whole file.');
  }

  async #scanUntil(until: number): Promise<string | null> {
    const reached = await this.#scan(0, until);
    if (this.#isOver) return 'The upload was stopped.';
    return reached === until ? null : 'The content before it could not be read to be inspected. Send the whole file.';
  }

  /** Hands content that is at the target to the inspector; answers how far it came. */
  async #scan(from: number, until: number): Promise<number> {
    let at = from;
    while (at < until && !this.#isOver) {
      const answer = await this.#host.readBack(at, Math.min(readBackBytes, until - at));
      if (typeof answer === 'number' || answer.length === 0) break;
      at += answer.length;
      if (!this.#take(this.#inspector.push(answer))) break;
    }
    return at;
  }

  #take({ clearBytes, stop }: ContentFinding): boolean {
    this.#clear = Math.max(this.#clear, clearBytes);
    if (stop !== null) {
      this.#host.stopped(stop);
      if (stop.verdict === 'block') {
        this.stop();
        return false;
      }
      this.#isQuarantined = true;
      this.#clear = Number.MAX_SAFE_INTEGER;
      return true;
    }
    if (this.#heldBytes <= limits.undecidedBytesMax + limits.messageBytesMax) return true;
    this.stop();
    this.#host.cut('The content could not be inspected, so the upload was stopped.');
    return false;
  }

  #refuse(id: number, message: string): void {
    this.stop();
    this.#host.cut(message);
    this.#host.answer(id, status.SSH_FX_FAILURE, message);
  }
}
