/**
 * Spelling binary dates and times, in ISO style and the interval style `postgres`.
 *
 * Deliberately absent: the session's time zone; timestamps with time zone are given in UTC.
 * Source: src/backend/utils/adt/date.c, timestamp.c, datetime.c (EncodeInterval).
 */
import type { Body } from './body.ts';

/** Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from. */
const epochDays = 10_957;
const dayMicros = 86_400_000_000n;
const int64Max = 0x7fff_ffff_ffff_ffffn;
const int32Max = 0x7fff_ffff;

const two = (value: number): string => String(value).padStart(2, '0');
const int64 = (body: Body): bigint => body.buffer.readBigInt64BE(body.take(8));

/** Year, month and day of the proleptic Gregorian calendar, from days since 2000-01-01. */
function civil(days: number): { readonly date: string; readonly era: string } {
  // Counted from 0000-03-01 in cycles of 400 years, so that leap days come last.
  const shifted = days + epochDays + 719_468;
  const cycle = Math.floor(shifted / 146_097);
  const day = shifted - cycle * 146_097;
  const yearOfCycle = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  );
  const dayOfYear = day - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0);
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  const date = `${shown}-${two(month)}-${two(dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1)}`;
  return { date, era: year > 0 ? '' : ' BC' };
}

/** `hh:mm:ss` and a fraction without its trailing zeros; hours may exceed a day's. */
function clock(micros: bigint): string {
  const seconds = micros / 1_000_000n;
  const fraction = String(micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const hours = String(seconds / 3600n).padStart(2, '0');
  const shown = `${hours}:${two(Number((seconds / 60n) % 60n))}:${two(Number(seconds % 60n))}`;
  return fraction === '' ? shown : `${shown}.${fraction}`;
}

export function date(body: Body): string {
  const days = body.int32();
  if (days === int32Max) return 'infinity';
  if (days === -int32Max - 1) return '-infinity';
  const { date: shown, era } = civil(days);
  return shown + era;
}

export function time(body: Body): string {
  const micros = int64(body);
  if (micros < 0n || micros > dayMicros) throw body.malformed('time');
  return clock(micros);
}

/** Int64 microseconds, Int32 seconds west of Greenwich. */
export function timetz(body: Body): string {
  const shown = time(body);
  const zone = body.int32();
  const seconds = Math.abs(zone);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  while (parts.length > 1 && parts.at(-1) === 0) parts.pop();
  return `${shown}${zone <= 0 ? '+' : '-'}${parts.map(two).join(':')}`;
}

function stamp(body: Body, zone: string): string {
  const micros = int64(body);
  if (micros === int64Max) return 'infinity';
  if (micros === -int64Max - 1n) return '-infinity';
  const rest = ((micros % dayMicros) + dayMicros) % dayMicros;
  const { date: shown, era } = civil(Number((micros - rest) / dayMicros));
  return `${shown} ${clock(rest)}${zone}${era}`;
}

export function timestamp(body: Body): string {
  return stamp(body, '');
}

export function timestamptz(body: Body): string {
  return stamp(body, '+00');
}

/** Int64 microseconds, Int32 days, Int32 months. */
export function interval(body: Body): string {
  const micros = int64(body);
  const days = body.int32();
  const months = body.int32();
  if (micros === int64Max && days === int32Max && months === int32Max) return 'infinity';
  if (micros === -int64Max - 1n && days === -int32Max - 1 && months === -int32Max - 1) return '-infinity';
  const parts: string[] = [];
  // A part behind a negative one shows its sign.
  let negative = false;
  const part = (value: number, unit: string): void => {
    if (value === 0) return;
    parts.push(`${negative && value > 0 ? '+' : ''}${value} ${unit}${value === 1 ? '' : 's'}`);
    negative = value < 0;
  };
  part(Math.trunc(months / 12), 'year');
  part(months % 12, 'mon');
  part(days, 'day');
  if (micros !== 0n || parts.length === 0) {
    parts.push(`${micros < 0n ? '-' : negative ? '+' : ''}${clock(micros < 0n ? -micros : micros)}`);
  }
  return parts.join(' ');
}
