/**
 * Where an Access that asks for a step-up is made useless by another that does not: the one without lets the same people
 * in to the same resources (ADR 0023).
 *
 * Deliberately absent: groups that only an identity provider knows. Two Access meet there where they name the same group.
 */
import type { AccessManifest, Manifest } from './contract/index.ts';

/** What a change of an Access is warned of, with all the manifests as they will be. */
export function stepUpWarnings(manifest: Manifest, after: readonly Manifest[]): string[] {
  if (manifest.kind !== 'Access' || manifest.spec.request !== undefined) return [];
  const asks = manifest.spec.stepUp === true;
  const warnings: string[] = [];
  for (const other of after) {
    if (other.kind !== 'Access' || other.metadata.name === manifest.metadata.name) continue;
    if (other.spec.request !== undefined || (other.spec.stepUp === true) === asks) continue;
    const resource = resourcesOf(manifest, after).find((name) => resourcesOf(other, after).includes(name));
    if (resource === undefined) continue;
    const who = whomBoth(manifest, other, after);
    if (who === null) continue;
    const [asking, letting] = asks ? [manifest, other] : [other, manifest];
    warnings.push(
      `the Access ${letting.metadata.name} lets ${who} in to ${resource} without the step-up that ${asking.metadata.name} asks for`,
    );
  }
  return warnings;
}

function resourcesOf({ spec }: AccessManifest, after: readonly Manifest[]): string[] {
  const { names, labels } = spec.match.resources;
  return after.flatMap((one) => {
    if (one.kind !== 'Resource') return [];
    const { name, labels: own = {} } = one.metadata;
    const isMeant =
      (names === undefined || names.includes(name)) &&
      Object.entries(labels ?? {}).every(([key, value]) => own[key] === value);
    return isMeant ? [name] : [];
  });
}

/** Somebody whom both let in: a name, or a group that both name; null where none is seen. */
function whomBoth(one: AccessManifest, other: AccessManifest, after: readonly Manifest[]): string | null {
  const mine = one.spec.match.principals;
  const theirs = other.spec.match.principals;
  const group = mine.groups?.find((name) => theirs.groups?.includes(name) === true);
  if (group !== undefined) return `the group ${group}`;
  const names = membersOf(one, after);
  for (const name of membersOf(other, after)) if (names.has(name)) return name;
  return null;
}

function membersOf({ spec }: AccessManifest, after: readonly Manifest[]): ReadonlySet<string> {
  const { names, groups, except } = spec.match.principals;
  const expanded = (selection: { names?: readonly string[] | undefined; groups?: readonly string[] | undefined }) => [
    ...(selection.names ?? []),
    ...after.flatMap((one) =>
      one.kind === 'Group' && selection.groups?.includes(one.metadata.name) === true ? one.spec.members : [],
    ),
  ];
  const members = new Set(expanded({ names, groups }));
  for (const name of expanded(except ?? {})) members.delete(name);
  return members;
}
