/**
 * Queries: SELECT, VALUES, set operations, WITH. What their columns carry, what decides which rows they have, and what
 * steers them.
 *
 * Invariant: where the number or order of columns is not known, the shape is open and claims no position.
 */
import { lineageRoundsMax } from '../../limits.ts';
import type { Fields, Json } from '../parser.ts';
import { namesOf, textOf, unwrap } from '../walk.ts';
import { evaluate, expandRow, expandStar, useWindow } from './expression.ts';
import { enterFrom, rename } from './from.ts';
import { labelOf } from './labels.ts';
import { emptyShape, Level, type Shape, unknownShape } from './scope.ts';
import { listOf, type Tracer } from './tracer.ts';
import { combine, either, type NamedValue, nothing, unfollowed, untyped, type Value } from './value.ts';
import { writeShape } from './write.ts';

/** Any statement that can stand where a query can. */
export function queryShape(tracer: Tracer, node: Json | undefined, parent: Level): Shape {
  tracer.step();
  const select = unwrap(node, 'SelectStmt');
  return select !== null ? selectShape(tracer, select, parent) : writeShape(tracer, node, parent);
}

export function selectShape(tracer: Tracer, fields: Fields, parent: Level): Shape {
  tracer.step();
  const outer = enterWith(tracer, fields['withClause'], parent);
  if (fields['larg'] !== undefined) return setOperation(tracer, fields, outer);
  const level = new Level(outer);
  if (fields['valuesLists'] !== undefined) {
    const shape = valuesShape(tracer, fields, level);
    return { ...shape, rows: combine([shape.rows, finishRows(tracer, fields, level, shape)]) };
  }
  const rows = [enterFrom(tracer, fields['fromClause'], level, outer)];
  rows.push(
    steered(
      tracer,
      tracer.choose(() => evaluate(tracer, fields['whereClause'], level)),
      'where',
    ),
  );
  const shape = targetShape(tracer, fields['targetList'], level);
  for (const item of listOf(fields['groupClause'])) {
    rows.push(steered(tracer, groupItem(tracer, item, level, shape), 'group'));
  }
  rows.push(
    steered(
      tracer,
      tracer.choose(() => evaluate(tracer, fields['havingClause'], level)),
      'having',
    ),
  );
  for (const item of listOf(fields['windowClause'])) useWindow(tracer, unwrap(item, 'WindowDef') ?? {}, level);
  rows.push(distinct(tracer, fields['distinctClause'], level, shape));
  rows.push(finishRows(tracer, fields, level, shape));
  return { ...shape, rows: combine(rows) };
}

function steered(tracer: Tracer, value: Value, how: Parameters<Tracer['steer']>[1]): Value {
  tracer.steer(value, how);
  return value;
}

/** The result columns of a target list. */
export function targetShape(tracer: Tracer, list: Json | undefined, level: Level): Shape {
  const columns: NamedValue[] = [];
  const open: Value[] = [];
  for (const item of listOf(list)) {
    const target = unwrap(item, 'ResTarget') ?? {};
    const star = starIn(tracer, target['val'], level);
    if (star === null) columns.push({ name: labelOf(target), value: evaluate(tracer, target['val'], level) });
    else {
      columns.push(...star.columns);
      if (star.rest !== null) open.push(star.rest);
    }
  }
  return { columns, rest: open.length === 0 ? null : combine(open), rows: nothing };
}

/** `*`, `t.*` or `(x).*`. */
function starIn(tracer: Tracer, node: Json | undefined, level: Level): Pick<Shape, 'columns' | 'rest'> | null {
  const isStar = (list: Json | undefined): boolean => unwrap(listOf(list).at(-1), 'A_Star') !== null;
  const reference = unwrap(node, 'ColumnRef');
  if (reference !== null) return isStar(reference['fields']) ? expandStar(tracer, reference, level) : null;
  const row = unwrap(node, 'A_Indirection');
  return row !== null && isStar(row['indirection']) ? expandRow(tracer, row, level) : null;
}

function valuesShape(tracer: Tracer, fields: Fields, level: Level): Shape {
  const lists = listOf(fields['valuesLists']).map((list) =>
    targetShape(
      tracer,
      listOf(unwrap(list, 'List')?.['items']).map((val) => ({ ResTarget: { val } })),
      level,
    ),
  );
  const [first] = lists;
  if (first === undefined) return emptyShape;
  const numbered = rename(
    first,
    first.columns.map((_, at) => `column${at + 1}`),
  );
  return lists.slice(1).reduce(uniteShapes, numbered);
}

/** Position by position; open where they do not match. */
export function uniteShapes(a: Shape, b: Shape): Shape {
  const rows = combine([a.rows, b.rows]);
  if (a.rest === null && b.rest === null && a.columns.length === b.columns.length) {
    const columns = a.columns.map(({ name, value }, at) => ({ name, value: either(value, b.columns[at]!.value) }));
    return { columns, rest: null, rows };
  }
  const values = [...a.columns, ...b.columns].map((column) => column.value);
  const open = [a.rest, b.rest].filter((rest) => rest !== null);
  return { columns: [], rest: combine([...values, ...open, unfollowed('the columns do not match')]), rows };
}

function setOperation(tracer: Tracer, fields: Fields, outer: Level): Shape {
  const left = selectShape(tracer, fields['larg'] as Fields, outer);
  const right = selectShape(tracer, (fields['rarg'] ?? {}) as Fields, outer);
  const shape = uniteShapes(left, right);
  const rows = [shape.rows];
  if (fields['op'] !== 'SETOP_UNION' || fields['all'] !== true) {
    rows.push(steered(tracer, allOf(shape), 'set-operation'));
  }
  rows.push(finishRows(tracer, fields, new Level(outer), shape));
  return { ...shape, rows: combine(rows) };
}

/** What all columns together carry. */
export function allOf(shape: Shape): Value {
  const values = shape.columns.map((column) => column.value);
  return combine(shape.rest === null ? values : [...values, shape.rest]);
}

function distinct(tracer: Tracer, clause: Json | undefined, level: Level, shape: Shape): Value {
  if (clause === undefined) return nothing;
  const list = listOf(clause).filter((item) => item !== null && Object.keys(Object(item)).length > 0);
  const value =
    list.length === 0 ? allOf(shape) : combine(list.map((item) => outputOrInput(tracer, item, level, shape)));
  return steered(tracer, value, 'distinct');
}

/** ORDER BY and LIMIT. */
function finishRows(tracer: Tracer, fields: Fields, level: Level, shape: Shape): Value {
  const values: Value[] = [];
  for (const item of listOf(fields['sortClause'])) {
    const sort = unwrap(item, 'SortBy');
    const value =
      sort === null ? unfollowed('ORDER BY is not followed') : outputOrInput(tracer, sort['node'], level, shape);
    // An operator of the database's own may order.
    if (sort?.['useOp'] !== undefined) {
      values.push(steered(tracer, evaluate(tracer, { SortBy: { ...sort, node: {} } }, level), 'order'));
    }
    values.push(steered(tracer, value, 'order'));
  }
  for (const name of ['limitOffset', 'limitCount']) {
    values.push(steered(tracer, evaluate(tracer, fields[name], level), 'limit'));
  }
  return combine(values);
}

/** In ORDER BY and DISTINCT ON: the name or number of a result column comes first. */
function outputOrInput(tracer: Tracer, node: Json | undefined, level: Level, shape: Shape): Value {
  const numbered = numberedColumn(node, shape);
  if (numbered !== null) return numbered;
  const name = bareName(node);
  const found = name === null ? [] : shape.columns.filter((column) => column.name === name).map((one) => one.value);
  if (found.length > 0 && shape.rest === null) return combine(found);
  return combine([
    ...found,
    evaluate(tracer, node, level),
    ...(name !== null && shape.rest !== null ? [shape.rest] : []),
  ]);
}

function numberedColumn(node: Json | undefined, shape: Shape): Value | null {
  const constant = unwrap(node, 'A_Const')?.['ival'];
  if (constant === undefined) return null;
  const number = (constant as Fields)['ival'];
  const column = typeof number === 'number' && shape.rest === null ? shape.columns[number - 1] : undefined;
  return column?.value ?? combine([allOf(shape), untyped]);
}

function bareName(node: Json | undefined): string | null {
  const fields = unwrap(node, 'ColumnRef')?.['fields'];
  const names = namesOf(fields);
  return names.length === 1 && names[0] !== '' ? names[0]! : null;
}

/** In GROUP BY: an input column comes first, then the name or number of a result column. */
function groupItem(tracer: Tracer, node: Json, level: Level, shape: Shape): Value {
  const set = unwrap(node, 'GroupingSet');
  if (set !== null) {
    return combine(listOf(set['content']).map((item) => groupItem(tracer, item, level, shape)));
  }
  const row = unwrap(node, 'RowExpr');
  if (row !== null) return combine(listOf(row['args']).map((item) => groupItem(tracer, item, level, shape)));
  const name = bareName(node);
  if (name === null) return numberedColumn(node, shape) ?? evaluate(tracer, node, level);
  const input = level.localColumn(name);
  if (input !== null && !input.isOpen) return input.value;
  return outputOrInput(tracer, node, level, shape);
}

/** Brings the common table expressions into scope and follows each, since those that write do so unasked. */
export function enterWith(tracer: Tracer, clause: Json | undefined, parent: Level): Level {
  if (clause === undefined || clause === null || typeof clause !== 'object') return parent;
  const fields = clause as Fields;
  const list = listOf(fields['ctes']).map((item) => unwrap(item, 'CommonTableExpr') ?? {});
  if (fields['recursive'] === true) {
    const level = new Level(parent);
    for (const cte of list) level.ctes.set(textOf(cte['ctename']), recursiveCte(tracer, cte, level));
    for (const cte of list) level.ctes.get(textOf(cte['ctename']))!();
    return level;
  }
  // Each sees those before it.
  let level = parent;
  for (const cte of list) {
    const shape = rename(queryShape(tracer, cte['ctequery'], level), namesOf(cte['aliascolnames']));
    level = new Level(level);
    level.ctes.set(textOf(cte['ctename']), () => shape);
  }
  return level;
}

/** Followed when first referred to: with RECURSIVE, a CTE may refer to later ones. */
function recursiveCte(tracer: Tracer, cte: Fields, level: Level): () => Shape {
  let done: Shape | null = null;
  /** What is known of it while it is being followed. */
  let estimate: Shape | null = null;
  let isRunning = false;
  let isRecursive = false;
  return () => {
    if (done !== null) return done;
    if (isRunning) {
      isRecursive = true;
      return estimate ?? unknownShape(`${textOf(cte['ctename'])} refers to itself`);
    }
    isRunning = true;
    const names = namesOf(cte['aliascolnames']);
    const select = unwrap(cte['ctequery'], 'SelectStmt');
    if (select?.['larg'] !== undefined) {
      const inner = enterWith(tracer, select['withClause'], level);
      estimate = rename(selectShape(tracer, select['larg'] as Fields, inner), names);
      isRecursive = false;
    }
    let shape = rename(queryShape(tracer, cte['ctequery'], level), names);
    for (let round = 0; isRecursive; round++) {
      const next: Shape = estimate === null ? shape : uniteShapes(estimate, shape);
      if (next.rest !== null || round >= lineageRoundsMax) {
        shape = unknownShape(`what ${textOf(cte['ctename'])} carries could not be told`);
        break;
      }
      if (estimate !== null && isSameShape(estimate, next)) {
        shape = next;
        break;
      }
      estimate = next;
      shape = rename(queryShape(tracer, cte['ctequery'], level), names);
    }
    done = withMarks(tracer, cte, shape);
    return done;
  };
}

function isSameShape(a: Shape, b: Shape): boolean {
  const isSame = (x: Value, y: Value): boolean =>
    x.origins.size === y.origins.size &&
    x.direct === y.direct &&
    x.isPlain === y.isPlain &&
    x.isArray === y.isArray &&
    x.acts.size === y.acts.size &&
    x.gap?.kind === y.gap?.kind;
  return isSame(a.rows, b.rows) && a.columns.every((column, at) => isSame(column.value, b.columns[at]!.value));
}

/** The columns that SEARCH and CYCLE add. */
function withMarks(tracer: Tracer, cte: Fields, shape: Shape): Shape {
  const search = cte['search_clause'] as Fields | undefined;
  const cycle = cte['cycle_clause'] as Fields | undefined;
  if (search === undefined && cycle === undefined) return shape;
  const columns = [...shape.columns];
  const carried = (list: Json | undefined): Value =>
    combine(
      namesOf(list).map((name) => shape.columns.find((column) => column.name === name)?.value ?? shape.rest ?? untyped),
    );
  if (search !== undefined) {
    const value = { ...carried(search['search_col_list']), isPlain: false };
    columns.push({ name: textOf(search['search_seq_column']), value });
  }
  if (cycle !== undefined) {
    const value = { ...carried(cycle['cycle_col_list']), isPlain: false };
    tracer.steer(value, 'distinct');
    columns.push({ name: textOf(cycle['cycle_mark_column']), value });
    columns.push({ name: textOf(cycle['cycle_path_column']), value });
  }
  return { ...shape, columns };
}
