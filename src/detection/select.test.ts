/** Fields, selections and conditions: what holds of what. */
import { describe, expect, test } from 'vitest';
import type { Activity } from '../core/activity.ts';
import type { DetectionSelection } from '../core/detection.ts';
import type { EventBody, EventType } from '../core/event.ts';
import { Calendar, ordinaryHours } from './calendar.ts';
import { isTrue, parseCondition } from './condition.ts';
import { fieldOf, fields } from './fields.ts';
import * as limits from './limits.ts';
import { observe, withoutPort } from './observe.ts';
import { Reading } from './reading.ts';
import { compileSelection, selectableTypes } from './select.ts';
import { actor, Story, touching } from './testing.ts';

const reading = new Reading('try');
const calendar = new Calendar(ordinaryHours);

function holds(selection: DetectionSelection, activity: Activity): boolean {
  const compiled = compileSelection(reading, 'select.a', selection);
  const isOfType = compiled.types?.has(activity.event.type) !== false;
  return isOfType && compiled.holds(observe(activity), calendar);
}

describe('of a command', () => {
  const story = new Story();
  const ended = story.run({
    text: 'SELECT Ssn FROM Customers',
    rows: 1200,
    verdict: 'mask',
    facts: touching([
      ['column', 'read', 'public.customers.ssn'],
      ['table', 'read', 'public.customers'],
      ['column', 'steer', 'public.customers.id'],
      ['path', 'write', '/tmp/Out.csv'],
    ]),
  });
  const intent = story.activities.find(({ event }) => event.type === 'command.intent')!;

  test.each<[DetectionSelection, boolean]>([
    [{ table: 'customers' }, true],
    [{ table: 'public.customers' }, true],
    [{ table: 'ustomers' }, false],
    [{ table: 'PUBLIC.Customers' }, true],
    [{ table: 'cust*' }, true],
    [{ table: ['orders', 'customers'] }, true],
    [{ column: 'ssn' }, true],
    [{ column: 'customers.*' }, true],
    [{ 'reads.column': 'customers.ssn' }, true],
    [{ 'reads.column': 'customers.id' }, false],
    [{ 'steers.column': 'customers.id' }, true],
    [{ 'writes.path': '/tmp/*' }, true],
    // A path is no qualified name: a part of it is none.
    [{ path: 'out.csv' }, false],
    [{ text: '*ssn*customers*' }, true],
    [{ text: 'ssn' }, false],
    [{ rows: { min: 1200 } }, true],
    [{ rows: { min: 1201 } }, false],
    [{ rows: { max: 1200 } }, true],
    [{ rows: 1200 }, true],
    [{ rows: 1199 }, false],
    [{ verdict: 'mask' }, true],
    [{ rule: 'r' }, true],
    [{ principal: 'ana', group: 'staff', resource: 'orders', protocol: 'postgres' }, true],
    [{ principal: 'ana', group: 'admins' }, false],
    [{ source: '10.0.0.7' }, true],
    [{ source: '10.0.*' }, true],
    [{ 'label.env': 'prod' }, true],
    [{ 'label.team': '*' }, false],
    [{ 'label.__proto__': '*' }, false],
    [{ 'client.application_name': 'psql' }, true],
    [{ complete: true }, true],
    [{ complete: false }, false],
    [{ type: 'command.*', rows: { min: 1 } }, true],
    [{ error: '*' }, false],
    [{ hour: 10, weekday: 1, 'office-hours': true, effect: 'read' }, true],
  ])('%j: %s', (selection, expected) => {
    expect(holds(selection, ended)).toBe(expected);
  });

  test('at its intent what came of it is not known, and does not hold', () => {
    expect(holds({ type: 'command.*', rows: { max: 1e9 } }, intent)).toBe(false);
    expect(holds({ effect: 'read' }, intent)).toBe(true);
    expect(holds({ type: 'command.*', verdict: '*' }, intent)).toBe(false);
  });
});

test('every field that names events is of events that there are, and reads every event without harm', () => {
  const types = new Set<string>(selectableTypes);
  for (const field of fields)
    for (const type of field.on ?? []) expect([field.name, types.has(type)]).toEqual([field.name, true]);
  // Bodies with nothing in them: a field that is not there is null.
  for (const type of selectableTypes) {
    const bare = { seq: 1, at: 0, type: type as EventType } as unknown as Activity['event'];
    for (const field of fields.filter(({ property }) => property !== undefined)) {
      expect(field.read(observe({ event: bare, opened: null, command: null }), calendar)).toBeNull();
    }
  }
  expect(fieldOf('reads.nothing')).toBeNull();
  expect(fieldOf('label.')).toBeNull();
});

test('whose doing it is: the event’s own principal, whoever’s session it is', () => {
  const story = new Story();
  const session = story.open();
  const body: EventBody = { type: 'session.kill', session, principal: actor('adam'), reason: 'x' };
  const killed = observe(story.event(body));
  expect([killed.principal?.name, killed.resource, killed.source]).toEqual(['adam', 'orders', null]);
  const run = observe(story.run());
  expect([run.principal?.name, run.source, run.command]).toEqual(['ana', '10.0.0.7', 1]);
  expect(['10.0.0.7:1', '[::1]:1', '::1', 'host', ''].map(withoutPort)).toEqual([
    '10.0.0.7',
    '::1',
    '::1',
    'host',
    null,
  ]);
});

test('A-POL-02: a pattern made to be slow is not', () => {
  const story = new Story();
  const long = story.run({ text: 'a'.repeat(limits.searchedCharactersMax * 4) });
  const stars = Array.from(
    { length: limits.wildcardsMax },
    () => `${'*a'.repeat(limits.patternCharactersMax / 2 - 1)}b`,
  );
  const selection = compileSelection(reading, 'select.a', { text: stars });
  // Two hundred patterns of 250 stars over 64 KiB: linear in each. A backtracking matcher would not come back.
  expect(selection.holds(observe(long), calendar)).toBe(false);
  // What follows the part that is looked at is not seen.
  const hidden = story.run({ text: `${'a'.repeat(limits.searchedCharactersMax)}secret` });
  expect(holds({ text: '*secret*' }, hidden)).toBe(false);
  const seen = story.run({ text: `${'a'.repeat(limits.searchedCharactersMax - 6)}secret` });
  expect(holds({ text: '*secret*' }, seen)).toBe(true);
});

describe('conditions', () => {
  const names = ['drop_table', 'drop_index', 'night', 'ok'];
  const truth = (text: string, ...held: readonly string[]): boolean =>
    isTrue(parseCondition(reading, 'condition', text, names), (index) => held.includes(names[index]!));

  test.each<[string, readonly string[], boolean]>([
    ['night', ['night'], true],
    ['not night', [], true],
    ['drop_table or night and ok', ['drop_table'], true],
    ['(drop_table or night) and ok', ['drop_table'], false],
    ['not drop_table and night', ['night'], true],
    ['not (drop_table and night)', ['night'], true],
    ['not not night', ['night'], true],
    ['1 of drop*', ['drop_index'], true],
    ['all of drop*', ['drop_index'], false],
    ['ALL OF drop* AND night', ['drop_index', 'drop_table', 'night'], true],
    ['1 of them', [], false],
    ['any of them', ['ok'], true],
    ['all of them', names, true],
    ['1 of drop* and not ok', ['drop_table', 'ok'], false],
  ])('%s of %j: %s', (text, held, expected) => {
    expect(truth(text, ...held)).toBe(expected);
  });
});

test('the clock on the wall of the installation, across a change of it', () => {
  const berlin = new Calendar({ ...ordinaryHours, timeZone: 'Europe/Berlin' });
  // The clocks go from 02:00 to 03:00 on Sunday 29 March 2026, at 01:00 UTC.
  const before = Date.UTC(2026, 2, 29, 0, 59);
  const after = Date.UTC(2026, 2, 29, 1, 0);
  expect([berlin.hour(before), berlin.hour(after), berlin.weekday(after)]).toEqual([1, 3, 7]);
  const monday = Date.UTC(2026, 2, 30, 5, 0);
  expect([berlin.isOfficeHours(monday - 1), berlin.isOfficeHours(monday)]).toEqual([false, true]);
  expect(berlin.minuteOfWeek(monday + 90_000)).toBe(7 * 60 + 1);
});
