/**
 * One selection, compiled: fields of an activity and what they must be. All fields must hold; within a list, one.
 *
 * Invariants:
 * - Two-valued: what is not known does not hold, and `not` of it does. It is asked of what stands in the journal, where
 *   nothing is perhaps.
 * - Texts compare without regard to case; `*` stands for any run of characters. Linear in the length of the value times
 *   the number of stars, never a regular expression: an operator's pattern cannot hold the loop.
 */
import { compileName } from '../base/glob.ts';
import type { DetectionSelection } from '../core/detection.ts';
import type { EventType } from '../core/event.ts';
import type { Calendar } from './calendar.ts';
import type { Observation } from './detector.ts';
import { commandTypes, type Field, type FieldValue, fieldNames, fieldOf } from './fields.ts';
import * as limits from './limits.ts';
import { nearest, quote, type Reading } from './reading.ts';

export interface CompiledSelection {
  /** Events that it names by `type`, or null. */
  readonly types: ReadonlySet<string> | null;
  /** Events that have all of its fields; null: any. */
  readonly on: readonly EventType[] | null;
  /** Texts with stars, of which each takes a look at the whole value. */
  readonly wildcards: number;
  readonly fields: readonly string[];
  /** Leaves `type` to `types`. */
  holds(observation: Observation, calendar: Calendar): boolean;
}

type Test = (value: FieldValue) => boolean;

const eventTypes: ReadonlySet<string> = new Set<EventType>([
  'gateway.started',
  'gateway.stopped',
  'journal.recovered',
  'space.changed',
  'identity.refused',
  'session.refused',
  'session.opened',
  'session.ended',
  'command.intent',
  'command.verdict',
  'command.ended',
  'alert.raised',
  'alert.changed',
  'response.changed',
  'search.run',
  'report.made',
  'index.rebuilt',
  'recording.stored',
  'recording.released',
  'recording.deleted',
  'journal.pruned',
  'sink.changed',
  'output.limited',
  'review.requested',
  'review.decided',
  'review.ended',
  'grant.changed',
  'recording.sealed',
  'recording.read',
  'violation',
  'command.cancel',
  'session.steered',
  'session.kill',
  'configuration.changed',
  'identity.signed-on',
  'token.issued',
  'factor.changed',
  'token.revoked',
  'key.rotated',
]);

/** Types of events that a detection can select: all but chunks of recordings, which say nothing. */
export const selectableTypes: readonly string[] = [...eventTypes];

/** The field of a name, refused with the nearest one where there is none. */
export function requireField(reading: Reading, path: string, name: unknown): Field {
  const found = typeof name === 'string' ? fieldOf(name) : null;
  if (found !== null) return found;
  const near = nearest(String(name), fieldNames());
  throw reading.fault(
    path,
    `there is no field ${quote(String(name))}${near === null ? '' : `; did you mean ${near}?`}`,
  );
}

export function compileSelection(reading: Reading, path: string, value: unknown): CompiledSelection {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw reading.fault(path, 'this is not an object of fields');
  }
  const entries = Object.entries(value as DetectionSelection);
  if (entries.length === 0) throw reading.fault(path, 'this is empty and would hold of everything');
  if (entries.length > limits.selectionFieldsMax) {
    throw reading.fault(path, `there are more than ${limits.selectionFieldsMax} fields`);
  }
  let wildcards = 0;
  let types: ReadonlySet<string> | null = null;
  let on: readonly EventType[] | null = null;
  const tests: { readonly field: Field; readonly test: Test }[] = [];
  for (const [name, wanted] of entries) {
    const at = `${path}.${name}`;
    if (name === 'type') {
      types = typesOf(reading, at, wanted);
      continue;
    }
    const field = requireField(reading, at, name);
    const { test, stars } = compileTest(reading, at, field, wanted);
    wildcards += stars;
    tests.push({ field, test });
    const known = name === 'verdict' && test('allow') ? field.on!.filter((one) => one !== 'command.verdict') : field.on;
    on = meet(on, known);
    if (on?.length === 0) throw reading.fault(at, 'no event has this together with the fields before it');
  }
  if (types !== null && on !== null && !on.some((one) => types.has(one))) {
    throw reading.fault(`${path}.type`, `these events do not have its fields, which are of ${on.join(', ')}`);
  }
  return {
    types,
    on,
    wildcards,
    fields: entries.map(([name]) => name),
    holds: (observation, calendar) => {
      for (const { field, test } of tests) {
        const found = field.read(observation, calendar);
        if (found === null || !test(found)) return false;
      }
      return true;
    },
  };
}

function meet(a: readonly EventType[] | null, b: readonly EventType[] | null): readonly EventType[] | null {
  if (a === null || b === null) return a ?? b;
  return a.filter((one) => b.includes(one));
}

function typesOf(reading: Reading, path: string, wanted: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  for (const pattern of reading.texts(path, wanted, limits.listEntriesMax)) {
    const test = compileName(pattern.toLowerCase());
    const matching = selectableTypes.filter((type) => test(type));
    if (matching.length === 0) {
      const near = nearest(pattern, selectableTypes);
      throw reading.fault(path, `there is no event ${quote(pattern)}${near === null ? '' : `; did you mean ${near}?`}`);
    }
    for (const type of matching) found.add(type);
  }
  return found;
}

function compileTest(
  reading: Reading,
  path: string,
  field: Field,
  wanted: unknown,
): { readonly test: Test; readonly stars: number } {
  switch (field.type) {
    case 'flag':
      if (typeof wanted !== 'boolean') throw reading.fault(path, 'this is true or false');
      return { test: (value) => value === wanted, stars: 0 };
    case 'number':
      return { test: numberTest(reading, path, wanted), stars: 0 };
    case 'text':
      return textTest(reading, path, field, wanted);
  }
}

function numberTest(reading: Reading, path: string, wanted: unknown): Test {
  const most = Number.MAX_SAFE_INTEGER;
  if (typeof wanted === 'number') {
    const exact = reading.number(path, wanted, -most, most);
    return (value) => value === exact;
  }
  if (typeof wanted !== 'object') throw reading.fault(path, 'this is a number, or {min, max}');
  const given = reading.object(path, wanted, ['min', 'max']);
  if (given.min === undefined && given.max === undefined) throw reading.fault(path, 'this says neither min nor max');
  const low = given.min === undefined ? -most : reading.number(`${path}.min`, given.min, -most, most);
  const high = given.max === undefined ? most : reading.number(`${path}.max`, given.max, -most, most);
  if (low > high) throw reading.fault(path, 'min is more than max');
  return (value) => typeof value === 'number' && value >= low && value <= high;
}

function textTest(
  reading: Reading,
  path: string,
  field: Field,
  wanted: unknown,
): { readonly test: Test; readonly stars: number } {
  if (typeof wanted === 'boolean' || typeof wanted === 'number') {
    throw reading.fault(path, 'this is a text; put it in quotes');
  }
  const exact = new Set<string>();
  const patterns: ((name: string) => boolean)[] = [];
  for (const pattern of reading.texts(path, wanted, limits.listEntriesMax)) {
    if (pattern.length > limits.patternCharactersMax) {
      throw reading.fault(path, `a text has more than ${limits.patternCharactersMax} characters`);
    }
    const lower = pattern.toLowerCase();
    if (!lower.includes('*')) exact.add(lower);
    else patterns.push(compileName(lower));
    if (lower.includes('*') && field.isQualified === true) patterns.push(compileName(`*.${lower}`));
  }
  const one = (value: string): boolean => {
    const cut = value.length > limits.searchedCharactersMax ? value.slice(0, limits.searchedCharactersMax) : value;
    const lower = cut.toLowerCase();
    if (exact.has(lower)) return true;
    if (field.isQualified === true && exact.size > 0 && hasSuffix(exact, lower)) return true;
    for (const pattern of patterns) if (pattern(lower)) return true;
    return false;
  };
  const test: Test = (value) => {
    if (value === null) return false;
    if (typeof value !== 'object') return one(String(value));
    for (const entry of value) if (one(entry)) return true;
    return false;
  };
  return { test, stars: patterns.length };
}

/** `public.customers.ssn` is also `customers.ssn` and `ssn`. */
function hasSuffix(names: ReadonlySet<string>, name: string): boolean {
  for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) {
    if (names.has(name.slice(at + 1))) return true;
  }
  return false;
}

/**
 * The events at which selections without `type` are looked at, so that a command counts once: at its intent, its verdict, or
 * its end, whichever is the first at which all that is asked for is known. Null where nothing says which events are meant.
 */
export function stageOf(selections: readonly Pick<CompiledSelection, 'types' | 'on'>[]): readonly string[] | null {
  const open = selections.filter(({ types }) => types === null);
  if (open.some(({ on }) => on === null)) {
    // A selection by principal or hour alone goes with the events of the others.
    const rest = open.filter(({ on }) => on !== null);
    return rest.length === 0 ? null : stageOf(rest);
  }
  const stages = open.map(({ on }) => commandTypes.findIndex((type) => on!.includes(type)));
  const stage = Math.max(-1, ...stages);
  const found = new Set<string>(stage >= 0 ? [commandTypes[stage]!] : []);
  for (const [index, { on }] of open.entries()) {
    if (stages[index]! < 0) for (const type of on!) found.add(type);
  }
  return [...found];
}
