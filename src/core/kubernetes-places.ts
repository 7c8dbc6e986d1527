/**
 * Where in an API server's answers objects stand, and where in objects there are values in disguise: what a Mask that is
 * written for an object needs in order to hold for lists, watches and tables alike. Places are names from the root on, `*` for
 * any one name or index.
 *
 * | answer                               | objects stand at                                        |
 * |--------------------------------------|---------------------------------------------------------|
 * | an object                            | the root                                                |
 * | `…List`                              | `items/*`                                               |
 * | `Table` (`rows` with `includeObject`) | `rows/*` + `/object`                                    |
 * | an event of a watch                  | `object`, and of a watched Table `object/rows/*` + `/object` |
 *
 * Deliberately absent: cells of tables (masking/kubernetes, columns.ts), messages of Status, and `managedFields`, which name fields and have values only as keys of lists and members of sets.
 */
import type { KubernetesMeaning } from './kubernetes.ts';

type Place = readonly string[];

const whole: Place = [];
const items: Place = ['items', '*'];
const rows: Place = ['rows', '*', 'object'];
const event: Place = ['object'];
const eventRows: Place = ['object', 'rows', '*', 'object'];

/** `null`: nothing is known of the request, so all of them. */
export function kubernetesObjectPlaces(meaning: Pick<KubernetesMeaning, 'serverVerb'> | null): readonly Place[] {
  switch (meaning?.serverVerb) {
    case 'list':
      return [items, rows];
    case 'watch':
      return [event, eventRows];
    case 'get':
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
      return [whole, rows];
    case 'deletecollection':
      return [whole, items, rows];
    default:
      return [whole, items, rows, event, eventRows];
  }
}

/** The annotation in which `kubectl apply` keeps what it was given last: the object as JSON, in a text. */
export const lastAppliedPlace: Place = ['metadata', 'annotations', 'kubectl.kubernetes.io/last-applied-configuration'];

/** Places of bytes, which stand in JSON as base64. `RESOURCE.GROUP`. */
const bytesByResource: Readonly<Record<string, readonly Place[]>> = {
  'secrets.': [['data', '*']],
  'configmaps.': [['binaryData', '*']],
  'certificatesigningrequests.certificates.k8s.io': [
    ['spec', 'request'],
    ['status', 'certificate'],
  ],
  'apiservices.apiregistration.k8s.io': [['spec', 'caBundle']],
  'customresourcedefinitions.apiextensions.k8s.io': [['spec', 'conversion', 'webhook', 'clientConfig', 'caBundle']],
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': [['webhooks', '*', 'clientConfig', 'caBundle']],
  'validatingwebhookconfigurations.admissionregistration.k8s.io': [['webhooks', '*', 'clientConfig', 'caBundle']],
};

export function kubernetesBytePlaces(resource: string, group: string): readonly Place[] {
  const found = `${resource}.${group}`;
  return Object.hasOwn(bytesByResource, found) ? (bytesByResource[found] ?? []) : [];
}
