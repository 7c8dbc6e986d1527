/**
 * One Detection, compiled: whom it watches, its detector, and what becomes of what it finds.
 *
 * Invariant: what is not understood, contradicts itself, or could never find anything is refused with its field.
 */
import { createHash } from 'node:crypto';
import { escapeLine } from '../base/escape.ts';
import type { Severity } from '../core/alert.ts';
import { severities } from '../core/alert.ts';
import type { DetectionExample, DetectionResponse, DetectionSpec } from '../core/detection.ts';
import type { RuleObject } from '../core/rules.ts';
import { Calendar, type Hours } from './calendar.ts';
import { parseCondition, selectionsOf } from './condition.ts';
import type { Detector, DetectorDefinition } from './detector.ts';
import { compileExamples } from './examples.ts';
import { type Field, fieldOf, typesOfNobody } from './fields.ts';
import * as limits from './limits.ts';
import type { MeasureTerms } from './measure.ts';
import { compileMessage } from './message.ts';
import { Reading } from './reading.ts';
import { compileResponses, compileSuppressions, type Suppression } from './respond.ts';
import { RuleDetector, type RuleTerms } from './rule.ts';
import { type CompiledSelection, compileSelection, requireField, stageOf } from './select.ts';
import { compileTuning } from './tuning.ts';
import { compileWatched, type Watched } from './watched.ts';

export interface CompileParts {
  readonly definitions: readonly DetectorDefinition[];
  readonly hours: Hours;
}

export interface CompiledDetection {
  readonly name: string;
  readonly severity: Severity;
  readonly mode: 'on' | 'dry-run' | 'off';
  readonly watches: Watched;
  /** Events that it looks at; null: all. */
  readonly events: ReadonlySet<string> | null;
  /** Of what its state means: one of another key is of no use to it. */
  readonly key: string;
  readonly quietMs: number;
  readonly respond: readonly DetectionResponse[];
  readonly suppressions: readonly Suppression[];
  readonly examples: readonly DetectionExample[];
  create(): Detector;
}

const findingFields = [
  'select',
  'condition',
  'by',
  'window',
  'measure',
  'baseline',
  'sequence',
] as const satisfies readonly (keyof DetectionSpec)[];

/** What the state of a detector hangs on. */
const meaningFields = [
  'match',
  'detector',
  'tuning',
  ...findingFields,
] as const satisfies readonly (keyof DetectionSpec)[];

const specFields = [
  'description',
  'severity',
  'mode',
  ...meaningFields,
  'message',
  'respond',
  'quiet',
  'suppress',
  'examples',
] as const satisfies readonly (keyof DetectionSpec)[];

const ruleFields = [...findingFields, 'message'] as const;

type Given = Partial<Record<(typeof specFields)[number], unknown>>;

/** Throws `detection.malformed`. What was compiled does not change with the object. */
export function compileDetection({ name, spec }: RuleObject<DetectionSpec>, parts: CompileParts): CompiledDetection {
  const reading = new Reading(String(name));
  if (typeof name !== 'string' || name === '' || name.startsWith('gateway:')) {
    throw reading.fault('metadata.name', 'this name is reserved');
  }
  if (escapeLine(name) !== name) throw reading.fault('metadata.name', 'it has characters that do not show');
  const given: Given = reading.object('spec', structuredClone(spec), specFields);
  const calendar = new Calendar(parts.hours);
  const made =
    given.detector === undefined ? ofRule(reading, name, given, calendar) : ofDefinition(reading, given, parts);
  return {
    name,
    severity: reading.choice('severity', given.severity, severities),
    mode: given.mode === undefined ? 'on' : reading.choice('mode', given.mode, ['on', 'dry-run', 'off']),
    watches: compileWatched(reading, given.match),
    events: made.events,
    key: keyOf(given, parts.hours),
    quietMs:
      given.quiet === undefined ? limits.quietMs : reading.duration('quiet', given.quiet, 1000, limits.quietMsMax),
    respond: compileResponses(reading, given.respond),
    suppressions: compileSuppressions(reading, given.suppress),
    examples: compileExamples(reading, given.examples),
    create: made.create,
  };
}

function keyOf(given: Given, hours: Hours): string {
  const meaning = meaningFields.map((field) => given[field] ?? null);
  return createHash('sha256')
    .update(JSON.stringify([meaning, hours]))
    .digest('hex')
    .slice(0, 16);
}

interface Made {
  readonly events: ReadonlySet<string> | null;
  create(): Detector;
}

function ofDefinition(reading: Reading, given: Given, { definitions, hours }: CompileParts): Made {
  for (const field of ruleFields) {
    if (given[field] !== undefined) {
      throw reading.fault(field, 'this does not go with detector: a built-in one brings its own');
    }
  }
  const definition = definitions.find(({ name }) => name === given.detector);
  if (definition === undefined) {
    const known = definitions.map(({ name }) => name).join(', ');
    throw reading.fault('detector', `there is no built-in detector of this name; there are ${known || 'none'}`);
  }
  const tuning = compileTuning(reading, definition, given.tuning);
  const context = { name: reading.name, hours };
  return { events: null, create: () => definition.create(tuning, context) };
}

function ofRule(reading: Reading, name: string, given: Given, calendar: Calendar): Made {
  if (given.tuning !== undefined) throw reading.fault('tuning', 'this belongs to a built-in detector');
  if (typeof given.select !== 'object' || given.select === null || Array.isArray(given.select)) {
    throw reading.fault('select', 'say what is looked for: named selections of fields, or a built-in detector');
  }
  const names = Object.keys(given.select);
  if (names.length === 0) throw reading.fault('select', 'this holds no selection');
  if (names.length > limits.selectionsMax) {
    throw reading.fault('select', `there are more than ${limits.selectionsMax} selections`);
  }
  for (const one of names) {
    if (!/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(one)) {
      throw reading.fault('select', 'a selection is named by a letter and then letters, digits, - and _');
    }
    if (/^(?:and|or|not|of|all|any|them)$/i.test(one)) {
      throw reading.fault(`select.${one}`, 'this is a word of conditions; give the selection another name');
    }
  }
  const selections = names.map((one) =>
    compileSelection(reading, `select.${one}`, (given.select as Record<string, unknown>)[one]),
  );
  const wildcards = selections.reduce((sum, one) => sum + one.wildcards, 0);
  if (wildcards > limits.wildcardsMax) {
    throw reading.fault('select', `there are more than ${limits.wildcardsMax} texts with a star`);
  }
  const what =
    given.sequence === undefined
      ? ofCondition(reading, given, names, selections)
      : ofSequence(reading, given, names, selections);
  const windowMs =
    given.window === undefined ? 0 : reading.duration('window', given.window, limits.windowMsMin, limits.windowMsMax);
  const by = compileBy(reading, given.by, what.events);
  const measure = compileMeasure(reading, given, windowMs, by, what.events);
  const terms: RuleTerms = {
    name,
    selections,
    ...what,
    by,
    measure,
    windowMs,
    fill: compileMessage(reading, given.message, factNames(by, measure, what.steps !== null)),
    calendar,
  };
  return { events: what.events, create: () => new RuleDetector(terms) };
}

function factNames(by: readonly Field[], measure: MeasureTerms | null, isSequence: boolean): string[] {
  return [
    ...by.map(({ name }) => name),
    ...(measure === null ? [] : ['figure', 'window']),
    ...(measure?.of === 'distinct' ? ['values'] : []),
    ...(measure?.baseline == null ? [] : ['usual', 'usualOfPeers']),
    ...(isSequence ? ['steps'] : []),
  ];
}

type What = Pick<RuleTerms, 'condition' | 'steps' | 'events'>;

function ofCondition(
  reading: Reading,
  given: Given,
  names: readonly string[],
  selections: readonly CompiledSelection[],
): What {
  if (given.condition === undefined && names.length > 1) {
    throw reading.fault('condition', 'there are several selections: say how they are joined');
  }
  const condition = parseCondition(reading, 'condition', given.condition ?? names[0], names);
  const used = selectionsOf(condition);
  for (const [index, name] of names.entries()) {
    if (!used.has(index)) throw reading.fault('condition', `the selection ${name} is not in it`);
  }
  // What is counted, and what it is counted by, must be known there too.
  const asked = [...fieldsNamed(given.by), ...fieldsNamed([given.measure].map(fieldOfMeasure))];
  const besides = asked.map((field) => ({ types: null, on: field.on }));
  return { condition, steps: null, events: eventsOf(reading, 'select', [...selections, ...besides], selections) };
}

/** Those that there are; what is wrong with others is told where they are compiled. */
function fieldsNamed(names: unknown): readonly Field[] {
  if (!Array.isArray(names)) return [];
  return names.map((name) => (typeof name === 'string' ? fieldOf(name) : null)).filter((field) => field !== null);
}

function fieldOfMeasure(measure: unknown): unknown {
  return (measure as { readonly field?: unknown } | undefined)?.field;
}

type Staged = Pick<CompiledSelection, 'types' | 'on'>;

function eventsOf(
  reading: Reading,
  path: string,
  staged: readonly Staged[],
  selections: readonly Staged[] = staged,
): ReadonlySet<string> {
  const isOpen = selections.some(({ types }) => types === null);
  const events = new Set<string>((isOpen ? stageOf(staged) : null) ?? []);
  for (const { types } of selections) for (const type of types ?? []) events.add(type);
  if (events.size === 0) {
    throw reading.fault(
      path,
      'say which events are meant: type (session.opened, command.ended, …), or a field of theirs',
    );
  }
  return events;
}

function ofSequence(
  reading: Reading,
  given: Given,
  names: readonly string[],
  selections: readonly CompiledSelection[],
): What {
  for (const field of ['condition', 'measure', 'baseline'] as const) {
    if (given[field] !== undefined) throw reading.fault(field, 'this does not go with sequence');
  }
  if (given.window === undefined) throw reading.fault('window', 'a sequence takes a window');
  const order = reading.texts('sequence', given.sequence, limits.sequenceStepsMax);
  if (order.length < 2) throw reading.fault('sequence', 'a sequence has two steps or more');
  const indexes = order.map((one, at) => {
    const index = names.indexOf(one);
    if (index < 0)
      throw reading.fault(`sequence[${at}]`, `there is no selection of this name; known are ${names.join(', ')}`);
    return index;
  });
  for (const [index, name] of names.entries()) {
    if (!indexes.includes(index)) throw reading.fault('sequence', `the selection ${name} is not in it`);
  }
  const steps = indexes.map((selection) => ({
    selection,
    events: selections[selection]!.types ?? eventsOf(reading, `select.${names[selection]}`, [selections[selection]!]),
  }));
  return { condition: null, steps, events: new Set(steps.flatMap(({ events }) => [...events])) };
}

/** By principal unless given, where the events are anybody's doing; an empty list counts everything together. */
function compileBy(reading: Reading, value: unknown, events: ReadonlySet<string>): readonly Field[] {
  const isOfNobody = typesOfNobody.some((type) => events.has(type));
  if (value === undefined) return isOfNobody ? [] : [requireField(reading, 'by', 'principal')];
  if (!Array.isArray(value)) throw reading.fault('by', 'this is not a list of fields');
  if (value.length > limits.groupFieldsMax) {
    throw reading.fault('by', `there are more than ${limits.groupFieldsMax} fields`);
  }
  if (new Set(value).size !== value.length) throw reading.fault('by', 'a field is named twice');
  return value.map((name: unknown, index) => {
    const field = requireField(reading, `by[${index}]`, name);
    const lacking = [...events].filter(
      (type) =>
        (field.on !== null && !field.on.some((one) => one === type)) ||
        (field.name === 'principal' && type === 'identity.refused'),
    );
    if (lacking.length > 0) {
      throw reading.fault(
        `by[${index}]`,
        `${field.name} is not known of ${lacking.join(', ')}, which would not be counted`,
      );
    }
    return field;
  });
}

function compileMeasure(
  reading: Reading,
  given: Given,
  windowMs: number,
  by: readonly Field[],
  events: ReadonlySet<string>,
): MeasureTerms | null {
  if (given.measure === undefined) {
    if (given.baseline !== undefined) throw reading.fault('baseline', 'this goes with measure.factor');
    if (windowMs > 0 && given.sequence === undefined) {
      throw reading.fault('measure', 'a window takes a measure: what is counted in it');
    }
    return null;
  }
  if (windowMs === 0) throw reading.fault('window', 'a measure takes a window');
  const measure = reading.object('measure', given.measure, ['of', 'field', 'min', 'factor']);
  const of = reading.choice('measure.of', measure.of, ['count', 'distinct', 'sum']);
  const field = measuredField(reading, of, measure.field, events);
  if (measure.min === undefined && measure.factor === undefined) {
    throw reading.fault('measure', 'say from when on it counts: min, factor, or both');
  }
  const most = of === 'distinct' ? limits.distinctMax : Number.MAX_SAFE_INTEGER;
  const min = measure.min === undefined ? 1 : reading.number('measure.min', measure.min, 1, most);
  const factor = measure.factor === undefined ? null : reading.number('measure.factor', measure.factor, 1, 1_000_000);
  if ((factor === null) !== (given.baseline === undefined)) {
    throw reading.fault(factor === null ? 'baseline' : 'measure.factor', 'factor and baseline go together');
  }
  return { of, field, min, factor, windowMs, baseline: compileBaseline(reading, given.baseline, windowMs, by) };
}

function measuredField(
  reading: Reading,
  of: MeasureTerms['of'],
  value: unknown,
  events: ReadonlySet<string>,
): Field | null {
  if (of === 'count') {
    if (value !== undefined) throw reading.fault('measure.field', 'a count counts activities; distinct counts values');
    return null;
  }
  if (value === undefined) throw reading.fault('measure.field', `say of which field: ${of} takes one`);
  const field = requireField(reading, 'measure.field', value);
  if (of === 'sum' && field.type !== 'number') throw reading.fault('measure.field', 'this is no number');
  if (field.on !== null && !field.on.some((type) => events.has(type))) {
    throw reading.fault(
      'measure.field',
      `${field.name} is not known of ${[...events].join(', ')}; it is of ${field.on.join(', ')}: select these by type`,
    );
  }
  return field;
}

function compileBaseline(
  reading: Reading,
  value: unknown,
  windowMs: number,
  by: readonly Field[],
): MeasureTerms['baseline'] {
  if (value === undefined) return null;
  const given = reading.object('baseline', value, ['against', 'over', 'least']);
  const against = reading.choice('baseline.against', given.against, ['own', 'peers', 'both']);
  const overMs = reading.duration('baseline.over', given.over, limits.windowMsMin, limits.baselineMsMax);
  const least =
    given.least === undefined
      ? limits.baselineLeast
      : reading.number('baseline.least', given.least, 1, limits.baselineWindowsMax);
  if (overMs < least * windowMs) {
    throw reading.fault('baseline.over', `this is shorter than the ${least} windows that it takes`);
  }
  if (against !== 'own' && !by.some(({ name }) => name === 'principal')) {
    throw reading.fault('baseline.against', 'peers are of principals: count by principal');
  }
  return { against, overMs, least };
}
