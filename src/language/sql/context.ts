/**
 * What an analysis is told about the session it is for. Pure data, made once per change and shared between sessions that
 * agree on it.
 *
 * Invariant: `key` differs whenever anything differs on which an analysis without prepared statements and cursors rests.
 */
import type { CatalogFacts } from './catalog.ts';

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
  /** `none` only while it is certain that the session has made no temporary relation or type. */
  readonly temporary?: 'none' | 'unknown';
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
    standardConformingStrings: options.standardConformingStrings ?? true,
    clientEncoding: options.clientEncoding ?? 'UTF8',
    prepared: options.prepared ?? nothing,
    cursors: options.cursors ?? nothing,
  } as const;
  const { catalog, searchPath, temporary, standardConformingStrings, clientEncoding } = whole;
  const key = JSON.stringify([
    catalog?.version ?? null,
    searchPath,
    temporary,
    standardConformingStrings,
    clientEncoding,
  ]);
  return Object.freeze({ ...whole, key });
}
