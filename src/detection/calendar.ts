/**
 * Hours and weekdays of events as the clock on the wall of the installation shows them, and whether that is within its office
 * hours. What the zone says is asked once for each quarter of an hour, since zones are set at quarters and asking is dear.
 *
 * Deliberately absent: holidays, which no table here could know.
 */
import { wallTime } from '../base/time-zone.ts';
import type { DetectorContext } from './detector.ts';

const quarterMs = 15 * 60_000;
const dayMinutes = 24 * 60;

export type Hours = DetectorContext['hours'];

/** Monday to Friday, 07:00 to 20:00, UTC: unless the installation says otherwise. */
export const ordinaryHours: Hours = {
  spans: [0, 1, 2, 3, 4].map((day) => [day * dayMinutes + 7 * 60, day * dayMinutes + 20 * 60] as const),
  timeZone: 'UTC',
};

export class Calendar {
  readonly #hours: Hours;
  #quarter = Number.NaN;
  #minuteOfWeek = 0;

  constructor(hours: Hours) {
    this.#hours = hours;
  }

  /** Minutes from Monday 00:00 on the wall, 0 to 10,079; of the quarter of an hour that the moment is in. */
  #quarterOfWeek(atMs: number): number {
    const quarter = Math.floor(atMs / quarterMs);
    if (quarter !== this.#quarter) {
      const wall = wallTime(this.#hours.timeZone, quarter * quarterMs);
      // The epoch was a Thursday.
      const days = Math.floor(wall / (dayMinutes * 60_000));
      this.#minuteOfWeek = ((((days + 3) % 7) + 7) % 7) * dayMinutes + Math.floor(wall / 60_000 - days * dayMinutes);
      this.#quarter = quarter;
    }
    return this.#minuteOfWeek;
  }

  /** Minutes from Monday 00:00 on the wall. */
  minuteOfWeek(atMs: number): number {
    return this.#quarterOfWeek(atMs) + Math.floor((atMs % quarterMs) / 60_000);
  }

  /** 0 to 23. */
  hour(atMs: number): number {
    return Math.floor((this.#quarterOfWeek(atMs) % dayMinutes) / 60);
  }

  /** 1 is Monday, 7 Sunday. */
  weekday(atMs: number): number {
    return Math.floor(this.#quarterOfWeek(atMs) / dayMinutes) + 1;
  }

  isOfficeHours(atMs: number): boolean {
    const minute = this.minuteOfWeek(atMs);
    return this.#hours.spans.some(([from, to]) => minute >= from && minute < to);
  }
}
