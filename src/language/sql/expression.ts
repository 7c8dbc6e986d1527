/** What expressions mean beyond their parts: columns, types, functions, operators, and operators that syntax implies. */

import { useRelation } from './expand.ts';
import { dynamicFunctions, functionEffects, syntaxFunctions } from './functions.ts';
import { useFunction, useOperator, useType } from './names.ts';
import type { Json } from './parser.ts';
import type { Scope } from './scope.ts';
import { constantText, type Handler, namesOf, textOf, unwrap, type Walker } from './walk.ts';

/** The operators behind kinds of expression whose name is no operator. */
const impliedOperators: Readonly<Record<string, readonly string[]>> = {
  AEXPR_BETWEEN: ['>=', '<='],
  AEXPR_NOT_BETWEEN: ['<', '>'],
  AEXPR_BETWEEN_SYM: ['>=', '<='],
  AEXPR_NOT_BETWEEN_SYM: ['<', '>'],
};
const namedOperators = new Set(
  'AEXPR_OP AEXPR_OP_ANY AEXPR_OP_ALL AEXPR_DISTINCT AEXPR_NOT_DISTINCT AEXPR_NULLIF AEXPR_IN AEXPR_LIKE AEXPR_ILIKE AEXPR_SIMILAR'.split(
    ' ',
  ),
);

const columnRef: Handler = (walker, fields, scope) => {
  const parts = Array.isArray(fields['fields']) ? (fields['fields'] as readonly Json[]) : [];
  const names = namesOf(parts);
  const isStar = parts.length > 0 && unwrap(parts.at(-1), 'A_Star') !== null;
  if (isStar) {
    if (names.length === 1) scope.blurAll();
    else scope.blurAlias(names.at(-2)!);
    if (names.length > 1 && scope.find(names.at(-2)!) === null) scope.blurAll();
    return;
  }
  const column = names.at(-1) ?? '';
  if (names.length === 1) {
    scope.mentionBare(column);
    if (scope.find(column) !== null) wholeRow(walker, scope, column);
  } else if (!scope.mention(names.at(-2)!, column)) {
    // `row.field` of a composite column, or a name from somewhere this does not know.
    for (let at: Scope | null = scope; at !== null; at = at.parent) at.blurAll();
  }
  if (names.length > 1 && !scope.find(names.at(-2)!)?.known?.has(column)) attribute(walker, column);
};

/** The name of a table where a value is expected: the whole row, unless a column has that name. */
function wholeRow(walker: Walker, scope: Scope, alias: string): void {
  scope.blurAlias(alias);
  walker.out.touchesUserTypes = true;
}

/** `row.name` calls a function of that name where the row has no such column. */
function attribute(walker: Walker, name: string): void {
  if (walker.frame.mode === 'store') return;
  const { catalog } = walker.frame.context;
  const users = (catalog?.userFunctions.get(name) ?? []).filter((user) => user.isUnary);
  const builtIn = catalog?.builtInFunctions.get(name);
  if (users.length > 0) useFunction(walker, [name]);
  else if (functionEffects.has(name) || dynamicFunctions.has(name) || builtIn === 'volatile') {
    walker.out.obstacle('column may be a function', name);
  }
}

const funcCall: Handler = (walker, fields, scope) => {
  const parts = namesOf(fields['funcname']);
  useFunction(walker, parts, fields['funcformat'] === 'COERCE_SQL_SYNTAX');
  const name = parts.at(-1);
  const [first] = Array.isArray(fields['args']) ? (fields['args'] as readonly Json[]) : [];
  const text = constantText(first);
  if (walker.runs && (name === 'nextval' || name === 'setval')) {
    if (text !== null) useRelation(walker, { ...relationText(text), inherits: false }, 'create');
  }
  if (walker.runs && name === 'set_config') noteSetting(walker, text);
  walker.children('FuncCall', fields, scope, 'funcname');
};

/** A setting changes; null where its name is not certain. */
export function noteSetting(walker: Walker, name: string | null): void {
  const setting = name?.toLowerCase() ?? '*';
  walker.out.settings.add(setting);
  if (setting === '*' || setting === 'role' || setting === 'session_authorization') walker.out.effect('role-change');
}

/** `schema.name` as `regclass` reads it. */
export function relationText(text: string): { schema: string | null; name: string } {
  const parts = [...text.matchAll(/"((?:[^"]|"")*)"|([^".\s]+)/g)].map(([, quoted, bare]) =>
    quoted === undefined ? bare!.toLowerCase() : quoted.replaceAll('""', '"'),
  );
  return { schema: parts.length > 1 ? parts.at(-2)! : null, name: parts.at(-1) ?? '' };
}

const aExpr: Handler = (walker, fields, scope) => {
  const kind = textOf(fields['kind']);
  const implied = impliedOperators[kind];
  if (implied !== undefined) for (const name of implied) useOperator(walker, [name]);
  else if (namedOperators.has(kind)) useOperator(walker, namesOf(fields['name']));
  else walker.out.unknown('unknown-node', `A_Expr ${kind}`);
  walker.children('A_Expr', fields, scope, 'name');
};

const subLink: Handler = (walker, fields, scope) => {
  const operator = namesOf(fields['operName']);
  if (operator.length > 0) useOperator(walker, operator);
  else if (fields['testexpr'] !== undefined) useOperator(walker, ['=']);
  walker.children('SubLink', fields, scope, 'operName');
};

const caseExpr: Handler = (walker, fields, scope) => {
  if (fields['arg'] !== undefined) useOperator(walker, ['=']);
  walker.children('CaseExpr', fields, scope);
};

const sortBy: Handler = (walker, fields, scope) => {
  const operator = namesOf(fields['useOp']);
  if (operator.length > 0) useOperator(walker, operator);
  walker.children('SortBy', fields, scope, 'useOp');
};

const typeName: Handler = (walker, fields, scope) => {
  useType(walker, namesOf(fields['names']));
  if (fields['pct_type'] === true) walker.out.obstacle('type of a column');
  walker.children('TypeName', fields, scope, 'names');
};

const paramRef: Handler = (walker, fields) => {
  const number = fields['number'];
  walker.out.parameters.add(typeof number === 'number' ? number : 0);
};

const rowExpr: Handler = (walker, fields, scope) => {
  walker.out.touchesUserTypes = true;
  walker.children('RowExpr', fields, scope);
};

/** `(expression).field` may call a function as well. */
const aIndirection: Handler = (walker, fields, scope) => {
  for (const name of namesOf(fields['indirection'])) if (name !== '') attribute(walker, name);
  walker.children('A_Indirection', fields, scope);
};

const collateClause: Handler = (walker, fields, scope) => walker.children('CollateClause', fields, scope, 'collname');

/** What newer grammars spell as syntax. */
function syntax(type: string, names: readonly string[]): Handler {
  return (walker, fields, scope) => {
    const { catalog, searchPath } = walker.frame.context;
    if (catalog === null) walker.out.obstacle('no-catalog');
    for (const name of names) {
      const users = catalog?.userFunctions.get(name) ?? [];
      if (users.some((user) => searchPath === null || searchPath.includes(user.schema))) useFunction(walker, [name]);
    }
    walker.children(type, fields, scope);
  };
}

export const expressionHandlers: readonly (readonly [string, Handler])[] = [
  ['ColumnRef', columnRef],
  ['FuncCall', funcCall],
  ['A_Expr', aExpr],
  ['SubLink', subLink],
  ['CaseExpr', caseExpr],
  ['SortBy', sortBy],
  ['TypeName', typeName],
  ['ParamRef', paramRef],
  ['RowExpr', rowExpr],
  ['A_Indirection', aIndirection],
  ['CollateClause', collateClause],
  ...Object.entries(syntaxFunctions)
    .filter(([type]) => type !== 'JsonTable')
    .map(([type, names]) => [type, syntax(type, names)] as const),
];
