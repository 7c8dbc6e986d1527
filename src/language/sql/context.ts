/**
 * What an analysis is told about the session it is for. Pure data, made once per change and shared between sessions that
 * agree on it.
 *
 * Invariant: `key` differs whenever anything differs on which an analysis without prepared statements and cursors rests.
 */
import type { CatalogFacts } from './catalog.ts';
import type { Temporary } from './temporary.ts';

/** A statement that the session has prepared, by SQL's PREPARE or by the protocol's Parse. */
export interface PreparedText {
  /** The whole text, `PREPARE name AS …` included where it was SQL. */
  readonly text: string;
  /** As it was when the text was parsed. */
  readonly standardConformingStrings: boolean;
  /** Object ids of the types that the client declared for parameters; zero where it left one open. */
  readonly parameterTypes: readonly number[];
}

/** An open cursor. Its names were resolved when it was declared, whatever changed since. */
export interface CursorText extends PreparedText {
  /** The context that was in force then. */
  readonly context: AnalysisContext;
}

export interface ContextOptions {
  readonly catalog?: CatalogFacts | null;
  /** The schemas that are searched, as `current_schemas(true)` gives them; null where not known. */
  readonly searchPath?: readonly string[] | null;
  /** What temporary relations and types the session has. */
  readonly temporary?: Temporary;
  /**
   * `before`: names were resolved earlier, as those of a prepared statement are. The server resolves them anew when the
   * search path or something they mean changes, but not when something comes into being that would now be meant first.
   * So a name means one of all that it can mean along the search path.
   */
  readonly resolved?: 'now' | 'before';
  /** False where the setting is off or not known. */
  readonly standardConformingStrings?: boolean;
  /** As the server reports it. */
  readonly clientEncoding?: string;
  readonly prepared?: ReadonlyMap<string, PreparedText>;
  /** Open cursors and named portals: name to the text that declared them. */
  readonly cursors?: ReadonlyMap<string, CursorText>;
}

export interface AnalysisContext extends Readonly<Required<ContextOptions>> {
  readonly key: string;
}

const nothing = new Map<string, never>();

/** A context. What is left out counts as unknown, except encoding and strings, which are PostgreSQL's defaults. */
export function createContext(options: ContextOptions = {}): AnalysisContext {
  const whole = {
    catalog: options.catalog ?? null,
    searchPath: options.searchPath ?? null,
    temporary: options.temporary ?? 'unknown',
    resolved: options.resolved ?? 'now',
    standardConformingStrings: options.standardConformingStrings ?? true,
    clientEncoding: options.clientEncoding ?? 'UTF8',
    prepared: options.prepared ?? nothing,
    cursors: options.cursors ?? nothing,
  } as const;
  const { catalog, searchPath, temporary, resolved, standardConformingStrings, clientEncoding } = whole;
  const key = JSON.stringify([
    catalog?.version ?? null,
    searchPath,
    typeof temporary === 'string' ? temporary : [temporary.key],
    resolved,
    standardConformingStrings,
    clientEncoding,
  ]);
  return Object.freeze({ ...whole, key });
}

/** The same, for what was prepared earlier. */
export function resolvedBefore(context: AnalysisContext): AnalysisContext {
  return context.resolved === 'before' ? context : createContext({ ...context, resolved: 'before' });
}
