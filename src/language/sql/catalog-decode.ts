/**
 * Rows of `catalogQueries` to `CatalogFacts`. Pure; nothing is trusted to have the right shape or size.
 *
 * Invariant: whole facts or a refusal with its reason. A refusal means that nothing is proven, never that less is known.
 */

import type { Volatility } from '../../core/sql.ts';
import {
  catalogColumnsMax,
  catalogLinksMax,
  catalogNamesMax,
  catalogRelationsMax,
  catalogTextsMax,
} from '../limits.ts';
import type {
  CatalogFacts,
  ColumnFacts,
  ForeignKeyFacts,
  RelationFacts,
  UserFunctionFacts,
  UserOperatorFacts,
  UserTypeFacts,
} from './catalog.ts';
import type { CatalogQueryName } from './catalog-queries.ts';

export type CatalogRow = readonly (string | null)[];
export type CatalogResults = Readonly<Record<CatalogQueryName, readonly CatalogRow[]>>;

export type CatalogOutcome =
  | { readonly facts: CatalogFacts; readonly refused: null }
  /** Which query gave too much or something unexpected. */
  | { readonly facts: null; readonly refused: string };

const rowsMax: Readonly<Record<CatalogQueryName, number>> = {
  version: 1,
  relations: catalogRelationsMax,
  columns: catalogColumnsMax,
  expressions: catalogLinksMax,
  children: catalogLinksMax,
  foreignKeys: catalogLinksMax,
  sequences: catalogLinksMax,
  functions: catalogNamesMax,
  operators: catalogNamesMax,
  types: catalogNamesMax,
  flags: 1,
};
const width: Readonly<Record<CatalogQueryName, number>> = {
  version: 1,
  relations: 10,
  columns: 8,
  expressions: 3,
  children: 2,
  foreignKeys: 4,
  sequences: 2,
  functions: 8,
  operators: 7,
  types: 4,
  flags: 5,
};

/** Decodes text rows, as the server sends them in text format (`t` and `f` for booleans). */
export function decodeCatalog(results: CatalogResults): CatalogOutcome {
  for (const name of Object.keys(rowsMax) as CatalogQueryName[]) {
    const rows = results[name];
    if (rows.length > rowsMax[name]) return { facts: null, refused: `${name}: more than ${rowsMax[name]} rows` };
    if (rows.some((row) => row.length !== width[name])) return { facts: null, refused: `${name}: unexpected columns` };
  }
  const [version] = results.version[0] ?? [];
  const flags = results.flags[0];
  if (!version || flags === undefined) return { facts: null, refused: 'version: no row' };
  if (results.functions.length === 0 || results.operators.length === 0 || results.types.length === 0) {
    return { facts: null, refused: 'functions: no rows' };
  }
  const texts = [
    ...results.relations.map((row) => row[8]),
    ...results.expressions.map((row) => row[1]),
    ...results.columns.map((row) => row[7]),
  ];
  const size = texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
  if (size > catalogTextsMax) return { facts: null, refused: `relations: more than ${catalogTextsMax} characters` };
  const relations = decodeRelations(results);
  const named = new Map<string, RelationFacts[]>();
  for (const relation of relations.values()) append(named, relation.name, relation);
  const facts: CatalogFacts = {
    version,
    relations,
    named,
    ...decodeFunctions(results.functions),
    ...decodeOperators(results.operators),
    ...decodeTypes(results.types),
    hasUserCasts: !isFalse(flags[0]),
    hasCastsToUserTypes: !isFalse(flags[1]),
    hasEventTriggers: !isFalse(flags[2]),
    hasDomains: !isFalse(flags[3]),
    hasUnreadCasts: !isFalse(flags[4]),
  };
  return { facts: Object.freeze(facts), refused: null };
}

/** Anything but a clear no counts as yes: every flag here stands in the way of a proof. */
const isFalse = (value: string | null | undefined): boolean => value === 'f' || value === 'false';
const isTrue = (value: string | null | undefined): boolean => value === 't' || value === 'true';
const textOf = (value: string | null | undefined): string => value ?? '';

function append<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}

function group<Item>(rows: readonly CatalogRow[], item: (row: CatalogRow) => Item): Map<number, Item[]> {
  const out = new Map<number, Item[]>();
  for (const row of rows) append(out, Number(row[0]), item(row));
  return out;
}

function decodeRelations(results: CatalogResults): Map<number, RelationFacts> {
  const columns = group<ColumnFacts>(results.columns, (row) => ({
    name: textOf(row[1]),
    type: row[2] === 's' ? 'safe' : row[2] === 'd' ? 'domain' : 'other',
    notNull: isTrue(row[3]),
    isVirtual: !isFalse(row[4]),
    attnum: Number(row[5] ?? 0),
    isArray: isTrue(row[6]),
    generation: row[7] ?? null,
  }));
  const expressionOf = (row: CatalogRow): string | null => row[1] ?? null;
  const defaults = group(
    results.expressions.filter((row) => row[2] === 'd'),
    expressionOf,
  );
  const expressions = group(
    results.expressions.filter((row) => row[2] === 'w'),
    expressionOf,
  );
  const statistics = new Set(
    results.expressions.filter((row) => row[2] !== 'd' && row[2] !== 'w').map((row) => Number(row[0])),
  );
  const children = group(results.children, (row) => Number(row[1]));
  const sequences = group(results.sequences, (row) => Number(row[1]));
  const keys = group<ForeignKeyFacts>(results.foreignKeys, (row) => ({
    oid: Number(row[1]),
    onDelete: textOf(row[2]),
    onUpdate: textOf(row[3]),
  }));
  const out = new Map<number, RelationFacts>();
  for (const row of results.relations) {
    const oid = Number(row[0]);
    out.set(oid, {
      oid,
      schema: textOf(row[1]),
      name: textOf(row[2]),
      kind: textOf(row[3]),
      hasRules: !isFalse(row[4]),
      hasRowSecurity: !isFalse(row[5]),
      hasTriggers: !isFalse(row[6]),
      hasForeignStorage: !isFalse(row[7]),
      viewDefinition: row[8] ?? null,
      columns: columns.get(oid) ?? [],
      defaults: defaults.get(oid) ?? [],
      expressions: expressions.get(oid) ?? [],
      hasExpressionStatistics: statistics.has(oid),
      children: children.get(oid) ?? [],
      referencedBy: keys.get(oid) ?? [],
      sequences: sequences.get(oid) ?? [],
      rowEstimate: estimateOf(row[9]),
    });
  }
  return out;
}

const volatilityOf = (value: string | null | undefined): Volatility =>
  value === '1' ? 'immutable' : value === '2' ? 'stable' : 'volatile';

/** `-1` is the server's own word for not known; before version 14 an unknown count reads as zero, as does an empty table. */
function estimateOf(value: string | null | undefined): number {
  const rows = Number(value ?? -1);
  return Number.isFinite(rows) && rows >= 0 ? Math.round(rows) : -1;
}

/** A JSON array of names; null for anything else. */
function namesOf(value: string | null | undefined): readonly string[] | null {
  if (value === null || value === undefined) return null;
  try {
    const list: unknown = JSON.parse(value);
    if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) return null;
    // As the server names what has no name.
    return list.length === 1 && list[0] === '' ? [] : list.map((name, at) => (name === '' ? `column${at + 1}` : name));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function decodeFunctions(
  rows: readonly CatalogRow[],
): Pick<CatalogFacts, 'builtInFunctions' | 'builtInOutputs' | 'userFunctions'> {
  const builtInFunctions = new Map<string, Volatility>();
  const builtInOutputs = new Map<string, readonly string[] | null>();
  const userFunctions = new Map<string, UserFunctionFacts[]>();
  for (const row of rows) {
    const schema = textOf(row[0]);
    const name = textOf(row[1]);
    const volatility = volatilityOf(row[3]);
    const outputs = namesOf(row[7]);
    if (isTrue(row[2])) {
      const full = schema === 'pg_catalog' ? name : `${schema}.${name}`;
      builtInFunctions.set(full, volatility);
      builtInOutputs.set(full, outputs);
      continue;
    }
    append(userFunctions, name, {
      schema,
      volatility,
      takesBuiltIn: !isFalse(row[4]),
      isUnary: !isFalse(row[5]),
      code: row[6] === '2' ? 'computing' : row[6] === '1' ? 'native' : 'other',
      outputs,
    });
  }
  return { builtInFunctions, builtInOutputs, userFunctions };
}

function decodeOperators(rows: readonly CatalogRow[]): Pick<CatalogFacts, 'builtInOperators' | 'userOperators'> {
  const builtInOperators = new Map<string, Volatility>();
  const userOperators = new Map<string, UserOperatorFacts[]>();
  for (const row of rows) {
    const schema = textOf(row[0]);
    const name = textOf(row[1]);
    if (isTrue(row[2])) builtInOperators.set(name, volatilityOf(row[3]));
    else {
      const [isNative, isComputing] = [isTrue(row[5]), isTrue(row[6])];
      append(userOperators, name, { schema, takesBuiltIn: !isFalse(row[4]), isNative, isComputing });
    }
  }
  return { builtInOperators, userOperators };
}

function decodeTypes(rows: readonly CatalogRow[]): Pick<CatalogFacts, 'builtInTypes' | 'userTypes'> {
  const builtInTypes = new Set<string>();
  const userTypes = new Map<string, UserTypeFacts[]>();
  for (const row of rows) {
    const schema = textOf(row[0]);
    const name = textOf(row[1]);
    const kind = row[3] === 'e' ? 'enum' : row[3] === 'd' ? 'domain' : 'other';
    if (isTrue(row[2])) builtInTypes.add(name);
    else append(userTypes, name, { schema, kind });
  }
  return { builtInTypes, userTypes };
}
