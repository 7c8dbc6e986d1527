/**
 * Examples run through the engine that runs in the gateway: each must come out as it says before a detection is saved.
 *
 * Honest limit: an example ends with its last activity. What takes time to be found (a follow-up that never comes) takes a later
 * activity in the example.
 */
import type { Activity } from '../core/activity.ts';
import type { DetectionSpec } from '../core/detection.ts';
import type { RuleObject } from '../core/rules.ts';
import { Calendar } from './calendar.ts';
import { type CompileParts, compileDetection } from './compile.ts';
import { createEngine, type Engine, type Raised } from './engine.ts';
import { ExampleError, exampleActivities } from './example-events.ts';

/** How one example came out. */
export interface ExampleTrial {
  readonly index: number;
  readonly expected: 'alert' | 'quiet';
  readonly got: 'alert' | 'quiet';
  readonly passed: boolean;
  /** What it says, or why it could not be run. */
  readonly reason: string;
}

/** Runs the examples of a detection by itself, as if it were on. Nothing is kept of it. */
export function runExamples(object: RuleObject<DetectionSpec>, parts: CompileParts): readonly ExampleTrial[] {
  const { examples } = compileDetection(object, parts);
  const spec: DetectionSpec = { ...object.spec, mode: 'on' };
  return examples.map((example, index) => {
    const { expect: expected } = example;
    const engine = createEngine({ ...parts, detections: [{ name: object.name, spec }] });
    try {
      const { first, count } = run(engine, exampleActivities(example, new Calendar(parts.hours)));
      if (engine.failed.length > 0) return trialOf(index, expected, 'quiet', 'the detector failed', false);
      const got = first === null ? 'quiet' : 'alert';
      const reason = first?.alert.summary ?? `${count} activities, and nothing to tell`;
      return trialOf(index, expected, got, reason, got === expected);
    } catch (error) {
      if (!(error instanceof ExampleError)) throw error;
      return trialOf(index, expected, 'quiet', error.message, false);
    }
  });
}

function trialOf(
  index: number,
  expected: ExampleTrial['expected'],
  got: ExampleTrial['got'],
  reason: string,
  passed: boolean,
): ExampleTrial {
  return { index, expected, got, passed, reason };
}

function run(engine: Engine, activities: Iterable<Activity>): { first: Raised | null; count: number } {
  let first: Raised | null = null;
  let count = 0;
  for (const activity of activities) {
    count++;
    for (const raised of engine.observe(activity)) if (raised.suppressed === null) first ??= raised;
  }
  return { first, count };
}
