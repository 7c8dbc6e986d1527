/** The same activities give the same alerts, wherever the engine was stopped in between and went on with its state. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Activity } from '../core/activity.ts';
import type { DetectionSpec } from '../core/detection.ts';
import { createEngine, type Engine, type Raised } from './engine.ts';
import { Story, touching } from './testing.ts';

const detections: Readonly<Record<string, DetectionSpec>> = {
  drops: { severity: 'high', select: { drop: { effect: 'drop' } }, quiet: '2m' },
  burst: {
    severity: 'low',
    select: { blocked: { verdict: 'block' } },
    window: '1m',
    measure: { of: 'count', min: 3 },
    quiet: '30s',
  },
  spread: {
    severity: 'medium',
    select: { read: { 'reads.table': '*' } },
    by: ['principal', 'resource'],
    window: '5m',
    measure: { of: 'distinct', field: 'table', min: 3 },
  },
  volume: {
    severity: 'high',
    select: { read: { 'reads.table': '*' } },
    window: '1m',
    measure: { of: 'sum', field: 'rows', min: 50, factor: 2 },
    baseline: { against: 'both', over: '1h', least: 2 },
    quiet: '10s',
  },
  order: {
    severity: 'critical',
    select: { denied: { verdict: 'block' }, large: { rows: { min: 80 } } },
    sequence: ['denied', 'denied', 'large'],
    window: '3m',
    suppress: [{ match: { principal: 'ben' }, reason: 'a test' }],
  },
};

function engineOf(): Engine {
  return createEngine({
    detections: Object.entries(detections).map(([name, spec]) => ({ name, spec })),
    definitions: [],
  });
}

const step = fc.record({
  who: fc.constantFrom('ana', 'ben', 'eva', 'kim', 'leo'),
  resource: fc.constantFrom('orders', 'billing'),
  table: fc.constantFrom('a', 'b', 'c', 'd'),
  effect: fc.constantFrom('read', 'read', 'drop'),
  rows: fc.integer({ min: 0, max: 100 }),
  isBlocked: fc.boolean(),
  waitMs: fc.constantFrom(0, 1000, 9000, 31_000, 95_000),
});

function storyOf(steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]): Activity[] {
  const story = new Story();
  for (const { who, resource, table, effect, rows, isBlocked, waitMs } of steps) {
    story.wait(waitMs);
    story.run({
      who,
      resource,
      groups: ['staff'],
      rows,
      facts: touching([['table', 'read', `public.${table}`]], [effect]),
      ...(isBlocked ? { verdict: 'block' } : {}),
    });
  }
  return story.activities;
}

/** As a restart does it: through JSON. */
function restarted(engine: Engine): Engine {
  const next = engineOf();
  expect(next.restore(JSON.parse(JSON.stringify(engine.state())))).toEqual([]);
  return next;
}

test('any split of the stream gives the same alerts and the same state', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat({ max: 200 }), { maxLength: 6 }),
      (steps, splits) => {
        const activities = storyOf(steps);
        const whole = engineOf();
        const expected = activities.flatMap((activity) => [...whole.observe(activity)]);
        let engine = engineOf();
        const found: Raised[] = [];
        for (const [index, activity] of activities.entries()) {
          if (splits.includes(index)) engine = restarted(engine);
          found.push(...engine.observe(activity));
        }
        expect(found).toEqual(expected);
        expect(JSON.parse(JSON.stringify(engine.state()))).toEqual(JSON.parse(JSON.stringify(whole.state())));
      },
    ),
    { numRuns: 150, seed: 20_261_121 },
  );
});

test('events that come twice after a restart make the same alerts again, not others', () => {
  const story = new Story();
  for (let index = 0; index < 9; index++) story.wait(1000).run({ verdict: 'block' });
  const engine = engineOf();
  const half = Math.floor(story.activities.length / 2);
  for (const activity of story.activities.slice(0, half)) engine.observe(activity);
  const state = JSON.parse(JSON.stringify(engine.state()));
  const rest = story.activities.slice(half);
  const first = rest.flatMap((activity) => [...engine.observe(activity)]);
  const again = engineOf();
  again.restore(state);
  expect(rest.flatMap((activity) => [...again.observe(activity)])).toEqual(first);
});

test('a detection that was changed begins anew, others go on; a state of nothing known is not taken', () => {
  const engine = engineOf();
  for (const activity of new Story().activities) engine.observe(activity);
  new Story().run();
  const state = JSON.parse(JSON.stringify(engine.state()));
  const changed = createEngine({
    detections: Object.entries(detections).map(([name, spec]) => ({
      name,
      spec: name === 'burst' ? { ...spec, window: '2m' } : { ...spec, severity: 'low' },
    })),
    definitions: [],
  });
  expect(changed.restore(state)).toEqual(['burst']);
  expect(changed.restore({ version: 0 })).toHaveLength(5);
  expect(changed.restore(null)).toHaveLength(5);
  const torn = {
    ...state,
    detections: { ...state.detections, order: { ...state.detections.order, state: { version: 1, sequences: 7 } } },
  };
  const failures: string[] = [];
  const parts = { detections: Object.entries(detections).map(([name, spec]) => ({ name, spec })), definitions: [] };
  expect(createEngine({ ...parts, onFailure: (name) => failures.push(name) }).restore(torn)).toEqual(['order']);
  expect(failures).toEqual(['order']);
});
