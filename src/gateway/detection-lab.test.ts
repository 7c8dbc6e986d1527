/** Detections replayed over a journal in memory: what is led up to, what is left out, what cannot be known. */
import { expect, test } from 'vitest';
import { contractLimits, type DetectionReplayEntry, type Manifest } from '../api/contract/index.ts';
import type { DetectionSpec } from '../core/detection.ts';
import type { Event } from '../core/event.ts';
import { type DetectorDefinition, ordinaryHours } from '../detection/index.ts';
import * as detectionLimits from '../detection/limits.ts';
import { Story, touching } from '../detection/testing.ts';
import { createDetectionLab } from './detection-lab.ts';

const hourMs = 3_600_000;

function manifest(name: string, spec: DetectionSpec): Manifest {
  return { kind: 'Detection', metadata: { name }, spec } as unknown as Manifest;
}

const throwing: DetectorDefinition = {
  name: 'throwing',
  title: 'Throws',
  explanation: '',
  tuning: {},
  create: () => ({
    observe: () => {
      throw new Error('a bug');
    },
    state: () => null,
    restore: () => true,
  }),
};

function labOver(story: Story) {
  const events: readonly Event[] = story.activities.map(({ event }) => event);
  return createDetectionLab({
    definitions: [throwing],
    hours: ordinaryHours,
    lastSequence: () => events.length,
    async *readEvents(from) {
      yield* events.slice(from - 1);
    },
  });
}

async function replayed(
  story: Story,
  objects: readonly Manifest[],
  sinceMs: number,
  names: readonly string[] | null = null,
) {
  const order = { objects, names, sinceMs, untilMs: story.atMs, signal: new AbortController().signal };
  const entries: DetectionReplayEntry[] = [];
  for await (const entry of labOver(story).replay(order)) entries.push(entry);
  return entries;
}

const volume: DetectionSpec = {
  severity: 'high',
  mode: 'dry-run',
  select: { read: { kind: 'sql' } },
  window: '1h',
  measure: { of: 'sum', field: 'rows', factor: 10 },
  baseline: { against: 'own', over: '2d' },
};

test('what looks back is led up to by what was before, and that raises nothing', async () => {
  const story = new Story();
  for (let hour = 0; hour < 24; hour++) story.wait(hourMs).run({ rows: hour === 12 ? 5000 : 100 });
  const sinceMs = story.atMs + 1;
  story.wait(hourMs).run({ rows: 3000 });
  const entries = await replayed(story, [manifest('volume', volume)], sinceMs);
  expect(entries).toMatchObject([
    { type: 'alert', detection: 'volume', principal: 'ana', suppressed: null },
    { type: 'summary', alerts: 1, withoutFacts: 1, warmedUpFrom: new Date(sinceMs - 48 * hourMs).toISOString() },
  ]);
});

test('only those asked for, also where they are off; what is suppressed is told apart; what fails is named', async () => {
  const story = new Story();
  story.run({ facts: touching([], ['drop']) });
  const drops: DetectionSpec = {
    severity: 'low',
    mode: 'off',
    select: { drop: { effect: 'drop' } },
    suppress: [{ match: { principal: 'ana' }, reason: 'ana migrates' }],
  };
  const objects = [manifest('drops', drops), manifest('broken', { severity: 'low', detector: 'throwing' })];
  const asked = await replayed(story, objects, 0, ['drops']);
  expect(asked).toMatchObject([
    { type: 'alert', suppressed: 'ana migrates' },
    { type: 'summary', alerts: 0, suppressed: 1, withoutFacts: 0, failed: [] },
  ]);
  const all = await replayed(story, objects, 0);
  expect(all).toMatchObject([{ type: 'alert', detection: 'gateway:detection-failed' }, { failed: ['broken'] }]);
});

test('checks name the field, run the examples, and count Detections', async () => {
  const lab = labOver(new Story());
  const wrong = manifest('wrong', { ...volume, measure: { of: 'sum', field: 'row', factor: 2 } });
  const unmet = manifest('unmet', {
    severity: 'low',
    select: { drop: { effect: 'drop' } },
    examples: [
      { activities: [{ effect: 'drop' }], expect: 'quiet' },
      { activities: [{ effect: 'drop' }], expect: 'alert' },
    ],
  });
  expect(await lab.check([wrong, unmet])).toEqual([
    {
      kind: 'Detection',
      name: 'wrong',
      field: 'spec.measure.field',
      reason: 'there is no field "row"; did you mean rows?',
    },
    {
      kind: 'Detection',
      name: 'unmet',
      field: 'spec.examples[0]',
      reason: 'does not come out as quiet: unmet: somebody on example',
    },
  ]);
  expect(lab.list([wrong]).detections).toMatchObject([
    { name: 'wrong', problem: 'there is no field "row"; did you mean rows?' },
  ]);
  expect(lab.test([wrong, unmet]).map(({ passed }) => passed)).toEqual([false, true]);
});

test('the form of manifests has the bounds that the compiler has', () => {
  expect({
    text: contractLimits.detectionTextLengthMax,
    condition: contractLimits.detectionConditionLengthMax,
    by: contractLimits.detectionGroupFieldsMax,
    steps: contractLimits.detectionStepsMax,
    window: contractLimits.detectionWindowMsMax,
    baseline: contractLimits.detectionBaselineMsMax,
    windows: contractLimits.detectionBaselineWindowsMax,
    quiet: contractLimits.detectionQuietMsMax,
    examples: contractLimits.detectionExamplesMax,
    activities: contractLimits.detectionActivitiesMax,
    suppressions: contractLimits.detectionSuppressionsMax,
  }).toEqual({
    text: detectionLimits.patternCharactersMax,
    condition: detectionLimits.conditionCharactersMax,
    by: detectionLimits.groupFieldsMax,
    steps: detectionLimits.sequenceStepsMax,
    window: detectionLimits.windowMsMax,
    baseline: detectionLimits.baselineMsMax,
    windows: detectionLimits.baselineWindowsMax,
    quiet: detectionLimits.quietMsMax,
    examples: detectionLimits.examplesMax,
    activities: detectionLimits.exampleActivitiesMax,
    suppressions: detectionLimits.suppressionsMax,
  });
});
