/** The form of Detections: what is told of one that is wrong, all of it at once. */
import { expect, test } from 'vitest';
import { checkManifest, formatPath, manifestSchemas } from './validate.ts';

const schemas = manifestSchemas(null);

function problemsOf(spec: unknown): string[] {
  const { problems } = checkManifest({ kind: 'Detection', metadata: { name: 'try' }, spec }, schemas);
  return problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

const good = { severity: 'high', select: { drop: { effect: ['drop'], rows: { min: 1 }, complete: false, hour: 3 } } };

test('what is right is taken as it is', () => {
  expect(problemsOf(good)).toEqual([]);
  expect(problemsOf({ severity: 'low', detector: 'unusual-volume', tuning: { factor: 3, ignore: [] } })).toEqual([]);
});

test.each<[Record<string, unknown>, string[]]>([
  [{}, ['spec.severity: is required']],
  [{ severity: 'low' }, ['spec.select: is required, or a built-in detector']],
  [{ ...good, severity: 'hi' }, ['spec.severity: must be one of: informational, low, medium, high, critical']],
  [{ ...good, windw: '1m' }, ['spec.windw: unknown field; did you mean window?']],
  [{ ...good, window: '1 m' }, ['spec.window: must be a length of time such as 90s, 30m, 8h or 7d']],
  [
    { ...good, select: { drop: { effect: null } } },
    ['spec.select.drop.effect: must be a text, a list of texts, a number, true or false, or min and max'],
  ],
  [{ ...good, select: { drop: {} } }, ['spec.select.drop: must not be empty: it would hold of everything']],
  [{ ...good, detector: 'x' }, ['spec.select: does not go with detector']],
  [{ ...good, tuning: {} }, ['spec.tuning: belongs to a built-in detector']],
  [{ ...good, respond: [{ do: 'hold' }] }, ['spec.respond[0].reviewers: is required with hold']],
  [{ ...good, respond: [{ do: 'end', for: '1h' }] }, ['spec.respond[0].for: does not go with end']],
  [
    { ...good, respond: [{ do: 'risk' }, { do: 'lock', over: 'session' }] },
    ['spec.respond[0].points: is required with risk', 'spec.respond[1].over: does not go with lock'],
  ],
])('%j', (spec, expected) => {
  expect(problemsOf(spec)).toEqual(expected);
});
