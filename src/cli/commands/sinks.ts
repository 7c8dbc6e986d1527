/** `sallyport sinks …`: where events are handed on to, how far that has come, and what was refused. */
import type { DeadLetterView, SinkStandingView, SinkView } from '../../api/contract/index.ts';
import type { CommandContext, CommandSpec, OptionSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { exitCodes } from '../exit.ts';
import type { Paint } from '../output/colour.ts';
import { count, duration, groupDigits, relativeTime } from '../output/time.ts';

const pageEntries = 200;
const listedMax = 2000;

const sinkArgument = { name: '<sink>', description: 'Its name, as sinks ls shows it.', complete: 'sink' } as const;

const choiceOptions: readonly OptionSpec[] = [
  { flags: '--gateway <id>', description: 'Only those of this gateway.' },
  { flags: '--sequence <number>', description: 'Only this event; of several gateways, --gateway says whose.' },
];

export const sinksLsCommand: CommandSpec = {
  name: 'sinks ls',
  group: 'Look',
  summary: 'List the sinks, and how far each gateway has handed its events on.',
  async run(context) {
    const { io, output } = context;
    const { client } = await context.api();
    const { sinks } = await client.call('listSinks');
    await output.result(sinks, async () => {
      if (sinks.length === 0) return output.note('There is no sink. See docs/learn/sinks.md.');
      const now = io.clock.now();
      await output.table(
        [
          { title: 'SINK' },
          { title: 'TO' },
          { title: 'GATEWAY', spare: 2 },
          { title: 'STANDING' },
          { title: 'LAG' },
          { title: 'SENT', align: 'right' },
          { title: 'REFUSED', align: 'right' },
          { title: 'LAST', spare: 3 },
          { title: 'PROBLEM', widest: 60, spare: 1 },
        ],
        sinks.flatMap((sink) => rowsOf(sink, context, now)),
      );
    });
  },
};

function rowsOf(sink: SinkView, { output }: CommandContext, now: number) {
  const { palette } = output;
  const to = sink.format === null ? sink.target : `${sink.target} (${sink.format})`;
  const name = { text: sink.name, paint: palette.strong };
  if (sink.gateways.length === 0)
    return [[name, to, '', { text: 'not begun', paint: palette.faint }, '', '', '', '', '']];
  return sink.gateways.map((one) => [
    name,
    to,
    one.gateway,
    standingCell(one, palette),
    lagCell(one, palette),
    groupDigits(one.sent),
    one.deadLetters === 0 ? '0' : { text: groupDigits(one.deadLetters), paint: palette.warning },
    one.lastSentAt === null ? 'never' : relativeTime(Date.parse(one.lastSentAt), now),
    one.problem,
  ]);
}

type Paints = Pick<CommandContext['output']['palette'], 'good' | 'warning' | 'bad' | 'faint'>;

function standingCell(
  { standing }: SinkStandingView,
  paints: Paints,
): { readonly text: string; readonly paint: Paint } {
  const paint = { working: paints.good, failing: paints.bad, blocked: paints.bad, off: paints.faint }[standing];
  return { text: standing, paint };
}

/** A second or two is how often the place is noted; what waits longer is a lag. */
function lagCell({ lagEvents, lagSeconds }: SinkStandingView, paints: Paints): string | { text: string; paint: Paint } {
  if (lagSeconds === 0) return 'none';
  const text = `${count(lagEvents, 'event')}, ${duration(lagSeconds * 1000)}`;
  return { text, paint: lagSeconds >= 60 ? paints.bad : paints.warning };
}

export const sinksShowCommand: CommandSpec = {
  name: 'sinks show',
  group: 'Look',
  summary: 'Show one sink: what it stands at, at each gateway.',
  arguments: [sinkArgument],
  async run(context) {
    const { io, output, args } = context;
    const { client } = await context.api();
    const sink = await client.call('getSink', { params: { name: args[0]! } });
    await output.result(sink, async () => {
      const now = io.clock.now();
      const { palette } = output;
      await output.fields([
        ['Sink', { text: sink.name, paint: palette.strong }],
        ...(sink.description === '' ? [] : ([['About', sink.description]] as [string, string][])),
        ['To', sink.target],
        ['Format', sink.format ?? 'its own'],
        ['State', sink.enabled ? 'on' : { text: 'off', paint: palette.faint }],
      ]);
      for (const one of sink.gateways) {
        await output.line();
        await output.fields([
          ['Gateway', one.gateway],
          ['Standing', standingCell(one, palette)],
          ['Since', relativeTime(Date.parse(one.since), now)],
          ...(one.problem === '' ? [] : ([['Problem', { text: one.problem, paint: palette.bad }]] as const)),
          ['Lag', lagCell(one, palette)],
          ['Up to event', groupDigits(one.sequence)],
          ['Sent', groupDigits(one.sent)],
          ['Last sent', one.lastSentAt === null ? 'never' : relativeTime(Date.parse(one.lastSentAt), now)],
          ['Dead letters', groupDigits(one.deadLetters)],
        ]);
      }
    });
  },
};

export const sinksTestCommand: CommandSpec = {
  name: 'sinks test',
  group: 'Configure',
  summary: 'Send one marked event to a sink’s target now, and say what came of it.',
  arguments: [sinkArgument],
  async run(context) {
    const { output, args } = context;
    const { client } = await context.api();
    const name = args[0]!;
    const tested = await client.call('testSink', { params: { name } });
    await output.result(tested, async () => {
      if (tested.taken) {
        output.note(`✔ ${name} took the test: event ${groupDigits(tested.sequence)}, sink.changed, standing tested.`);
      } else {
        output.note(`${output.palette.bad('✘')} ${name} did not take the test: ${tested.problem}.`);
      }
    });
    return tested.taken ? exitCodes.ok : exitCodes.no;
  },
};

export const sinksDeadLettersCommand: CommandSpec = {
  name: 'sinks dead-letters',
  group: 'Look',
  summary: 'List the events that a sink’s target refused for good, and why.',
  arguments: [sinkArgument],
  options: [choiceOptions[0]!],
  async run(context) {
    const { io, options, output, args } = context;
    const { client } = await context.api();
    const gateway = options.text('gateway') ?? undefined;
    const found: DeadLetterView[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.call('listDeadLetters', {
        params: { name: args[0]! },
        query: { limit: pageEntries, cursor, gateway },
      });
      found.push(...page.deadLetters);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && found.length < listedMax);
    await output.result(found, async () => {
      if (found.length === 0) return output.note('Nothing was refused.');
      const now = io.clock.now();
      await output.table(
        [
          { title: 'EVENT', align: 'right' },
          { title: 'GATEWAY', spare: 2 },
          { title: 'TYPE' },
          { title: 'HAPPENED' },
          { title: 'REFUSED' },
          { title: 'WHY', widest: 80, spare: 1 },
        ],
        found.map((letter) => [
          groupDigits(letter.sequence),
          letter.gateway,
          letter.type,
          relativeTime(Date.parse(letter.eventAt), now),
          letter.wanted
            ? { text: 'is sent again', paint: output.palette.warning }
            : relativeTime(Date.parse(letter.at), now),
          letter.why,
        ]),
      );
    });
  },
};

export const sinksResendCommand: CommandSpec = {
  name: 'sinks resend',
  group: 'Configure',
  summary: 'Have what was refused sent again: all, one gateway’s, or one event.',
  arguments: [sinkArgument],
  options: choiceOptions,
  async run(context) {
    const { output, args } = context;
    const { client } = await context.api();
    const { wanted, left } = await client.call('resendDeadLetters', {
      params: { name: args[0]! },
      body: choiceOf(context),
    });
    await output.result({ wanted, left }, async () => {
      if (wanted === 0) return output.note('Nothing was refused.');
      output.note(`✔ ${count(wanted, 'event')} sent again.`);
      if (left > 0) {
        output.note(
          `${output.palette.warning('!')} ${groupDigits(left)} of them wait, or were refused again: sinks dead-letters`,
        );
      }
    });
  },
};

export const sinksDiscardCommand: CommandSpec = {
  name: 'sinks discard',
  group: 'Configure',
  summary: 'Give up what was refused: all, one gateway’s, or one event. It stays in the journal.',
  arguments: [sinkArgument],
  options: [...choiceOptions, { flags: '--all', description: 'All of them.' }],
  async run(context) {
    const { options, output, args } = context;
    const body = choiceOf(context);
    if (Object.keys(body).length === 0 && !options.flag('all')) {
      throw usage('This would give up everything that was refused.', 'Say --sequence, --gateway, or --all.');
    }
    const { client } = await context.api();
    let discarded = 0;
    for (;;) {
      const answer = await client.call('discardDeadLetters', { params: { name: args[0]! }, body });
      discarded += answer.discarded;
      if (answer.discarded === 0 || body.sequence !== undefined) break;
    }
    await output.result({ discarded }, async () => output.note(`✔ ${count(discarded, 'event')} given up.`));
  },
};

function choiceOf({ options }: CommandContext): { readonly gateway?: string; readonly sequence?: number } {
  const gateway = options.text('gateway');
  const sequence = options.integer('sequence', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
  return { ...(gateway === null ? {} : { gateway }), ...(sequence === null ? {} : { sequence }) };
}
