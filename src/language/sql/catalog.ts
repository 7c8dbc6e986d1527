/**
 * What an analysis is told about a database: every relation, and the names of everything that is not built in. Pure
 * data; `catalog-queries.ts` has the SQL that loads it and the decoder.
 *
 * Invariant: the facts are whole or absent. A database beyond the limits has none, rather than some.
 *
 * "Built in" means: made by `initdb` (object id below 16384). What an extension or a superuser adds to `pg_catalog` later
 * is not built in.
 */
import type { Volatility } from '../../core/sql.ts';

/** Object ids below this were assigned by `initdb`. */
export const firstUserOid = 16384;

/** `safe`: built in, an enumeration, or an array of those; `domain`: over a built-in type; `other`: anything else. */
export type ColumnType = 'safe' | 'domain' | 'other';

export interface ColumnFacts {
  readonly name: string;
  /** `pg_attribute.attnum`: what a RowDescription gives beside the relation's object id. */
  readonly attnum: number;
  readonly type: ColumnType;
  readonly isArray: boolean;
  readonly notNull: boolean;
  /** Computed when read (PostgreSQL 18). */
  readonly isVirtual: boolean;
  /** The expression of a generated column; empty where it was too long to be kept, null where there is none. */
  readonly generation: string | null;
}

export interface ForeignKeyFacts {
  /** The referencing relation. */
  readonly oid: number;
  /** `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default. */
  readonly onDelete: string;
  readonly onUpdate: string;
}

export interface RelationFacts {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  /** Rules other than the one that makes a view. */
  readonly hasRules: boolean;
  readonly hasRowSecurity: boolean;
  /** Triggers other than those of foreign keys. */
  readonly hasTriggers: boolean;
  /** Stored by a table access method that is not built in. */
  readonly hasForeignStorage: boolean;
  readonly columns: readonly ColumnFacts[];
  /** Of views and materialised views, with every name qualified; null where it is missing or too long. */
  readonly viewDefinition: string | null;
  /** What runs when a row is inserted without them. */
  readonly defaults: readonly (string | null)[];
  /**
   * What runs when rows are written: generated columns, checks, expressions of indexes and partition keys. Planning a
   * query evaluates what is constant in them.
   */
  readonly expressions: readonly (string | null)[];
  /** Extended statistics over expressions, which are not loaded. */
  readonly hasExpressionStatistics: boolean;
  /** Direct partitions and inheriting tables. */
  readonly children: readonly number[];
  /** Foreign keys of others that refer to this relation. */
  readonly referencedBy: readonly ForeignKeyFacts[];
  /** Sequences of identity columns. */
  readonly sequences: readonly number[];
  /** Rows as last counted by the server (`pg_class.reltuples`), without children; -1 where it never did. */
  readonly rowEstimate: number;
}

export interface UserFunctionFacts {
  readonly schema: string;
  readonly volatility: Volatility;
  /** False when an argument has a type of the database's own other than an enumeration: nothing else can reach it. */
  readonly takesBuiltIn: boolean;
  /** Callable with one argument, hence also as `row.function`. */
  readonly isUnary: boolean;
  /**
   * `native`: all of that name are written in C, hence installed by a superuser; an aggregate in all its parts. `computing`:
   * they are declared immutable besides.
   */
  readonly code: 'computing' | 'native' | 'other';
  /** Columns in FROM, as of `builtInOutputs`. */
  readonly outputs: readonly string[] | null;
}

export interface UserOperatorFacts {
  readonly schema: string;
  /** As of a function. */
  readonly takesBuiltIn: boolean;
  /** Implemented in C: installed by a superuser, and taken to compute only. */
  readonly isNative: boolean;
  /** Certainly so: by a function that is immutable, or an extension's that is not volatile. */
  readonly isComputing: boolean;
}

export interface UserTypeFacts {
  readonly schema: string;
  readonly kind: 'enum' | 'domain' | 'other';
}

export interface CatalogFacts {
  /** Changes whenever anything here does. */
  readonly version: string;
  readonly relations: ReadonlyMap<number, RelationFacts>;
  /** Relations by bare name. */
  readonly named: ReadonlyMap<string, readonly RelationFacts[]>;
  /** Built-in functions: the worst volatility of all that share the name. */
  readonly builtInFunctions: ReadonlyMap<string, Volatility>;
  /**
   * Columns that built-in functions yield in FROM: none for one value without a name of its own; null where that depends
   * on the types, or on which of those that share the name is meant.
   */
  readonly builtInOutputs: ReadonlyMap<string, readonly string[] | null>;
  readonly userFunctions: ReadonlyMap<string, readonly UserFunctionFacts[]>;
  readonly builtInOperators: ReadonlyMap<string, Volatility>;
  readonly userOperators: ReadonlyMap<string, readonly UserOperatorFacts[]>;
  readonly builtInTypes: ReadonlySet<string>;
  readonly userTypes: ReadonlyMap<string, readonly UserTypeFacts[]>;
  readonly hasDomains: boolean;
  /** Casts, not built in, from a built-in or enumerated type to a built-in one: any expression may run one. */
  readonly hasUserCasts: boolean;
  /** Casts of any types by functions that are not written in C. */
  readonly hasUnreadCasts: boolean;
  /** Implicit casts from a built-in type to one of the database's own: overloads by own types become reachable. */
  readonly hasCastsToUserTypes: boolean;
  /** Event triggers that are enabled. */
  readonly hasEventTriggers: boolean;
}

/** The relations a name may mean. With a schema there is at most one. */
export function findRelations(
  catalog: CatalogFacts,
  schema: string | null,
  name: string,
  searchPath: readonly string[] | null,
): readonly RelationFacts[] {
  const all = catalog.named.get(name) ?? [];
  if (schema !== null) return all.filter((relation) => relation.schema === schema);
  if (searchPath === null) return all;
  for (const place of searchPath) {
    const found = all.filter((relation) => relation.schema === place);
    if (found.length > 0) return found;
  }
  return [];
}

/** Whether objects of this schema may be meant by a name that `schema` qualifies, or that nothing does. */
export function isReachable(place: string, schema: string | null, searchPath: readonly string[] | null): boolean {
  if (schema !== null) return place === schema;
  return searchPath === null || searchPath.includes(place);
}
