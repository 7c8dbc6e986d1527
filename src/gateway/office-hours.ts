/**
 * Office hours of the installation: which hours detections call usual. One span a day, on the clock of one zone; what lies outside
 * is nobody's fault, only worth a second look.
 *
 * Deliberately absent: holidays, and hours of single people, which built-in detectors learn by themselves.
 */
import { z } from 'zod';
import { isTimeZone } from '../base/time-zone.ts';
import { type Hours, ordinaryHours } from '../detection/index.ts';

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const time = /^(?:[01]\d|2[0-3]):[0-5]\d$/;
const dayMinutes = 24 * 60;

export const officeHoursSchema = z
  .strictObject({
    timeZone: z.string().refine(isTimeZone, 'must be the name of a time zone, such as Europe/Berlin or UTC'),
    days: z.array(z.enum(weekdays)).min(1).default(['mon', 'tue', 'wed', 'thu', 'fri']),
    from: z.string().regex(time, 'must be a time such as 07:00').default('07:00'),
    to: z
      .string()
      .refine((text) => time.test(text) || text === '24:00', 'must be a time such as 20:00, or 24:00')
      .default('20:00'),
  })
  .refine(({ from, to }) => minutesOf(from) < minutesOf(to), 'must begin before they end');

/** As detectors take them. */
export function officeHours(given: z.output<typeof officeHoursSchema> | undefined): Hours {
  if (given === undefined) return ordinaryHours;
  const days = [...new Set(given.days)].map((day) => weekdays.indexOf(day) * dayMinutes).sort((a, b) => a - b);
  const from = minutesOf(given.from);
  const to = minutesOf(given.to);
  return { timeZone: given.timeZone, spans: days.map((day) => [day + from, day + to] as const) };
}

function minutesOf(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}
