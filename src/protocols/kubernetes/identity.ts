/**
 * Who asks, as the cluster is told: the person by impersonation, or the resource's credential and nobody else.
 *
 * Invariants:
 * - What the client says of it never passes: Authorization, Impersonate-*, X-Remote-*, in any spelling, however often
 *   (protocols/http, fields.ts; A-K8S-01, A-K8S-07). Its certificates end at the gateway.
 * - Where persons are impersonated, no request goes without them, and none names what Kubernetes reserves for itself
 *   (`system:masters` is above every rule). A name that does not arrive as it is refuses the request.
 *
 * Deliberately absent: what the cluster lets a person do (its own RBAC).
 * Source: Kubernetes documentation, "Authenticating", section "User impersonation".
 */
import type { UpstreamCredential } from '../../core/ports.ts';
import type { Session } from '../../core/session.ts';
import type { Field } from '../http/index.ts';
import { kubernetesErrors } from './errors.ts';
import * as limits from './limits.ts';
import { settingsOf } from './settings.ts';

/** Printable ASCII, not beginning or ending with a blank, which HTTP would take off. */
const tellable = /^[!-~](?:[ -~]*[!-~])?$/;
const reserved = /^\s*system:/i;

/** Fields that say who asks; none where the credential stands for itself. */
export function impersonationOf({ principal, resource }: Session): Field[] {
  const { impersonate, impersonateUser, groupPrefix } = settingsOf(resource);
  if (!impersonate) return [];
  const told = (name: string): string => {
    if (tellable.test(name) && !reserved.test(name) && name.length <= limits.nameLengthMax) return name;
    throw kubernetesErrors('kubernetes.reserved-name', {
      values: { name: JSON.stringify(name), resource: resource.name },
    });
  };
  const { groups } = principal;
  if (groups.length > limits.groupsMax) {
    const name = `a member of ${groups.length} groups`;
    throw kubernetesErrors('kubernetes.reserved-name', { values: { name, resource: resource.name } });
  }
  return [
    ['Impersonate-User', told(impersonateUser.replaceAll('{name}', () => principal.name))],
    ...groups.map((group): Field => ['Impersonate-Group', told(`${groupPrefix}${group}`)]),
  ];
}

/** Refuses a credential that cannot be meant: none at all, or one that would say itself who asks. */
export function assertCredential({ resource }: Session, credential: UpstreamCredential | null): void {
  const values = { resource: resource.name };
  if (credential === null) throw kubernetesErrors('kubernetes.no-credential', { values });
  const names = Object.keys(credential.headers ?? {});
  if (settingsOf(resource).impersonate && names.some((name) => /^(?:impersonate|x-remote)[-_]/i.test(name))) {
    throw kubernetesErrors('kubernetes.credential-impersonates', { values });
  }
}
