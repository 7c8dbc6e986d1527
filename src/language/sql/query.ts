/** Queries: SELECT, its WITH and FROM, and what each of them brings into scope. */

import type { RelationEntry } from './collector.ts';
import { type Access, useRelation } from './expand.ts';
import { syntaxFunctions } from './functions.ts';
import { useFunction, useOperator } from './names.ts';
import type { Fields, Json } from './parser.ts';
import { type RangeEntry, Scope } from './scope.ts';
import { relationByOid } from './temporary.ts';
import { type Handler, namesOf, textOf, unwrap, type Walker } from './walk.ts';

/** The common table expressions. What a CTE sees depends on RECURSIVE: `WITH t AS (SELECT * FROM t)` reads a table. */
export function enterWith(walker: Walker, value: Json | undefined, scope: Scope): void {
  if (typeof value !== 'object' || value === null) return;
  const fields = value as Fields;
  const list = Array.isArray(fields['ctes']) ? (fields['ctes'] as readonly Json[]) : [];
  const nameOf = (cte: Json): string => textOf(unwrap(cte, 'CommonTableExpr')?.['ctename']);
  if (fields['recursive'] === true) for (const cte of list) scope.addCte(nameOf(cte));
  for (const cte of list) {
    walker.walk(cte, new Scope(scope));
    scope.addCte(nameOf(cte));
  }
  walker.visit('WithClause', { ...fields, ctes: [] }, scope);
}

const selectStmt: Handler = (walker, fields, outer) => {
  const { out } = walker;
  const scope = new Scope(outer);
  out.kind ??= fields['valuesLists'] === undefined ? 'select' : 'values';
  if (walker.frame.mode !== 'store') out.effect('read');
  enterWith(walker, fields['withClause'], scope);
  for (const arm of ['larg', 'rarg']) {
    if (fields[arm] !== undefined) walker.visit('SelectStmt', fields[arm], scope);
  }
  walker.one('SelectStmt', fields, 'fromClause', scope);
  if (fields['intoClause'] !== undefined) {
    if (out.kind === 'select') out.kind = 'select-into';
    if (walker.runs) out.effect('create');
    walker.one('SelectStmt', fields, 'intoClause', scope);
  }
  if (fields['lockingClause'] !== undefined) {
    // The relations named there are aliases of FROM.
    if (walker.runs) out.effect('lock');
    out.obstacle('locking clause');
  }
  const done = ['withClause', 'larg', 'rarg', 'fromClause', 'intoClause', 'lockingClause'];
  walker.children('SelectStmt', fields, scope, ...done);
};

/** The target of SELECT INTO and CREATE TABLE AS. */
const intoClause: Handler = (walker, fields, scope) => {
  if (fields['rel'] !== undefined) target(walker, fields['rel'], 'create');
  walker.children('IntoClause', fields, scope, 'rel');
};

/** A relation in FROM: a CTE of that name hides a table, but never a qualified one. */
const rangeVar: Handler = (walker, fields, scope) => {
  const { name, schema, inherits } = relationOf(fields);
  const alias = aliasOf(fields) ?? name;
  if (schema === null && scope.hasCte(name)) {
    addRange(scope, alias, null, null);
  } else {
    const { through } = walker.frame;
    const entry = useRelation(walker, { schema, name, inherits }, through !== null && walker.runs ? through : 'read');
    if (through !== null) useRelation(walker, { schema, name, inherits }, 'read');
    addRange(scope, alias, entry, columnsOf(walker, entry));
  }
  walker.children('RangeVar', fields, scope);
};

export function relationOf(fields: Fields): { schema: string | null; name: string; inherits: boolean } {
  const schema = fields['schemaname'];
  return {
    schema: typeof schema === 'string' ? schema : null,
    name: textOf(fields['relname']),
    inherits: fields['inh'] === true,
  };
}

export function aliasOf(fields: Fields): string | null {
  const alias = fields['alias'];
  if (typeof alias !== 'object' || alias === null) return null;
  return textOf((alias as Fields)['aliasname']);
}

/** A relation that a statement acts upon. It is never a CTE. */
export function target(walker: Walker, fields: Json | undefined, access: Access): RelationEntry {
  const relation = (fields ?? {}) as Fields;
  const entry = useRelation(walker, relationOf(relation), access);
  walker.children('RangeVar', relation, new Scope(null));
  return entry;
}

/** What the catalog knows of its columns, with the system columns. */
export function columnsOf(walker: Walker, entry: RelationEntry): ReadonlySet<string> | null {
  const only = entry.candidates.length === 1 ? entry.candidates[0]! : null;
  const facts = only === null ? undefined : relationByOid(walker.frame.context, only.oid);
  if (facts === undefined) return null;
  return new Set([...facts.columns.map((column) => column.name), ...systemColumns]);
}

const systemColumns = ['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'];

/** Brings a name into scope. A relation that is read only perhaps is given as a function. */
export function addRange(
  scope: Scope,
  alias: string,
  relation: RelationEntry | RangeEntry['relation'] | null,
  known: RangeEntry['known'],
): void {
  scope.ranges.push({ alias, relation: typeof relation === 'function' ? relation : () => relation, known });
}

const rangeSubselect: Handler = (walker, fields, scope) => {
  walker.one('RangeSubselect', fields, 'subquery', new Scope(scope));
  addRange(scope, aliasOf(fields) ?? '', null, null);
  walker.children('RangeSubselect', fields, scope, 'subquery');
};

/** Functions, XMLTABLE and JSON_TABLE in FROM. */
function producer(type: string): Handler {
  return (walker, fields, scope) => {
    if (type === 'JsonTable') for (const name of syntaxFunctions['JsonTable']!) shadow(walker, name);
    walker.children(type, fields, scope);
    addRange(scope, aliasOf(fields) ?? '', null, null);
    // Without an alias the function's own name is one, and a scalar function's column too.
    if (aliasOf(fields) === null) addRange(scope, functionNameOf(fields), null, null);
  };
}

/** A function of the database that an older server would take for what is syntax now. */
function shadow(walker: Walker, name: string): void {
  const { catalog } = walker.frame.context;
  if (catalog === null) walker.out.obstacle('no-catalog');
  else if (catalog.userFunctions.has(name)) useFunction(walker, [name]);
}

function functionNameOf(fields: Fields): string {
  const list = fields['functions'];
  if (!Array.isArray(list)) return '';
  const items = unwrap((list as readonly Json[])[0], 'List')?.['items'];
  const [call] = Array.isArray(items) ? (items as readonly Json[]) : [];
  return namesOf(unwrap(call, 'FuncCall')?.['funcname']).at(-1) ?? '';
}

const joinExpr: Handler = (walker, fields, scope) => {
  walker.one('JoinExpr', fields, 'larg', scope);
  walker.one('JoinExpr', fields, 'rarg', scope);
  // USING and NATURAL compare by the operator of that name.
  if (fields['usingClause'] !== undefined || fields['isNatural'] === true) {
    useOperator(walker, ['=']);
    scope.blurAll();
  }
  const alias = aliasOf(fields);
  if (alias !== null) addRange(scope, alias, null, null);
  walker.children('JoinExpr', fields, scope, 'larg', 'rarg');
};

/** TABLESAMPLE: the method is a handler function of its own kind. */
const rangeTableSample: Handler = (walker, fields, scope) => {
  const method = namesOf(fields['method']);
  const isBuiltIn =
    ['bernoulli', 'system'].includes(method.at(-1) ?? '') && (method.length === 1 || method[0] === 'pg_catalog');
  const { catalog } = walker.frame.context;
  if (!isBuiltIn || (catalog?.userFunctions.get(method.at(-1)!) ?? []).length > 0) {
    walker.out.unknown('function-unread', method.at(-1));
  }
  walker.children('RangeTableSample', fields, scope, 'method');
};

export const queryHandlers: readonly (readonly [string, Handler])[] = [
  ['SelectStmt', selectStmt],
  ['IntoClause', intoClause],
  ['RangeVar', rangeVar],
  ['RangeSubselect', rangeSubselect],
  ['RangeFunction', producer('RangeFunction')],
  ['RangeTableFunc', producer('RangeTableFunc')],
  ['JsonTable', producer('JsonTable')],
  ['JoinExpr', joinExpr],
  ['RangeTableSample', rangeTableSample],
];
