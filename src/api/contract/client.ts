/**
 * The typed client, made from the table of routes. Over node:http and node:https, so that a private authority can be
 * given.
 *
 * Invariants: a token is sent in the Authorization header only, never to another origin (redirects are not followed);
 * every wait has a deadline; an answer is checked before it is given on; what is streamed is never gathered.
 *
 * Deliberately absent: retries (the caller knows what may be repeated), cookies, proxies.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { isGatewayError } from '../../base/errors.ts';
import { ApiError, clientErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { RouteAnswer, RouteDefinition, RouteEntry, RouteInput } from './route.ts';
import { type RouteName, type Routes, routes } from './routes.ts';
import { problemShape } from './shapes.ts';

export interface ClientOptions {
  /** `https://host:port`; `http:` only for a gateway on this machine. */
  readonly baseUrl: string;
  readonly token?: string | undefined;
  /** Authorities to trust, PEM; the system's where left out. */
  readonly ca?: string | Buffer | undefined;
  /** How long the head of an answer may take. */
  readonly answerDeadlineMs?: number | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

type Kind<N extends RouteName> = Routes[N]['response']['kind'];
export type JsonRoute = { [N in RouteName]: Kind<N> extends 'json' | 'none' ? N : never }[RouteName];
export type StreamRoute = { [N in RouteName]: Kind<N> extends 'ndjson' ? N : never }[RouteName];
export type TextRoute = { [N in RouteName]: Kind<N> extends 'text' ? N : never }[RouteName];

/** The input of a route; may be left out where nothing in it is required. */
export type InputOf<N extends RouteName> = RouteInput<Routes[N]>;
type Arguments<N extends RouteName> =
  Record<never, never> extends InputOf<N>
    ? [input?: InputOf<N>, options?: CallOptions]
    : [input: InputOf<N>, options?: CallOptions];

export interface Client {
  /** Calls a route that answers with one value. Rejects with ApiError or a client error. */
  call<N extends JsonRoute>(name: N, ...args: Arguments<N>): Promise<RouteAnswer<Routes[N]>>;
  /** Streams the entries of an NDJSON answer. A stream that breaks off throws; leaving the loop closes it. */
  stream<N extends StreamRoute>(name: N, ...args: Arguments<N>): AsyncGenerator<RouteEntry<Routes[N]>, void, undefined>;
  /** Streams the bytes of a text answer. */
  bytes<N extends TextRoute>(name: N, ...args: Arguments<N>): AsyncGenerator<Buffer, void, undefined>;
  /** A text answer as one string, for short ones. */
  text<N extends TextRoute>(name: N, ...args: Arguments<N>): Promise<string>;
}

interface AnyInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export function createClient(options: ClientOptions): Client {
  const base = parseBase(options.baseUrl);
  const open = (name: RouteName, input: AnyInput = {}, call: CallOptions = {}): Promise<IncomingMessage> =>
    openAnswer(base, options, routes[name], input, call);

  async function* bytes(
    name: TextRoute,
    input?: AnyInput,
    call?: CallOptions,
  ): AsyncGenerator<Buffer, void, undefined> {
    yield* chunks(await open(name, input, call), base);
  }
  async function* stream(
    name: StreamRoute,
    input?: AnyInput,
    call?: CallOptions,
  ): AsyncGenerator<unknown, void, undefined> {
    const answer = await open(name, input, call);
    for await (const line of lines(chunks(answer, base), base)) yield checked(routes[name], line, base);
  }
  const methods = {
    async call(name: JsonRoute, input?: AnyInput, call?: CallOptions): Promise<unknown> {
      const answer = await open(name, input, call);
      const body = await gather(answer, base);
      return routes[name].response.kind === 'none' ? undefined : checked(routes[name], body.toString('utf8'), base);
    },
    stream,
    bytes,
    async text(name: TextRoute, input?: AnyInput, call?: CallOptions): Promise<string> {
      return (await gather(await open(name, input, call), base)).toString('utf8');
    },
  };
  // The generic signatures say what the table says; inside, one untyped path serves every route.
  return methods as unknown as Client;
}

/** The address of a call: every part encoded, so that a name cannot become a path (`..`, `/`, `?`). */
export function urlOf(base: URL, route: RouteDefinition, input: AnyInput): URL {
  const path = route.path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(String(input.params?.[name] ?? '')),
  );
  const url = new URL(base.href.replace(/\/$/, '') + path);
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined && value !== null) url.searchParams.set(key, String(value));
  }
  return url;
}

function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain =
    url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.search === '';
  // A token does not travel in clear: plain HTTP is for this machine only.
  if (url === null || !isPlain || (url.protocol === 'http:' && !isLoopback(url.hostname)))
    throw clientErrors('client.bad-address');
  return url;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function openAnswer(
  base: URL,
  options: ClientOptions,
  route: RouteDefinition,
  input: AnyInput,
  call: CallOptions,
): Promise<IncomingMessage> {
  const body = input.body === undefined ? null : Buffer.from(JSON.stringify(input.body));
  const headers: Record<string, string> = { accept: 'application/json, application/x-ndjson, text/*' };
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
  if (body !== null) headers['content-type'] = 'application/json';
  if (body !== null || route.method !== 'GET') headers['content-length'] = String(body?.length ?? 0);
  const secure = base.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(urlOf(base, route, input), {
      method: route.method,
      headers,
      ...(secure && options.ca !== undefined ? { ca: options.ca } : {}),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    const deadline = setTimeout(
      () => request.destroy(clientErrors('client.timeout', { values: { address: base.host } })),
      options.answerDeadlineMs ?? limits.clientAnswerDeadlineMs,
    );
    request.on('error', (error) => {
      clearTimeout(deadline);
      reject(call.signal?.aborted === true ? call.signal.reason : transportError(error, base));
    });
    request.on('response', (answer) => {
      clearTimeout(deadline);
      answer.setTimeout(limits.clientStreamSilenceMs, () =>
        answer.destroy(clientErrors('client.timeout', { values: { address: base.host } })),
      );
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) resolve(answer);
      else refusal(answer, base).then(reject, reject);
    });
    request.end(body ?? undefined);
  });
}

async function refusal(answer: IncomingMessage, base: URL): Promise<Error> {
  const body = await gather(answer, base);
  const problem = problemShape.safeParse(parseJson(body.toString('utf8')));
  if (!problem.success) return clientErrors('client.not-sallyport', { values: { address: base.host } });
  return new ApiError(problem.data);
}

async function* chunks(answer: IncomingMessage, base: URL): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of answer) yield chunk as Buffer;
  } catch (error) {
    throw transportError(error, base, 'client.interrupted');
  } finally {
    answer.destroy();
  }
}

async function gather(answer: IncomingMessage, base: URL): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks(answer, base)) {
    length += chunk.length;
    if (length > limits.clientAnswerBytesMax)
      throw clientErrors('client.not-sallyport', { values: { address: base.host } });
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

async function* lines(source: AsyncIterable<Buffer>, base: URL): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest: string[] = [];
  let restLength = 0;
  for await (const chunk of source) {
    const pieces = decoder.write(chunk).split('\n');
    for (const [index, piece] of pieces.entries()) {
      rest.push(piece);
      restLength += piece.length;
      if (restLength > limits.clientAnswerBytesMax)
        throw clientErrors('client.not-sallyport', { values: { address: base.host } });
      if (index === pieces.length - 1) break;
      const line = rest.join('');
      rest = [];
      restLength = 0;
      if (line !== '') yield line;
    }
  }
  // Every line ends with a line feed: what is left over was cut off.
  if (restLength > 0) throw clientErrors('client.interrupted', { values: { address: base.host } });
}

function checked(route: RouteDefinition, text: string, base: URL): unknown {
  const { response } = route;
  if (response.kind !== 'json' && response.kind !== 'ndjson') return undefined;
  const result = response.schema.safeParse(parseJson(text));
  if (!result.success) {
    throw clientErrors('client.not-sallyport', {
      values: { address: base.host },
      detail: `unexpected answer of ${route.path}`,
    });
  }
  return result.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const certificateCodes = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

function transportError(
  error: unknown,
  base: URL,
  fallback: 'client.unreachable' | 'client.interrupted' = 'client.unreachable',
): Error {
  if (isGatewayError(error)) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const values = { address: base.host };
  if (code === 'ABORT_ERR' && error instanceof Error) return error;
  if (certificateCodes.test(code)) {
    return clientErrors('client.untrusted', {
      cause: error,
      values: { ...values, reason: code.toLowerCase().replaceAll('_', ' ') },
    });
  }
  return clientErrors(fallback, { cause: error, values });
}
