/** Statements that carry another: COPY, EXPLAIN, PREPARE and EXECUTE, cursors, CREATE TABLE AS. */
import { sqlExpansionDepthMax } from '../limits.ts';
import { firstUserOid } from './catalog.ts';
import { type PreparedText, resolvedBefore } from './context.ts';
import { useRelation } from './expand.ts';
import type { Fields, Json } from './parser.ts';
import { addRange, aliasOf, columnsOf, relationOf, target } from './query.ts';
import { Scope } from './scope.ts';
import { parseText } from './text.ts';
import { begin } from './utility.ts';
import { type Frame, type Handler, namesOf, textOf, unwrap, type Walker } from './walk.ts';

const copyStmt: Handler = (walker, fields, outer) => {
  const { out } = walker;
  const isIn = fields['is_from'] === true;
  begin(walker, isIn ? { kind: 'copy-in', effects: ['copy-in'] } : { kind: 'copy-out', effects: ['copy-out', 'read'] });
  if (fields['is_program'] === true) out.effect('program-execution');
  else if (fields['filename'] !== undefined) out.effect('file-access');
  const scope = new Scope(outer);
  const relation = fields['relation'] as Fields | undefined;
  if (relation !== undefined) {
    if (isIn) out.effect('insert');
    const entry = isIn ? target(walker, relation, 'insert') : useRelation(walker, relationOf(relation), 'read');
    const columns = namesOf(fields['attlist']);
    if (columns.length === 0) entry.columns = null;
    for (const column of columns) entry.columns?.add(column);
    addRange(scope, aliasOf(relation) ?? relationOf(relation).name, entry, columnsOf(walker, entry));
  }
  walker.children('CopyStmt', fields, scope, 'relation');
};

/** EXPLAIN plans; with ANALYZE it runs. The last mention of an option wins; any that says yes counts here. */
const explainStmt: Handler = (walker, fields, scope) => {
  const { out } = walker;
  const options = Array.isArray(fields['options']) ? (fields['options'] as readonly Json[]) : [];
  const runs = options.some((option) => {
    const element = unwrap(option, 'DefElem');
    return element?.['defname'] === 'analyze' && isTrue(element['arg']);
  });
  begin(walker, { kind: runs ? 'explain-analyse' : 'explain', effects: ['read'] });
  if (unwrap(fields['query'], 'SelectStmt') === null) out.obstacle('explained statement is no query');
  walker.within(runs ? {} : { mode: 'plan' }, () => walker.one('ExplainStmt', fields, 'query', scope));
  walker.children('ExplainStmt', fields, scope, 'query');
};

/** As `defGetBoolean` reads an option: absent is true. What it would refuse counts as true. */
function isTrue(arg: Json | undefined): boolean {
  if (arg === undefined) return true;
  const text = unwrap(arg, 'String');
  if (text !== null) return !['false', 'off'].includes(textOf(text['sval']).toLowerCase());
  const number = unwrap(arg, 'Integer');
  if (number !== null) return number['ival'] !== undefined && number['ival'] !== 0;
  return unwrap(arg, 'Boolean')?.['boolval'] !== undefined || unwrap(arg, 'Boolean') === null;
}

/** PREPARE announces what EXECUTE will do, so that it can be refused at once. */
const prepareStmt: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'prepare', effects: ['session-change'] });
  walker.children('PrepareStmt', fields, scope);
};

const executeStmt: Handler = (walker, fields, scope) => {
  const { out, frame } = walker;
  out.kind ??= 'execute';
  out.sessionDependent = true;
  // EXPLAIN EXECUTE evaluates the parameters, whatever it does with the statement.
  walker.within(frame.mode === 'plan' ? { mode: 'run' } : {}, () => walker.children('ExecuteStmt', fields, scope));
  const name = textOf(fields['name']);
  const prepared = frame.context.prepared.get(name);
  const found = prepared === undefined ? null : queryOf(prepared, 'PrepareStmt');
  if (prepared === undefined || found === null) out.unknown('prepared-unknown', name);
  else {
    // Nothing else than a query is proven to read.
    if (unwrap(found, 'SelectStmt') === null) out.obstacle('executed statement is no query');
    walkPrepared(walker, prepared, found, { context: resolvedBefore(frame.context) });
  }
};

const declareCursor: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'declare-cursor', effects: ['session-change'] });
  walker.children('DeclareCursorStmt', fields, scope);
};

/** FETCH and MOVE run the query of the cursor, whose names were resolved when it was declared. */
const fetchStmt: Handler = (walker, fields, scope) => {
  const { out, frame } = walker;
  begin(walker, { kind: 'fetch', effects: ['read'] });
  out.sessionDependent = true;
  const name = textOf(fields['portalname']);
  const cursor = frame.context.cursors.get(name);
  const found = cursor === undefined ? null : queryOf(cursor, 'DeclareCursorStmt');
  if (cursor === undefined || found === null) out.unknown('cursor-unknown', name);
  else walkPrepared(walker, cursor, found, { context: cursor.context });
  walker.children('FetchStmt', fields, scope);
};

/** The statement that a prepared text holds, without the PREPARE or DECLARE around it. */
function queryOf(prepared: PreparedText, wrapper: string): Json | null {
  const outcome = parseText(prepared.text, prepared.standardConformingStrings);
  if (outcome.status !== 'parsed' || outcome.statements.length !== 1) return null;
  const { node } = outcome.statements[0]!;
  return unwrap(node, wrapper)?.['query'] ?? node;
}

function walkPrepared(walker: Walker, prepared: PreparedText, tree: Json, change: Partial<Frame>): void {
  const { out, frame } = walker;
  if (frame.expansion >= sqlExpansionDepthMax) {
    out.unknown('too-complex');
    return;
  }
  if (prepared.parameterTypes.some((oid) => oid >= firstUserOid)) out.obstacle('parameter type');
  walker.within({ ...change, expansion: frame.expansion + 1 }, () => walker.walk(tree, new Scope(null)));
}

const createTableAs: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'create-table-as', effects: ['create'] }, true);
  walker.out.obstacle('statement', 'create-table-as');
  walker.children('CreateTableAsStmt', fields, scope);
};

export const carrierHandlers: readonly (readonly [string, Handler])[] = [
  ['CopyStmt', copyStmt],
  ['ExplainStmt', explainStmt],
  ['PrepareStmt', prepareStmt],
  ['ExecuteStmt', executeStmt],
  ['DeclareCursorStmt', declareCursor],
  ['FetchStmt', fetchStmt],
  ['CreateTableAsStmt', createTableAs],
];
