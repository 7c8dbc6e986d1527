/**
 * Reading a MaskSpec: what is not understood is refused with its place and reason, never ignored. A mistyped field of a
 * mask would let pass what it was written to hide.
 *
 * Deliberately absent: compiling (masks.ts); the schema of the manifest, which `api/contract` publishes.
 */
import { escapeLine } from '../base/escape.ts';
import type { MaskMethod, MaskSpec, RuleObject } from '../core/rules.ts';
import { maskingErrors } from './errors.ts';
import * as limits from './limits.ts';

/** Where in a manifest something stands, for messages. */
export class Place {
  readonly mask: string;
  readonly path: string;

  constructor(mask: string, path: string) {
    this.mask = mask;
    this.path = path;
  }

  at(step: string | number): Place {
    const part = typeof step === 'number' ? `[${step}]` : this.path === '' ? step : `.${step}`;
    return new Place(this.mask, this.path + part);
  }

  /** `reason` follows the field's name: "is not a list". */
  malformed(reason: string): Error {
    return maskingErrors('masking.malformed-mask', {
      values: { name: escapeLine(this.mask), field: this.field, reason: escapeLine(reason) },
    });
  }

  get field(): string {
    return this.path === '' ? 'the manifest' : escapeLine(this.path);
  }
}

/** The own fields of an object; an unknown one is an error. */
export function fieldsOf(place: Place, value: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw place.malformed('is not an object');
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw place.malformed(`has an unknown field ${JSON.stringify(key)}; it may have ${known.join(', ')}`);
    }
  }
  const fields: Record<string, unknown> = {};
  for (const key of known) if (Object.hasOwn(value, key)) fields[key] = (value as Record<string, unknown>)[key];
  return fields;
}

/** A list with at least one entry, or null where the field is absent. */
export function listOf(place: Place, value: unknown, most: number): readonly unknown[] | null {
  if (value === undefined) return null;
  if (!Array.isArray(value)) throw place.malformed('is not a list');
  if (value.length === 0) throw place.malformed('is an empty list, which selects nothing');
  if (value.length > most) throw place.malformed(`has more than ${most} entries`);
  return value;
}

/** A list of texts, none of them empty. */
export function textsOf(place: Place, value: unknown, most: number): readonly string[] | null {
  const list = listOf(place, value, most);
  if (list === null) return null;
  return list.map((entry, index) => textOf(place.at(index), entry));
}

export function textOf(place: Place, value: unknown): string {
  if (typeof value !== 'string') throw place.malformed('is not text');
  if (value === '') throw place.malformed('is empty');
  return value;
}

export function choiceOf<Choice extends string>(
  place: Place,
  value: unknown,
  choices: readonly Choice[],
  absent: Choice,
): Choice {
  if (value === undefined) return absent;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw place.malformed(`is not one of ${choices.join(', ')}`);
  return found;
}

const plainMethods = ['redact', 'null', 'format-preserving', 'hash'] as const;

/** `with`: redact where it is absent. */
export function methodOf(place: Place, value: unknown): MaskMethod {
  if (value === undefined) return 'redact';
  if (typeof value === 'string') {
    const found = plainMethods.find((method) => method === value);
    if (found === undefined) throw place.malformed(`is not one of ${plainMethods.join(', ')}, or partial`);
    return found;
  }
  const fields = fieldsOf(place, value, ['partial']);
  const partialPlace = place.at('partial');
  const partial = fieldsOf(partialPlace, fields['partial'], ['first', 'last']);
  const count = (name: 'first' | 'last'): number => {
    const number = partial[name];
    if (number === undefined) return 0;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > limits.partialCharactersMax) {
      throw partialPlace.at(name).malformed(`is not a whole number from 0 to ${limits.partialCharactersMax}`);
    }
    return number;
  };
  const [first, last] = [count('first'), count('last')];
  if (first + last === 0) throw partialPlace.malformed('leaves nothing, which redact does');
  return { partial: { first, last } };
}

/** The fields of a whole Mask, known but not yet checked. */
export function maskFields(object: RuleObject<MaskSpec>): Readonly<Record<string, unknown>> {
  const place = new Place(String(object.name), '');
  fieldsOf(place, object, ['name', 'spec']);
  if (typeof object.name !== 'string' || object.name === '') throw place.malformed('has no name');
  // `gateway:` names what the gateway itself masks.
  if (object.name === 'none' || object.name.startsWith('gateway:')) throw place.malformed('has a reserved name');
  return fieldsOf(place.at('spec'), object.spec, [
    'match',
    'columns',
    'fields',
    'headers',
    'detect',
    'patterns',
    'dictionaries',
    'with',
    'predicates',
    'unresolved',
  ]);
}
