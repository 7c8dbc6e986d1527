/**
 * One request over HTTP/2 and its answer (RFC 9113), on a connection of the session's own.
 *
 * Invariant: an answer whose stream was reset before its end is a failure, whatever code the reset bore.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import type { GatewayError } from '../../base/errors.ts';
import { headersOf } from './client.ts';
import { type Field, fieldsOf } from './fields.ts';
import { type UpstreamExchange, type UpstreamHandler, type UpstreamRequest, upstreamError } from './upstream.ts';

export class Http2Upstream implements UpstreamExchange {
  readonly #stream: ClientHttp2Stream;
  readonly #handler: UpstreamHandler;
  #trailers: Field[] = [];
  #owed: readonly Field[] = [];
  #isOver = false;

  constructor(
    http2: ClientHttp2Session,
    request: UpstreamRequest,
    handler: UpstreamHandler,
    scheme: 'http' | 'https',
    resource: string,
  ) {
    const { method, target, authority, fields, bodyBytes, expectsContinue } = request;
    this.#handler = handler;
    const bodyless = bodyBytes === 0;
    const headers = {
      ':method': method,
      ':scheme': scheme,
      ':authority': authority,
      ':path': target,
      ...headersOf(fields),
      ...(bodyBytes === null || bodyless ? {} : { 'content-length': String(bodyBytes) }),
      ...(expectsContinue ? { expect: '100-continue' } : {}),
      // gRPC asks for it, and the only value that HTTP/2 allows.
      te: 'trailers',
    };
    const stream = http2.request(headers, { endStream: bodyless, ...(bodyless ? {} : { waitForTrailers: true }) });
    this.#stream = stream;
    stream.on('wantTrailers', () => {
      if (!stream.destroyed) stream.sendTrailers(headersOf(this.#owed));
    });
    stream.on('continue', () => {
      if (!this.#isOver) handler.proceed();
    });
    stream.on('drain', () => {
      if (!this.#isOver) handler.drain();
    });
    stream.on('response', (answered, _flags, raw?: string[]) => {
      if (this.#isOver) return;
      const status = Number(answered[':status']);
      const empty = stream.readableEnded || stream.endAfterHeaders;
      handler.head(status, fieldsOf(raw ?? []), empty || method === 'HEAD' || status === 204 || status === 304);
      stream.on('data', (view: Buffer) => {
        if (!this.#isOver) handler.data(view);
      });
    });
    stream.on('trailers', (_headers, _flags, raw?: string[]) => {
      this.#trailers = fieldsOf(raw ?? []);
    });
    stream.on('end', () => this.#ended());
    stream.on('aborted', () => this.#fail(upstreamError(new Error('the stream was reset'), resource)));
    stream.on('error', (error) => this.#fail(upstreamError(error, resource)));
    stream.on('close', () => this.#fail(upstreamError(new Error('closed before the answer was complete'), resource)));
  }

  write(view: Buffer): boolean {
    return this.#isOver ? true : this.#stream.write(view);
  }

  end(trailers: readonly Field[]): void {
    if (this.#isOver || this.#stream.writableEnded) return;
    this.#owed = trailers;
    this.#stream.end();
  }

  begin(): void {
    // A head is a frame of its own and has left.
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  abort(): void {
    this.#isOver = true;
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #ended(): void {
    const stream = this.#stream;
    if (this.#isOver || stream.aborted || (stream.rstCode !== undefined && stream.rstCode !== 0)) return;
    this.#isOver = true;
    this.#handler.end(this.#trailers);
    // An answer may be complete before the request is: the rest of it has no reader.
    if (!stream.writableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #fail(error: GatewayError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#handler.failed(error);
  }
}
