/**
 * Items of FROM: what each brings into scope, and in which order its columns stand. Follows `parse_clause.c`:
 * a join without an alias leaves its arms visible by name, while its own columns, with those of USING merged and put
 * first, are what `*` and bare names find.
 */
import type { Fields, Json } from '../parser.ts';
import { namesOf, textOf, unwrap } from '../walk.ts';
import { compare, evaluate } from './expression.ts';
import { findFunction } from './functions.ts';
import { labelOf } from './labels.ts';
import { rangeOf, useRelation } from './relations.ts';
import { columnIn, Level, plainRange, type Range, type Shape } from './scope.ts';
import { queryShape } from './select.ts';
import { listOf, type Tracer } from './tracer.ts';
import { combine, computed, either, type NamedValue, nothing, unfollowed, type Value } from './value.ts';

export interface Item {
  /** Its columns in order, under its own name if it has one. */
  readonly self: Range;
  /** What it makes visible. */
  readonly ranges: readonly Range[];
  /** What decides which rows it has. */
  readonly rows: Value;
}

/** `level` has what stands before it, for LATERAL; `outer` is what other subqueries see. */
export function fromItem(tracer: Tracer, node: Json, level: Level, outer: Level): Item {
  tracer.step();
  for (const [type, fields] of Object.entries(Object(node) as Fields)) {
    const reader = readers.get(type);
    if (reader === undefined) break;
    return reader(tracer, fields as Fields, level, outer);
  }
  const [type = 'an item of FROM'] = Object.keys(Object(node));
  return single({ ...plainRange, alias: null, columns: [], rest: unfollowed(`${type} is not followed`) }, nothing);
}

type Reader = (tracer: Tracer, fields: Fields, level: Level, outer: Level) => Item;

function single(self: Range, rows: Value): Item {
  return { self, ranges: [self], rows };
}

export function aliasOf(fields: Fields): { readonly name: string | null; readonly columns: readonly string[] } {
  const alias = fields['alias'] as Fields | undefined;
  const name = alias?.['aliasname'];
  return { name: typeof name === 'string' ? name : null, columns: namesOf(alias?.['colnames']) };
}

/** Renames the first columns. Where there may be unknown ones between them, no name is certain any more. */
export function rename<Columns extends Pick<Shape, 'columns' | 'rest'>>(
  shape: Columns,
  names: readonly string[],
): Columns {
  if (names.length === 0) return shape;
  if (shape.rest !== null) {
    return { ...shape, columns: [], rest: combine([...shape.columns.map((column) => column.value), shape.rest]) };
  }
  const columns = shape.columns.map((column, at) => ({ name: names[at] ?? column.name, value: column.value }));
  return { ...shape, columns };
}

const rangeVar: Reader = (tracer, fields, level) => {
  const name = textOf(fields['relname']);
  const schema = typeof fields['schemaname'] === 'string' ? fields['schemaname'] : null;
  const alias = aliasOf(fields);
  const cte = schema === null ? level.cte(name) : null;
  if (cte !== null) {
    const shape = rename(cte(), alias.columns);
    return single({ ...plainRange, alias: alias.name ?? name, columns: shape.columns, rest: shape.rest }, shape.rows);
  }
  const relation = useRelation(tracer, schema, name, fields['inh'] === true);
  tracer.step(relation.shape.columns.length);
  const range = rangeOf(relation, alias.name ?? name, alias.name !== null);
  return single(rename(range, alias.columns), relation.shape.rows);
};

const rangeSubselect: Reader = (tracer, fields, level, outer) => {
  const alias = aliasOf(fields);
  const shape = queryShape(tracer, fields['subquery'], fields['lateral'] === true ? level : outer);
  const { columns, rest } = rename(shape, alias.columns);
  return single({ ...plainRange, alias: alias.name, byName: alias.name !== null, columns, rest }, shape.rows);
};

const joinExpr: Reader = (tracer, fields, level, outer) => {
  const left = fromItem(tracer, fields['larg'] ?? null, level, outer);
  const inner = new Level(level.parent, [...level.ranges, ...left.ranges]);
  for (const [name, cte] of level.ctes) inner.ctes.set(name, cte);
  const right = fromItem(tracer, fields['rarg'] ?? null, inner, outer);
  const { merged, columns, rest } = mergeColumns(tracer, fields, left.self, right.self);
  const arms = [...left.ranges, ...right.ranges];
  // ON sees the arms of this join and what is outside of the query, nothing else of FROM.
  const condition = tracer.choose(() => evaluate(tracer, fields['quals'], new Level(outer, arms)));
  const compared = compare(tracer, combine(merged.map((column) => column.value)));
  const matched = merged.length === 0 ? condition : combine([condition, compared]);
  tracer.steer(matched, 'join');
  const alias = aliasOf(fields);
  const self: Range = rename(
    { ...plainRange, alias: alias.name, byName: alias.name !== null, columns, rest },
    alias.columns,
  );
  const rows = combine([left.rows, right.rows, matched]);
  if (alias.name !== null) return { self, ranges: [self], rows };
  const hidden = arms.map((range) => ({ ...range, byColumn: false }));
  const usingAlias = fields['join_using_alias'] as Fields | undefined;
  if (usingAlias !== undefined) {
    hidden.push({ ...plainRange, alias: textOf(usingAlias['aliasname']), columns: merged, byColumn: false });
  }
  return { self, ranges: [...hidden, self], rows };
};

interface Merged extends Pick<Shape, 'columns' | 'rest'> {
  /** The columns of USING, or those that NATURAL finds. */
  readonly merged: readonly NamedValue[];
}

function mergeColumns(tracer: Tracer, fields: Fields, left: Range, right: Range): Merged {
  const open = [left.rest, right.rest].filter((rest) => rest !== null);
  const isNatural = fields['isNatural'] === true;
  const all = [...left.columns, ...right.columns];
  tracer.step(all.length);
  if (isNatural && open.length > 0) {
    const value = combine([...all.map((column) => column.value), ...open]);
    return { merged: [{ name: '', value }], columns: [], rest: value };
  }
  const names = isNatural
    ? left.columns.map((column) => column.name).filter((name) => right.columns.some((column) => column.name === name))
    : namesOf(fields['usingClause']);
  const find = (range: Range, name: string): Value =>
    columnIn({ ...range, system: null }, name) ?? range.rest ?? unfollowed(`column ${name} was not found`);
  const merged = names.map((name) => ({ name, value: either(find(left, name), find(right, name)) }));
  const isOther = (column: NamedValue): boolean => !names.includes(column.name);
  const columns = [...merged, ...left.columns.filter(isOther), ...right.columns.filter(isOther)];
  return { merged, columns, rest: open.length === 0 ? null : combine(open) };
}

interface Output extends Pick<Shape, 'columns' | 'rest'> {
  readonly value: Value;
  readonly isScalar: boolean;
}

/** Functions in FROM, alone or in ROWS FROM. They see what stands before them. */
const rangeFunction: Reader = (tracer, fields, level) => {
  const alias = aliasOf(fields);
  const calls = listOf(fields['functions']).flatMap((item) => expandUnnest(listOf(unwrap(item, 'List')?.['items'])));
  const isAlone = calls.length === 1;
  const outputs = calls.map(({ call, definitions }) => {
    const defined = isAlone ? listOf(fields['coldeflist']) : [];
    const own = isAlone ? alias.name : null;
    return outputOf(tracer, call, [...definitions, ...defined], own, level);
  });
  const columns = outputs.flatMap((output) => output.columns);
  if (fields['ordinality'] === true) columns.push({ name: 'ordinality', value: nothing });
  const open = outputs.flatMap((output) => (output.rest === null ? [] : [output.rest]));
  const rest = open.length === 0 ? null : combine(open);
  const name = alias.name ?? labelOf({ val: calls[0]?.call ?? null });
  const isScalar = isAlone && outputs[0]!.isScalar && fields['ordinality'] !== true;
  const range = rename({ ...plainRange, alias: name, columns, rest, isScalar }, alias.columns);
  return single(range, combine(outputs.map((output) => output.value)));
};

interface Call {
  readonly call: Json;
  readonly definitions: readonly Json[];
}

/** `unnest(a, b)` stands for `ROWS FROM (unnest(a), unnest(b))`. */
function expandUnnest([call, definitions]: readonly Json[]): readonly Call[] {
  const fields = unwrap(call, 'FuncCall');
  const listed = listOf(unwrap(definitions, 'List')?.['items']);
  const args = listOf(fields?.['args']);
  const name = namesOf(fields?.['funcname']);
  if (fields === null || name.at(-1) !== 'unnest' || args.length < 2) {
    return [{ call: call ?? null, definitions: listed }];
  }
  return args.map((arg) => ({ call: { FuncCall: { ...fields, args: [arg] } }, definitions: listed }));
}

function outputOf(
  tracer: Tracer,
  call: Json,
  definitions: readonly Json[],
  alias: string | null,
  level: Level,
): Output {
  const value = evaluate(tracer, call, level);
  const each = computed(value);
  const named = (names: readonly string[], isScalar: boolean): Output => ({
    columns: names.map((name) => ({ name, value: each })),
    rest: null,
    value: each,
    isScalar,
  });
  if (definitions.length > 0) {
    return named(
      definitions.map((item) => textOf(unwrap(item, 'ColumnDef')?.['colname'])),
      false,
    );
  }
  const fields = unwrap(call, 'FuncCall');
  const own = alias ?? labelOf({ val: call });
  if (fields === null) {
    return value.isPlain ? named([own], true) : { columns: [], rest: each, value: each, isScalar: true };
  }
  const parts = namesOf(fields['funcname']);
  const callee = findFunction(tracer, parts, fields['funcformat'] === 'COERCE_SQL_SYNTAX');
  if (callee.gap === null && parts.at(-1) === 'unnest' && callee.outputs === null) {
    const [arg] = listOf(fields['args']).map((one) => evaluate(tracer, one, level));
    if (arg?.isArray === true) return named([own], true);
  }
  if (callee.outputs === null) return { columns: [], rest: computed(each, false), value: each, isScalar: true };
  return callee.outputs.length === 0 ? named([own], true) : named(callee.outputs, callee.outputs.length === 1);
}

const rangeTableSample: Reader = (tracer, fields, level, outer) => {
  const item = fromItem(tracer, fields['relation'] ?? null, level, outer);
  const sampled = combine([evaluate(tracer, fields['args'], level), evaluate(tracer, fields['repeatable'], level)]);
  tracer.steer(sampled, 'limit');
  const method = namesOf(fields['method']).at(-1) ?? '';
  const users = tracer.context.catalog?.userFunctions.get(method) ?? [];
  if (!['bernoulli', 'system'].includes(method) || users.length > 0)
    tracer.unread(`sampling by ${method} was not read`);
  return { ...item, rows: combine([item.rows, sampled]) };
};

/** XMLTABLE. */
const rangeTableFunc: Reader = (tracer, fields, level) => {
  const given = ['docexpr', 'rowexpr', 'namespaces'].map((name) => evaluate(tracer, fields[name], level));
  const listed = listOf(fields['columns']).map((item) => unwrap(item, 'RangeTableFuncCol') ?? {});
  const defaults = listed.map((column) => evaluate(tracer, column['coldefexpr'], level));
  for (const column of listed) {
    given.push(evaluate(tracer, column['colexpr'], level));
    if (column['typeName'] !== undefined) given.push(evaluate(tracer, { TypeName: column['typeName'] }, level));
  }
  // Evaluated where there is nothing else.
  tracer.decide(given, combine(defaults));
  given.push(...defaults);
  // How many rows it makes of a value.
  tracer.steer({ ...combine(given), gap: null }, 'limit');
  return tabulated(
    fields,
    'xmltable',
    listed.map((column) => textOf(column['colname'])),
    computed(combine(given)),
  );
};

/** JSON_TABLE: the columns of nested paths stand after those beside the path. */
const jsonTable: Reader = (tracer, fields, level) => {
  const given = [
    evaluate(tracer, { JsonValueExpr: fields['context_item'] ?? {} }, level),
    evaluate(tracer, fields['passing'], level),
  ];
  const names: string[] = [];
  const defaults: Value[] = [];
  const visit = (list: Json | undefined): void => {
    for (const item of listOf(list)) {
      tracer.step();
      const column = unwrap(item, 'JsonTableColumn') ?? {};
      if (column['coltype'] !== 'JTC_NESTED') names.push(textOf(column['name']));
      for (const on of ['on_empty', 'on_error']) {
        if (column[on] !== undefined) defaults.push(evaluate(tracer, { JsonBehavior: column[on] }, level));
      }
      if (column['typeName'] !== undefined) given.push(evaluate(tracer, { TypeName: column['typeName'] }, level));
    }
    for (const item of listOf(list)) visit(unwrap(item, 'JsonTableColumn')?.['columns']);
  };
  visit(fields['columns']);
  // An older server takes for a function of the database what is syntax now.
  if (tracer.context.catalog?.userFunctions.has('json_table') === true)
    given.push(unfollowed('json_table may be a function'));
  tracer.decide(given, combine(defaults));
  given.push(...defaults);
  tracer.steer({ ...combine(given), gap: null }, 'limit');
  return tabulated(fields, 'json_table', names, computed(combine(given)));
};

function tabulated(fields: Fields, own: string, names: readonly string[], value: Value): Item {
  const alias = aliasOf(fields);
  const columns = names.map((name) => ({ name, value }));
  return single(rename({ ...plainRange, alias: alias.name ?? own, columns }, alias.columns), value);
}

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['RangeVar', rangeVar],
  ['RangeSubselect', rangeSubselect],
  ['JoinExpr', joinExpr],
  ['RangeFunction', rangeFunction],
  ['RangeTableSample', rangeTableSample],
  ['RangeTableFunc', rangeTableFunc],
  ['JsonTable', jsonTable],
]);

/** A FROM list: each item sees what stands before it where it is LATERAL. Gives what decides which rows there are. */
export function enterFrom(tracer: Tracer, list: Json | undefined, level: Level, outer: Level): Value {
  const rows: Value[] = [];
  for (const node of listOf(list)) {
    const item = fromItem(tracer, node, level, outer);
    level.ranges.push(...item.ranges);
    rows.push(item.rows);
  }
  return combine(rows);
}
