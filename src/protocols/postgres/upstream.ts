/**
 * The gateway as a client of the resource: TLS, version, credential, up to ReadyForQuery; and cancelling.
 *
 *     dial ─ SSLRequest ─► TLS ─ StartupMessage ─► authentication ─► ParameterStatus*, BackendKeyData ─► ReadyForQuery
 *
 * Invariants:
 * - Bytes behind the answer to SSLRequest destroy the connection (A-PG-02).
 * - What the upstream may send before ReadyForQuery is bounded in bytes, messages and time (A-PG-27).
 * - Its errors reach the client as our own messages: never its text, which may name the credential's user.
 * - The session's encoding is UTF8, or there is no session (A-PG-12).
 *
 * TLS modes are libpq's. `prefer` goes on without TLS where the server has none: then a password is never sent in
 * clear (upstream-login.ts), but everything else is. `require` with an authority checks the chain, as in libpq.
 *
 * Version 3.2 is asked for first; a server that knows only 3.0 says so by NegotiateProtocolVersion. One that fails
 * instead (before 9.3, and some poolers) needs the setting `protocol_version: "3.0"`.
 *
 * Deliberately absent: pooling (A-PG-30); what is relayed (relay.ts).
 * Source: PostgreSQL documentation, chapters 54.2.1, 54.2.8 "Canceling Requests in Progress", 54.2.10 and 32.19.
 */
import { describeError, GatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import type { WireHandler } from '../../base/wire.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Door } from '../../core/protocol.ts';
import type { Resource } from '../../core/resource.ts';
import type { Command, Inspection, Session, Upstream } from '../../core/session.ts';
import type { CatalogRow } from '../../language/index.ts';
import {
  type BackendKeyData,
  decodeBackendKeyData,
  decodeErrorResponse,
  decodeNegotiateProtocolVersion,
  decodeParameterStatus,
  decodeReadyForQuery,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodeReadyForQuery,
  type Fields,
  type ParameterStatus,
} from './backend.ts';
import type { MessageView } from './body.ts';
import type { CancelKey } from './cancel.ts';
import { postgresErrors } from './errors.ts';
import { encodeCancelRequest, encodeSSLRequest, encodeStartupMessage } from './frontend.ts';
import { Inbox } from './inbox.ts';
import { AnswerReader, contextInspection, readServerContext, type ServerContext } from './inspection.ts';
import * as limits from './limits.ts';
import type { Startup } from './startup.ts';
import { authenticate, type UpstreamLogin } from './upstream-login.ts';
import { readUpstreamSettings } from './upstream-settings.ts';

/** A connection to the resource that is ready for queries. */
export interface UpstreamReady {
  readonly upstream: Upstream;
  /** As last reported before ReadyForQuery, in the order first reported. */
  readonly parameters: readonly ParameterStatus[];
  /** NoticeResponse messages that came with the start, whole, for the client. */
  readonly notices: readonly Buffer[];
  /** The version spoken with the upstream: 3.`minor`. */
  readonly minor: number;
  /** False where the upstream gave no key: then nothing can be cancelled. */
  readonly cancellable: boolean;
  /** Gives the upstream to the relay: bytes behind ReadyForQuery first, then everything that comes. */
  handOver(handler: WireHandler): void;
  /** What the server says of the session's settings and names; null where it would not say. Once, before `establish`. */
  askContext(): Promise<ServerContext | null>;
  /** Asks the upstream to cancel what it does; resolves when it took the request. Rejects when it could not be reached. */
  cancelUpstream(): Promise<void>;
}

export type Context = Pick<Door, 'clock' | 'log' | 'signal' | 'violation'>;

/**
 * Connects the session to its resource. Rejects with an error whose public message is fit for the client (`encodeFatal`)
 * after dropping the connection; the caller ends the session. A client that leaves meanwhile is such an error, too.
 */
export async function openUpstream(session: Session, startup: Startup, door: Context): Promise<UpstreamReady> {
  const { resource } = session;
  const database = databaseOf(session, startup, readUpstreamSettings(resource).database);
  const upstream = await session.dial();
  const inbox = new Inbox(upstream, { clock: door.clock, signal: door.signal, bytesMax: limits.upstreamStartBytesMax });
  inbox.deadline(limits.upstreamDeadlineMs, 'connecting to the resource');
  // A TLS handshake waits on the connection, not on the inbox: dropping it is what ends that wait.
  inbox.onFailure = () => upstream.destroy();
  startup.inbox.onFailure = (error) => inbox.fail(error);
  if (startup.inbox.failure !== null) inbox.fail(startup.inbox.failure);
  try {
    const { state, receive } = await logIn(session, upstream, inbox, door, [
      ['database', database],
      ...startup.parameters.settings,
    ]);
    return {
      upstream,
      parameters: state.parameters,
      notices: state.notices,
      minor: receive.minor(),
      cancellable: state.key !== null,
      askContext: async () => {
        inbox.deadline(limits.contextDeadlineMs, 'asking for the settings of the session');
        try {
          upstream.handshake(contextInspection);
          return readServerContext((await receiveAnswer(inbox)).rows);
        } catch (error) {
          upstream.destroy();
          throw upstreamError(error, resource, door);
        } finally {
          inbox.rest();
        }
      },
      handOver: (handler) => inbox.handOver(handler),
      cancelUpstream: () => (state.key === null ? Promise.resolve() : sendCancel(session, state.key, door)),
    };
  } catch (error) {
    upstream.destroy();
    throw upstreamError(error, resource, door);
  } finally {
    startup.inbox.onFailure = null;
  }
}

/** TLS, version and credential, up to ReadyForQuery. The inbox has no deadline afterwards. */
export async function logIn(
  session: Pick<Session, 'resource' | 'credential'>,
  upstream: Upstream,
  inbox: Inbox,
  door: Context,
  startupSettings: readonly (readonly [string, string])[],
): Promise<{ state: StartState; receive: ReturnType<typeof receiver> }> {
  const { resource } = session;
  const settings = readUpstreamSettings(resource);
  await startTls(upstream, inbox, resource);
  const credential = await session.credential();
  if (credential === null) throw coreErrors('core.credential-unavailable', { values: { resource: resource.name } });
  const parameters = new Map([['user', credential.username], ['client_encoding', 'UTF8'], ...startupSettings]);
  upstream.handshake(encodeStartupMessage(3, settings.minor, parameters));
  const receive = receiver(inbox, resource, door, settings.minor);
  const binding = upstream.tls?.serverEndPoint ?? null;
  const loginTo: UpstreamLogin = { upstream, resource, settings, credential, binding };
  await authenticate(loginTo, receive.next);
  const state = await receive.untilReady();
  inbox.rest();
  return { state, receive };
}

/** Reads the answer to one of the gateway's own questions; what else comes is dropped. */
async function receiveAnswer(inbox: Inbox): Promise<AnswerReader> {
  const answer = new AnswerReader();
  while (!answer.done) answer.take(await inbox.message(limits.inspectionRowBytesMax));
  return answer;
}

/** A connection that asks the gateway's own questions about a database, for every session that needs the answers. */
export interface InspectionConnection {
  readonly alive: boolean;
  /** One of `inspections`; rejects where the server refuses, is too slow, or is gone. One at a time. */
  ask(view: Buffer): Promise<readonly CatalogRow[]>;
  close(): void;
}

/** What the inspecting connection calls itself in `pg_stat_activity`. */
export const inspectionApplication = 'sallyport inspection';

/** Opens one with the session's credential, beside it. Rejects as `openUpstream` does. */
export async function openInspection(session: Session, parts: Context): Promise<InspectionConnection> {
  const { resource } = session;
  const { ask, ...connection } = await openQuestions(session, await session.dialInspection(), parts, {
    settings: [
      // A role's own settings must not lead the gateway's questions elsewhere.
      ['search_path', ''],
      ['statement_timeout', String(limits.inspectionDeadlineMs)],
    ],
    openingMs: limits.upstreamDeadlineMs,
    answerMs: limits.inspectionDeadlineMs,
    bytesMax: limits.inspectionBytesMax,
  });
  return {
    get alive() {
      return connection.alive();
    },
    ask: async (view) => {
      const answer = await ask(view);
      if (answer.refusal === null) return answer.rows;
      connection.close();
      throw postgresErrors('postgres.upstream-refused', {
        values: { resource: resource.name, state: answer.refusal },
        detail: `inspection: ${answer.refusal}`,
      });
    },
    close: connection.close,
  };
}

/**
 * Asks one question about a held command (`Protocol.preview`), on a connection with these settings that is used for
 * nothing else. Rejects where the server cannot be asked, or is too slow.
 */
export async function askPreview(
  session: Session,
  command: Command,
  parts: Context,
  { view, settings }: { readonly view: Buffer; readonly settings: readonly (readonly [string, string])[] },
): Promise<AnswerReader> {
  const connection = await openQuestions(session, await session.dialPreview(command), parts, {
    settings,
    openingMs: limits.estimateDeadlineMs,
    answerMs: limits.estimateDeadlineMs,
    bytesMax: limits.estimateAnswerBytesMax,
  });
  try {
    return await connection.ask(view);
  } finally {
    connection.close();
  }
}

interface Questions {
  alive(): boolean;
  ask(view: Buffer): Promise<AnswerReader>;
  close(): void;
}

/** Logs in on a connection for the gateway's own questions, whose transactions cannot write. */
async function openQuestions(
  session: Session,
  upstream: Inspection,
  parts: Context,
  options: {
    readonly settings: readonly (readonly [string, string])[];
    readonly openingMs: number;
    readonly answerMs: number;
    readonly bytesMax: number;
  },
): Promise<Questions> {
  const { resource } = session;
  // What goes wrong here is no session's violation: it shows where facts are missed.
  const door: Context = {
    ...{ clock: parts.clock, log: parts.log, signal: parts.signal },
    violation: (_side, code, detail) => parts.log.warn('inspecting a resource met a violation', { code, detail }),
  };
  const { database } = readUpstreamSettings(resource);
  const inbox = new Inbox(upstream, { clock: door.clock, signal: door.signal, bytesMax: options.bytesMax });
  inbox.deadline(options.openingMs, 'connecting to the resource');
  inbox.onFailure = () => upstream.destroy();
  try {
    await logIn(session, upstream, inbox, door, [
      ['database', database === '' ? resource.name : database],
      ['application_name', inspectionApplication],
      ['default_transaction_read_only', 'on'],
      ...options.settings,
    ]);
    upstream.established();
  } catch (error) {
    upstream.destroy();
    throw upstreamError(error, resource, door);
  }
  return {
    alive: () => inbox.failure === null,
    ask: async (view) => {
      inbox.deadline(options.answerMs, 'inspecting the resource');
      try {
        if (inbox.failure !== null) throw inbox.failure;
        upstream.ask(view);
        return await receiveAnswer(inbox);
      } catch (error) {
        upstream.destroy();
        throw upstreamError(error, resource, door);
      } finally {
        inbox.rest();
      }
    },
    close: () => upstream.destroy(),
  };
}

/** What the client is told when its session is ready: the upstream's parameters, the gateway's own cancel key. */
export function encodeWelcome(ready: UpstreamReady, key: CancelKey): Buffer {
  return Buffer.concat([
    ...ready.parameters.map(encodeParameterStatus),
    encodeBackendKeyData(key),
    ...ready.notices,
    encodeReadyForQuery('I'),
  ]);
}

/**
 * The database is the resource's. A client names some database always (libpq: the user's name); one that clearly
 * means another must not find itself in this one, as psql's `\c` would.
 */
function databaseOf(session: Session, startup: Startup, configured: string): string {
  const { resource, principal } = session;
  const asked = startup.parameters.database;
  const database = configured === '' ? resource.name : configured;
  const harmless = [null, startup.parameters.user, principal.name, resource.name, database];
  if (!harmless.includes(asked)) {
    throw postgresErrors('postgres.other-database', {
      values: { resource: resource.name, database: escapeLine(database) },
      detail: escapeLine((asked ?? '').slice(0, limits.shownNameCharactersMax)),
    });
  }
  return database;
}

/** Starts TLS by the resource's mode, or fails. */
async function startTls(upstream: Upstream, inbox: Inbox, resource: Resource): Promise<void> {
  const { mode, ca, serverName } = resource.tls;
  if (mode === 'disable') return;
  upstream.handshake(encodeSSLRequest());
  await inbox.need(1);
  const answer = String.fromCharCode(inbox.take(1)[0]!);
  // A-PG-02: whoever put bytes behind the answer would have them read as if they had come inside TLS.
  if (inbox.bytes > 0) throw broken(resource, 'data behind the answer to SSLRequest');
  if (answer === 'N' && mode === 'prefer') return;
  if (answer !== 'S') throw postgresErrors('postgres.upstream-tls', { detail: `SSLRequest was answered ${answer}` });
  try {
    const verify = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && ca !== null);
    await upstream.startClientTls({
      verify,
      // Where the chain is verified, a name given here is, too: what checks the chain only can send none (no SNI).
      serverName: mode === 'verify-full' || !verify ? (serverName ?? resource.host) : null,
      alpn: ['postgresql'],
      ...(ca === null ? {} : { ca }),
    });
  } catch (cause) {
    if (cause instanceof GatewayError && cause.kind === 'protocol') throw cause;
    if (inbox.failure instanceof GatewayError && inbox.failure.code === 'base.deadline') throw inbox.failure;
    throw postgresErrors('postgres.upstream-tls', { cause, detail: describeError(cause) });
  }
}

interface StartState {
  readonly parameters: ParameterStatus[];
  readonly notices: Buffer[];
  readonly key: BackendKeyData | null;
}

/** Receives the messages before ReadyForQuery, and deals with those that may come at any time. */
function receiver(inbox: Inbox, resource: Resource, door: Context, minorAsked: number) {
  let minor = minorAsked;
  let negotiated = false;
  const notices: Buffer[] = [];

  async function next(): Promise<MessageView & { readonly type: string }> {
    for (;;) {
      const message = await inbox.message(limits.upstreamStartMessageBytesMax);
      if (message.type === 'E') throw refusal(decodeErrorResponse(message), resource, door);
      if (message.type === 'N') {
        if (notices.length < limits.startNoticesMax) notices.push(message.buffer);
      } else if (message.type === 'v') {
        const offer = decodeNegotiateProtocolVersion(message);
        // Once, downwards, and no options: none were asked for.
        if (negotiated || offer.minor > minorAsked || offer.unknownOptions.length > 0) {
          throw broken(resource, 'NegotiateProtocolVersion that does not answer the StartupMessage');
        }
        negotiated = true;
        minor = offer.minor;
      } else {
        return message;
      }
    }
  }

  async function untilReady(): Promise<StartState> {
    const parameters = new Map<string, string>();
    let key: BackendKeyData | null = null;
    let reports = 0;
    for (;;) {
      const message = await next();
      if (message.type === 'S') {
        // A-PG-27: counted, not only bounded in bytes.
        if (++reports > limits.startParameterStatusMax) throw broken(resource, 'too many ParameterStatus messages');
        const { parameter, value } = decodeParameterStatus(message);
        parameters.set(parameter, value);
      } else if (message.type === 'K') {
        if (key !== null) throw broken(resource, 'BackendKeyData twice');
        key = decodeBackendKeyData(message);
      } else if (message.type === 'Z') {
        if (decodeReadyForQuery(message) !== 'I') throw broken(resource, 'a transaction at the start');
        // A-PG-12: what is judged as UTF-8 must be read as UTF-8.
        if (parameters.get('client_encoding') !== 'UTF8') {
          throw postgresErrors('postgres.upstream-encoding', { values: { resource: resource.name } });
        }
        return { parameters: [...parameters].map(([parameter, value]) => ({ parameter, value })), notices, key };
      } else {
        throw broken(resource, `type ${escapeLine(message.type)} before ReadyForQuery`);
      }
    }
  }

  return { next, untilReady, minor: () => minor };
}

/** The upstream's ErrorResponse as our own error: its SQLSTATE decides, its text goes to the log. */
function refusal(fields: Fields, resource: Resource, door: Context): GatewayError {
  const state = /^[0-9A-Z]{5}$/.test(fields['C'] ?? '') ? fields['C']! : 'XX000';
  const text = fields['M'] ?? '';
  const values = { resource: resource.name, state };
  const context = { values, detail: escapeLine(`${state} ${text.slice(0, 500)}`) };
  door.log.warn('upstream refused the connection', { resource: resource.name, detail: context.detail });
  if (state.startsWith('28')) return postgresErrors('postgres.upstream-credential-refused', context);
  if (state === '3D000') return postgresErrors('postgres.upstream-no-database', context);
  if (state === '53300') return postgresErrors('postgres.upstream-full', context);
  if (state === '57P03' || state === '57P01') return postgresErrors('postgres.upstream-unavailable', context);
  if (state === '22023' || state === '22P02') {
    const name = /parameter "([A-Za-z_]{1,63})"/.exec(text)?.[1] ?? 'unnamed';
    return postgresErrors('postgres.upstream-parameter', { ...context, values: { ...values, name } });
  }
  return postgresErrors('postgres.upstream-refused', context);
}

function broken(resource: Resource, detail: string): GatewayError {
  return postgresErrors('postgres.upstream-protocol', { values: { resource: resource.name }, detail });
}

/** Puts the blame where it belongs: what is wrong on this connection is the upstream's doing, unless the client left. */
export function upstreamError(error: unknown, resource: Resource, door: Context): unknown {
  if (!(error instanceof GatewayError)) return error;
  const values = { resource: resource.name };
  const detail = describeError(error);
  if (error.code === 'postgres.closed' || error.code === 'base.deadline') {
    return coreErrors('core.upstream-unreachable', { values, cause: error, detail });
  }
  if (error.code === 'postgres.upstream-tls') return postgresErrors(error.code, { values, cause: error, detail });
  if (error.kind !== 'protocol') return error;
  door.violation('upstream', error.code, error.detail ?? error.publicMessage);
  return postgresErrors('postgres.upstream-protocol', { values, cause: error, detail });
}

/** A connection of its own that carries the upstream's key, encrypted as the session's is (documentation 54.2.8). */
async function sendCancel(session: Session, key: BackendKeyData, door: Context): Promise<void> {
  const upstream = await session.dialAside();
  const inbox = new Inbox(upstream, { clock: door.clock, signal: door.signal, bytesMax: limits.upstreamStartBytesMax });
  inbox.deadline(limits.cancelDeadlineMs, 'cancelling at the resource');
  inbox.onFailure = () => upstream.destroy();
  try {
    await startTls(upstream, inbox, session.resource);
    upstream.handshake(encodeCancelRequest(key.processId, key.key));
    // The server answers nothing; it closes when the signal is sent.
    await inbox.need(1).catch((error: unknown) => {
      if (!(error instanceof GatewayError) || error.code !== 'postgres.closed') throw error;
    });
  } catch (error) {
    throw upstreamError(error, session.resource, door);
  } finally {
    inbox.rest();
    upstream.destroy();
  }
}
