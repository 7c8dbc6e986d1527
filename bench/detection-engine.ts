/**
 * What detections cost: activities a second through the engine, with nothing configured, with rules as operators write them, with
 * all built-in detectors, and with both; and how much it remembers.
 *
 *     node bench/detection-engine.ts [--quick] [--rounds N]
 *
 * The activities are weeks of a made-up company (test/population), joined beforehand: reading the journal is not counted. Medians
 * of rounds; each round begins with nothing remembered, so that learning is counted too. Never fails: figures depend on the machine.
 */
import { Activities, type Activity } from '../src/core/activity.ts';
import type { DetectionSpec } from '../src/core/detection.ts';
import type { RuleObject } from '../src/core/rules.ts';
import { builtInDetectors, createEngine, type Engine } from '../src/detection/index.ts';
import { populate } from '../test/population/population.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
const activitiesMax = options.quick ? 50_000 : 300_000;

async function gather(): Promise<Activity[]> {
  const joined = new Activities({ opened: async () => null, command: async () => null });
  const found: Activity[] = [];
  for (const { event } of populate({ seed: 1, weeks: options.quick ? 4 : 8 }).events()) {
    const activity = joined.join(event);
    found.push(activity instanceof Promise ? await activity : activity);
    if (found.length >= activitiesMax) break;
  }
  return found;
}

/** Counting, distinct values against what is usual, sequences and plain selections in turn. */
function rules(count: number): RuleObject<DetectionSpec>[] {
  const shapes: readonly DetectionSpec[] = [
    { severity: 'low', select: { one: { effect: ['drop', 'truncate'], 'label.env': 'prod' } } },
    {
      severity: 'low',
      select: { one: { verdict: ['block', 'terminate'] } },
      window: '10m',
      measure: { of: 'count', min: 20 },
    },
    {
      severity: 'low',
      select: { one: { 'reads.table': '*' } },
      window: '1h',
      measure: { of: 'distinct', field: 'table', min: 20, factor: 5 },
      baseline: { against: 'both', over: '14d' },
    },
    {
      severity: 'low',
      select: { one: { kind: 'sql' } },
      window: '1h',
      measure: { of: 'sum', field: 'rows', min: 100_000 },
    },
    {
      severity: 'low',
      select: { denied: { verdict: 'block' }, large: { rows: { min: 10_000 } } },
      sequence: ['denied', 'large'],
      window: '30m',
    },
    { severity: 'low', select: { one: { text: ['*password*', '*secret*'], 'office-hours': false } } },
  ];
  return Array.from({ length: count }, (_, index) => ({ name: `rule${index}`, spec: shapes[index % shapes.length]! }));
}

const builtIn = builtInDetectors.map(
  ({ name }): RuleObject<DetectionSpec> => ({
    name,
    spec: { severity: 'medium', detector: name },
  }),
);

function measure(activities: readonly Activity[], detections: readonly RuleObject<DetectionSpec>[]): readonly string[] {
  const rates: number[] = [];
  let raised = 0;
  let engine: Engine | null = null;
  for (let round = 0; round < options.rounds; round++) {
    engine = createEngine({ detections, definitions: builtInDetectors });
    raised = 0;
    const began = process.cpuUsage();
    for (const activity of activities) raised += engine.observe(activity).length;
    const { user, system } = process.cpuUsage(began);
    rates.push(activities.length / ((user + system) / 1e6));
  }
  const rate = quantile(rates, 0.5);
  const stateKb = Buffer.byteLength(JSON.stringify(engine!.state())) / 1024;
  return [`${Math.round(rate / 1000)} k`, (1e6 / rate).toFixed(1), String(raised), `${Math.round(stateKb)} KiB`];
}

const activities = await gather();
const cases: readonly (readonly [string, readonly RuleObject<DetectionSpec>[]])[] = [
  ['nothing', []],
  ['6 rules', rules(6)],
  ['60 rules', rules(60)],
  [`${builtIn.length} built-in detectors`, builtIn],
  [`${builtIn.length} built-in detectors and 60 rules`, [...builtIn, ...rules(60)]],
];
const rows = cases.map(([label, detections]) => [label, ...measure(activities, detections)]);
await publish(
  'detection-engine',
  options,
  [
    'Weeks of a made-up company, seed 1; each round begins with nothing remembered. By processor time, the collector’s included.',
  ],
  [
    {
      title: `Detections over ${activities.length.toLocaleString('en')} activities`,
      head: ['', 'activities a second', 'µs each', 'told', 'state'],
      rows,
    },
  ],
  rows,
);
