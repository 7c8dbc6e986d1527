/**
 * The built-in types by OID: names, and how a binary value of each is spelled.
 *
 * Invariant: a spelling function takes exactly the value's bytes from its cursor, or throws the cursor's error.
 *
 * Deliberately absent: containers (values.ts), which nest.
 * Source: src/include/catalog/pg_type.dat; the send and out functions of src/backend/utils/adt.
 */
import type { Body } from './body.ts';
import { cidr, inet, macaddr } from './value-network.ts';
import { float4, float8, money, numeric } from './value-number.ts';
import { date, interval, time, timestamp, timestamptz, timetz } from './value-time.ts';

export type Spell = (body: Body) => string;

export interface ScalarType {
  readonly name: string;
  readonly spell: Spell;
}

const text: Spell = (body) => body.rest().toString('utf8');
const uint32: Spell = (body) => String(body.uint32());
const uint64: Spell = (body) => String(body.buffer.readBigUInt64BE(body.take(8)));

function bool(body: Body): string {
  return body.uint8() === 0 ? 'f' : 't';
}

function bytea(body: Body): string {
  return `\\x${body.rest().toString('hex')}`;
}

/** "char": a byte above 127 is spelled in octal, zero as nothing. */
function char(body: Body): string {
  const byte = body.uint8();
  if (byte > 127) return `\\${byte.toString(8).padStart(3, '0')}`;
  return byte === 0 ? '' : String.fromCharCode(byte);
}

function uuid(body: Body): string {
  return body
    .view(16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** jsonb and jsonpath: a version, then text. */
function versioned(body: Body): string {
  if (body.uint8() !== 1) throw body.malformed('version');
  return text(body);
}

/** Int32 bits, bytes. */
function bits(body: Body): string {
  const count = body.uint32();
  const bytes = body.rest();
  if (bytes.length !== Math.ceil(count / 8)) throw body.malformed('count of bits');
  let digits = '';
  for (const byte of bytes) digits += byte.toString(2).padStart(8, '0');
  return digits.slice(0, count);
}

/** Int32 block, Int16 offset. */
function tid(body: Body): string {
  const block = body.uint32();
  return `(${block},${body.int16() & 0xffff})`;
}

function lsn(body: Body): string {
  const high = body.uint32().toString(16).toUpperCase();
  return `${high}/${body.uint32().toString(16).toUpperCase()}`;
}

function point(body: Body): string {
  const x = float8(body);
  return `(${x},${float8(body)})`;
}

function points(body: Body, count: number): string {
  if (count * 16 > body.left) throw body.malformed('a count reaches past the end');
  const list: string[] = [];
  for (let index = 0; index < count; index++) list.push(point(body));
  return list.join(',');
}

function path(body: Body): string {
  const closed = body.uint8() !== 0;
  const list = points(body, body.uint32());
  return closed ? `(${list})` : `[${list}]`;
}

function line(body: Body): string {
  return `{${[float8(body), float8(body), float8(body)].join(',')}}`;
}

function circle(body: Body): string {
  const center = point(body);
  return `<${center},${float8(body)}>`;
}

/** Int32 lexemes, each: String, Int16 positions, positions × Int16 (weight in the upper two bits). */
function tsvector(body: Body): string {
  const count = body.uint32();
  if (count * 3 > body.left) throw body.malformed('a count reaches past the end');
  const lexemes: string[] = [];
  for (let index = 0; index < count; index++) {
    const lexeme = `'${body.looseString().replace(/['\\]/g, '$&$&')}'`;
    const positions = body.count16(2);
    const list: string[] = [];
    for (let position = 0; position < positions; position++) {
      const value = body.int16() & 0xffff;
      list.push(`${value & 0x3fff}${['', 'C', 'B', 'A'][value >>> 14]}`);
    }
    lexemes.push(list.length === 0 ? lexeme : `${lexeme}:${list.join(',')}`);
  }
  return lexemes.join(' ');
}

export const scalarTypes: ReadonlyMap<number, ScalarType> = new Map(
  (
    [
      [16, 'bool', bool],
      [17, 'bytea', bytea],
      [18, 'char', char],
      [19, 'name', text],
      [20, 'int8', (body) => String(body.buffer.readBigInt64BE(body.take(8)))],
      [21, 'int2', (body) => String(body.int16())],
      [23, 'int4', (body) => String(body.int32())],
      [25, 'text', text],
      [26, 'oid', uint32],
      [27, 'tid', tid],
      [28, 'xid', uint32],
      [29, 'cid', uint32],
      [114, 'json', text],
      [142, 'xml', text],
      [600, 'point', point],
      [601, 'lseg', (body) => `[${points(body, 2)}]`],
      [602, 'path', path],
      [603, 'box', (body) => points(body, 2)],
      [604, 'polygon', (body) => `(${points(body, body.uint32())})`],
      [628, 'line', line],
      [650, 'cidr', cidr],
      [700, 'float4', float4],
      [701, 'float8', float8],
      [705, 'unknown', text],
      [718, 'circle', circle],
      [774, 'macaddr8', (body) => macaddr(body, 8)],
      [790, 'money', money],
      [829, 'macaddr', (body) => macaddr(body, 6)],
      [869, 'inet', inet],
      [1042, 'bpchar', text],
      [1043, 'varchar', text],
      [1082, 'date', date],
      [1083, 'time', time],
      [1114, 'timestamp', timestamp],
      [1184, 'timestamptz', timestamptz],
      [1186, 'interval', interval],
      [1266, 'timetz', timetz],
      [1560, 'bit', bits],
      [1562, 'varbit', bits],
      [1700, 'numeric', numeric],
      [1790, 'refcursor', text],
      // The reg… types are numbers on the wire; their names only the server knows.
      [24, 'regproc', uint32],
      [2202, 'regprocedure', uint32],
      [2203, 'regoper', uint32],
      [2205, 'regclass', uint32],
      [2206, 'regtype', uint32],
      [4089, 'regnamespace', uint32],
      [4096, 'regrole', uint32],
      [2275, 'cstring', text],
      [2278, 'void', text],
      [2950, 'uuid', uuid],
      [3220, 'pg_lsn', lsn],
      [3614, 'tsvector', tsvector],
      [3802, 'jsonb', versioned],
      [4072, 'jsonpath', versioned],
      [5069, 'xid8', uint64],
    ] as [number, string, Spell][]
  ).map(([oid, name, spell]) => [oid, { name, spell }]),
);

/** Array types and their elements. */
export const arrayTypes: ReadonlyMap<number, number> = new Map([
  [1000, 16],
  [1001, 17],
  [1002, 18],
  [1003, 19],
  [1005, 21],
  [1006, 22],
  [1007, 23],
  [1008, 24],
  [1009, 25],
  [1010, 27],
  [1011, 28],
  [1012, 29],
  [1013, 30],
  [1014, 1042],
  [1015, 1043],
  [1016, 20],
  [1017, 600],
  [1018, 601],
  [1019, 602],
  [1020, 603],
  [1021, 700],
  [1022, 701],
  [1027, 604],
  [1028, 26],
  [1040, 829],
  [1041, 869],
  [1115, 1114],
  [1182, 1082],
  [1183, 1083],
  [1185, 1184],
  [1187, 1186],
  [1231, 1700],
  [1263, 2275],
  [1270, 1266],
  [1561, 1560],
  [1563, 1562],
  [143, 142],
  [199, 114],
  [271, 5069],
  [629, 628],
  [651, 650],
  [719, 718],
  [775, 774],
  [791, 790],
  [2201, 1790],
  [2210, 2205],
  [2211, 2206],
  [2287, 2249],
  [2951, 2950],
  [3221, 3220],
  [3643, 3614],
  [3807, 3802],
  [3905, 3904],
  [3907, 3906],
  [3909, 3908],
  [3911, 3910],
  [3913, 3912],
  [3927, 3926],
  [4073, 4072],
  [6150, 4451],
  [6151, 4532],
  [6152, 4533],
  [6153, 4534],
  [6155, 4535],
  [6157, 4536],
]);

interface RangeType {
  readonly name: string;
  readonly element: number;
}

export const rangeTypes: ReadonlyMap<number, RangeType> = new Map([
  [3904, { name: 'int4range', element: 23 }],
  [3906, { name: 'numrange', element: 1700 }],
  [3908, { name: 'tsrange', element: 1114 }],
  [3910, { name: 'tstzrange', element: 1184 }],
  [3912, { name: 'daterange', element: 1082 }],
  [3926, { name: 'int8range', element: 20 }],
]);

export const multirangeTypes: ReadonlyMap<number, RangeType> = new Map([
  [4451, { name: 'int4multirange', element: 23 }],
  [4532, { name: 'nummultirange', element: 1700 }],
  [4533, { name: 'tsmultirange', element: 1114 }],
  [4534, { name: 'tstzmultirange', element: 1184 }],
  [4535, { name: 'datemultirange', element: 1082 }],
  [4536, { name: 'int8multirange', element: 20 }],
]);
