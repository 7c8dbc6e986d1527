/**
 * What a SQL text means: plain data that `language/sql` makes, that rules and masks read, and that nobody changes. Shared
 * by all who ask for the same text, so its identity may serve as a key.
 */
import type { SqlEffect, StatementKind, UnknownReason, WhereState } from './sql-effects.ts';

export interface Reason {
  readonly code: UnknownReason;
  /** The name concerned, as written or as the catalog spells it; empty where there is none. Not safe to log unescaped. */
  readonly about: string;
}

/** A relation that a name may mean. */
export interface RelationCandidate {
  readonly schema: string;
  readonly name: string;
  readonly oid: number;
  /** `pg_class.relkind`: `r` table, `p` partitioned, `v` view, `m` materialised view, `f` foreign, `S` sequence. */
  readonly kind: string;
}

/** How a statement came to touch a relation. */
export type Via = 'text' | 'view' | 'inheritance' | 'foreign-key' | 'sequence' | 'expression';

export interface RelationUse {
  readonly name: string;
  /** As written; null where the text names none. */
  readonly schema: string | null;
  readonly access: 'read' | 'write';
  readonly via: Via;
  /** Everything the name may mean, in order of likelihood; empty where the catalog is missing or does not have it. */
  readonly candidates: readonly RelationCandidate[];
  /** Columns mentioned, sorted; null where that is not certain or all of them are. */
  readonly columns: readonly string[] | null;
}

export type Volatility = 'immutable' | 'stable' | 'volatile';

export interface FunctionUse {
  readonly name: string;
  readonly schema: string | null;
  /** `perhaps`: without a catalog, a known built-in name might be shadowed. */
  readonly builtIn: 'yes' | 'no' | 'perhaps';
  /** The worst of the candidates; null where it is not known. */
  readonly volatility: Volatility | null;
}

export interface OperatorUse {
  readonly name: string;
  readonly schema: string | null;
}

export interface Condition {
  readonly relation: string;
  readonly action: 'update' | 'delete';
  readonly where: WhereState;
}

/** A name that a statement takes from a relation or column that had it, so that who goes by the name no longer finds it. */
export interface Displaced {
  /** As written; null where the text names none. */
  readonly schema: string | null;
  /** Null: every relation of the schema. */
  readonly relation: string | null;
  /** Null: the relation with all of its columns. */
  readonly column: string | null;
  /** What it is called from then on, in what differs; null where it is gone. */
  readonly becomes: { readonly schema?: string; readonly relation?: string; readonly column?: string } | null;
}

export interface StatementAnalysis {
  /** UTF-8 byte offsets in the text. */
  readonly start: number;
  readonly end: number;
  readonly kind: StatementKind;
  /** Sorted. */
  readonly effects: readonly SqlEffect[];
  readonly relations: readonly RelationUse[];
  readonly functions: readonly FunctionUse[];
  /** Operators that are not, or may not be, built in. */
  readonly operators: readonly OperatorUse[];
  readonly conditions: readonly Condition[];
  /**
   * Rows that UPDATE, DELETE and MERGE reach without a condition that restricts which, as last counted by the server: the
   * sum over `conditions` that are missing or always true. Null where there is none of these, or a count is not known.
   */
  readonly rowEstimate: number | null;
  /** Names that RENAME, SET SCHEMA and DROP take away; absent where none. */
  readonly displaced?: readonly Displaced[];
  /** Where values come from and go to: what masks need. */
  readonly lineage: StatementLineage;
  /** Numbers of the parameters, ascending. */
  readonly parameters: readonly number[];
  /** Settings that SET, RESET or set_config name, lower case; `*` where not certain. */
  readonly settings: readonly string[];
  readonly complete: boolean;
  readonly reasons: readonly Reason[];
  /** Empty when it is proven that the statement changes nothing; else the first obstacles to the proof. */
  readonly obstacles: readonly string[];
}

/**
 * A column of a relation, by its names in the catalog. Views are followed to the tables behind them; the view's own column
 * is given as well, so that a rule may name either. So are the columns of parents and partitions.
 */
export interface ColumnOrigin {
  readonly schema: string;
  readonly relation: string;
  readonly column: string;
}

/** One column of a result. */
export interface ResultColumn {
  /** As the server will name it; empty where that is not certain. */
  readonly name: string;
  /** Every base column whose values, or anything computed from them, it can carry. */
  readonly origins: readonly ColumnOrigin[];
  /**
   * True when it is one column unchanged, or merely cast to text: what a partial mask may be applied to. The other origins
   * are then the same column by the names of parents, partitions and views.
   */
  readonly direct: boolean;
  /** Set where it may carry more than `origins` say, with what could not be followed. Such a column counts as carrying anything. */
  readonly unresolved: string | null;
}

/** How a base column steers what comes back without coming back itself. */
export type Steering =
  | 'where'
  | 'join'
  | 'group'
  | 'having'
  | 'order'
  | 'distinct'
  | 'window'
  | 'set-operation'
  | 'limit';

/** Where a value may go other than into the result. */
export type SinkKind = 'relation' | 'setting' | 'notification' | 'file' | 'large-object' | 'function' | 'message';

export interface ColumnFlow {
  readonly origin: ColumnOrigin;
  readonly into: SinkKind;
  /** The relation and column where `into` is `relation` and they are known, else the name of what takes it. */
  readonly target: string;
}

/** Where the values of one statement come from and go to. */
export interface StatementLineage {
  /** Null where the statement returns no rows. For COPY … TO, the columns that are copied. */
  readonly columns: readonly ResultColumn[] | null;
  readonly steering: readonly { readonly origin: ColumnOrigin; readonly how: Steering }[];
  readonly flows: readonly ColumnFlow[];
  /**
   * Set where code runs that was not read (functions of the database's own, triggers): beside what is said here it may
   * steer by anything and send anything on. What it returns is `unresolved` in the columns that carry it.
   */
  readonly unread: string | null;
  /** Null when all was followed. Otherwise what was not: anything of the database may be in the result, steer it, or flow on. */
  readonly unresolved: string | null;
}

export interface Analysis {
  readonly textBytes: number;
  readonly statements: readonly StatementAnalysis[];
  /** Union over the statements, sorted. */
  readonly effects: readonly SqlEffect[];
  /** True when nothing stays unknown. */
  readonly complete: boolean;
  /** True when the text itself was understood, though not all that stands behind its names. */
  readonly understood: boolean;
  readonly reasons: readonly Reason[];
  /** Set when the server would reject the text too. */
  readonly unparsed: { readonly message: string; readonly position: number } | null;
  /** True when the result rests on the session's prepared statements or cursors; such a result is not cached. */
  readonly sessionDependent: boolean;
}
