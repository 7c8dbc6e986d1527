/**
 * The SQL that loads `CatalogFacts` from a server of version 12 or later: literal texts, to be run in order in one
 * transaction, over simple or extended query, with results in text format.
 *
 * Invariants:
 * - `catalogBegin` empties the search path, so that every name in view definitions and expressions comes qualified, and
 *   takes one snapshot, so that the facts agree with each other and with their version.
 * - Nothing of temporary relations is loaded: they belong to other sessions.
 * - Each query is limited to one row more than the decoder accepts.
 *
 * Any role may run these; what it may not see (`pg_get_viewdef` never refuses) does not differ by role.
 */
import { catalogColumnsMax, catalogLinksMax, catalogNamesMax, catalogRelationsMax, catalogTextMax } from '../limits.ts';

export const catalogBegin: readonly string[] = [
  'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  "SET LOCAL search_path = ''",
];
export const catalogEnd = 'ROLLBACK';

/** The effective search path of the session it runs in, one schema a row: `AnalysisContext.searchPath`. */
export const searchPathQuery =
  'SELECT s.name FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS s (name, place) ORDER BY s.place';

/** Relations that are loaded: not of other sessions, and without the system's own storage. */
const listed = "c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND n.nspname <> 'pg_toast'";
const relations = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;
const cut = (text: string): string => `CASE WHEN pg_catalog.length(${text}) <= ${catalogTextMax} THEN ${text} END`;

/** Built in, an enumeration, or an array of those: `s`; a domain over such a type: `d`; else `o`. */
const isPlain = (type: string): string =>
  `(${type}.oid < 16384 OR ${type}.typtype = 'e' OR (${type}.typcategory = 'A' AND EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = ${type}.typelem AND (e.oid < 16384 OR e.typtype = 'e'))))`;

/** True when an argument has a type of the database's own that no value of a built-in type has. */
const ownArgument = (types: string): string =>
  `EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = ANY (${types}) AND t.typtype <> 'd' AND NOT ${isPlain('t')})`;

/**
 * The columns of a function in FROM as a JSON array of names: those of its composite type, its OUT parameters, or none.
 * NULL where they depend on the call: records without OUT parameters, polymorphic results, domains.
 */
const outputs = `CASE
  WHEN r.typtype = 'c' THEN (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
  WHEN r.typtype = 'd' OR r.typname IN ('any', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblenonarray') OR (r.typname = 'record' AND p.proargmodes IS NULL) THEN NULL
  WHEN p.proargmodes IS NULL THEN '[]'
  ELSE COALESCE((SELECT pg_catalog.json_agg(COALESCE(p.proargnames[m.at], '') ORDER BY m.at)::text FROM pg_catalog.unnest(p.proargmodes) WITH ORDINALITY AS m (mode, at) WHERE m.mode IN ('o', 'b', 't')), '[]') END`;

/** What an aggregate calls; the aggregate itself counts as internal and immutable, whatever that is. */
const aggregateParts = `SELECT g.aggfnoid, pg_catalog.bool_and(s.prolang IN (12, 13)) AS native, pg_catalog.bool_and(s.provolatile = 'i') AS immutable
  FROM pg_catalog.pg_aggregate g CROSS JOIN LATERAL pg_catalog.unnest(ARRAY[g.aggtransfn::pg_catalog.oid, g.aggfinalfn::pg_catalog.oid, g.aggcombinefn::pg_catalog.oid,
    g.aggserialfn::pg_catalog.oid, g.aggdeserialfn::pg_catalog.oid, g.aggmtransfn::pg_catalog.oid, g.aggminvtransfn::pg_catalog.oid, g.aggmfinalfn::pg_catalog.oid]) AS u (oid)
  JOIN pg_catalog.pg_proc s ON s.oid = u.oid GROUP BY 1`;

/** `0`: not written in C; `1`: in C; `2`: in C and immutable. */
const code = `CASE WHEN p.prolang NOT IN (12, 13) OR NOT COALESCE(g.native, true) THEN 0
  WHEN p.provolatile <> 'i' OR NOT COALESCE(g.immutable, true) THEN 1 ELSE 2 END`;

const versionOf = (table: string, condition = 'true'): string =>
  `(SELECT pg_catalog.string_agg(x.oid::text || ' ' || x.xmin::text, ',' ORDER BY x.oid) FROM pg_catalog.${table} x WHERE ${condition})`;

/** Not of a temporary relation. */
const ofOthers = (column: string): string =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = x.${column} AND c.relpersistence = 't')`;

/**
 * One row, one column: a digest over everything that the facts rest on. Cheap enough to ask for often; facts whose
 * version differs from it are out of date.
 */
export const catalogVersionQuery = `SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws(';',
  pg_catalog.current_setting('server_version_num'), pg_catalog.current_database(),
  ${versionOf('pg_class', "x.relpersistence <> 't' AND x.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')")},
  (SELECT pg_catalog.string_agg(a.attrelid::text || ' ' || a.attnum::text || ' ' || a.xmin::text, ',' ORDER BY a.attrelid, a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384 AND a.attnum > 0 AND EXISTS (SELECT FROM pg_catalog.pg_class x WHERE x.oid = a.attrelid AND x.relpersistence <> 't')),
  ${versionOf('pg_proc')}, (SELECT pg_catalog.string_agg(g.aggfnoid::oid::text || ' ' || g.xmin::text, ',' ORDER BY g.aggfnoid) FROM pg_catalog.pg_aggregate g), ${versionOf('pg_operator')}, ${versionOf('pg_cast')}, ${versionOf('pg_namespace', "x.nspname !~ '^pg_(toast_)?temp_'")},
  ${versionOf('pg_type', "NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = x.typrelid AND c.relpersistence = 't') AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e JOIN pg_catalog.pg_class c ON c.oid = e.typrelid WHERE e.oid = x.typelem AND c.relpersistence = 't')")},
  ${versionOf('pg_rewrite', ofOthers('ev_class'))}, ${versionOf('pg_policy', ofOthers('polrelid'))}, ${versionOf('pg_trigger', ofOthers('tgrelid'))}, ${versionOf('pg_event_trigger')},
  ${versionOf('pg_attrdef', ofOthers('adrelid'))}, ${versionOf('pg_constraint', ofOthers('conrelid'))}, ${versionOf('pg_statistic_ext', ofOthers('stxrelid'))},
  (SELECT pg_catalog.string_agg(i.inhrelid::text || ' ' || i.inhparent::text, ',' ORDER BY i.inhrelid, i.inhparent) FROM pg_catalog.pg_inherits i WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = i.inhrelid AND c.relpersistence = 't'))
), 'UTF8')), 'hex')`;

/**
 * By name and schema: built in or not, the worst volatility, own arguments only, callable with one argument, what it
 * is written in, and the columns in FROM where all of that name agree on them.
 */
const functionsWhere = (condition: string): string =>
  `SELECT f.nspname, f.proname, f.built_in, pg_catalog.max(f.volatility), pg_catalog.bool_or(f.takes), pg_catalog.bool_or(f.is_unary),
    pg_catalog.min(f.code),
    CASE WHEN pg_catalog.count(*) = pg_catalog.count(f.outputs) AND pg_catalog.count(DISTINCT f.outputs) = 1 THEN pg_catalog.max(f.outputs) END
    FROM (SELECT n.nspname, p.proname, p.oid < 16384 AND n.nspname IN ('pg_catalog', 'information_schema') AS built_in,
      CASE p.provolatile WHEN 'i' THEN 1 WHEN 's' THEN 2 ELSE 3 END AS volatility,
      p.oid < 16384 OR NOT ${ownArgument('p.proargtypes')} AS takes,
      p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1 OR p.provariadic <> 0 AS is_unary,
      ${code} AS code, ${outputs} AS outputs
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      JOIN pg_catalog.pg_type r ON r.oid = p.prorettype
      LEFT JOIN (${aggregateParts}) g ON g.aggfnoid = p.oid WHERE ${condition} OFFSET 0) f
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT ${catalogNamesMax + 1}`;

/**
 * Functions that `initdb` made. There are thousands, and they hardly ever change: they are loaded when what
 * `builtInVersionQuery` gives has changed.
 */
export const builtInFunctionsQuery = functionsWhere('p.oid < 16384');

/** One row, one column: differs whenever the rows of `builtInFunctionsQuery` do. */
export const builtInVersionQuery = `SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws(';',
  pg_catalog.version(), (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
  ${versionOf('pg_proc', 'x.oid < 16384')},
  (SELECT pg_catalog.string_agg(g.aggfnoid::oid::text || ' ' || g.xmin::text, ',' ORDER BY g.aggfnoid) FROM pg_catalog.pg_aggregate g)
), 'UTF8')), 'hex')`;

export const catalogQueries = {
  version: catalogVersionQuery,

  relations: `SELECT c.oid, n.nspname, c.relname, c.relkind,
    c.relhasrules AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'),
    c.relrowsecurity,
    EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
    c.relam >= 16384,
    CASE WHEN c.relkind IN ('v', 'm') THEN ${cut('pg_catalog.pg_get_viewdef(c.oid)')} END, c.reltuples
    FROM ${relations} WHERE ${listed} LIMIT ${catalogRelationsMax + 1}`,

  columns: `SELECT a.attrelid, a.attname,
    CASE WHEN ${isPlain('t')} THEN 's'
      WHEN t.typtype = 'd' AND EXISTS (SELECT FROM pg_catalog.pg_type b WHERE b.oid = t.typbasetype AND ${isPlain('b')}) THEN 'd'
      ELSE 'o' END,
    a.attnotnull, a.attgenerated = 'v', a.attnum, t.typcategory = 'A',
    CASE WHEN a.attgenerated <> '' THEN COALESCE(${cut('pg_catalog.pg_get_expr(g.adbin, g.adrelid)')}, '') END
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef g ON a.attgenerated <> '' AND g.adrelid = a.attrelid AND g.adnum = a.attnum
    JOIN ${relations} ON c.oid = a.attrelid
    WHERE ${listed} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum LIMIT ${catalogColumnsMax + 1}`,

  /** Defaults (`d`); generated columns, checks, expressions of indexes and partition keys (`w`); statistics over expressions (`s`). */
  expressions: `SELECT x.rel, ${cut('x.text')}, x.kind FROM (
    SELECT d.adrelid AS rel, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS text, CASE WHEN a.attgenerated = '' THEN 'd' ELSE 'w' END AS kind
      FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL SELECT k.conrelid, pg_catalog.pg_get_expr(k.conbin, k.conrelid), 'w' FROM pg_catalog.pg_constraint k WHERE k.contype = 'c' AND k.conrelid <> 0
    UNION ALL SELECT i.indrelid, 'ROW(' || pg_catalog.pg_get_expr(i.indexprs, i.indrelid) || ')', 'w' FROM pg_catalog.pg_index i WHERE i.indexprs IS NOT NULL
    UNION ALL SELECT i.indrelid, pg_catalog.pg_get_expr(i.indpred, i.indrelid), 'w' FROM pg_catalog.pg_index i WHERE i.indpred IS NOT NULL
    UNION ALL SELECT p.partrelid, 'ROW(' || pg_catalog.pg_get_expr(p.partexprs, p.partrelid) || ')', 'w' FROM pg_catalog.pg_partitioned_table p WHERE p.partexprs IS NOT NULL
    UNION ALL SELECT s.stxrelid, NULL, 's' FROM pg_catalog.pg_statistic_ext s WHERE pg_catalog.to_jsonb(s) ->> 'stxexprs' IS NOT NULL
    ) x JOIN ${relations} ON c.oid = x.rel WHERE ${listed} ORDER BY 1, 2 LIMIT ${catalogLinksMax + 1}`,

  children: `SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i JOIN ${relations} ON c.oid = i.inhparent
    JOIN pg_catalog.pg_class k ON k.oid = i.inhrelid AND k.relpersistence <> 't'
    WHERE ${listed} ORDER BY 1, 2 LIMIT ${catalogLinksMax + 1}`,

  foreignKeys: `SELECT k.confrelid, k.conrelid, k.confdeltype, k.confupdtype FROM pg_catalog.pg_constraint k
    JOIN ${relations} ON c.oid = k.confrelid WHERE k.contype = 'f' AND ${listed} ORDER BY 1, 2 LIMIT ${catalogLinksMax + 1}`,

  /** Sequences of identity columns. */
  sequences: `SELECT d.refobjid, d.objid FROM pg_catalog.pg_depend d JOIN ${relations} ON c.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = d.classid AND d.deptype = 'i'
    AND c.relkind = 'S' AND ${listed} ORDER BY 1, 2 LIMIT ${catalogLinksMax + 1}`,

  /** Those that came later; `loadCatalog` adds what is built in. */
  functions: functionsWhere('p.oid >= 16384'),

  operators: `SELECT n.nspname, o.oprname, o.oid < 16384 AND n.nspname = 'pg_catalog',
    pg_catalog.max(CASE p.provolatile WHEN 'i' THEN 1 WHEN 's' THEN 2 ELSE 3 END),
    pg_catalog.bool_or(o.oid < 16384 OR NOT ${ownArgument('ARRAY[o.oprleft, o.oprright]')}),
    pg_catalog.bool_and(p.prolang IN (12, 13)),
    pg_catalog.bool_and(p.prolang IN (12, 13) AND p.provolatile = 'i' OR p.prolang = 13 AND p.provolatile = 's')
    FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    LEFT JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT ${catalogNamesMax + 1}`,

  types: `SELECT n.nspname, t.typname, t.oid < 16384 AND n.nspname = 'pg_catalog', CASE WHEN ${isPlain('t')} THEN 'e' ELSE t.typtype END
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname !~ '^pg_(toast|temp)'
    ORDER BY 1, 2 LIMIT ${catalogNamesMax + 1}`,

  /** One row: own casts between built-in types, own implicit casts to own types, event triggers, domains, casts not in C. */
  flags: `SELECT
    EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s ON s.oid = k.castsource JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
      WHERE k.oid >= 16384 AND (${isPlain('s')} OR s.typtype IN ('d', 'c')) AND ${isPlain('t')}),
    EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s ON s.oid = k.castsource JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
      WHERE k.oid >= 16384 AND k.castcontext = 'i' AND ${isPlain('s')} AND NOT ${isPlain('t')}),
    EXISTS (SELECT FROM pg_catalog.pg_event_trigger v WHERE v.evtenabled <> 'D'),
    EXISTS (SELECT FROM pg_catalog.pg_type d WHERE d.typtype = 'd' AND d.oid >= 16384),
    EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_proc p ON p.oid = k.castfunc WHERE k.oid >= 16384 AND p.prolang NOT IN (12, 13))`,
} as const satisfies Readonly<Record<string, string>>;

export type CatalogQueryName = keyof typeof catalogQueries;
