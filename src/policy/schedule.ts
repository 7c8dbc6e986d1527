/**
 * When an Access counts: its windows (days, hours, a time zone) and its end.
 *
 * Invariants:
 * - Windows of one Access add up; it counts in any of them. Without any, at every time.
 * - A window begins at the first coming of its `from` on the day that it names, and ends at the first coming of its `to`
 *   (time-zone.ts): clocks that are set back or forward make it longer or shorter, and never open it twice.
 * - `to` that is not after `from` is on the next day; the day that is named is the one on which it begins.
 * - From `until` on it counts no more. What is not understood is refused when compiled.
 *
 * Deliberately absent: the clock, which whoever asks brings along; holidays.
 */
import { isTimeZone, momentOf, wallTime } from '../base/time-zone.ts';
import * as limits from './limits.ts';

/** In the order of `Date.getUTCDay`. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof weekdays)[number];

export interface AccessWindow {
  /** Every day unless given. */
  readonly days?: readonly Weekday[];
  /** `HH:MM`; 00:00 unless given. */
  readonly from?: string;
  /** `HH:MM`, or 24:00, which it is unless given. */
  readonly to?: string;
  /** IANA's name. */
  readonly timeZone: string;
}

export interface Schedule {
  /** Whether it counts at this time. */
  isOpen(atMs: number): boolean;
  /** Whether its end has come. */
  isOver(atMs: number): boolean;
  /** When it counts again; null where that is never, or it does so now. */
  opensAt(atMs: number): number | null;
  /** When it may next begin or cease to count, after this time; null where that is never. */
  changesAt(atMs: number): number | null;
  /** In which people think of it: of the first window, or UTC. */
  readonly timeZone: string;
  /** For people: `mon, tue 08:00 to 18:00 Europe/Berlin`. */
  readonly spelled: string;
  readonly hasWindows: boolean;
  readonly untilMs: number | null;
}

interface Hours {
  readonly days: ReadonlySet<number>;
  readonly fromMinutes: number;
  /** Of the day on which it begins: more than a day's where it ends on the next. */
  readonly toMinutes: number;
  readonly timeZone: string;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;
const dayMinutes = 24 * 60;

/** Days looked ahead: a week, and the days beside it. */
const daysAhead = 8;

/** Null where there is neither: then it always counts. `fail` makes the error that is thrown. */
export function compileSchedule(windows: unknown, until: unknown, fail: (reason: string) => Error): Schedule | null {
  if (windows === undefined && until === undefined) return null;
  const untilMs = until === undefined ? null : Date.parse(typeof until === 'string' ? until : '');
  if (Number.isNaN(untilMs)) throw fail('until is not a moment');
  const hours = windows === undefined ? null : hoursOf(windows, fail);
  return new Times(hours, untilMs);
}

function hoursOf(windows: unknown, fail: (reason: string) => Error): readonly Hours[] {
  // A list that holds none would mean never, or always: nobody means either.
  if (!Array.isArray(windows) || windows.length === 0) throw fail('windows is not a list of windows');
  if (windows.length > limits.accessWindowsMax) throw fail(`windows has more than ${limits.accessWindowsMax} entries`);
  return windows.map((window: unknown): Hours => {
    if (typeof window !== 'object' || window === null || Array.isArray(window)) throw fail('a window is not an object');
    for (const key of Object.keys(window)) {
      if (!['days', 'from', 'to', 'timeZone'].includes(key)) {
        throw fail(`a window has an unknown field ${JSON.stringify(key)}`);
      }
    }
    const { days = weekdays, from = '00:00', to = '24:00', timeZone } = window as Partial<Record<string, unknown>>;
    if (!Array.isArray(days) || days.length === 0 || !days.every((day) => weekdays.includes(day as Weekday))) {
      throw fail('days of a window is not a list of mon, tue, wed, thu, fri, sat, sun');
    }
    const fromMinutes = minutesOf(from);
    const toMinutes = minutesOf(to);
    if (fromMinutes === null || fromMinutes === dayMinutes) throw fail('from of a window is not a time such as 08:00');
    if (toMinutes === null) throw fail('to of a window is not a time such as 18:00');
    if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) {
      throw fail('timeZone of a window is not a time zone such as Europe/Berlin');
    }
    return {
      days: new Set(days.map((day) => weekdays.indexOf(day as Weekday))),
      fromMinutes,
      toMinutes: toMinutes > fromMinutes ? toMinutes : toMinutes + dayMinutes,
      timeZone,
    };
  });
}

function minutesOf(text: unknown): number | null {
  const match = /^(\d\d):(\d\d)$/.exec(typeof text === 'string' ? text : '');
  if (match === null) return null;
  const [hour, minute] = [Number(match[1]), Number(match[2])];
  const minutes = hour * 60 + minute;
  return minute < 60 && minutes <= dayMinutes ? minutes : null;
}

class Times implements Schedule {
  readonly #hours: readonly Hours[] | null;
  readonly untilMs: number | null;
  /** What was found last, and between which times it holds. */
  #known: { readonly isOpen: boolean; readonly fromMs: number; readonly toMs: number } | null = null;

  constructor(hours: readonly Hours[] | null, untilMs: number | null) {
    this.#hours = hours;
    this.untilMs = untilMs;
  }

  get hasWindows(): boolean {
    return this.#hours !== null;
  }

  get timeZone(): string {
    return this.#hours?.[0]?.timeZone ?? 'UTC';
  }

  get spelled(): string {
    const windows = (this.#hours ?? []).map(spell).join(', or ');
    const until = this.untilMs === null ? '' : `until ${new Date(this.untilMs).toISOString()}`;
    return [windows, until].filter((text) => text !== '').join(', ');
  }

  isOver(atMs: number): boolean {
    return this.untilMs !== null && atMs >= this.untilMs;
  }

  isOpen(atMs: number): boolean {
    return !this.isOver(atMs) && this.#at(atMs).isOpen;
  }

  opensAt(atMs: number): number | null {
    if (this.isOver(atMs)) return null;
    const { isOpen, toMs } = this.#at(atMs);
    if (isOpen || !Number.isFinite(toMs)) return null;
    return this.isOver(toMs) ? null : toMs;
  }

  changesAt(atMs: number): number | null {
    if (this.isOver(atMs)) return null;
    const next = Math.min(this.#at(atMs).toMs, this.untilMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(next) ? next : null;
  }

  #at(atMs: number): { readonly isOpen: boolean; readonly fromMs: number; readonly toMs: number } {
    if (this.#hours === null) return { isOpen: true, fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
    if (this.#known === null || atMs < this.#known.fromMs || atMs >= this.#known.toMs) {
      this.#known = stateAt(this.#hours, atMs);
    }
    return this.#known;
  }
}

function spell({ days, fromMinutes, toMinutes, timeZone }: Hours): string {
  const clock = (minutes: number): string =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const named =
    days.size === 7
      ? 'every day'
      : [1, 2, 3, 4, 5, 6, 0]
          .filter((day) => days.has(day))
          .map((day) => weekdays[day])
          .join(', ');
  const to = toMinutes > dayMinutes ? `${clock(toMinutes - dayMinutes)} of the next day` : clock(toMinutes);
  return `${named} ${clock(fromMinutes)} to ${to} ${timeZone}`;
}

/** Whether any window is open then, since when at the least, and until when: where windows meet, they are one. */
function stateAt(hours: readonly Hours[], atMs: number) {
  const spans = hours.flatMap((one) => spansOf(one, atMs)).sort((a, b) => a.fromMs - b.fromMs);
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of spans) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else merged.push({ fromMs, toMs });
  }
  const inside = merged.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  if (inside !== undefined) return { isOpen: true, ...inside };
  const next = merged.find(({ fromMs }) => fromMs > atMs);
  const before = merged.findLast(({ toMs }) => toMs <= atMs);
  return { isOpen: false, fromMs: before?.toMs ?? atMs, toMs: next?.fromMs ?? atMs + daysAhead * dayMs };
}

/** The times in which one window is open, from the day before to a week ahead. */
function spansOf({ days, fromMinutes, toMinutes, timeZone }: Hours, atMs: number) {
  const today = Math.floor(wallTime(timeZone, atMs) / dayMs) * dayMs;
  const spans: { fromMs: number; toMs: number }[] = [];
  for (let day = -2; day <= daysAhead; day++) {
    const midnight = today + day * dayMs;
    if (!days.has(new Date(midnight).getUTCDay())) continue;
    const fromMs = momentOf(timeZone, midnight + fromMinutes * minuteMs);
    const toMs = momentOf(timeZone, midnight + toMinutes * minuteMs);
    if (toMs > fromMs) spans.push({ fromMs, toMs });
  }
  return spans;
}
