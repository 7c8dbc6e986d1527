import { expect, test } from 'vitest';
import type { DetectionSpec } from '../core/detection.ts';
import { ordinaryHours } from './calendar.ts';
import { runExamples } from './trial.ts';

function outcomes(spec: DetectionSpec): readonly (readonly [boolean, string])[] {
  return runExamples({ name: 'try', spec }, { definitions: [], hours: ordinaryHours }).map(({ passed, reason }) => [
    passed,
    reason,
  ]);
}

test('a burst of failed logins from one address', () => {
  const failed = { type: 'identity.refused', source: '198.51.100.7', login: 'root' };
  expect(
    outcomes({
      severity: 'medium',
      select: { failed: { type: 'identity.refused' } },
      by: ['source'],
      window: '10m',
      measure: { of: 'count', min: 5 },
      message: '{figure} failed logins from {source} in {window}, the last as {login}',
      examples: [
        { activities: [{ ...failed, times: 5, every: '1m' }], expect: 'alert' },
        { activities: [{ ...failed, times: 4, every: '1m' }], expect: 'quiet' },
        { activities: [{ ...failed, times: 5, every: '3m' }], expect: 'quiet' },
        {
          activities: [
            { ...failed, times: 3 },
            { ...failed, source: '198.51.100.8', times: 3 },
          ],
          expect: 'quiet',
        },
      ],
    }),
  ).toEqual([
    [true, '5 failed logins from 198.51.100.7 in 10m, the last as root'],
    [true, '4 activities, and nothing to tell'],
    [true, '5 activities, and nothing to tell'],
    [true, '6 activities, and nothing to tell'],
  ]);
});

test('rows against what is usual for oneself', () => {
  const read = { principal: 'ana', 'reads.table': 'public.customers' };
  expect(
    outcomes({
      severity: 'high',
      select: { read: { 'reads.table': 'customers' } },
      condition: 'read',
      window: '1h',
      measure: { of: 'sum', field: 'rows', min: 1000, factor: 10 },
      baseline: { against: 'own', over: '14d' },
      examples: [
        {
          activities: [
            { ...read, rows: 100, times: 24, every: '1h' },
            { ...read, rows: 2000, at: '30h' },
          ],
          expect: 'alert',
        },
      ],
    }),
  ).toEqual([[true, 'try: ana on example: 2000 rows within 1h, where 100 is usual']]);
});
