/**
 * How good the built-in detections are: precision, recall and delay of each at its defaults, over weeks of a made-up company
 * with labelled incidents (test/population).
 *
 *     node bench/detections.ts [--seed N] [--weeks N] [--repeats N] [--quick] [--show DETECTION]
 *
 * Defaults were chosen on other seeds (1 to 5) than the one that is reported (2026), and none was changed after looking at that
 * one. An alert is right where its evidence has an event of an incident, of whatever kind; an incident counts as found by a detector
 * made for its kind. The weeks in which detectors learn are not counted. `--show` prints the alerts of one detection that are wrong,
 * and the incidents that it missed (several with commas). Never fails.
 */
import { parseArgs } from 'node:util';
import { Activities, type Activity } from '../src/core/activity.ts';
import { builtInDetectors, createEngine } from '../src/detection/index.ts';
import type { Incident } from '../test/population/deeds.ts';
import { populate } from '../test/population/population.ts';
import { publish, quantile, type Table } from './output.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '2026' },
    weeks: { type: 'string' },
    repeats: { type: 'string' },
    quick: { type: 'boolean', default: false },
    show: { type: 'string' },
  },
});
const weeks = Number(values.weeks ?? (values.quick ? 6 : 10));
const repeats = Number(values.repeats ?? (values.quick ? 1 : 4));
const reportedSeed = 2026;
const seed = Number(values.seed);

interface Seen {
  readonly detection: string;
  readonly summary: string;
  readonly atMs: number;
  /** Incidents in its evidence, and when each first was. */
  readonly incidents: Map<string, number>;
}

const population = populate({ seed, weeks, repeats });
const engine = createEngine({
  detections: builtInDetectors.map(({ name }) => ({ name, spec: { severity: 'medium', detector: name } })),
  definitions: builtInDetectors,
  onFailure: (name, error) => console.error(name, error),
});
const activities = new Activities({ opened: async () => null, command: async () => null });
/** By sequence: which incident an event is part of; when each began and ended. */
const labels = new Map<number, string>();
const spans = new Map<string, { beginMs: number; endMs: number }>();
const alerts = new Map<string, Seen>();
let events = 0;
let spentMicroseconds = 0;

/** Activities that are given to the engine together, so that its own time is told from that of making them. */
const portion: Activity[] = [];

for (const { event, incident } of population.events()) {
  events += 1;
  if (incident !== null) {
    labels.set(event.seq, incident);
    const span = spans.get(incident);
    if (span === undefined) spans.set(incident, { beginMs: event.at, endMs: event.at });
    else span.endMs = event.at;
  }
  const joined = activities.join(event);
  portion.push(joined instanceof Promise ? await joined : joined);
  if (portion.length >= 20_000) take();
}
take();

function take(): void {
  const begin = process.cpuUsage();
  const raised = portion.flatMap((activity) => engine.observe(activity));
  const { user, system } = process.cpuUsage(begin);
  spentMicroseconds += user + system;
  portion.length = 0;
  for (const { alert } of raised) {
    let seen = alerts.get(alert.id);
    if (seen === undefined) {
      seen = { detection: alert.detection, summary: alert.summary, atMs: alert.atMs, incidents: new Map() };
      alerts.set(alert.id, seen);
    }
    for (const sequence of [...alert.evidence, alert.sequence]) {
      const label = labels.get(sequence);
      if (label !== undefined && !seen.incidents.has(label)) seen.incidents.set(label, alert.atMs);
    }
  }
}

const measuredDays = (population.endMs - population.measuredFromMs) / 86_400_000;
const counted = [...alerts.values()].filter(({ atMs }) => atMs >= population.measuredFromMs);
const happened = population.incidents.filter(({ id }) => spans.has(id));
const perDay = (count: number): number => (count / measuredDays / population.principals) * 100;

/** When a detection (or any) first told of an incident after its begin; null where it did not. */
function delayMs(incident: Incident, detection: string | null): number | null {
  const times = counted
    .filter((seen) => detection === null || seen.detection === detection)
    .flatMap(({ incidents }) => incidents.get(incident.id) ?? []);
  return times.length === 0 ? null : Math.max(0, Math.min(...times) - spans.get(incident.id)!.beginMs);
}

function incidentOf(id: string): Incident {
  return happened.find((one) => one.id === id)!;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((part / whole) * 100).toFixed(0)} %`;
}

function duration(ms: number): string {
  if (Number.isNaN(ms)) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(0)} s`;
  if (ms < 7_200_000) return `${(ms / 60_000).toFixed(0)} min`;
  return ms < 172_800_000 ? `${(ms / 3_600_000).toFixed(0)} h` : `${(ms / 86_400_000).toFixed(1)} d`;
}

function rowOf(name: string): string[] {
  const own = counted.filter(({ detection }) => detection === name);
  const right = own.filter(({ incidents }) => incidents.size > 0).length;
  const made = happened.filter(({ expects }) => expects.includes(name));
  const delays = made.flatMap((incident) => delayMs(incident, name) ?? []);
  return [
    name,
    String(own.length),
    percent(right, own.length),
    `${delays.length} of ${made.length}`,
    percent(delays.length, made.length),
    duration(quantile(delays, 0.5)),
    duration(delays.length === 0 ? Number.NaN : Math.max(...delays)),
    perDay(own.length - right).toFixed(3),
  ];
}

const byDetector: Table = {
  title: 'By detector',
  head: [
    '',
    'alerts',
    'precision',
    'found',
    'recall',
    'delay, median',
    'delay, worst',
    'false alerts a day and 100 principals',
  ],
  rows: builtInDetectors.map(({ name }) => rowOf(name)),
};
const variants = [...new Set(happened.map(({ kind, variant }) => `${kind}, ${variant}`))];
const byVariant: Table = {
  title: 'By kind of incident',
  head: ['', 'found by its detector', 'found by any'],
  rows: variants.map((label) => {
    const of = happened.filter(({ kind, variant }) => `${kind}, ${variant}` === label);
    const own = of.filter((one) => one.expects.some((name) => delayMs(one, name) !== null)).length;
    const any = of.filter((one) => delayMs(one, null) !== null).length;
    return [label, `${own} of ${of.length}`, `${any} of ${of.length}`];
  }),
};
const right = counted.filter(({ incidents }) => incidents.size > 0).length;
const found = happened.filter((incident) => delayMs(incident, null) !== null).length;
const notes = [
  `Seed ${seed}, ${weeks} weeks of ${population.principals} principals, ${events.toLocaleString('en')} events; ${happened.length} incidents in the last ${weeks - 3} weeks.`,
  seed === reportedSeed
    ? 'Defaults were chosen on seeds 1 to 5; no default was changed after looking at this one.'
    : 'A seed for tuning: figures to report come from seed 2026.',
  `All detectors together: ${counted.length} alerts, ${percent(right, counted.length)} of them right; ${found} of ${happened.length} incidents found by any; ` +
    `${perDay(counted.length).toFixed(2)} alerts a day and 100 principals, ${perDay(counted.length - right).toFixed(2)} of them false; ` +
    `${(spentMicroseconds / events).toFixed(1)} µs of CPU an event.`,
  'A delay is from the first event of the incident: a download is told at the end of its command, and began when its session was opened.',
  'Incidents are far more common here than anywhere, so that there are enough of each kind: precision says little, false alerts a day and recall say more.',
];

for (const name of values.show?.split(',') ?? []) {
  for (const { atMs, summary } of counted.filter((one) => one.detection === name && one.incidents.size === 0)) {
    console.log('wrong ', new Date(atMs).toISOString().slice(0, 16), name, summary);
  }
  for (const incident of happened.filter(
    ({ id, expects }) => expects.includes(name) && delayMs(incidentOf(id), name) === null,
  )) {
    console.log(
      'missed',
      new Date(spans.get(incident.id)!.beginMs).toISOString().slice(0, 16),
      JSON.stringify(incident),
    );
  }
}
if (seed === reportedSeed) {
  await publish('detections', { quick: values.quick, rounds: 1 }, notes, [byDetector, byVariant], {
    seed,
    weeks,
    repeats,
  });
} else {
  for (const line of notes) console.log(line);
  for (const { rows } of [byDetector, byVariant])
    for (const row of rows)
      console.log(
        row.map((cell, index) => (index === 0 ? String(cell).padEnd(30) : String(cell).padStart(11))).join(''),
      );
}
