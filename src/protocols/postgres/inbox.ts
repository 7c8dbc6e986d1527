/**
 * Reading a connection step by step while nothing passes yet: start-up, login, the handshake with an upstream.
 *
 * Invariants:
 * - What was received is bounded, all of it together, whatever arrives when (A-PG-09, A-PG-27).
 * - Every wait ends: with the bytes, the peer's end, the deadline, or the signal.
 * - Nothing is lost when the relay takes over: `handOver` gives it the bytes that are left and the end that came.
 *
 * Deliberately absent: meaning of messages; anything of the relay, which is not asynchronous.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { GatewayError } from '../../base/errors.ts';
import type { WireHandler } from '../../base/wire.ts';
import type { MessageView } from './body.ts';
import { postgresErrors } from './errors.ts';

/** What an inbox reads from: a Wire or an Upstream. */
export interface Readable {
  handle(handler: WireHandler): void;
}

export interface InboxOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly bytesMax: number;
}

/** How many chunks are kept apart before they are joined: one-byte chunks must not cost a hundred bytes each. */
const chunksMax = 32;

export class Inbox implements WireHandler {
  readonly #source: Readable;
  readonly #options: InboxOptions;
  readonly #onAbort: () => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #received = 0;
  #waiting: { count: number; resolve: () => void; reject: (error: Error) => void } | null = null;
  #failure: Error | null = null;
  #ended = false;
  #timer: Timer | null = null;
  /** Called when the peer goes away or the inbox fails while nobody waits on it. */
  onFailure: ((error: Error) => void) | null = null;
  /** Called when the connection is gone. */
  onClosed: (() => void) | null = null;

  constructor(source: Readable, options: InboxOptions) {
    this.#source = source;
    this.#options = options;
    this.#onAbort = () => this.fail(abortReason(options.signal));
    if (options.signal.aborted) this.#onAbort();
    else options.signal.addEventListener('abort', this.#onAbort, { once: true });
    source.handle(this);
  }

  /** Bytes that wait to be taken. */
  get bytes(): number {
    return this.#bytes;
  }
  get failure(): Error | null {
    return this.#failure;
  }

  /** From now on, everything must be done within `deadlineMs`; replaces the deadline before. */
  deadline(deadlineMs: number, what: string): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(deadlineMs, () =>
      this.fail(
        new GatewayError('base.deadline', 'operation', 'The other side did not answer in time.', {
          detail: `${what} took longer than ${deadlineMs} ms`,
        }),
      ),
    );
  }

  /** No deadline until the next one is set. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  read(chunk: Buffer): void {
    if (this.#failure !== null) return;
    this.#received += chunk.length;
    if (this.#received > this.#options.bytesMax) {
      this.fail(postgresErrors('postgres.too-much-early-data'));
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#chunks.length > chunksMax) this.#join();
    const waiting = this.#waiting;
    if (waiting !== null && this.#bytes >= waiting.count) {
      this.#waiting = null;
      waiting.resolve();
    }
  }

  end(): void {
    this.#ended = true;
    this.#closed();
  }

  drain(): void {}

  close(error: Error | null): void {
    this.#closed(error);
    this.onClosed?.();
  }

  /** Ends every wait, now and later, with `error`. */
  fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.rest();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) waiting.reject(error);
    else this.onFailure?.(error);
  }

  /** Waits until `count` bytes are there. One wait at a time. */
  need(count: number): Promise<void> {
    // What arrived before the peer left may still be read; a deadline or a limit ends it at once.
    if (this.#bytes >= count && (this.#failure === null || isClosed(this.#failure))) return Promise.resolve();
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { count, resolve, reject };
    });
  }

  /** Looks at the first `count` bytes, which must be there. */
  peek(count: number): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= count) return first.subarray(0, count);
    return this.#join().subarray(0, count);
  }

  /** Takes the first `count` bytes, which must be there. */
  take(count: number): Buffer {
    const all = this.#join();
    this.#bytes -= count;
    this.#chunks = this.#bytes === 0 ? [] : [all.subarray(count)];
    return all.subarray(0, count);
  }

  /** Waits for one typed message whose length field is at most `lengthMax`, and takes it. */
  async message(lengthMax: number): Promise<MessageView & { readonly type: string }> {
    await this.need(5);
    const header = this.peek(5);
    const length = header.readUInt32BE(1);
    if (length < 4) throw postgresErrors('postgres.message-length', { detail: `length ${length}` });
    if (length > lengthMax) {
      throw postgresErrors('postgres.message-too-large', { values: { bytes: length, limit: lengthMax } });
    }
    await this.need(length + 1);
    const buffer = this.take(length + 1);
    return { type: String.fromCharCode(buffer[0]!), buffer, start: 0, end: buffer.length };
  }

  /** Lets go: `handler` gets what is left, the end if it came, and everything from here on. */
  handOver(handler: WireHandler): void {
    this.rest();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.onFailure = null;
    const left = this.#bytes > 0 ? this.take(this.#bytes) : null;
    this.#failure ??= postgresErrors('postgres.closed', { detail: 'handed over' });
    this.#source.handle(handler);
    if (left !== null) handler.read(left);
    if (this.#ended) handler.end();
  }

  #closed(cause: Error | null = null): void {
    this.fail(postgresErrors('postgres.closed', cause === null ? {} : { cause, detail: cause.message }));
  }

  #join(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks, this.#bytes)];
    return this.#chunks[0]!;
  }
}

function isClosed(error: Error): boolean {
  return error instanceof GatewayError && error.code === 'postgres.closed';
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}
