/**
 * A claim by its name, or by a dotted path into objects: `groups`, `realm_access.roles`, `kubernetes.io.namespace`.
 *
 * Invariants: only a claim's own members count, never what JavaScript gives every object; names may hold dots themselves
 * (`kubernetes.io`, `https://corp.test/groups`), and the longest name that is there is the one that is meant.
 */

export type Claims = Readonly<Record<string, unknown>>;

/** Undefined where there is none. */
export function valueAt(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
  if (Object.hasOwn(claims, path)) return (claims as Claims)[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot);
    if (Object.hasOwn(claims, name)) return valueAt((claims as Claims)[name], path.slice(dot + 1));
  }
  return undefined;
}
