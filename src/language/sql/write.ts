/** INSERT, UPDATE, DELETE and MERGE: their targets, the columns they set, and whether a condition restricts them. */

import { sqlExpansionDepthMax } from '../limits.ts';
import type { RelationEntry } from './collector.ts';
import { judgeCondition } from './condition.ts';
import { useDefaults } from './expand.ts';
import type { Fields, Json } from './parser.ts';
import { addRange, aliasOf, columnsOf, enterWith, relationOf, target } from './query.ts';
import { Scope } from './scope.ts';
import { relationByOid } from './temporary.ts';
import { type Action, type Handler, textOf, unwrap, type Walker } from './walk.ts';

/** The target of a modifying statement, in scope under its alias, as written to. */
function enterTarget(walker: Walker, fields: Fields, action: Action): RelationEntry {
  const relation = (fields['relation'] ?? {}) as Fields;
  const entry = target(walker, relation, action);
  if (walker.runs) walker.out.effect(action);
  // Rows of the system's catalogs are objects and rights.
  if (walker.runs && (entry.schema === 'pg_catalog' || entry.name.startsWith('pg_')))
    walker.out.effect('alter', 'grant');
  walker.out.obstacle('statement modifies rows');
  if (action === 'delete') entry.columns = null;
  return entry;
}

/** What the statement reads of its own target goes to an entry of its own: an INSERT … VALUES has none. */
function enterReading(walker: Walker, fields: Fields, scope: Scope, written: RelationEntry): void {
  const relation = (fields['relation'] ?? {}) as Fields;
  const { name, schema } = relationOf(relation);
  const { candidates, via } = written;
  const reading = () => walker.out.relation({ name, schema, candidates, via, access: 'read' });
  addRange(scope, aliasOf(relation) ?? name, reading, columnsOf(walker, written));
}

/** `SET a = …`, `INSERT (a, …)`: the columns, and the expressions behind them. */
function assign(walker: Walker, list: Json | undefined, entry: RelationEntry, scope: Scope): void {
  for (const item of Array.isArray(list) ? (list as readonly Json[]) : []) {
    const fields = unwrap(item, 'ResTarget');
    if (fields !== null) entry.columns?.add(textOf(fields['name']));
    if (mayBeDefault(fields?.['val'])) useDefaults(walker, entry);
    walker.walk(item, scope);
  }
}

/** `= DEFAULT`, alone or in a row. */
function mayBeDefault(value: Json | undefined): boolean {
  if (unwrap(value, 'SetToDefault') !== null) return true;
  const row = unwrap(unwrap(value, 'MultiAssignRef')?.['source'], 'RowExpr')?.['args'];
  return Array.isArray(row) && (row as readonly Json[]).some(mayBeDefault);
}

function returning(walker: Walker, type: string, fields: Fields, scope: Scope): void {
  const clause = fields['returningClause'];
  if (clause === undefined) return;
  walker.out.effect('read');
  const options = (clause as Fields)['options'];
  const renamed = (Array.isArray(options) ? (options as readonly Json[]) : []).map((option) =>
    textOf(unwrap(option, 'ReturningOption')?.['value']),
  );
  // OLD and NEW are the target by other names; a bare column is never theirs.
  for (const alias of ['old', 'new', ...renamed]) addRange(scope, alias, scope.ranges[0]?.relation ?? null, none);
  walker.one(type, fields, 'returningClause', scope);
}

const none: ReadonlySet<string> = new Set();

const insertStmt: Handler = (walker, fields, outer) => {
  const { out } = walker;
  out.kind ??= 'insert';
  const scope = new Scope(outer);
  enterWith(walker, fields['withClause'], scope);
  const entry = enterTarget(walker, fields, 'insert');
  if (fields['cols'] === undefined) entry.columns = null;
  else assign(walker, fields['cols'], entry, scope);
  const source = unwrap(fields['selectStmt'], 'SelectStmt');
  // A bare VALUES reads nothing.
  if (source !== null && source['valuesLists'] !== undefined && source['withClause'] === undefined) {
    walker.children('SelectStmt', source, new Scope(scope));
  } else {
    walker.one('InsertStmt', fields, 'selectStmt', new Scope(scope));
  }
  enterReading(walker, fields, scope, entry);
  const conflict = fields['onConflictClause'] as Fields | undefined;
  if (conflict !== undefined) {
    addRange(scope, 'excluded', null, none);
    if (conflict['action'] === 'ONCONFLICT_UPDATE') {
      assign(walker, conflict['targetList'], enterTarget(walker, fields, 'update'), scope);
    }
    walker.visit('OnConflictClause', { ...conflict, targetList: [] }, scope);
  }
  returning(walker, 'InsertStmt', fields, scope);
  const done = ['withClause', 'relation', 'cols', 'selectStmt', 'onConflictClause', 'returningClause'];
  walker.children('InsertStmt', fields, scope, ...done);
};

/** UPDATE and DELETE. */
function restricted(type: 'UpdateStmt' | 'DeleteStmt', action: 'update' | 'delete'): Handler {
  const others = action === 'update' ? 'fromClause' : 'usingClause';
  return (walker, fields, outer) => {
    walker.out.kind ??= action;
    const scope = new Scope(outer);
    enterWith(walker, fields['withClause'], scope);
    const entry = enterTarget(walker, fields, action);
    enterReading(walker, fields, scope, entry);
    const alias = scope.ranges[0]!.alias;
    if (fields[others] !== undefined && walker.frame.mode !== 'store') walker.out.effect('read');
    walker.one(type, fields, others, scope);
    assign(walker, fields['targetList'], entry, scope);
    walker.one(type, fields, 'whereClause', scope);
    if (walker.runs) {
      const where = judgeCondition(fields['whereClause'], {
        alias,
        isAlone: fields[others] === undefined,
        column: (name) => columnFacts(walker, entry, name),
      });
      walker.out.condition(nameOf(entry), action, where, rowsOf(walker, entry));
    }
    returning(walker, type, fields, scope);
    const done = ['withClause', 'relation', others, 'targetList', 'whereClause', 'returningClause'];
    walker.children(type, fields, scope, ...done);
  };
}

const nameOf = (entry: RelationEntry): string => (entry.schema === null ? entry.name : `${entry.schema}.${entry.name}`);

/** How many rows a relation has, with its partitions and heirs, as far as the server has counted. */
function rowsOf(walker: Walker, entry: RelationEntry): number | null {
  if (entry.candidates.length !== 1) return null;
  const relations = walker.frame.context.catalog?.relations;
  const count = (oid: number, depth: number): number | null => {
    const facts = relations?.get(oid);
    if (facts === undefined || depth > sqlExpansionDepthMax || !'rp'.includes(facts.kind)) return null;
    // What partitions hold is counted there; the parent's own figure is for all of them, and often not known.
    let sum = facts.kind === 'p' ? 0 : facts.rowEstimate;
    for (const child of facts.children) {
      const rows = count(child, depth + 1);
      if (rows === null) return null;
      sum += rows;
    }
    return facts.kind === 'r' && facts.rowEstimate < 0 ? null : sum;
  };
  return count(entry.candidates[0]!.oid, 0);
}

/** What the catalog says of a column: null where it has no such column, undefined where nothing is known. */
function columnFacts(walker: Walker, entry: RelationEntry, name: string): { notNull: boolean } | null | undefined {
  if (entry.candidates.length !== 1) return undefined;
  const facts = relationByOid(walker.frame.context, entry.candidates[0]!.oid);
  if (facts === undefined) return undefined;
  return facts.columns.find((column) => column.name === name) ?? null;
}

const mergeStmt: Handler = (walker, fields, outer) => {
  walker.out.kind ??= 'merge';
  const scope = new Scope(outer);
  enterWith(walker, fields['withClause'], scope);
  if (walker.frame.mode !== 'store') walker.out.effect('read');
  const clauses = Array.isArray(fields['mergeWhenClauses']) ? (fields['mergeWhenClauses'] as readonly Json[]) : [];
  const actions: Readonly<Record<string, Action>> = {
    CMD_INSERT: 'insert',
    CMD_UPDATE: 'update',
    CMD_DELETE: 'delete',
  };
  const used = clauses.map((clause) => actions[textOf(unwrap(clause, 'MergeWhenClause')?.['commandType'])]);
  const first = used.find((action) => action !== undefined);
  if (first === undefined) target(walker, fields['relation'], 'read');
  const entries = used.map((action) => (action === undefined ? null : enterTarget(walker, fields, action)));
  enterReading(
    walker,
    fields,
    scope,
    entries.find((entry) => entry !== null) ?? target(walker, fields['relation'], 'read'),
  );
  walker.one('MergeStmt', fields, 'sourceRelation', scope);
  walker.one('MergeStmt', fields, 'joinCondition', scope);
  clauses.forEach((clause, index) => {
    const when = unwrap(clause, 'MergeWhenClause');
    const entry = entries[index];
    const action = used[index];
    if (when === null) {
      walker.walk(clause, scope);
      return;
    }
    if (entry) assign(walker, when['targetList'], entry, scope);
    if (action === 'insert' && when['targetList'] === undefined && entry) entry.columns = null;
    walker.visit('MergeWhenClause', { ...when, targetList: [] }, scope);
    if (entry && (action === 'update' || action === 'delete') && walker.runs) {
      const isMatched = when['matchKind'] === 'MERGE_WHEN_MATCHED';
      const judge = (condition: Json | undefined) =>
        judgeCondition(condition, {
          alias: scope.ranges[0]!.alias,
          isAlone: false,
          column: (name) => columnFacts(walker, entry, name),
        });
      const join = isMatched ? judge(fields['joinCondition']) : 'may-be-always-true';
      const own = when['condition'] === undefined ? 'missing' : judge(when['condition']);
      const where = join === 'restricts' || own === 'restricts' ? 'restricts' : own === 'missing' ? join : own;
      walker.out.condition(nameOf(entry), action, where, rowsOf(walker, entry));
    }
  });
  returning(walker, 'MergeStmt', fields, scope);
  const done = ['withClause', 'relation', 'sourceRelation', 'joinCondition', 'mergeWhenClauses', 'returningClause'];
  walker.children('MergeStmt', fields, scope, ...done);
};

/** `WHERE CURRENT OF cursor`. */
const currentOf: Handler = (walker, fields, scope) => {
  walker.out.sessionDependent = true;
  walker.children('CurrentOfExpr', fields, scope);
};

export const writeHandlers: readonly (readonly [string, Handler])[] = [
  ['InsertStmt', insertStmt],
  ['UpdateStmt', restricted('UpdateStmt', 'update')],
  ['DeleteStmt', restricted('DeleteStmt', 'delete')],
  ['MergeStmt', mergeStmt],
  ['CurrentOfExpr', currentOf],
];
