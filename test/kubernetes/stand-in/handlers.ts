/** What the stand-in does with resources: get, list, watch, create, update, patch, delete, and logs. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'yaml';
import { notFound, type Shown, StatusError, sendJson, showList, showOne, viewOf } from './answers.ts';
import type { Container } from './containers.ts';
import { at, jsonPatched, type KubeObject, matchesFields, matchesLabels, merged } from './objects.ts';
import type { Pods } from './pods.ts';
import { isProtobuf, objectOf } from './protobuf.ts';
import type { Asked } from './resources.ts';
import type { Change, Store } from './store.ts';

export interface Exchange {
  readonly asked: Asked;
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly store: Store;
  readonly pods: Pods;
}

export async function answerResource(exchange: Exchange): Promise<void> {
  const { asked, request, url } = exchange;
  const { subresource, resource } = asked;
  if (subresource === 'scale') return scale(exchange);
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      if (asked.name !== '') return getOne(exchange);
      return /^(?:1|true|t)$/i.test(url.searchParams.get('watch') ?? '') ? watch(exchange) : list(exchange);
    case 'POST':
      if (resource.kind.endsWith('Review')) return review(exchange);
      if (resource.name === 'serviceaccounts' && subresource === 'token') return giveToken(exchange);
      if (resource.name === 'pods' && subresource === 'eviction') return deleteOne(exchange);
      return create(exchange);
    case 'PUT':
      return change(exchange, () => parsed(exchange) as KubeObject);
    case 'PATCH':
      return change(exchange, (before) => patched(exchange, before));
    case 'DELETE':
      return asked.name === '' ? deleteMany(exchange) : deleteOne(exchange);
    default:
      throw new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }
}

function shown({ asked, url }: Exchange): Shown {
  const { name, kind, apiVersion, columns } = asked.resource;
  return { resource: name, kind, apiVersion, columns, include: url.searchParams.get('includeObject') ?? 'Metadata' };
}

function find({ asked, store }: Exchange): KubeObject {
  const { resource, namespace, name } = asked;
  const found = store.get(resource.key, namespace, name);
  if (found === undefined) throw notFound(resource.name, name);
  return found;
}

function isSelected({ asked, url }: Exchange, one: KubeObject): boolean {
  const query = url.searchParams;
  return (
    (asked.namespace === '' || one.metadata.namespace === asked.namespace) &&
    matchesFields(one, query.get('fieldSelector') ?? '') &&
    matchesLabels(one, query.get('labelSelector') ?? '')
  );
}

function selected(exchange: Exchange): KubeObject[] {
  const { asked, store } = exchange;
  return store.list(asked.resource.key, asked.namespace).filter((one) => isSelected(exchange, one));
}

function getOne(exchange: Exchange): void {
  sendJson(exchange.response, 200, showOne(viewOf(exchange.request), shown(exchange), find(exchange)));
}

function list(exchange: Exchange): void {
  const { request, response, store } = exchange;
  sendJson(response, 200, showList(viewOf(request), shown(exchange), selected(exchange), store.version));
}

function watch(exchange: Exchange): void {
  const { asked, url, request, response, store } = exchange;
  const view = viewOf(request);
  const how = shown(exchange);
  const query = url.searchParams;
  const tell = (type: string, object: object): void => void response.write(`${JSON.stringify({ type, object })}\n`);
  const told = ({ type, resource, object }: Change): void => {
    if (resource === asked.resource.key && isSelected(exchange, object)) tell(type, showOne(view, how, object));
  };
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const from = query.get('resourceVersion') ?? '';
  const isFromNow = from === '' || from === '0' || query.get('sendInitialEvents') === 'true';
  if (isFromNow) for (const one of selected(exchange)) tell('ADDED', showOne(view, how, one));
  if (query.get('sendInitialEvents') === 'true') {
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    const mark = { metadata: { resourceVersion: store.version, annotations } };
    tell('BOOKMARK', showOne(view, how, mark));
  }
  const stop = store.watch(isFromNow ? Number(store.version) : Number(from), told);
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  const timer = seconds > 0 ? setTimeout(() => response.end(), seconds * 1000) : undefined;
  response.once('close', () => {
    clearTimeout(timer);
    stop();
  });
}

/** Bodies as JSON, YAML, or protobuf of some kinds. */
function parsed({ body }: Exchange): unknown {
  if (isProtobuf(body)) {
    const object = objectOf(body);
    if (object !== null) return object;
    throw new StatusError(415, 'UnsupportedMediaType', 'the stand-in does not read protobuf of this kind; send JSON');
  }
  try {
    return parse(body.toString());
  } catch (error) {
    throw new StatusError(400, 'BadRequest', `the object provided is unrecognized: ${String(error)}`);
  }
}

const isDryRun = ({ url }: Exchange): boolean => url.searchParams.get('dryRun') === 'All';

async function create(exchange: Exchange): Promise<void> {
  const { asked, store, request, response, pods } = exchange;
  const { resource, namespace } = asked;
  const given = parsed(exchange) as KubeObject;
  const { generateName = '', name = `${generateName}${Math.random().toString(36).slice(2, 7)}` } = given.metadata;
  const metadata = { ...given.metadata, name, ...(resource.namespaced ? { namespace } : {}) };
  if (resource.namespaced && store.get('/namespaces', '', namespace) === undefined)
    throw notFound('namespaces', namespace);
  if (store.get(resource.key, resource.namespaced ? namespace : '', name) !== undefined) {
    const details = { name, kind: resource.name };
    throw new StatusError(409, 'AlreadyExists', `${resource.name} "${name}" already exists`, details);
  }
  const object = completed(resource.kind, { ...given, metadata });
  let made = isDryRun(exchange) ? object : store.put(resource.key, object);
  if (resource.name === 'pods' && !isDryRun(exchange)) made = await pods.start(made);
  sendJson(response, 201, showOne(viewOf(request), shown(exchange), made));
}

/** What the real one would have added for what kubectl reads. */
function completed(kind: string, object: KubeObject): KubeObject {
  if (kind === 'Namespace') return { ...object, status: { phase: 'Active' } };
  if (kind !== 'Secret') return object;
  const { stringData, ...others } = object;
  const texts = Object.entries((stringData ?? {}) as Record<string, string>);
  const encoded = Object.fromEntries(texts.map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
  return { ...others, data: { ...((others['data'] ?? {}) as object), ...encoded }, type: others['type'] ?? 'Opaque' };
}

async function change(exchange: Exchange, make: (before: KubeObject) => KubeObject): Promise<void> {
  const { asked, store, request, response, pods } = exchange;
  const isApply = request.headers['content-type']?.startsWith('application/apply-patch') === true;
  if (isApply && store.get(asked.resource.key, asked.namespace, asked.name) === undefined) return create(exchange);
  const before = find(exchange);
  const { name, namespace } = before.metadata;
  const after = make(before);
  const object = completed(asked.resource.kind, {
    ...after,
    metadata: { ...after.metadata, name: name!, ...(namespace === undefined ? {} : { namespace }) },
  });
  let made = isDryRun(exchange) ? object : store.put(asked.resource.key, object);
  if (asked.resource.name === 'pods' && asked.subresource === 'ephemeralcontainers') made = await pods.start(made);
  sendJson(response, 200, showOne(viewOf(request), shown(exchange), made));
}

function patched(exchange: Exchange, before: KubeObject): KubeObject {
  const type = exchange.request.headers['content-type']?.split(';')[0];
  const patch = parsed(exchange);
  switch (type) {
    case 'application/json-patch+json':
      return jsonPatched(before, patch as Record<string, unknown>[]) as KubeObject;
    case 'application/merge-patch+json':
      return merged(before, patch, false) as KubeObject;
    case 'application/strategic-merge-patch+json':
    case 'application/apply-patch+yaml':
      return merged(before, patch, true) as KubeObject;
    default:
      throw new StatusError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`);
  }
}

/** The number of replicas as an object of its own. */
function scale(exchange: Exchange): void {
  const { asked, request, response, store } = exchange;
  let found = find(exchange);
  if (request.method !== 'GET') {
    const given = parsed(exchange) as { readonly spec?: { readonly replicas?: number } };
    found = merged(found, { spec: { replicas: given.spec?.replicas ?? 0 } }, false) as KubeObject;
    if (!isDryRun(exchange)) found = store.put(asked.resource.key, found);
  }
  const replicas = at(found, ['spec', 'replicas']) ?? 1;
  const { name, namespace, uid, resourceVersion } = found.metadata;
  sendJson(response, 200, {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion },
    spec: { replicas },
    status: { replicas },
  });
}

async function deleteOne(exchange: Exchange): Promise<void> {
  const { asked, response } = exchange;
  const found = find(exchange);
  if (!isDryRun(exchange)) await take(exchange, found);
  const { name, uid } = found.metadata;
  const details = { name, kind: asked.resource.name, uid };
  sendJson(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
}

async function deleteMany(exchange: Exchange): Promise<void> {
  const all = selected(exchange);
  if (!isDryRun(exchange)) for (const one of all) await take(exchange, one);
  sendJson(exchange.response, 200, showList('object', shown(exchange), all, exchange.store.version));
}

async function take({ asked, store, pods }: Exchange, one: KubeObject): Promise<void> {
  if (asked.resource.name === 'pods') await pods.stop(one);
  store.delete(asked.resource.key, one);
}

/** Nothing is refused here, and the answer to who may what says so. */
function review(exchange: Exchange): void {
  const { kind, apiVersion } = exchange.asked.resource;
  const status = kind === 'SelfSubjectRulesReview' ? { resourceRules: [], nonResourceRules: [] } : { allowed: true };
  sendJson(exchange.response, 201, { ...(parsed(exchange) as object), kind, apiVersion, status });
}

function giveToken(exchange: Exchange): void {
  find(exchange);
  const status = { token: 'stand-in.service-account.token', expirationTimestamp: '2100-01-01T00:00:00Z' };
  const made = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: {} };
  sendJson(exchange.response, 201, { ...made, ...(parsed(exchange) as object), status });
}

export function sendLog(container: Container, query: URLSearchParams, response: ServerResponse): void {
  const isStamped = query.get('timestamps') === 'true';
  const tail = query.get('tailLines');
  const since = query.get('sinceSeconds');
  let next = tail === null ? 0 : Math.max(0, container.lines.length - Number(tail));
  const earliest = since === null ? 0 : Date.now() - Number(since) * 1000;
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  const more = (): void => {
    for (; next < container.lines.length; next++) {
      const { atMs, text } = container.lines[next]!;
      if (atMs >= earliest) response.write(`${isStamped ? `${new Date(atMs).toISOString()} ` : ''}${text}\n`);
    }
    if (query.get('follow') !== 'true' || container.exitCode !== null || response.destroyed) response.end();
    else container.onLine.push(more);
  };
  more();
}
