/** Runs the catalog's queries in their order, over whatever connection the caller has. */
import { type CatalogOutcome, type CatalogRow, decodeCatalog } from './catalog-decode.ts';
import {
  builtInFunctionsQuery,
  builtInVersionQuery,
  type CatalogQueryName,
  catalogBegin,
  catalogEnd,
  catalogQueries,
} from './catalog-queries.ts';

/** Runs one statement and gives its rows in text format. Rejects when the server refuses it. */
export type RunQuery = (sql: string) => Promise<readonly CatalogRow[]>;

/**
 * What one database has built in, from one load to the next. Not to be shared between databases: what it holds is what a
 * server said, and another one's facts must not rest on that.
 */
export class BuiltIns {
  version: string | null = null;
  functions: readonly CatalogRow[] = [];
}

/**
 * Loads the facts in a transaction of its own: the connection must not be inside one, and deadlines are the caller's.
 * Rejects with what `run` rejects with; the connection is then to be dropped.
 */
export async function loadCatalog(run: RunQuery, builtIns: BuiltIns = new BuiltIns()): Promise<CatalogOutcome> {
  for (const sql of catalogBegin) await run(sql);
  const version = (await run(builtInVersionQuery))[0]?.[0] ?? null;
  if (version === null || version !== builtIns.version) {
    builtIns.functions = await run(builtInFunctionsQuery);
    builtIns.version = version;
  }
  const results: Partial<Record<CatalogQueryName, readonly CatalogRow[]>> = {};
  for (const [name, sql] of Object.entries(catalogQueries)) results[name as CatalogQueryName] = await run(sql);
  await run(catalogEnd);
  results.functions = [...builtIns.functions, ...results.functions!];
  return decodeCatalog(results as Record<CatalogQueryName, readonly CatalogRow[]>);
}
