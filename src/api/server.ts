/**
 * The API's server: fastify with everything taken away that this API does not use, and the hardening that every answer
 * shares.
 *
 * Invariants: a route without a permission does not start; bodies are JSON of bounded size and depth, or bounded bytes
 * where a route says so (dispatch.ts); errors are problem documents; no answer says which software gave it.
 *
 * Deliberately absent: CORS (no other origin may read anything), trust in proxy headers, listening.
 */
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { type ConsoleFile, consolePaths, consolePolicy, immutable, readConsole } from './console.ts';
import type { ApiParts, Handlers } from './context.ts';
import { contractLimits, manifestSchemas, type Permission, permissions } from './contract/index.ts';
import { addRoutes } from './dispatch.ts';
import { apiErrors } from './errors.ts';
import { accessHandlers } from './handlers/access.ts';
import { alertHandlers } from './handlers/alerts.ts';
import { detectionHandlers } from './handlers/detections.ts';
import { factorHandlers } from './handlers/factors.ts';
import { identityHandlers } from './handlers/identity.ts';
import { liveHandlers } from './handlers/live.ts';
import { machineHandlers } from './handlers/machines.ts';
import { objectHandlers } from './handlers/objects.ts';
import { overviewHandlers } from './handlers/overview.ts';
import { providerHandlers } from './handlers/provider-sign-on.ts';
import { reportHandlers } from './handlers/reports.ts';
import { reviewHandlers } from './handlers/reviews.ts';
import { ruleHandlers } from './handlers/rules.ts';
import { scimHandlers, scimProblem } from './handlers/scim.ts';
import { searchHandlers } from './handlers/search.ts';
import { sessionHandlers } from './handlers/sessions.ts';
import { signOnHandlers } from './handlers/sign-ons.ts';
import { sinkHandlers } from './handlers/sinks.ts';
import { storageHandlers } from './handlers/storage.ts';
import { systemHandlers } from './handlers/system.ts';
import { trialHandlers } from './handlers/trials.ts';
import { visitHandlers } from './handlers/visits.ts';
import { workbenchHandlers } from './handlers/workbench.ts';
import { parseBody, safeJson } from './json.ts';
import * as limits from './limits.ts';
import type { ApiPorts, ApiProtocol } from './ports.ts';
import { problemOf, publicErrorOf, statusOf } from './problem.ts';
import { recorder } from './record.ts';

export interface ApiOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly protocols: readonly ApiProtocol[];
  /** Certificate and key; null serves plain HTTP, for a loopback address or behind something that ends TLS. */
  readonly tls: (Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'> & Pick<TlsOptions, 'SNICallback'>) | null;
  /** Where people reach it, as an origin; where it listens where null. */
  readonly publicUrl: string | null;
  /** Directory of the console's static files, or null. */
  readonly consoleDirectory: string | null;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route requires. Registration fails without it. */
    permission?: Permission | 'public';
  }
}

/** Makes the API. The caller listens on it, and closes it: streams end, requests under way are answered. */
export function createApi(ports: ApiPorts, options: ApiOptions): FastifyInstance {
  const parts: ApiParts = {
    ports,
    protocols: options.protocols,
    schemas: manifestSchemas(options.protocols),
    clock: options.clock,
    log: options.log,
    version: options.version,
    publicUrl: options.publicUrl,
    record: recorder(ports.journal, options.clock),
  };
  const isSecure = options.tls !== null || options.publicUrl?.startsWith('https:') === true;
  const scheme = isSecure ? 'https' : 'http';
  const handlers: Handlers = {
    ...identityHandlers(parts, scheme),
    ...machineHandlers(parts),
    ...providerHandlers(parts, scheme),
    ...factorHandlers(parts),
    ...signOnHandlers(parts),
    ...visitHandlers(parts),
    ...scimHandlers(parts),
    ...objectHandlers(parts),
    ...sessionHandlers(parts),
    ...reviewHandlers(parts),
    ...ruleHandlers(parts),
    ...systemHandlers(parts),
    ...accessHandlers(parts),
    ...storageHandlers(parts),
    ...trialHandlers(parts),
    ...sinkHandlers(parts),
    ...searchHandlers(parts),
    ...overviewHandlers(parts),
    ...reportHandlers(parts),
    ...alertHandlers(parts),
    ...detectionHandlers(parts),
    ...liveHandlers(parts),
    ...workbenchHandlers(parts),
  };
  const app = build(options);
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  requirePermissions(app);
  takeJsonOnly(app);
  answerErrors(app, options.log);
  harden(app, options.log);
  addRoutes(app, handlers, parts, closing.signal);
  if (options.consoleDirectory !== null) addConsole(app, readConsole(options.consoleDirectory));
  return app;
}

function build(options: ApiOptions): FastifyInstance {
  const shared = {
    logger: false,
    bodyLimit: contractLimits.bodyBytesMax,
    requestTimeout: limits.requestDeadlineMs,
    connectionTimeout: limits.silenceMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxRequestsPerSocket: limits.requestsPerConnectionMax,
    exposeHeadRoutes: false,
    trustProxy: false,
    requestIdHeader: false as const,
    genReqId: () => newId('req'),
    forceCloseConnections: 'idle' as const,
    routerOptions: { maxParamLength: limits.parameterLengthMax },
    clientErrorHandler: (_error: Error, socket: { writable: boolean; end(text: string): void; destroy(): void }) => {
      // Not HTTP, or too slow, or too long a head: one fixed answer, and the connection is over.
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      else socket.destroy();
    },
  };
  const http = { maxHeaderSize: limits.headerBytesMax, headersTimeout: limits.headDeadlineMs };
  const app =
    options.tls === null
      ? Fastify({ ...shared, http })
      : (Fastify({
          ...shared,
          https: { minVersion: 'TLSv1.2', ...options.tls, ...http, handshakeTimeout: limits.headDeadlineMs },
        }) as unknown as FastifyInstance);
  app.server.maxConnections = limits.connectionsMax;
  return app as FastifyInstance;
}

/** Deny by default: what does not say what it requires does not start (A-API-01). */
function requirePermissions(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const permission = route.config?.permission;
    assert(
      permission === 'public' || (permission !== undefined && permissions.includes(permission)),
      `route ${route.url} without a permission`,
    );
  });
}

function takeJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? undefined : parseBody(body as string));
    } catch (error) {
      done(error as Error);
    }
  });
}

function answerErrors(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((request, reply) => sendError(apiErrors('api.no-route'), request.id, reply));
  app.setErrorHandler((thrown: unknown, request, reply) => {
    const error = publicErrorOf(thrown, request.routeOptions.bodyLimit ?? contractLimits.bodyBytesMax);
    const status = statusOf(error);
    if (status >= 500) {
      log.error('request failed', {
        request: request.id,
        code: error.code,
        detail: describeError(error.cause ?? error),
      });
    }
    return sendError(error, request.id, reply);
  });
}

function sendError(error: ReturnType<typeof publicErrorOf>, requestId: string, reply: FastifyReply): FastifyReply {
  const status = statusOf(error);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  // What was not read of a refused request must not be taken for the next one, and is not waited for.
  if (status === 413 || status === 401) reply.header('connection', 'close');
  // Who speaks SCIM reads no other errors.
  if (reply.request.url.startsWith('/scim/v2/')) {
    const { mediaType, body } = scimProblem(error);
    return reply.code(status).type(mediaType).send(body);
  }
  return reply
    .code(status)
    .type('application/problem+json')
    .send(safeJson(problemOf(error, requestId, status)));
}

function harden(app: FastifyInstance, log: Log): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=(), geolocation=(), microphone=()',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
    });
  });
  app.addHook('onResponse', async (request, reply) => {
    // The route, never the address: a query may name what the log must not hold.
    log.info('request', {
      request: request.id,
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    });
  });
}

function addConsole(app: FastifyInstance, files: readonly ConsoleFile[]): void {
  for (const file of files) {
    // The pages of the console are one file, which shows nothing before it was asked who looks.
    for (const path of file.path === '/' ? ['/', ...consolePaths] : [file.path]) {
      app.get(path, { config: { permission: 'public' } }, async (request, reply) => {
        reply.headers({
          'content-security-policy': consolePolicy,
          'cache-control': file.isHashed ? immutable : 'no-cache',
          etag: file.etag,
        });
        if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
        return reply.type(file.mediaType).send(file.body);
      });
    }
  }
}
