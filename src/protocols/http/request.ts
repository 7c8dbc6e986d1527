/**
 * From a request on a connection to a command: its target in one spelling, its body as far as it is read before judging, what
 * a reviewer sees of it.
 *
 * Invariants:
 * - What is judged is what the target gets: the canonical target, the fields that go on, the body byte by byte.
 * - A body that is not read leaves the command unholdable: nobody approves what nobody has seen.
 * - Passwords and tokens that stand in queries and bodies are not recorded (A-REC-05).
 *
 * Deliberately absent: what the request means (language/http), whether it may pass.
 */
import { createHash } from 'node:crypto';
import { withDeadline } from '../../base/deadline.ts';
import { isGatewayError } from '../../base/errors.ts';
import type { CommandDraft, Parameter } from '../../core/command.ts';
import type { HttpUpgrade } from '../../core/http.ts';
import type { Door } from '../../core/protocol.ts';
import { type HttpReading, httpMeaning, isHttpFault, type RequestBody } from '../../language/index.ts';
import type { ClientExchange } from './client.ts';
import type { Dialect } from './dialect.ts';
import { httpErrors } from './errors.ts';
import { type Field, firstOf, shownFields } from './fields.ts';
import { type RpcCall, rpcBodyOf, rpcOf } from './grpc.ts';
import * as limits from './limits.ts';
import { omitted } from './omitted.ts';
import { isSecretName, withoutPasswords } from './passwords.ts';
import type { HttpSettings } from './settings.ts';

/** What was read of a body before it is judged. */
export interface ReadBody {
  readonly chunks: readonly Buffer[];
  /** False: more of it is still to come, or none was read. */
  readonly isWhole: boolean;
  /** Why it was not read, where it was not. */
  readonly reason: string | null;
}

export interface Understood {
  /** What the target gets in place of what was sent. */
  readonly target: string;
  /** Why the gateway itself refuses it, whatever the rules say; asked once they have let it pass. */
  readonly denied?: { readonly code: string; readonly detail: string } | undefined;
  /** Its answer may be silent for as long as it likes. */
  readonly isEndless?: boolean | undefined;
  readonly draft: CommandDraft;
  readonly body: ReadBody;
  /** The body as it may be recorded; null: as it is. */
  readonly recordedBody: Buffer | null;
  /** A call of gRPC that is known by its descriptors. */
  readonly rpc?: RpcCall | undefined;
}

/** Memory that bodies of one connection take while they are judged. */
export interface BodyBudget {
  bytes: number;
}

/** Of requests that have none. */
export const noBody: ReadBody = { chunks: [], isWhole: true, reason: null };

/** Reads a body whole where its type is one that is understood and it is short enough. */
export async function readBody(
  client: ClientExchange,
  door: Door,
  budget: BodyBudget,
  { readsBody, bodyBytesMax }: Pick<Dialect, 'readsBody' | 'bodyBytesMax'>,
): Promise<ReadBody> {
  if (!client.hasBody) return noBody;
  const type = (firstOf(client.head.fields, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const none = (reason: string): ReadBody => ({ chunks: [], isWhole: false, reason });
  if (!readsBody(type)) return none(type === '' ? 'its type is not given' : `bodies of the type ${type} are not read`);
  const coding = firstOf(client.head.fields, 'content-encoding');
  if (coding !== null && coding.trim().toLowerCase() !== 'identity') return none('it is compressed');
  if ((client.bodyBytes ?? 0) > bodyBytesMax) return none('it is too long');
  const wanted = client.bodyBytes ?? bodyBytesMax;
  if (budget.bytes + wanted > limits.analysedBytesPerConnectionMax) {
    throw httpErrors('http.too-many', { values: { what: 'bodies that wait to be judged' } });
  }
  budget.bytes += wanted;
  client.proceed();
  try {
    const body = collect(client, bodyBytesMax);
    return await withDeadline(body, limits.bodyDeadlineMs, 'the body of a request', door.clock, door.signal);
  } catch (cause) {
    if (isGatewayError(cause) && cause.code !== 'base.deadline') throw cause;
    throw httpErrors('http.too-slow', { cause });
  } finally {
    budget.bytes -= wanted;
  }
}

function collect(client: ClientExchange, bytesMax: number): Promise<ReadBody> {
  const { body } = client;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (isWhole: boolean): void => {
      body.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      if (!isWhole) body.pause();
      resolve({ chunks, isWhole, reason: isWhole ? null : 'it is too long' });
    };
    const onData = (view: Buffer): void => {
      chunks.push(view);
      bytes += view.length;
      if (bytes > bytesMax) settle(false);
    };
    const onEnd = (): void => settle(true);
    const onClose = (): void => reject(httpErrors('http.malformed', { values: { what: 'its body ends early' } }));
    body.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    if (body.readableEnded) onEnd();
    else if (body.destroyed) onClose();
  });
}

/** The command that a request is. Throws `http.malformed` where it could mean two things (A-HTTP-06). */
export function understand(
  client: ClientExchange,
  passed: readonly Field[],
  body: ReadBody,
  settings: HttpSettings,
  upgrade: HttpUpgrade | null,
): Understood {
  const { method, target } = client.head;
  const shown = shownFields(passed);
  const rpc = upgrade === null ? rpcOf(client.head, settings) : null;
  const reading = httpMeaning({
    method,
    target,
    fields: shown,
    body: rpc === null ? bodyOf(client, body) : rpcBodyOf(rpc, client, body),
    routes: settings.routes,
    upgrade,
    targetOptions: settings.targetOptions,
  });
  if (isHttpFault(reading)) throw faultOf(reading);
  const recordedText = withoutPasswords(reading.text);
  const { http } = reading;
  const draft: CommandDraft = {
    kind: 'http',
    verb: method.toLowerCase(),
    text: reading.text,
    recordedText,
    parameters: parametersOf(shown),
    // A method promises; it does not prove.
    effect: 'unknown',
    meaning: { language: 'http', http },
    context: {},
    of: null,
    ...(http.body.kind === 'unread' ? { unholdable: `Its body was not read, since ${http.body.reason}.` } : {}),
  };
  const readable = rpc === null ? recordedBodyOf(reading, body) : recordedMessageOf(reading);
  return {
    target: reading.target,
    draft,
    body,
    recordedBody: readable,
    ...(rpc === null ? {} : { rpc: { method: rpc, http } }),
  };
}

/** The body as the languages take it. */
export function bodyOf(client: ClientExchange, body: ReadBody): RequestBody {
  if (!client.hasBody) return { kind: 'none' };
  if (!body.isWhole) return { kind: 'unread', reason: body.reason ?? 'it was not read' };
  return { kind: 'whole', bytes: body.chunks.length === 1 ? body.chunks[0]! : Buffer.concat(body.chunks) };
}

export function faultOf({ fault, reason }: { readonly fault: string; readonly reason: string }): Error {
  if (fault === 'length') return httpErrors('http.target-too-long', { detail: reason });
  return httpErrors('http.malformed', { values: { what: reason.replace(/\.$/, '') }, detail: fault });
}

/** Head fields as a reviewer sees them; long values cut. */
export function parametersOf(fields: readonly Field[]): Parameter[] {
  return fields.map(([type, value]) => {
    const bytes = Buffer.byteLength(value);
    if (value.length <= limits.parameterLengthMax) return { type, value, bytes };
    const digest = createHash('sha256').update(value).digest('hex');
    return { type, value: value.slice(0, limits.parameterLengthMax), bytes, digest };
  });
}

/** A message as it reads, in place of its bytes. */
function recordedMessageOf({ http }: HttpReading): Buffer | null {
  return http.body.kind === 'json' ? Buffer.from(withoutPasswords(JSON.stringify(http.body.value))) : null;
}

function recordedBodyOf({ http }: HttpReading, body: ReadBody): Buffer | null {
  if (!body.isWhole || body.chunks.length === 0 || http.body.kind === 'unread') return null;
  const whole = Buffer.concat(body.chunks);
  // Parts of a multipart form are bytes: what a form calls a password is left out as a whole.
  if (http.contentType === 'multipart/form-data') {
    const names = http.body.kind === 'form' ? http.body.fields.map(([name]) => name) : [];
    return names.some(isSecretName) ? Buffer.from(omitted) : null;
  }
  const text = whole.toString('utf8');
  const kept = withoutPasswords(text);
  return kept === text ? null : Buffer.from(kept);
}
