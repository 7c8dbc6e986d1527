/**
 * The resources that every API server has, as a table: for telling what stands in a namespace, and for names as people type
 * them (`kubectl api-resources`, Kubernetes 1.34, with what earlier versions had).
 *
 * Deliberately absent: custom resources and aggregated APIs, of which nobody here knows.
 */

import { compileName, type NameTest } from '../base/glob.ts';

export interface KubernetesResourceType {
  readonly resource: string;
  readonly group: string;
  readonly isNamespaced: boolean;
  /** As people type them: `pod`, `po`. */
  readonly names: readonly string[];
}

/** `group: namespaced resources | cluster-wide ones`; each with its other names behind colons. */
const table = `
: bindings:binding configmaps:configmap:cm endpoints:ep events:event:ev limitranges:limitrange:limits persistentvolumeclaims:persistentvolumeclaim:pvc pods:pod:po podtemplates:podtemplate replicationcontrollers:replicationcontroller:rc resourcequotas:resourcequota:quota secrets:secret serviceaccounts:serviceaccount:sa services:service:svc | componentstatuses:componentstatus:cs namespaces:namespace:ns nodes:node:no persistentvolumes:persistentvolume:pv
admissionregistration.k8s.io: | mutatingadmissionpolicies:mutatingadmissionpolicy mutatingadmissionpolicybindings:mutatingadmissionpolicybinding mutatingwebhookconfigurations:mutatingwebhookconfiguration validatingadmissionpolicies:validatingadmissionpolicy validatingadmissionpolicybindings:validatingadmissionpolicybinding validatingwebhookconfigurations:validatingwebhookconfiguration
apiextensions.k8s.io: | customresourcedefinitions:customresourcedefinition:crd:crds
apiregistration.k8s.io: | apiservices:apiservice
apps: controllerrevisions:controllerrevision daemonsets:daemonset:ds deployments:deployment:deploy replicasets:replicaset:rs statefulsets:statefulset:sts |
authentication.k8s.io: | selfsubjectreviews:selfsubjectreview tokenreviews:tokenreview
authorization.k8s.io: localsubjectaccessreviews:localsubjectaccessreview | selfsubjectaccessreviews:selfsubjectaccessreview selfsubjectrulesreviews:selfsubjectrulesreview subjectaccessreviews:subjectaccessreview
autoscaling: horizontalpodautoscalers:horizontalpodautoscaler:hpa |
batch: cronjobs:cronjob:cj jobs:job |
certificates.k8s.io: podcertificaterequests:podcertificaterequest | certificatesigningrequests:certificatesigningrequest:csr clustertrustbundles:clustertrustbundle
coordination.k8s.io: leases:lease leasecandidates:leasecandidate |
discovery.k8s.io: endpointslices:endpointslice |
events.k8s.io: events |
extensions: daemonsets deployments ingresses networkpolicies replicasets | podsecuritypolicies
flowcontrol.apiserver.k8s.io: | flowschemas:flowschema prioritylevelconfigurations:prioritylevelconfiguration
internal.apiserver.k8s.io: | storageversions:storageversion
metrics.k8s.io: pods | nodes
networking.k8s.io: ingresses:ingress:ing networkpolicies:networkpolicy:netpol | ingressclasses:ingressclass ipaddresses:ipaddress servicecidrs:servicecidr
node.k8s.io: | runtimeclasses:runtimeclass
policy: poddisruptionbudgets:poddisruptionbudget:pdb | podsecuritypolicies:podsecuritypolicy:psp
rbac.authorization.k8s.io: rolebindings:rolebinding roles:role | clusterrolebindings:clusterrolebinding clusterroles:clusterrole
resource.k8s.io: resourceclaims:resourceclaim resourceclaimtemplates:resourceclaimtemplate | deviceclasses:deviceclass resourceslices:resourceslice
scheduling.k8s.io: | priorityclasses:priorityclass:pc
storage.k8s.io: csistoragecapacities:csistoragecapacity | csidrivers:csidriver csinodes:csinode storageclasses:storageclass:sc volumeattachments:volumeattachment volumeattributesclasses:volumeattributesclass:vac
`;

export const kubernetesResources: readonly KubernetesResourceType[] = table
  .trim()
  .split('\n')
  .flatMap((line) => {
    const colon = line.indexOf(':');
    const group = line.slice(0, colon);
    const [namespaced = '', wide = ''] = line.slice(colon + 1).split('|');
    const typesOf = (list: string, isNamespaced: boolean): KubernetesResourceType[] =>
      list
        .split(' ')
        .filter((entry) => entry !== '')
        .map((entry) => {
          const [resource = '', ...names] = entry.split(':');
          return { resource, group, isNamespaced, names };
        });
    return [...typesOf(namespaced, true), ...typesOf(wide, false)];
  });

const byName = new Map(kubernetesResources.map((type) => [`${type.resource}.${type.group}`, type]));

/** Null for what is not in the table. */
export function kubernetesResourceType(resource: string, group: string): KubernetesResourceType | null {
  return byName.get(`${resource}.${group}`) ?? null;
}

const byTypedName = new Map<string, KubernetesResourceType>();
for (const type of kubernetesResources) {
  for (const name of [type.resource, ...type.names]) if (!byTypedName.has(name)) byTypedName.set(name, type);
}

/** By any name that kubectl takes, without a group; null where there is none. */
export function kubernetesResourceNamed(name: string): KubernetesResourceType | null {
  return byTypedName.get(name.toLowerCase()) ?? null;
}

/** A pattern of resources as rules write it: `secrets`, `deployments.apps`, `pods/exec`, `*` + `/scale`, `*`. */
export interface KubernetesResourcePattern {
  /** Of any group, unless the pattern names one. */
  is(resource: string, group: string): boolean;
  /** As written; null where there is none. */
  readonly subresource: string | null;
  /** `*` alone. */
  readonly isAll: boolean;
}

/** What old servers have in `extensions` is in these groups, too. */
const heirs = ['apps', 'networking.k8s.io', 'policy'];

/** Tests a group, in lower case; `core` is the one without a name. */
export function compileKubernetesGroup(pattern: string): NameTest {
  const is = compileName(pattern.toLowerCase() === 'core' ? '' : pattern.toLowerCase());
  return (group) => is(group) || (group === 'extensions' && heirs.some((heir) => is(heir)));
}

/** Null for what is no pattern of resources. Names compare without regard to case. */
export function compileKubernetesResource(pattern: string): KubernetesResourcePattern | null {
  const found = /^([^./\s]+)(?:\.([^/\s]+))?(?:\/([^/\s]+))?$/.exec(pattern);
  if (found === null) return null;
  const [, resource = '', group, subresource = null] = found;
  const isResource = compileName(resource.toLowerCase());
  const isGroup = group === undefined ? null : compileKubernetesGroup(group);
  return {
    is: (name, of) => isResource(name.toLowerCase()) && (isGroup === null || isGroup(of.toLowerCase())),
    subresource,
    isAll: pattern === '*',
  };
}
