/**
 * What a route may require. Which role has which permission, and over whose things, stands in the server's one table
 * (api/authorise.ts).
 */
export const permissions = [
  'self',
  'self.prove',
  'self.certify',
  'tokens.read',
  'tokens.create',
  'tokens.revoke',
  'factors.reset',
  'objects.read',
  'objects.write',
  'secrets.read',
  'secrets.write',
  'sessions.read',
  'sessions.kill',
  'sessions.steer',
  'recordings.read',
  'resources.read',
  'resources.use',
  'access.explain',
  'access.read',
  'reviews.read',
  'reviews.request',
  'reviews.decide',
  'grants.read',
  'grants.revoke',
  'policy.test',
  'policy.replay',
  'search.run',
  'sinks.read',
  'sinks.handle',
  'alerts.read',
  'alerts.handle',
  'reports.make',
  'index.rebuild',
  'detections.test',
  'retention.read',
  'retention.delete',
  'witness.put',
  'witness.read',
  'journal.read',
  'status.read',
  'metrics.read',
] as const;

/**
 * `self` is what any signed-on principal may do, whatever its roles; `self.prove` makes, confirms or changes proofs of its
 * own, which takes a credential that is whole and in its own hands; `self.certify` puts what it has into another form.
 */
export type Permission = (typeof permissions)[number];

/** `public` needs no token: it must be said, and is never what a route falls back to. */
export type RoutePermission = Permission | 'public';
