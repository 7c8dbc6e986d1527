/** Runs the catalog's queries in their order, over whatever connection the caller has. */
import { type CatalogOutcome, type CatalogRow, decodeCatalog } from './catalog-decode.ts';
import { type CatalogQueryName, catalogBegin, catalogEnd, catalogQueries } from './catalog-queries.ts';

/** Runs one statement and gives its rows in text format. Rejects when the server refuses it. */
export type RunQuery = (sql: string) => Promise<readonly CatalogRow[]>;

/**
 * Loads the facts in a transaction of its own: the connection must not be inside one, and deadlines are the caller's.
 * Rejects with what `run` rejects with; the connection is then to be dropped.
 */
export async function loadCatalog(run: RunQuery): Promise<CatalogOutcome> {
  for (const sql of catalogBegin) await run(sql);
  const results: Partial<Record<CatalogQueryName, readonly CatalogRow[]>> = {};
  for (const [name, sql] of Object.entries(catalogQueries)) results[name as CatalogQueryName] = await run(sql);
  await run(catalogEnd);
  return decodeCatalog(results as Record<CatalogQueryName, readonly CatalogRow[]>);
}
