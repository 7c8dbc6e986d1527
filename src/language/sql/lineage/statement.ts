/**
 * The lineage of one statement: which columns come back and what they carry, what steers them, and what flows elsewhere.
 * Masks rest on it.
 *
 * Invariants:
 * - Never throws. What cannot be followed is `unresolved`: for one column, or for the whole statement.
 * - A statement that is not listed here is unresolved.
 * - Of EXPLAIN without ANALYZE nothing flows, since nothing runs.
 *
 * Deliberately absent: what functions, triggers, rules and policies do; what errors and notices say; which rows a value
 * was in (`steering` names the columns that decided).
 */
import type { ResultColumn, StatementLineage } from '../../../core/sql.ts';
import type { StatementKind } from '../../../core/sql-effects.ts';
import { sqlExpansionDepthMax } from '../../limits.ts';
import type { Collector } from '../collector.ts';
import { type AnalysisContext, type PreparedText, resolvedBefore } from '../context.ts';
import type { Fields, Json } from '../parser.ts';
import { parseText } from '../text.ts';
import { namesOf, textOf, unwrap } from '../walk.ts';
import { definitionFollowers } from './definition.ts';
import { evaluate } from './expression.ts';
import { useRelation } from './relations.ts';
import { columnIn, Level, type Shape, unknownShape } from './scope.ts';
import { queryShape } from './select.ts';
import { listOf, Tracer, Unfollowable } from './tracer.ts';
import { type Gap, type NamedValue, nothing, unfollowed, type Value } from './value.ts';
import { giveNew, overRelation } from './write.ts';

/** What was not followed at all. */
function unresolved(reason: string): StatementLineage {
  return Object.freeze({ columns: null, steering: [], flows: [], unread: null, unresolved: reason });
}

/** The lineage of a statement, after `out` has gathered what it does. */
export function followLineage(node: Json, context: AnalysisContext, out: Collector): StatementLineage {
  if (out.isMisread) return unresolved('the statement was not understood');
  const tracer = new Tracer(context, out.touchesUserTypes, 0);
  try {
    if (context.catalog?.hasUserCasts === true) tracer.unread('casts of the database were not read');
    const shape = resultOf(tracer, node, out.kind ?? 'unknown');
    return tracer.finish(...describe(shape));
  } catch (error) {
    if (error instanceof Unfollowable) return unresolved(error.message);
    // The stack ended, or there is a mistake here: either way nothing is known.
    return unresolved(
      error instanceof RangeError ? 'the statement nests too deeply' : 'the statement was not followed',
    );
  }
}

function describe(shape: Shape | null): [columns: readonly ResultColumn[] | null, gap: Gap | null] {
  if (shape === null) return [null, null];
  // Without knowing how many there are, no position can be told.
  if (shape.rest !== null) {
    return [[], { reason: shape.rest.gap?.reason ?? 'the number of columns is not known', kind: 'names' }];
  }
  const columns = shape.columns.map(({ name, value }) => ({
    name,
    origins: [...value.origins],
    direct: value.direct && value.gap === null && value.origins.size > 0,
    unresolved: value.gap?.reason ?? null,
  }));
  return [columns, null];
}

/** What comes back; null for nothing. */
type Follower = (tracer: Tracer, fields: Fields) => Shape | null;

function resultOf(tracer: Tracer, node: Json, kind: StatementKind): Shape | null {
  for (const [type, fields] of Object.entries(Object(node) as Fields)) {
    const follower = followers.get(type);
    if (follower !== undefined) return follower(tracer, (fields ?? {}) as Fields);
    if (quiet.has(kind)) return null;
    throw new Unfollowable(`${type} is not followed`);
  }
  throw new Unfollowable('the statement is not known');
}

/** Kinds of statement that give no rows and take no values from rows, apart from those with a follower. */
const quiet: ReadonlySet<StatementKind> = new Set([
  'create',
  'alter',
  'drop',
  'truncate',
  'comment',
  'grant',
  'revoke',
  'refresh',
  'set',
  'reset',
  'discard',
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'rollback-to',
  'prepare-transaction',
  'commit-prepared',
  'rollback-prepared',
  'lock',
  'constraints',
  'deallocate',
  'close-cursor',
  'listen',
  'unlisten',
  'notify',
  'vacuum',
  'analyse',
  'cluster',
  'reindex',
  'checkpoint',
] as const);

const selectStmt: Follower = (tracer, fields) => {
  const shape = queryShape(tracer, { SelectStmt: fields }, new Level(null));
  // In a set operation, INTO stands in the first arm.
  let first = fields;
  while (first['larg'] !== undefined) first = first['larg'] as Fields;
  const into = (first['intoClause'] ?? fields['intoClause']) as Fields | undefined;
  if (into === undefined) return shape;
  giveNew(tracer, into, shape);
  return null;
};

/** Statements with RETURNING. */
function writing(type: string): readonly [string, Follower] {
  return [
    type,
    (tracer, fields) => {
      const shape = queryShape(tracer, { [type]: fields }, new Level(null));
      return fields['returningClause'] === undefined ? null : shape;
    },
  ];
}

const copyStmt: Follower = (tracer, fields) => {
  if (fields['is_from'] === true) {
    // The server's files hold its tables too, and a program may ask it for them (A-PG-18).
    if (fields['filename'] !== undefined || fields['is_program'] === true) {
      throw new Unfollowable('a file or program of the server');
    }
    // The condition is about rows that come in; what it calls may do anything all the same.
    overRelation(tracer, fields['relation'], (level) => void evaluate(tracer, fields['whereClause'], level));
    return null;
  }
  const shape =
    fields['query'] === undefined
      ? copiedColumns(tracer, fields)
      : queryShape(tracer, fields['query'], new Level(null));
  const filename = fields['filename'];
  if (filename === undefined && fields['is_program'] !== true) return shape;
  const target = fields['is_program'] === true ? 'program' : textOf(filename);
  for (const column of shape.columns) tracer.flow(column.value, 'file', target);
  if (shape.rest !== null) tracer.flow(shape.rest, 'file', target);
  return null;
};

/** COPY table: without a list, all but generated columns; never the rows of children. */
function copiedColumns(tracer: Tracer, fields: Fields): Shape {
  const name = (fields['relation'] ?? {}) as Fields;
  const schema = typeof name['schemaname'] === 'string' ? name['schemaname'] : null;
  const { shape, facts } = useRelation(tracer, schema, textOf(name['relname']), false);
  if (facts === null) return shape;
  const listed = fields['attlist'] === undefined ? null : namesOf(fields['attlist']);
  const names = listed ?? facts.columns.filter((column) => column.generation === null).map((column) => column.name);
  const range = { columns: shape.columns, system: null };
  const columns = names.map((column): NamedValue => {
    const value = columnIn(range, column);
    return { name: column, value: value ?? unfollowed(`column ${column} was not found`) };
  });
  return { ...shape, columns };
}

/** Follows a statement apart, so that some of what was found can be left out. */
function apart(tracer: Tracer, node: Json, kind: StatementKind, depth = tracer.depth): [Tracer, Shape | null] {
  const inner = new Tracer(tracer.context, tracer.touchesUserTypes, depth);
  return [inner, resultOf(inner, node, kind)];
}

const explainStmt: Follower = (tracer, fields) => {
  const [inner] = apart(tracer, fields['query'] ?? null, 'unknown');
  const runs = listOf(fields['options']).some((item) => unwrap(item, 'DefElem')?.['defname'] === 'analyze');
  const { findings } = inner;
  tracer.include(runs ? findings : { ...findings, flows: [] });
  // A plan shows the statement's own constants. What unread code gave may have been folded into one.
  const reason = findings.gap?.reason ?? findings.unread;
  const value = reason === null ? nothing : unfollowed(reason);
  return { columns: [{ name: 'QUERY PLAN', value }], rest: null, rows: nothing };
};

const executeStmt: Follower = (tracer, fields) => {
  const level = new Level(null);
  const parameters = listOf(fields['params']).map((param) => evaluate(tracer, param, level));
  const name = textOf(fields['name']);
  const prepared = tracer.context.prepared.get(name);
  if (prepared === undefined) throw new Unfollowable(`prepared statement ${name} is not known`);
  return resultOfText(tracer, prepared, 'PrepareStmt', resolvedBefore(tracer.context), parameters);
};

const fetchStmt: Follower = (tracer, fields) => {
  const name = textOf(fields['portalname']);
  const cursor = tracer.context.cursors.get(name);
  if (cursor === undefined) throw new Unfollowable(`cursor ${name} is not known`);
  const shape = resultOfText(tracer, cursor, 'DeclareCursorStmt', cursor.context, []);
  return fields['ismove'] === true ? null : shape;
};

/** What a text gives that was prepared or declared before. */
function resultOfText(
  tracer: Tracer,
  prepared: PreparedText,
  wrapper: string,
  context: AnalysisContext,
  parameters: readonly Value[],
): Shape | null {
  if (tracer.depth >= sqlExpansionDepthMax) throw new Unfollowable('prepared statements nest too deeply');
  const outcome = parseText(prepared.text, prepared.standardConformingStrings);
  if (outcome.status !== 'parsed' || outcome.statements.length !== 1) throw new Unfollowable('the text is not known');
  const { node } = outcome.statements[0]!;
  const inner = new Tracer(context, tracer.touchesUserTypes, tracer.depth + 1);
  inner.parameters = parameters;
  const shape = resultOf(inner, unwrap(node, wrapper)?.['query'] ?? node, 'unknown');
  tracer.include(inner.findings);
  return shape;
}

/** Announces what a later EXECUTE or FETCH will do, and gives no rows itself. */
const later: Follower = (tracer, fields) => {
  resultOf(tracer, fields['query'] ?? null, 'unknown');
  return null;
};

const createTableAs: Follower = (tracer, fields) => {
  const [inner, shape] = apart(tracer, fields['query'] ?? null, 'unknown');
  tracer.include(inner.findings);
  giveNew(tracer, (fields['into'] ?? {}) as Fields, shape ?? unknownShape('the query gives no rows'));
  return null;
};

const showStmt: Follower = (_tracer, fields) => {
  // The server spells the name of a setting in its own way.
  const names = textOf(fields['name']).toLowerCase() === 'all' ? ['name', 'setting', 'description'] : [''];
  return { columns: names.map((one) => ({ name: one, value: nothing })), rest: null, rows: nothing };
};

function unfollowable(reason: string): Follower {
  return () => {
    throw new Unfollowable(reason);
  };
}

const followers: ReadonlyMap<string, Follower> = new Map<string, Follower>([
  ['SelectStmt', selectStmt],
  writing('InsertStmt'),
  writing('UpdateStmt'),
  writing('DeleteStmt'),
  writing('MergeStmt'),
  ['CopyStmt', copyStmt],
  ['ExplainStmt', explainStmt],
  ['ExecuteStmt', executeStmt],
  ['FetchStmt', fetchStmt],
  ['PrepareStmt', later],
  ['DeclareCursorStmt', later],
  ['CreateTableAsStmt', createTableAs],
  ['VariableShowStmt', showStmt],
  ['CallStmt', unfollowable('a procedure is called')],
  ['DoStmt', unfollowable('a block of code runs')],
  ...definitionFollowers,
]);
