/**
 * `sallyport detection replay`: the alerts that detections would have raised over what was journaled.
 *
 * Deliberately absent: finding anything here. The gateway's own engine does, as over the live journal.
 */
import type { DetectionReplayEntry } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { replayedAlertsMax } from '../limits.ts';
import { placed, readSources } from '../manifests.ts';
import type { Palette } from '../output/colour.ts';
import { startSpinner } from '../output/progress.ts';
import type { Cell } from '../output/table.ts';
import { count, groupDigits } from '../output/time.ts';
import { parseMoment } from '../parse.ts';
import { files } from './detection.ts';

type Found = Extract<DetectionReplayEntry, { type: 'alert' }>;
type Summary = Extract<DetectionReplayEntry, { type: 'summary' }>;

export const detectionReplayCommand: CommandSpec = {
  name: 'detection replay',
  group: 'Configure',
  summary: 'Run detections over what was journaled, and show the alerts that they would have raised.',
  options: [
    files,
    { flags: '--name <name>', description: 'Only this Detection. May be repeated.', repeat: true },
    { flags: '--since <time>', description: 'From when: a moment, or 12h, 90d ago.', required: true },
    { flags: '--until <time>', description: 'Until when; now when left out.' },
    { flags: '--all', description: `Show every alert, not only the latest ${replayedAlertsMax}.` },
  ],
  examples: [
    'sallyport detection replay --since 90d -f bulk.yaml',
    'sallyport detection replay --since 30d --name unusual-volume',
  ],
  async run(context) {
    const { io, options, output } = context;
    const paths = options.list('file');
    const names = options.list('name');
    const now = io.clock.now();
    const since = parseMoment(options.text('since')!, now, '--since');
    const until = options.text('until');
    const sources = paths.length === 0 ? [] : await readSources(paths, io);
    const { client } = await context.api();
    const entries = client.stream('replayDetections', {
      body: {
        ...(sources.length === 0 ? {} : { documents: sources.map((source) => source.value) }),
        ...(names.length === 0 ? {} : { names: [...names] }),
        since,
        ...(until === null ? {} : { until: parseMoment(until, now, '--until') }),
      },
    });
    const spinner = startSpinner(output, io.clock, 'Replaying');
    const found: Found[] = [];
    let summary: Summary | null = null;
    try {
      for await (const entry of entries) {
        if (entry.type === 'progress') spinner.update(entry.events, entry.of);
        else if (entry.type === 'alert') found.push(entry);
        else summary = entry;
      }
    } catch (error) {
      throw placed(error, sources);
    } finally {
      spinner.stop();
    }
    await output.result({ summary, byDetection: tallied(found), alerts: found }, () =>
      showReplay(context, found, summary),
    );
  },
};

async function showReplay(
  { options, output }: CommandContext,
  found: readonly Found[],
  summary: Summary | null,
): Promise<void> {
  const { palette } = output;
  if (summary === null) {
    await output.line(palette.warning('The replay broke off before its summary.'));
    return;
  }
  await output.lines(summaryLines(summary, palette));
  if (found.length === 0) return;
  await output.line();
  await output.table(
    [
      { title: 'DETECTION' },
      { title: 'SEVERITY' },
      { title: 'ALERTS', align: 'right' },
      { title: 'SUPPRESSED', align: 'right' },
      { title: 'A DAY', align: 'right' },
      { title: 'PRINCIPALS', align: 'right' },
    ],
    tallied(found).map((one): readonly Cell[] => [
      { text: one.detection, paint: palette.strong },
      one.severity,
      groupDigits(one.alerts),
      groupDigits(one.suppressed),
      perDay(one.alerts, summary),
      groupDigits(one.principals),
    ]),
  );
  const shown = options.flag('all') ? found : found.slice(-replayedAlertsMax);
  await output.line();
  await output.table(
    [
      { title: 'WHEN', spare: 1 },
      { title: 'DETECTION', widest: 32 },
      { title: 'WHO', widest: 24, spare: 2 },
      { title: 'WHERE', widest: 24, spare: 3 },
      { title: 'SESSION', spare: 4 },
      { title: '#', align: 'right' },
      { title: 'WHAT', widest: 90 },
    ],
    shown.map((one): readonly Cell[] => [
      one.at.replace('T', ' ').replace(/\.\d+Z$/, ''),
      one.suppressed === null ? one.detection : { text: `${one.detection} (suppressed)`, paint: palette.faint },
      one.principal ?? '-',
      one.resource ?? '-',
      one.session ?? '-',
      one.command === null ? '' : String(one.command),
      one.summary,
    ]),
  );
  const left = found.length - shown.length;
  if (left > 0) output.note(`${count(left, 'earlier alert')}; --all shows them.`);
}

function summaryLines(summary: Summary, palette: Palette): string[] {
  const { events, alerts, suppressed, withoutFacts, failed, since, until, truncated } = summary;
  const told = alerts === 0 ? palette.good('no alert') : palette.warning(count(alerts, 'alert'));
  const quiet = suppressed === 0 ? '' : `, and ${groupDigits(suppressed)} suppressed`;
  return [
    `${palette.strong(count(events, 'event'))} from ${escapeLine(since)} to ${escapeLine(until)}: ${told}${quiet}.`,
    ...(withoutFacts === 0
      ? []
      : [
          palette.faint(
            `${count(withoutFacts, 'command')} from before the journal said what commands touch: fields of that find nothing there.`,
          ),
        ]),
    ...failed.map((name) => palette.bad(escapeLine(`The detection ${name} failed and was left out from then on.`))),
    ...(truncated ? [palette.warning('There are more alerts than were told of: ask for less time.')] : []),
  ];
}

interface Counted {
  readonly detection: string;
  readonly severity: string;
  alerts: number;
  suppressed: number;
  principals: number;
}

function tallied(found: readonly Found[]): readonly Counted[] {
  const counts = new Map<string, Counted>();
  const people = new Map<string, Set<string>>();
  for (const { detection, severity, suppressed, principal } of found) {
    const known = counts.get(detection) ?? { detection, severity, alerts: 0, suppressed: 0, principals: 0 };
    counts.set(detection, known);
    if (suppressed === null) known.alerts++;
    else known.suppressed++;
    const names = people.get(detection) ?? new Set();
    people.set(detection, names);
    if (principal !== null) names.add(principal);
    known.principals = names.size;
  }
  return [...counts.values()].sort((a, b) => b.alerts - a.alerts || (a.detection < b.detection ? -1 : 1));
}

function perDay(alerts: number, { since, until }: Summary): string {
  const days = Math.max(1, (Date.parse(until) - Date.parse(since)) / 86_400_000);
  const rate = alerts / days;
  return rate === 0 || rate >= 10 ? String(Math.round(rate)) : rate.toFixed(rate >= 1 ? 1 : 2);
}
