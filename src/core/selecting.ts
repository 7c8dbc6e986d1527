/**
 * Whom and what a selector of a manifest selects, of what events say: for what is not on the data path (detections, sinks,
 * retention). Guardrails have their own, which explains itself (`policy/selectors.ts`).
 *
 * Invariant: what is absent selects everyone or everything; what is given must all hold.
 */
import type { Actor } from './event.ts';
import type { PrincipalSelector, ResourceSelector } from './rules.ts';

export interface SelectableResource {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string;
}

/** The parts of an Actor that selectors ask for. */
export type SelectablePrincipal = Pick<Actor, 'name' | 'kind' | 'groups' | 'actors'>;

export function selectsPrincipal(selector: PrincipalSelector | undefined, principal: SelectablePrincipal): boolean {
  if (selector === undefined) return true;
  const { names, groups, kinds, agents, except } = selector;
  const acting = [...(principal.actors ?? []).map(({ name }) => name)];
  if (principal.kind === 'agent') acting.push(principal.name);
  return (
    (names === undefined || names.includes(principal.name)) &&
    (groups === undefined || groups.some((group) => principal.groups.includes(group))) &&
    (kinds === undefined || kinds.includes(principal.kind)) &&
    (agents === undefined || acting.some((name) => agents === true || agents.includes(name))) &&
    except?.names?.includes(principal.name) !== true &&
    except?.groups?.some((group) => principal.groups.includes(group)) !== true
  );
}

export function selectsResource(selector: ResourceSelector | undefined, resource: SelectableResource): boolean {
  if (selector === undefined) return true;
  const { names, labels, protocols } = selector;
  return (
    (names === undefined || names.includes('*') || names.includes(resource.name)) &&
    (labels === undefined ||
      Object.entries(labels).every(
        ([key, value]) => Object.hasOwn(resource.labels, key) && resource.labels[key] === value,
      )) &&
    (protocols === undefined || protocols.includes(resource.protocol))
  );
}
