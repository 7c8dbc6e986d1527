/**
 * What a request to a Kubernetes API server asks for, as rules judge it: verb, resource, namespace, name, and what the body
 * says of an object as far as it was read. `language/kubernetes` makes these; `policy` puts rules to them.
 *
 * Invariants:
 * - `KubernetesRequestInfo` is what the API server itself computes of the request (k8s.io/apiserver, `RequestInfo`), by which
 *   its own authorisation goes (A-K8S-05); what could be read in two ways never became a command.
 * - `KubernetesMeaning.verb` is never taken from the HTTP method alone: exec, attach and port-forward are `connect`, proxies are
 *   `proxy` (A-K8S-03, A-K8S-06).
 * - What was not read of a body is `unread`, and then a rule about objects cannot be certain that it does not concern it
 *   (A-K8S-04).
 * - No credential of the client is in here.
 */
import type { Effect } from './command.ts';

/** As the API server computes it. Texts that do not apply are empty. */
export interface KubernetesRequestInfo {
  /** False: a path that names no resource, such as `/healthz`. */
  readonly isResourceRequest: boolean;
  /** Decoded. */
  readonly path: string;
  /** `get list watch create update patch delete deletecollection proxy`; of what is no resource the method in lower case. */
  readonly verb: string;
  /** `api` or `apis`. */
  readonly apiPrefix: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  /** Of the object, or the namespace itself where that is the resource; empty for cluster-wide resources and requests. */
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** The path from the resource on. */
  readonly parts: readonly string[];
  /** As sent, where the server heeds them. */
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

export const kubernetesVerbs = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'connect',
  'proxy',
] as const;
/** What rules judge: those of the server, and `connect`. */
export type KubernetesVerb = (typeof kubernetesVerbs)[number];

export type KubernetesPatch = 'json-patch' | 'merge-patch' | 'strategic-merge-patch' | 'apply-patch';

/** A program that is to be started in a container, or the process that is there. */
export interface KubernetesExec {
  readonly kind: 'exec' | 'attach';
  /** To the letter; empty for attach. */
  readonly command: readonly string[];
  /** Null: the pod's default. */
  readonly container: string | null;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Something that a body says: a value, and where in the object it is to stand. */
export interface KubernetesPart {
  /** Names from the object's root on: empty for a whole object or a merge patch, a place for an operation of a JSON patch. */
  readonly at: readonly string[];
  readonly value: unknown;
  /** Absent: all of the value is known. Otherwise only what stands at these places below it; all else may be anything. */
  readonly known?: readonly (readonly string[])[];
}

export type KubernetesBody =
  | { readonly kind: 'none' }
  /** It may say anything. */
  | { readonly kind: 'unread'; readonly reason: string }
  /** `patch`: parts are changes to an object whose rest is not known. Indexes in them are none of that object's. */
  | {
      readonly kind: 'read';
      readonly parts: readonly KubernetesPart[];
      readonly patch: KubernetesPatch | null;
      /** Of a JSON patch: places in the object that it copies, moves or compares. What comes of it tells what stands there. */
      readonly reads?: readonly (readonly string[])[];
    };

export interface KubernetesMeaning extends Omit<KubernetesRequestInfo, 'verb' | 'parts'> {
  /** As rules name it. Of a path that names no resource, the method in lower case. */
  readonly verb: string;
  /** What the API server authorises it as: `get` for an exec by WebSocket before Kubernetes 1.35. */
  readonly serverVerb: string;
  /** As sent. */
  readonly method: string;
  /** Decoded, in order: all of the query. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** The media type without parameters, in lower case; null where none is given. */
  readonly contentType: string | null;
  readonly upgrade: 'websocket' | 'spdy' | null;
  /** Nothing is stored: certain only where null is not given. Null: it is asked for, and nobody knows whether it is heeded. */
  readonly dryRun: boolean | null;
  /** Of exec and attach. */
  readonly exec: KubernetesExec | null;
  readonly patch: KubernetesPatch | null;
  readonly body: KubernetesBody;
}

/** All that are given must hold of one and the same request; within a list, one is enough. */
export interface KubernetesSelector {
  /**
   * `get list watch create update patch delete deletecollection connect proxy`. Exec, attach and port-forward are `connect` and
   * `create`, whatever the method; `delete` includes `deletecollection` and evictions; an apply may be a `create`.
   */
  readonly verbs?: readonly string[];
  /** `pods`, `pods/exec`, `pods/*`, `*` + `/scale`, `deployments.apps`; `*` alone is every resource and subresource. */
  readonly resources?: readonly string[];
  /** API groups, `*` for any run of characters; `core` is the one without a name. */
  readonly groups?: readonly string[];
  /** `*` for any run of characters. A request over all namespaces concerns each. */
  readonly namespaces?: readonly string[];
  /** `*` for any run of characters. A request for a list may concern any name. */
  readonly names?: readonly string[];
  readonly subresources?: readonly string[];
  /** Paths that name no resource: `/metrics`, `/logs/*`; `*` for any run of characters. */
  readonly paths?: readonly string[];
  readonly dryRun?: boolean;
  /**
   * JSON pointers (RFC 6901) into the object, where `*` stands for any one name or index and `**` for any run of them; or
   * `pointer=value`.
   */
  readonly fields?: readonly string[];
  /** Labels of the object, all of them, `*` for any run of characters. Only what a body says is known. */
  readonly labels?: Readonly<Record<string, string>>;
  /** As for SQL: what stays unknown may match anything, and counts as matching unless told to `ignore` it. */
  readonly uncertain?: 'match' | 'ignore';
}

/** Which objects a Mask is for. Absent: all of them. */
export interface KubernetesObjects {
  /** As in `KubernetesSelector`, without subresources. */
  readonly resources?: readonly string[];
  readonly namespaces?: readonly string[];
}

/** Reading subresources that every server has. */
const readable: ReadonlySet<string> = new Set(['', 'status', 'scale', 'log', 'ephemeralcontainers', 'resize']);
/** Paths that only tell. */
const telling =
  /^\/(?:api|apis|version|healthz|livez|readyz|metrics|openapi|\.well-known)(?:\/[^?]*)?$|^\/(?:api|apis)?\/?$/;
/** What is created to be asked, and not stored. */
const asking: ReadonlySet<string> = new Set([
  'selfsubjectaccessreviews',
  'selfsubjectrulesreviews',
  'selfsubjectreviews',
]);

/** What a request may do, for `CommandDraft.effect`: `read` only where it is certain that nothing can change. */
export function effectOfKubernetes(meaning: KubernetesMeaning): Effect {
  const { verb, isResourceRequest, subresource, path, upgrade, resource, apiGroup } = meaning;
  if (!isResourceRequest) {
    return (verb === 'get' || verb === 'head') && upgrade === null && telling.test(path) ? 'read' : 'unknown';
  }
  switch (verb) {
    case 'get':
    case 'list':
    case 'watch':
      return readable.has(subresource) ? 'read' : 'unknown';
    case 'create':
      return apiGroup.endsWith('.k8s.io') && asking.has(resource) ? 'read' : 'write';
    case 'update':
    case 'patch':
    case 'delete':
    case 'deletecollection':
      return 'write';
    default:
      return 'unknown';
  }
}

/** `pods/exec`, `deployments.apps`; the path of what names no resource. */
export function showKubernetesResource({
  isResourceRequest,
  path,
  resource,
  apiGroup,
  subresource,
}: Pick<KubernetesMeaning, 'isResourceRequest' | 'path' | 'resource' | 'apiGroup' | 'subresource'>): string {
  if (!isResourceRequest) return path;
  return `${resource}${apiGroup === '' ? '' : `.${apiGroup}`}${subresource === '' ? '' : `/${subresource}`}`;
}
