/**
 * A download whose content is looked into: nothing leaves before it, and what it may still be part of, was scanned.
 *
 * Clients pipeline READs, and may send them out of order or begin in the middle. So the gate reads the file itself, from
 * its beginning and in order, hands it to the inspector, and answers READs from what is clear. A resumed download is
 * scanned from the first byte all the same: otherwise something could be fetched in two halves.
 *
 * Invariants:
 * - What is answered are the very bytes that were scanned.
 * - Memory: at most `windowBytesMax` of scanned content, what is undecided, and `ownReadsMax` READs on their way.
 * - An answer is never short but at the end of the file, for some clients take that for the end.
 *
 * Honest limits: content behind the window cannot be had again on the same handle, and no more than `gapBytesMax` is
 * skipped at once; such READs are refused.
 */
import { status } from './constants.ts';
import type { ContentFinding, ContentInspector, ContentStop } from './inspect.ts';
import * as limits from './limits.ts';

export interface InspectedDownloadHost {
  /** Reads from the target; the answer is data, or the code of a status. */
  read(offset: number, length: number, take: (answer: Buffer | number) => void): void;
  answerData(id: number, offset: number, pieces: readonly Buffer[]): void;
  answerStatus(id: number, code: number, message: string): void;
  stopped(stop: ContentStop): void;
}

interface Asked {
  readonly id: number;
  readonly offset: number;
  readonly length: number;
}

export class InspectedDownload {
  readonly #inspector: ContentInspector;
  readonly #host: InspectedDownloadHost;
  #asked: Asked[] = [];
  /** Scanned content, in order from `#windowFrom` to `#scanned`. */
  #window: Buffer[] = [];
  #windowFrom = 0;
  #scanned = 0;
  #clear = 0;
  /** Where the next READ of ours begins, and what came before its turn. */
  #next = 0;
  readonly #arrived = new Map<number, Buffer>();
  #onTheirWay = 0;
  #end: number | null = null;
  #isScannedWhole = false;
  #failure: { readonly code: number; readonly message: string } | null = null;

  constructor(inspector: ContentInspector, host: InspectedDownloadHost) {
    this.#inspector = inspector;
    this.#host = host;
  }

  read(id: number, offset: number, length: number): void {
    this.#asked.push({ id, offset, length });
    this.#advance();
  }

  /** READs that have no answer yet get this one, as do all that come. */
  fail(code: number, message: string): void {
    this.#failure ??= { code, message };
    this.#window = [];
    this.#arrived.clear();
    this.#advance();
  }

  #advance(): void {
    this.#answer();
    this.#fetch();
  }

  /** Answers what can be. */
  #answer(): void {
    const waiting: Asked[] = [];
    for (const asked of this.#asked) if (!this.#tryAnswer(asked)) waiting.push(asked);
    this.#asked = waiting;
    this.#trim();
  }

  #tryAnswer({ id, offset, length }: Asked): boolean {
    const host = this.#host;
    if (this.#failure !== null) {
      host.answerStatus(id, this.#failure.code, this.#failure.message);
      return true;
    }
    if (offset < this.#windowFrom) {
      host.answerStatus(
        id,
        status.SSH_FX_FAILURE,
        'The content is inspected in order, and this part has passed. Open the file again.',
      );
      return true;
    }
    if (offset - this.#scanned > limits.gapBytesMax) {
      host.answerStatus(
        id,
        status.SSH_FX_FAILURE,
        'The content is inspected from the beginning, and this is too far into the file. Read it from the beginning.',
      );
      return true;
    }
    if (this.#isScannedWhole && offset >= this.#scanned) {
      host.answerStatus(id, status.SSH_FX_EOF, 'End of file');
      return true;
    }
    const until = Math.min(offset + length, this.#isScannedWhole ? this.#scanned : Number.MAX_SAFE_INTEGER);
    if (until > this.#clear) return false;
    host.answerData(id, offset, this.#slice(offset, until));
    return true;
  }

  #slice(from: number, until: number): Buffer[] {
    const pieces: Buffer[] = [];
    let at = this.#windowFrom;
    for (const piece of this.#window) {
      const end = at + piece.length;
      if (end > from && at < until)
        pieces.push(piece.subarray(Math.max(0, from - at), Math.min(piece.length, until - at)));
      at = end;
      if (at >= until) break;
    }
    return pieces;
  }

  /** Lets go of what lies furthest back. What is undecided, or asked for, stays. */
  #trim(): void {
    let needed = this.#clear;
    for (const { offset } of this.#asked) if (offset < needed) needed = offset;
    let bytes = this.#scanned - this.#windowFrom;
    while (bytes > limits.windowBytesMax) {
      const first = this.#window[0];
      if (first === undefined || this.#windowFrom + first.length > needed) return;
      this.#window.shift();
      this.#windowFrom += first.length;
      bytes -= first.length;
    }
  }

  /** Reads on as far as somebody waits for it. */
  #fetch(): void {
    if (this.#failure !== null || this.#asked.length === 0 || this.#end !== null) return;
    // The first that waits decides; those far ahead of it are served later, as the window goes on.
    let wanted = Number.MAX_SAFE_INTEGER;
    for (const { offset, length } of this.#asked) wanted = Math.min(wanted, offset + length);
    // What is scanned and not clear needs more behind it to be decided.
    const until = Math.max(wanted, this.#scanned) + limits.ownReadBytes * limits.ownReadsMax;
    while (this.#onTheirWay < limits.ownReadsMax && this.#next < until) {
      const offset = this.#next;
      this.#next += limits.ownReadBytes;
      this.#read(offset, limits.ownReadBytes);
    }
  }

  #read(offset: number, length: number): void {
    this.#onTheirWay++;
    this.#host.read(offset, length, (answer) => {
      this.#onTheirWay--;
      if (this.#failure !== null) return;
      if (typeof answer === 'number' && answer !== status.SSH_FX_EOF) {
        return this.fail(answer, 'The target could not read the file.');
      }
      if (typeof answer === 'number' || answer.length === 0) {
        this.#end = Math.min(this.#end ?? offset, offset);
      } else {
        this.#arrived.set(offset, answer);
        // A short answer: the rest is asked for, which tells whether the file ends here.
        if (answer.length < length) this.#read(offset + answer.length, length - answer.length);
      }
      this.#scan();
      this.#advance();
    });
  }

  #scan(): void {
    for (;;) {
      const piece = this.#arrived.get(this.#scanned);
      if (piece === undefined) break;
      this.#arrived.delete(this.#scanned);
      this.#window.push(piece);
      this.#scanned += piece.length;
      if (!this.#take(this.#inspector.push(piece))) return;
    }
    if (this.#end === this.#scanned && !this.#isScannedWhole) {
      this.#isScannedWhole = true;
      if (this.#take(this.#inspector.end())) this.#clear = this.#scanned;
    }
  }

  #take({ clearBytes, stop }: ContentFinding): boolean {
    if (stop !== null) {
      this.#host.stopped(stop);
      return false;
    }
    this.#clear = Math.max(this.#clear, Math.min(clearBytes, this.#scanned));
    if (this.#scanned - this.#clear <= limits.undecidedBytesMax + limits.readBytesMax || this.#isScannedWhole)
      return true;
    this.fail(status.SSH_FX_FAILURE, 'The content could not be inspected.');
    return false;
  }
}
