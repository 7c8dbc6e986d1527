/**
 * What a SQL text does: the door of this part. Pure and synchronous; `loadSqlParser` must have resolved once before.
 *
 * Invariants:
 * - Never throws, for any text and any context. What is not understood is `complete: false` with the reason.
 * - A statement that may change what names mean (search path, schema, temporary tables) leaves the later statements of
 *   the same text with that knowledge taken away.
 *
 * Deliberately absent: judgement. Nothing here is allowed or denied.
 */

import type { Analysis, Reason, StatementAnalysis } from '../../core/sql.ts';
import type { SqlEffect, UnknownReason } from '../../core/sql-effects.ts';
import { unknownReasons } from '../../core/sql-effects.ts';
import { carrierHandlers } from './carrier.ts';
import { Collector } from './collector.ts';
import { type AnalysisContext, createContext } from './context.ts';
import { expressionHandlers } from './expression.ts';
import { followLineage } from './lineage/statement.ts';
import type { RawStatement } from './parser.ts';
import { queryHandlers } from './query.ts';
import { Scope } from './scope.ts';
import { staleAfterStatement } from './stale.ts';
import { bytesOf, parseText } from './text.ts';
import { utilityHandlers } from './utility.ts';
import { type Handler, Walker } from './walk.ts';
import { writeHandlers } from './write.ts';

export const handlers: ReadonlyMap<string, Handler> = new Map([
  ...expressionHandlers,
  ...queryHandlers,
  ...writeHandlers,
  ...utilityHandlers,
  ...carrierHandlers,
]);

/** Analyses a text: one or more statements, or none. */
export function analyseSql(text: string, context: AnalysisContext): Analysis {
  const outcome = parseText(text, context.standardConformingStrings, context.clientEncoding);
  const textBytes = bytesOf(text);
  switch (outcome.status) {
    case 'parsed':
      return combine(textBytes, analyseAll(outcome.statements, context));
    case 'rejected':
      return opaque(textBytes, 'unparsed', { message: outcome.message, position: outcome.position });
    case 'exhausted':
      return opaque(textBytes, 'too-deep', null);
    case 'unavailable':
      return opaque(textBytes, 'parser-unavailable', null);
    case 'withheld':
      return opaque(textBytes, outcome.reason, null);
  }
}

interface Analysed {
  readonly statement: StatementAnalysis;
  readonly sessionDependent: boolean;
}

function analyseAll(statements: readonly RawStatement[], context: AnalysisContext): Analysed[] {
  let current = context;
  let changed = false;
  return statements.map((raw) => {
    const analysed = analyseOne(raw, current, changed);
    const stale = staleAfterStatement(analysed.statement);
    // What the transaction did before this text is not known here.
    const end = stale.transactionEnd;
    if (stale.settings || stale.catalog || stale.temporary || end) {
      changed = true;
      current = createContext({
        ...current,
        ...(stale.settings || end ? { searchPath: null } : {}),
        ...(stale.catalog || end ? { catalog: null } : {}),
        ...(stale.temporary ? { temporary: 'unknown' } : {}),
      });
    }
    if (stale.prepared || end) current = createContext({ ...current, prepared: new Map(), cursors: new Map() });
    return analysed;
  });
}

function analyseOne({ node, start, end }: RawStatement, context: AnalysisContext, changed: boolean): Analysed {
  const out = new Collector();
  try {
    const frame = { context, mode: 'run', via: 'text', expansion: 0, through: null } as const;
    if (changed) out.unknown('context-changed');
    if (context.catalog?.hasUserCasts) out.unknown('cast-unread');
    new Walker(out, frame, handlers).walk(node, new Scope(null));
    if (out.kind === null) out.unknown('unknown-node', Object.keys(Object(node))[0]);
    const lineage = followLineage(node, context, out);
    return { statement: out.finish(start, end, lineage), sessionDependent: out.sessionDependent };
  } catch (error) {
    // The stack ended within the walk. Whatever else went wrong, the statement was not understood either.
    const failed = new Collector();
    failed.unknown(error instanceof RangeError ? 'too-deep' : 'unknown-node');
    return { statement: failed.finish(start, end), sessionDependent: false };
  }
}

function combine(textBytes: number, analysed: readonly Analysed[]): Analysis {
  const statements = analysed.map((one) => one.statement);
  const reasons = new Map<string, Reason>();
  const effects = new Set<SqlEffect>();
  for (const statement of statements) {
    for (const reason of statement.reasons) reasons.set(`${reason.code} ${reason.about}`, reason);
    for (const effect of statement.effects) effects.add(effect);
  }
  const list = [...reasons.values()];
  return Object.freeze({
    textBytes,
    statements,
    effects: [...effects].sort(),
    complete: list.length === 0,
    understood: list.every((reason) => unknownReasons[reason.code].about !== 'text'),
    reasons: list,
    unparsed: null,
    sessionDependent: analysed.some((one) => one.sessionDependent),
  });
}

function opaque(textBytes: number, code: UnknownReason, unparsed: Analysis['unparsed']): Analysis {
  return Object.freeze({
    textBytes,
    statements: [],
    effects: ['unknown'] as const,
    complete: false,
    understood: false,
    reasons: [{ code, about: '' }],
    unparsed,
    sessionDependent: false,
  });
}
