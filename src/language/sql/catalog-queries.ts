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

const versionOf = (table: string, condition = 'true'): string =>
  `(SELECT pg_catalog.string_agg(x.oid::text || ' ' || x.xmin::text, ',' ORDER BY x.oid) FROM pg_catalog.${table} x WHERE ${condition})`;

/**
 * One row, one column: a digest over everything that the facts rest on. Cheap enough to ask for often; facts whose
 * version differs from it are out of date.
 */
export const catalogVersionQuery = `SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws(';',
  pg_catalog.current_setting('server_version_num'), pg_catalog.current_database(),
  ${versionOf('pg_class', "x.relpersistence <> 't' AND x.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')")},
  (SELECT pg_catalog.string_agg(a.attrelid::text || ' ' || a.attnum::text || ' ' || a.xmin::text, ',' ORDER BY a.attrelid, a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384 AND a.attnum > 0 AND EXISTS (SELECT FROM pg_catalog.pg_class x WHERE x.oid = a.attrelid AND x.relpersistence <> 't')),
  ${versionOf('pg_proc')}, ${versionOf('pg_operator')}, ${versionOf('pg_cast')}, ${versionOf('pg_namespace', "x.nspname !~ '^pg_(toast_)?temp_'")},
  ${versionOf('pg_type', "NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = x.typrelid AND c.relpersistence = 't') AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e JOIN pg_catalog.pg_class c ON c.oid = e.typrelid WHERE e.oid = x.typelem AND c.relpersistence = 't')")},
  ${versionOf('pg_rewrite')}, ${versionOf('pg_policy')}, ${versionOf('pg_trigger')}, ${versionOf('pg_event_trigger')},
  ${versionOf('pg_attrdef')}, ${versionOf('pg_constraint')},
  (SELECT pg_catalog.string_agg(i.inhrelid::text || ' ' || i.inhparent::text, ',' ORDER BY i.inhrelid, i.inhparent) FROM pg_catalog.pg_inherits i)
), 'UTF8')), 'hex')`;

export const catalogQueries = {
  version: catalogVersionQuery,

  relations: `SELECT c.oid, n.nspname, c.relname, c.relkind,
    c.relhasrules AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'),
    c.relrowsecurity,
    EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
    c.relam >= 16384,
    CASE WHEN c.relkind IN ('v', 'm') THEN ${cut('pg_catalog.pg_get_viewdef(c.oid)')} END
    FROM ${relations} WHERE ${listed} LIMIT ${catalogRelationsMax + 1}`,

  columns: `SELECT a.attrelid, a.attname,
    CASE WHEN ${isPlain('t')} THEN 's'
      WHEN t.typtype = 'd' AND EXISTS (SELECT FROM pg_catalog.pg_type b WHERE b.oid = t.typbasetype AND ${isPlain('b')}) THEN 'd'
      ELSE 'o' END,
    a.attnotnull, a.attgenerated = 'v'
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN ${relations} ON c.oid = a.attrelid
    WHERE ${listed} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum LIMIT ${catalogColumnsMax + 1}`,

  /** Defaults (`d`); generated columns, checks, expressions and predicates of indexes (`w`). */
  expressions: `SELECT x.rel, ${cut('x.text')}, x.kind FROM (
    SELECT d.adrelid AS rel, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS text, CASE WHEN a.attgenerated = '' THEN 'd' ELSE 'w' END AS kind
      FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL SELECT k.conrelid, pg_catalog.pg_get_expr(k.conbin, k.conrelid), 'w' FROM pg_catalog.pg_constraint k WHERE k.contype = 'c' AND k.conrelid <> 0
    UNION ALL SELECT i.indrelid, 'ROW(' || pg_catalog.pg_get_expr(i.indexprs, i.indrelid) || ')', 'w' FROM pg_catalog.pg_index i WHERE i.indexprs IS NOT NULL
    UNION ALL SELECT i.indrelid, pg_catalog.pg_get_expr(i.indpred, i.indrelid), 'w' FROM pg_catalog.pg_index i WHERE i.indpred IS NOT NULL
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

  /** By name and schema: built in or not, the worst volatility, own arguments only, callable with one argument. */
  functions: `SELECT n.nspname, p.proname, p.oid < 16384 AND n.nspname IN ('pg_catalog', 'information_schema'),
    pg_catalog.max(CASE p.provolatile WHEN 'i' THEN 1 WHEN 's' THEN 2 ELSE 3 END),
    pg_catalog.bool_or(p.oid < 16384 OR NOT ${ownArgument('p.proargtypes')}),
    pg_catalog.bool_or(p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1 OR p.provariadic <> 0)
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT ${catalogNamesMax + 1}`,

  operators: `SELECT n.nspname, o.oprname, o.oid < 16384 AND n.nspname = 'pg_catalog',
    pg_catalog.max(CASE p.provolatile WHEN 'i' THEN 1 WHEN 's' THEN 2 ELSE 3 END),
    pg_catalog.bool_or(o.oid < 16384 OR NOT ${ownArgument('ARRAY[o.oprleft, o.oprright]')}),
    pg_catalog.bool_and(p.prolang IN (12, 13))
    FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    LEFT JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT ${catalogNamesMax + 1}`,

  types: `SELECT n.nspname, t.typname, t.oid < 16384 AND n.nspname = 'pg_catalog', CASE WHEN ${isPlain('t')} THEN 'e' ELSE t.typtype END
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname !~ '^pg_(toast|temp)'
    ORDER BY 1, 2 LIMIT ${catalogNamesMax + 1}`,

  /** One row: own casts between built-in types, own implicit casts to own types, event triggers. */
  flags: `SELECT
    EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s ON s.oid = k.castsource JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
      WHERE k.oid >= 16384 AND (${isPlain('s')} OR s.typtype IN ('d', 'c')) AND ${isPlain('t')}),
    EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s ON s.oid = k.castsource JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
      WHERE k.oid >= 16384 AND k.castcontext = 'i' AND ${isPlain('s')} AND NOT ${isPlain('t')}),
    EXISTS (SELECT FROM pg_catalog.pg_event_trigger v WHERE v.evtenabled <> 'D'),
    EXISTS (SELECT FROM pg_catalog.pg_type d WHERE d.typtype = 'd' AND d.oid >= 16384)`,
} as const satisfies Readonly<Record<string, string>>;

export type CatalogQueryName = keyof typeof catalogQueries;
