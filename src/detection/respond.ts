/** What a detection does by itself, and what it keeps quiet about: checked and compiled. */
import { responseKinds } from '../core/alert.ts';
import type { DetectionResponse } from '../core/detection.ts';
import type { Calendar } from './calendar.ts';
import type { Observation } from './detector.ts';
import * as limits from './limits.ts';
import type { Reading } from './reading.ts';
import { compileSelection } from './select.ts';

export interface Suppression {
  readonly reason: string;
  /** Milliseconds of wall clock until which it holds; null: for good. */
  readonly untilMs: number | null;
  holds(observation: Observation, calendar: Calendar): boolean;
}

export function compileResponses(reading: Reading, value: unknown): readonly DetectionResponse[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw reading.fault('respond', 'this is not a list');
  if (value.length > limits.responsesMax) {
    throw reading.fault('respond', `there are more than ${limits.responsesMax} responses`);
  }
  const kinds = new Set<string>();
  return value.map((entry: unknown, index): DetectionResponse => {
    const path = `respond[${index}]`;
    const given = reading.object(path, entry, ['do', 'for', 'points', 'reviewers', 'over']);
    const kind = reading.choice(`${path}.do`, given.do, responseKinds);
    if (kinds.has(kind)) throw reading.fault(`${path}.do`, 'this is there twice');
    kinds.add(kind);
    if (given.for !== undefined) {
      if (kind === 'end') throw reading.fault(`${path}.for`, 'a session that is ended has no time');
      reading.duration(`${path}.for`, given.for, 1000, limits.baselineMsMax);
    }
    if (kind === 'risk') reading.number(`${path}.points`, given.points, 1, 100);
    else if (given.points !== undefined) throw reading.fault(`${path}.points`, 'this belongs to risk');
    if (kind === 'hold') reviewers(reading, `${path}.reviewers`, given.reviewers);
    else if (given.reviewers !== undefined) throw reading.fault(`${path}.reviewers`, 'this belongs to hold');
    if (given.over !== undefined) {
      if (kind === 'lock') throw reading.fault(`${path}.over`, 'a lock is of the principal');
      reading.choice(`${path}.over`, given.over, ['session', 'principal']);
    }
    return entry as DetectionResponse;
  });
}

function reviewers(reading: Reading, path: string, value: unknown): void {
  if (value === undefined) throw reading.fault(path, 'say who is asked: names, groups, or both');
  const given = reading.object(path, value, ['names', 'groups']);
  if (given.names === undefined && given.groups === undefined) throw reading.fault(path, 'this names nobody');
  if (given.names !== undefined) reading.texts(`${path}.names`, given.names, limits.listEntriesMax);
  if (given.groups !== undefined) reading.texts(`${path}.groups`, given.groups, limits.listEntriesMax);
}

export function compileSuppressions(reading: Reading, value: unknown): readonly Suppression[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw reading.fault('suppress', 'this is not a list');
  if (value.length > limits.suppressionsMax) {
    throw reading.fault('suppress', `there are more than ${limits.suppressionsMax} entries`);
  }
  return value.map((entry: unknown, index): Suppression => {
    const path = `suppress[${index}]`;
    const given = reading.object(path, entry, ['match', 'reason', 'until']);
    if (typeof given.reason !== 'string' || given.reason.trim() === '') {
      throw reading.fault(`${path}.reason`, 'say why: whoever reads it in a year must know');
    }
    const untilMs = given.until === undefined ? null : Date.parse(String(given.until));
    if (untilMs !== null && Number.isNaN(untilMs)) {
      throw reading.fault(`${path}.until`, 'this is no date-time, such as 2027-01-31T00:00:00Z');
    }
    const selection = compileSelection(reading, `${path}.match`, given.match);
    return {
      reason: given.reason,
      untilMs,
      holds: (observation, calendar) =>
        selection.types?.has(observation.activity.event.type) !== false && selection.holds(observation, calendar),
    };
  });
}
