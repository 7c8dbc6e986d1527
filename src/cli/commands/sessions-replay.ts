/**
 * `sallyport sessions replay|tail`: what happened in a session, afterwards or while it happens: as a transcript, or on a
 * terminal as the terminal that it was.
 */
import type { RecordedEntryView, SessionView } from '../../api/contract/index.ts';
import type { Api } from '../api.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { cliError } from '../errors.ts';
import {
  endLookIntervalMs,
  endLooksMax,
  replayPauseMsMax,
  replayRowsDefault,
  replayRowsMax,
  sniffedEntriesMax,
} from '../limits.ts';
import { toJsonLine } from '../output/structured.ts';
import { paced } from '../replay/play.ts';
import { playTerminal } from '../replay/player.ts';
import { Interleaved, maskedOf } from '../replay/rules.ts';
import { beginning, type Start, startOf } from '../replay/start.ts';
import { Transcript } from '../replay/transcript.ts';
import { findSession, sessionEvents, whoText } from '../sessions.ts';
import { sleep } from '../sleep.ts';

const shared = [
  { flags: '--rows <count>', description: `Rows shown of each result (default ${replayRowsDefault}).` },
  { flags: '--no-rows', description: 'Show no results, only what was asked and how it ended.' },
  { flags: '--raw', description: 'The entries as recorded, one JSON value a line.' },
] as const;

export const sessionsReplayCommand: CommandSpec = {
  name: 'sessions replay',
  group: 'Look',
  summary: 'Replay a session: a terminal as it was, anything else as a transcript. Reading is itself recorded.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' }],
  options: [
    {
      flags: '--speed <factor>',
      description: 'Keep the pauses: 1 as it was, 10 ten times as fast. A terminal is played at 1 unless given.',
    },
    {
      flags: '--idle <seconds>',
      description: `Longest pause of a terminal that is kept (default ${replayPauseMsMax / 1000}).`,
    },
    { flags: '--command <number>', description: 'Which terminal to play, by the number of its command.' },
    { flags: '--at <place>', description: 'Begin at a command, by its number, or at a moment: what search found.' },
    { flags: '--transcript', description: 'The transcript, also of terminals and on a terminal.' },
    ...shared,
  ],
  examples: [
    'sallyport sessions replay last',
    'sallyport sessions replay last --speed 4 --idle 1',
    'sallyport sessions replay last --transcript',
    'sallyport sessions replay last --at 7',
  ],
  async run(context) {
    const speed = context.options.positive('speed');
    const start = startOf(context.options.text('at'));
    const api = await context.api();
    const session = await findSession(api, context.args[0]!);
    const quit = new AbortController();
    const signal = AbortSignal.any([context.signal, quit.signal]);
    const entries = api.client.stream('readRecording', { params: { id: session.id } }, { signal });
    const shown = (all: AsyncIterable<RecordedEntryView>): Promise<void> => {
      const begun = start === null ? all : beginning(all, start, session);
      return show(context, api, session, paced(begun, speed, context.io.clock, context.signal), false, start);
    };
    if (!isPlayed(context)) return await shown(entries);
    const { hasTerminal, all } = await sniffed(entries);
    if (hasTerminal) return await play(context, session, all, quit, speed ?? 1, start);
    await shown(all);
  },
};

export const sessionsTailCommand: CommandSpec = {
  name: 'sessions tail',
  group: 'Look',
  summary: 'Watch a live session until it ends. Reading is itself recorded.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' }],
  options: shared,
  async run(context) {
    const api = await context.api();
    const session = await findSession(api, context.args[0]!);
    if (!session.live) {
      throw cliError('cli.no', {
        what: `The session ${session.id} has already ended.`,
        todo: `Replay it: sallyport sessions replay ${session.id}`,
      });
    }
    await show(context, api, session, api.client.stream('tailSession', { params: { id: session.id } }), true);
  },
};

/** Whether a terminal would be played as one: only to a person at a terminal, who did not ask for a text. */
function isPlayed({ io, options, output }: CommandContext): boolean {
  if (options.text('command') !== null) return true;
  return io.stdout.isTTY === true && output.format === 'table' && !options.flag('raw') && !options.flag('transcript');
}

/** Whether a terminal comes within the first entries, and the entries with these in front again. */
async function sniffed(
  entries: AsyncIterable<RecordedEntryView>,
): Promise<{ readonly hasTerminal: boolean; readonly all: AsyncIterable<RecordedEntryView> }> {
  const iterator = entries[Symbol.asyncIterator]();
  const first: RecordedEntryView[] = [];
  let hasTerminal = false;
  while (!hasTerminal && first.length < sniffedEntriesMax) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    first.push(value);
    hasTerminal = value.type === 'terminal';
  }
  async function* again(): AsyncGenerator<RecordedEntryView, void, undefined> {
    yield* first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { hasTerminal, all: again() };
}

async function play(
  context: CommandContext,
  session: SessionView,
  entries: AsyncIterable<RecordedEntryView>,
  quit: AbortController,
  speed: number,
  start: Start | null,
): Promise<void> {
  const { io, options, output } = context;
  const idleSeconds = options.positive('idle') ?? replayPauseMsMax / 1000;
  output.note(
    `${session.id}: ${whoText(session.principal)} on ${session.resource}. Space stops and goes on, + and - change the speed, q ends it.`,
  );
  const played = await playTerminal(entries, {
    output,
    stdin: io.stdin,
    stdout: io.stdout,
    clock: io.clock,
    signal: context.signal,
    quit,
    command: options.integer('command', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    pace: { speed, idleMs: idleSeconds * 1000 },
    start,
  });
  if (played.command === null && !played.isQuit) {
    throw cliError('cli.no', {
      what: `The command #${options.text('command')} of ${session.id} has no terminal.`,
      todo: `See its commands: sallyport sessions replay ${session.id} --transcript`,
    });
  }
  if (played.others.length > 0 && !played.isQuit) {
    output.note(`Other terminals in this session: ${played.others.map((one) => `#${one}`).join(', ')}; see --command.`);
  }
}

async function show(
  context: CommandContext,
  api: Api,
  session: SessionView,
  entries: AsyncIterable<RecordedEntryView>,
  isLive: boolean,
  start: Start | null = null,
): Promise<void> {
  const { options, output } = context;
  if (options.flag('raw') || output.format === 'json') {
    for await (const entry of entries) await output.line(toJsonLine(entry));
    return;
  }
  const isWithout = options.isRefused('rows');
  const rows = isWithout ? 0 : (options.integer('rows', { minimum: 1, maximum: replayRowsMax }) ?? replayRowsDefault);
  // What the rules do while a session is watched comes to its reader as the messages that are recorded of it.
  const events = isLive ? [] : await sessionEvents(api, session.id);
  const between = new Interleaved(events);
  const { palette, columns } = output;
  // A terminal is read whole unless an amount was asked for.
  const screenLinesMax = isWithout || options.text('rows') !== null ? rows : Number.POSITIVE_INFINITY;
  const transcript = new Transcript(session, {
    palette,
    columns,
    rowsMax: rows,
    screenLinesMax,
    masked: maskedOf(events),
  });
  await output.lines(transcript.head());
  let isEmpty = true;
  for await (const entry of entries) {
    for (const event of between.before(entry)) {
      // What the rules did before the place where it begins belongs to what is not shown.
      if (!isEmpty || start === null || event.command === entry.command) await output.lines(transcript.rule(event));
    }
    isEmpty = false;
    await output.lines(transcript.add(entry));
  }
  for (const event of between.rest()) await output.lines(transcript.rule(event));
  if (isEmpty) await output.line(palette.faint('nothing was recorded'));
  const after = session.live ? await lookAgain(context, api, session, isLive) : session;
  await output.lines(transcript.foot(after));
}

/** The session as it is now. Where its stream has ended, its end is about to be written and worth a short wait. */
async function lookAgain(
  context: CommandContext,
  api: Api,
  session: SessionView,
  isEnding: boolean,
): Promise<SessionView> {
  for (let look = 0; ; look++) {
    const now = await api.client.call('getSession', { params: { id: session.id } });
    if (!now.live || !isEnding || look === endLooksMax) return now;
    await sleep(endLookIntervalMs, context.io.clock, context.signal);
  }
}
