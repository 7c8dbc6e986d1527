/**
 * Authorisation of the API: one table, one function, called at one place (dispatch.ts), for every route.
 *
 * Invariants: what the table does not give is refused; several roles add up; a route without a permission does not
 * compile, and does not start. `own` obliges the handler to compare owners, and answers like "not there" (A-API-01).
 */
import type { Principal, Role } from '../core/principal.ts';
import type { Permission, RoutePermission } from './contract/index.ts';

/** Over whose things a permission reaches. */
export type Scope = 'own' | 'all';

export const rolePermissions: Readonly<Record<Role, Readonly<Partial<Record<Permission, Scope>>>>> = {
  admin: {
    'tokens.read': 'all',
    'tokens.create': 'all',
    'tokens.revoke': 'all',
    'factors.reset': 'all',
    'objects.read': 'all',
    'objects.write': 'all',
    'secrets.read': 'all',
    'secrets.write': 'all',
    'sessions.read': 'all',
    'sessions.kill': 'all',
    'sessions.steer': 'all',
    'recordings.read': 'all',
    'resources.read': 'own',
    'resources.use': 'own',
    'access.explain': 'all',
    'access.read': 'all',
    'reviews.read': 'all',
    'reviews.request': 'own',
    // An administrator decides where a rule names it as reviewer, like everybody else, and never its own (A-REV-01).
    'reviews.decide': 'own',
    'grants.read': 'all',
    'grants.revoke': 'all',
    'policy.test': 'all',
    'policy.replay': 'all',
    'search.run': 'all',
    'alerts.read': 'all',
    'alerts.handle': 'all',
    'reports.make': 'all',
    'detections.test': 'all',
    'index.rebuild': 'all',
    'retention.read': 'all',
    'retention.delete': 'all',
    'witness.put': 'all',
    'witness.read': 'all',
    'sinks.read': 'all',
    'sinks.handle': 'all',
    'journal.read': 'all',
    'status.read': 'all',
    'metrics.read': 'all',
  },
  // Reads everything, changes nothing but what is its own: tokens, requests, grants. It does not decide.
  auditor: {
    'tokens.read': 'all',
    'tokens.create': 'own',
    'tokens.revoke': 'own',
    'objects.read': 'all',
    'secrets.read': 'all',
    'sessions.read': 'all',
    'recordings.read': 'all',
    'resources.read': 'own',
    'resources.use': 'own',
    'access.explain': 'all',
    'access.read': 'all',
    'reviews.read': 'all',
    'reviews.request': 'own',
    'grants.read': 'all',
    'grants.revoke': 'own',
    'policy.test': 'all',
    'policy.replay': 'all',
    'search.run': 'all',
    'alerts.read': 'all',
    'reports.make': 'all',
    'detections.test': 'all',
    'retention.read': 'all',
    'witness.put': 'all',
    'witness.read': 'all',
    'sinks.read': 'all',
    'journal.read': 'all',
    'status.read': 'all',
    'metrics.read': 'all',
  },
  member: {
    'tokens.read': 'own',
    'tokens.create': 'own',
    'tokens.revoke': 'own',
    'sessions.read': 'own',
    'sessions.kill': 'own',
    'recordings.read': 'own',
    'search.run': 'own',
    // Another gateway's checkpoints, by a service of its own.
    'witness.put': 'own',
    'witness.read': 'own',
    'resources.read': 'own',
    'resources.use': 'own',
    'access.explain': 'own',
    // Its own are those that it asked for, and those that a rule lets it decide.
    'reviews.read': 'own',
    'reviews.request': 'own',
    'reviews.decide': 'own',
    'grants.read': 'own',
    'grants.revoke': 'own',
  },
};

/**
 * What a credential may that was narrowed, or is in an agent's hands: find what it is for, ask, and go. Whoever acts for a
 * person requests, and never decides, makes no further proofs, and reads nothing that the person did elsewhere.
 */
export const delegatedPermissions: readonly Permission[] = [
  'self',
  'self.certify',
  'resources.read',
  'reviews.request',
  'access.explain',
];

/** What an agent may that acts for itself, whatever its roles: the same, and look at what is its own. It never decides. */
export const agentPermissions: readonly Permission[] = [
  ...delegatedPermissions,
  'tokens.read',
  'tokens.create',
  'tokens.revoke',
  'sessions.read',
  'recordings.read',
  'search.run',
  'reviews.read',
  'grants.read',
];

/** What takes a person: to decide, and to vouch for somebody. Services configure and read, as their roles say. */
export const peoplePermissions: readonly Permission[] = [
  'self.prove',
  'reviews.decide',
  'grants.revoke',
  'alerts.handle',
  // Programs have clients of their own.
  'resources.use',
];

export type Authorised =
  | { readonly scope: Scope }
  | { readonly refused: 'not-authenticated' | 'forbidden' | 'people-only' };

/**
 * Decides whether a route may run. `principal` is null where no token was given; `isLocal` is true for a direct
 * connection from this machine, which may read metrics without a token.
 */
export function authorise(permission: RoutePermission, principal: Principal | null, isLocal: boolean): Authorised {
  if (permission === 'public') return { scope: 'own' };
  if (principal === null) {
    if (permission === 'metrics.read' && isLocal) return { scope: 'all' };
    return { refused: 'not-authenticated' };
  }
  const scope = permissionsFor(principal)[permission];
  if (scope !== undefined) return { scope };
  return {
    refused: principal.kind !== 'person' && peoplePermissions.includes(permission) ? 'people-only' : 'forbidden',
  };
}

/** What a principal may with what it presented. */
export function permissionsFor(principal: Principal): Partial<Record<Permission, Scope>> {
  const { kind, roles, authentication } = principal;
  const self = { self: 'own', 'self.prove': 'own', 'self.certify': 'own' } as const;
  const all = Object.entries({ ...permissionsOf(roles), ...self }) as [Permission, Scope][];
  const may = (permission: Permission): boolean => {
    if (isNarrowed(authentication)) return delegatedPermissions.includes(permission);
    if (kind === 'agent') return agentPermissions.includes(permission);
    return kind === 'person' || !peoplePermissions.includes(permission);
  };
  const isAgents = kind === 'agent' || isNarrowed(authentication);
  return Object.fromEntries(
    all.flatMap(([permission, scope]) => (may(permission) ? [[permission, isAgents ? 'own' : scope]] : [])),
  );
}

/** Whether a credential is good for less than its principal may, or is in an agent's hands. */
export function isNarrowed({ scope, actors }: Principal['authentication']): boolean {
  return scope !== undefined || actors !== undefined;
}

/** Whether what was presented is good for a resource at all. */
export function isInScope({ authentication: { scope } }: Principal, resource: string): boolean {
  return scope?.resources?.includes(resource) !== false;
}

/** What roles add up to. */
export function permissionsOf(roles: readonly Role[]): Partial<Record<Permission, Scope>> {
  const sum: Partial<Record<Permission, Scope>> = {};
  for (const role of roles) {
    for (const [permission, scope] of Object.entries(rolePermissions[role] ?? {}) as [Permission, Scope][]) {
      if (sum[permission] !== 'all') sum[permission] = scope;
    }
  }
  return sum;
}
