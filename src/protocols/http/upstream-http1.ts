/**
 * One request over HTTP/1.1 and its answer (RFC 9112), by Node's own strict parser.
 *
 * Invariants: the framing of the request is the gateway's own, from what it knows of the body; an answer that is not complete
 * is a failure; one with a transfer coding beside `chunked`, or that switches protocols unasked, too.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { GatewayError } from '../../base/errors.ts';
import { type Field, fieldsOf, rawOf, valuesOf } from './fields.ts';
import { type UpstreamExchange, type UpstreamHandler, type UpstreamRequest, upstreamError } from './upstream.ts';

export class Http1Upstream implements UpstreamExchange {
  readonly #request: ClientRequest;
  readonly #handler: UpstreamHandler;
  readonly #resource: string;
  #response: IncomingMessage | null = null;
  #isOver = false;
  #isPaused = false;

  /** The head as Node takes it, Host and framing included. */
  static rawHead({ method, authority, fields, bodyBytes, expectsContinue }: UpstreamRequest): string[] {
    const framing: Field[] = [];
    if (bodyBytes === null) framing.push(['Transfer-Encoding', 'chunked']);
    else if (bodyBytes > 0 || ['POST', 'PUT', 'PATCH'].includes(method)) {
      framing.push(['Content-Length', String(bodyBytes)]);
    }
    if (expectsContinue) framing.push(['Expect', '100-continue']);
    return rawOf([['Host', authority], ...fields, ...framing]);
  }

  constructor(request: ClientRequest, { method }: UpstreamRequest, handler: UpstreamHandler, resource: string) {
    this.#request = request;
    this.#handler = handler;
    this.#resource = resource;
    request.on('continue', () => {
      if (!this.#isOver) handler.proceed();
    });
    request.on('drain', () => {
      if (!this.#isOver) handler.drain();
    });
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      this.#fail(upstreamError(new UnaskedSwitch(), this.#resource));
    });
    request.on('error', (error) => this.#fail(upstreamError(error, this.#resource)));
    request.on('close', () => {
      if (!this.#isOver) this.#fail(upstreamError(new Error('closed before the answer was complete'), this.#resource));
    });
    request.on('response', (response) => this.#respond(response, method));
  }

  write(view: Buffer): boolean {
    return this.#isOver ? true : this.#request.write(view);
  }

  end(trailers: readonly Field[]): void {
    if (this.#isOver || this.#request.writableEnded) return;
    if (trailers.length > 0)
      this.#request.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
    this.#request.end();
  }

  /** The head leaves by itself, before there is a body. */
  begin(): void {
    this.#request.flushHeaders();
  }

  pause(): void {
    this.#isPaused = true;
    this.#response?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#response?.resume();
  }

  abort(): void {
    this.#isOver = true;
    this.#request.destroy();
  }

  #respond(response: IncomingMessage, method: string): void {
    if (this.#isOver) {
      response.destroy();
      return;
    }
    this.#response = response;
    const fields = fieldsOf(response.rawHeaders);
    const status = response.statusCode ?? 0;
    const codings = valuesOf(fields, 'transfer-encoding').join(',').trim().toLowerCase();
    if (status < 200 || (codings !== '' && codings !== 'chunked')) {
      this.#fail(upstreamError(new UnaskedSwitch(), this.#resource));
      return;
    }
    response.on('error', (error) => this.#fail(upstreamError(error, this.#resource)));
    const bodyless = method === 'HEAD' || status === 204 || status === 304;
    this.#handler.head(status, fields, bodyless);
    response.on('data', (view: Buffer) => {
      if (!this.#isOver) this.#handler.data(view);
    });
    response.on('end', () => {
      if (this.#isOver || !response.complete) return;
      this.#isOver = true;
      this.#handler.end(fieldsOf(response.rawTrailers));
    });
    if (this.#isPaused) response.pause();
  }

  #fail(error: GatewayError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#request.destroy();
    this.#handler.failed(error);
  }
}

/** Counts as a breach of the protocol. */
class UnaskedSwitch extends Error {
  readonly code = 'HPE_UNASKED';
}
