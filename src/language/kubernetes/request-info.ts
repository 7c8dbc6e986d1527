/**
 * What the API server computes of a request before anything else: k8s.io/apiserver, `endpoints/request/requestinfo.go`.
 *
 * Invariants:
 * - Equal to the server's own result for whatever is not refused (A-K8S-05; the golden corpus is made by the real library).
 * - A path that could be read in two ways is refused and never becomes a command: `..`, `//`, `%2F`, `;` and the like
 *   (`language/http/target.ts`). So is a method that the server has no verb for, a proxy aside.
 *
 * | path                                                   | resource          | verb of GET                |
 * |--------------------------------------------------------|-------------------|----------------------------|
 * | `/api/V/[namespaces/NS/]RES`                           | RES               | list, watch (`?watch=1`)   |
 * | `/api/V/[namespaces/NS/]RES/NAME[/SUB[/…]]`            | RES/SUB           | get                        |
 * | `/apis/GROUP/V/…`                                      | the same          | the same                   |
 * | `/api/V/watch/…`, `/api/V/proxy/…` (long deprecated)   | RES               | watch, proxy               |
 * | `/api/V/namespaces/NS[/status\|/finalize]`             | namespaces        | get                        |
 * | anything else                                          | none              | get                        |
 */
import type { KubernetesRequestInfo } from '../../core/kubernetes.ts';
import { type CanonicalTarget, canonicalTarget, decode, type HttpFault, isHttpFault } from '../http/target.ts';
import { exactField, fieldTerms, isLabelSelector } from './selectors.ts';

export interface RequestLine {
  readonly method: string;
  /** As it stood in the request line, or in `:path`. */
  readonly target: string;
}

export function requestInfoOf({ method, target }: RequestLine): KubernetesRequestInfo | HttpFault {
  const canonical = canonicalTarget(target);
  return isHttpFault(canonical) ? canonical : infoOf(method, canonical);
}

type Query = CanonicalTarget['fields'];
type Mutable = { -readonly [Key in keyof KubernetesRequestInfo]: KubernetesRequestInfo[Key] };

const verbsByMethod: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
/** Verbs that stand in the path before the resource. */
const pathVerbs: ReadonlySet<string> = new Set(['proxy', 'watch']);
/** Subresources of a namespace, which are no resources in it. */
const namespaceSubresources: ReadonlySet<string> = new Set(['status', 'finalize']);
const selecting: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

export function infoOf(method: string, target: CanonicalTarget): KubernetesRequestInfo | HttpFault {
  // The canonicaliser refused what is no UTF-8.
  const path = decode(target.path) ?? target.path;
  const info: Mutable = {
    isResourceRequest: false,
    path,
    verb: method.toLowerCase(),
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
    fieldSelector: '',
    labelSelector: '',
  };
  let parts = path.replaceAll(/^\/+|\/+$/g, '').split('/');
  if (parts.length < 3 || (parts[0] !== 'api' && parts[0] !== 'apis')) return info;
  info.apiPrefix = parts[0];
  parts = parts.slice(1);
  if (info.apiPrefix === 'apis') {
    // The server leaves the prefix as it found it, and goes no further.
    if (parts.length < 3) return info;
    info.apiGroup = parts[0]!;
    parts = parts.slice(1);
  }
  info.isResourceRequest = true;
  info.apiVersion = parts[0]!;
  parts = parts.slice(1);
  const isByPath = pathVerbs.has(parts[0]!);
  if (isByPath) {
    if (parts.length < 2) return { fault: 'form', reason: 'The path has a verb and names no resource behind it.' };
    info.verb = parts[0]!;
    parts = parts.slice(1);
  } else {
    info.verb = verbsByMethod[method] ?? '';
  }
  if (parts[0] === 'namespaces' && parts.length > 1) {
    info.namespace = parts[1]!;
    if (parts.length > 2 && !namespaceSubresources.has(parts[2]!)) parts = parts.slice(2);
  }
  info.parts = parts;
  if (parts.length >= 3 && info.verb !== 'proxy') info.subresource = parts[2]!;
  info.name = parts[1] ?? '';
  info.resource = parts[0] ?? '';
  if (info.verb === '' && info.subresource !== 'proxy') {
    return { fault: 'method', reason: `Kubernetes has no verb for the method of this request.` };
  }
  bySelectors(info, target.fields, isByPath);
  return info;
}

/** What the query makes of a request without a name. */
function bySelectors(info: Mutable, query: Query, isByPath: boolean): void {
  const first = (name: string): string | null => query.find(([one]) => one === name)?.[1] ?? null;
  const fields = first('fieldSelector');
  if (info.name === '' && info.verb === 'get') {
    info.verb = isSet(first('watch')) ? 'watch' : 'list';
    const terms = fields === null || !isDecoded(first) ? null : fieldTerms(fields);
    const name = terms === null ? null : exactField(terms, 'metadata.name');
    if (name !== null && !/^\.{1,2}$|[/%]/.test(name)) info.name = name;
  }
  if (info.name === '' && info.verb === 'delete') info.verb = 'deletecollection';
  if (isByPath || !selecting.has(info.verb)) return;
  info.fieldSelector = fields ?? '';
  info.labelSelector = first('labelSelector') ?? '';
}

/** A truth value of a query, as Kubernetes reads it: whatever is there and is neither `false` nor `0`. */
export function isSet(value: string | null): boolean {
  return value !== null && !/^(?:false|0)$/i.test(value);
}

/** Whether the server can read the options of a list; what it cannot read it leaves out. */
function isDecoded(first: (name: string) => string | null): boolean {
  const isInteger = (text: string | null): boolean => {
    if (text === null) return true;
    if (!/^[+-]?\d+$/.test(text)) return false;
    const value = BigInt(text.replace(/^\+/, ''));
    return BigInt.asIntN(64, value) === value;
  };
  return (
    isInteger(first('limit')) && isInteger(first('timeoutSeconds')) && isLabelSelector(first('labelSelector') ?? '')
  );
}
