/**
 * Whether a condition restricts the rows that a statement reaches, by folding what is constant.
 *
 * Invariant: `restricts` is said only where the condition depends on the row in a way that is not plainly a tautology.
 * What cannot be told from `true` counts as possibly true for every row.
 *
 * Deliberately absent: arithmetic, ranges and statistics. `id > 0` restricts, for all that is known here.
 */
import type { WhereState } from '../../core/sql-effects.ts';
import type { Fields, Json } from './parser.ts';
import { namesOf, textOf, unwrap } from './walk.ts';

export interface TargetFacts {
  /** The name by which the condition refers to the relation. */
  readonly alias: string;
  /** False when other relations take part, so that a bare column may be theirs. */
  readonly isAlone: boolean;
  /** A column of the relation; null: it has none of that name; undefined: not known. */
  readonly column: (name: string) => { readonly notNull: boolean } | null | undefined;
}

/**
 * `free`: does not depend on the row. `mostly`: true wherever something is not null. `row`: depends on the row.
 */
type Folded = 'true' | 'false' | 'null' | 'free' | 'mostly' | 'row';

export function judgeCondition(condition: Json | undefined, target: TargetFacts): WhereState {
  if (condition === undefined) return 'missing';
  const folded = fold(condition, target);
  if (folded === 'true') return 'always-true';
  return folded === 'mostly' || folded === 'free' ? 'may-be-always-true' : 'restricts';
}

function fold(node: Json | undefined, target: TargetFacts): Folded {
  const bool = unwrap(node, 'BoolExpr');
  if (bool !== null) return foldBool(bool, target);
  const expression = unwrap(node, 'A_Expr');
  if (expression !== null) return foldComparison(expression, target) ?? dependence(node, target);
  const test = unwrap(node, 'NullTest');
  if (test !== null) return foldNullTest(test, target);
  const truth = unwrap(node, 'BooleanTest');
  if (truth !== null) return foldBooleanTest(truth, target);
  if (unwrap(node, 'CurrentOfExpr') !== null) return 'row';
  const link = unwrap(node, 'SubLink');
  if (link !== null) return foldSubLink(link, target);
  const collated = unwrap(node, 'CollateClause');
  if (collated !== null) return fold(collated['arg'], target);
  return foldConstant(node) ?? dependence(node, target);
}

function foldBool(fields: Fields, target: TargetFacts): Folded {
  const nodes = Array.isArray(fields['args']) ? (fields['args'] as readonly Json[]) : [];
  const parts = nodes.map((node) => fold(node, target));
  const has = (value: Folded): boolean => parts.includes(value);
  switch (fields['boolop']) {
    case 'AND_EXPR':
      if (has('false') || has('null')) return 'false';
      if (has('row')) return 'row';
      return has('free') ? 'free' : has('mostly') ? 'mostly' : 'true';
    case 'OR_EXPR':
      if (has('true') || hasComplements(nodes, target)) return 'true';
      if (has('mostly')) return 'mostly';
      if (has('free')) return 'free';
      return has('row') ? 'row' : has('null') ? 'null' : 'false';
    case 'NOT_EXPR': {
      const opposite: Readonly<Record<Folded, Folded>> = {
        true: 'false',
        false: 'true',
        null: 'null',
        free: 'free',
        mostly: 'false',
        row: isNeverTrue(nodes[0], target) ? 'mostly' : 'row',
      };
      return parts[0] === undefined ? 'free' : opposite[parts[0]];
    }
    default:
      return 'free';
  }
}

/** `x IS NULL OR x IS NOT NULL`, `a OR NOT a`, `x = 1 OR x <> 1`. */
function hasComplements(nodes: readonly Json[], target: TargetFacts): boolean {
  const seen = new Set(nodes.map((node) => normal(node, target)));
  return nodes.some((node) => {
    const opposite = complement(node, target);
    return opposite !== null && seen.has(opposite);
  });
}

function complement(node: Json, target: TargetFacts): string | null {
  const test = unwrap(node, 'NullTest');
  if (test !== null) {
    const other = test['nulltesttype'] === 'IS_NULL' ? 'IS_NOT_NULL' : 'IS_NULL';
    return normal({ NullTest: { ...test, nulltesttype: other } }, target);
  }
  const bool = unwrap(node, 'BoolExpr');
  if (bool?.['boolop'] === 'NOT_EXPR') return normal((bool['args'] as readonly Json[])[0] ?? null, target);
  const expression = unwrap(node, 'A_Expr');
  const other = expression === null ? undefined : opposites[namesOf(expression['name']).at(-1) ?? ''];
  if (expression === null || expression['kind'] !== 'AEXPR_OP' || other === undefined) return null;
  return normal({ A_Expr: { ...expression, name: [{ String: { sval: other } }] } }, target);
}

const opposites: Readonly<Record<string, string>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
};

/** `x <> x`: false or null, whatever the row. */
function isNeverTrue(node: Json | undefined, target: TargetFacts): boolean {
  const expression = unwrap(node, 'A_Expr');
  if (expression === null || expression['kind'] !== 'AEXPR_OP') return false;
  const name = namesOf(expression['name']).at(-1) ?? '';
  return ['<>', '<', '>'].includes(name) && isSame(expression['lexpr'], expression['rexpr'], target);
}

function foldComparison(fields: Fields, target: TargetFacts): Folded | null {
  const { lexpr: left, rexpr: right, kind } = fields;
  const name = namesOf(fields['name']).at(-1) ?? '';
  if (kind === 'AEXPR_NOT_DISTINCT' && isSame(left, right, target)) return 'true';
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') {
    const pattern = constantOf(right);
    return name.startsWith('~~') && typeof pattern === 'string' && /^%+$/.test(pattern) ? 'mostly' : null;
  }
  if (kind === 'AEXPR_IN' || (kind === 'AEXPR_BETWEEN' && Array.isArray(unwrap(right, 'List')?.['items']))) {
    const items = (unwrap(right, 'List')?.['items'] ?? right) as Json;
    const list = Array.isArray(items) ? (items as readonly Json[]) : [];
    const same = (item: Json): boolean => isSame(left, item, target);
    if (kind === 'AEXPR_IN' && name === '=' && list.some(same)) return 'mostly';
    return kind === 'AEXPR_BETWEEN' && list.length > 0 && list.every(same) ? 'mostly' : null;
  }
  if (kind === 'AEXPR_BETWEEN') {
    return Array.isArray(right) && (right as readonly Json[]).every((item) => isSame(left, item, target))
      ? 'mostly'
      : null;
  }
  if (kind !== 'AEXPR_OP') return null;
  // `x = x` is true unless x is null; functions may differ from call to call, which leaves it possibly true.
  if (['=', '<=', '>='].includes(name) && isSame(left, right, target)) {
    const column = columnOf(left, target);
    return column?.notNull === true || constantOf(left) !== undefined ? 'true' : 'mostly';
  }
  if (name === '~' && /^(\.\*|\^|)\$?$/.test(String(constantOf(right) ?? 'x'))) return 'mostly';
  return compareConstants(name, constantOf(left), constantOf(right));
}

function compareConstants(name: string, left: Constant | undefined, right: Constant | undefined): Folded | null {
  if (left === undefined || right === undefined) return null;
  if (left === null || right === null) return 'null';
  if (typeof left !== typeof right) return null;
  const isEqual = left === right;
  if (name === '=') return isEqual ? 'true' : 'false';
  if (name === '<>') return isEqual ? 'false' : 'true';
  // Text is ordered by a collation that is not known here.
  if (typeof left !== 'number' || typeof right !== 'number') return null;
  const order: Readonly<Record<string, boolean>> = {
    '<': left < right,
    '<=': left <= right,
    '>': left > right,
    '>=': left >= right,
  };
  const result = order[name];
  return result === undefined ? null : result ? 'true' : 'false';
}

function foldNullTest(fields: Fields, target: TargetFacts): Folded {
  const isNotNull = fields['nulltesttype'] === 'IS_NOT_NULL';
  const constant = constantOf(fields['arg']);
  if (constant !== undefined) return (constant === null) === isNotNull ? 'false' : 'true';
  const column = columnOf(fields['arg'], target);
  if (column === undefined) return isNotNull ? 'mostly' : dependence(fields['arg'], target);
  if (column === null || !column.notNull) return dependence(fields['arg'], target);
  return isNotNull ? 'true' : 'false';
}

function foldBooleanTest(fields: Fields, target: TargetFacts): Folded {
  const arg = fold(fields['arg'], target);
  const when: Readonly<Record<string, readonly Folded[]>> = {
    IS_TRUE: ['true'],
    IS_NOT_TRUE: ['false', 'null'],
    IS_FALSE: ['false'],
    IS_NOT_FALSE: ['true', 'null'],
    IS_UNKNOWN: ['null'],
    IS_NOT_UNKNOWN: ['true', 'false'],
  };
  const wanted = when[textOf(fields['booltesttype'])];
  if (wanted === undefined) return 'free';
  if (arg === 'true' || arg === 'false' || arg === 'null') return wanted.includes(arg) ? 'true' : 'false';
  if (arg === 'mostly') return wanted.includes('true') ? (wanted.includes('null') ? 'true' : 'mostly') : 'row';
  return arg;
}

/** `id IN (SELECT id FROM …)` restricts if the subquery does; EXISTS if it refers to the row. */
function foldSubLink(fields: Fields, target: TargetFacts): Folded {
  if (fields['testexpr'] === undefined) return dependence({ SubLink: fields }, target);
  if (dependence(fields['testexpr'], target) !== 'row') return 'free';
  const select = unwrap(fields['subselect'], 'SelectStmt');
  const restricts = ['whereClause', 'havingClause', 'limitCount', 'valuesLists', 'larg'].some((name) => select?.[name]);
  const from = select?.['fromClause'];
  const [only, second] = Array.isArray(from) ? (from as readonly Json[]) : [];
  const isSimple = second === undefined && unwrap(only, 'RangeVar') !== null;
  return restricts || !isSimple ? 'row' : 'mostly';
}

type Constant = string | number | boolean | null;

/** The value of a constant; undefined for anything else. */
function constantOf(node: Json | undefined): Constant | undefined {
  const constant = unwrap(node, 'A_Const');
  if (constant === null) {
    const cast = unwrap(node, 'TypeCast');
    if (cast === null) return undefined;
    const value = constantOf(cast['arg']);
    // A cast keeps NULL; what else it makes of a value depends on the type.
    return value === null ? null : undefined;
  }
  if (constant['isnull'] === true) return null;
  const part = (name: string, field: string): Json | undefined => {
    const value = constant[name];
    if (typeof value !== 'object' || value === null) return undefined;
    return (value as Fields)[field];
  };
  // A dump leaves zero, false and the empty string out.
  if (constant['ival'] !== undefined) return Number(part('ival', 'ival') ?? 0);
  if (constant['fval'] !== undefined) return Number(part('fval', 'fval') ?? 0);
  if (constant['boolval'] !== undefined) return part('boolval', 'boolval') === true;
  if (constant['sval'] !== undefined) return textOf(part('sval', 'sval'));
  return undefined;
}

function foldConstant(node: Json | undefined): Folded | null {
  const value = constantOf(node);
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  const cast = unwrap(node, 'TypeCast');
  const text = value ?? (cast === null ? undefined : constantOf(cast['arg']));
  // `WHERE 't'` and `'yes'::boolean` are true as well; a number is only by a cast.
  const isTrue = /^\s*(t|tr|tru|true|y|ye|yes|on|1)\s*$/i.test(String(text ?? ''));
  if (text === undefined || text === null) return null;
  if (typeof text === 'boolean') return text ? 'true' : 'false';
  if (typeof text === 'number') return text === 0 ? 'false' : 'true';
  return isTrue ? 'true' : 'false';
}

/** `row` when something in it belongs to the row; else `free`. */
function dependence(node: Json | undefined, target: TargetFacts, isInner = false): 'row' | 'free' {
  if (typeof node !== 'object' || node === null) return 'free';
  if (Array.isArray(node)) {
    return (node as readonly Json[]).some((item) => dependence(item, target, isInner) === 'row') ? 'row' : 'free';
  }
  const reference = unwrap(node, 'ColumnRef');
  if (reference !== null) {
    const names = namesOf(reference['fields']);
    if (names.length > 1) return names.at(-2) === target.alias ? 'row' : 'free';
    // A bare name inside a subquery is most likely the subquery's own.
    if (isInner) return 'free';
    if (target.isAlone) return 'row';
    return target.column(names[0] ?? '') ? 'row' : 'free';
  }
  return Object.entries(node as Fields).some(
    ([name, value]) => dependence(value, target, isInner || name === 'subselect') === 'row',
  )
    ? 'row'
    : 'free';
}

function columnOf(node: Json | undefined, target: TargetFacts): { readonly notNull: boolean } | null | undefined {
  const reference = unwrap(node, 'ColumnRef');
  if (reference === null) return null;
  return target.column(namesOf(reference['fields']).at(-1) ?? '');
}

function isSame(left: Json | undefined, right: Json | undefined, target: TargetFacts): boolean {
  return left !== undefined && right !== undefined && normal(left, target) === normal(right, target);
}

/** A text that equal expressions share: without positions, and without the target's own name before its columns. */
function normal(node: Json, target: TargetFacts): string {
  return JSON.stringify(node, (key, value: Json) => {
    if (key === 'location' || key.endsWith('_start') || key.endsWith('_end')) return undefined;
    if (key === 'fields' && Array.isArray(value) && value.length === 2) {
      return namesOf(value)[0] === target.alias ? (value as readonly Json[]).slice(1) : value;
    }
    return value;
  });
}
