/**
 * gRPC by its descriptors: which method a request calls, and what its message says.
 *
 * Invariants: only a method that the descriptors know is read at all, and only where the content type says protobuf; a call
 * with one message is judged with it, one with many is judged when it begins and again for each message (grpc-requests.ts).
 *
 * Deliberately absent: gRPC-Web, Connect, messages in JSON, reflection: their bodies are bytes.
 * Source: grpc/doc/PROTOCOL-HTTP2.md.
 */
import { isGatewayError } from '../../base/errors.ts';
import type { HttpMeaning } from '../../core/http.ts';
import type { RpcMethod } from '../../core/messages.ts';
import {
  type BodyMeaning,
  canonicalTarget,
  isHttpFault,
  type KnownBody,
  noBody,
  type RequestBody,
  rpcBody,
} from '../../language/index.ts';
import type { ClientExchange, RequestHead } from './client.ts';
import { type Field, firstOf, valuesOf } from './fields.ts';
import { type GrpcFrame, GrpcFrames, unfold } from './grpc-frames.ts';
import type { ReadBody } from './request.ts';
import type { HttpSettings } from './settings.ts';

/** A call whose method is known. */
export interface RpcCall {
  readonly method: RpcMethod;
  /** What the call asks for, without its messages. */
  readonly http: HttpMeaning;
}

/** Whether messages of this type are protobuf, framed as gRPC frames them. */
export function isGrpc(fields: readonly Field[]): boolean {
  return /^application\/grpc(?:\+proto)?\s*(?:;|$)/i.test(firstOf(fields, 'content-type') ?? '');
}

/** The coding of compressed messages; null where none is named. */
export function messageEncodingOf(fields: readonly Field[]): string | null {
  const named = valuesOf(fields, 'grpc-encoding').join(',').trim().toLowerCase();
  return named === '' || named === 'identity' ? null : named;
}

/** The method that a request calls, where the resource's descriptors know it. */
export function rpcOf({ method, target, fields }: RequestHead, settings: HttpSettings): RpcMethod | null {
  if (settings.grpc === null || method !== 'POST' || !isGrpc(fields)) return null;
  const canonical = canonicalTarget(target, settings.targetOptions);
  return isHttpFault(canonical) ? null : settings.grpc.methodOf(canonical.path);
}

/** The body of a call as rules see it. Of a call with many messages there is none when it begins. */
export function rpcBodyOf(
  method: RpcMethod,
  client: ClientExchange,
  { isWhole, chunks, reason }: ReadBody,
): KnownBody | RequestBody {
  if (method.clientStreams) return { kind: 'known', meaning: noBody };
  const unread = (why: string): RequestBody => ({ kind: 'unread', reason: why });
  if (!client.hasBody) return unread('it has no message');
  if (!isWhole) return unread(reason ?? 'it was not read');
  try {
    const frames = new GrpcFrames();
    for (const view of chunks) frames.push(view);
    const frame = frames.next();
    if (frame === null || frames.isWithin) return unread('it is not one message of gRPC');
    return { kind: 'known', meaning: messageMeaning(method, frame, messageEncodingOf(client.head.fields)) };
  } catch (error) {
    return unread(whyNot(error));
  }
}

/** What one message says; unread where it cannot be unfolded. */
export function messageMeaning(method: RpcMethod, frame: GrpcFrame, encoding: string | null): BodyMeaning {
  try {
    return rpcBody(method, unfold(frame, encoding));
  } catch (error) {
    return { body: { kind: 'unread', reason: whyNot(error) }, text: null, graphql: null };
  }
}

/** What is no message is unread; anything else is our own mistake. */
function whyNot(error: unknown): string {
  if (isGatewayError(error))
    return `it is no message of gRPC that is looked into: ${error.publicMessage.replace(/\.$/, '')}`;
  throw error;
}

/** Whether messages of another protocol of its kind are compressed one by one: then nothing would be found in them. */
export function isFoldedOtherwise(fields: readonly Field[]): boolean {
  if (isGrpc(fields) || !/^application\/(?:grpc|connect)/i.test(firstOf(fields, 'content-type') ?? '')) return false;
  const connect = valuesOf(fields, 'connect-content-encoding').join('').trim().toLowerCase();
  return messageEncodingOf(fields) !== null || (connect !== '' && connect !== 'identity');
}

/** Of the codings that the client takes for messages, those that can be undone here. */
export function knownMessageCodings(fields: readonly Field[]): Field[] {
  return fields.map(([name, value]): Field => {
    if (name.toLowerCase() !== 'grpc-accept-encoding') return [name, value];
    const kept = value.split(',').filter((one) => ['gzip', 'deflate', 'identity'].includes(one.trim().toLowerCase()));
    return [name, kept.length === 0 ? 'identity' : kept.map((one) => one.trim()).join(',')];
  });
}
