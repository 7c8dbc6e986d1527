/**
 * HTTP/1.1 towards the target (RFC 9112): one connection, on it one request and its answer after another.
 *
 * Invariants:
 * - The framing of the request is the gateway's own, from what it knows of the body; an answer that is not complete is a
 *   failure; one that could be framed in two ways, or that switches protocols unasked, too.
 * - A connection is used again only after an answer that ended by its own framing, to a request that had left whole, with
 *   nothing behind it: what came unasked would be taken for the next answer. The first byte on an idle one ends it.
 *
 * Deliberately absent: how connections are made and kept (upstream.ts, upstream-pool.ts).
 */
import type { GatewayError } from '../../base/errors.ts';
import type { Upstream } from '../../core/session.ts';
import { BodyReader, type BodySink } from './body.ts';
import type { Field } from './fields.ts';
import { type Framing, FramingFault, HeadBuffer, headText, scanAnswer } from './head.ts';
import * as limits from './limits.ts';
import { Message } from './message.ts';
import { type UpstreamExchange, type UpstreamHandler, type UpstreamRequest, upstreamError } from './upstream.ts';

export interface LegParts {
  readonly upstream: Upstream;
  /** Name of the resource, for what people are told. */
  readonly resource: string;
  /** It may be used again. */
  readonly onIdle: (leg: Http1Leg) => void;
  /** It is gone. Once. */
  readonly onGone: (leg: Http1Leg) => void;
}

/** One connection. */
export class Http1Leg {
  /** Since when nothing uses it; for whoever keeps it. */
  idleSinceMs = 0;
  readonly #parts: LegParts;
  #exchange: Http1Upstream | null = null;
  #isGone = false;

  constructor(parts: LegParts) {
    this.#parts = parts;
    parts.upstream.handle({
      borrows: true,
      read: (chunk) => {
        // A server that says something unasked would have it taken for the next answer.
        if (this.#exchange === null) this.destroy();
        else this.#exchange.read(chunk);
      },
      end: () => {
        this.#exchange?.ended();
        this.destroy();
      },
      drain: () => this.#exchange?.drained(),
      close: (error) => {
        this.#gone();
        this.#exchange?.lost(error);
      },
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Throws where the head cannot be written; nothing has left then, and the connection is as it was. */
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange {
    const { resource, upstream } = this.#parts;
    const over = (mayStay: boolean): void => {
      this.#exchange = null;
      if (mayStay && !this.#isGone) {
        upstream.resume();
        this.#parts.onIdle(this);
      } else this.destroy();
    };
    const exchange = new Http1Upstream({ upstream, request, handler, resource, over });
    this.#exchange = exchange;
    if (this.#isGone) queueMicrotask(() => exchange.lost(null));
    return exchange;
  }

  destroy(): void {
    this.#gone();
    this.#parts.upstream.destroy();
  }

  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#parts.onGone(this);
  }
}

interface ExchangeParts {
  readonly upstream: Upstream;
  readonly request: UpstreamRequest;
  readonly handler: UpstreamHandler;
  readonly resource: string;
  /** It has let go of the connection, which may be used again, or not. */
  readonly over: (mayStay: boolean) => void;
}

class Http1Upstream implements UpstreamExchange, BodySink {
  readonly #parts: ExchangeParts;
  readonly #message: Message;
  readonly #heads = new HeadBuffer(limits.answerHeadBytesMax);
  /** From the head of the answer on. */
  #body: BodyReader | null = null;
  #keepsAlive = false;
  #hints = 0;
  #isWhole = false;
  #trailers: Field[] = [];
  #isOver = false;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { request, upstream } = parts;
    const framing = framingOf(request);
    const head = headText(`${request.method} ${request.target} HTTP/1.1`, [
      ['Host', request.authority],
      ...request.fields,
      ...framingFields(request, framing),
    ]);
    this.#message = new Message((view) => upstream.handshake(view), head, framing);
  }

  begin(): void {
    if (!this.#isOver) this.#message.flush();
  }

  write(view: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.#message.fits(view.length)) return this.#message.write(view);
    this.#fail(new Error('the body of the request is longer than was said'));
    return true;
  }

  end(trailers: readonly Field[]): void {
    if (this.#isOver) return;
    // A body that is shorter than was said: the target would wait for the rest, and take the next request for it.
    if (!this.#message.end(trailers)) this.#fail(new Error('the body of the request ended early'));
  }

  pause(): void {
    if (!this.#isOver) this.#parts.upstream.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#parts.upstream.resume();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.over(false);
  }

  read(chunk: Buffer): void {
    try {
      let at = 0;
      while (at < chunk.length && !this.#isOver && !this.#isWhole) at = this.#take(chunk, at);
      if (this.#isWhole) this.#settle(at === chunk.length);
    } catch (error) {
      if (!(error instanceof FramingFault)) throw error;
      this.#fail(new BrokenAnswer(error.message));
    }
  }

  /** The target says no more. */
  ended(): void {
    if (this.#isOver) return;
    if (this.#body?.finish(this) === true) this.#settle(false);
    else this.lost(null);
  }

  drained(): void {
    if (!this.#isOver) this.#parts.handler.drain();
  }

  lost(error: Error | null): void {
    this.#fail(error ?? new Error('closed before the answer was complete'));
  }

  data(view: Buffer): void {
    if (!this.#isOver) this.#parts.handler.data(view);
  }

  /** The end of the body, by its own framing; what is behind it is not known yet. */
  trail(trailers: Field[]): void {
    this.#trailers = trailers;
    this.#isWhole = true;
  }

  #take(chunk: Buffer, at: number): number {
    if (this.#body !== null) return this.#body.push(chunk, at, this);
    const text = this.#heads.take(chunk, at);
    if (text === null) return chunk.length;
    const next = this.#heads.next;
    this.#head(text);
    return next;
  }

  #head(text: string): void {
    const { request, handler } = this.#parts;
    const { status, fields, framing, keepsAlive } = scanAnswer(text, request.method);
    if (fields.length > limits.answerFieldsMax) throw new FramingFault('its head has too many fields');
    if (status === 101) throw new FramingFault('it switches protocols unasked');
    if (status < 200) {
      if (++this.#hints > limits.hintsMax) throw new FramingFault('it hints without end');
      if (status === 100) handler.proceed();
      return;
    }
    this.#keepsAlive = keepsAlive;
    this.#body = new BodyReader(framing);
    this.#isWhole = this.#body.isOver;
    handler.head(status, fields, request.method === 'HEAD' || status === 204 || status === 304);
  }

  /** The answer is complete. `isAll`: nothing came behind it. */
  #settle(isAll: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { handler, over } = this.#parts;
    over(isAll && this.#keepsAlive && this.#message.isEnded);
    handler.end(this.#trailers);
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { handler, over, resource } = this.#parts;
    over(false);
    const told: GatewayError = upstreamError(error, resource);
    handler.failed(told);
  }
}

function framingOf({ bodyBytes }: UpstreamRequest): Framing {
  if (bodyBytes === null) return { kind: 'chunked' };
  return bodyBytes === 0 ? { kind: 'none' } : { kind: 'length', bytes: bodyBytes };
}

function framingFields({ method, bodyBytes, expectsContinue }: UpstreamRequest, { kind }: Framing): Field[] {
  const fields: Field[] = [];
  if (kind === 'chunked') fields.push(['Transfer-Encoding', 'chunked']);
  else if (kind === 'length' || method === 'POST' || method === 'PUT' || method === 'PATCH') {
    fields.push(['Content-Length', String(bodyBytes)]);
  }
  if (expectsContinue) fields.push(['Expect', '100-continue']);
  return fields;
}

/** Counts as a breach of the protocol. */
class BrokenAnswer extends Error {
  readonly code = 'HPE_BROKEN';
}
