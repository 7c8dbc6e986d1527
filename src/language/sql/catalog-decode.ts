/**
 * Rows of `catalogQueries` to `CatalogFacts`. Pure; nothing is trusted to have the right shape or size.
 *
 * Invariant: whole facts or a refusal with its reason. A refusal means that nothing is proven, never that less is known.
 */
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
import type { Volatility } from './model.ts';

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
  relations: 9,
  columns: 5,
  expressions: 3,
  children: 2,
  foreignKeys: 4,
  sequences: 2,
  functions: 6,
  operators: 6,
  types: 4,
  flags: 4,
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
  const texts = [...results.relations.map((row) => row[8]), ...results.expressions.map((row) => row[1])];
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
  }));
  const expressionOf = (row: CatalogRow): string | null => row[1] ?? null;
  const defaults = group(
    results.expressions.filter((row) => row[2] === 'd'),
    expressionOf,
  );
  const expressions = group(
    results.expressions.filter((row) => row[2] !== 'd'),
    expressionOf,
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
      children: children.get(oid) ?? [],
      referencedBy: keys.get(oid) ?? [],
      sequences: sequences.get(oid) ?? [],
    });
  }
  return out;
}

const volatilityOf = (value: string | null | undefined): Volatility =>
  value === '1' ? 'immutable' : value === '2' ? 'stable' : 'volatile';

function decodeFunctions(rows: readonly CatalogRow[]): Pick<CatalogFacts, 'builtInFunctions' | 'userFunctions'> {
  const builtInFunctions = new Map<string, Volatility>();
  const userFunctions = new Map<string, UserFunctionFacts[]>();
  for (const row of rows) {
    const schema = textOf(row[0]);
    const name = textOf(row[1]);
    const volatility = volatilityOf(row[3]);
    if (isTrue(row[2])) builtInFunctions.set(schema === 'pg_catalog' ? name : `${schema}.${name}`, volatility);
    else append(userFunctions, name, { schema, volatility, takesBuiltIn: !isFalse(row[4]), isUnary: !isFalse(row[5]) });
  }
  return { builtInFunctions, userFunctions };
}

function decodeOperators(rows: readonly CatalogRow[]): Pick<CatalogFacts, 'builtInOperators' | 'userOperators'> {
  const builtInOperators = new Map<string, Volatility>();
  const userOperators = new Map<string, UserOperatorFacts[]>();
  for (const row of rows) {
    const schema = textOf(row[0]);
    const name = textOf(row[1]);
    if (isTrue(row[2])) builtInOperators.set(name, volatilityOf(row[3]));
    else append(userOperators, name, { schema, takesBuiltIn: !isFalse(row[4]), isNative: isTrue(row[5]) });
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
