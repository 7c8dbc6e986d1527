/** Answers of the stand-in: JSON in the view that was asked for, errors as `Status` in the real API server's words. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KubeObject } from './objects.ts';
import { type Column, metadataOf, tableOf } from './tables.ts';

export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: object | undefined;

  constructor(code: number, reason: string, message: string, details?: object) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export const notFound = (resource: string, name: string): StatusError =>
  new StatusError(404, 'NotFound', `${resource} "${name}" not found`, { name, kind: resource });

export function sendStatus(response: ServerResponse, error: StatusError): void {
  const { code, reason, message, details } = error;
  sendJson(response, code, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  });
}

export function sendJson(response: ServerResponse, status: number, value: unknown, type = 'application/json'): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, {
    'audit-id': '00000000-0000-0000-0000-000000000000',
    'cache-control': 'no-cache, private',
    'content-type': type,
    'content-length': body.length,
  });
  response.end(body);
}

export type View = 'object' | 'table' | 'metadata';

/** The first view of the Accept header that there is; kubectl names tables before objects. */
export function viewOf(request: IncomingMessage): View {
  const accept = request.headers.accept ?? '*/*';
  for (const range of accept.split(',')) {
    if (!/^\s*(application\/json|\*\/\*|application\/\*)/.test(range)) continue;
    if (range.includes('as=Table') && /v=v1(?:;|\s|$)/.test(range)) return 'table';
    if (range.includes('as=PartialObjectMetadata')) return 'metadata';
    if (!range.includes('as=')) return 'object';
  }
  throw new StatusError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
}

export interface Shown {
  readonly resource: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly columns: readonly Column[] | undefined;
  readonly include: string;
}

export function showOne(view: View, how: Shown, one: KubeObject): object {
  if (view === 'metadata') return metadataOf(one);
  const whole = { kind: how.kind, apiVersion: how.apiVersion, ...one };
  if (view === 'object') return whole;
  return tableOf(how.resource, how.columns, [whole], one.metadata.resourceVersion ?? '', how.include);
}

export function showList(view: View, how: Shown, all: readonly KubeObject[], version: string): object {
  if (view === 'table') {
    const whole = all.map((one) => ({ kind: how.kind, apiVersion: how.apiVersion, ...one }));
    return tableOf(how.resource, how.columns, whole, version, how.include);
  }
  if (view === 'metadata') {
    const kind = 'PartialObjectMetadataList';
    return { kind, apiVersion: 'meta.k8s.io/v1', metadata: { resourceVersion: version }, items: all.map(metadataOf) };
  }
  return { kind: `${how.kind}List`, apiVersion: how.apiVersion, metadata: { resourceVersion: version }, items: all };
}
