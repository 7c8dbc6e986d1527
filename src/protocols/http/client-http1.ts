/**
 * HTTP/1.1 of a client (RFC 9112): its connection as requests, one after another, and each of them as an exchange.
 *
 *     wire ─► head ─► exchange ─► the connection's queue        (what comes behind it: its body, then the next head)
 *     wire ◄─ head and body of one answer after another
 *
 * Invariants:
 * - Bytes are read once, by head.ts and body.ts; what they refuse is 400 or 431, and the connection ends.
 * - An answer is begun once and ended or torn once. Where its request's body was not read to its end, where either side says
 *   so, or where it did not come out as its head says, the connection ends behind it: no byte is ever taken for another
 *   message's.
 * - A client that reads no answers is not read from: what is ahead of its requests is bounded.
 *
 * Deliberately absent: TLS and versions (server.ts), which request is for whom (connection.ts).
 */
import { STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import type { Wire } from '../../base/wire.ts';
import { BodyReader, type BodySink } from './body.ts';
import type { ClientExchange, RequestHead } from './client.ts';
import type { Connection } from './connection.ts';
import type { Field } from './fields.ts';
import {
  type Framing,
  FramingFault,
  HeadBuffer,
  headText,
  type ScannedRequest,
  scanRequest,
  scanRequestLine,
} from './head.ts';
import * as limits from './limits.ts';
import { Message } from './message.ts';

/** What an exchange needs of its connection. */
export interface Http1Line {
  readonly clock: Clock;
  /** False: wait. */
  write(view: Buffer): boolean;
  /** More of the body is wanted, or no more for now. */
  wants(more: boolean): void;
  /** The answer has left. `mayFollow`: another request may. */
  answered(exchange: Http1Exchange, mayFollow: boolean): void;
  /** Ends the connection without more. */
  tear(): void;
}

export class Http1Exchange implements ClientExchange {
  readonly head: RequestHead;
  readonly hasBody: boolean;
  readonly bodyBytes: number | null;
  readonly expectsContinue: boolean;
  onDrain: (() => void) | null = null;
  onOver: (() => void) | null = null;
  readonly #line: Http1Line;
  readonly #keepsAlive: boolean;
  #body: Readable | null = null;
  #trailers: readonly Field[] = [];
  /** All of the request was read. */
  #isRead: boolean;
  #message: Message | null = null;
  #mayFollow = false;
  /** The last write wants a pause. */
  #isFull = false;
  #isEnded = false;
  #isOver = false;

  constructor(request: ScannedRequest, line: Http1Line) {
    const { version, method, target, fields, framing, keepsAlive, expectsContinue } = request;
    this.#line = line;
    this.#keepsAlive = keepsAlive;
    this.head = { version, method, target, authority: null, fields };
    this.hasBody = framing.kind !== 'none';
    this.bodyBytes = framing.kind === 'length' ? framing.bytes : framing.kind === 'none' ? 0 : null;
    this.expectsContinue = expectsContinue;
    this.#isRead = !this.hasBody;
  }

  get body(): Readable {
    this.#body ??= this.#makeBody();
    return this.#body;
  }
  get isAnswered(): boolean {
    // What has not left may still become another answer.
    return this.#message?.hasBegun === true;
  }
  get isGone(): boolean {
    return this.#isOver;
  }

  trailers(): Field[] {
    return [...this.#trailers];
  }

  proceed(): void {
    if (this.expectsContinue && !this.isAnswered && !this.#isOver) this.#line.write(continueLine);
  }

  answer(status: number, fields: readonly Field[], bodyless: boolean): void {
    if (this.#isOver || this.isAnswered) return;
    const { version } = this.head;
    const { framing, framed } = framingOf(fields, bodyless, status, this.head);
    const says = connectionOf(fields);
    this.#mayFollow = this.#keepsAlive && this.#isRead && framing.kind !== 'close' && says !== 'close';
    const more: Field[] = [...framed];
    if (!fields.some(([name]) => name.length === 4 && name.toLowerCase() === 'date'))
      more.push(['Date', dateAt(this.#line.clock.now())]);
    if (!this.#mayFollow && says === null) more.push(['Connection', 'close']);
    else if (version === '1.0' && this.#mayFollow) more.push(['Connection', 'keep-alive']);
    const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}`;
    this.#message = new Message((view) => this.#line.write(view), headText(line, [...fields, ...more]), framing);
    // Where more follows within this turn, head and body leave together.
    if (!bodyless) setImmediate(() => this.flush());
  }

  write(view: Buffer): boolean {
    if (this.#isOver || this.#isEnded || this.#message === null) return true;
    if (!this.#message.fits(view.length)) {
      this.tear();
      return true;
    }
    this.#isFull = !this.#message.write(view);
    return !this.#isFull;
  }

  flush(): void {
    if (!this.#isOver && !this.#isEnded) this.#message?.flush();
  }

  end(trailers: readonly Field[]): void {
    if (this.#isOver || this.#isEnded || this.#message === null) return;
    this.#isEnded = true;
    // HTTP/1.0 has no place for them; where it got a length, nobody has.
    if (!this.#message.end(trailers)) this.tear();
    else if (!this.#isFull) queueMicrotask(() => this.#left());
  }

  tear(): void {
    this.#line.tear();
    this.over();
  }

  /** Bytes of the request's body. */
  push(view: Buffer): void {
    if (!this.body.push(view)) this.#line.wants(false);
  }

  /** The request is whole. */
  whole(trailers: readonly Field[]): void {
    this.#isRead = true;
    this.#trailers = trailers;
    this.body.push(null);
  }

  drained(): void {
    this.#isFull = false;
    if (this.#isEnded) this.#left();
    else this.onDrain?.();
  }

  /** Nobody waits for the rest of it. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body?.destroy();
    this.onOver?.();
  }

  #left(): void {
    if (this.#isOver) return;
    this.#line.answered(this, this.#mayFollow);
    this.over();
  }

  #makeBody(): Readable {
    const body = new Readable({ read: () => this.#line.wants(true) });
    // What was wrong does not matter to anybody here: its end is told by `close`.
    body.on('error', () => undefined);
    if (!this.hasBody) body.push(null);
    else if (this.#isOver) body.destroy();
    return body;
  }
}

const continueLine = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

/** How the body of an answer is framed, and the fields that say so where the answer's own do not. */
function framingOf(
  fields: readonly Field[],
  isBodyless: boolean,
  status: number,
  { method, version }: RequestHead,
): { readonly framing: Framing; readonly framed: readonly Field[] } {
  const none: Framing = { kind: 'none' };
  if (method === 'HEAD' || status === 204 || status === 304) return { framing: none, framed: [] };
  const length = fields.find(([name]) => name.length === 14 && name.toLowerCase() === 'content-length');
  if (isBodyless) return { framing: none, framed: length === undefined ? [['Content-Length', '0']] : [] };
  if (length !== undefined) return { framing: { kind: 'length', bytes: Number(length[1]) }, framed: [] };
  if (version === '1.0') return { framing: { kind: 'close' }, framed: [] };
  return { framing: { kind: 'chunked' }, framed: [['Transfer-Encoding', 'chunked']] };
}

function connectionOf(fields: readonly Field[]): string | null {
  return fields.find(([name]) => name.length === 10 && name.toLowerCase() === 'connection')?.[1].toLowerCase() ?? null;
}

let date = '';
let dateSecond = 0;

/** For the Date of answers whose target says none. */
function dateAt(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(second * 1000).toUTCString();
  }
  return date;
}

export interface Http1ClientParts {
  readonly wire: Wire;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Values of Upgrade that are followed, in lower case. */
  readonly upgrades: readonly string[];
  /** The client asks to turn the connection into something else; it is the callee's from here on. */
  readonly onUpgrade: (request: ScannedRequest) => void;
  /** What came is no HTTP: says so, or not, and ends the connection. */
  readonly onFault: (fault: FramingFault) => void;
  /** The connection is gone, or to end once what was written has left. Once. */
  readonly onGone: () => void;
}

/** One connection. */
export class Http1Client implements Http1Line, BodySink {
  readonly #parts: Http1ClientParts;
  readonly #heads = new HeadBuffer(limits.headBytesMax);
  /** The requests that were not answered whole, first come first; the last may still be read. */
  readonly #exchanges: Http1Exchange[] = [];
  #body: BodyReader | null = null;
  #isPaused = false;
  #isLastRead = false;
  #isStartChecked = false;
  /** What comes is not read any more. */
  #isDeaf = false;
  #isOver = false;

  constructor(parts: Http1ClientParts) {
    this.#parts = parts;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  /** Begins to read; `first` was read already. */
  start(first: Buffer): void {
    const { wire } = this.#parts;
    wire.handle({
      read: (chunk) => this.#read(chunk),
      // A client that says no more waits for no answer, as ever with Node's server.
      end: () => this.#gone(),
      drain: () => this.#drained(),
      close: () => this.#gone(),
    });
    if (first.length > 0) this.#read(first);
    if (!this.#isOver && !this.#isPaused) wire.resume();
  }

  /** Whatever comes on the wire from here on is somebody else's. */
  release(): void {
    this.#isDeaf = true;
    this.#isOver = true;
  }

  write(view: Buffer): boolean {
    return this.#isOver ? true : this.#parts.wire.write(view);
  }

  wants(more: boolean): void {
    if (this.#isOver || this.#isPaused === !more) return;
    this.#isPaused = !more;
    if (more) this.#parts.wire.resume();
    else this.#parts.wire.pause();
  }

  answered(exchange: Http1Exchange, mayFollow: boolean): void {
    if (this.#isOver) return;
    const at = this.#exchanges.indexOf(exchange);
    if (at >= 0) this.#exchanges.splice(at, 1);
    if (!mayFollow) this.#gone();
    // It came while the one before was dealt with, and has its own time from here on.
    else if (this.#heads.isBegun) queueMicrotask(() => this.#parts.connection.touch());
  }

  tear(): void {
    this.#gone();
  }

  data(view: Buffer): void {
    this.#exchanges.at(-1)?.push(view);
  }

  trail(trailers: Field[]): void {
    this.#exchanges.at(-1)?.whole(trailers);
  }

  #read(chunk: Buffer): void {
    try {
      for (let at = 0; at < chunk.length && !this.#isDeaf; ) at = this.#take(chunk, at);
    } catch (error) {
      if (!(error instanceof FramingFault)) throw error;
      this.#isDeaf = true;
      if (!this.#isOver) this.#parts.onFault(error);
      return;
    }
    if (!this.#isDeaf && this.#heads.isBegun) this.#parts.connection.touch();
  }

  /** Reads on from `at`; answers where it stopped. */
  #take(chunk: Buffer, at: number): number {
    if (this.#body !== null) {
      const next = this.#body.push(chunk, at, this);
      if (this.#body.isOver) this.#body = null;
      return next;
    }
    if (this.#isLastRead) throw new FramingFault('bytes follow the request that was to be the last');
    const text = this.#heads.take(chunk, at);
    if (text === null) {
      this.#checkStart();
      return chunk.length;
    }
    this.#isStartChecked = false;
    const { next } = this.#heads;
    this.#head(scanRequest(text), next < chunk.length);
    return next;
  }

  #head(request: ScannedRequest, isMoreThere: boolean): void {
    const { connection, upgrades, onUpgrade } = this.#parts;
    if (request.upgrade !== null && upgrades.includes(request.upgrade)) {
      // Behind another request its place would be taken by that one's answer; bytes before the switch are nobody's (A-HTTP-08).
      if (connection.isBusy || isMoreThere) {
        this.#gone();
        return;
      }
      this.release();
      onUpgrade(request);
      return;
    }
    const exchange = new Http1Exchange(request, this);
    this.#exchanges.push(exchange);
    this.#isLastRead = !request.keepsAlive;
    if (exchange.hasBody) this.#body = new BodyReader(request.framing);
    connection.takeNext(exchange);
  }

  /** What is no HTTP is told so before its head is whole, which may never be. */
  #checkStart(): void {
    if (this.#isStartChecked) return;
    const line = this.#heads.startLine();
    if (line === null) return;
    scanRequestLine(line);
    this.#isStartChecked = true;
  }

  #drained(): void {
    this.#exchanges[0]?.drained();
  }

  #gone(): void {
    if (this.#isOver) return;
    this.release();
    // First, so that none of those that wait is dealt with once the one before it is over.
    this.#parts.onGone();
    for (const exchange of this.#exchanges.splice(0)) exchange.over();
  }
}
