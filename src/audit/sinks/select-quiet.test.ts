/** Who is told of alerts that only look, or that are suppressed. */
import { expect, test } from 'vitest';
import type { Event, RaisedAlert } from '../../core/event.ts';
import type { SinkSpec } from '../../core/sink.ts';
import { selectionOf } from './select.ts';

function raised(change: Partial<RaisedAlert> | null): Event {
  const alert = { id: 'al_1', detection: 'x', severity: 'high', evidence: [], facts: {} } as const;
  return {
    seq: 1,
    at: 1,
    type: 'alert.raised',
    rule: 'detection:x',
    reason: 'x',
    session: null,
    command: null,
    principal: null,
    resource: null,
    ...(change === null ? {} : { alert: { ...alert, ...change } }),
  };
}

const told = (to: SinkSpec['to'], event: Event): boolean =>
  selectionOf({ to }).selects({ event, opened: null, command: null });

test.each([
  ['people', { slack: { url: { env: 'X' } } } as never, false],
  ['machines', { file: { path: '/x' } } as never, true],
])('%s', (_, to, isTold) => {
  expect(told(to, raised({}))).toBe(true);
  expect(told(to, raised(null))).toBe(true);
  expect(told(to, raised({ isDry: true }))).toBe(isTold);
  expect(told(to, raised({ suppressed: 'known' }))).toBe(isTold);
});
