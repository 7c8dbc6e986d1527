/**
 * Dates and times from their ISO spelling, intervals from the style `postgres`.
 *
 * Deliberately absent: other DateStyles and names of zones: a mask that changed a binary value was given ISO.
 * Source: src/backend/utils/adt/date.c, timestamp.c (the recv functions).
 */

/** Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from. */
const epochDays = 10_957;
const dayMicros = 86_400_000_000n;
const int64Max = 0x7fff_ffff_ffff_ffffn;
const int32Max = 0x7fff_ffff;
/** The types' own bounds: 4714-11-24 BC, 5874897-12-31 for dates, 294276-12-31 for timestamps. */
const daysMin = -2_451_545;
const dateDaysMax = 2_145_031_948;
const stampDaysMax = 106_751_982;

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Days since 2000-01-01 of a day of the proleptic Gregorian calendar; null where there is no such day. */
function daysOf(year: number, month: number, day: number): number | null {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1]!) return null;
  // Counted from March, so that leap days come last.
  const shifted = month <= 2 ? year - 1 : year;
  const cycle = Math.floor(shifted / 400);
  const yearOfCycle = shifted - cycle * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfCycle = yearOfCycle * 365 + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100) + dayOfYear;
  return cycle * 146_097 + dayOfCycle - 719_468 - epochDays;
}

const datePattern = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/;
const clockPattern = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;
const zonePattern = /^([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?$/;

function days(text: string, most: number): number | null {
  const parts = datePattern.exec(text);
  if (parts === null) return null;
  const shown = Number(parts[1]);
  if (shown === 0) return null;
  const found = daysOf(parts[4] === undefined ? shown : 1 - shown, Number(parts[2]), Number(parts[3]));
  return found === null || found < daysMin || found > most ? null : found;
}

function clock(text: string): bigint | null {
  const parts = clockPattern.exec(text);
  if (parts === null) return null;
  const [hours, minutes, seconds] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)];
  if (hours > 24 || minutes > 59 || seconds > 59) return null;
  const micros = BigInt(hours * 3600 + minutes * 60 + seconds) * 1_000_000n + BigInt((parts[4] ?? '').padEnd(6, '0'));
  return micros > dayMicros ? null : micros;
}

/** Seconds east of Greenwich. */
function zone(text: string): number | null {
  if (text === 'Z') return 0;
  const parts = zonePattern.exec(text);
  if (parts === null) return null;
  const seconds = Number(parts[2]) * 3600 + Number(parts[3] ?? 0) * 60 + Number(parts[4] ?? 0);
  if (seconds >= 16 * 3600) return null;
  return parts[1] === '-' ? -seconds : seconds;
}

export function encodeDate(text: string): Buffer | null {
  if (text === 'infinity') return int32(int32Max);
  if (text === '-infinity') return int32(-int32Max - 1);
  const found = days(text, dateDaysMax);
  return found === null ? null : int32(found);
}

export function encodeTime(text: string): Buffer | null {
  const micros = clock(text);
  return micros === null ? null : int64(micros);
}

/** Int64 microseconds, Int32 seconds west of Greenwich. */
export function encodeTimetz(text: string): Buffer | null {
  const parts = /^([\d:.]+)([+-][\d:]+|Z)?$/.exec(text);
  const micros = parts === null ? null : clock(parts[1]!);
  const east = parts === null ? null : zone(parts[2] ?? 'Z');
  return micros === null || east === null ? null : Buffer.concat([int64(micros), int32(east === 0 ? 0 : -east)]);
}

function stamp(text: string, zoned: boolean): Buffer | null {
  if (text === 'infinity') return int64(int64Max);
  if (text === '-infinity') return int64(-int64Max - 1n);
  const parts = /^([\d-]+)(?:[ T]([\d:.]+)(Z|[+-][\d:]+)?)?( BC)?$/.exec(text);
  if (parts === null || (parts[3] !== undefined && !zoned)) return null;
  const day = days(parts[1]! + (parts[4] ?? ''), stampDaysMax);
  const micros = clock(parts[2] ?? '00:00:00');
  const east = zone(parts[3] ?? 'Z');
  if (day === null || micros === null || east === null) return null;
  return int64(BigInt(day) * dayMicros + micros - BigInt(east) * 1_000_000n);
}

export function encodeTimestamp(text: string): Buffer | null {
  return stamp(text, false);
}

export function encodeTimestamptz(text: string): Buffer | null {
  return stamp(text, true);
}

const units: Readonly<Record<string, { months: number; days: number }>> = {
  year: { months: 12, days: 0 },
  mon: { months: 1, days: 0 },
  day: { months: 0, days: 1 },
};

/** Int64 microseconds, Int32 days, Int32 months. */
export function encodeInterval(text: string): Buffer | null {
  let months = 0;
  let dayCount = 0;
  let micros = 0n;
  const words = text.split(' ');
  const last = words.at(-1)!;
  const time = /^([+-]?)(\d{2,9}):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(last);
  if (time !== null) {
    words.pop();
    const seconds = BigInt(time[2]!) * 3600n + BigInt(time[3]!) * 60n + BigInt(time[4]!);
    micros = seconds * 1_000_000n + BigInt((time[5] ?? '').padEnd(6, '0'));
    if (time[1] === '-') micros = -micros;
  }
  if (words.length % 2 !== 0 || text === '') return null;
  for (let index = 0; index < words.length; index += 2) {
    const name = words[index + 1]!.replace(/s$/, '');
    const unit = Object.hasOwn(units, name) ? units[name] : undefined;
    if (unit === undefined || !/^[+-]?\d{1,9}$/.test(words[index]!)) return null;
    months += Number(words[index]) * unit.months;
    dayCount += Number(words[index]) * unit.days;
  }
  if (Math.abs(months) > int32Max || Math.abs(dayCount) > int32Max) return null;
  return Buffer.concat([int64(micros), int32(dayCount), int32(months)]);
}
