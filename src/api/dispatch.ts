/**
 * From the table of routes to running routes: authenticate, authorise, check, handle, answer. Every route goes this one
 * way; there is no other place where a token is looked at or a permission is asked for.
 *
 * Invariants: a caller is authenticated and authorised before a byte of the body is read (A-API-03); input is strict;
 * JSON answers are cut to their declared shape; a stream ends with the right to it.
 */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { describeError, isGatewayError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import type { Principal } from '../core/principal.ts';
import { authorise, type Scope } from './authorise.ts';
import type { ApiParts, Handlers, HttpAnswer, TextAnswer } from './context.ts';
import { contractLimits, type RouteDefinition, routes } from './contract/index.ts';
import { explainIssues } from './contract/validate.ts';
import { apiErrors } from './errors.ts';
import { safeJson } from './json.ts';
import { tokenLengthMax } from './limits.ts';
import { invalidRequest } from './problem.ts';
import { StreamCount, watchRight, withHeartbeats } from './stream.ts';
import { browserCookie, browserSecretOf, webSecretOf } from './web-session.ts';

interface Caller {
  readonly principal: Principal | null;
  readonly scope: Scope;
  readonly token: { readonly id: string; readonly expiresAtMs: number } | null;
  /** Kept for checking the right to a stream again; goes with the request. */
  readonly proof: Proof | null;
}

/** A token in the Authorization header, or the cookie of a web session: neither counts in the other's place. */
interface Proof {
  readonly secret: string;
  readonly use: 'access' | 'web';
}

/** What a handler looks like when the table's types are set aside. */
type AnyHandler = (context: Record<string, unknown>) => Promise<unknown>;

/** Adds every route of the table. `closing` aborts when the API closes. */
export function addRoutes(app: FastifyInstance, handlers: Handlers, parts: ApiParts, closing: AbortSignal): void {
  const streams = new StreamCount();
  const callers = new WeakMap<FastifyRequest, Caller>();
  const add = (to: FastifyInstance, name: keyof typeof routes, route: RouteDefinition): void => {
    const handler = handlers[name] as unknown as AnyHandler;
    to.route({
      method: route.method,
      url: route.path,
      config: { permission: route.permission },
      bodyLimit: route.bodyBytesMax ?? contractLimits.bodyBytesMax,
      onRequest: async (request) => {
        if (route.crossSite !== true) requireOwnOrigin(request, parts.publicUrl);
        callers.set(request, await identify(request, route, parts));
      },
      handler: async (request, reply) => {
        const caller = callers.get(request);
        if (caller === undefined) throw apiErrors('api.internal', { detail: 'a request without its caller' });
        const input = {
          params: checkPart(route.params, request.params, null),
          query: checkPart(route.query, request.query, 'query'),
          headers: route.headers === undefined ? undefined : checkPart(route.headers, request.headers, 'headers'),
          body: route.rawBody === undefined ? checkPart(route.body, request.body, 'body') : rawOf(request.body),
        };
        const ending = new AbortController();
        const { principal, scope, token, proof } = caller;
        const context = {
          principal,
          scope,
          token,
          isWeb: proof?.use === 'web',
          browser: () => browserSecret(request, reply, schemeOf(request, parts.publicUrl)),
          rawQuery: (request.raw.url ?? '').split('?').slice(1).join('?'),
          input,
          requestId: request.id,
          source: sourceOf(request),
          signal: AbortSignal.any([ending.signal, closing]),
        };
        if (!isStreamed(route)) return answer(reply, route, await handler(context));
        return answerStream({ request, reply, route, caller, ending, closing, streams, parts }, () => handler(context));
      },
    });
  };
  for (const [name, route] of Object.entries(routes) as [keyof typeof routes, RouteDefinition][]) {
    if (route.rawBody === undefined) add(app, name, route);
    else addRaw(app, route.rawBody.mediaType, (to) => add(to, name, route));
  }
}

/** A route that is given bytes stands apart: no other takes its media type, and it takes no other. */
function addRaw(
  app: FastifyInstance,
  mediaTypes: string | readonly string[],
  add: (to: FastifyInstance) => void,
): void {
  app.register(async (apart) => {
    apart.removeAllContentTypeParsers();
    apart.addContentTypeParser([mediaTypes].flat(), { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    add(apart);
  });
}

function rawOf(body: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (!Buffer.isBuffer(body)) throw apiErrors('api.internal', { detail: 'a body that is not as it came' });
  return body;
}

/** The peer's address as people write it. No header is believed: nothing says who set it. */
export function sourceOf(request: FastifyRequest): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** Who calls, and over whose things; throws where the route is not theirs. */
async function identify(request: FastifyRequest, route: RouteDefinition, parts: ApiParts): Promise<Caller> {
  const proof = route.permission === 'public' ? null : proofOf(request, parts.publicUrl);
  const verified = proof === null ? null : await verify(proof, request, parts);
  const principal = verified?.principal ?? null;
  const decided = authorise(route.permission, principal, isDirectlyLocal(request));
  if ('refused' in decided) throw apiErrors(`api.${decided.refused}`);
  const token = verified === null ? null : { id: verified.tokenId, expiresAtMs: verified.expiresAtMs };
  return { principal, scope: decided.scope, token, proof };
}

async function verify({ secret, use }: Proof, request: FastifyRequest, parts: ApiParts) {
  const verified = await parts.ports.identity.verifyToken(secret, use, sourceOf(request)).catch((error: unknown) => {
    // Whatever is wrong with a token, the answer is one and the same; an outage is told as one.
    if (isGatewayError(error) && error.kind === 'denial' && !error.code.endsWith('.throttled')) {
      throw apiErrors('api.not-authenticated', { cause: error });
    }
    throw error;
  });
  if (verified.expiresAtMs <= parts.clock.now()) throw apiErrors('api.not-authenticated');
  assertNotLocked(parts, verified.principal, verified.tokenId);
  return verified;
}

/** Whoever was proven is told by which lock; before that, everybody hears the same (A-ID-10). */
function assertNotLocked({ ports }: ApiParts, principal: Principal, tokenId: string): void {
  const lock = ports.access.lockOf(principal, tokenId);
  if (lock !== null) throw apiErrors('api.locked', { values: { name: lock.name, reason: escapeLine(lock.reason) } });
}

/** The token of the Authorization header; null where there is none. Tokens stand nowhere else, least of all in a URL (A-ID-11). */
function bearerOf(request: FastifyRequest): string | null {
  const header = request.headers.authorization;
  if (header === undefined) return null;
  const match = /^Bearer ([\x21-\x7e]+)$/i.exec(header);
  if (match === null || (match[1] as string).length > tokenLengthMax) throw apiErrors('api.not-authenticated');
  return match[1] as string;
}

/** The token, or the cookie where a page of the console's own asks, or a person follows a link to what changes nothing (A-ID-08). */
function proofOf(request: FastifyRequest, publicUrl: string | null): Proof | null {
  const token = bearerOf(request);
  if (token !== null) return { secret: token, use: 'access' };
  const secret = webSecretOf(request.headers.cookie, schemeOf(request, publicUrl));
  if (secret === null) return null;
  const site = request.headers['sec-fetch-site'];
  const isSafe = request.method === 'GET';
  // `requireOwnOrigin` has refused a foreign one; whoever sends none and is no browser of today changes nothing.
  const isOwn =
    site === undefined
      ? isSafe || request.headers.origin !== undefined
      : site === 'same-origin' || (isSafe && site === 'none');
  return isOwn ? { secret, use: 'web' } : null;
}

/** How browsers see the console. */
function schemeOf(request: FastifyRequest, publicUrl: string | null): string {
  return publicUrl === null ? request.protocol : new URL(publicUrl).protocol.slice(0, -1);
}

/** Every browser says where a request that may change something comes from; programs do not. */
function browserSecret(request: FastifyRequest, reply: FastifyReply, scheme: string): string | null {
  const { cookie, origin, 'sec-fetch-site': site } = request.headers;
  if (origin === undefined && site === undefined) return null;
  const secret = browserSecretOf(cookie, scheme) ?? randomBytes(32).toString('base64url');
  reply.header(...browserCookie(secret, scheme));
  return secret;
}

/** True for a connection from this machine that no proxy passed on. */
function isDirectlyLocal(request: FastifyRequest): boolean {
  const { headers } = request;
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers[name] !== undefined);
  const source = sourceOf(request);
  return !isForwarded && (source === '::1' || source.startsWith('127.'));
}

/** A browser that was sent here by another site says so in Origin (A-ID-08). */
function requireOwnOrigin(request: FastifyRequest, publicUrl: string | null): void {
  const { origin, host } = request.headers;
  if (request.method === 'GET' || origin === undefined) return;
  if (origin !== `${request.protocol}://${host ?? ''}` && origin !== publicUrl) throw apiErrors('api.foreign-origin');
}

function checkPart(schema: z.ZodType | undefined, value: unknown, part: 'query' | 'headers' | 'body' | null): unknown {
  if (schema === undefined) {
    const isEmpty =
      value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!isEmpty && part !== null) {
      throw invalidRequest([{ path: [], on: 'value', message: part === 'query' ? 'takes no query' : 'takes no body' }]);
    }
    return undefined;
  }
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  // A parameter that cannot name anything names nothing.
  if (part === null) throw apiErrors('api.not-found', { values: { what: 'object' } });
  throw invalidRequest(explainIssues(result.error.issues, value, schema));
}

function isStreamed(route: RouteDefinition): boolean {
  return route.response.kind === 'ndjson' || route.permission === 'recordings.read' || route.streamed === true;
}

function answer(reply: FastifyReply, route: RouteDefinition, result: unknown): FastifyReply {
  switch (route.response.kind) {
    case 'none':
      return reply.code(204).send();
    case 'json': {
      const shaped = route.response.schema.safeParse(result);
      if (!shaped.success)
        throw apiErrors('api.internal', { detail: `answer of ${route.path}: ${shaped.error.message}` });
      return reply.type('application/json; charset=utf-8').send(safeJson(shaped.data));
    }
    case 'http': {
      const { status, fields, body } = result as HttpAnswer;
      for (const [name, value] of fields) reply.header(name, value);
      return reply.code(status).send(body);
    }
    default: {
      const { mediaType, body } = result as TextAnswer;
      if (typeof body !== 'string') throw apiErrors('api.internal', { detail: `stream from ${route.path}` });
      return reply.type(mediaType).send(body);
    }
  }
}

interface Streaming {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly route: RouteDefinition;
  readonly caller: Caller;
  readonly ending: AbortController;
  readonly closing: AbortSignal;
  readonly streams: StreamCount;
  readonly parts: ApiParts;
}

async function answerStream(streaming: Streaming, produce: () => Promise<unknown>): Promise<FastifyReply> {
  const { request, reply, route, caller, ending, closing, streams, parts } = streaming;
  const { principal, proof } = caller;
  if (principal === null || proof === null) throw apiErrors('api.not-authenticated');
  // A client that left while it was identified has had its `close`: nothing would ever give the place back.
  if (request.socket.destroyed || reply.raw.destroyed) return reply.hijack();
  const leave = streams.enter(principal.id);
  const end = (): void => {
    reply.raw.destroy();
  };
  const right = watchRight(
    async () => {
      const again = await verify(proof, request, parts);
      if ('refused' in authorise(route.permission, again.principal, false)) throw apiErrors('api.forbidden');
    },
    (error) => {
      parts.log.info('stream ended: the right to it did', { request: request.id, detail: describeError(error) });
      end();
    },
    parts.clock,
  );
  reply.raw.once('close', () => {
    right.stop();
    closing.removeEventListener('abort', end);
    leave();
    ending.abort();
  });
  closing.addEventListener('abort', end, { once: true });
  const result = await produce();
  const text = route.response.kind === 'ndjson' ? null : (result as TextAnswer);
  const pieces = text === null ? jsonLines(result as AsyncIterable<unknown>) : text.body;
  const body = typeof pieces === 'string' ? [pieces] : pieces;
  const alive =
    text === null ? withHeartbeats(body as AsyncIterable<string>, contractLimits.streamHeartbeatMs, parts.clock) : body;
  if (text?.fileName !== undefined) reply.header('content-disposition', `attachment; filename="${text.fileName}"`);
  const source = Readable.from(alive, { objectMode: false });
  source.once('error', (error) => {
    parts.log.warn('stream broke off', { request: request.id, detail: describeError(error) });
  });
  return reply.type(text?.mediaType ?? 'application/x-ndjson').send(source);
}

async function* jsonLines(entries: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  for await (const entry of entries) yield `${safeJson(entry)}\n`;
}
