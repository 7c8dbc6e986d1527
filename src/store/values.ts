/**
 * How column values become JavaScript values, the same on both engines.
 *
 * The engines' own defaults differ (an int8 is a string from `pg` and a number from PGlite), so neither default is
 * used: a type in the table below is parsed by it, and any other comes back as the text that PostgreSQL sent.
 * An int8 beyond 2^53 is an error, never a rounded number.
 *
 * PostgreSQL documentation: chapter 8, Data Types; text output formats.
 */
import { storeErrors } from './errors.ts';

/** Object identifiers of the types, from PostgreSQL's `pg_type.dat`. */
const oid = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  jsonb: 3802,
} as const;

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw storeErrors('store.query-failed', { detail: 'an int8 beyond the safe integers' });
  }
  return value;
}

// With `timezone` set to UTC and `datestyle` to ISO the server sends `2026-01-01 00:00:00.123456+00`.
function parseTimestamptz(text: string): Date {
  return new Date(`${text.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00')}`);
}

const asText = (text: string): string => text;

export type ValueParser = (text: string) => unknown;

export const valueParsers: Readonly<Record<number, ValueParser>> = {
  [oid.bool]: (text) => text === 't',
  [oid.bytea]: (text) => Buffer.from(text.slice(2), 'hex'),
  [oid.int8]: parseInt8,
  [oid.int2]: Number,
  [oid.int4]: Number,
  [oid.text]: asText,
  [oid.oid]: Number,
  [oid.json]: (text) => JSON.parse(text) as unknown,
  [oid.float4]: Number,
  [oid.float8]: Number,
  [oid.bpchar]: asText,
  [oid.varchar]: asText,
  [oid.date]: asText,
  [oid.timestamp]: asText,
  [oid.timestamptz]: parseTimestamptz,
  // Arbitrary precision: text, so that nothing is rounded.
  [oid.numeric]: asText,
  [oid.jsonb]: (text) => JSON.parse(text) as unknown,
};

/** The parser for a type; text as it came for types outside the table. */
export function parserOf(type: number): ValueParser {
  return valueParsers[type] ?? asText;
}

/**
 * Makes a parameter into what both drivers send alike: text or null. Buffers become bytea's hexadecimal form, JSON
 * is written as text by the repositories before it comes here.
 */
export function encodeParameter(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}`;
  throw storeErrors('store.query-failed', { detail: `a parameter of type ${typeof value} has no encoding` });
}
