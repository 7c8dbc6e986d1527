/** What the tests of this folder share. */
import type { KubernetesMeaning } from '../../core/kubernetes.ts';

/** A request about secrets in a namespace. */
export function asked(verb: string, more: Partial<KubernetesMeaning> = {}): KubernetesMeaning {
  return {
    isResourceRequest: true,
    path: '/api/v1/namespaces/shop/secrets',
    verb,
    serverVerb: verb,
    method: 'GET',
    apiPrefix: 'api',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: 'shop',
    resource: 'secrets',
    subresource: '',
    name: '',
    fieldSelector: '',
    labelSelector: '',
    query: [],
    contentType: null,
    upgrade: null,
    dryRun: false,
    exec: null,
    patch: null,
    body: { kind: 'none' },
    ...more,
  };
}
