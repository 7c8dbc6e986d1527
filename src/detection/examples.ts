/** The form of a detection's examples. What they are made into: example-events.ts; how they come out: trial.ts. */
import type { DetectionExample } from '../core/detection.ts';
import * as limits from './limits.ts';
import type { Reading } from './reading.ts';
import { requireField } from './select.ts';

export function compileExamples(reading: Reading, value: unknown): readonly DetectionExample[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw reading.fault('examples', 'this is not a list');
  if (value.length > limits.examplesMax) throw reading.fault('examples', `there are more than ${limits.examplesMax}`);
  let total = 0;
  return value.map((entry: unknown, index): DetectionExample => {
    const path = `examples[${index}]`;
    const given = reading.object(path, entry, ['activities', 'expect']);
    reading.choice(`${path}.expect`, given.expect, ['alert', 'quiet']);
    if (!Array.isArray(given.activities) || given.activities.length === 0) {
      throw reading.fault(`${path}.activities`, 'this is not a list of activities');
    }
    if (given.activities.length > limits.exampleActivitiesMax) {
      throw reading.fault(`${path}.activities`, `there are more than ${limits.exampleActivitiesMax}`);
    }
    for (const [at, activity] of given.activities.entries()) {
      total += checkActivity(reading, `${path}.activities[${at}]`, activity);
    }
    if (total > limits.exampleObservationsMax) {
      throw reading.fault(path, `the examples come to more than ${limits.exampleObservationsMax} activities`);
    }
    return entry as DetectionExample;
  });
}

function checkActivity(reading: Reading, path: string, value: unknown): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw reading.fault(path, 'this is not an object of fields');
  }
  let times = 1;
  for (const [name, given] of Object.entries(value)) {
    if (name === 'times') times = reading.number(`${path}.times`, given, 1, limits.exampleTimesMax);
    else if (name === 'at' || name === 'every') {
      if (given !== '0s') reading.duration(`${path}.${name}`, given, 1000, limits.baselineMsMax);
    } else {
      requireField(reading, path, name);
    }
  }
  return times;
}
