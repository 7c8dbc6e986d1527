/**
 * What a masked value looks like, for each type and method.
 *
 * | type      | redact                    | hash                    | partial               | format-preserving     |
 * | --------- | ------------------------- | ----------------------- | --------------------- | --------------------- |
 * | text      | `[redacted]`              | 32 hexadecimal digits   | ends, 8 stars between | digits and letters    |
 * | integer   | 0                         | within its magnitude    | its last digits       | as many digits        |
 * | decimal   | 0                         | 15 digits               | its last digits       | as many digits        |
 * | float     | 0                         | below 2^24              | 0                     | 0                     |
 * | boolean   | NULL                      | NULL                    | NULL                  | NULL                  |
 * | date      | 1900-01-01                | a day of 1900 to 2099   | 1900-01-01            | as hash               |
 * | timestamp | 1900-01-01 00:00:00       | a second of those       | as redact             | as hash               |
 * | time      | 00:00:00                  | a second of a day       | 00:00:00              | as hash               |
 * | interval  | 00:00:00                  | 00:00:00                | 00:00:00              | 00:00:00              |
 * | uuid      | zeros                     | a version 8 UUID        | ends, zeros between   | as hash               |
 * | json      | `"[redacted]"`            | a string of 32 digits   | `"[redacted]"`        | `"[redacted]"`        |
 * | bytes     | `\x`                      | 32 bytes                | `\x`                  | `\x`                  |
 * | address   | 0.0.0.0                   | in 10/8 or fd00::/8     | 0.0.0.0               | as hash               |
 * | other     | NULL                      | NULL                    | NULL                  | NULL                  |
 *
 * Invariants: the result is valid text of the type, its width tells nothing of the value's except where the method keeps
 * the format on purpose (A-MSK-04), and integers stay within the type that held the value: a value that fits two or four
 * bytes becomes one that does, which tells its magnitude and nothing else.
 */
import type { CellContext, ValueType } from '../core/masking.ts';
import { type Keyed, passesLuhn } from './keyed.ts';
import * as limits from './limits.ts';

export const redacted = '[redacted]';
/** What stands between the ends that a partial mask keeps. */
export const partialFill = '*'.repeat(8);
const fill = partialFill;

/** Null where the type has no value that tells nothing. */
const constants: Readonly<Record<ValueType, string | null>> = {
  text: redacted,
  integer: '0',
  decimal: '0',
  float: '0',
  boolean: null,
  date: '1900-01-01',
  time: '00:00:00',
  timestamp: '1900-01-01 00:00:00',
  interval: '00:00:00',
  uuid: '00000000-0000-0000-0000-000000000000',
  json: `"${redacted}"`,
  bytes: '\\x',
  address: '0.0.0.0',
  other: null,
};

/** The text, or as many stars as the column takes. */
export function cutTo(text: string, charactersMax: number | null): string {
  if (charactersMax === null || text.length <= charactersMax) return text;
  return '*'.repeat(Math.max(charactersMax, 0));
}

/** The zone of a time, kept because a type with zone wants one; always UTC. */
function zoneOf(text: string): string {
  return /\d[+-]\d\d(?::?\d\d)*$/.test(text.slice(-12)) ? '+00' : '';
}

/** Spellings of redacted values that depend on the type alone. */
const redactedBytes: ReadonlyMap<ValueType, Buffer | null> = new Map(
  (
    ['text', 'integer', 'decimal', 'float', 'boolean', 'date', 'interval', 'uuid', 'json', 'bytes', 'other'] as const
  ).map((type) => [type, constants[type] === null ? null : Buffer.from(constants[type])] as const),
);

/**
 * What a redacted value is in bytes: shared between values, not to be written to. The value itself is only looked at for
 * the types whose text has a variable form.
 */
export function redactedValue(value: Buffer, cell: CellContext): Buffer | null {
  const shared = redactedBytes.get(cell.type);
  if (shared !== undefined && (cell.type !== 'text' || (cell.charactersMax ?? redacted.length) >= redacted.length)) {
    return shared;
  }
  const text = spellRedacted(value.toString('latin1', Math.max(0, value.length - 64)), cell);
  return text === null ? null : Buffer.from(text);
}

export function spellRedacted(text: string, cell: CellContext): string | null {
  const constant = constants[cell.type];
  if (constant === null) return null;
  if (cell.type === 'text') return cutTo(constant, cell.charactersMax);
  if (cell.type === 'time' || cell.type === 'timestamp') return constant + zoneOf(text);
  if (cell.type === 'address') return zeroAddress(text);
  return constant;
}

const hardware = /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?:[:-][0-9a-f]{2}){0,2}$/i;

function zeroAddress(text: string): string {
  if (hardware.test(text)) return text.replace(/[0-9a-f]/gi, '0');
  return text.includes('/') ? '0.0.0.0/32' : '0.0.0.0';
}

const dayMs = 86_400_000;
const firstDayMs = Date.UTC(1900, 0, 1);
const daysFrom1900To2099 = (Date.UTC(2100, 0, 1) - firstDayMs) / dayMs;

export function spellHashed(value: Buffer, cell: CellContext, keyed: Keyed): string | null {
  const text = value.toString('latin1');
  const digest = keyed.digest(cell.type === 'integer' || cell.type === 'decimal' ? 'number' : cell.type, value);
  switch (cell.type) {
    case 'text': {
      const hex = digest.toString('hex', 0, 16);
      return cell.charactersMax === null ? hex : hex.slice(0, cell.charactersMax);
    }
    case 'json':
      return `"${digest.toString('hex', 0, 16)}"`;
    case 'integer':
      return hashedInteger(text, digest);
    case 'decimal':
      return String(digest.readBigUInt64BE(0) % 1_000_000_000_000_000n);
    case 'float':
      return String(digest.readUIntBE(0, 3));
    case 'date':
      return hashedDay(digest);
    case 'time':
      return hashedTime(digest) + zoneOf(text);
    case 'timestamp':
      return `${hashedDay(digest)} ${hashedTime(digest)}${zoneOf(text)}`;
    case 'uuid':
      return hashedUuid(digest);
    case 'bytes':
      return `\\x${digest.toString('hex')}`;
    case 'address':
      return hashedAddress(text, digest);
    default:
      return spellRedacted(text, cell);
  }
}

/** The largest integer of the smallest type that takes the value; null where it is none. */
function magnitudeOf(text: string): bigint | null {
  if (!/^-?\d{1,19}$/.test(text)) return null;
  const value = BigInt(text);
  // Two's complement has one negative number more.
  const size = value < 0n ? -value - 1n : value;
  if (size <= 32_767n) return 32_767n;
  if (size <= 2_147_483_647n) return 2_147_483_647n;
  return size <= 9_223_372_036_854_775_807n ? 9_223_372_036_854_775_807n : null;
}

function hashedInteger(text: string, digest: Buffer): string {
  const most = magnitudeOf(text);
  return most === null ? '0' : String(digest.readBigUInt64BE(0) % (most + 1n));
}

function hashedDay(digest: Buffer): string {
  const day = digest.readUInt32BE(0) % daysFrom1900To2099;
  return new Date(firstDayMs + day * dayMs).toISOString().slice(0, 10);
}

function hashedTime(digest: Buffer): string {
  return new Date((digest.readUInt32BE(4) % 86_400) * 1000).toISOString().slice(11, 19);
}

function hashedUuid(digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function hashedAddress(text: string, digest: Buffer): string {
  if (hardware.test(text)) {
    let index = 0;
    const hex = digest.toString('hex');
    // The second digit 2 makes it a locally administered address, which belongs to no device.
    return text.replace(/[0-9a-f]/gi, () => (index++ === 1 ? '2' : hex[index]!));
  }
  const suffix = text.includes('/');
  if (!text.includes(':')) return `10.${digest[0]}.${digest[1]}.${digest[2]}${suffix ? '/32' : ''}`;
  const groups = ['fd00'];
  for (let index = 0; index < 7; index++) groups.push((digest.readUInt16BE(index * 2) | 0x1000).toString(16));
  return groups.join(':') + (suffix ? '/128' : '');
}

export interface PartialEnds {
  readonly first: number;
  readonly last: number;
}

/** Whether a partial mask with these ends has been here before: what it left is not cut again. */
function isPartial(text: string, { first, last }: PartialEnds): boolean {
  const at = text.indexOf(fill);
  return at === first && text.length === first + fill.length + last && /^[\p{L}\p{N}*]*$/u.test(text);
}

/**
 * The first and last letters and digits with a fill of fixed width between, so that the length stays unknown; null where
 * less than half would be hidden.
 */
export function partialText(text: string, ends: PartialEnds, charactersMax: number | null): string | null {
  if (text === redacted || isPartial(text, ends)) return text;
  const kept: string[] = [];
  const near = limits.partialSearchCharacters;
  const nearEnds = text.length <= near * 2 ? text : `${text.slice(0, near)}${text.slice(-near)}`;
  for (const character of nearEnds) if (/[\p{L}\p{N}]/u.test(character)) kept.push(character);
  const { first, last } = ends;
  if ((first + last) * 2 > kept.length) return null;
  const room = charactersMax === null ? fill.length : Math.min(charactersMax - first - last, fill.length);
  if (room < 1) return null;
  return kept.slice(0, first).join('') + fill.slice(0, room) + (last === 0 ? '' : kept.slice(-last).join(''));
}

export function spellPartial(value: Buffer, cell: CellContext, ends: PartialEnds): string | null {
  const text = value.toString('utf8');
  switch (cell.type) {
    case 'text':
      return partialText(text, ends, cell.charactersMax) ?? spellRedacted(text, cell);
    case 'integer':
    case 'decimal': {
      // A number has no room for a fill; its first digits would need one. Only the last ones stay.
      const digits = /e/i.test(text) ? '' : text.replace(/[^0-9]/g, '');
      const { last } = ends;
      if (last === 0 || last * 2 > digits.length) return spellRedacted(text, cell);
      return String(BigInt(digits.slice(-last)));
    }
    case 'uuid': {
      const size = 32;
      if (!/^[0-9a-f-]{36}$/i.test(text) || (ends.first + ends.last) * 2 > size) return spellRedacted(text, cell);
      let index = 0;
      return text.replace(/[0-9a-f]/gi, (digit) => {
        const at = index++;
        return at < ends.first || at >= size - ends.last ? digit : '0';
      });
    }
    default:
      return spellRedacted(text, cell);
  }
}

export function spellPreserved(value: Buffer, cell: CellContext, keyed: Keyed): string | null {
  const text = value.toString('utf8');
  switch (cell.type) {
    case 'text':
      if (text.length > limits.preservedCharactersMax) return spellRedacted(text, cell);
      return cutTo(keyed.preserveFormat(text), cell.charactersMax);
    case 'integer':
    case 'decimal':
      return preservedNumber(text, cell, keyed);
    case 'float':
    case 'json':
    case 'bytes':
      return spellRedacted(text, cell);
    default:
      return spellHashed(value, cell, keyed);
  }
}

/** Walks the permutation until the number has as many digits and fits the type; that ends soon, or the value is redacted. */
function preservedNumber(text: string, cell: CellContext, keyed: Keyed): string | null {
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null || match[1]!.length > 1000) return spellRedacted(text, cell);
  const most = cell.type === 'integer' ? magnitudeOf(text) : null;
  if (cell.type === 'integer' && most === null) return '0';
  const whole = match[1]!.length;
  let digits = match[1]! + (match[2] ?? '');
  const luhn = digits.length >= 8 && passesLuhn(digits);
  for (let walk = 0; walk < 100; walk++) {
    digits = luhn ? keyed.preserveFormat(digits) : keyed.permuteDigits(digits);
    if (whole > 1 && digits.startsWith('0')) continue;
    if (most !== null && BigInt(digits) > most) continue;
    const sign = text.startsWith('-') && /[1-9]/.test(digits) ? '-' : '';
    return `${sign}${digits.slice(0, whole)}${whole < digits.length ? `.${digits.slice(whole)}` : ''}`;
  }
  return spellRedacted(text, cell);
}
