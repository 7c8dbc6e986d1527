/**
 * How a value of PostgreSQL is spelled for people: in recordings, for reviewers, as parameters of commands.
 *
 * Values in text format are their own spelling. Binary values of the built-in types are spelled as the server would with
 * its default settings, except where that depends on the session: timestamps with time zone are given in UTC, money
 * without its currency. Numbers are exact; nothing goes through a float that is not one.
 *
 * Invariants:
 * - Never throws on what was received: a binary value that is not understood is shown as `\x` and hexadecimal digits.
 * - Output is bounded by the value's length (an eight-byte numeric can stand for 131,072 digits, and an array for many
 *   of those: beyond `valueExpansionMax` it is shown as hexadecimal); nesting by `valueDepthMax`.
 *
 * Deliberately absent: types that extensions or users define (their OIDs mean nothing here), tsquery, masking.
 * Source: the send functions of src/backend/utils/adt; type OIDs of src/include/catalog/pg_type.dat.
 */
import { createHash } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import type { Parameter } from '../../core/command.ts';
import { Body } from './body.ts';
import type { Bind } from './frontend.ts';
import * as limits from './limits.ts';
import { arrayTypes, multirangeTypes, rangeTypes, scalarTypes } from './value-types.ts';

/** Spells one cell. `typeOid` is of RowDescription or ParameterDescription; 0 where nobody said. */
export function renderValue(cell: Buffer, typeOid: number, format: 'text' | 'binary'): string {
  if (format === 'text') return cell.toString('utf8');
  try {
    const body = new Body('value', cell, 0, cell.length);
    const room = { characters: limits.valueExpansionBase + cell.length * limits.valueExpansionMax };
    const text = spell(typeOid, body, { depth: 0, room });
    if (text === null) return hex(cell);
    body.finish();
    return text;
  } catch (error) {
    // Only what the cursor says of the bytes: anything else is our own fault and must be seen.
    if (error instanceof GatewayError && error.kind === 'protocol') return hex(cell);
    throw error;
  }
}

/** The type's name as PostgreSQL has it; null for 0, the number for what is not built in. */
export function typeName(typeOid: number): string | null {
  if (typeOid === 0) return null;
  const element = arrayTypes.get(typeOid);
  if (element !== undefined) return `${typeName(element)}[]`;
  return (
    scalarTypes.get(typeOid)?.name ??
    rangeTypes.get(typeOid)?.name ??
    multirangeTypes.get(typeOid)?.name ??
    containers.get(typeOid)?.name ??
    String(typeOid)
  );
}

/**
 * The parameters of a Bind for the record. `types` are those of Parse or, better, of ParameterDescription; what is
 * missing there is unknown. Values are cut at `parameterTextBytesMax`, and together at `parametersTextBytesMax`; what was cut
 * keeps its length and the digest of the whole value as sent.
 */
export function decodeParameters(bind: Bind, types: readonly number[]): Parameter[] {
  const list: Parameter[] = [];
  let budget = limits.parametersTextBytesMax;
  const { parameters, parameterFormats } = bind;
  for (let index = 0; index * 2 < parameters.length; index++) {
    const at = parameters[index * 2]!;
    const bytes = parameters[index * 2 + 1]!;
    const typeOid = types[index] ?? 0;
    const type = typeName(typeOid);
    if (bytes < 0) {
      list.push({ type, value: null, bytes: 0 });
      continue;
    }
    const cell = bind.buffer.subarray(at, at + bytes);
    const format = parameterFormats.length === 1 ? parameterFormats[0]! : (parameterFormats[index] ?? 0);
    const most = Math.min(limits.parameterTextBytesMax, budget);
    // Spelling takes at most some times the value's length; long values are cut before, so that it stays bounded.
    const long = bytes > most;
    const text = renderValue(
      long ? shortened(cell, format, most) : cell,
      long && format === 1 ? 0 : typeOid,
      formatName(format),
    );
    const value = cutText(text, most);
    budget -= Buffer.byteLength(value);
    const cut = long || value.length < text.length;
    list.push(cut ? { type, value, bytes, digest: sha256(cell) } : { type, value, bytes });
  }
  return list;
}

function formatName(format: number): 'text' | 'binary' {
  return format === 1 ? 'binary' : 'text';
}

/** The first bytes of a value that is too long to be spelled whole: text-like as text, anything else as hexadecimal. */
function shortened(cell: Buffer, format: number, most: number): Buffer {
  return cell.subarray(0, format === 1 ? Math.floor(most / 2) : most);
}

/** `text` cut at `most` bytes of UTF-8, at a whole character. */
function cutText(text: string, most: number): string {
  if (text.length * 3 <= most) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function hex(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`;
}

/** How deep a value is nested, and how many characters its elements may still take, all together. */
interface Depth {
  readonly depth: number;
  readonly room: { characters: number };
}

/** Spells what the cursor holds; null for a type that is not known. Throws the cursor's error when it does not fit. */
function spell(typeOid: number, body: Body, depth: Depth): string | null {
  if (depth.depth > limits.valueDepthMax) throw body.malformed('nested too deeply');
  const scalar = scalarTypes.get(typeOid);
  if (scalar !== undefined) return scalar.spell(body);
  if (arrayTypes.has(typeOid)) return array(body, depth);
  const range = rangeTypes.get(typeOid);
  if (range !== undefined) return spellRange(body, range.element, depth);
  const multirange = multirangeTypes.get(typeOid);
  if (multirange !== undefined) return spellMultirange(body, multirange.element, depth);
  return containers.get(typeOid)?.spell(body, depth) ?? null;
}

/** An element inside a container: its bytes are exactly its value; what is not known is shown as hexadecimal. */
function element(typeOid: number, body: Body, size: number, depth: Depth): string {
  const inner = new Body('value', body.buffer, body.take(size), body.position);
  const start = inner.position;
  const text = spell(typeOid, inner, { depth: depth.depth + 1, room: depth.room });
  if (text === null) return hex(body.buffer.subarray(start, start + size));
  inner.finish();
  depth.room.characters -= text.length;
  if (depth.room.characters < 0) throw body.malformed('too long to spell');
  return text;
}

/**
 * Int32 dimensions, Int32 flags, Int32 element type, dimensions × (Int32 size, Int32 lower bound), then
 * elements × (Int32 length, −1 NULL, bytes).
 */
function readArray(
  body: Body,
  depth: Depth,
): { sizes: number[]; lowers: number[]; type: number; items: (string | null)[] } {
  const dimensions = body.int32();
  if (dimensions < 0 || dimensions > 6) throw body.malformed('dimensions');
  body.int32();
  const type = body.uint32();
  const sizes: number[] = [];
  const lowers: number[] = [];
  let count = dimensions === 0 ? 0 : 1;
  for (let index = 0; index < dimensions; index++) {
    const size = body.int32();
    if (size < 0) throw body.malformed('size');
    sizes.push(size);
    lowers.push(body.int32());
    count *= size;
  }
  if (count * 4 > body.left) throw body.malformed('a count reaches past the end');
  const items: (string | null)[] = [];
  for (let index = 0; index < count; index++) {
    const size = body.int32();
    items.push(size === -1 ? null : element(type, body, size, depth));
  }
  return { sizes, lowers, type, items };
}

const boxOid = 603;

function array(body: Body, depth: Depth): string {
  const { sizes, lowers, type, items } = readArray(body, depth);
  if (items.length === 0) return '{}';
  const delimiter = type === boxOid ? ';' : ',';
  let next = 0;
  const level = (dimension: number): string => {
    const parts: string[] = [];
    for (let index = 0; index < sizes[dimension]!; index++) {
      if (dimension + 1 < sizes.length) parts.push(level(dimension + 1));
      else parts.push(quoteItem(items[next++]!, delimiter));
    }
    return `{${parts.join(delimiter)}}`;
  };
  const bounds = lowers.some((lower) => lower !== 1)
    ? `${lowers.map((lower, index) => `[${lower}:${lower + sizes[index]! - 1}]`).join('')}=`
    : '';
  return bounds + level(0);
}

function quoteItem(item: string | null, delimiter: string): string {
  if (item === null) return 'NULL';
  const quote = item === '' || item.toUpperCase() === 'NULL' || /["\\{}\s]/.test(item) || item.includes(delimiter);
  return quote ? `"${item.replace(/["\\]/g, '\\$&')}"` : item;
}

/** Doubles quotes and backslashes, as records and ranges do. */
function quoteDoubled(text: string, special: RegExp): string {
  return text === '' || special.test(text) ? `"${text.replace(/["\\]/g, '$&$&')}"` : text;
}

/** Bits of the byte that a range begins with. */
export const rangeFlags = {
  empty: 0x01,
  lowerInclusive: 0x02,
  upperInclusive: 0x04,
  lowerInfinite: 0x08,
  upperInfinite: 0x10,
};

/** Byte1 flags, then for each bound that is finite: Int32 length, bytes. */
function spellRange(body: Body, type: number, depth: Depth): string {
  const flags = body.uint8();
  if ((flags & rangeFlags.empty) !== 0) return 'empty';
  const bound = (infinite: number): string =>
    (flags & infinite) !== 0 ? '' : quoteDoubled(element(type, body, body.int32(), depth), /["\\()[\],\s]/);
  const lower = bound(rangeFlags.lowerInfinite);
  const upper = bound(rangeFlags.upperInfinite);
  const open = (flags & rangeFlags.lowerInclusive) !== 0 ? '[' : '(';
  const close = (flags & rangeFlags.upperInclusive) !== 0 ? ']' : ')';
  return `${open}${lower},${upper}${close}`;
}

/** Int32 n, n × (Int32 length, range). */
function spellMultirange(body: Body, type: number, depth: Depth): string {
  const count = body.uint32();
  if (count * 5 > body.left) throw body.malformed('a count reaches past the end');
  const ranges: string[] = [];
  for (let index = 0; index < count; index++) {
    const size = body.int32();
    const inner = new Body('value', body.buffer, body.take(size), body.position);
    ranges.push(spellRange(inner, type, depth));
    inner.finish();
  }
  return `{${ranges.join(',')}}`;
}

/** Int32 n, n × (Int32 type, Int32 length, −1 NULL, bytes). */
function record(body: Body, depth: Depth): string {
  const count = body.uint32();
  if (count * 8 > body.left) throw body.malformed('a count reaches past the end');
  const parts: string[] = [];
  for (let index = 0; index < count; index++) {
    const type = body.uint32();
    const size = body.int32();
    parts.push(size === -1 ? '' : quoteDoubled(element(type, body, size, depth), /["\\(),\s]/));
  }
  return `(${parts.join(',')})`;
}

/** int2vector and oidvector: arrays on the wire, blanks between in text. */
function vector(body: Body, depth: Depth): string {
  return readArray(body, depth).items.join(' ');
}

const containers: ReadonlyMap<number, { readonly name: string; readonly spell: (body: Body, depth: Depth) => string }> =
  new Map([
    [22, { name: 'int2vector', spell: vector }],
    [30, { name: 'oidvector', spell: vector }],
    [2249, { name: 'record', spell: record }],
  ]);
