/** Findings joined into alerts, at the limits of what is remembered; and ticks. */
import { describe, expect, test } from 'vitest';
import type { DetectionSpec } from '../core/detection.ts';
import { ordinaryHours } from './calendar.ts';
import { type CompiledDetection, compileDetection } from './compile.ts';
import type { Detector, DetectorDefinition, Finding } from './detector.ts';
import { createEngine } from './engine.ts';
import * as limits from './limits.ts';
import { Quiet } from './quiet.ts';
import { Story } from './testing.ts';

const spec: DetectionSpec = { severity: 'low', select: { one: { effect: 'x' } }, quiet: '1m' };
const compiled: CompiledDetection = compileDetection({ name: 'try', spec }, { definitions: [], hours: ordinaryHours });

function finding(change: Partial<Finding> = {}): Finding {
  return {
    group: 'g',
    beginsAt: 1,
    summary: 'x',
    evidence: [1],
    facts: {},
    principal: null,
    session: null,
    command: null,
    resource: null,
    atMs: 0,
    sequence: 1,
    ...change,
  };
}

describe('quiet', () => {
  test('to the millisecond', () => {
    const quiet = new Quiet();
    expect(quiet.add(compiled, finding(), null).isNew).toBe(true);
    expect(quiet.add(compiled, finding({ atMs: 59_999 }), null).isNew).toBe(false);
    expect(quiet.add(compiled, finding({ atMs: 60_000, beginsAt: 9 }), null).isNew).toBe(true);
  });

  test('the first ten and the latest ten stand as evidence', () => {
    const quiet = new Quiet();
    let last = quiet.add(compiled, finding({ evidence: [1] }), null);
    for (let index = 2; index <= 100; index++) last = quiet.add(compiled, finding({ evidence: [index] }), null);
    expect(last.entry.findings).toBe(100);
    expect(last.entry.evidence).toEqual([1, ...Array.from({ length: 10 }, (_, index) => 91 + index)]);
    const whole = quiet.add(compiled, finding({ group: 'h', evidence: Array.from({ length: 20 }, (_, i) => i) }), null);
    expect(whole.entry.evidence).toHaveLength(limits.evidenceMax);
  });

  test('so many are remembered; one more, and the oldest begins anew', () => {
    const quiet = new Quiet();
    for (let index = 0; index < limits.quietAlertsMax; index++)
      quiet.add(compiled, finding({ group: `g${index}` }), null);
    expect(quiet.add(compiled, finding({ group: 'g0' }), null).isNew).toBe(false);
    quiet.add(compiled, finding({ group: 'one more' }), null);
    expect(quiet.size).toBe(limits.quietAlertsMax);
    expect(quiet.add(compiled, finding({ group: 'g0' }), null).isNew).toBe(true);
  });

  test('what is suppressed does not keep what is not from being told', () => {
    const quiet = new Quiet();
    expect(quiet.add(compiled, finding(), 'a reason').isNew).toBe(true);
    expect(quiet.add(compiled, finding(), null).isNew).toBe(true);
  });
});

describe('ticks', () => {
  function ticking(): { readonly definition: DetectorDefinition; readonly ticks: number[] } {
    const ticks: number[] = [];
    const detector: Detector = {
      observe: () => [],
      tick: (nowMs) => {
        ticks.push(nowMs);
        return [];
      },
      state: () => null,
      restore: () => true,
    };
    return { definition: { name: 'ticks', title: '', explanation: '', tuning: {}, create: () => detector }, ticks };
  }
  const detections = [{ name: 'ticks', spec: { severity: 'low', detector: 'ticks' } as DetectionSpec }];

  test('fall on multiples of the interval, each once, whoever asks', () => {
    const { definition, ticks } = ticking();
    const engine = createEngine({ detections, definitions: [definition] });
    const story = new Story();
    const beganMs = story.atMs;
    engine.tick(beganMs + 1e9);
    engine.observe(story.event({ type: 'gateway.started', version: '1' }));
    engine.tick(beganMs + 9_999);
    engine.tick(beganMs + 10_001);
    engine.tick(beganMs + 10_002);
    story.wait(30_000);
    engine.observe(story.event({ type: 'gateway.started', version: '1' }));
    // A clock that jitters does not take time back; one that was set does.
    engine.tick(beganMs + 30_000 - limits.clockBackMs);
    engine.tick(beganMs + 39_999);
    expect(ticks.map((atMs) => atMs - beganMs)).toEqual([10_000, 20_000, 30_000]);
    engine.tick(beganMs + 29_999 - limits.clockBackMs);
    engine.tick(beganMs + 40_000 - limits.clockBackMs);
    expect(ticks.slice(3).map((atMs) => atMs - beganMs + limits.clockBackMs)).toEqual([30_000, 40_000]);
  });

  test('a gap is crossed in no more than so many steps', () => {
    const { definition, ticks } = ticking();
    const engine = createEngine({ detections, definitions: [definition] });
    const story = new Story();
    engine.observe(story.event({ type: 'gateway.started', version: '1' }));
    const beganMs = story.atMs;
    story.wait(limits.ticksPerGapMax * limits.tickMs);
    engine.observe(story.event({ type: 'gateway.started', version: '1' }));
    expect(ticks).toHaveLength(limits.ticksPerGapMax);
    ticks.length = 0;
    story.wait(400 * 86_400_000);
    engine.observe(story.event({ type: 'gateway.started', version: '1' }));
    expect(ticks.length).toBeLessThanOrEqual(limits.ticksPerGapMax);
    expect(ticks.at(-1)).toBe(beganMs + limits.ticksPerGapMax * limits.tickMs + 400 * 86_400_000);
  });
});

test('an event from a clock that was ahead does not keep windows from moving', () => {
  const story = new Story();
  const blocked = (): void => void story.run({ verdict: 'block' });
  story.wait(365 * 86_400_000);
  blocked();
  story.wait(-365 * 86_400_000);
  for (let index = 0; index < 10; index++) {
    story.wait(61_000);
    blocked();
  }
  const burst: DetectionSpec = {
    severity: 'low',
    select: { blocked: { verdict: 'block' } },
    window: '1m',
    measure: { of: 'count', min: 2 },
  };
  const engine = createEngine({ detections: [{ name: 'burst', spec: burst }], definitions: [] });
  expect(story.activities.flatMap((one) => [...engine.observe(one)])).toEqual([]);
  blocked();
  expect(story.activities.slice(-3).flatMap((one) => [...engine.observe(one)])).toHaveLength(1);
});

test('A-REC-02: what stands in a value is never read as a template, nor obeyed by a terminal', () => {
  const story = new Story();
  story.run({ who: '{text}', text: 'select \u001b[2J{principal}\u202e' });
  const engine = createEngine({
    detections: [
      { name: 'try', spec: { severity: 'low', select: { one: { kind: 'sql' } }, message: '{principal} ran {text}' } },
    ],
    definitions: [],
  });
  const summaries = story.activities.flatMap((one) => engine.observe(one).map(({ alert }) => alert.summary));
  expect(summaries).toEqual(['{text} ran select \\u001b[2J{principal}\\u202e']);
});
