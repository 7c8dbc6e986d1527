/**
 * Relations of the catalog: what their columns carry. A table's column carries itself; so do the columns of that name in
 * its parents and partitions, since a mask on either is meant for the same rows. Views and materialised views carry what
 * their query does, and their own column beside it; generated columns what they are computed from.
 *
 * Invariant: what stands behind a relation is followed once per version of the catalog; views nest to a bounded depth.
 */
import type { ColumnOrigin } from '../../../core/sql.ts';
import { sqlExpansionDepthMax } from '../../limits.ts';
import { type CatalogFacts, firstUserOid, type RelationFacts } from '../catalog.ts';
import { createContext } from '../context.ts';
import { parseOnce } from '../expand.ts';
import { resolveRelation } from '../temporary.ts';
import { unwrap } from '../walk.ts';
import { evaluate } from './expression.ts';
import { holderColumns } from './holders.ts';
import { Level, plainRange, type Range, type Shape, unknownShape } from './scope.ts';
import { queryShape } from './select.ts';
import { type Findings, listOf, Tracer, Unfollowable } from './tracer.ts';
import { carrying, combine, computed, type NamedValue, nothing, unfollowed, type Value } from './value.ts';

const systemColumns = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** A relation as the statement names it, with what is known of it. */
export interface Relation {
  readonly shape: Shape;
  readonly schemas: readonly string[];
  readonly system: Range['system'];
  /** The one relation that is meant, where that is certain. */
  readonly facts: RelationFacts | null;
}

/** Finds a relation by its name, and notes what steers the views in it. */
export function useRelation(tracer: Tracer, schema: string | null, name: string, inherits: boolean): Relation {
  const { catalog } = tracer.context;
  const unknown = (reason: string): Relation => {
    const shape = unknownShape(reason);
    // It may be a view, whose conditions steer the statement.
    tracer.miss(shape.rows.gap);
    return { shape, schemas: schema === null ? [] : [schema], system: null, facts: null };
  };
  if (catalog === null) return unknown('nothing is known of the database');
  const { found, isDoubtful } = resolveRelation(tracer.context, schema, name);
  if (isDoubtful) return unknown(`${name} may be a temporary relation`);
  if (found.length === 0) return unknown(`relation ${name} is not known`);
  if (found.length > 1) return unknown(`${name} may mean several relations`);
  const facts = found[0]!;
  const { shape, findings } = shapeOf(tracer, catalog, facts, inherits);
  if (findings !== null) tracer.include(findings);
  const system = (column: string): Value | null =>
    systemColumns.has(column) && facts.kind !== 'v' ? carrying(new Set([originOf(facts, column)]), false, true) : null;
  return { shape, schemas: [facts.schema], system, facts };
}

export function rangeOf(relation: Relation, alias: string, isAliased: boolean): Range {
  const { shape, system, schemas } = relation;
  return { ...plainRange, alias, schemas: isAliased ? [] : schemas, columns: shape.columns, rest: shape.rest, system };
}

const origins = new WeakMap<RelationFacts, Map<string, ColumnOrigin>>();

/** The one object that stands for a column. */
export function originOf(facts: RelationFacts, column: string): ColumnOrigin {
  const known = origins.get(facts) ?? new Map<string, ColumnOrigin>();
  origins.set(facts, known);
  let origin = known.get(column);
  if (origin === undefined) {
    origin = Object.freeze({ schema: facts.schema, relation: facts.name, column });
    known.set(column, origin);
  }
  return origin;
}

interface Known {
  readonly shape: Shape;
  /** Of the views in it. */
  readonly findings: Findings | null;
}

/** By relation, and so by version of the catalog; apart where overloads for own types count, and for ONLY. */
const shapes = new WeakMap<RelationFacts, Map<string, Known>>();

function shapeOf(tracer: Tracer, catalog: CatalogFacts, facts: RelationFacts, inherits: boolean): Known {
  const key = `${tracer.touchesUserTypes} ${inherits}`;
  const known = shapes.get(facts) ?? new Map<string, Known>();
  shapes.set(facts, known);
  const kept = known.get(key);
  if (kept !== undefined) return kept;
  const isView = (facts.kind === 'v' || facts.kind === 'm') && facts.oid >= firstUserOid;
  const made = isView ? viewShape(tracer, catalog, facts) : tableShape(tracer, catalog, facts, inherits);
  known.set(key, made);
  return made;
}

function tableShape(tracer: Tracer, catalog: CatalogFacts, facts: RelationFacts, inherits: boolean): Known {
  const family = [facts, ...ancestors(catalog, facts), ...(inherits ? descendants(catalog, facts) : [])];
  const columns: NamedValue[] = facts.columns.map(({ name, type, isArray }) => {
    const all = family
      .filter((one) => one === facts || one.columns.some((column) => column.name === name))
      .map((one) => originOf(one, name));
    const value = carrying(new Set(all), true, type !== 'other', isArray && type !== 'other');
    const held = facts.schema === 'pg_catalog' ? holderColumns.get(`${facts.name}.${name}`) : undefined;
    return { name, value: held === undefined ? value : { ...computed(value), gap: { reason: held, kind: 'names' } } };
  });
  const scratch = stored(tracer, catalog);
  const plain = new Level(null, [{ ...plainRange, alias: facts.name, columns }]);
  const whole = columns.map((column, index): NamedValue => {
    const { generation, attnum } = facts.columns[index]!;
    if (generation === null) return column;
    const tree = generation === '' ? null : parseOnce(facts, generationKey + attnum, `SELECT (${generation})`);
    const target = unwrap(listOf(unwrap(tree ?? {}, 'SelectStmt')?.['targetList'])[0], 'ResTarget');
    const source =
      target === null
        ? unfollowed(`how ${column.name} is generated was not read`)
        : evaluate(scratch, target['val'], plain);
    return { name: column.name, value: combine([column.value, source]) };
  });
  return { shape: { columns: whole, rest: null, rows: nothing }, findings: null };
}

/** Where generated columns are among the texts of a relation that were parsed. */
const generationKey = 1_000_000;

function viewShape(tracer: Tracer, catalog: CatalogFacts, facts: RelationFacts): Known {
  const fail = (reason: string): Known => {
    const value = unfollowed(reason);
    const columns = facts.columns.map(({ name }) => ({ name, value }));
    return { shape: { columns, rest: null, rows: value }, findings: null };
  };
  if (facts.viewDefinition === null) return fail(`view ${facts.name} was not read`);
  const tree = parseOnce(facts, -1, facts.viewDefinition);
  // Neither is kept: another statement may be less deep, and a parser that is being replaced will be back.
  if (tree === null) throw new Unfollowable(`view ${facts.name} was not read`);
  if (tracer.depth >= sqlExpansionDepthMax) throw new Unfollowable(`view ${facts.name} nests too deeply`);
  const scratch = stored(tracer, catalog);
  const shape = queryShape(scratch, tree, new Level(null));
  if (shape.rest !== null || shape.columns.length !== facts.columns.length) {
    return fail(`the columns of view ${facts.name} could not be told`);
  }
  const columns = facts.columns.map(({ name, type }, index) => {
    const { value } = shape.columns[index]!;
    const own = carrying(new Set([originOf(facts, name)]), false, type !== 'other');
    return { name, value: { ...combine([value, own]), direct: value.direct, isPlain: type !== 'other' } };
  });
  return { shape: { columns, rest: null, rows: shape.rows }, findings: scratch.findings };
}

/** For what the catalog stores: its names are qualified, since it was loaded with nothing on the search path. */
function stored(tracer: Tracer, catalog: CatalogFacts): Tracer {
  const context = createContext({ catalog, searchPath: ['pg_catalog'], temporary: 'none' });
  return new Tracer(context, tracer.touchesUserTypes, tracer.depth + 1);
}

/** The relations that each one inherits from, or is a partition of. */
const parents = new WeakMap<CatalogFacts, ReadonlyMap<number, readonly RelationFacts[]>>();

function ancestors(catalog: CatalogFacts, facts: RelationFacts): readonly RelationFacts[] {
  let known = parents.get(catalog);
  if (known === undefined) {
    const made = new Map<number, RelationFacts[]>();
    for (const relation of catalog.relations.values()) {
      for (const child of relation.children) {
        const list = made.get(child);
        if (list === undefined) made.set(child, [relation]);
        else list.push(relation);
      }
    }
    known = made;
    parents.set(catalog, known);
  }
  const up = known;
  return closure(facts, (one) => up.get(one.oid) ?? []);
}

function descendants(catalog: CatalogFacts, facts: RelationFacts): readonly RelationFacts[] {
  return closure(facts, (one) =>
    one.children.flatMap((child) => {
      const found = catalog.relations.get(child);
      return found === undefined ? [] : [found];
    }),
  );
}

/** Everything that is reached, without the start. */
function closure(start: RelationFacts, next: (one: RelationFacts) => readonly RelationFacts[]): RelationFacts[] {
  const seen = new Set<RelationFacts>([start]);
  for (const one of seen) for (const other of next(one)) seen.add(other);
  seen.delete(start);
  return [...seen];
}
