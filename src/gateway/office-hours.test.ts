import { expect, test } from 'vitest';
import { officeHours, officeHoursSchema } from './office-hours.ts';

test('one span a day, in minutes from Monday', () => {
  const given = officeHoursSchema.parse({
    timeZone: 'Europe/Berlin',
    days: ['sun', 'mon', 'mon'],
    from: '08:30',
    to: '24:00',
  });
  expect(officeHours(given)).toEqual({
    timeZone: 'Europe/Berlin',
    spans: [
      [510, 1440],
      [6 * 1440 + 510, 7 * 1440],
    ],
  });
  expect(officeHours(undefined).spans).toHaveLength(5);
  expect(officeHours(officeHoursSchema.parse({ timeZone: 'UTC' }))).toEqual(officeHours(undefined));
});

test('what is no time, no zone, or ends before it begins, is refused', () => {
  for (const wrong of [
    { timeZone: '+02:00' },
    { timeZone: 'UTC', from: '7' },
    { timeZone: 'UTC', from: '20:00' },
    {},
  ]) {
    expect(officeHoursSchema.safeParse(wrong).success).toBe(false);
  }
});
