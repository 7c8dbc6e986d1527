/**
 * What one request to an API server does, as rules about verbs and resources see it: more than one thing, where Kubernetes has
 * two ways to the same end.
 *
 * | request                                    | is also                                       |
 * |--------------------------------------------|-----------------------------------------------|
 * | exec, attach, port-forward, by any method  | `connect`, `create` of the subresource; never `get` |
 * | another upgrade to a stream                | `connect`                                     |
 * | a proxy                                    | `proxy`, and the method's own verb            |
 * | `deletecollection`                         | `delete`                                      |
 * | `create pods/eviction`                     | `delete pods`                                 |
 * | apply (server-side)                        | perhaps `create`                              |
 * | PUT of what is created where it is missing | perhaps `create`                              |
 *
 * Invariant: each act is one that the server may perform for this request; a rule that names any of them is put to it.
 */
import type { KubernetesMeaning } from '../core/kubernetes.ts';
import { type Finding, perhaps, yes } from './finding.ts';

export interface Act {
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string;
  /** `perhaps`: only under circumstances that the request does not show. */
  readonly certainty: Finding;
}

export function actsOf(meaning: KubernetesMeaning): readonly Act[] {
  const { verb, serverVerb, resource, subresource, patch } = meaning;
  const act = (name: string, certainty: Finding = yes, more: Partial<Act> = {}): Act => {
    return { verb: name, resource, subresource, certainty, ...more };
  };
  switch (verb) {
    case 'connect': {
      const isStream = streams.has(subresource);
      return [act('connect'), act(isStream ? 'create' : serverVerb)];
    }
    case 'proxy':
      // The deprecated form has the verb in the path, and the resource by itself.
      return [
        act('proxy'),
        act(subresource === '' ? (byMethod[meaning.method] ?? '') : serverVerb),
        ...(subresource === '' ? [act('proxy', yes, { subresource: 'proxy' })] : []),
      ];
    case 'deletecollection':
      return [act('deletecollection'), act('delete')];
    case 'create':
      return subresource === 'eviction' ? [act('create'), act('delete', yes, { subresource: '' })] : [act('create')];
    case 'update':
      return isCreatedByUpdate(meaning) ? [act('update'), act('create', perhaps)] : [act('update')];
    case 'patch':
      return patch === 'apply-patch' || patch === null ? [act('patch'), act('create', perhaps)] : [act('patch')];
    default:
      return [act(verb)];
  }
}

const streams: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward']);
const byMethod: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Of Kubernetes' own, `AllowCreateOnUpdate`; of aggregated servers nobody knows, and custom resources never are. */
const createdByUpdate: ReadonlySet<string> = new Set([
  'endpoints.',
  'events.',
  'limitranges.',
  'services.',
  'events.events.k8s.io',
  'leases.coordination.k8s.io',
]);

function isCreatedByUpdate({ resource, apiGroup, subresource }: KubernetesMeaning): boolean {
  if (subresource !== '') return false;
  return apiGroup === 'rbac.authorization.k8s.io' || createdByUpdate.has(`${resource}.${apiGroup}`);
}
