/**
 * INSERT, UPDATE, DELETE and MERGE: what flows into the target, what steers which rows are reached, and what RETURNING
 * gives back. A row that comes back carries the target's columns and what has just been put there.
 *
 * Invariant: where it is not known which column takes a value, every column may have taken it.
 */
import type { Fields, Json } from '../parser.ts';
import { hasTemporaryHeirs } from '../temporary.ts';
import { namesOf, textOf, unwrap } from '../walk.ts';
import { evaluate } from './expression.ts';
import { aliasOf, enterFrom, fromItem } from './from.ts';
import { type Relation, rangeOf, useRelation } from './relations.ts';
import { columnIn, emptyShape, Level, plainRange, type Range, type Shape, unknownShape } from './scope.ts';
import { enterWith, queryShape, targetShape } from './select.ts';
import { listOf, type Tracer } from './tracer.ts';
import { combine, isEmpty, nothing, unfollowed, type Value } from './value.ts';

type Writer = (tracer: Tracer, fields: Fields, parent: Level) => Shape;

/** A statement that writes, as a query: its RETURNING. */
export function writeShape(tracer: Tracer, node: Json | undefined, parent: Level): Shape {
  for (const [type, fields] of Object.entries(Object(node ?? {}) as Fields)) {
    const writer = writers.get(type);
    return writer === undefined
      ? unknownShape(`${type} is not followed`)
      : writer(tracer, (fields ?? {}) as Fields, parent);
  }
  return unknownShape('the query is not known');
}

/** The relation that is written to, and what it has been given so far. */
class Target {
  readonly relation: Relation;
  readonly alias: string;
  readonly range: Range;
  readonly #tracer: Tracer;
  readonly #given = new Map<string, Value>();
  /** Given to a column that is not known. */
  #anywhere: Value = nothing;
  readonly #name: string;

  constructor(tracer: Tracer, node: Json | undefined) {
    const fields = (node ?? {}) as Fields;
    const schema = typeof fields['schemaname'] === 'string' ? fields['schemaname'] : null;
    const name = textOf(fields['relname']);
    this.#tracer = tracer;
    this.relation = useRelation(tracer, schema, name, fields['inh'] === true);
    const alias = aliasOf(fields);
    this.alias = alias.name ?? name;
    this.range = rangeOf(this.relation, this.alias, alias.name !== null);
    const { facts } = this.relation;
    this.#name = facts !== null ? `${facts.schema}.${facts.name}` : schema === null ? name : `${schema}.${name}`;
    if (hasTemporaryHeirs(tracer.context)) tracer.unread('temporary heirs may have triggers');
    if (facts?.hasTriggers === true) tracer.unread(`triggers of ${facts.name} were not read`);
    // They may even return rows of their own.
    if (facts?.hasRules === true) tracer.miss({ reason: `rules of ${facts.name} were not read`, kind: 'names' });
  }

  /** Names of all columns, in order; null where they are not known. */
  get columns(): readonly string[] | null {
    return this.range.rest === null ? this.range.columns.map((column) => column.name) : null;
  }

  give(column: string | null, value: Value): void {
    this.#tracer.flow(value, 'relation', column === null ? this.#name : `${this.#name}.${column}`);
    if (column === null) this.#anywhere = combine([this.#anywhere, value]);
    else this.#given.set(column, combine([this.#given.get(column) ?? nothing, value]));
  }

  /** Gives the columns of a query, by position. */
  giveRow(names: readonly string[] | null, source: Shape): void {
    if (names === null || source.rest !== null || source.columns.length > names.length) {
      for (const column of source.columns) this.give(null, column.value);
      if (source.rest !== null) this.give(null, source.rest);
    } else source.columns.forEach((column, at) => void this.give(names[at]!, column.value));
  }

  /** What was given to a column, perhaps. */
  givenTo(column: string): Value {
    return combine([this.#given.get(column) ?? nothing, this.#anywhere]);
  }

  /** The row that was proposed: EXCLUDED. */
  get proposed(): Range {
    const rest = this.range.rest === null ? null : combine([...this.#given.values(), this.#anywhere, this.range.rest]);
    const columns = this.range.columns.map(({ name }) => ({ name, value: this.givenTo(name) }));
    return { ...plainRange, alias: 'excluded', byColumn: false, columns, rest };
  }

  /** The row as RETURNING sees it. */
  returned(alias: string = this.alias): Range {
    const { facts } = this.relation;
    const all = combine([...this.#given.values(), this.#anywhere]);
    const columns = this.range.columns.map(({ name, value }, at) => {
      // Rules may return anything; a generated column is computed from what was given.
      if (facts?.hasRules === true) return { name, value: unfollowed(`rules of ${facts.name} were not read`) };
      // In place of a view's row, a trigger gives back what it likes. What it puts into a table is the table's from then on.
      if (facts?.kind === 'v' && facts.hasTriggers) {
        return { name, value: unfollowed(`triggers of ${facts.name} were not read`) };
      }
      const given = facts !== null && facts.columns[at]?.generation !== null ? all : this.givenTo(name);
      return { name, value: isEmpty(given) ? value : combine([value, given]) };
    });
    const rest = this.range.rest === null ? null : combine([this.range.rest, all]);
    return { ...this.range, alias, columns, rest };
  }
}

/** `SET a = …, (b, c) = …`. */
function assign(tracer: Tracer, list: Json | undefined, level: Level, target: Target): void {
  for (const item of listOf(list)) {
    const fields = unwrap(item, 'ResTarget') ?? {};
    const subscripts = evaluate(
      tracer,
      listOf(fields['indirection']).flatMap((step) => {
        const indices = unwrap(step, 'A_Indices');
        return indices === null ? [] : [indices['lidx'] ?? {}, indices['uidx'] ?? {}];
      }),
      level,
    );
    const name = fields['name'];
    const value = combine([assigned(tracer, fields['val'], level), subscripts]);
    target.give(typeof name === 'string' ? name : null, value);
  }
}

function assigned(tracer: Tracer, node: Json | undefined, level: Level): Value {
  const multiple = unwrap(node, 'MultiAssignRef');
  if (multiple === null) return evaluate(tracer, node, level);
  const at = Number(multiple['colno'] ?? 0) - 1;
  const source = multiple['source'];
  const row = unwrap(source, 'RowExpr');
  const link = unwrap(source, 'SubLink');
  if (row !== null) {
    const args = listOf(row['args']);
    return args.length === multiple['ncolumns'] ? evaluate(tracer, args[at], level) : evaluate(tracer, source, level);
  }
  if (link === null) return evaluate(tracer, source, level);
  const shape = queryShape(tracer, link['subselect'], level);
  const one = shape.rest === null ? shape.columns[at] : undefined;
  return one === undefined ? evaluate(tracer, source, level) : combine([one.value, shape.rows]);
}

/** RETURNING, where the target's row is the new one and OLD is the one before. */
function returning(tracer: Tracer, clause: Json | undefined, level: Level, target: Target): Shape {
  if (clause === undefined) return emptyShape;
  const fields = clause as Fields;
  const options = listOf(fields['options']).map((item) => unwrap(item, 'ReturningOption') ?? {});
  const aliases = [
    ...options.map((option) => [textOf(option['value']), option['option'] === 'RETURNING_OPTION_OLD'] as const),
    ...(['old', 'new'] as const).map((name) => [name, name === 'old'] as const),
  ];
  for (const [alias, isOld] of aliases) {
    if (level.named(alias).length > 0) continue;
    const range = isOld ? { ...target.range, alias } : target.returned(alias);
    level.ranges.push({ ...range, byColumn: false });
  }
  return targetShape(tracer, fields['exprs'], level);
}

const insertStmt: Writer = (tracer, fields, parent) => {
  const outer = enterWith(tracer, fields['withClause'], parent);
  const target = new Target(tracer, fields['relation']);
  const source = fields['selectStmt'] === undefined ? emptyShape : queryShape(tracer, fields['selectStmt'], outer);
  const listed = listOf(fields['cols']).map((item) => textOf(unwrap(item, 'ResTarget')?.['name']));
  target.giveRow(fields['cols'] === undefined ? target.columns : listed, source);
  const conflict = fields['onConflictClause'] as Fields | undefined;
  if (conflict !== undefined) onConflict(tracer, conflict, outer, target);
  const shape = returning(tracer, fields['returningClause'], new Level(outer, [target.returned()]), target);
  return { ...shape, rows: source.rows };
};

function onConflict(tracer: Tracer, fields: Fields, outer: Level, target: Target): void {
  const level = new Level(outer, [target.range, target.proposed]);
  const infer = fields['infer'] as Fields | undefined;
  for (const item of listOf(infer?.['indexElems'])) {
    const element = unwrap(item, 'IndexElem') ?? {};
    const name = element['name'];
    const value = typeof name === 'string' ? columnIn(target.range, name) : evaluate(tracer, element['expr'], level);
    tracer.steer(value ?? target.range.rest ?? nothing, 'where');
  }
  tracer.steer(
    tracer.choose(() => evaluate(tracer, infer?.['whereClause'], level)),
    'where',
  );
  assign(tracer, fields['targetList'], level, target);
  tracer.steer(
    tracer.choose(() => evaluate(tracer, fields['whereClause'], level)),
    'where',
  );
}

const updateStmt: Writer = (tracer, fields, parent) => {
  const outer = enterWith(tracer, fields['withClause'], parent);
  const target = new Target(tracer, fields['relation']);
  const level = new Level(outer, [target.range]);
  const from = enterFrom(tracer, fields['fromClause'], level, outer);
  assign(tracer, fields['targetList'], level, target);
  const where = tracer.choose(() => evaluate(tracer, fields['whereClause'], level));
  tracer.steer(where, 'where');
  level.ranges[0] = target.returned();
  const shape = returning(tracer, fields['returningClause'], level, target);
  return { ...shape, rows: combine([from, where, target.relation.shape.rows]) };
};

const deleteStmt: Writer = (tracer, fields, parent) => {
  const outer = enterWith(tracer, fields['withClause'], parent);
  const target = new Target(tracer, fields['relation']);
  const level = new Level(outer, [target.range]);
  const using = enterFrom(tracer, fields['usingClause'], level, outer);
  const where = tracer.choose(() => evaluate(tracer, fields['whereClause'], level));
  tracer.steer(where, 'where');
  level.ranges[0] = target.returned();
  const shape = returning(tracer, fields['returningClause'], level, target);
  return { ...shape, rows: combine([using, where, target.relation.shape.rows]) };
};

const mergeStmt: Writer = (tracer, fields, parent) => {
  const outer = enterWith(tracer, fields['withClause'], parent);
  const target = new Target(tracer, fields['relation']);
  const source = fromItem(tracer, fields['sourceRelation'] ?? null, new Level(outer), outer);
  const level = new Level(outer, [...source.ranges, target.range]);
  const join = tracer.choose(() => evaluate(tracer, fields['joinCondition'], level));
  tracer.steer(join, 'join');
  const rows = [source.rows, join, target.relation.shape.rows];
  for (const item of listOf(fields['mergeWhenClauses'])) {
    const when = unwrap(item, 'MergeWhenClause') ?? {};
    const condition = tracer.choose(() => evaluate(tracer, when['condition'], level));
    tracer.steer(condition, 'where');
    rows.push(condition);
    if (when['commandType'] !== 'CMD_INSERT') {
      assign(tracer, when['targetList'], level, target);
      continue;
    }
    const listed = listOf(when['targetList']).map((one) => textOf(unwrap(one, 'ResTarget')?.['name']));
    const items = listOf(when['values']).map((val) => ({ ResTarget: { val } }));
    target.giveRow(when['targetList'] === undefined ? target.columns : listed, targetShape(tracer, items, level));
  }
  // `*` is the source's columns, then the target's.
  level.ranges[source.ranges.length] = target.returned();
  const shape = returning(tracer, fields['returningClause'], level, target);
  return { ...shape, rows: combine(rows) };
};

const writers: ReadonlyMap<string, Writer> = new Map([
  ['InsertStmt', insertStmt],
  ['UpdateStmt', updateStmt],
  ['DeleteStmt', deleteStmt],
  ['MergeStmt', mergeStmt],
]);

/** Follows expressions over the rows of one relation: those of indexes, checks, and new types of columns. */
export function overRelation(
  tracer: Tracer,
  relation: Json | undefined,
  follow: (level: Level, give: (column: string | null, value: Value) => void) => void,
): void {
  const target = new Target(tracer, relation);
  follow(new Level(null, [target.range]), (column, value) => target.give(column, value));
}

/** Gives the columns of a query to a relation that comes into being. */
export function giveNew(tracer: Tracer, into: Fields, shape: Shape): void {
  const relation = (into['rel'] ?? {}) as Fields;
  const schema = relation['schemaname'];
  const name = `${typeof schema === 'string' ? `${schema}.` : ''}${textOf(relation['relname'])}`;
  const names = namesOf(into['colNames']);
  shape.columns.forEach((column, at) => {
    const own = shape.rest === null ? `.${names[at] ?? column.name}` : '';
    tracer.flow(column.value, 'relation', `${name}${own}`);
  });
  if (shape.rest !== null) tracer.flow(shape.rest, 'relation', name);
}
