/**
 * Relations: what a name may mean, and what stands behind it. Reading a view reads what its query reads; writing a
 * table writes its partitions, what foreign keys cascade to, and runs its defaults, checks, triggers and rules.
 *
 * Invariant: expansion ends. Every relation is expanded once per action and statement, up to a depth and a number.
 */

import type { Via } from '../../core/sql.ts';
import { sqlExpansionDepthMax, sqlRelationsMax } from '../limits.ts';
import type { RelationFacts } from './catalog.ts';
import { Collector, type RelationEntry } from './collector.ts';
import { createContext } from './context.ts';
import { type Json, parseSqlText } from './parser.ts';
import { Scope } from './scope.ts';
import { hasTemporaryHeirs, relationByOid, resolveRelation } from './temporary.ts';
import { type Action, type Frame, unwrap, Walker } from './walk.ts';

export interface RelationName {
  readonly schema: string | null;
  readonly name: string;
  /** False for `ONLY name`. */
  readonly inherits: boolean;
}

/**
 * `define`: the object changes and expressions on its rows may run (ALTER, CREATE INDEX, VACUUM). `object`: the object
 * changes, its rows do not matter (GRANT, COMMENT). `drop`: it goes, with its partitions. `create`: it need not exist. `name`: it is mentioned, no more.
 */
export type Access = 'read' | Action | 'define' | 'drop' | 'object' | 'create' | 'name';

/** Notes the use of a relation and expands it. */
export function useRelation(walker: Walker, { schema, name, inherits }: RelationName, access: Access): RelationEntry {
  const { out, frame } = walker;
  const { catalog } = frame.context;
  const { found, isDoubtful } = resolveRelation(frame.context, schema, name);
  const isWrite = access !== 'read' && access !== 'name';
  const entry = out.relation({
    name,
    schema,
    access: isWrite && frame.mode === 'run' ? 'write' : 'read',
    via: frame.via,
    candidates: found.map(({ oid, kind, ...facts }) => ({ schema: facts.schema, name: facts.name, oid, kind })),
  });
  // Of an object as a whole, every column is concerned.
  if (['truncate', 'define', 'drop', 'object', 'create', 'name'].includes(access)) entry.columns = null;
  if (frame.mode === 'store' || access === 'create') return entry;
  if (catalog === null) {
    out.unknown('no-catalog');
    return entry;
  }
  if (isDoubtful) out.unknown('relation-ambiguous', name);
  if (found.length === 0) {
    const isRows = !['define', 'drop', 'object', 'name'].includes(access);
    if (!isRows) out.unknown('relation-missing', name);
    // A temporary relation is likely, and the session made it itself.
    else out.unknown(isDoubtful ? 'relation-ambiguous' : 'relation-unresolved', name);
    out.touchesUserTypes = true;
  }
  if (found.length > 1) out.unknown('relation-ambiguous', name);
  for (const facts of found) {
    if (access === 'read') expandRead(walker, facts, inherits);
    else if (access === 'define' || access === 'drop') expandDefinitionChange(walker, facts, access, inherits);
    else if (access !== 'object' && access !== 'name') {
      if (frame.mode === 'plan') expandRead(walker, facts, inherits);
      else expandWrite(walker, facts, access, inherits);
    }
  }
  return entry;
}

/** False when this was done already or there is no room for it. */
function enter(walker: Walker, facts: RelationFacts, what: string): boolean {
  const { out, frame } = walker;
  const key = `${what} ${facts.oid} ${frame.mode} ${frame.through ?? ''}`;
  if (out.expanded.has(key)) return false;
  out.expanded.add(key);
  if (frame.expansion >= sqlExpansionDepthMax || out.expanded.size > sqlRelationsMax) {
    out.unknown('view-unread', facts.name);
    return false;
  }
  return true;
}

function expandRead(walker: Walker, facts: RelationFacts, inherits: boolean): void {
  const { out, frame } = walker;
  if (!enter(walker, facts, inherits ? 'read' : 'read only')) return;
  inspect(walker, facts);
  if (!'rpmv'.includes(facts.kind)) out.obstacle('relation is neither table nor view', facts.name);
  if (facts.hasRules) out.obstacle('relation has rules', facts.name);
  if (facts.hasForeignStorage) out.obstacle('relation has its own storage', facts.name);
  if (!isPlainToPlan(walker, facts)) out.obstacle('relation has expressions of its own', facts.name);
  if (inherits && hasTemporaryHeirs(frame.context)) out.obstacle('relation may have temporary heirs', facts.name);
  for (const column of facts.columns) if (column.isVirtual) out.obstacle('virtual column', column.name);
  if (facts.kind === 'v') expandDefinition(walker, facts, null);
  if (!inherits) return;
  for (const child of facts.children) {
    follow(walker, child, 'inheritance', frame.through === null ? 'read' : 'write', (found) =>
      expandRead(walker, found, true),
    );
  }
}

/** By relation, and so by version of the catalog. */
const plain = new WeakMap<RelationFacts, boolean>();

/**
 * True when planning a query over the relation evaluates only built-in functions: the planner folds what is constant in
 * the expressions of indexes, checks and partition keys.
 */
function isPlainToPlan(walker: Walker, facts: RelationFacts): boolean {
  if (facts.hasExpressionStatistics) return false;
  if (facts.expressions.length === 0) return true;
  const known = plain.get(facts);
  if (known !== undefined) return known;
  const scratch = new Collector();
  scratch.kind = 'select';
  const { context } = walker.frame;
  const frame: Frame = { context, mode: 'run', via: 'expression', expansion: 0, through: null };
  expandExpressions(new Walker(scratch, frame, walker.handlers), facts);
  const { obstacles, complete } = scratch.finish(0, 0);
  const isPlain = complete && obstacles.length === 0;
  plain.set(facts, isPlain);
  return isPlain;
}

/** What holds for reading and writing alike. */
function inspect(walker: Walker, facts: RelationFacts): void {
  const { out } = walker;
  if (facts.hasRowSecurity) out.unknown('row-security', facts.name);
  if (facts.kind === 'f') {
    out.unknown('foreign-table', facts.name);
    if (walker.runs) out.effect('foreign-access');
  }
  for (const column of facts.columns) {
    if (column.type !== 'other') continue;
    out.touchesUserTypes = true;
    out.obstacle('column type', column.name);
    break;
  }
}

function expandWrite(walker: Walker, facts: RelationFacts, action: Action, inherits: boolean): void {
  const { out, frame } = walker;
  if (!enter(walker, facts, inherits ? action : `${action} only`)) return;
  inspect(walker, facts);
  if (facts.hasTriggers || hasTemporaryHeirs(frame.context)) out.unknown('triggers', facts.name);
  if (facts.hasRules) out.unknown('rules', facts.name);
  if (facts.kind === 'v') expandDefinition(walker, facts, action);
  if (action === 'insert' || action === 'update') {
    expandExpressions(walker, facts);
    const hasDomains = frame.context.catalog?.hasDomains ?? true;
    const isChecked = facts.columns.some(({ type }) => type === 'domain' || (type === 'other' && hasDomains));
    if (isChecked) out.unknown('type-unread', facts.name);
  }
  if (action === 'insert') expandDefaults(walker, facts);
  // A row goes to one partition, and never to a table that merely inherits.
  if (action === 'insert' ? facts.kind === 'p' : inherits) {
    for (const child of facts.children) {
      follow(walker, child, 'inheritance', 'write', (found) => expandWrite(walker, found, action, true));
    }
  }
  if (action !== 'insert' && action !== 'truncate') expandForeignKeys(walker, facts, action);
}

function expandForeignKeys(walker: Walker, facts: RelationFacts, action: 'update' | 'delete'): void {
  for (const key of facts.referencedBy) {
    const rule = action === 'delete' ? key.onDelete : key.onUpdate;
    if (!'cnd'.includes(rule)) continue;
    const next = rule === 'c' && action === 'delete' ? 'delete' : 'update';
    walker.out.effect(next);
    follow(walker, key.oid, 'foreign-key', 'write', (found) => {
      expandWrite(walker, found, next, true);
      if (rule === 'd') expandDefaults(walker, found);
    });
  }
}

/** TRUNCATE … CASCADE empties whatever refers to the table, by whatever rule. */
export function expandTruncateCascade(walker: Walker, name: RelationName): void {
  const { context } = walker.frame;
  if (context.catalog === null) return;
  const truncate = (facts: RelationFacts): void => {
    if (!enter(walker, facts, 'truncate cascade')) return;
    for (const key of facts.referencedBy) {
      follow(walker, key.oid, 'foreign-key', 'write', (found) => {
        expandWrite(walker, found, 'truncate', true);
        truncate(found);
      });
    }
    for (const child of facts.children) follow(walker, child, 'inheritance', 'write', truncate);
  };
  for (const facts of resolveRelation(context, name.schema, name.name).found) truncate(facts);
}

/** Goes on to another relation by its object id. */
function follow(
  walker: Walker,
  oid: number,
  via: Via,
  access: 'read' | 'write',
  next: (facts: RelationFacts) => void,
): void {
  const { out, frame } = walker;
  const facts = relationByOid(frame.context, oid);
  if (facts === undefined) {
    out.unknown('relation-unresolved', String(oid));
    return;
  }
  const { schema, name, kind } = facts;
  out.relation({ name, schema, access, via, candidates: [{ schema, name, oid, kind }] }).columns = null;
  walker.within({ via, expansion: frame.expansion + 1 }, () => next(facts));
}

/** What is done to a table is done to its partitions and heirs. */
function expandDefinitionChange(
  walker: Walker,
  facts: RelationFacts,
  access: 'define' | 'drop',
  inherits: boolean,
): void {
  if (!enter(walker, facts, access)) return;
  if (access === 'define') expandExpressions(walker, facts);
  if (access === 'define' && facts.hasExpressionStatistics) walker.out.unknown('view-unread', facts.name);
  if (!inherits && facts.kind !== 'p') return;
  for (const child of facts.children) {
    follow(walker, child, 'inheritance', 'write', (found) => expandDefinitionChange(walker, found, access, true));
  }
}

/** What runs whenever a row is written. */
function expandExpressions(walker: Walker, facts: RelationFacts): void {
  if (!enter(walker, facts, 'expressions')) return;
  for (const [index, text] of facts.expressions.entries()) expandText(walker, facts, index, text);
}

/** What runs for a column that gets no value, or DEFAULT. */
function expandDefaults(walker: Walker, facts: RelationFacts): void {
  if (!enter(walker, facts, 'defaults')) return;
  for (const [index, text] of facts.defaults.entries()) expandText(walker, facts, -2 - index, text);
  for (const sequence of facts.sequences) {
    walker.out.effect('sequence-change');
    follow(walker, sequence, 'sequence', 'write', () => undefined);
  }
}

/** `SET column = DEFAULT`. */
export function useDefaults(walker: Walker, entry: RelationEntry): void {
  if (!walker.runs) return;
  for (const { oid } of entry.candidates) {
    const facts = relationByOid(walker.frame.context, oid);
    if (facts !== undefined) expandDefaults(walker, facts);
  }
}

function expandText(walker: Walker, facts: RelationFacts, index: number, text: string | null): void {
  const tree = text === null ? null : parseOnce(facts, index, `SELECT (${text})`);
  const select = tree === null ? null : unwrap(tree, 'SelectStmt');
  if (select === null) walker.out.unknown('view-unread', facts.name);
  else walkStored(walker, select['targetList'] ?? null, 'expression', null);
}

function expandDefinition(walker: Walker, facts: RelationFacts, through: Action | null): void {
  const tree = facts.viewDefinition === null ? null : parseOnce(facts, -1, facts.viewDefinition);
  if (tree === null) walker.out.unknown('view-unread', facts.name);
  else walkStored(walker, tree, 'view', through ?? walker.frame.through);
}

/** Runs the query of a materialised view or a view, as REFRESH does. */
export function expandQuery(walker: Walker, name: RelationName): void {
  const { found } = resolveRelation(walker.frame.context, name.schema, name.name);
  for (const facts of found) expandDefinition(walker, facts, null);
}

/** Walks a tree from the catalog: its names are qualified, since it was loaded with nothing on the search path. */
function walkStored(walker: Walker, tree: Json, via: Via, through: Action | null): void {
  const { frame } = walker;
  const { catalog } = frame.context;
  const context = createContext({ catalog, searchPath: ['pg_catalog'], temporary: 'none' });
  walker.within({ context, via, through, expansion: frame.expansion + 1 }, () => walker.walk(tree, new Scope(null)));
}

/** Parsed once per version of the catalog. */
const trees = new WeakMap<RelationFacts, Map<number, Json | null>>();

export function parseOnce(facts: RelationFacts, index: number, text: string): Json | null {
  const known = trees.get(facts) ?? new Map<number, Json | null>();
  trees.set(facts, known);
  const tree = known.get(index);
  if (tree !== undefined) return tree;
  const outcome = parseSqlText(text, new TextEncoder().encode(text).length);
  // A parser that is being replaced will be back: that answer is not kept.
  if (outcome.status === 'unavailable') return null;
  const parsed = outcome.status === 'parsed' && outcome.statements.length === 1 ? outcome.statements[0]!.node : null;
  known.set(index, parsed);
  return parsed;
}
