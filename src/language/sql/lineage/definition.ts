/**
 * Statements that define or move things: what they compute from rows, by what they sort or choose them, and whether a
 * value is out of reach of the masks that name its column afterwards.
 *
 * Invariants:
 * - A new name is a place to flow to: masks go by names, so what they name must not get another one (A-PG-22).
 * - What keeps code or reaches elsewhere is not followed: it would copy values later, where nobody reads it (A-PG-18).
 *
 * Deliberately absent: queries that are kept (CREATE VIEW): they are followed when they are used.
 */
import type { Fields, Json } from '../parser.ts';
import { namesOf, textOf, unwrap } from '../walk.ts';
import { evaluate } from './expression.ts';
import { originOf, useRelation } from './relations.ts';
import { columnIn, type Level } from './scope.ts';
import { listOf, type Tracer, Unfollowable } from './tracer.ts';
import { carrying, combine, unfollowed, type Value } from './value.ts';
import { overRelation } from './write.ts';

/** Such a statement gives no rows. */
type Definer = (tracer: Tracer, fields: Fields) => null;

function relationIn(tracer: Tracer, node: Json | undefined): ReturnType<typeof useRelation> {
  const { schemaname, relname, inh } = (node ?? {}) as Fields;
  return useRelation(tracer, typeof schemaname === 'string' ? schemaname : null, textOf(relname), inh === true);
}

/** The columns of a relation, or one of them, are called otherwise from now on. */
function move(tracer: Tracer, node: Json | undefined, only: string | null, target: string): void {
  const { shape, facts } = relationIn(tracer, node);
  // `useRelation` has noted that it was not found.
  if (facts === null) return;
  for (const { name, value } of shape.columns) {
    if (only !== null && name !== only) continue;
    // What is behind a view is followed by any name of the view.
    const isQuery = facts.kind === 'v' || facts.kind === 'm';
    tracer.flow(isQuery ? carrying(new Set([originOf(facts, name)]), false, true) : value, 'relation', target);
  }
}

const movable = new Set('OBJECT_TABLE OBJECT_VIEW OBJECT_MATVIEW OBJECT_FOREIGN_TABLE'.split(' '));

const renameStmt: Definer = (tracer, fields) => {
  const type = textOf(fields['renameType']);
  const target = textOf(fields['newname']);
  if (type === 'OBJECT_COLUMN') move(tracer, fields['relation'], textOf(fields['subname']), target);
  else if (movable.has(type)) move(tracer, fields['relation'], null, target);
  else if (type === 'OBJECT_SCHEMA') {
    const { catalog } = tracer.context;
    if (catalog === null) throw new Unfollowable('nothing is known of the database');
    for (const facts of catalog.relations.values()) {
      if (facts.schema !== textOf(fields['subname'])) continue;
      const origins = new Set(facts.columns.map(({ name }) => originOf(facts, name)));
      tracer.step(origins.size);
      tracer.flow(carrying(origins, false, true), 'relation', `${target}.${facts.name}`);
    }
  }
  return null;
};

const alterObjectSchema: Definer = (tracer, fields) => {
  if (!movable.has(textOf(fields['objectType']))) return null;
  const name = textOf((fields['relation'] as Fields | undefined)?.['relname']);
  move(tracer, fields['relation'], null, `${textOf(fields['newschema'])}.${name}`);
  return null;
};

const constraintsOf = (column: Fields | null): readonly (Fields | null)[] =>
  listOf(column?.['constraints']).map((one) => unwrap(one, 'Constraint'));

/** Whether a value is in the column can be asked of whoever refers to it. */
function refer(tracer: Tracer, constraint: Fields | null): void {
  if (constraint?.['pktable'] === undefined || constraint['pk_attrs'] === undefined) return;
  const { shape, facts } = relationIn(tracer, constraint['pktable']);
  if (facts === null) return;
  for (const name of namesOf(constraint['pk_attrs'])) {
    tracer.steer(
      columnIn({ columns: shape.columns, system: null }, name) ?? unfollowed('a key was not found'),
      'where',
    );
  }
}

const createTable: Definer = (tracer, fields) => {
  for (const item of listOf(fields['tableElts'])) {
    for (const one of [unwrap(item, 'Constraint'), ...constraintsOf(unwrap(item, 'ColumnDef'))]) refer(tracer, one);
  }
  return null;
};

/** New types and generated columns are computed from the rows; defaults and checks run over them. */
const alterTable: Definer = (tracer, fields) => {
  if (fields['objtype'] !== 'OBJECT_TABLE' && fields['objtype'] !== 'OBJECT_FOREIGN_TABLE') return null;
  const commands = listOf(fields['cmds']).map((item) => unwrap(item, 'AlterTableCmd') ?? {});
  if (!commands.some(computes)) return null;
  overRelation(tracer, fields['relation'], (level, give) => {
    for (const command of commands) alter(tracer, command, level, give);
  });
  return null;
};

/** Whether a part of ALTER TABLE looks at rows. */
function computes(command: Fields): boolean {
  const column = unwrap(command['def'], 'ColumnDef');
  const constraints = [unwrap(command['def'], 'Constraint'), ...constraintsOf(column)];
  return (
    column?.['raw_default'] !== undefined ||
    ['AT_SetExpression', 'AT_ClusterOn'].includes(textOf(command['subtype'])) ||
    constraints.some((one) => one?.['raw_expr'] !== undefined || one?.['pktable'] !== undefined)
  );
}

function alter(
  tracer: Tracer,
  command: Fields,
  level: Level,
  give: (column: string | null, value: Value) => void,
): void {
  const column = unwrap(command['def'], 'ColumnDef');
  const named = column?.['colname'] ?? command['name'];
  const name = typeof named === 'string' ? named : null;
  for (const constraint of [unwrap(command['def'], 'Constraint'), ...constraintsOf(column)]) {
    refer(tracer, constraint);
    if (constraint?.['raw_expr'] === undefined) continue;
    const value = evaluate(tracer, constraint['raw_expr'], level);
    // Whether the rows pass a check is told at once.
    if (constraint['contype'] === 'CONSTR_CHECK') tracer.steer(value, 'where');
    else give(name, value);
  }
  if (column?.['raw_default'] !== undefined) give(name, evaluate(tracer, column['raw_default'], level));
  if (command['subtype'] === 'AT_SetExpression') give(name, evaluate(tracer, command['def'], level));
  if (command['subtype'] === 'AT_ClusterOn') sortRows(tracer, level);
}

/** An index may be over any column, and rows come back in the order in which they lie. */
function sortRows(tracer: Tracer, level: Level): void {
  const { columns, rest } = level.star();
  tracer.steer(combine([...columns.map(({ value }) => value), ...(rest === null ? [] : [rest])]), 'order');
}

const clusterStmt: Definer = (tracer, fields) => {
  // Without a name of an index, tables are sorted as they were before.
  if (fields['relation'] !== undefined && fields['indexname'] !== undefined) {
    overRelation(tracer, fields['relation'], (level) => sortRows(tracer, level));
  }
  return null;
};

/** The expressions of an index run over all rows, and the catalog tells how many satisfy its condition. */
const indexStmt: Definer = (tracer, fields) => {
  const computed = listOf(fields['indexParams']).map((item) => unwrap(item, 'IndexElem')?.['expr']);
  if (computed.every((expr) => expr === undefined) && fields['whereClause'] === undefined) return null;
  overRelation(tracer, fields['relation'], (level) => {
    for (const expr of computed) tracer.steer(evaluate(tracer, expr, level), 'where');
    tracer.steer(evaluate(tracer, fields['whereClause'], level), 'where');
  });
  return null;
};

/** A policy chooses the rows of everybody. */
const policy: Definer = (tracer, fields) => {
  overRelation(tracer, fields['table'], (level) => {
    for (const name of ['qual', 'with_check']) tracer.steer(evaluate(tracer, fields[name], level), 'where');
  });
  return null;
};

/** A check of a domain runs over all rows that have it. */
const alterDomain: Definer = (tracer, fields) => {
  if (fields['def'] !== undefined) tracer.unread('checks of a domain were not followed');
  return null;
};

const loaded: Definer = (tracer) => {
  tracer.unread('an extension or a library was not read');
  return null;
};

function keeping(what: string): Definer {
  return () => {
    throw new Unfollowable(what);
  };
}

export const definitionFollowers: readonly (readonly [string, Definer])[] = [
  ['AlterTableStmt', alterTable],
  ['CreateStmt', createTable],
  ['IndexStmt', indexStmt],
  ['ClusterStmt', clusterStmt],
  ['RenameStmt', renameStmt],
  ['AlterObjectSchemaStmt', alterObjectSchema],
  ['CreatePolicyStmt', policy],
  ['AlterPolicyStmt', policy],
  ['AlterDomainStmt', alterDomain],
  ['CreateExtensionStmt', loaded],
  ['AlterExtensionStmt', loaded],
  ['LoadStmt', loaded],
  ['CreateFunctionStmt', keeping('code that runs later')],
  ['CreateTrigStmt', keeping('code that runs later')],
  ['CreateEventTrigStmt', keeping('code that runs later')],
  ['RuleStmt', keeping('a rule that runs later')],
  ['CreatePLangStmt', keeping('code that runs later')],
  ['CreateForeignTableStmt', keeping('a table of another server')],
  ['CreateForeignServerStmt', keeping('another server')],
  ['AlterForeignServerStmt', keeping('another server')],
  ['ImportForeignSchemaStmt', keeping('tables of another server')],
  ['CreateSubscriptionStmt', keeping('another server')],
];
