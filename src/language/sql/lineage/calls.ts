/** Function calls: what they pass on, what they hand over, and what their FILTER, ORDER BY and OVER steer by. */
import type { Fields, Json } from '../parser.ts';
import { constantText, namesOf, unwrap } from '../walk.ts';
import { compare, evaluate, useType, useWindow } from './expression.ts';
import { type Callee, findFunction } from './functions.ts';
import type { Level } from './scope.ts';
import { listOf, type Tracer } from './tracer.ts';
import { acting, combine, computed, nothing, type Value, worse } from './value.ts';

/** What a function or operator makes of what it is given, and where that goes besides. `target`: what takes it. */
export function useCallee(tracer: Tracer, callee: Callee, given: Value, target = callee.name): Value {
  const value = passOn(tracer, callee, given, target);
  return callee.acts ? acting(value, callee.name) : value;
}

function passOn(tracer: Tracer, callee: Callee, given: Value, target: string): Value {
  if (callee.sink !== null) tracer.flow(given, callee.sink, target);
  if (callee.gap === null) {
    const value = computed(given, callee.isPlain || given.isPlain);
    const isArray = callee.makesArray === 'of-text' || (callee.makesArray === 'of-arguments' && given.isPlain);
    return isArray ? { ...value, isArray, isPlain: true } : value;
  }
  // Whatever the code does besides, it does wherever it is called.
  if (callee.gap.kind === 'code') tracer.unread(callee.gap.reason);
  return { ...computed(given, false), gap: worse(given.gap, callee.gap) };
}

export function callFunction(tracer: Tracer, fields: Fields, level: Level): Value {
  const parts = namesOf(fields['funcname']);
  const callee = findFunction(tracer, parts, fields['funcformat'] === 'COERCE_SQL_SYNTAX');
  const args = listOf(fields['args']).map((arg) => evaluate(tracer, arg, level));
  const order = evaluate(tracer, fields['agg_order'], level);
  // WITHIN GROUP orders by what it then returns.
  if (fields['agg_within_group'] === true) args.push(order);
  else tracer.steer(order, 'order');
  const filter = tracer.choose(() => evaluate(tracer, fields['agg_filter'], level));
  tracer.steer(filter, 'where');
  if (fields['over'] !== undefined) useWindow(tracer, fields['over'] as Fields, level);
  if (fields['agg_distinct'] === true) for (const arg of args) tracer.steer(compare(tracer, arg), 'distinct');
  // The number of rows is the value itself.
  if (callee.name === 'generate_series') for (const arg of args) tracer.steer(arg, 'limit');
  else if (rowMakers.has(callee.name) && !isOfKnownLength(fields)) {
    for (const arg of args) tracer.steer({ ...arg, gap: null }, 'limit');
  }
  // How long it takes tells what it was given.
  callee.sizes?.forEach((at) => void tracer.flow(args[at] ?? nothing, 'function', callee.name));
  if (callee.sizes?.length === 0) for (const arg of args) tracer.flow(arg, 'function', callee.name);
  const given = isColumnAsFunction(callee, parts, args) ? { ...callee, gap: null, sink: null, acts: false } : callee;
  if (isCount(callee, parts, fields, args)) return filter;
  // `type(value)` is a cast where there is no such function.
  if (callee.isMissing && args.length === 1 && tracer.context.catalog?.builtInTypes.has(callee.name) === true) {
    return combine([args[0]!, useType(tracer, { names: fields['funcname'] ?? [] })]);
  }
  const value = useCallee(tracer, given, combine(args), targetOf(callee, fields));
  return filter === nothing ? value : combine([value, filter]);
}

/** Functions that return as many rows as what they are given has parts, or matches (A-PG-20). */
const rowMakers: ReadonlySet<string> = new Set(
  `_pg_expandarray aclexplode each generate_subscripts json_array_elements json_array_elements_text json_each
  json_each_text json_object_keys json_populate_recordset json_to_recordset jsonb_array_elements
  jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys jsonb_path_query jsonb_path_query_tz
  jsonb_populate_recordset jsonb_to_recordset regexp_matches regexp_split_to_table skeys string_to_table svals
  ts_debug ts_parse unnest`.split(/\s+/),
);

/** A row or a list that is written out has as many parts as are written, whatever is in them. */
function isOfKnownLength(fields: Fields): boolean {
  return listOf(fields['args']).every((arg) => {
    const call = unwrap(arg, 'FuncCall');
    const name = namesOf(call?.['funcname']).at(-1) ?? '';
    if (unwrap(arg, 'A_ArrayExpr') !== null || unwrap(arg, 'A_Const') !== null) return true;
    if (call === null || call['agg_filter'] !== undefined) return false;
    const [only, ...more] = listOf(call['args']);
    const ofRow = ['to_json', 'to_jsonb', 'row_to_json', 'hstore'].includes(name) && more.length === 0;
    return name === 'array_agg' || (ofRow && namesOf(unwrap(only, 'ColumnRef')?.['fields']).length === 1);
  });
}

/** `name(row)` is `row.name` where there is no such function. */
function isColumnAsFunction(callee: Callee, parts: readonly string[], args: readonly Value[]): boolean {
  if (!callee.isMissing || parts.length !== 1 || args.length !== 1) return false;
  return args[0]!.fields?.some((field) => field.name === parts[0]) ?? false;
}

/** How many rows there are, or how many have a value: nothing of the values. An expression may be null by what they are. */
function isCount(callee: Callee, parts: readonly string[], fields: Fields, args: readonly Value[]): boolean {
  if (parts.at(-1) !== 'count' || callee.gap !== null) return false;
  if (fields['agg_star'] === true) return true;
  const [arg] = args;
  const [node] = listOf(fields['args']);
  if (args.length !== 1 || arg!.gap !== null) return false;
  return arg!.direct || (arg!.fields !== null && unwrap(node, 'ColumnRef') !== null);
}

/** What takes the values, by name where the call says it: the setting, or the channel. */
function targetOf(callee: Callee, fields: Fields): string {
  if (callee.sink !== 'setting' && callee.sink !== 'notification') return callee.name;
  const [first] = listOf(fields['args']) as readonly Json[];
  return constantText(first) ?? '*';
}
