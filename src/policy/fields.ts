/**
 * Reading a Guardrail's manifest: the own fields of objects, lists, numbers and times, each refused with its path where
 * it is not what it must be.
 *
 * Invariant: nothing is ignored. An unknown field, an empty list, a value out of range: each is an error, since a rule that
 * does less than it seems to is worse than none.
 */
import { type DurationUnit, durationUnitsMs } from '../base/duration.ts';
import { escapeLine } from '../base/escape.ts';
import { policyErrors } from './errors.ts';
import * as limits from './limits.ts';

/** Text from a manifest as it may stand in a message: escaped, and cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(escapeLine(text.length > 80 ? `${text.slice(0, 80)}…` : text));
}

/** A selector as the manifest has it, for people, bounded. */
export function shownSelector(value: unknown): string {
  const text = escapeLine(JSON.stringify(value));
  return text.length > limits.explainedTextMax ? `${text.slice(0, limits.explainedTextMax)}…` : text;
}

/** Reads one manifest; knows its name for the errors. */
export class Fields {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** The error for a field. */
  fault(field: string, reason: string): Error {
    return policyErrors('policy.malformed-guardrail', { values: { name: escapeLine(this.name), field, reason } });
  }

  /** The fields of an object, all of them known. */
  object<Key extends string>(path: string, value: unknown, known: readonly Key[]): Partial<Record<Key, unknown>> {
    if (!isPlain(value)) throw this.fault(path, 'this is not an object');
    for (const key of Object.keys(value)) {
      if (!known.includes(key as Key))
        throw this.fault(path, `unknown field ${quote(key)}; known are ${known.join(', ')}`);
    }
    return value as Partial<Record<Key, unknown>>;
  }

  /** A list of texts that has at least one entry; null where it is not given. */
  list(path: string, value: unknown): readonly string[] | null {
    if (value === undefined) return null;
    if (!Array.isArray(value)) throw this.fault(path, 'this is not a list');
    if (value.length === 0)
      throw this.fault(path, 'this list is empty and would select nothing; leave it out or fill it');
    if (value.length > limits.guardrailListEntriesMax) {
      throw this.fault(path, `this list has more than ${limits.guardrailListEntriesMax} entries`);
    }
    for (const [index, entry] of value.entries()) {
      if (typeof entry !== 'string' || entry === '') throw this.fault(`${path}[${index}]`, 'this is not a text');
    }
    return value as string[];
  }

  /** A list whose entries are among `known`. */
  choices<Choice extends string>(path: string, value: unknown, known: readonly Choice[]): readonly Choice[] | null {
    const entries = this.list(path, value);
    for (const [index, entry] of (entries ?? []).entries()) this.choice(`${path}[${index}]`, entry, known);
    return entries as readonly Choice[] | null;
  }

  choice<Choice extends string>(path: string, value: unknown, known: readonly Choice[]): Choice {
    if (typeof value !== 'string' || !known.includes(value as Choice)) {
      throw this.fault(path, `${quote(String(value))} is none of ${known.join(', ')}`);
    }
    return value as Choice;
  }

  /** `uncertain` of a selector: whether what stays unknown does not match. */
  ignoresUncertain(path: string, value: unknown): boolean {
    return value !== undefined && this.choice(`${path}.uncertain`, value, ['match', 'ignore']) === 'ignore';
  }

  /** A whole number within bounds; null where it is not given. */
  number(path: string, value: unknown, minimum: number, maximum = Number.MAX_SAFE_INTEGER): number | null {
    if (value === undefined) return null;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.fault(path, 'this is not a whole number');
    if (value < minimum || value > maximum) {
      const bound = value < minimum ? `at least ${minimum}` : `at most ${maximum}`;
      throw this.fault(path, `${value} is out of range, it must be ${bound}`);
    }
    return value;
  }

  text(path: string, value: unknown, maximum: number): string | null {
    if (value === undefined) return null;
    if (typeof value !== 'string' || value.trim() === '') throw this.fault(path, 'this is not a text');
    if (value.length > maximum) throw this.fault(path, `this has more than ${maximum} characters`);
    return value;
  }

  /** Milliseconds of a time such as `90s`, `30m`, `8h`, `7d`; null where it is not given. */
  duration(path: string, value: unknown): number | null {
    if (value === undefined) return null;
    const found = typeof value === 'string' ? /^([1-9][0-9]{0,9})([smhd])$/.exec(value) : null;
    if (found === null) throw this.fault(path, 'this is not a time such as 90s, 30m, 8h or 7d');
    const milliseconds = Number(found[1]) * durationUnitsMs[found[2] as DurationUnit];
    if (milliseconds > limits.durationMsMax) throw this.fault(path, 'this is longer than 21 days');
    return milliseconds;
  }

  /** Texts by name; null where there are none given. */
  labels(path: string, value: unknown): readonly (readonly [string, string])[] | null {
    if (value === undefined) return null;
    if (!isPlain(value)) throw this.fault(path, 'this is not an object');
    const labels = Object.entries(value);
    if (labels.length === 0) throw this.fault(path, 'there is no label; leave it out or name one');
    if (labels.length > limits.guardrailListEntriesMax) {
      throw this.fault(path, `there are more than ${limits.guardrailListEntriesMax} labels`);
    }
    for (const [key, text] of labels) {
      if (typeof text !== 'string') throw this.fault(`${path}.${escapeLine(key)}`, 'this is not a text');
    }
    return labels as [string, string][];
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
