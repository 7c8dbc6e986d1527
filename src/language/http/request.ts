/**
 * One request, put together: from what the wire's own parser gave to `HttpMeaning`, and to the text that stands for the
 * command everywhere else (`METHOD target`, then, after an empty line, the body where it was read).
 *
 * Invariants:
 * - Never throws. What is ambiguous in the head is a fault, and never becomes a command (A-HTTP-06); what is not understood of
 *   the body is unread.
 * - `analyseRequest` reads back what `httpMeaning` wrote: the same method, path, query, route, and facts of the body.
 *
 * Deliberately absent: framing and connections (A-HTTP-01, -02), credentials (whoever passes fields leaves them out; those
 * that everybody knows are left out here once more), what the target answers.
 */
import type { HttpBody, HttpMeaning, HttpUpgrade } from '../../core/http.ts';
import type { RpcMethod } from '../../core/messages.ts';
import { rpcNames } from '../grpc/body.ts';
import type { RpcSchema } from '../grpc/descriptors.ts';
import { type BodyMeaning, bodyMeaning, graphqlIn, noBody, unreadBody } from './body.ts';
import { graphqlOfFields, isGraphqlPath } from './graphql.ts';
import { mediaTypeOf } from './media-type.ts';
import { noRoutes, type Routes } from './routes.ts';
import { type CanonicalTarget, canonicalTarget, type HttpFault, isHttpFault, type TargetOptions } from './target.ts';

export type RequestBody =
  | { readonly kind: 'none' }
  /** The whole body. `decoded`: its content codings have been undone. */
  | { readonly kind: 'whole'; readonly bytes: Uint8Array; readonly decoded?: boolean }
  | { readonly kind: 'unread'; readonly reason: string };

/** What whoever knows its form makes of it: gRPC by a descriptor. */
export interface KnownBody {
  readonly kind: 'known';
  readonly meaning: BodyMeaning;
}

export interface HttpRequest {
  readonly method: string;
  /** As it stood in the request line, or in `:path`. */
  readonly target: string;
  /** In order, names in any case, without what concerns one connection only. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: RequestBody | KnownBody;
  readonly routes: Routes;
  readonly upgrade?: HttpUpgrade | null;
  readonly targetOptions?: TargetOptions;
}

export interface HttpReading {
  readonly http: HttpMeaning;
  /** What is sent on in place of the target that came. */
  readonly target: string;
  /** The text of the command. */
  readonly text: string;
}

export function httpMeaning(request: HttpRequest): HttpReading | HttpFault {
  const target = canonicalTarget(request.target, request.targetOptions);
  if (isHttpFault(target)) return target;
  if (!methodForm.test(request.method) || request.method === 'CONNECT') {
    return { fault: 'method', reason: 'The method is none that can be sent to a resource.' };
  }
  const fields = request.fields
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !credentialFields.has(name));
  const types = fields.filter(([name]) => name === 'content-type').map(([, value]) => value);
  if (types.length > 1) {
    return { fault: 'content-type', reason: 'The request names its content type twice. Send the field once.' };
  }
  const type = types[0] ?? null;
  const meaning = meaningOf(request.body, type, fields, target.path);
  return reading(request, target, fields, type, meaning);
}

const methodForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const credentialFields: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie']);

type Fields = readonly (readonly [string, string])[];

function meaningOf(body: RequestBody | KnownBody, type: string | null, fields: Fields, path: string): BodyMeaning {
  if (body.kind === 'none') return noBody;
  if (body.kind === 'unread') return unreadBody(body.reason);
  if (body.kind === 'known') return body.meaning;
  const codings = fields.filter(
    ([name, value]) => name === 'content-encoding' && !/^\s*(?:identity)?\s*$/i.test(value),
  );
  if (codings.length > 0 && body.decoded !== true && body.bytes.length > 0) return unreadBody('it is compressed');
  return bodyMeaning(type, body.bytes, { path });
}

function reading(
  { method, routes, upgrade = null }: Pick<HttpRequest, 'method' | 'routes' | 'upgrade'>,
  { path, target, fields: query }: CanonicalTarget,
  fields: Fields,
  type: string | null,
  { body, text, graphql }: BodyMeaning,
): HttpReading {
  const contentType = type === null || type.trim() === '' ? null : (mediaTypeOf(type)?.type ?? looseType(type));
  const more = joined(graphql, graphqlIn(graphqlOfFields(query, isGraphqlPath(path))));
  const http: HttpMeaning = {
    method,
    path,
    route: routes.of(path),
    query,
    fields,
    contentType,
    upgrade,
    body,
    ...(more === null ? {} : { graphql: more }),
    grpc: isRpc(contentType, fields) ? path.split('/').slice(-2).join('/') : null,
  };
  return { http, target, text: requestText(method, target, text) };
}

/** What a type that is not spelled as it must be seems to be. */
function looseType(type: string): string {
  return type.split(';', 1)[0]!.trim().toLowerCase();
}

type Operations = BodyMeaning['graphql'];

function joined(one: Operations, other: Operations): Operations {
  if (one === 'unread' || other === 'unread') return 'unread';
  return one === null ? other : other === null ? one : [...one, ...other];
}

/** gRPC, gRPC-Web, and Connect, which services of gRPC often speak at the same paths. */
function isRpc(contentType: string | null, fields: Fields): boolean {
  if (contentType !== null && /^application\/(?:grpc|connect\+|proto$)/.test(contentType)) return true;
  return fields.some(([name]) => name === 'connect-protocol-version');
}

/** The text of a command: what is shown, matched by `text` and `pattern`, and read back by `analyseRequest`. */
export function requestText(method: string, target: string, body: string | null): string {
  return body === null ? `${method} ${target}` : `${method} ${target}\n\n${body}`;
}

export interface AnalyseOptions {
  readonly routes?: Routes;
  readonly targetOptions?: TargetOptions;
  /** What services there are, by their descriptors. */
  readonly rpc?: RpcSchema | null;
}

/**
 * The meaning of a request that is given as text: by people, in examples and to `explain`, or as it was recorded. Head fields
 * may stand between the first line and the empty one; without a content type the body is taken for what it looks like. Null
 * where the text is no request, or one that would be refused.
 */
export function analyseRequest(text: string, options: AnalyseOptions = {}): HttpMeaning | null {
  const parts = /^([^\s]+) ([^\s]+)[ \t]*(?:\r?\n(.*))?$/s.exec(text);
  if (parts === null) return null;
  const [method, sent, rest = ''] = [parts[1]!, parts[2]!, parts[3]];
  const split = splitHead(rest);
  if (split === null) return null;
  const { fields, body } = split;
  const { routes = noRoutes, targetOptions = {} } = options;
  const target = canonicalTarget(sent, targetOptions);
  if (isHttpFault(target)) return null;
  const form = body === '' || hasType(fields) ? null : formOf(body);
  const typed: Fields =
    body === '' || hasType(fields) || form !== null ? fields : [...fields, ['content-type', typeOf(body, target.path)]];
  const found = httpMeaning({
    method,
    target: sent,
    fields: typed,
    body: body === '' ? { kind: 'none' } : { kind: 'whole', bytes: Buffer.from(body, 'utf8') },
    routes,
    targetOptions,
  });
  if (isHttpFault(found)) return null;
  const call = options.rpc?.methodOf(target.path) ?? null;
  if (call !== null && !hasType(fields)) return rpcMeaning(found.http, call);
  if (form === null) return found.http;
  const graphql = joined(
    graphqlIn(graphqlOfFields(form.fields, isGraphqlPath(target.path))),
    found.http.graphql ?? null,
  );
  return {
    ...found.http,
    contentType: 'multipart/form-data',
    body: form,
    ...(graphql === null ? {} : { graphql }),
  };
}

/** Of a message as it stands in the text of a command. */
function rpcMeaning({ graphql: _, ...http }: HttpMeaning, method: RpcMethod): HttpMeaning {
  const { body } = http;
  const isMessage = body.kind === 'json' && body.rpc === null;
  return {
    ...http,
    contentType: 'application/grpc',
    body: isMessage ? { ...body, graphql: null, names: rpcNames(method.input) } : body,
    grpc: method.name,
  };
}

function hasType(fields: Fields): boolean {
  return fields.some(([name]) => name.toLowerCase() === 'content-type');
}

/** Null where a line before the empty one is no head field. */
function splitHead(rest: string): { readonly fields: Fields; readonly body: string } | null {
  const fields: (readonly [string, string])[] = [];
  let at = 0;
  while (at < rest.length) {
    const feed = rest.indexOf('\n', at);
    const line = rest.slice(at, feed < 0 ? undefined : feed).replace(/\r$/, '');
    at = feed < 0 ? rest.length : feed + 1;
    if (line === '') break;
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(line);
    if (field === null) return null;
    fields.push([field[1]!, field[2]!.trim()]);
  }
  return { fields, body: rest.slice(at) };
}

function typeOf(body: string, path: string): string {
  if (isGraphqlPath(path) && /^\s*(?:(?:query|mutation|subscription|fragment)\b|#|\{\s*[^\s"}])/.test(body)) {
    return /^[a-z]+=/.test(body) ? 'application/x-www-form-urlencoded' : 'application/graphql';
  }
  if (/^\s*[[{]/.test(body)) return 'application/json';
  return /^[^\s=&]+=[^\s]*$/.test(body) ? 'application/x-www-form-urlencoded' : 'text/plain';
}

const formLine =
  /^("(?:[^"\\]|\\.)*"): (?:file ("(?:[^"\\]|\\.)*"), [0-9]+ bytes, SHA-256 [0-9a-f]{64}|("(?:[^"\\]|\\.)*"))$/;

/** A multipart form as the text of a command spells it; null where it is none. */
function formOf(body: string): Extract<HttpBody, { kind: 'form' }> | null {
  const fields: (readonly [string, string])[] = [];
  const files: (readonly [string, string])[] = [];
  for (const line of body.split('\n')) {
    const found = formLine.exec(line);
    if (found === null) return null;
    try {
      const name = JSON.parse(found[1]!) as string;
      if (found[2] === undefined) fields.push([name, JSON.parse(found[3]!) as string]);
      else files.push([name, JSON.parse(found[2]) as string]);
    } catch {
      return null;
    }
  }
  return { kind: 'form', fields, ...(files.length === 0 ? {} : { files }) };
}
