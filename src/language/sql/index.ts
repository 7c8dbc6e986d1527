/** SQL as PostgreSQL reads it: effects, relations, functions, and what stays unknown. */

export * from '../../core/sql.ts';
export * from '../../core/sql-effects.ts';
export { analyseSql } from './analyse.ts';
export { AnalysisCache } from './cache.ts';
export * from './catalog.ts';
export * from './catalog-decode.ts';
export * from './catalog-load.ts';
export * from './catalog-queries.ts';
export {
  type AnalysisContext,
  type ContextOptions,
  type CursorText,
  createContext,
  type PreparedText,
  resolvedBefore,
} from './context.ts';
export { fingerprintSql, loadSqlParser } from './parser.ts';
export { isProvenRead } from './proof.ts';
export { type Stale, staleAfter } from './stale.ts';
export { describeTemporary, type Temporary, type TemporaryObjects, type TemporaryTable } from './temporary.ts';
