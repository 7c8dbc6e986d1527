/**
 * Messages with `{name}` filled in from what was found. Each value is escaped, cut, and put in once: what stands in it is
 * never read as a template again (A-REC-02).
 */
import { escapeLine } from '../base/escape.ts';
import type { Calendar } from './calendar.ts';
import type { Observation } from './detector.ts';
import { type Field, fieldOf, textsOf } from './fields.ts';
import * as limits from './limits.ts';
import { quote, type Reading } from './reading.ts';

export type Fill = (
  facts: Readonly<Record<string, string | number>>,
  observation: Observation,
  calendar: Calendar,
) => string;

const shownValuesMax = 5;

/** `facts`: names that a finding of this detection has beside the fields of the activity that completed it. */
export function compileMessage(reading: Reading, text: unknown, facts: readonly string[]): Fill | null {
  if (text === undefined) return null;
  if (typeof text !== 'string' || text.trim() === '') throw reading.fault('message', 'this is not a text');
  if (text.length > limits.messageCharactersMax) {
    throw reading.fault('message', `this has more than ${limits.messageCharactersMax} characters`);
  }
  const parts = text.split(/\{([^{}]*)\}/);
  const filled = parts.map((part, index): string | Field | { readonly fact: string } => {
    if (index % 2 === 0) return part;
    if (facts.includes(part)) return { fact: part };
    const field = fieldOf(part);
    if (field === null) {
      throw reading.fault(
        'message',
        `there is nothing called {${quote(part).slice(1, -1)}}; known are fields and ${facts.join(', ')}`,
      );
    }
    return field;
  });
  return (found, observation, calendar) =>
    filled
      .map((part) => {
        if (typeof part === 'string') return part;
        if ('fact' in part) return shown(String(found[part.fact] ?? '-'));
        return shownValues(textsOf(part.read(observation, calendar)));
      })
      .join('')
      .slice(0, limits.summaryCharactersMax);
}

function shown(value: string): string {
  const line = escapeLine(value);
  return line.length > limits.valueCharactersMax ? `${line.slice(0, limits.valueCharactersMax)}…` : line;
}

/** Some values of a field, for people. */
export function shownValues(values: readonly string[]): string {
  if (values.length === 0) return '-';
  const some = values.slice(0, shownValuesMax).map(shown).join(', ');
  return values.length > shownValuesMax ? `${some} and ${values.length - shownValuesMax} more` : some;
}
