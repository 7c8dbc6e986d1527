/** What a Detection may say, and how what it may not is refused. */
import { describe, expect, test } from 'vitest';
import type { DetectionSpec } from '../core/detection.ts';
import { ordinaryHours } from './calendar.ts';
import { type CompiledDetection, compileDetection } from './compile.ts';
import type { DetectorDefinition } from './detector.ts';
import { createEngine } from './engine.ts';
import * as limits from './limits.ts';

const definition: DetectorDefinition = {
  name: 'volume',
  title: '',
  explanation: '',
  tuning: {
    factor: { default: 10, meaning: '', min: 1, max: 100 },
    ignore: { default: [], meaning: '' },
    strict: { default: false, meaning: '' },
  },
  create: () => ({ observe: () => [], state: () => null, restore: () => true }),
};

function compile(spec: Record<string, unknown>): CompiledDetection {
  const object = { name: 'try', spec: { severity: 'low', ...spec } as unknown as DetectionSpec };
  return compileDetection(object, { definitions: [definition], hours: ordinaryHours });
}

const one = { select: { a: { effect: 'drop' } } };
const counted = { ...one, window: '1m', measure: { of: 'count', min: 2 } };

describe('refused, with the field and what to do', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a field that is none', { select: { a: { efect: 'drop' } } }, /select\.a\.efect: .*did you mean effect\?/],
    ['an event that is none', { select: { a: { type: 'session.open' } } }, /did you mean session\.opened\?/],
    ['a selection of everything', { select: { a: {} } }, /would hold of everything/],
    ['no selection', {}, /select: say what is looked for/],
    ['no events', { select: { a: { principal: 'ana' } } }, /say which events are meant/],
    ['fields of different events', { select: { a: { rows: { min: 1 }, login: 'x' } } }, /no event has this together/],
    [
      'a type without its fields',
      { select: { a: { type: 'command.intent', rows: { min: 1 } } } },
      /which are of command\.ended/,
    ],
    ['a number for a text', { select: { a: { effect: 7 } } }, /put it in quotes/],
    ['a text for a number', { select: { a: { rows: 'many' } } }, /a number, or \{min, max\}/],
    ['a text for a flag', { select: { a: { complete: 'no' } } }, /true or false/],
    ['bounds that cross', { select: { a: { rows: { min: 2, max: 1 } } } }, /min is more than max/],
    ['no bounds', { select: { a: { rows: {} } } }, /neither min nor max/],
    ['several selections unjoined', { select: { a: { effect: 'x' }, b: { effect: 'y' } } }, /say how they are joined/],
    ['a selection unused', { select: { a: { effect: 'x' }, b: { effect: 'y' } }, condition: 'a' }, /b is not in it/],
    ['a condition that ends', { ...one, condition: 'a and' }, /at column 6: expected the name of a selection/],
    ['a condition that goes on', { ...one, condition: 'a a' }, /at column 3: expected and, or, or the end/],
    ['a bracket open', { ...one, condition: '(a' }, /a bracket is not closed/],
    ['a name that is none', { ...one, condition: 'b' }, /at column 1: there is no selection "b"/],
    ['a star that finds none', { ...one, condition: '1 of x*' }, /no selection is called "x\*"/],
    ['a window alone', { ...one, window: '1m' }, /measure: a window takes a measure/],
    ['a measure alone', { ...one, measure: { of: 'count', min: 1 } }, /window: a measure takes a window/],
    ['a measure of nothing', { ...counted, measure: { of: 'count' } }, /say from when on it counts/],
    ['distinct of nothing', { ...counted, measure: { of: 'distinct', min: 1 } }, /distinct takes one/],
    ['a sum of texts', { ...counted, measure: { of: 'sum', field: 'table', min: 1 } }, /this is no number/],
    [
      'a measure of other events',
      {
        ...counted,
        select: { a: { type: 'command.intent', effect: 'x' } },
        measure: { of: 'sum', field: 'rows', min: 1 },
      },
      /rows is not known of command\.intent; it is of command\.ended/,
    ],
    ['a factor alone', { ...counted, measure: { of: 'count', factor: 2 } }, /factor and baseline go together/],
    ['a baseline alone', { ...counted, baseline: { against: 'own', over: '1d' } }, /factor and baseline go together/],
    [
      'peers of resources',
      {
        ...counted,
        by: ['resource'],
        measure: { of: 'count', factor: 2 },
        baseline: { against: 'peers', over: '1d' },
      },
      /count by principal/,
    ],
    [
      'a baseline too short',
      { ...counted, measure: { of: 'count', factor: 2 }, baseline: { against: 'own', over: '4m' } },
      /shorter than the 5 windows/,
    ],
    ['by nobody', { select: { a: { type: 'identity.refused' } }, by: ['principal'] }, /not known of identity\.refused/],
    ['by a field of others', { ...one, by: ['login'] }, /by\[0\]: login is not known of/],
    ['by a field twice', { ...one, by: ['source', 'source'] }, /named twice/],
    ['a step that is none', { ...one, window: '1m', sequence: ['a', 'b'] }, /sequence\[1\]/],
    ['a sequence of one', { ...one, window: '1m', sequence: ['a'] }, /two steps or more/],
    ['a sequence without time', { ...one, sequence: ['a', 'a'] }, /takes a window/],
    ['a sequence and a condition', { ...one, window: '1m', sequence: ['a', 'a'], condition: 'a' }, /does not go with/],
    ['a message of what is not there', { ...one, message: '{figure}' }, /nothing called \{figure\}/],
    ['tuning of a rule', { ...one, tuning: {} }, /belongs to a built-in detector/],
    ['a detector that is none', { detector: 'volumes' }, /there are volume/],
    ['a detector and a rule', { detector: 'volume', ...one }, /select: this does not go with detector/],
    ['tuning that is none', { detector: 'volume', tuning: { facto: 2 } }, /did you mean factor\?/],
    ['tuning out of range', { detector: 'volume', tuning: { factor: 101 } }, /from 1 to 100/],
    ['tuning of another kind', { detector: 'volume', tuning: { strict: 1 } }, /not a boolean/],
    ['tuning without a list', { detector: 'volume', tuning: { ignore: 'x' } }, /list of texts/],
    ['a suppression without reason', { ...one, suppress: [{ match: { principal: 'a' }, reason: ' ' }] }, /say why/],
    [
      'a suppression of no time',
      { ...one, suppress: [{ match: { principal: 'a' }, reason: 'x', until: 'soon' }] },
      /no date-time/,
    ],
    ['risk of nothing', { ...one, respond: [{ do: 'risk' }] }, /respond\[0\]\.points/],
    ['a hold for nobody', { ...one, respond: [{ do: 'hold' }] }, /say who is asked/],
    ['an end for a time', { ...one, respond: [{ do: 'end', for: '1h' }] }, /has no time/],
    ['a response twice', { ...one, respond: [{ do: 'end' }, { do: 'end' }] }, /there twice/],
    ['an unknown field', { ...one, windows: '1m' }, /unknown field "windows"/],
    ['an empty match', { ...one, match: {} }, /selects nothing in particular/],
    ['a time that is none', { ...counted, window: '1 minute' }, /no length of time/],
    ['an example of what is none', { ...one, examples: [{ activities: [{ x: 1 }], expect: 'alert' }] }, /no field "x"/],
  ])('%s', (_what, spec, message) => {
    expect(() => compile(spec)).toThrow(message);
  });

  test('names that are the gateway’s own, do not show, or come twice', () => {
    const object = { name: 'try', spec: { severity: 'low', ...one } as DetectionSpec };
    const parts = { definitions: [], hours: ordinaryHours };
    expect(() => compileDetection({ ...object, name: 'gateway:x' }, parts)).toThrow(/reserved/);
    expect(() => compileDetection({ ...object, name: 'a\u202eb' }, parts)).toThrow(/do not show/);
    expect(() => createEngine({ detections: [object, object], definitions: [] })).toThrow(/two of this name/);
  });
});

describe('at each limit, and one past it', () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `name${index}`);
  const selections = (count: number) => Object.fromEntries(many(count).map((name) => [name, { effect: 'drop' }]));
  test.each<[string, number, (count: number) => Record<string, unknown>]>([
    ['selections', limits.selectionsMax, (count) => ({ select: selections(count), condition: '1 of them' })],
    ['texts of a list', limits.listEntriesMax, (count) => ({ select: { a: { effect: many(count) } } })],
    ['characters of a text', limits.patternCharactersMax, (count) => ({ select: { a: { text: 'x'.repeat(count) } } })],
    ['stars', limits.wildcardsMax, (count) => ({ select: { a: { text: many(count).map((name) => `*${name}`) } } })],
    ['characters of a condition', limits.conditionCharactersMax, (count) => ({ ...one, condition: 'a'.padEnd(count) })],
    [
      'words of a condition',
      limits.conditionNodesMax,
      // Odd, or it would end with `or`.
      (count) => ({ ...one, condition: Array.from({ length: count }, () => '(').join('') }),
    ],
    [
      'brackets within each other',
      limits.conditionDepthMax,
      (count) => ({ ...one, condition: `${'('.repeat(count)}a${')'.repeat(count)}` }),
    ],
    ['steps', limits.sequenceStepsMax, (count) => ({ ...one, window: '1m', sequence: Array(count).fill('a') })],
    [
      'fields counted by',
      limits.groupFieldsMax,
      (count) => ({ ...one, by: ['principal', 'resource', 'source', 'session', 'protocol'].slice(0, count) }),
    ],
    ['characters of a message', limits.messageCharactersMax, (count) => ({ ...one, message: 'x'.repeat(count) })],
    [
      'suppressions',
      limits.suppressionsMax,
      (count) => ({ ...one, suppress: Array(count).fill({ match: { principal: 'a' }, reason: 'x' }) }),
    ],
    [
      'examples',
      limits.examplesMax,
      (count) => ({ ...one, examples: Array(count).fill({ activities: [{ effect: 'x' }], expect: 'quiet' }) }),
    ],
    [
      'activities of an example',
      limits.exampleActivitiesMax,
      (count) => ({ ...one, examples: [{ activities: Array(count).fill({ effect: 'x' }), expect: 'quiet' }] }),
    ],
    [
      'times of an activity',
      limits.exampleTimesMax,
      (count) => ({ ...one, examples: [{ activities: [{ effect: 'x', times: count }], expect: 'quiet' }] }),
    ],
    ['texts of a tuning', limits.tuningListMax, (count) => ({ detector: 'volume', tuning: { ignore: many(count) } })],
    [
      'different values that are waited for',
      limits.distinctMax,
      (count) => ({ ...counted, measure: { of: 'distinct', field: 'table', min: count } }),
    ],
    [
      'fields of a selection',
      limits.selectionFieldsMax,
      (count) => ({ select: { a: { effect: 'x', ...labels(count - 1) } } }),
    ],
  ])('%s', (what, limit, spec) => {
    if (what !== 'words of a condition') expect(() => compile(spec(limit))).not.toThrow();
    else expect(() => compile(spec(limit))).toThrow(/brackets within|expected/);
    expect(() => compile(spec(limit + 1))).toThrow(/more than|from 1 to|other within each|brackets/);
  });

  function labels(count: number): Record<string, string> {
    return Object.fromEntries(many(count).map((name) => [`label.${name}`, 'x']));
  }

  test('windows, quiet times, detections', () => {
    expect(() => compile({ ...counted, window: '31d' })).not.toThrow();
    expect(() => compile({ ...counted, window: '32d' })).toThrow(/from 1s to 31d/);
    expect(() => compile({ ...counted, quiet: '7d' })).not.toThrow();
    expect(() => compile({ ...counted, quiet: '8d' })).toThrow(/from 1s to 7d/);
    const detections = many(limits.detectionsMax + 1).map((name) => ({
      name,
      spec: { severity: 'low', ...one } as DetectionSpec,
    }));
    expect(() => createEngine({ detections: detections.slice(1), definitions: [] })).not.toThrow();
    expect(() => createEngine({ detections, definitions: [] })).toThrow(/more than 500/);
  });
});
