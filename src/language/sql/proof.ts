/**
 * The proof that a text only reads: that running it changes nothing that anyone, or a later statement, could notice.
 *
 * Invariant: everything must be positively known. Each statement is a query, SHOW, EXPLAIN without ANALYZE, FETCH,
 * or EXECUTE of a query; every
 * relation is in the catalog as a table or a view that is proven likewise, without rules or row security; every function
 * and operator can only be a built-in one that is declared immutable or stable and has no listed effect; types and casts
 * are built in. Without a catalog, a query that calls or reads nothing is all that can be proven.
 *
 * Deliberately absent: proofs about writing, and about what superusers changed inside `pg_catalog`.
 */

import type { Analysis } from '../../core/sql.ts';
import { firstUserOid } from './catalog.ts';

/**
 * True when the text is proven to change nothing. `parameterTypes` are the type ids that the client declared in Parse, zero
 * for those it left open; a type of the database's own runs its own input function.
 */
export function isProvenRead(analysis: Analysis, parameterTypes: readonly number[] = []): boolean {
  if (!analysis.complete || analysis.statements.length === 0) return false;
  if (parameterTypes.some((oid) => !Number.isInteger(oid) || oid < 0 || oid >= firstUserOid)) return false;
  return analysis.statements.every((statement) => statement.complete && statement.obstacles.length === 0);
}
