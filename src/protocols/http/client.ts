/**
 * One exchange as its client sees it: the request that came, and the ways to answer; the same over both versions.
 *
 * Invariants: an answer is begun once and ended or torn once; where the request's body was not read to its end, the answer
 * ends the connection (HTTP/1.1) or the stream, so that no byte of it is ever taken for another request.
 *
 * Deliberately absent: what the request means, whether it may pass.
 * Source: RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2).
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { ownedOf } from '../../base/regions.ts';
import { type Field, fieldsOf } from './fields.ts';

export interface RequestHead {
  readonly version: '0.9' | '1.0' | '1.1' | '2';
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** `:authority` of HTTP/2, or null. */
  readonly authority: string | null;
  readonly fields: readonly Field[];
}

export interface ClientExchange {
  readonly head: RequestHead;
  readonly hasBody: boolean;
  /** As the head says; null where it does not. */
  readonly bodyBytes: number | null;
  readonly expectsContinue: boolean;
  readonly body: Readable;
  /** Fields behind the body, once it has ended. */
  trailers(): Field[];
  /** True once the head of the answer is on its way. */
  readonly isAnswered: boolean;
  readonly isGone: boolean;
  /** Asks for the body. */
  proceed(): void;
  /** `bodyless`: nothing follows the head. */
  answer(status: number, fields: readonly Field[], bodyless: boolean): void;
  /** The view is borrowed, where it lies in a region. False: wait for `onDrain`. */
  write(view: Buffer): boolean;
  /** What was begun leaves now. */
  flush(): void;
  end(trailers: readonly Field[]): void;
  /** Ends it without a complete answer; the client can tell. */
  tear(): void;
  onDrain: (() => void) | null;
  /** It is over for the client: the answer has left, or nobody waits for it. Called once. */
  onOver: (() => void) | null;
}

export class Http2Exchange implements ClientExchange {
  readonly head: RequestHead;
  readonly hasBody: boolean;
  readonly bodyBytes: number | null;
  readonly expectsContinue: boolean;
  onDrain: (() => void) | null = null;
  onOver: (() => void) | null = null;
  readonly #stream: ServerHttp2Stream;
  #trailers: readonly Field[] = [];
  #owed: readonly Field[] = [];
  #isOver = false;

  constructor(stream: ServerHttp2Stream, raw: readonly string[]) {
    this.#stream = stream;
    const own = (name: string): string | null => {
      const at = raw.findIndex((one, index) => index % 2 === 0 && one === name);
      return at < 0 ? null : (raw[at + 1] ?? null);
    };
    const fields = fieldsOf(raw);
    this.head = {
      version: '2',
      method: own(':method') ?? '',
      target: own(':path') ?? '',
      authority: own(':authority'),
      fields,
    };
    const length = fields.find(([name]) => name === 'content-length')?.[1];
    this.bodyBytes = length === undefined ? null : Number(length);
    this.hasBody = !stream.endAfterHeaders;
    this.expectsContinue = fields.some(([name, value]) => name === 'expect' && value.toLowerCase() === '100-continue');
    stream.on('error', () => this.#over());
    stream.on('aborted', () => this.#over());
    stream.on('drain', () => this.onDrain?.());
    stream.on('close', () => this.#over());
    stream.on('trailers', (_headers, _flags, rawTrailers?: string[]) => {
      this.#trailers = fieldsOf(rawTrailers ?? []);
    });
    stream.on('wantTrailers', () => {
      if (stream.destroyed) return;
      stream.sendTrailers(headersOf(this.#owed));
      this.#letGo();
    });
  }

  get body(): Readable {
    return this.#stream;
  }
  get isAnswered(): boolean {
    return this.#stream.headersSent;
  }
  get isGone(): boolean {
    return this.#isOver;
  }

  trailers(): Field[] {
    return [...this.#trailers];
  }

  proceed(): void {
    if (!this.expectsContinue || this.isAnswered || this.#isOver) return;
    this.#stream.additionalHeaders({ ':status': 100 });
  }

  answer(status: number, fields: readonly Field[], bodyless: boolean): void {
    if (this.#isOver || this.#stream.headersSent || this.#stream.destroyed) return;
    const options = bodyless ? { endStream: true } : { waitForTrailers: true };
    this.#stream.respond({ ':status': status, ...headersOf(fields) }, options);
    if (bodyless) this.#letGo();
  }

  write(view: Buffer): boolean {
    return this.#isOver || this.#stream.destroyed ? true : this.#stream.write(ownedOf(view));
  }

  flush(): void {
    // Frames leave by themselves.
  }

  end(trailers: readonly Field[]): void {
    if (this.#isOver || this.#stream.writableEnded) return;
    this.#owed = trailers;
    this.#stream.end();
  }

  tear(): void {
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    this.#over();
  }

  /** Nobody reads the rest of a body whose answer is complete (RFC 9113, section 8.1). */
  #letGo(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    stream.resume();
    if (stream.endAfterHeaders) return;
    setImmediate(() => {
      if (!stream.closed && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onOver?.();
  }
}

/** Fields as HTTP/2 takes them: names in lower case, one entry for each. */
export function headersOf(fields: readonly Field[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    const before = headers[key];
    if (before === undefined) headers[key] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[key] = [before, value];
  }
  return headers;
}
