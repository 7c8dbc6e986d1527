/** `match.kubernetes` of a Mask: of which objects its `fields` are masked. */
import { compileName } from '../../base/glob.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import { compileKubernetesResource } from '../../core/kubernetes-resources.ts';
import * as limits from '../limits.ts';
import { fieldsOf, type Place, textsOf } from '../specification.ts';

/** Whether what comes back may have such an object in it. Null: nothing is known of the request. */
export type ObjectsTest = (meaning: KubernetesMeaning | null) => boolean;

/** Null where none is given: every object. */
export function compileObjects(place: Place, value: unknown): ObjectsTest | null {
  if (value === undefined) return null;
  const given = fieldsOf(place, value, ['resources', 'namespaces']);
  const resources = textsOf(place.at('resources'), given['resources'], limits.selectorEntriesMax)?.map(
    (text, index) => {
      const pattern = compileKubernetesResource(text);
      if (pattern === null || pattern.subresource !== null) {
        throw place.at('resources').at(index).malformed('is no resource such as secrets or deployments.apps');
      }
      return pattern;
    },
  );
  const namespaces = textsOf(place.at('namespaces'), given['namespaces'], limits.selectorEntriesMax)?.map((text) =>
    compileName(text.toLowerCase()),
  );
  if (resources === undefined && namespaces === undefined) throw place.malformed('is empty; leave it out');
  return (meaning) => {
    if (meaning === null) return true;
    const { resource, apiGroup, namespace } = meaning;
    if (resources !== undefined && !resources.some((one) => one.is(resource, apiGroup))) return false;
    // A request over all namespaces brings objects of each.
    return namespace === '' || namespaces === undefined || namespaces.some((is) => is(namespace.toLowerCase()));
  };
}
