/**
 * What a session has in its schema for temporary objects, and what an unqualified name means because of it.
 *
 * The server looks for relations and types in that schema first, unless the path puts it elsewhere; for functions and
 * operators it never does. A table about which everything is known is a relation like any other, in schema `pg_temp`.
 * Everything else there (views, sequences, indexes, tables with parents or children) is known by name only: what such a
 * name means stays in doubt.
 *
 * Invariant: a name that the schema has, or may have, is never taken for the relation of that name elsewhere.
 *
 * A column of a temporary table carries only itself: what statements put there are flows into a relation, which masks
 * block where they concern masked columns.
 */
import { createHash } from 'node:crypto';
import { type ColumnFacts, findRelations, type RelationFacts } from './catalog.ts';
import type { AnalysisContext } from './context.ts';

/** How the schema is called in any session. */
export const temporarySchema = 'pg_temp';

export interface TemporaryObjects {
  /** By name, everything of `pg_class` in the schema; null what is known by name only. */
  readonly relations: ReadonlyMap<string, RelationFacts | null>;
  /** Names of `pg_type` in it, those of rows and arrays included. */
  readonly types: ReadonlySet<string>;
  /** A temporary table inherits from one that is not: what is done to the latter is done to it too. */
  readonly hasHeirs: boolean;
  /** Differs whenever anything else here does. */
  readonly key: string;
}

/** `none` only while it is certain that there is nothing; `unknown` where there may be anything. */
export type Temporary = 'none' | 'unknown' | TemporaryObjects;

/** A temporary table of which everything is known, before it has facts. */
export interface TemporaryTable {
  readonly columns: readonly Pick<ColumnFacts, 'name' | 'attnum' | 'type' | 'isArray' | 'notNull' | 'isVirtual'>[];
  /** Numbers of generated columns. */
  readonly generated: readonly number[];
  readonly hasRules: boolean;
  readonly hasRowSecurity: boolean;
  readonly hasTriggers: boolean;
  readonly hasDefaults: boolean;
  /** Checks, expressions of indexes, generated columns, statistics over expressions. */
  readonly hasExpressions: boolean;
}

/** What the schema has. Null for what is known by name only. */
export function describeTemporary(
  tables: ReadonlyMap<string, TemporaryTable | null>,
  types: Iterable<string>,
  hasHeirs: boolean,
): Temporary {
  const names = new Set(types);
  if (tables.size === 0 && names.size === 0) return 'none';
  const sorted = [...tables].sort(([a], [b]) => (a < b ? -1 : 1));
  const relations = new Map(
    sorted.map(([name, table], at) => [name, table === null ? null : factsOf(name, table, at)] as const),
  );
  const key = createHash('sha256')
    .update(JSON.stringify([[...relations], [...names].sort(), hasHeirs]))
    .digest('base64');
  return Object.freeze({ relations, types: names, hasHeirs, key });
}

/**
 * Object ids are made up, below all that servers give: so that sessions with the same tables share their analyses. What
 * is said to be there and is not given (defaults, expressions) counts as unread.
 */
function factsOf(name: string, table: TemporaryTable, at: number): RelationFacts {
  return Object.freeze({
    oid: -1 - at,
    schema: temporarySchema,
    name,
    kind: 'r',
    hasRules: table.hasRules,
    hasRowSecurity: table.hasRowSecurity,
    hasTriggers: table.hasTriggers,
    hasForeignStorage: false,
    columns: table.columns.map((column) => ({
      ...column,
      generation: table.generated.includes(column.attnum) ? '' : null,
    })),
    viewDefinition: null,
    defaults: table.hasDefaults ? [null] : [],
    expressions: table.hasExpressions ? [null] : [],
    hasExpressionStatistics: false,
    children: [],
    // Foreign keys between temporary tables are triggers, and counted as such.
    referencedBy: [],
    sequences: [],
    rowEstimate: -1,
  });
}

export interface Meant {
  /** What the name may mean, as far as it is known. */
  readonly found: readonly RelationFacts[];
  /** It may mean a temporary relation besides, or one of which nothing is known. */
  readonly isDoubtful: boolean;
}

/** What a name means in the catalog: what the search path has first, or all that it has. */
function permanent({ catalog, searchPath, resolved }: AnalysisContext, schema: string | null, name: string) {
  if (catalog === null) return [];
  if (schema !== null || searchPath === null || resolved === 'now') {
    return findRelations(catalog, schema, name, searchPath);
  }
  return (catalog.named.get(name) ?? []).filter((relation) => searchPath.includes(relation.schema));
}

/** What a name means in a session. */
export function resolveRelation(context: AnalysisContext, schema: string | null, name: string): Meant {
  const { searchPath, temporary } = context;
  const found = permanent(context, schema, name);
  if (temporary === 'none') return { found, isDoubtful: false };
  if (temporary === 'unknown') return { found, isDoubtful: schema === null || schema.startsWith(temporarySchema) };
  const own = schema === null || schema === temporarySchema ? temporary.relations.get(name) : undefined;
  if (own === undefined) return { found, isDoubtful: false };
  // The path may put the schema behind others, or is not known.
  const comesFirst = context.resolved === 'now' && searchPath?.[0]?.startsWith(`${temporarySchema}_`) === true;
  if (own !== null && (schema !== null || comesFirst || (found.length === 0 && context.catalog !== null))) {
    return { found: [own], isDoubtful: false };
  }
  return { found: own === null ? found : [own, ...found], isDoubtful: true };
}

/** A relation of the catalog or of the session by its object id. */
export function relationByOid(context: AnalysisContext, oid: number): RelationFacts | undefined {
  if (oid >= 0) return context.catalog?.relations.get(oid);
  if (typeof context.temporary === 'string') return undefined;
  for (const facts of context.temporary.relations.values()) if (facts?.oid === oid) return facts;
  return undefined;
}

/** `certain`: the session has a type of that name, which comes before others. */
export function temporaryType(
  { temporary }: AnalysisContext,
  schema: string | null,
  name: string,
): 'no' | 'perhaps' | 'certain' {
  if (schema !== null || temporary === 'none') return 'no';
  if (temporary === 'unknown') return 'perhaps';
  return temporary.types.has(name) ? 'certain' : 'no';
}

/** Tables may have temporary heirs, whose triggers, checks and indexes count when the parent is written or planned. */
export function hasTemporaryHeirs({ temporary }: AnalysisContext): boolean {
  return typeof temporary !== 'string' && temporary.hasHeirs;
}
