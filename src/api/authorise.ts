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
    'objects.read': 'all',
    'objects.write': 'all',
    'secrets.read': 'all',
    'secrets.write': 'all',
    'sessions.read': 'all',
    'sessions.kill': 'all',
    'sessions.steer': 'all',
    'recordings.read': 'all',
    'resources.read': 'own',
    'access.explain': 'all',
    'reviews.read': 'all',
    'reviews.request': 'own',
    // An administrator decides where a rule names it as reviewer, like everybody else, and never its own (A-REV-01).
    'reviews.decide': 'own',
    'grants.read': 'all',
    'grants.revoke': 'all',
    'policy.test': 'all',
    'policy.replay': 'all',
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
    'access.explain': 'all',
    'reviews.read': 'all',
    'reviews.request': 'own',
    'grants.read': 'all',
    'grants.revoke': 'own',
    'policy.test': 'all',
    'policy.replay': 'all',
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
    'resources.read': 'own',
    'access.explain': 'own',
    // Its own are those that it asked for, and those that a rule lets it decide.
    'reviews.read': 'own',
    'reviews.request': 'own',
    'reviews.decide': 'own',
    'grants.read': 'own',
    'grants.revoke': 'own',
  },
};

export type Authorised = { readonly scope: Scope } | { readonly refused: 'not-authenticated' | 'forbidden' };

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
  if (permission === 'self') return { scope: 'own' };
  const scope = permissionsOf(principal.roles)[permission];
  return scope === undefined ? { refused: 'forbidden' } : { scope };
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
