/**
 * The gateway's own questions to a server, as the exact bytes that ask them, and how their answers are read.
 *
 * Invariants:
 * - Every question is made here, once, from fixed texts: nothing of a client's can be in one (`Protocol.inspections`).
 * - The question about a session runs under that session's settings, which the client chose: every name in it is
 *   qualified, operators too, so that no search path can lead it elsewhere (CVE-2018-1058). It goes by the extended
 *   protocol under names of its own, so that the client's unnamed statement and portal stay as they are.
 * - Answers are bounded in rows and bytes (A-PG-27).
 *
 * Deliberately absent: when to ask (context.ts, catalog.ts), connections (upstream.ts).
 * Source: PostgreSQL documentation, chapters 54.2.2 and 54.2.3; 52 "System Views".
 */
import { randomBytes } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import {
  builtInFunctionsQuery,
  builtInVersionQuery,
  type CatalogRow,
  catalogBegin,
  catalogEnd,
  catalogQueries,
  catalogVersionQuery,
  describeTemporary,
  type Temporary,
  type TemporaryTable,
} from '../../language/index.ts';
import type { MessageView } from './body.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';
import {
  decodeErrorResponse,
  encodeBind,
  encodeClose,
  encodeExecute,
  encodeParse,
  encodeQuery,
  encodeSync,
} from './messages.ts';

/** Of the statement and the portal that the question about a session uses; no client can guess it. */
export const inspectionName = `sallyport_${randomBytes(9).toString('hex')}`;

const {
  contextNamesMax: namesMax,
  contextTextCharactersMax: textMax,
  contextTemporaryCharactersMax: temporaryMax,
} = limits;

/** A text that is not too long, else null. */
const cut = (text: string, max: number = textMax): string =>
  `CASE WHEN pg_catalog.length(${text}) OPERATOR(pg_catalog.<=) ${max} THEN ${text} END`;

const eq = 'OPERATOR(pg_catalog.=)';
const isOid = (oid: string): string => `${oid} OPERATOR(pg_catalog.<) 16384::pg_catalog.oid`;
/** As the catalog's: built in, an enumeration, or an array of those. */
const isPlainType = `(${isOid('t.oid')} OR t.typtype ${eq} 'e' OR (t.typcategory ${eq} 'A' AND EXISTS
  (SELECT FROM pg_catalog.pg_type e WHERE e.oid ${eq} t.typelem AND (${isOid('e.oid')} OR e.typtype ${eq} 'e'))))`;

/** Of a temporary table: each column's name, number, type, and whether it is an array, not null, generated, virtual. */
const temporaryColumns = `SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, a.attnum, ${isPlainType},
    t.typcategory ${eq} 'A', a.attnotnull, a.attgenerated OPERATOR(pg_catalog.<>) '', a.attgenerated ${eq} 'v') ORDER BY a.attnum)
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid ${eq} a.atttypid
  WHERE a.attrelid ${eq} c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped`;

/**
 * What is told of a temporary table: rules, row security, triggers, defaults, expressions, and its columns. Nothing of
 * what has parents or children, is stored in a way of its own, or is no table. The heap's object id is 2.
 */
const temporaryFacts = `CASE WHEN c.relkind ${eq} 'r' AND NOT c.relhassubclass AND c.relam ${eq} 2::pg_catalog.oid
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid ${eq} c.oid)
  THEN pg_catalog.json_build_array(c.relhasrules, c.relrowsecurity, c.relhastriggers,
    EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid ${eq} c.oid AND a.attnum OPERATOR(pg_catalog.>) 0
      AND NOT a.attisdropped AND (a.atthasdef OR a.attidentity OPERATOR(pg_catalog.<>) '')),
    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid ${eq} c.oid AND k.contype ${eq} 'c')
      OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid ${eq} c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
      OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid ${eq} c.oid AND a.attgenerated OPERATOR(pg_catalog.<>) '')
      OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid ${eq} c.oid),
    (${temporaryColumns})) END`;

/** What the session has in its schema for temporary objects: relations, types, and whether a table of others has heirs. */
const temporaryText = `pg_catalog.json_build_array(
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(x.relname, x.facts)) FROM
    (SELECT c.relname, ${temporaryFacts} AS facts FROM pg_catalog.pg_class c
      WHERE c.relnamespace ${eq} pg_catalog.pg_my_temp_schema() LIMIT ${namesMax + 1}) x),
  (SELECT pg_catalog.json_agg(x.typname) FROM (SELECT t.typname FROM pg_catalog.pg_type t
    WHERE t.typnamespace ${eq} pg_catalog.pg_my_temp_schema() LIMIT ${2 * namesMax + 1}) x),
  EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid ${eq} i.inhrelid
    JOIN pg_catalog.pg_class p ON p.oid ${eq} i.inhparent WHERE c.relnamespace ${eq} pg_catalog.pg_my_temp_schema()
    AND p.relnamespace OPERATOR(pg_catalog.<>) c.relnamespace))::pg_catalog.text`;

/** What a session's server says of itself: one row. Columns as `readServerContext` takes them. */
const contextText = `SELECT pg_catalog.current_database(), CURRENT_USER, SESSION_USER,
  pg_catalog.array_to_json(pg_catalog.current_schemas(true)),
  pg_catalog.pg_my_temp_schema(),
  CASE WHEN pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.<>) 0::pg_catalog.oid THEN
    (SELECT ${cut('x.told', temporaryMax)} FROM (SELECT ${temporaryText} AS told OFFSET 0) x) END,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(p.name, ${cut('p.statement')}, p.parameter_types::pg_catalog.oid[]))
    FROM (SELECT * FROM pg_catalog.pg_prepared_statements WHERE from_sql LIMIT ${namesMax + 1}) p),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.name, ${cut('c.statement')}))
    FROM (SELECT * FROM pg_catalog.pg_cursors LIMIT ${namesMax + 1}) c)`;

export const contextInspection = Buffer.concat([
  encodeParse({ statement: inspectionName, text: contextText, parameterTypes: [] }),
  encodeBind({
    portal: inspectionName,
    statement: inspectionName,
    parameterFormats: [],
    parameters: new Int32Array(0),
    resultFormats: [],
    buffer: Buffer.alloc(0),
  }),
  encodeExecute({ portal: inspectionName, rowsMax: 0 }),
  encodeClose({ target: 'portal', name: inspectionName }),
  encodeClose({ target: 'statement', name: inspectionName }),
  encodeSync(),
]);

/** The statements that load a catalog, by their text. */
const catalogTexts = [
  ...[...catalogBegin, builtInVersionQuery, builtInFunctionsQuery],
  ...[...Object.values(catalogQueries), catalogEnd],
];
const catalogInspections = new Map(catalogTexts.map((text) => [text, encodeQuery(text)]));

/** Whether a catalog is still what it was; under an empty search path, as when it was loaded. */
export const versionInspection = encodeQuery([...catalogBegin, catalogVersionQuery, catalogEnd].join(';'));

/** All that may be asked. */
export const inspections: readonly Buffer[] = [contextInspection, versionInspection, ...catalogInspections.values()];

/** The bytes that ask one of the catalog's queries. */
export function catalogInspection(text: string): Buffer {
  const view = catalogInspections.get(text);
  assert(view !== undefined, 'not one of the queries of the catalog');
  return view;
}

/** Gathers the answer to one question, message by message. */
export class AnswerReader {
  readonly rows: CatalogRow[] = [];
  /** SQLSTATE where the server refused. */
  refusal: string | null = null;
  done = false;
  #bytes = 0;

  /** Takes a message; false when it is none of an answer (a notice, say), and somebody else's. */
  take(view: MessageView & { readonly type: string }): boolean {
    switch (view.type) {
      case 'D':
        this.#bytes += view.end - view.start;
        if (this.#bytes > limits.inspectionAnswerBytesMax || this.rows.length >= limits.inspectionRowsMax) {
          throw malformed('an answer that is too long');
        }
        this.rows.push(decodeTextRow(view));
        return true;
      case 'E': {
        const fields = decodeErrorResponse(view);
        this.refusal = fields['C'] ?? 'XX000';
        // The server takes its leave: that is for the client to know.
        return (fields['V'] ?? fields['S']) === 'ERROR';
      }
      case 'Z':
        this.done = true;
        return true;
      // ParseComplete, BindComplete, CloseComplete, RowDescription, CommandComplete.
      case '1':
      case '2':
      case '3':
      case 'T':
      case 'C':
        return true;
      case 'N':
      case 'A':
      case 'S':
        return false;
      default:
        throw malformed(`type ${view.type.charCodeAt(0)} in an answer`);
    }
  }
}

/** The cells of a DataRow, as text. */
function decodeTextRow({ buffer, start, end }: MessageView): CatalogRow {
  let at = start + 7;
  if (at > end) throw malformed('a row that is too short');
  const cells: (string | null)[] = [];
  for (let left = buffer.readUInt16BE(start + 5); left > 0; left--) {
    if (at + 4 > end) throw malformed('a row that is too short');
    const size = buffer.readInt32BE(at);
    at += 4;
    if (size < 0) {
      cells.push(null);
      continue;
    }
    if (at + size > end) throw malformed('a cell that is too long');
    cells.push(buffer.toString('utf8', at, at + size));
    at += size;
  }
  if (at !== end) throw malformed('a row that is too long');
  return cells;
}

function malformed(detail: string): Error {
  return postgresErrors('postgres.upstream-protocol', { values: { resource: 'the resource' }, detail });
}

/** What a session's server said of itself. */
export interface ServerContext {
  readonly database: string;
  readonly role: string;
  readonly sessionUser: string;
  /** As `current_schemas(true)` gives it. */
  readonly searchPath: readonly string[];
  /** What is in the session's schema for temporary objects; unknown where that is too much. */
  readonly temporary: Temporary;
  /** What SQL prepared; null where not all of it is known. A text that is too long is null. */
  readonly prepared: readonly NamedText[] | null;
  readonly cursors: readonly NamedText[] | null;
}

export interface NamedText {
  readonly name: string;
  readonly text: string | null;
  readonly parameterTypes: readonly number[];
}

/** Null where the answer is not what was asked for. */
export function readServerContext(rows: readonly CatalogRow[]): ServerContext | null {
  const [row] = rows;
  if (rows.length !== 1 || row === undefined || row.length !== 8) return null;
  const [database, role, sessionUser, path, temporarySchema, temporary, prepared, cursors] = row;
  if (typeof database !== 'string' || typeof role !== 'string' || typeof sessionUser !== 'string') return null;
  const searchPath = parse(path ?? null);
  if (!Array.isArray(searchPath) || !searchPath.every((name) => typeof name === 'string')) return null;
  return {
    database,
    role,
    sessionUser,
    searchPath,
    temporary: temporarySchema === '0' ? 'none' : temporaryObjects(temporary ?? null),
    prepared: namedTexts(prepared ?? null),
    cursors: namedTexts(cursors ?? null),
  };
}

function namedTexts(json: string | null): readonly NamedText[] | null {
  if (json === null) return [];
  const list = parse(json);
  if (!Array.isArray(list) || list.length > namesMax) return null;
  const out: NamedText[] = [];
  for (const entry of list as unknown[]) {
    if (!Array.isArray(entry)) return null;
    const [name, text, types] = entry as unknown[];
    if (typeof name !== 'string') return null;
    out.push({
      name,
      text: typeof text === 'string' ? text : null,
      parameterTypes: Array.isArray(types) ? types.map((oid) => Number(oid)) : [],
    });
  }
  return out;
}

/** Whatever is not exactly as it was asked for is unknown. */
function temporaryObjects(json: string | null): Temporary {
  const told = parse(json);
  if (!Array.isArray(told) || told.length !== 3) return 'unknown';
  const [relations, types, hasHeirs] = (told as unknown[]).map((part) => part ?? []);
  if (!Array.isArray(relations) || relations.length > namesMax || typeof hasHeirs !== 'boolean') return 'unknown';
  if (!Array.isArray(types) || types.length > 2 * namesMax) return 'unknown';
  if (!types.every((name) => typeof name === 'string')) return 'unknown';
  const tables = new Map<string, TemporaryTable | null>();
  for (const entry of relations as unknown[]) {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') return 'unknown';
    tables.set(entry[0], temporaryTable(entry[1]));
  }
  return describeTemporary(tables, types, hasHeirs);
}

function temporaryTable(facts: unknown): TemporaryTable | null {
  if (!Array.isArray(facts) || facts.length !== 6) return null;
  const flags = (facts as unknown[]).slice(0, 5);
  const listed: unknown = facts[5] ?? [];
  if (!flags.every((flag) => typeof flag === 'boolean') || !Array.isArray(listed)) return null;
  const [hasRules, hasRowSecurity, hasTriggers, hasDefaults, hasExpressions] = flags as boolean[];
  const columns: TemporaryTable['columns'][number][] = [];
  const generated: number[] = [];
  for (const column of listed as unknown[]) {
    if (!Array.isArray(column) || column.length !== 7) return null;
    const [name, attnum, ...rest] = column as unknown[];
    if (typeof name !== 'string' || typeof attnum !== 'number') return null;
    if (!rest.every((flag) => typeof flag === 'boolean')) return null;
    const [isPlain, isArray, notNull, isGenerated, isVirtual] = rest as boolean[];
    const type = isPlain === true ? 'safe' : 'other';
    columns.push({ name, attnum, type, isArray: isArray!, notNull: notNull!, isVirtual: isVirtual! });
    if (isGenerated === true) generated.push(attnum);
  }
  return {
    columns,
    generated,
    hasRules: hasRules!,
    hasRowSecurity: hasRowSecurity!,
    hasTriggers: hasTriggers!,
    hasDefaults: hasDefaults!,
    hasExpressions: hasExpressions!,
  };
}

function parse(json: string | null): unknown {
  if (json === null) return null;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return null;
  }
}
