/** `sallyport alerts …`: what detections, guardrails and the gateway raised, and what people do about it. */
import { type AlertSummaryView, alertSeverities, alertStateNames } from '../../api/contract/index.ts';
import { alertColumns, alertLines, alertRow, emptyAlertQuery, findAlert } from '../alerts.ts';
import type { CommandContext, CommandSpec, OptionSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { alertsWatchIntervalMs } from '../limits.ts';
import { toJsonLine } from '../output/structured.ts';
import { parseMoment } from '../parse.ts';
import { sleep } from '../sleep.ts';

/** Most alerts that one listing shows. */
const listedMax = 1000;
const listedDefault = 50;
const pageEntries = 200;

export const alertsLsCommand: CommandSpec = {
  name: 'alerts ls',
  group: 'Look',
  summary: 'List alerts that nobody resolved, the latest first.',
  options: [
    { flags: '--all', description: 'Those that are resolved or suppressed too.' },
    { flags: '--state <state>', description: 'Only those in this state.', choices: alertStateNames },
    { flags: '--severity <severity>', description: 'Only this severe or more.', choices: alertSeverities },
    { flags: '--detection <name>', description: 'Only of this detection, guardrail, or gateway:….' },
    { flags: '--principal <name>', description: 'Only about this principal.', complete: 'principal' },
    { flags: '--resource <name>', description: 'Only about this resource.', complete: 'resource' },
    { flags: '--session <id>', description: 'Only about this session.', complete: 'session' },
    { flags: '--assignee <name>', description: 'Only those assigned to this person.', complete: 'principal' },
    { flags: '--since <time>', description: 'Only those raised since: 7d, 2h, or a moment.' },
    { flags: '-n, --limit <count>', description: `At most so many (default ${listedDefault}).` },
    { flags: '--watch', description: 'Go on and show each as it comes, until Ctrl-C.' },
    { flags: '--once', description: 'With --watch: end after the first that comes.' },
  ],
  examples: ['sallyport alerts ls --severity high', 'sallyport alerts ls --watch'],
  async run(context) {
    if (context.options.flag('watch')) return await watch(context);
    const { io, options, output } = context;
    const wanted = options.integer('limit', { minimum: 1, maximum: listedMax }) ?? listedDefault;
    const query = queryOf(context);
    const { client } = await context.api();
    const found: AlertSummaryView[] = [];
    let cursor: string | undefined;
    do {
      const limit = Math.min(pageEntries, wanted - found.length);
      const page = await client.call('listAlerts', { query: { ...query, limit, cursor } });
      found.push(...page.alerts.slice(0, limit));
      if (page.next === cursor) break;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && found.length < wanted);
    await output.result(found, async () => {
      if (found.length === 0) return output.note('No alerts found.');
      const now = io.clock.now();
      await output.table(
        alertColumns,
        found.map((alert) => alertRow(alert, now, output.palette)),
      );
      if (cursor !== undefined) output.note(`The latest ${found.length}; --limit shows more.`);
    });
  },
};

/** What the options select. */
function queryOf({ options, io }: CommandContext) {
  const state = alertStateNames.find((known) => known === options.text('state'));
  if (state !== undefined && options.flag('all'))
    throw usage('--state and --all exclude each other.', 'Give one of them.');
  const since = options.text('since');
  return {
    ...emptyAlertQuery,
    state: state ?? (options.flag('all') ? undefined : ('active' as const)),
    severity: alertSeverities.find((known) => known === options.text('severity')),
    detection: options.text('detection') ?? undefined,
    principal: options.text('principal') ?? undefined,
    resource: options.text('resource') ?? undefined,
    session: options.text('session') ?? undefined,
    assignee: options.text('assignee') ?? undefined,
    since: since === null ? undefined : parseMoment(since, io.clock.now(), '--since'),
  };
}

/** Each alert as it comes, the oldest first; those that are there already are not shown. */
async function watch(context: CommandContext): Promise<void> {
  const { io, options, output, signal } = context;
  const api = await context.api();
  const query = { ...queryOf(context), limit: pageEntries };
  const seen = new Set<string>();
  let isFirst = true;
  if (output.format === 'table') output.note('Waiting for alerts. Ctrl-C ends.');
  for (;;) {
    const { alerts } = await api.client.call('listAlerts', { query });
    for (const { id } of isFirst ? [] : alerts.toReversed()) {
      if (seen.has(id)) continue;
      const alert = await api.client.call('getAlert', { params: { id } });
      if (output.format === 'table') {
        await output.lines([...alertLines(alert, io.clock.now(), output.palette, output.columns), '']);
      } else {
        await output.line(toJsonLine(alert));
      }
      if (options.flag('once')) return;
    }
    // What was shown may be resolved and opened again: that is no new one.
    for (const { id } of alerts) seen.add(id);
    isFirst = false;
    await sleep(alertsWatchIntervalMs, io.clock, signal);
  }
}

const named = { name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'alert' } as const;

export const alertsShowCommand: CommandSpec = {
  name: 'alerts show',
  group: 'Look',
  summary: 'Show an alert: what it rests on as the commands themselves, what was done by itself, its trail.',
  arguments: [named],
  async run(context) {
    const { io, output } = context;
    const alert = await findAlert(await context.api(), context.args[0]!);
    await output.result(alert, () => output.lines(alertLines(alert, io.clock.now(), output.palette, output.columns)));
  },
};

type Action = 'acknowledge' | 'assign' | 'comment' | 'resolve' | 'false-positive' | 'reopen';

const text: OptionSpec = { flags: '--text <text>', description: 'Why; kept in the trail.' };
const needed: OptionSpec = { ...text, required: true };

function acting(
  word: string,
  action: Action,
  summary: string,
  done: string,
  options: readonly OptionSpec[] = [text],
): CommandSpec {
  return {
    name: `alerts ${word}`,
    group: 'Look',
    summary,
    arguments: [named],
    options,
    async run(context) {
      const { args, output } = context;
      const word = args[0]!;
      if (word === 'last') throw usage('The latest alert may be another one by now.', 'Name it: sallyport alerts ls');
      const api = await context.api();
      const { id } = await findAlert(api, word);
      const to = context.options.text('to') ?? undefined;
      const body = {
        action,
        ...(to === undefined ? {} : { to }),
        ...(context.options.text('text') === null ? {} : { text: context.options.text('text')! }),
      };
      const alert = await api.client.call('handleAlert', { params: { id }, body });
      await output.result(alert, async () =>
        output.note(`✔ ${done} ${alert.id}${to === undefined ? '' : ` to ${to}`}.`),
      );
    },
  };
}

export const alertCommands: readonly CommandSpec[] = [
  alertsLsCommand,
  alertsShowCommand,
  acting('ack', 'acknowledge', 'Say that you look at it.', 'Acknowledged'),
  acting('assign', 'assign', 'Give an alert to a person who may handle alerts.', 'Assigned', [
    { flags: '--to <name>', description: 'Whom.', required: true, complete: 'principal' },
    text,
  ]),
  acting('comment', 'comment', 'Add to the trail of an alert.', 'Commented on', [needed]),
  acting('resolve', 'resolve', 'Say that it is dealt with. The next finding of its kind is a new alert.', 'Resolved'),
  acting(
    'false-positive',
    'false-positive',
    'Say that there was nothing to it. Counts against the detection.',
    'Called a false positive:',
    [needed],
  ),
  acting('reopen', 'reopen', 'Open a resolved or suppressed alert again.', 'Reopened'),
];
