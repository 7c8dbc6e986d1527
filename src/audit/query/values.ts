/**
 * The values of fields that are more than a text: numbers with units, spans of time.
 *
 * Invariants: pure, given the present; everything is in UTC, as everything that the gateway writes is; bounds of numbers are
 * inclusive, spans of time reach from their first millisecond to before their last.
 */
import { type RawValue, unreadable } from './lexer.ts';

const timeUnitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const countUnits: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

export interface Bounds {
  readonly min: number | null;
  readonly max: number | null;
}

type Unit = 'count' | 'bytes' | 'time';

const units: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  count: countUnits,
  bytes: byteUnits,
  time: timeUnitsMs,
};

const unitHints: Readonly<Record<Unit, readonly string[]>> = {
  count: ['1000', '>1000', '<=50', '10..20', '10k'],
  bytes: ['>10MB', '>=64KiB', '<1GB', '1MB..2MB'],
  time: ['>2s', '>=500ms', '<1h', '1s..2s'],
};

/** `>1000`, `10..20`, `>=10MB`, `>2s`. */
export function readBounds(value: RawValue, unit: Unit): Bounds {
  const range = /^(.*?)\.\.(.*)$/.exec(value.text);
  if (range !== null && value.compare === '') {
    const [, low = '', high = ''] = range;
    if (low === '' && high === '') throw noNumber(value, unit);
    const min = low === '' ? null : amount(low, unit, value);
    const max = high === '' ? null : amount(high, unit, value);
    if (min !== null && max !== null && min > max) {
      throw unreadable(value.at, value.end, 'The first of the two is the larger one.');
    }
    return { min: min === null ? null : Math.ceil(min), max: max === null ? null : Math.floor(max) };
  }
  const number = amount(value.text, unit, value);
  switch (value.compare) {
    case '>':
      return { min: Math.floor(number) + 1, max: null };
    case '>=':
      return { min: Math.ceil(number), max: null };
    case '<':
      return { min: null, max: Math.ceil(number) - 1 };
    case '<=':
      return { min: null, max: Math.floor(number) };
    case '':
      return { min: Math.ceil(number), max: Math.floor(number) };
  }
}

function amount(text: string, unit: Unit, value: RawValue): number {
  const match = /^(\d{1,15}(?:[._]\d{1,9})*)([A-Za-z]*)$/.exec(text);
  const factor = match === null ? undefined : units[unit][match[2]!.toLowerCase()];
  const number = match === null ? Number.NaN : Number(match[1]!.replaceAll('_', ''));
  if (factor === undefined || !Number.isFinite(number)) throw noNumber(value, unit);
  const scaled = number * factor;
  if (scaled > Number.MAX_SAFE_INTEGER) throw unreadable(value.at, value.end, 'The number is too large.');
  return scaled;
}

function noNumber(value: RawValue, unit: Unit): Error {
  const what = { count: 'a number', bytes: 'a size', time: 'a length of time with its unit' }[unit];
  return unreadable(value.at, value.end, `This must be ${what}.`, unitHints[unit]);
}

export interface TimeSpan {
  readonly fromMs: number;
  /** Exclusive; of a moment the moment itself. */
  readonly toMs: number;
}

const dayMs = 86_400_000;
const months = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

const timeHints = ['7d', '12h', 'today', '2026-10-31', '2026-10', '2026-10-31T14:00:00Z'];

/** `since:` and `until:`: a while ago, or the beginning of a day, month, year or moment. */
export function readMoment(value: RawValue, nowMs: number): number {
  const ago = durationMs(value.text);
  if (ago !== null) return Math.max(0, nowMs - ago);
  return calendarSpan(value, value.text, nowMs).fromMs;
}

/** `on:`: a day, month or year, or from one through another. */
export function readSpan(value: RawValue, nowMs: number): TimeSpan {
  const range = /^(.+?)\.\.(.+)$/.exec(value.text);
  if (range !== null) {
    const first = calendarSpan(value, range[1]!, nowMs);
    const last = calendarSpan(value, range[2]!, nowMs);
    if (first.fromMs > last.fromMs) throw unreadable(value.at, value.end, 'The first of the two is the later one.');
    return { fromMs: first.fromMs, toMs: last.toMs };
  }
  if (durationMs(value.text) !== null) {
    throw unreadable(value.at, value.end, 'on: takes a day, a month or a year. For a while until now: since:.', [
      `since:${value.text}`,
    ]);
  }
  const span = calendarSpan(value, value.text, nowMs);
  return span.toMs === span.fromMs ? { fromMs: span.fromMs, toMs: span.fromMs + 1_000 } : span;
}

function durationMs(text: string): number | null {
  const match = /^(\d{1,6})([a-z]+)$/i.exec(text);
  const unit = match === null ? undefined : timeUnitsMs[match[2]!.toLowerCase()];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

function calendarSpan(value: RawValue, text: string, nowMs: number): TimeSpan {
  const today = Math.floor(nowMs / dayMs) * dayMs;
  const word = text.toLowerCase();
  if (word === 'now') return { fromMs: nowMs, toMs: nowMs };
  if (word === 'today') return { fromMs: today, toMs: today + dayMs };
  if (word === 'yesterday') return { fromMs: today - dayMs, toMs: today };
  const month = word.length < 3 ? -1 : months.findIndex((name) => name === word || name.slice(0, 3) === word);
  if (month >= 0) {
    // The latest of that name that has begun.
    const now = new Date(nowMs);
    const year = now.getUTCFullYear() - (month > now.getUTCMonth() ? 1 : 0);
    return { fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) };
  }
  const date = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text);
  if (date !== null) {
    const [, year = '', monthText, dayText] = date;
    const span = dateSpan(Number(year), monthText, dayText);
    if (span !== null) return span;
    throw unreadable(value.at, value.end, 'There is no such day.', timeHints);
  }
  if (/^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}/.test(text)) {
    // Without an offset it is UTC, as everything is that the gateway shows.
    const hasZone = /(?:[Zz]|[+-]\d{2}:\d{2})$/.test(text);
    const ms = Date.parse(hasZone ? text.toUpperCase() : `${text.toUpperCase()}Z`);
    if (Number.isFinite(ms)) return { fromMs: ms, toMs: ms };
  }
  throw unreadable(value.at, value.end, 'This is no time that can be read.', timeHints);
}

function dateSpan(year: number, monthText: string | undefined, dayText: string | undefined): TimeSpan | null {
  if (year < 1970) return null;
  if (monthText === undefined) return { fromMs: Date.UTC(year, 0), toMs: Date.UTC(year + 1, 0) };
  const month = Number(monthText) - 1;
  if (month < 0 || month > 11) return null;
  if (dayText === undefined) return { fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) };
  const fromMs = Date.UTC(year, month, Number(dayText));
  const isReal = new Date(fromMs).getUTCMonth() === month && Number(dayText) > 0;
  return isReal ? { fromMs, toMs: fromMs + dayMs } : null;
}
