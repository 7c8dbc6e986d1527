/**
 * Binary values from their spelling: the way back of value-types.ts, for values that a mask has changed.
 *
 * Takes the spellings that values.ts gives (ISO dates, shortest floats, `\x` for bytea) and a little more, as a mask may
 * write them. Whatever does not fit the type exactly is null; the caller then delivers NULL.
 *
 * Invariants: never throws; never gives bytes that the type's receive function would refuse.
 *
 * Deliberately absent: containers (mask-value.ts), types without a spelling of their own that a mask could produce
 * (geometry, tsvector, bit strings, names of objects).
 * Source: the recv functions of src/backend/utils/adt.
 */
import { encodeNumeric } from './value-encode-number.ts';
import {
  encodeDate,
  encodeInterval,
  encodeTime,
  encodeTimestamp,
  encodeTimestamptz,
  encodeTimetz,
} from './value-encode-time.ts';

type Encode = (text: string) => Buffer | null;

/** Types whose binary form is their text. */
export const textualTypes: ReadonlySet<number> = new Set([19, 25, 114, 142, 705, 1042, 1043, 1790, 2275]);

/** The binary value of a built-in scalar type; null when `text` is none, or the type has no way back. */
export function encodeScalar(typeOid: number, text: string): Buffer | null {
  if (textualTypes.has(typeOid)) return Buffer.from(text);
  return encoders.get(typeOid)?.(text) ?? null;
}

/** True for a type that `encodeScalar` can give. */
export function isEncodable(typeOid: number): boolean {
  return textualTypes.has(typeOid) || encoders.has(typeOid);
}

function integer(bits: 16 | 32 | 64, signed: boolean): Encode {
  const low = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const high = (signed ? 2n ** BigInt(bits - 1) : 2n ** BigInt(bits)) - 1n;
  return (text) => {
    if (!/^[+-]?\d{1,20}$/.test(text)) return null;
    const value = BigInt(text);
    if (value < low || value > high) return null;
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
    return bytes.subarray(8 - bits / 8);
  };
}

const numberPattern = /^[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})(e[+-]?\d{1,4})?$/i;
const specialFloats: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function float(size: 4 | 8): Encode {
  return (text) => {
    const value =
      (Object.hasOwn(specialFloats, text) ? specialFloats[text] : undefined) ??
      (numberPattern.test(text) ? Number(text) : null);
    if (value === null) return null;
    const special = Object.hasOwn(specialFloats, text);
    if (!special && !Number.isFinite(size === 4 ? Math.fround(value) : value)) return null;
    const bytes = Buffer.alloc(size);
    if (size === 4) bytes.writeFloatBE(value);
    else bytes.writeDoubleBE(value);
    return bytes;
  };
}

function bool(text: string): Buffer | null {
  if (text === 't' || text === 'true') return Buffer.from([1]);
  return text === 'f' || text === 'false' ? Buffer.from([0]) : null;
}

/** "char": one byte; a longer spelling keeps its first, as the server's input function does. */
function char(text: string): Buffer | null {
  if (text === '') return Buffer.from([0]);
  const octal = /^\\([0-3][0-7]{2})$/.exec(text);
  if (octal !== null) return Buffer.from([Number.parseInt(octal[1]!, 8)]);
  return Buffer.from(text).subarray(0, 1);
}

function bytea(text: string): Buffer | null {
  if (!text.startsWith('\\x')) return text.includes('\\') ? null : Buffer.from(text);
  const digits = text.slice(2);
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return null;
  return Buffer.from(digits, 'hex');
}

function money(text: string): Buffer | null {
  const parts = /^(-?)\$?(\d{1,17})(?:\.(\d{1,2}))?$/.exec(text.replaceAll(',', ''));
  if (parts === null) return null;
  const cents = BigInt(parts[2]!) * 100n + BigInt((parts[3] ?? '').padEnd(2, '0'));
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(parts[1] === '-' ? -cents : cents);
  return bytes;
}

function uuid(text: string): Buffer | null {
  const digits = text.replaceAll('-', '');
  return /^[0-9a-f]{32}$/i.test(digits) ? Buffer.from(digits, 'hex') : null;
}

function jsonb(text: string): Buffer | null {
  return Buffer.concat([Buffer.from([1]), Buffer.from(text)]);
}

function macaddr(size: 6 | 8): Encode {
  return (text) => {
    const digits = text.replaceAll(/[:.-]/g, '');
    return digits.length === size * 2 && /^[0-9a-f]*$/i.test(digits) ? Buffer.from(digits, 'hex') : null;
  };
}

/** Byte1 family, Byte1 bits of the mask, Byte1 whether cidr, Byte1 length, bytes. */
function network(isCidr: boolean): Encode {
  return (text) => {
    const [shown = '', width, ...more] = text.split('/');
    const bytes = ipv4(shown) ?? ipv6(shown);
    if (bytes === null || more.length > 0) return null;
    const most = bytes.length * 8;
    if (width !== undefined && !/^\d{1,3}$/.test(width)) return null;
    const bits = width === undefined ? most : Number(width);
    if (bits > most) return null;
    // A cidr has no bits set behind its mask.
    if (isCidr) clearBits(bytes, bits);
    return Buffer.concat([Buffer.from([bytes.length === 4 ? 2 : 3, bits, isCidr ? 1 : 0, bytes.length]), bytes]);
  };
}

function clearBits(bytes: Buffer, from: number): void {
  for (let index = 0; index < bytes.length; index++) {
    const kept = Math.max(0, Math.min(8, from - index * 8));
    bytes[index] = bytes[index]! & (0xff00 >> kept);
  }
}

function ipv4(text: string): Buffer | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const parts = text.split('.').map(Number);
  return parts.some((part) => part > 255) ? null : Buffer.from(parts);
}

function ipv6(text: string): Buffer | null {
  let shown = text;
  const dotted = /^(.*:)([\d.]+)$/.exec(text);
  if (dotted !== null && dotted[2]!.includes('.')) {
    const tail = ipv4(dotted[2]!);
    if (tail === null) return null;
    shown = `${dotted[1]}${tail.readUInt16BE(0).toString(16)}:${tail.readUInt16BE(2).toString(16)}`;
  }
  const halves = shown.split('::');
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const count = groups[0]!.length + (groups[1]?.length ?? 0);
  if (halves.length === 1 ? count !== 8 : count > 7) return null;
  const all = [...groups[0]!, ...Array<string>(8 - count).fill('0'), ...(groups[1] ?? [])];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  return bytes;
}

const encoders: ReadonlyMap<number, Encode> = new Map<number, Encode>([
  [16, bool],
  [17, bytea],
  [18, char],
  [20, integer(64, true)],
  [21, integer(16, true)],
  [23, integer(32, true)],
  [26, integer(32, false)],
  [28, integer(32, false)],
  [29, integer(32, false)],
  [5069, integer(64, false)],
  [650, network(true)],
  [869, network(false)],
  [700, float(4)],
  [701, float(8)],
  [774, macaddr(8)],
  [829, macaddr(6)],
  [790, money],
  [1082, encodeDate],
  [1083, encodeTime],
  [1114, encodeTimestamp],
  [1184, encodeTimestamptz],
  [1186, encodeInterval],
  [1266, encodeTimetz],
  [1700, encodeNumeric],
  [2950, uuid],
  [3802, jsonb],
]);
