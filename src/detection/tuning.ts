/** Tuning of a built-in detector, checked against its definition: kind, bounds, nothing unknown; defaults filled in. */
import type { DetectorDefinition, TuningDefinition, TuningValue } from './detector.ts';
import * as limits from './limits.ts';
import { nearest, quote, type Reading } from './reading.ts';

export function compileTuning(
  reading: Reading,
  { name, tuning }: DetectorDefinition,
  value: unknown,
): Readonly<Record<string, TuningValue>> {
  const known = Object.keys(tuning);
  const found: Record<string, TuningValue> = {};
  for (const key of known) found[key] = tuning[key]!.default;
  if (value === undefined) return found;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw reading.fault('tuning', 'this is not an object');
  }
  for (const [key, given] of Object.entries(value)) {
    const definition = Object.hasOwn(tuning, key) ? tuning[key]! : null;
    if (definition === null) {
      const near = nearest(key, known);
      throw reading.fault(
        'tuning',
        `${name} has no ${quote(key)}${near === null ? '' : `; did you mean ${near}?`} (it has ${known.join(', ') || 'none'})`,
      );
    }
    found[key] = tuned(reading, `tuning.${key}`, definition, given);
  }
  return found;
}

function tuned(reading: Reading, path: string, definition: TuningDefinition, value: unknown): TuningValue {
  const { default: ordinary, min, max } = definition;
  if (typeof ordinary === 'object') {
    if (!Array.isArray(value)) throw reading.fault(path, 'this is not a list of texts');
    return value.length === 0 ? [] : reading.texts(path, value, limits.tuningListMax);
  }
  if (typeof value !== typeof ordinary) throw reading.fault(path, `this is not a ${typeof ordinary}`);
  if (typeof value === 'number') {
    return reading.number(path, value, min ?? -Number.MAX_SAFE_INTEGER, max ?? Number.MAX_SAFE_INTEGER);
  }
  if (typeof value === 'string' && value.length > limits.patternCharactersMax) {
    throw reading.fault(path, `this has more than ${limits.patternCharactersMax} characters`);
  }
  return value as string | boolean;
}
