/**
 * What expressions carry, from their parse trees.
 *
 * Invariants: an expression carries what all its parts carry, conditions of CASE included. A node that is not listed here
 * makes the value unfollowed. What a subquery returns is steered by which rows it has, so it carries that too.
 */
import { isReachable } from '../catalog.ts';
import { syntaxFunctions } from '../functions.ts';
import { type FieldKind, grammar } from '../grammar.ts';
import type { Fields, Json } from '../parser.ts';
import { temporaryType } from '../temporary.ts';
import { namesOf, textOf, unwrap } from '../walk.ts';
import { callFunction, useCallee } from './calls.ts';
import { findFunction, findOperator } from './functions.ts';
import { columnIn, type Level, type Range, type Shape, starOf, wholeRow } from './scope.ts';
import { queryShape } from './select.ts';
import { listOf, type Tracer } from './tracer.ts';
import { acting, combine, computed, type NamedValue, nothing, unfollowed, untyped, type Value } from './value.ts';

type Evaluator = (tracer: Tracer, fields: Fields, level: Level) => Value;

/** A wrapped node, or a list of them. */
export function evaluate(tracer: Tracer, node: Json | undefined, level: Level): Value {
  if (node === undefined || node === null) return nothing;
  if (Array.isArray(node)) return combine((node as readonly Json[]).map((item) => evaluate(tracer, item, level)));
  if (typeof node !== 'object') return unfollowed('a part of the statement is not known');
  for (const [type, fields] of Object.entries(node)) return evaluateNode(tracer, type, fields, level);
  return nothing;
}

/** A node without its wrapper. */
export function evaluateNode(tracer: Tracer, type: string, fields: Json | undefined, level: Level): Value {
  tracer.step();
  const evaluator = evaluators.get(type);
  if (evaluator === undefined || typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return unfollowed(`${type} is not followed`);
  }
  const value = evaluator(tracer, fields as Fields, level);
  // An older server takes for a function of the database what is syntax now.
  const names = syntaxFunctions[type]?.filter((name) => tracer.context.catalog?.userFunctions.has(name)) ?? [];
  return names.reduce((given, name) => useCallee(tracer, findFunction(tracer, [name]), given), value);
}

/** What all fields of a node carry, except those that the caller has dealt with. */
export function evaluateParts(
  tracer: Tracer,
  type: string,
  fields: Fields,
  level: Level,
  ...done: readonly string[]
): Value {
  const kinds = grammar.get(type)!;
  const values: Value[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (done.includes(name)) continue;
    const kind: FieldKind | undefined = kinds.get(name);
    if (kind === undefined) values.push(unfollowed(`${type}.${name} is not followed`));
    else if (kind === 'nodes') values.push(evaluate(tracer, value, level));
    else if (kind !== 'value') values.push(evaluateNode(tracer, kind, value, level));
  }
  return combine(values);
}

/** Nodes that pass on what their parts carry. `isPlain` says that the result is a value of a built-in type. */
function passing(type: string, isPlain: boolean, ...done: readonly string[]): readonly [string, Evaluator] {
  return [
    type,
    (tracer, fields, level) => {
      const value = evaluateParts(tracer, type, fields, level, ...done);
      return isPlain ? computed(value, true) : value;
    },
  ];
}

/** Several levels of names, `*` aside: the column, field or row that a ColumnRef means. */
const columnRef: Evaluator = (tracer, fields, level) => {
  const parts = listOf(fields['fields']);
  const names = namesOf(parts);
  const name = names.at(-1) ?? '';
  if (unwrap(parts.at(-1), 'A_Star') !== null) return starValue(tracer, fields, level);
  if (names.length === 1) {
    const column = level.column(name);
    if (column !== null) return column;
    const ranges = level.named(name);
    return ranges.length === 0 ? unfollowed(`column ${name} was not found`) : combineRows(ranges);
  }
  const ranges = level.named(names.at(-2)!, names.length > 2 ? names.at(-3)! : null);
  if (ranges.length === 0) return unfollowed(`${names.at(-2)} was not found`);
  const values = ranges.map(
    (range) => columnIn(range, name) ?? range.rest ?? attributeOf(tracer, name, wholeRow(range)),
  );
  return values.length === 1 ? values[0]! : combine(values);
};

function combineRows(ranges: readonly Range[]): Value {
  return ranges.length === 1 ? wholeRow(ranges[0]!) : combine(ranges.map(wholeRow));
}

/** `row.name` where the row has no such column: a function of that name. */
function attributeOf(tracer: Tracer, name: string, row: Value): Value {
  const callee = findFunction(tracer, [name]);
  return callee.isMissing ? unfollowed(`column ${name} was not found`) : useCallee(tracer, callee, row);
}

/** `t.*` as one value: the row. */
function starValue(tracer: Tracer, fields: Fields, level: Level): Value {
  const { columns, rest } = expandStar(tracer, fields, level);
  const values = columns.map((column) => column.value);
  const all = combine(rest === null ? values : [...values, rest]);
  return { ...all, isPlain: false, fields: rest === null ? columns : null };
}

/** The columns that `*` or `t.*` stands for. */
export function expandStar(
  tracer: Tracer,
  fields: Fields,
  level: Level,
): { readonly columns: readonly NamedValue[]; readonly rest: Value | null } {
  const names = namesOf(fields['fields']);
  if (names.length === 1) return counted(tracer, level.star());
  const ranges = level.named(names.at(-2)!, names.length > 2 ? names.at(-3)! : null);
  if (ranges.length !== 1) return { columns: [], rest: unfollowed(`${names.at(-2)}.* was not found`) };
  return counted(tracer, starOf(ranges));
}

function counted<Star extends { readonly columns: readonly NamedValue[] }>(tracer: Tracer, star: Star): Star {
  tracer.step(star.columns.length);
  return star;
}

/** The columns that `(expression).*` stands for; open where its type is not known. */
export function expandRow(tracer: Tracer, fields: Fields, level: Level): Pick<Shape, 'columns' | 'rest'> {
  const list = listOf(fields['indirection']);
  const value = indirection(tracer, { ...fields, indirection: list.slice(0, -1) }, level);
  if (value.fields !== null) return { columns: value.fields, rest: null };
  return { columns: [], rest: unfollowed('the columns of a composite value are not known') };
}

const indirection: Evaluator = (tracer, fields, level) => {
  let value = evaluate(tracer, fields['arg'], level);
  for (const step of listOf(fields['indirection'])) {
    const name = unwrap(step, 'String');
    const indices = unwrap(step, 'A_Indices');
    if (name !== null) value = fieldOf(tracer, value, textOf(name['sval']));
    else if (indices !== null) {
      const at = combine([evaluate(tracer, indices['lidx'], level), evaluate(tracer, indices['uidx'], level)]);
      value = { ...combine([value, at]), isPlain: value.isPlain };
    } else value = computed(value, false);
  }
  return value;
};

function fieldOf(tracer: Tracer, row: Value, name: string): Value {
  const found = row.fields?.filter((field) => field.name === name).map((field) => field.value) ?? [];
  if (found.length === 1) return found[0]!;
  if (found.length > 1) return combine(found);
  // A field of a composite value, or a function of that name: the field comes first where there is one.
  const callee = findFunction(tracer, [name]);
  if (callee.isMissing) return row.fields === null ? computed(row, false) : unfollowed(`column ${name} was not found`);
  return useCallee(tracer, callee, computed(row, false));
}

const typeCast: Evaluator = (tracer, fields, level) => {
  const value = evaluate(tracer, fields['arg'], level);
  const type = (fields['typeName'] ?? {}) as Fields;
  const converted = useType(tracer, type);
  const names = namesOf(type['names']);
  const isText =
    ['text', 'varchar'].includes(names.at(-1) ?? '') &&
    type['typmods'] === undefined &&
    type['arrayBounds'] === undefined &&
    converted.isPlain &&
    converted.gap === null;
  if (isText && value.direct) return { ...value, isPlain: true, isArray: false };
  const isArray = converted.isPlain && type['arrayBounds'] !== undefined;
  return { ...combine([value, converted]), isPlain: converted.isPlain, isArray };
};

/** What conversion to a type may add: nothing, or what unread code gives. */
export function useType(tracer: Tracer, type: Fields): Value {
  const { catalog, searchPath } = tracer.context;
  const names = namesOf(type['names']);
  const name = names.at(-1) ?? '';
  const schema = names.length > 1 ? names.at(-2)! : null;
  const isSystem = schema === 'pg_catalog';
  if (catalog === null) return isSystem ? nothing : untyped;
  const users = (catalog.userTypes.get(name) ?? []).filter((one) => isReachable(one.schema, schema, searchPath));
  const isRow = name === 'record' || (catalog.named.get(name) ?? []).length > 0;
  // A temporary table makes a type of its name, which comes before the built-in one.
  const mayBeTemporary = temporaryType(tracer.context, schema, name);
  if (mayBeTemporary === 'certain') {
    tracer.unread(`type ${name} was not read`);
    return unfollowed(`type ${name} was not read`, 'code');
  }
  if (users.length === 0 && catalog.builtInTypes.has(name))
    return mayBeTemporary === 'perhaps' || isRow ? untyped : nothing;
  if (users.length > 0 && users.every((one) => one.kind === 'enum')) return nothing;
  if (users.some((one) => one.kind === 'domain')) tracer.unread(`type ${name} was not read`);
  return catalog.hasUnreadCasts ? unfollowed(`casts to type ${name} were not read`, 'code') : untyped;
}

/** Operators behind kinds of expression whose name is no operator. */
const implied: Readonly<Record<string, readonly string[]>> = {
  AEXPR_BETWEEN: ['>=', '<='],
  AEXPR_NOT_BETWEEN: ['<', '>'],
  AEXPR_BETWEEN_SYM: ['>=', '<='],
  AEXPR_NOT_BETWEEN_SYM: ['<', '>'],
};

/** Kinds of expression that are tests one after the other, of which some may never be made. */
const stepwise: ReadonlySet<string> = new Set([
  ...Object.keys(implied),
  'AEXPR_IN',
  'AEXPR_DISTINCT',
  'AEXPR_NOT_DISTINCT',
]);

const aExpr: Evaluator = (tracer, fields, level) => {
  let value = evaluateParts(tracer, 'A_Expr', fields, level, 'name');
  // Rows are compared column by column.
  const isStepwise = [fields['lexpr'], fields['rexpr']].some((side) => unwrap(side, 'RowExpr') !== null);
  if (isStepwise || stepwise.has(textOf(fields['kind']))) tracer.decide([value], value);
  const names = implied[textOf(fields['kind'])]?.map((name) => [name]) ?? [namesOf(fields['name'])];
  for (const name of names) value = useCallee(tracer, findOperator(tracer, name), value);
  return value;
};

/** What compares by an operator that syntax implies. */
export function compare(tracer: Tracer, value: Value): Value {
  return useCallee(tracer, findOperator(tracer, ['=']), value);
}

/** Parts that are evaluated only as far as it takes, in whatever order: each decides about the others. */
function deciding(type: string, isPlain: boolean): readonly [string, Evaluator] {
  return [
    type,
    (tracer, fields, level) => {
      const parts = listOf(fields['args']).map((arg) => evaluate(tracer, arg, level));
      for (const [at, part] of parts.entries()) {
        if (part.acts.size > 0) tracer.decide(parts.toSpliced(at, 1), part);
      }
      const value = combine([...parts, evaluateParts(tracer, type, fields, level, 'args')]);
      return isPlain ? computed(value, true) : value;
    },
  ];
}

/** Each condition decides whether those after it, and the results, are evaluated. */
const caseExpr: Evaluator = (tracer, fields, level) => {
  const conditions = [evaluate(tracer, fields['arg'], level)];
  const results: Value[] = [];
  const reach = (node: Json | undefined, into: Value[]): void => {
    const value = evaluate(tracer, node, level);
    tracer.decide(conditions, value);
    into.push(value);
  };
  for (const item of listOf(fields['args'])) {
    const when = unwrap(item, 'CaseWhen');
    if (when === null) results.push(unfollowed('a part of CASE is not known'));
    reach(when?.['expr'], conditions);
    reach(when?.['result'], results);
  }
  reach(fields['defresult'], results);
  const value = combine([...conditions, ...results]);
  return fields['arg'] === undefined ? value : compare(tracer, value);
};

/** What a query in place of a value carries: its columns, and which rows it has. */
export function carriedBy(shape: Shape): Value {
  const values = shape.columns.map((column) => column.value);
  const all = combine(shape.rest === null ? [...values, shape.rows] : [...values, shape.rest, shape.rows]);
  const [only] = values;
  const isDirect =
    values.length === 1 &&
    only!.direct &&
    shape.rest === null &&
    all.gap === null &&
    all.origins.size === only!.origins.size;
  return { ...all, direct: isDirect };
}

const subLink: Evaluator = (tracer, fields, level) => {
  const isQuery = readsRows(fields['subselect']);
  const value = subLinkValue(tracer, fields, level);
  // How long a query takes is up to who writes it.
  return isQuery ? acting(value, 'a subquery') : value;
};

/** Not merely `(SELECT expression)`. */
function readsRows(node: Json | undefined): boolean {
  const select = unwrap(node, 'SelectStmt');
  return select === null || ['fromClause', 'withClause', 'larg'].some((name) => select[name] !== undefined);
}

const subLinkValue: Evaluator = (tracer, fields, level) => {
  const shape = queryShape(tracer, fields['subselect'], level);
  const kind = textOf(fields['subLinkType']);
  if (kind === 'EXISTS_SUBLINK') {
    // Columns do not matter, unless something that yields rows is computed in them.
    const made = shape.columns.filter(({ value }) => !value.direct && value.fields === null).map(({ value }) => value);
    return computed(combine([shape.rows, ...made]), true);
  }
  const carried = carriedBy(shape);
  if (kind === 'EXPR_SUBLINK') return carried;
  if (kind === 'ARRAY_SUBLINK') return { ...computed(carried), isArray: carried.isPlain };
  const operator = namesOf(fields['operName']);
  const both = combine([evaluate(tracer, fields['testexpr'], level), carried]);
  // It ends at the first row that settles it.
  tracer.decide([both], both);
  const value = useCallee(tracer, findOperator(tracer, operator.length > 0 ? operator : ['=']), both);
  return computed(value, kind === 'ANY_SUBLINK' || kind === 'ALL_SUBLINK');
};

const rowExpr: Evaluator = (tracer, fields, level) => {
  const values: Value[] = [];
  let isKnown = true;
  for (const item of listOf(fields['args'])) {
    const reference = unwrap(item, 'ColumnRef');
    const isStar = reference !== null && unwrap(listOf(reference['fields']).at(-1), 'A_Star') !== null;
    if (!isStar) values.push(evaluate(tracer, item, level));
    else {
      const { columns, rest } = expandStar(tracer, reference, level);
      values.push(...columns.map((column) => column.value));
      if (rest !== null) {
        isKnown = false;
        values.push(rest);
      }
    }
  }
  const named = values.map((value, at) => ({ name: `f${at + 1}`, value }));
  return { ...combine(values), isPlain: false, fields: isKnown ? named : null };
};

const arrayExpr: Evaluator = (tracer, fields, level) => {
  const value = evaluateParts(tracer, 'A_ArrayExpr', fields, level);
  return { ...value, isArray: value.isPlain };
};

const paramRef: Evaluator = (tracer, fields) => {
  const number = fields['number'];
  return (typeof number === 'number' ? tracer.parameters[number - 1] : undefined) ?? untyped;
};

/** JSON_OBJECTAGG and JSON_ARRAYAGG. */
const jsonAggregate: Evaluator = (tracer, fields, level) => {
  const value = evaluateParts(tracer, 'JsonAggConstructor', fields, level, 'agg_order', 'over', 'agg_filter');
  tracer.steer(evaluate(tracer, fields['agg_order'], level), 'order');
  const filter = tracer.choose(() => evaluate(tracer, fields['agg_filter'], level));
  tracer.steer(filter, 'where');
  if (fields['over'] !== undefined) useWindow(tracer, fields['over'] as Fields, level);
  return combine([value, filter]);
};

/** OVER (…) and WINDOW: what orders and divides the rows. */
export function useWindow(tracer: Tracer, fields: Fields, level: Level): void {
  for (const name of ['partitionClause', 'orderClause', 'startOffset', 'endOffset']) {
    tracer.steer(evaluate(tracer, fields[name], level), 'window');
  }
}

const sortBy: Evaluator = (tracer, fields, level) => {
  const value = evaluate(tracer, fields['node'], level);
  const operator = namesOf(fields['useOp']);
  return operator.length === 0 ? value : useCallee(tracer, findOperator(tracer, operator), value);
};

const evaluators: ReadonlyMap<string, Evaluator> = new Map<string, Evaluator>([
  ['ColumnRef', columnRef],
  ['A_Const', () => nothing],
  ['ParamRef', paramRef],
  ['TypeCast', typeCast],
  ['TypeName', (tracer, fields) => useType(tracer, fields)],
  ['A_Expr', aExpr],
  ['A_Indirection', indirection],
  ['CaseExpr', caseExpr],
  ['SubLink', subLink],
  ['FuncCall', callFunction],
  ['RowExpr', rowExpr],
  ['A_ArrayExpr', arrayExpr],
  ['SortBy', sortBy],
  ['SQLValueFunction', () => nothing],
  ['SetToDefault', () => nothing],
  ['MergeSupportFunc', () => nothing],
  // Which of the grouping columns a row is for: it carries none of them.
  ['GroupingFunc', () => nothing],
  ['CurrentOfExpr', () => nothing],
  ['JsonFormat', () => nothing],
  ['JsonAggConstructor', jsonAggregate],
  deciding('BoolExpr', true),
  passing('NullTest', true),
  passing('BooleanTest', true),
  deciding('CoalesceExpr', false),
  passing('MinMaxExpr', false),
  passing('CollateClause', false, 'collname'),
  passing('NamedArgExpr', false),
  passing('ResTarget', false),
  passing('List', false),
  passing('XmlExpr', true),
  passing('XmlSerialize', true),
  passing('JsonObjectConstructor', true),
  passing('JsonArrayConstructor', true),
  passing('JsonObjectAgg', true),
  passing('JsonArrayAgg', true),
  [
    'JsonFuncExpr',
    (tracer, fields, level) => {
      const value = evaluateParts(tracer, 'JsonFuncExpr', fields, level, 'on_empty', 'on_error');
      const otherwise = ['on_empty', 'on_error'].map((on) =>
        fields[on] === undefined ? nothing : evaluate(tracer, { JsonBehavior: fields[on] }, level),
      );
      tracer.decide([value], combine(otherwise));
      return combine([value, ...otherwise]);
    },
  ],
  passing('JsonIsPredicate', true),
  passing('JsonParseExpr', true),
  passing('JsonScalarExpr', true),
  passing('JsonSerializeExpr', true),
  passing('JsonValueExpr', false),
  passing('JsonKeyValue', false),
  passing('JsonArgument', false),
  passing('JsonBehavior', false),
  passing('JsonOutput', false),
  passing('JsonReturning', true),
  [
    'JsonArrayQueryConstructor',
    (tracer, fields, level) =>
      combine([
        computed(carriedBy(queryShape(tracer, fields['query'], level)), true),
        evaluateParts(tracer, 'JsonArrayQueryConstructor', fields, level, 'query'),
      ]),
  ],
]);
