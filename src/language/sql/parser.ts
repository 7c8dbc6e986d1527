/**
 * PostgreSQL's own parser, compiled to WebAssembly (`libpg-query`): text in, raw parse tree or the server's message out.
 *
 * Invariants:
 * - A syntax error is a value. So is every other way to fail: nothing here throws after `loadSqlParser` resolved.
 * - An instance that failed in any other way than with a syntax error is never used again. A stack overflow leaves its
 *   shadow stack where it was; after a few dozen of them memory is corrupt and answers would be wrong.
 * - A spare instance stands ready, so that one hostile text does not take the parser from everyone else.
 *
 * Deliberately absent: limits on the text (see `shape.ts`, which runs first), meaning.
 */
import load, { type PgQueryInstance } from 'libpg-query/wasm/libpg-query.js';
import { describeError } from '../../base/errors.ts';
import { languageError } from '../errors.ts';
import { sqlParserRecycleBytes } from '../limits.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Fields = { readonly [key: string]: Json };

export interface RawStatement {
  /** The wrapped node, `{ SelectStmt: … }`. */
  readonly node: Json;
  /** UTF-8 byte offsets. */
  readonly start: number;
  readonly end: number;
}

export type ParseOutcome =
  | { readonly status: 'parsed'; readonly statements: readonly RawStatement[] }
  /** What the server would say as well. `position` counts characters from 1, as in the server's `P` field. */
  | { readonly status: 'rejected'; readonly message: string; readonly position: number }
  /** The parser's stack or memory did not suffice. */
  | { readonly status: 'exhausted' }
  | { readonly status: 'unavailable' };

/** The instance in use, and the one that takes over. */
const ready: PgQueryInstance[] = [];
let loading: Promise<void> | null = null;

/** Loads the parser. To be awaited once, before the first analysis. */
export async function loadSqlParser(): Promise<void> {
  await refill();
  if (ready.length === 0) throw languageError('language.parser-unavailable');
}

/** Keeps two instances. Rejects only while there is none. */
function refill(): Promise<void> {
  loading ??= (async () => {
    try {
      while (ready.length < 2) ready.push(await load());
    } catch (error) {
      if (ready.length === 0) throw languageError('language.parser-unavailable', { detail: describeError(error) });
    } finally {
      loading = null;
    }
  })();
  return loading;
}

/** Takes the instance in use out of service; the spare takes over. */
function retire(): void {
  ready.shift();
  // Without any instance every analysis says so (`unavailable`); the next retirement or load tries again.
  refill().catch(() => undefined);
}

/** Parses. `bytes` is the text's length in UTF-8. */
export function parseSqlText(text: string, bytes: number): ParseOutcome {
  const instance = ready[0];
  if (instance === undefined) {
    refill().catch(() => undefined);
    return { status: 'unavailable' };
  }
  try {
    return parseWith(instance, text, bytes);
  } catch (error) {
    // RangeError: stack; RuntimeError: memory; SyntaxError: a dump cut short. All of them fatal for the instance.
    retire();
    return error instanceof Error ? { status: 'exhausted' } : { status: 'unavailable' };
  } finally {
    if (bytes > sqlParserRecycleBytes && ready.length > 1) retire();
  }
}

function parseWith(instance: PgQueryInstance, text: string, bytes: number): ParseOutcome {
  const query = instance._malloc(bytes + 1);
  if (query === 0) throw new RangeError('out of memory');
  instance.stringToUTF8(text, query, bytes + 1);
  const result = instance._wasm_parse_query_raw(query);
  if (result === 0) throw new RangeError('out of memory');
  // PgQueryParseResult { char *parse_tree; char *stderr_buffer; PgQueryError *error; }
  const failure = instance.getValue(result + 8, 'i32');
  let outcome: ParseOutcome;
  if (failure !== 0) {
    // PgQueryError { char *message; char *funcname; char *filename; int lineno; int cursorpos; char *context; }
    const message = instance.UTF8ToString(instance.getValue(failure, 'i32'));
    outcome = { status: 'rejected', message, position: Math.max(0, instance.getValue(failure + 16, 'i32')) };
  } else {
    const tree = instance.UTF8ToString(instance.getValue(result, 'i32'));
    outcome = { status: 'parsed', statements: statementsOf(JSON.parse(tree), bytes) };
  }
  instance._wasm_free_parse_result(result);
  instance._free(query);
  return outcome;
}

function statementsOf(tree: unknown, bytes: number): RawStatement[] {
  const { stmts = [] } = tree as {
    stmts?: readonly { stmt?: Json; stmt_location?: number; stmt_len?: number }[];
  };
  return stmts.map(({ stmt = null, stmt_location: start = 0, stmt_len: length }) => ({
    node: stmt,
    start,
    end: length === undefined ? bytes : start + length,
  }));
}

/**
 * A fingerprint that statements share which differ only in constants, spacing and case: 16 hexadecimal digits, or null
 * where the text does not parse. For grouping and for display; never a key for a verdict, since constants matter.
 */
export function fingerprintSql(text: string): string | null {
  const instance = ready[0];
  if (instance === undefined || text.includes('\0')) return null;
  try {
    const bytes = instance.lengthBytesUTF8(text) + 1;
    const query = instance._malloc(bytes);
    if (query === 0) throw new RangeError('out of memory');
    instance.stringToUTF8(text, query, bytes);
    const result = instance._wasm_fingerprint(query);
    const answer = instance.UTF8ToString(result);
    instance._wasm_free_string(result);
    instance._free(query);
    return /^[0-9a-f]{16}$/.test(answer) ? answer : null;
  } catch (error) {
    retire();
    return error instanceof Error ? null : null;
  }
}
